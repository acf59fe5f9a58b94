#include "fuzz/hostile/pdu.h"

#include <array>
#include <cstdio>

namespace isthmus::hostile {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

std::string DigestField(std::string_view covered, Pdu::Digest kind) {
  std::string digest = CrcBytes(covered);
  if (kind == Pdu::Digest::kWrong) digest[1] = static_cast<char>(digest[1] ^ 0x10);
  if (kind == Pdu::Digest::kSwapped) digest = {digest.rbegin(), digest.rend()};
  return digest;
}

bool Present(bool negotiated, Pdu::Digest kind) {
  return kind == Pdu::Digest::kPresent || (negotiated && kind != Pdu::Digest::kAbsent);
}

const char* OpcodeName(uint32_t opcode) {
  switch (opcode) {
    case 0x00:
      return "NOP-Out";
    case 0x01:
      return "SCSI Command";
    case 0x02:
      return "Task Management Function Request";
    case 0x03:
      return "Login Request";
    case 0x04:
      return "Text Request";
    case 0x05:
      return "Data-Out";
    case 0x06:
      return "Logout Request";
    case 0x10:
      return "SNACK Request";
    case 0x20:
      return "NOP-In";
    case 0x21:
      return "SCSI Response";
    case 0x22:
      return "Task Management Function Response";
    case 0x23:
      return "Login Response";
    case 0x24:
      return "Text Response";
    case 0x25:
      return "Data-In";
    case 0x26:
      return "Logout Response";
    case 0x31:
      return "R2T";
    case 0x32:
      return "Asynchronous Message";
    case 0x3f:
      return "Reject";
    default:
      return "unassigned opcode";
  }
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (char c : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

std::string CrcBytes(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(crc >> shift));
  return out;
}

std::string Pdu::Encode(Digests digests) const {
  std::string out = header + ahs;
  if (Present(digests.header, header_digest)) out += DigestField(out, header_digest);
  std::string segment = data;
  while (segment.size() % 4 != 0) segment.push_back(pad);
  out += segment;
  if (!data.empty() && Present(digests.data, data_digest)) {
    out += DigestField(data_digest == Digest::kUnpadded ? data : segment, data_digest);
  }
  if (flipped_bit >= 0) {
    const auto at = static_cast<size_t>(flipped_bit) / 8;
    if (at < out.size()) out[at] = static_cast<char>(out[at] ^ (0x80 >> flipped_bit % 8));
  }
  return out;
}

std::string Pdu::Describe() const {
  std::string text = OpcodeName(opcode());
  char more[96] = "";
  switch (opcode()) {
    case 0x21:
      if (u8(2) != 0) {
        std::snprintf(more, sizeof more, " response 0x%02x", u8(2));
      } else if (u8(3) == 2 && data.size() >= 16) {
        std::snprintf(more, sizeof more, " CHECK CONDITION 0x%02x/0x%02x/0x%02x", data[4] & 0x0f,
                      static_cast<uint8_t>(data[14]), static_cast<uint8_t>(data[15]));
      } else {
        std::snprintf(more, sizeof more, " status 0x%02x", u8(3));
      }
      break;
    case 0x22:
    case 0x26:
      std::snprintf(more, sizeof more, " response %u", u8(2));
      break;
    case 0x23:
      std::snprintf(more, sizeof more, " status 0x%04x, flags 0x%02x", u16(36), u8(1));
      break;
    case 0x25:
      std::snprintf(more, sizeof more, " of %zu bytes at %u%s", data.size(), u32(40),
                    (u8(1) & 1) != 0 ? " with status" : "");
      break;
    case 0x31:
      std::snprintf(more, sizeof more, " for %u bytes at %u", u32(44), u32(40));
      break;
    case 0x32:
      std::snprintf(more, sizeof more, " event %u", u8(36));
      break;
    case 0x3f:
      std::snprintf(more, sizeof more, " 0x%02x", u8(2));
      break;
    case 0x24:
      std::snprintf(more, sizeof more, " of %zu bytes, flags 0x%02x", data.size(), u8(1));
      break;
    default:
      break;
  }
  return text + more;
}

std::optional<Pdu> Decoder::Next() {
  if (rest_.size() < 48) return std::nullopt;
  Pdu pdu;
  pdu.header = rest_.substr(0, 48);
  const size_t header = 48 + size_t{pdu.u8(4)} * 4;
  const size_t size = pdu.u24(5);
  const size_t padded = (size + 3) / 4 * 4;
  const size_t begin = header + (digests.header ? 4 : 0);
  const size_t total = begin + padded + (digests.data && size > 0 ? 4 : 0);
  if (rest_.size() < begin) return std::nullopt;
  if (digests.header && rest_.substr(header, 4) != CrcBytes(rest_.substr(0, header))) {
    wrong_ = "its header digest is wrong";
  }
  if (rest_.size() < total) return std::nullopt;
  pdu.ahs = rest_.substr(48, header - 48);
  pdu.data = rest_.substr(begin, size);
  if (digests.data && size > 0 &&
      rest_.substr(begin + padded, 4) != CrcBytes(rest_.substr(begin, padded))) {
    wrong_ = "its data digest is wrong";
  }
  rest_.erase(0, total);
  return pdu;
}

std::string Text(const std::vector<std::string>& pairs) {
  std::string out;
  for (const std::string& pair : pairs) out.append(pair).push_back('\0');
  return out;
}

std::multimap<std::string, std::string> Pairs(std::string_view text) {
  std::multimap<std::string, std::string> pairs;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    const std::string_view pair = text.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      pairs.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return pairs;
}

}  // namespace isthmus::hostile
