// Both engines with devices that place data by tags of their own choosing: Data-In by the ITT, Data-Out by the TTT. RFC 7143
// sections 11.2.1.8, 11.7.4, 11.8.5.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bench/pair.h"
#include "digest/select.h"
#include "gtest/gtest.h"
#include "protocol/connection/segment.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "transport/offload/device.h"
#include "transport/offload/registry.h"

namespace isthmus {
namespace {

using transport::OffloadDevice;
using transport::RxDeliverySink;

constexpr uint32_t kTagBits = 6;
constexpr uint32_t kWriteBytes = 50'001;

// What one side's device delivers goes to that side's engine.
class Up final : public RxDeliverySink {
 public:
  void Deliver(const RxSegment& segment) override { take(segment); }
  std::function<void(const RxSegment&)> take;
};

struct PlacedPair {
  explicit PlacedPair(bool digests) : pair(Options(digests)) {
    for (auto& device : devices) device = transport::NewOffloadDevice("full-pdu");
    pair.on_initiator_event = [this](const initiator::Event& event) {
      if (event.kind == initiator::EventKind::kArmDigests) Arm(0, event.stream_offset);
    };
    pair.on_target_event = [this](const target::Event& event) {
      if (event.kind == target::EventKind::kArmDigests) Arm(1, event.stream_offset);
      if (event.kind != target::EventKind::kCommand || !event.write) return false;
      // The buffer is known to the device before the R2T leaves.
      uint32_t tag = 0;
      EXPECT_TRUE(devices[1]->RegisterBuffer(std::span(pair.disk).first(kWriteBytes), 0, &tag));
      EXPECT_TRUE(pair.target()
                      .AcceptData(event.task, 0, std::span(pair.disk).first(kWriteBytes), tag)
                      .ok());
      return true;
    };
    pair.move = [this](auto& left, auto& right, Instant now) {
      bool moved = Carry(left, right, 1, now);
      moved |= Carry(right, left, 0, now);
      return moved;
    };
  }

  static bench::PairOptions Options(bool digests) {
    bench::PairOptions options;
    options.initiator.initiator_name = "iqn.2026-11.example.host:a";
    options.initiator.target_name = "iqn.2026-11.example.target:b";
    options.initiator.isid = {std::byte{0x80}};
    options.initiator.kernel = options.target.kernel = &digest::SelectKernel();
    text::Offer offer;
    if (!digests) offer.HeaderDigest = offer.DataDigest = {text::DigestAlgorithm::kNone};
    offer.MaxRecvDataSegmentLength = 8192;
    offer.ImmediateData = false;
    options.initiator.offer = options.target_offer = offer;
    options.target_offer.TargetPortalGroupTag = 1;
    options.initiator_session.limits.device_tag_bits = kTagBits;
    options.target_session.limits.device_tag_bits = kTagBits;
    return options;
  }

  void Arm(size_t side, uint64_t stream_offset) {
    transport::OffloadArm arm;
    arm.epoch = 1;
    arm.rx_stream_offset = stream_offset;
    arm.header_digest = arm.data_digest = digests_on;
    EXPECT_TRUE(devices[side]->Arm(arm));
  }

  // One PDU at most, as a frame, through the device of the side that receives.
  template <class From, class To>
  bool Carry(From& from, To& to, size_t side, Instant now) {
    std::array<TxSlice, 16> slices;
    const size_t count = from.PollTransmit(slices, now);
    std::vector<std::byte> frame;
    for (size_t i = 0; i < count; ++i) {
      frame.insert(frame.end(), slices[i].data, slices[i].data + slices[i].size);
      if (Has(slices[i].flags, TxFlags::kPduEnd)) break;
    }
    if (frame.empty()) return false;
    if (alter) alter(frame);
    if ((frame[0] & std::byte{0x3f}) == std::byte{0x25}) data_in_tags.push_back(frame[16]);
    if ((frame[0] & std::byte{0x3f}) == std::byte{0x05}) data_out_tags.push_back(frame[20]);
    up.take = [&](const RxSegment& segment) { to.Receive(segment, now); };
    devices[side]->Receive({.stream_offset = offsets[side], .payload = frame}, up);
    offsets[side] += frame.size();
    from.OnSent(frame.size());
    from.OnTransportDone(offsets[side]);
    return true;
  }

  bool digests_on = true;
  std::array<std::unique_ptr<OffloadDevice>, 2> devices;  // of initiator and target
  std::array<uint64_t, 2> offsets{};
  std::vector<std::byte> data_in_tags, data_out_tags;  // the topmost bytes
  std::function<void(std::vector<std::byte>&)> alter;
  Up up;
  bench::Pair pair;
};

std::vector<std::byte> Cdb(uint8_t opcode) {
  std::vector<std::byte> cdb(10);
  cdb[0] = std::byte{opcode};
  return cdb;
}

TEST(PlacementTest, DataGoToTheBuffersThatTagsName) {
  PlacedPair placed(true);
  ASSERT_TRUE(placed.pair.LogIn());
  std::vector<std::byte> source(kWriteBytes), back(kWriteBytes);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 11 + i / 253);
  const std::vector<std::byte> write = Cdb(0x2a), read = Cdb(0x28);
  initiator::TaskId task;
  ASSERT_TRUE(placed.pair.initiator().Submit({.cdb = write, .data_out = source}, &task).ok());
  placed.pair.Run();
  ASSERT_EQ(placed.pair.completions, 1u);
  EXPECT_EQ(placed.devices[1]->counters().placed_bytes, kWriteBytes);

  uint32_t tag = 0, other = 0;
  std::vector<std::byte> not_used(kWriteBytes);
  ASSERT_TRUE(placed.devices[0]->RegisterBuffer(not_used, 0, &other));
  ASSERT_TRUE(placed.devices[0]->RegisterBuffer(back, 0, &tag));
  EXPECT_NE(tag, other);
  // More than the bits that were reserved.
  EXPECT_FALSE(placed.pair.initiator()
                   .Submit({.cdb = read, .data_in = back, .device_tag = 1u << kTagBits}, &task)
                   .ok());
  ASSERT_TRUE(placed.pair.initiator()
                  .Submit({.cdb = read, .data_in = back, .device_tag = tag}, &task)
                  .ok());
  placed.pair.Run();
  ASSERT_EQ(placed.pair.completions, 2u);
  EXPECT_TRUE(source == back);
  EXPECT_EQ(placed.devices[0]->counters().placed_bytes, kWriteBytes);
  EXPECT_LT(placed.pair.initiator().rx_counters()->copied_data_bytes,
            1000u);  // the text of the login
  EXPECT_EQ(placed.pair.initiator().rx_counters()->data_digest_bytes_by_software, 0u);
  EXPECT_GT(placed.pair.initiator().rx_counters()->data_digests_by_device, 5u);
  EXPECT_TRUE(not_used == std::vector<std::byte>(kWriteBytes));
  for (std::byte top : placed.data_in_tags) EXPECT_EQ(std::to_integer<uint32_t>(top) >> 2, tag);
  for (std::byte top : placed.data_out_tags) EXPECT_EQ(std::to_integer<uint32_t>(top) >> 2, 1u);
  EXPECT_GT(placed.data_out_tags.size(), 5u);

  // A buffer that is released, or was never told of: the same data, by a copy.
  placed.devices[0]->ReleaseBuffer(tag);
  back.assign(kWriteBytes, std::byte{0});
  ASSERT_TRUE(placed.pair.initiator()
                  .Submit({.cdb = read, .data_in = back, .device_tag = tag}, &task)
                  .ok());
  placed.pair.Run();
  EXPECT_EQ(placed.pair.completions, 3u);
  EXPECT_TRUE(source == back);
  EXPECT_EQ(placed.devices[0]->counters().placed_bytes, kWriteBytes);
}

// A tag with other bits of the device than were given is no tag of ours.
TEST(PlacementTest, OtherBitsThanWereGivenNameNoTask) {
  for (uint8_t opcode : {0x05, 0x25}) {
    PlacedPair placed(false);
    placed.digests_on = false;
    ASSERT_TRUE(placed.pair.LogIn());
    std::vector<std::byte> source(kWriteBytes, std::byte{0x77}), back(kWriteBytes);
    placed.alter = [&](std::vector<std::byte>& frame) {
      if ((frame[0] & std::byte{0x3f}) == std::byte{opcode}) {
        frame[opcode == 0x05 ? 20 : 16] ^= std::byte{0x80};
      }
    };
    const std::vector<std::byte> cdb = Cdb(opcode == 0x05 ? 0x2a : 0x28);
    initiator::TaskId task;
    const initiator::Command command = opcode == 0x05
                                           ? initiator::Command{.cdb = cdb, .data_out = source}
                                           : initiator::Command{.cdb = cdb, .data_in = back};
    ASSERT_TRUE(placed.pair.initiator().Submit(command, &task).ok());
    placed.pair.Run();
    EXPECT_EQ(placed.pair.completions, 0u);
    EXPECT_NE(placed.pair.disk[0], std::byte{0x77});
  }
}

}  // namespace
}  // namespace isthmus
