// What a target's engine tells its embedder, one struct for the connection that logs in and for the
// session. RFC 7143 sections 6.3 (login), 11.3 to 11.6 (commands, data, task management), 11.10
// (text), 11.14 (logout).
//
// Who owns which bytes: an Event is a small copy; the strings and spans in it are the engine's, and
// stay until the next call that takes the engine, unless the kind's line says longer. Spans never
// cover unverified bytes.
//
//   target::Event event;
//   while (session.Next(&event)) {
//     switch (event.kind) {
//       case EventKind::kCommand: ...
//       default: ...
//     }
//   }
#ifndef ISTHMUS_TARGET_EVENT_H_
#define ISTHMUS_TARGET_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/connection/segment.h"
#include "protocol/error.h"

namespace isthmus::target {

// A SCSI task of one session. Never reused with the same generation while anyone may still hold it;
// {0, 0} names none.
struct TaskId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend constexpr bool operator==(const TaskId&, const TaskId&) = default;
};

// Something else that waits for an answer: a task management function, SendTargets.
struct RequestId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend constexpr bool operator==(const RequestId&, const RequestId&) = default;
};

enum class EventKind : uint8_t {
  kNone,

  // ---- Connection (until it is attached to a session).
  kLookup,     // who asks for what: initiator_name, target_name (empty in a discovery session that
               // names none), discovery, isid, tsih, cid. Without effect. Answer: AnswerLookup.
  kClaim,      // authenticated: the same fields, user_name if CHAP was used. Reinstate, create or
               // refuse. Answer, at any later time: AnswerClaim.
  kLoginDone,  // the final response is queued and goes out with the session's first bytes. Move the
               // connection into a session (Session::Attach) before anything else is called on it.

  // ---- Session: SCSI tasks.
  kBegin,    // task, and the fields of kCommand. A verified header of a command whose unsolicited
             // data is to come; the command itself may yet turn out bad or stay behind a hole.
             // length: bytes that the first window must hold at least. Answer: AcceptData(task, 0,
             // window) or Refuse. Not answering is back-pressure on the connection.
  kCommand,  // task, lun, cdb, attribute, priority, read, write, immediate,
             // expected_data_transfer_length, bidi_read_length. Committed, in CmdSN order. cdb
             // stays valid until kTaskReleased.
  kDataReceived,  // task, offset, length: the window given by AcceptData is complete and verified.
  kTaskAborted,   // task: stop working on it and call Release(task). Also for a kBegin that is
                  // discarded.
  kTaskReleased,  // task: exactly once for each task of a kBegin or kCommand; the engine holds no
                  // pointer of the caller's any more.
  kSourceReleased,  // task, offset, length: the bytes given by SendData with `notify` are the
                    // caller's again.

  // ---- Session: everything else.
  kTaskManagement,  // request, function, lun, and task if the function names one that exists. Own
                    // tasks that it affects were told kTaskAborted before. Answer, when other
                    // sessions' tasks are gone: AnswerTaskManagement.
  kScopeAborted,    // cookie: all that AbortTasks(scope, cookie) meant is released.
  kSendTargets,     // request, send_targets_all, target_name (a named one; the session's own if it
                    // asked for that). Answer: AnswerText.
  kTextReleased,    // request: the span given to AnswerText is the caller's again.
  kLoggedOut,       // connection: the peer logged out; the response is queued. kDisconnect follows.

  // ---- Both.
  kReleaseRx,   // connection, lease: the received bytes lent under it are the transport's again.
  kArmDigests,  // connection, stream_offset: digests begin there in the receive stream (for
                // devices; else ignore).
  kDisconnect,  // connection, error, flush. Send what PollTransmit still gives if flush, then close
                // the transport and call OnTransportClosed. Nothing more is parsed.
  kSessionEnded,  // no connection, no task is left; destroy the session.
};

// Task attributes, section 11.3.1.
enum class TaskAttribute : uint8_t {
  kUntagged = 0,
  kSimple = 1,
  kOrdered = 2,
  kHeadOfQueue = 3,
  kAca = 4
};

struct Event {
  EventKind kind = EventKind::kNone;

  // Bits of several kinds.
  bool discovery = false;         // kLookup, kClaim: SessionType=Discovery
  bool flush = false;             // kDisconnect: there is output worth sending first
  bool read = false;              // the R bit
  bool write = false;             // the W bit
  bool immediate = false;         // delivered outside the CmdSN order (I bit)
  bool send_targets_all = false;  // kSendTargets
  TaskAttribute attribute = TaskAttribute::kUntagged;
  uint8_t priority = 0;  // 0..15, RFC 7144; 0 below iSCSIProtocolLevel 2
  uint8_t function = 0;  // kTaskManagement: the function of section 11.5.1, and of RFC 7144

  ConnectionId connection;
  TaskId task;
  RequestId request;

  std::array<std::byte, 8> lun = {};  // as on the wire: a SAM LUN
  std::span<const std::byte> cdb;     // 16 bytes, or as many as the extended CDB has
  // Bytes: of the write direction if `write`, else of the read direction.
  uint32_t expected_data_transfer_length = 0;
  uint32_t bidi_read_length = 0;  // bytes to read of a command with both R and W (section 11.2.2.4)
  uint32_t offset = 0;            // bytes, in the task's data
  uint32_t length = 0;            // bytes

  uint64_t cookie = 0;         // kScopeAborted: the caller's own
  uint64_t stream_offset = 0;  // kArmDigests
  RxLease lease;               // kReleaseRx

  std::array<std::byte, 6> isid = {};  // kLookup, kClaim
  uint16_t tsih = 0;                   // 0: a new session is asked for
  uint16_t cid = 0;
  std::string_view initiator_name;
  std::string_view target_name;
  std::string_view user_name;  // kClaim: CHAP_N that was proven

  Error error = Error::Ok();  // kDisconnect: why; Ok: a logout
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_EVENT_H_
