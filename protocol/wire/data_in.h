// SCSI Data-In, from target to initiator. RFC 7143 section 11.7. With S set it carries the
// command's status too, and stat_sn, status and the residual mean something (section 11.7.3).
#ifndef ISTHMUS_PROTOCOL_WIRE_DATA_IN_H_
#define ISTHMUS_PROTOCOL_WIRE_DATA_IN_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct DataIn {
  bool final = false;
  bool acknowledge = false;  // A: a DataACK is asked for
  bool residual_overflow = false;
  bool residual_underflow = false;
  bool has_status = false;  // S
  ScsiStatus status = ScsiStatus::kGood;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;  // with A
  uint32_t initiator_task_tag = 0;
  uint32_t target_transfer_tag = kReservedTag;  // with A
  uint32_t stat_sn = 0;                         // with S
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  uint32_t data_sn = 0;
  uint32_t buffer_offset = 0;
  uint32_t residual_count = 0;
  friend constexpr bool operator==(const DataIn&, const DataIn&) = default;
};

inline constexpr Field<bool> kDataInAcknowledge = {1, 1, 1, "A", "11.7.2"};
inline constexpr Field<bool> kDataInResidualOverflow = {1, 5, 1, "O", "11.7.3"};
inline constexpr Field<bool> kDataInResidualUnderflow = {1, 6, 1, "U", "11.7.3"};
inline constexpr Field<bool> kDataInHasStatus = {1, 7, 1, "S", "11.7.3"};
inline constexpr Field<ScsiStatus> kDataInStatus = {3, 0, 8, "Status", "11.7.3"};

template <>
struct Layout<DataIn> {
  static constexpr uint8_t kOpcode = 0x25;
  static constexpr const char* kName = "SCSI Data-In";
  static constexpr const char* kSection = "11.7";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      In(kFinal, &DataIn::final),
      In(kDataInAcknowledge, &DataIn::acknowledge),
      Reserved{1, 2, 3},
      In(kDataInResidualOverflow, &DataIn::residual_overflow),
      In(kDataInResidualUnderflow, &DataIn::residual_underflow),
      In(kDataInHasStatus, &DataIn::has_status),
      Reserved{2, 0, 8},
      In(kDataInStatus, &DataIn::status),
      In(kTotalAhsLength, &DataIn::total_ahs_length),
      In(kDataSegmentLength, &DataIn::data_segment_length),
      In(kLun, &DataIn::lun),
      In(kInitiatorTaskTag, &DataIn::initiator_task_tag),
      In(kTargetTransferTag, &DataIn::target_transfer_tag),
      In(kStatSn, &DataIn::stat_sn),
      In(kExpCmdSn, &DataIn::exp_cmd_sn),
      In(kMaxCmdSn, &DataIn::max_cmd_sn),
      In(kDataSn, &DataIn::data_sn),
      In(kBufferOffset, &DataIn::buffer_offset),
      In(kResidualCount, &DataIn::residual_count));
  // clang-format on
};
static_assert(CoversHeader<DataIn>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_DATA_IN_H_
