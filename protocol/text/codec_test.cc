#include "protocol/text/codec.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "protocol/text/text_testing.h"

namespace isthmus::text {
namespace {

// All pairs as "key:value;", or the error's name.
std::string Read(std::string_view text) {
  const std::vector<std::byte> bytes = Bytes(text);
  PairReader pairs(bytes);
  std::string shown;
  for (Pair pair; pairs.Next(&pair);) {
    shown += std::string(pair.key) + ":" + std::string(pair.value) + ";";
  }
  if (pairs.error() != ErrorCode::kOk) {
    return std::string(Name(pairs.error())) + "@" + std::to_string(pairs.offset());
  }
  return shown;
}

TEST(PairReaderTest, WellFormed) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("A=b|"), "A:b;");
  EXPECT_EQ(Read("HeaderDigest=CRC32C,None|DataDigest=None|"),
            "HeaderDigest:CRC32C,None;DataDigest:None;");
  EXPECT_EQ(Read("SendTargets=|"), "SendTargets:;");
  EXPECT_EQ(Read("CHAP_C=0bAA==|"), "CHAP_C:0bAA==;");  // a value is all that follows the first "="
  EXPECT_EQ(Read("X#NodeArchitecture=ExampleOS/v1234|"), "X#NodeArchitecture:ExampleOS/v1234;");
  EXPECT_EQ(Read("|||A=b|||C=d||"), "A:b;C:d;");
  EXPECT_EQ(Read("TargetAlias=\xc3\xa4 \xff|"), "TargetAlias:\xc3\xa4 \xff;");
}

TEST(PairReaderTest, Malformed) {  // T1, T4, T5
  EXPECT_EQ(Read("A|"), "TextEqualsMissing@0");
  EXPECT_EQ(Read("A=b|C|"), "TextEqualsMissing@4");
  EXPECT_EQ(Read("=b|"), "TextKeyEmpty@0");
  EXPECT_EQ(Read("="), "TextKeyEmpty@0");
  EXPECT_EQ(Read("A=b"), "TextUnterminated@0");
  EXPECT_EQ(Read("A=b|C="), "TextUnterminated@4");
  EXPECT_EQ(Read("A"), "TextEqualsMissing@0");
  EXPECT_EQ(Read("A b=c|"), "TextKeyCharacter@0");
  EXPECT_EQ(Read("A%n=c|"), "TextKeyCharacter@0");
  EXPECT_EQ(Read("\xc3\xa4=c|"), "TextKeyCharacter@0");
  const auto of_size = [](size_t size) { return std::string(size, 'K') + "=v|"; };
  EXPECT_EQ(Read(of_size(63)), std::string(63, 'K') + ":v;");
  EXPECT_EQ(Read(of_size(64)), "TextKeyTooLong@0");
  EXPECT_EQ(Read(of_size(65)), "TextKeyTooLong@0");
  EXPECT_EQ(Read(of_size(8192)), "TextKeyTooLong@0");
}

TEST(PairReaderTest, StaysAtItsError) {
  const std::vector<std::byte> bytes = Bytes("A=b|C|D=e|");
  PairReader pairs(bytes);
  Pair pair;
  EXPECT_TRUE(pairs.Next(&pair));
  EXPECT_FALSE(pairs.Next(&pair));
  EXPECT_FALSE(pairs.Next(&pair));
  EXPECT_EQ(pairs.error(), ErrorCode::kTextEqualsMissing);
  EXPECT_EQ(pair.key, "A");
}

TEST(ListReaderTest, Elements) {
  const auto elements = [](std::string_view list) {
    ListReader reader(list);
    std::string shown;
    for (std::string_view element; reader.Next(&element);) shown += std::string(element) + ";";
    return shown;
  };
  EXPECT_EQ(elements("CRC32C,None"), "CRC32C;None;");
  EXPECT_EQ(elements("None"), "None;");
  EXPECT_EQ(elements(""), ";");
  EXPECT_EQ(elements(",a,,b,"), ";a;;b;;");
}

TEST(PairWriterTest, WritesWholePairsOrNothing) {
  std::vector<std::byte> out(16);
  PairWriter writer(out);
  EXPECT_TRUE(writer.Add("A", "bc"));
  EXPECT_TRUE(writer.AddNumber("N", 42));
  EXPECT_EQ(Shown(std::span(out).first(writer.size())), "A=bc|N=42|");
  EXPECT_FALSE(writer.Add("K", "12345"));
  EXPECT_TRUE(writer.overflowed());
  EXPECT_FALSE(
      writer.Add("K", ""));  // it stays so: a later pair must not take an earlier one's place
  EXPECT_EQ(writer.size(), 10u);

  const std::span<std::byte> room(out);
  PairWriter exact(room.first(5));
  EXPECT_TRUE(exact.Add("A", "bc"));
  PairWriter tight(room.first(4));
  EXPECT_FALSE(tight.Add("A", "bc"));
  PairWriter none(std::span<std::byte>{});
  EXPECT_FALSE(none.Add("", ""));

  const std::vector<std::byte> bytes = {std::byte{0}, std::byte{0x9f}, std::byte{0xff}};
  PairWriter hex(out);
  EXPECT_TRUE(hex.AddHex("C", bytes));
  EXPECT_EQ(Shown(std::span(out).first(hex.size())), "C=0x009fff|");
}

TEST(NumberTest, Grammar) {  // T9
  const std::pair<const char*, std::optional<uint64_t>> kNumbers[] = {
      {"0", 0},
      {"1", 1},
      {"4294967295", 4294967295},
      {"4294967296", 4294967296},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"18446744073709551616", std::nullopt},
      {"99999999999999999999999", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"", std::nullopt},
      {"00", std::nullopt},
      {"01", std::nullopt},
      {"1.0", std::nullopt},
      {"1e3", std::nullopt},
      {"ff", std::nullopt},
      {"0x0", 0},
      {"0xfF", 255},
      {"0XFf", 255},
      {"0x0000000000000000000001", 1},
      {"0xffffffffffffffff", std::numeric_limits<uint64_t>::max()},
      {"0x10000000000000000", std::nullopt},
      {"0x", std::nullopt},
      {"0X", std::nullopt},
      {"0x-1", std::nullopt},
      {"0x+1", std::nullopt},
      {"0xg", std::nullopt},
      {"0x1 ", std::nullopt},
      {"0b1", std::nullopt},
      {"1~2", std::nullopt},
  };
  for (const auto& [text, number] : kNumbers) EXPECT_EQ(ParseNumber(text), number) << text;
}

TEST(NumberTest, Ranges) {
  ASSERT_TRUE(ParseRange("1~0x10"));
  EXPECT_EQ(ParseRange("1~0x10")->low, 1u);
  EXPECT_EQ(ParseRange("1~0x10")->high, 16u);
  EXPECT_TRUE(ParseRange("7~7"));
  for (const char* text : {"2~1", "1", "1~", "~1", "~", "1~2~3", "a~b", ""}) {
    EXPECT_FALSE(ParseRange(text)) << text;
  }
}

TEST(NumberTest, BooleansAreCaseSensitive) {
  EXPECT_EQ(ParseBoolean("Yes"), true);
  EXPECT_EQ(ParseBoolean("No"), false);
  for (const char* text : {"yes", "YES", "no", "", "Yes ", "1", "True"}) {
    EXPECT_EQ(ParseBoolean(text), std::nullopt) << text;
  }
}

TEST(NumberTest, SixteenBitBinary) {
  EXPECT_EQ(ParseBinary16("0"), 0);
  EXPECT_EQ(ParseBinary16("65535"), 65535);
  EXPECT_EQ(ParseBinary16("0x1"), 1);
  EXPECT_EQ(ParseBinary16("0bAQI="), 0x102);
  EXPECT_EQ(ParseBinary16("0bAQ=="), 1);
  for (const char* text : {"65536", "-1", "", "0x10000", "0bAQID", "0b", "01", "x"}) {
    EXPECT_EQ(ParseBinary16(text), std::nullopt) << text;
  }
}

std::string Decode(std::string_view value, size_t room = 64) {
  std::vector<std::byte> out(room, std::byte{0xee});
  const auto decoded = DecodeBinary(value, out);
  if (!decoded) {
    for (std::byte b : out) EXPECT_EQ(b, std::byte{0xee});  // unchanged
    return "none";
  }
  EXPECT_EQ(BinaryLength(value), decoded->size());
  std::string hex(HexLength(decoded->size()), '?');
  EXPECT_EQ(EncodeHex(*decoded, hex.data()), hex.size());
  return hex;
}

TEST(BinaryTest, Hex) {
  EXPECT_EQ(Decode("0x00ff"), "0x00ff");
  EXPECT_EQ(Decode("0XaBcD"), "0xabcd");
  EXPECT_EQ(Decode("0x1"), "0x01");
  EXPECT_EQ(Decode("0x123"), "0x0123");  // (n + 1) / 2 bytes
  EXPECT_EQ(Decode("0x"), "none");
  EXPECT_EQ(Decode("0xg0"), "none");
  EXPECT_EQ(Decode("0x0 "), "none");
  EXPECT_EQ(Decode("x00"), "none");
  EXPECT_EQ(Decode("00ff"), "none");
  EXPECT_EQ(Decode("255"), "none");  // a decimal-constant has no implicit length
  EXPECT_EQ(Decode("0x0011", 1), "none");
  EXPECT_EQ(Decode("0x001", 2), "0x0001");
}

// RFC 4648 section 10.
TEST(BinaryTest, Base64) {
  EXPECT_EQ(Decode("0bZg=="), "0x66");
  EXPECT_EQ(Decode("0bZm8="), "0x666f");
  EXPECT_EQ(Decode("0bZm9v"), "0x666f6f");
  EXPECT_EQ(Decode("0BZm9vYmFy"), "0x666f6f626172");
  EXPECT_EQ(Decode("0b+/+/"), "0xfbffbf");
  for (const char* text : {"0b", "0bZ", "0bZg", "0bZg=", "0bZg===", "0b====", "0bZ===", "0b=Zg=",
                           "0bZh==", "0bZm9=", "0bZg==Zg==", "0bZm 9", "0bZm-_"}) {
    EXPECT_EQ(Decode(text), "none") << text;
  }
}

TEST(BinaryTest, RoundTrips) {
  for (size_t size = 1; size <= 64; ++size) {
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 37 + size);
    std::string hex(HexLength(size), '?');
    std::string base64(Base64Length(size), '?');
    EXPECT_EQ(EncodeHex(bytes, hex.data()), hex.size());
    EXPECT_EQ(EncodeBase64(bytes, base64.data()), base64.size());
    EXPECT_EQ(Decode(hex), hex);
    EXPECT_EQ(Decode(base64), hex);
  }
}

TEST(CharacterTest, Utf8) {
  for (const char* good : {"", "a", "Database Server 1 Log Disk", "\xc3\xa4", "\xe2\x82\xac",
                           "\xf0\x9f\x92\xbe", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
  EXPECT_FALSE(IsUtf8(std::string_view("a\0b", 3)));
}

// Section 6.1: a key has 1 to 63 bytes.
TEST(CharacterTest, KeyNames) {
  EXPECT_FALSE(IsKeyName(""));
  EXPECT_TRUE(IsKeyName(std::string(63, 'k')));
  EXPECT_FALSE(IsKeyName(std::string(64, 'k')));
  EXPECT_TRUE(IsKeyName("X#a"));
  EXPECT_FALSE(IsKeyName("X a"));
}

TEST(CharacterTest, TextValues) {
  EXPECT_TRUE(IsTextValue(""));
  EXPECT_TRUE(IsTextValue("aZ09.-+@_/[]:"));
  for (const char* bad : {" ", "a,b", "a=b", "~", "#", "%s", "\xc3\xa4"}) {
    EXPECT_FALSE(IsTextValue(bad)) << bad;
  }
}

TEST(TextJoinerTest, EveryTwoWaySplitGivesTheSame) {  // T8
  const std::vector<std::byte> text = Bytes("HeaderDigest=CRC32C,None|A=|MaxBurstLength=512|");
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    std::vector<std::byte> storage(text.size());
    TextJoiner joiner(storage);
    EXPECT_EQ(joiner.Append(std::span(text).first(cut), true), ErrorCode::kOk);
    EXPECT_FALSE(joiner.complete());
    EXPECT_EQ(joiner.Append(std::span(text).subspan(cut), false), ErrorCode::kOk);
    ASSERT_TRUE(joiner.complete());
    EXPECT_EQ(Shown(joiner.text()), Shown(text));
  }
}

TEST(TextJoinerTest, ByteByByte) {
  const std::vector<std::byte> text = Bytes("A=b|");
  std::vector<std::byte> storage(4);
  TextJoiner joiner(storage);
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(joiner.Append(std::span(text).subspan(i, 1), i + 1 < text.size()), ErrorCode::kOk);
  }
  EXPECT_EQ(Shown(joiner.text()), "A=b|");
  EXPECT_EQ(joiner.Append(text, false), ErrorCode::kCallOutOfState);
  joiner.Reset();
  EXPECT_TRUE(joiner.empty());
  EXPECT_EQ(joiner.Append(text, false), ErrorCode::kOk);
}

TEST(TextJoinerTest, Caps) {  // T6, T7
  const std::vector<std::byte> text = Bytes("A=b|");
  std::vector<std::byte> storage(3);
  TextJoiner small(storage);
  EXPECT_EQ(small.Append(text, false), ErrorCode::kTextTooLong);
  EXPECT_FALSE(small.complete());
  EXPECT_EQ(small.Append(std::span(text).first(3), false), ErrorCode::kOk);

  TextJoiner endless(storage, 8);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(endless.Append({}, true), ErrorCode::kOk);
  EXPECT_EQ(endless.Append({}, true), ErrorCode::kTextTooLong);
  EXPECT_EQ(endless.Append({}, false), ErrorCode::kTextTooLong);
  endless.Reset();
  EXPECT_EQ(endless.Append({}, false), ErrorCode::kOk);
  EXPECT_TRUE(endless.complete());
  EXPECT_TRUE(endless.text().empty());
}

}  // namespace
}  // namespace isthmus::text
