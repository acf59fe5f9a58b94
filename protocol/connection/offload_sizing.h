// How large a PDU may be so that it fills one TCP segment and no more, which is what a device that checks one PDU a frame
// needs. RFC 7143 section 11.2 (framing), 13.12 (MaxRecvDataSegmentLength: 512 to 2^24-1); RFC 9293 section 3.7.1 (MSS).
//
//   PathShape path{.mtu = 9000, .tcp_option_bytes = 12};            // timestamps
//   uint32_t mss = SegmentBytes(path);                              // 8948
//   uint32_t declare = AlignedDataSegmentLength(mss, {true, true}); // 8892, asked again whenever the path MTU changes
#ifndef ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_SIZING_H_
#define ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_SIZING_H_

#include <cstdint>

namespace isthmus {

struct PathShape {
  uint32_t mtu = 1500;  // of the IP packet, in bytes
  bool ipv6 = false;
  uint32_t ip_option_bytes = 0;   // IPv4 options, or IPv6 extension headers
  uint32_t tcp_option_bytes = 0;  // timestamps 12, SACK blocks 4 + 8 each, at most 40 in all
  uint32_t tunnel_bytes = 0;  // outer headers inside this MTU (VXLAN over IPv4 50, a VLAN tag none)
};

struct PduShape {
  bool header_digest = false;
  bool data_digest = false;
  uint32_t ahs_bytes = 0;  // whole words, at most 1020
};

// Payload of a full TCP segment; 0: nothing fits.
constexpr uint32_t SegmentBytes(const PathShape& path) {
  const uint64_t headers = (path.ipv6 ? 40u : 20u) + uint64_t{20} + path.ip_option_bytes +
                           path.tcp_option_bytes + path.tunnel_bytes;
  return path.mtu > headers ? static_cast<uint32_t>(path.mtu - headers) : 0;
}

// Bytes of a PDU on the wire: 48, AHS, header digest, data, padding, data digest where there is data.
constexpr uint64_t PduBytes(const PduShape& shape, uint32_t data_segment_length) {
  const uint64_t padded = (uint64_t{data_segment_length} + 3) / 4 * 4;
  return 48 + uint64_t{shape.ahs_bytes} + (shape.header_digest ? 4 : 0) + padded +
         (shape.data_digest && data_segment_length > 0 ? 4 : 0);
}

// The longest data segment, a multiple of 4, whose PDU fits into `segment_bytes`; 0: none.
constexpr uint32_t AlignedDataSegmentLength(uint32_t segment_bytes, const PduShape& shape) {
  const uint64_t other =
      48 + uint64_t{shape.ahs_bytes} + (shape.header_digest ? 4 : 0) + (shape.data_digest ? 4 : 0);
  if (segment_bytes < other + 4) return 0;
  const uint64_t size = (segment_bytes - other) / 4 * 4;
  constexpr uint64_t kLongest = ((1u << 24) - 1) / 4 * 4;  // of what a header can say
  return static_cast<uint32_t>(size < kLongest ? size : kLongest);
}

// What a device can do, as far as it decides sizes.
struct SizingLimits {
  bool needs_alignment = false;  // checks or inserts only where a segment holds exactly one PDU
  bool segments_pdus = false;    // transmit: cuts one over-long PDU itself
  uint32_t max_pdu_bytes = 0;    // longer ones it does not check; 0: any
};

// The MaxRecvDataSegmentLength to declare: `wanted`, less where the device demands it, never below 512 (section 13.12).
// With a segment too small for 512 bytes alignment is out of reach, and `wanted` is right: small PDUs would only cost.
constexpr uint32_t MaxRecvDataSegmentLengthToDeclare(uint32_t wanted, uint32_t segment_bytes,
                                                     const PduShape& shape,
                                                     const SizingLimits& limits) {
  uint32_t size = wanted;
  const auto clamp = [&](uint32_t bytes) {
    const uint32_t fits = AlignedDataSegmentLength(bytes, shape);
    if (fits >= 512 && fits < size) size = fits;
  };
  if (limits.max_pdu_bytes > 0) clamp(limits.max_pdu_bytes);
  if (limits.needs_alignment) clamp(segment_bytes);
  return size;
}

// The longest data segment to send now: what the peer accepts, less where the device inserts only into aligned segments.
constexpr uint32_t DataSegmentLengthToSend(uint32_t peer_MaxRecvDataSegmentLength,
                                           uint32_t segment_bytes, const PduShape& shape,
                                           const SizingLimits& limits) {
  if (!limits.needs_alignment || limits.segments_pdus) return peer_MaxRecvDataSegmentLength;
  const uint32_t fits = AlignedDataSegmentLength(segment_bytes, shape);
  return fits >= 512 && fits < peer_MaxRecvDataSegmentLength ? fits : peer_MaxRecvDataSegmentLength;
}

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_SIZING_H_
