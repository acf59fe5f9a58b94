// The commands of the disk: one table row each, and what a handler sees of the command that it
// decodes.
//
// Everything that is the same for all commands (unit attentions, reservations, a stopped unit, the
// sense format) is done from the row before the handler runs; REPORT SUPPORTED OPERATION CODES
// answers from the same rows.
#ifndef ISTHMUS_TARGET_SCSI_COMMAND_H_
#define ISTHMUS_TARGET_SCSI_COMMAND_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "target/scsi/bytes.h"
#include "target/scsi/logical_unit.h"
#include "target/scsi/plan.h"
#include "target/scsi/reservations.h"
#include "target/scsi/sense.h"

namespace isthmus::scsi {

struct Command;
using Handler = void (*)(Command&);

inline constexpr int kNoServiceAction = -1;

enum CommandFlags : uint8_t {
  kLegacyAllowed = 0x01,      // RESERVE of another nexus does not stop it (SPC-2 table 10)
  kIgnoresAttention = 0x02,   // runs although a unit attention is pending (SAM-5 5.14.1)
  kNeedsStarted = 0x04,       // fails while START STOP UNIT has stopped the unit or taken it out
  kLockFree = 0x08,           // touches no state that the unit's mutex guards
  kWrites = 0x10,             // fails on a write-protected unit
  kNeedsProvisioning = 0x20,  // exists only if the backend can unmap
};

struct CommandRow {
  uint8_t opcode;
  int service_action;  // bits 4 to 0 of byte 1, or kNoServiceAction
  uint8_t cdb_bytes;
  Access access;  // under another nexus's persistent reservation; see AccessOf
  uint8_t flags;
  Handler decode;
  Handler take_parameters;  // after the data of a kParameters plan
  std::array<uint8_t, 16>
      usage;  // the CDB usage data of SPC-4 6.35.3: opcode, service action, then a bitmap
  std::string_view name;
};

std::span<const CommandRow> CommandTable();

// The row of a CDB of 16 bytes, or null. `known_opcode` tells an unknown service action from an
// unknown opcode.
const CommandRow* FindCommand(std::span<const std::byte> cdb, bool provisioning,
                              bool* known_opcode);

// One command being decoded.
struct Command {
  LogicalUnit& unit;
  ItlNexus& itl;
  const CommandRow& row;
  Plan& plan;
  std::span<const std::byte> data;  // the parameter list, in take_parameters
  std::span<std::byte> response;
  DataInWriter out;  // on response

  uint8_t Byte(size_t offset) const { return std::to_integer<uint8_t>(plan.cdb[offset]); }
  bool Bit(size_t offset, unsigned bit) const { return (Byte(offset) >> bit & 1) != 0; }
  uint64_t Field(size_t offset, size_t count) const { return LoadBig(plan.cdb, offset, count); }

  void Fail(const Sense& sense);
  void FailCdb(uint16_t byte, std::optional<uint8_t> bit = std::nullopt) {
    Fail({.code = SenseCode::kInvalidFieldInCdb, .field = CdbField(byte, bit)});
  }
  void FailParameter(uint16_t byte, std::optional<uint8_t> bit = std::nullopt) {
    Fail({.code = SenseCode::kInvalidFieldInParameters, .field = ParameterField(byte, bit)});
  }
  void Conflict();
  // Ends the command with what has been written to `out`, cut to the allocation length.
  void Reply(uint64_t allocation_length);
  // Asks for a parameter list of this length; 0 ends the command.
  void WantParameters(uint64_t length);

  // State under the unit's mutex, which handlers without kLockFree hold.
  Reservations& reservations() { return unit.reservations_; }
  ModePages& mode_pages() { return unit.mode_pages_; }
  bool& stopped() { return unit.stopped_; }
  bool& medium_out() { return unit.out_; }
  // Why the unit is not ready, if it is not.
  std::optional<SenseCode> NotReady() const { return unit.NotReadyLocked(); }
  // Whether PREVENT ALLOW MEDIUM REMOVAL of any nexus keeps the medium in.
  bool RemovalIsPrevented() const;
  void Raise(UnitAttention attention) { unit.RaiseLocked(attention, &itl); }
  // Tells the nexuses and sets status and sense as the outcome says; `abort`: their tasks end too.
  void Apply(const Reservations::Outcome& outcome, bool abort);
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_COMMAND_H_
