// Login Response, from target to initiator. RFC 7143 section 11.13. The numbering fields mean
// something only with Status-Class 0.
#ifndef ISTHMUS_PROTOCOL_WIRE_LOGIN_RESPONSE_H_
#define ISTHMUS_PROTOCOL_WIRE_LOGIN_RESPONSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct LoginResponse {
  bool transit = false;    // T
  bool continued = false;  // C: the text goes on in the next Login Response
  LoginStage current_stage = LoginStage::kSecurityNegotiation;  // CSG
  LoginStage next_stage = LoginStage::kSecurityNegotiation;     // NSG; reserved unless transit
  uint8_t version_max = 0;
  uint8_t version_active = 0;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  std::array<std::byte, 6> isid = {};
  uint16_t tsih = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  LoginStatusClass status_class = LoginStatusClass::kSuccess;
  uint8_t status_detail = 0;

  constexpr LoginStatus status() const {
    return static_cast<LoginStatus>(static_cast<unsigned>(status_class) << 8 | status_detail);
  }
  constexpr void set_status(LoginStatus status) {
    status_class = static_cast<LoginStatusClass>(static_cast<unsigned>(status) >> 8);
    status_detail = static_cast<uint8_t>(status);
  }
  friend constexpr bool operator==(const LoginResponse&, const LoginResponse&) = default;
};

template <>
struct Layout<LoginResponse> {
  static constexpr uint8_t kOpcode = 0x23;
  static constexpr const char* kName = "Login Response";
  static constexpr const char* kSection = "11.13";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      In({1, 0, 1, "T", "11.13.6"}, &LoginResponse::transit),
      In(kContinue, &LoginResponse::continued),
      Reserved{1, 2, 2},
      In({1, 4, 2, "CSG", "11.12.3"}, &LoginResponse::current_stage),
      In({1, 6, 2, "NSG", "11.12.3"}, &LoginResponse::next_stage),
      In({2, 0, 8, "Version-max", "11.13.1"}, &LoginResponse::version_max),
      In({3, 0, 8, "Version-active", "11.13.2"}, &LoginResponse::version_active),
      In(kTotalAhsLength, &LoginResponse::total_ahs_length),
      In(kDataSegmentLength, &LoginResponse::data_segment_length),
      In({8, 0, 48, "ISID", "11.12.5"}, &LoginResponse::isid),
      In({14, 0, 16, "TSIH", "11.13.3"}, &LoginResponse::tsih),
      In(kInitiatorTaskTag, &LoginResponse::initiator_task_tag),
      Reserved{20, 0, 32},
      In(kStatSn, &LoginResponse::stat_sn),
      In(kExpCmdSn, &LoginResponse::exp_cmd_sn),
      In(kMaxCmdSn, &LoginResponse::max_cmd_sn),
      In({36, 0, 8, "Status-Class", "11.13.5"}, &LoginResponse::status_class),
      In({37, 0, 8, "Status-Detail", "11.13.5"}, &LoginResponse::status_detail),
      Reserved{38, 0, 80});
  // clang-format on
};
static_assert(CoversHeader<LoginResponse>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_LOGIN_RESPONSE_H_
