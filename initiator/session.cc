#include "initiator/session.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "initiator/session_state.h"
#include "protocol/check.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kMaxQueueDepth = 4096;
constexpr uint32_t kMaxDeviceTagBits = 12;
constexpr uint32_t kMinControlBytes = 256;

}  // namespace

// One slot more than can be outstanding for each kind, so that a completed task's successor can be
// submitted while its event is being told.
uint32_t SessionState::Slots(const Limits& limits) {
  return limits.queue_depth + 2 * limits.task_management_slots + 4;
}

// An Extended CDB AHS and a Bidirectional Read one (section 11.2.2).
uint32_t SessionState::AhsBytes(const Limits& limits) {
  const uint32_t extended = limits.cdb_bytes > 16 ? 4 + (limits.cdb_bytes - 16 + 3) / 4 * 4 : 0;
  return extended + 8;
}

size_t SessionState::MemoryNeeded(const SessionOptions& options) {
  const Limits& limits = options.limits;
  const size_t slots = Slots(limits);
  return Arena::Needed<SessionState>(1) + SlotTable<Task>::MemoryNeeded(Slots(limits)) +
         Arena::Needed<std::byte>(slots * AhsBytes(limits)) +
         Arena::Needed<std::byte>(slots * limits.sense_bytes) +
         Arena::Needed<PendingR2t>(slots * limits.r2ts_per_command) +
         Arena::Needed<std::byte>(limits.control_bytes) +
         Arena::Needed<std::byte>(limits.sense_bytes) +
         2 * Arena::Needed<std::byte>(limits.text_bytes);
}

void SessionState::Init(const SessionOptions& options, Arena& arena) {
  limits = options.limits;
  const size_t slots = Slots(limits);
  const auto bytes = [&](size_t size) {
    return std::span<std::byte>(arena.Make<std::byte>(size), size);
  };
  tasks = SlotTable<Task>(Slots(limits), arena, limits.device_tag_bits);
  index_mask = (1u << std::bit_width(Slots(limits) - 1)) - 1;
  ahs = bytes(slots * AhsBytes(limits));
  sense = bytes(slots * limits.sense_bytes);
  r2ts = {arena.Make<PendingR2t>(slots * limits.r2ts_per_command), slots * limits.r2ts_per_command};
  control = bytes(limits.control_bytes);
  event_sense = bytes(limits.sense_bytes);
  text_buffer = bytes(limits.text_bytes);
  joiner.emplace(bytes(limits.text_bytes));
  Check(tasks.ok() && text_buffer.data() != nullptr && joiner->text().data() != nullptr);
}

Error SessionState::Attach(Connection&& new_connection, ConnectionId* new_id) {
  if (phase != Phase::kIdle) return CallerError(ErrorCode::kCallOutOfState);
  if (!new_connection.logged_in()) return CallerError(ErrorCode::kCallOutOfState);
  const Limits& theirs = new_connection.state_->limits;
  if (theirs.echo_slots < limits.echo_slots ||
      theirs.task_management_slots < limits.task_management_slots ||
      theirs.staging_bytes < limits.staging_bytes) {
    return CallerError(ErrorCode::kCallArgument);
  }
  connection.emplace(std::move(new_connection));
  connection_state = connection->state_;
  ConnectionState& state = channel();
  parameters = state.negotiation->parameters();
  tsih = state.tsih;
  // Another life of a session that failed: a reinstatement (section 6.3.5).
  if (ssm.state() == SsmState::kFailed) ssm.Take(SsmEvent::kDiscarded);
  ssm.Take(SsmEvent::kLoggedIn);
  ++id.generation;
  *new_id = id;
  phase = Phase::kFullFeature;
  cmd_sn = state.cmd_sn;
  exp_cmd_sn = state.exp_cmd_sn;
  max_cmd_sn = state.max_cmd_sn;
  exp_stat_sn = state.exp_stat_sn;
  unnumbered = 0;
  discarding = logout_armed = logged_out = ends_session = false;
  negotiation_requested = false;
  time_known = false;
  pings = TokenBucket(limits.ping_rate);
  unasked = TokenBucket(limits.unasked_rate);
  logout_error = end_error = Error::Ok();
  time2wait_s = parameters.DefaultTime2Wait;
  time2retain_s = parameters.DefaultTime2Retain;
  if (parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C ||
      parameters.DataDigest == text::DigestAlgorithm::kCRC32C) {
    Event event;
    event.kind = EventKind::kArmDigests;
    event.connection = id;
    event.stream_offset = state.receiver->stream_offset();
    QueueEvent(event);
  }
  return Error::Ok();
}

bool SessionState::IsCurrent(ConnectionId given) const { return HasChannel() && given == id; }

void SessionState::SeeTime(Instant time) {
  now = time;
  if (time_known) return;
  time_known = true;
  last_receive = time;
  const bool normal = parameters.SessionType == text::SessionKind::kNormal;
  if (phase == Phase::kFullFeature && limits.ping_interval_ms > 0 && normal) {
    deadlines.Arm(DeadlineReason::kPingDue, now + Milliseconds(limits.ping_interval_ms));
  }
}

void SessionState::QueueEvent(const Event& event) {
  Check(event_count < events.size());
  events[(event_head + event_count++) % events.size()] = event;
}

bool SessionState::Next(Event* event) {
  while (true) {
    if (NextQueued(event)) return true;
    if (phase == Phase::kEnding && tasks.size() == 0) {
      phase = Phase::kEnded;
      if (ssm.state() == SsmState::kFailed) ssm.Take(SsmEvent::kDiscarded);
      isthmus::Check(ssm.state() == SsmState::kFree);
      *event = Event();
      event->kind = EventKind::kSessionEnded;
      event->error = end_error;
      return true;
    }
    if (!Pump()) return false;
  }
}

bool SessionState::NextQueued(Event* event) {
  if (event_count > 0) {
    *event = events[event_head];
    event_head = (event_head + 1) % events.size();
    --event_count;
    return true;
  }
  while (Task* task = First(done)) {
    Remove(done, *task);
    const bool tell = !task->internal;
    if (tell) {
      *event = Event();
      FillCompletion(*task, event);
    }
    Release(*task);
    if (tell) return true;
  }
  return false;
}

void SessionState::DrainDone() {
  TxDone tx_done;
  while (channel().sender->NextDone(&tx_done)) OnDone(tx_done);
}

void SessionState::OnDone(const TxDone& tx_done) {
  const auto entry = static_cast<Entry>(tx_done.cookie >> 32);
  if (entry == Entry::kLogin) return;
  if (entry == Entry::kEcho) {
    --echoes;
    return;
  }
  Task* task = tasks.Find(static_cast<uint32_t>(tx_done.cookie));
  Check(task != nullptr && task->tx_entries > 0);
  --task->tx_entries;
  if (entry == Entry::kCommand || entry == Entry::kDataOut) --tx_entries;
  if (entry == Entry::kDataOut) counters.data_out_bytes += tx_done.bytes;
  if (task->kind == TaskKind::kText) {
    text_pdu_in_flight = false;
    if (text_pdu_due && task->state != TaskState::kConcluded) SendTextPdu();
  }
  FinishIfFree(*task);
}

// Sections 8.1.3 and 8.3.1. Nothing, if the connection has left it already.
void SessionState::LeaveFullFeature(CsmEvent event) {
  Csm& csm = channel().csm;
  if (csm.state() == CsmState::kFree || csm.state() == CsmState::kCleanupWait) return;
  csm.Take(event);
  ssm.Take(csm.state() == CsmState::kFree ? SsmEvent::kClosed : SsmEvent::kFailed);
}

void SessionState::Drop(Error reason, bool flush) {
  if (phase == Phase::kDisconnecting || !HasChannel()) return;
  LeaveFullFeature(CsmEvent::kLost);
  phase = Phase::kDisconnecting;
  end_error = reason;
  deadlines.DisarmAll();
  Event event;
  event.kind = EventKind::kDisconnect;
  event.connection = id;
  event.error = reason;
  event.flush = flush;
  QueueEvent(event);
}

void SessionState::End() {
  ends_session = true;
  if (HasChannel()) {
    Drop(Error::Ok(), false);
  } else if (phase == Phase::kIdle) {
    phase = Phase::kEnding;
    ConcludeAll(Outcome::kSessionEnded, CallerError(ErrorCode::kSessionEnded));
  }
}

void SessionState::OnTransportClosed(Error reason) {
  if (phase != Phase::kDisconnecting) {
    end_error = reason;
    if (reason.ok()) {
      const bool cut = !channel().receiver->at_pdu_boundary();
      end_error = MakeError(cut ? ErrorCode::kPduTruncated : ErrorCode::kTransportClosed,
                            Role::kInitiator, PduClass::kNone, parameters.ErrorRecoveryLevel);
    }
    if (!logout_error.ok()) end_error = logout_error;
    // The answer to a logout may be lost in the close that it announces.
    if (phase == Phase::kLoggingOut && logout_reason == LogoutReason::kCloseSession) {
      ends_session = logged_out = true;
    }
  }
  LeaveFullFeature(CsmEvent::kLost);
  channel().sender->Reset();
  DrainDone();
  deadlines.DisarmAll();
  phase = Phase::kIdle;
  Event event;
  event.connection = id;
  event.error = end_error;
  event.time2wait_s = time2wait_s;
  event.time2retain_s = time2retain_s;
  if (!ends_session) {
    event.kind = EventKind::kConnectionLost;
    QueueEvent(event);
  }
  const Error lost = end_error.ok()
                         ? MakeError(ErrorCode::kSessionEnded, Role::kInitiator, PduClass::kNone, 0)
                         : end_error;
  const Outcome outcome = !ends_session ? Outcome::kConnectionLost
                          : logged_out  ? Outcome::kLoggedOut
                                        : Outcome::kSessionEnded;
  if (ends_session) phase = Phase::kEnding;
  ConcludeAll(outcome, lost);
  rx_task = kReservedTag;
  connection_state = nullptr;
  connection.reset();
}

// Ends or sets back every task, in order of submission, now that nothing will answer any more.
void SessionState::ConcludeAll(Outcome outcome, Error reason) {
  functions_on_many = 0;
  // Waiting commands and functions are already in order; what was sent comes before them.
  for (TaskList* list : {&waiting, &waiting_immediate, &ready}) {
    while (Task* task = First(*list)) Remove(*list, *task);
  }
  for (uint32_t count = tasks.size(); count > 0; --count) {
    Task* next = nullptr;
    ForEachTask([&](Task& task) {
      if (task.state == TaskState::kConcluded || task.linked) return;
      if (next == nullptr || task.order < next->order) next = &task;
    });
    if (next == nullptr) break;
    next->r2t_count = 0;
    if (next->kind == TaskKind::kCommand && next->reissue && !next->failed && !next->aborting &&
        outcome == Outcome::kConnectionLost) {
      Reissue(*next);  // linked again
      continue;
    }
    if (next->kind == TaskKind::kText) {
      FinishText(outcome, reason);
      continue;
    }
    if (!next->failed) {
      next->outcome = outcome;
      next->error = reason;
    }
    Conclude(*next);
  }
}

void SessionState::HandleTimeout(Instant time) {
  SeeTime(time);
  DeadlineReason reason;
  while (deadlines.TakeExpired(time, &reason)) {
    switch (reason) {
      case DeadlineReason::kPingDue: {
        const Instant due = last_receive + Milliseconds(limits.ping_interval_ms);
        if (time < due) {
          deadlines.Arm(reason, due);
        } else {
          SendKeepalive();
        }
        break;
      }
      case DeadlineReason::kPingReply: {
        // Any byte shows that the peer lives, however busy it is (section 7.14).
        const Instant due = last_receive + Milliseconds(limits.ping_timeout_ms);
        if (time < due) {
          deadlines.Arm(reason, due);
        } else {
          Drop(MakeError(ErrorCode::kPingDeadline, Role::kInitiator, PduClass::kNone, 0), false);
        }
        break;
      }
      case DeadlineReason::kLogout:
        Drop(logout_error.ok()
                 ? MakeError(ErrorCode::kLogoutDeadline, Role::kInitiator, PduClass::kNone, 0)
                 : logout_error,
             false);
        break;
      case DeadlineReason::kNegotiation:
        FinishText(Outcome::kDataError, MakeError(ErrorCode::kNegotiationDeadline, Role::kInitiator,
                                                  PduClass::kText, 0, text_rounds));
        break;
      case DeadlineReason::kAbort:
        HandleFunctionDeadline();
        break;
      case DeadlineReason::kAsyncLogout:
        if (phase == Phase::kFullFeature) {
          SendLogout(LogoutReason::kCloseConnection, Error::Ok());
        }
        break;
      default:
        break;
    }
  }
}

// Lists.

void SessionState::Append(TaskList& list, Task& task) {
  task.linked = true;
  task.next = kReservedTag;
  task.previous = list.last;
  if (Task* last = list.empty() ? nullptr : tasks.Find(list.last)) {
    last->next = task.tag;
  } else {
    list.first = task.tag;
  }
  list.last = task.tag;
}

// In order of submission: what is sent again goes before what was submitted later.
void SessionState::InsertWaiting(Task& task) {
  TaskList& list = WaitingListOf(task);
  task.linked = true;
  Task* after = list.empty() ? nullptr : tasks.Find(list.last);
  while (after != nullptr && after->order > task.order) {
    after = after->previous == kReservedTag ? nullptr : tasks.Find(after->previous);
  }
  task.previous = after == nullptr ? kReservedTag : after->tag;
  task.next = after == nullptr ? list.first : after->next;
  if (after == nullptr) {
    list.first = task.tag;
  } else {
    after->next = task.tag;
  }
  if (task.next == kReservedTag) {
    list.last = task.tag;
  } else {
    tasks.Find(task.next)->previous = task.tag;
  }
}

void SessionState::Remove(TaskList& list, Task& task) {
  if (task.previous == kReservedTag) {
    list.first = task.next;
  } else {
    tasks.Find(task.previous)->next = task.next;
  }
  if (task.next == kReservedTag) {
    list.last = task.previous;
  } else {
    tasks.Find(task.next)->previous = task.previous;
  }
  task.next = task.previous = kReservedTag;
  task.linked = false;
}

Task* SessionState::NewTask(TaskKind kind, uint32_t device_tag) {
  uint32_t tag;
  Task* task = tasks.Acquire(&tag, device_tag);
  if (task == nullptr) return nullptr;
  *task = Task();
  task->kind = kind;
  task->tag = tag;
  task->order = ++orders;
  return task;
}

void SessionState::Release(Task& task) {
  switch (task.kind) {
    case TaskKind::kCommand:
      --commands;
      break;
    case TaskKind::kTaskManagement:
      --(task.internal ? internal_functions : functions);
      break;
    case TaskKind::kPing:
      (task.internal ? keepalive : user_ping) = kReservedTag;
      break;
    case TaskKind::kText:
      text_task = kReservedTag;
      break;
    case TaskKind::kLogout:
      logout_task = kReservedTag;
      break;
  }
  const bool made_room = task.kind == TaskKind::kTaskManagement && task.internal;
  Check(tasks.Release(task.tag));
  if (!made_room || aborts_due == 0) return;
  Task* due = nullptr;
  ForEachTask([&](Task& other) {
    if (other.abort_due && due == nullptr) due = &other;
  });
  if (due == nullptr) return;
  due->abort_due = false;
  --aborts_due;
  AbortInternally(*due);
}

// Session: the entries.

Error Session::Check(const SessionOptions& options) {
  const Limits& limits = options.limits;
  const bool good = limits.queue_depth >= 1 && limits.queue_depth <= kMaxQueueDepth &&
                    limits.task_management_slots >= 1 && limits.task_management_slots <= 1024 &&
                    limits.cdb_bytes >= 16 && limits.cdb_bytes <= 260 &&
                    limits.r2ts_per_command >= 1 && limits.r2ts_per_command <= 65535 &&
                    limits.control_bytes >= kMinControlBytes && limits.sense_bytes <= 65535 &&
                    (limits.staging_bytes == 0 || limits.staging_bytes >= kMinStagingBytes) &&
                    limits.device_tag_bits <= kMaxDeviceTagBits && limits.echo_slots >= 1 && limits.text_bytes >= text::kMinTextCapacityBytes;
  return good ? Error::Ok() : CallerError(ErrorCode::kCallArgument);
}

size_t Session::MemoryNeeded(const SessionOptions& options) {
  return Check(options).ok() ? SessionState::MemoryNeeded(options) : 0;
}

Session::Session(const SessionOptions& options, std::span<std::byte> memory) {
  isthmus::Check(Check(options).ok());
  Arena arena(memory);
  state_ = arena.Make<SessionState>(1);
  isthmus::Check(state_ != nullptr);
  state_->Init(options, arena);
}

Session Session::OnHeap(const SessionOptions& options) {
  const size_t size = MemoryNeeded(options);
  auto memory = std::make_unique<std::byte[]>(size);
  Session session(options, {memory.get(), size});
  session.memory_ = std::move(memory);
  return session;
}

Session::Session(Session&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)), memory_(std::move(other.memory_)) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this == &other) return *this;
  if (state_ != nullptr) state_->~SessionState();
  state_ = std::exchange(other.state_, nullptr);
  memory_ = std::move(other.memory_);
  return *this;
}

Session::~Session() {
  if (state_ != nullptr) state_->~SessionState();
}

Error Session::Attach(Connection&& connection, ConnectionId* id) {
  return state_->Attach(std::move(connection), id);
}

Error Session::Submit(const Command& command, TaskId* task) {
  return state_->Submit(command, task);
}

Error Session::Abort(TaskId task, uint64_t cookie) { return state_->Abort(task, cookie); }

Error Session::TaskManagement(const TaskManagementRequest& request, TaskId* task) {
  return state_->TaskManagement(request, task);
}

Error Session::Ping(std::span<const std::byte> data, uint64_t cookie) {
  return state_->Ping(data, cookie);
}

Error Session::SendText(std::span<const std::byte> request, std::span<std::byte> answer,
                        uint64_t cookie) {
  return state_->SendText(request, answer, cookie);
}

Error Session::SendTargets(std::string_view target, std::span<std::byte> answer, uint64_t cookie) {
  return state_->SendTargets(target, answer, cookie);
}

Error Session::Renegotiate(uint32_t MaxRecvDataSegmentLength, uint64_t cookie) {
  return state_->Renegotiate(MaxRecvDataSegmentLength, cookie);
}

Error Session::Logout(LogoutReason reason) { return state_->Logout(reason); }

void Session::End() { state_->End(); }

bool Session::Receive(ConnectionId id, const RxSegment& segment, Instant now) {
  state_->SeeTime(now);
  if (!state_->IsCurrent(id) || state_->phase == SessionState::Phase::kDisconnecting) return false;
  state_->last_receive = now;
  state_->channel().tracer.SeeTime(now);
  return state_->channel().receiver->Push(segment);
}

bool Session::Next(Event* event) { return state_->Next(event); }

size_t Session::PollTransmit(ConnectionId id, std::span<TxSlice> out, Instant now) {
  state_->SeeTime(now);
  if (!state_->IsCurrent(id)) return 0;
  state_->channel().tracer.SeeTime(now);
  state_->Feed();
  return state_->channel().sender->PollTransmit(out, *state_);
}

void Session::OnSent(ConnectionId id, size_t bytes) {
  if (state_->IsCurrent(id)) state_->channel().sender->OnSent(bytes);
}

void Session::OnTransportDone(ConnectionId id, uint64_t stream_offset) {
  if (!state_->IsCurrent(id)) return;
  state_->channel().sender->OnTransportDone(stream_offset);
  state_->DrainDone();
}

void Session::OnTransportClosed(ConnectionId id, Error reason) {
  if (state_->IsCurrent(id)) state_->OnTransportClosed(reason);
}

size_t Session::WantRx(ConnectionId id, std::span<RxWant> out) {
  if (!state_->IsCurrent(id) || state_->phase == SessionState::Phase::kDisconnecting) return 0;
  return state_->channel().receiver->WantRx(out);
}

size_t Session::UnconsumedRx(ConnectionId id) const {
  return state_->IsCurrent(id) ? state_->channel().receiver->UnconsumedRx() : 0;
}

void Session::SetDeviceInserts(ConnectionId id, bool header_digest, bool data_digest) {
  if (state_->IsCurrent(id)) state_->channel().sender->SetDeviceInserts(header_digest, data_digest);
}

OffloadChannel Session::offload(ConnectionId id) {
  if (!state_->IsCurrent(id)) return {};
  return {&*state_->channel().receiver, &*state_->channel().sender};
}

void Session::Resolve(ConnectionId id, uint32_t ticket, digest::Evidence header,
                      digest::Evidence data) {
  if (state_->IsCurrent(id)) state_->channel().receiver->Resolve(ticket, header, data);
}

void Session::SetTracer(ConnectionId id, const PduTracer& tracer) {
  if (state_->IsCurrent(id)) state_->channel().SetTracer(tracer);
}

Deadline Session::PollTimeout() const { return state_->deadlines.Next(); }

void Session::HandleTimeout(Instant now) { state_->HandleTimeout(now); }

const text::Parameters& Session::parameters() const { return state_->parameters; }

uint16_t Session::tsih() const { return state_->tsih; }

CsmState Session::connection_state() const { return state_->csm_state(); }
SsmState Session::state() const { return state_->ssm.state(); }

bool Session::connected() const {
  return state_->phase == SessionState::Phase::kFullFeature ||
         state_->phase == SessionState::Phase::kLoggingOut;
}

size_t Session::outstanding() const { return state_->commands; }

uint32_t Session::command_window() const {
  const auto open =
      static_cast<int32_t>(state_->max_cmd_sn - state_->cmd_sn - state_->unnumbered + 1);
  return open > 0 ? static_cast<uint32_t>(open) : 0;
}

const SessionCounters& Session::counters() const { return state_->counters; }

const RxCounters* Session::rx_counters() const {
  return state_->HasChannel() ? &state_->channel().receiver->counters() : nullptr;
}

const TxCounters* Session::tx_counters() const {
  return state_->HasChannel() ? &state_->channel().sender->counters() : nullptr;
}

}  // namespace isthmus::initiator
