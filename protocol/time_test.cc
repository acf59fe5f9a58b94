#include "protocol/time.h"

#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace isthmus {
namespace {

TEST(TimeTest, AddsAndSubtracts) {
  EXPECT_EQ((Instant{1'000'000'000} + Milliseconds(5)).ns, 1'005'000'000);
  EXPECT_EQ((Instant{7} + Nanoseconds(-3)).ns, 4);
  EXPECT_EQ((Instant{9} - Instant{4}).ns, 5);
  EXPECT_EQ((Instant{4} - Instant{9}).ns, -5);
  EXPECT_EQ(Seconds(2).ns, Milliseconds(2000).ns);
  EXPECT_EQ(Microseconds(3).ns, 3000);
}

TEST(TimeTest, SaturatesInsteadOfWrapping) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  const int64_t min = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(Instant{max - 1} + Seconds(1), Instant::Never());
  EXPECT_EQ(Instant::Never() + Seconds(-1), Instant::Never());
  EXPECT_EQ((Instant{min} + Nanoseconds(-1)).ns, min);
  EXPECT_EQ((Instant{max} - Instant{min}).ns, max);
  EXPECT_EQ((Instant{min} - Instant{max}).ns, min);
}

TEST(TimeTest, EarliestPrefersArmedThenSoonerThenFirst) {
  const Deadline none;
  const Deadline soon{Instant{5}, DeadlineReason::kPingReply};
  const Deadline late{Instant{6}, DeadlineReason::kTask};
  const Deadline tie{Instant{5}, DeadlineReason::kLogin};
  EXPECT_FALSE(none.armed());
  EXPECT_EQ(Earliest(none, none), none);
  EXPECT_EQ(Earliest(none, late), late);
  EXPECT_EQ(Earliest(late, none), late);
  EXPECT_EQ(Earliest(late, soon), soon);
  EXPECT_EQ(Earliest(soon, tie), soon);
  EXPECT_EQ(Earliest(tie, soon), tie);
}

TEST(TimeTest, EveryReasonHasItsOwnName) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(DeadlineReason::kReinstatement); ++i) {
    names.insert(Name(static_cast<DeadlineReason>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(DeadlineReason::kReinstatement) + 1);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace isthmus
