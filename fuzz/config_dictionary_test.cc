// The committed file is what the tables give now.

#include "fuzz/config_dictionary.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace isthmus::fuzz {
namespace {

TEST(ConfigDictionaryTest, IsCurrent) {
  std::ifstream file("fuzz/config.dict", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string committed{std::istreambuf_iterator<char>(file),
                              std::istreambuf_iterator<char>()};
  EXPECT_EQ(committed, ConfigDictionary());
  EXPECT_NE(committed.find("MaxBurstLength"), std::string::npos);
  EXPECT_NE(committed.find("portal_groups"), std::string::npos);
}

}  // namespace
}  // namespace isthmus::fuzz
