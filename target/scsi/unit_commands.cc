// The commands that ask for or change the state of the unit as a whole (SPC-4 6, SBC-3 5,
// SPC-2 7.21).
#include <algorithm>
#include <bit>
#include <limits>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {

void TestUnitReady(Command& c) {
  if (const auto why = c.NotReady()) c.Fail({.code = *why});
}

void RequestSense(Command& c) {
  Sense sense;
  if (const std::optional<UnitAttention> attention = c.itl.attentions.Take()) {
    sense.code = SenseOf(*attention);
  } else if (const auto why = c.NotReady()) {
    sense.code = *why;
  }
  c.out.Bytes(EncodeSense(sense, c.Bit(1, 0)).view());
  c.Reply(c.Byte(4));
}

void StartStopUnit(Command& c) {
  if ((c.Byte(4) & 0xf0) != 0) return c.FailCdb(4, 7);  // there are no power conditions
  const bool start = c.Bit(4, 0), load_or_eject = c.Bit(4, 1);
  if (load_or_eject) {
    if (!c.unit.options().removable) return c.FailCdb(4, 1);
    if (c.RemovalIsPrevented()) {  // neither out nor in
      return c.Fail({.code = SenseCode::kMediumRemovalPrevented});
    }
    if (start && c.medium_out()) c.Raise(UnitAttention::kMediumChanged);
    c.medium_out() = !start;
  } else if (start && c.medium_out()) {
    return c.Fail({.code = SenseCode::kMediumNotPresent});
  }
  c.stopped() = !start;
  // Stopping writes the cache back first, unless NO_FLUSH.
  if (!start && !c.Bit(4, 2)) {
    c.plan.action = Action::kFlush;
    c.plan.immediate = c.Bit(1, 0);
  }
}

void PreventAllow(Command& c) {
  if (c.Bit(4, 1)) return c.FailCdb(4, 1);  // obsolete values 2 and 3
  c.itl.prevents_removal = c.Bit(4, 0);
}

// RESERVE and RELEASE: of the whole unit only; no third party, no extents (SPC-2 7.21.2).
void Reserve(Command& c) {
  if ((c.Byte(1) & 0x13) != 0)
    return c.FailCdb(1, static_cast<uint8_t>(std::bit_width(c.Byte(1) & 0x13u) - 1));
  c.plan.status = c.reservations().LegacyReserve(*c.itl.name);
}

void Release(Command& c) {
  if ((c.Byte(1) & 0x13) != 0)
    return c.FailCdb(1, static_cast<uint8_t>(std::bit_width(c.Byte(1) & 0x13u) - 1));
  c.plan.status = c.reservations().LegacyRelease(*c.itl.name);
}

// The lists of defects of the 10 and 12 byte forms (SBC-3 5.17, 5.18), in whatever format was asked
// for: files and memory have none to tell.
void ReadDefectData(Command& c) {
  const bool ten = c.row.cdb_bytes == 10;
  c.out.Put(0, 1);
  c.out.Put(c.Byte(ten ? 2 : 1) & 0x1f, 1);  // the lists and the format that were asked for
  c.out.Zeroes(ten ? 2 : 6);
  c.Reply(ten ? c.Field(7, 2) : c.Field(6, 4));
}

void ReadCapacity10(Command& c) {
  // Without PMI there is no address to start from (SBC-2; obsolete in SBC-3).
  if (!c.Bit(8, 0) && c.Field(2, 4) != 0) return c.FailCdb(2);
  const target::Geometry& geometry = c.unit.geometry();
  c.out.Put(std::min<uint64_t>(geometry.blocks - 1, std::numeric_limits<uint32_t>::max()), 4);
  c.out.Put(geometry.block_bytes, 4);
  c.Reply(8);
}

void ReadCapacity16(Command& c) {
  if (!c.Bit(14, 0) && c.Field(2, 8) != 0) return c.FailCdb(2);
  const target::Geometry& geometry = c.unit.geometry();
  c.out.Put(geometry.blocks - 1, 8);
  c.out.Put(geometry.block_bytes, 4);
  c.out.Put(0, 1);  // no protection information
  c.out.Put(
      static_cast<uint8_t>(std::countr_zero(geometry.physical_block_bytes / geometry.block_bytes)),
      1);
  c.out.Put(geometry.can_unmap ? 0xc000 : 0, 2);  // LBPME, LBPRZ
  c.out.Zeroes(16);
  c.Reply(c.Field(10, 4));
}

}  // namespace isthmus::scsi
