// The fields of PDUs that the target's engine reads and writes, and what each request may carry.
// Internal to target/. RFC 7143 section 11; the fields themselves are those of protocol/wire.
//
//   wire::Bhs header = pdu::Make(pdu::kNopIn);
//   pdu::SetInitiatorTaskTag(header, tag);
#ifndef ISTHMUS_TARGET_PDU_H_
#define ISTHMUS_TARGET_PDU_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus::target::pdu {

using wire::Bhs;
using wire::Field;
using wire::kReservedTag;

inline constexpr size_t kHeaderBytes = wire::kBhsSize;

// Section 11.2.1.2.
inline constexpr uint8_t kNopOut = 0x00, kScsiCommand = 0x01, kTaskManagementRequest = 0x02,
                         kLoginRequest = 0x03, kTextRequest = 0x04, kDataOut = 0x05,
                         kLogoutRequest = 0x06, kSnackRequest = 0x10;
inline constexpr uint8_t kNopIn = 0x20, kScsiResponse = 0x21, kTaskManagementResponse = 0x22,
                         kLoginResponse = 0x23, kTextResponse = 0x24, kDataIn = 0x25,
                         kLogoutResponse = 0x26, kR2t = 0x31, kAsyncMessage = 0x32, kReject = 0x3f;

struct RequestInfo {
  uint8_t opcode;
  PduClass pdu_class;
  bool has_ahs;
  bool has_data;
  bool always_final;  // the F bit is 1 in every one
};
inline constexpr RequestInfo kRequests[] = {
    {kNopOut, PduClass::kNop, false, true, true},
    {kScsiCommand, PduClass::kCommand, true, true, false},
    {kTaskManagementRequest, PduClass::kTaskManagement, false, false, true},
    {kLoginRequest, PduClass::kLogin, false, true, false},
    {kTextRequest, PduClass::kText, false, true, false},
    {kDataOut, PduClass::kData, false, true, false},
    {kLogoutRequest, PduClass::kLogout, false, false, true},
    {kSnackRequest, PduClass::kSnack, false, false, true},
};
constexpr const RequestInfo* FindRequest(uint8_t opcode) {
  for (const RequestInfo& info : kRequests) {
    if (info.opcode == opcode) return &info;
  }
  return nullptr;
}

using LunBytes = std::array<std::byte, 8>;
using IsidBytes = std::array<std::byte, 6>;
inline constexpr Field<LunBytes> kLunBytes = {8, 0, 64, "LUN", "11.2.1.7"};
inline constexpr Field<IsidBytes> kIsid = {8, 0, 48, "ISID", "11.12.5"};
inline constexpr Field<uint16_t> kTsih = {14, 0, 16, "TSIH", "11.12.6"};
inline constexpr Field<uint16_t> kCid = {20, 0, 16, "CID", "11.12.7"};
inline constexpr Field<uint8_t> kCsg = {1, 4, 2, "CSG", "11.12.3"};
inline constexpr Field<uint8_t> kNsg = {1, 6, 2, "NSG", "11.12.3"};
inline constexpr Field<uint8_t> kVersionMax = {2, 0, 8, "Version-max", "11.12.4.1"};
inline constexpr Field<uint8_t> kVersionMin = {3, 0, 8, "Version-min", "11.12.4.2"};
inline constexpr Field<uint8_t> kStatusClass = {36, 0, 8, "Status-Class", "11.13.5"};
inline constexpr Field<uint8_t> kStatusDetail = {37, 0, 8, "Status-Detail", "11.13.5"};
inline constexpr Field<bool> kRead = {1, 1, 1, "R", "11.3.1"};
inline constexpr Field<bool> kWrite = {1, 2, 1, "W", "11.3.1"};
inline constexpr Field<uint8_t> kAttr = {1, 5, 3, "ATTR", "11.3.1"};
inline constexpr Field<uint8_t> kPri = {2, 0, 4, "PRI", "RFC 7144", 2};
inline constexpr Field<uint32_t> kLength = {20, 0, 32, "Expected Data Transfer Length", "11.3.4"};
inline constexpr Field<uint8_t> kFunction = {1, 1, 7, "Function", "11.5.1"};
inline constexpr Field<uint32_t> kRefTag = {20, 0, 32, "Referenced Task Tag", "11.5.4"};
inline constexpr Field<uint32_t> kRefCmdSn = {32, 0, 32, "RefCmdSN", "11.5.5"};
inline constexpr Field<uint8_t> kByte2 = {2, 0, 8, "Response or Reason", "11.4.3"};
inline constexpr Field<uint8_t> kByte3 = {3, 0, 8, "Status", "11.4.2"};
inline constexpr Field<uint16_t> kQualifier = {8, 0, 16, "Status Qualifier", "RFC 7144", 2};
inline constexpr Field<uint32_t> kAri = {8,          0, 24, "Additional Response Information",
                                         "RFC 7144", 2};
inline constexpr Field<uint32_t> kBidiResidual = {40, 0, 32, "Bidirectional Read Residual Count",
                                                  "11.4.6"};
inline constexpr Field<uint32_t> kDesired = {44, 0, 32, "Desired Data Transfer Length", "11.8.4"};
inline constexpr Field<uint16_t> kTime2Wait = {40, 0, 16, "Time2Wait", "11.15.3"};
inline constexpr Field<uint16_t> kTime2Retain = {42, 0, 16, "Time2Retain", "11.15.4"};
inline constexpr Field<uint8_t> kAsyncEvent = {36, 0, 8, "AsyncEvent", "11.9.1"};
inline constexpr Field<uint8_t> kAsyncVcode = {37, 0, 8, "AsyncVCode", "11.9.2"};
inline constexpr Field<uint16_t> kParameter1 = {38, 0, 16, "Parameter1", "11.9.1"};
inline constexpr Field<uint16_t> kParameter2 = {40, 0, 16, "Parameter2", "11.9.1"};
inline constexpr Field<uint16_t> kParameter3 = {42, 0, 16, "Parameter3", "11.9.1"};
inline constexpr Field<bool> kBidiOverflow = {1, 3, 1, "o", "11.4.1"};
inline constexpr Field<bool> kBidiUnderflow = {1, 4, 1, "u", "11.4.1"};
inline constexpr Field<bool> kOverflow = {1, 5, 1, "O", "11.4.1"};
inline constexpr Field<bool> kUnderflow = {1, 6, 1, "U", "11.4.1"};
inline constexpr Field<bool> kStatusBit = {1, 7, 1, "S", "11.7.3"};

// ---- Requests.
inline uint8_t Opcode(const Bhs& h) { return wire::Get(h, wire::kOpcode); }
inline bool Immediate(const Bhs& h) { return wire::Get(h, wire::kImmediate); }
inline bool Final(const Bhs& h) { return wire::Get(h, wire::kFinal); }
inline bool Transit(const Bhs& h) { return Final(h); }
inline bool Continue(const Bhs& h) { return wire::Get(h, wire::kContinue); }
inline LunBytes Lun(const Bhs& h) { return wire::Get(h, kLunBytes); }
inline uint32_t InitiatorTaskTag(const Bhs& h) { return wire::Get(h, wire::kInitiatorTaskTag); }
inline uint32_t TargetTransferTag(const Bhs& h) { return wire::Get(h, wire::kTargetTransferTag); }
inline uint32_t CmdSn(const Bhs& h) { return wire::Get(h, wire::kCmdSn); }
inline uint32_t ExpStatSn(const Bhs& h) { return wire::Get(h, wire::kExpStatSn); }
inline uint32_t DataSn(const Bhs& h) { return wire::Get(h, wire::kDataSn); }
inline uint32_t BufferOffset(const Bhs& h) { return wire::Get(h, wire::kBufferOffset); }
inline uint8_t CurrentStage(const Bhs& h) { return wire::Get(h, kCsg); }
inline uint8_t NextStage(const Bhs& h) { return wire::Get(h, kNsg); }
inline uint8_t VersionMax(const Bhs& h) { return wire::Get(h, kVersionMax); }
inline uint8_t VersionMin(const Bhs& h) { return wire::Get(h, kVersionMin); }
inline IsidBytes Isid(const Bhs& h) { return wire::Get(h, kIsid); }
inline uint16_t Tsih(const Bhs& h) { return wire::Get(h, kTsih); }
inline uint16_t LoginCid(const Bhs& h) { return wire::Get(h, kCid); }
inline uint16_t LogoutCid(const Bhs& h) { return wire::Get(h, kCid); }
inline bool ReadBit(const Bhs& h) { return wire::Get(h, kRead); }
inline bool WriteBit(const Bhs& h) { return wire::Get(h, kWrite); }
inline uint8_t Attribute(const Bhs& h) { return wire::Get(h, kAttr); }
inline uint8_t Priority(const Bhs& h) { return wire::Get(h, kPri); }
inline uint32_t ExpectedDataTransferLength(const Bhs& h) { return wire::Get(h, kLength); }
inline const std::byte* Cdb(const Bhs& h) { return h.bytes.data() + 32; }
inline uint8_t Function(const Bhs& h) { return wire::Get(h, kFunction); }
inline uint32_t ReferencedTaskTag(const Bhs& h) { return wire::Get(h, kRefTag); }
inline uint32_t RefCmdSn(const Bhs& h) { return wire::Get(h, kRefCmdSn); }
inline uint8_t LogoutReason(const Bhs& h) { return wire::Get(h, kFunction); }
inline const std::byte* Raw(const Bhs& h) { return h.bytes.data(); }

// ---- Responses. All are final but Text, Login and Data-In, whose F or T says something.
inline Bhs Make(uint8_t opcode) {
  Bhs header;
  wire::Set(header, wire::kOpcode, opcode);
  const bool final = opcode != kTextResponse && opcode != kLoginResponse && opcode != kDataIn;
  wire::Set(header, wire::kFinal, final);
  return header;
}
inline void SetLun(Bhs& h, const LunBytes& lun) { wire::Set(h, kLunBytes, lun); }
inline void SetInitiatorTaskTag(Bhs& h, uint32_t v) { wire::Set(h, wire::kInitiatorTaskTag, v); }
inline void SetTargetTransferTag(Bhs& h, uint32_t v) { wire::Set(h, wire::kTargetTransferTag, v); }
inline void SetStatSn(Bhs& h, uint32_t v) { wire::Set(h, wire::kStatSn, v); }
inline void SetExpCmdSn(Bhs& h, uint32_t v) { wire::Set(h, wire::kExpCmdSn, v); }
inline void SetMaxCmdSn(Bhs& h, uint32_t v) { wire::Set(h, wire::kMaxCmdSn, v); }
inline void SetDataSn(Bhs& h, uint32_t v) { wire::Set(h, wire::kDataSn, v); }
inline void SetExpDataSn(Bhs& h, uint32_t v) { wire::Set(h, wire::kDataSn, v); }
inline void SetBufferOffset(Bhs& h, uint32_t v) { wire::Set(h, wire::kBufferOffset, v); }
inline void SetDesiredDataTransferLength(Bhs& h, uint32_t v) { wire::Set(h, kDesired, v); }
inline void SetFinalContinue(Bhs& h, bool final, bool continues) {
  wire::Set(h, wire::kFinal, final);
  wire::Set(h, wire::kContinue, continues);
}
inline void SetLoginResponseFlags(Bhs& h, bool transit, bool continues, uint8_t csg, uint8_t nsg) {
  SetFinalContinue(h, transit, continues);
  wire::Set(h, kCsg, csg);
  wire::Set(h, kNsg, nsg);
}
inline void SetIsid(Bhs& h, const IsidBytes& isid) { wire::Set(h, kIsid, isid); }
inline void SetTsih(Bhs& h, uint16_t v) { wire::Set(h, kTsih, v); }
inline void SetLoginStatus(Bhs& h, uint8_t status_class, uint8_t status_detail) {
  wire::Set(h, kStatusClass, status_class);
  wire::Set(h, kStatusDetail, status_detail);
}
// Residual bits, S and the status of a Data-In that ends its task (section 11.7.3).
inline void SetDataInStatus(Bhs& h, uint8_t status, bool overflow, bool underflow,
                            uint32_t residual) {
  wire::Set(h, wire::kFinal, true);
  wire::Set(h, kStatusBit, true);
  wire::Set(h, kOverflow, overflow);
  wire::Set(h, kUnderflow, underflow);
  wire::Set(h, kByte3, status);
  wire::Set(h, wire::kResidualCount, residual);
}
inline bool DataInHasStatus(const Bhs& h) { return wire::Get(h, kStatusBit); }
inline void SetResponseFlags(Bhs& h, bool overflow, bool underflow, bool bidi_overflow,
                             bool bidi_underflow) {
  wire::Set(h, kOverflow, overflow);
  wire::Set(h, kUnderflow, underflow);
  wire::Set(h, kBidiOverflow, bidi_overflow);
  wire::Set(h, kBidiUnderflow, bidi_underflow);
}
inline void SetResponse(Bhs& h, uint8_t response, uint8_t status) {
  wire::Set(h, kByte2, response);
  wire::Set(h, kByte3, status);
}
inline void SetResidualCounts(Bhs& h, uint32_t residual, uint32_t bidi_residual) {
  wire::Set(h, wire::kResidualCount, residual);
  wire::Set(h, kBidiResidual, bidi_residual);
}
inline void SetStatusQualifier(Bhs& h, uint16_t v) { wire::Set(h, kQualifier, v); }
inline void SetFunctionResponse(Bhs& h, uint8_t response) { wire::Set(h, kByte2, response); }
inline void SetAdditionalResponseInformation(Bhs& h, uint32_t v) { wire::Set(h, kAri, v); }
inline void SetTime2(Bhs& h, uint16_t wait, uint16_t retain) {
  wire::Set(h, kTime2Wait, wait);
  wire::Set(h, kTime2Retain, retain);
}
inline void SetRejectReason(Bhs& h, uint8_t reason) { wire::Set(h, kByte2, reason); }
inline void SetAsync(Bhs& h, uint8_t event, uint8_t vcode, uint16_t p1, uint16_t p2, uint16_t p3) {
  wire::Set(h, kAsyncEvent, event);
  wire::Set(h, kAsyncVcode, vcode);
  wire::Set(h, kParameter1, p1);
  wire::Set(h, kParameter2, p2);
  wire::Set(h, kParameter3, p3);
}

// Whether the PDU advances StatSN (sections 11.4.9, 11.7.3, 11.8.3, 11.19.2).
inline bool TakesStatSn(const Bhs& h) {
  switch (Opcode(h)) {
    case kR2t:
      return false;
    case kDataIn:
      return DataInHasStatus(h);
    case kNopIn:
      return InitiatorTaskTag(h) != kReservedTag;
    default:
      return true;
  }
}
// Whether the next StatSN stands in it though it does not advance it; in a Data-In without status
// it is reserved.
inline bool CarriesStatSn(const Bhs& h) { return Opcode(h) != kDataIn; }

// ---- Bytes outside a header.
inline uint32_t U16(const std::byte* at) {
  return static_cast<uint32_t>(at[0]) << 8 | static_cast<uint32_t>(at[1]);
}
inline uint32_t U32(const std::byte* at) { return U16(at) << 16 | U16(at + 2); }
inline void PutU16(std::byte* at, uint16_t v) {
  at[0] = static_cast<std::byte>(v >> 8);
  at[1] = static_cast<std::byte>(v & 0xff);
}

}  // namespace isthmus::target::pdu

#endif  // ISTHMUS_TARGET_PDU_H_
