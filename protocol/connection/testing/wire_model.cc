#include "protocol/connection/testing/wire_model.h"

#include <algorithm>
#include <cstdlib>

namespace isthmus::testing_support {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void AppendLittleEndian(uint32_t value, ByteVector* to) {
  for (int shift = 0; shift < 32; shift += 8) to->push_back(static_cast<std::byte>(value >> shift));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

uint32_t ModelCrc32c(const ByteVector& bytes) {
  // The remainder of each byte value, bit by bit from the definition.
  static const std::array<uint32_t, 256> kRemainders = [] {
    std::array<uint32_t, 256> remainders;
    for (uint32_t value = 0; value < 256; ++value) {
      uint32_t crc = value;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
      remainders[value] = crc;
    }
    return remainders;
  }();
  uint32_t crc = 0xffffffff;
  for (std::byte byte : bytes) {
    crc = (crc >> 8) ^ kRemainders[(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
  }
  return ~crc;
}

ByteVector FromHex(std::string_view hex) {
  ByteVector bytes;
  int high = -1;
  for (char c : hex) {
    if (c == ' ' || c == '\n') continue;
    const int digit = HexDigit(c);
    Require(digit >= 0);
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + digit));
      high = -1;
    }
  }
  Require(high < 0);
  return bytes;
}

std::string ToHex(const std::byte* data, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < size; ++i) {
    const auto value = std::to_integer<uint8_t>(data[i]);
    hex += kDigits[value >> 4];
    hex += kDigits[value & 15];
  }
  return hex;
}

ByteVector Pattern(size_t size, uint32_t seed) {
  ByteVector bytes(size);
  uint32_t state = seed * 2654435761u + 12345;
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

ModelPdu MakePdu(uint8_t opcode_byte, size_t data_size, uint32_t seed, size_t ahs_words) {
  ModelPdu pdu;
  const ByteVector filler = Pattern(48, seed);
  std::copy(filler.begin(), filler.end(), pdu.header.begin());
  pdu.header[0] = std::byte{opcode_byte};
  pdu.data = Pattern(data_size, seed + 1);
  pdu.ahs = Pattern(ahs_words * 4, seed + 2);
  return pdu;
}

ByteVector Encode(const ModelPdu& pdu, bool header_digest, bool data_digest) {
  Require(pdu.ahs.size() % 4 == 0 && pdu.ahs.size() <= 1020 && pdu.data.size() < (1u << 24));
  ByteVector bytes(pdu.header.begin(), pdu.header.end());
  bytes[4] = static_cast<std::byte>(pdu.ahs.size() / 4);
  bytes[5] = static_cast<std::byte>(pdu.data.size() >> 16);
  bytes[6] = static_cast<std::byte>(pdu.data.size() >> 8);
  bytes[7] = static_cast<std::byte>(pdu.data.size());
  bytes.insert(bytes.end(), pdu.ahs.begin(), pdu.ahs.end());
  if (header_digest) AppendLittleEndian(ModelCrc32c(bytes) ^ pdu.header_digest_xor, &bytes);
  ByteVector data = pdu.data;
  while (data.size() % 4 != 0) data.push_back(std::byte{pdu.pad_byte});
  bytes.insert(bytes.end(), data.begin(), data.end());
  if (data_digest && !data.empty()) {
    AppendLittleEndian(ModelCrc32c(data) ^ pdu.data_digest_xor, &bytes);
  }
  return bytes;
}

void WireStream::Add(const ModelPdu& pdu, bool header_digest, bool data_digest) {
  const ByteVector bytes = Encode(pdu, header_digest, data_digest);
  const size_t header_size = 48 + pdu.ahs.size() + (header_digest ? 4 : 0);
  const auto number = static_cast<uint32_t>(pdus_.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool in_header = i < header_size;
    origins_.push_back({number, in_header ? Part::kHeader : Part::kData,
                        (in_header ? pdu.header_digest_xor : pdu.data_digest_xor) == 0});
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  pdus_.push_back(pdu);
}

WireStream WireStream::FromBytes(const ByteVector& bytes, bool header_digest, bool data_digest) {
  WireStream stream;
  stream.bytes_ = bytes;
  uint32_t number = 0;
  for (size_t at = 0; at < bytes.size(); ++number) {
    // Marks [at, at + size) and the digest behind it; false: the stream ends before.
    const auto mark = [&](Part part, size_t size, bool digest) {
      const size_t whole = size + (digest ? 4 : 0);
      const bool is_whole = whole <= bytes.size() - at;
      bool is_right = is_whole;
      if (is_whole && digest) {
        const auto begin = bytes.begin() + static_cast<ptrdiff_t>(at);
        ByteVector expected;
        AppendLittleEndian(ModelCrc32c({begin, begin + static_cast<ptrdiff_t>(size)}), &expected);
        is_right =
            std::equal(expected.begin(), expected.end(), begin + static_cast<ptrdiff_t>(size));
      }
      const size_t end = is_whole ? at + whole : bytes.size();
      for (; at < end; ++at) stream.origins_.push_back({number, part, is_right});
      return is_whole;
    };
    if (bytes.size() - at < 48) {
      mark(Part::kHeader, 48, header_digest);
      continue;
    }
    const auto byte = [&, start = at](size_t i) {
      return std::to_integer<size_t>(bytes[start + i]);
    };
    const size_t ahs_size = byte(4) * 4;
    const size_t data_size = byte(5) << 16 | byte(6) << 8 | byte(7);
    if (!mark(Part::kHeader, 48 + ahs_size, header_digest) || data_size == 0) continue;
    mark(Part::kData, (data_size + 3) / 4 * 4, data_digest);
  }
  return stream;
}

uint32_t DecodedPdu::Word(size_t at) const {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i) word = word << 8 | std::to_integer<uint32_t>(header[at + i]);
  return word;
}

std::vector<DecodedPdu> DecodeAll(const ByteVector& bytes, bool header_digest, bool data_digest) {
  std::vector<DecodedPdu> pdus;
  size_t at = 0;
  const auto take = [&](size_t size) {
    Require(size <= bytes.size() - at);
    at += size;
    return ByteVector(bytes.begin() + static_cast<ptrdiff_t>(at - size),
                      bytes.begin() + static_cast<ptrdiff_t>(at));
  };
  const auto digest_agrees = [&](const ByteVector& covered) {
    ByteVector expected;
    AppendLittleEndian(ModelCrc32c(covered), &expected);
    return take(4) == expected;
  };
  while (at < bytes.size()) {
    DecodedPdu pdu;
    pdu.header = take(48);
    pdu.ahs = take(size_t{pdu.Byte(4)} * 4);
    ByteVector covered = pdu.header;
    covered.insert(covered.end(), pdu.ahs.begin(), pdu.ahs.end());
    if (header_digest) pdu.header_digest_is_right = digest_agrees(covered);
    const size_t size = pdu.Word(4) & 0xffffff;
    pdu.data = take(size);
    pdu.padding = take((4 - size % 4) % 4);
    covered = pdu.data;
    covered.insert(covered.end(), pdu.padding.begin(), pdu.padding.end());
    if (data_digest && size > 0) pdu.data_digest_is_right = digest_agrees(covered);
    pdus.push_back(pdu);
  }
  return pdus;
}

}  // namespace isthmus::testing_support
