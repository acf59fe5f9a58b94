// The ring against a model; what receiver and sender write into it. Opcodes and lengths as RFC 7143 section 11 has them.
#include "protocol/connection/trace.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "digest/select.h"
#include "gtest/gtest.h"
#include "protocol/arena.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/testing/wire_model.h"
#include "protocol/wire/field.h"

namespace isthmus {
namespace {

using digest::DigestVerdict;
using testing_support::ByteVector;
using testing_support::MakePdu;
using testing_support::ModelPdu;
using testing_support::Pattern;

ByteVector HeaderOf(const PduTrace& trace) { return {trace.header.begin(), trace.header.end()}; }

TEST(PduTraceRing, KeepsTheYoungestWholeInOrderAndCountsTheLost) {
  for (size_t capacity : {size_t{0}, size_t{100}, PduTraceRing::kMinBytes, size_t{4001}}) {
    std::mt19937 random(static_cast<uint32_t>(capacity));
    ByteVector memory(capacity + 3);
    const std::span<std::byte> odd(memory.data() + 3, capacity);
    PduTraceRing ring(odd);
    std::deque<std::pair<uint64_t, ByteVector>> model;  // number, header; the oldest may be lost
    uint64_t added = 0, pulled = 0, last = 0;
    for (int step = 0; step < 20000; ++step) {
      if (random() % 5 != 0) {
        const ByteVector bhs = Pattern(48, random());
        const ByteVector ahs = Pattern(random() % 3 == 0 ? 4 * (random() % 256) : 0, random());
        PduTrace trace;
        trace.stream_offset = added;
        ring.Add(trace, bhs, ahs);
        ByteVector header = bhs;
        header.insert(header.end(), ahs.begin(), ahs.end());
        model.emplace_back(added++, header);
        continue;
      }
      PduTrace trace;
      if (!ring.Next(&trace)) {
        // Nothing is left; only what never fitted may be missing here.
        if (capacity >= PduTraceRing::kMinBytes) {
          EXPECT_TRUE(model.empty());
        }
        model.clear();
        continue;
      }
      while (!model.empty() && model.front().first < trace.number) model.pop_front();
      ASSERT_FALSE(model.empty());
      ASSERT_EQ(trace.number, model.front().first);
      ASSERT_EQ(trace.stream_offset, trace.number);
      ASSERT_EQ(HeaderOf(trace), model.front().second);
      ASSERT_TRUE(pulled == 0 || trace.number > last);
      last = trace.number;
      model.pop_front();
      ++pulled;
    }
    uint64_t left = 0;
    for (PduTrace trace; ring.Next(&trace); last = trace.number) ++left;
    EXPECT_EQ(pulled + left + ring.lost(), added);
    if (capacity >= PduTraceRing::kMinBytes) {
      EXPECT_EQ(last, added - 1);
      EXPECT_GT(pulled, 1000u);
    }
  }
}

TEST(PduTraceRing, TheSmallestHoldsTheLongestHeader) {
  ByteVector memory(PduTraceRing::kMinBytes);
  PduTraceRing ring(memory);
  const ByteVector bhs = Pattern(48), ahs = Pattern(1020, 2);
  for (int i = 0; i < 3; ++i) {
    ring.Add({}, bhs, ahs);
    PduTrace trace;
    ASSERT_TRUE(ring.Next(&trace));
    EXPECT_EQ(trace.header.size(), 1068u);
  }
  EXPECT_EQ(ring.lost(), 0u);
}

// PDUs through a receiver whose every PDU is traced.
class TracedReceiver {
 public:
  TracedReceiver() : memory_(1 << 16), ring_(memory_) {
    Receiver::Options options;
    options.kernel = &digest::SelectKernel();
    options.MaxRecvDataSegmentLength = 512;
    options.tracer = {.ring = &ring_, .source = 42};
    receiver_ = std::make_unique<Receiver>(options);
    receiver_->SetDigests(true, true);
    ring_.SeeTime(Instant{77});
  }

  // False: framing is lost.
  bool Take(const ByteVector& bytes, digest::Evidence evidence = {}) {
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = bytes;
    segment.header = segment.data = evidence;
    EXPECT_TRUE(receiver_->Push(segment));
    offset_ += bytes.size();
    for (RxItem item; receiver_->Next(&item);) {
      if (item.kind == RxItemKind::kError) return false;
      if (item.kind == RxItemKind::kHeader && item.data_segment_length > 0)
        receiver_->SetSink(sink_);
    }
    return true;
  }

  PduTrace Expect() {
    PduTrace trace;
    EXPECT_TRUE(ring_.Next(&trace));
    EXPECT_EQ(trace.source, 42u);
    EXPECT_EQ(trace.at, Instant{77});
    EXPECT_EQ(trace.direction, PduDirection::kReceived);
    return trace;
  }
  PduTraceRing& ring() { return ring_; }
  const ByteVector& memory() const { return memory_; }

 private:
  ByteVector memory_;
  PduTraceRing ring_;
  std::unique_ptr<Receiver> receiver_;
  ByteVector sink_ = ByteVector(512);
  uint64_t offset_ = 0;
};

TEST(ReceiverTrace, TellsHeaderVerdictsAndOffset) {
  TracedReceiver receiver;
  ModelPdu command = MakePdu(0x01, 33, 1, 3);
  ASSERT_TRUE(receiver.Take(Encode(command, true, true)));
  ModelPdu bad = MakePdu(0x05, 20, 2);
  bad.data_digest_xor = 1;
  ASSERT_TRUE(receiver.Take(Encode(bad, true, true)));
  ASSERT_TRUE(receiver.Take(Encode(MakePdu(0x02, 0, 3), true, true)));

  const PduTrace first = receiver.Expect();
  EXPECT_EQ(HeaderOf(first).size(), 48u + 12u);
  EXPECT_EQ(first.header[0], std::byte{0x01});
  EXPECT_EQ(ByteVector(first.header.begin() + 48, first.header.end()), command.ahs);
  EXPECT_EQ(first.data_segment_length, 33u);
  EXPECT_EQ(first.header_verdict, DigestVerdict::kGood);
  EXPECT_EQ(first.data_verdict, DigestVerdict::kGood);
  EXPECT_FALSE(first.header_by_device || first.data_by_device);
  EXPECT_EQ(first.stream_offset, 0u);
  const PduTrace second = receiver.Expect();
  EXPECT_EQ(second.data_verdict, DigestVerdict::kBad);
  EXPECT_EQ(second.stream_offset, 48u + 12u + 4u + 36u + 4u);
  EXPECT_EQ(second.error, ErrorCode::kOk);
  const PduTrace third = receiver.Expect();
  EXPECT_EQ(third.data_verdict, DigestVerdict::kUnchecked);
  EXPECT_EQ(third.header_verdict, DigestVerdict::kGood);
  PduTrace none;
  EXPECT_FALSE(receiver.ring().Next(&none));
}

TEST(ReceiverTrace, TellsWhatADeviceVouchedFor) {
  TracedReceiver receiver;
  digest::Evidence good;
  good.verdict = DigestVerdict::kGood;
  good.epoch = 1;
  ASSERT_TRUE(receiver.Take(Encode(MakePdu(0x05, 20, 2), true, true), good));
  const PduTrace trace = receiver.Expect();
  EXPECT_TRUE(trace.header_by_device && trace.data_by_device);
  EXPECT_EQ(trace.header_verdict, DigestVerdict::kGood);
  EXPECT_EQ(trace.data_verdict, DigestVerdict::kGood);
}

TEST(ReceiverTrace, TheLastRecordSaysWhyFramingWasLost) {
  TracedReceiver digest;
  ModelPdu bad = MakePdu(0x05, 20, 2);
  bad.header_digest_xor = 0x100;
  const ByteVector bytes = Encode(bad, true, true);
  ASSERT_FALSE(digest.Take(bytes));
  PduTrace trace = digest.Expect();
  EXPECT_EQ(trace.error, ErrorCode::kHeaderDigest);
  EXPECT_EQ(trace.header_verdict, DigestVerdict::kBad);
  EXPECT_EQ(trace.data_segment_length, 0u) << "no length of a header that is not believed";
  EXPECT_EQ(HeaderOf(trace), ByteVector(bytes.begin(), bytes.begin() + 48));

  TracedReceiver length;
  ASSERT_FALSE(length.Take(Encode(MakePdu(0x05, 516, 2), true, true)));
  trace = length.Expect();
  EXPECT_EQ(trace.error, ErrorCode::kDataSegmentTooLong);
  EXPECT_EQ(trace.header_verdict, DigestVerdict::kGood);
  EXPECT_EQ(trace.data_segment_length, 516u);
}

TEST(SenderTrace, TellsEachPduOnceWhenItIsFrozen) {
  class NoStamper final : public Stamper {
   public:
    void Stamp(wire::Bhs& header, uint64_t) override { header.bytes[24] = std::byte{0xee}; }
  } stamper;
  ByteVector memory(1 << 16), data = Pattern(1000);
  PduTraceRing ring(memory);
  ring.SeeTime(Instant{5});
  Sender::Options options;
  options.kernel = &digest::SelectKernel();
  options.tracer = {.ring = &ring, .source = 9};
  ByteVector arena_memory(Sender::MemoryNeeded(options));
  Arena arena(arena_memory);
  Sender sender(options, arena);
  sender.SetDigests(true, true);
  sender.SetMaxDataSegmentLength(512);
  Transfer transfer;
  transfer.header.bytes[0] = std::byte{0x05};
  transfer.source = data;
  ASSERT_TRUE(sender.QueueTransfer(transfer));
  TxSlice slices[64];
  for (int again = 0; again < 2; ++again) ASSERT_GT(sender.PollTransmit(slices, stamper), 0u);

  PduTrace trace;
  ASSERT_TRUE(ring.Next(&trace));
  EXPECT_EQ(trace.direction, PduDirection::kSent);
  EXPECT_EQ(trace.source, 9u);
  EXPECT_EQ(trace.at, Instant{5});
  EXPECT_EQ(trace.data_segment_length, 512u);
  EXPECT_EQ(trace.header.size(), 48u);
  EXPECT_EQ(trace.header[24], std::byte{0xee}) << "as it leaves: stamped";
  EXPECT_EQ(trace.header_verdict, DigestVerdict::kGood);
  EXPECT_EQ(trace.data_verdict, DigestVerdict::kGood);
  ASSERT_TRUE(ring.Next(&trace));
  EXPECT_EQ(trace.stream_offset, 48u + 4u + 512u + 4u);
  EXPECT_EQ(trace.data_segment_length, 488u);
  EXPECT_FALSE(ring.Next(&trace));

  // Another ring from now on, and a device that inserts the data digest.
  ByteVector other_memory(1 << 16);
  PduTraceRing other(other_memory);
  sender.SetTracer({.ring = &other, .source = 10});
  sender.SetDeviceInserts(false, true);
  ASSERT_TRUE(sender.QueueTransfer(transfer));
  ASSERT_GT(sender.PollTransmit(slices, stamper), 0u);
  EXPECT_FALSE(ring.Next(&trace));
  ASSERT_TRUE(other.Next(&trace));
  EXPECT_EQ(trace.source, 10u);
  EXPECT_EQ(trace.data_verdict, DigestVerdict::kPending);
  EXPECT_TRUE(trace.data_by_device && !trace.header_by_device);
}

}  // namespace
}  // namespace isthmus
