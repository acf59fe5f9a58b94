// Model C (NVIDIA ULP offload): follows the stream, and says of each packet whether all digests that end in it are good.
// After a gap it looks for a header, asks the engine whether a PDU begins there, and is silent until the answer.
#include <memory>

#include "transport/offload/device.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

using digest::DigestVerdict;

class StreamDevice : public OffloadDevice {
 public:
  const char* name() const override { return "stream"; }

  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = can.needs_resync = true;
    return can;
  }

  bool Arm(const OffloadArm& arm) override {
    arm_ = arm;
    armed_ = true;
    next_ = arm.rx_stream_offset;
    state_ = State::kFollowing;
    follower_.Start(arm.header_digest, arm.data_digest);
    ++counters_.epochs;
    return true;
  }

  void Disarm(RxDeliverySink&) override {
    counters_.disarmed += armed_;
    armed_ = false;
    torn_down_ = false;  // it ends at the next poll: hardware answers late
  }
  bool TornDown() const override { return armed_ || torn_down_; }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    RxSegment segment = Raw(frame.stream_offset, frame.payload);
    const MissReason miss = Look(frame, &segment);
    if (miss != MissReason::kCount) counters_.Miss(miss);
    sink.Deliver(segment);
  }

  bool NextCompletion(OffloadCompletion*) override {
    if (!armed_) torn_down_ = true;
    return false;
  }

  bool ResyncQuestion(uint64_t* stream_offset) override {
    if (!armed_ || state_ != State::kAsking || asked_) return false;
    asked_ = true;
    ++counters_.resyncs_asked;
    *stream_offset = candidate_;
    return true;
  }

  void ResyncAnswer(uint64_t stream_offset, bool pdu_starts_here) override {
    if (!armed_ || state_ != State::kAsking || stream_offset != candidate_) return;
    ++(pdu_starts_here ? counters_.resyncs_confirmed : counters_.resyncs_denied);
    state_ = pdu_starts_here ? State::kFollowing : State::kLost;
  }

 private:
  enum class State : uint8_t { kFollowing, kLost, kAsking };

  // Sets what is said of the segment; kCount: something good or bad.
  MissReason Look(const RxFrame& frame, RxSegment* segment) {
    if (!armed_) return MissReason::kNotArmed;
    const uint64_t end = frame.stream_offset + frame.payload.size();
    if (end <= arm_.rx_stream_offset) return MissReason::kPreEnable;
    if (end <= next_) return MissReason::kOutOfOrder;  // sent again
    const bool whole = frame.stream_offset >= arm_.rx_stream_offset;
    if (frame.stream_offset > next_ || (frame.stream_offset < next_ && whole) ||
        frame.oddity == FrameOddity::kFragment) {
      state_ = State::kLost;
      next_ = end;
      if (frame.oddity == FrameOddity::kNone) Search(frame, frame.stream_offset);
      return MissReason::kOutOfOrder;
    }
    const ByteSpan bytes = frame.payload.subspan(static_cast<size_t>(next_ - frame.stream_offset));
    const uint64_t begin = next_;
    next_ = end;
    if (state_ == State::kLost) {
      Search(frame, begin);
      return MissReason::kResyncPending;
    }
    const bool good = Follow(bytes);
    if (!good && !follower_.lost()) return Say(DigestVerdict::kBad, segment, whole);
    if (!good) {
      state_ = State::kLost;
      return MissReason::kDigestDisagrees;
    }
    if (state_ == State::kAsking) return MissReason::kResyncPending;
    return Say(DigestVerdict::kGood, segment, whole);
  }

  MissReason Say(DigestVerdict verdict, RxSegment* segment, bool whole) {
    if (state_ == State::kAsking) return MissReason::kResyncPending;
    if (!whole) return MissReason::kPreEnable;  // began before the digests did
    ++(verdict == DigestVerdict::kGood ? counters_.good : counters_.bad);
    segment->header = segment->data = Says(verdict, arm_.epoch);
    return MissReason::kCount;
  }

  // Whether all digests that end here agree.
  bool Follow(ByteSpan bytes) {
    bool good = true;
    while (!bytes.empty() && !follower_.lost()) {
      const PduFollower::Step step = follower_.Next(bytes);
      good = good && step.digest_agrees;
      bytes = bytes.subspan(step.bytes);
    }
    return good;
  }

  // A header whose digest agrees. Without header digests nothing tells one: then the device stays silent.
  void Search(const RxFrame& frame, uint64_t from) {
    if (!arm_.header_digest) return;
    const ByteSpan all = frame.payload;
    for (auto at = static_cast<size_t>(from - frame.stream_offset); at + 52 <= all.size(); ++at) {
      const ByteSpan bytes = all.subspan(at);
      const PduLengths lengths = LengthsOf(bytes, arm_.header_digest, arm_.data_digest);
      if (lengths.header > bytes.size()) continue;
      if (!DigestAgrees(bytes.first(static_cast<size_t>(lengths.header)))) continue;
      candidate_ = frame.stream_offset + at;
      state_ = State::kAsking;
      asked_ = false;
      follower_.Start(arm_.header_digest, arm_.data_digest);
      Follow(bytes);
      if (follower_.lost()) state_ = State::kLost;
      return;
    }
  }

  OffloadArm arm_;
  bool armed_ = false, torn_down_ = true, asked_ = false;
  State state_ = State::kLost;
  uint64_t next_ = 0;
  uint64_t candidate_ = 0;
  PduFollower follower_;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewStreamDevice();
std::unique_ptr<OffloadDevice> NewStreamDevice() { return std::make_unique<StreamDevice>(); }

}  // namespace isthmus::transport
