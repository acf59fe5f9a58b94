// Walks an iSCSI stream (RFC 7143 section 11.2) frame by frame as a card does: by the lengths in its headers alone.
//
// Who owns which bytes: the frame's are the caller's; of a header that two frames share, a copy is kept.
//
//   PduWalk walk;
//   FrameKind kind = walk.Feed(stream_offset, payload, digests);
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_PDU_WALK_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_PDU_WALK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/kernel.h"
#include "transport/device_link.h"

namespace isthmus::transport {

constexpr size_t kPduHeaderSize = 48;

// Where a PDU's parts lie, from its first byte.
struct PduShape {
  size_t header_digest = 0;  // of the digest; 0: none
  size_t data = 0, data_size = 0, padding = 0;
  size_t data_digest = 0;  // 0: none
  size_t size = 0;
};

// `digests`: kHeaderDigestBit, kDataDigestBit. `header` holds at least kPduHeaderSize bytes.
PduShape ShapeOf(std::span<const std::byte> header, uint32_t digests);

// Whether each digest of a whole PDU agrees.
bool DigestsAgree(std::span<const std::byte> pdu, const PduShape& shape,
                  const digest::Kernel& kernel);

class PduWalk {
 public:
  // The kind of a frame whose data begin at `stream_offset`, given what came before it. Digests begin at `digests_from`.
  FrameKind Feed(uint64_t stream_offset, std::span<const std::byte> payload, uint64_t digests_from,
                 uint32_t digests);
  // A PDU begins at this offset, whatever was lost before.
  void Resync(uint64_t stream_offset);
  bool lost() const { return lost_; }

 private:
  std::array<std::byte, kPduHeaderSize> header_{};
  size_t header_got_ = 0;
  uint64_t next_ = 0;      // the next byte in order
  uint64_t boundary_ = 0;  // where the current PDU ends; with a partial header: where it begins
  bool lost_ = false;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_PDU_WALK_H_
