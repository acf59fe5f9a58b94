// Cases in which offload breaks in the field, one test each; what every model does under all faults at once is in
// property_test.cc. Of a simulated NIC, on a simulated TCP.
#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "protocol/connection/offload_sizing.h"
#include "transport/offload/counters.h"
#include "transport/offload/testing/offload_run.h"

namespace isthmus::transport {
namespace {

using testing_support::Carry;
using testing_support::EqualPdus;
using testing_support::OffloadResult;
using testing_support::OffloadRun;
using testing_support::PduStream;
using testing_support::WithoutDevice;

constexpr const char* kHonest[] = {"frame-aligned", "full-pdu", "stream", "accelerator"};

OffloadRun Aligned(const char* device, size_t count = 60) {
  OffloadRun run;
  run.device = device;
  run.stream = EqualPdus(count, 1392, true, true);
  run.tcp.timestamps = true;
  return run;
}

void ExpectSameAsSoftware(const OffloadRun& run) {
  EXPECT_EQ(Carry(run).events, Carry(WithoutDevice(run)).events) << run.device;
}

// The accelerator's model fails now and then, and leaves headers alone.
TEST(OffloadCasesTest, AnAlignedStreamCostsNoSoftwareDigest) {
  for (const char* device : {"frame-aligned", "full-pdu", "stream"}) {
    const OffloadResult result = Carry(Aligned(device));
    EXPECT_EQ(result.receiver.data_digests_by_device, 60u) << device;
    EXPECT_EQ(result.receiver.header_digests_by_device, 60u) << device;
    EXPECT_EQ(result.receiver.data_digest_bytes_by_software, 0u) << device;
    EXPECT_EQ(result.device.missed(), 0u) << device;
  }
  EXPECT_GE(Carry(Aligned("accelerator")).receiver.data_digests_by_device, 50u);
}

TEST(OffloadCasesTest, ASmallerPathMtuMissesUntilPdusAreResized) {
  OffloadRun run = Aligned("frame-aligned", 100);
  const PduStream small = EqualPdus(50, 940, true, true);
  const uint64_t begin = run.stream.bytes.size();
  run.stream.bytes.insert(run.stream.bytes.end(), small.bytes.begin(), small.bytes.end());
  for (uint64_t end : small.ends) run.stream.ends.push_back(begin + end);
  PathShape narrow;
  narrow.mtu = 1048;  // less 52 of headers: 996, which is 940 and 56
  run.tcp.changes.push_back({run.stream.ends[49], narrow, 0});
  const OffloadResult result = Carry(run);
  EXPECT_EQ(result.receiver.data_digests_by_device, 100u);
  EXPECT_EQ(result.receiver.data_digests_by_software, 50u);
  EXPECT_GE(result.device.missed(), 50u);
  ExpectSameAsSoftware(run);
}

TEST(OffloadCasesTest, WhatIsSentAgainInOtherCutsIsNotVouchedForByTheFirst) {
  for (const char* device : kHonest) {
    OffloadRun run = Aligned(device);
    run.tcp.loss = 1500;
    run.tcp.recut = true;
    run.tcp.spoil = 500;
    for (run.seed = 1; run.seed < 50; ++run.seed) ExpectSameAsSoftware(run);
  }
}

TEST(OffloadCasesTest, MergedWithUncheckedIsCheckedInSoftware) {
  OffloadRun run = Aligned("frame-aligned", 200);
  run.tcp.odd = 2500;
  run.tcp.reorder = 3000;  // so that several pieces wait and are merged
  const OffloadResult apart = Carry(run);
  run.gro = 4;
  const OffloadResult merged = Carry(run);
  EXPECT_EQ(apart.events, merged.events);
  EXPECT_LT(merged.receiver.data_digests_by_device, apart.receiver.data_digests_by_device);
}

TEST(OffloadCasesTest, FalseAlarmsAreCountedAndNotActedOn) {
  OffloadRun run = Aligned("liar", 300);
  const OffloadResult result = Carry(run);
  EXPECT_GT(result.receiver.device_bad_software_good, 20u);
  EXPECT_EQ(result.bad_pdus, 0u);
  ExpectSameAsSoftware(run);
}

// Of 2,000 PDUs 400 are spoiled; the liar calls 11 of 16 good in its own life.
TEST(OffloadCasesTest, AnAuditFindsFalseGoodAtItsRate) {
  OffloadRun run = Aligned("liar", 2000);
  for (size_t i = 0; i < 2000; i += 5) run.stream.bytes[run.stream.ends[i] - 8] ^= std::byte{1};
  EXPECT_EQ(Carry(WithoutDevice(run)).bad_pdus, 400u);
  const OffloadResult none = Carry(run);
  EXPECT_LT(none.bad_pdus, 200u);  // it cannot be told without an audit
  EXPECT_EQ(none.receiver.device_good_software_bad, 0u);
  run.audit_one_in = 1;
  const OffloadResult all = Carry(run);
  EXPECT_EQ(all.bad_pdus, 400u);
  EXPECT_EQ(all.receiver.device_good_software_bad, 400u - none.bad_pdus);
  run.audit_one_in = 4;
  const uint64_t found = Carry(run).receiver.device_good_software_bad;
  EXPECT_GT(found, (400u - none.bad_pdus) / 4 - 30);
  EXPECT_LT(found, (400u - none.bad_pdus) / 4 + 30);
}

TEST(OffloadCasesTest, BytesBeforeArmingAreCheckedInSoftware) {
  for (const char* device : kHonest) {
    for (size_t frames = 0; frames < 8; ++frames) {
      for (size_t pdu = 0; pdu < 8; ++pdu) {
        OffloadRun run = Aligned(device, 20);
        run.tcp.aligned = false;
        run.arm_after_frames = frames;
        run.arm_offset = run.stream.ends[pdu];
        const OffloadResult result = Carry(run);
        EXPECT_GT(result.device.missed(), 0u);
        EXPECT_GE(result.receiver.data_digests_by_software, pdu + 1) << device;
        ExpectSameAsSoftware(run);
      }
    }
  }
}

TEST(OffloadCasesTest, DisarmedAtAnyFrameWithAnswersLateAndTwice) {
  for (const char* device : kHonest) {
    for (size_t frames = 1; frames < 30; ++frames) {
      OffloadRun run = Aligned(device, 20);
      run.tcp.aligned = false;
      run.disarm_after_frames = frames;
      run.late_completions = true;
      ExpectSameAsSoftware(run);
    }
  }
}

TEST(OffloadCasesTest, OddFramesAreDeclined) {
  OffloadRun run = Aligned("frame-aligned");
  run.tcp.odd = 10000;
  const OffloadResult result = Carry(run);
  EXPECT_EQ(result.device.good, 0u);
  EXPECT_EQ(result.device.missed(), 60u);
  EXPECT_GT(result.device.missed(MissReason::kFragment), 0u);
  EXPECT_GT(result.device.missed(MissReason::kIpOptions), 0u);
  EXPECT_GT(result.device.missed(MissReason::kEncapsulation), 0u);
  EXPECT_GT(result.device.missed(MissReason::kUrgent), 0u);
  ExpectSameAsSoftware(run);
}

}  // namespace
}  // namespace isthmus::transport
