// The committed docs are what the tables say.
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "protocol/wire/tables_markdown.h"

namespace isthmus::wire {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(DocsTest, PdusAreThoseOfTheTables) {
  EXPECT_TRUE(ReadFile("docs/pdus.md") == PdusMarkdown())
      << "run: bazel run //protocol/wire:dump_tables -- pdus > docs/pdus.md";
}

TEST(DocsTest, ErrorsAreThoseOfTheTable) {
  EXPECT_TRUE(ReadFile("docs/errors.md") == ErrorsMarkdown())
      << "run: bazel run //protocol/wire:dump_tables -- errors > docs/errors.md";
}

}  // namespace
}  // namespace isthmus::wire
