// Login Request, from initiator to target. RFC 7143 section 11.12. Always immediate: the I bit is
// written as 1 and not read.
#ifndef ISTHMUS_PROTOCOL_WIRE_LOGIN_REQUEST_H_
#define ISTHMUS_PROTOCOL_WIRE_LOGIN_REQUEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct LoginRequest {
  bool transit = false;    // T
  bool continued = false;  // C: the text goes on in the next Login Request
  LoginStage current_stage = LoginStage::kSecurityNegotiation;  // CSG
  LoginStage next_stage = LoginStage::kSecurityNegotiation;     // NSG; reserved unless transit
  uint8_t version_max = 0;
  uint8_t version_min = 0;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  std::array<std::byte, 6> isid = {};
  uint16_t tsih = 0;
  uint32_t initiator_task_tag = 0;
  uint16_t cid = 0;
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  friend constexpr bool operator==(const LoginRequest&, const LoginRequest&) = default;
};

template <>
struct Layout<LoginRequest> {
  static constexpr uint8_t kOpcode = 0x03;
  static constexpr const char* kName = "Login Request";
  static constexpr const char* kSection = "11.12";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      Fixed{kFixedImmediate, 1},
      Fixed{kFixedOpcode, kOpcode},
      In({1, 0, 1, "T", "11.12.1"}, &LoginRequest::transit),
      In(kContinue, &LoginRequest::continued),
      Reserved{1, 2, 2},
      In({1, 4, 2, "CSG", "11.12.3"}, &LoginRequest::current_stage),
      In({1, 6, 2, "NSG", "11.12.3"}, &LoginRequest::next_stage),
      In({2, 0, 8, "Version-max", "11.12.4.1"}, &LoginRequest::version_max),
      In({3, 0, 8, "Version-min", "11.12.4.2"}, &LoginRequest::version_min),
      In(kTotalAhsLength, &LoginRequest::total_ahs_length),
      In(kDataSegmentLength, &LoginRequest::data_segment_length),
      In({8, 0, 48, "ISID", "11.12.5"}, &LoginRequest::isid),
      In({14, 0, 16, "TSIH", "11.12.6"}, &LoginRequest::tsih),
      In(kInitiatorTaskTag, &LoginRequest::initiator_task_tag),
      In({20, 0, 16, "CID", "11.12.7"}, &LoginRequest::cid),
      Reserved{22, 0, 16},
      In(kCmdSn, &LoginRequest::cmd_sn),
      In(kExpStatSn, &LoginRequest::exp_stat_sn),
      Reserved{32, 0, 128});
  // clang-format on
};
static_assert(CoversHeader<LoginRequest>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_LOGIN_REQUEST_H_
