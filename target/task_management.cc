// Whatever ends tasks before their time: task management functions, scopes from other sessions,
// logout. RFC 7143 sections 11.5, 11.6, 4.2.3, 10.7, 11.14, 11.15, and RFC 7144.
#include <algorithm>

#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/logout_response.h"
#include "protocol/wire/task_management_function_request.h"
#include "protocol/wire/task_management_function_response.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

using Function = wire::TaskManagementFunction;

constexpr auto kComplete =
    static_cast<uint8_t>(wire::TaskManagementResponseCode::kFunctionComplete);
constexpr auto kSucceeded =
    static_cast<uint8_t>(wire::TaskManagementResponseCode::kFunctionSucceeded);

// What the error table answers.
uint8_t AnswerTo(ErrorCode code) { return InfoOf(code).answer; }

// Which of the session's tasks a function ends, by number.
struct Scope {
  bool tasks;  // ends tasks at all
  bool all_luns;
  bool later_too;  // regardless of CmdSN (section 11.5.1)
  bool plugs;      // target-scoped: what is missing counts as received (section 4.2.3.3)
  bool embedder;   // has work beyond this session
};
constexpr Scope kScopes[] = {
    {},                                  // 0
    {true, false, false, false, false},  // ABORT TASK
    {true, false, false, false, true},   // ABORT TASK SET
    {false, false, false, false, true},  // CLEAR ACA
    {true, false, false, false, true},   // CLEAR TASK SET
    {true, false, true, false, true},    // LOGICAL UNIT RESET
    {true, true, true, true, true},      // TARGET WARM RESET
    {true, true, true, true, true},      // TARGET COLD RESET
    {},                                  // TASK REASSIGN
    {},                                  // QUERY TASK
    {},                                  // QUERY TASK SET
    {true, true, true, true, true},      // I_T NEXUS RESET
    {false, false, false, false, true},  // QUERY ASYNCHRONOUS EVENT
};

}  // namespace

uint32_t SessionState::AcquireRequest(RequestKind kind, Row& row) {
  uint32_t functions = 0;
  for (const Request& request : requests) functions += request.kind == RequestKind::kFunction;
  if (kind == RequestKind::kFunction && functions >= limits.task_management_slots) return kNone;
  for (uint32_t i = 0; i < kMaxRequests; ++i) {
    Request& request = requests[i];
    if (request.kind != RequestKind::kFree) continue;
    const uint32_t generation = request.generation;
    request = Request();
    request.generation = generation;
    request.kind = kind;
    request.row = static_cast<uint8_t>(IndexOf(row));
    ++live_requests;
    return i;
  }
  return kNone;
}

void SessionState::FreeRequest(uint32_t index) {
  Request& request = requests[index];
  request.kind = RequestKind::kFree;
  --live_requests;
  if (++request.generation == 0) request.generation = 1;
}

Request* SessionState::FindRequest(RequestId id) {
  if (id.slot >= kMaxRequests || requests[id.slot].kind == RequestKind::kFree ||
      requests[id.slot].generation != id.generation) {
    return nullptr;
  }
  return &requests[id.slot];
}

void SessionState::WaitFor(uint32_t request_index, uint32_t index) {
  Task& task = tasks[index];
  if ((task.waited_by >> request_index & 1) != 0) return;
  task.waited_by |= 1u << request_index;
  ++requests[request_index].pending;
}

// Ends a task without a status. Its record stays until the embedder, the transport and, if
// `wait_for_transfers`, the initiator have let go of it.
void SessionState::AbortTask(uint32_t index, bool wait_for_transfers) {
  Task& task = tasks[index];
  if (task.aborted || task.status_sent || task.state == TaskState::kFree) return;
  task.aborted = true;
  Row& row = rows[task.row];
  uint64_t cookie = 0;
  if (task.state == TaskState::kWaiting && window.TakeBack(task.cmd_sn, &cookie)) {
    Check(window.Plug(task.cmd_sn));
  }
  if (row.rx_task == index && task.state == TaskState::kReceiving && task.data_size > 0 &&
      !task.window_open && !row.closed && !task.failed && !task.refused) {
    row.state->receiver.SetScratch();
  }
  DropSources(index);
  if (!row.closed && task.tx_refs > 0) {
    for (uint32_t i = 0; i < source_count; ++i) {
      if (sources[i].queued && sources[i].task == index) {
        row.state->sender.Cancel(Cookie(CookieKind::kSource, i));
      }
    }
    row.state->sender.Cancel(Cookie(CookieKind::kStatus, index));
  }
  if (!wait_for_transfers) DropBursts(index);
  if (task.announced && !task.embedder_done) {
    if (!task.abort_told) NotifyTask(EventKind::kTaskAborted, index);
    task.abort_told = true;
  } else {
    task.embedder_done = true;
  }
  if (!row.closed) DrainDone(row);
  MaybeFree(index);
}

void SessionState::RespondFunction(Row& row, uint32_t itt, uint8_t response, uint32_t ari,
                                   uint32_t request) {
  wire::TaskManagementFunctionResponse answer;
  answer.response = static_cast<wire::TaskManagementResponseCode>(response);
  answer.initiator_task_tag = itt;
  answer.additional_response_information = ari;
  const uint64_t cookie =
      request == kNone ? Cookie(CookieKind::kPlain, 0) : Cookie(CookieKind::kRequest, request);
  QueueControl(row, TxClass::kNormal, pdu::Written(answer, parameters.iSCSIProtocolLevel), {},
               cookie);
}

void SessionState::OnTaskManagement(Row& row, const wire::Bhs& header) {
  const Function function = pdu::Read<wire::TaskManagementFunctionRequest>(header).function;
  const auto code = static_cast<uint8_t>(function);
  const uint32_t itt = pdu::InitiatorTaskTag(header);
  const auto refuse = [&](ErrorCode error) {
    RespondFunction(row, itt, AnswerTo(error), 0, kNone);
  };
  const bool unlocked =
      code <= static_cast<uint8_t>(Function::kTaskReassign) || parameters.iSCSIProtocolLevel >= 2;
  if (code == 0 || code >= std::size(kScopes) || !unlocked) {
    return refuse(ErrorCode::kFunctionUnknown);
  }
  if (function == Function::kTaskReassign) {  // ErrorRecoveryLevel 0 (section 7.2.2)
    return refuse(pdu::Immediate(header) ? ErrorCode::kReassignNotSupported
                                         : ErrorCode::kReassignNotImmediate);
  }
  if (function == Function::kAbortTask || function == Function::kQueryTask) {
    OnSingleTaskFunction(row, header);
    return;
  }
  if (function == Function::kQueryTaskSet) {
    bool any = false;
    for (uint32_t i = 0; i < task_count; ++i) any = any || InLun(tasks[i], pdu::Lun(header));
    RespondFunction(row, itt, any ? kSucceeded : kComplete, 0, kNone);
    return;
  }
  const uint32_t index = AcquireRequest(RequestKind::kFunction, row);
  if (index == kNone) {
    if (!pdu::Immediate(header)) return refuse(ErrorCode::kFunctionFailed);
    SendReject(row, InfoOf(ErrorCode::kTooManyImmediateCommands).reject_reason, header, {});
    return;
  }
  Request& request = requests[index];
  request.function = code;
  request.initiator_task_tag = itt;
  request.cmd_sn = pdu::CmdSn(header);
  request.lun = pdu::Lun(header);
  request.tell_embedder = true;
  if (kScopes[code].plugs) {
    // At most as many as the window is wide.
    for (uint32_t sn = window.exp_cmd_sn(); SerialLess(sn, request.cmd_sn); ++sn) {
      if (!SerialLessEqual(sn, window.max_cmd_sn())) break;
      window.Plug(sn);
    }
    DeliverInOrder();
  }
  Advance(index);
}

bool SessionState::InLun(const Task& task, const std::array<std::byte, 8>& lun) const {
  return (task.state == TaskState::kActive || task.state == TaskState::kWaiting) && !task.aborted &&
         pdu::Opcode(task.header) == wire::Opcode::kScsiCommand && pdu::Lun(task.header) == lun;
}

// ABORT TASK and QUERY TASK. Section 11.6.1 a) to c).
void SessionState::OnSingleTaskFunction(Row& row, const wire::Bhs& header) {
  const auto asked = pdu::Read<wire::TaskManagementFunctionRequest>(header);
  const bool query = asked.function == Function::kQueryTask;
  const uint32_t itt = asked.initiator_task_tag;
  const uint32_t ref_itt = asked.referenced_task_tag;
  const uint32_t ref_cmd_sn = asked.ref_cmd_sn;
  const auto respond = [&](uint8_t response) { RespondFunction(row, itt, response, 0, kNone); };
  for (const Request& other : requests) {
    if (other.kind == RequestKind::kFunction && other.initiator_task_tag == ref_itt) {
      return respond(AnswerTo(ErrorCode::kFunctionOnFunction));
    }
  }
  const uint32_t index = tags.Find(ref_itt, tasks);
  if (index == kNone) {
    if (query) return respond(kComplete);
    const CmdSnClass place = window.Classify(ref_cmd_sn);
    const bool missing = place == CmdSnClass::kInOrder || place == CmdSnClass::kAhead;
    if (!missing || !SerialLess(ref_cmd_sn, asked.cmd_sn)) {
      return respond(AnswerTo(ErrorCode::kReferencedTaskUnknown));
    }
    Check(window.Plug(ref_cmd_sn));  // counts as received (section 7.11)
    respond(kComplete);
    DeliverInOrder();
    return;
  }
  const Task& task = tasks[index];
  if (!task.aborted) {
    const uint32_t named = task.immediate ? ref_cmd_sn : task.cmd_sn;
    if (ref_cmd_sn != named) return respond(AnswerTo(ErrorCode::kRefCmdSnMismatch));
    if (pdu::Lun(task.header) != pdu::Lun(header)) {
      return respond(AnswerTo(ErrorCode::kFunctionLunMismatch));
    }
  }
  if (query) return respond(task.aborted ? kComplete : kSucceeded);
  const uint32_t request_index = AcquireRequest(RequestKind::kFunction, row);
  if (request_index == kNone) return respond(AnswerTo(ErrorCode::kFunctionFailed));
  Request& request = requests[request_index];
  request.function = static_cast<uint8_t>(asked.function);
  request.initiator_task_tag = itt;
  request.cmd_sn = asked.cmd_sn;
  request.step = RequestStep::kTasks;
  WaitFor(request_index, index);
  if (task.aborted) return;  // another function is at it; this one waits with it
  if (Finishing(task)) {
    // Its status goes out before this response (section 7.11).
    request.response = AnswerTo(ErrorCode::kReferencedTaskUnknown);
  } else {
    AbortTask(index, false);
  }
  Advance(request_index);
}

// Nobody works on it any more; only its status has still to leave. This session's own functions let
// it.
bool SessionState::Finishing(const Task& task) const {
  return task.completed && task.embedder_done && !task.aborted && !task.failed &&
         !DataExpected(task);
}

// Section 4.2.3.4 d): one Asynchronous Message for each logical unit of which tasks end.
void SessionState::TellTermination(const Task& task) {
  if (task.told_termination) return;
  Row& row = rows[task.row];
  if (row.closed || row.disconnect_told) return;
  for (uint32_t i = 0; i < task_count; ++i) {
    if (tasks[i].row == task.row && pdu::Lun(tasks[i].header) == pdu::Lun(task.header)) {
      tasks[i].told_termination = true;
    }
  }
  AsyncMessage message;
  message.event = static_cast<uint8_t>(wire::AsyncEvent::kTaskTermination);
  message.lun = pdu::Lun(task.header);
  if (QueueAsync(row, message).ok()) return;
  // It does not read, and may not be left in the belief that its tasks go on.
  EndConnection(row, MakeError(ErrorCode::kTransmitBacklog, Role::kTarget, PduClass::kNone, 0),
                false);
}

// Tells every task that the request ends, and makes the request wait for them.
void SessionState::AbortAffected(uint32_t request_index) {
  Request& request = requests[request_index];
  const bool fast = parameters.TaskReporting == text::TaskReportingSemantics::kFastAbort;
  const bool function = request.kind == RequestKind::kFunction;
  const bool third_party = request.kind == RequestKind::kScope;
  Scope scope = {true, true, true, false, false};
  if (function) scope = kScopes[request.function];
  if (third_party) scope.all_luns = request.all_luns;
  if (!scope.tasks) return;
  // For Target Transfer Tags of the issuing initiator (section 4.2.3.3).
  const bool waits = function && !fast;
  // A task that ends at once must not end the request before the last one was told.
  ++request.pending;
  for (uint32_t i = 0; i < task_count; ++i) tasks[i].told_termination = false;
  for (uint32_t i = 0; i < task_count; ++i) {
    Task& task = tasks[i];
    const bool scsi = task.state != TaskState::kFree &&
                      pdu::Opcode(task.header) == wire::Opcode::kScsiCommand && !task.status_sent;
    if (!scsi || (!scope.all_luns && pdu::Lun(task.header) != request.lun)) continue;
    if (function) {
      const bool later = !task.immediate && !SerialLess(task.cmd_sn, request.cmd_sn);
      if (later && (!scope.later_too || task.state != TaskState::kActive)) continue;
      if (task.state == TaskState::kReceiving) continue;
    } else if (third_party && task.state != TaskState::kActive) {
      continue;  // only instantiated tasks of a third party count (section 4.2.3.3)
    }
    if (third_party && fast && !task.aborted) TellTermination(task);
    WaitFor(request_index, i);
    if (third_party && request.task_aborted_status && !fast) {
      task.early_end = true;
      FailWith(i, {static_cast<uint8_t>(wire::ScsiStatus::kTaskAborted)});
      if (task.embedder_done) EndWaits(i);
    } else if (!function || !Finishing(task)) {
      AbortTask(i, waits);
    }
  }
  --request.pending;
}

// One request as far as it goes.
void SessionState::Advance(uint32_t index) {
  Request& request = requests[index];
  Row& row = rows[request.row];
  if (request.kind == RequestKind::kFree || request.kind == RequestKind::kText) return;
  if (request.step == RequestStep::kCommands) {
    if (request.kind == RequestKind::kFunction && !kScopes[request.function].later_too &&
        SerialLess(window.exp_cmd_sn(), request.cmd_sn)) {
      return;  // section 4.2.3.3 b)
    }
    request.step = RequestStep::kTasks;
    AbortAffected(index);
    if (request.tell_embedder) {
      request.told = true;
      Notify(
          {.kind = EventKind::kTaskManagement, .index = index, .generation = request.generation});
    }
  }
  if (request.step != RequestStep::kTasks || request.pending > 0) return;
  if (request.tell_embedder && !request.answered) return;
  request.step = RequestStep::kResponse;
  switch (request.kind) {
    case RequestKind::kFunction:
      if (row.closed) {
        FreeRequest(index);
        break;
      }
      RespondFunction(row, request.initiator_task_tag, request.response,
                      request.additional_response_information, index);
      if (static_cast<Function>(request.function) == Function::kTargetColdReset &&
          request.response == kComplete) {
        EndSession(Error::Ok(), true);
      }
      break;
    case RequestKind::kScope:
      Notify({.kind = EventKind::kScopeAborted, .number = request.cookie});
      FreeRequest(index);
      break;
    case RequestKind::kLogout:
      FinishLogout(row, request.initiator_task_tag);
      FreeRequest(index);
      break;
    case RequestKind::kFree:
    case RequestKind::kText:
      break;
  }
}

void SessionState::AdvanceAll() {
  if (live_requests == 0) return;
  for (uint32_t i = 0; i < kMaxRequests; ++i) {
    if (requests[i].step == RequestStep::kCommands || requests[i].step == RequestStep::kTasks)
      Advance(i);
  }
}

Error SessionState::AbortScopeTasks(const AbortScope& scope, uint64_t cookie) {
  const uint32_t index = AcquireRequest(RequestKind::kScope, rows[0]);
  if (index == kNone) return CallerError(ErrorCode::kCallQueueFull, kMaxRequests);
  Request& request = requests[index];
  request.all_luns = scope.all_luns;
  request.lun = scope.lun;
  request.task_aborted_status = scope.task_aborted_status;
  request.cookie = cookie;
  Advance(index);
  return Error::Ok();
}

Error SessionState::AnswerFunction(RequestId id, const TaskManagementAnswer& answer) {
  Request* request = FindRequest(id);
  if (request == nullptr || request->kind != RequestKind::kFunction || !request->told ||
      request->answered) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  request->answered = true;
  request->response = answer.response;
  request->additional_response_information = answer.additional_response_information;
  Advance(id.slot);
  return Error::Ok();
}

void SessionState::RespondLogout(Row& row, uint32_t itt, uint8_t code) {
  wire::LogoutResponse response;
  response.response = static_cast<wire::LogoutResponseCode>(code);
  response.initiator_task_tag = itt;
  response.time2wait = parameters.DefaultTime2Wait;
  response.time2retain = parameters.DefaultTime2Retain;
  QueueControl(row, TxClass::kNormal, pdu::Written(response), {}, Cookie(CookieKind::kPlain, 0));
}

void SessionState::OnLogout(Row& row, const wire::Bhs& header) {
  const auto logout = pdu::Read<wire::LogoutRequest>(header);
  const uint32_t itt = logout.initiator_task_tag;
  const auto refuse = [&](ErrorCode code) { RespondLogout(row, itt, AnswerTo(code)); };
  const bool recovery = logout.reason == wire::LogoutReason::kRemoveTheConnectionForRecovery;
  const bool names_a_connection = logout.reason != wire::LogoutReason::kCloseTheSession;
  if (names_a_connection && logout.cid != row.state->login.cid) {
    return refuse(ErrorCode::kLogoutCidUnknown);
  }
  if (recovery) return refuse(ErrorCode::kLogoutRecoveryNotSupported);
  // Section 11.14: all pending commands end, then the response goes out. Nothing else is read.
  row.reading = false;
  row.state->csm.Take(CsmEvent::kLogoutBegun);
  const uint32_t index = AcquireRequest(RequestKind::kLogout, row);
  if (index == kNone) {
    refuse(ErrorCode::kLogoutCleanupFailed);
    LeaveFullFeature(row, CsmEvent::kLogoutFailed);
    EndConnection(
        row, MakeError(ErrorCode::kLogoutCleanupFailed, Role::kTarget, PduClass::kLogout, 0), true);
    return;
  }
  requests[index].initiator_task_tag = itt;
  Advance(index);
}

void SessionState::FinishLogout(Row& row, uint32_t itt) {
  if (row.closed) return;
  RespondLogout(row, itt, 0);
  LeaveFullFeature(row, CsmEvent::kLogoutDone);
  Notify({.kind = EventKind::kLoggedOut, .index = IndexOf(row)});
  EndConnection(row, Error::Ok(), true);
}

}  // namespace isthmus::target
