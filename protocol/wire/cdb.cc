#include "protocol/wire/cdb.h"

namespace isthmus::wire {
namespace {

constexpr int16_t kAny = -1;

// clang-format off
constexpr ScsiOperation kTable[] = {
    {0x00, kAny, "TEST UNIT READY"},
    {0x01, kAny, "REZERO UNIT"},
    {0x03, kAny, "REQUEST SENSE"},
    {0x04, kAny, "FORMAT UNIT"},
    {0x07, kAny, "REASSIGN BLOCKS"},
    {0x08, kAny, "READ(6)"},
    {0x0a, kAny, "WRITE(6)"},
    {0x0b, kAny, "SEEK(6)"},
    {0x12, kAny, "INQUIRY"},
    {0x15, kAny, "MODE SELECT(6)"},
    {0x16, kAny, "RESERVE(6)"},
    {0x17, kAny, "RELEASE(6)"},
    {0x1a, kAny, "MODE SENSE(6)"},
    {0x1b, kAny, "START STOP UNIT"},
    {0x1c, kAny, "RECEIVE DIAGNOSTIC RESULTS"},
    {0x1d, kAny, "SEND DIAGNOSTIC"},
    {0x1e, kAny, "PREVENT ALLOW MEDIUM REMOVAL"},
    {0x25, kAny, "READ CAPACITY(10)"},
    {0x28, kAny, "READ(10)"},
    {0x2a, kAny, "WRITE(10)"},
    {0x2b, kAny, "SEEK(10)"},
    {0x2e, kAny, "WRITE AND VERIFY(10)"},
    {0x2f, kAny, "VERIFY(10)"},
    {0x34, kAny, "PRE-FETCH(10)"},
    {0x35, kAny, "SYNCHRONIZE CACHE(10)"},
    {0x37, kAny, "READ DEFECT DATA(10)"},
    {0x3b, kAny, "WRITE BUFFER"},
    {0x3c, kAny, "READ BUFFER"},
    {0x3e, kAny, "READ LONG(10)"},
    {0x3f, kAny, "WRITE LONG(10)"},
    {0x41, kAny, "WRITE SAME(10)"},
    {0x42, kAny, "UNMAP"},
    {0x48, kAny, "SANITIZE"},
    {0x4c, kAny, "LOG SELECT"},
    {0x4d, kAny, "LOG SENSE"},
    {0x53, kAny, "XDWRITEREAD(10)"},
    {0x55, kAny, "MODE SELECT(10)"},
    {0x56, kAny, "RESERVE(10)"},
    {0x57, kAny, "RELEASE(10)"},
    {0x5a, kAny, "MODE SENSE(10)"},
    {0x5e, kAny, "PERSISTENT RESERVE IN"},
    {0x5f, kAny, "PERSISTENT RESERVE OUT"},
    {0x7e, kAny, "extended CDB"},
    {0x7f, 0x0009, "READ(32)"},
    {0x7f, 0x000a, "VERIFY(32)"},
    {0x7f, 0x000b, "WRITE(32)"},
    {0x7f, 0x000c, "WRITE AND VERIFY(32)"},
    {0x7f, 0x000d, "WRITE SAME(32)"},
    {0x7f, kAny, "variable length CDB"},
    {0x83, kAny, "THIRD-PARTY COPY OUT"},
    {0x84, kAny, "THIRD-PARTY COPY IN"},
    {0x85, kAny, "ATA PASS-THROUGH(16)"},
    {0x88, kAny, "READ(16)"},
    {0x89, kAny, "COMPARE AND WRITE"},
    {0x8a, kAny, "WRITE(16)"},
    {0x8b, kAny, "ORWRITE(16)"},
    {0x8e, kAny, "WRITE AND VERIFY(16)"},
    {0x8f, kAny, "VERIFY(16)"},
    {0x90, kAny, "PRE-FETCH(16)"},
    {0x91, kAny, "SYNCHRONIZE CACHE(16)"},
    {0x93, kAny, "WRITE SAME(16)"},
    {0x9c, kAny, "WRITE ATOMIC(16)"},
    {0x9e, 0x10, "READ CAPACITY(16)"},
    {0x9e, 0x11, "READ LONG(16)"},
    {0x9e, 0x12, "GET LBA STATUS(16)"},
    {0x9e, 0x13, "REPORT REFERRALS"},
    {0x9e, kAny, "SERVICE ACTION IN(16)"},
    {0x9f, 0x11, "WRITE LONG(16)"},
    {0x9f, kAny, "SERVICE ACTION OUT(16)"},
    {0xa0, kAny, "REPORT LUNS"},
    {0xa1, kAny, "ATA PASS-THROUGH(12)"},
    {0xa2, kAny, "SECURITY PROTOCOL IN"},
    {0xa3, 0x05, "REPORT IDENTIFYING INFORMATION"},
    {0xa3, 0x0a, "REPORT TARGET PORT GROUPS"},
    {0xa3, 0x0b, "REPORT ALIASES"},
    {0xa3, 0x0c, "REPORT SUPPORTED OPERATION CODES"},
    {0xa3, 0x0d, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"},
    {0xa3, 0x0e, "REPORT PRIORITY"},
    {0xa3, 0x0f, "REPORT TIMESTAMP"},
    {0xa3, kAny, "MAINTENANCE IN"},
    {0xa4, 0x06, "SET IDENTIFYING INFORMATION"},
    {0xa4, 0x0a, "SET TARGET PORT GROUPS"},
    {0xa4, 0x0e, "SET PRIORITY"},
    {0xa4, 0x0f, "SET TIMESTAMP"},
    {0xa4, kAny, "MAINTENANCE OUT"},
    {0xa8, kAny, "READ(12)"},
    {0xaa, kAny, "WRITE(12)"},
    {0xae, kAny, "WRITE AND VERIFY(12)"},
    {0xaf, kAny, "VERIFY(12)"},
    {0xb5, kAny, "SECURITY PROTOCOL OUT"},
    {0xb7, kAny, "READ DEFECT DATA(12)"},
};
// clang-format on

constexpr unsigned Byte(std::span<const std::byte> cdb, size_t at) {
  return static_cast<unsigned>(cdb[at]);
}

// Where the service action stands: bytes 8 and 9 of a variable-length CDB, else byte 1's low bits.
int ServiceActionOf(std::span<const std::byte> cdb) {
  if (Byte(cdb, 0) == 0x7f) {
    return cdb.size() < 10 ? -1 : static_cast<int>(Byte(cdb, 8) << 8 | Byte(cdb, 9));
  }
  return cdb.size() < 2 ? -1 : static_cast<int>(Byte(cdb, 1) & 0x1f);
}

}  // namespace

size_t CdbLength(std::span<const std::byte> cdb) {
  if (cdb.empty()) return 0;
  const unsigned code = Byte(cdb, 0);
  if (code == 0x7f) return cdb.size() < 8 ? 0 : Byte(cdb, 7) + size_t{8};
  if (code == 0x7e) return cdb.size() < 4 ? 0 : (Byte(cdb, 2) << 8 | Byte(cdb, 3)) + size_t{4};
  switch (code >> 5) {
    case 0:
      return 6;
    case 1:
    case 2:
      return 10;
    case 4:
      return 16;
    case 5:
      return 12;
    default:
      return 0;
  }
}

std::span<const ScsiOperation> ScsiOperations() { return kTable; }

const char* ScsiOperationName(std::span<const std::byte> cdb) {
  if (cdb.empty()) return "unknown";
  const unsigned code = Byte(cdb, 0);
  const int service_action = ServiceActionOf(cdb);
  for (const ScsiOperation& row : kTable) {
    if (row.operation_code != code) continue;
    if (row.service_action == kAny || row.service_action == service_action) return row.name;
  }
  return "unknown";
}

}  // namespace isthmus::wire
