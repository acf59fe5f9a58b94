// Task management functions and aborts. RFC 7143 sections 4.2.3, 11.5, 11.6; RFC 7144.

#include "initiator/session_state.h"
#include "protocol/check.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/lun.h"
#include "protocol/wire/task_management_function_request.h"
#include "protocol/wire/task_management_function_response.h"

namespace isthmus::initiator {
namespace {

using Function = TaskManagementFunction;

constexpr bool RefersToTask(Function function) {
  return function == Function::kAbortTask || function == Function::kQueryTask;
}

// Functions that address the target have no LUN (section 11.5.3).
constexpr bool HasNoLun(Function function) {
  return function == Function::kTargetWarmReset || function == Function::kTargetColdReset ||
         function == Function::kITNexusReset;
}

constexpr bool IsKnown(Function function, int protocol_level) {
  const auto code = static_cast<uint8_t>(function);
  return code >= 1 && code <= (protocol_level >= 2 ? 12 : 8);
}

}  // namespace

// Whether tasks end by it that it does not name (section 4.2.3.2; I_T NEXUS RESET: RFC 7144).
bool SessionState::ActsOnMany(uint8_t function) {
  switch (static_cast<Function>(function)) {
    case Function::kAbortTaskSet:
    case Function::kClearTaskSet:
    case Function::kLogicalUnitReset:
    case Function::kTargetWarmReset:
    case Function::kTargetColdReset:
    case Function::kITNexusReset:
      return true;
    default:
      return false;
  }
}

Error SessionState::Abort(TaskId task_id, uint64_t cookie) {
  Task* task = tasks.Find(task_id.initiator_task_tag);
  if (task == nullptr || task->kind != TaskKind::kCommand || task->state == TaskState::kConcluded) {
    return CallerError(ErrorCode::kCallUnknownTask, task_id.initiator_task_tag);
  }
  if (task->emission == 0) {  // the target has not heard of it
    task->outcome = Outcome::kAborted;
    if (task->state == TaskState::kQueued) {
      channel().sender->Cancel(Cookie(Entry::kCommand, task->tag));
      if (!task->immediate) --unnumbered;
    }
    Conclude(*task);
    if (HasChannel()) DrainDone();
    return Error::Ok();
  }
  return TaskManagement({.function = Function::kAbortTask,
                         .lun = {},
                         .referenced_task = task_id,
                         .immediate = true,
                         .cookie = cookie},
                        nullptr);
}

Error SessionState::TaskManagement(const TaskManagementRequest& request, TaskId* task_id) {
  if (!MayRequest()) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  if (parameters.SessionType == text::SessionKind::kDiscovery) {
    return CallerError(ErrorCode::kCallDiscovery);
  }
  if (!IsKnown(request.function, parameters.iSCSIProtocolLevel) ||
      request.function == Function::kTaskReassign) {
    return CallerError(ErrorCode::kCallNotNegotiated, static_cast<uint32_t>(request.function));
  }
  if (functions == limits.task_management_slots) {
    return CallerError(ErrorCode::kCallQueueFull, limits.task_management_slots);
  }
  Task* referenced = nullptr;
  if (RefersToTask(request.function)) {
    referenced = tasks.Find(request.referenced_task.initiator_task_tag);
    if (referenced == nullptr || referenced->kind != TaskKind::kCommand ||
        referenced->emission == 0 || referenced->state == TaskState::kConcluded) {
      return CallerError(ErrorCode::kCallUnknownTask, request.referenced_task.initiator_task_tag);
    }
  }
  const bool abort = request.function == Function::kAbortTask;
  if (abort && referenced->aborting && !referenced->failed) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  Task* function = NewTask(TaskKind::kTaskManagement);
  Check(function != nullptr);
  ++functions;
  function->function = static_cast<uint8_t>(request.function);
  function->immediate = request.immediate;
  function->cookie = request.cookie;
  function->lun = referenced != nullptr        ? referenced->lun
                  : HasNoLun(request.function) ? 0
                                               : wire::LunFromBytes(request.lun);
  if (referenced != nullptr) function->referenced_tag = referenced->tag;
  if (abort) referenced->aborting = true;
  InsertWaiting(*function);
  if (task_id != nullptr) *task_id = TaskId{function->tag};
  return Error::Ok();
}

// Aborts a task that cannot succeed, or plugs the hole that its rejected request left.
void SessionState::AbortInternally(Task& task) {
  if (task.aborting || phase != Phase::kFullFeature) return;
  if (internal_functions == limits.task_management_slots) {
    if (!task.abort_due) ++aborts_due;
    task.abort_due = true;
    return;
  }
  Task* function = NewTask(TaskKind::kTaskManagement);
  Check(function != nullptr);
  ++internal_functions;
  function->internal = true;
  function->function = static_cast<uint8_t>(Function::kAbortTask);
  function->immediate = true;
  function->lun = task.lun;
  function->referenced_tag = task.tag;
  task.aborting = true;
  InsertWaiting(*function);
}

bool SessionState::FeedFunction(Task& function) {
  if (!function.immediate && !WindowOpen()) return false;
  wire::TaskManagementFunctionRequest request;
  request.immediate = function.immediate;
  request.function = static_cast<wire::TaskManagementFunction>(function.function);
  request.lun = function.lun;
  request.initiator_task_tag = function.tag;
  request.referenced_task_tag = function.referenced_tag;
  wire::Bhs header;
  wire::Encode(request, &header, parameters.iSCSIProtocolLevel);
  // What acts on many stays behind the commands that it is to act on.
  const bool many = ActsOnMany(function.function);
  const TxClass tx_class = many || !function.immediate ? TxClass::kNormal : TxClass::kUrgent;
  if (!channel().sender->QueuePdu(tx_class, header, {}, {},
                                  Cookie(Entry::kRequest, function.tag))) {
    return false;
  }
  Remove(WaitingListOf(function), function);
  function.state = TaskState::kQueued;
  ++function.tx_entries;
  if (!function.immediate) ++unnumbered;
  if (many) ++functions_on_many;
  if (many && parameters.TaskReporting == text::TaskReportingSemantics::kFastAbort) {
    // Section 4.2.3.4: no more Data-Out for affected tasks.
    ForEachTask([&](Task& task) {
      if (Affects(function, task)) StopDataOut(task);
    });
  }
  return true;
}

bool SessionState::Affects(const Task& function, const Task& task) const {
  if (task.kind != TaskKind::kCommand || task.emission == 0 ||
      task.state == TaskState::kConcluded) {
    return false;
  }
  return HasNoLun(static_cast<Function>(function.function)) || task.lun == function.lun;
}

void SessionState::OnTaskManagementResponse(const RxItem& item) {
  wire::TaskManagementFunctionResponse response;
  wire::Decode(*item.header, &response, parameters.iSCSIProtocolLevel);
  if (!Number(*item.header, PduClass::kResponse, true)) return;
  Task* function =
      FindTask(response.initiator_task_tag, TaskKind::kTaskManagement, PduClass::kResponse);
  if (function == nullptr) return;
  const auto code = static_cast<uint8_t>(response.response);
  const uint8_t highest = parameters.iSCSIProtocolLevel >= 2 ? 7 : 6;
  if (code > highest && code != 255) {
    Violation(ErrorCode::kFunctionResponseUnknown, PduClass::kResponse, code);
    return;
  }
  UpdateWindow(*item.header, PduClass::kResponse);
  if (phase == Phase::kDisconnecting) return;
  function->tmf_response = code;
  function->additional_response = response.additional_response_information;
  if (function->function == static_cast<uint8_t>(Function::kAbortTask)) {
    Task* task = tasks.Find(function->referenced_tag);
    // "Function complete" and "task does not exist" both say that nothing more will come.
    const bool over = code == 0 || code == 1;
    if (task != nullptr && task->state != TaskState::kConcluded) {
      task->aborting = false;
      if (over) {
        if (!task->failed) task->outcome = Outcome::kAborted;
        Conclude(*task);
      }
    }
  } else if (code == 0 && ActsOnMany(function->function)) {
    ConcludeAffected(*function);
  }
  Conclude(*function);
}

// The answer to a function did not come (section 7.14): the earliest that is still due decides.
void SessionState::HandleFunctionDeadline() {
  Instant earliest = Instant::Never();
  ForEachTask([&](Task& task) {
    if (task.kind != TaskKind::kTaskManagement || task.state != TaskState::kSent) return;
    if (task.due < earliest) earliest = task.due;
  });
  if (earliest <= now) {
    Drop(MakeError(ErrorCode::kAbortDeadline, Role::kInitiator, PduClass::kNone, 0), false);
  } else {
    deadlines.Arm(DeadlineReason::kAbort, earliest);
  }
}

void SessionState::ConcludeAffected(const Task& function) {
  ForEachTask([&](Task& task) {
    if (!Affects(function, task)) return;
    if (!task.failed) task.outcome = Outcome::kAborted;
    Conclude(task);
  });
}

}  // namespace isthmus::initiator
