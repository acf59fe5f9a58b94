// One session of an initiator in the full feature phase: SCSI commands, their data, task
// management, text, pings, logout, and what becomes of them when a connection is lost. RFC 7143
// chapters 4, 7, 11; RFC 7144 behind iSCSIProtocolLevel 2. ErrorRecoveryLevel 0, one connection at
// a time; the signatures name the connection already.
//
// Contract: after every input or command, drain Next(), then PollTransmit() of the connection, then
// read PollTimeout(). Every call returns at once; one session is driven from one thread at a time.
//
// Who owns which bytes: a command's CDB is copied; its data_out source and data_in destination are
// the caller's and stay in place, the source unchanged (or declared unstable), until its kCompleted
// has been pulled. The destination's contents are undefined until then, and data_in_bytes says how
// much of it counts. Text requests and ping data are borrowed until their event.
//
//   auto session = Session::OnHeap(options);
//   session.Attach(std::move(connection), &id);       // after its kLoginDone
//   Command read = {.lun = lun, .cdb = cdb, .data_in = buffer, .cookie = 7};
//   if (Error e = session.Submit(read, &task); !e.ok()) ...;     // refused: nothing happened
//   loop: Next() ... kCompleted{cookie 7, outcome kAnswered, status 0} ...
//   session.Logout(LogoutReason::kCloseSession);     // kLoggedOut, kDisconnect, kSessionEnded
//
// When the connection is lost: kConnectionLost, then kCompleted{kConnectionLost} for each command
// with RetryPolicy::kReport. The embedder connects again, logs in with the same ISID and TSIH 0
// (session reinstatement, section 6.3.5) and calls Attach(): commands with RetryPolicy::kReissue
// are sent again, in their order, under new numbers. A command may then be executed twice: choose
// kReissue for what is idempotent.
#ifndef ISTHMUS_INITIATOR_SESSION_H_
#define ISTHMUS_INITIATOR_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/limits.h"
#include "protocol/connection/offload_channel.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/states.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"

namespace isthmus::initiator {

// Section 11.3.1. The values are those of the wire.
enum class TaskAttribute : uint8_t {
  kUntagged = 0,
  kSimple = 1,
  kOrdered = 2,
  kHeadOfQueue = 3,
  kAca = 4
};

enum class RetryPolicy : uint8_t {
  kReport,   // a lost connection ends the command: kCompleted with Outcome::kConnectionLost
  kReissue,  // it is sent again on the next connection that is attached
};

struct Command {
  std::array<std::byte, 8> lun = {};    // as on the wire: a SAM LUN
  std::span<const std::byte> cdb = {};  // 1 to Limits::cdb_bytes; above 16 as an Extended CDB AHS
  TaskAttribute attribute = TaskAttribute::kSimple;
  uint8_t priority = 0;    // 0 to 15; sent only under iSCSIProtocolLevel 2
  bool immediate = false;  // marked for immediate delivery: takes no CmdSN (section 4.2.2.1)
  std::span<const std::byte> data_out = {};  // source; not empty: the W bit
  std::span<std::byte> data_in = {};  // destination; not empty: the R bit. Both: bidirectional
  bool unstable_source = false;  // others may write it meanwhile: copied and digested at emission
  RetryPolicy retry = RetryPolicy::kReport;
  // The topmost Limits::device_tag_bits of the Initiator Task Tag: under these a device knows data_in.
  uint32_t device_tag = 0;
  uint64_t cookie = 0;  // the caller's; comes back in kCompleted
};

// Section 11.5.1 and RFC 7144 (from kQueryTask on; refused below iSCSIProtocolLevel 2). Wire
// values.
enum class TaskManagementFunction : uint8_t {
  kAbortTask = 1,
  kAbortTaskSet = 2,
  kClearAca = 3,
  kClearTaskSet = 4,
  kLogicalUnitReset = 5,
  kTargetWarmReset = 6,
  kTargetColdReset = 7,
  kTaskReassign = 8,  // needs ErrorRecoveryLevel 2: refused
  kQueryTask = 9,
  kQueryTaskSet = 10,
  kITNexusReset = 11,
  kQueryAsynchronousEvent = 12,
};

struct TaskManagementRequest {
  TaskManagementFunction function = TaskManagementFunction::kAbortTask;
  std::array<std::byte, 8> lun = {};  // not used by kTargetWarmReset and kTargetColdReset; the
                                      // task's own for kAbortTask and kQueryTask
  TaskId referenced_task = {};        // kAbortTask, kQueryTask
  bool immediate = true;
  uint64_t cookie = 0;
};

// Section 11.14.1. Wire values.
enum class LogoutReason : uint8_t {
  kCloseSession = 0,
  kCloseConnection = 1,
  kRemoveForRecovery = 2
};

struct SessionOptions {
  Limits limits = {};
};

struct SessionCounters {
  uint64_t commands = 0, reissued_commands = 0, immediate_commands = 0;
  uint64_t r2ts = 0, data_in_pdus = 0, unsolicited_data_bytes = 0;
  uint64_t data_in_bytes = 0, data_out_bytes = 0;
  uint64_t rejects = 0, async_messages = 0, pings_sent = 0, pings_answered = 0;
  uint64_t data_digest_errors = 0, discarded_pdus = 0, window_closed = 0;
  uint64_t data_in_sequences_too_long = 0;
};

struct SessionState;  // initiator/session_state.h

class Session {
 public:
  // Bytes that `options` need.
  static size_t MemoryNeeded(const SessionOptions& options);
  static Error Check(const SessionOptions& options);

  // As Connection: memory is the caller's and stays in place, or is allocated once by OnHeap().
  Session(const SessionOptions& options, std::span<std::byte> memory);
  static Session OnHeap(const SessionOptions& options);

  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  ~Session();

  // Takes a connection that has told kLoginDone, with its unread bytes. Refused, and the connection
  // unchanged: not logged in, or the session has a connection already, or it has ended, or the
  // connection's Limits are below the session's (give both the same).
  Error Attach(Connection&& connection, ConnectionId* id);

  // Commands: each is refused by an Error without any effect, or answered by exactly one event.

  // kCallQueueFull: Limits::queue_depth commands are not completed. Legal without a connection:
  // then it waits for one.
  Error Submit(const Command& command, TaskId* task);
  // Ends a command early. Not yet on the wire: completes at once with kAborted, without a gap in
  // CmdSN. Otherwise an ABORT TASK is sent; a kTaskManagementDone with `cookie` comes only in that
  // case, after the task's kCompleted.
  Error Abort(TaskId task, uint64_t cookie);
  // Tasks that the function ends are completed with kAborted when its response arrives
  // (section 4.2.3.3).
  Error TaskManagement(const TaskManagementRequest& request, TaskId* task);
  // At most the peer's MaxRecvDataSegmentLength and Limits::control_bytes; one at a time.
  Error Ping(std::span<const std::byte> data, uint64_t cookie);
  // A text exchange of keys that change nothing (SendTargets, X-...): one at a time. The answer's
  // parts are gathered into `answer` over F=0 and the C bit; kTextReceived tells how much came.
  Error SendText(std::span<const std::byte> request, std::span<std::byte> answer, uint64_t cookie);
  // `target`: "All" (discovery sessions only), a name, or "" for this session's own target
  // (Appendix C).
  Error SendTargets(std::string_view target, std::span<std::byte> answer, uint64_t cookie);
  // Declares a new MaxRecvDataSegmentLength (section 13.12). Answered by kTextReceived.
  Error Renegotiate(uint32_t MaxRecvDataSegmentLength, uint64_t cookie);
  // Ends the connection, or the session with it, in order. Commands not completed are then
  // implicitly terminated (kCompleted with kLoggedOut): drain them first.
  Error Logout(LogoutReason reason);
  // Ends the session without a word: every task completes with kSessionEnded, then kSessionEnded. A
  // connection, if there is one, gets kDisconnect.
  void End();

  // The transport's side: as in Connection, by id; a late call for an older transport is ignored.
  bool Receive(ConnectionId id, const RxSegment& segment, Instant now);
  bool Next(Event* event);
  size_t PollTransmit(ConnectionId id, std::span<TxSlice> out, Instant now);
  void OnSent(ConnectionId id, size_t bytes);
  void OnTransportDone(ConnectionId id, uint64_t stream_offset);
  // The transport is gone; every lease of it that was not given back is void.
  void OnTransportClosed(ConnectionId id, Error reason);
  size_t WantRx(ConnectionId id, std::span<RxWant> out);
  size_t UnconsumedRx(ConnectionId id) const;
  void Resolve(ConnectionId id, uint32_t ticket, digest::Evidence header, digest::Evidence data);
  // A device fills in the digests of PDUs emitted from now on: their slices say kDeviceInserts.
  void SetDeviceInserts(ConnectionId id, bool header_digest, bool data_digest);
  // As of a connection: where records go from now on.
  void SetTracer(ConnectionId id, const PduTracer& tracer);
  // For the driver of a device; empty if the id is not current.
  OffloadChannel offload(ConnectionId id);
  Deadline PollTimeout() const;
  void HandleTimeout(Instant now);

  const text::Parameters& parameters() const;  // of the newest connection
  uint16_t tsih() const;
  // Section 8; kFree without a connection.
  CsmState connection_state() const;
  SsmState state() const;
  bool connected() const;
  size_t outstanding() const;       // commands submitted and not yet completed
  uint32_t command_window() const;  // commands that the target would take: MaxCmdSN - CmdSN + 1
  const SessionCounters& counters() const;
  // Of the connection, its earlier transports not included; nullptr without one.
  const RxCounters* rx_counters() const;
  const TxCounters* tx_counters() const;

 private:
  SessionState* state_ = nullptr;        // in the memory; nullptr after a move
  std::unique_ptr<std::byte[]> memory_;  // OnHeap
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_SESSION_H_
