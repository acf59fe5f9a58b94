// What the device says of its own abilities (SPC-4 6.33, 6.35, 6.36).
#include <algorithm>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {
namespace {

constexpr size_t kTimeoutsBytes = 12;

// The command timeouts descriptor: no command has a time to tell.
void Timeouts(DataInWriter& out) {
  out.Put(kTimeoutsBytes - 2, 2);
  out.Zeroes(kTimeoutsBytes - 2);
}

bool Exists(const Command& c, const CommandRow& row) {
  return (row.flags & kNeedsProvisioning) == 0 || c.unit.geometry().can_unmap;
}

void AllCommands(Command& c, bool timeouts) {
  c.out.Put(0, 4);
  for (const CommandRow& row : CommandTable()) {
    if (!Exists(c, row)) continue;
    const bool has_service_action = row.service_action != kNoServiceAction;
    c.out.Put(row.opcode, 1);
    c.out.Put(0, 1);
    c.out.Put(has_service_action ? static_cast<uint64_t>(row.service_action) : 0, 2);
    c.out.Put(0, 1);
    c.out.Put((timeouts ? 0x02 : 0) | (has_service_action ? 0x01 : 0), 1);
    c.out.Put(row.cdb_bytes, 2);
    if (timeouts) Timeouts(c.out);
  }
  c.out.Set(0, c.out.size() - 4, 4);
}

void OneCommand(Command& c, const CommandRow* row, bool timeouts) {
  if (row == nullptr) {
    c.out.Put(0, 1);
    c.out.Put(0x01, 1);  // not supported
    c.out.Put(0, 2);
    return;
  }
  c.out.Put(0, 1);
  c.out.Put((timeouts ? 0x80 : 0) | 0x03, 1);  // supported as the standard says
  c.out.Put(row->cdb_bytes, 2);
  for (size_t i = 0; i < row->cdb_bytes; ++i) c.out.Put(row->usage[i], 1);
  if (timeouts) Timeouts(c.out);
}

}  // namespace

// A unit that stands in no Device: it is LUN 0.
void ReportLunsAlone(Command& c) {
  const uint8_t select = c.Byte(2);
  if (select > 2) return c.FailCdb(2);
  c.out.Put(select == 1 ? 0 : 8, 4);
  c.out.Put(0, 4);
  if (select != 1) c.out.Put(0, 8);
  c.Reply(c.Field(6, 4));
}

void ReportOperationCodes(Command& c) {
  const bool timeouts = c.Bit(2, 7);
  const uint8_t options = c.Byte(2) & 0x07;
  const uint8_t opcode = c.Byte(3);
  const uint64_t service_action = c.Field(4, 2);
  if (options > 3) return c.FailCdb(2, 2);
  if (options == 0) {
    AllCommands(c, timeouts);
    return c.Reply(c.Field(6, 4));
  }
  const CommandRow* found = nullptr;
  bool has_service_actions = false;
  for (const CommandRow& row : CommandTable()) {
    if (row.opcode != opcode || !Exists(c, row)) continue;
    const bool has = row.service_action != kNoServiceAction;
    has_service_actions |= has;
    if (!has ? options == 1 || (options == 3 && service_action == 0)
             : options != 1 && static_cast<uint64_t>(row.service_action) == service_action) {
      found = &row;
    }
    // An option that does not fit the opcode is an error, not an absent command (SPC-4 table 282).
    if (!has && options == 2) return c.FailCdb(2, 2);
  }
  if (options == 1 && has_service_actions) return c.FailCdb(2, 2);
  OneCommand(c, found, timeouts);
  c.Reply(c.Field(6, 4));
}

void ReportTaskManagementFunctions(Command& c) {
  const bool extended = c.Bit(2, 7);
  c.out.Put(0xde, 1);  // ABORT TASK (SET), CLEAR TASK SET, LOGICAL UNIT RESET, QUERY TASK, TARGET
                       // RESET; no CLEAR ACA
  c.out.Put(0x07, 1);  // QUERY ASYNCHRONOUS EVENT, QUERY TASK SET, I_T NEXUS RESET
  c.out.Put(0, 1);
  c.out.Put(extended ? 0x0c : 0x00, 1);
  if (extended) c.out.Zeroes(12);
  c.Reply(c.Field(6, 4));
}

}  // namespace isthmus::scsi
