#include "protocol/session/deadlines.h"

#include "gtest/gtest.h"
#include "protocol/time.h"

namespace isthmus {
namespace {

constexpr Instant At(int64_t ns) { return Instant{ns}; }

TEST(DeadlinesTest, NothingIsArmedAtFirst) {
  Deadlines deadlines;
  DeadlineReason reason = DeadlineReason::kNone;
  EXPECT_FALSE(deadlines.Next().armed());
  EXPECT_FALSE(deadlines.TakeExpired(At(1'000'000'000'000), &reason));
  EXPECT_FALSE(deadlines.TakeExpired(Instant::Never(), &reason));
}

TEST(DeadlinesTest, NextIsTheEarliestAndCarriesItsReason) {
  Deadlines deadlines;
  deadlines.Arm(DeadlineReason::kReinstatement, At(50));
  deadlines.Arm(DeadlineReason::kPingReply, At(40));
  deadlines.Arm(DeadlineReason::kLogin, At(60));
  EXPECT_EQ(deadlines.Next(), (Deadline{At(40), DeadlineReason::kPingReply}));
  deadlines.Arm(DeadlineReason::kPingReply, At(70));
  EXPECT_EQ(deadlines.Next(), (Deadline{At(50), DeadlineReason::kReinstatement}));
  deadlines.Disarm(DeadlineReason::kReinstatement);
  EXPECT_EQ(deadlines.Next(), (Deadline{At(60), DeadlineReason::kLogin}));
  deadlines.Arm(DeadlineReason::kNone, At(1));
  EXPECT_EQ(deadlines.Next().reason, DeadlineReason::kLogin);
}

TEST(DeadlinesTest, ExpiresEachOnceInOrderAndNotBeforeItsTime) {
  Deadlines deadlines;
  deadlines.Arm(DeadlineReason::kTask, At(20));
  deadlines.Arm(DeadlineReason::kLogout, At(10));
  DeadlineReason reason = DeadlineReason::kNone;
  EXPECT_FALSE(deadlines.TakeExpired(At(9), &reason));
  EXPECT_TRUE(deadlines.TakeExpired(At(20), &reason));
  EXPECT_EQ(reason, DeadlineReason::kLogout);
  EXPECT_TRUE(deadlines.TakeExpired(At(20), &reason));
  EXPECT_EQ(reason, DeadlineReason::kTask);
  EXPECT_FALSE(deadlines.TakeExpired(At(1000), &reason));
}

TEST(DeadlinesTest, ArmNoLaterKeepsTheEarlier) {
  Deadlines deadlines;
  deadlines.ArmNoLater(DeadlineReason::kTask, At(20));
  deadlines.ArmNoLater(DeadlineReason::kTask, At(30));
  EXPECT_EQ(deadlines.at(DeadlineReason::kTask), At(20));
  deadlines.ArmNoLater(DeadlineReason::kTask, At(10));
  EXPECT_EQ(deadlines.at(DeadlineReason::kTask), At(10));
  deadlines.Arm(DeadlineReason::kTask, Instant::Never());
  EXPECT_FALSE(deadlines.armed(DeadlineReason::kTask));
}

}  // namespace
}  // namespace isthmus
