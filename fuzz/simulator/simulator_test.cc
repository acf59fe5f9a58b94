// The simulator's bounded part: seeds that must hold, the same hash from the same seed, and planted
// faults that must be reported: an oracle that never fails proves nothing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/simulator/model_disk.h"
#include "fuzz/simulator/report.h"
#include "fuzz/simulator/scenario.h"
#include "fuzz/simulator/shrink.h"
#include "fuzz/simulator/simulation.h"
#include "fuzz/simulator/wire_monitor.h"
#include "gtest/gtest.h"

namespace isthmus::simulator {
namespace {

constexpr uint64_t kSeeds = 120;
constexpr uint64_t kFirst = 1'000'000;

TEST(SimulatorTest, EveryRuleHoldsForEachSeed) {
  Counts counts;
  for (uint64_t seed = kFirst; seed < kFirst + kSeeds; ++seed) {
    Report report;
    simulator::Run(MakeScenario(seed), {}, &report);
    ASSERT_FALSE(report.failed()) << "tools/simulate --seed " << seed << ": " << report.failure();
    counts.blocks_checked += report.counts.blocks_checked;
    counts.logins += report.counts.logins;
    for (size_t i = 0; i < kFaultKinds; ++i) counts.faults[i] += report.counts.faults[i];
  }
  // It was not quiet: every kind of fault took place, and data was compared.
  EXPECT_GT(counts.blocks_checked, kSeeds * 50);
  EXPECT_GT(counts.logins, kSeeds);
  for (size_t i = 0; i < kFaultKinds; ++i) {
    EXPECT_GT(counts.faults[i], 0u) << Name(static_cast<FaultKind>(i));
  }
}

TEST(SimulatorTest, TheSameSeedGivesTheSameTrace) {
  std::vector<uint64_t> hashes;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Report first, second;
    simulator::Run(MakeScenario(seed), {}, &first);
    simulator::Run(MakeScenario(seed), {}, &second);
    EXPECT_EQ(first.hash(), second.hash()) << seed;
    EXPECT_EQ(first.counts.steps, second.counts.steps) << seed;
    for (uint64_t hash : hashes) EXPECT_NE(hash, first.hash());
    hashes.push_back(first.hash());
  }
}

// A planted fault and no other.
Scenario Quiet(uint64_t seed, Plant plant) {
  Scenario scenario = MakePlanted(seed, plant);
  scenario.faults.clear();
  return scenario;
}

// In how many of 20 seeds the plant is reported, by the rule that is to find it.
size_t Reported(Plant plant, const std::vector<std::string>& rules) {
  size_t reported = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Report report;
    simulator::Run(Quiet(seed, plant), {}, &report);
    if (!report.failed()) continue;
    bool expected = false;
    for (const std::string& rule : rules) expected = expected || report.rule() == rule;
    EXPECT_TRUE(expected) << seed << ": " << report.failure();
    ++reported;
  }
  return reported;
}

TEST(PlantTest, NothingIsReportedWhereNothingIsPlanted) {
  EXPECT_EQ(Reported(Plant::kNone, {}), 0u);
}
TEST(PlantTest, AWrongBlockIsReported) { EXPECT_GE(Reported(Plant::kWrongBlock, {"data"}), 8u); }
// A lost write is seen only if the blocks are read before others write them.
TEST(PlantTest, ALostWriteIsReported) { EXPECT_GE(Reported(Plant::kLostWrite, {"data"}), 3u); }
TEST(PlantTest, AStaleReadIsReported) { EXPECT_GE(Reported(Plant::kStaleRead, {"data"}), 3u); }
TEST(PlantTest, ATornWriteIsReported) { EXPECT_GE(Reported(Plant::kTornWrite, {"data"}), 3u); }
TEST(PlantTest, CorruptionBeforeTheDigestIsReported) {
  EXPECT_GE(Reported(Plant::kCorruptBeforeDigest, {"data"}), 8u);
}
// Without digests a changed bit may fall on a header: then whatever it breaks is reported.
TEST(PlantTest, CorruptionWithoutDigestsIsReported) {
  EXPECT_GE(Reported(Plant::kCorruptNoDigest, {"data", "data_in_bytes", "residual", "ExpStatSN"}),
            2u);
}
TEST(PlantTest, ADroppedCompletionIsReported) {
  EXPECT_EQ(Reported(Plant::kDroppedCompletion, {"progress"}), 20u);
}
TEST(PlantTest, ATaskThatIsKeptIsReported) {
  EXPECT_EQ(Reported(Plant::kKeptTask, {"progress"}), 20u);
}

// Whose lie passes for truth: a digest that is not computed protects nothing.
TEST(PlantTest, ADeviceThatLiesAboutChangedDataIsReported) {
  EXPECT_GE(Reported(Plant::kLyingDevice, {"data", "ExpStatSN"}), 2u);
}
TEST(PlantTest, ALeaseThatIsGivenBackTwiceIsReported) {
  EXPECT_GE(Reported(Plant::kLeaseTwice, {"lease"}), 15u);
}

// Each kind of device carries digests that nobody else computed, and each says nothing at times.
TEST(SimulatorTest, EveryDeviceTakesPart) {
  for (const char* model :
       {"software", "frame-aligned", "full-pdu", "stream", "accelerator", "liar"}) {
    Counts counts;
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      Scenario scenario = MakeScenario(seed);
      scenario.offload = {model, model};
      std::erase_if(scenario.faults, [&](const Fault& fault) {
        return fault.kind == FaultKind::kCorrupt && std::string_view(model) == "liar";
      });
      for (HostConfig& host : scenario.hosts) {
        host.offer.HeaderDigest = host.offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
      }
      scenario.target_offer.HeaderDigest =
          scenario.target_offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
      Report report;
      simulator::Run(scenario, {}, &report);
      ASSERT_FALSE(report.failed()) << model << ", seed " << seed << ": " << report.failure();
      counts.device_frames += report.counts.device_frames;
      counts.device_good += report.counts.device_good;
    }
    EXPECT_GT(counts.device_frames, 1000u) << model;
    EXPECT_EQ(counts.device_good > 0, std::string_view(model) != "software") << model;
  }
}

TEST(ShrinkTest, LeavesOutWhatTheFailureDoesNotNeed) {
  Scenario scenario = MakeScenario(3);
  const size_t operations = scenario.operations.size();
  // Fails as long as operation 5's block count and fault 1 are there.
  const uint32_t lba = scenario.operations[5].lba;
  const uint32_t blocks = scenario.operations[5].blocks;
  size_t trials = 0;
  const Trial trial = [&](const Scenario& small) -> std::string {
    ++trials;
    for (const Operation& operation : small.operations) {
      if (operation.lba == lba && operation.blocks == blocks) return "data";
    }
    return "";
  };
  const Omissions omissions = Shrink(scenario, "data", trial, 1000);
  EXPECT_EQ(omissions.operations.size(), operations - 1);
  EXPECT_EQ(omissions.faults.size(), scenario.faults.size());
  EXPECT_LT(trials, 1000u);
  EXPECT_EQ(FormatIndices({0, 1, 2, 7, 9, 10}), "0-2,7,9-10");
  EXPECT_EQ(ParseIndices("0-2,7,9-10"), (std::vector<size_t>{0, 1, 2, 7, 9, 10}));
}

TEST(ShrinkTest, ARunApartReportsTheRuleThatWasBroken) {
  EXPECT_EQ(RunApart(Quiet(1, Plant::kNone)), "");
  EXPECT_EQ(RunApart(Quiet(1, Plant::kDroppedCompletion)), "progress");
}

class ModelTest : public ::testing::Test {
 protected:
  std::string Check(uint64_t read, uint64_t write) {
    std::array<std::byte, kBlockBytes> block;
    FillBlock(write, 2, block);
    return model_.CheckBlock(read, 2, block);
  }
  ModelDisk model_{4};
};

TEST_F(ModelTest, AcknowledgedWritesSupersedeEarlierOnes) {
  const uint64_t first = model_.BeginWrite(2, 1);
  const uint64_t during = model_.BeginRead();
  EXPECT_EQ(Check(during, 0), "");
  EXPECT_EQ(Check(during, first), "");
  model_.EndWrite(first, true);
  EXPECT_EQ(Check(during, 0), "");
  const uint64_t after = model_.BeginRead();
  EXPECT_NE(Check(after, 0), "");
  EXPECT_EQ(Check(after, first), "");
}

TEST_F(ModelTest, WritesInDoubtMayHaveHappenedOrNot) {
  const uint64_t doubtful = model_.BeginWrite(2, 1);
  model_.EndWrite(doubtful, false);
  const uint64_t read = model_.BeginRead();
  EXPECT_EQ(Check(read, 0), "");
  EXPECT_EQ(Check(read, doubtful), "");
  const uint64_t later = model_.BeginWrite(2, 1);
  model_.EndWrite(later, true);
  const uint64_t last = model_.BeginRead();
  EXPECT_NE(Check(last, doubtful), "");
  EXPECT_EQ(Check(last, later), "");
}

TEST_F(ModelTest, ContentIsComparedWhole) {
  std::array<std::byte, kBlockBytes> block;
  FillBlock(0, 2, block);
  block[511] ^= std::byte{1};
  EXPECT_NE(model_.CheckBlock(model_.BeginRead(), 2, block), "");
  FillBlock(0, 3, block);
  EXPECT_NE(model_.CheckBlock(model_.BeginRead(), 2, block), "");
}

// PDUs by hand, for the monitor's own rules. RFC 7143 section 11.
std::vector<std::byte> Pdu(uint8_t opcode, uint8_t flags, uint32_t itt, uint32_t w24, uint32_t w28,
                           uint32_t w32, uint32_t w36 = 0) {
  std::vector<std::byte> pdu(48);
  pdu[0] = std::byte{opcode};
  pdu[1] = std::byte{flags};
  const auto put = [&](size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) pdu[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
  };
  put(16, itt);
  put(24, w24);
  put(28, w28);
  put(32, w32);
  put(36, w36);
  return pdu;
}

class MonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    monitor_.Sent(true, Pdu(0x43, 0x87, 0, 5, 0, 0));
    monitor_.Sent(false, Pdu(0x23, 0x87, 0, 100, 5, 8));
    monitor_.Sent(true, Pdu(0x01, 0xc1, 1, 5, 101, 0));
    EXPECT_FALSE(report_.failed()) << report_.failure();
  }
  Report report_;
  WireMonitor monitor_{&report_};
};

TEST_F(MonitorTest, AcceptsOneStatusForACommand) {
  monitor_.Sent(false, Pdu(0x21, 0x80, 1, 101, 6, 9));
  EXPECT_FALSE(report_.failed()) << report_.failure();
  monitor_.Sent(false, Pdu(0x21, 0x80, 1, 102, 6, 9));
  EXPECT_EQ(report_.rule(), "final status");
}
TEST_F(MonitorTest, ReportsAStatusThatNobodyAskedFor) {
  monitor_.Sent(false, Pdu(0x21, 0x80, 2, 101, 6, 9));
  EXPECT_EQ(report_.rule(), "task");
}
TEST_F(MonitorTest, ReportsAHoleInStatSn) {
  monitor_.Sent(false, Pdu(0x21, 0x80, 1, 102, 6, 9));
  EXPECT_EQ(report_.rule(), "StatSN");
}
TEST_F(MonitorTest, ReportsAWindowThatCloses) {
  monitor_.Sent(false, Pdu(0x20, 0x80, 0xffffffff, 101, 6, 9));
  monitor_.Sent(false, Pdu(0x20, 0x80, 0xffffffff, 101, 6, 8));
  EXPECT_EQ(report_.rule(), "MaxCmdSN");
}
TEST_F(MonitorTest, ReportsACommandBeyondTheWindow) {
  monitor_.Sent(false, Pdu(0x20, 0x80, 0xffffffff, 101, 6, 6));
  monitor_.Sent(true, Pdu(0x01, 0xc1, 2, 6, 101, 0));
  EXPECT_FALSE(report_.failed());
  monitor_.Sent(true, Pdu(0x01, 0xc1, 3, 7, 101, 0));
  EXPECT_EQ(report_.rule(), "window");
}
TEST_F(MonitorTest, ReportsAHoleInCmdSn) {
  monitor_.Sent(true, Pdu(0x01, 0xc1, 2, 7, 101, 0));
  EXPECT_EQ(report_.rule(), "CmdSN");
}
TEST_F(MonitorTest, ReportsAHoleInDataSn) {
  monitor_.Sent(false, Pdu(0x25, 0x00, 1, 0, 6, 9, 1));
  EXPECT_EQ(report_.rule(), "DataSN");
}
TEST_F(MonitorTest, ReportsAnInitiatorTaskTagInUse) {
  monitor_.Sent(true, Pdu(0x01, 0xc1, 1, 6, 101, 0));
  EXPECT_EQ(report_.rule(), "Initiator Task Tag");
}
TEST_F(MonitorTest, ReportsADigestThatIsWrong) {
  monitor_.StartFullFeature({.header_digest = true, .data_digest = true});
  std::vector<std::byte> pdu = Pdu(0x21, 0x80, 1, 101, 6, 9);
  pdu.resize(52);
  monitor_.Sent(false, pdu);
  EXPECT_EQ(report_.rule(), "header digest");
}
TEST_F(MonitorTest, ReportsExpStatSnThatGoesBack) {
  monitor_.Sent(true, Pdu(0x40, 0x80, 7, 6, 100, 0));
  EXPECT_EQ(report_.rule(), "ExpStatSN");
}

// RFC 7143 A.4: 32 bytes of zeros, and of ones.
TEST(SlowCrc32cTest, KnowsTheExamples) {
  const std::vector<uint8_t> zeros(32, 0), ones(32, 0xff);
  EXPECT_EQ(SlowCrc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(SlowCrc32c(ones), 0x62a8ab43u);
}

}  // namespace
}  // namespace isthmus::simulator
