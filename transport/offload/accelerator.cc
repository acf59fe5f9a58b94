// Model D (DSA, SPDK accel): behind TCP, in stream order. Each PDU's data waits under a ticket; the answers come some PDUs
// later, in any order. Its queue may be full, and it may fail: then software checks. Now and then its copy engine moves the data
// instead, and gives the CRC of each run.
#include <deque>
#include <memory>

#include "digest/select.h"
#include "transport/offload/device.h"
#include "transport/offload/pdu_scan.h"
#include "transport/offload/reassembly.h"

namespace isthmus::transport {
namespace {

using digest::DigestVerdict;

class AcceleratorDevice : public OffloadDevice {
 public:
  const char* name() const override { return "accelerator"; }

  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_data_digest = can.answers_later = can.delivers_in_order = can.fills_digests = true;
    return can;
  }

  bool Arm(const OffloadArm& arm) override {
    if (seen_ > arm.rx_stream_offset) return false;
    stream_ = Reassembly(arm.rx_stream_offset);
    arm_ = arm;
    armed_ = true;
    ticket_ = 0;
    in_data_ = by_copy_ = false;
    follower_.Start(arm.header_digest, arm.data_digest);
    ++counters_.epochs;
    return true;
  }

  void Disarm(RxDeliverySink& sink) override {
    counters_.disarmed += armed_;
    armed_ = false;
    RxSegment piece;
    while (stream_.TakeAny(&piece)) sink.Deliver(Raw(piece.stream_offset, piece.bytes));
  }
  bool TornDown() const override { return armed_ || waiting_.empty(); }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    const uint64_t end = frame.stream_offset + frame.payload.size();
    if (end > seen_) seen_ = end;
    const size_t before =
        armed_ ? BytesBefore(arm_.rx_stream_offset, frame.stream_offset, frame.payload.size())
               : frame.payload.size();
    if (before > 0) {
      counters_.Miss(armed_ ? MissReason::kPreEnable : MissReason::kNotArmed);
      sink.Deliver(Raw(frame.stream_offset, frame.payload.first(before)));
    }
    stream_.Add(Raw(frame.stream_offset + before, frame.payload.subspan(before)));
    RxSegment piece;
    while (stream_.Next(1, &piece)) Take(piece.stream_offset, piece.bytes, sink);
  }

  bool NextCompletion(OffloadCompletion* completion) override {
    if (waiting_.empty()) return false;
    // Out of order: the youngest of the oldest four, in turn.
    const size_t at = (counters_.completions * 3) % (waiting_.size() < 4 ? waiting_.size() : 4);
    if (waiting_.size() < kLatencyPdus && armed_ && idle_polls_++ < 4) return false;
    idle_polls_ = 0;
    *completion = waiting_[at].completion;
    counters_.latency.Add(counters_.frames - waiting_[at].since);
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(at));
    ++counters_.completions;
    --counters_.in_flight;
    return true;
  }

 private:
  static constexpr size_t kQueuePdus = 8;
  static constexpr size_t kLatencyPdus = 3;
  static constexpr uint64_t kThresholdBytes = 64;  // less is faster by the CPU than asked for

  struct Waiting {
    OffloadCompletion completion;
    uint64_t since = 0;  // counters_.frames then
  };

  void Take(uint64_t at, ByteSpan bytes, RxDeliverySink& sink) {
    while (!bytes.empty()) {
      if (follower_.lost()) {
        counters_.Miss(MissReason::kDeviceError);
        sink.Deliver(Raw(at, bytes));
        return;
      }
      const PduFollower::Step step = follower_.Next(bytes);
      RxSegment segment = Raw(at, bytes.first(step.bytes));
      if (!step.in_header) TakeData(step, &segment);
      if (by_copy_) {
        DeliverCopied(step, segment, sink);
      } else {
        sink.Deliver(segment);
      }
      if (step.ends_part) by_copy_ = false;
      at += step.bytes;
      bytes = bytes.subspan(step.bytes);
    }
  }

  void TakeData(const PduFollower::Step& step, RxSegment* segment) {
    if (!in_data_) BeginData(step);
    if (ticket_ != 0) segment->data = Says(DigestVerdict::kPending, arm_.epoch, ticket_);
    if (!step.ends_pdu) return;
    in_data_ = false;
    if (ticket_ == 0) return;
    OffloadCompletion completion;
    completion.ticket = ticket_;
    if (in_parts_ && count_ % 17 == 0) {
      counters_.Miss(MissReason::kDeviceError);
    } else {
      ++(step.digest_agrees ? counters_.good : counters_.bad);
      completion.data = Says(step.digest_agrees ? DigestVerdict::kGood : DigestVerdict::kBad,
                             arm_.epoch, ticket_);
    }
    waiting_.push_back({completion, counters_.frames});
  }

  void BeginData(const PduFollower::Step& step) {
    in_data_ = true;
    ++count_;
    ticket_ = 0;
    in_parts_ = !step.ends_part;
    if (step.part_bytes < kThresholdBytes) {
      counters_.Miss(MissReason::kBelowThreshold);
    } else if (in_parts_ && count_ % 5 == 0) {
      by_copy_ = true;
    } else if (waiting_.size() == kQueuePdus) {
      counters_.Miss(MissReason::kQueueFull);
    } else {
      ticket_ = arm_.epoch << 24 | (count_ & 0xffffff);
      ++counters_.in_flight;
      if (counters_.in_flight > counters_.in_flight_peak) {
        counters_.in_flight_peak = counters_.in_flight;
      }
    }
  }

  // The copy engine's way: of each run of data that it moves, its CRC; what they make together, software works out.
  void DeliverCopied(const PduFollower::Step& step, RxSegment run, RxDeliverySink& sink) {
    const ByteSpan bytes = run.bytes;
    if (step.data_bytes > 0) {
      run.bytes = bytes.first(step.data_bytes);
      run.data.epoch = arm_.epoch;
      run.data.has_partial_crc = true;
      run.data.partial_crc =
          digest::SelectKernel().extend({}, run.bytes.data(), run.bytes.size()).value;
      sink.Deliver(run);
    }
    if (step.data_bytes < bytes.size()) {
      sink.Deliver(Raw(run.stream_offset + step.data_bytes, bytes.subspan(step.data_bytes)));
    }
  }

  OffloadArm arm_;
  bool armed_ = false;
  bool in_data_ = false;
  bool in_parts_ = false;  // the data came in several frames
  bool by_copy_ = false;
  uint32_t ticket_ = 0;
  uint32_t count_ = 0;
  uint32_t idle_polls_ = 0;
  Reassembly stream_;  // from the arming offset on
  uint64_t seen_ = 0;  // the end of what has come
  PduFollower follower_;
  std::deque<Waiting> waiting_;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewAcceleratorDevice();
std::unique_ptr<OffloadDevice> NewAcceleratorDevice() {
  return std::make_unique<AcceleratorDevice>();
}

}  // namespace isthmus::transport
