// Sense data in both formats, and the data segment that carries it. RFC 7143 sections 11.4.7 and
// 11.9.4; SPC-4 4.5.
//
// Who owns which bytes: nothing is copied; SplitSenseSegment's spans point into the segment.
//
//   SenseSegment segment;
//   Violation violation = SplitSenseSegment(data_segment, &segment);   // cut, never beyond the end
//   Sense sense;
//   if (ParseSense(segment.sense, &sense)) Log(SenseKeyName(sense.key), ...);
#ifndef ISTHMUS_PROTOCOL_WIRE_SENSE_H_
#define ISTHMUS_PROTOCOL_WIRE_SENSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/error.h"

namespace isthmus::wire {

// The data segment of a SCSI Response, or of an Asynchronous Message: SenseLength (2 bytes), sense
// data, then response data or iSCSI event data.
struct SenseSegment {
  std::span<const std::byte> sense;
  std::span<const std::byte> rest;
};

// An empty segment is two empty spans. A segment of one byte, or a SenseLength beyond the end, is
// cut to what is there and reported as kSenseLengthTooLong.
Violation SplitSenseSegment(std::span<const std::byte> data_segment, SenseSegment* segment);

// Writes SenseLength and the sense data; returns the bytes written, or 0 and nothing written if
// `out` is too small or the sense longer than 65,535 bytes.
size_t BuildSenseSegment(std::span<const std::byte> sense, std::span<std::byte> out);

struct Sense {
  uint8_t key = 0;  // 4 bits
  uint8_t asc = 0;
  uint8_t ascq = 0;
  bool deferred = false;  // of an earlier command (response codes 71h, 73h)
  bool filemark = false;
  bool end_of_medium = false;
  bool incorrect_length = false;
  std::optional<uint64_t> information = std::nullopt;
  std::optional<uint64_t> command_specific = std::nullopt;
  std::optional<std::array<std::byte, 3>> sense_key_specific = std::nullopt;  // with SKSV
  friend constexpr bool operator==(const Sense&, const Sense&) = default;
};

// Reads fixed (70h, 71h) and descriptor (72h, 73h) format. False for any other response code, and
// if the key, ASC and ASCQ are not all there; lengths inside are clamped to the bytes given.
bool ParseSense(std::span<const std::byte> bytes, Sense* sense);

inline constexpr size_t kFixedSenseBytes = 18;
inline constexpr size_t kMaxDescriptorSenseBytes = 8 + 12 + 12 + 8 + 4;

// Write the sense in one format; return its bytes, or 0 and nothing written if `out` is too small.
// The fixed format has 32 bits for information and command_specific: a larger value is left out.
size_t BuildFixedSense(const Sense& sense, std::span<std::byte> out);
size_t BuildDescriptorSense(const Sense& sense, std::span<std::byte> out);

// "ILLEGAL REQUEST"; "reserved" for Ch.
const char* SenseKeyName(uint8_t key);

// SPC's text of an additional sense code, such as "INVALID FIELD IN CDB"; "unknown" if the table
// lacks it.
struct AdditionalSense {
  uint8_t asc;
  uint8_t ascq;
  const char* name;
};
std::span<const AdditionalSense> AdditionalSenses();  // ascending
const char* AdditionalSenseName(uint8_t asc, uint8_t ascq);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_SENSE_H_
