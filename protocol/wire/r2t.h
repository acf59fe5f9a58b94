// Ready To Transfer, from target to initiator. RFC 7143 section 11.8.
#ifndef ISTHMUS_PROTOCOL_WIRE_R2T_H_
#define ISTHMUS_PROTOCOL_WIRE_R2T_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct R2t {
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t target_transfer_tag = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  uint32_t r2t_sn = 0;
  uint32_t buffer_offset = 0;
  uint32_t desired_data_transfer_length = 0;
  friend constexpr bool operator==(const R2t&, const R2t&) = default;
};

template <>
struct Layout<R2t> {
  static constexpr uint8_t kOpcode = 0x31;
  static constexpr const char* kName = "Ready To Transfer";
  static constexpr const char* kSection = "11.8";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 23},
      In(kTotalAhsLength, &R2t::total_ahs_length),
      In(kDataSegmentLength, &R2t::data_segment_length),
      In(kLun, &R2t::lun),
      In(kInitiatorTaskTag, &R2t::initiator_task_tag),
      In(kTargetTransferTag, &R2t::target_transfer_tag),
      In(kStatSn, &R2t::stat_sn),
      In(kExpCmdSn, &R2t::exp_cmd_sn),
      In(kMaxCmdSn, &R2t::max_cmd_sn),
      In(kR2tSn, &R2t::r2t_sn),
      In(kBufferOffset, &R2t::buffer_offset),
      In({44, 0, 32, "Desired Data Transfer Length", "11.8.4"},
         &R2t::desired_data_transfer_length));
  // clang-format on
};
static_assert(CoversHeader<R2t>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_R2T_H_
