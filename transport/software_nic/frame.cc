#include "transport/software_nic/frame.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace isthmus::transport {
namespace {

constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
constexpr uint8_t kTcp = 6, kIcmp = 1, kIcmpv6 = 58;
constexpr size_t kIpv6HeaderSize = 40;
constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10;

uint8_t Get8(std::span<const std::byte> frame, size_t at) {
  return std::to_integer<uint8_t>(frame[at]);
}
uint16_t Get16(std::span<const std::byte> frame, size_t at) {
  return static_cast<uint16_t>(Get8(frame, at) << 8 | Get8(frame, at + 1));
}
uint32_t Get32(std::span<const std::byte> frame, size_t at) {
  return uint32_t{Get16(frame, at)} << 16 | Get16(frame, at + 2);
}
void Set16(std::span<std::byte> frame, size_t at, uint16_t value) {
  frame[at] = std::byte(value >> 8);
  frame[at + 1] = std::byte(value & 0xff);
}
void Set32(std::span<std::byte> frame, size_t at, uint32_t value) {
  Set16(frame, at, static_cast<uint16_t>(value >> 16));
  Set16(frame, at + 2, static_cast<uint16_t>(value));
}

// One's complement sums, RFC 1071: in the machine's byte order, which the sum does not mind.
uint64_t Sum(std::span<const std::byte> bytes, uint64_t sum = 0) {
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  std::array<std::byte, 4> last{};
  std::copy(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end(), last.begin());
  uint32_t word;
  std::memcpy(&word, last.data(), sizeof word);
  return sum + word;
}
uint16_t Fold(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}
void Store(std::span<std::byte> frame, size_t at, uint16_t sum) {
  std::memcpy(frame.data() + at, &sum, sizeof sum);
}
uint16_t Load(std::span<const std::byte> frame, size_t at) {
  uint16_t sum;
  std::memcpy(&sum, frame.data() + at, sizeof sum);
  return sum;
}

uint64_t PseudoHeader(std::span<const std::byte> frame, size_t ip, bool is_ipv6, uint8_t protocol,
                      size_t length) {
  std::array<std::byte, 8> rest{};
  Set32(rest, 0, static_cast<uint32_t>(length));
  rest[7] = std::byte{protocol};
  const std::span addresses = is_ipv6 ? frame.subspan(ip + 8, 32) : frame.subspan(ip + 12, 8);
  return Sum(rest, Sum(addresses));
}

void FillAddress(std::span<const std::byte> frame, size_t at, bool is_ipv6, NicEndpoint* out) {
  if (is_ipv6) {
    std::memcpy(out->address.data(), frame.data() + at, 16);
  } else {
    out->address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(out->address.data() + 12, frame.data() + at, 4);
  }
}

void SetIpv4Checksum(std::span<std::byte> frame, size_t ip, size_t size) {
  Set16(frame, ip + 10, 0);
  Store(frame, ip + 10, static_cast<uint16_t>(~Fold(Sum(frame.subspan(ip, size)))));
}

}  // namespace

bool ParseTcp(std::span<const std::byte> frame, TcpFrame* out) {
  if (frame.size() < kEthernetHeaderSize + 20) return false;
  TcpFrame f;
  f.ip = kEthernetHeaderSize;
  const uint16_t type = Get16(frame, 12);
  if (type == kIpv4) {
    const size_t header = (Get8(frame, f.ip) & 0xf) * 4u;
    const bool is_fragment = (Get16(frame, f.ip + 6) & 0x3fff) != 0;
    if (Get8(frame, f.ip) >> 4 != 4 || header < 20 || is_fragment || Get8(frame, f.ip + 9) != kTcp)
      return false;
    f.has_ip_options = header > 20;
    f.tcp = f.ip + header;
    f.size = f.ip + Get16(frame, f.ip + 2);
  } else if (type == kIpv6) {
    if (frame.size() < f.ip + kIpv6HeaderSize || Get8(frame, f.ip + 6) != kTcp) return false;
    f.is_ipv6 = true;
    f.tcp = f.ip + kIpv6HeaderSize;
    f.size = f.tcp + Get16(frame, f.ip + 4);
  } else {
    return false;
  }
  if (f.size > frame.size() || f.size < f.tcp + 20) return false;
  f.payload = f.tcp + (Get8(frame, f.tcp + 12) >> 4) * 4u;
  if (f.payload < f.tcp + 20 || f.payload > f.size) return false;
  f.payload_size = f.size - f.payload;
  f.sequence = Get32(frame, f.tcp + 4);
  f.acknowledgement = Get32(frame, f.tcp + 8);
  const uint8_t flags = Get8(frame, f.tcp + 13);
  f.syn = (flags & kSyn) != 0;
  f.ack = (flags & kAck) != 0;
  f.fin = (flags & kFin) != 0;
  f.rst = (flags & kRst) != 0;
  FillAddress(frame, f.is_ipv6 ? f.ip + 8 : f.ip + 12, f.is_ipv6, &f.source);
  FillAddress(frame, f.is_ipv6 ? f.ip + 24 : f.ip + 16, f.is_ipv6, &f.destination);
  f.source.port = Get16(frame, f.tcp);
  f.destination.port = Get16(frame, f.tcp + 2);
  *out = f;
  return true;
}

void ReplacePayload(std::span<std::byte> frame, const TcpFrame& tcp, size_t at,
                    std::span<const std::byte> bytes) {
  // RFC 1624, equation 3, over the words that change. TCP's header and so its payload begin at an even offset.
  const size_t begin = (tcp.payload + at) & ~size_t{1};
  const size_t end = std::min(tcp.size, (tcp.payload + at + bytes.size() + 1) & ~size_t{1});
  const uint16_t before = Fold(Sum(frame.subspan(begin, end - begin)));
  std::copy(bytes.begin(), bytes.end(), frame.begin() + static_cast<ptrdiff_t>(tcp.payload + at));
  const uint16_t after = Fold(Sum(frame.subspan(begin, end - begin)));
  const uint16_t sum = static_cast<uint16_t>(~Load(frame, tcp.tcp + 16));
  Store(frame, tcp.tcp + 16,
        static_cast<uint16_t>(~Fold(uint64_t{sum} + static_cast<uint16_t>(~before) + after)));
}

void SetChecksums(std::span<std::byte> frame, const TcpFrame& tcp) {
  if (!tcp.is_ipv6) SetIpv4Checksum(frame, tcp.ip, tcp.tcp - tcp.ip);
  Set16(frame, tcp.tcp + 16, 0);
  const size_t length = tcp.size - tcp.tcp;
  const uint64_t pseudo = PseudoHeader(frame, tcp.ip, tcp.is_ipv6, kTcp, length);
  Store(frame, tcp.tcp + 16,
        static_cast<uint16_t>(~Fold(Sum(frame.subspan(tcp.tcp, length), pseudo))));
}

bool TcpChecksumAgrees(std::span<const std::byte> frame, const TcpFrame& tcp) {
  const size_t length = tcp.size - tcp.tcp;
  const uint64_t pseudo = PseudoHeader(frame, tcp.ip, tcp.is_ipv6, kTcp, length);
  return Fold(Sum(frame.subspan(tcp.tcp, length), pseudo)) == 0xffff;
}

void CutSegment(std::span<const std::byte> frame, const TcpFrame& tcp, size_t payload_size,
                const std::function<void(std::span<std::byte> frame)>& out) {
  std::vector<std::byte> piece;
  uint16_t id = Get16(frame, tcp.ip + 4);
  for (size_t at = 0; at == 0 || at < tcp.payload_size; at += payload_size) {
    const size_t size = std::min(payload_size, tcp.payload_size - at);
    piece.assign(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(tcp.payload));
    const auto from = frame.begin() + static_cast<ptrdiff_t>(tcp.payload + at);
    piece.insert(piece.end(), from, from + static_cast<ptrdiff_t>(size));
    Set32(piece, tcp.tcp + 4, tcp.sequence + static_cast<uint32_t>(at));
    if (at + size < tcp.payload_size) piece[tcp.tcp + 13] &= ~std::byte{kFin | kPsh};
    if (tcp.is_ipv6) {
      Set16(piece, tcp.ip + 4, static_cast<uint16_t>(piece.size() - tcp.tcp));
    } else {
      Set16(piece, tcp.ip + 2, static_cast<uint16_t>(piece.size() - tcp.ip));
      Set16(piece, tcp.ip + 4, id++);
    }
    TcpFrame made;
    if (!ParseTcp(piece, &made)) return;
    SetChecksums(piece, made);
    out(piece);
  }
}

size_t TooBig(std::span<const std::byte> frame, const TcpFrame& tcp, uint16_t mtu,
              std::span<std::byte> out) {
  const size_t ip_header = tcp.is_ipv6 ? kIpv6HeaderSize : 20;
  const size_t icmp = kEthernetHeaderSize + ip_header;
  const size_t quoted = std::min<size_t>(tcp.tcp - tcp.ip + 20, tcp.size - tcp.ip);
  const size_t size = icmp + 8 + quoted;
  if (out.size() < size) return 0;
  std::fill_n(out.begin(), size, std::byte{0});
  std::copy_n(frame.begin() + 6, 6, out.begin());  // back to where it came from
  std::copy_n(frame.begin(), 6, out.begin() + 6);
  std::copy_n(frame.begin() + 12, 2, out.begin() + 12);
  std::copy_n(frame.begin() + static_cast<ptrdiff_t>(tcp.ip), quoted,
              out.begin() + static_cast<ptrdiff_t>(icmp + 8));
  if (tcp.is_ipv6) {
    out[14] = std::byte{0x60};
    Set16(out, 18, static_cast<uint16_t>(8 + quoted));
    out[20] = std::byte{kIcmpv6};
    out[21] = std::byte{255};
    std::copy_n(frame.begin() + static_cast<ptrdiff_t>(tcp.ip + 24), 16, out.begin() + 22);
    std::copy_n(frame.begin() + static_cast<ptrdiff_t>(tcp.ip + 8), 16, out.begin() + 38);
    out[icmp] = std::byte{2};
    Set32(out, icmp + 4, mtu);
    const uint64_t pseudo = PseudoHeader(out, 14, true, kIcmpv6, 8 + quoted);
    Store(out, icmp + 2, static_cast<uint16_t>(~Fold(Sum(out.subspan(icmp, 8 + quoted), pseudo))));
  } else {
    out[14] = std::byte{0x45};
    Set16(out, 16, static_cast<uint16_t>(size - 14));
    out[22] = std::byte{64};
    out[23] = std::byte{kIcmp};
    std::copy_n(frame.begin() + static_cast<ptrdiff_t>(tcp.ip + 16), 4, out.begin() + 26);
    std::copy_n(frame.begin() + static_cast<ptrdiff_t>(tcp.ip + 12), 4, out.begin() + 30);
    SetIpv4Checksum(out, 14, 20);
    out[icmp] = std::byte{3};
    out[icmp + 1] = std::byte{4};
    Set16(out, icmp + 6, mtu);
    Store(out, icmp + 2, static_cast<uint16_t>(~Fold(Sum(out.subspan(icmp, 8 + quoted)))));
  }
  return size;
}

}  // namespace isthmus::transport
