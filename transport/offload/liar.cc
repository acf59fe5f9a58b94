// Model E, for tests: says "good" and "bad" by chance, of this life and of others. What it says is worth nothing; an audit
// must find it, and its false alarms must do no harm.
#include <memory>

#include "transport/offload/device.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

using digest::DigestVerdict;

class LiarDevice : public OffloadDevice {
 public:
  const char* name() const override { return "liar"; }

  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = true;
    return can;
  }

  bool Arm(const OffloadArm& arm) override {
    arm_ = arm;
    armed_ = true;
    ++counters_.epochs;
    return true;
  }

  void Disarm(RxDeliverySink&) override { armed_ = false; }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    RxSegment segment = Raw(frame.stream_offset, frame.payload);
    if (armed_) {
      // Mostly "good": a device that errs seldom is the dangerous one.
      state_ = state_ * 1664525 + 1013904223;
      const uint32_t lie = state_ >> 28;
      const bool good = lie > 2;
      segment.header = segment.data =
          Says(good ? DigestVerdict::kGood : DigestVerdict::kBad, lie == 3   ? arm_.epoch + 1
                                                                  : lie == 4 ? arm_.epoch - 1
                                                                             : arm_.epoch);
      ++(good ? counters_.good : counters_.bad);
    }
    sink.Deliver(segment);
  }

 private:
  OffloadArm arm_;
  bool armed_ = false;
  uint32_t state_ = 1;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewLiarDevice();
std::unique_ptr<OffloadDevice> NewLiarDevice() { return std::make_unique<LiarDevice>(); }

}  // namespace isthmus::transport
