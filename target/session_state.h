// What a session keeps, and the parts of its engine that share it. Internal to target/. RFC 7143
// sections 4.2.2, 4.2.3, 4.2.5, 7 and 11.
//
//   session.cc          the public entries, what is told, the beginning and end of connections
//   receive.cc          every received PDU: the pump, what any must satisfy, who it is for
//   task.cc             the life of a task's record
//   command.cc          SCSI Command: checks, CmdSN order, delivery
//   data_out.cc         windows, unsolicited data, R2T, Data-Out
//   data_in.cc          SendData, Complete, Data-In, SCSI Response
//   task_management.cc  functions, scopes, logout: whatever ends tasks
//   text.cc             Text Request: negotiation, SendTargets
//   control.cc          NOP, Reject, Asynchronous Message, keepalive, ends of connections
//
// All records lie in arrays of the session's memory; a record is named by its index, and to the
// outside with a generation. What the embedder is to be told is queued as a Notice, in order;
// Next() makes an Event of it.
#ifndef ISTHMUS_TARGET_SESSION_STATE_H_
#define ISTHMUS_TARGET_SESSION_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "protocol/arena.h"
#include "protocol/connection/states.h"
#include "protocol/session/command_window.h"
#include "protocol/session/run_set.h"
#include "protocol/session/token_bucket.h"
#include "protocol/wire/ahs.h"
#include "target/connection_state.h"
#include "target/pdu.h"
#include "target/session.h"

namespace isthmus::target {

inline constexpr uint32_t kNone = 0xffffffff;
inline constexpr size_t kMaxRuns = 8;
inline constexpr uint32_t kMaxRequests = 32;  // bits of Task::waited_by
// Of a connection's control entries: kept for what is owed whatever the peer sends (functions,
// logout, text, ping, window).
inline constexpr uint32_t kControlReserve = 24;

// The life of a command's record, in order.
enum class TaskState : uint8_t {
  kFree,
  kReceiving,  // header verified; its own data segment is on its way
  kWaiting,    // whole, in the command window
  kActive,     // delivered: kCommand was queued
  kDone,       // status is frozen or never comes; the record waits for its last references
};

struct Task {
  // First line: what every PDU of the task touches.
  TaskState state = TaskState::kFree;
  uint8_t row = 0;
  bool read : 1 = false, write : 1 = false, immediate : 1 = false;
  bool announced : 1 = false;   // kBegin or kCommand was queued: kTaskReleased is owed
  bool begun : 1 = false;       // kBegin was queued
  bool windowed : 1 = false;    // holds a slot of the command window (delivered, not immediate)
  bool aborted : 1 = false;     // no status is sent
  bool failed : 1 = false;      // ends with `status` once the data that is still to come has come
  bool abort_told : 1 = false;  // kTaskAborted was queued: Release() is owed
  bool embedder_done : 1 =
      false;                   // Complete(), Release() or Refuse() came, or nothing was ever told
  bool completed : 1 = false;  // Complete() came, or the engine ended the task itself
  bool refused : 1 = false;    // Refuse() came
  bool status_queued : 1 = false;  // the status is with the sender
  bool status_sent : 1 = false;    // it was frozen
  bool in_ready_list : 1 = false;
  bool in_hash : 1 = false;
  bool unsolicited_open : 1 = false;  // unsolicited Data-Out PDUs up to an F bit are still to come
  bool told_termination : 1 = false;  // an Asynchronous Message named its LUN
  bool early_end : 1 = false;  // who waits for it waits for the embedder only, not for its status
  uint32_t generation = 1;
  uint32_t initiator_task_tag = 0;
  uint32_t cmd_sn = 0;
  uint32_t next_ready = kNone;
  uint32_t rx_refs = 0;      // a data segment is being received for it
  uint32_t tx_refs = 0;      // entries with the sender
  uint32_t bursts = 0;       // R2Ts outstanding
  uint32_t burst_order = 0;  // of the next one
  uint32_t waited_by = 0;    // requests that wait for the record's end, a bit each

  // Lengths and progress, bytes. The write direction of the command, then the read direction.
  uint32_t write_length = 0, read_length = 0;
  uint32_t window_offset = 0;
  uint32_t window_device_tag = 0;
  std::span<std::byte> window;
  bool window_open = false;   // given and not yet told complete
  uint32_t next_solicit = 0;  // data below it has come, is coming, or was asked for
  uint32_t unsolicited_bytes = 0;
  uint32_t unsolicited_data_sn = 0;
  uint64_t accepted_end = 0;  // end of the last window
  RunSet<kMaxRuns> arrived;
  uint64_t sent = 0;  // bytes given to SendData, also beyond read_length
  uint32_t first_source = kNone, last_source = kNone;  // not yet with the sender
  uint32_t burst_used = 0;                             // of the Data-In sequence that is open
  uint32_t data_in_pdus = 0;
  uint32_t input_sn = 0;  // next DataSN or R2TSN of the input (shared if bidirectional)
  uint32_t r2t_sn = 0;

  // Its end.
  uint8_t status = 0, response = 0;
  uint16_t status_qualifier = 0;
  uint16_t sense_segment_size = 0;  // of its place in SessionState::senses
  uint64_t transfer_length = 0, bidi_transfer_length = 0;

  wire::Bhs header;
  uint32_t cdb_size = 0;
  uint32_t echo = kNone;   // a ping that waits in order: its data
  uint32_t data_size = 0;  // of the PDU's own data segment
};

// A piece of read data: from SendData until nobody reads it any more.
struct Source {
  std::span<const std::byte> bytes;
  uint32_t task = kNone;
  uint32_t offset = 0;
  uint32_t told_length = 0;  // bytes as given, also those beyond the expected length
  uint32_t next = kNone;
  bool unstable = false, notify = false;
  bool queued = false;  // with the sender
};

// An R2T that is not answered in full. Its index and generation are its Target Transfer Tag.
struct Burst {
  bool open = false;
  uint32_t generation = 0;
  uint32_t device_tag = 0;
  uint32_t task = kNone;
  uint32_t order = 0;  // among the task's R2Ts: outstanding ones are fulfilled in order
  uint32_t offset = 0, length = 0;
  uint32_t received = 0;  // bytes
  uint32_t data_sn = 0;   // next
  uint32_t next_free = kNone;
};

enum class RequestKind : uint8_t { kFree, kFunction, kScope, kLogout, kText };

enum class RequestStep : uint8_t {
  kCommands,  // waits until all commands before it are received
  kTasks,     // waits until affected tasks are released
  kEmbedder,  // waits for AnswerTaskManagement or AnswerText
  kResponse,  // its response is with the sender
};

struct Request {
  RequestKind kind = RequestKind::kFree;
  RequestStep step = RequestStep::kCommands;
  uint8_t row = 0;
  uint8_t function = 0;
  uint8_t response = 0;
  bool tell_embedder = false;  // a kTaskManagement is owed
  bool told = false;
  bool answered = false;
  bool all_luns = true;
  bool task_aborted_status = false;  // kScope
  bool send_targets_all = false;
  uint32_t generation = 1;
  uint32_t initiator_task_tag = 0;
  uint32_t cmd_sn = 0;
  uint32_t pending = 0;   // tasks whose waited_by names it
  uint32_t additional_response_information = 0;
  uint64_t cookie = 0;
  std::array<std::byte, 8> lun = {};
  std::span<const std::byte> text;  // kText: the rest of the embedder's answer
};

// What is to be told, without its strings and spans.
struct Notice {
  EventKind kind = EventKind::kNone;
  uint32_t index = kNone;  // of the task, request or row
  uint32_t generation = 0;
  uint32_t offset = 0, length = 0;
  uint64_t number = 0;  // cookie, stream offset
  Error error = Error::Ok();
};

// Initiator Task Tag -> task, by open addressing.
class TagTable {
 public:
  static size_t MemoryNeeded(uint32_t tasks) { return Arena::Needed<uint32_t>(Capacity(tasks)); }
  TagTable() = default;
  TagTable(uint32_t tasks, Arena& arena)
      : mask_(Capacity(tasks) - 1), slots_(arena.Make<uint32_t>(Capacity(tasks))) {
    for (uint32_t i = 0; i <= mask_; ++i) slots_[i] = kNone;
  }
  uint32_t Find(uint32_t tag, const Task* tasks) const {
    for (uint32_t i = Home(tag);; i = (i + 1) & mask_) {
      if (slots_[i] == kNone || tasks[slots_[i]].initiator_task_tag == tag) return slots_[i];
    }
  }
  void Insert(uint32_t tag, uint32_t task) {
    uint32_t i = Home(tag);
    while (slots_[i] != kNone) i = (i + 1) & mask_;
    slots_[i] = task;
  }
  void Erase(uint32_t tag, const Task* tasks) {
    uint32_t hole = Home(tag);
    while (tasks[slots_[hole]].initiator_task_tag != tag) hole = (hole + 1) & mask_;
    for (uint32_t i = (hole + 1) & mask_; slots_[i] != kNone; i = (i + 1) & mask_) {
      const uint32_t home = Home(tasks[slots_[i]].initiator_task_tag);
      if (((i - home) & mask_) >= ((i - hole) & mask_)) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole] = kNone;
  }

 private:
  static uint32_t Capacity(uint32_t tasks) {
    uint32_t capacity = 4;
    while (capacity < 2 * tasks) capacity *= 2;
    return capacity;
  }
  uint32_t Home(uint32_t tag) const { return (tag * 2654435769u >> 7) & mask_; }

  uint32_t mask_ = 0;
  uint32_t* slots_ = nullptr;
};

// Initiator Task Tags of tasks that were aborted while unsolicited data was still to come: what
// comes of it is discarded silently (section 10.7). The oldest is forgotten for a new one.
class AbsorbedTags {
 public:
  void Add(uint32_t tag) { tags_[next_++ % tags_.size()] = {tag, true}; }
  bool Has(uint32_t tag) const {
    for (const Entry& entry : tags_) {
      if (entry.used && entry.tag == tag) return true;
    }
    return false;
  }
  void Forget(uint32_t tag) {
    for (Entry& entry : tags_) entry.used = entry.used && entry.tag != tag;
  }

 private:
  struct Entry {
    uint32_t tag = 0;
    bool used = false;
  };
  std::array<Entry, 16> tags_ = {};
  uint32_t next_ = 0;
};

// A row: a connection of the session.
struct Row {
  ConnectionState* state = nullptr;  // nullptr: none
  std::unique_ptr<std::byte[]> memory;
  uint32_t generation = 0;
  bool closed = false;   // the transport is gone
  bool reading = false;  // PDUs are still parsed
  bool disconnect_told = false;
  bool flush = false;         // kDisconnect said so
  bool window_nop = false;    // a NOP-In that tells MaxCmdSN is with the sender
  bool stalled = false;       // kHeader of `item` is to be looked at again
  bool discard = false;       // the PDU being received has no effect
  RxItem item;
  uint32_t rx_task = kNone;  // for which the data segment is received
  uint32_t rx_burst = kNone;
  uint32_t rx_echo = kNone;
  uint32_t rx_echo_bytes = 0;
  uint32_t task_entries = 0, control_entries = 0;  // with the sender
  uint32_t first_ready = kNone, last_ready = kNone;
  uint32_t advertised_max_cmd_sn = 0;
  // Text exchange.
  bool text_open = false;  // a sequence is in progress
  bool text_busy = false;  // a request is being answered
  bool text_immediate = false;
  uint32_t text_itt = 0, text_ttt = kNone, text_counter = 0;
  uint32_t text_rounds = 0;
  uint32_t text_request = kNone;
  bool text_final = false, text_negotiating = false;
  text::FixedText<text::kMaxNameBytes> text_name;
  std::array<std::byte, 8> text_lun = {};
  TokenBucket rejects, pings, immediates, texts;
  // Keepalive.
  Instant last_activity = {};
  Instant unsent_since = Instant::Never();  // since when the peer has taken nothing of what waits for it
  bool progress = false;  // bytes left since then
  bool ping_out = false;
  uint32_t ping_ttt = kNone, ping_counter = 0;
  Instant ping_deadline = Instant::Never();
  Instant logout_deadline = Instant::Never();
};

struct SessionState {
  SessionState(const SessionOptions& session_options, Arena& arena);

  SessionOptions options;
  Limits limits;  // rounded
  text::SessionParameters parameters;
  text::FixedText<text::kMaxNameBytes> initiator_name, target_name;
  std::array<std::byte, 6> isid = {};
  uint16_t tsih = 0;
  bool attached = false, ended_told = false;
  Ssm ssm{Role::kTarget};
  Instant now = {};
  bool now_known = false;
  Instant hole_deadline = Instant::Never();

  CommandWindow window;
  Task* tasks = nullptr;
  std::byte* cdbs = nullptr;    // wire::kMaxCdbBytes each
  std::byte* senses = nullptr;  // 2 + sense_bytes each
  uint32_t* free_tasks = nullptr;
  uint32_t task_count = 0, free_task_count = 0, immediate_count = 0, live_tasks = 0;
  TagTable tags;
  AbsorbedTags absorbed_tags;
  Source* sources = nullptr;
  uint32_t* free_sources = nullptr;
  uint32_t source_count = 0, free_source_count = 0;
  Burst* bursts = nullptr;
  uint32_t burst_count = 0, first_free_burst = kNone, last_free_burst = kNone;
  uint32_t burst_index_bits = 0;
  uint32_t burst_own_bits = 32;  // of a Target Transfer Tag: index and generation; above them a device's
  Request requests[kMaxRequests];
  uint32_t live_requests = 0;
  Notice* notices = nullptr;
  uint32_t notice_mask = 0, notice_head = 0, notice_tail = 0;
  Row rows[kMaxConnections];
  SessionCounters counters;

  // ---- session.cc
  bool Next(Event* event);
  void Notify(const Notice& notice);
  void NotifyTask(EventKind kind, uint32_t task, uint32_t offset = 0, uint32_t length = 0);
  void Fill(const Notice& notice, Event* event);
  Row* FindRow(ConnectionId id);
  const Row* FindRow(ConnectionId id) const;
  uint32_t IndexOf(const Row& row) const { return static_cast<uint32_t>(&row - rows); }
  ConnectionId IdOf(const Row& row) const { return {IndexOf(row), row.generation}; }
  uint32_t IndexOf(const Task& task) const { return static_cast<uint32_t>(&task - tasks); }
  bool NoticeRoom() const;
  bool Discovery() const { return parameters.SessionType == text::SessionKind::kDiscovery; }
  void SawTime(Instant at);
  void OnClosed(Row& row);
  Error Attach(ConnectionState* c, std::unique_ptr<std::byte[]>* memory, ConnectionId* id);
  void EndConnection(Row& row, Error error, bool flush);
  void LeaveFullFeature(Row& row, CsmEvent event);
  void EndSession(Error error, bool flush);
  bool TellEnd(Event* event);

  // ---- receive.cc
  bool CanPump(const Row& row) const;
  bool Pump(Row& row, Event* event);  // true: `event` holds a kReleaseRx
  Error CheckAny(const Row& row, const RxItem& item) const;
  Error CheckRates(Row& row, const wire::Bhs& header);
  bool OnHeader(Row& row);
  bool OnPlainHeader(Row& row, const RxItem& item);
  void OnEnd(Row& row);
  void Execute(Row& row, const wire::Bhs& header, uint32_t echo, uint32_t size);

  // ---- task.cc
  uint32_t AcquireTask(Row& row, const wire::Bhs& header, bool immediate);
  Error FindTask(TaskId id, uint32_t* index) const;
  void EndTask(Task& task);
  void MaybeFree(uint32_t task);
  void FreeTask(uint32_t task);
  void EndWaits(uint32_t task);
  void Unlist(uint32_t task);

  // ---- command.cc
  bool OnCommandHeader(Row& row, const RxItem& item);
  void OnCommandEnd(Row& row, uint32_t task, bool good);
  Error CheckCommand(const RxItem& item) const;
  void DeliverOther(uint32_t task);
  Error ParseAhs(const RxItem& item, Task& task);
  void DeliverInOrder();
  void Deliver(uint32_t task);
  bool CheckCmdSn(Row& row, const wire::Bhs& header);

  // ---- data_out.cc
  Error AcceptData(uint32_t task, uint32_t offset, std::span<std::byte> window,
                   uint32_t device_tag);
  Error Refuse(uint32_t task, uint8_t status);
  void Solicit(uint32_t task);
  bool FeedR2ts(Row& row, uint32_t task);
  Error FindSequence(const wire::Bhs& header, uint32_t* task, uint32_t* burst);
  Error CheckDataOut(const RxItem& item, const Task& task, const Burst* burst) const;
  void EndSequence(uint32_t task, uint32_t burst);
  bool OnDataOutHeader(Row& row, const RxItem& item);  // false: wait for a window
  void OnDataOutEnd(Row& row, const RxItem& item, bool good);
  void CloseBurst(uint32_t burst);
  void DropBursts(uint32_t task);
  void CheckWindow(uint32_t task);
  bool DataExpected(const Task& task) const { return task.bursts > 0 || task.unsolicited_open; }

  // ---- data_in.cc
  Error SendData(uint32_t task, uint32_t offset, std::span<const std::byte> source,
                 SendOptions send);
  Error Complete(uint32_t task, const Completion& completion);
  Error Release(uint32_t task);
  void SetSense(Task& task, std::span<const std::byte> sense);
  bool FeedSource(Row& row, uint32_t task);
  void Fail(uint32_t task, const Error& error);  // with the outcome of the error's row
  void FailWith(uint32_t task, const TaskOutcome& outcome);
  void Ready(uint32_t task);
  void Feed(Row& row);
  bool FeedTask(Row& row, uint32_t task);
  void FeedStatus(Row& row, uint32_t task);
  void OnSourceDone(uint32_t source);
  void DropSources(uint32_t task);

  // ---- task_management.cc
  void OnTaskManagement(Row& row, const wire::Bhs& header);
  void AbortTask(uint32_t task, bool wait_for_transfers);
  uint32_t AcquireRequest(RequestKind kind, Row& row);
  void FreeRequest(uint32_t request);
  void Advance(uint32_t request);
  void AdvanceAll();
  void WaitFor(uint32_t request, uint32_t task);
  void AbortAffected(uint32_t request);
  void TellTermination(const Task& task);
  void RespondFunction(Row& row, uint32_t itt, uint8_t response, uint32_t ari, uint32_t request);
  void OnSingleTaskFunction(Row& row, const wire::Bhs& header);
  bool Finishing(const Task& task) const;
  bool InLun(const Task& task, const std::array<std::byte, 8>& lun) const;
  void RespondLogout(Row& row, uint32_t itt, uint8_t code);
  void FinishLogout(Row& row, uint32_t itt);
  void OnLogout(Row& row, const wire::Bhs& header);
  Error AbortScopeTasks(const AbortScope& scope, uint64_t cookie);
  Error AnswerFunction(RequestId id, const TaskManagementAnswer& answer);
  Request* FindRequest(RequestId id);

  // ---- text.cc
  bool OnTextHeader(Row& row, const RxItem& item);
  Error CheckText(const Row& row, const RxItem& item) const;
  void OnTextRequest(Row& row, const wire::Bhs& header);
  Error OnSendTargets(Row& row);
  Error Negotiate(Row& row);
  size_t PageBytes(const Row& row) const;
  void SendTextPage(Row& row);
  void QueueTextResponse(Row& row, size_t size, bool final, bool continues);
  Error AnswerText(RequestId id, std::span<const std::byte> text);
  void CloseText(Row& row);

  // ---- control.cc
  void OnNopOut(Row& row, const wire::Bhs& header, uint32_t echo, uint32_t size);
  bool OnNopHeader(Row& row, const RxItem& item);
  Error CheckNopAnswer(Row& row, const wire::Bhs& header);
  Error SendPing(Row& row);
  Error QueueAsync(Row& row, const AsyncMessage& message);
  Error SendAsync(Row& row, const AsyncMessage& message);
  Error RequestLogout(Row& row, uint16_t timeout_s);
  void TellWindow(Row& row);
  void HandlePing(Row& row);
  Instant BacklogDeadline(const Row& row) const;
  void SendReject(Row& row, uint8_t reason, const wire::Bhs& header,
                  std::span<const std::byte> ahs);
  void EndRejects(Row& row, uint32_t detail);
  // Does what the table says for `code`; the PDU itself is to have no effect.
  void Violate(Row& row, ErrorCode code, PduClass pdu_class, const RxItem& item,
               uint32_t detail = 0);
  void Act(Row& row, const Error& error, const wire::Bhs& header, std::span<const std::byte> ahs);
  bool QueueControl(Row& row, TxClass tx_class, const wire::Bhs& header,
                    std::span<const std::byte> data, uint64_t cookie);
  uint32_t AcquireEcho(Row& row);
  void ReleaseEcho(Row& row, uint32_t echo);
  std::span<std::byte> EchoBytes(Row& row, uint32_t echo);
  void OnDone(Row& row, const TxDone& done);
  void DrainDone(Row& row);
  Deadline PollTimeout() const;
  void HandleTimeout(Instant at);
};

// Cookies of the sender: a kind and an index.
enum class CookieKind : uint8_t {
  kPlain,
  kSource,
  kStatus,
  kBurst,
  kEcho,
  kRequest,
  kText,
  kWindow
};
constexpr uint64_t Cookie(CookieKind kind, uint32_t index) {
  return static_cast<uint64_t>(kind) << 56 | index;
}
constexpr CookieKind KindOf(uint64_t cookie) { return static_cast<CookieKind>(cookie >> 56); }
constexpr uint32_t IndexOfCookie(uint64_t cookie) { return static_cast<uint32_t>(cookie); }

// Numbers each PDU at its emission (section 4.2.2).
class SessionStamper final : public Stamper {
 public:
  SessionStamper(SessionState& session, Row& row) : session_(session), row_(row) {}
  void Stamp(wire::Bhs& header, uint64_t cookie) override;

 private:
  SessionState& session_;
  Row& row_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_SESSION_STATE_H_
