// A target's session: command numbering, tasks and their data, task management, text, logout. RFC
// 7143 sections 4.2.2 (numbering), 4.2.3 (task management), 4.2.5 and 10.2 (data transfer), 7
// (errors), 11 (PDUs).
//
// Contract: after every input, command or answer, drain Next(), then PollTransmit() of each
// connection that has something, then read PollTimeout(). One session is driven from one thread at
// a time.
//
//   target::Session session = target::Session::OnHeap(options);     // when kLoginDone came
//   ConnectionId id;
//   if (Error e = session.Attach(std::move(connection), &id); !e.ok()) ...
//   while (session.Next(&event)) switch (event.kind) { ... }
//
//   A read:
//     kCommand{task}        -> SendData(task, 0, bytes, {}); Complete(task, {});
//     kTaskReleased{task}
//     Both at once, and the status rides on the last Data-In PDU (section 11.7.3). A huge one goes
//     window by window: SendData(.., {.notify = true}), kSourceReleased -> SendData(next) ...
//   A write:
//     kBegin{task, length}  -> AcceptData(task, 0, window);   // only if unsolicited data comes
//     kCommand{task}        -> AcceptData(task, 0, window);   // if not given yet
//     kDataReceived{task, offset, length}
//                           -> AcceptData(task, offset + length, next_window);
//                              or, after the last one, Complete(task, {});
//   An abort:
//     kTaskAborted{task}    -> stop; Release(task);         // Complete() then counts as Release()
//     kTaskReleased{task}
//
// Who owns which bytes: windows of AcceptData and sources of SendData are the caller's; the engine
// reads and writes them until kDataReceived (window), kSourceReleased with `notify` (source), or
// kTaskReleased (both) comes. A window's contents are undefined until kDataReceived. Sense data is
// copied. The memory given at creation stays until the session is destroyed.
#ifndef ISTHMUS_TARGET_SESSION_H_
#define ISTHMUS_TARGET_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "digest/verdict.h"
#include "protocol/connection/offload_channel.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/states.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"
#include "target/connection.h"
#include "target/event.h"
#include "target/limits.h"

namespace isthmus::target {

struct SessionState;  // target/session_state.h

struct SessionOptions {
  Limits limits;
};

struct SendOptions {
  // Others may write the source meanwhile: copied and digested at emission, in PDUs of at most half of
  // Limits::staging_bytes. kCallArgument: those are less than 4096.
  bool unstable = false;
  bool notify = false;  // kSourceReleased when nobody reads the source any more
};

// How a task ends, section 11.4.
struct Completion {
  // Stands for "what moved": bytes given to SendData, or received through AcceptData.
  static constexpr uint64_t kWhatMoved = ~uint64_t{0};

  uint8_t status = 0;             // SCSI status, section 11.4.2
  uint8_t response = 0;           // 0: completed at target; 1: target failure (section 11.4.3)
  uint16_t status_qualifier = 0;  // RFC 7144; sent at iSCSIProtocolLevel 2 only
  // Without its length prefix; at most Limits::sense_bytes; copied.
  std::span<const std::byte> sense = {};
  // Bytes that the command's own length asked for, where that is not what moved. More than the
  // expected data transfer length: residual overflow; less: underflow (section 11.4.5).
  // Of the write direction if the command writes, else of the read direction.
  uint64_t transfer_length = kWhatMoved;
  uint64_t bidi_transfer_length = kWhatMoved;  // read direction of a bidirectional command
};

// Which tasks of this session.
struct AbortScope {
  bool all_luns = true;
  std::array<std::byte, 8> lun = {};  // of these only, if not all_luns
  // TAS=1 of the Control mode page (SPC-4): each task ends with status TASK ABORTED, when the data
  // that is still on its way has come. Not in a session with TaskReporting=FastAbort, where an
  // Asynchronous Message tells the same (section 4.2.3.4). Either way kScopeAborted does not wait
  // for the initiator.
  bool task_aborted_status = false;
};

// Responses of section 11.6.1 (7: RFC 7144), given as numbers to AnswerTaskManagement.
struct TaskManagementAnswer {
  uint8_t response = 0;
  uint32_t additional_response_information = 0;  // 24 bits; RFC 7144
};

// Asynchronous Message, section 11.9.
struct AsyncMessage {
  // 0 SCSI, 1 logout, 2 connection dropped, 3 session dropped, 4 negotiate, 5 task termination,
  // 248 to 255 vendor.
  uint8_t event = 0;
  uint8_t vcode = 0;
  uint16_t parameter1 = 0, parameter2 = 0, parameter3 = 0;
  std::array<std::byte, 8> lun = {};
  std::span<const std::byte> sense = {};  // event 0; at most Limits::sense_bytes; copied
};

struct SessionCounters {
  uint64_t commands = 0, data_out_pdus = 0, data_in_pdus = 0, r2ts = 0, rejects = 0, pings = 0,
           ignored = 0;
  uint64_t read_bytes = 0, write_bytes = 0;  // moved for tasks
};

class Session {
 public:
  // Bytes that a session takes from the caller, its connections' apart.
  static size_t MemoryNeeded(const SessionOptions& options);
  Session(const SessionOptions& options, std::span<std::byte> memory);
  static Session OnHeap(const SessionOptions& options);

  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  // Returns nothing to anyone: drain to kSessionEnded first, or own all windows and sources
  // outright.
  ~Session();

  // ---- Engine: the transport's side.

  // Takes over a connection that said kLoginDone; the first one's parameters, names and TSIH become
  // the session's. Refused: login not done, no row is free, another session's TSIH.
  [[nodiscard]] Error Attach(Connection&& connection, ConnectionId* id);
  // The transport is gone, for whatever reason. Tasks of the connection are aborted (section 7.6).
  void OnTransportClosed(ConnectionId id, Error reason);

  // False, and nothing taken: drain Next() first, or nothing is read from this connection any more.
  bool Receive(ConnectionId id, const RxSegment& segment, Instant now);
  bool Next(Event* event);
  size_t WantRx(ConnectionId id, std::span<RxWant> out);
  // Above 0 while received bytes, or a PDU whose header has been taken, wait for room: drain Next() again after a send.
  size_t UnconsumedRx(ConnectionId id) const;
  // The same answer until OnSent(). 0: nothing to send.
  size_t PollTransmit(ConnectionId id, std::span<TxSlice> out, Instant now);
  void OnSent(ConnectionId id, size_t bytes);
  // The transport reads nothing below this offset of the transmit stream any more.
  void OnTransportDone(ConnectionId id, uint64_t stream_offset);
  // A device's late verdict.
  void Resolve(ConnectionId id, uint32_t ticket, digest::Evidence header, digest::Evidence data);
  // A device fills in the digests of PDUs emitted from now on: their slices say kDeviceInserts.
  void SetDeviceInserts(ConnectionId id, bool header_digest, bool data_digest);
  // As of a connection: where records go from now on.
  void SetTracer(ConnectionId id, const PduTracer& tracer);
  // For the driver of a device; empty if the id is not current.
  OffloadChannel offload(ConnectionId id);
  Deadline PollTimeout() const;
  void HandleTimeout(Instant now);

  // ---- Commands: the device server's side. Errors are the caller's misuse and change nothing: an
  // unknown or released task, a range that overlaps or exceeds the task's data, a full queue. For a
  // task that was aborted they do nothing and return Ok.

  // Lends the window [offset, offset + window.size()) of the task's write data. Windows follow one
  // another without gaps; the next may be given after kDataReceived of the last. The engine puts
  // there what came unsolicited and asks for the rest by R2T. `device_tag`: the topmost Limits::device_tag_bits of their
  // Target Transfer Tags, under which a device knows the window.
  [[nodiscard]] Error AcceptData(TaskId task, uint32_t offset, std::span<std::byte> window,
                                 uint32_t device_tag = 0);
  // Answers kBegin: the command is to fail with this SCSI status (BUSY 0x08, TASK SET FULL 0x28);
  // no kCommand comes for it.
  [[nodiscard]] Error Refuse(TaskId task, uint8_t status);
  // Lends the next bytes of the task's read data. `offset` continues the last SendData. What lies
  // beyond the expected length is not sent, and counted as overflow.
  [[nodiscard]] Error SendData(TaskId task, uint32_t offset, std::span<const std::byte> source,
                               SendOptions options);
  // Ends the task, after all data given to SendData has left. Exactly once.
  [[nodiscard]] Error Complete(TaskId task, const Completion& completion);
  // Answers kTaskAborted: nothing of the caller works on the task any more.
  [[nodiscard]] Error Release(TaskId task);

  // Aborts this session's tasks because of what another session's task management did
  // (sections 4.2.3.3, 4.2.3.4). kScopeAborted{cookie} when all of them are released.
  [[nodiscard]] Error AbortTasks(const AbortScope& scope, uint64_t cookie);
  [[nodiscard]] Error AnswerTaskManagement(RequestId request, const TaskManagementAnswer& answer);
  // Answers kSendTargets with pairs as text::SendTargetsWriter writes them. The engine pages it
  // (F=0 and a TTT). Borrowed until kTextReleased. Empty: no such target.
  [[nodiscard]] Error AnswerText(RequestId request, std::span<const std::byte> text);

  // Asks the initiator to log out within `timeout_s`; then the connection is dropped
  // (section 11.9.1, event 1). Not while a logout is in progress.
  [[nodiscard]] Error RequestLogout(ConnectionId id, uint16_t timeout_s);
  // Event 1 is RequestLogout(Parameter3); event 2 with this connection's CID as Parameter1, and
  // event 3, are followed by the kDisconnect that they announce.
  [[nodiscard]] Error SendAsync(ConnectionId id, const AsyncMessage& message);
  // Sends a NOP-In that wants an answer (section 11.19). Keepalive does so by itself.
  [[nodiscard]] Error Ping(ConnectionId id);
  // Ends the session without ceremony: kDisconnect for each connection, kTaskAborted for each task.
  void Drop(Error reason);

  // ---- What it is.
  const text::SessionParameters& parameters() const;
  std::string_view initiator_name() const;
  std::string_view target_name() const;
  std::span<const std::byte, 6> isid() const;
  uint16_t tsih() const;
  // Section 8; kFree for a connection that is no part of the session (any more).
  CsmState connection_state(ConnectionId id) const;
  SsmState state() const;
  uint32_t exp_cmd_sn() const;
  uint32_t max_cmd_sn() const;
  const SessionCounters& counters() const;
  bool Has(ConnectionId id) const;  // a connection whose transport was not yet told closed
  // Of a connection that it has.
  const RxCounters& rx_counters(ConnectionId id) const;
  const TxCounters& tx_counters(ConnectionId id) const;

 private:
  SessionState* state_ = nullptr;        // in memory_ or the caller's
  std::unique_ptr<std::byte[]> memory_;  // OnHeap
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_SESSION_H_
