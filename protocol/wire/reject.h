// Reject, from target to initiator. RFC 7143 section 11.17. Its data segment is the header of the
// PDU in error, AHS included, digest not.
#ifndef ISTHMUS_PROTOCOL_WIRE_REJECT_H_
#define ISTHMUS_PROTOCOL_WIRE_REJECT_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct Reject {
  RejectReason reason = RejectReason::kProtocolError;
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  uint32_t data_sn = 0;  // DataSN/R2TSN: of a Data/R2T SNACK that is a Protocol Error
  friend constexpr bool operator==(const Reject&, const Reject&) = default;
};

template <>
struct Layout<Reject> {
  static constexpr uint8_t kOpcode = 0x3f;
  static constexpr const char* kName = "Reject";
  static constexpr const char* kSection = "11.17";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 7},
      In({2, 0, 8, "Reason", "11.17.1"}, &Reject::reason),
      Reserved{3, 0, 8},
      In(kTotalAhsLength, &Reject::total_ahs_length),
      In(kDataSegmentLength, &Reject::data_segment_length),
      Reserved{8, 0, 64},
      Fixed{kInitiatorTaskTag, kReservedTag},
      Reserved{20, 0, 32},
      In(kStatSn, &Reject::stat_sn),
      In(kExpCmdSn, &Reject::exp_cmd_sn),
      In(kMaxCmdSn, &Reject::max_cmd_sn),
      In({36, 0, 32, "DataSN/R2TSN", "11.17.2"}, &Reject::data_sn),
      Reserved{40, 0, 64});
  // clang-format on
};
static_assert(CoversHeader<Reject>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_REJECT_H_
