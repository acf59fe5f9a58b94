#include "protocol/wire/sense.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
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

std::vector<std::byte> Fixed(const Sense& sense) {
  std::vector<std::byte> out(64, std::byte{0xee});
  out.resize(BuildFixedSense(sense, out));
  return out;
}
std::vector<std::byte> Descriptor(const Sense& sense) {
  std::vector<std::byte> out(64, std::byte{0xee});
  out.resize(BuildDescriptorSense(sense, out));
  return out;
}

// SPC-4 4.5.3, 4.5.2: INVALID FIELD IN CDB, field pointer to byte 2 of the CDB.
TEST(SenseTest, Vectors) {
  Sense sense = {.key = 5, .asc = 0x24, .ascq = 0};
  sense.sense_key_specific = {std::byte{0xc0}, std::byte{0}, std::byte{2}};
  EXPECT_EQ(Fixed(sense), Bytes("70 00 05 00000000 0a 00000000 24 00 00 c00002"));
  EXPECT_EQ(Descriptor(sense), Bytes("72 05 24 00 000000 08 02 06 0000 c00002 00"));
  sense = {.key = 3, .asc = 0x11, .ascq = 0, .incorrect_length = true};
  sense.information = 0x12345678;
  EXPECT_EQ(Fixed(sense), Bytes("f0 00 23 12345678 0a 00000000 11 00 00 000000"));
  EXPECT_EQ(Descriptor(sense),
            Bytes("72 03 11 00 000000 10 00 0a 80 00 0000000012345678 04 02 00 20"));
}

TEST(SenseTest, RoundTripsInBothFormats) {
  Sense sense = {.key = 6,
                 .asc = 0x29,
                 .ascq = 7,
                 .deferred = true,
                 .filemark = true,
                 .end_of_medium = true,
                 .incorrect_length = true};
  sense.information = 0xfedcba98;
  sense.command_specific = 0x01020304;
  sense.sense_key_specific = {std::byte{0x8f}, std::byte{0xff}, std::byte{1}};
  Sense again;
  ASSERT_TRUE(ParseSense(Fixed(sense), &again));
  EXPECT_EQ(again, sense);
  ASSERT_TRUE(ParseSense(Descriptor(sense), &again));
  EXPECT_EQ(again, sense);
  EXPECT_EQ(Descriptor(sense).size(), kMaxDescriptorSenseBytes);
}

TEST(SenseTest, WideNumbersNeedTheDescriptorFormat) {
  Sense sense = {.key = 3, .asc = 0x11};
  sense.information = 0x1'00000000;
  Sense again;
  ASSERT_TRUE(ParseSense(Fixed(sense), &again));
  EXPECT_FALSE(again.information.has_value());
  ASSERT_TRUE(ParseSense(Descriptor(sense), &again));
  EXPECT_EQ(again.information, 0x1'00000000u);
}

TEST(SenseTest, TruncationIsRefusedOrLosesOnlyTheEnd) {
  const std::vector<std::byte> fixed = Bytes("f0 00 25 12345678 0a 00000000 24 00 00 c00002");
  for (size_t size = 0; size < fixed.size(); ++size) {
    const std::vector<std::byte> cut(fixed.begin(), fixed.begin() + static_cast<ptrdiff_t>(size));
    Sense sense;
    EXPECT_EQ(ParseSense(cut, &sense), size >= 14) << size;
    if (size >= 14) {
      EXPECT_EQ(sense.asc, 0x24);
      EXPECT_FALSE(sense.sense_key_specific.has_value());
    }
  }
  const std::vector<std::byte> descriptor =
      Bytes("72 03 11 00 000000 10 00 0a 80 00 0000000012345678 04 02 00 20");
  for (size_t size = 0; size < descriptor.size(); ++size) {
    const std::vector<std::byte> cut(descriptor.begin(),
                                     descriptor.begin() + static_cast<ptrdiff_t>(size));
    Sense sense;
    EXPECT_EQ(ParseSense(cut, &sense), size >= 8) << size;
    EXPECT_EQ(sense.information.has_value(), size >= 20) << size;
    EXPECT_FALSE(sense.incorrect_length);
  }
}

// Lengths inside that lie: too long ones are clamped, an additional length that hides ASC refuses.
TEST(SenseTest, LyingLengths) {
  Sense sense;
  EXPECT_TRUE(ParseSense(Bytes("70 00 05 00000000 ff 00000000 24 00 00 c00002"), &sense));
  EXPECT_TRUE(sense.sense_key_specific.has_value());
  EXPECT_FALSE(ParseSense(Bytes("70 00 05 00000000 00 00000000 24 00 00 c00002"), &sense));
  EXPECT_TRUE(ParseSense(Bytes("72 05 24 00 000000 ff 02 ff 0000 c00002 00"), &sense));
  EXPECT_TRUE(sense.sense_key_specific.has_value());
  EXPECT_TRUE(ParseSense(Bytes("72 05 24 00 000000 00 02 06 0000 c00002 00"), &sense));
  EXPECT_FALSE(sense.sense_key_specific.has_value());
  EXPECT_TRUE(ParseSense(Bytes("72 05 24 00 000000 04 55 00 05 00"), &sense));
  EXPECT_FALSE(ParseSense(Bytes("74 05 24 00 000000 00 000000000000"), &sense));
}

// Descriptors that end before what they are to hold hold nothing (SPC-4 4.5.2).
TEST(SenseTest, ShortDescriptors) {
  for (const char* hex : {"72 03 11 00 000000 0a 00 08 80 00 00000000 0000",     // information
                          "72 03 11 00 000000 0c 00 0a 00 00 0000000012345678",  // not valid
                          "72 03 11 00 000000 0a 01 08 00 00 00000000 0000",     // command specific
                          "72 03 11 00 000000 06 02 04 00 00 c0 00",  // sense key specific
                          "72 03 11 00 000000 03 04 01 00",           // stream commands
                          "72 03 11 00 000000 03 05 01 00",           // block commands
                          "72 03 11 00 000000 04 99 02 ff ff"}) {     // nobody's
    Sense sense;
    ASSERT_TRUE(ParseSense(Bytes(hex), &sense)) << hex;
    EXPECT_EQ(sense.asc, 0x11);
    EXPECT_FALSE(sense.information || sense.command_specific || sense.sense_key_specific) << hex;
    EXPECT_FALSE(sense.incorrect_length) << hex;
  }
  Sense sense;
  ASSERT_TRUE(ParseSense(Bytes("72 03 11 00 000000 04 05 02 00 20"), &sense));
  EXPECT_TRUE(sense.incorrect_length);  // SBC-3 4.18: ILI of a block device
}

TEST(SenseTest, NeedsRoom) {
  Sense sense = {.key = 3, .asc = 0x11, .ascq = 0};
  sense.information = 1;
  std::array<std::byte, 19> few;
  EXPECT_EQ(BuildFixedSense(sense, std::span(few).first(17)), 0u);
  EXPECT_EQ(BuildFixedSense(sense, std::span(few).first(18)), 18u);
  EXPECT_EQ(BuildDescriptorSense(sense, few), 0u);
  // What does not fit into four bytes is left out of the fixed format.
  sense.command_specific = 0x1'00000000u;
  Sense again;
  ASSERT_TRUE(ParseSense(Fixed(sense), &again));
  EXPECT_FALSE(again.command_specific.has_value());
  EXPECT_EQ(again.information, 1u);
}

TEST(SenseSegmentTest, Splits) {
  const std::vector<std::byte> bytes = Bytes("0003 aabbcc dd");
  SenseSegment segment;
  ASSERT_TRUE(SplitSenseSegment(bytes, &segment).ok());
  EXPECT_EQ(segment.sense.size(), 3u);
  ASSERT_EQ(segment.rest.size(), 1u);
  EXPECT_EQ(segment.rest[0], std::byte{0xdd});
  ASSERT_TRUE(SplitSenseSegment({}, &segment).ok());
  EXPECT_TRUE(segment.sense.empty() && segment.rest.empty());
}

TEST(SenseSegmentTest, CutsWhatReachesBeyond) {
  SenseSegment segment;
  const std::vector<std::byte> one = Bytes("00");
  EXPECT_EQ(SplitSenseSegment(one, &segment).code, ErrorCode::kSenseLengthTooLong);
  EXPECT_TRUE(segment.sense.empty());
  const std::vector<std::byte> lying = Bytes("ffff aabb");
  const Violation violation = SplitSenseSegment(lying, &segment);
  EXPECT_EQ(violation.code, ErrorCode::kSenseLengthTooLong);
  EXPECT_EQ(violation.detail, 0xffffu);
  EXPECT_EQ(segment.sense.size(), 2u);
  EXPECT_TRUE(segment.rest.empty());
}

TEST(SenseSegmentTest, BuildsWhatItSplits) {
  const std::vector<std::byte> sense = Bytes("70000500");
  std::array<std::byte, 6> out;
  EXPECT_EQ(BuildSenseSegment(sense, std::span(out).first(5)), 0u);
  ASSERT_EQ(BuildSenseSegment(sense, out), 6u);
  EXPECT_EQ(std::vector<std::byte>(out.begin(), out.end()), Bytes("0004 70000500"));
  std::vector<std::byte> wide(70000);
  EXPECT_EQ(BuildSenseSegment(std::vector<std::byte>(65536), wide), 0u);
  EXPECT_EQ(BuildSenseSegment(std::vector<std::byte>(65535), wide), 65537u);
}

TEST(SenseTest, Names) {
  EXPECT_STREQ(SenseKeyName(0x0b), "ABORTED COMMAND");
  EXPECT_STREQ(SenseKeyName(0x0c), "reserved");
  EXPECT_STREQ(SenseKeyName(0xf5), "ILLEGAL REQUEST");
  EXPECT_STREQ(AdditionalSenseName(0x47, 0x05), "PROTOCOL SERVICE CRC ERROR");
  EXPECT_STREQ(AdditionalSenseName(0x47, 0x7f), "SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT");
  EXPECT_STREQ(AdditionalSenseName(0x47, 0x06), "unknown");
  int last = -1;
  for (const AdditionalSense& row : AdditionalSenses()) {
    const int number = row.asc << 8 | row.ascq;
    EXPECT_GT(number, last);
    last = number;
  }
}

// Every sense code of the error table has a name.
TEST(SenseTest, NamesWhatTheErrorTableSends) {
  for (const ErrorInfo& row : AllErrors()) {
    if (row.outcome.sense_key == 0) continue;
    EXPECT_STRNE(AdditionalSenseName(row.outcome.asc, row.outcome.ascq), "unknown") << row.name;
  }
}

}  // namespace
}  // namespace isthmus::wire
