#include "protocol/time.h"

namespace isthmus {

const char* Name(DeadlineReason reason) {
  switch (reason) {
    case DeadlineReason::kNone:
      return "none";
    case DeadlineReason::kLogin:
      return "login";
    case DeadlineReason::kNegotiation:
      return "negotiation";
    case DeadlineReason::kPingDue:
      return "ping due";
    case DeadlineReason::kPingReply:
      return "ping reply";
    case DeadlineReason::kLogout:
      return "logout";
    case DeadlineReason::kAsyncLogout:
      return "requested logout";
    case DeadlineReason::kAsyncNegotiation:
      return "requested negotiation";
    case DeadlineReason::kTask:
      return "task";
    case DeadlineReason::kDataSequence:
      return "data sequence";
    case DeadlineReason::kCommandGap:
      return "command gap";
    case DeadlineReason::kStatusGap:
      return "status gap";
    case DeadlineReason::kAbort:
      return "abort";
    case DeadlineReason::kTime2Wait:
      return "Time2Wait";
    case DeadlineReason::kTime2Retain:
      return "Time2Retain";
    case DeadlineReason::kReconnect:
      return "reconnect";
    case DeadlineReason::kReinstatement:
      return "reinstatement";
  }
  return "unknown";
}

}  // namespace isthmus
