#include "protocol/wire/validate.h"

#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/data_in.h"
#include "protocol/wire/login_request.h"
#include "protocol/wire/login_response.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/logout_response.h"
#include "protocol/wire/nop_in.h"
#include "protocol/wire/nop_out.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/r2t.h"
#include "protocol/wire/reject.h"
#include "protocol/wire/scsi_command.h"
#include "protocol/wire/scsi_response.h"
#include "protocol/wire/snack_request.h"
#include "protocol/wire/task_management_function_request.h"
#include "protocol/wire/task_management_function_response.h"
#include "protocol/wire/text_request.h"
#include "protocol/wire/text_response.h"

namespace isthmus::wire {
namespace {

using enum ErrorCode;

constexpr Violation None() { return Violation::None(); }

template <class Pdu>
Pdu Read(const Bhs& header) {
  Pdu pdu;
  Decode(header, &pdu);
  return pdu;
}

Violation Check(const ScsiCommand& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) return {kTaskTagReserved, 0};
  if (!pdu.write && !pdu.final) return {kFinalAndWriteClear, 0};
  if (!pdu.read && !pdu.write && pdu.expected_data_transfer_length != 0) {
    return {kDirectionMissing, pdu.expected_data_transfer_length};
  }
  if (!pdu.write && pdu.data_segment_length != 0) {
    return {kImmediateDataWithoutWrite, pdu.data_segment_length};
  }
  if (!pdu.final && pdu.data_segment_length == pdu.expected_data_transfer_length) {
    return {kFinalClearDataComplete, 0};
  }
  if (!IsDefined(pdu.attribute)) {
    return {kTaskAttributeReserved, static_cast<uint32_t>(pdu.attribute)};
  }
  return None();
}

// Status and flags mean nothing unless the response is Command Completed at Target (section
// 11.4.3).
Violation Check(const ScsiResponse& pdu) {
  const auto response = static_cast<uint32_t>(pdu.response);
  if (response >= 2 && response <= 0x7f) return {kResponseCodeReserved, response};
  if (pdu.response != ScsiResponseCode::kCommandCompletedAtTarget) return None();
  if ((pdu.residual_overflow && pdu.residual_underflow) ||
      (pdu.bidirectional_read_residual_overflow && pdu.bidirectional_read_residual_underflow)) {
    return {kResidualBothBits, 0};
  }
  if (pdu.status == ScsiStatus::kCheckCondition && pdu.data_segment_length == 0) {
    return {kSenseMissing, 0};
  }
  return None();
}

// RFC 7144's QUERY TASK names a task as ABORT TASK does. Unassigned functions are answered.
bool NamesATask(TaskManagementFunction function) {
  return function == TaskManagementFunction::kAbortTask ||
         function == TaskManagementFunction::kTaskReassign ||
         function == TaskManagementFunction::kQueryTask || !IsDefined(function);
}

Violation Check(const TaskManagementFunctionRequest& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) return {kTaskTagReserved, 0};
  if (pdu.function == TaskManagementFunction::kTaskReassign && !pdu.immediate) {
    return {kReassignNotImmediate, 0};
  }
  if (!NamesATask(pdu.function) && pdu.referenced_task_tag != kReservedTag) {
    return {kReferencedTagNotReserved, pdu.referenced_task_tag};
  }
  return None();
}

Violation Check(const TaskManagementFunctionResponse& pdu) {
  if (!IsDefined(pdu.response)) {
    return {kFunctionResponseUnknown, static_cast<uint32_t>(pdu.response)};
  }
  return None();
}

Violation Check(const DataIn& pdu) {
  if (!pdu.has_status) return None();
  if (!pdu.final) return {kStatusWithoutFinal, 0};
  switch (pdu.status) {
    case ScsiStatus::kGood:
    case ScsiStatus::kConditionMet:
    case ScsiStatus::kIntermediate:
    case ScsiStatus::kIntermediateConditionMet:
      break;
    default:
      return {kStatusNeedsResponse, static_cast<uint32_t>(pdu.status)};
  }
  if (pdu.residual_overflow && pdu.residual_underflow) return {kResidualBothBits, 0};
  return None();
}

Violation Check(const R2t& pdu) {
  if (pdu.target_transfer_tag == kReservedTag) return {kR2tTransferTagReserved, 0};
  if (pdu.desired_data_transfer_length == 0) return {kR2tLengthZero, 0};
  return None();
}

Violation Check(const AsynchronousMessage& pdu) {
  if (pdu.async_event == AsyncEvent::kScsiAsyncEvent && pdu.data_segment_length < 2) {
    return {kAsyncSenseMissing, pdu.data_segment_length};
  }
  return None();
}

Violation Check(const TextRequest& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) return {kTaskTagReserved, 0};
  if (pdu.continued && pdu.final) return {kTextContinueWithFinal, 0};
  return None();
}

// A final response's Target Transfer Tag is ignored (section 11.10.4).
Violation Check(const TextResponse& pdu) {
  if (pdu.continued && pdu.final) return {kTextContinueWithFinal, 0};
  if (!pdu.final && pdu.target_transfer_tag == kReservedTag) return {kTextTagMissing, 0};
  return None();
}

// The table of section 6.3: only forward, and only to a stage that there is.
template <class Login>
Violation CheckStages(const Login& pdu) {
  const auto current = static_cast<uint32_t>(pdu.current_stage);
  const auto next = static_cast<uint32_t>(pdu.next_stage);
  if (pdu.continued && pdu.transit) return {kTextContinueWithFinal, 0};
  if (!IsDefined(pdu.current_stage)) return {kLoginStageReserved, current};
  if (pdu.transit && !IsDefined(pdu.next_stage)) return {kLoginStageReserved, next};
  if (pdu.current_stage == LoginStage::kFullFeaturePhase || (pdu.transit && next <= current)) {
    return {kLoginStageTransition, current << 8 | next};
  }
  return None();
}

Violation Check(const LoginRequest& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) return {kTaskTagReserved, 0};
  if ((static_cast<unsigned>(pdu.isid[0]) & 0xc0) == 0xc0) return {kLoginIsidReserved, 0};
  return CheckStages(pdu);
}

// In a refusal T, CSG and NSG are reserved (section 6.3.1).
Violation Check(const LoginResponse& pdu) {
  if (!IsDefined(pdu.status_class)) {
    return {kLoginStatusReserved, static_cast<uint32_t>(pdu.status())};
  }
  if (pdu.status_class != LoginStatusClass::kSuccess) return None();
  return CheckStages(pdu);
}

Violation Check(const LogoutRequest& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) return {kTaskTagReserved, 0};
  if (!IsDefined(pdu.reason)) return {kLogoutReasonReserved, static_cast<uint32_t>(pdu.reason)};
  return None();
}

Violation Check(const LogoutResponse& pdu) {
  if (!IsDefined(pdu.response)) {
    return {kLogoutResponseReserved, static_cast<uint32_t>(pdu.response)};
  }
  return None();
}

// Sections 11.16.4 to 11.16.7.
Violation Check(const SnackRequest& pdu) {
  if (!IsDefined(pdu.type)) return {kSnackTypeReserved, static_cast<uint32_t>(pdu.type)};
  const bool of_connection = pdu.type == SnackType::kStatusSnack || pdu.type == SnackType::kDataAck;
  if (of_connection != (pdu.initiator_task_tag == kReservedTag)) {
    return {kSnackTaskTag, pdu.initiator_task_tag};
  }
  const bool tag_reserved = pdu.target_transfer_tag == kReservedTag;
  const bool tagged = pdu.type == SnackType::kDataAck || pdu.type == SnackType::kRDataSnack;
  if (tagged == tag_reserved ||
      (pdu.type == SnackType::kRDataSnack && pdu.target_transfer_tag == 0)) {
    return {kSnackTransferTag, pdu.target_transfer_tag};
  }
  if ((tagged && pdu.run_length != 0) || (pdu.type == SnackType::kRDataSnack && pdu.beg_run != 0)) {
    return {kSnackRun, pdu.run_length};
  }
  return None();
}

Violation Check(const Reject& pdu) {
  if (pdu.data_segment_length < kBhsSize) {
    return {kRejectHeaderTruncated, pdu.data_segment_length};
  }
  return None();
}

Violation Check(const NopOut& pdu) {
  if (pdu.initiator_task_tag == kReservedTag && !pdu.immediate) return {kNopOutNotImmediate, 0};
  return None();
}

Violation Check(const NopIn& pdu) {
  if (pdu.initiator_task_tag == kReservedTag) {
    if (pdu.data_segment_length == 0) return None();
    return {kNopInUnexpectedData, pdu.data_segment_length};
  }
  if (pdu.target_transfer_tag != kReservedTag) return {kNopInBothTags, 0};
  return None();
}

template <class Pdu>
Violation CheckAs(const Bhs& header) {
  return Check(Read<Pdu>(header));
}

Violation CheckFields(Opcode opcode, const Bhs& header) {
  switch (opcode) {
    case Opcode::kNopOut:
      return CheckAs<NopOut>(header);
    case Opcode::kScsiCommand:
      return CheckAs<ScsiCommand>(header);
    case Opcode::kTaskManagementFunctionRequest:
      return CheckAs<TaskManagementFunctionRequest>(header);
    case Opcode::kLoginRequest:
      return CheckAs<LoginRequest>(header);
    case Opcode::kTextRequest:
      return CheckAs<TextRequest>(header);
    case Opcode::kDataOut:
      return None();
    case Opcode::kLogoutRequest:
      return CheckAs<LogoutRequest>(header);
    case Opcode::kSnackRequest:
      return CheckAs<SnackRequest>(header);
    case Opcode::kNopIn:
      return CheckAs<NopIn>(header);
    case Opcode::kScsiResponse:
      return CheckAs<ScsiResponse>(header);
    case Opcode::kTaskManagementFunctionResponse:
      return CheckAs<TaskManagementFunctionResponse>(header);
    case Opcode::kLoginResponse:
      return CheckAs<LoginResponse>(header);
    case Opcode::kTextResponse:
      return CheckAs<TextResponse>(header);
    case Opcode::kDataIn:
      return CheckAs<DataIn>(header);
    case Opcode::kLogoutResponse:
      return CheckAs<LogoutResponse>(header);
    case Opcode::kR2t:
      return CheckAs<R2t>(header);
    case Opcode::kAsynchronousMessage:
      return CheckAs<AsynchronousMessage>(header);
    case Opcode::kReject:
      return CheckAs<Reject>(header);
  }
  return None();
}

}  // namespace

Violation ValidateFraming(const Bhs& header, Role receiver, uint32_t max_recv_data_segment_length) {
  const uint8_t opcode = Get(header, kOpcode);
  const OpcodeInfo* info = FindOpcode(opcode);
  if (info == nullptr) return {kOpcodeUnknown, opcode};
  if (info->sender == receiver) return {kOpcodeWrongDirection, opcode};
  const uint8_t ahs = Get(header, kTotalAhsLength);
  if (ahs != 0 && !info->may_carry_ahs) return {kAhsNotAllowed, ahs};
  const uint32_t length = Get(header, kDataSegmentLength);
  if (length != 0 && !info->may_carry_data) return {kDataSegmentNotAllowed, length};
  if (length > max_recv_data_segment_length) return {kDataSegmentTooLong, length};
  return None();
}

Violation ValidateFields(const Bhs& header) {
  const uint8_t opcode = Get(header, kOpcode);
  const OpcodeInfo* info = FindOpcode(opcode);
  if (info == nullptr) return {kOpcodeUnknown, opcode};
  if (info->always_final && !Get(header, kFinal)) return {kFinalBitMissing, opcode};
  const uint32_t tag = Get(header, kInitiatorTaskTag);
  if (info->pdu_class == PduClass::kUnsolicited && tag != kReservedTag) {
    return {kTaskTagNotReserved, tag};
  }
  return CheckFields(info->opcode, header);
}

Violation Validate(const Bhs& header, Role receiver, uint32_t max_recv_data_segment_length) {
  const Violation violation = ValidateFraming(header, receiver, max_recv_data_segment_length);
  return violation.ok() ? ValidateFields(header) : violation;
}

}  // namespace isthmus::wire
