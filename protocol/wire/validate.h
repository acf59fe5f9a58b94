// What a header alone shows to be wrong: opcode, lengths, fixed bits, reserved codes, fields that
// contradict each other. RFC 7143 sections 7.7, 7.13 and 11.
//
// Not here, because it needs a session: tags, numbers, windows, negotiated limits other than
// MaxRecvDataSegmentLength, codes that the target answers by a response (functions, CIDs).
//
//   Violation violation = Validate(header, Role::kTarget, max_recv_data_segment_length);
//   if (!violation.ok()) return MakeError(violation, role, PduClassOf(opcode), level);
#ifndef ISTHMUS_PROTOCOL_WIRE_VALIDATE_H_
#define ISTHMUS_PROTOCOL_WIRE_VALIDATE_H_

#include <cstdint>

#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

// What framing needs, before anything is gathered: known opcode of the right direction, AHS and
// data segment where they may be, length within the receiver's MaxRecvDataSegmentLength (bytes).
Violation ValidateFraming(const Bhs& header, Role receiver, uint32_t max_recv_data_segment_length);

// The fields of a header that has passed ValidateFraming. The first violation in header order of
// concern is returned; the rest may be looked for after a kIgnore.
Violation ValidateFields(const Bhs& header);

// Both.
Violation Validate(const Bhs& header, Role receiver, uint32_t max_recv_data_segment_length);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_VALIDATE_H_
