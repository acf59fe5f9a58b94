#include "protocol/text/names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace isthmus::text {
namespace {

TEST(NameTest, NamesOfTheRfc) {
  for (const char* name :
       {"iqn.2001-04.com.example:storage:diskarrays-sn-a8675309", "iqn.2001-04.com.example",
        "iqn.2001-04.com.example:storage.tape1.sys1.xyz",
        "iqn.1993-11.com.disk-vendor:diskarrays.sn.45678", "eui.020000023B040506",
        "eui.02004567A425678D", "naa.52004567BA64678D", "naa.62004567BA64678D0123456789ABCDEF",
        "eui.02004567a425678d", "naa.52004567bA64678f", "iqn.1999-07.com.os:hostid.77",
        "iqn.1993-08.org.debian:01:8a2c", "iqn.2001-04.com.example:\xc3\xa4",
        "iqn.2001-04.com.example:\xf0\xa0\x80\x80"}) {
    EXPECT_EQ(CheckIscsiName(name), NameCheck::kOk) << name;
  }
}

TEST(NameTest, BadNames) {  // T12
  const std::pair<std::string, NameCheck> kNames[] = {
      {"", NameCheck::kEmpty},
      {"disk", NameCheck::kUnknownType},
      {"eui.02004567a425678g", NameCheck::kMalformed},
      {"eui.02004567a425678G", NameCheck::kMalformed},
      {"eui.02004567a425678:", NameCheck::kMalformed},
      {"iqn", NameCheck::kUnknownType},
      {"IQN.2001-04.com.example", NameCheck::kUnknownType},
      {"foo.2001-04.com.example", NameCheck::kUnknownType},
      {"iqn.", NameCheck::kMalformed},
      {"iqn.2001-04.", NameCheck::kMalformed},
      {"iqn.2001-04", NameCheck::kMalformed},
      {"iqn.2001-13.com.example", NameCheck::kMalformed},
      {"iqn.2001-00.com.example", NameCheck::kMalformed},
      {"iqn.01-04.com.example", NameCheck::kMalformed},
      {"iqn.2001.04.com.example", NameCheck::kMalformed},
      {"iqn.2001-04.:disk", NameCheck::kMalformed},
      {"iqn.2001-04..com", NameCheck::kMalformed},
      {"iqn.2001-04.com.", NameCheck::kMalformed},
      {"iqn.2001-04.com..example", NameCheck::kMalformed},
      {"iqn.2001-04.com.Example", NameCheck::kNotNormalized},
      {"iqn.2001-04.com.example:a b", NameCheck::kBadCharacter},
      {"iqn.2001-04.com.example:a_b", NameCheck::kBadCharacter},
      {"iqn.2001-04.com.example:%s%n", NameCheck::kBadCharacter},
      {"iqn.2001-04.com.example:a\tb", NameCheck::kBadCharacter},
      {"iqn.2001-04.com.example:\xff", NameCheck::kBadCharacter},
      {"iqn.2001-04.com.example:\xc2\xa0", NameCheck::kBadCharacter},      // no-break space
      {"iqn.2001-04.com.example:\xe2\x80\xae", NameCheck::kBadCharacter},  // right-to-left override
      {"iqn.2001-04.com.example:\xe3\x80\x82", NameCheck::kBadCharacter},  // ideographic full stop
      {"eui.", NameCheck::kMalformed},
      {"eui.020000023B04050", NameCheck::kMalformed},
      {"eui.020000023B0405060", NameCheck::kMalformed},
      {"eui.020000023B04050g", NameCheck::kMalformed},
      {"naa.5200", NameCheck::kMalformed},
      {"naa.62004567BA64678D0123456789ABCDE", NameCheck::kMalformed},
      {"iqn.2001-04.com.example:" + std::string(200, 'a'), NameCheck::kTooLong},
  };
  for (const auto& [name, check] : kNames) {
    EXPECT_EQ(CheckIscsiName(name), check) << name;
    EXPECT_FALSE(Describe(check).empty());
  }
}

TEST(NameTest, LengthLimit) {
  const std::string prefix = "iqn.2001-04.com.example:";
  EXPECT_TRUE(IsIscsiName(prefix + std::string(223 - prefix.size(), 'a')));
  EXPECT_EQ(CheckIscsiName(prefix + std::string(224 - prefix.size(), 'a')), NameCheck::kTooLong);
}

std::string Normal(std::string_view name) {
  std::string out(name.size(), '?');
  out.resize(NormalizeIscsiName(name, out));
  return out;
}

TEST(NameTest, Normalization) {
  EXPECT_EQ(Normal("IQN.2001-04.com.Example:Disk"), "iqn.2001-04.com.example:disk");
  EXPECT_EQ(Normal("EUI.020000023B040506"), "eui.020000023B040506");
  EXPECT_EQ(Normal("Naa.52004567BA64678D"), "naa.52004567BA64678D");
  EXPECT_EQ(Normal("Iq"), "iq");
  EXPECT_EQ(Normal(""), "");
}

std::string Escaped(std::string_view value, size_t room = 64) {
  std::vector<char> out(room + 4, '#');
  const size_t size = EscapeForLog(value, std::span(out).first(room));
  EXPECT_LE(size, room);
  for (size_t i = room; i < out.size(); ++i) EXPECT_EQ(out[i], '#');
  return {out.data(), size};
}

TEST(EscapeTest, ShowsForeignTextSafely) {
  EXPECT_EQ(Escaped("iqn.2001-04.com.example"), "iqn.2001-04.com.example");
  EXPECT_EQ(Escaped("a\nb\x1b[31m\x7f\xff\\"), "a\\x0ab\\x1b[31m\\x7f\\xff\\\\");
  EXPECT_EQ(Escaped("%s%n"), "%s%n");
  EXPECT_EQ(Escaped(std::string_view("\0", 1)), "\\x00");
}

TEST(EscapeTest, CutsAtAWholeEscape) {
  EXPECT_EQ(Escaped("abcdef", 6), "abcdef");
  EXPECT_EQ(Escaped("abcdefg", 6), "abc...");
  EXPECT_EQ(Escaped("ab\x01\x02", 8), "ab...");
  EXPECT_EQ(Escaped("ab\x01\x02", 9), "ab\\x01...");
  EXPECT_EQ(Escaped("abc", 2), "..");
  EXPECT_EQ(Escaped("abc", 0), "");
  EXPECT_EQ(Escaped("", 0), "");
}

}  // namespace
}  // namespace isthmus::text
