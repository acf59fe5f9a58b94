// What a network card sees of a TCP segment: one Ethernet frame with IPv4 or IPv6 and TCP (RFC 791, 8200, 9293), and the
// mending of its checksum (RFC 1624) where bytes were changed.
//
// Who owns which bytes: the frame is the caller's and is changed in place; a TcpFrame is offsets into it.
//
//   TcpFrame tcp;
//   if (ParseTcp(frame, &tcp)) ReplacePayload(frame, tcp, at, bytes);    // checksum mended
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_FRAME_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_FRAME_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace isthmus::transport {

// One end of a TCP connection; IPv4 addresses as IPv4-mapped IPv6 ones (RFC 4291 section 2.5.5.2).
struct NicEndpoint {
  std::array<uint8_t, 16> address = {};
  uint16_t port = 0;
  friend auto operator<=>(const NicEndpoint&, const NicEndpoint&) = default;
};

struct TcpFrame {
  size_t ip = 0, tcp = 0, payload = 0;  // offsets of the headers, and of the data behind them
  size_t payload_size = 0;
  size_t size = 0;  // of the frame without Ethernet's padding
  bool is_ipv6 = false;
  bool has_ip_options = false;
  uint32_t sequence = 0, acknowledgement = 0;
  bool syn = false, ack = false, fin = false, rst = false;
  NicEndpoint source, destination;
};

constexpr size_t kEthernetHeaderSize = 14;

// False: no TCP in IP, or a fragment, or not whole. Checksums are not looked at.
bool ParseTcp(std::span<const std::byte> frame, TcpFrame* out);

// Puts `bytes` at `at` (an offset into the payload; both within it) and mends the TCP checksum.
void ReplacePayload(std::span<std::byte> frame, const TcpFrame& tcp, size_t at,
                    std::span<const std::byte> bytes);

// Sets the TCP checksum, and for IPv4 the header's.
void SetChecksums(std::span<std::byte> frame, const TcpFrame& tcp);
bool TcpChecksumAgrees(std::span<const std::byte> frame, const TcpFrame& tcp);

// Cuts the segment into such of at most `payload_size` data bytes, each a frame of its own with checksums set: what a card
// does to an over-long segment (TSO), or a router's friend to a good one. Calls `out` in order.
void CutSegment(std::span<const std::byte> frame, const TcpFrame& tcp, size_t payload_size,
                const std::function<void(std::span<std::byte> frame)>& out);

// "Fragmentation needed" (RFC 792, RFC 1191), or "packet too big" (RFC 4443), for this frame, from its destination to its
// source. Writes into `out`, returns the size; 0: `out` is too small.
size_t TooBig(std::span<const std::byte> frame, const TcpFrame& tcp, uint16_t mtu,
              std::span<std::byte> out);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_FRAME_H_
