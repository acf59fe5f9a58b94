#include "target/session.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/logout_request.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/scsi_command.h"
#include "protocol/wire/task_management_function_request.h"
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

// ---- Receiving.

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

// False: look at it again when something has moved.
bool SessionState::OnHeader(Row& row) {
  const RxItem& item = row.item;
  const wire::Bhs& header = *item.header;
  if (!row.stalled) {
    row.rx_task = row.rx_burst = row.rx_echo = kNone;
    if (Error error = CheckAny(row, item); !error.ok()) {
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

// ---- The life of a record.

uint32_t SessionState::AcquireTask(Row& row, const wire::Bhs& header, bool immediate) {
  if (free_task_count == 0) return kNone;
  const uint32_t index = free_tasks[--free_task_count];
  Task& task = tasks[index];
  const uint32_t generation = task.generation;
  task = Task();
  task.generation = generation;
  task.state = TaskState::kReceiving;
  task.row = static_cast<uint8_t>(IndexOf(row));
  task.immediate = immediate;
  task.initiator_task_tag = pdu::InitiatorTaskTag(header);
  task.cmd_sn = pdu::CmdSn(header);
  task.header = header;
  if (immediate) ++immediate_count;
  ++live_tasks;
  return index;
}

// The status is frozen: the initiator may use the tag again, and the window opens by one with this
// very PDU.
void SessionState::EndTask(Task& task) {
  task.status_sent = true;
  task.state = TaskState::kDone;
  if (task.in_hash) tags.Erase(task.initiator_task_tag, tasks);
  task.in_hash = false;
  if (task.windowed) window.Release();
  task.windowed = false;
  if (task.immediate) --immediate_count;
  task.immediate = false;
}

void SessionState::MaybeFree(uint32_t index) {
  Task& task = tasks[index];
  if (task.state == TaskState::kFree || !task.embedder_done || !(task.aborted || task.status_sent))
    return;
  if (task.rx_refs > 0 || task.tx_refs > 0 || DataExpected(task)) return;
  FreeTask(index);
}

void SessionState::FreeTask(uint32_t index) {
  Task& task = tasks[index];
  if (!task.status_sent) EndTask(task);
  if (task.in_ready_list) Unlist(index);
  if (task.announced) NotifyTask(EventKind::kTaskReleased, index);
  task.state = TaskState::kFree;
  if (++task.generation == 0) task.generation = 1;
  free_tasks[free_task_count++] = index;
  --live_tasks;
  EndWaits(index);
}

void SessionState::EndWaits(uint32_t index) {
  for (uint32_t left = std::exchange(tasks[index].waited_by, 0); left != 0; left &= left - 1) {
    const uint32_t i = static_cast<uint32_t>(std::countr_zero(left));
    --requests[i].pending;
    Advance(i);
  }
}

void SessionState::Unlist(uint32_t index) {
  Row& row = rows[tasks[index].row];
  uint32_t before = kNone;
  for (uint32_t i = row.first_ready; i != index; i = tasks[i].next_ready) before = i;
  const uint32_t after = tasks[index].next_ready;
  (before == kNone ? row.first_ready : tasks[before].next_ready) = after;
  if (row.last_ready == index) row.last_ready = before;
  tasks[index].in_ready_list = false;
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

Error SessionState::FindTask(TaskId id, uint32_t* index) const {
  *index = id.slot;
  if (id.slot < task_count && tasks[id.slot].state != TaskState::kFree &&
      tasks[id.slot].generation == id.generation && tasks[id.slot].announced) {
    return Error::Ok();
  }
  return CallerError(ErrorCode::kCallUnknownTask, id.slot);
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
  if (c->options.limits.command_slots > limits.command_slots)
    return CallerError(ErrorCode::kCallArgument, 1);
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
  return row == nullptr ? 0 : row->state->receiver.UnconsumedRx();
}

size_t Session::PollTransmit(ConnectionId id, std::span<TxSlice> out, Instant now) {
  Row* row = state_->FindRow(id);
  if (row == nullptr || (row->disconnect_told && !row->flush)) return 0;
  state_->SawTime(now);
  row->state->options.tracer.SeeTime(now);
  state_->Feed(*row);
  state_->TellWindow(*row);
  SessionStamper stamper(*state_, *row);
  return row->state->sender.PollTransmit(out, stamper);
}

void Session::OnSent(ConnectionId id, size_t bytes) {
  Row* row = state_->FindRow(id);
  if (row == nullptr) return;
  row->progress = row->progress || bytes > 0;
  row->state->sender.OnSent(bytes);
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
