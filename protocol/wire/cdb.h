// SCSI command descriptor blocks as iSCSI sees them: how long one is, and its name. RFC 7143
// section 11.3.5, SPC-4 4.3.
//
// Vocabulary for both sides' traces, tools and length checks; what a command does is the device
// server's business.
//
//   size_t length = CdbLength(cdb);             // 0: reserved or vendor specific: take what came
//   Log(ScsiOperationName(cdb));                // "READ(10)"
#ifndef ISTHMUS_PROTOCOL_WIRE_CDB_H_
#define ISTHMUS_PROTOCOL_WIRE_CDB_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus::wire {

// The length that the operation code gives, in bytes: by group code (its top three bits), or for
// the variable-length commands (7Fh) and extended ones (7Eh) from their length field. 0 if the
// group is reserved or vendor specific, the CDB is empty, or the bytes end before the length field.
// Never more than 65,535 + 4; compare it with what is there.
size_t CdbLength(std::span<const std::byte> cdb);

// One operation code, with the service action where the code alone does not name a command.
struct ScsiOperation {
  uint8_t operation_code;
  int16_t service_action;  // -1: any
  const char* name;        // SPC's and SBC's spelling: "READ CAPACITY(16)"
};

// The known ones, ascending by operation code.
std::span<const ScsiOperation> ScsiOperations();

// The CDB's name; "unknown" for one that the table lacks.
const char* ScsiOperationName(std::span<const std::byte> cdb);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_CDB_H_
