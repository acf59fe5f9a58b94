// SCSI Data-Out, from initiator to target. RFC 7143 section 11.7.
#ifndef ISTHMUS_PROTOCOL_WIRE_DATA_OUT_H_
#define ISTHMUS_PROTOCOL_WIRE_DATA_OUT_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/field.h"

namespace isthmus::wire {

struct DataOut {
  bool final = false;  // last of unsolicited data, or of the sequence that answers an R2T
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;  // of the R2T; reserved in unsolicited data
  uint32_t initiator_task_tag = 0;
  uint32_t target_transfer_tag = kReservedTag;  // of the R2T; kReservedTag: unsolicited
  uint32_t exp_stat_sn = 0;
  uint32_t data_sn = 0;
  uint32_t buffer_offset = 0;
  friend constexpr bool operator==(const DataOut&, const DataOut&) = default;
};

template <>
struct Layout<DataOut> {
  static constexpr uint8_t kOpcode = 0x05;
  static constexpr const char* kName = "SCSI Data-Out";
  static constexpr const char* kSection = "11.7";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      In(kFinal, &DataOut::final),
      Reserved{1, 1, 23},
      In(kTotalAhsLength, &DataOut::total_ahs_length),
      In(kDataSegmentLength, &DataOut::data_segment_length),
      In(kLun, &DataOut::lun),
      In(kInitiatorTaskTag, &DataOut::initiator_task_tag),
      In(kTargetTransferTag, &DataOut::target_transfer_tag),
      Reserved{24, 0, 32},
      In(kExpStatSn, &DataOut::exp_stat_sn),
      Reserved{32, 0, 32},
      In(kDataSn, &DataOut::data_sn),
      In(kBufferOffset, &DataOut::buffer_offset),
      Reserved{44, 0, 32});
  // clang-format on
};
static_assert(CoversHeader<DataOut>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_DATA_OUT_H_
