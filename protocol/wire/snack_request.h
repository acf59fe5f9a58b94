// SNACK Request, from initiator to target. RFC 7143 section 11.16.
#ifndef ISTHMUS_PROTOCOL_WIRE_SNACK_REQUEST_H_
#define ISTHMUS_PROTOCOL_WIRE_SNACK_REQUEST_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct SnackRequest {
  SnackType type = SnackType::kDataR2tSnack;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;
  uint32_t initiator_task_tag = kReservedTag;   // kReservedTag: Status SNACK, DataACK
  uint32_t target_transfer_tag = kReservedTag;  // DataACK; R-Data SNACK: the SNACK Tag
  uint32_t exp_stat_sn = 0;
  uint32_t beg_run = 0;
  uint32_t run_length = 0;
  friend constexpr bool operator==(const SnackRequest&, const SnackRequest&) = default;
};

template <>
struct Layout<SnackRequest> {
  static constexpr uint8_t kOpcode = 0x10;
  static constexpr const char* kName = "SNACK Request";
  static constexpr const char* kSection = "11.16";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 3},
      In({1, 4, 4, "Type", "11.16.1"}, &SnackRequest::type),
      Reserved{2, 0, 16},
      In(kTotalAhsLength, &SnackRequest::total_ahs_length),
      In(kDataSegmentLength, &SnackRequest::data_segment_length),
      In(kLun, &SnackRequest::lun),
      In(kInitiatorTaskTag, &SnackRequest::initiator_task_tag),
      In({20, 0, 32, "Target Transfer Tag or SNACK Tag", "11.16.5"},
         &SnackRequest::target_transfer_tag),
      Reserved{24, 0, 32},
      In(kExpStatSn, &SnackRequest::exp_stat_sn),
      Reserved{32, 0, 64},
      In({40, 0, 32, "BegRun", "11.16.6"}, &SnackRequest::beg_run),
      In({44, 0, 32, "RunLength", "11.16.7"}, &SnackRequest::run_length));
  // clang-format on
};
static_assert(CoversHeader<SnackRequest>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_SNACK_REQUEST_H_
