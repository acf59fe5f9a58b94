// Additional Header Segments: walking, checking and building them. RFC 7143 section 11.2.2.
//
// An AHS is AHSLength (2 bytes), AHSType (1 byte), AHSLength specific bytes, and padding to a
// 4-byte word. TotalAHSLength of the header counts words. Only a SCSI Command has AHS.
//
// Who owns which bytes: nothing is copied; what ParseAhs returns points into the bytes given.
//
//   AhsContents contents;
//   Violation violation = ParseAhs(ahs_bytes, &contents);     // whole words, as received
//   std::array<std::byte, kMaxAhsBytes> bytes;
//   size_t size = BuildAhs(contents, bytes);                   // 0: neither kind is needed
#ifndef ISTHMUS_PROTOCOL_WIRE_AHS_H_
#define ISTHMUS_PROTOCOL_WIRE_AHS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/error.h"

namespace isthmus::wire {

// Section 11.2.2.1: the low six bits of the type byte.
enum class AhsType : uint8_t {
  kExtendedCdb = 1,
  kBidirectionalReadExpectedDataTransferLength = 2,
};

// What TotalAHSLength can express, and what a peer may make a receiver gather.
inline constexpr size_t kMaxAhsBytes = 255 * 4;

// SPC-4's longest CDB (variable length, 8 + 252 bytes); 16 of them are in the header.
inline constexpr size_t kMaxCdbBytes = 260;

struct AhsContents {
  std::span<const std::byte> cdb_spillover =
      {};  // CDB bytes from the 17th on; empty: no Extended CDB
  bool has_bidirectional_read_length = false;
  uint32_t bidirectional_read_expected_data_transfer_length = 0;
};

// Reads all AHS. Refused: truncated, empty, over-long, reserved type, two of one type. Reserved
// bits, the reserved byte and the padding are ignored. On a violation *contents is unspecified.
Violation ParseAhs(std::span<const std::byte> ahs, AhsContents* contents);

// Bytes that BuildAhs will write, a multiple of 4.
size_t AhsBytes(const AhsContents& contents);

// Writes the AHS that the contents need and returns their size, TotalAHSLength * 4. The spillover
// is at most kMaxCdbBytes - 16 bytes. 0 is also returned, and nothing written, if `out` is too
// small or the spillover too long.
size_t BuildAhs(const AhsContents& contents, std::span<std::byte> out);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_AHS_H_
