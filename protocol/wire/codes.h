// The codes that PDU fields hold, with the RFC's names. RFC 7143 section 11, RFC 7144.
//
// An enumeration may hold any value of its field: Decode keeps reserved codes, and whoever acts on
// a code reports them (section 11: as a protocol error). IsDefined tells them apart; Name gives
// fixed strings.
//
//   if (!wire::IsDefined(request.function)) ...
//   Log(wire::Name(request.function));   // "ABORT TASK", or "reserved"
#ifndef ISTHMUS_PROTOCOL_WIRE_CODES_H_
#define ISTHMUS_PROTOCOL_WIRE_CODES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus::wire {

// Section 11.3.1.
enum class TaskAttribute : uint8_t {
  kUntagged = 0,
  kSimple = 1,
  kOrdered = 2,
  kHeadOfQueue = 3,
  kAca = 4,
};

// Section 11.4.2, SAM-5 5.3.
enum class ScsiStatus : uint8_t {
  kGood = 0x00,
  kCheckCondition = 0x02,
  kConditionMet = 0x04,
  kBusy = 0x08,
  kIntermediate = 0x10,
  kIntermediateConditionMet = 0x14,
  kReservationConflict = 0x18,
  kTaskSetFull = 0x28,
  kAcaActive = 0x30,
  kTaskAborted = 0x40,
};

// Section 11.4.3. 0x80 to 0xff are vendor specific.
enum class ScsiResponseCode : uint8_t {
  kCommandCompletedAtTarget = 0x00,
  kTargetFailure = 0x01,
};

// Section 11.5.1; 9 to 12 from RFC 7144, at iSCSIProtocolLevel 2.
enum class TaskManagementFunction : uint8_t {
  kAbortTask = 1,
  kAbortTaskSet = 2,
  kClearAca = 3,
  kClearTaskSet = 4,
  kLogicalUnitReset = 5,
  kTargetWarmReset = 6,
  kTargetColdReset = 7,
  kTaskReassign = 8,
  kQueryTask = 9,
  kQueryTaskSet = 10,
  kItNexusReset = 11,
  kQueryAsynchronousEvent = 12,
};

// Section 11.6.1; 7 from RFC 7144.
enum class TaskManagementResponseCode : uint8_t {
  kFunctionComplete = 0,
  kTaskDoesNotExist = 1,
  kLunDoesNotExist = 2,
  kTaskStillAllegiant = 3,
  kTaskAllegianceReassignmentNotSupported = 4,
  kTaskManagementFunctionNotSupported = 5,
  kFunctionAuthorizationFailed = 6,
  kFunctionSucceeded = 7,
  kFunctionRejected = 255,
};

// Section 11.9.1. 248 to 255 are vendor-unique.
enum class AsyncEvent : uint8_t {
  kScsiAsyncEvent = 0,
  kLogoutRequest = 1,
  kConnectionDropNotification = 2,
  kSessionDropNotification = 3,
  kNegotiationRequest = 4,
  kTaskTermination = 5,
};

// Section 11.12.3.
enum class LoginStage : uint8_t {
  kSecurityNegotiation = 0,
  kLoginOperationalNegotiation = 1,
  kFullFeaturePhase = 3,
};

// Section 11.13.5.
enum class LoginStatusClass : uint8_t {
  kSuccess = 0,
  kRedirection = 1,
  kInitiatorError = 2,
  kTargetError = 3,
};

// Section 11.13.5: Status-Class << 8 | Status-Detail.
enum class LoginStatus : uint16_t {
  kSuccess = 0x0000,
  kTargetMovedTemporarily = 0x0101,
  kTargetMovedPermanently = 0x0102,
  kInitiatorError = 0x0200,
  kAuthenticationFailure = 0x0201,
  kAuthorizationFailure = 0x0202,
  kNotFound = 0x0203,
  kTargetRemoved = 0x0204,
  kUnsupportedVersion = 0x0205,
  kTooManyConnections = 0x0206,
  kMissingParameter = 0x0207,
  kCantIncludeInSession = 0x0208,
  kSessionTypeNotSupported = 0x0209,
  kSessionDoesNotExist = 0x020a,
  kInvalidDuringLogin = 0x020b,
  kTargetError = 0x0300,
  kServiceUnavailable = 0x0301,
  kOutOfResources = 0x0302,
};

// Section 11.14.1.
enum class LogoutReason : uint8_t {
  kCloseTheSession = 0,
  kCloseTheConnection = 1,
  kRemoveTheConnectionForRecovery = 2,
};

// Section 11.15.1.
enum class LogoutResponseCode : uint8_t {
  kClosedSuccessfully = 0,
  kCidNotFound = 1,
  kConnectionRecoveryNotSupported = 2,
  kCleanupFailed = 3,
};

// Section 11.16.1.
enum class SnackType : uint8_t {
  kDataR2tSnack = 0,
  kStatusSnack = 1,
  kDataAck = 2,
  kRDataSnack = 3,
};

// Section 11.17.1.
enum class RejectReason : uint8_t {
  kDataDigestError = 0x02,
  kSnackReject = 0x03,
  kProtocolError = 0x04,
  kCommandNotSupported = 0x05,
  kImmediateCommandReject = 0x06,
  kTaskInProgress = 0x07,
  kInvalidDataAck = 0x08,
  kInvalidPduField = 0x09,
  kLongOpReject = 0x0a,
  kNegotiationReset = 0x0b,  // deprecated: never sent
  kWaitingForLogout = 0x0c,
};

// One code of a field, for names and docs.
struct Code {
  uint16_t value;
  const char* name;  // in the RFC's spelling
};

// All codes that the RFCs define for the enumeration, ascending.
template <class E>
std::span<const Code> CodesOf();

namespace internal {
const Code* FindCode(std::span<const Code> codes, unsigned value);
}  // namespace internal

template <class E>
bool IsDefined(E value) {
  return internal::FindCode(CodesOf<E>(), static_cast<unsigned>(value)) != nullptr;
}

// The code's name; "reserved" for a value that the RFCs do not define (vendor-specific ones
// included).
template <class E>
const char* Name(E value) {
  const Code* code = internal::FindCode(CodesOf<E>(), static_cast<unsigned>(value));
  return code == nullptr ? "reserved" : code->name;
}

template <>
std::span<const Code> CodesOf<TaskAttribute>();
template <>
std::span<const Code> CodesOf<ScsiStatus>();
template <>
std::span<const Code> CodesOf<ScsiResponseCode>();
template <>
std::span<const Code> CodesOf<TaskManagementFunction>();
template <>
std::span<const Code> CodesOf<TaskManagementResponseCode>();
template <>
std::span<const Code> CodesOf<AsyncEvent>();
template <>
std::span<const Code> CodesOf<LoginStage>();
template <>
std::span<const Code> CodesOf<LoginStatusClass>();
template <>
std::span<const Code> CodesOf<LoginStatus>();
template <>
std::span<const Code> CodesOf<LogoutReason>();
template <>
std::span<const Code> CodesOf<LogoutResponseCode>();
template <>
std::span<const Code> CodesOf<SnackType>();
template <>
std::span<const Code> CodesOf<RejectReason>();

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_CODES_H_
