// What can go wrong, and what follows: one code a violation, one table (error_table.inc). RFC 7143
// sections 7, 11.17.
//
// An Error is a value of 12 bytes: no strings, no allocation, nothing owned. What the wire then
// says (reject reason, status and sense, login status, response code) stands in the code's row.
//
//   Error error = MakeError(ErrorCode::kDataDigest, Role::kTarget, PduClass::kData, level);
//   if (error.Has(Action::kReject)) SendReject(InfoOf(error.code).reject_reason, bad_header);
//   if (error.Has(Action::kFailTask)) FailTask(InfoOf(error.code).outcome);
//   if (error.EndsConnection()) ...
#ifndef ISTHMUS_PROTOCOL_ERROR_H_
#define ISTHMUS_PROTOCOL_ERROR_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus {

// The side that detects the violation.
enum class Role : uint8_t { kTarget, kInitiator };

// Whose doing it is: the peer's software, the embedder's call, or the way between (corruption,
// loss, time).
enum class Blame : uint8_t { kNone, kPeer, kCaller, kWire };

// The PDU in which, or for which, the violation was seen. Consequences differ by class
// (section 7.8).
enum class PduClass : uint8_t {
  kNone,            // no PDU: transport, time, caller
  kLogin,           // Login Request, Login Response, and whatever comes in their place
  kCommand,         // SCSI Command
  kTaskManagement,  // Task Management Function Request
  kText,            // Text Request, Text Response
  kLogout,          // Logout Request
  kNop,             // NOP-Out, NOP-In
  kSnack,           // SNACK Request
  kData,            // SCSI Data-Out, SCSI Data-In
  kR2t,             // R2T
  kResponse,        // SCSI Response, Task Management Function Response, Logout Response
  kUnsolicited,     // Asynchronous Message, Reject
};
inline constexpr int kPduClasses = 12;

// What is to be done. An error carries a set of these; where several are set, all are done, in this
// order.
enum class Action : uint16_t {
  kIgnore = 1 << 0,    // nothing follows, the PDU (or the field) is counted and forgotten
  kDiscard = 1 << 1,   // the PDU has no effect
  kRecover = 1 << 2,   // ask for what is missing: recovery R2T (target), SNACK (initiator)
  kReject = 1 << 3,    // target: send Reject with reject_reason
  kFailTask = 1 << 4,  // target: SCSI Response with outcome, after the last expected F bit
                       // (section 11.4.2); initiator: abort the task and complete it with outcome
  kAnswer = 1 << 5,    // target: the regular response PDU with response code `answer`
  kRefuseNegotiation = 1 << 6,  // the negotiation ends, old values stay (section 7.12)
  kRefuseLogin = 1 << 7,        // target: Login Response with login_status
  kLogout = 1 << 8,             // initiator: log the connection out (section 7.8)
  kDropConnection = 1 << 9,     // close the transport connection
  kDropSession = 1 << 10,       // close all transport connections of the session (section 7.7)
  kRefuseCall = 1 << 11,        // the embedder's call is refused and changes nothing
};

// How a task ends that the engine fails: SCSI status and, with CHECK CONDITION, sense
// (section 11.4.7.2).
struct TaskOutcome {
  uint8_t status = 0;  // SCSI status; 0: this code never fails a task
  uint8_t sense_key = 0;
  uint8_t asc = 0;
  uint8_t ascq = 0;
};

// Codes are stable: a number is never given to another violation.
enum class ErrorCode : uint16_t {
  kOk = 0,
#define ISTHMUS_ERROR(number, name, policy, blame, section, reject, outcome, login, answer, text) \
  k##name = number,
#include "protocol/error_table.inc"
#undef ISTHMUS_ERROR
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kOk;
  Blame blame = Blame::kNone;
  uint16_t actions = 0;  // set of Action
  // A number that the code's text explains: the offending value, a length, a byte offset.
  uint32_t detail = 0;

  static constexpr Error Ok() { return Error{}; }
  constexpr bool ok() const { return code == ErrorCode::kOk; }
  constexpr bool Has(Action action) const { return (actions & static_cast<uint16_t>(action)) != 0; }
  constexpr bool EndsConnection() const {
    return Has(Action::kDropConnection) || Has(Action::kDropSession);
  }
  friend constexpr bool operator==(const Error&, const Error&) = default;
};

// A violation without its consequences: what code returns that knows neither role nor session.
//
//   if (Violation violation = wire::ParseAhs(...); !violation.ok()) {
//     return MakeError(violation, role, pdu_class, error_recovery_level);
//   }
struct [[nodiscard]] Violation {
  ErrorCode code = ErrorCode::kOk;
  uint32_t detail = 0;

  static constexpr Violation None() { return Violation{}; }
  constexpr bool ok() const { return code == ErrorCode::kOk; }
  friend constexpr bool operator==(const Violation&, const Violation&) = default;
};

// A row of the table. All strings are static.
struct ErrorInfo {
  ErrorCode code;
  const char* name;     // the enumerator without its k
  const char* section;  // of RFC 7143
  Blame blame;
  const char* policy;     // which rule below decides the actions
  uint8_t reject_reason;  // section 11.17.1; 0: never rejects
  TaskOutcome outcome;
  // Status-Class << 8 | Status-Detail, section 11.13.5; 0: never refuses a login.
  uint16_t login_status;
  uint8_t answer;  // response code of the regular response PDU (sections 11.6.1, 11.15.1); 0: none
  const char* text;  // one line for people; says what `detail` holds
};

// The error with the actions that the table gives for this role, PDU class and operational
// ErrorRecoveryLevel (0 to 2).
Error MakeError(ErrorCode code, Role role, PduClass pdu_class, int error_recovery_level,
                uint32_t detail = 0);

inline Error MakeError(const Violation& violation, Role role, PduClass pdu_class,
                       int error_recovery_level) {
  return MakeError(violation.code, role, pdu_class, error_recovery_level, violation.detail);
}

// The refusal of a call: blame caller, nothing changes.
Error CallerError(ErrorCode code, uint32_t detail = 0);

// The code's row; kOk and numbers outside the table give a row named "Ok" or "Unknown".
const ErrorInfo& InfoOf(ErrorCode code);

// All rows, in the order of their numbers.
std::span<const ErrorInfo> AllErrors();

const char* Name(ErrorCode code);      // "DataDigest"
const char* Describe(ErrorCode code);  // "payload digest does not match"
const char* Name(Blame blame);
const char* Name(Role role);
const char* Name(PduClass pdu_class);
const char* Name(Action action);

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_ERROR_H_
