// Task Management Function Request, from initiator to target. RFC 7143 section 11.5.
#ifndef ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_REQUEST_H_
#define ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_REQUEST_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct TaskManagementFunctionRequest {
  bool immediate = false;
  TaskManagementFunction function = TaskManagementFunction::kAbortTask;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t referenced_task_tag = kReservedTag;  // of the task to abort, reassign or query
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  uint32_t ref_cmd_sn = 0;
  uint32_t exp_data_sn = 0;  // TASK REASSIGN
  friend constexpr bool operator==(const TaskManagementFunctionRequest&,
                                   const TaskManagementFunctionRequest&) = default;
};

template <>
struct Layout<TaskManagementFunctionRequest> {
  using Pdu = TaskManagementFunctionRequest;
  static constexpr uint8_t kOpcode = 0x02;
  static constexpr const char* kName = "Task Management Function Request";
  static constexpr const char* kSection = "11.5";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      In(kImmediate, &Pdu::immediate),
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      In({1, 1, 7, "Function", "11.5.1"}, &Pdu::function),
      Reserved{2, 0, 16},
      In(kTotalAhsLength, &Pdu::total_ahs_length),
      In(kDataSegmentLength, &Pdu::data_segment_length),
      In(kLun, &Pdu::lun),
      In(kInitiatorTaskTag, &Pdu::initiator_task_tag),
      In({20, 0, 32, "Referenced Task Tag", "11.5.4"}, &Pdu::referenced_task_tag),
      In(kCmdSn, &Pdu::cmd_sn),
      In(kExpStatSn, &Pdu::exp_stat_sn),
      In({32, 0, 32, "RefCmdSN", "11.5.5"}, &Pdu::ref_cmd_sn),
      In({36, 0, 32, "ExpDataSN", "11.5.6"}, &Pdu::exp_data_sn),
      Reserved{40, 0, 64});
  // clang-format on
};
static_assert(CoversHeader<TaskManagementFunctionRequest>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_TASK_MANAGEMENT_FUNCTION_REQUEST_H_
