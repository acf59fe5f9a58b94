#include "transport/offload/segment_pdu.h"

#include <algorithm>
#include <array>

#include "digest/select.h"
#include "digest/value.h"
#include "transport/offload/pdu_scan.h"

namespace isthmus::transport {
namespace {

using Header = std::array<std::byte, 48>;

uint32_t Word(const Header& header, size_t at) {
  uint32_t word = 0;
  for (size_t i = at; i < at + 4; ++i) word = word << 8 | std::to_integer<uint32_t>(header[i]);
  return word;
}

void SetWord(Header* header, size_t at, uint32_t word) {
  for (size_t i = 0; i < 4; ++i) (*header)[at + i] = static_cast<std::byte>(word >> (24 - 8 * i));
}

void AppendDigest(std::vector<std::byte>* wire, size_t begin) {
  const digest::Crc32c crc =
      digest::SelectKernel().extend({}, wire->data() + begin, wire->size() - begin);
  wire->resize(wire->size() + digest::kDigestSize);
  digest::StoreDigest(crc, wire->data() + wire->size() - digest::kDigestSize);
}

}  // namespace

size_t SegmentPdu(std::span<const std::byte> pdu, uint32_t segment_bytes, bool header_digest,
                  bool data_digest, std::vector<std::byte>* wire) {
  if (pdu.size() < 48 || segment_bytes == 0) return 0;
  const PduLengths lengths = LengthsOf(pdu, header_digest, data_digest);
  const auto opcode = std::to_integer<uint8_t>(pdu[0]) & 0x3f;
  const bool is_data = opcode == 0x05 || opcode == 0x25;
  if (!is_data || lengths.total != pdu.size() || lengths.header != 48u + (header_digest ? 4 : 0)) {
    return 0;
  }
  Header whole;
  std::copy_n(pdu.begin(), 48, whole.begin());
  const std::span<const std::byte> data =
      pdu.subspan(static_cast<size_t>(lengths.header), static_cast<size_t>(lengths.data));
  size_t count = 0;
  for (size_t at = 0; at < data.size() || count == 0; ++count) {
    const std::span<const std::byte> part =
        data.subspan(at, std::min<size_t>(segment_bytes, data.size() - at));
    Header header = whole;
    header[5] = static_cast<std::byte>(part.size() >> 16);
    header[6] = static_cast<std::byte>(part.size() >> 8);
    header[7] = static_cast<std::byte>(part.size());
    SetWord(&header, 36, Word(whole, 36) + static_cast<uint32_t>(count));  // DataSN
    SetWord(&header, 40, Word(whole, 40) + static_cast<uint32_t>(at));     // BufferOffset
    if (at + part.size() < data.size()) {
      // F, A, S, the status, StatSN and the residual count belong to the last.
      header[1] = header[3] = std::byte{0};
      SetWord(&header, 24, 0);
      SetWord(&header, 44, 0);
    }
    size_t begin = wire->size();
    wire->insert(wire->end(), header.begin(), header.end());
    if (header_digest) AppendDigest(wire, begin);
    begin = wire->size();
    wire->insert(wire->end(), part.begin(), part.end());
    wire->resize(begin + (part.size() + 3) / 4 * 4);
    if (data_digest && !part.empty()) AppendDigest(wire, begin);
    at += part.size();
  }
  return count;
}

}  // namespace isthmus::transport
