// Text Request, from initiator to target. RFC 7143 section 11.10.
#ifndef ISTHMUS_PROTOCOL_WIRE_TEXT_REQUEST_H_
#define ISTHMUS_PROTOCOL_WIRE_TEXT_REQUEST_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct TextRequest {
  bool immediate = false;
  bool final = false;
  bool continued = false;  // C: the text goes on in the next Text Request
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;  // of the response that gave the Target Transfer Tag
  uint32_t initiator_task_tag = 0;
  uint32_t target_transfer_tag = kReservedTag;  // kReservedTag: a new sequence
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  friend constexpr bool operator==(const TextRequest&, const TextRequest&) = default;
};

template <>
struct Layout<TextRequest> {
  static constexpr uint8_t kOpcode = 0x04;
  static constexpr const char* kName = "Text Request";
  static constexpr const char* kSection = "11.10";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      In(kImmediate, &TextRequest::immediate),
      Fixed{kFixedOpcode, kOpcode},
      In(kFinal, &TextRequest::final),
      In(kContinue, &TextRequest::continued),
      Reserved{1, 2, 22},
      In(kTotalAhsLength, &TextRequest::total_ahs_length),
      In(kDataSegmentLength, &TextRequest::data_segment_length),
      In(kLun, &TextRequest::lun),
      In(kInitiatorTaskTag, &TextRequest::initiator_task_tag),
      In(kTargetTransferTag, &TextRequest::target_transfer_tag),
      In(kCmdSn, &TextRequest::cmd_sn),
      In(kExpStatSn, &TextRequest::exp_stat_sn),
      Reserved{32, 0, 128});
  // clang-format on
};
static_assert(CoversHeader<TextRequest>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_TEXT_REQUEST_H_
