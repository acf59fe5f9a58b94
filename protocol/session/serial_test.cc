#include "protocol/session/serial.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace isthmus {
namespace {

TEST(SerialTest, OrdersNeighboursAcrossTheWrap) {
  EXPECT_TRUE(SerialLess(0, 1));
  EXPECT_FALSE(SerialLess(1, 0));
  EXPECT_FALSE(SerialLess(7, 7));
  EXPECT_TRUE(SerialLess(0xffffffffu, 0));
  EXPECT_FALSE(SerialLess(0, 0xffffffffu));
  EXPECT_TRUE(SerialLess(0xfffffff0u, 0x10));
  EXPECT_TRUE(SerialLessEqual(0xffffffffu, 0xffffffffu));
  EXPECT_TRUE(SerialLessEqual(0xffffffffu, 0));
}

TEST(SerialTest, HalfTheCircleApartHasNoOrder) {
  for (uint32_t a : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    const uint32_t b = a + 0x80000000u;
    EXPECT_FALSE(SerialLess(a, b)) << a;
    EXPECT_FALSE(SerialLess(b, a)) << a;
    EXPECT_TRUE(SerialLess(a, b - 1)) << a;
    EXPECT_TRUE(SerialLess(b + 1, a)) << a;
  }
}

TEST(SerialTest, MaxIsTheLater) {
  EXPECT_EQ(SerialMax(5, 9), 9u);
  EXPECT_EQ(SerialMax(9, 5), 9u);
  EXPECT_EQ(SerialMax(0xfffffffeu, 2), 2u);
  EXPECT_EQ(SerialMax(2, 0xfffffffeu), 2u);
}

TEST(SerialTest, WindowAcrossTheWrapAndEmptyWindow) {
  for (uint32_t sn : {0xfffffffeu, 0xffffffffu, 0u, 1u}) {
    EXPECT_TRUE(SerialInWindow(sn, 0xfffffffeu, 1)) << sn;
  }
  EXPECT_FALSE(SerialInWindow(0xfffffffdu, 0xfffffffeu, 1));
  EXPECT_FALSE(SerialInWindow(2, 0xfffffffeu, 1));
  for (uint32_t sn : {9u, 10u, 11u}) EXPECT_FALSE(SerialInWindow(sn, 10, 9)) << sn;
}

}  // namespace
}  // namespace isthmus
