// Asynchronous Message, from target to initiator. RFC 7143 section 11.9. Its data segment, if any,
// is sense data and iSCSI event data: sense.h.
#ifndef ISTHMUS_PROTOCOL_WIRE_ASYNCHRONOUS_MESSAGE_H_
#define ISTHMUS_PROTOCOL_WIRE_ASYNCHRONOUS_MESSAGE_H_

#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct AsynchronousMessage {
  uint8_t total_ahs_length = 0;
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  AsyncEvent async_event = AsyncEvent::kScsiAsyncEvent;
  uint8_t async_vcode = 0;
  uint16_t parameter1 = 0;  // CID, of a connection drop
  uint16_t parameter2 = 0;  // Time2Wait, seconds
  uint16_t parameter3 = 0;  // Time2Retain, or the time to answer, seconds
  friend constexpr bool operator==(const AsynchronousMessage&,
                                   const AsynchronousMessage&) = default;
};

template <>
struct Layout<AsynchronousMessage> {
  using Pdu = AsynchronousMessage;
  static constexpr uint8_t kOpcode = 0x32;
  static constexpr const char* kName = "Asynchronous Message";
  static constexpr const char* kSection = "11.9";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 2},
      Fixed{kFixedOpcode, kOpcode},
      Fixed{kFixedFinal, 1},
      Reserved{1, 1, 23},
      In(kTotalAhsLength, &Pdu::total_ahs_length),
      In(kDataSegmentLength, &Pdu::data_segment_length),
      In(kLun, &Pdu::lun),
      Fixed{kInitiatorTaskTag, kReservedTag},
      Reserved{20, 0, 32},
      In(kStatSn, &Pdu::stat_sn),
      In(kExpCmdSn, &Pdu::exp_cmd_sn),
      In(kMaxCmdSn, &Pdu::max_cmd_sn),
      In({36, 0, 8, "AsyncEvent", "11.9.1"}, &Pdu::async_event),
      In({37, 0, 8, "AsyncVCode", "11.9.2"}, &Pdu::async_vcode),
      In({38, 0, 16, "Parameter1", "11.9.1"}, &Pdu::parameter1),
      In({40, 0, 16, "Parameter2", "11.9.1"}, &Pdu::parameter2),
      In({42, 0, 16, "Parameter3", "11.9.1"}, &Pdu::parameter3),
      Reserved{44, 0, 32});
  // clang-format on
};
static_assert(CoversHeader<AsynchronousMessage>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_ASYNCHRONOUS_MESSAGE_H_
