// A hostile target in the Full Feature Phase. RFC 7143 sections 4.2.2 (numbers), 7.3 (Reject), 7.7,
// 7.8, 7.9, 11.4 (SCSI Response), 11.7 (Data-In), 11.8 (R2T), 11.9 (Asynchronous Message), 11.17,
// 11.19.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"
#include "fuzz/hostile/server.h"

namespace isthmus::hostile {
namespace {

// In answer to a READ. `say` sends; what follows is judged.
void OnRead(Attack& attack, void (*say)(Server&, const Pdu&),
            std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kRead);
  server.Login();
  const Pdu read = server.AwaitRead(16384);
  say(server, read);
  server.Judge(outcomes);
}
void OnWrite(Attack& attack, void (*say)(Server&, const Pdu&),
             std::initializer_list<Outcome> outcomes, const std::vector<std::string>& keys = {}) {
  Server server(attack, Work::kWrite);
  std::vector<std::string> all = {"InitialR2T=Yes", "ImmediateData=No"};
  all.insert(all.end(), keys.begin(), keys.end());
  server.Login(all);
  const Pdu write = server.AwaitWrite(16384);
  if (write.data.size() == write.u32(20)) throw NotApplicable{"all data came with the command"};
  say(server, write);
  server.Judge(outcomes);
}

// ---- Framing.
void HugePromise(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.DataIn(read, 0, 0, 0, 0x00).U24(5, 0xffffff)); },
         {Dropped()});
}
void TooLong(Attack& attack) {
  // One byte more than it declared, in a Data-In within the command.
  Server server(attack, Work::kRead);
  server.Login();
  const Pdu read = server.AwaitRead(16384);
  const uint32_t most = server.stub.AgreedNumber("MaxRecvDataSegmentLength");
  if (most >= read.u32(20)) throw NotApplicable{"MaxRecvDataSegmentLength is above the read"};
  server.Send(server.DataIn(read, 0, 0, most + 1, 0x00));
  server.Judge({Dropped()});
}
void AhsOnResponse(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Response(read).Ahs(std::string("\x00\x05\x02\x00\0\0\0\0", 8)));
         },
         {Dropped()});
}
template <uint32_t kOpcode>
void OpcodeWrong(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(kOpcode);
           pdu.U32(16, read.itt()).U32(20, kReserved);
           s.Send(s.stub.Number(pdu));
         },
         {Dropped()});
}
void EndInData(Attack& attack) {
  for (size_t keep : {1, 47, 48, 60, 1000}) {
    Server server(attack, Work::kRead);
    server.Login();
    const Pdu read = server.AwaitRead(16384);
    const std::string bytes = server.DataIn(read, 0, 0, 8192, 0x00).Encode(server.wire.digests);
    server.wire.SendRaw(bytes.substr(0, keep));
    server.wire.Flush();
    attack.BeginJudgement();
    server.wire.EndStream();
    server.JudgeLogin({Dropped()});
  }
}
void Garbage(Attack& attack) {
  Server server(attack, Work::kRead);
  server.Login();
  (void)server.AwaitRead(16384);
  std::string noise(8192, '\0');
  uint32_t random = attack.options.seed * 747796405U + 1;
  for (char& c : noise) {
    random = random * 1664525U + 1013904223U;
    c = static_cast<char>(random >> 24);
  }
  server.wire.SendRaw(noise);
  server.wire.Flush();
  attack.BeginJudgement();
  server.wire.EndStream();
  server.JudgeLogin({Dropped()});
}
void PadBytesSet(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           Pdu odd = s.DataIn(read, 0, 0, 4095, 0x00);
           odd.pad = '\xff';
           s.Send(odd);
           uint32_t data_sn = 1;
           for (uint32_t at = 4095; at < length;) {
             const uint32_t part = std::min<uint32_t>(length - at, 8192);
             s.Send(s.DataIn(read, data_sn++, at, part, at + part == length ? 0x81 : 0x00));
             at += part;
           }
         },
         {TaskSucceeds()});
}
void ReservedBits(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 0; at < length;) {
             const uint32_t part = std::min<uint32_t>(length - at, 8192);
             const bool last = at + part == length;
             Pdu data = s.DataIn(read, data_sn++, at, part, last ? 0x81 : 0x00);
             data.U8(0, 0xe5).U8(1, data.u8(1) | 0x38).U8(2, 0xff);
             s.Send(data);
             at += part;
           }
         },
         {TaskSucceeds()});
}
void DataOnR2t(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            s.Send(s.R2t(write, 0x100, 0, 0, 4096).Data(std::string(64, 'd')));
          },
          {Dropped()});
}

// ---- Digests.
void HeaderDigestBits(Attack& attack) {
  for (int bit = 0; bit < 416; bit += 13) {
    if (bit >= 32 && bit < 40) continue;  // a longer AHS is waited for
    Server server(attack, Work::kRead);
    server.Login();
    const Pdu read = server.AwaitRead(16384);
    Pdu data = server.DataIn(read, 0, 0, 512, 0x00);
    data.flipped_bit = bit;
    server.Send(data);
    server.Judge({Dropped()});
  }
}
void HeaderDigestAbsent(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu data = s.DataIn(read, 0, 0, 512, 0x00);
           data.header_digest = Pdu::Digest::kAbsent;
           s.Send(data);
         },
         {Dropped()});
}
void DataInDigest(Attack& attack) {
  // The PDU is discarded; the task fails (or the data is asked for again).
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 0; at < length;) {
             const uint32_t part = std::min<uint32_t>(length - at, 8192);
             Pdu data = s.DataIn(read, data_sn, at, part, at + part == length ? 0x81 : 0x00);
             if (data_sn++ == 1) data.data_digest = Pdu::Digest::kWrong;
             s.Send(data);
             at += part;
           }
         },
         {TaskFails(), Dropped(), {"the read again, and then its data", [](const Reaction& r) {
                                     return r.work == WorkResult::kGood;
                                   }}});
}
void LastDataInDigest(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 0; at < length;) {
             const uint32_t part = std::min<uint32_t>(length - at, 8192);
             const bool last = at + part == length;
             Pdu data = s.DataIn(read, data_sn++, at, part, last ? 0x81 : 0x00);
             if (last) data.data_digest = Pdu::Digest::kSwapped;
             s.Send(data);
             at += part;
           }
         },
         {TaskFails(), Dropped(), {"the read again, and then its data", [](const Reaction& r) {
                                     return r.work == WorkResult::kGood && r.pdus.size() > 1;
                                   }}});
}
void ResponseDigest(Attack& attack) {
  // A response is no data PDU: its loss ends the connection (level 0).
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu response = s.Response(read, 2, Server::Sense(0x03, 0x11));
           response.data_digest = Pdu::Digest::kWrong;
           s.Send(response);
         },
         {LogsOut(), Dropped()});
}
void AsyncDigest(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu&) {
           Pdu async = s.Async(0).Data(Server::Sense(0x06, 0x29));
           async.data_digest = Pdu::Digest::kWrong;
           s.Send(async);
         },
         {LogsOut(), Dropped()});
}
void RejectDigest(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu reject = s.Reject(0x04, read);
           reject.data_digest = Pdu::Digest::kWrong;
           s.Send(reject);
         },
         {LogsOut(), Dropped()});
}

// ---- Data-In.
void BeyondLength(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.DataIn(read, 0, read.u32(20), 512, 0x00)); },
         {Dropped(), TaskFails()});
}
void AcrossLength(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0, at = 0;
           for (; at + 4096 < length; at += 4096) s.Send(s.DataIn(read, data_sn++, at, 4096, 0x00));
           s.Send(s.DataIn(read, data_sn, at, length - at + 4, 0x81));
         },
         {Dropped(), TaskFails()});
}
void OffsetWraps(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 512, 0x00).U32(40, 0xffffff00));
         },
         {Dropped(), TaskFails()});
}
void OffsetHole(Attack& attack) {
  // The first 4096 bytes never come, and the status is good.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 4096; at < length; at += 4096) {
             const uint32_t part = std::min<uint32_t>(length - at, 4096);
             s.Send(s.DataIn(read, data_sn++, at, part, at + part == length ? 0x81 : 0x00));
           }
         },
         {Dropped(), TaskFails()});
}
void Overlap(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 4096, 0x00));
           s.Send(s.DataIn(read, 1, 2048, 4096, 0x00));
         },
         {Dropped(), TaskFails()});
}
void DataSnGap(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 0; at < length; at += 4096, data_sn += data_sn == 1 ? 2 : 1) {
             const uint32_t part = std::min<uint32_t>(length - at, 4096);
             s.Send(s.DataIn(read, data_sn, at, part, at + part == length ? 0x81 : 0x00));
           }
         },
         {Dropped(), TaskFails()});
}
void DataSnDuplicate(Attack& attack) {
  // The second one is discarded, whatever it holds.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           s.Send(s.DataIn(read, 0, 0, 4096, 0x00));
           s.Send(s.DataIn(read, 0, 0, 4096, 0x00).Data(std::string(4096, '!')));
           uint32_t data_sn = 1;
           for (uint32_t at = 4096; at < length; at += 4096) {
             const uint32_t part = std::min<uint32_t>(length - at, 4096);
             s.Send(s.DataIn(read, data_sn++, at, part, at + part == length ? 0x81 : 0x00));
           }
         },
         {TaskSucceeds(), Dropped(), TaskFails()});
}
void DataMissing(Attack& attack) {
  // Good status, no residual, and half of the bytes.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 8192, 0x80));
           s.Send(s.Response(read).U32(36, 1));
         },
         {Dropped(), TaskFails()});
}
void NoDataAtAll(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Response(read)); },
         {Dropped(), TaskFails()});
}
void ExpDataSnHigher(Attack& attack) {
  // The response tells of Data-In that never came.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 8192, 0x80));
           s.Send(s.Response(read).U8(1, 0x82).U32(36, 9).U32(44, read.u32(20) - 8192));
         },
         {Dropped(), TaskFails()});
}
void StatusWithoutFinal(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.DataIn(read, 0, 0, 4096, 0x01)); },
         {Dropped()});
}
void CheckConditionInDataIn(Attack& attack) {
  // Only GOOD, CONDITION MET and their like may ride on data (section 11.7.3).
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.DataIn(read, 0, 0, 4096, 0x81).U8(3, 0x02)); },
         {Dropped(), TaskFails()});
}
void AcknowledgeWithoutTag(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.DataIn(read, 0, 0, 4096, 0x40)); },
         {Dropped(), TaskFails(), Stays()});
}
void TagUnknown(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 4096, 0x00).U32(16, read.itt() ^ 0x00331100));
         },
         {Dropped()});
}
void TagReserved(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.DataIn(read, 0, 0, 4096, 0x00).U32(16, kReserved));
         },
         {Dropped()});
}
void DataInForWrite(Attack& attack) {
  OnWrite(attack, [](Server& s, const Pdu& write) { s.Send(s.DataIn(write, 0, 0, 4096, 0x00)); },
          {Dropped(), TaskFails()});
}
void DataInAfterStatus(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Serve(read);
           s.Send(s.DataIn(read, 99, 0, 4096, 0x00));
         },
         {Dropped(), TaskSucceeds(), Stays(), {"the work is done", [](const Reaction& r) {
                                                 return r.work == WorkResult::kGood && r.closed;
                                               }}});
}
void BurstTooLong(Attack& attack) {
  // A sequence above MaxBurstLength that was agreed on.
  Server server(attack, Work::kRead);
  server.Login({"MaxBurstLength=4096"});
  const Pdu read = server.AwaitRead(16384);
  if (server.stub.Agreed("MaxBurstLength") != "4096") throw NotApplicable{"no MaxBurstLength"};
  server.Send(server.DataIn(read, 0, 0, 4096, 0x00));
  server.Send(server.DataIn(read, 1, 4096, 4096, 0x00));
  server.Judge({Dropped(), TaskFails(), Stays()});
}
void EmptyDataIns(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           for (uint32_t i = 0; i < 50; ++i) s.Send(s.DataIn(read, i, 0, 0, 0x00));
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 50;
           for (uint32_t at = 0; at < length; at += 8192) {
             const uint32_t part = std::min<uint32_t>(length - at, 8192);
             s.Send(s.DataIn(read, data_sn++, at, part, at + part == length ? 0x81 : 0x00));
           }
         },
         {TaskSucceeds(), Dropped(), TaskFails()});
}

// ---- SCSI Response.
void CheckWithoutSense(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Response(read, 2)); }, {Dropped()});
}
void SenseLengthTooLong(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Response(read, 2, std::string("\xff\xff\x70\x00", 4)));
         },
         {TaskFails(), Dropped()});
}
void SenseLengthZero(Attack& attack) {
  OnRead(
      attack,
      [](Server& s, const Pdu& read) { s.Send(s.Response(read, 2, std::string("\x00\x00", 2))); },
      {TaskFails(), Dropped()});
}
void SenseOfOneByte(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.Response(read, 2, std::string("\x00", 1))); },
         {TaskFails(), Dropped()});
}
void SenseHuge(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           std::string data("\x1f\xf0\x70\x00\x03", 5);
           data.resize(8178);
           s.Send(s.Response(read, 2, data));
         },
         {TaskFails(), Dropped()});
}
void BothResiduals(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.Response(read).U8(1, 0x86).U32(44, 512)); },
         {Dropped()});
}
void UnderflowTooLarge(Attack& attack) {
  // More than was expected.
  OnRead(
      attack,
      [](Server& s, const Pdu& read) { s.Send(s.Response(read).U8(1, 0x82).U32(44, 0xfffffff0)); },
      {TaskFails(), Dropped()});
}
void UnderflowAgainstData(Attack& attack) {
  // All bytes came, and half of them are said to be missing: what is reported must not be less safe.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const uint32_t length = read.u32(20);
           uint32_t data_sn = 0;
           for (uint32_t at = 0; at < length; at += 8192) {
             s.Send(s.DataIn(read, data_sn++, at, std::min<uint32_t>(length - at, 8192),
                             at + 8192 >= length ? 0x80 : 0x00));
           }
           s.Send(s.Response(read).U8(1, 0x82).U32(36, data_sn).U32(44, length / 2));
         },
         {TaskFails(), Dropped(), TaskSucceeds()});
}
void StatusUnknown(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Response(read, 0x77)); },
         {TaskFails(), Dropped()});
}
void ResponseReserved(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Response(read).U8(2, 0x33)); },
         {Dropped(), TaskFails()});
}
void TargetFailure(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Response(read).U8(2, 0x01)); },
         {TaskFails(), Dropped()});
}
void ResponseTagUnknown(Attack& attack) {
  OnRead(
      attack,
      [](Server& s, const Pdu& read) { s.Send(s.Response(read).U32(16, read.itt() ^ 0x00447700)); },
      {Dropped()});
}
void ResponseTwice(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            s.Send(s.Response(write, 2, Server::Sense(0x03, 0x11)));
            s.Send(s.Response(write, 2, Server::Sense(0x03, 0x11)));
          },
          {Dropped(), TaskFails(), Stays()});
}
void ResponseOfOtherType(Attack& attack) {
  // A function's response for a command's tag.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x22);
           s.Send(s.stub.Number(pdu.U32(16, read.itt())));
         },
         {Dropped()});
}
void TextResponseForCommand(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x24);
           s.Send(s.stub.Number(pdu.U32(16, read.itt()).U32(20, kReserved)));
         },
         {Dropped()});
}
void FinalBitClear(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           // All else is right: whoever takes it has looked away.
           s.Send(s.DataIn(read, 0, 0, std::min<uint32_t>(read.u32(20), 8192)));
           s.Send(s.Response(read).U8(1, 0));
         },
         {Dropped()});
}

// ---- Numbers.
void StatSnAhead(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.stub.stat_sn += 3;
           s.Send(s.Response(read, 2, Server::Sense(0x03, 0x11)));
         },
         {Dropped(), LogsOut(), TaskFails()});
}
void StatSnFarAhead(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.stub.stat_sn += 0x40000000;
           s.Send(s.Response(read, 2, Server::Sense(0x03, 0x11)));
         },
         {Dropped(), LogsOut(), TaskFails()});
}
void StatSnBack(Attack& attack) {
  // A status of a number that was acknowledged: a duplicate, discarded.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Response(read, 2, Server::Sense(0x03, 0x11)).U32(24, s.stub.stat_sn - 5));
           --s.stub.stat_sn;
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped(), TaskFails()});
}
void MaxCmdSnShrinks(Attack& attack) {
  // MaxCmdSN below ExpCmdSN - 1: both are ignored.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu ping(0x20);
           ping = s.stub.Number(ping.U32(16, kReserved).U32(20, kReserved), false);
           s.Send(ping.U32(32, s.stub.exp_cmd_sn - 20));
           s.Serve(read);
         },
         {TaskSucceeds()});
}
void WindowFarAway(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu ping(0x20);
           ping = s.stub.Number(ping.U32(16, kReserved).U32(20, kReserved), false);
           s.Send(ping.U32(32, s.stub.exp_cmd_sn + 0x90000000));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}
void ExpCmdSnUnsent(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu&) {
           Pdu ping(0x20);
           ping = s.stub.Number(ping.U32(16, kReserved).U32(20, kReserved), false);
           s.Send(ping.U32(28, s.stub.exp_cmd_sn + 500).U32(32, s.stub.exp_cmd_sn + 600));
         },
         {Dropped(), Stays()});
}

// ---- R2T.
template <int kWhich>
void R2tWrong(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            const uint32_t length = write.u32(20);
            switch (kWhich) {
              case 0:
                return s.Send(s.R2t(write, 0x100, 0, 0, 0));
              case 1:
                return s.Send(s.R2t(write, 0x100, 0, length, 4096));
              case 2:
                return s.Send(s.R2t(write, 0x100, 0, length - 512, 4096));
              case 3:
                return s.Send(s.R2t(write, 0x100, 0, 0xfffffe00, 4096));
              case 4:
                return s.Send(s.R2t(write, 0x100, 0, 4096, 0xfffff800));
              case 5:
                return s.Send(s.R2t(write, kReserved, 0, 0, 4096));
              case 6:
                return s.Send(s.R2t(write, 0x100, 7, 0, 4096));
              case 7:
                return s.Send(s.R2t(write, 0x100, 0, 0, 4096).U32(16, write.itt() ^ 0x00220000));
              case 8:
                return s.Send(s.R2t(write, 0x100, 0, 0, 4096).U32(16, kReserved));
              case 9:
                return s.Send(s.R2t(write, 0x100, 0, 8192, 4096));
              default:
                return;
            }
          },
          {Dropped(), TaskFails()});
}
void R2tAboveBurst(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            if (s.stub.Agreed("MaxBurstLength") != "4096") throw NotApplicable{"no MaxBurstLength"};
            s.Send(s.R2t(write, 0x100, 0, 0, 8192));
          },
          {Dropped(), TaskFails()}, {"MaxBurstLength=4096", "FirstBurstLength=4096"});
}
void R2tTooMany(Attack& attack) {
  // One that answers each before it looks at the next cannot see that they are too many.
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            for (uint32_t i = 0; i < 20; ++i) s.Send(s.R2t(write, 0x100 + i, i, i * 512, 512));
          },
          {Dropped(),
           TaskFails(),
           {"each answered in its turn",
            [](const Reaction& r) {
              uint32_t offset = 0;
              for (const Pdu& pdu : r.pdus) {
                if (pdu.opcode() != 0x05) continue;
                if (pdu.u32(40) != offset || pdu.data.size() != 512) {
                  return false;
                }
                offset += 512;
              }
              return r.alive && offset == 20 * 512 && r.work == WorkResult::kRunning;
            }}},
          {"MaxOutstandingR2T=1"});
}
void R2tFinalBitClear(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            s.Send(s.R2t(write, 0x100, 0, static_cast<uint32_t>(write.data.size()), 4096).U8(1, 0));
          },
          {Dropped()});
}
void R2tForRead(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.R2t(read, 0x100, 0, 0, 4096)); },
         {Dropped(), TaskFails()});
}
void R2tDuplicate(Attack& attack) {
  // The same R2TSN again is discarded: the data does not come twice.
  Server server(attack, Work::kWrite);
  server.Login({"InitialR2T=Yes", "ImmediateData=No"});
  const Pdu write = server.AwaitWrite(16384);
  server.Send(server.R2t(write, 0x100, 0, 0, 4096));
  server.Send(server.R2t(write, 0x100, 0, 0, 4096));
  const Reaction reaction = server.React();
  Judge(reaction, {Dropped(), TaskFails(), {"the data of one R2T", [](const Reaction& r) {
                                              size_t bytes = 0;
                                              for (const Pdu& pdu : r.pdus) {
                                                if (pdu.opcode() == 0x05) bytes += pdu.data.size();
                                              }
                                              return r.alive && bytes == 4096;
                                            }}});
}
void StatusOverR2t(Attack& attack) {
  // A final response while an R2T is outstanding: the transfer ends, the task with its status.
  Server server(attack, Work::kWrite);
  server.Login({"InitialR2T=Yes", "ImmediateData=No"});
  const Pdu write = server.AwaitWrite(16384);
  server.Send(server.R2t(write, 0x100, 0, 0, 8192));
  server.Send(server.Response(write, 2, Server::Sense(0x03, 0x0c)));
  server.Judge({TaskFails(), Dropped()});
}
void WriteEndsEarly(Attack& attack) {
  // Good status without a residual before any data was asked for.
  OnWrite(attack, [](Server& s, const Pdu& write) { s.Send(s.Response(write)); },
          {Dropped(), TaskFails(), TaskSucceeds()});
}
void R2tAfterStatus(Attack& attack) {
  OnWrite(attack,
          [](Server& s, const Pdu& write) {
            s.Send(s.Response(write, 2, Server::Sense(0x03, 0x11)));
            s.Send(s.R2t(write, 0x100, 0, 0, 4096));
          },
          {Dropped(), TaskFails(), Stays()});
}

// ---- Reject.
void RejectOfCommand(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           // The rejected command's CmdSN does not count as received.
           s.stub.exp_cmd_sn = read.u32(24);
           s.Send(s.Reject(0x09, read));
         },
         {TaskFails(), Dropped(), {"the command again", [](const Reaction& r) {
                                     return r.work == WorkResult::kGood && r.alive;
                                   }}});
}
void RejectOfUnknown(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu bad = read;
           bad.U32(16, read.itt() ^ 0x00998800).U32(24, read.u32(24) - 50);
           s.Send(s.Reject(0x09, bad));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}
void RejectShort(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu reject = s.Reject(0x04, read);
           s.Send(reject.Data(read.header.substr(0, 20)));
         },
         {Dropped()});
}
void RejectEmpty(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu reject = s.Reject(0x04, read);
           s.Send(reject.Data(""));
         },
         {Dropped()});
}
void RejectOfReject(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           const Pdu reject = s.Reject(0x04, Pdu(0x3f).U32(16, kReserved));
           s.Send(reject);
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}
void RejectDeprecated(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Reject(0x0b, read)); },
         {Dropped(), TaskFails()});
}
void RejectWithTag(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) { s.Send(s.Reject(0x04, read).U32(16, read.itt())); },
         {Dropped(), TaskFails()});
}
void RejectOfOwnGarbage(Attack& attack) {
  // The copy in it is no header that anyone sent.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu reject = s.Reject(0x05, read);
           s.Send(reject.Data(std::string(48, '\xff')));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}

// ---- Asynchronous Message.
// Logout within Parameter3 seconds; what is under way may end before.
Outcome LogsOutInTime() {
  return {"a Logout Request, or a closed connection", [](const Reaction& r) {
            return (r.logout || r.closed) && r.work != WorkResult::kCorrupt &&
                   r.work != WorkResult::kRunning;
          }};
}
void AsyncLogout(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Async(1, 0, 0, 5));
           s.Serve(read);
         },
         {LogsOutInTime()});
}
void AsyncLogoutAtOnce(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu&) { s.Send(s.Async(1, 0, 0, 0)); },
         {LogsOut(), Dropped()});
}
void AsyncLogoutLate(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Async(1, 0, 0, 65535));
           s.Serve(read);
         },
         {LogsOutInTime()});
}
void AsyncConnectionDrops(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu&) { s.Send(s.Async(2, 0, 0, 0)); },
         {Dropped(), Stays(), TaskFails()});
}
void AsyncSessionDrops(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu&) { s.Send(s.Async(3, 0, 0, 0)); }, {Dropped()});
}
void AsyncUnknown(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Async(77, 1, 2, 3));
           s.Send(s.Async(200));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}
void AsyncVendor(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Async(255).Data(std::string(700, 'v')));
           s.Serve(read);
         },
         {TaskSucceeds()});
}
void AsyncTag(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu& read) { s.Send(s.Async(255).U32(16, read.itt())); },
         {Dropped()});
}
void AsyncScsiWithoutSense(Attack& attack) {
  OnRead(attack, [](Server& s, const Pdu&) { s.Send(s.Async(0)); }, {Dropped()});
}
void AsyncSenseTooLong(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Async(0).Data(std::string("\xff\xff\x70\x00", 4)));
           s.Serve(read);
         },
         {Dropped(), TaskSucceeds()});
}
void AsyncFlood(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           for (int i = 0; i < 500; ++i) s.Send(s.Async(255));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}
void AsyncFastAbort(Attack& attack) {
  // Event 5 belongs to TaskReporting=FastAbort alone.
  OnRead(attack, [](Server& s, const Pdu&) { s.Send(s.Async(5)); }, {Dropped(), Stays()});
}

// ---- NOP-In.
void NopInBothTags(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x20);
           s.Send(s.stub.Number(pdu.U32(16, read.itt()).U32(20, 0x77)));
         },
         {Dropped()});
}
void NopInNeitherWithData(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu&) {
           Pdu pdu(0x20);
           pdu.U32(16, kReserved).U32(20, kReserved).Data("what for?");
           s.Send(s.stub.Number(pdu, false));
         },
         {Dropped()});
}
void NopInAnswersNothing(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x20);
           s.Send(s.stub.Number(pdu.U32(16, read.itt() ^ 0x00775500).U32(20, kReserved)));
         },
         {Dropped()});
}
void NopInForCommand(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x20);
           s.Send(s.stub.Number(pdu.U32(16, read.itt()).U32(20, kReserved)));
         },
         {Dropped()});
}
void PingFlood(Attack& attack) {
  // Each is answered, and the work goes on.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           for (uint32_t i = 0; i < 300; ++i) s.Send(s.Ping(0x10000 + i));
           s.Serve(read);
         },
         {Dropped(), {"300 answers, and the work ends well", [](const Reaction& r) {
                        uint32_t answers = 0;
                        for (const Pdu& pdu : r.pdus) answers += pdu.opcode() == 0x00;
                        return answers == 300 &&
                               (r.work == WorkResult::kGood || r.work == WorkResult::kUnknown);
                      }}});
}
// In rounds, so that the answers are read meanwhile.
void Flood(Attack& attack, uint32_t count, bool answered, Pdu (*make)(Server&, uint32_t)) {
  Server server(attack, Work::kRead);
  server.Login();
  const Pdu read = server.AwaitRead(16384);
  attack.BeginJudgement();
  constexpr uint32_t kRound = 100;
  for (uint32_t sent = 0; sent < count && !server.wire.closed();) {
    for (uint32_t i = 0; i < kRound; ++i) server.Send(make(server, ++sent));
    server.wire.Flush();
    for (uint32_t left = answered ? kRound : 0; left > 0 && !server.wire.closed();) {
      const Wire::Seen seen = server.wire.Next();
      if (seen.got == Link::Got::kClosed) break;
      if (seen.got == Link::Got::kSilence) {
        throw Failed{"required: answers or a closed connection; seen: silence after " +
                     std::to_string(sent)};
      }
      left -= seen.pdu.opcode() == 0x00 && seen.pdu.ttt() != kReserved;
    }
  }
  server.Serve(read);
  server.Judge({TaskSucceeds(), Dropped()});
}
void PingFloodEndless(Attack& attack) {
  Flood(attack, attack.options.thorough ? 11'000 : 110'000, true, [](Server& s, uint32_t i) { return s.Ping(0x10000 + i); });
}
void AsyncFloodEndless(Attack& attack) {
  Flood(attack, 2000, false, [](Server& s, uint32_t) { return s.Async(255); });
}
void RejectFloodEndless(Attack& attack) {
  Flood(attack, 2000, false, [](Server& s, uint32_t) {
    return s.Reject(0x04, Pdu(0x05).U32(16, 0x00fffff0).U32(20, kReserved));
  });
}
void PingWithData(Attack& attack) {
  // Section 11.19: the answer repeats nothing but the tag and the LUN.
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           s.Send(s.Ping(0x99).Data(std::string(600, 'p')));
           s.Serve(read);
         },
         {TaskSucceeds(), Dropped()});
}

// ---- Others.
void LogoutUnasked(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x26);
           s.Send(s.stub.Number(pdu.U32(16, read.itt())));
         },
         {Dropped()});
}
void FunctionUnasked(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x22);
           s.Send(s.stub.Number(pdu.U32(16, read.itt() ^ 0x00665500)));
           s.Serve(read);
         },
         {Dropped(), TaskSucceeds()});
}
void LoginInFullFeature(Attack& attack) {
  OnRead(attack,
         [](Server& s, const Pdu& read) {
           Pdu pdu(0x23, 0x87);
           s.Send(s.stub.Number(pdu.U32(16, read.itt())));
         },
         {Dropped()});
}
// ---- Functions.
void OnReset(Attack& attack, void (*say)(Server&, const Pdu&),
             std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kReset);
  server.Login();
  const Pdu reset = server.Await(0x02, "LOGICAL UNIT RESET");
  say(server, reset);
  server.Judge(outcomes);
}
template <uint32_t kResponse>
void FunctionRefused(Attack& attack) {
  OnReset(attack,
          [](Server& s, const Pdu& reset) {
            Pdu pdu(0x22);
            s.Send(s.stub.Number(pdu.U8(2, kResponse).U32(16, reset.itt())));
          },
          {TaskFails(), Dropped()});
}
void FunctionTwice(Attack& attack) {
  OnReset(
      attack,
      [](Server& s, const Pdu& reset) {
        s.Serve(reset);
        s.Serve(reset);
      },
      {TaskSucceeds(), Dropped(), Stays(), {"closed behind the work's end", [](const Reaction& r) {
                                              return r.closed && r.work == WorkResult::kGood;
                                            }}});
}
void FunctionWithData(Attack& attack) {
  OnReset(attack,
          [](Server& s, const Pdu& reset) {
            Pdu pdu(0x22);
            s.Send(s.stub.Number(pdu.U32(16, reset.itt()).Data("data")));
          },
          {Dropped()});
}
void FunctionByScsiResponse(Attack& attack) {
  OnReset(attack, [](Server& s, const Pdu& reset) { s.Send(s.Response(reset)); }, {Dropped()});
}
void FunctionRejected(Attack& attack) {
  OnReset(attack, [](Server& s, const Pdu& reset) { s.Send(s.Reject(0x06, reset)); },
          {TaskFails(), Dropped()});
}

constexpr Side kI = Side::kInitiator;
constexpr uint32_t kH = kNeedsHeaderDigest;
constexpr uint32_t kD = kNeedsDataDigest;
constexpr char kDrop[] = "the connection is closed, the work not reported as done";
constexpr char kFailOrDrop[] = "the task fails, or the connection is closed";
constexpr char kIgnored[] = "it is ignored, the work ends well";
constexpr char kIgnoredOrDrop[] = "the work ends well, or the connection is closed";
constexpr char kLogout[] = "Logout, or the connection is closed";

constexpr Case kCases[] = {
    {"initiator.framing.huge_promise", kI, "13.12", "a Data-In header that promises 2^24 - 1 bytes",
     kDrop, HugePromise},
    {"initiator.framing.too_long", kI, "13.12", "a Data-In one byte above MaxRecvDataSegmentLength",
     kDrop, TooLong},
    {"initiator.framing.ahs_on_response", kI, "11.1", "an AHS on a SCSI Response", kDrop,
     AhsOnResponse},
    {"initiator.framing.opcode_of_initiators", kI, "11.2.1.2", "a SCSI Command from the target",
     kDrop, OpcodeWrong<0x01>},
    {"initiator.framing.opcode_unassigned", kI, "11.2.1.2", "opcode 0x2b", kDrop,
     OpcodeWrong<0x2b>},
    {"initiator.framing.opcode_of_vendors", kI, "11.2.1.2", "opcode 0x3e", kDrop,
     OpcodeWrong<0x3e>},
    {"initiator.framing.end_in_data", kI, "7.14", "the stream ends inside a Data-In", kDrop,
     EndInData},
    {"initiator.framing.garbage", kI, "7.7", "8 KiB of noise", kDrop, Garbage},
    {"initiator.framing.pad_bytes_set", kI, "11.1", "pad bytes of 0xff", "the right data",
     PadBytesSet},
    {"initiator.framing.reserved_bits", kI, "11", "reserved bits of Data-In set", "the right data",
     ReservedBits},
    {"initiator.framing.data_on_r2t", kI, "11.8.1", "an R2T with a data segment", kDrop, DataOnR2t},
    {"initiator.digest.header_bits", kI, "7.8", "bits of a Data-In header changed under its digest",
     kDrop, HeaderDigestBits, kH},
    {"initiator.digest.header_absent", kI, "11.2.3",
     "a Data-In without the header digest agreed on", kDrop, HeaderDigestAbsent, kH},
    {"initiator.digest.data_in", kI, "7.8", "a bad data digest in the middle of a read",
     "the task fails, or the data is fetched again", DataInDigest, kD},
    {"initiator.digest.last_data_in", kI, "7.8", "a bad data digest on the Data-In with the status",
     "the task fails, or the data is fetched again", LastDataInDigest, kD},
    {"initiator.digest.response", kI, "7.8", "a bad data digest on a SCSI Response", kLogout,
     ResponseDigest, kD},
    {"initiator.digest.async", kI, "7.8", "a bad data digest on an Asynchronous Message", kLogout,
     AsyncDigest, kD},
    {"initiator.digest.reject", kI, "7.8", "a bad data digest on a Reject", kLogout, RejectDigest,
     kD},
    {"initiator.data_in.beyond_length", kI, "11.7.6", "Data-In behind the end of the command",
     kFailOrDrop, BeyondLength},
    {"initiator.data_in.across_length", kI, "11.7.6", "the last Data-In 4 bytes too long",
     kFailOrDrop, AcrossLength},
    {"initiator.data_in.offset_wraps", kI, "11.7.6", "offset and length that pass 2^32",
     kFailOrDrop, OffsetWraps},
    {"initiator.data_in.offset_hole", kI, "11.7.6", "Data-In from 4096 on under DataPDUInOrder=Yes",
     kFailOrDrop, OffsetHole},
    {"initiator.data_in.overlap", kI, "11.7.6", "Data-In that overlaps under DataPDUInOrder=Yes",
     kFailOrDrop, Overlap},
    {"initiator.data_in.data_sn_gap", kI, "7.9", "a DataSN left out", kFailOrDrop, DataSnGap},
    {"initiator.data_in.data_sn_duplicate", kI, "7.9", "a DataSN twice, with other data",
     "the second is discarded, or the task or connection ends", DataSnDuplicate},
    {"initiator.data_in.missing", kI, "11.4.5, 7.9", "good status, half the data, no residual",
     kFailOrDrop, DataMissing},
    {"initiator.data_in.none", kI, "11.4.5, 7.9", "good status for a read without any data",
     kFailOrDrop, NoDataAtAll},
    {"initiator.data_in.exp_data_sn_higher", kI, "11.4.8", "ExpDataSN of PDUs that never came",
     kFailOrDrop, ExpDataSnHigher},
    {"initiator.data_in.status_without_final", kI, "11.7.3", "S without F", kDrop,
     StatusWithoutFinal},
    {"initiator.data_in.check_condition", kI, "11.7.3", "CHECK CONDITION on a Data-In", kFailOrDrop,
     CheckConditionInDataIn},
    {"initiator.data_in.acknowledge_without_tag", kI, "11.7.2, 11.7.4",
     "A without a Target Transfer Tag",
     "the connection is closed, the task fails, or the bit is ignored", AcknowledgeWithoutTag},
    {"initiator.data_in.tag_unknown", kI, "11.7", "Data-In for a tag of no task", kDrop,
     TagUnknown},
    {"initiator.data_in.tag_reserved", kI, "11.2.1.8", "Data-In for tag 0xffffffff", kDrop,
     TagReserved},
    {"initiator.data_in.for_write", kI, "11.7", "Data-In for a write", kFailOrDrop, DataInForWrite},
    {"initiator.data_in.after_status", kI, "11.7", "Data-In behind the status",
     "the work stays done, or the connection is closed", DataInAfterStatus},
    {"initiator.data_in.burst_too_long", kI, "13.13", "a sequence above MaxBurstLength",
     "the connection is closed, the task fails, or it is not looked at", BurstTooLong},
    {"initiator.data_in.empty_pdus", kI, "11.7.7", "50 Data-In without data, then all of it",
     "the work ends well, or the task or connection ends", EmptyDataIns},
    {"initiator.response.check_without_sense", kI, "7.7", "CHECK CONDITION without a data segment",
     kDrop, CheckWithoutSense},
    {"initiator.response.sense_length_65535", kI, "11.4.7.1", "SenseLength 65,535 with 2 bytes",
     kFailOrDrop, SenseLengthTooLong},
    {"initiator.response.sense_length_0", kI, "11.4.7.1", "SenseLength 0", kFailOrDrop,
     SenseLengthZero},
    {"initiator.response.sense_of_one_byte", kI, "11.4.7.1", "a data segment of one byte",
     kFailOrDrop, SenseOfOneByte},
    {"initiator.response.sense_of_8_kib", kI, "11.4.7", "8 KiB of sense data", kFailOrDrop,
     SenseHuge},
    {"initiator.response.both_residuals", kI, "11.4.1", "overflow and underflow", kDrop,
     BothResiduals},
    {"initiator.response.underflow_too_large", kI, "11.4.5.1", "an underflow of 4 GiB", kFailOrDrop,
     UnderflowTooLarge},
    {"initiator.response.underflow_against_data", kI, "11.4.5",
     "all data, and an underflow of half of it", "the right data, or failure",
     UnderflowAgainstData},
    {"initiator.response.status_unknown", kI, "11.4.2", "SCSI status 0x77", kFailOrDrop,
     StatusUnknown},
    {"initiator.response.response_reserved", kI, "11.4.3", "response code 0x33", kFailOrDrop,
     ResponseReserved},
    {"initiator.response.target_failure", kI, "11.4.3", "response code 1", kFailOrDrop,
     TargetFailure},
    {"initiator.response.tag_unknown", kI, "11.4", "a response for a tag of no task", kDrop,
     ResponseTagUnknown},
    {"initiator.response.twice", kI, "11.4", "two responses to one command",
     "the work fails once, or the connection is closed", ResponseTwice},
    {"initiator.response.of_function", kI, "11.6", "a function's response to a command", kDrop,
     ResponseOfOtherType},
    {"initiator.response.of_text", kI, "11.11", "a Text Response to a command", kDrop,
     TextResponseForCommand},
    {"initiator.response.final_bit_clear", kI, "11.4, 7.7", "a SCSI Response whose F bit is 0",
     kDrop, FinalBitClear},
    {"initiator.r2t.final_bit_clear", kI, "11.8, 7.7", "an R2T whose F bit is 0", kDrop,
     R2tFinalBitClear},
    {"initiator.numbers.stat_sn_ahead", kI, "7.9", "StatSN 3 ahead", kLogout, StatSnAhead},
    {"initiator.numbers.stat_sn_far_ahead", kI, "7.9", "StatSN 2^30 ahead", kLogout,
     StatSnFarAhead},
    {"initiator.numbers.stat_sn_back", kI, "11.4.9", "a StatSN of a status received before",
     "discarded, or the task or connection ends", StatSnBack},
    {"initiator.numbers.max_cmd_sn_shrinks", kI, "4.2.2.1", "MaxCmdSN below ExpCmdSN - 1", kIgnored,
     MaxCmdSnShrinks},
    {"initiator.numbers.window_far_away", kI, "4.2.2.1", "MaxCmdSN half the number space away",
     kIgnoredOrDrop, WindowFarAway},
    {"initiator.numbers.exp_cmd_sn_unsent", kI, "4.2.2.1",
     "ExpCmdSN of commands that were not sent", "the connection is closed, or it is not used",
     ExpCmdSnUnsent},
    {"initiator.r2t.length_zero", kI, "11.8.4", "R2T for no data", kFailOrDrop, R2tWrong<0>},
    {"initiator.r2t.at_end", kI, "11.8.4", "R2T behind the end of the command", kFailOrDrop,
     R2tWrong<1>},
    {"initiator.r2t.across_end", kI, "11.8.4", "R2T across the end of the command", kFailOrDrop,
     R2tWrong<2>},
    {"initiator.r2t.offset_wraps", kI, "11.8.4", "R2T whose offset and length pass 2^32",
     kFailOrDrop, R2tWrong<3>},
    {"initiator.r2t.length_wraps", kI, "11.8.4", "R2T of 4 GiB less 2 KiB", kFailOrDrop,
     R2tWrong<4>},
    {"initiator.r2t.transfer_tag_reserved", kI, "11.8.5", "R2T with Target Transfer Tag 0xffffffff",
     kFailOrDrop, R2tWrong<5>},
    {"initiator.r2t.r2t_sn_gap", kI, "7.9", "R2TSN 7 first", kFailOrDrop, R2tWrong<6>},
    {"initiator.r2t.tag_unknown", kI, "11.8", "R2T for a tag of no task", kDrop, R2tWrong<7>},
    {"initiator.r2t.tag_reserved", kI, "11.2.1.8", "R2T for tag 0xffffffff", kDrop, R2tWrong<8>},
    {"initiator.r2t.out_of_order", kI, "13.19", "R2T from 8192 on under DataSequenceInOrder=Yes",
     kFailOrDrop, R2tWrong<9>},
    {"initiator.r2t.above_max_burst", kI, "11.8.4", "R2T above MaxBurstLength", kFailOrDrop,
     R2tAboveBurst},
    {"initiator.r2t.too_many", kI, "13.17", "20 R2Ts under MaxOutstandingR2T=1", kFailOrDrop,
     R2tTooMany},
    {"initiator.r2t.for_read", kI, "11.8", "R2T for a read", kFailOrDrop, R2tForRead},
    {"initiator.r2t.duplicate", kI, "7.9", "the same R2T twice", "its data once, or failure",
     R2tDuplicate},
    {"initiator.r2t.status_over_it", kI, "11.8", "CHECK CONDITION while an R2T is outstanding",
     kFailOrDrop, StatusOverR2t},
    {"initiator.r2t.after_status", kI, "11.8", "R2T behind the status",
     "the work fails once, or the connection is closed", R2tAfterStatus},
    {"initiator.r2t.write_ends_early", kI, "11.4.5", "good status before any data was asked for",
     "failure, or the work as done: the target's word", WriteEndsEarly},
    {"initiator.reject.of_command", kI, "7.3", "Reject 0x09 of the command",
     "the task fails, or the command comes again", RejectOfCommand},
    {"initiator.reject.of_unknown", kI, "7.3", "Reject of a tag of no task", kIgnoredOrDrop,
     RejectOfUnknown},
    {"initiator.reject.short", kI, "11.17.4", "Reject with 20 bytes of a header", kDrop,
     RejectShort},
    {"initiator.reject.empty", kI, "11.17.4", "Reject without a header", kDrop, RejectEmpty},
    {"initiator.reject.of_reject", kI, "7.3", "Reject of a Reject", kIgnoredOrDrop, RejectOfReject},
    {"initiator.reject.deprecated", kI, "11.17.1", "reason 0x0b", kFailOrDrop, RejectDeprecated},
    {"initiator.reject.with_tag", kI, "11.17", "Reject with an Initiator Task Tag of its own",
     kFailOrDrop, RejectWithTag},
    {"initiator.reject.of_garbage", kI, "7.3", "Reject of 48 bytes of 0xff", kIgnoredOrDrop,
     RejectOfOwnGarbage},
    {"initiator.async.logout", kI, "11.9.1", "event 1 with 5 seconds", kLogout, AsyncLogout},
    {"initiator.async.logout_at_once", kI, "11.9.1", "event 1 with 0 seconds", kLogout,
     AsyncLogoutAtOnce},
    {"initiator.async.logout_late", kI, "11.9.1", "event 1 with 65,535 seconds", kLogout,
     AsyncLogoutLate},
    {"initiator.async.connection_drops", kI, "11.9.1", "event 2, and the connection stays",
     "the connection is closed, or the session goes on", AsyncConnectionDrops},
    {"initiator.async.session_drops", kI, "11.9.1", "event 3", kDrop, AsyncSessionDrops},
    {"initiator.async.event_unknown", kI, "11.9.1", "events 77 and 200", kIgnoredOrDrop,
     AsyncUnknown},
    {"initiator.async.vendor", kI, "11.9.1", "event 255 with 700 bytes", kIgnored, AsyncVendor},
    {"initiator.async.tag", kI, "11.9", "an Initiator Task Tag other than 0xffffffff", kDrop,
     AsyncTag},
    {"initiator.async.scsi_without_sense", kI, "11.9.1", "event 0 without sense data", kDrop,
     AsyncScsiWithoutSense},
    {"initiator.async.sense_length_65535", kI, "11.9.4.1", "SenseLength 65,535 with 2 bytes",
     "the connection is closed, or what came counts", AsyncSenseTooLong},
    {"initiator.async.flood", kI, "11.9", "500 messages at once", kIgnoredOrDrop, AsyncFlood},
    {"initiator.async.fast_abort", kI, "11.9.1", "event 5 without TaskReporting=FastAbort",
     "the connection is closed, or it is ignored", AsyncFastAbort},
    {"initiator.nop_in.both_tags", kI, "7.7", "a NOP-In with both tags", kDrop, NopInBothTags},
    {"initiator.nop_in.neither_with_data", kI, "11.19", "a NOP-In with neither tag, and data",
     kDrop, NopInNeitherWithData},
    {"initiator.nop_in.answers_nothing", kI, "11.19", "an answer to no ping", kDrop,
     NopInAnswersNothing},
    {"initiator.nop_in.for_command", kI, "11.19", "a ping's answer to a command", kDrop,
     NopInForCommand},
    {"initiator.nop_in.flood", kI, "11.18", "300 pings at once", "300 answers, the work ends well",
     PingFlood},
    {"initiator.nop_in.flood_endless", kI, "11.18", "110,000 pings (11,000 under every chunking), answers read", kIgnoredOrDrop,
     PingFloodEndless},
    {"initiator.async.flood_endless", kI, "11.9", "2,000 messages", kIgnoredOrDrop,
     AsyncFloodEndless},
    {"initiator.reject.flood_endless", kI, "7.3", "2,000 Rejects of tags of no task",
     kIgnoredOrDrop, RejectFloodEndless},
    {"initiator.nop_in.with_data", kI, "11.19", "a ping with 600 bytes", kIgnoredOrDrop,
     PingWithData},
    {"initiator.logout.unasked", kI, "11.15", "a Logout Response that nobody asked for", kDrop,
     LogoutUnasked},
    {"initiator.function.unasked", kI, "11.6", "a function's response for a tag of no task",
     "discarded (it may be late), or the connection is closed", FunctionUnasked},
    {"initiator.login.response_in_full_feature", kI, "4.2.4", "a Login Response after the login",
     kDrop, LoginInFullFeature},
    {"initiator.function.response_1", kI, "11.6.1", "response 1 to LOGICAL UNIT RESET", kFailOrDrop,
     FunctionRefused<1>},
    {"initiator.function.response_255", kI, "11.6.1", "response 255", kFailOrDrop,
     FunctionRefused<255>},
    {"initiator.function.response_reserved", kI, "11.6.1", "response 100", kFailOrDrop,
     FunctionRefused<100>},
    {"initiator.function.twice", kI, "4.2.3.3", "two responses to one function",
     "the second is discarded, or the connection is closed", FunctionTwice},
    {"initiator.function.with_data", kI, "11.6.2", "a function's response with data", kDrop,
     FunctionWithData},
    {"initiator.function.by_scsi_response", kI, "11.4", "a SCSI Response to a function", kDrop,
     FunctionByScsiResponse},
    {"initiator.function.rejected", kI, "7.3", "Reject 0x06 of a function", kFailOrDrop,
     FunctionRejected},
};

}  // namespace

std::span<const Case> InitiatorFullFeatureCases() { return kCases; }

}  // namespace isthmus::hostile
