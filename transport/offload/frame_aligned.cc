// Model A (Solarflare 2007): a frame that holds exactly one PDU is checked, all others pass in silence. It keeps no state
// between frames. On transmit it inserts digests into segments that hold exactly one PDU.
#include <memory>

#include "transport/offload/device.h"
#include "transport/offload/digest_inserter.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

class FrameAlignedDevice : public OffloadDevice {
 public:
  const char* name() const override { return "frame-aligned"; }

  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = can.inserts_digests = true;
    can.sizing.needs_alignment = true;
    return can;
  }

  bool Arm(const OffloadArm& arm) override {
    arm_ = arm;
    armed_ = true;
    ++counters_.epochs;
    return true;
  }

  void Disarm(RxDeliverySink&) override {
    counters_.disarmed += armed_;
    armed_ = false;
  }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    RxSegment segment = Raw(frame.stream_offset, frame.payload);
    const MissReason miss = Check(frame);
    if (miss == MissReason::kCount) {
      ++counters_.good;
      segment.header = segment.data = Says(digest::DigestVerdict::kGood, arm_.epoch);
      segment.pdu_offset = frame.stream_offset;
    } else {
      counters_.Miss(miss);
    }
    sink.Deliver(segment);
  }

  bool Transmit(const TxFrame& frame) override {
    if (!armed_ || !frame.exactly_one_pdu || frame.stream_offset < arm_.tx_stream_offset) {
      ++counters_.declined_transmits;
      return false;
    }
    inserter_.Fill(frame, counters_);
    return true;
  }
  void Acknowledged(uint64_t stream_offset) override { inserter_.Acknowledged(stream_offset); }
  const InsertedDigests* inserted() const override { return &inserter_; }

 private:
  static MissReason MissOf(FrameOddity oddity) {
    switch (oddity) {
      case FrameOddity::kIpOptions:
        return MissReason::kIpOptions;
      case FrameOddity::kFragment:
        return MissReason::kFragment;
      case FrameOddity::kUrgent:
        return MissReason::kUrgent;
      case FrameOddity::kVlan:
      case FrameOddity::kTunnel:
        return MissReason::kEncapsulation;
      case FrameOddity::kNone:
        break;
    }
    return MissReason::kCount;
  }

  // kCount: good.
  MissReason Check(const RxFrame& frame) const {
    if (!armed_) return MissReason::kNotArmed;
    if (frame.stream_offset < arm_.rx_stream_offset) return MissReason::kPreEnable;
    if (frame.oddity != FrameOddity::kNone) return MissOf(frame.oddity);
    if (frame.coalesced > 1) return MissReason::kCoalesced;
    const ByteSpan bytes = frame.payload;
    if (bytes.size() < 48) return MissReason::kUnaligned;
    const PduLengths lengths = LengthsOf(bytes, arm_.header_digest, arm_.data_digest);
    if (lengths.total > bytes.size()) return MissReason::kPduOverFrames;
    if (lengths.total < bytes.size()) return MissReason::kSeveralPdus;
    if (lengths.header > kMaxHeader) return MissReason::kAhs;
    const auto header = static_cast<size_t>(lengths.header);
    if (arm_.header_digest && !DigestAgrees(bytes.first(header))) {
      return MissReason::kDigestDisagrees;
    }
    if (arm_.data_digest && lengths.data > 0 && !DigestAgrees(bytes.subspan(header))) {
      return MissReason::kDigestDisagrees;
    }
    return MissReason::kCount;
  }

  static constexpr uint64_t kMaxHeader = 48 + 4;  // without AHS: its parser knows no other

  OffloadArm arm_;
  bool armed_ = false;
  DigestInserter inserter_;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewFrameAlignedDevice();
std::unique_ptr<OffloadDevice> NewFrameAlignedDevice() {
  return std::make_unique<FrameAlignedDevice>();
}

}  // namespace isthmus::transport
