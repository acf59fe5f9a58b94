// The Layouts as data, for what looks at a header without knowing its type at compile time: dumps,
// docs, test tools. RFC 7143 section 11.
//
//   for (const FieldInfo& field : FieldsOf(opcode)) Print(field.name, ValueOf(header, field));
#ifndef ISTHMUS_PROTOCOL_WIRE_PDU_TABLE_H_
#define ISTHMUS_PROTOCOL_WIRE_PDU_TABLE_H_

#include <cstdint>
#include <span>

#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

enum class FieldKind : uint8_t { kMember, kFixed, kReserved };

struct FieldInfo {
  FieldKind kind;
  uint8_t byte;
  uint8_t bit;  // 0 is the most significant
  uint16_t width;
  const char* name;     // in the RFC's spelling; "reserved"
  const char* section;  // of RFC 7143, "RFC 7144", or "" if reserved
  uint8_t protocol_level;
  uint32_t fixed_value;              // of kFixed
  std::span<const Code> (*codes)();  // the codes that the field holds, or null
};

// The PDU's fields in the order of the header; empty for an opcode that RFC 7143 does not define.
std::span<const FieldInfo> FieldsOf(uint8_t opcode);

// The value of a field of at most 64 bits; of a wider one, its first 64 bits.
uint64_t ValueOf(const Bhs& header, const FieldInfo& field);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_PDU_TABLE_H_
