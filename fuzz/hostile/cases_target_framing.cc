// Framing of PDUs and their headers. RFC 7143 sections 7.7 (format errors), 11.1, 11.2.
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// An Extended CDB AHS (section 11.2.2.3) for a CDB of 32 bytes: AHSLength 17, type 1.
std::string ExtendedCdb() { return std::string("\x00\x11\x01\x00", 4) + std::string(16, '\0'); }

// A Bidirectional Read Expected Data Transfer Length AHS (section 11.2.2.4).
std::string Bidirectional(uint32_t length) {
  std::string ahs("\x00\x05\x02\x00", 4);
  for (int shift = 24; shift >= 0; shift -= 8) ahs.push_back(static_cast<char>(length >> shift));
  return ahs;
}

// The stream ends `keep` bytes into a PDU: nothing of it may be answered.
void EndAfter(Attack& attack, const Pdu& spoiled, Client& client, size_t keep) {
  (void)attack;
  client.wire.SendRaw(spoiled.Encode(client.wire.digests).substr(0, keep));
  client.wire.Flush();
  client.attack().BeginJudgement();
  client.wire.EndStream();
  const Reaction reaction = client.ReactWithoutPing();
  Judge(reaction, {{"the connection is closed and nothing is answered",
                    [](const Reaction& r) { return r.closed && r.pdus.empty(); }}});
}

void EndInHeader(Attack& attack) {
  for (size_t keep : {size_t{1}, size_t{8}, size_t{47}}) {
    Client client(attack);
    client.Login();
    EndAfter(attack, client.Ping("x"), client, keep);
  }
}

void EndInAhs(Attack& attack) {
  for (size_t keep : {48, 50, 67}) {
    Client client(attack);
    client.Login();
    EndAfter(attack, client.Inquiry().Ahs(ExtendedCdb()), client, keep);
  }
}

void EndInHeaderDigest(Attack& attack) {
  for (size_t keep = 48; keep < 52; ++keep) {
    Client client(attack);
    client.Login();
    EndAfter(attack, client.TestUnitReady(), client, keep);
  }
}

void EndInData(Attack& attack) {
  Client first(attack);
  first.Login();
  first.WriteBlocks(0, 1, 'a');
  for (size_t left : {1, 200, 511}) {
    Client client(attack);
    client.Login();
    const Pdu write = client.Write(0, 1, std::string(512, 'b'));
    const size_t size = write.Encode(client.wire.digests).size();
    EndAfter(attack, write, client, size - left - (client.wire.digests.data ? 4 : 0));
  }
  first.MustHold(0, 1, 'a');
}

void EndInDataDigest(Attack& attack) {
  Client first(attack);
  first.Login();
  first.WriteBlocks(0, 1, 'a');
  for (size_t left = 1; left <= 4; ++left) {
    Client client(attack);
    client.Login();
    const Pdu write = client.Write(0, 1, std::string(512, 'b'));
    EndAfter(attack, write, client, write.Encode(client.wire.digests).size() - left);
  }
  first.MustHold(0, 1, 'a');
}

void EndInLogin(Attack& attack) {
  for (size_t keep : {1, 47, 48, 60}) {
    Client client(attack);
    EndAfter(attack, client.LoginRequest(0x81, client.FirstPairs()), client, keep);
  }
}

// A command whose AHS bytes are as given.
void CommandWithAhs(Attack& attack, const std::string& ahs,
                    std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  client.Login();
  client.Send(client.Inquiry().Ahs(ahs));
  client.Judge(outcomes);
}

void AhsBeyondTotal(Attack& attack) {
  CommandWithAhs(attack, std::string("\x00\x64\x01\x00", 4), {Closed()});
}
void AhsLengthZero(Attack& attack) {
  CommandWithAhs(attack, std::string("\x00\x00\x01\x00", 4), {Closed(), Rejected({0x04, 0x09})});
}
void AhsTypeReserved(Attack& attack) {
  CommandWithAhs(attack, std::string("\x00\x05\x3f\x00\0\0\0\0", 8),
                 {Closed(), Rejected({0x04, 0x09})});
}
void AhsTypeZero(Attack& attack) {
  CommandWithAhs(attack, std::string("\x00\x05\x00\x00\0\0\0\0", 8),
                 {Closed(), Rejected({0x04, 0x09})});
}
void AhsTwice(Attack& attack) {
  CommandWithAhs(attack, ExtendedCdb() + ExtendedCdb(), {Closed(), Rejected({0x04, 0x09})});
}
void AhsManyOfLengthOne(Attack& attack) {
  std::string ahs;
  for (int i = 0; i < 255; ++i) ahs += std::string("\x00\x01\x3f\x00", 4);
  CommandWithAhs(attack, ahs, {Closed(), Rejected({0x04, 0x09})});
}
void AhsCdbTooShort(Attack& attack) {
  // CDBLength 16: this AHS must not be used.
  CommandWithAhs(attack, std::string("\x00\x01\x01\x00", 4),
                 {Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void AhsCdbTooLong(Attack& attack) {
  // CDBLength 261; SPC-4 ends at 260.
  std::string ahs("\x00\xf6\x01\x00", 4);
  ahs.resize(4 + 248);
  CommandWithAhs(attack, ahs, {Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void AhsBidirectionalLength(Attack& attack) {
  CommandWithAhs(attack, std::string("\x00\x04\x02\x00\0\0\x02", 8),
                 {Closed(), Rejected({0x04, 0x09})});
}
void AhsBidirectionalOnRead(Attack& attack) {
  CommandWithAhs(attack, Bidirectional(512), {Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void BidirectionalWithoutAhs(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Command(0xe1, 512, "\x2a"));
  client.Judge({Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void AhsPromisedNeverSent(Attack& attack) {
  Client client(attack);
  client.Login();
  EndAfter(attack, client.Inquiry().Ahs(ExtendedCdb().substr(0, 4)).U8(4, 255), client, 52);
}

// An AHS where the PDU has none; section 11.2.1.5: TotalAHSLength must be 0 there.
template <int kOpcode>
void AhsOn(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu pdu;
  switch (kOpcode) {
    case 0x00:
      pdu = client.Ping("with an AHS");
      break;
    case 0x02:
      pdu = client.Function(2);
      break;
    case 0x04:
      pdu = client.TextRequest(0x80, kReserved, Text({"X-org.example.a=b"}));
      break;
    case 0x05: {
      uint32_t itt = 0;
      const Pdu r2t = client.Stall(0, 1, &itt);
      pdu = client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'z'));
      break;
    }
    case 0x06:
      pdu = client.Logout();
      break;
    default:
      pdu = client.Snack(0, kReserved, kReserved, 0, 0);
      break;
  }
  client.Send(pdu.Ahs(ExtendedCdb()));
  client.Judge({Closed(), Rejected({0x04, 0x09})});
}

void AhsOnLogin(Attack& attack) {
  Client client(attack);
  client.Send(client.LoginRequest(0x81, client.FirstPairs()).Ahs(ExtendedCdb()));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}

// One byte more than the target declared, all of it sent.
template <int kOpcode>
void DataTooLong(Attack& attack) {
  Client client(attack);
  client.Login({.keys = {"MaxBurstLength=1048576"}});
  const size_t limit = client.AgreedNumber("MaxRecvDataSegmentLength");
  if (limit > (size_t{4} << 20)) throw NotApplicable{"the target takes more than 4 MiB a PDU"};
  std::string data(limit + 1, 'y');
  Pdu pdu;
  switch (kOpcode) {
    case 0x00:
      pdu = client.Ping(std::move(data));
      break;
    case 0x01:
      pdu = client.Write(0, static_cast<uint32_t>(limit / 512 + 1), std::move(data));
      break;
    case 0x02:
      pdu = client.Function(2).Data(std::move(data));
      break;
    case 0x04:
      data.back() = '\0';
      pdu = client.TextRequest(0x80, kReserved, "X-a=" + data.substr(4));
      break;
    default: {
      uint32_t itt = 0;
      const Pdu r2t = client.Stall(0, static_cast<uint32_t>(limit / 512 + 1), &itt);
      if (r2t.u32(44) <= limit) throw NotApplicable{"no R2T for more than one PDU"};
      pdu = client.DataOut(itt, r2t.ttt(), 0, 0, std::move(data));
      break;
    }
  }
  client.Send(pdu);
  client.Judge({Closed(), Rejected({0x04, 0x09})});
}

void LoginTooLong(Attack& attack) {
  Client client(attack);
  std::vector<std::string> pairs = client.FirstPairs();
  std::string text = Text(pairs);
  while (text.size() < 8193) text += "X-a=" + std::string(200, 'a') + '\0';
  client.Send(client.LoginRequestBytes(0x81, text.substr(0, 8192) + '\0'));
  client.JudgeLogin({Refused(), HungUp()});
}

// The length that a header promises is refused from the header alone.
template <int kOpcode>
void HugePromise(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu pdu = kOpcode == 0x00   ? client.Ping("")
            : kOpcode == 0x01 ? client.Write(0, 1)
            : kOpcode == 0x04 ? client.TextRequest(0x80, kReserved, "")
                              : client.DataOut(7, kReserved, 0, 0, "");
  client.Send(pdu.U24(5, 0xffffff));
  const Reaction reaction = client.ReactWithoutPing();
  Judge(reaction, {Closed()});
}

// Lengths whose padding and digests would wrap arithmetic of 24 bits.
void LengthsNearWrap(Attack& attack) {
  for (uint32_t length : {0xfffffdU, 0xfffffeU, 0xffffffU}) {
    Client client(attack);
    client.Login();
    client.Send(client.Write(0, 1).U24(5, length));
    Judge(client.ReactWithoutPing(), {Closed()});
  }
}

void PadBytesSet(Attack& attack) {
  Client client(attack);
  client.Login();
  for (size_t size : {1, 2, 3, 5}) {
    Pdu ping = client.Ping(std::string(size, 'p'));
    ping.pad = '\xff';
    client.Send(ping);
    const Reaction reaction =
        client.JudgeOnly({{"the ping's answer with its bytes", [&](const Reaction& r) {
                             return r.alive && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x20 &&
                                    r.pdus[0].itt() == ping.itt() && r.pdus[0].data == ping.data;
                           }}});
  }
}

// Section 11: a receiver ignores reserved bits and fields.
void ReservedInNopOut(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu ping = client.Ping("reserved");
  ping.U8(1, 0xff).U16(2, 0xffff).U32(32, kReserved).U32(36, kReserved).U32(40, kReserved);
  client.Send(ping.U32(44, kReserved).U8(0, 0xc0));
  const Reaction reaction =
      client.JudgeOnly({{"the ping's answer", [&](const Reaction& r) {
                           return r.alive && r.pdus.size() == 1 && r.pdus[0].itt() == ping.itt();
                         }}});
}
void ReservedInCommand(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TestUnitReady().U8(0, 0x81).U8(1, 0x99).U8(2, 0x00).U8(3, 0xff));
  client.Judge({Good()});
}
void ReservedInFunction(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(2).U16(2, 0xffff).U32(36, 0).U32(40, kReserved).U32(44, kReserved));
  client.Judge({FunctionResponse({0})});
}
void ReservedInText(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu text = client.TextRequest(0x80, kReserved, Text({"X-org.example.reserved=1"}));
  client.Send(text.U8(1, 0xbf).U16(2, 0xffff).U32(32, kReserved).U32(36, kReserved).U32(44, 1));
  client.Judge({TextAnswer("a Text Response", [](const Pdu& pdu) { return pdu.final(); })});
}
void ReservedInLogin(Attack& attack) {
  Client client(attack);
  Pdu login = client.LoginRequest(0x81, client.FirstPairs());
  login.U8(1, 0xb1).U16(22, 0xffff).U32(32, kReserved).U32(36, kReserved).U32(40, kReserved);
  client.Send(login.U32(44, kReserved));
  client.JudgeLogin({Proceeds()});
}
void ReservedInDataOut(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 1, &itt);
  Pdu data = client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'r'));
  data.U8(0, 0xc5).U8(1, 0xff).U16(2, 0xffff).U32(24, kReserved).U32(32, 9).U32(44, kReserved);
  client.Send(data);
  client.Judge({Good()});
  client.MustHold(0, 1, 'r');
}
void ReservedInLogout(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout().U16(2, 0xffff).U8(9, 9).U16(22, 0xffff).U32(32, 5).U32(44, 5));
  const Reaction reaction = client.ReactWithoutPing();
  Judge(reaction, {LogoutResponse({0})});
}

// Each of a range of opcodes, with nothing in it.
void Opcodes(Attack& attack, uint32_t first, uint32_t last, std::vector<uint32_t> reasons) {
  for (uint32_t opcode = first; opcode <= last; ++opcode) {
    if (opcode == 0x10) continue;  // SNACK is the initiator's
    Client client(attack);
    client.Login();
    Pdu pdu(0x40 | opcode);
    client.Send(pdu.U32(16, client.NewTag()).U32(20, kReserved).U32(24, client.cmd_sn));
    client.Judge({Rejected(reasons), Closed()});
  }
}
void OpcodesUnassigned(Attack& attack) {
  Opcodes(attack, 0x07, 0x1b, {0x05, 0x04});
  Opcodes(attack, 0x1f, 0x1f, {0x05, 0x04});
}
void OpcodesOfVendors(Attack& attack) { Opcodes(attack, 0x1c, 0x1e, {0x05, 0x04}); }
void OpcodesOfTargets(Attack& attack) {
  Opcodes(attack, 0x20, 0x26, {0x05, 0x04});
  Opcodes(attack, 0x31, 0x32, {0x05, 0x04});
  Opcodes(attack, 0x3f, 0x3f, {0x05, 0x04});
}
void OpcodeWithData(Attack& attack) {
  // The data of a PDU that is rejected is no PDU.
  Client client(attack);
  client.Login();
  Pdu pdu(0x49);
  pdu.U32(16, client.NewTag()).U32(20, kReserved).U32(24, client.cmd_sn);
  const Pdu inner = client.Ping("inside");
  client.Send(pdu.Data(inner.Encode({}) + std::string(300, '\x40')));
  client.Judge({Rejected({0x05, 0x04}), Closed()});
}

void FinalBitClear(Attack& attack, Pdu pdu, Client& client) {
  (void)attack;
  client.Send(pdu.U8(1, pdu.u8(1) & 0x7f));
  client.Judge({Closed(), Rejected({0x04, 0x09})});
}
void FinalClearInFunction(Attack& attack) {
  Client client(attack);
  client.Login();
  FinalBitClear(attack, client.Function(2), client);
}
void FinalClearWithoutWrite(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Inquiry().U8(1, 0x41));
  client.Judge({Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void DirectionMissing(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TestUnitReady().U32(20, 512));
  client.Judge({Closed(), Rejected({0x04, 0x09}), CheckCondition(), Good()});
}
void AttributeReserved(Attack& attack) {
  for (uint32_t attribute : {5, 6, 7}) {
    Client client(attack);
    client.Login();
    client.Send(client.TestUnitReady().U8(1, 0x80 | attribute));
    client.Judge({Closed(), Rejected({0x04, 0x09}), CheckCondition()});
  }
}
void DataOnFunction(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(2).Data(std::string(64, 'd')));
  client.Judge({Closed(), Rejected({0x04, 0x09})});
}
void DataOnLogout(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout().Data(std::string(64, 'd')));
  client.Judge({Closed(), Rejected({0x04, 0x09})});
}
void DataWithoutWrite(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TestUnitReady().Data(std::string(64, 'd')));
  client.Judge({Closed(), Rejected({0x04, 0x09}), CheckCondition()});
}
void Garbage(Attack& attack) {
  // No connection may be brought to answer noise with success.
  uint32_t random = attack.options.seed * 747796405U + 1;
  std::string noise(4096, '\0');
  for (char& c : noise) {
    random = random * 1664525U + 1013904223U;
    c = static_cast<char>(random >> 24);
  }
  Client client(attack);
  client.Login();
  client.wire.SendRaw(noise);
  client.wire.Flush();
  client.attack().BeginJudgement();
  client.wire.EndStream();
  Judge(client.ReactWithoutPing(), {Closed()});
}

constexpr Side kT = Side::kTarget;
constexpr char kFatal[] = "the connection is closed";
constexpr char kRefusedOrFatal[] = "Reject 0x04 or 0x09, or the connection is closed";
constexpr char kDropped[] = "the connection is closed, and nothing of the PDU is answered or done";
constexpr char kAnswered[] = "the bits are ignored: it is answered";

constexpr Case kCases[] = {
    {"target.framing.end_in_header", kT, "7.14", "the stream ends 1, 8, 47 bytes into a PDU",
     kDropped, EndInHeader},
    {"target.framing.end_in_ahs", kT, "7.14", "the stream ends inside an AHS", kDropped, EndInAhs},
    {"target.framing.end_in_header_digest", kT, "7.14",
     "the stream ends before or inside a header digest", kDropped, EndInHeaderDigest,
     kNeedsHeaderDigest},
    {"target.framing.end_in_data", kT, "7.14",
     "the stream ends inside the immediate data of a WRITE", kDropped, EndInData},
    {"target.framing.end_in_data_digest", kT, "7.14", "the stream ends inside a data digest",
     kDropped, EndInDataDigest, kNeedsDataDigest},
    {"target.framing.end_in_login", kT, "7.14", "the stream ends inside the first Login Request",
     kDropped, EndInLogin},
    {"target.framing.ahs_beyond_total", kT, "11.2.2.2, 7.7",
     "AHSLength reaches beyond TotalAHSLength", kFatal, AhsBeyondTotal},
    {"target.framing.ahs_length_zero", kT, "11.2.2.2", "AHSLength is 0", kRefusedOrFatal,
     AhsLengthZero},
    {"target.framing.ahs_type_reserved", kT, "11.2.2.1", "AHS of a reserved type", kRefusedOrFatal,
     AhsTypeReserved},
    {"target.framing.ahs_type_zero", kT, "11.2.2.1", "AHS of type 0", kRefusedOrFatal, AhsTypeZero},
    {"target.framing.ahs_twice", kT, "11.2.2", "two Extended CDB AHS", kRefusedOrFatal, AhsTwice},
    {"target.framing.ahs_many", kT, "11.2.2", "255 AHS of one byte each", kRefusedOrFatal,
     AhsManyOfLengthOne},
    {"target.framing.ahs_cdb_too_short", kT, "11.2.2.3", "Extended CDB AHS for 16 bytes",
     "Reject, CHECK CONDITION, or the connection is closed", AhsCdbTooShort},
    {"target.framing.ahs_cdb_too_long", kT, "11.2.2.3", "Extended CDB AHS for 261 bytes",
     "Reject, CHECK CONDITION, or the connection is closed", AhsCdbTooLong},
    {"target.framing.ahs_bidirectional_length", kT, "11.2.2.4",
     "Bidirectional Read AHS whose AHSLength is 4", kRefusedOrFatal, AhsBidirectionalLength},
    {"target.framing.ahs_bidirectional_on_read", kT, "11.3.4", "Bidirectional Read AHS on a read",
     "Reject, CHECK CONDITION, or the connection is closed", AhsBidirectionalOnRead},
    {"target.framing.bidirectional_without_ahs", kT, "11.3.4", "R and W without the AHS",
     "Reject, CHECK CONDITION, or the connection is closed", BidirectionalWithoutAhs},
    {"target.framing.ahs_promised_never_sent", kT, "7.14",
     "TotalAHSLength 255, 4 bytes, then the end", kDropped, AhsPromisedNeverSent},
    {"target.framing.ahs_on_nop_out", kT, "11.2.1.5", "AHS on a NOP-Out", kRefusedOrFatal,
     AhsOn<0x00>},
    {"target.framing.ahs_on_function", kT, "11.5.2", "AHS on a Task Management Function Request",
     kRefusedOrFatal, AhsOn<0x02>},
    {"target.framing.ahs_on_text", kT, "11.2.1.5", "AHS on a Text Request", kRefusedOrFatal,
     AhsOn<0x04>},
    {"target.framing.ahs_on_data_out", kT, "11.2.1.5", "AHS on a Data-Out", kRefusedOrFatal,
     AhsOn<0x05>},
    {"target.framing.ahs_on_logout", kT, "11.14.2", "AHS on a Logout Request", kRefusedOrFatal,
     AhsOn<0x06>},
    {"target.framing.ahs_on_snack", kT, "11.2.1.5", "AHS on a SNACK Request",
     "Reject, or the connection is closed", AhsOn<0x10>},
    {"target.framing.ahs_on_login", kT, "11.2.1.5", "AHS on a Login Request",
     "login status 0x0200, or the connection is closed", AhsOnLogin},
    {"target.framing.too_long_nop_out", kT, "13.12",
     "ping data one byte above MaxRecvDataSegmentLength", kRefusedOrFatal, DataTooLong<0x00>},
    {"target.framing.too_long_command", kT, "13.12",
     "immediate data one byte above MaxRecvDataSegmentLength", kRefusedOrFatal, DataTooLong<0x01>},
    {"target.framing.too_long_function", kT, "13.12",
     "a function with data one byte above MaxRecvDataSegmentLength", kRefusedOrFatal,
     DataTooLong<0x02>},
    {"target.framing.too_long_text", kT, "13.12", "text one byte above MaxRecvDataSegmentLength",
     kRefusedOrFatal, DataTooLong<0x04>},
    {"target.framing.too_long_data_out", kT, "13.12",
     "a Data-Out one byte above MaxRecvDataSegmentLength, within its R2T", kRefusedOrFatal,
     DataTooLong<0x05>},
    {"target.framing.too_long_login", kT, "6.3, 13.12", "8,193 bytes of login text in one PDU",
     "login refused, or the connection is closed", LoginTooLong},
    {"target.framing.huge_promise_nop_out", kT, "13.12",
     "a NOP-Out header that promises 2^24 - 1 bytes", kFatal, HugePromise<0x00>},
    {"target.framing.huge_promise_command", kT, "13.12",
     "a command header that promises 2^24 - 1 bytes", kFatal, HugePromise<0x01>},
    {"target.framing.huge_promise_text", kT, "13.12", "a text header that promises 2^24 - 1 bytes",
     kFatal, HugePromise<0x04>},
    {"target.framing.huge_promise_data_out", kT, "13.12",
     "a Data-Out header that promises 2^24 - 1 bytes", kFatal, HugePromise<0x05>},
    {"target.framing.lengths_near_wrap", kT, "13.12", "lengths of 2^24 - 3 to 2^24 - 1 bytes",
     kFatal, LengthsNearWrap},
    {"target.framing.pad_bytes_set", kT, "11.1",
     "pad bytes of 0xff, which a sender SHOULD set to 0", "the ping's answer with just its bytes",
     PadBytesSet},
    {"target.framing.reserved_in_nop_out", kT, "11", "every reserved bit of a NOP-Out set",
     kAnswered, ReservedInNopOut},
    {"target.framing.reserved_in_command", kT, "11", "reserved bits of a SCSI Command set",
     kAnswered, ReservedInCommand},
    {"target.framing.reserved_in_function", kT, "11", "reserved bits of a function set", kAnswered,
     ReservedInFunction},
    {"target.framing.reserved_in_text", kT, "11", "reserved bits of a Text Request set", kAnswered,
     ReservedInText},
    {"target.framing.reserved_in_login", kT, "11", "reserved bits of a Login Request set",
     kAnswered, ReservedInLogin},
    {"target.framing.reserved_in_data_out", kT, "11",
     "the I bit and reserved bits of a Data-Out set", "the bits are ignored: the write ends well",
     ReservedInDataOut},
    {"target.framing.reserved_in_logout", kT, "11", "reserved bits of a Logout Request set",
     kAnswered, ReservedInLogout},
    {"target.framing.opcodes_unassigned", kT, "11.2.1.2", "opcodes 0x07 to 0x1b and 0x1f",
     "Reject 0x05 or 0x04, or the connection is closed", OpcodesUnassigned},
    {"target.framing.opcodes_of_vendors", kT, "11.2.1.2", "opcodes 0x1c to 0x1e",
     "Reject 0x05 or 0x04, or the connection is closed", OpcodesOfVendors},
    {"target.framing.opcodes_of_targets", kT, "11.2.1.2", "every opcode of a target",
     "Reject 0x05 or 0x04, or the connection is closed", OpcodesOfTargets},
    {"target.framing.opcode_with_data", kT, "11.17",
     "an unassigned opcode whose data looks like PDUs",
     "one Reject, or the connection is closed: the data is drained", OpcodeWithData},
    {"target.framing.final_clear_in_function", kT, "11.5", "a function whose F bit is 0",
     kRefusedOrFatal, FinalClearInFunction},
    {"target.framing.final_clear_without_write", kT, "11.3.1", "a read whose F bit is 0",
     "Reject, CHECK CONDITION, or the connection is closed", FinalClearWithoutWrite},
    {"target.framing.direction_missing", kT, "11.3.1",
     "neither R nor W, yet an Expected Data Transfer Length",
     "Reject, a status, or the connection is closed", DirectionMissing},
    {"target.framing.attribute_reserved", kT, "11.3.1, 11", "task attributes 5 to 7",
     "Reject, CHECK CONDITION, or the connection is closed", AttributeReserved},
    {"target.framing.data_on_function", kT, "11.5.2", "a function with a data segment",
     kRefusedOrFatal, DataOnFunction},
    {"target.framing.data_on_logout", kT, "11.14.2", "a Logout Request with a data segment",
     kRefusedOrFatal, DataOnLogout},
    {"target.framing.data_without_write", kT, "11.3.6",
     "immediate data with a command that writes nothing",
     "Reject, CHECK CONDITION, or the connection is closed", DataWithoutWrite},
    {"target.framing.garbage", kT, "7.7", "4 KiB of noise after the login",
     "the connection is closed, nothing succeeds", Garbage},
};

}  // namespace

std::span<const Case> TargetFramingCases() { return kCases; }

}  // namespace isthmus::hostile
