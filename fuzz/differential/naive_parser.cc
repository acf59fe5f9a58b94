// The example of docs/fuzzing.md: somebody's own parser, as small and as slow as can be. Compiled with -DPLANTED_BUG it has
// a mistake that was made in the field: the data segment's length taken from 16 of its 24 bits.
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/differential/parser.h"

namespace isthmus::fuzz {
namespace {

uint32_t Number(std::span<const std::byte> bytes, size_t at, size_t size) {
  uint32_t number = 0;
  for (size_t i = 0; i < size; ++i) number = number << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return number;
}

// CRC32C, bit by bit; the digest's bytes stand on the wire in the order of the value's, least first.
bool DigestAgrees(std::span<const std::byte> covered, std::span<const std::byte> digest) {
  uint32_t crc = 0xffffffff;
  for (std::byte byte : covered) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) {
    if (digest[static_cast<size_t>(i)] != static_cast<std::byte>(crc >> 8 * i)) return false;
  }
  return true;
}

}  // namespace

bool ParseWithYours(std::span<const std::byte> stream, const Framing& framing, Summary* summary) {
  for (size_t begin = 0; stream.size() - begin >= 48;) {
    const std::span<const std::byte> left = stream.subspan(begin);
    PduSummary pdu;
    pdu.stream_offset = begin;
    pdu.opcode = std::to_integer<uint8_t>(left[0]) & 0x3f;
    pdu.immediate = (std::to_integer<uint8_t>(left[0]) & 0x40) != 0;
    pdu.ahs_bytes = Number(left, 4, 1) * 4;
#ifdef PLANTED_BUG
    pdu.data_segment_length = Number(left, 6, 2);
#else
    pdu.data_segment_length = Number(left, 5, 3);
#endif
    pdu.initiator_task_tag = Number(left, 16, 4);
    const size_t header = 48 + pdu.ahs_bytes;
    const size_t data = header + (framing.header_digest ? 4 : 0);
    if (left.size() < data) return true;
    if (framing.header_digest && !DigestAgrees(left.first(header), left.subspan(header, 4))) {
      return false;
    }
    if (pdu.data_segment_length > kMaxRecvDataSegmentLength) return false;
    const size_t padded = (pdu.data_segment_length + 3) / 4 * 4;
    const bool digest = framing.data_digest && padded > 0;
    if (left.size() < data + padded + (digest ? 4 : 0)) return true;
    if (digest) {
      pdu.data_digest_is_right =
          DigestAgrees(left.subspan(data, padded), left.subspan(data + padded, 4));
    }
    summary->pdus.push_back(pdu);
    begin += data + padded + (digest ? 4 : 0);
  }
  return true;
}

}  // namespace isthmus::fuzz
