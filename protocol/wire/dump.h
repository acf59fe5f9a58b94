// A header as one line of text: the PDU's name, then each field by the RFC's name. RFC 7143
// section 11. For traces, tests and captures; nothing is allocated.
//
// Only the 48 header bytes are shown. They hold no secrets: text and data are in the data segment.
//
//   char line[kMaxDumpBytes];
//   Log(Dump(header, line));   // "SCSI Command I=0 F=1 R=1 W=0 ATTR=1 (Simple) ... CDB=2800..."
#ifndef ISTHMUS_PROTOCOL_WIRE_DUMP_H_
#define ISTHMUS_PROTOCOL_WIRE_DUMP_H_

#include <cstddef>
#include <span>
#include <string_view>

#include "protocol/wire/field.h"

namespace isthmus::wire {

// Enough for any header.
inline constexpr size_t kMaxDumpBytes = 768;

// Writes the line into `out` and returns it; it is cut where `out` ends. Fixed fields are left out
// unless they are wrong, reserved bits unless they are set. An unknown opcode shows all 48 bytes.
std::string_view Dump(const Bhs& header, std::span<char> out);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_DUMP_H_
