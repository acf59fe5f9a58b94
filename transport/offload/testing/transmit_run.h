// The other direction: a real sender, a device that inserts digests, and the simulated TCP that reads the sender's memory each
// time that bytes leave. What arrives is told by a decoder that shares nothing with them.
//
//   TransmitRun run{.device = "frame-aligned", .sizes = {1392, 1392}};
//   run.tcp.loss = 1000;
//   const TransmitResult result = Send(run);     // result.wire, result.pdus
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_TESTING_TRANSMIT_RUN_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_TESTING_TRANSMIT_RUN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/connection/sender.h"
#include "protocol/connection/testing/wire_model.h"
#include "transport/offload/counters.h"
#include "transport/offload/testing/offload_run.h"
#include "transport/simulated_tcp.h"

namespace isthmus::transport::testing_support {

struct TransmitRun {
  std::string device = "software";
  uint32_t seed = 1;
  SimulatedTcpOptions tcp;
  std::vector<uint32_t> sizes;  // of the data of each PDU
  uint32_t verify_leases_one_in = 0;
  // A byte of each n-th PDU's data changes as soon as the PDU has left for the first time, which breaks its lease; 0: none.
  size_t spoil_sent_one_in = 0;
  // The buffer is filled with other bytes as soon as its lease has ended, as a lawful caller may.
  bool reuse_buffers = true;
  // When so many frames have left, the device is gone and software takes over.
  size_t fail_over_after_frames = ~size_t{0};
};

struct TransmitResult {
  isthmus::testing_support::ByteVector wire;  // as the peer's TCP puts it together
  std::vector<isthmus::testing_support::DecodedPdu> pdus;
  std::vector<isthmus::testing_support::ByteVector> sources;  // what was to be sent
  TxCounters sender;
  OffloadCounters device;
};
TransmitResult Send(const TransmitRun& run);

// A transfer of `size` bytes to a peer that accepts `segment`: cut by the device where it does that, else by the sender.
isthmus::testing_support::ByteVector SendSegmented(const std::string& device, uint32_t size,
                                                   uint32_t segment, bool header_digest,
                                                   bool data_digest);
// A transfer of `size` bytes with both digests, cut by the sender so that PDUs stay aligned.
PduStream SentAligned(uint32_t size, uint32_t aligned_data_segment_length);

}  // namespace isthmus::transport::testing_support

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_TESTING_TRANSMIT_RUN_H_
