// SCSI commands: their PDUs, the command window, how they end. RFC 7143 sections 4.2.2.1, 11.3,
// 11.4.

#include <algorithm>

#include "initiator/session_state.h"
#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/ahs.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/lun.h"
#include "protocol/wire/scsi_command.h"
#include "protocol/wire/sense.h"
#include "protocol/wire/task_management_function_request.h"

namespace isthmus::initiator {
namespace {

constexpr size_t kInlineCdbBytes = 16;

constexpr uint8_t kMaxRetries = 3;

}  // namespace

Error SessionState::Submit(const Command& command, TaskId* task_id) {
  if (phase == Phase::kEnding || phase == Phase::kEnded || ends_session) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  if (HasChannel() && parameters.SessionType == text::SessionKind::kDiscovery) {
    return CallerError(ErrorCode::kCallDiscovery);
  }
  if (command.cdb.empty() || command.cdb.size() > limits.cdb_bytes) {
    return CallerError(ErrorCode::kCallCdbLength, static_cast<uint32_t>(command.cdb.size()));
  }
  if (command.data_out.size() > 0xffffffff || command.data_in.size() > 0xffffffff) {
    return CallerError(ErrorCode::kCallLength);
  }
  if (command.priority > 15 || command.attribute > TaskAttribute::kAca) {
    return CallerError(ErrorCode::kCallArgument);
  }
  if (command.unstable_source && !command.data_out.empty() && limits.staging_bytes == 0) {
    return CallerError(ErrorCode::kCallArgument);
  }
  if (command.device_tag >> limits.device_tag_bits != 0) {
    return CallerError(ErrorCode::kCallArgument, command.device_tag);
  }
  if (commands == limits.queue_depth) {
    return CallerError(ErrorCode::kCallQueueFull, limits.queue_depth);
  }
  Task* task = NewTask(TaskKind::kCommand, command.device_tag);
  Check(task != nullptr);
  ++commands;
  ++counters.commands;
  task->immediate = command.immediate;
  task->unstable_source = command.unstable_source;
  task->reissue = command.retry == RetryPolicy::kReissue;
  task->flags = static_cast<uint8_t>(command.attribute);
  task->priority = command.priority;
  task->lun = wire::LunFromBytes(command.lun);
  task->cookie = command.cookie;
  task->data_out = command.data_out;
  task->data_in = command.data_in;
  std::copy_n(command.cdb.begin(), std::min(command.cdb.size(), kInlineCdbBytes),
              task->cdb.begin());
  if (command.cdb.size() > kInlineCdbBytes || (!task->data_in.empty() && !task->data_out.empty())) {
    FillAhs(*task, command.cdb);
  }
  InsertWaiting(*task);
  if (task_id != nullptr) *task_id = TaskId{task->tag};
  return Error::Ok();
}

void SessionState::FillAhs(Task& task, std::span<const std::byte> cdb) {
  wire::AhsContents contents;
  if (cdb.size() > kInlineCdbBytes) contents.cdb_spillover = cdb.subspan(kInlineCdbBytes);
  contents.has_bidirectional_read_length = !task.data_in.empty() && !task.data_out.empty();
  contents.bidirectional_read_expected_data_transfer_length =
      static_cast<uint32_t>(task.data_in.size());
  const size_t size =
      wire::BuildAhs(contents, ahs.subspan(IndexOf(task) * AhsBytes(limits), AhsBytes(limits)));
  task.ahs_size = static_cast<uint8_t>(size / 4);
}

// Section 4.2.2.1: never a CmdSN beyond MaxCmdSN, those counted that the sender is still to number.
bool SessionState::WindowOpen() const { return SerialLessEqual(cmd_sn + unnumbered, max_cmd_sn); }

// Gives the sender what it may have now.
void SessionState::Feed() {
  if (phase != Phase::kFullFeature && phase != Phase::kLoggingOut) return;
  while (Task* task = First(ready)) {
    if (!FeedDataOut(*task)) break;
  }
  if (phase != Phase::kFullFeature) return;
  MaybeAnswerLogoutRequest();
  while (Task* task = First(waiting_immediate)) {
    // What acts on many tasks goes behind those that were submitted before it.
    if (ActsOnMany(task->function)) FeedWaiting(task->order);
    if (!(task->kind == TaskKind::kCommand ? FeedCommand(*task) : FeedFunction(*task))) break;
  }
  FeedWaiting(orders);
}

void SessionState::FeedWaiting(uint64_t last_order) {
  while (Task* task = First(waiting)) {
    if (task->order > last_order) return;
    if (!(task->kind == TaskKind::kCommand ? FeedCommand(*task) : FeedFunction(*task))) return;
  }
}

bool SessionState::FeedCommand(Task& task) {
  if (!task.keep_cmd_sn) {
    if (!MayRequest() || functions_on_many > 0) return false;
    if (!task.immediate && !WindowOpen()) {
      ++counters.window_closed;
      return false;
    }
  }
  if (tx_entries + 2 > channel().limits.tx_entries) return false;
  const bool write = !task.data_out.empty();
  const uint32_t immediate = ImmediateBytes(task);
  const uint32_t unsolicited = UnsolicitedBytes(task);
  wire::ScsiCommand command;
  command.immediate = task.immediate;
  command.final = unsolicited == immediate;
  command.read = !task.data_in.empty();
  command.write = write;
  command.attribute = static_cast<wire::TaskAttribute>(task.flags);
  command.priority = task.priority;
  command.lun = task.lun;
  command.initiator_task_tag = task.tag;
  command.expected_data_transfer_length =
      static_cast<uint32_t>(write ? task.data_out.size() : task.data_in.size());
  command.cdb = task.cdb;
  wire::Bhs header;
  wire::Encode(command, &header, parameters.iSCSIProtocolLevel);
  const std::span<const std::byte> ahs_bytes(ahs.data() + IndexOf(task) * AhsBytes(limits),
                                             task.ahs_size * 4u);
  const TxClass tx_class = task.immediate || task.keep_cmd_sn ? TxClass::kUrgent : TxClass::kNormal;
  if (!channel().sender->QueuePdu(tx_class, header, ahs_bytes, task.data_out.first(immediate),
                                  Cookie(Entry::kCommand, task.tag))) {
    return false;
  }
  Remove(WaitingListOf(task), task);
  task.state = TaskState::kQueued;
  if (!task.immediate && !task.keep_cmd_sn) ++unnumbered;
  ++task.tx_entries;
  ++tx_entries;
  task.r2t_next = unsolicited;
  if (unsolicited > immediate) {
    QueueDataOut(task, {.lun = 0,
                        .target_transfer_tag = kReservedTag,
                        .offset = immediate,
                        .length = unsolicited - immediate});
  }
  return true;
}

// The numbers of the moment at which a PDU leaves (section 4.2.2).
void SessionState::Stamp(wire::Bhs& header, uint64_t cookie) {
  wire::Set(header, wire::kExpStatSn, exp_stat_sn);
  const auto entry = static_cast<Entry>(cookie >> 32);
  if (entry == Entry::kEcho) {
    wire::Set(header, wire::kCmdSn, cmd_sn);
    return;
  }
  if (entry == Entry::kLogin) return;
  Task* task = tasks.Find(static_cast<uint32_t>(cookie));
  Check(task != nullptr);
  if (entry == Entry::kDataOut) {
    const bool answers_r2t = wire::Get(header, wire::kTargetTransferTag) != kReservedTag;
    if (answers_r2t && wire::Get(header, wire::kFinal) && task->r2ts_outstanding > 0) {
      --task->r2ts_outstanding;
    }
    return;
  }
  if (!task->keep_cmd_sn) {
    task->cmd_sn = cmd_sn;
    if (!task->immediate) {
      ++cmd_sn;
      --unnumbered;
    }
  }
  wire::Set(header, wire::kCmdSn, task->cmd_sn);
  task->emission = ++emissions;
  if (task->state == TaskState::kQueued) task->state = TaskState::kSent;
  switch (task->kind) {
    case TaskKind::kCommand:
      if (!task->keep_cmd_sn) ++commands_sent;
      if (task->immediate) ++counters.immediate_commands;
      break;
    case TaskKind::kTaskManagement:
      if (limits.function_timeout_ms > 0) {
        task->due = now + Milliseconds(limits.function_timeout_ms);
        deadlines.ArmNoLater(DeadlineReason::kAbort, task->due);
      }
      // An immediate command's number is that of the request itself (section 11.5.5).
      if (const Task* referenced = tasks.Find(task->referenced_tag)) {
        wire::TaskManagementFunctionRequest request;
        wire::Decode(header, &request, parameters.iSCSIProtocolLevel);
        request.ref_cmd_sn = referenced->immediate ? task->cmd_sn : referenced->cmd_sn;
        wire::Encode(request, &header, parameters.iSCSIProtocolLevel);
      }
      break;
    case TaskKind::kPing:
      ++counters.pings_sent;
      if (task->internal && limits.ping_timeout_ms > 0) {
        deadlines.Arm(DeadlineReason::kPingReply, now + Milliseconds(limits.ping_timeout_ms));
      }
      break;
    case TaskKind::kLogout:
      if (limits.logout_timeout_ms > 0) {
        deadlines.Arm(DeadlineReason::kLogout, now + Milliseconds(limits.logout_timeout_ms));
      }
      break;
    case TaskKind::kText:
      if (limits.text_timeout_ms > 0) {
        deadlines.Arm(DeadlineReason::kNegotiation, now + Milliseconds(limits.text_timeout_ms));
      }
      break;
  }
}

void SessionState::OnScsiResponse(const RxItem& item) {
  wire::ScsiResponse response;
  wire::Decode(*item.header, &response, parameters.iSCSIProtocolLevel);
  if (!Number(*item.header, PduClass::kResponse, true)) return;
  Task* task = FindTask(response.initiator_task_tag, TaskKind::kCommand, PduClass::kResponse);
  if (task == nullptr) return;
  const auto code = static_cast<uint8_t>(response.response);
  if (code > 1 && code < 0x80) {
    Violation(ErrorCode::kResponseCodeReserved, PduClass::kResponse, code);
    return;
  }
  const bool completed = code == 0;
  if (completed && response.status == wire::ScsiStatus::kCheckCondition &&
      item.data_segment_length == 0) {
    Violation(ErrorCode::kSenseMissing, PduClass::kResponse, 0);
    return;
  }
  if ((response.residual_overflow && response.residual_underflow) ||
      (response.bidirectional_read_residual_overflow &&
       response.bidirectional_read_residual_underflow)) {
    Violation(ErrorCode::kResidualBothBits, PduClass::kResponse, 0);
    return;
  }
  UpdateWindow(*item.header, PduClass::kResponse);
  if (phase == Phase::kDisconnecting) return;
  task->response = code;
  task->status = static_cast<uint8_t>(response.status);
  task->status_qualifier = response.status_qualifier;
  OnSense(*task, item);
  SetResiduals(*task, response);
  if (completed && SerialLess(task->data_sn, response.exp_data_sn) && !task->data_in.empty()) {
    task->outcome = Outcome::kDataError;
    task->error = MakeError(ErrorCode::kExpDataSnMismatch, Role::kInitiator, PduClass::kResponse,
                            parameters.ErrorRecoveryLevel, response.exp_data_sn);
    task->failed = true;
  }
  if (completed) CheckDataComplete(*task);
  Conclude(*task);
}

// Section 11.4.7: two bytes of length, the sense data, then response data that nobody defined.
void SessionState::OnSense(Task& task, const RxItem& item) {
  wire::SenseSegment segment;
  if (const auto violation = wire::SplitSenseSegment(item.data, &segment); !violation.ok()) {
    Violation(violation.code, PduClass::kResponse, violation.detail);
  }
  const size_t size = std::min<size_t>(segment.sense.size(), limits.sense_bytes);
  std::copy_n(segment.sense.begin(), size,
              sense.begin() + static_cast<ptrdiff_t>(IndexOf(task) * limits.sense_bytes));
  task.sense_size = static_cast<uint16_t>(size);
}

void SessionState::SetResiduals(Task& task, const wire::ScsiResponse& response) {
  const auto set = [this](bool over, bool under, uint32_t count, size_t expected,
                          ResidualKind* kind, uint32_t* residual) {
    *kind = over ? ResidualKind::kOverflow : under ? ResidualKind::kUnderflow : ResidualKind::kNone;
    *residual = over || under ? count : 0;
    if (under && count > expected) {
      Violation(ErrorCode::kResidualTooLarge, PduClass::kResponse, count);
      *residual = static_cast<uint32_t>(expected);
    }
  };
  const bool write = !task.data_out.empty();
  set(response.residual_overflow, response.residual_underflow, response.residual_count,
      write ? task.data_out.size() : task.data_in.size(), &task.residual_kind, &task.residual);
  set(response.bidirectional_read_residual_overflow, response.bidirectional_read_residual_underflow,
      response.bidirectional_read_residual_count, task.data_in.size(), &task.read_residual_kind,
      &task.read_residual);
}

// Good status must account for every byte: received, or in the residual (section 11.4.5).
void SessionState::CheckDataComplete(Task& task) {
  if (task.data_in.empty() || task.failed || task.status != 0) return;
  const bool bidirectional = !task.data_out.empty();
  const ResidualKind kind = bidirectional ? task.read_residual_kind : task.residual_kind;
  const uint32_t residual = bidirectional ? task.read_residual : task.residual;
  const auto expected = static_cast<uint32_t>(task.data_in.size());
  const uint32_t promised = kind == ResidualKind::kUnderflow ? expected - residual : expected;
  if (task.data_in_bytes == promised) return;
  if (task.data_in_bytes > promised) {
    Violation(ErrorCode::kResidualUnaccounted, PduClass::kResponse, residual);
    return;
  }
  task.failed = true;
  task.outcome = Outcome::kDataError;
  task.error = MakeError(ErrorCode::kDataInIncomplete, Role::kInitiator, PduClass::kResponse,
                         parameters.ErrorRecoveryLevel, promised - task.data_in_bytes);
}

// The task cannot succeed any more: it is aborted at the target, and ends when that is answered.
void SessionState::FailTask(Task& task, Outcome outcome, Error error) {
  if (task.failed || task.state == TaskState::kConcluded) return;
  task.failed = true;
  task.outcome = outcome;
  task.error = error;
  AbortInternally(task);
}

// Nothing more is expected for the task; its event comes when the transport has let go.
void SessionState::Conclude(Task& task) {
  if (task.state == TaskState::kConcluded) return;
  if (task.state == TaskState::kWaiting && task.linked) Remove(WaitingListOf(task), task);
  if (task.kind == TaskKind::kCommand) {
    if (task.emission > 0) --commands_sent;
    StopDataOut(task);
    if (task.abort_due) {
      task.abort_due = false;
      --aborts_due;
    }
  }
  if (task.kind == TaskKind::kTaskManagement && ActsOnMany(task.function) &&
      functions_on_many > 0 && task.state != TaskState::kWaiting) {
    --functions_on_many;
  }
  task.state = TaskState::kConcluded;
  FinishIfFree(task);
}

void SessionState::FinishIfFree(Task& task) {
  if (task.state == TaskState::kConcluded && task.tx_entries == 0) Append(done, task);
}

void SessionState::FillCompletion(Task& task, Event* event) {
  event->connection = id;
  event->task = TaskId{task.tag};
  event->cookie = task.cookie;
  event->outcome = task.outcome;
  event->error = task.error;
  event->reject_reason = task.reject_reason;
  switch (task.kind) {
    case TaskKind::kCommand:
      break;
    case TaskKind::kTaskManagement:
      event->kind = EventKind::kTaskManagementDone;
      event->function = task.function;
      event->tmf_response = task.tmf_response;
      event->additional_response = task.additional_response;
      return;
    case TaskKind::kPing:
      event->kind = EventKind::kPong;
      return;
    case TaskKind::kText:
      event->kind = EventKind::kTextReceived;
      event->data = text_answer.first(text_answer_size);
      return;
    case TaskKind::kLogout:
      return;  // kLoggedOut is told as it comes
  }
  event->kind = EventKind::kCompleted;
  event->response = task.response;
  event->status = task.status;
  event->status_qualifier = task.status_qualifier;
  event->residual_kind = task.residual_kind;
  event->residual_count = task.residual;
  event->read_residual_kind = task.read_residual_kind;
  event->read_residual_count = task.read_residual;
  event->data_in_bytes = task.data_in_bytes;
  if (task.sense_size == 0) return;
  const auto from = sense.begin() + static_cast<ptrdiff_t>(IndexOf(task) * limits.sense_bytes);
  std::copy_n(from, task.sense_size, event_sense.begin());
  event->data = event_sense.first(task.sense_size);
}

// Sets a command back to what was submitted, to go out on the next connection.
void SessionState::Reissue(Task& task) {
  ++counters.reissued_commands;
  if (task.emission > 0) --commands_sent;
  task.emission = 0;
  task.state = TaskState::kWaiting;
  task.keep_cmd_sn = false;
  task.retries = 0;
  task.data_sn = task.data_in_next = task.data_in_bytes = task.sequence_bytes = task.r2t_next = 0;
  task.r2ts_outstanding = task.r2t_head = task.r2t_count = 0;
  task.runs.Clear();
  InsertWaiting(task);
}

// Section 7.3: the command was never active, and its CmdSN is a hole that must be plugged: by the
// same command again if only its data was damaged on the way (section 7.8), else by an abort.
void SessionState::OnRejectedCommand(Task& task, uint8_t reason) {
  if (task.state != TaskState::kSent) return;
  StopDataOut(task);
  const bool damaged = reason == static_cast<uint8_t>(wire::RejectReason::kDataDigestError);
  if (damaged && task.retries < kMaxRetries && !task.failed && !task.aborting) {
    ++task.retries;
    task.keep_cmd_sn = true;
    task.state = TaskState::kWaiting;
    task.r2ts_outstanding = 0;
    InsertWaiting(task);
    return;
  }
  task.reject_reason = reason;
  const Error error = MakeError(ErrorCode::kCommandRejected, Role::kInitiator,
                                PduClass::kUnsolicited, parameters.ErrorRecoveryLevel, reason);
  if (!task.immediate) {
    FailTask(task, Outcome::kRejected, error);
    return;
  }
  task.failed = true;
  task.outcome = Outcome::kRejected;
  task.error = error;
  Conclude(task);
}

}  // namespace isthmus::initiator
