// No device: every frame goes up as it is.
#include <memory>

#include "transport/offload/device.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

class SoftwareDevice : public OffloadDevice {
 public:
  const char* name() const override { return "software"; }
  OffloadCapabilities capabilities() const override { return {}; }
  bool Arm(const OffloadArm&) override { return false; }
  void Disarm(RxDeliverySink&) override {}
  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    counters_.Miss(MissReason::kNotArmed);
    sink.Deliver(Raw(frame.stream_offset, frame.payload));
  }
};

}  // namespace

std::unique_ptr<OffloadDevice> NewSoftwareDevice();
std::unique_ptr<OffloadDevice> NewSoftwareDevice() { return std::make_unique<SoftwareDevice>(); }

}  // namespace isthmus::transport
