#include "protocol/session/token_bucket.h"

#include "gtest/gtest.h"

namespace isthmus {
namespace {

constexpr Instant kStart{1'000'000'000'000};

uint32_t TakeAll(TokenBucket& bucket, Instant now) {
  uint32_t taken = 0;
  while (taken < 10'000 && bucket.Take(now)) ++taken;
  return taken;
}

TEST(TokenBucketTest, GivesItsBurstAtOnce) {
  TokenBucket bucket(RateLimit{.burst = 7, .per_second = 3});
  EXPECT_EQ(TakeAll(bucket, kStart), 7u);
  EXPECT_FALSE(bucket.Take(kStart));
}

TEST(TokenBucketTest, RefillsInTime) {
  TokenBucket bucket(RateLimit{.burst = 7, .per_second = 4});
  EXPECT_EQ(TakeAll(bucket, kStart), 7u);
  EXPECT_FALSE(bucket.Take(kStart + Milliseconds(249)));
  EXPECT_TRUE(bucket.Take(kStart + Milliseconds(250)));
  EXPECT_FALSE(bucket.Take(kStart + Milliseconds(250)));
  EXPECT_EQ(TakeAll(bucket, kStart + Milliseconds(1250)), 4u);
  // Never above the burst, however long nothing happened.
  EXPECT_EQ(TakeAll(bucket, kStart + Seconds(1'000'000)), 7u);
}

TEST(TokenBucketTest, CountsPartsOfATokenThatCameInSmallSteps) {
  TokenBucket bucket(RateLimit{.burst = 1, .per_second = 10});
  EXPECT_TRUE(bucket.Take(kStart));
  uint32_t taken = 0;
  for (int ms = 1; ms <= 1000; ++ms) taken += bucket.Take(kStart + Milliseconds(ms));
  EXPECT_EQ(taken, 10u);
}

TEST(TokenBucketTest, AClockThatGoesBackGivesNothing) {
  TokenBucket bucket(RateLimit{.burst = 2, .per_second = 1});
  EXPECT_EQ(TakeAll(bucket, kStart), 2u);
  EXPECT_FALSE(bucket.Take(Instant{kStart.ns - 100'000'000'000}));
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_TRUE(bucket.Take(kStart + Seconds(1)));
}

TEST(TokenBucketTest, WithoutABurstThereIsNoLimit) {
  TokenBucket none, zero(RateLimit{.burst = 0, .per_second = 5});
  EXPECT_EQ(TakeAll(none, kStart), 10'000u);
  EXPECT_EQ(TakeAll(zero, kStart), 10'000u);
}

}  // namespace
}  // namespace isthmus
