// MODE SENSE and MODE SELECT, 6 and 10 bytes (SPC-4 6.9 to 6.12).
#include <algorithm>
#include <limits>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {
namespace {

bool IsTen(const Command& c) { return c.row.cdb_bytes == 10; }

void BlockDescriptor(Command& c, bool long_lba) {
  const target::Geometry& geometry = c.unit.geometry();
  if (long_lba) {
    c.out.Put(geometry.blocks, 8);
    c.out.Put(0, 4);
    c.out.Put(geometry.block_bytes, 4);
  } else {
    c.out.Put(std::min<uint64_t>(geometry.blocks, std::numeric_limits<uint32_t>::max()), 4);
    c.out.Put(geometry.block_bytes, 4);
  }
}

// A block descriptor may say again what is: the geometry cannot be changed.
bool DescriptorMatches(const Command& c, std::span<const std::byte> descriptor) {
  const target::Geometry& geometry = c.unit.geometry();
  const bool long_lba = descriptor.size() == 16;
  const uint64_t blocks = LoadBig(descriptor, 0, long_lba ? 8 : 4);
  const uint64_t block_bytes = LoadBig(descriptor, long_lba ? 12 : 5, long_lba ? 4 : 3);
  const uint64_t limit =
      long_lba ? std::numeric_limits<uint64_t>::max() : std::numeric_limits<uint32_t>::max();
  return (blocks == 0 || blocks == limit || blocks == geometry.blocks) &&
         (block_bytes == 0 || block_bytes == geometry.block_bytes);
}

}  // namespace

void ModeSense(Command& c) {
  const bool ten = IsTen(c);
  const bool long_lba = ten && c.Bit(1, 4);
  const bool descriptor = !c.Bit(1, 3);
  const auto control = static_cast<PageControl>(c.Byte(2) >> 6);
  const uint64_t allocation = ten ? c.Field(7, 2) : c.Byte(4);
  if (control == PageControl::kSaved) {
    return c.Fail({.code = SenseCode::kSavingNotSupported, .field = CdbField(2, 7)});
  }
  std::byte pages[256];
  const size_t pages_bytes = c.mode_pages().Encode(c.Byte(2) & 0x3f, c.Byte(3), control, pages);
  if (pages_bytes == 0) return c.FailCdb(2, 5);

  const size_t descriptor_bytes = !descriptor ? 0 : long_lba ? 16 : 8;
  const bool read_only = c.unit.geometry().read_only || c.mode_pages().write_protected();
  const uint8_t device_specific = (read_only ? 0x80 : 0) | 0x10;  // WP, DPOFUA
  c.out.Put(0, ten ? 2 : 1);                                      // MODE DATA LENGTH
  c.out.Put(0, 1);
  c.out.Put(device_specific, 1);
  if (ten) c.out.Put(long_lba ? 0x0100 : 0, 2);
  c.out.Put(descriptor_bytes, ten ? 2 : 1);
  if (descriptor) BlockDescriptor(c, long_lba);
  c.out.Bytes(std::span<const std::byte>(pages).first(pages_bytes));
  c.out.Set(0, c.out.size() - (ten ? 2 : 1), ten ? 2 : 1);
  c.Reply(allocation);
}

void ModeSelect(Command& c) {
  if (!c.Bit(1, 4)) return c.FailCdb(1, 4);  // PF 0: vendor specific pages
  if (c.Bit(1, 0)) return c.FailCdb(1, 0);   // SP: nothing is saved
  c.WantParameters(IsTen(c) ? c.Field(7, 2) : c.Byte(4));
}

void ModeSelectParameters(Command& c) {
  const size_t header = IsTen(c) ? 8 : 4;
  if (c.data.size() < header) return c.Fail({.code = SenseCode::kParameterListLengthError});
  const bool long_lba = IsTen(c) && (LoadBig(c.data, 4, 1) & 1) != 0;
  const uint64_t descriptor = IsTen(c) ? LoadBig(c.data, 6, 2) : LoadBig(c.data, 3, 1);
  if (descriptor != 0 && descriptor != (long_lba ? 16u : 8u)) {
    return c.FailParameter(IsTen(c) ? 6 : 3);
  }
  if (c.data.size() < header + descriptor) {
    return c.Fail({.code = SenseCode::kParameterListLengthError});
  }
  if (descriptor != 0 && !DescriptorMatches(c, c.data.subspan(header, descriptor))) {
    return c.FailParameter(static_cast<uint16_t>(header));
  }
  bool changed = false;
  const size_t first = header + descriptor;
  if (const auto error = c.mode_pages().Select(c.data.subspan(first), first, &changed)) {
    return c.Fail(*error);
  }
  if (changed) c.Raise(UnitAttention::kModeParametersChanged);
}

}  // namespace isthmus::scsi
