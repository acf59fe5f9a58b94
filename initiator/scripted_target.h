// A target for tests that says what it is told: an own byte builder and parser with the RFC's
// literals (RFC 7143 section 11), an own CRC32C, nothing of protocol/. Bytes are copies.
//
//   Pdu response = Pdu(0x21).U32(16, itt).U32(24, stat_sn);       // byte offsets as the RFC draws
//   std::vector<uint8_t> bytes = response.Bytes(digests);
//   std::vector<Pdu> requests = parser.Take(bytes_from_the_initiator);
#ifndef ISTHMUS_INITIATOR_SCRIPTED_TARGET_H_
#define ISTHMUS_INITIATOR_SCRIPTED_TARGET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::initiator::testing {

struct Digests {
  bool header = false;
  bool data = false;
};

// Bit by bit, as section 13.1 gives the polynomial; on the wire least significant byte first.
inline uint32_t SlowCrc32c(const uint8_t* data, size_t size, uint32_t crc = 0) {
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

struct Pdu {
  std::array<uint8_t, 48> header = {};
  std::vector<uint8_t> ahs;
  std::vector<uint8_t> data;
  bool bad_header_digest = false, bad_data_digest = false;

  Pdu() = default;
  explicit Pdu(uint8_t opcode, uint8_t flags = 0x80) {
    header[0] = opcode;
    header[1] = flags;
  }
  Pdu& U8(size_t at, uint8_t value) {
    header[at] = value;
    return *this;
  }
  Pdu& U16(size_t at, uint32_t value) {
    header[at] = static_cast<uint8_t>(value >> 8);
    header[at + 1] = static_cast<uint8_t>(value);
    return *this;
  }
  Pdu& U32(size_t at, uint32_t value) { return U16(at, value >> 16).U16(at + 2, value & 0xffff); }
  Pdu& Data(std::vector<uint8_t> bytes) {
    data = std::move(bytes);
    header[5] = static_cast<uint8_t>(data.size() >> 16);
    return U16(6, data.size() & 0xffff);
  }
  Pdu& Text(std::string_view text) { return Data({text.begin(), text.end()}); }

  uint8_t opcode() const { return header[0] & 0x3f; }
  bool immediate() const { return header[0] & 0x40; }
  bool final() const { return header[1] & 0x80; }
  uint32_t u16(size_t at) const { return static_cast<uint32_t>(header[at]) << 8 | header[at + 1]; }
  uint32_t u32(size_t at) const { return u16(at) << 16 | u16(at + 2); }
  uint32_t itt() const { return u32(16); }
  uint32_t ttt() const { return u32(20); }
  uint32_t cmd_sn() const { return u32(24); }
  std::string text() const { return {data.begin(), data.end()}; }

  static void AppendCrc(std::vector<uint8_t>& out, uint32_t crc) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(crc >> shift));
  }
  std::vector<uint8_t> Bytes(Digests digests = {}) const {
    std::vector<uint8_t> out(header.begin(), header.end());
    out.insert(out.end(), ahs.begin(), ahs.end());
    if (digests.header) {
      AppendCrc(out, SlowCrc32c(out.data(), out.size()) ^ (bad_header_digest ? 1 : 0));
    }
    if (data.empty()) return out;
    std::vector<uint8_t> padded = data;
    padded.resize((data.size() + 3) / 4 * 4);
    out.insert(out.end(), padded.begin(), padded.end());
    if (digests.data) {
      AppendCrc(out, SlowCrc32c(padded.data(), padded.size()) ^ (bad_data_digest ? 1 : 0));
    }
    return out;
  }
};

// Cuts what the initiator sent into PDUs and checks padding and digests.
class PduParser {
 public:
  Digests digests;
  bool broken = false;  // a digest or pad byte was wrong

  void Add(const uint8_t* bytes, size_t size) { rest_.insert(rest_.end(), bytes, bytes + size); }

  std::optional<Pdu> Next() {
    if (rest_.size() < 48) return std::nullopt;
    Pdu pdu;
    std::copy(rest_.begin(), rest_.begin() + 48, pdu.header.begin());
    const size_t ahs = pdu.header[4] * 4u;
    const size_t length = static_cast<size_t>(pdu.header[5]) << 16 | pdu.u16(6);
    const size_t padded = (length + 3) / 4 * 4;
    size_t total = 48 + ahs + (digests.header ? 4 : 0) + padded;
    if (digests.data && length > 0) total += 4;
    if (rest_.size() < total) return std::nullopt;
    size_t at = 48 + ahs;
    pdu.ahs.assign(rest_.begin() + 48, rest_.begin() + static_cast<ptrdiff_t>(at));
    if (digests.header) at += CheckCrc(0, at);
    pdu.data.assign(rest_.begin() + static_cast<ptrdiff_t>(at),
                    rest_.begin() + static_cast<ptrdiff_t>(at + length));
    for (size_t i = at + length; i < at + padded; ++i) broken = broken || rest_[i] != 0;
    if (digests.data && length > 0) CheckCrc(at, at + padded);
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(total));
    return pdu;
  }

  size_t left() const { return rest_.size(); }

 private:
  size_t CheckCrc(size_t begin, size_t end) {
    std::vector<uint8_t> expected;
    Pdu::AppendCrc(expected, SlowCrc32c(rest_.data() + begin, end - begin));
    for (size_t i = 0; i < 4; ++i) broken = broken || rest_[end + i] != expected[i];
    return 4;
  }

  std::vector<uint8_t> rest_;
};

}  // namespace isthmus::initiator::testing

#endif  // ISTHMUS_INITIATOR_SCRIPTED_TARGET_H_
