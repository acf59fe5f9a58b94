// SCSI Response, from target to initiator. RFC 7143 section 11.4; Status Qualifier from RFC 7144.
// Sense and response data are in the data segment: sense.h.
#ifndef ISTHMUS_PROTOCOL_WIRE_SCSI_RESPONSE_H_
#define ISTHMUS_PROTOCOL_WIRE_SCSI_RESPONSE_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct ScsiResponse {
  bool bidirectional_read_residual_overflow = false;   // o
  bool bidirectional_read_residual_underflow = false;  // u
  bool residual_overflow = false;                      // O
  bool residual_underflow = false;                     // U
  ScsiResponseCode response = ScsiResponseCode::kCommandCompletedAtTarget;
  ScsiStatus status = ScsiStatus::kGood;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint16_t status_qualifier = 0;  // iSCSIProtocolLevel 2
  uint32_t initiator_task_tag = 0;
  uint32_t snack_tag = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  uint32_t exp_data_sn = 0;
  uint32_t bidirectional_read_residual_count = 0;
  uint32_t residual_count = 0;
  friend constexpr bool operator==(const ScsiResponse&, const ScsiResponse&) = default;
};

inline constexpr Field<uint32_t> kExpDataSn = {36, 0, 32, "ExpDataSN", "11.4.8"};

template <>
struct Layout<ScsiResponse> {
  static constexpr uint8_t kOpcode = 0x21;
  static constexpr const char* kName = "SCSI Response";
  static constexpr const char* kSection = "11.4";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 2},
      In({1, 3, 1, "o", "11.4.1"}, &ScsiResponse::bidirectional_read_residual_overflow),
      In({1, 4, 1, "u", "11.4.1"}, &ScsiResponse::bidirectional_read_residual_underflow),
      In({1, 5, 1, "O", "11.4.1"}, &ScsiResponse::residual_overflow),
      In({1, 6, 1, "U", "11.4.1"}, &ScsiResponse::residual_underflow),
      Reserved{1, 7, 1},
      In({2, 0, 8, "Response", "11.4.3"}, &ScsiResponse::response),
      In({3, 0, 8, "Status", "11.4.2"}, &ScsiResponse::status),
      In(kTotalAhsLength, &ScsiResponse::total_ahs_length),
      In(kDataSegmentLength, &ScsiResponse::data_segment_length),
      In({8, 0, 16, "Status Qualifier", "RFC 7144", 2}, &ScsiResponse::status_qualifier),
      Reserved{10, 0, 48},
      In(kInitiatorTaskTag, &ScsiResponse::initiator_task_tag),
      In({20, 0, 32, "SNACK Tag", "11.4.4"}, &ScsiResponse::snack_tag),
      In(kStatSn, &ScsiResponse::stat_sn),
      In(kExpCmdSn, &ScsiResponse::exp_cmd_sn),
      In(kMaxCmdSn, &ScsiResponse::max_cmd_sn),
      In(kExpDataSn, &ScsiResponse::exp_data_sn),
      In({40, 0, 32, "Bidirectional Read Residual Count", "11.4.6"},
         &ScsiResponse::bidirectional_read_residual_count),
      In(kResidualCount, &ScsiResponse::residual_count));
  // clang-format on
};
static_assert(CoversHeader<ScsiResponse>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_SCSI_RESPONSE_H_
