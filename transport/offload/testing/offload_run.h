// Runs a stream of PDUs through the simulated TCP, devices, the host's reassembly and the receiver, for the proof: the same
// wire input with every verdict removed gives the same events.
//
//   OffloadRun run{.stream = …, .device = "frame-aligned", .seed = 7};
//   EXPECT_EQ(Carry(run).events, Carry(WithoutDevice(run)).events);
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_TESTING_OFFLOAD_RUN_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_TESTING_OFFLOAD_RUN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/connection/receiver.h"
#include "transport/offload/counters.h"
#include "transport/offload/device.h"
#include "transport/simulated_tcp.h"

namespace isthmus::transport::testing_support {

struct PduStream {
  std::vector<std::byte> bytes;
  std::vector<uint64_t> ends;  // of each PDU
};
// `count` PDUs by seed, ITT their number, each data segment at most max_data; in data sometimes an image of a whole PDU.
PduStream RandomPdus(uint32_t seed, size_t count, uint32_t max_data, bool header_digest,
                     bool data_digest);
// All of the same size, no AHS.
PduStream EqualPdus(size_t count, uint32_t data_size, bool header_digest, bool data_digest);

// With AHS, or pad bytes that are not zero.
PduStream OddPdus(size_t count, uint32_t ahs_words, uint8_t pad_byte);

struct OffloadRun {
  PduStream stream;
  std::string device = "software";
  // Makes devices that the registry does not know; null: by name.
  std::function<std::unique_ptr<OffloadDevice>()> make;
  uint32_t seed = 1;
  SimulatedTcpOptions tcp;
  bool header_digest = true, data_digest = true;
  uint32_t MaxRecvDataSegmentLength = 65536;
  uint32_t audit_one_in = 0;
  bool placement = false;
  uint64_t arm_offset = 0;      // where the device is armed; digests begin at 0 all the same
  size_t arm_after_frames = 0;  // armed when so many have arrived
  size_t disarm_after_frames = ~size_t{0};
  bool late_completions = false;  // given to the receiver also after disarming, and twice
};
OffloadRun WithoutDevice(const OffloadRun& run);

struct OffloadResult {
  std::vector<std::string> events;
  RxCounters receiver;
  OffloadCounters device;  // of the first route
  OffloadCounters driver;  // what the driver counts: foreign devices
  bool torn_down = false;  // every device, in the end
  size_t bad_pdus = 0;
};
OffloadResult Carry(const OffloadRun& run);

}  // namespace isthmus::transport::testing_support

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_TESTING_OFFLOAD_RUN_H_
