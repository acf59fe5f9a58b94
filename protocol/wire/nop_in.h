// NOP-In, from target to initiator: a ping's echo, a ping, or a new window. RFC 7143 section 11.19.
#ifndef ISTHMUS_PROTOCOL_WIRE_NOP_IN_H_
#define ISTHMUS_PROTOCOL_WIRE_NOP_IN_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct NopIn {
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;             // return ping data
  uint64_t lun = 0;                             // with a valid Target Transfer Tag
  uint32_t initiator_task_tag = kReservedTag;   // of the NOP-Out that is answered
  uint32_t target_transfer_tag = kReservedTag;  // valid: a NOP-Out is asked for
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  friend constexpr bool operator==(const NopIn&, const NopIn&) = default;
};

template <>
struct Layout<NopIn> {
  static constexpr uint8_t kOpcode = 0x20;
  static constexpr const char* kName = "NOP-In";
  static constexpr const char* kSection = "11.19";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 23},
      In(kTotalAhsLength, &NopIn::total_ahs_length),
      In(kDataSegmentLength, &NopIn::data_segment_length),
      In(kLun, &NopIn::lun),
      In(kInitiatorTaskTag, &NopIn::initiator_task_tag),
      In(kTargetTransferTag, &NopIn::target_transfer_tag),
      In(kStatSn, &NopIn::stat_sn),
      In(kExpCmdSn, &NopIn::exp_cmd_sn),
      In(kMaxCmdSn, &NopIn::max_cmd_sn),
      Reserved{36, 0, 96});
  // clang-format on
};
static_assert(CoversHeader<NopIn>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_NOP_IN_H_
