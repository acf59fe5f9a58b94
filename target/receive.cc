// Every received PDU: what any must satisfy, and who it is for. RFC 7143 sections 4.2.2, 7.7 and 7.8.

#include <utility>

#include "digest/verdict.h"
#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/task_management_function_request.h"
#include "target/session_state.h"

namespace isthmus::target {

bool SessionState::CanPump(const Row& row) const {
  return row.reading && row.state->echo_free != 0 &&
         row.control_entries + kControlReserve < row.state->max_control_entries;
}

// Takes PDUs until something is to be told or nothing more can be taken. True: `event` holds a
// kReleaseRx.
bool SessionState::Pump(Row& row, Event* event) {
  while (notice_head == notice_tail && CanPump(row)) {
    if (!row.stalled && !row.state->receiver.Next(&row.item)) return false;
    switch (row.item.kind) {
      case RxItemKind::kHeader:
        row.discard = false;
        row.stalled = !OnHeader(row);
        if (row.stalled) return false;
        if (row.discard && row.reading && row.item.data_segment_length > 0) {
          row.state->receiver.SetScratch();
        }
        break;
      case RxItemKind::kEnd:
        if (!row.discard) OnEnd(row);
        break;
      case RxItemKind::kReleaseRx:
        *event = Event();
        event->kind = EventKind::kReleaseRx;
        event->connection = IdOf(row);
        event->lease = row.item.lease;
        return true;
      case RxItemKind::kError:
        if (row.item.error.Has(Action::kDropSession)) {
          EndSession(row.item.error, false);
        } else {
          EndConnection(row, row.item.error, false);
        }
        break;
    }
  }
  return false;
}

// What any PDU must satisfy. Sections 11.2.1.5, 11.2.1.6, 4.2.2.2, 4.3.
Error SessionState::CheckAny(const Row& row, const RxItem& item) const {
  const wire::Bhs& header = *item.header;
  const uint8_t opcode = wire::Get(header, wire::kOpcode);
  const wire::OpcodeInfo* info = wire::FindOpcode(opcode);
  const auto violation = [](ErrorCode code, PduClass pdu_class, uint32_t detail) {
    return MakeError(code, Role::kTarget, pdu_class, 0, detail);
  };
  if (info == nullptr) return violation(ErrorCode::kOpcodeUnknown, PduClass::kNone, opcode);
  if (info->sender == Role::kTarget) {
    return violation(ErrorCode::kOpcodeWrongDirection, PduClass::kNone, opcode);
  }
  const PduClass pdu_class = info->pdu_class;
  if (info->opcode == wire::Opcode::kLoginRequest) {
    return violation(ErrorCode::kLoginInFullFeature, PduClass::kNone, 0);
  }
  if (!item.ahs.empty() && !info->may_carry_ahs) {
    return violation(ErrorCode::kAhsNotAllowed, pdu_class,
                     static_cast<uint32_t>(item.ahs.size() / 4));
  }
  if (item.data_segment_length > 0 && !info->may_carry_data) {
    return violation(ErrorCode::kDataSegmentNotAllowed, pdu_class, item.data_segment_length);
  }
  if (info->always_final && !pdu::Final(header)) {
    return violation(ErrorCode::kFinalBitMissing, pdu_class, opcode);
  }
  // One more than was sent is let pass: R2T and an unasked NOP-In show the next StatSN without
  // taking it, and libiscsi then acknowledges it all the same. Nothing is retained at
  // ErrorRecoveryLevel 0 that this could release too early. One that falls back (kExpStatSnBehind)
  // says nothing new.
  if (SerialLess(row.state->stat_sn + 1, pdu::ExpStatSn(header))) {
    return violation(ErrorCode::kExpStatSnUnsent, pdu_class, pdu::ExpStatSn(header));
  }
  if (Discovery() && info->opcode != wire::Opcode::kTextRequest &&
      info->opcode != wire::Opcode::kLogoutRequest) {
    return violation(ErrorCode::kDiscoveryRequest, pdu_class, opcode);
  }
  return Error::Ok();
}

// What the peer may send whatever the window says. The rest of a text exchange is limited by itself: in rounds, or in
// pages that there are.
Error SessionState::CheckRates(Row& row, const wire::Bhs& header) {
  const auto too_fast = [](ErrorCode code, PduClass pdu_class) {
    return MakeError(code, Role::kTarget, pdu_class, 0);
  };
  switch (pdu::Opcode(header)) {
    case wire::Opcode::kNopOut:
      if (!row.pings.Take(now)) return too_fast(ErrorCode::kPingRate, PduClass::kNop);
      break;
    case wire::Opcode::kTextRequest:
      if (pdu::TargetTransferTag(header) == pdu::kReservedTag && !row.texts.Take(now)) {
        return too_fast(ErrorCode::kTextRate, PduClass::kText);
      }
      break;
    case wire::Opcode::kScsiCommand:
    case wire::Opcode::kTaskManagementFunctionRequest:
      if (pdu::Immediate(header) && !row.immediates.Take(now)) {
        return too_fast(ErrorCode::kImmediateRate, PduClass::kCommand);
      }
      break;
    default:
      break;
  }
  return Error::Ok();
}

// False: look at it again when something has moved.
bool SessionState::OnHeader(Row& row) {
  const RxItem& item = row.item;
  const wire::Bhs& header = *item.header;
  if (!row.stalled) {
    row.rx_task = row.rx_burst = row.rx_echo = kNone;
    Error error = CheckAny(row, item);
    if (error.ok()) error = CheckRates(row, header);
    if (!error.ok()) {
      Act(row, error, header, item.ahs);
      return true;
    }
  }
  switch (pdu::Opcode(header)) {
    case wire::Opcode::kScsiCommand:
      return OnCommandHeader(row, item);
    case wire::Opcode::kDataOut:
      return OnDataOutHeader(row, item);
    case wire::Opcode::kNopOut:
      return OnNopHeader(row, item);
    case wire::Opcode::kTextRequest:
      return OnTextHeader(row, item);
    case wire::Opcode::kSnackRequest:
      Violate(row, ErrorCode::kSnackNotSupported, PduClass::kSnack, item);
      return true;
    default:
      return OnPlainHeader(row, item);  // task management, logout
  }
}

bool SessionState::OnPlainHeader(Row& row, const RxItem& item) {
  const wire::Bhs& header = *item.header;
  const bool immediate = pdu::Immediate(header);
  const bool logout = pdu::Opcode(header) == wire::Opcode::kLogoutRequest;
  if (!immediate && !CheckCmdSn(row, header)) return true;
  const PduClass pdu_class = logout ? PduClass::kLogout : PduClass::kTaskManagement;
  const auto violation = [pdu_class](ErrorCode code, uint32_t detail = 0) {
    return MakeError(code, Role::kTarget, pdu_class, 0, detail);
  };
  Error error = Error::Ok();
  if (pdu::InitiatorTaskTag(header) == pdu::kReservedTag) {
    error = violation(ErrorCode::kTaskTagReserved);
  } else if (logout) {
    const wire::LogoutReason reason = pdu::Read<wire::LogoutRequest>(header).reason;
    const auto code = static_cast<uint32_t>(reason);
    if (!wire::IsDefined(reason)) {
      error = violation(ErrorCode::kLogoutReasonReserved, code);
    } else if (Discovery() && reason != wire::LogoutReason::kCloseTheSession) {
      error = violation(ErrorCode::kLogoutDiscoveryReason, code);
    }
  } else {
    const auto request = pdu::Read<wire::TaskManagementFunctionRequest>(header);
    if (request.function >= wire::TaskManagementFunction::kAbortTaskSet &&
        request.function <= wire::TaskManagementFunction::kTargetColdReset &&
        request.referenced_task_tag != pdu::kReservedTag) {
      error = violation(ErrorCode::kReferencedTagNotReserved, request.referenced_task_tag);
    }
  }
  if (!error.ok()) {
    Act(row, error, header, item.ahs);
    return true;
  }
  if (immediate) return true;
  const uint32_t index = AcquireTask(row, header, false);
  if (index == kNone) return false;
  row.rx_task = index;
  tasks[index].rx_refs = 1;
  return true;
}

void SessionState::OnEnd(Row& row) {
  const RxItem& item = row.item;
  const wire::Bhs header = *item.header;
  const bool good = item.data_verdict != digest::DigestVerdict::kBad;
  const wire::Opcode opcode = pdu::Opcode(header);
  if (opcode == wire::Opcode::kDataOut) {
    OnDataOutEnd(row, item, good);
    return;
  }
  const uint32_t index = std::exchange(row.rx_task, kNone);
  if (opcode == wire::Opcode::kScsiCommand) {
    OnCommandEnd(row, index, good);
    return;
  }
  if (!good) {  // no further action is necessary (section 7.8); its CmdSN is not received
    if (opcode == wire::Opcode::kTextRequest) row.text_busy = false;
    if (row.rx_echo != kNone) ReleaseEcho(row, row.rx_echo);
    if (index != kNone) {
      tasks[index].rx_refs = 0;
      tasks[index].aborted = tasks[index].embedder_done = true;
      MaybeFree(index);
    }
    SendReject(row, InfoOf(ErrorCode::kDataDigest).reject_reason, header, item.ahs);
    return;
  }
  if (opcode == wire::Opcode::kTextRequest) row.state->text.size += item.data_segment_length;
  if (index != kNone) {
    Task& task = tasks[index];
    task.rx_refs = 0;
    task.data_size = row.rx_echo_bytes;
    task.state = TaskState::kWaiting;
    Check(window.Place(task.cmd_sn, index));
    DeliverInOrder();
    return;
  }
  Execute(row, header, row.rx_echo, row.rx_echo_bytes);
}

// A request that is no SCSI command, in its turn.
void SessionState::Execute(Row& row, const wire::Bhs& header, uint32_t echo, uint32_t size) {
  switch (pdu::Opcode(header)) {
    case wire::Opcode::kNopOut:
      OnNopOut(row, header, echo, size);
      break;
    case wire::Opcode::kTaskManagementFunctionRequest:
      OnTaskManagement(row, header);
      break;
    case wire::Opcode::kTextRequest:
      OnTextRequest(row, header);
      break;
    case wire::Opcode::kLogoutRequest:
      OnLogout(row, header);
      break;
    default:
      break;
  }
}

}  // namespace isthmus::target
