#include "protocol/wire/ahs.h"

#include <algorithm>

namespace isthmus::wire {
namespace {

constexpr size_t kHeaderBytes = 3;  // AHSLength and AHSType

constexpr size_t Padded(size_t bytes) { return (bytes + 3) & ~size_t{3}; }

// The bytes of a segment whose AHSLength this is, padding included.
constexpr size_t SegmentBytes(size_t ahs_length) { return Padded(kHeaderBytes + ahs_length); }

// AHSLength counts the reserved byte 3 (sections 11.2.2.3, 11.2.2.4).
constexpr size_t ExtendedCdbLength(const AhsContents& contents) {
  return contents.cdb_spillover.size() + 1;
}
constexpr size_t kBidirectionalLength = 5;

constexpr uint32_t Byte(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]);
}

size_t Put(std::span<std::byte> out, size_t ahs_length, AhsType type) {
  std::fill(out.begin(), out.begin() + static_cast<ptrdiff_t>(SegmentBytes(ahs_length)),
            std::byte{0});
  out[0] = static_cast<std::byte>(ahs_length >> 8);
  out[1] = static_cast<std::byte>(ahs_length);
  out[2] = static_cast<std::byte>(type);
  return SegmentBytes(ahs_length);
}

Violation ParseOne(uint8_t type, std::span<const std::byte> specific, AhsContents* contents) {
  const auto length = static_cast<uint32_t>(specific.size());
  switch (static_cast<AhsType>(type)) {
    case AhsType::kExtendedCdb:
      if (!contents->cdb_spillover.empty()) return {ErrorCode::kAhsDuplicate, type};
      if (length < 2 || length > kMaxCdbBytes - 15) {
        return {ErrorCode::kAhsExtendedCdbLength, length};
      }
      contents->cdb_spillover = specific.subspan(1);
      return Violation::None();
    case AhsType::kBidirectionalReadExpectedDataTransferLength:
      if (contents->has_bidirectional_read_length) return {ErrorCode::kAhsDuplicate, type};
      if (length != kBidirectionalLength) return {ErrorCode::kAhsBidirectionalLength, length};
      contents->has_bidirectional_read_length = true;
      contents->bidirectional_read_expected_data_transfer_length =
          Byte(specific, 1) << 24 | Byte(specific, 2) << 16 | Byte(specific, 3) << 8 |
          Byte(specific, 4);
      return Violation::None();
  }
  return {ErrorCode::kAhsTypeReserved, type};
}

}  // namespace

Violation ParseAhs(std::span<const std::byte> ahs, AhsContents* contents) {
  *contents = {};
  size_t offset = 0;
  while (offset < ahs.size()) {
    const std::span<const std::byte> rest = ahs.subspan(offset);
    if (rest.size() < 4) return {ErrorCode::kAhsTruncated, 0};
    const uint32_t length = Byte(rest, 0) << 8 | Byte(rest, 1);
    if (length == 0) return {ErrorCode::kAhsEmpty, static_cast<uint32_t>(offset)};
    if (SegmentBytes(length) > rest.size()) return {ErrorCode::kAhsTruncated, length};
    const auto type = static_cast<uint8_t>(Byte(rest, 2) & 0x3f);
    const Violation violation = ParseOne(type, rest.subspan(kHeaderBytes, length), contents);
    if (!violation.ok()) return violation;
    offset += SegmentBytes(length);
  }
  return Violation::None();
}

size_t AhsBytes(const AhsContents& contents) {
  size_t bytes = 0;
  if (!contents.cdb_spillover.empty()) bytes += SegmentBytes(ExtendedCdbLength(contents));
  if (contents.has_bidirectional_read_length) bytes += SegmentBytes(kBidirectionalLength);
  return bytes;
}

size_t BuildAhs(const AhsContents& contents, std::span<std::byte> out) {
  if (contents.cdb_spillover.size() > kMaxCdbBytes - 16) return 0;
  if (AhsBytes(contents) > out.size()) return 0;
  size_t size = 0;
  if (!contents.cdb_spillover.empty()) {
    const size_t bytes = Put(out, ExtendedCdbLength(contents), AhsType::kExtendedCdb);
    std::copy(contents.cdb_spillover.begin(), contents.cdb_spillover.end(), out.begin() + 4);
    size += bytes;
  }
  if (contents.has_bidirectional_read_length) {
    const std::span<std::byte> to = out.subspan(size);
    size += Put(to, kBidirectionalLength, AhsType::kBidirectionalReadExpectedDataTransferLength);
    uint32_t value = contents.bidirectional_read_expected_data_transfer_length;
    for (size_t i = 8; i-- > 4; value >>= 8) to[i] = static_cast<std::byte>(value);
  }
  return size;
}

}  // namespace isthmus::wire
