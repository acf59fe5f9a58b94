// A bounded campaign with fixed seeds, and that it would notice. The long one: bazel run -c opt
// //fuzz/corruption:corruption_campaign -- --pdus=1e8
#include "fuzz/corruption/campaign.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace isthmus::corruption {
namespace {

TEST(CorruptionCampaignTest, NoCorruptedPduIsAcceptedByReceiverOrDevice) {
  for (uint64_t seed : {1u, 2u}) {
    Options options;
    options.pdus = 300'000;
    options.seed = seed;
    options.exhaustive = false;
    options.all_bursts_bits = 8;
    const Report report = corruption::Run(options);
    std::string text;
    for (const std::string& line : report.Lines()) text += line + '\n';
    EXPECT_FALSE(report.failed()) << text;
    EXPECT_GE(report.corrupted(), 300'000u);
    ASSERT_GE(report.paths.size(), 5u) << text;
    for (const auto& [path, tally] : report.paths) {
      for (size_t i = 0; i < kErrorKinds; ++i) EXPECT_GT(tally.tried[i], 100u) << path << ' ' << i;
      EXPECT_GT(tally.intact, 1000u) << path;
    }
  }
}

TEST(CorruptionCampaignTest, AReportFailsOnWhatMayNotBe) {
  Report report;
  report.paths.push_back({"receiver", {}});
  EXPECT_FALSE(report.failed());
  Tally& tally = report.paths[0].tally;
  tally.tried.fill(1'000'000);
  EXPECT_FALSE(report.failed());
  tally.accepted[3] = 1;  // a burst
  EXPECT_TRUE(report.failed());
  tally.accepted[3] = 0;
  tally.accepted[4] = 1;  // random bytes: chance
  EXPECT_FALSE(report.failed());
  tally.accepted[4] = 9;
  EXPECT_TRUE(report.failed());
  tally.accepted[4] = 0;
  tally.intact_refused = 1;
  EXPECT_TRUE(report.failed());
}

}  // namespace
}  // namespace isthmus::corruption
