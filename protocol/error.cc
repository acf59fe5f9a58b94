#include "protocol/error.h"

#include <array>

namespace isthmus {
namespace {

enum class Policy : uint8_t {
  kIgnore,
  kDiscard,
  kConnection,
  kSession,
  kFormat,
  kUnknownOpcode,
  kProtocol,
  kDataDigest,
  kGap,
  kStatusGap,
  kTaskError,
  kSnackRefused,
  kBusy,
  kNegotiation,
  kNegotiationAnswer,
  kNegotiationReset,
  kNegotiationTimeout,
  kLogin,
  kAnswer,
  kCaller,
};

constexpr const char* kPolicyNames[] = {
    "Ignore",
    "Discard",
    "Connection",
    "Session",
    "Format",
    "UnknownOpcode",
    "Protocol",
    "DataDigest",
    "Gap",
    "StatusGap",
    "TaskError",
    "SnackRefused",
    "Busy",
    "Negotiation",
    "NegotiationAnswer",
    "NegotiationReset",
    "NegotiationTimeout",
    "Login",
    "Answer",
    "Caller",
};
static_assert(std::size(kPolicyNames) == static_cast<size_t>(Policy::kCaller) + 1);

constexpr uint16_t operator|(Action a, Action b) {
  return static_cast<uint16_t>(static_cast<uint16_t>(a) | static_cast<uint16_t>(b));
}
constexpr uint16_t operator|(uint16_t a, Action b) {
  return static_cast<uint16_t>(a | static_cast<uint16_t>(b));
}
constexpr uint16_t Only(Action a) { return static_cast<uint16_t>(a); }

constexpr uint8_t kT = 1;  // target
constexpr uint8_t kI = 2;  // initiator
constexpr uint8_t kBoth = kT | kI;

constexpr uint16_t Of(PduClass c) { return static_cast<uint16_t>(1u << static_cast<int>(c)); }
constexpr uint16_t kAll = (1u << kPduClasses) - 1;
constexpr uint16_t kLoginPhase = Of(PduClass::kLogin);
constexpr uint16_t kTransfer = Of(PduClass::kData) | Of(PduClass::kR2t);

// The first rule that fits decides; level is the lowest ErrorRecoveryLevel it holds for.
struct Rule {
  Policy policy;
  uint8_t roles;
  uint16_t classes;
  uint8_t level;
  uint16_t actions;
};

using enum Action;

// clang-format off
constexpr Rule kRules[] = {
    {Policy::kIgnore,             kBoth, kAll,        0, Only(kIgnore)},
    {Policy::kDiscard,            kBoth, kAll,        0, Only(kDiscard)},
    {Policy::kConnection,         kBoth, kAll,        0, Only(kDropConnection)},
    // A connection that has not logged in has no session to drop, and must not harm a live one
    // (section 6.3.5).
    {Policy::kSession,            kBoth, kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kSession,            kBoth, kAll,        0, Only(kDropSession)},
    // Section 7.7; and all PDU construction errors that an initiator detects are format errors.
    {Policy::kFormat,             kT,    kLoginPhase, 0, kRefuseLogin | kDropConnection},
    {Policy::kFormat,             kI,    kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kFormat,             kBoth, kAll,        0, Only(kDropSession)},
    // Section 7.7 exempts the opcode; only a target can Reject (section 11.17).
    {Policy::kUnknownOpcode,      kT,    kLoginPhase, 0, kRefuseLogin | kDropConnection},
    {Policy::kUnknownOpcode,      kI,    kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kUnknownOpcode,      kT,    kAll,        0, kDiscard | kReject},
    {Policy::kUnknownOpcode,      kI,    kAll,        0, Only(kDropSession)},
    // Sections 7.3, 7.13, 7.15.
    {Policy::kProtocol,           kT,    kLoginPhase, 0, kRefuseLogin | kDropConnection},
    {Policy::kProtocol,           kI,    kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kProtocol,           kT,    kAll,        0, kDiscard | kReject},
    {Policy::kProtocol,           kI,    kAll,        0, Only(kDropSession)},
    // Section 7.8. A rejected command's CmdSN was not received; a Data-Out is asked for again or
    // its task fails.
    {Policy::kDataDigest,         kBoth, kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kDataDigest,         kT,    kTransfer,   1, kDiscard | kRecover | kReject},
    {Policy::kDataDigest,         kT,    kTransfer,   0, kDiscard | kReject | kFailTask},
    {Policy::kDataDigest,         kT,    kAll,        0, kDiscard | kReject},
    {Policy::kDataDigest,         kI,    kAll,        1, kDiscard | kRecover},
    {Policy::kDataDigest,         kI,    kTransfer,   0, kDiscard | kFailTask},
    {Policy::kDataDigest,         kI,    kAll,        0, kDiscard | kLogout},
    // Section 7.9: treated as the digest error that must have hit what is missing.
    {Policy::kGap,                kBoth, kAll,        1, Only(kRecover)},
    {Policy::kGap,                kBoth, kAll,        0, Only(kFailTask)},
    {Policy::kStatusGap,          kI,    kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kStatusGap,          kI,    kAll,        1, Only(kRecover)},
    {Policy::kStatusGap,          kI,    kAll,        0, Only(kLogout)},
    {Policy::kStatusGap,          kT,    kAll,        0, Only(kDropConnection)},
    {Policy::kTaskError,          kBoth, kAll,        0, Only(kFailTask)},
    {Policy::kSnackRefused,       kT,    kAll,        0, kDiscard | kReject | kFailTask},
    {Policy::kSnackRefused,       kI,    kAll,        0, Only(kFailTask)},
    {Policy::kBusy,               kBoth, kAll,        0, Only(kFailTask)},
    // Section 7.12.
    {Policy::kNegotiation,        kT,    kLoginPhase, 0, kRefuseLogin | kDropConnection},
    {Policy::kNegotiation,        kI,    kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kNegotiation,        kT,    kAll,        0, kReject | kRefuseNegotiation},
    {Policy::kNegotiation,        kI,    kAll,        0, Only(kRefuseNegotiation)},
    {Policy::kNegotiationAnswer,  kBoth, kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kNegotiationAnswer,  kBoth, kAll,        0, Only(kRefuseNegotiation)},
    {Policy::kNegotiationReset,   kBoth, kAll,        0, kRefuseNegotiation | kDropConnection},
    {Policy::kNegotiationTimeout, kBoth, kLoginPhase, 0, Only(kDropConnection)},
    {Policy::kNegotiationTimeout, kBoth, kAll,        0, Only(kRefuseNegotiation)},
    // Section 11.13.5: both sides close the connection after a refusal.
    {Policy::kLogin,              kT,    kAll,        0, kRefuseLogin | kDropConnection},
    {Policy::kLogin,              kI,    kAll,        0, Only(kDropConnection)},
    {Policy::kAnswer,             kT,    kAll,        0, Only(kAnswer)},
    {Policy::kAnswer,             kI,    kAll,        0, Only(kIgnore)},
    {Policy::kCaller,             kBoth, kAll,        0, Only(kRefuseCall)},
};

// How a task ends: status, sense key, ASC, ASCQ. The first four are the table of section 11.4.7.2.
constexpr TaskOutcome kUnexpectedUnsolicitedData = {0x02, 0x0b, 0x0c, 0x0c};
constexpr TaskOutcome kIncorrectAmountOfData     = {0x02, 0x0b, 0x0c, 0x0d};
constexpr TaskOutcome kProtocolServiceCrcError   = {0x02, 0x0b, 0x47, 0x05};
constexpr TaskOutcome kSnackRejected             = {0x02, 0x0b, 0x11, 0x13};
constexpr TaskOutcome kLunNotSupported           = {0x02, 0x05, 0x25, 0x00};
constexpr TaskOutcome kInvalidField              = {0x02, 0x05, 0x24, 0x00};
constexpr TaskOutcome kTargetFailure             = {0x02, 0x04, 0x44, 0x00};
constexpr TaskOutcome kAborted                   = {0x02, 0x0b, 0x00, 0x00};
constexpr TaskOutcome kBusy                      = {0x08, 0, 0, 0};
constexpr TaskOutcome kTaskSetFull               = {0x28, 0, 0, 0};
constexpr TaskOutcome kNone                      = {};

constexpr ErrorInfo kTable[] = {
#define ISTHMUS_ERROR(number, name, policy, blame, section, reject, outcome, login, answer, text) \
  {ErrorCode::k##name, #name, section, Blame::k##blame, \
   kPolicyNames[static_cast<int>(Policy::k##policy)], reject, k##outcome, login, answer, text},
#include "protocol/error_table.inc"
#undef ISTHMUS_ERROR
};

constexpr Policy kPolicies[] = {
#define ISTHMUS_ERROR(number, name, policy, blame, section, reject, outcome, login, answer, text) \
  Policy::k##policy,
#include "protocol/error_table.inc"
#undef ISTHMUS_ERROR
};
// clang-format on

constexpr ErrorInfo kOkInfo = {ErrorCode::kOk, "Ok", "11", Blame::kNone, "Ignore", 0, {}, 0, 0,
                               "no error"};
constexpr ErrorInfo kUnknownInfo = {
    ErrorCode::kOk,           "Unknown", "11", Blame::kNone, "Ignore", 0, {}, 0, 0,
    "not a code of the table"};

constexpr bool NumbersAscend() {
  for (size_t i = 1; i < std::size(kTable); ++i) {
    if (kTable[i - 1].code >= kTable[i].code) return false;
  }
  return true;
}
static_assert(NumbersAscend(), "rows stand in the order of their numbers, each number once");

constexpr size_t kNoRow = std::size(kTable);

constexpr size_t RowOf(ErrorCode code) {
  size_t low = 0;
  size_t high = std::size(kTable);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (kTable[middle].code < code) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < std::size(kTable) && kTable[low].code == code ? low : kNoRow;
}

constexpr uint16_t ActionsOf(Policy policy, Role role, PduClass pdu_class, int level) {
  const uint8_t side = role == Role::kTarget ? kT : kI;
  for (const Rule& rule : kRules) {
    if (rule.policy == policy && (rule.roles & side) != 0 && (rule.classes & Of(pdu_class)) != 0 &&
        level >= rule.level) {
      return rule.actions;
    }
  }
  return 0;
}

constexpr bool EveryPolicyDecides() {
  for (int policy = 0; policy <= static_cast<int>(Policy::kCaller); ++policy) {
    for (int pdu_class = 0; pdu_class < kPduClasses; ++pdu_class) {
      for (Role role : {Role::kTarget, Role::kInitiator}) {
        if (ActionsOf(static_cast<Policy>(policy), role, static_cast<PduClass>(pdu_class), 0) ==
            0) {
          return false;
        }
      }
    }
  }
  return true;
}
static_assert(EveryPolicyDecides());

}  // namespace

Error MakeError(ErrorCode code, Role role, PduClass pdu_class, int error_recovery_level,
                uint32_t detail) {
  const size_t row = RowOf(code);
  if (row == kNoRow) return Error{code, Blame::kNone, Only(kDropConnection), detail};
  uint16_t actions = ActionsOf(kPolicies[row], role, pdu_class, error_recovery_level);
  // A violation that has no login status of its own ends a login by closing the connection alone.
  if (kTable[row].login_status == 0) {
    actions = static_cast<uint16_t>(actions & ~Only(kRefuseLogin));
  }
  return Error{code, kTable[row].blame, actions, detail};
}

Error CallerError(ErrorCode code, uint32_t detail) {
  return Error{code, Blame::kCaller, Only(kRefuseCall), detail};
}

const ErrorInfo& InfoOf(ErrorCode code) {
  if (code == ErrorCode::kOk) return kOkInfo;
  const size_t row = RowOf(code);
  return row == kNoRow ? kUnknownInfo : kTable[row];
}

std::span<const ErrorInfo> AllErrors() { return kTable; }

const char* Name(ErrorCode code) { return InfoOf(code).name; }
const char* Describe(ErrorCode code) { return InfoOf(code).text; }

const char* Name(Blame blame) {
  switch (blame) {
    case Blame::kNone:
      return "none";
    case Blame::kPeer:
      return "peer";
    case Blame::kCaller:
      return "caller";
    case Blame::kWire:
      return "wire";
  }
  return "unknown";
}

const char* Name(Role role) { return role == Role::kTarget ? "target" : "initiator"; }

const char* Name(PduClass pdu_class) {
  switch (pdu_class) {
    case PduClass::kNone:
      return "none";
    case PduClass::kLogin:
      return "login";
    case PduClass::kCommand:
      return "command";
    case PduClass::kTaskManagement:
      return "task management";
    case PduClass::kText:
      return "text";
    case PduClass::kLogout:
      return "logout";
    case PduClass::kNop:
      return "NOP";
    case PduClass::kSnack:
      return "SNACK";
    case PduClass::kData:
      return "data";
    case PduClass::kR2t:
      return "R2T";
    case PduClass::kResponse:
      return "response";
    case PduClass::kUnsolicited:
      return "unsolicited";
  }
  return "unknown";
}

const char* Name(Action action) {
  switch (action) {
    case kIgnore:
      return "ignore";
    case kDiscard:
      return "discard";
    case kRecover:
      return "recover";
    case kReject:
      return "reject";
    case kFailTask:
      return "fail task";
    case kAnswer:
      return "answer";
    case kRefuseNegotiation:
      return "refuse negotiation";
    case kRefuseLogin:
      return "refuse login";
    case kLogout:
      return "log out";
    case kDropConnection:
      return "drop connection";
    case kDropSession:
      return "drop session";
    case kRefuseCall:
      return "refuse call";
  }
  return "unknown";
}

}  // namespace isthmus
