// The commands that ask for or change the state of the unit as a whole (SPC-4 6, SBC-3 5,
// SPC-2 7.21).
#include <algorithm>
#include <bit>
#include <limits>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {

void TestUnitReady(Command& c) {
  if (c.stopped()) c.Fail({.code = SenseCode::kStoppedNeedsStart});
}

void RequestSense(Command& c) {
  Sense sense;
  if (const std::optional<UnitAttention> attention = c.itl.attentions.Take()) {
    sense.code = SenseOf(*attention);
  } else if (c.stopped()) {
    sense.code = SenseCode::kStoppedNeedsStart;
  }
  c.out.Bytes(EncodeSense(sense, c.Bit(1, 0)).view());
  c.Reply(c.Byte(4));
}

void StartStopUnit(Command& c) {
  if ((c.Byte(4) & 0xf0) != 0) return c.FailCdb(4, 7);  // there are no power conditions
  if (c.Bit(4, 1)) return c.FailCdb(4, 1);              // LOEJ: the medium does not come out
  const bool start = c.Bit(4, 0);
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
