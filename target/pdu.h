// Short names for what the target's engine reads of requests again and again: fields that stand at
// one place in every PDU that has them. Internal to target/. RFC 7143 section 11.2; everything else
// is read and built by the structs of protocol/wire.
//
//   if (pdu::Opcode(header) == wire::Opcode::kScsiCommand) tag = pdu::InitiatorTaskTag(header);
#ifndef ISTHMUS_TARGET_PDU_H_
#define ISTHMUS_TARGET_PDU_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/wire/field.h"
#include "protocol/wire/lun.h"
#include "protocol/wire/opcode.h"

namespace isthmus::target::pdu {

using wire::Bhs;
using wire::kReservedTag;

inline wire::Opcode Opcode(const Bhs& h) {
  return static_cast<wire::Opcode>(wire::Get(h, wire::kOpcode));
}
inline bool Immediate(const Bhs& h) { return wire::Get(h, wire::kImmediate); }
inline bool Final(const Bhs& h) { return wire::Get(h, wire::kFinal); }
inline bool Continue(const Bhs& h) { return wire::Get(h, wire::kContinue); }
inline std::array<std::byte, 8> Lun(const Bhs& h) {
  return wire::LunToBytes(wire::Get(h, wire::kLun));
}
inline uint32_t InitiatorTaskTag(const Bhs& h) { return wire::Get(h, wire::kInitiatorTaskTag); }
inline uint32_t TargetTransferTag(const Bhs& h) { return wire::Get(h, wire::kTargetTransferTag); }
inline uint32_t CmdSn(const Bhs& h) { return wire::Get(h, wire::kCmdSn); }
inline uint32_t ExpStatSn(const Bhs& h) { return wire::Get(h, wire::kExpStatSn); }
inline uint32_t DataSn(const Bhs& h) { return wire::Get(h, wire::kDataSn); }
inline uint32_t BufferOffset(const Bhs& h) { return wire::Get(h, wire::kBufferOffset); }

// The whole header as its PDU's struct.
template <class Pdu>
inline Pdu Read(const Bhs& header, int protocol_level = 1) {
  Pdu pdu;
  wire::Decode(header, &pdu, protocol_level);
  return pdu;
}
template <class Pdu>
inline Bhs Written(const Pdu& pdu, int protocol_level = 1) {
  Bhs header;
  wire::Encode(pdu, &header, protocol_level);
  return header;
}

}  // namespace isthmus::target::pdu

#endif  // ISTHMUS_TARGET_PDU_H_
