// The opcodes, and what each PDU may carry. RFC 7143 sections 11.2.1.1 to 11.2.1.6.
//
//   const OpcodeInfo* info = FindOpcode(Get(header, kOpcode));
//   if (info == nullptr || info->sender == role) ...   // unassigned, or of the other direction
//   PduClass pdu_class = info->pdu_class;               // for MakeError
#ifndef ISTHMUS_PROTOCOL_WIRE_OPCODE_H_
#define ISTHMUS_PROTOCOL_WIRE_OPCODE_H_

#include <cstdint>
#include <span>

#include "protocol/error.h"

namespace isthmus::wire {

// Section 11.2.1.2. 0x1c to 0x1e and 0x3c to 0x3e are vendor specific; all others are unassigned.
enum class Opcode : uint8_t {
  kNopOut = 0x00,
  kScsiCommand = 0x01,
  kTaskManagementFunctionRequest = 0x02,
  kLoginRequest = 0x03,
  kTextRequest = 0x04,
  kDataOut = 0x05,
  kLogoutRequest = 0x06,
  kSnackRequest = 0x10,
  kNopIn = 0x20,
  kScsiResponse = 0x21,
  kTaskManagementFunctionResponse = 0x22,
  kLoginResponse = 0x23,
  kTextResponse = 0x24,
  kDataIn = 0x25,
  kLogoutResponse = 0x26,
  kR2t = 0x31,
  kAsynchronousMessage = 0x32,
  kReject = 0x3f,
};

enum class ImmediateBit : uint8_t {
  kReserved,  // ignored on receipt
  kAllowed,   // 1: immediate delivery
  kAlways,    // the PDU is always immediate, whatever the bit says (Login Request, section 11.12)
};

struct OpcodeInfo {
  Opcode opcode;
  const char* name;     // in the RFC's spelling
  const char* section;  // of RFC 7143
  Role sender;
  PduClass pdu_class;  // row and column of the error table
  ImmediateBit immediate;
  bool may_carry_ahs;
  bool may_carry_data;  // a data segment
  bool always_final;    // byte 1 bit 0 is always 1
  bool takes_cmd_sn;    // has CmdSN, and advances it unless immediate (section 4.2.2.1)
  bool takes_stat_sn;   // advances StatSN; of Data-In with S and NOP-In with a valid tag only
};

// The 18 opcodes of RFC 7143, ascending.
std::span<const OpcodeInfo> Opcodes();

// Null for an opcode that is unassigned or vendor specific. Constant time; any value may be asked.
const OpcodeInfo* FindOpcode(uint8_t opcode);
inline const OpcodeInfo& InfoOf(Opcode opcode) { return *FindOpcode(static_cast<uint8_t>(opcode)); }

// The PDU's row of the error table; kNone for an unknown opcode.
PduClass PduClassOf(uint8_t opcode);

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_OPCODE_H_
