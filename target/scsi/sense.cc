#include "target/scsi/sense.h"

#include "target/scsi/bytes.h"

namespace isthmus::scsi {
namespace {

constexpr SenseRow kRows[] = {
#define ISTHMUS_ROW(code, key, asc, ascq) {SenseKey::key, asc, ascq},
    ISTHMUS_SCSI_SENSE_TABLE(ISTHMUS_ROW)
#undef ISTHMUS_ROW
};

// The three sense-key specific bytes of an ILLEGAL REQUEST: SKSV, C/D, BPV, bit pointer, field
// pointer.
std::array<std::byte, 3> FieldPointer(const SenseField& field) {
  uint8_t first = 0x80;
  if (field.in_cdb) first |= 0x40;
  if (field.bit) first |= 0x08 | (*field.bit & 0x07);
  std::array<std::byte, 3> bytes{std::byte{first}};
  StoreBig(bytes, 1, 2, field.byte);
  return bytes;
}

}  // namespace

const SenseRow& Describe(SenseCode code) { return kRows[static_cast<size_t>(code)]; }

SenseBuffer EncodeSense(const Sense& sense, bool descriptor_format) {
  const SenseRow& row = Describe(sense.code);
  wire::Sense wire_sense;
  wire_sense.key = static_cast<uint8_t>(row.key);
  wire_sense.asc = row.asc;
  wire_sense.ascq = row.ascq;
  wire_sense.information = sense.information;
  if (sense.field) wire_sense.sense_key_specific = FieldPointer(*sense.field);
  SenseBuffer out;
  out.size =
      static_cast<uint8_t>(descriptor_format ? wire::BuildDescriptorSense(wire_sense, out.bytes)
                                             : wire::BuildFixedSense(wire_sense, out.bytes));
  return out;
}

}  // namespace isthmus::scsi
