// A digest device as its maker would add it; docs/offload.md goes through it. This one has no memory at all: it looks at one
// frame at a time, and vouches for each PDU that lies whole in it, however many there are. On transmit it inserts into
// segments that hold exactly one PDU.
//
// It is in the registry by one line of transport/offload/models.inc, and so in the property test, the corruption campaign and
// tools/bench offload.
#include <memory>

#include "digest/verdict.h"
#include "transport/offload/device.h"
#include "transport/offload/digest_inserter.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

class ExampleDevice : public OffloadDevice {
 public:
  const char* name() const override { return "example"; }

  // Asked before the login: the keys that are offered are clamped by it.
  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = can.inserts_digests = true;
    can.sizing.needs_alignment = true;  // what is longer than a segment is never whole in a frame
    return can;
  }

  // A life begins. What is said from here on bears its epoch, so that nothing said in an earlier life is believed.
  bool Arm(const OffloadArm& arm) override {
    arm_ = arm;
    armed_ = true;
    ++counters_.epochs;
    return true;
  }

  // It ends. A device that holds bytes passes them on here; one that answers later also overrides TornDown().
  void Disarm(RxDeliverySink&) override {
    counters_.disarmed += armed_;
    armed_ = false;
  }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    const MissReason reason = !armed_                                       ? MissReason::kNotArmed
                              : frame.stream_offset < arm_.rx_stream_offset ? MissReason::kPreEnable
                              : frame.oddity != FrameOddity::kNone ? MissReason::kEncapsulation
                                                                   : MissReason::kCount;
    ByteSpan left = frame.payload;
    uint64_t at = frame.stream_offset;
    // Each PDU goes up as a segment of its own, with what is said of it.
    while (reason == MissReason::kCount && !left.empty()) {
      const ByteSpan pdu = WholePdu(left);
      if (pdu.empty()) break;
      RxSegment segment = Raw(at, pdu);
      if (Agrees(pdu)) {
        ++counters_.good;
        segment.header = segment.data = Says(digest::DigestVerdict::kGood, arm_.epoch);
        // It took the frame's first byte for a PDU's: true only if it is one, and the receiver knows.
        segment.pdu_offset = at;
      } else {
        counters_.Miss(MissReason::kDigestDisagrees);
      }
      sink.Deliver(segment);
      at += pdu.size();
      left = left.subspan(pdu.size());
    }
    if (left.empty()) return;
    // The rest as it came. Silence is always right; the reason is for whoever wonders.
    counters_.Miss(reason != MissReason::kCount ? reason : MissReason::kPduOverFrames);
    sink.Deliver(Raw(at, left));
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
  PduLengths Lengths(ByteSpan bytes) const {
    return LengthsOf(bytes, arm_.header_digest, arm_.data_digest);
  }

  // Empty: the bytes hold no whole one.
  ByteSpan WholePdu(ByteSpan bytes) const {
    if (bytes.size() < 48) return {};
    const PduLengths lengths = Lengths(bytes);
    return lengths.total <= bytes.size() ? bytes.first(static_cast<size_t>(lengths.total))
                                         : ByteSpan();
  }

  bool Agrees(ByteSpan pdu) const {
    const PduLengths lengths = Lengths(pdu);
    const auto header = static_cast<size_t>(lengths.header);
    return (!arm_.header_digest || DigestAgrees(pdu.first(header))) &&
           (!arm_.data_digest || lengths.data == 0 || DigestAgrees(pdu.subspan(header)));
  }

  OffloadArm arm_;
  bool armed_ = false;
  DigestInserter inserter_;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewExampleDevice();
std::unique_ptr<OffloadDevice> NewExampleDevice() { return std::make_unique<ExampleDevice>(); }

}  // namespace isthmus::transport
