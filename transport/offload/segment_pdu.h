// Cuts one over-long Data-In or Data-Out into PDUs as the peer accepts them: what a device does for the host that lets it
// (TxFlags::kDeviceSegments). RFC 7143 section 11.7.
//
//   if (SegmentPdu(pdu, segment_bytes, true, true, &wire) == 0) it is no such PDU;
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_SEGMENT_PDU_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_SEGMENT_PDU_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace isthmus::transport {

// `pdu`: whole, with placeholders for the digests that are on. Appends to `wire`; returns how many PDUs.
size_t SegmentPdu(std::span<const std::byte> pdu, uint32_t segment_bytes, bool header_digest,
                  bool data_digest, std::vector<std::byte>* wire);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_SEGMENT_PDU_H_
