#include "digest/verdict.h"

#include <array>
#include <cstdint>

#include "gtest/gtest.h"

namespace isthmus::digest {
namespace {

using enum DigestVerdict;

// Every verdict, with two epochs and none, two tickets and none.
constexpr auto kAll = [] {
  std::array<Evidence, 4 * 3 * 3> all{};
  std::size_t i = 0;
  for (DigestVerdict verdict : {kUnchecked, kGood, kBad, kPending}) {
    for (std::uint32_t epoch : {0u, 1u, 2u}) {
      for (std::uint32_t ticket : {0u, 7u, 8u}) {
        all[i++] = {.verdict = verdict, .epoch = epoch, .ticket = ticket};
      }
    }
  }
  return all;
}();

TEST(VerdictTest, ZeroIsUnchecked) {
  EXPECT_EQ(static_cast<int>(Evidence{}.verdict), 0);
  EXPECT_EQ(Evidence{}.verdict, kUnchecked);
  EXPECT_FALSE(IsVouchedFor(Evidence{}, 0));
}

TEST(VerdictTest, MergingCommutesAndAssociates) {
  for (const Evidence& a : kAll) {
    for (const Evidence& b : kAll) {
      EXPECT_EQ(Merge(a, b), Merge(b, a));
      for (const Evidence& c : kAll) EXPECT_EQ(Merge(Merge(a, b), c), Merge(a, Merge(b, c)));
    }
  }
}

// The result of two verdicts of one epoch under one ticket, as design rows.
TEST(VerdictTest, TheWeakerVerdictWins) {
  constexpr DigestVerdict kTable[4][4] = {
      // unchecked  good        bad   pending
      {kUnchecked, kUnchecked, kBad, kUnchecked},  // unchecked
      {kUnchecked, kGood, kBad, kPending},         // good
      {kBad, kBad, kBad, kBad},                    // bad
      {kUnchecked, kPending, kBad, kPending},      // pending
  };
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 4; ++b) {
      const Evidence merged =
          Merge({.verdict = static_cast<DigestVerdict>(a), .epoch = 5, .ticket = 9},
                {.verdict = static_cast<DigestVerdict>(b), .epoch = 5, .ticket = 9});
      EXPECT_EQ(merged.verdict, kTable[a][b]) << a << ' ' << b;
    }
  }
}

TEST(VerdictTest, GoodOnlyWithinOneLifeOfOneDevice) {
  for (const Evidence& a : kAll) {
    for (const Evidence& b : kAll) {
      const Evidence merged = Merge(a, b);
      for (std::uint32_t now : {0u, 1u, 2u}) {
        const bool both = a.verdict == kGood && b.verdict == kGood && a.epoch == now &&
                          b.epoch == now && now != 0;
        EXPECT_EQ(IsVouchedFor(merged, now), both);
      }
    }
  }
}

TEST(VerdictTest, PendingNamesTheOneTicketThatIsWaitedFor) {
  for (const Evidence& a : kAll) {
    for (const Evidence& b : kAll) {
      const Evidence merged = Merge(a, b);
      if (merged.verdict != kPending) {
        EXPECT_EQ(merged.ticket, 0u);
        continue;
      }
      for (const Evidence& part : {a, b}) {
        EXPECT_EQ(part.epoch, merged.epoch);
        if (part.verdict == kPending) {
          EXPECT_EQ(part.ticket, merged.ticket);
        }
      }
    }
  }
}

TEST(VerdictTest, PartialValuesAreNotMergedWithoutTheirOrder) {
  const Evidence part = {.verdict = kGood, .has_partial_crc = true, .epoch = 1, .partial_crc = 3};
  EXPECT_FALSE(Merge(part, part).has_partial_crc);
}

TEST(VerdictTest, SumOfNothingIsUncheckedAndOfOneIsItself) {
  EvidenceSum sum;
  EXPECT_EQ(sum.Total(), Evidence{});
  const Evidence good = {.verdict = kGood, .epoch = 3, .ticket = 4};
  sum.Add(good);
  EXPECT_EQ(sum.Total(), good);
  sum.Add(Evidence{});
  EXPECT_EQ(sum.Total().verdict, kUnchecked);
  sum.Add(good);
  EXPECT_EQ(sum.Total().verdict, kUnchecked);
}

TEST(VerdictTest, AByteThatIsNoVerdictSaysNothing) {
  const Evidence odd = {.verdict = static_cast<DigestVerdict>(200), .epoch = 1};
  const Evidence good = {.verdict = kGood, .epoch = 1};
  EXPECT_FALSE(IsVouchedFor(odd, 1));
  EXPECT_FALSE(IsVouchedFor(Merge(odd, good), 1));
}

}  // namespace
}  // namespace isthmus::digest
