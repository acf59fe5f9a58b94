// Cases in which offload breaks in the field, O1 to O12 of docs/offload.md, one test each (O8 is in
// protocol/connection/receiver_offload_test.cc); what every model does under all faults at once is in property_test.cc. Of a
// simulated NIC, on a simulated TCP.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "protocol/connection/offload_sizing.h"
#include "transport/offload/counters.h"
#include "transport/offload/device.h"
#include "transport/offload/registry.h"
#include "transport/offload/testing/offload_run.h"
#include "transport/offload/testing/transmit_run.h"

namespace isthmus::transport {
namespace {

using testing_support::Carry;
using testing_support::EqualPdus;
using testing_support::OffloadResult;
using testing_support::OffloadRun;
using testing_support::PduStream;
using testing_support::Send;
using testing_support::TransmitResult;
using testing_support::TransmitRun;
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

TEST(OffloadCasesTest, O1AnAlignedStreamCostsNoSoftwareDigest) {
  for (const char* device : kHonest) {
    const OffloadResult result = Carry(Aligned(device));
    EXPECT_EQ(result.receiver.data_digests_by_device, 60u) << device;
    EXPECT_EQ(result.receiver.data_digest_bytes_by_software, 0u) << device;
    EXPECT_EQ(result.device.missed(), 0u) << device;
    // Accelerators leave headers to the CPU.
    const bool headers = device != std::string("accelerator");
    EXPECT_EQ(result.receiver.header_digests_by_device, headers ? 60u : 0u) << device;
    EXPECT_EQ(result.receiver.data_digests_by_accelerator, headers ? 0u : 60u) << device;
    EXPECT_EQ(result.device.latency.total(), headers ? 0u : 60u) << device;
  }
}

TEST(OffloadCasesTest, O2ASmallerPathMtuMissesUntilPdusAreResized) {
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

TEST(OffloadCasesTest, O3WhatIsSentAgainInOtherCutsIsNotVouchedForByTheFirst) {
  for (const char* device : kHonest) {
    OffloadRun run = Aligned(device);
    run.tcp.loss = 1500;
    run.tcp.recut = true;
    run.tcp.spoil = 500;
    for (run.seed = 1; run.seed < 50; ++run.seed) ExpectSameAsSoftware(run);
  }
}

TEST(OffloadCasesTest, O4MergedWithUncheckedIsCheckedInSoftware) {
  OffloadRun run = Aligned("frame-aligned", 200);
  run.tcp.odd = 2500;
  run.tcp.reorder = 3000;  // so that several pieces wait and are merged
  const OffloadResult apart = Carry(run);
  run.tcp.gro = 4;
  const OffloadResult merged = Carry(run);
  EXPECT_EQ(apart.events, merged.events);
  EXPECT_LT(merged.receiver.data_digests_by_device, apart.receiver.data_digests_by_device);
}

TEST(OffloadCasesTest, O5FalseAlarmsAreCountedAndNotActedOn) {
  OffloadRun run = Aligned("liar", 300);
  const OffloadResult result = Carry(run);
  EXPECT_GT(result.receiver.device_bad_software_good, 20u);
  EXPECT_EQ(result.bad_pdus, 0u);
  ExpectSameAsSoftware(run);
}

// Of 2,000 PDUs 400 are spoiled; the liar calls 11 of 16 good in its own life.
TEST(OffloadCasesTest, O6AnAuditFindsFalseGoodAtItsRate) {
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

TEST(OffloadCasesTest, O7BytesBeforeArmingAreCheckedInSoftware) {
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

TEST(OffloadCasesTest, O9DisarmedAtAnyFrameWithAnswersLateAndTwice) {
  for (const char* device : kHonest) {
    for (size_t frames = 1; frames < 30; ++frames) {
      OffloadRun run = Aligned(device, 20);
      run.tcp.aligned = false;
      run.disarm_after_frames = frames;
      run.late_completions = true;
      ExpectSameAsSoftware(run);
      const OffloadResult result = Carry(run);
      EXPECT_TRUE(result.torn_down) << device << ' ' << frames;
      EXPECT_EQ(result.device.disarmed, 1u);
    }
  }
}

TEST(OffloadCasesTest, O10OddFramesAreDeclined) {
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

// The whole connection is tagged, or runs in a tunnel; the card merges frames; each is a reason of its own.
TEST(OffloadCasesTest, O10EncapsulationAndMergingAreReasonsForAMiss) {
  OffloadRun run = Aligned("frame-aligned");
  run.tcp.encapsulation = FrameOddity::kVlan;
  EXPECT_EQ(Carry(run).device.missed(MissReason::kEncapsulation), 60u);
  ExpectSameAsSoftware(run);
  // In a tunnel a segment has 50 bytes less: aligned PDUs do not fit any more.
  run.tcp.encapsulation = FrameOddity::kTunnel;
  EXPECT_EQ(Carry(run).device.missed(MissReason::kEncapsulation), 120u);
  ExpectSameAsSoftware(run);
  run.tcp.encapsulation = FrameOddity::kNone;
  run.tcp.lro = 2;
  EXPECT_EQ(Carry(run).device.missed(MissReason::kCoalesced), 30u);
  ExpectSameAsSoftware(run);
}

// What fills segments breaks alignment, and nothing else.
TEST(OffloadCasesTest, O10TsoNagleAndSmallSegmentsCostHitsOnly) {
  OffloadRun run = Aligned("frame-aligned");
  run.stream = EqualPdus(200, 1000, true, true);
  EXPECT_EQ(Carry(run).receiver.data_digests_by_device, 200u);
  run.tcp.nagle = true;
  EXPECT_LT(Carry(run).receiver.data_digests_by_device, 150u);
  ExpectSameAsSoftware(run);
  run.tcp.nagle = false;
  run.tcp.tso_bytes = 16000;
  run.tcp.aligned = false;
  EXPECT_LT(Carry(run).receiver.data_digests_by_device, 20u);
  ExpectSameAsSoftware(run);
  run.tcp.tso_bytes = 0;
  run.tcp.aligned = true;
  run.tcp.mss = 536;
  EXPECT_EQ(Carry(run).receiver.data_digests_by_device, 0u);
  EXPECT_GE(Carry(run).device.missed(MissReason::kPduOverFrames), 200u);
  ExpectSameAsSoftware(run);
}

// Each reason that a model gives, brought about.
TEST(OffloadCasesTest, EachMissHasItsReason) {
  OffloadRun run = Aligned("accelerator", 20);
  run.stream = EqualPdus(20, 40, true, true);
  EXPECT_EQ(Carry(run).device.missed(MissReason::kBelowThreshold), 20u);
  ExpectSameAsSoftware(run);
  run = Aligned("full-pdu", 20);
  run.stream = EqualPdus(20, 20000, true, true);
  EXPECT_EQ(Carry(run).device.missed(MissReason::kAboveSize), 20u);
  ExpectSameAsSoftware(run);
  for (const char* device : kHonest) {
    run = Aligned(device, 20);
    run.stream = testing_support::OddPdus(20, /*ahs_words=*/2, /*pad_byte=*/0);
    const OffloadResult ahs = Carry(run);
    EXPECT_EQ(ahs.device.missed(MissReason::kAhs),
              device == std::string("frame-aligned") ? 20u : 0u);
    ExpectSameAsSoftware(run);
    run.stream = testing_support::OddPdus(20, 0, /*pad_byte=*/7);
    const OffloadResult padding = Carry(run);
    EXPECT_EQ(padding.bad_pdus, 0u);
    EXPECT_EQ(padding.device.missed(MissReason::kPadding),
              device == std::string("full-pdu") ? 20u : 0u);
    ExpectSameAsSoftware(run);
  }
}

// Copy engines give the CRC of each run that they move: software only joins them.
TEST(OffloadCasesTest, PartialValuesSaveTheBytes) {
  OffloadRun run = Aligned("accelerator", 100);
  run.stream = EqualPdus(100, 4096, true, true);
  const OffloadResult result = Carry(run);
  EXPECT_EQ(result.receiver.data_digests_by_software, 20u + result.device.missed());
  EXPECT_EQ(result.receiver.data_digest_bytes_by_software, 4096u * result.device.missed());
  ExpectSameAsSoftware(run);
}

TEST(OffloadCasesTest, O11ChangedDataAreSentAgainWithTheirOldDigestAndCaught) {
  uint64_t caught = 0, violations = 0;
  for (const char* device : {"frame-aligned", "full-pdu"}) {
    for (bool fails_over : {false, true}) {
      for (uint32_t witness : {0u, 1u}) {
        TransmitRun run;
        run.device = device;
        run.sizes.assign(100, 1392);
        run.tcp.timestamps = true;
        run.tcp.loss = 2500;
        run.spoil_sent_one_in = 3;
        run.reuse_buffers = false;
        run.verify_leases_one_in = witness;
        if (fails_over) run.fail_over_after_frames = 60;
        for (run.seed = 1; run.seed < 20; ++run.seed) {
          run.tcp.recut = run.seed % 2 == 0;
          const TransmitResult result = Send(run);
          ASSERT_EQ(result.pdus.size(), 100u);
          uint64_t bad = 0;
          for (size_t i = 0; i < result.pdus.size(); ++i) {
            // Never a digest that agrees over changed data.
            const bool good = result.pdus[i].data_digest_is_right;
            ASSERT_TRUE(!good || result.pdus[i].data == result.sources[i]) << device << ' ' << i;
            bad += !good;
          }
          caught += bad;
          violations += result.device.lease_violations + result.sender.lease_violations;
          // The witness sees each of the 34 that changed, sent again or not.
          if (witness == 1) {
            EXPECT_EQ(result.sender.lease_violations, 34u) << device << ' ' << run.seed;
          }
        }
      }
    }
  }
  EXPECT_GT(caught, 500u);
  EXPECT_GT(violations, 500u);
}

TEST(OffloadCasesTest, ABufferIsNeverReadWhenItsLeaseHasEnded) {
  for (const char* device : {"software", "frame-aligned", "full-pdu"}) {
    TransmitRun run;
    run.device = device;
    run.sizes.assign(60, 1392);
    run.tcp.loss = 1500;
    run.tcp.reorder = 1500;
    run.tcp.duplicate = 1000;
    for (run.seed = 1; run.seed < 30; ++run.seed) {
      run.tcp.recut = run.seed % 2 == 0;
      run.tcp.aligned = run.seed % 3 != 0;
      const TransmitResult result = Send(run);
      for (size_t i = 0; i < result.pdus.size(); ++i) {
        ASSERT_TRUE(result.pdus[i].header_digest_is_right && result.pdus[i].data_digest_is_right);
        ASSERT_EQ(result.pdus[i].data, result.sources[i]);
      }
      EXPECT_EQ(result.device.lease_violations + result.sender.lease_violations, 0u);
    }
  }
}

TEST(OffloadCasesTest, O12MaterializedTransmitIsTheSameByteForByte) {
  uint64_t materialized = 0;
  for (const char* device : {"frame-aligned", "full-pdu"}) {
    for (size_t frames = 0; frames < 60; ++frames) {
      TransmitRun run;
      run.seed = static_cast<uint32_t>(frames) + 1;
      for (size_t i = 0; i < 40; ++i) run.sizes.push_back(static_cast<uint32_t>(i * 97 % 1500));
      run.tcp.loss = 2000;
      run.tcp.recut = frames % 2 == 0;
      run.tcp.aligned = frames % 3 != 0;
      run.device = "software";
      const TransmitResult software = Send(run);
      EXPECT_EQ(software.sender.data_digests_by_device, 0u);
      run.device = device;
      run.fail_over_after_frames = frames;
      const TransmitResult failed_over = Send(run);
      EXPECT_EQ(failed_over.sender.data_digests_by_device, 39u);
      materialized += failed_over.sender.materialized;
      ASSERT_EQ(failed_over.wire, software.wire) << device << ' ' << frames;
    }
  }
  EXPECT_GT(materialized, 500u);
}

// Half a PDU by one device, half by another: neither's word counts for the whole.
TEST(OffloadCasesTest, O12HalfAPduByEachOfTwoDevicesIsCheckedInSoftware) {
  for (const char* device : kHonest) {
    for (uint64_t at = 1; at < 1170; at += 23) {  // not in the last segment of the three
      OffloadRun run = Aligned(device, 12);
      run.tcp.path.mtu = 640;  // three segments a PDU
      run.tcp.changes.push_back({run.stream.ends[5] + at, run.tcp.path, 1});
      run.tcp.changes.push_back({run.stream.ends[8] + at, run.tcp.path, 0});
      const OffloadResult result = Carry(run);
      ExpectSameAsSoftware(run);
      EXPECT_EQ(result.receiver.device_good_software_bad, 0u);
      // The two in which the route changed, at least.
      EXPECT_GE(result.receiver.data_digests_by_software, 2u) << device << ' ' << at;
    }
  }
}

// What the device cuts from over-long PDUs is what software cuts.
TEST(OffloadCasesTest, ADeviceSegmentsToTheStreamOfSoftware) {
  for (uint32_t size : {1u, 511u, 512u, 513u, 4096u, 5001u}) {
    for (uint32_t segment : {512u, 515u, 1000u}) {
      for (int digests = 0; digests < 4; ++digests) {
        ASSERT_EQ(
            testing_support::SendSegmented("full-pdu", size, segment, digests & 1, digests & 2),
            testing_support::SendSegmented("software", size, segment, digests & 1, digests & 2))
            << size << ' ' << segment << ' ' << digests;
      }
    }
  }
  const auto device = NewOffloadDevice("full-pdu");
  std::vector<std::byte> wire;
  EXPECT_FALSE(device->Segment(std::vector<std::byte>(48), 512, &wire));  // a NOP-Out
}

// The sender follows the path: PDUs are as long as stays aligned now.
TEST(OffloadCasesTest, O2TheSenderFollowsThePathMtu) {
  PathShape path;
  path.tcp_option_bytes = 12;
  uint32_t offset = 0;
  for (uint32_t mtu : {1500u, 9000u, 1280u}) {
    path.mtu = mtu;
    SizingLimits limits;
    limits.needs_alignment = true;
    const uint32_t aligned =
        DataSegmentLengthToSend(1 << 20, SegmentBytes(path), {true, true}, limits);
    const PduStream stream = testing_support::SentAligned(50'000, aligned);
    OffloadRun run;
    run.device = "frame-aligned";
    run.stream = stream;
    run.tcp.path = path;
    const OffloadResult result = Carry(run);
    EXPECT_EQ(result.receiver.data_digests_by_software, 0u) << mtu;
    EXPECT_EQ(result.device.missed(), 0u) << mtu;
    offset += aligned;
  }
  EXPECT_EQ(offset, 1392u + 8892u + 1172u);
}

}  // namespace
}  // namespace isthmus::transport
