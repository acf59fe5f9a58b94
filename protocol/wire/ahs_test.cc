#include "protocol/wire/ahs.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "protocol/error.h"

namespace isthmus::wire {
namespace {

std::vector<std::byte> Bytes(std::string_view hex) {
  std::vector<std::byte> bytes;
  int high = -1;
  for (char c : hex) {
    if (c == ' ') continue;
    const int nibble = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = nibble;
    } else {
      bytes.push_back(static_cast<std::byte>(high << 4 | nibble));
      high = -1;
    }
  }
  return bytes;
}

std::vector<std::byte> Sequence(size_t count, int first) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return bytes;
}

Violation Parse(const std::vector<std::byte>& bytes, AhsContents* contents) {
  return ParseAhs(bytes, contents);
}

ErrorCode CodeOf(std::string_view hex) {
  AhsContents contents;
  return Parse(Bytes(hex), &contents).code;
}

TEST(AhsTest, NoneIsFine) {
  AhsContents contents;
  EXPECT_TRUE(ParseAhs({}, &contents).ok());
  EXPECT_TRUE(contents.cdb_spillover.empty());
  EXPECT_FALSE(contents.has_bidirectional_read_length);
}

// Section 11.2.2.3: a CDB of 32 bytes, AHSLength 32 - 15 = 17; reserved byte, 16 CDB bytes.
TEST(AhsTest, ExtendedCdb) {
  const std::vector<std::byte> bytes = Bytes("0011 01 00 101112131415161718191a1b1c1d1e1f");
  AhsContents contents;
  ASSERT_TRUE(Parse(bytes, &contents).ok());
  ASSERT_EQ(contents.cdb_spillover.size(), 16u);
  EXPECT_EQ(contents.cdb_spillover.front(), std::byte{0x10});
  EXPECT_EQ(contents.cdb_spillover.back(), std::byte{0x1f});
  std::array<std::byte, 20> built;
  EXPECT_EQ(BuildAhs(contents, built), 20u);
  EXPECT_EQ(std::vector<std::byte>(built.begin(), built.end()), bytes);
}

// Section 11.2.2.4.
TEST(AhsTest, BidirectionalReadExpectedDataTransferLength) {
  const std::vector<std::byte> bytes = Bytes("0005 02 00 01020304");
  AhsContents contents;
  ASSERT_TRUE(Parse(bytes, &contents).ok());
  EXPECT_TRUE(contents.has_bidirectional_read_length);
  EXPECT_EQ(contents.bidirectional_read_expected_data_transfer_length, 0x01020304u);
  std::array<std::byte, 8> built;
  EXPECT_EQ(BuildAhs(contents, built), 8u);
  EXPECT_EQ(std::vector<std::byte>(built.begin(), built.end()), bytes);
}

TEST(AhsTest, BothInEitherOrder) {
  for (const char* hex :
       {"0005 02 00 00000800 0003 01 00 aabb 0000", "0003 01 00 aabb 0000 0005 02 00 00000800"}) {
    const std::vector<std::byte> bytes = Bytes(hex);
    AhsContents contents;
    ASSERT_TRUE(Parse(bytes, &contents).ok()) << hex;
    ASSERT_EQ(contents.cdb_spillover.size(), 2u);
    EXPECT_EQ(contents.cdb_spillover[1], std::byte{0xbb});
    EXPECT_EQ(contents.bidirectional_read_expected_data_transfer_length, 0x800u);
  }
}

// Section 11: reserved bits are ignored; 11.1: padding only SHOULD be 0.
TEST(AhsTest, ReservedBitsAndPaddingAreIgnored) {
  AhsContents contents;
  ASSERT_TRUE(Parse(Bytes("0003 c1 ff aabb ffff"), &contents).ok());
  EXPECT_EQ(contents.cdb_spillover.size(), 2u);
}

TEST(AhsTest, EveryCdbLengthRoundTrips) {
  for (size_t cdb = 17; cdb <= 260; ++cdb) {
    const std::vector<std::byte> spillover = Sequence(cdb - 16, 7);
    AhsContents contents = {
        .cdb_spillover = spillover,
        .has_bidirectional_read_length = cdb % 2 == 0,
        .bidirectional_read_expected_data_transfer_length = cdb % 2 == 0 ? 0xfedcba98 : 0};
    std::array<std::byte, kMaxAhsBytes> built;
    built.fill(std::byte{0xee});
    const size_t size = BuildAhs(contents, built);
    ASSERT_EQ(size, AhsBytes(contents)) << cdb;
    ASSERT_EQ(size % 4, 0u);
    EXPECT_EQ(static_cast<size_t>(built[0]) << 8 | static_cast<size_t>(built[1]), cdb - 15);
    AhsContents parsed;
    ASSERT_TRUE(ParseAhs(std::span(built).first(size), &parsed).ok()) << cdb;
    EXPECT_EQ(std::vector<std::byte>(parsed.cdb_spillover.begin(), parsed.cdb_spillover.end()),
              spillover);
    EXPECT_EQ(parsed.has_bidirectional_read_length, contents.has_bidirectional_read_length);
    EXPECT_EQ(parsed.bidirectional_read_expected_data_transfer_length,
              contents.bidirectional_read_expected_data_transfer_length);
  }
}

TEST(AhsTest, RefusesWhatIsMalformed) {
  EXPECT_EQ(CodeOf("0000 01 00"), ErrorCode::kAhsEmpty);
  EXPECT_EQ(CodeOf("0005 02 00 00000800 0000 00 00"), ErrorCode::kAhsEmpty);
  EXPECT_EQ(CodeOf("0006 01 00 aabbccdd"), ErrorCode::kAhsTruncated);
  EXPECT_EQ(CodeOf("ffff 01 00 aabbccdd"), ErrorCode::kAhsTruncated);
  EXPECT_EQ(CodeOf("0005 02 00"), ErrorCode::kAhsTruncated);
  EXPECT_EQ(CodeOf("0001 01 00"), ErrorCode::kAhsExtendedCdbLength);
  EXPECT_EQ(CodeOf("0004 02 00 000008 00"), ErrorCode::kAhsBidirectionalLength);
  EXPECT_EQ(CodeOf("0006 02 00 0000080000 000000"), ErrorCode::kAhsBidirectionalLength);
  EXPECT_EQ(CodeOf("0001 00 00"), ErrorCode::kAhsTypeReserved);
  EXPECT_EQ(CodeOf("0001 03 00"), ErrorCode::kAhsTypeReserved);
  EXPECT_EQ(CodeOf("0001 3f 00"), ErrorCode::kAhsTypeReserved);
  EXPECT_EQ(CodeOf("0005 02 00 00000800 0005 02 00 00000800"), ErrorCode::kAhsDuplicate);
  EXPECT_EQ(CodeOf("0003 01 00 aabb 0000 0003 01 00 aabb 0000"), ErrorCode::kAhsDuplicate);
  EXPECT_EQ(CodeOf("0005"), ErrorCode::kAhsTruncated);
}

TEST(AhsTest, RefusesACdbAbove260Bytes) {
  std::vector<std::byte> bytes(4 + 248, std::byte{0});
  bytes[1] = std::byte{245};
  bytes[2] = std::byte{1};
  bytes.resize(248);
  AhsContents contents;
  EXPECT_TRUE(Parse(bytes, &contents).ok());
  bytes.resize(252);
  bytes[1] = std::byte{246};
  const Violation violation = Parse(bytes, &contents);
  EXPECT_EQ(violation.code, ErrorCode::kAhsExtendedCdbLength);
  EXPECT_EQ(violation.detail, 246u);
}

TEST(AhsTest, EveryTruncationOfGoodBytesIsRefusedOrShorter) {
  const std::vector<std::byte> good = Bytes("0011 01 00 101112131415161718191a1b1c1d1e1f");
  for (size_t size = 1; size < good.size(); ++size) {
    AhsContents contents;
    EXPECT_EQ(ParseAhs(std::span(good).first(size), &contents).code, ErrorCode::kAhsTruncated)
        << size;
  }
}

TEST(AhsTest, BuildRefusesWithoutWriting) {
  const std::vector<std::byte> spillover = Sequence(245, 0);
  std::array<std::byte, kMaxAhsBytes> out;
  out.fill(std::byte{0xee});
  EXPECT_EQ(BuildAhs({.cdb_spillover = spillover}, out), 0u);
  EXPECT_EQ(BuildAhs({.cdb_spillover = std::span(spillover).first(5)}, std::span(out).first(8)),
            0u);
  EXPECT_EQ(BuildAhs({}, out), 0u);
  for (std::byte byte : out) ASSERT_EQ(byte, std::byte{0xee});
}

}  // namespace
}  // namespace isthmus::wire
