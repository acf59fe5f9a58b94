#include "target/session.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "protocol/check.h"
#include "protocol/session/token_bucket.h"
#include "protocol/wire/cdb.h"
#include "protocol/wire/scsi_command.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

Limits Rounded(Limits limits) {
  limits.command_slots = std::clamp<uint32_t>(limits.command_slots, 1, 1u << 16);
  limits.immediate_commands = std::clamp<uint32_t>(limits.immediate_commands, 1, 1024);
  limits.task_management_slots = std::clamp<uint32_t>(limits.task_management_slots, 1, 16);
  limits.r2t_slots = std::clamp<uint32_t>(limits.r2t_slots, 1, 1u << 16);
  limits.source_slots = std::clamp<uint32_t>(limits.source_slots, 1, 1u << 16);
  limits.sense_bytes = std::clamp<uint32_t>(limits.sense_bytes, 18, 1024);
  limits.device_tag_bits = std::min<uint32_t>(limits.device_tag_bits, 12);
  return limits;
}

// Records: the window's commands, as many that linger with the transport after their status,
// immediate ones, and what is aborted before it is received.
uint32_t TaskCount(const Limits& limits) {
  return 2 * limits.command_slots + 2 * limits.immediate_commands + 4;
}
uint32_t NoticeCount(const Limits& limits) {
  return std::bit_ceil(8 * TaskCount(limits) + 2 * limits.source_slots + 256);
}

Error UnknownConnection(ConnectionId id) {
  return CallerError(ErrorCode::kCallUnknownConnection, id.row);
}

}  // namespace

SessionState::SessionState(const SessionOptions& session_options, Arena& arena)
    : options(session_options), limits(Rounded(session_options.limits)) {
  task_count = TaskCount(limits);
  window = CommandWindow(limits.command_slots, arena);
  tasks = arena.Make<Task>(task_count);
  cdbs = arena.Make<std::byte>(task_count * wire::kMaxCdbBytes);
  senses = arena.Make<std::byte>(size_t{task_count} * (limits.sense_bytes + 2));
  free_tasks = arena.Make<uint32_t>(task_count);
  for (uint32_t i = 0; i < task_count; ++i) free_tasks[free_task_count++] = task_count - 1 - i;
  tags = TagTable(task_count, arena);
  source_count = limits.source_slots;
  sources = arena.Make<Source>(source_count);
  free_sources = arena.Make<uint32_t>(source_count);
  for (uint32_t i = 0; i < source_count; ++i)
    free_sources[free_source_count++] = source_count - 1 - i;
  burst_count = limits.r2t_slots;
  bursts = arena.Make<Burst>(burst_count);
  burst_index_bits = std::max(1u, static_cast<uint32_t>(std::bit_width(burst_count - 1)));
  burst_own_bits = 32 - limits.device_tag_bits;
  for (uint32_t i = 0; i < burst_count; ++i)
    bursts[i].next_free = i + 1 < burst_count ? i + 1 : kNone;
  first_free_burst = 0;
  last_free_burst = burst_count - 1;
  notices = arena.Make<Notice>(NoticeCount(limits));
  notice_mask = NoticeCount(limits) - 1;
}

// ---- What is told.

void SessionState::Notify(const Notice& notice) {
  Check(notice_tail - notice_head <= notice_mask);
  notices[notice_tail++ & notice_mask] = notice;
}

void SessionState::NotifyTask(EventKind kind, uint32_t index, uint32_t offset, uint32_t length) {
  Notify({.kind = kind,
          .index = index,
          .generation = tasks[index].generation,
          .offset = offset,
          .length = length});
}

bool SessionState::NoticeRoom() const {
  return notice_tail - notice_head < notice_mask - 6 * task_count;
}

void SessionState::Fill(const Notice& notice, Event* event) {
  *event = Event();
  event->kind = notice.kind;
  event->offset = notice.offset;
  event->length = notice.length;
  switch (notice.kind) {
    case EventKind::kBegin:
    case EventKind::kCommand: {
      const Task& task = tasks[notice.index];
      event->task = {notice.index, notice.generation};
      event->connection = IdOf(rows[task.row]);
      event->lun = pdu::Lun(task.header);
      event->cdb = {cdbs + size_t{notice.index} * wire::kMaxCdbBytes, task.cdb_size};
      event->read = task.read;
      event->write = task.write;
      event->immediate = task.immediate;
      const auto command = pdu::Read<wire::ScsiCommand>(task.header, parameters.iSCSIProtocolLevel);
      event->attribute = static_cast<TaskAttribute>(command.attribute);
      event->priority = command.priority;
      event->expected_data_transfer_length = task.write ? task.write_length : task.read_length;
      if (task.read && task.write) event->bidi_read_length = task.read_length;
      break;
    }
    case EventKind::kDataReceived:
    case EventKind::kTaskAborted:
    case EventKind::kTaskReleased:
    case EventKind::kSourceReleased:
      event->task = {notice.index, notice.generation};
      break;
    case EventKind::kTaskManagement: {
      const Request& request = requests[notice.index];
      event->request = {notice.index, notice.generation};
      event->connection = IdOf(rows[request.row]);
      event->function = request.function;
      event->lun = request.lun;
      break;
    }
    case EventKind::kSendTargets: {
      const Request& request = requests[notice.index];
      event->request = {notice.index, notice.generation};
      event->connection = IdOf(rows[request.row]);
      event->send_targets_all = request.send_targets_all;
      event->target_name = rows[request.row].text_name.view();
      break;
    }
    case EventKind::kTextReleased:
      event->request = {notice.index, notice.generation};
      break;
    case EventKind::kScopeAborted:
      event->cookie = notice.number;
      break;
    case EventKind::kArmDigests:
      event->connection = IdOf(rows[notice.index]);
      event->stream_offset = notice.number;
      break;
    case EventKind::kLoggedOut:
      event->connection = IdOf(rows[notice.index]);
      break;
    case EventKind::kDisconnect:
      event->connection = IdOf(rows[notice.index]);
      event->error = notice.error;
      event->flush = notice.length != 0;
      break;
    default:
      break;
  }
}

bool SessionState::Next(Event* event) {
  while (true) {
    while (notice_head != notice_tail) {
      const Notice notice = notices[notice_head++ & notice_mask];
      const bool stale =
          ((notice.kind == EventKind::kTaskManagement || notice.kind == EventKind::kSendTargets) &&
           FindRequest({notice.index, notice.generation}) == nullptr) ||
          ((notice.kind == EventKind::kBegin || notice.kind == EventKind::kCommand) &&
           tasks[notice.index].generation != notice.generation);
      if (stale) continue;
      Fill(notice, event);
      return true;
    }
    bool more = false;
    for (Row& row : rows) {
      if (row.state == nullptr || !row.reading) continue;
      if (Pump(row, event)) return true;
      more = more || notice_head != notice_tail;
    }
    if (!more) return TellEnd(event);
  }
}

// ---- Ends.

void SessionState::EndConnection(Row& row, Error error, bool flush) {
  if (row.disconnect_told || row.state == nullptr) return;
  const bool reinstated =
      error.code == ErrorCode::kConnectionReinstated || error.code == ErrorCode::kSessionReinstated;
  LeaveFullFeature(row, reinstated ? CsmEvent::kClosed : CsmEvent::kLost);
  row.disconnect_told = true;
  row.reading = false;
  row.flush = flush;
  Notify({.kind = EventKind::kDisconnect,
          .index = IndexOf(row),
          .length = flush ? 1u : 0u,
          .error = error});
}

// Sections 8.1.4 and 8.3.2. Nothing, if the connection has left it already.
void SessionState::LeaveFullFeature(Row& row, CsmEvent event) {
  Csm& csm = row.state->csm;
  if (csm.state() == CsmState::kFree || csm.state() == CsmState::kCleanupWait) return;
  csm.Take(event);
  for (const Row& other : rows) {
    if (&other == &row || other.state == nullptr) continue;
    const CsmState state = other.state->csm.state();
    if (state != CsmState::kFree && state != CsmState::kCleanupWait) return;
  }
  ssm.Take(csm.state() == CsmState::kFree ? SsmEvent::kClosed : SsmEvent::kFailed);
}

void SessionState::EndSession(Error error, bool flush) {
  for (Row& row : rows) EndConnection(row, error, flush);
}

void SessionState::OnClosed(Row& row) {
  if (row.closed) return;
  LeaveFullFeature(row, CsmEvent::kLost);
  row.closed = true;
  row.reading = false;
  row.disconnect_told = true;
  row.state->sender.Reset();
  DrainDone(row);
  CloseText(row);
  const uint32_t row_index = IndexOf(row);
  for (uint32_t i = 0; i < task_count; ++i) {
    Task& task = tasks[i];
    if (task.state == TaskState::kFree || task.row != row_index) continue;
    task.rx_refs = 0;
    DropBursts(i);
    if (task.aborted || task.status_sent) {
      MaybeFree(i);
    } else {
      AbortTask(i, false);  // section 7.6
    }
  }
  AdvanceAll();
}

// Asked when nothing else is left to be told.
bool SessionState::TellEnd(Event* event) {
  if (!attached || ended_told || live_tasks > 0) return false;
  for (const Row& row : rows) {
    if (row.state != nullptr && !row.closed) return false;
  }
  ended_told = true;
  for (Row& row : rows) {
    if (row.state == nullptr || row.state->csm.state() == CsmState::kFree) continue;
    row.state->csm.Take(CsmEvent::kCleanupTimeout);
  }
  if (ssm.state() == SsmState::kFailed) ssm.Take(SsmEvent::kDiscarded);
  Check(ssm.state() == SsmState::kFree);
  *event = Event();
  event->kind = EventKind::kSessionEnded;
  return true;
}

Row* SessionState::FindRow(ConnectionId id) {
  if (id.row >= kMaxConnections || rows[id.row].state == nullptr || rows[id.row].closed ||
      rows[id.row].generation != id.generation) {
    return nullptr;
  }
  return &rows[id.row];
}

const Row* SessionState::FindRow(ConnectionId id) const {
  return const_cast<SessionState*>(this)->FindRow(id);
}

void SessionState::SawTime(Instant at) {
  if (!now_known || now < at) now = at;
  now_known = true;
}

Error SessionState::Attach(ConnectionState* c, std::unique_ptr<std::byte[]>* memory,
                           ConnectionId* id) {
  if (c == nullptr || c->login.state != LoginState::kDone || c->transport_closed) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  Row* row = nullptr;
  for (Row& each : rows) {
    if (each.state == nullptr) row = &each;
  }
  if (row == nullptr) return CallerError(ErrorCode::kCallQueueFull, kMaxConnections);
  if (attached && c->login.granted_tsih != tsih) return CallerError(ErrorCode::kCallArgument, 1);
  if (c->options.limits.command_slots > limits.command_slots ||
      std::min(limits.staging_bytes, kMinStagingBytes) > c->options.limits.staging_bytes) {
    return CallerError(ErrorCode::kCallArgument, 1);
  }
  const text::Parameters& negotiated = c->negotiation->parameters();
  if (!attached) {
    parameters = negotiated;
    initiator_name = c->negotiation->declarations().InitiatorName;
    target_name = c->negotiation->declarations().TargetName;
    isid = c->login.isid;
    tsih = c->login.granted_tsih;
    window.Start(c->login.cmd_sn);
    attached = true;
    ssm.Take(SsmEvent::kLoginBegun);
    ssm.Take(SsmEvent::kLoggedIn);
  }
  const uint32_t generation = row->generation + 1;
  *row = Row();
  row->generation = generation;
  row->state = c;
  row->memory = std::move(*memory);
  row->reading = true;
  row->advertised_max_cmd_sn = c->login.max_cmd_sn;
  row->last_activity = c->now;
  row->rejects = TokenBucket(limits.reject_rate);
  row->pings = TokenBucket(limits.ping_rate);
  row->immediates = TokenBucket(limits.immediate_rate);
  row->texts = TokenBucket(limits.text_rate);
  SawTime(c->now);
  c->text.Reset();
  *id = IdOf(*row);
  if (negotiated.HeaderDigest != text::DigestAlgorithm::kNone ||
      negotiated.DataDigest != text::DigestAlgorithm::kNone) {
    Notify({.kind = EventKind::kArmDigests,
            .index = IndexOf(*row),
            .number = c->receiver.stream_offset()});
  }
  return Error::Ok();
}

// ---- The public entries.

size_t Session::MemoryNeeded(const SessionOptions& options) {
  const Limits limits = Rounded(options.limits);
  const uint32_t tasks = TaskCount(limits);
  return Arena::Needed<std::byte>(sizeof(SessionState)) +
         CommandWindow::MemoryNeeded(limits.command_slots) + Arena::Needed<Task>(tasks) +
         Arena::Needed<std::byte>(tasks * wire::kMaxCdbBytes) +
         Arena::Needed<std::byte>(size_t{tasks} * (limits.sense_bytes + 2)) +
         Arena::Needed<uint32_t>(tasks) + TagTable::MemoryNeeded(tasks) +
         Arena::Needed<Source>(limits.source_slots) + Arena::Needed<uint32_t>(limits.source_slots) +
         Arena::Needed<Burst>(limits.r2t_slots) + Arena::Needed<Notice>(NoticeCount(limits));
}

Session::Session(const SessionOptions& options, std::span<std::byte> memory) {
  Check(memory.size() >= MemoryNeeded(options));
  Arena arena(memory);
  std::byte* place = arena.Make<std::byte>(sizeof(SessionState));
  static_assert(alignof(SessionState) <= Arena::kAlignment);
  state_ = ::new (static_cast<void*>(place)) SessionState(options, arena);
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
  this->~Session();
  return *::new (static_cast<void*>(this)) Session(std::move(other));
}

Session::~Session() {
  if (state_ == nullptr) return;
  for (Row& row : state_->rows) {
    if (row.state != nullptr) row.state->~ConnectionState();
  }
  state_->~SessionState();
}

Error Session::Attach(Connection&& connection, ConnectionId* id) {
  Error error = state_->Attach(connection.state_, &connection.memory_, id);
  if (error.ok()) connection.state_ = nullptr;
  return error;
}

void Session::OnTransportClosed(ConnectionId id, Error) {
  if (Row* row = state_->FindRow(id); row != nullptr) state_->OnClosed(*row);
}

bool Session::Receive(ConnectionId id, const RxSegment& segment, Instant now) {
  Row* row = state_->FindRow(id);
  if (row == nullptr || !row->reading) return false;
  state_->SawTime(now);
  row->state->options.tracer.SeeTime(now);
  row->last_activity = state_->now;
  return row->state->receiver.Push(segment);
}

bool Session::Next(Event* event) { return state_->Next(event); }

size_t Session::WantRx(ConnectionId id, std::span<RxWant> out) {
  Row* row = state_->FindRow(id);
  if (row == nullptr || !row->reading || row->stalled) return 0;
  return row->state->receiver.WantRx(out);
}

size_t Session::UnconsumedRx(ConnectionId id) const {
  const Row* row = state_->FindRow(id);
  if (row == nullptr) return 0;
  // A header that waits for room waits unread, whether bytes stand behind it or not.
  return std::max<size_t>(row->state->receiver.UnconsumedRx(), row->stalled ? 1 : 0);
}

size_t Session::PollTransmit(ConnectionId id, std::span<TxSlice> out, Instant now) {
  Row* row = state_->FindRow(id);
  if (row == nullptr || (row->disconnect_told && !row->flush)) return 0;
  state_->SawTime(now);
  row->state->options.tracer.SeeTime(now);
  state_->Feed(*row);
  state_->TellWindow(*row);
  SessionStamper stamper(*state_, *row);
  const size_t slices = row->state->sender.PollTransmit(out, stamper);
  if (slices > 0 && row->unsent_since == Instant::Never()) row->unsent_since = state_->now;
  return slices;
}

void Session::OnSent(ConnectionId id, size_t bytes) {
  Row* row = state_->FindRow(id);
  if (row == nullptr) return;
  row->state->sender.OnSent(bytes);
  if (bytes == 0) return;
  row->progress = true;
  row->unsent_since = row->state->sender.has_unsent() ? state_->now : Instant::Never();
}

void Session::OnTransportDone(ConnectionId id, uint64_t stream_offset) {
  Row* row = state_->FindRow(id);
  if (row == nullptr) return;
  row->state->sender.OnTransportDone(stream_offset);
  state_->DrainDone(*row);
}

void Session::SetDeviceInserts(ConnectionId id, bool header_digest, bool data_digest) {
  Row* row = state_->FindRow(id);
  if (row != nullptr) row->state->sender.SetDeviceInserts(header_digest, data_digest);
}

OffloadChannel Session::offload(ConnectionId id) {
  Row* row = state_->FindRow(id);
  return row == nullptr ? OffloadChannel{}
                        : OffloadChannel{&row->state->receiver, &row->state->sender};
}

void Session::Resolve(ConnectionId id, uint32_t ticket, digest::Evidence header,
                      digest::Evidence data) {
  if (Row* row = state_->FindRow(id); row != nullptr)
    row->state->receiver.Resolve(ticket, header, data);
}

void Session::SetTracer(ConnectionId id, const PduTracer& tracer) {
  if (Row* row = state_->FindRow(id); row != nullptr) row->state->SetTracer(tracer);
}

Deadline Session::PollTimeout() const { return state_->PollTimeout(); }
void Session::HandleTimeout(Instant now) { state_->HandleTimeout(now); }

Error Session::AcceptData(TaskId task, uint32_t offset, std::span<std::byte> window,
                          uint32_t device_tag) {
  uint32_t index = 0;
  if (Error error = state_->FindTask(task, &index); !error.ok()) return error;
  return state_->AcceptData(index, offset, window, device_tag);
}

Error Session::Refuse(TaskId task, uint8_t status) {
  uint32_t index = 0;
  if (Error error = state_->FindTask(task, &index); !error.ok()) return error;
  return state_->Refuse(index, status);
}

Error Session::SendData(TaskId task, uint32_t offset, std::span<const std::byte> source,
                        SendOptions options) {
  uint32_t index = 0;
  if (Error error = state_->FindTask(task, &index); !error.ok()) return error;
  return state_->SendData(index, offset, source, options);
}

Error Session::Complete(TaskId task, const Completion& completion) {
  uint32_t index = 0;
  if (Error error = state_->FindTask(task, &index); !error.ok()) return error;
  return state_->Complete(index, completion);
}

Error Session::Release(TaskId task) {
  uint32_t index = 0;
  if (Error error = state_->FindTask(task, &index); !error.ok()) return error;
  return state_->Release(index);
}

Error Session::AbortTasks(const AbortScope& scope, uint64_t cookie) {
  return state_->AbortScopeTasks(scope, cookie);
}
Error Session::AnswerTaskManagement(RequestId request, const TaskManagementAnswer& answer) {
  return state_->AnswerFunction(request, answer);
}
Error Session::AnswerText(RequestId request, std::span<const std::byte> text) {
  return state_->AnswerText(request, text);
}

Error Session::RequestLogout(ConnectionId id, uint16_t timeout_s) {
  Row* row = state_->FindRow(id);
  return row == nullptr ? UnknownConnection(id) : state_->RequestLogout(*row, timeout_s);
}
Error Session::SendAsync(ConnectionId id, const AsyncMessage& message) {
  Row* row = state_->FindRow(id);
  return row == nullptr ? UnknownConnection(id) : state_->SendAsync(*row, message);
}
Error Session::Ping(ConnectionId id) {
  Row* row = state_->FindRow(id);
  return row == nullptr ? UnknownConnection(id) : state_->SendPing(*row);
}
void Session::Drop(Error reason) { state_->EndSession(reason, false); }

const text::SessionParameters& Session::parameters() const { return state_->parameters; }
std::string_view Session::initiator_name() const { return state_->initiator_name.view(); }
std::string_view Session::target_name() const { return state_->target_name.view(); }
std::span<const std::byte, 6> Session::isid() const { return state_->isid; }
uint16_t Session::tsih() const { return state_->tsih; }
CsmState Session::connection_state(ConnectionId id) const {
  const Row* row = state_->FindRow(id);
  return row == nullptr ? CsmState::kFree : row->state->csm.state();
}
SsmState Session::state() const { return state_->ssm.state(); }
uint32_t Session::exp_cmd_sn() const { return state_->window.exp_cmd_sn(); }
uint32_t Session::max_cmd_sn() const { return state_->window.max_cmd_sn(); }
const SessionCounters& Session::counters() const { return state_->counters; }
bool Session::Has(ConnectionId id) const { return state_->FindRow(id) != nullptr; }
const RxCounters& Session::rx_counters(ConnectionId id) const {
  Check(id.row < kMaxConnections && state_->rows[id.row].state != nullptr);
  return state_->rows[id.row].state->receiver.counters();
}
const TxCounters& Session::tx_counters(ConnectionId id) const {
  Check(id.row < kMaxConnections && state_->rows[id.row].state != nullptr);
  return state_->rows[id.row].state->sender.counters();
}

}  // namespace isthmus::target
