#include "protocol/wire/lun.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"

namespace isthmus::wire {
namespace {

TEST(LunTest, NumbersInTheirAddressMethods) {
  EXPECT_EQ(LunFromNumber(0), 0u);
  EXPECT_EQ(LunFromNumber(1), 0x0001000000000000u);
  EXPECT_EQ(LunFromNumber(255), 0x00ff000000000000u);
  EXPECT_EQ(LunFromNumber(256), 0x4100000000000000u);
  EXPECT_EQ(LunFromNumber(300), 0x412c000000000000u);
  EXPECT_EQ(LunFromNumber(16383), 0x7fff000000000000u);
  EXPECT_EQ(LunFromNumber(16384), 0xd200400000000000u);
  EXPECT_EQ(LunFromNumber(0xffffff), 0xd2ffffff00000000u);
}

TEST(LunTest, RoundTrips) {
  for (uint32_t number = 0; number <= 0xffffff; number += number < 70000 ? 1 : 12289) {
    uint32_t again = ~0u;
    ASSERT_TRUE(LunToNumber(LunFromNumber(number), &again));
    ASSERT_EQ(again, number);
  }
}

// A peer may address small numbers by any method of one level.
TEST(LunTest, AcceptsEveryMethodOfOneLevel) {
  for (uint64_t lun :
       {0x0005000000000000u, 0x4005000000000000u, 0x8005000000000000u, 0xd200000500000000u}) {
    uint32_t number = ~0u;
    EXPECT_TRUE(LunToNumber(lun, &number)) << std::hex << lun;
    EXPECT_EQ(number, 5u);
  }
}

TEST(LunTest, RefusesEverythingElseAndLeavesTheNumber) {
  for (uint64_t lun : {
           0x0105000000000000u,  // bus 1
           0x0005000100000000u,  // second level
           0x0005000000000001u,  // last byte
           0x4005000000000100u,  // flat space, second level
           0x8025000000000000u,  // logical unit addressing, bus 1
           0x8105000000000000u,  // logical unit addressing, target 1
           0xc101000000000000u,  // REPORT LUNS well-known logical unit
           0xc200000500000000u,  // extended, length 0
           0xd200000500000001u,  // extended flat, rest not 0
           0xe200000005000000u,  // long extended flat
           0xffffffffffffffffu,  // logical unit not specified
       }) {
    uint32_t number = 77;
    EXPECT_FALSE(LunToNumber(lun, &number)) << std::hex << lun;
    EXPECT_EQ(number, 77u);
  }
}

TEST(LunTest, WellKnown) {
  EXPECT_TRUE(IsWellKnownLun(0xc101000000000000u));
  EXPECT_FALSE(IsWellKnownLun(0xc101000000000001u));
  EXPECT_FALSE(IsWellKnownLun(0xc001000000000000u));
  EXPECT_EQ(kReportLunsWellKnownLun, 0xc101000000000000u);
}

TEST(LunTest, BytesAreInWireOrder) {
  const std::array<std::byte, 8> bytes = LunToBytes(0x0102030405060708u);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(bytes[i], static_cast<std::byte>(i + 1));
  EXPECT_EQ(LunFromBytes(bytes), 0x0102030405060708u);
}

}  // namespace
}  // namespace isthmus::wire
