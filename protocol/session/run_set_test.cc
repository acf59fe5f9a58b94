#include "protocol/session/run_set.h"

#include <bitset>
#include <cstdint>
#include <random>

#include "gtest/gtest.h"

namespace isthmus {
namespace {

TEST(RunSetTest, MeltsRunsThatTouchOrOverlap) {
  RunSet<4> set;
  EXPECT_EQ(set.Add(10, 20), RunAdd::kAdded);
  EXPECT_EQ(set.Add(30, 40), RunAdd::kAdded);
  EXPECT_EQ(set.run_count(), 2u);
  EXPECT_EQ(set.Add(20, 25), RunAdd::kAdded);
  EXPECT_EQ(set.run_count(), 2u);
  EXPECT_EQ(set.Add(24, 30), RunAdd::kAdded);
  ASSERT_EQ(set.run_count(), 1u);
  EXPECT_EQ(set.run(0), (ByteRun{10, 40}));
  EXPECT_EQ(set.Add(5, 50), RunAdd::kAdded);
  EXPECT_EQ(set.run(0), (ByteRun{5, 50}));
  EXPECT_EQ(set.Add(5, 5), RunAdd::kAdded);
  EXPECT_EQ(set.size_bytes(), 45u);
}

TEST(RunSetTest, AnOverlapDoesNotHideAHole) {
  // Three PDUs of 10 bytes, the second sent twice: 30 bytes came, 10 of them are missing.
  RunSet<4> set;
  for (uint64_t begin : {0, 10, 10}) EXPECT_EQ(set.Add(begin, begin + 10), RunAdd::kAdded);
  ByteRun missing;
  ASSERT_TRUE(set.FirstMissing(0, 30, &missing));
  EXPECT_EQ(missing, (ByteRun{20, 30}));
  EXPECT_EQ(set.size_bytes(), 20u);
}

TEST(RunSetTest, WhenFullItSaysSoAndKeepsWhatItHas) {
  RunSet<2> set;
  EXPECT_EQ(set.Add(0, 1), RunAdd::kAdded);
  EXPECT_EQ(set.Add(4, 5), RunAdd::kAdded);
  EXPECT_EQ(set.Add(8, 9), RunAdd::kFull);
  EXPECT_EQ(set.size_bytes(), 2u);
  EXPECT_FALSE(set.Overlaps(8, 9));
  EXPECT_EQ(set.Add(1, 4), RunAdd::kAdded);  // melts two into one: room again
  EXPECT_EQ(set.Add(8, 9), RunAdd::kAdded);
  EXPECT_EQ(set.Remove(2, 3), RunAdd::kFull);  // would make three of two
  EXPECT_TRUE(set.Covers(0, 5));
  EXPECT_EQ(set.Remove(0, 5), RunAdd::kAdded);
  EXPECT_EQ(set.run_count(), 1u);
}

TEST(RunSetTest, OffsetsUpToTheEndOf32BitsDoNotWrap) {
  RunSet<2> set;
  const uint64_t end = uint64_t{0xffffffff} + 1;
  EXPECT_EQ(set.Add(0xffffff00u, end), RunAdd::kAdded);
  EXPECT_TRUE(set.Covers(0xffffff00u, end));
  EXPECT_FALSE(set.Covers(0, 1));
}

TEST(RunSetTest, AgreesWithAMapOfBits) {
  constexpr int kSize = 64;
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    RunSet<5> set;
    std::bitset<kSize> model;
    for (int step = 0; step < 20; ++step) {
      const uint64_t a = random() % (kSize + 1);
      const uint64_t b = random() % (kSize + 1);
      const uint64_t begin = std::min(a, b);
      const uint64_t end = std::max(a, b);
      const bool add = random() % 3 != 0;
      const RunAdd result = add ? set.Add(begin, end) : set.Remove(begin, end);
      std::bitset<kSize> wanted = model;
      for (uint64_t i = begin; i < end; ++i) wanted[i] = add;
      int runs = 0;
      for (int i = 0; i < kSize; ++i) runs += wanted[i] && (i == 0 || !wanted[i - 1]);
      ASSERT_EQ(result == RunAdd::kFull, runs > 5);
      if (result == RunAdd::kAdded) model = wanted;
      ASSERT_EQ(set.size_bytes(), model.count());
      for (int i = 0; i < kSize; ++i) {
        ASSERT_EQ(set.Covers(i, i + 1), model[i]);
        ASSERT_EQ(set.Overlaps(i, i + 1), model[i]);
      }
      bool overlaps = false;
      ByteRun first = {end, end};
      for (uint64_t i = end; i-- > begin;) {
        if (model[i]) overlaps = true;
        if (!model[i]) first.begin = i;
      }
      ASSERT_EQ(set.Overlaps(begin, end), overlaps);
      ByteRun missing;
      const bool any = set.FirstMissing(begin, end, &missing);
      ASSERT_EQ(any, first.begin < end);
      if (any) {
        ASSERT_EQ(missing.begin, first.begin);
        for (uint64_t i = missing.begin; i < missing.end; ++i) ASSERT_FALSE(model[i]);
        ASSERT_TRUE(missing.end == end || model[missing.end]);
      }
    }
  }
}

}  // namespace
}  // namespace isthmus
