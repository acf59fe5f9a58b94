// Task Management Function Response, from target to initiator. RFC 7143 section 11.6; Additional
// Response Information from RFC 7144.
#ifndef ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_RESPONSE_H_
#define ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_RESPONSE_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct TaskManagementFunctionResponse {
  TaskManagementResponseCode response = TaskManagementResponseCode::kFunctionComplete;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint32_t additional_response_information = 0;  // 24 bits; iSCSIProtocolLevel 2
  uint32_t initiator_task_tag = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  friend constexpr bool operator==(const TaskManagementFunctionResponse&,
                                   const TaskManagementFunctionResponse&) = default;
};

template <>
struct Layout<TaskManagementFunctionResponse> {
  using Pdu = TaskManagementFunctionResponse;
  static constexpr uint8_t kOpcode = 0x22;
  static constexpr const char* kName = "Task Management Function Response";
  static constexpr const char* kSection = "11.6";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 7},
      In({2, 0, 8, "Response", "11.6.1"}, &Pdu::response),
      Reserved{3, 0, 8},
      In(kTotalAhsLength, &Pdu::total_ahs_length),
      In(kDataSegmentLength, &Pdu::data_segment_length),
      In({8, 0, 24, "Additional Response Information", "RFC 7144", 2},
         &Pdu::additional_response_information),
      Reserved{11, 0, 40},
      In(kInitiatorTaskTag, &Pdu::initiator_task_tag),
      Reserved{20, 0, 32},
      In(kStatSn, &Pdu::stat_sn),
      In(kExpCmdSn, &Pdu::exp_cmd_sn),
      In(kMaxCmdSn, &Pdu::max_cmd_sn),
      Reserved{36, 0, 96});
  // clang-format on
};
static_assert(CoversHeader<TaskManagementFunctionResponse>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_RESPONSE_H_
