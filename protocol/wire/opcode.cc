#include "protocol/wire/opcode.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace isthmus::wire {
namespace {

constexpr Role kI = Role::kInitiator;
constexpr Role kT = Role::kTarget;
constexpr ImmediateBit kNever = ImmediateBit::kReserved;
constexpr ImmediateBit kMay = ImmediateBit::kAllowed;
constexpr ImmediateBit kAlways = ImmediateBit::kAlways;

// clang-format off
constexpr OpcodeInfo kTable[] = {
    // opcode, name, section, sender, class, I, AHS, data, F, CmdSN, StatSN
    {Opcode::kNopOut, "NOP-Out", "11.18", kI, PduClass::kNop, kMay, false, true, true, true, false},
    {Opcode::kScsiCommand, "SCSI Command", "11.3", kI, PduClass::kCommand, kMay, true, true, false, true, false},
    {Opcode::kTaskManagementFunctionRequest, "Task Management Function Request", "11.5", kI, PduClass::kTaskManagement, kMay, false, false, true, true, false},
    {Opcode::kLoginRequest, "Login Request", "11.12", kI, PduClass::kLogin, kAlways, false, true, false, true, false},
    {Opcode::kTextRequest, "Text Request", "11.10", kI, PduClass::kText, kMay, false, true, false, true, false},
    {Opcode::kDataOut, "SCSI Data-Out", "11.7", kI, PduClass::kData, kNever, false, true, false, false, false},
    {Opcode::kLogoutRequest, "Logout Request", "11.14", kI, PduClass::kLogout, kMay, false, false, true, true, false},
    {Opcode::kSnackRequest, "SNACK Request", "11.16", kI, PduClass::kSnack, kNever, false, false, true, false, false},
    {Opcode::kNopIn, "NOP-In", "11.19", kT, PduClass::kNop, kNever, false, true, true, false, true},
    {Opcode::kScsiResponse, "SCSI Response", "11.4", kT, PduClass::kResponse, kNever, false, true, true, false, true},
    {Opcode::kTaskManagementFunctionResponse, "Task Management Function Response", "11.6", kT, PduClass::kResponse, kNever, false, false, true, false, true},
    {Opcode::kLoginResponse, "Login Response", "11.13", kT, PduClass::kLogin, kNever, false, true, false, false, true},
    {Opcode::kTextResponse, "Text Response", "11.11", kT, PduClass::kText, kNever, false, true, false, false, true},
    {Opcode::kDataIn, "SCSI Data-In", "11.7", kT, PduClass::kData, kNever, false, true, false, false, true},
    {Opcode::kLogoutResponse, "Logout Response", "11.15", kT, PduClass::kResponse, kNever, false, false, true, false, true},
    {Opcode::kR2t, "Ready To Transfer", "11.8", kT, PduClass::kR2t, kNever, false, false, true, false, false},
    {Opcode::kAsynchronousMessage, "Asynchronous Message", "11.9", kT, PduClass::kUnsolicited, kNever, false, true, true, false, true},
    {Opcode::kReject, "Reject", "11.17", kT, PduClass::kUnsolicited, kNever, false, true, true, false, true},
};
// clang-format on

constexpr uint8_t kNoRow = 0xff;

constexpr std::array<uint8_t, 64> kRowOf = [] {
  std::array<uint8_t, 64> rows = {};
  for (uint8_t& row : rows) row = kNoRow;
  for (size_t i = 0; i < std::size(kTable); ++i) {
    rows[static_cast<uint8_t>(kTable[i].opcode)] = static_cast<uint8_t>(i);
  }
  return rows;
}();

}  // namespace

std::span<const OpcodeInfo> Opcodes() { return kTable; }

const OpcodeInfo* FindOpcode(uint8_t opcode) {
  if (opcode >= kRowOf.size() || kRowOf[opcode] == kNoRow) return nullptr;
  return &kTable[kRowOf[opcode]];
}

PduClass PduClassOf(uint8_t opcode) {
  const OpcodeInfo* info = FindOpcode(opcode);
  return info == nullptr ? PduClass::kNone : info->pdu_class;
}

}  // namespace isthmus::wire
