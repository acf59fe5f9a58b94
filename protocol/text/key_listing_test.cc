// The committed files are what the table gives now.

#include "protocol/text/key_listing.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace isthmus::text {
namespace {

std::string Committed(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(KeyListingTest, DocumentIsCurrent) { EXPECT_EQ(Committed("docs/keys.md"), KeysMarkdown()); }

TEST(KeyListingTest, DictionaryIsCurrent) {
  EXPECT_EQ(Committed("fuzz/text.dict"), KeysDictionary());
}

TEST(KeyListingTest, Rows) {
  const std::string text = KeysMarkdown();
  EXPECT_NE(text.find("| `MaxBurstLength` | 13.13 | Minimum | 512 to 16777215 | 262144 | LO | LO | "
                      "SW | SessionType=Discovery | – |\n"),
            std::string::npos);
  EXPECT_NE(text.find("| `HeaderDigest` | 13.1 | first of the list | list of None, CRC32C | None | "
                      "IO | IO | CO | – | – |\n"),
            std::string::npos);
}

}  // namespace
}  // namespace isthmus::text
