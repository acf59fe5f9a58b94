// NOP-Out, from initiator to target: a ping, the answer to a NOP-In, or an ExpStatSN. RFC 7143
// section 11.18.
#ifndef ISTHMUS_PROTOCOL_WIRE_NOP_OUT_H_
#define ISTHMUS_PROTOCOL_WIRE_NOP_OUT_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct NopOut {
  bool immediate = false;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;             // ping data
  uint64_t lun = 0;                             // of the NOP-In that is answered
  uint32_t initiator_task_tag = kReservedTag;   // valid: a NOP-In is asked for
  uint32_t target_transfer_tag = kReservedTag;  // of the NOP-In that is answered
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  friend constexpr bool operator==(const NopOut&, const NopOut&) = default;
};

template <>
struct Layout<NopOut> {
  static constexpr uint8_t kOpcode = 0x00;
  static constexpr const char* kName = "NOP-Out";
  static constexpr const char* kSection = "11.18";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      In(kImmediate, &NopOut::immediate),
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 23},
      In(kTotalAhsLength, &NopOut::total_ahs_length),
      In(kDataSegmentLength, &NopOut::data_segment_length),
      In(kLun, &NopOut::lun),
      In(kInitiatorTaskTag, &NopOut::initiator_task_tag),
      In(kTargetTransferTag, &NopOut::target_transfer_tag),
      In(kCmdSn, &NopOut::cmd_sn),
      In(kExpStatSn, &NopOut::exp_stat_sn),
      Reserved{32, 0, 128});
  // clang-format on
};
static_assert(CoversHeader<NopOut>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_NOP_OUT_H_
