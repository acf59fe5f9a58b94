// The commands that move, compare, discard or stabilise blocks (SBC-3 5): each becomes a Plan with
// a range.
#include <algorithm>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {
namespace {

struct Place {
  uint64_t lba;
  uint64_t blocks;
  uint16_t blocks_byte;  // where the number of blocks stands in the CDB
};

// Address and length of the 6, 10, 12 and 16 byte CDBs (SPC-4 4.2.5).
Place PlaceOf(const Command& c) {
  switch (c.row.cdb_bytes) {
    case 6: {
      const uint8_t blocks = c.Byte(4);
      return {c.Field(1, 3) & 0x1fffff, blocks == 0 ? 256u : blocks, 4};
    }
    case 10:
      return {c.Field(2, 4), c.Field(7, 2), 7};
    case 12:
      return {c.Field(2, 4), c.Field(6, 4), 6};
    default:
      return {c.Field(2, 8), c.Field(10, 4), 10};
  }
}

// RDPROTECT, WRPROTECT, VRPROTECT: there is no protection information (SBC-3 4.22). The 6 byte CDBs
// have no flags.
bool AsksForProtection(Command& c) {
  if (c.row.cdb_bytes == 6 || c.Byte(1) >> 5 == 0) return false;
  c.FailCdb(1, 7);
  return true;
}

bool IsWriteProtected(Command& c) {
  if (c.unit.geometry().read_only) {
    c.Fail({.code = SenseCode::kWriteProtected});
    return true;
  }
  if (c.mode_pages().write_protected()) {
    c.Fail({.code = SenseCode::kSoftwareWriteProtected});
    return true;
  }
  return false;
}

bool IsOutside(Command& c, uint64_t lba, uint64_t blocks) {
  const uint64_t total = c.unit.geometry().blocks;
  if (lba <= total && blocks <= total - lba) return false;
  c.Fail({.code = SenseCode::kLbaOutOfRange});
  return true;
}

// Sets the plan's range; false if the command has failed.
bool TakeRange(Command& c, const Place& place, uint64_t max_blocks) {
  if (IsOutside(c, place.lba, place.blocks)) return false;
  if (place.blocks > max_blocks) {
    c.FailCdb(place.blocks_byte);
    return false;
  }
  c.plan.lba = place.lba;
  c.plan.blocks = place.blocks;
  return true;
}

uint64_t Bytes(const Command& c, uint64_t blocks) { return blocks * c.unit.geometry().block_bytes; }

bool ForcesUnitAccess(const Command& c) { return c.row.cdb_bytes != 6 && c.Bit(1, 3); }

}  // namespace

void Read(Command& c) {
  if (AsksForProtection(c)) return;
  if (!TakeRange(c, PlaceOf(c), c.unit.limits().transfer_blocks)) return;
  c.plan.action = Action::kRead;
  c.plan.fua = ForcesUnitAccess(c);
  c.plan.data_in_bytes = Bytes(c, c.plan.blocks);
}

void Write(Command& c) {
  if (AsksForProtection(c) || IsWriteProtected(c)) return;
  if (!TakeRange(c, PlaceOf(c), c.unit.limits().transfer_blocks)) return;
  c.plan.action = Action::kWrite;
  c.plan.fua = ForcesUnitAccess(c) || !c.mode_pages().write_cache();
  c.plan.data_out_bytes = Bytes(c, c.plan.blocks);
}

void Verify(Command& c) {
  if (AsksForProtection(c)) return;
  const uint8_t bytchk = c.Byte(1) >> 1 & 0x3;
  if (bytchk == 2) return c.FailCdb(1, 2);
  if (!TakeRange(c, PlaceOf(c), c.unit.limits().transfer_blocks)) return;
  c.plan.action = Action::kVerify;
  c.plan.bytchk = bytchk;
  if (bytchk == 1) c.plan.data_out_bytes = Bytes(c, c.plan.blocks);
  if (bytchk == 3 && c.plan.blocks != 0) {
    c.plan.data_out_bytes = Bytes(c, 1);
    c.plan.contiguous_out = true;
    c.plan.exact_out = true;
  }
}

void WriteAndVerify(Command& c) {
  if (AsksForProtection(c) || IsWriteProtected(c)) return;
  const uint8_t bytchk = c.Byte(1) >> 1 & 0x3;
  if (bytchk > 1) return c.FailCdb(1, 2);
  if (!TakeRange(c, PlaceOf(c), c.unit.limits().transfer_blocks)) return;
  c.plan.action = Action::kWriteAndVerify;
  c.plan.bytchk = bytchk;
  c.plan.fua = true;
  c.plan.data_out_bytes = Bytes(c, c.plan.blocks);
}

void CompareAndWrite(Command& c) {
  if (AsksForProtection(c) || IsWriteProtected(c)) return;
  const Place place{c.Field(2, 8), c.Byte(13), 13};
  if (!TakeRange(c, place, c.unit.limits().compare_and_write_blocks)) return;
  c.plan.exact_out = true;
  if (c.plan.blocks == 0) return;
  c.plan.action = Action::kCompareAndWrite;
  c.plan.fua = ForcesUnitAccess(c) || !c.mode_pages().write_cache();
  c.plan.data_out_bytes = Bytes(c, 2 * c.plan.blocks);
  c.plan.contiguous_out = true;
}

void OrWrite(Command& c) {
  Write(c);
  if (c.plan.action == Action::kWrite) c.plan.action = Action::kOrWrite;
}

void WriteSame(Command& c) {
  if (AsksForProtection(c) || IsWriteProtected(c)) return;
  const bool sixteen = c.row.cdb_bytes == 16;
  const bool unmap = c.Bit(1, 3);
  const bool no_data = sixteen && c.Bit(1, 0);
  if (c.Bit(1, 4)) return c.FailCdb(1, 4);  // ANCHOR: no block is ever anchored
  // The logical block provisioning page says LBPWS, and not LBPWS10.
  if (unmap && !(sixteen && c.unit.geometry().can_unmap)) return c.FailCdb(1, 3);
  if (c.Bit(1, 2)) return c.FailCdb(1, 2);              // LBDATA, obsolete
  if (c.Bit(1, 1)) return c.FailCdb(1, 1);              // PBDATA, obsolete
  if (!sixteen && c.Bit(1, 0)) return c.FailCdb(1, 0);  // obsolete
  Place place = PlaceOf(c);
  if (IsOutside(c, place.lba, place.blocks)) return;
  if (place.blocks == 0) place.blocks = c.unit.geometry().blocks - place.lba;
  if (!TakeRange(c, place, c.unit.limits().write_same_blocks)) return;
  c.plan.action = Action::kWriteSame;
  c.plan.unmap = unmap;
  c.plan.fua = !c.mode_pages().write_cache();
  if (no_data) return;
  c.plan.data_out_bytes = Bytes(c, 1);
  c.plan.contiguous_out = true;
  c.plan.exact_out = true;
}

// The eight bytes before the descriptors, and each descriptor (SBC-3 tables 87, 88).
constexpr size_t kUnmapHeader = 8, kUnmapDescriptor = 16;

void UnmapBlocks(Command& c) {
  if (IsWriteProtected(c)) return;
  if (c.Bit(1, 0)) return c.FailCdb(1, 0);  // ANCHOR
  c.WantParameters(c.Field(7, 2));
}

void UnmapParameters(Command& c) {
  if (c.data.size() < kUnmapHeader) {
    return c.Fail({.code = SenseCode::kParameterListLengthError});
  }
  const uint64_t descriptors_bytes = LoadBig(c.data, 2, 2);
  if (descriptors_bytes > c.data.size() - kUnmapHeader) {
    return c.Fail({.code = SenseCode::kParameterListLengthError});
  }
  // A last descriptor that is not whole is ignored.
  const uint64_t count = descriptors_bytes / kUnmapDescriptor;
  if (count > c.unit.limits().unmap_descriptors) return c.FailParameter(2);
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const BlockRange range = UnmapRange(c.data, i);
    if (IsOutside(c, range.lba, range.blocks)) return;
    total += range.blocks;
    if (total > c.unit.limits().unmap_blocks) {
      return c.FailParameter(static_cast<uint16_t>(kUnmapHeader + i * kUnmapDescriptor + 8));
    }
  }
  c.plan.action = Action::kUnmap;
  c.plan.blocks = count;
  c.plan.fua = !c.mode_pages().write_cache();
}

BlockRange UnmapRange(std::span<const std::byte> parameters, uint64_t index) {
  const size_t at = kUnmapHeader + index * kUnmapDescriptor;
  return {LoadBig(parameters, at, 8), LoadBig(parameters, at + 8, 4)};
}

void SynchronizeCache(Command& c) {
  const Place place = PlaceOf(c);
  if (IsOutside(c, place.lba, place.blocks)) return;
  c.plan.action = Action::kFlush;
  c.plan.lba = place.lba;
  c.plan.blocks = place.blocks;
  c.plan.immediate = c.Bit(1, 1);
}

void Prefetch(Command& c) {
  const Place place = PlaceOf(c);
  if (IsOutside(c, place.lba, place.blocks)) return;
  c.plan.action = Action::kPrefetch;
  c.plan.lba = place.lba;
  c.plan.blocks = place.blocks != 0 ? place.blocks : c.unit.geometry().blocks - place.lba;
}

void GetLbaStatus(Command& c) {
  const uint64_t lba = c.Field(2, 8);
  const uint64_t allocation = c.Field(10, 4);
  if (IsOutside(c, lba, 1)) return;
  c.plan.action = Action::kGetLbaStatus;
  c.plan.lba = lba;
  c.plan.blocks = std::min<uint64_t>(c.unit.geometry().blocks - lba, 0xffffffff);
  c.plan.data_in_bytes = std::min<uint64_t>(kLbaStatusBytes, allocation);
}

void EncodeLbaStatus(BlockRange extent, bool mapped, std::span<std::byte> out) {
  std::fill_n(out.begin(), kLbaStatusBytes, std::byte{0});
  StoreBig(out, 0, 4, kLbaStatusBytes - 4);
  StoreBig(out, 8, 8, extent.lba);
  StoreBig(out, 16, 4, extent.blocks);
  out[20] = std::byte{static_cast<uint8_t>(mapped ? 0x0 : 0x1)};
}

}  // namespace isthmus::scsi
