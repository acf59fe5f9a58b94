// The driver's end of the software NIC: a model whose connections share rings with the card (shared.h).
//
// Options: socket=PATH of the card, send=gathered (PDUs are not cut into segments of their own), transmit=software,
// receive=software, segment=any (MaxRecvDataSegmentLength is left as it is, however many frames a PDU then takes), audit=N and
// leases=N (software computes, or verifies, one PDU in N all the same).
//
//   absl::StatusOr<std::unique_ptr<DeviceModel>> model = OpenSoftwareNic("frame-aligned", options);
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_LINK_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_LINK_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "transport/device_link.h"
#include "transport/software_nic/shared.h"

namespace isthmus::transport {

// What was said of the received bytes that are not read yet: frames may overlap, come late, or again, cut otherwise. A byte
// that came twice is good only if it was each time: which copy the host keeps, nobody knows.
class VerdictMap {
 public:
  enum class State : uint8_t { kMissing, kGood, kUnchecked };

  void Add(const RxRecord& record);
  // As DeviceLink.
  size_t Limit(uint64_t stream_offset, size_t runs) const;
  size_t Take(uint64_t stream_offset, size_t bytes, uint32_t epoch, std::span<RxRun> out);

 private:
  struct Run {
    uint64_t begin, end;
    State state;
  };
  void Overlay(uint64_t begin, uint64_t end, State state);

  std::vector<Run> runs_;  // without gaps, from the first that is not taken
  uint64_t taken_ = 0;
};

absl::StatusOr<std::unique_ptr<DeviceModel>> OpenSoftwareNic(
    const std::string& name, const std::vector<std::string>& options);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_LINK_H_
