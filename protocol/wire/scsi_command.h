// SCSI Command, from initiator to target. RFC 7143 section 11.3; priority from RFC 7144 at
// iSCSIProtocolLevel 2.
//
//   ScsiCommand command = {.final = true, .read = true, .attribute = TaskAttribute::kSimple, ...};
//   Encode(command, &header);
#ifndef ISTHMUS_PROTOCOL_WIRE_SCSI_COMMAND_H_
#define ISTHMUS_PROTOCOL_WIRE_SCSI_COMMAND_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

struct ScsiCommand {
  bool immediate = false;
  bool final = false;  // no unsolicited Data-Out follows
  bool read = false;
  bool write = false;
  TaskAttribute attribute = TaskAttribute::kUntagged;
  uint8_t priority = 0;          // 4 bits; iSCSIProtocolLevel 2
  uint8_t total_ahs_length = 0;  // 4-byte words
  uint32_t data_segment_length = 0;
  uint64_t lun = 0;  // as lun.h: byte 8 of the header is the most significant
  uint32_t initiator_task_tag = 0;
  uint32_t expected_data_transfer_length = 0;  // of the write, if both read and write
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  std::array<std::byte, 16> cdb = {};  // the rest of a longer one is in the Extended CDB AHS
  friend constexpr bool operator==(const ScsiCommand&, const ScsiCommand&) = default;
};

inline constexpr Field<uint32_t> kExpectedDataTransferLength = {
    20, 0, 32, "Expected Data Transfer Length", "11.3.4"};

template <>
struct Layout<ScsiCommand> {
  static constexpr uint8_t kOpcode = 0x01;
  static constexpr const char* kName = "SCSI Command";
  static constexpr const char* kSection = "11.3";
  // clang-format off
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 1},
      In(kImmediate, &ScsiCommand::immediate),
      Fixed{kFixedOpcode, kOpcode},
      In(kFinal, &ScsiCommand::final),
      In({1, 1, 1, "R", "11.3.1"}, &ScsiCommand::read),
      In({1, 2, 1, "W", "11.3.1"}, &ScsiCommand::write),
      Reserved{1, 3, 2},
      In({1, 5, 3, "ATTR", "11.3.1"}, &ScsiCommand::attribute),
      In({2, 0, 4, "PRI", "RFC 7144", 2}, &ScsiCommand::priority),
      Reserved{2, 4, 12},
      In(kTotalAhsLength, &ScsiCommand::total_ahs_length),
      In(kDataSegmentLength, &ScsiCommand::data_segment_length),
      In(kLun, &ScsiCommand::lun),
      In(kInitiatorTaskTag, &ScsiCommand::initiator_task_tag),
      In(kExpectedDataTransferLength, &ScsiCommand::expected_data_transfer_length),
      In(kCmdSn, &ScsiCommand::cmd_sn),
      In(kExpStatSn, &ScsiCommand::exp_stat_sn),
      In({32, 0, 128, "CDB", "11.3.5"}, &ScsiCommand::cdb));
  // clang-format on
};
static_assert(CoversHeader<ScsiCommand>());

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_SCSI_COMMAND_H_
