// Text Response, from target to initiator. RFC 7143 section 11.11.
#ifndef ISTHMUS_PROTOCOL_WIRE_TEXT_RESPONSE_H_
#define ISTHMUS_PROTOCOL_WIRE_TEXT_RESPONSE_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct TextResponse {
  bool final = false;
  bool continued = false;  // C: the text goes on in the next Text Response
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t target_transfer_tag = kReservedTag;  // never kReservedTag while final is false
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  friend constexpr bool operator==(const TextResponse&, const TextResponse&) = default;
};

template <>
struct Layout<TextResponse> {
  static constexpr uint8_t kOpcode = 0x24;
  static constexpr const char* kName = "Text Response";
  static constexpr const char* kSection = "11.11";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      In(kFinal, &TextResponse::final),
      In(kContinue, &TextResponse::continued),
      Reserved{1, 2, 22},
      In(kTotalAhsLength, &TextResponse::total_ahs_length),
      In(kDataSegmentLength, &TextResponse::data_segment_length),
      In(kLun, &TextResponse::lun),
      In(kInitiatorTaskTag, &TextResponse::initiator_task_tag),
      In(kTargetTransferTag, &TextResponse::target_transfer_tag),
      In(kStatSn, &TextResponse::stat_sn),
      In(kExpCmdSn, &TextResponse::exp_cmd_sn),
      In(kMaxCmdSn, &TextResponse::max_cmd_sn),
      Reserved{36, 0, 96});
  // clang-format on
};
static_assert(CoversHeader<TextResponse>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_TEXT_RESPONSE_H_
