// Logout Request, from initiator to target. RFC 7143 section 11.14.
#ifndef ISTHMUS_PROTOCOL_WIRE_LOGOUT_REQUEST_H_
#define ISTHMUS_PROTOCOL_WIRE_LOGOUT_REQUEST_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct LogoutRequest {
  bool immediate = false;
  LogoutReason reason = LogoutReason::kCloseTheSession;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint32_t initiator_task_tag = 0;
  uint16_t cid = 0;  // unless the session is closed
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  friend constexpr bool operator==(const LogoutRequest&, const LogoutRequest&) = default;
};

template <>
struct Layout<LogoutRequest> {
  static constexpr uint8_t kOpcode = 0x06;
  static constexpr const char* kName = "Logout Request";
  static constexpr const char* kSection = "11.14";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      In(kImmediate, &LogoutRequest::immediate),
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      In({1, 1, 7, "Reason Code", "11.14.1"}, &LogoutRequest::reason),
      Reserved{2, 0, 16},
      In(kTotalAhsLength, &LogoutRequest::total_ahs_length),
      In(kDataSegmentLength, &LogoutRequest::data_segment_length),
      Reserved{8, 0, 64},
      In(kInitiatorTaskTag, &LogoutRequest::initiator_task_tag),
      In({20, 0, 16, "CID", "11.14.3"}, &LogoutRequest::cid),
      Reserved{22, 0, 16},
      In(kCmdSn, &LogoutRequest::cmd_sn),
      In(kExpStatSn, &LogoutRequest::exp_stat_sn),
      Reserved{32, 0, 128});
  // clang-format on
};
static_assert(CoversHeader<LogoutRequest>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_LOGOUT_REQUEST_H_
