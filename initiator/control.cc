// Pings, Reject, Asynchronous Messages, Logout. RFC 7143 sections 7.3, 11.9, 11.14, 11.15, 11.17 to
// 11.19.

#include <algorithm>
#include <cstring>

#include "initiator/session_state.h"
#include "protocol/check.h"
#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/data_out.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/logout_response.h"
#include "protocol/wire/lun.h"
#include "protocol/wire/nop_in.h"
#include "protocol/wire/nop_out.h"
#include "protocol/wire/reject.h"
#include "protocol/wire/scsi_command.h"
#include "protocol/wire/sense.h"
#include "protocol/wire/task_management_function_request.h"
#include "protocol/wire/text_request.h"

namespace isthmus::initiator {

Error SessionState::Ping(std::span<const std::byte> data, uint64_t cookie) {
  if (!MayRequest()) return CallerError(ErrorCode::kCallOutOfState);
  if (parameters.SessionType == text::SessionKind::kDiscovery) {
    return CallerError(ErrorCode::kCallDiscovery);
  }
  if (user_ping != kReservedTag) return CallerError(ErrorCode::kCallQueueFull, 1);
  // The answer is as long as the question: it must fit here too (section 11.18.3).
  if (data.size() > std::min({parameters.peer_MaxRecvDataSegmentLength,
                              parameters.own_MaxRecvDataSegmentLength, limits.control_bytes})) {
    return CallerError(ErrorCode::kCallDataSegmentTooLong, static_cast<uint32_t>(data.size()));
  }
  Task* task = NewTask(TaskKind::kPing);
  Check(task != nullptr);
  task->immediate = true;
  task->cookie = cookie;
  wire::NopOut nop;
  nop.immediate = true;
  nop.initiator_task_tag = task->tag;
  wire::Bhs header;
  wire::Encode(nop, &header);
  if (!channel().sender->QueuePdu(TxClass::kUrgent, header, {}, data,
                                  Cookie(Entry::kRequest, task->tag))) {
    Release(*task);
    return CallerError(ErrorCode::kCallQueueFull);
  }
  ++task->tx_entries;
  task->state = TaskState::kQueued;
  user_ping = task->tag;
  ping_data = data;
  return Error::Ok();
}

void SessionState::SendKeepalive() {
  if (phase != Phase::kFullFeature || keepalive != kReservedTag) return;
  Task* task = NewTask(TaskKind::kPing);
  if (task == nullptr) return;
  task->immediate = true;
  task->internal = true;
  wire::NopOut nop;
  nop.immediate = true;
  nop.initiator_task_tag = task->tag;
  wire::Bhs header;
  wire::Encode(nop, &header);
  if (!channel().sender->QueuePdu(TxClass::kUrgent, header, {}, {},
                                  Cookie(Entry::kRequest, task->tag))) {
    // So much waits to leave that the peer does not read: the deadline runs all the same.
    Release(*task);
  } else {
    ++task->tx_entries;
    task->state = TaskState::kQueued;
    keepalive = task->tag;
  }
  if (limits.ping_timeout_ms > 0) {
    deadlines.Arm(DeadlineReason::kPingReply, now + Milliseconds(limits.ping_timeout_ms));
  }
}

void SessionState::RearmKeepalive() {
  deadlines.Disarm(DeadlineReason::kPingReply);
  if (phase != Phase::kFullFeature) return;
  deadlines.Arm(DeadlineReason::kPingDue, now + Milliseconds(limits.ping_interval_ms));
}

// False: the peer took more than the bucket had, and the connection ends.
bool SessionState::TakeToken(TokenBucket& bucket, ErrorCode code, PduClass pdu_class,
                             uint32_t detail) {
  if (bucket.Take(now)) return true;
  Violation(code, pdu_class, detail);
  return false;
}

void SessionState::QueueEcho(uint64_t lun, uint32_t target_transfer_tag) {
  wire::NopOut nop;
  nop.immediate = true;
  nop.lun = lun;
  nop.target_transfer_tag = target_transfer_tag;
  wire::Bhs header;
  wire::Encode(nop, &header);
  // Pump() stops while all slots are taken, and the sender has a place for each.
  Check(channel().sender->QueuePdu(TxClass::kUrgent, header, {}, {}, Cookie(Entry::kEcho, 0)));
  ++echoes;
}

void SessionState::OnNopIn(const RxItem& item) {
  wire::NopIn nop;
  wire::Decode(*item.header, &nop);
  const bool answers = nop.initiator_task_tag != kReservedTag;
  if (!answers && item.data_segment_length > 0) {
    Violation(ErrorCode::kNopInUnexpectedData, PduClass::kNop, item.data_segment_length);
    return;
  }
  if (answers && nop.target_transfer_tag != kReservedTag) {
    Violation(ErrorCode::kNopInBothTags, PduClass::kNop, nop.target_transfer_tag);
    return;
  }
  if (nop.target_transfer_tag != kReservedTag && nop.lun == wire::kLunNotSpecified) {
    Violation(ErrorCode::kNopInLunInvalid, PduClass::kNop, 0);
    return;
  }
  if (!Number(*item.header, PduClass::kNop, answers)) return;
  UpdateWindow(*item.header, PduClass::kNop);
  if (phase == Phase::kDisconnecting) return;
  if (!answers) {
    if (nop.target_transfer_tag == kReservedTag) return;
    if (!TakeToken(pings, ErrorCode::kPingRate, PduClass::kNop, 0)) return;
    ++counters.pings_answered;
    QueueEcho(nop.lun, nop.target_transfer_tag);
    return;
  }
  Task* task = FindTask(nop.initiator_task_tag, TaskKind::kPing, PduClass::kNop);
  if (task == nullptr) return;
  if (!task->internal && !std::ranges::equal(item.data, ping_data)) {
    task->outcome = Outcome::kDataError;
  }
  if (task->internal) RearmKeepalive();
  Conclude(*task);
}

void SessionState::OnReject(const RxItem& item) {
  if (!Number(*item.header, PduClass::kUnsolicited, true)) return;
  UpdateWindow(*item.header, PduClass::kUnsolicited);
  if (phase == Phase::kDisconnecting) return;
  if (!TakeToken(unasked, ErrorCode::kUnaskedRate, PduClass::kUnsolicited,
                 wire::Layout<wire::Reject>::kOpcode)) {
    return;
  }
  wire::Reject reject;
  wire::Decode(*item.header, &reject);
  ++counters.rejects;
  const auto reason = static_cast<uint8_t>(reject.reason);
  if (reject.reason == wire::RejectReason::kNegotiationReset) {
    Violation(ErrorCode::kRejectReasonDeprecated, PduClass::kUnsolicited, reason);
    return;
  }
  if (item.data_segment_length < wire::kBhsSize) {
    Violation(ErrorCode::kRejectHeaderTruncated, PduClass::kUnsolicited, item.data_segment_length);
    return;
  }
  if (item.data.size() < wire::kBhsSize) return;  // too long for the control buffer: counted only
  wire::Bhs bad;
  std::memcpy(bad.bytes.data(), item.data.data(), wire::kBhsSize);
  Task* task = tasks.Find(wire::Get(bad, wire::kInitiatorTaskTag));
  const uint8_t opcode = wire::Get(bad, wire::kOpcode);
  // A Reject of data, or of what has ended, says nothing of any task's end (section 7.3).
  if (task == nullptr || task->state != TaskState::kSent ||
      opcode == wire::Layout<wire::DataOut>::kOpcode) {
    Violation(ErrorCode::kPeerRejected, PduClass::kUnsolicited, reason);
    return;
  }
  switch (task->kind) {
    case TaskKind::kCommand:
      if (opcode == wire::Layout<wire::ScsiCommand>::kOpcode &&
          wire::Get(bad, wire::kCmdSn) == task->cmd_sn) {
        OnRejectedCommand(*task, reason);
      }
      return;
    case TaskKind::kText:
      if (opcode != wire::Layout<wire::TextRequest>::kOpcode) return;
      task->reject_reason = reason;
      FinishText(Outcome::kRejected, MakeError(ErrorCode::kCommandRejected, Role::kInitiator,
                                               PduClass::kUnsolicited, 0, reason));
      return;
    case TaskKind::kTaskManagement:
      if (opcode != wire::Layout<wire::TaskManagementFunctionRequest>::kOpcode) return;
      break;
    case TaskKind::kPing:
      if (opcode != wire::Layout<wire::NopOut>::kOpcode) return;
      if (task->internal) RearmKeepalive();  // a peer that rejects is alive
      break;
    case TaskKind::kLogout:
      if (opcode != wire::Layout<wire::LogoutRequest>::kOpcode) return;
      Violation(ErrorCode::kLogoutRefused, PduClass::kUnsolicited, reason);
      return;
  }
  task->failed = true;
  task->outcome = Outcome::kRejected;
  task->reject_reason = reason;
  task->error =
      MakeError(ErrorCode::kCommandRejected, Role::kInitiator, PduClass::kUnsolicited, 0, reason);
  if (Task* referenced = tasks.Find(task->referenced_tag)) {
    referenced->aborting = false;
    if (referenced->failed) Conclude(*referenced);  // nothing else will end it
  }
  if (task->immediate) {
    Conclude(*task);
  } else {
    AbortInternally(*task);  // plugs the hole
  }
}

void SessionState::OnAsyncMessage(const RxItem& item) {
  wire::AsynchronousMessage message;
  wire::Decode(*item.header, &message);
  if (!wire::FixedBitsHold<wire::AsynchronousMessage>(*item.header)) {
    Violation(ErrorCode::kTaskTagNotReserved, PduClass::kUnsolicited, 0);
    return;
  }
  if (!Number(*item.header, PduClass::kUnsolicited, true)) return;
  UpdateWindow(*item.header, PduClass::kUnsolicited);
  if (phase == Phase::kDisconnecting) return;
  if (!TakeToken(unasked, ErrorCode::kUnaskedRate, PduClass::kUnsolicited,
                 wire::Layout<wire::AsynchronousMessage>::kOpcode)) {
    return;
  }
  const auto code = static_cast<uint8_t>(message.async_event);
  wire::SenseSegment segment;
  if (const auto violation = wire::SplitSenseSegment(item.data, &segment); !violation.ok()) {
    Violation(violation.code, PduClass::kUnsolicited, violation.detail);
  }
  if (message.async_event == wire::AsyncEvent::kScsiAsyncEvent && segment.sense.empty()) {
    Violation(ErrorCode::kAsyncSenseMissing, PduClass::kUnsolicited, item.data_segment_length);
    return;
  }
  if (message.async_event == wire::AsyncEvent::kTaskTermination &&
      parameters.TaskReporting != text::TaskReportingSemantics::kFastAbort) {
    Violation(ErrorCode::kAsyncTaskTermination, PduClass::kUnsolicited, 0);
    return;
  }
  ++counters.async_messages;
  Event event;
  event.kind = EventKind::kAsyncMessage;
  event.connection = id;
  event.async_event = code;
  event.async_vcode = message.async_vcode;
  event.parameter1 = message.parameter1;
  event.parameter2 = message.parameter2;
  event.parameter3 = message.parameter3;
  event.lun = wire::LunToBytes(message.lun);
  event.data = segment.sense;
  event.async_data = segment.rest;
  QueueEvent(event);
  switch (message.async_event) {
    case wire::AsyncEvent::kScsiAsyncEvent:
      break;
    case wire::AsyncEvent::kLogoutRequest:
      // Running commands get half of the time that the target gives; without any it is now.
      channel().csm.Take(CsmEvent::kLogoutRequested);
      if (phase != Phase::kFullFeature) break;  // on its way already
      MaybeAnswerLogoutRequest();
      if (phase != Phase::kFullFeature) break;
      deadlines.ArmNoLater(DeadlineReason::kAsyncLogout,
                           now + Milliseconds(int64_t{message.parameter3} * 500));
      break;
    case wire::AsyncEvent::kConnectionDropNotification:
      if (message.parameter1 != channel().cid) break;
      time2wait_s = message.parameter2;
      time2retain_s = message.parameter3;
      Violation(ErrorCode::kConnectionDropAnnounced, PduClass::kUnsolicited,
                uint32_t{message.parameter2} << 16 | message.parameter3);
      break;
    case wire::AsyncEvent::kSessionDropNotification:
      time2wait_s = message.parameter2;
      time2retain_s = message.parameter3;
      Violation(ErrorCode::kSessionDropAnnounced, PduClass::kUnsolicited,
                uint32_t{message.parameter2} << 16 | message.parameter3);
      break;
    case wire::AsyncEvent::kNegotiationRequest:
      if (text_task == kReservedTag && phase == Phase::kFullFeature) StartNegotiation(true, 0);
      break;
    case wire::AsyncEvent::kTaskTermination:
      OnTaskTermination(message.lun);
      break;
    default:
      if (code < 248) Violation(ErrorCode::kAsyncEventUnassigned, PduClass::kUnsolicited, code);
      break;
  }
}

// Section 11.9.1, event 5: stop the data, then acknowledge by a NOP-Out that names the LUN.
void SessionState::OnTaskTermination(uint64_t lun) {
  ForEachTask([&](Task& task) {
    if (task.kind != TaskKind::kCommand || task.lun != lun || task.emission == 0 ||
        task.state == TaskState::kConcluded) {
      return;
    }
    if (!task.failed) {
      task.outcome = Outcome::kAborted;
      task.error = MakeError(ErrorCode::kTaskTerminated, Role::kInitiator, PduClass::kUnsolicited,
                             parameters.ErrorRecoveryLevel);
    }
    Conclude(task);
  });
  QueueEcho(lun, kReservedTag);
}

Error SessionState::Logout(LogoutReason reason) {
  if (phase != Phase::kFullFeature) return CallerError(ErrorCode::kCallOutOfState);
  if (reason == LogoutReason::kRemoveForRecovery) {
    return CallerError(ErrorCode::kCallNotNegotiated);  // ErrorRecoveryLevel 2
  }
  const bool discovery = parameters.SessionType == text::SessionKind::kDiscovery;
  if (discovery && reason != LogoutReason::kCloseSession) {
    return CallerError(ErrorCode::kCallDiscovery);
  }
  SendLogout(reason, Error::Ok());
  return Error::Ok();
}

// `why` is what the embedder is told as the end of the connection, if it was not its own wish.
void SessionState::SendLogout(LogoutReason reason, Error why) {
  if (phase != Phase::kFullFeature) return;
  if (parameters.SessionType == text::SessionKind::kDiscovery) {
    reason = LogoutReason::kCloseSession;
  }
  Task* task = NewTask(TaskKind::kLogout);
  Check(task != nullptr);
  task->immediate = true;
  task->internal = true;
  wire::LogoutRequest request;
  request.immediate = true;
  request.reason = static_cast<wire::LogoutReason>(reason);
  request.initiator_task_tag = task->tag;
  if (reason != LogoutReason::kCloseSession) request.cid = channel().cid;
  wire::Bhs header;
  wire::Encode(request, &header);
  phase = Phase::kLoggingOut;
  channel().csm.Take(CsmEvent::kLogoutBegun);
  logout_reason = reason;
  logout_error = why;
  logout_task = task->tag;
  deadlines.DisarmAll();
  if (!channel().sender->QueuePdu(TxClass::kNormal, header, {}, {},
                                  Cookie(Entry::kRequest, task->tag))) {
    Drop(why.ok() ? MakeError(ErrorCode::kTransmitBacklog, Role::kInitiator, PduClass::kNone, 0)
                  : why,
         false);
    return;
  }
  ++task->tx_entries;
  task->state = TaskState::kQueued;
}

// After the target's request: as soon as nothing is running any more.
void SessionState::MaybeAnswerLogoutRequest() {
  if (LogoutRequested() && commands_sent == 0 && unnumbered == 0) {
    SendLogout(LogoutReason::kCloseConnection, Error::Ok());
  }
}

void SessionState::OnLogoutResponse(const RxItem& item) {
  wire::LogoutResponse response;
  wire::Decode(*item.header, &response);
  if (!Number(*item.header, PduClass::kResponse, true)) return;
  Task* task = FindTask(response.initiator_task_tag, TaskKind::kLogout, PduClass::kResponse);
  if (task == nullptr) return;
  const auto code = static_cast<uint8_t>(response.response);
  if (code > 3) {
    Violation(ErrorCode::kLogoutResponseReserved, PduClass::kResponse, code);
    return;
  }
  time2wait_s = response.time2wait;
  time2retain_s = response.time2retain;
  logged_out = true;
  LeaveFullFeature(code == 0 ? CsmEvent::kLogoutDone : CsmEvent::kLogoutFailed);
  if (code == 0 && logout_reason == LogoutReason::kCloseSession) ends_session = true;
  Event event;
  event.kind = EventKind::kLoggedOut;
  event.connection = id;
  event.logout_response = code;
  event.time2wait_s = time2wait_s;
  event.time2retain_s = time2retain_s;
  QueueEvent(event);
  Conclude(*task);
  if (code != 0) {
    Violation(ErrorCode::kLogoutRefused, PduClass::kResponse, code);
  } else {
    Drop(logout_error, false);
  }
}

}  // namespace isthmus::initiator
