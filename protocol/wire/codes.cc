#include "protocol/wire/codes.h"

namespace isthmus::wire {
namespace {

constexpr Code kTaskAttributes[] = {
    {0, "Untagged"}, {1, "Simple"}, {2, "Ordered"}, {3, "Head of queue"}, {4, "ACA"},
};
constexpr Code kScsiStatuses[] = {
    {0x00, "GOOD"},
    {0x02, "CHECK CONDITION"},
    {0x04, "CONDITION MET"},
    {0x08, "BUSY"},
    {0x10, "INTERMEDIATE"},
    {0x14, "INTERMEDIATE-CONDITION MET"},
    {0x18, "RESERVATION CONFLICT"},
    {0x28, "TASK SET FULL"},
    {0x30, "ACA ACTIVE"},
    {0x40, "TASK ABORTED"},
};
constexpr Code kScsiResponseCodes[] = {
    {0x00, "Command Completed at Target"},
    {0x01, "Target Failure"},
};
constexpr Code kTaskManagementFunctions[] = {
    {1, "ABORT TASK"},        {2, "ABORT TASK SET"},     {3, "CLEAR ACA"},
    {4, "CLEAR TASK SET"},    {5, "LOGICAL UNIT RESET"}, {6, "TARGET WARM RESET"},
    {7, "TARGET COLD RESET"}, {8, "TASK REASSIGN"},      {9, "QUERY TASK"},
    {10, "QUERY TASK SET"},   {11, "I_T NEXUS RESET"},   {12, "QUERY ASYNCHRONOUS EVENT"},
};
constexpr Code kTaskManagementResponseCodes[] = {
    {0, "Function complete"},
    {1, "Task does not exist"},
    {2, "LUN does not exist"},
    {3, "Task still allegiant"},
    {4, "Task allegiance reassignment not supported"},
    {5, "Task management function not supported"},
    {6, "Function authorization failed"},
    {7, "Function succeeded"},
    {255, "Function rejected"},
};
constexpr Code kAsyncEvents[] = {
    {0, "SCSI Async Event"},
    {1, "Logout Request"},
    {2, "Connection Drop Notification"},
    {3, "Session Drop Notification"},
    {4, "Negotiation Request"},
    {5, "Task Termination"},
};
constexpr Code kLoginStages[] = {
    {0, "SecurityNegotiation"},
    {1, "LoginOperationalNegotiation"},
    {3, "FullFeaturePhase"},
};
constexpr Code kLoginStatusClasses[] = {
    {0, "Success"},
    {1, "Redirection"},
    {2, "Initiator Error"},
    {3, "Target Error"},
};
constexpr Code kLoginStatuses[] = {
    {0x0000, "Success"},
    {0x0101, "Target moved temporarily"},
    {0x0102, "Target moved permanently"},
    {0x0200, "Initiator error"},
    {0x0201, "Authentication failure"},
    {0x0202, "Authorization failure"},
    {0x0203, "Not found"},
    {0x0204, "Target removed"},
    {0x0205, "Unsupported version"},
    {0x0206, "Too many connections"},
    {0x0207, "Missing parameter"},
    {0x0208, "Can't include in session"},
    {0x0209, "Session type not supported"},
    {0x020a, "Session does not exist"},
    {0x020b, "Invalid during login"},
    {0x0300, "Target error"},
    {0x0301, "Service unavailable"},
    {0x0302, "Out of resources"},
};
constexpr Code kLogoutReasons[] = {
    {0, "close the session"},
    {1, "close the connection"},
    {2, "remove the connection for recovery"},
};
constexpr Code kLogoutResponseCodes[] = {
    {0, "connection or session closed successfully"},
    {1, "CID not found"},
    {2, "connection recovery is not supported"},
    {3, "cleanup failed for various reasons"},
};
constexpr Code kSnackTypes[] = {
    {0, "Data/R2T SNACK"},
    {1, "Status SNACK"},
    {2, "DataACK"},
    {3, "R-Data SNACK"},
};
constexpr Code kRejectReasons[] = {
    {0x02, "Data (payload) digest error"},
    {0x03, "SNACK Reject"},
    {0x04, "Protocol Error"},
    {0x05, "Command not supported"},
    {0x06, "Immediate command reject - too many immediate commands"},
    {0x07, "Task in progress"},
    {0x08, "Invalid data ack"},
    {0x09, "Invalid PDU field"},
    {0x0a, "Long op reject - Can't generate Target Transfer Tag - out of resources"},
    {0x0b, "Negotiation Reset (deprecated)"},
    {0x0c, "Waiting for Logout"},
};

}  // namespace

namespace internal {

const Code* FindCode(std::span<const Code> codes, unsigned value) {
  for (const Code& code : codes) {
    if (code.value == value) return &code;
  }
  return nullptr;
}

}  // namespace internal

template <>
std::span<const Code> CodesOf<TaskAttribute>() {
  return kTaskAttributes;
}
template <>
std::span<const Code> CodesOf<ScsiStatus>() {
  return kScsiStatuses;
}
template <>
std::span<const Code> CodesOf<ScsiResponseCode>() {
  return kScsiResponseCodes;
}
template <>
std::span<const Code> CodesOf<TaskManagementFunction>() {
  return kTaskManagementFunctions;
}
template <>
std::span<const Code> CodesOf<TaskManagementResponseCode>() {
  return kTaskManagementResponseCodes;
}
template <>
std::span<const Code> CodesOf<AsyncEvent>() {
  return kAsyncEvents;
}
template <>
std::span<const Code> CodesOf<LoginStage>() {
  return kLoginStages;
}
template <>
std::span<const Code> CodesOf<LoginStatusClass>() {
  return kLoginStatusClasses;
}
template <>
std::span<const Code> CodesOf<LoginStatus>() {
  return kLoginStatuses;
}
template <>
std::span<const Code> CodesOf<LogoutReason>() {
  return kLogoutReasons;
}
template <>
std::span<const Code> CodesOf<LogoutResponseCode>() {
  return kLogoutResponseCodes;
}
template <>
std::span<const Code> CodesOf<SnackType>() {
  return kSnackTypes;
}
template <>
std::span<const Code> CodesOf<RejectReason>() {
  return kRejectReasons;
}

}  // namespace isthmus::wire
