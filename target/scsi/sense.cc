#include "target/scsi/sense.h"

#include <limits>

#include "target/scsi/bytes.h"

namespace isthmus::scsi {
namespace {

constexpr SenseRow kRows[] = {
#define ISTHMUS_ROW(code, key, asc, ascq, name) {SenseKey::key, asc, ascq, name},
    ISTHMUS_SCSI_SENSE_TABLE(ISTHMUS_ROW)
#undef ISTHMUS_ROW
};

// The three sense-key specific bytes of an ILLEGAL REQUEST: SKSV, C/D, BPV, bit pointer, field
// pointer.
void StoreFieldPointer(const SenseField& field, std::span<std::byte> out) {
  uint8_t first = 0x80;
  if (field.in_cdb) first |= 0x40;
  if (field.bit) first |= 0x08 | (*field.bit & 0x07);
  out[0] = std::byte{first};
  StoreBig(out, 1, 2, field.byte);
}

SenseBuffer EncodeFixed(const Sense& sense, const SenseRow& row) {
  SenseBuffer out;
  out.size = 18;
  std::span<std::byte> bytes(out.bytes);
  // INFORMATION has four bytes here: what needs more is not valid.
  const bool valid =
      sense.information && *sense.information <= std::numeric_limits<uint32_t>::max();
  bytes[0] = std::byte{static_cast<uint8_t>(valid ? 0xf0 : 0x70)};
  bytes[2] = static_cast<std::byte>(row.key);
  if (valid) StoreBig(bytes, 3, 4, *sense.information);
  bytes[7] = std::byte{10};
  bytes[12] = std::byte{row.asc};
  bytes[13] = std::byte{row.ascq};
  if (sense.field) StoreFieldPointer(*sense.field, bytes.subspan(15, 3));
  return out;
}

SenseBuffer EncodeDescriptors(const Sense& sense, const SenseRow& row) {
  SenseBuffer out;
  std::span<std::byte> bytes(out.bytes);
  bytes[0] = std::byte{0x72};
  bytes[1] = static_cast<std::byte>(row.key);
  bytes[2] = std::byte{row.asc};
  bytes[3] = std::byte{row.ascq};
  size_t size = 8;
  if (sense.information) {
    bytes[size + 1] = std::byte{0x0a};
    bytes[size + 2] = std::byte{0x80};
    StoreBig(bytes, size + 4, 8, *sense.information);
    size += 12;
  }
  if (sense.field) {
    bytes[size] = std::byte{0x02};
    bytes[size + 1] = std::byte{0x06};
    StoreFieldPointer(*sense.field, bytes.subspan(size + 4, 3));
    size += 8;
  }
  bytes[7] = static_cast<std::byte>(size - 8);
  out.size = static_cast<uint8_t>(size);
  return out;
}

}  // namespace

const SenseRow& Describe(SenseCode code) { return kRows[static_cast<size_t>(code)]; }

SenseBuffer EncodeSense(const Sense& sense, bool descriptor_format) {
  const SenseRow& row = Describe(sense.code);
  return descriptor_format ? EncodeDescriptors(sense, row) : EncodeFixed(sense, row);
}

}  // namespace isthmus::scsi
