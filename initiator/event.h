// What the initiator's engine tells its embedder: the events of a Connection (login) and of a
// Session. RFC 7143 sections 11.13 (login), 11.4 (SCSI Response), 11.6, 11.9, 11.11, 11.15, 11.19;
// docs/architecture.md.
//
// Who owns which bytes: an Event owns nothing. Its `data` and `text` point into the engine and are
// valid until the next Next() of the object that gave it, unless the kind says otherwise
// (kTextReceived: the caller's own buffer).
//
//   Event event;
//   while (session.Next(&event)) {
//     switch (event.kind) {
//       case EventKind::kCompleted:
//         Finish(event.cookie, event.outcome, event.status, event.data);
//         break;
//       case EventKind::kDisconnect:
//         CloseTransport(event.connection, event.flush);
//         break;
//       ...
//     }
//   }
#ifndef ISTHMUS_INITIATOR_EVENT_H_
#define ISTHMUS_INITIATOR_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "protocol/connection/segment.h"
#include "protocol/error.h"

namespace isthmus::initiator {

// Names a submitted command or task management function until its event has been pulled. It is the
// task's Initiator Task Tag, so that it can be found in a capture; a command keeps it when it is
// re-issued on a new connection.
struct TaskId {
  uint32_t initiator_task_tag = 0xffffffff;  // 0xffffffff: none
  constexpr bool valid() const { return initiator_task_tag != 0xffffffff; }
  friend constexpr bool operator==(const TaskId&, const TaskId&) = default;
};

enum class EventKind : uint8_t {
  kNone,

  // Of a Connection that logs in:

  // The full feature phase is reached: move the connection into a session. Set: tsih. The
  // negotiated values are in Connection::parameters().
  kLoginDone,
  // The target names another address (section 11.13.5, status class 1). Set: text (TargetAddress as
  // it came), permanent, redirect_hops (this one included; give it to the next attempt's options),
  // status_class, status_detail. A kDisconnect follows.
  kRedirected,
  // Set: login_failure, error, status_class and status_detail (0 and 0 if the target said nothing).
  // A kDisconnect follows, unless the transport is gone already.
  kLoginFailed,

  // Of both:

  // Close the transport, then call OnTransportClosed(). Set: connection, error (Ok: an orderly
  // end), flush (send what PollTransmit() still has before closing).
  kDisconnect,
  // The lent segment is the transport's again. Set: connection, lease.
  kReleaseRx,
  // Digests begin at stream_offset of the receive stream (for devices; else ignore). Set:
  // connection, stream_offset.
  kArmDigests,

  // Of a Session:

  // A submitted command has ended: exactly once each. Neither the engine nor, by
  // OnTransportDone(), a transport touches its buffers any more. Set: task, cookie, outcome, error,
  // response, status, status_qualifier, residuals, data_in_bytes, data (sense data without its
  // length field; empty if none).
  kCompleted,
  // A task management function has been answered or has ended with its connection: exactly once
  // each. Set: task, cookie, outcome, error, function, tmf_response, additional_response (RFC
  // 7144).
  kTaskManagementDone,
  // A text exchange has ended. Set: cookie, outcome, error, data (in the caller's buffer).
  kTextReceived,
  // Ping() was answered with the same bytes, or has ended. Set: cookie, outcome, error.
  kPong,
  // Set: connection, async_event, async_vcode, parameter1..3, lun, data (sense data), async_data
  // (what follows it). The engine itself gives the answer that section 11.9.1 requires; the event
  // informs.
  kAsyncMessage,
  // Set: connection, logout_response, time2wait_s, time2retain_s. A kDisconnect follows.
  kLoggedOut,
  // The transport is gone and the session waits for a new Connection (Session::Attach) until the
  // embedder ends it. Set: connection, error, time2wait_s (wait so long before the next login),
  // time2retain_s. Comes before the kCompleted of the commands whose policy is to report.
  kConnectionLost,
  // Nothing is left: every task has had its event. Set: error.
  kSessionEnded,
};

// How a task ended, from the initiator's point of view.
enum class Outcome : uint8_t {
  kAnswered,     // the target answered: read `response` and `status` (or tmf_response)
  kDigestError,  // data was lost to a digest error (section 7.8); the target's status, if any, does
                 // not count
  kDataError,    // the target broke the rules for this task's data, or sent too little for what it
                 // claims
  kRejected,     // the target rejected the request; reject_reason is set (section 7.3)
  kAborted,  // by Abort() or a task management function, or by the target (TaskReporting=FastAbort)
  kConnectionLost,  // the connection is gone: the command may or may not have been executed
                    // (section 7.2.2)
  kLoggedOut,       // implicitly terminated by a logout (section 11.14.5)
  kSessionEnded,    // the embedder ended the session
  kTooLong,         // text: the answer exceeds the caller's buffer
};

enum class LoginFailure : uint8_t {
  kNone,
  kWrongName,  // status 0x0203, 0x0204: there is no such target
  kRefused,    // status 0x0202, 0x0206 to 0x020b, 0x0200: the target does not want this login
  kAuthenticationFailed,    // status 0x0201, or the target demands a method that is not configured
  kTargetNotAuthenticated,  // mutual CHAP: the target's answer is wrong or missing
  kDigestUnavailable,       // one side demands a digest that the other lacks
  kVersion,                 // status 0x0205
  kTargetUnavailable,       // status class 3: target error, service unavailable, out of resources
  kProtocolError,           // the target broke RFC 7143; `error` says how
  kTooManyRedirects,        // ConnectionOptions::max_redirect_hops
  kDeadline,                // Limits::login_timeout_ms, login_rounds
  kConnectionLost,          // the transport closed before the login was done
};

enum class ResidualKind : uint8_t { kNone, kUnderflow, kOverflow };

// Flat and trivially copyable; each kind documents above which members it sets.
struct Event {
  EventKind kind = EventKind::kNone;
  Outcome outcome = Outcome::kAnswered;
  LoginFailure login_failure = LoginFailure::kNone;
  uint8_t response = 0;  // iSCSI response of a SCSI Response: 0 command completed, 1 target failure
  uint8_t status = 0;    // SCSI status, valid if outcome is kAnswered and response is 0
  uint8_t reject_reason = 0;    // section 11.17.1, if outcome is kRejected
  uint8_t function = 0;         // of a task management request (section 11.5.1)
  uint8_t tmf_response = 0;     // section 11.6.1
  uint8_t logout_response = 0;  // section 11.15.1
  uint8_t async_event = 0;      // section 11.9.1
  uint8_t async_vcode = 0;
  uint8_t status_class = 0, status_detail = 0;  // section 11.13.5
  uint8_t redirect_hops = 0;
  bool permanent = false;
  bool flush = false;
  // Of the command, its write part if bidirectional; and of the read part of one.
  ResidualKind residual_kind = ResidualKind::kNone;
  ResidualKind read_residual_kind = ResidualKind::kNone;
  uint16_t tsih = 0;
  uint16_t parameter1 = 0, parameter2 = 0, parameter3 = 0;  // section 11.9
  uint16_t time2wait_s = 0, time2retain_s = 0;
  uint16_t status_qualifier = 0;     // RFC 7144; 0 below iSCSIProtocolLevel 2
  uint32_t additional_response = 0;  // RFC 7144: 24 bits of a Task Management Function Response
  uint32_t residual_count = 0, read_residual_count = 0;  // bytes
  uint32_t data_in_bytes = 0;                            // received into the command's destination
  ConnectionId connection;
  TaskId task;
  RxLease lease;
  uint64_t cookie = 0;  // the caller's, from the request
  uint64_t stream_offset = 0;
  std::array<std::byte, 8> lun = {};  // as on the wire: a SAM LUN
  std::span<const std::byte> data;
  std::span<const std::byte> async_data;
  std::string_view text;
  Error error = Error::Ok();
};
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_EVENT_H_
