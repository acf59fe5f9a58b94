// What a Session is made of, in the memory that its creator gave. RFC 7143 chapters 4, 7, 11.
// Private to the initiator's engine; one .cc a part of the state:
//   session.cc          entries, connections, deadlines, the end
//   receive.cc          every received header: numbering, and who it is for
//   command.cc          commands: their PDUs, the window, SCSI Responses, completion
//   data_in.cc          Data-In: placement and order
//   data_out.cc         immediate and unsolicited data, R2Ts
//   task_management.cc  task management functions, aborts
//   control.cc          pings, Reject, Asynchronous Messages, Logout
//   text.cc             Text Requests in the full feature phase
#ifndef ISTHMUS_INITIATOR_SESSION_STATE_H_
#define ISTHMUS_INITIATOR_SESSION_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "initiator/connection.h"
#include "initiator/connection_state.h"
#include "initiator/event.h"
#include "initiator/limits.h"
#include "initiator/session.h"
#include "protocol/arena.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/states.h"
#include "protocol/error.h"
#include "protocol/session/deadlines.h"
#include "protocol/session/run_set.h"
#include "protocol/session/slot_table.h"
#include "protocol/session/token_bucket.h"
#include "protocol/text/codec.h"
#include "protocol/time.h"
#include "protocol/wire/field.h"
#include "protocol/wire/scsi_response.h"

namespace isthmus::initiator {

using wire::kReservedTag;

// What owns an Initiator Task Tag.
enum class TaskKind : uint8_t { kCommand, kTaskManagement, kPing, kText, kLogout };

// In the order in which a task goes through them; kConcluded waits only for the transport.
enum class TaskState : uint8_t {
  kWaiting,    // not given to the sender: no connection, a closed window, a full sender
  kQueued,     // with the sender, no number yet
  kSent,       // numbered and on its way or at the target
  kConcluded,  // its event is ready once the transport has let go of its buffers
};

// An R2T that is not yet with the sender.
struct PendingR2t {
  uint64_t lun = 0;
  uint32_t target_transfer_tag = 0;
  uint32_t offset = 0;
  uint32_t length = 0;
};

// Runs of a task's data that may be apart while DataPDUInOrder or DataSequenceInOrder is No.
using DataRuns = RunSet<16>;

// A task and its links. Its queue is a list through `next`: of the waiting, the ready, or the done.
struct Task {
  TaskKind kind = TaskKind::kCommand;
  TaskState state = TaskState::kWaiting;
  Outcome outcome = Outcome::kAnswered;
  bool failed = false;  // `outcome` and `error` stand: the target's answer does not count
  bool immediate = false;
  bool unstable_source = false;
  bool reissue = false;
  bool linked = false;       // in a list
  bool aborting = false;     // an ABORT TASK refers to it
  bool abort_due = false;    // but none could be made yet
  bool internal = false;     // the engine's own: no event
  bool keep_cmd_sn = false;  // a retry: the same number again (section 7.2.1)
  uint8_t retries = 0;       // of a command that the target rejected for its data digest
  uint8_t flags = 0;         // attribute
  uint8_t priority = 0;
  uint8_t cdb_size = 0;  // of the first 16 bytes
  uint8_t ahs_size = 0;
  uint8_t response = 0, status = 0, reject_reason = 0;
  uint16_t status_qualifier = 0;
  uint16_t sense_size = 0;
  uint16_t tx_entries = 0;               // with the sender, not yet Done
  uint16_t r2ts_outstanding = 0;         // told by the target and not yet answered whole
  uint16_t r2t_head = 0, r2t_count = 0;  // ring of those that are not yet with the sender
  uint32_t tag = 0;
  uint32_t next = kReservedTag, previous = kReservedTag;
  uint32_t cmd_sn = 0;
  uint64_t order = 0;     // of submission
  uint64_t emission = 0;  // of the session's requests, 0: not yet emitted
  uint64_t lun = 0;
  uint64_t cookie = 0;
  std::span<const std::byte> data_out;
  std::span<std::byte> data_in;

  // Progress; forgotten by a re-issue.
  uint32_t data_sn = 0;         // expected next of Data-In and R2T: they share the numbering
  uint32_t data_in_next = 0;    // offset after the highest byte received
  uint32_t data_in_bytes = 0;   // received, each counted once
  uint32_t sequence_bytes = 0;  // of the current Data-In sequence
  uint32_t r2t_next = 0;        // offset that the next R2T continues at
  uint32_t residual = 0, read_residual = 0;
  ResidualKind residual_kind = ResidualKind::kNone, read_residual_kind = ResidualKind::kNone;
  Error error = Error::Ok();

  // Task management.
  uint8_t function = 0;
  uint8_t tmf_response = 0;
  uint32_t referenced_tag = kReservedTag;
  uint32_t additional_response = 0;
  Instant due = Instant::Never();  // its answer

  std::array<std::byte, 16> cdb = {};
  DataRuns runs;
};

// A list of tasks through Task::next, by tag.
struct TaskList {
  uint32_t first = kReservedTag, last = kReservedTag;
  bool empty() const { return first == kReservedTag; }
};

struct SessionState final : Stamper {
  enum class Phase : uint8_t {
    kIdle,  // no connection; commands wait
    kFullFeature,
    kLoggingOut,     // a Logout Request is out: nothing new is sent
    kDisconnecting,  // kDisconnect is told or queued: waits for OnTransportClosed()
    kEnding,         // no connection any more, the last events are being told
    kEnded,
  };

  // What a sender's entry is for: its cookie is this << 32 | tag.
  enum class Entry : uint32_t { kLogin = 0, kCommand, kDataOut, kRequest, kEcho };
  static uint64_t Cookie(Entry entry, uint32_t tag) {
    return static_cast<uint64_t>(entry) << 32 | tag;
  }

  static uint32_t Slots(const Limits& limits);
  static uint32_t AhsBytes(const Limits& limits);
  static size_t MemoryNeeded(const SessionOptions& options);
  void Init(const SessionOptions& options, Arena& arena);

  // session.cc
  Error Attach(Connection&& new_connection, ConnectionId* id);
  bool IsCurrent(ConnectionId given) const;
  bool Next(Event* event);
  bool NextQueued(Event* event);
  void DrainDone();
  void OnDone(const TxDone& done);
  void OnTransportClosed(Error reason);
  void ConcludeAll(Outcome outcome, Error reason);
  void Drop(Error reason, bool flush);
  void End();
  void HandleTimeout(Instant now);
  void SeeTime(Instant now);
  void QueueEvent(const Event& event);
  ConnectionState& channel() const { return *connection_state; }
  bool HasChannel() const { return phase >= Phase::kFullFeature && phase <= Phase::kDisconnecting; }
  CsmState csm_state() const { return HasChannel() ? channel().csm.state() : CsmState::kFree; }
  bool LogoutRequested() const { return csm_state() == CsmState::kLogoutRequested; }
  bool MayRequest() const { return csm_state() == CsmState::kLoggedIn; }
  void LeaveFullFeature(CsmEvent event);

  // receive.cc
  bool Pump();
  void OnHeader(const RxItem& item);
  std::span<std::byte> SinkFor(const RxItem& item);
  void OnPdu(const RxItem& item);
  void Dispatch(const RxItem& item);
  bool Number(const wire::Bhs& header, PduClass pdu_class, bool counts);
  void UpdateWindow(const wire::Bhs& header, PduClass pdu_class);
  void OnBadData(const RxItem& item);
  // Does what the error table says; `task`, if any, is the one it is about. True: the PDU goes on.
  bool Consequence(Error error, Task* task, Outcome outcome = Outcome::kDataError);
  bool Violation(ErrorCode code, PduClass pdu_class, uint32_t detail, Task* task = nullptr,
                 Outcome outcome = Outcome::kDataError);
  Task* FindTask(uint32_t tag, TaskKind kind, PduClass pdu_class);

  // command.cc
  Error Submit(const Command& command, TaskId* id);
  void FillAhs(Task& task, std::span<const std::byte> cdb);
  void Feed();
  void FeedWaiting(uint64_t last_order);
  bool FeedCommand(Task& task);
  void Stamp(wire::Bhs& header, uint64_t cookie) override;
  void OnScsiResponse(const RxItem& item);
  void OnSense(Task& task, const RxItem& item);
  void SetResiduals(Task& task, const wire::ScsiResponse& response);
  void CheckDataComplete(Task& task);
  void FailTask(Task& task, Outcome outcome, Error error);
  void Conclude(Task& task);
  void FinishIfFree(Task& task);
  void FillCompletion(Task& task, Event* event);
  void Reissue(Task& task);
  bool WindowOpen() const;

  // data_in.cc
  std::span<std::byte> DataInSink(const RxItem& item);
  Error CheckDataIn(const wire::Bhs& header, const Task& task, uint32_t length) const;
  void OnDataIn(const RxItem& item);
  void CountSequence(Task& task, bool final, uint32_t length);
  bool CountDataIn(Task& task, uint32_t offset, uint32_t length);
  void OnDataInStatus(Task& task, const wire::Bhs& header);

  // data_out.cc
  uint32_t ImmediateBytes(const Task& task) const;
  uint32_t UnsolicitedBytes(const Task& task) const;
  void OnR2t(const RxItem& item);
  Error CheckR2t(const wire::Bhs& header, const Task& task) const;
  bool QueueDataOut(Task& task, const PendingR2t& r2t);
  bool FeedDataOut(Task& task);
  bool InOrder() const { return parameters.DataPDUInOrder && parameters.DataSequenceInOrder; }
  PendingR2t& R2tSlot(const Task& task, uint32_t position) const;
  void StopDataOut(Task& task);

  // task_management.cc
  Error Abort(TaskId id, uint64_t cookie);
  Error TaskManagement(const TaskManagementRequest& request, TaskId* id);
  void AbortInternally(Task& task);
  Task* NewAbort(Task& task);
  void QueueFunction(Task& function);
  bool FeedFunction(Task& function);
  void OnTaskManagementResponse(const RxItem& item);
  void ConcludeAffected(const Task& function);
  void HandleFunctionDeadline();
  bool Affects(const Task& function, const Task& task) const;
  static bool ActsOnMany(uint8_t function);

  // control.cc
  Error Ping(std::span<const std::byte> data, uint64_t cookie);
  void SendKeepalive();
  void RearmKeepalive();
  void OnNopIn(const RxItem& item);
  void OnReject(const RxItem& item);
  void OnRejectedCommand(Task& task, uint8_t reason);
  void OnAsyncMessage(const RxItem& item);
  void OnTaskTermination(uint64_t lun);
  Error Logout(LogoutReason reason);
  void SendLogout(LogoutReason reason, Error why);
  void OnLogoutResponse(const RxItem& item);
  void MaybeAnswerLogoutRequest();
  void QueueEcho(uint64_t lun, uint32_t target_transfer_tag);
  bool TakeToken(TokenBucket& bucket, ErrorCode code, PduClass pdu_class, uint32_t detail);

  // text.cc
  Error SendText(std::span<const std::byte> request, std::span<std::byte> answer, uint64_t cookie);
  Error SendTargets(std::string_view target, std::span<std::byte> answer, uint64_t cookie);
  Error Renegotiate(uint32_t bytes, uint64_t cookie);
  void StartNegotiation(bool internal, uint64_t cookie);
  Error StartText(uint64_t cookie, bool internal);
  void SendTextPdu();
  void OnTextResponse(const RxItem& item);
  bool OnNegotiationText(const RxItem& item, bool final);
  void FinishText(Outcome outcome, Error error);

  // Lists.
  void Append(TaskList& list, Task& task);
  void InsertWaiting(Task& task);
  TaskList& WaitingListOf(const Task& task) { return task.immediate ? waiting_immediate : waiting; }
  void Remove(TaskList& list, Task& task);
  Task* First(const TaskList& list) { return list.empty() ? nullptr : tasks.Find(list.first); }
  Task* NewTask(TaskKind kind, uint32_t device_tag = 0);
  void Release(Task& task);
  uint32_t IndexOf(const Task& task) const { return task.tag & index_mask; }
  template <class F>
  void ForEachTask(F&& visit) {
    for (uint32_t i = 0; i < tasks.capacity(); ++i) {
      uint32_t tag;
      if (Task* task = tasks.At(i, &tag)) visit(*task);
    }
  }

  Limits limits;
  Phase phase = Phase::kIdle;
  Ssm ssm{Role::kInitiator};
  std::optional<Connection> connection;
  ConnectionState* connection_state = nullptr;
  ConnectionId id;
  text::Parameters parameters;
  uint16_t tsih = 0;
  SessionCounters counters;

  // Numbering (section 4.2.2).
  uint32_t cmd_sn = 0;  // of the next request that is numbered
  uint32_t max_cmd_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  uint32_t unnumbered = 0;  // non-immediate requests with the sender that have no CmdSN yet
  uint64_t emissions = 0;
  uint64_t orders = 0;

  SlotTable<Task> tasks;
  uint32_t index_mask = 0;
  uint32_t commands = 0;       // submitted and not told as completed
  uint32_t commands_sent = 0;  // of these, numbered and not concluded
  uint32_t functions = 0;      // task management, of the embedder
  uint32_t internal_functions = 0;
  uint32_t aborts_due = 0;         // tasks with abort_due
  uint32_t functions_on_many = 0;  // of these, multi-task and not answered: new commands wait
  uint32_t tx_entries = 0;         // of commands and their data, with the sender
  uint32_t echoes = 0;             // answers to pings, with the sender
  TaskList waiting;                // commands and functions, in order of submission
  TaskList waiting_immediate;      // those that no window holds back
  TaskList ready;                  // commands that have R2Ts to answer
  TaskList done;

  // Memory of the tasks, by slot.
  std::span<std::byte> ahs;      // AhsBytes() each
  std::span<std::byte> sense;    // limits.sense_bytes each
  std::span<PendingR2t> r2ts;    // limits.r2ts_per_command each
  std::span<std::byte> control;  // data of the PDU that is being received, unless Data-In
  std::span<std::byte> event_sense;
  std::span<std::byte> text_buffer;  // a negotiation's text, either way

  // The PDU whose data segment is arriving.
  bool discarding = false;
  uint32_t rx_task = kReservedTag;

  TokenBucket pings, unasked;  // of the connection

  // Pings, text, logout: one of each.
  uint32_t user_ping = kReservedTag, keepalive = kReservedTag;
  std::span<const std::byte> ping_data;
  uint32_t text_task = kReservedTag;
  enum class TextUse : uint8_t { kQuery, kNegotiation };
  TextUse text_use = TextUse::kQuery;
  std::span<const std::byte> text_request;  // what is left of it
  std::span<std::byte> text_answer;
  size_t text_answer_size = 0;
  bool text_final_sent = false, text_continue_sent = false;
  bool text_overflow = false;
  bool text_pdu_in_flight = false, text_pdu_due = false;
  uint16_t text_rounds = 0;
  uint64_t text_lun = 0;
  uint32_t text_transfer_tag = kReservedTag;
  std::optional<text::TextJoiner> joiner;
  uint32_t renegotiated_bytes = 0;
  uint32_t logout_task = kReservedTag;
  LogoutReason logout_reason = LogoutReason::kCloseSession;
  Error logout_error = Error::Ok();
  bool logout_armed = false;
  uint16_t logout_request_s = 0;
  bool negotiation_requested = false;
  bool ends_session = false;  // after the connection is closed
  bool logged_out = false;
  uint16_t time2wait_s = 0, time2retain_s = 0;
  Error end_error = Error::Ok();

  Instant now{};
  bool time_known = false;
  Instant last_receive{};
  Deadlines deadlines;

  std::array<Event, 8> events = {};
  size_t event_head = 0, event_count = 0;
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_SESSION_STATE_H_
