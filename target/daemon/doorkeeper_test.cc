#include "target/daemon/doorkeeper.h"

#include <optional>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::target {
namespace {

TEST(DoorkeeperTest, BelowTheLimitNobodyHasToLeave) {
  Doorkeeper door(3);
  std::optional<uint64_t> victim;
  for (int i = 0; i < 3; ++i) {
    door.Enter("192.0.2.1", &victim);
    EXPECT_FALSE(victim.has_value());
  }
  EXPECT_EQ(door.inside(), 3u);
}

TEST(DoorkeeperTest, TheOldestOfTheHostThatHasMostMakesRoom) {
  Doorkeeper door(4);
  std::optional<uint64_t> victim;
  const uint64_t honest = door.Enter("192.0.2.1", &victim);
  std::vector<uint64_t> flood;
  for (int i = 0; i < 100; ++i) {
    flood.push_back(door.Enter("192.0.2.66", &victim));
    if (i < 3) {
      EXPECT_FALSE(victim.has_value());
    } else {
      ASSERT_TRUE(victim.has_value());
      EXPECT_EQ(*victim, flood[static_cast<size_t>(i) - 3]);
      EXPECT_NE(*victim, honest);
      door.Leave(*victim);
    }
  }
  EXPECT_EQ(door.inside(), 4u);
  // And who comes from elsewhere is let in at the flood's cost.
  const uint64_t other = door.Enter("192.0.2.2", &victim);
  EXPECT_EQ(*victim, flood[97]);
  door.Leave(honest);
  door.Leave(other);
  EXPECT_EQ(door.inside(), 3u);  // two of the flood, and the one that leaves
}

TEST(DoorkeeperTest, IsCrowdedWhileClosingFallsBehind) {
  Doorkeeper door(2);
  std::optional<uint64_t> victim;
  std::vector<uint64_t> leaving;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(door.crowded());
    door.Enter("192.0.2.66", &victim);
    if (victim.has_value()) leaving.push_back(*victim);
  }
  EXPECT_TRUE(door.crowded());
  door.Leave(leaving[0]);
  door.Leave(leaving[0]);
  EXPECT_FALSE(door.crowded());
}

}  // namespace
}  // namespace isthmus::target
