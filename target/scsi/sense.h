// SCSI status and sense data (SAM-5 5.3, SPC-4 4.5): the one table of every condition that the disk
// reports. protocol/wire/sense.h has the two formats, and the names of the codes.
//
//   Sense sense{.code = SenseCode::kInvalidFieldInCdb, .field = CdbField(1, 7)};
//   SenseBuffer bytes = EncodeSense(sense, descriptor_format);
//   Send(Status::kCheckCondition, bytes.view());
#ifndef ISTHMUS_TARGET_SCSI_SENSE_H_
#define ISTHMUS_TARGET_SCSI_SENSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/wire/codes.h"
#include "protocol/wire/sense.h"

namespace isthmus::scsi {

using Status = wire::ScsiStatus;

// SPC-4 table 48.
enum class SenseKey : uint8_t {
  kNoSense = 0x0,
  kRecoveredError = 0x1,
  kNotReady = 0x2,
  kMediumError = 0x3,
  kHardwareError = 0x4,
  kIllegalRequest = 0x5,
  kUnitAttention = 0x6,
  kDataProtect = 0x7,
  kBlankCheck = 0x8,
  kVendorSpecific = 0x9,
  kCopyAborted = 0xa,
  kAbortedCommand = 0xb,
  kVolumeOverflow = 0xd,
  kMiscompare = 0xe,
};

// One row a condition: enumerator, sense key, ASC, ASCQ.
// clang-format off
#define ISTHMUS_SCSI_SENSE_TABLE(ROW)                          \
  ROW(kNoSense, kNoSense, 0x00, 0x00)                          \
  ROW(kStoppedNeedsStart, kNotReady, 0x04, 0x02)               \
  ROW(kMediumNotPresent, kNotReady, 0x3a, 0x00)                \
  ROW(kWriteError, kMediumError, 0x0c, 0x00)                   \
  ROW(kReadError, kMediumError, 0x11, 0x00)                    \
  ROW(kInternalTargetFailure, kHardwareError, 0x44, 0x00)      \
  ROW(kParameterListLengthError, kIllegalRequest, 0x1a, 0x00)  \
  ROW(kInvalidOpcode, kIllegalRequest, 0x20, 0x00)             \
  ROW(kLbaOutOfRange, kIllegalRequest, 0x21, 0x00)             \
  ROW(kInvalidFieldInCdb, kIllegalRequest, 0x24, 0x00)         \
  ROW(kLogicalUnitNotSupported, kIllegalRequest, 0x25, 0x00)   \
  ROW(kInvalidFieldInParameters, kIllegalRequest, 0x26, 0x00)  \
  ROW(kInvalidRelease, kIllegalRequest, 0x26, 0x04)            \
  ROW(kSavingNotSupported, kIllegalRequest, 0x39, 0x00)        \
  ROW(kInvalidMessageError, kIllegalRequest, 0x49, 0x00)       \
  ROW(kMediumRemovalPrevented, kIllegalRequest, 0x53, 0x02)    \
  ROW(kInsufficientRegistrations, kIllegalRequest, 0x55, 0x04) \
  ROW(kMediumChanged, kUnitAttention, 0x28, 0x00)              \
  ROW(kPowerOn, kUnitAttention, 0x29, 0x00)                    \
  ROW(kDeviceReset, kUnitAttention, 0x29, 0x03)                \
  ROW(kNexusLoss, kUnitAttention, 0x29, 0x07)                  \
  ROW(kModeParametersChanged, kUnitAttention, 0x2a, 0x01)      \
  ROW(kReservationsPreempted, kUnitAttention, 0x2a, 0x03)      \
  ROW(kReservationsReleased, kUnitAttention, 0x2a, 0x04)       \
  ROW(kRegistrationsPreempted, kUnitAttention, 0x2a, 0x05)     \
  ROW(kCapacityChanged, kUnitAttention, 0x2a, 0x09)            \
  ROW(kCommandsCleared, kUnitAttention, 0x2f, 0x00)            \
  ROW(kInquiryDataChanged, kUnitAttention, 0x3f, 0x03)         \
  ROW(kReportedLunsChanged, kUnitAttention, 0x3f, 0x0e)        \
  ROW(kClearedByIscsi, kUnitAttention, 0x47, 0x7f)             \
  ROW(kWriteProtected, kDataProtect, 0x27, 0x00)               \
  ROW(kSoftwareWriteProtected, kDataProtect, 0x27, 0x02)       \
  ROW(kSpaceAllocationFailed, kDataProtect, 0x27, 0x07)        \
  ROW(kNotEnoughUnsolicitedData, kAbortedCommand, 0x0c, 0x0d)  \
  ROW(kUnexpectedUnsolicitedData, kAbortedCommand, 0x0c, 0x0c) \
  ROW(kMiscompareDuringVerify, kMiscompare, 0x1d, 0x00)
// clang-format on

enum class SenseCode : uint8_t {
#define ISTHMUS_ROW(code, key, asc, ascq) code,
  ISTHMUS_SCSI_SENSE_TABLE(ISTHMUS_ROW)
#undef ISTHMUS_ROW
};

struct SenseRow {
  SenseKey key;
  uint8_t asc, ascq;
};
const SenseRow& Describe(SenseCode code);

// Which byte, and which bit of it, was wrong: the FIELD POINTER of SPC-4 4.5.2.4.2.
struct SenseField {
  bool in_cdb = true;  // else in the parameter list
  uint16_t byte = 0;
  std::optional<uint8_t> bit = std::nullopt;  // the most significant bit of the field
};
inline SenseField CdbField(uint16_t byte, std::optional<uint8_t> bit = std::nullopt) {
  return {true, byte, bit};
}
inline SenseField ParameterField(uint16_t byte, std::optional<uint8_t> bit = std::nullopt) {
  return {false, byte, bit};
}

struct Sense {
  SenseCode code = SenseCode::kNoSense;
  std::optional<SenseField> field = std::nullopt;  // for ILLEGAL REQUEST
  std::optional<uint64_t> information =
      std::nullopt;  // the LBA of a medium error, the offset of a miscompare
};

struct SenseBuffer {
  std::array<std::byte, wire::kMaxDescriptorSenseBytes> bytes{};
  uint8_t size = 0;

  std::span<const std::byte> view() const { return {bytes.data(), size}; }
};

// Fixed format (response code 70h, always 18 bytes) or descriptor format (72h; the information and
// sense-key-specific descriptors that the sense needs).
SenseBuffer EncodeSense(const Sense& sense, bool descriptor_format);

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_SENSE_H_
