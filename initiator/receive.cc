// Every received PDU: its numbers, and who it is for. RFC 7143 sections 4.2.2, 7.7 to 7.9.

#include "initiator/session_state.h"
#include "protocol/session/serial.h"
#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/data_in.h"
#include "protocol/wire/login_response.h"
#include "protocol/wire/logout_response.h"
#include "protocol/wire/nop_in.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/r2t.h"
#include "protocol/wire/reject.h"
#include "protocol/wire/scsi_response.h"
#include "protocol/wire/task_management_function_response.h"
#include "protocol/wire/text_response.h"

namespace isthmus::initiator {
namespace {

// A gap of more than this is no loss but nonsense.
constexpr uint32_t kMaxStatSnGap = 0x10000;

template <class Pdu>
inline constexpr uint8_t kOpcodeOf = wire::Layout<Pdu>::kOpcode;

struct Kind {
  PduClass pdu_class;
  bool may_have_data;
};

// nullptr: not an opcode that a target sends.
const Kind* KindOf(uint8_t opcode) {
  static constexpr Kind kDataIn = {PduClass::kData, true};
  static constexpr Kind kR2t = {PduClass::kR2t, false};
  static constexpr Kind kScsiResponse = {PduClass::kResponse, true};
  static constexpr Kind kOtherResponse = {PduClass::kResponse, false};
  static constexpr Kind kText = {PduClass::kText, true};
  static constexpr Kind kNop = {PduClass::kNop, true};
  static constexpr Kind kUnsolicited = {PduClass::kUnsolicited, true};
  switch (opcode) {
    case kOpcodeOf<wire::DataIn>:
      return &kDataIn;
    case kOpcodeOf<wire::R2t>:
      return &kR2t;
    case kOpcodeOf<wire::ScsiResponse>:
      return &kScsiResponse;
    case kOpcodeOf<wire::TaskManagementFunctionResponse>:
    case kOpcodeOf<wire::LogoutResponse>:
      return &kOtherResponse;
    case kOpcodeOf<wire::TextResponse>:
      return &kText;
    case kOpcodeOf<wire::NopIn>:
      return &kNop;
    case kOpcodeOf<wire::Reject>:
    case kOpcodeOf<wire::AsynchronousMessage>:
      return &kUnsolicited;
    default:
      return nullptr;
  }
}

constexpr uint8_t kFirstTargetOpcode = 0x20;

}  // namespace

// Takes one item from the receiver. False: there is none, or it must wait.
bool SessionState::Pump() {
  if (phase != Phase::kFullFeature && phase != Phase::kLoggingOut) return false;
  // Each answer to a ping has its slot: a peer that does not read its answers is not read either.
  if (echoes >= limits.echo_slots) return false;
  RxItem item;
  if (!channel().receiver->Next(&item)) return false;
  switch (item.kind) {
    case RxItemKind::kHeader:
      OnHeader(item);
      break;
    case RxItemKind::kEnd:
      OnPdu(item);
      break;
    case RxItemKind::kReleaseRx: {
      Event event;
      event.kind = EventKind::kReleaseRx;
      event.connection = id;
      event.lease = item.lease;
      QueueEvent(event);
      break;
    }
    case RxItemKind::kError:
      Drop(item.error, false);
      break;
  }
  return true;
}

// A verified header: decides where the data segment goes.
void SessionState::OnHeader(const RxItem& item) {
  discarding = false;
  rx_task = kReservedTag;
  const std::span<std::byte> sink = SinkFor(item);
  if (item.data_segment_length == 0) return;
  if (sink.size() < item.data_segment_length) {
    channel().receiver->SetScratch();
  } else {
    channel().receiver->SetSink(sink.first(item.data_segment_length));
  }
}

// Room for the data segment; empty: it is dropped, after its digest was checked.
std::span<std::byte> SessionState::SinkFor(const RxItem& item) {
  const uint8_t opcode = wire::Get(*item.header, wire::kOpcode);
  const Kind* kind = KindOf(opcode);
  if (kind == nullptr) {
    const ErrorCode code = opcode == kOpcodeOf<wire::LoginResponse> ? ErrorCode::kLoginInFullFeature
                           : opcode < kFirstTargetOpcode ? ErrorCode::kOpcodeWrongDirection
                                                         : ErrorCode::kOpcodeUnknown;
    Violation(code, PduClass::kUnsolicited, opcode);
    return {};
  }
  if (!item.ahs.empty()) {
    Violation(ErrorCode::kAhsNotAllowed, kind->pdu_class,
              static_cast<uint32_t>(item.ahs.size() / 4));
    return {};
  }
  if (wire::FindOpcode(opcode)->always_final && !wire::Get(*item.header, wire::kFinal)) {
    Violation(ErrorCode::kFinalBitMissing, kind->pdu_class, opcode);
    return {};
  }
  if (item.data_segment_length > 0 && !kind->may_have_data) {
    Violation(ErrorCode::kDataSegmentNotAllowed, kind->pdu_class, item.data_segment_length);
    return {};
  }
  if (kind->pdu_class == PduClass::kData) return DataInSink(item);
  if (kind->pdu_class == PduClass::kText && text_task != kReservedTag &&
      text_use == TextUse::kQuery) {
    const std::span<std::byte> rest = text_answer.subspan(text_answer_size);
    text_overflow = item.data_segment_length > rest.size();
    return rest;
  }
  return control;
}

// The PDU is whole.
void SessionState::OnPdu(const RxItem& item) {
  if (phase != Phase::kFullFeature && phase != Phase::kLoggingOut) return;
  if (item.data_verdict == digest::DigestVerdict::kBad) {
    OnBadData(item);
    return;
  }
  if (!discarding) Dispatch(item);
}

void SessionState::Dispatch(const RxItem& item) {
  switch (wire::Get(*item.header, wire::kOpcode)) {
    case kOpcodeOf<wire::DataIn>:
      return OnDataIn(item);
    case kOpcodeOf<wire::R2t>:
      return OnR2t(item);
    case kOpcodeOf<wire::ScsiResponse>:
      return OnScsiResponse(item);
    case kOpcodeOf<wire::TaskManagementFunctionResponse>:
      return OnTaskManagementResponse(item);
    case kOpcodeOf<wire::LogoutResponse>:
      return OnLogoutResponse(item);
    case kOpcodeOf<wire::TextResponse>:
      return OnTextResponse(item);
    case kOpcodeOf<wire::NopIn>:
      return OnNopIn(item);
    case kOpcodeOf<wire::Reject>:
      return OnReject(item);
    default:
      return OnAsyncMessage(item);
  }
}

// Section 7.8. A Data-In whose data is bad fails its task; the loss of any other PDU is the loss of
// a status, which only a SNACK or another connection could make good.
void SessionState::OnBadData(const RxItem& item) {
  ++counters.data_digest_errors;
  const uint8_t opcode = wire::Get(*item.header, wire::kOpcode);
  const PduClass pdu_class = KindOf(opcode)->pdu_class;
  if (pdu_class != PduClass::kData) {
    Violation(ErrorCode::kDataDigest, pdu_class, opcode);
    return;
  }
  if (discarding) return;
  Task* task = tasks.Find(rx_task);
  if (task == nullptr || task->kind != TaskKind::kCommand) return;
  ++task->data_sn;
  const bool has_status = wire::Get(*item.header, wire::kDataInHasStatus);
  // The status that came with it is not lost: the header is whole. It is acknowledged, and stands
  // for the end of a task that has failed.
  if (has_status && !Number(*item.header, pdu_class, true)) return;
  if (has_status) {
    task->failed = true;
    task->outcome = Outcome::kDigestError;
    task->error = MakeError(ErrorCode::kDataDigest, Role::kInitiator, pdu_class,
                            parameters.ErrorRecoveryLevel);
    Conclude(*task);
    return;
  }
  Violation(ErrorCode::kDataDigest, pdu_class, 0, task, Outcome::kDigestError);
}

// StatSN (section 4.2.2.2). False: the PDU does not go on.
bool SessionState::Number(const wire::Bhs& header, PduClass pdu_class, bool counts) {
  if (!counts) return true;
  const uint32_t stat_sn = wire::Get(header, wire::kStatSn);
  if (stat_sn == exp_stat_sn) {
    ++exp_stat_sn;
    return true;
  }
  if (SerialLess(stat_sn, exp_stat_sn)) {
    return Violation(ErrorCode::kStatSnDuplicate, pdu_class, stat_sn);
  }
  const uint32_t gap = stat_sn - exp_stat_sn;
  return gap > kMaxStatSnGap ? Violation(ErrorCode::kStatSnTooFar, pdu_class, gap)
                             : Violation(ErrorCode::kStatSnGap, pdu_class, stat_sn);
}

// Section 4.2.2.1: two fields that every PDU of a target has.
void SessionState::UpdateWindow(const wire::Bhs& header, PduClass pdu_class) {
  const uint32_t exp = wire::Get(header, wire::kExpCmdSn);
  const uint32_t max = wire::Get(header, wire::kMaxCmdSn);
  if (SerialLess(max, exp - 1)) {
    Violation(ErrorCode::kMaxCmdSnBehind, pdu_class, max);
    return;
  }
  if (SerialLess(cmd_sn, exp)) {
    Violation(ErrorCode::kExpCmdSnUnsent, pdu_class, exp);
    return;
  }
  if (SerialLess(exp_cmd_sn, exp)) exp_cmd_sn = exp;
  if (SerialLess(max_cmd_sn, max)) max_cmd_sn = max;
}

bool SessionState::Violation(ErrorCode code, PduClass pdu_class, uint32_t detail, Task* task,
                             Outcome outcome) {
  return Consequence(
      MakeError(code, Role::kInitiator, pdu_class, parameters.ErrorRecoveryLevel, detail), task,
      outcome);
}

bool SessionState::Consequence(Error error, Task* task, Outcome outcome) {
  if (error.Has(Action::kIgnore)) return true;
  discarding = true;
  if (error.EndsConnection()) {
    Drop(error, false);
  } else if (error.Has(Action::kLogout)) {
    SendLogout(LogoutReason::kCloseConnection, error);
  } else if (error.Has(Action::kRefuseNegotiation)) {
    FinishText(Outcome::kDataError, error);
  } else if (error.Has(Action::kFailTask) && task != nullptr) {
    FailTask(*task, outcome, error);
  } else {
    ++counters.discarded_pdus;
    // What was on its way when its task was concluded here is no fault of the target.
    if (error.code != ErrorCode::kResponseLate && !unasked.Take(now)) {
      Drop(MakeError(ErrorCode::kUnaskedRate, Role::kInitiator, PduClass::kNone, 0,
                     static_cast<uint32_t>(error.code)),
           false);
    }
  }
  return false;
}

// The task that a PDU names, which must be out and of that kind.
Task* SessionState::FindTask(uint32_t tag, TaskKind kind, PduClass pdu_class) {
  Task* task = tasks.Find(tag);
  if (task == nullptr || task->state < TaskState::kSent) {
    Violation(ErrorCode::kTaskTagUnknown, pdu_class, tag);
    return nullptr;
  }
  if (task->kind != kind) {
    Violation(ErrorCode::kTaskTagWrongType, pdu_class, tag);
    return nullptr;
  }
  // Concluded here, its buffers still with the transport: what comes late is dropped (4.2.3.3).
  if (task->state == TaskState::kConcluded) {
    Violation(ErrorCode::kResponseLate, pdu_class, tag);
    return nullptr;
  }
  return task;
}

}  // namespace isthmus::initiator
