// Header and data digests. RFC 7143 sections 7.8 (digest errors), 11.2.3, 13.1.
#include <cstdint>
#include <string>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// A ping whose header digest covers it, with one bit of header or digest changed afterwards.
void FlipHeaderBits(Attack& attack, int first, int last) {
  const int step = attack.options.thorough && attack.options.chunking == Chunking::kWhole ? 1 : 11;
  for (int bit = first; bit < last; bit += step) {
    Client client(attack);
    client.Login({.ready = false});
    Pdu ping = client.Ping("");
    ping.flipped_bit = bit;
    client.Send(ping);
    // Enough behind it for any AHS that the changed length may promise.
    for (int i = 0; i < 25; ++i) client.Send(client.Ping(""));
    client.JudgeOnly({Closed(), {"it alone is not answered", [&](const Reaction& r) {
                                   bool answered = false;
                                   for (const Pdu& pdu : r.pdus) {
                                     answered = answered || pdu.opcode() != 0x20 ||
                                                pdu.itt() == ping.itt();
                                   }
                                   return r.alive && !answered;
                                 }}});
  }
}
void HeaderBitsFlags(Attack& attack) { FlipHeaderBits(attack, 0, 32); }
void HeaderBitsLengths(Attack& attack) { FlipHeaderBits(attack, 32, 64); }
void HeaderBitsTags(Attack& attack) { FlipHeaderBits(attack, 64, 192); }
void HeaderBitsRest(Attack& attack) { FlipHeaderBits(attack, 192, 384); }
void HeaderBitsDigest(Attack& attack) { FlipHeaderBits(attack, 384, 416); }

void HeaderBitsAhs(Attack& attack) {
  for (int bit = 384; bit < 384 + 160; bit += 13) {
    Client client(attack);
    client.Login();
    Pdu command = client.Inquiry();
    command.Ahs(std::string("\x00\x11\x01\x00", 4) + std::string(16, '\0'));
    command.flipped_bit = bit;
    client.Send(command);
    client.Judge({Closed(), Ignored()});
  }
}

void BadHeaderDigest(Attack& attack, Pdu::Digest kind) {
  Client client(attack);
  client.Login();
  Pdu ping = client.Ping("digest");
  ping.header_digest = kind;
  client.Send(ping);
  client.Judge({Closed(), Ignored()});
}
void HeaderDigestSwapped(Attack& attack) { BadHeaderDigest(attack, Pdu::Digest::kSwapped); }
void HeaderDigestAbsent(Attack& attack) { BadHeaderDigest(attack, Pdu::Digest::kAbsent); }

void HeaderDigestWithoutAhs(Attack& attack) {
  // The digest of the 48 bytes alone, as if the AHS were none of the header.
  Client client(attack);
  client.Login();
  Pdu command = client.Inquiry();
  const std::string ahs = std::string("\x00\x11\x01\x00", 4) + std::string(16, '\0');
  command.Ahs(ahs);
  client.wire.SendRaw(command.header + ahs + CrcBytes(command.header));
  client.Judge({Closed(), Ignored()});
}

void HeaderDigestAndHugeLength(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu write = client.Write(0, 1).U24(5, 0xfffffc);
  write.header_digest = Pdu::Digest::kWrong;
  client.Send(write);
  Judge(client.ReactWithoutPing(), {Closed()});
}

void HeaderDigestOfWrite(Attack& attack) {
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 1, 'a');
  Pdu write = client.Write(0, 1, std::string(512, 'b'));
  write.header_digest = Pdu::Digest::kWrong;
  client.Send(write);
  client.Judge({Closed(), Ignored()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 1, 'a');
}

void FirstPduWithoutDigest(Attack& attack) {
  // Digests begin with the first PDU of the Full Feature Phase.
  Client client(attack);
  client.Login({.ready = false});
  Pdu ping = client.Ping("");
  ping.header_digest = Pdu::Digest::kAbsent;
  client.Send(ping);
  client.Judge({Closed(), Ignored()});
}

void DigestDuringLogin(Attack& attack) {
  Client client(attack);
  Pdu login = client.LoginRequest(0x81, client.FirstPairs());
  login.header_digest = Pdu::Digest::kPresent;
  client.Send(login);
  // The four bytes are taken for text or for the next header.
  const Pdu next = client.LoginRequest(0x87, {"HeaderDigest=CRC32C"});
  client.Send(next);
  client.wire.Flush();
  client.wire.EndStream();
  client.JudgeLogin({Refused(), HungUp()});
}

// A ping whose data digest is bad: Reject 0x02, nothing else happens (section 7.8).
void FlipDataBits(Attack& attack, size_t size) {
  Client client(attack);
  client.Login();
  const int header = 8 * (48 + (client.wire.digests.header ? 4 : 0));
  const int bits = static_cast<int>(8 * ((size + 3) / 4 * 4 + 4));
  const int step = attack.options.thorough ? 1 : 7;
  for (int bit = 0; bit < bits; bit += step) {
    Pdu ping = client.Ping(std::string(size, 'D'));
    ping.flipped_bit = header + bit;
    client.Send(ping);
    client.Judge({Rejected({0x02})});
  }
}
void DataBits(Attack& attack) { FlipDataBits(attack, 8); }
void DataBitsPadded(Attack& attack) { FlipDataBits(attack, 5); }

void BadDataDigest(Attack& attack, Pdu::Digest kind) {
  Client client(attack);
  client.Login();
  Pdu ping = client.Ping("seven!!");
  ping.data_digest = kind;
  client.Send(ping);
  client.Judge({Rejected({0x02})});
}
void DataDigestSwapped(Attack& attack) { BadDataDigest(attack, Pdu::Digest::kSwapped); }
void DataDigestUnpadded(Attack& attack) { BadDataDigest(attack, Pdu::Digest::kUnpadded); }

void PadUnderDigest(Attack& attack) {
  Client client(attack);
  client.Login();
  for (size_t size : {1, 2, 3, 6, 7}) {
    Pdu ping = client.Ping(std::string(size, 'q'));
    ping.pad = '\x5a';
    client.Send(ping);
    client.JudgeOnly({{"the ping's answer", [&](const Reaction& r) {
                         return r.alive && r.pdus.size() == 1 && r.pdus[0].data == ping.data;
                       }}});
  }
}

void ShortDataUnderDigest(Attack& attack) {
  Client client(attack);
  client.Login();
  for (size_t size = 1; size <= 8; ++size) {
    const Pdu ping = client.Ping(std::string(size, static_cast<char>('0' + size)));
    client.Send(ping);
    client.JudgeOnly({{"the ping's answer with its bytes", [&](const Reaction& r) {
                         return r.alive && r.pdus.size() == 1 && r.pdus[0].data == ping.data;
                       }}});
  }
}

void EmptyDataHasNoDigest(Attack& attack) {
  // Section 11.2.3: no data, no data digest, in either direction.
  Client client(attack);
  client.Login();
  for (int i = 0; i < 5; ++i) {
    const Pdu ping = client.Ping("");
    client.Send(ping);
    client.Send(client.TestUnitReady());
    client.JudgeOnly({{"both answers, and no byte more",
                       [&](const Reaction& r) { return r.alive && r.pdus.size() == 2; }}});
  }
}

void ImmediateDataDigest(Attack& attack) {
  // The command is rejected whole: its CmdSN is not received, nothing is written.
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 1, 'a');
  const uint32_t before = client.cmd_sn;
  Pdu write = client.Write(0, 1, std::string(512, 'b'));
  write.data_digest = Pdu::Digest::kWrong;
  client.Send(write);
  const Reaction reaction = client.JudgeOnly({Rejected({0x02})});
  if (client.exp_cmd_sn != before) throw Failed{"the CmdSN of the rejected command was received"};
  client.cmd_sn = before;
  client.MustHold(0, 1, 'a');
}

void ImmediateDataDigestHoldsBack(Attack& attack) {
  // What follows the rejected command waits for its CmdSN (section 4.2.2.1), and goes on when the
  // command comes again.
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 2, 'a');
  Pdu write = client.Write(0, 1, std::string(512, 'b'));
  Pdu spoiled = write;
  spoiled.data_digest = Pdu::Digest::kWrong;
  const Pdu next = client.Inquiry();
  client.Send(spoiled);
  client.Send(next);
  client.JudgeOnly({Rejected({0x02})});
  client.Send(write);
  client.JudgeOnly({{"both commands end well", [](const Reaction& r) {
                       uint32_t good = 0;
                       for (const Pdu& pdu : r.pdus) {
                         const bool data = pdu.opcode() == 0x25 && (pdu.u8(1) & 1) != 0;
                         good += (data || pdu.opcode() == 0x21) && pdu.u8(3) == 0;
                       }
                       return r.alive && good == 2;
                     }}});
  client.MustHold(0, 1, 'b');
}

// A solicited Data-Out with a bad digest: Reject 0x02, then a recovery R2T or, when all data has
// come, CHECK CONDITION "protocol service CRC error".
void DataOutDigest(Attack& attack, bool last) {
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 2, 'a');
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 2, &itt);
  if (r2t.u32(44) != 1024) throw NotApplicable{"the R2T asks for less than 1024 bytes"};
  Pdu one = client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'b'), false);
  Pdu two = client.DataOut(itt, r2t.ttt(), 1, 512, std::string(512, 'b'));
  (last ? two : one).data_digest = Pdu::Digest::kWrong;
  client.Send(one);
  client.Send(two);
  const auto rejected = [](const Reaction& r) {
    return !r.pdus.empty() && r.pdus[0].opcode() == 0x3f && r.pdus[0].u8(2) == 0x02;
  };
  const Outcome crc = CheckCondition(0x0b, 0x47, 0x05);
  const Reaction reaction =
      client.JudgeOnly({{"Reject 0x02, then CHECK CONDITION 0x0b/0x47/0x05",
                         [&](const Reaction& r) { return rejected(r) && crc.matches(r); }},
                        {"Reject 0x02, then a recovery R2T", [&](const Reaction& r) {
                           return r.alive && rejected(r) && r.pdus.back().opcode() == 0x31;
                         }}});
  if (reaction.pdus.back().opcode() == 0x31) {
    const Pdu& recovery = reaction.pdus.back();
    client.Send(client.DataOut(itt, recovery.ttt(), 0, recovery.u32(40),
                               std::string(recovery.u32(44), 'b')));
    (void)client.Finish(itt);
    client.MustHold(0, 2, 'b');
  }
  client.MustWork();
}
void DataOutDigestFirst(Attack& attack) { DataOutDigest(attack, false); }
void DataOutDigestLast(Attack& attack) { DataOutDigest(attack, true); }

void UnsolicitedDigest(Attack& attack) {
  Client client(attack);
  client.Login({.keys = {"InitialR2T=No"}});
  if (client.Agreed("InitialR2T") != "No") throw NotApplicable{"the target keeps InitialR2T=Yes"};
  client.WriteBlocks(0, 2, 'a');
  const Pdu write = client.Write(0, 2, "", false);
  client.Send(write);
  Pdu data = client.DataOut(write.itt(), kReserved, 0, 0, std::string(1024, 'b'));
  data.data_digest = Pdu::Digest::kWrong;
  client.Send(data);
  const Outcome crc = CheckCondition(0x0b, 0x47, 0x05);
  const Reaction reaction =
      client.JudgeOnly({{"Reject 0x02, then CHECK CONDITION 0x0b/0x47/0x05 or a recovery R2T",
                         [&](const Reaction& r) {
                           return r.pdus.size() == 2 && r.pdus[0].opcode() == 0x3f &&
                                  r.pdus[0].u8(2) == 0x02 &&
                                  (crc.matches(r) || r.pdus[1].opcode() == 0x31);
                         }}});
}

void TextDigest(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu text = client.TextRequest(0x80, kReserved, Text({"X-org.example.crc=1"})).U8(0, 0x44);
  --client.cmd_sn;
  text.U32(24, client.cmd_sn);
  text.data_digest = Pdu::Digest::kWrong;
  client.Send(text);
  client.Judge({Rejected({0x02})});
}

constexpr Side kT = Side::kTarget;
constexpr uint32_t kH = kNeedsHeaderDigest;
constexpr uint32_t kD = kNeedsDataDigest;
constexpr char kDiscarded[] = "the connection is closed, or the PDU is discarded";
constexpr char kReject[] = "Reject 0x02, and the session goes on";

constexpr Case kCases[] = {
    {"target.digest.header_bits_flags", kT, "7.8",
     "each bit of header bytes 0 to 3 changed under the digest", kDiscarded, HeaderBitsFlags, kH},
    {"target.digest.header_bits_lengths", kT, "7.8", "each bit of the length fields changed",
     "the same; the length is not believed", HeaderBitsLengths, kH},
    {"target.digest.header_bits_tags", kT, "7.8", "each bit of LUN and tags changed", kDiscarded,
     HeaderBitsTags, kH},
    {"target.digest.header_bits_rest", kT, "7.8", "each bit of header bytes 24 to 47 changed",
     kDiscarded, HeaderBitsRest, kH},
    {"target.digest.header_bits_digest", kT, "7.8", "each bit of the header digest changed",
     kDiscarded, HeaderBitsDigest, kH},
    {"target.digest.header_bits_ahs", kT, "11.2.3", "bits of an AHS changed under the digest",
     kDiscarded, HeaderBitsAhs, kH},
    {"target.digest.header_swapped", kT, "13.1",
     "the right header digest, its bytes the other way round", kDiscarded, HeaderDigestSwapped, kH},
    {"target.digest.header_absent", kT, "11.2.3",
     "a PDU without the header digest that was agreed on", kDiscarded, HeaderDigestAbsent, kH},
    {"target.digest.header_without_ahs", kT, "11.2.3", "a header digest that leaves the AHS out",
     kDiscarded, HeaderDigestWithoutAhs, kH},
    {"target.digest.header_and_huge_length", kT, "7.8",
     "a bad header digest over a length of 2^24 - 4", "the connection is closed at once",
     HeaderDigestAndHugeLength, kH},
    {"target.digest.header_of_write", kT, "7.8", "a bad header digest on a WRITE with its data",
     "nothing is written", HeaderDigestOfWrite, kH},
    {"target.digest.first_pdu_without", kT, "13.1",
     "the first PDU after the login lacks its digest", kDiscarded, FirstPduWithoutDigest, kH},
    {"target.digest.during_login", kT, "13.1", "a header digest on the first Login Request",
     "login refused, or the connection is closed", DigestDuringLogin},
    {"target.digest.data_bits", kT, "7.8", "each bit of data and data digest changed", kReject,
     DataBits, kD},
    {"target.digest.data_bits_padded", kT, "11.2.3", "the same of 5 bytes and their padding",
     kReject, DataBitsPadded, kD},
    {"target.digest.data_swapped", kT, "13.1",
     "the right data digest, its bytes the other way round", kReject, DataDigestSwapped, kD},
    {"target.digest.data_unpadded", kT, "11.2.3", "a data digest that leaves the padding out",
     kReject, DataDigestUnpadded, kD},
    {"target.digest.pad_covered", kT, "11.2.3", "pad bytes that are not 0, digest over them",
     "the ping's answer", PadUnderDigest},
    {"target.digest.short_data", kT, "11.2.3", "pings of 1 to 8 bytes", "answered with their bytes",
     ShortDataUnderDigest},
    {"target.digest.no_data_no_digest", kT, "11.2.3", "PDUs without data",
     "no data digest either way", EmptyDataHasNoDigest},
    {"target.digest.immediate_data", kT, "7.8, 7.3", "immediate data with a bad digest",
     "Reject 0x02, ExpCmdSN stays, nothing is written", ImmediateDataDigest, kD},
    {"target.digest.immediate_data_holds_back", kT, "7.3, 4.2.2.1",
     "a command behind one that was rejected for its digest",
     "it waits, and both end well when the first comes again", ImmediateDataDigestHoldsBack, kD},
    {"target.digest.data_out_first", kT, "7.8", "a bad digest on the first Data-Out of a sequence",
     "Reject 0x02, then CHECK CONDITION 0x0b/0x47/0x05 or a recovery R2T", DataOutDigestFirst, kD},
    {"target.digest.data_out_last", kT, "7.8", "a bad digest on the final Data-Out",
     "Reject 0x02, then CHECK CONDITION 0x0b/0x47/0x05 or a recovery R2T", DataOutDigestLast, kD},
    {"target.digest.unsolicited", kT, "7.8", "a bad digest on unsolicited data",
     "Reject 0x02, then CHECK CONDITION 0x0b/0x47/0x05 or a recovery R2T", UnsolicitedDigest, kD},
    {"target.digest.text", kT, "7.8", "a bad digest on a Text Request", kReject, TextDigest, kD},
};

}  // namespace

std::span<const Case> TargetDigestCases() { return kCases; }

}  // namespace isthmus::hostile
