// The transmit half of a device: fills placeholders, and remembers what it put there until TCP has the acknowledgement, so that
// what is sent again carries the same digest, whatever has become of the data in the host's memory. RFC 7143 section 11.2.3.
//
// Who owns which bytes: a frame's payload is the driver's, changed in place.
//
//   if (frame.exactly_one_pdu) inserter.Fill(frame, counters);
//   inserter.Acknowledged(stream_offset);
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_DIGEST_INSERTER_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_DIGEST_INSERTER_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

#include "digest/select.h"
#include "digest/value.h"
#include "protocol/connection/sender.h"
#include "transport/offload/counters.h"
#include "transport/offload/device.h"

namespace isthmus::transport {

class DigestInserter : public InsertedDigests {
 public:
  virtual ~DigestInserter() = default;

  // Of a frame that holds exactly one PDU.
  void Fill(const TxFrame& frame, OffloadCounters& counters) {
    const auto [known, is_new] = known_.try_emplace(frame.stream_offset);
    Digests& digests = known->second;
    for (const TxDigest& digest : frame.digests) {
      std::byte* const at = frame.payload.data() + digest.offset;
      const uint32_t crc =
          digest::SelectKernel().extend({}, at - digest.covers, digest.covers).value;
      // The header's is the one that covers the PDU from its first byte.
      uint32_t& inserted = digest.offset == digest.covers ? digests.header : digests.data;
      if (is_new) {
        inserted = crc;
        ++counters.inserted_digests;
      } else {
        ++counters.inserted_again;
        counters.lease_violations += inserted != crc;
      }
      digest::StoreDigest(digest::Crc32c{inserted}, at);
    }
  }

  // TCP will not ask for anything below it again.
  void Acknowledged(uint64_t stream_offset) {
    // A PDU is forgotten with the one that begins behind it, so that the last may lie across.
    while (known_.size() > 1 && std::next(known_.begin())->first <= stream_offset) {
      known_.erase(known_.begin());
    }
  }

  bool Find(uint64_t stream_offset, Digests* digests) const override {
    const auto known = known_.find(stream_offset);
    if (known == known_.end()) return false;
    *digests = known->second;
    return true;
  }

 private:
  std::map<uint64_t, Digests> known_;  // by the offset of the PDU
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_DIGEST_INSERTER_H_
