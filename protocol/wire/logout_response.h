// Logout Response, from target to initiator. RFC 7143 section 11.15.
#ifndef ISTHMUS_PROTOCOL_WIRE_LOGOUT_RESPONSE_H_
#define ISTHMUS_PROTOCOL_WIRE_LOGOUT_RESPONSE_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct LogoutResponse {
  LogoutResponseCode response = LogoutResponseCode::kClosedSuccessfully;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  uint16_t time2wait = 0;    // seconds
  uint16_t time2retain = 0;  // seconds
  friend constexpr bool operator==(const LogoutResponse&, const LogoutResponse&) = default;
};

template <>
struct Layout<LogoutResponse> {
  static constexpr uint8_t kOpcode = 0x26;
  static constexpr const char* kName = "Logout Response";
  static constexpr const char* kSection = "11.15";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 7},
      In({2, 0, 8, "Response", "11.15.1"}, &LogoutResponse::response),
      Reserved{3, 0, 8},
      In(kTotalAhsLength, &LogoutResponse::total_ahs_length),
      In(kDataSegmentLength, &LogoutResponse::data_segment_length),
      Reserved{8, 0, 64},
      In(kInitiatorTaskTag, &LogoutResponse::initiator_task_tag),
      Reserved{20, 0, 32},
      In(kStatSn, &LogoutResponse::stat_sn),
      In(kExpCmdSn, &LogoutResponse::exp_cmd_sn),
      In(kMaxCmdSn, &LogoutResponse::max_cmd_sn),
      Reserved{36, 0, 32},
      In({40, 0, 16, "Time2Wait", "11.15.3"}, &LogoutResponse::time2wait),
      In({42, 0, 16, "Time2Retain", "11.15.4"}, &LogoutResponse::time2retain),
      Reserved{44, 0, 32});
  // clang-format on
};
static_assert(CoversHeader<LogoutResponse>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_LOGOUT_RESPONSE_H_
