// INQUIRY: standard data and the vital product data pages (SPC-4 6.6, 7.8; SBC-3 6.6).
#include <string>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {
namespace {

constexpr uint8_t kDirectAccess = 0x00;
constexpr uint8_t kIscsiProtocol = 0x05;

// SAM-5, SPC-4, SBC-3, iSCSI: no version of each claimed.
constexpr uint16_t kVersionDescriptors[] = {0x00a0, 0x0960, 0x0460, 0x04c0};

void StandardData(Command& c) {
  DataInWriter& out = c.out;
  const UnitOptions& options = c.unit.options();
  out.Put(kDirectAccess, 1);
  out.Put(options.removable ? 0x80 : 0x00, 1);  // RMB
  out.Put(0x06, 1);                             // SPC-4
  out.Put(0x12, 1);                             // HISUP, RESPONSE DATA FORMAT 2
  out.Put(0, 1);                                // ADDITIONAL LENGTH, set below
  out.Put(0x00, 1);                             // no SCCS, ACC, TPGS, 3PC, PROTECT
  out.Put(0x00, 1);
  out.Put(0x02, 1);  // CMDQUE
  out.Padded(options.vendor, 8);
  out.Padded(options.product, 16);
  out.Padded(options.revision, 4);
  out.Zeroes(22);
  for (const uint16_t version : kVersionDescriptors) out.Put(version, 2);
  out.Zeroes(96 - out.size());
  out.Set(4, out.size() - 5, 1);
}

// A name that is as distinct as vendor, product and serial number together: FNV-1a, for the locally
// assigned NAA.
uint64_t HashName(const UnitOptions& options) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const std::string* part : {&options.vendor, &options.product, &options.serial}) {
    for (const char ch : *part) {
      hash ^= static_cast<uint8_t>(ch);
      hash *= 0x100000001b3;
    }
    hash *= 0x100000001b3;
  }
  return hash;
}

enum class Association : uint8_t { kUnit = 0, kPort = 1, kDevice = 2 };

// A designator's header; its length byte is set by EndDesignator.
size_t BeginDesignator(Command& c, uint8_t code_set, Association association, uint8_t type) {
  const bool of_unit = association == Association::kUnit;
  c.out.Put(static_cast<uint8_t>((of_unit ? 0 : kIscsiProtocol << 4) | code_set), 1);
  c.out.Put(
      static_cast<uint8_t>((of_unit ? 0 : 0x80) | static_cast<uint8_t>(association) << 4 | type),
      1);
  c.out.Put(0, 2);
  return c.out.size();
}

void EndDesignator(Command& c, size_t begin) { c.out.Set(begin - 1, c.out.size() - begin, 1); }

// Null-terminated UTF-8, padded to a multiple of four (SPC-4 7.8.5.9).
void ScsiNameString(Command& c, Association association, const std::string& name) {
  const size_t begin = BeginDesignator(c, 0x3, association, 0x8);
  c.out.Text(name);
  c.out.Zeroes(4 - name.size() % 4);
  EndDesignator(c, begin);
}

void SupportedPages(Command& c);

void UnitSerialNumber(Command& c) { c.out.Text(c.unit.options().serial); }

void DeviceIdentification(Command& c) {
  const UnitOptions& options = c.unit.options();
  size_t begin = BeginDesignator(c, 0x1, Association::kUnit, 0x3);  // NAA 3h, locally assigned
  c.out.Put(0x3000000000000000 | HashName(options) >> 4, 8);
  EndDesignator(c, begin);
  begin = BeginDesignator(c, 0x2, Association::kUnit, 0x1);  // T10 vendor identification
  c.out.Padded(options.vendor, 8);
  c.out.Text(options.serial);
  EndDesignator(c, begin);
  begin = BeginDesignator(c, 0x1, Association::kPort, 0x4);  // relative target port
  c.out.Put(c.itl.name->relative_target_port, 4);
  EndDesignator(c, begin);
  const std::string& target = c.itl.target->target_name;
  if (target.empty()) return;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string port = target + ",t,0x";
  for (int shift = 12; shift >= 0; shift -= 4) {
    port += kHex[c.itl.name->relative_target_port >> shift & 0xf];
  }
  ScsiNameString(c, Association::kPort, port);
  ScsiNameString(c, Association::kDevice, target);
}

void BlockLimits(Command& c) {
  const UnitLimits& limits = c.unit.limits();
  const target::Geometry& geometry = c.unit.geometry();
  const uint32_t granularity = geometry.preferred_bytes / geometry.block_bytes;
  DataInWriter& out = c.out;
  out.Put(0x00, 1);  // WSNZ 0: WRITE SAME of 0 blocks goes to the end
  out.Put(limits.compare_and_write_blocks, 1);
  out.Put(granularity, 2);
  out.Put(limits.transfer_blocks, 4);
  out.Put(0, 4);  // OPTIMAL TRANSFER LENGTH: not known
  out.Put(0, 4);
  out.Put(limits.unmap_blocks, 4);
  out.Put(limits.unmap_descriptors, 4);
  out.Put(geometry.can_unmap ? granularity : 0, 4);
  out.Put(geometry.can_unmap ? 0x80000000 : 0, 4);  // UGAVALID, alignment 0
  out.Put(limits.write_same_blocks, 8);
  out.Zeroes(64 - out.size());
}

void BlockDeviceCharacteristics(Command& c) {
  c.out.Put(c.unit.geometry().rotating ? 0x0000 : 0x0001, 2);  // not reported, or does not rotate
  c.out.Zeroes(64 - c.out.size());
}

void LogicalBlockProvisioning(Command& c) {
  const bool thin = c.unit.geometry().can_unmap;
  c.out.Put(0, 1);
  c.out.Put(thin ? 0xc4 : 0x00, 1);  // LBPU, LBPWS, LBPRZ
  c.out.Put(thin ? 0x02 : 0x00, 1);  // thin provisioned, or fully
  c.out.Put(0, 1);
}

struct VpdRow {
  uint8_t code;
  Handler write;  // after the four bytes of the header
};
constexpr VpdRow kPages[] = {
    {0x00, SupportedPages}, {0x80, UnitSerialNumber},           {0x83, DeviceIdentification},
    {0xb0, BlockLimits},    {0xb1, BlockDeviceCharacteristics}, {0xb2, LogicalBlockProvisioning},
};

void SupportedPages(Command& c) {
  for (const VpdRow& page : kPages) c.out.Put(page.code, 1);
}

}  // namespace

void Inquiry(Command& c) {
  const uint64_t allocation = c.Field(3, 2);
  const uint8_t page = c.Byte(2);
  if (c.Bit(1, 1)) return c.FailCdb(1, 1);  // CMDDT, obsolete
  if (!c.Bit(1, 0)) {
    if (page != 0) return c.FailCdb(2);
    StandardData(c);
    return c.Reply(allocation);
  }
  for (const VpdRow& row : kPages) {
    if (row.code != page) continue;
    c.out.Put(kDirectAccess, 1);
    c.out.Put(page, 1);
    c.out.Put(0, 2);
    row.write(c);
    c.out.Set(2, c.out.size() - 4, 2);
    return c.Reply(allocation);
  }
  c.FailCdb(2);
}

}  // namespace isthmus::scsi
