// Numbering, and data of commands. RFC 7143 sections 4.2.2 (CmdSN, StatSN), 4.2.5, 11.3, 11.4.7.2
// (iSCSI conditions), 11.7 (Data-Out), 11.8 (R2T), 11.16 (SNACK at ErrorRecoveryLevel 0).
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// ---- Numbering.
void CmdSnBelow(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu inquiry = client.Inquiry();
  client.Send(inquiry.U32(24, client.cmd_sn - 2));
  client.Judge({Ignored()});
}
void CmdSnAbove(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu inquiry = client.Inquiry();
  client.Send(inquiry.U32(24, client.max_cmd_sn + 1));
  client.Judge({Ignored()});
}
void CmdSnFarAway(Attack& attack) {
  Client client(attack);
  client.Login();
  for (uint32_t distance : {0x7fffffffU, 0x80000000U, 0x80000001U}) {
    Pdu inquiry = client.Inquiry();
    client.Send(inquiry.U32(24, client.exp_cmd_sn + distance));
    client.Judge({Ignored()});
  }
}
void CmdSnDuplicate(Attack& attack) {
  // A duplicate within the window: ignored, and the first one is served once the hole is filled.
  Client client(attack);
  client.Login();
  const Pdu hole = client.TestUnitReady();
  const Pdu first = client.Inquiry();
  Pdu second = first;
  second.U32(16, client.NewTag());
  client.Send(first);
  client.Send(second);
  client.Send(hole);
  client.JudgeOnly(
      {{"the answers of two commands and not of the duplicate", [&](const Reaction& r) {
          uint32_t answers = 0;
          for (const Pdu& pdu : r.pdus) {
            if (pdu.itt() == second.itt()) return false;
            answers += pdu.itt() == first.itt() || pdu.itt() == hole.itt();
          }
          return r.alive && answers == 2 && r.pdus.size() == 2;
        }}});
  client.MustWork();
}
void CmdSnOutOfOrder(Attack& attack) {
  // Commands that arrive the wrong way round are served in CmdSN order.
  Client client(attack);
  client.Login();
  const Pdu a = client.TestUnitReady(), b = client.TestUnitReady(), c = client.TestUnitReady();
  client.Send(c);
  client.Send(b);
  client.Send(a);
  client.JudgeOnly({{"three answers, the first one's first", [&](const Reaction& r) {
                       return r.alive && r.pdus.size() == 3 && r.pdus[0].itt() == a.itt() &&
                              r.pdus[1].itt() == b.itt() && r.pdus[2].itt() == c.itt();
                     }}});
  client.MustWork();
}
void HoleWithFullWindow(Attack& attack) {
  // Everything that the window allows waits behind one missing command; all is served when it comes.
  Client client(attack);
  client.Login();
  const uint32_t window = std::min<uint32_t>(client.max_cmd_sn - client.exp_cmd_sn + 1, 512);
  const Pdu missing = client.TestUnitReady();
  std::vector<Pdu> waiting;
  for (uint32_t i = 1; i < window; ++i) {
    waiting.push_back(client.TestUnitReady());
    client.Send(waiting.back());
  }
  const Reaction held = client.JudgeOnly({Ignored()});
  (void)held;
  client.Send(missing);
  for (uint32_t i = 0; i < window; ++i) {
    const Pdu answer = client.Take(0x21, "the answer of a command that waited");
    if (answer.u8(3) != 0) throw Failed{answer.Describe() + " to TEST UNIT READY"};
  }
  client.MustWork();
}
void HoleForEver(Attack& attack) {
  if (attack.options.gap_deadline_ms == 0) throw NotApplicable{"needs --gap_deadline_s"};
  Client client(attack);
  client.Login();
  (void)client.TestUnitReady();
  client.Send(client.Inquiry());
  attack.BeginJudgement();
  // The target may ping meanwhile.
  for (int i = 0; i < 40; ++i) {
    const Wire::Seen seen = client.wire.Next(attack.options.gap_deadline_ms / 10);
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kBytes && seen.pdu.opcode() == 0x20 && seen.pdu.ttt() != kReserved) {
      Pdu answer(0x40);
      answer.Bytes(8, seen.pdu.header.substr(8, 8)).U32(16, kReserved).U32(20, seen.pdu.ttt());
      client.Send(answer.U32(24, client.cmd_sn).U32(28, client.exp_stat_sn));
    }
  }
  throw Failed{"required: a hole in CmdSN is not held for ever; seen: the session lives"};
}
void ImmediateFlood(Attack& attack) {
  // More immediate commands at once than a target need take (section 4.2.2.1).
  Client client(attack);
  client.Login();
  for (int i = 0; i < 200; ++i) {
    Pdu write = client.Write(0, 1);
    write.U8(0, 0x41);
    --client.cmd_sn;
    client.Send(write.U32(24, client.cmd_sn));
  }
  client.JudgeOnly(
      {Closed(),
       {"R2Ts, Rejects 0x06, BUSY or TASK SET FULL for all of them", [](const Reaction& r) {
          if (!r.alive || r.pdus.empty()) return false;
          for (const Pdu& pdu : r.pdus) {
            const bool busy = pdu.opcode() == 0x21 && (pdu.u8(3) == 0x08 || pdu.u8(3) == 0x28);
            const bool full = pdu.opcode() == 0x3f && pdu.u8(2) == 0x06;
            if (!busy && !full && pdu.opcode() != 0x31) return false;
          }
          return true;
        }}});
}
void ExpStatSnUnsent(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu ready = client.TestUnitReady();
  client.Send(ready.U32(28, client.exp_stat_sn + 5));
  client.Judge({Rejected({0x04}), Closed(), Good()});
}
void ExpStatSnBack(Attack& attack) {
  // Going back is no error; what was acknowledged stays so.
  Client client(attack);
  client.Login();
  Pdu ready = client.TestUnitReady();
  client.Send(ready.U32(28, client.exp_stat_sn - 1));
  client.Judge({Good()});
}
void TagInUseSameCmdSn(Attack& attack) {
  // The same tag and CmdSN: a retry of a command that is there; ignored.
  Client client(attack);
  client.Login();
  const Pdu write = client.Write(0, 1);
  client.Send(write);
  const Pdu r2t = client.Take(0x31, "an R2T");
  client.Send(write);
  client.JudgeOnly({Ignored()});
  client.Send(client.DataOut(write.itt(), r2t.ttt(), 0, 0, std::string(512, 'w')));
  (void)client.Finish(write.itt());
  client.MustWork();
}
void TagInUse(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 1, &itt);
  client.Send(client.Inquiry().U32(16, itt));
  const Reaction reaction = client.JudgeOnly({Rejected({0x07, 0x04, 0x09}), Closed()});
  if (!reaction.alive) return;
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'w')));
  (void)client.Finish(itt);
  client.MustWork();
}
void TagReserved(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Inquiry().U32(16, kReserved));
  client.Judge({Rejected({0x09, 0x04}), Closed()});
}
void LunOf(Attack& attack, uint32_t first, uint32_t second) {
  Client client(attack);
  client.Login();
  client.Send(client.TestUnitReady().U8(8, first).U8(9, second));
  client.Judge({CheckCondition(), Rejected({0x09, 0x04})});
}
void LunAddressReserved(Attack& attack) { LunOf(attack, 0xff, 0xff); }
void LunWellKnown(Attack& attack) { LunOf(attack, 0xc1, 0xff); }
void LunTooHigh(Attack& attack) { LunOf(attack, 0x3f, 0xff); }
void LunSecondLevel(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TestUnitReady().U32(12, kReserved).U16(10, 0xffff));
  client.Judge({CheckCondition(), Rejected({0x09, 0x04}), Good()});
}

// ---- Data-Out. A write of two blocks waits for its data; what is sent must leave the disk as it
// was, and the task must still be able to end.
struct Waiting {
  uint32_t itt = 0, cmd_sn = 0;
  Pdu r2t;
};
Waiting Wait(Client& client, uint32_t blocks = 2) {
  client.WriteBlocks(0, blocks + 2, 'a');
  Waiting waiting;
  waiting.r2t = client.Stall(0, blocks, &waiting.itt, &waiting.cmd_sn);
  if (waiting.r2t.u32(44) != blocks * 512) throw NotApplicable{"the R2T asks for less at first"};
  return waiting;
}
// Judges, then ends the task by ABORT TASK if the session lives, and looks at the disk from another
// session.
void NothingWritten(Client& client, uint32_t blocks, const Waiting& waiting,
                    std::initializer_list<Outcome> outcomes) {
  const Reaction reaction = client.JudgeOnly(outcomes);
  if (reaction.alive) {
    client.Send(client.Function(1, waiting.itt, waiting.cmd_sn));
    while (client.Take("the answer to ABORT TASK").opcode() != 0x22) continue;
    client.MustWork();
  }
  Client again(client.attack());
  again.Login();
  again.MustHold(0, blocks + 2, 'a');
}

template <int kWhich>
void DataOutWrong(Attack& attack) {
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  const std::string block(512, 'b');
  Pdu data = client.DataOut(w.itt, w.r2t.ttt(), 0, 0, block, false);
  switch (kWhich) {
    case 0:  // a tag of no task
      data.U32(16, 0x00666666);
      break;
    case 1:  // a transfer tag that was never given
      data.U32(20, w.r2t.ttt() + 0x01010101);
      break;
    case 2:  // unsolicited, for a task that sent its F bit
      data.U32(20, kReserved);
      break;
    case 3:  // another LUN
      data.U8(9, data.u8(9) ^ 0x33);
      break;
    case 4:  // offset at the end of the R2T
      data.U32(40, 1024);
      break;
    case 5:  // offset far beyond
      data.U32(40, 0x00100000);
      break;
    case 6:  // offset that wraps 2^32
      data.U32(40, 0xffffff00);
      break;
    case 7:  // more than the R2T asks for
      data.Data(std::string(1536, 'b'));
      break;
    default:
      break;
  }
  client.Send(data);
  NothingWritten(client, 2, w, {Rejected({0x09, 0x04}), Closed(), Ignored()});
}

void DataOutOfOtherTask(Attack& attack) {
  // Two writes wait; one's data comes under the other's transfer tag.
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 4, 'a');
  uint32_t itt_a = 0, itt_b = 0, cmd_sn_a = 0, cmd_sn_b = 0;
  const Pdu a = client.Stall(0, 1, &itt_a, &cmd_sn_a);
  const Pdu b = client.Stall(2, 1, &itt_b, &cmd_sn_b);
  client.Send(client.DataOut(itt_a, b.ttt(), 0, 0, std::string(512, 'b')));
  const Reaction reaction = client.JudgeOnly({Rejected({0x09, 0x04}), Closed(), Ignored()});
  if (reaction.alive) {
    client.Send(client.DataOut(itt_a, a.ttt(), 0, 0, std::string(512, 'c')));
    (void)client.Finish(itt_a);
    client.Send(client.DataOut(itt_b, b.ttt(), 0, 0, std::string(512, 'd')));
    (void)client.Finish(itt_b);
    client.MustHold(0, 1, 'c');
    client.MustHold(2, 1, 'd');
  }
}
void DataOutStaleTag(Attack& attack) {
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client, 1);
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'b')));
  (void)client.Finish(w.itt);
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'c')));
  client.Judge({Ignored(), Rejected({0x09, 0x04}), Closed()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 1, 'b');
}
void DataOutForRead(Attack& attack) {
  Client client(attack);
  client.Login();
  const Pdu read = client.Read(0, 1);
  client.Send(client.DataOut(read.itt(), kReserved, 0, 0, std::string(512, 'b')));
  client.Send(read);
  const Reaction reaction = client.JudgeOnly(
      {Closed(), {"a Reject (or nothing) and the read's data", [&](const Reaction& r) {
                    bool read_ended = false;
                    for (const Pdu& pdu : r.pdus) {
                      read_ended = read_ended || (pdu.opcode() == 0x25 && pdu.itt() == read.itt());
                      if (pdu.opcode() != 0x25 && pdu.opcode() != 0x3f && pdu.opcode() != 0x21) {
                        return false;
                      }
                    }
                    return r.alive && read_ended;
                  }}});
  if (reaction.alive) client.MustWork();
}
void DataOutAfterAbort(Attack& attack) {
  // The task is gone: its data is absorbed, nothing is written.
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  client.Send(client.Function(1, w.itt, w.cmd_sn));
  while (true) {
    const Pdu pdu = client.Take("the answer to ABORT TASK");
    if (pdu.opcode() != 0x22) continue;
    if (pdu.u8(2) != 0) throw Failed{pdu.Describe() + " to ABORT TASK of a task that waits"};
    break;
  }
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(1024, 'b')));
  client.Judge({Ignored(), Rejected({0x09, 0x04})});
  client.MustHold(0, 2, 'a');
}

// Amounts and numbers that are wrong in a sequence that is otherwise good.
void Sequence(Attack& attack, std::vector<Pdu> (*make)(Client&, const Waiting&),
              std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  for (const Pdu& pdu : make(client, w)) client.Send(pdu);
  const Reaction reaction = client.JudgeOnly(outcomes);
  if (reaction.alive) {
    client.Send(client.Function(1, w.itt, w.cmd_sn));
    while (client.Take("the answer to ABORT TASK").opcode() != 0x22) continue;
    client.MustWork();
  }
}
const Outcome kWriteError = CheckCondition(0x0b, 0x0c, 0x0d);
// At level 0 a hole in DataSN is a lost PDU: the task ends, or the connection does.
Outcome TaskEnds() { return CheckCondition(); }
Outcome AsksAgain() {
  return {"a recovery R2T", [](const Reaction& r) {
            return r.alive && !r.pdus.empty() && r.pdus.back().opcode() == 0x31;
          }};
}
void DataSnGap(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'b'), false),
                     c.DataOut(w.itt, w.r2t.ttt(), 7, 512, std::string(512, 'b'))};
           },
           {TaskEnds(), AsksAgain(), Rejected({0x04, 0x09}), Closed()});
}
void DataSnAllOnes(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), kReserved, 0, std::string(1024, 'b'))};
           },
           {TaskEnds(), AsksAgain(), Rejected({0x04, 0x09}), Closed(), Ignored()});
}
void DataSnDuplicate(Attack& attack) {
  // The second one with this number is discarded: what counts is what came first.
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'b'), false));
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'x'), false));
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 1, 512, std::string(512, 'b')));
  client.JudgeOnly({Good(), TaskEnds(), AsksAgain(), Rejected({0x04, 0x09}), Closed()});
}
void EndsEarly(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(512, 'b'))};
           },
           {kWriteError, TaskEnds(), AsksAgain(), Closed()});
}
void EndsEmpty(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), 0, 0, "")};
           },
           {kWriteError, TaskEnds(), AsksAgain(), Closed()});
}
void FinalMissing(Attack& attack) {
  // All bytes, no F bit: the sequence is not over until it comes.
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(1024, 'b'), false));
  const Reaction reaction =
      client.JudgeOnly({Ignored(), kWriteError, TaskEnds(), Good(), Rejected(), Closed()});
  if (!reaction.alive || !reaction.pdus.empty()) return;
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 1, 1024, ""));
  (void)client.Finish(w.itt);
  client.MustHold(0, 2, 'b');
}
void FinalTwice(Attack& attack) {
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(1024, 'b')));
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 1, 0, std::string(1024, 'c')));
  client.JudgeOnly({Good(), Closed(), {"one status and Rejects", [](const Reaction& r) {
                                         uint32_t statuses = 0;
                                         for (const Pdu& pdu : r.pdus) {
                                           if (pdu.opcode() != 0x21 && pdu.opcode() != 0x3f)
                                             return false;
                                           statuses += pdu.opcode() == 0x21;
                                         }
                                         return r.alive && statuses == 1;
                                       }}});
  Client again(attack);
  again.Login();
  again.MustHold(0, 2, 'b');
}
void OutOfOrder(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), 0, 512, std::string(512, 'b'), false),
                     c.DataOut(w.itt, w.r2t.ttt(), 1, 0, std::string(512, 'b'))};
           },
           {TaskEnds(), AsksAgain(), Rejected({0x04, 0x09}), Closed()});
}
void Overlap(Attack& attack) {
  Sequence(attack,
           [](Client& c, const Waiting& w) -> std::vector<Pdu> {
             return {c.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(768, 'b'), false),
                     c.DataOut(w.itt, w.r2t.ttt(), 1, 512, std::string(512, 'b'))};
           },
           {TaskEnds(), AsksAgain(), Rejected({0x04, 0x09}), Closed()});
}
void OldNumbersInDataOut(Attack& attack) {
  // A Data-Out has no CmdSN: that field is reserved; an old ExpStatSN is no error.
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  Pdu data = client.DataOut(w.itt, w.r2t.ttt(), 0, 0, std::string(1024, 'b'));
  client.Send(data.U32(24, client.cmd_sn - 50).U32(28, client.exp_stat_sn - 1));
  client.Judge({Good()});
  client.MustHold(0, 2, 'b');
}
void EmptyDataOuts(Attack& attack) {
  Client client(attack);
  client.Login();
  const Waiting w = Wait(client);
  for (uint32_t i = 0; i < 20; ++i) {
    client.Send(client.DataOut(w.itt, w.r2t.ttt(), i, 0, "", false));
  }
  client.Send(client.DataOut(w.itt, w.r2t.ttt(), 20, 0, std::string(1024, 'b')));
  client.JudgeOnly({Good(), TaskEnds(), Rejected(), Closed()});
}

// ---- Unsolicited data.
void ImmediateTooMuch(Attack& attack) {
  // Above FirstBurstLength (section 13.14).
  Client client(attack);
  client.Login({.keys = {"FirstBurstLength=512"}});
  if (client.AgreedNumber("FirstBurstLength") != 512)
    throw NotApplicable{"another FirstBurstLength"};
  client.WriteBlocks(0, 4, 'a');
  client.Send(client.Write(0, 4, std::string(1024, 'b')));
  client.JudgeOnly(
      {CheckCondition(0x0b, 0x0c, 0x0d), CheckCondition(), Rejected({0x04, 0x09}), Closed()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 4, 'a');
}
void ImmediateBeyondLength(Attack& attack) {
  // Above the Expected Data Transfer Length.
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 4, 'a');
  client.Send(client.Write(0, 1, std::string(1024, 'b')));
  client.JudgeOnly({CheckCondition(), Rejected({0x04, 0x09}), Closed()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 4, 'a');
}
void ImmediateNotAgreed(Attack& attack) {
  Client client(attack);
  client.Login({.keys = {"ImmediateData=No"}});
  if (client.Agreed("ImmediateData") != "No") throw NotApplicable{"the target keeps ImmediateData"};
  client.WriteBlocks(0, 2, 'a');
  client.Send(client.Write(0, 1, std::string(512, 'b')));
  client.JudgeOnly(
      {CheckCondition(0x0b, 0x0c, 0x0c), CheckCondition(), Rejected({0x04, 0x09}), Closed()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 2, 'a');
}
void UnsolicitedNotAgreed(Attack& attack) {
  // InitialR2T=Yes: unexpected unsolicited data, told when its F bit has come.
  Client client(attack);
  client.Login();
  if (client.Agreed("InitialR2T") != "Yes") throw NotApplicable{"InitialR2T=No"};
  client.WriteBlocks(0, 2, 'a');
  const Pdu write = client.Write(0, 2, "", false);
  client.Send(write);
  client.Send(client.DataOut(write.itt(), kReserved, 0, 0, std::string(1024, 'b')));
  client.JudgeOnly({CheckCondition(0x0b, 0x0c, 0x0c), CheckCondition(), Rejected(), Closed()});
  Client again(attack);
  again.Login();
  again.MustHold(0, 2, 'a');
}
// With InitialR2T=No.
void Unsolicited(Attack& attack, uint32_t blocks, std::vector<Pdu> (*make)(Client&, const Pdu&),
                 std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  client.Login({.keys = {"InitialR2T=No", "FirstBurstLength=2048"}});
  if (client.Agreed("InitialR2T") != "No") throw NotApplicable{"the target keeps InitialR2T=Yes"};
  if (client.AgreedNumber("FirstBurstLength") != 2048) {
    throw NotApplicable{"another FirstBurstLength"};
  }
  client.WriteBlocks(0, blocks, 'a');
  const Pdu write = client.Write(0, blocks, "", false);
  client.Send(write);
  for (const Pdu& pdu : make(client, write)) client.Send(pdu);
  client.JudgeOnly(outcomes);
  Client again(attack);
  again.Login();
  again.MustHold(0, blocks, 'a');
}
void UnsolicitedTooMuch(Attack& attack) {
  Unsolicited(attack, 8,
              [](Client& c, const Pdu& w) -> std::vector<Pdu> {
                return {c.DataOut(w.itt(), kReserved, 0, 0, std::string(2048, 'b'), false),
                        c.DataOut(w.itt(), kReserved, 1, 2048, std::string(512, 'b'))};
              },
              {CheckCondition(), Rejected(), Closed()});
}
void UnsolicitedTooLittle(Attack& attack) {
  // Neither FirstBurstLength nor all of it: incorrect amount of data.
  Unsolicited(attack, 8,
              [](Client& c, const Pdu& w) -> std::vector<Pdu> {
                return {c.DataOut(w.itt(), kReserved, 0, 0, std::string(512, 'b'))};
              },
              {CheckCondition(0x0b, 0x0c, 0x0d), CheckCondition(), Closed()});
}
void UnsolicitedBeyondLength(Attack& attack) {
  Unsolicited(attack, 2,
              [](Client& c, const Pdu& w) -> std::vector<Pdu> {
                return {c.DataOut(w.itt(), kReserved, 0, 0, std::string(1024, 'b'), false),
                        c.DataOut(w.itt(), kReserved, 1, 1024, std::string(512, 'b'))};
              },
              {CheckCondition(), Rejected(), Closed()});
}
void UnsolicitedNotFromZero(Attack& attack) {
  Unsolicited(attack, 4,
              [](Client& c, const Pdu& w) -> std::vector<Pdu> {
                return {c.DataOut(w.itt(), kReserved, 0, 512, std::string(1536, 'b'))};
              },
              {CheckCondition(), Rejected(), Closed()});
}

// ---- Lengths of the command.
Outcome WithResidual(uint32_t bit, uint32_t count) {
  return {"good status with a residual of " + std::to_string(count),
          [bit, count](const Reaction& r) {
            if (!r.alive || r.pdus.empty()) return false;
            const Pdu& last = r.pdus.back();
            return (last.opcode() == 0x21 || last.opcode() == 0x25) && last.u8(3) == 0 &&
                   (last.u8(1) & 0x06) == bit && last.u32(44) == count;
          }};
}
void ReadLessThanCdb(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Read(0, 4).U32(20, 512));
  client.JudgeOnly({WithResidual(0x04, 1536), CheckCondition()});
  client.MustWork();
}
void ReadMoreThanCdb(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Read(0, 1).U32(20, 2048));
  client.JudgeOnly({WithResidual(0x02, 1536), CheckCondition()});
  client.MustWork();
}
void ReadOddLength(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Inquiry(36).U32(20, 7));
  client.JudgeOnly({WithResidual(0x04, 29), CheckCondition()});
  client.MustWork();
}
void ReadNothing(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Read(0, 1).U32(20, 0));
  client.JudgeOnly({WithResidual(0x04, 512), CheckCondition(), Closed(), Rejected({0x04, 0x09})});
}
void ReadAsWrite(Attack& attack) {
  // The W bit with a READ: the data goes nowhere.
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 1, 'a');
  Pdu read = client.Read(0, 1);
  read.U8(1, 0xa1).Data(std::string(512, 'b'));
  client.Send(read);
  client.JudgeOnly({CheckCondition(),
                    Rejected({0x04, 0x09}),
                    Closed(),
                    {"a status without data", [](const Reaction& r) {
                       return r.alive && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x21;
                     }}});
  Client again(attack);
  again.Login();
  again.MustHold(0, 1, 'a');
}
void WriteAsRead(Attack& attack) {
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 1, 'a');
  client.Send(client.Write(0, 1).U8(1, 0xc1));
  client.JudgeOnly({CheckCondition(),
                    Rejected({0x04, 0x09}),
                    Closed(),
                    {"a status without data", [](const Reaction& r) {
                       return r.alive && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x21;
                     }}});
  Client again(attack);
  again.Login();
  again.MustHold(0, 1, 'a');
}
void BeyondTheDisk(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Read(0xfffffff0, 1));
  client.Judge({CheckCondition(0x05)});
}
void ReadAndWriteBitsOfRead(Attack& attack) {
  // F, R and W with the two AHS of a bidirectional command, on a plain READ.
  Client client(attack);
  client.Login();
  Pdu read = client.Read(0, 1).U8(1, 0xe1);
  client.Send(read.Ahs(std::string("\x00\x05\x02\x00\x00\x00\x02\x00", 8)));
  client.JudgeOnly({CheckCondition(),
                    Rejected({0x04, 0x05, 0x09}),
                    Closed(),
                    {"an R2T or a status", [](const Reaction& r) {
                       return r.alive && !r.pdus.empty() &&
                              (r.pdus.back().opcode() == 0x31 || r.pdus.back().opcode() == 0x21);
                     }}});
}

// ---- SNACK at ErrorRecoveryLevel 0.
void SnackOf(Attack& attack, uint32_t type, uint32_t itt, uint32_t ttt, uint32_t begin,
             uint32_t length) {
  Client client(attack);
  client.Login();
  client.Send(client.Snack(type, itt, ttt, begin, length));
  client.Judge({Rejected({0x03, 0x04, 0x05, 0x08, 0x09}), Closed()});
}
void SnackData(Attack& attack) { SnackOf(attack, 0, 0x00555555, kReserved, 0, 1); }
void SnackStatus(Attack& attack) { SnackOf(attack, 1, kReserved, kReserved, 0, 0); }
void SnackStatusEndless(Attack& attack) { SnackOf(attack, 1, kReserved, kReserved, 0, kReserved); }
void SnackDataAck(Attack& attack) { SnackOf(attack, 2, kReserved, 0x12345678, 1, 0); }
void SnackRData(Attack& attack) { SnackOf(attack, 3, 0x00555555, 0x12345678, 0, 0); }
void SnackReserved(Attack& attack) { SnackOf(attack, 9, 0x00555555, kReserved, 0, 1); }
void SnackMany(Attack& attack) {
  Client client(attack);
  client.Login();
  for (uint32_t i = 0; i < 64; ++i) client.Send(client.Snack(0, i, kReserved, 0, kReserved));
  client.Judge({Rejected({0x03, 0x04, 0x05, 0x09}), Closed()});
}

constexpr Side kT = Side::kTarget;
constexpr char kIgnored[] = "ignored silently";
constexpr char kNothing[] =
    "Reject 0x09 (or nothing, or the connection is closed); nothing is written";
constexpr char kEnds[] = "CHECK CONDITION, a recovery R2T, Reject, or the connection is closed";
constexpr char kCheck[] =
    "CHECK CONDITION, Reject, or the connection is closed; nothing is written";
constexpr char kSnack[] = "Reject, or the connection is closed";

constexpr Case kCases[] = {
    {"target.numbers.cmd_sn_below", kT, "4.2.2.1", "a command below ExpCmdSN", kIgnored,
     CmdSnBelow},
    {"target.numbers.cmd_sn_above", kT, "4.2.2.1", "a command above MaxCmdSN", kIgnored,
     CmdSnAbove},
    {"target.numbers.cmd_sn_far_away", kT, "4.2.2.1", "CmdSN half the number space away", kIgnored,
     CmdSnFarAway},
    {"target.numbers.cmd_sn_duplicate", kT, "4.2.2.1",
     "a second command with a CmdSN in the window", "the second is ignored", CmdSnDuplicate},
    {"target.numbers.cmd_sn_out_of_order", kT, "4.2.2.1", "three commands the wrong way round",
     "served in CmdSN order", CmdSnOutOfOrder},
    {"target.numbers.hole_with_full_window", kT, "4.2.2.1",
     "a full window behind one missing command", "all wait, and are served when it comes",
     HoleWithFullWindow},
    {"target.numbers.hole_for_ever", kT, "4.2.2.1, 7.14", "a missing command that never comes",
     "the session ends at a deadline", HoleForEver},
    {"target.numbers.immediate_flood", kT, "4.2.2.1", "200 immediate writes at once",
     "R2Ts, Reject 0x06, BUSY, TASK SET FULL, or the connection is closed", ImmediateFlood},
    {"target.numbers.exp_stat_sn_unsent", kT, "4.2.2.2", "ExpStatSN of a status that was not sent",
     "Reject 0x04, the connection is closed, or it is not used", ExpStatSnUnsent},
    {"target.numbers.exp_stat_sn_back", kT, "4.2.2.2", "ExpStatSN below an earlier one",
     "served: no clause makes it an error", ExpStatSnBack},
    {"target.numbers.tag_and_cmd_sn_in_use", kT, "7.2.1, 4.2.2.1", "a command again while it runs",
     kIgnored, TagInUseSameCmdSn},
    {"target.numbers.tag_in_use", kT, "11.2.1.8, 11.17.1",
     "the tag of a running task on another command",
     "Reject 0x07, or the connection is closed; the task goes on", TagInUse},
    {"target.numbers.tag_reserved", kT, "11.2.1.8", "Initiator Task Tag 0xffffffff on a command",
     "Reject 0x09 or 0x04, or the connection is closed", TagReserved},
    {"target.numbers.lun_address_reserved", kT, "11.2.1.7", "a LUN of a reserved address method",
     "CHECK CONDITION or Reject", LunAddressReserved},
    {"target.numbers.lun_well_known", kT, "11.2.1.7", "a well-known LUN that is none here",
     "CHECK CONDITION or Reject", LunWellKnown},
    {"target.numbers.lun_too_high", kT, "11.2.1.7", "LUN 16383", "CHECK CONDITION or Reject",
     LunTooHigh},
    {"target.numbers.lun_second_level", kT, "11.2.1.7", "a LUN with lower levels that are not 0",
     "a status or Reject", LunSecondLevel},
    {"target.data.no_task", kT, "11.17.1", "Data-Out for a tag of no task", kNothing,
     DataOutWrong<0>},
    {"target.data.transfer_tag_unknown", kT, "11.17.1", "Data-Out under a tag that was never given",
     kNothing, DataOutWrong<1>},
    {"target.data.unsolicited_late", kT, "11.7", "unsolicited Data-Out for a command that had F=1",
     kNothing, DataOutWrong<2>},
    {"target.data.lun_mismatch", kT, "11.7.4", "Data-Out with another LUN than its R2T", kNothing,
     DataOutWrong<3>},
    {"target.data.offset_at_end", kT, "11.7.6", "Data-Out at the end of its R2T", kNothing,
     DataOutWrong<4>},
    {"target.data.offset_beyond", kT, "11.7.6", "Data-Out a MiB beyond its R2T", kNothing,
     DataOutWrong<5>},
    {"target.data.offset_wraps", kT, "11.7.6", "offset and length that pass 2^32", kNothing,
     DataOutWrong<6>},
    {"target.data.longer_than_r2t", kT, "11.8", "Data-Out longer than its R2T", kNothing,
     DataOutWrong<7>},
    {"target.data.of_other_task", kT, "11.17.1", "one task's tag, another's transfer tag",
     "Reject 0x09 (or nothing, or closed); both tasks end well with their own data",
     DataOutOfOtherTask},
    {"target.data.stale_transfer_tag", kT, "11.17.1", "Data-Out for a task that has ended",
     "nothing, Reject, or the connection is closed; nothing is written", DataOutStaleTag},
    {"target.data.for_read", kT, "11.7", "Data-Out in front of a read",
     "Reject or nothing, and the read ends", DataOutForRead},
    {"target.data.after_abort", kT, "10.7", "Data-Out for a task that was aborted",
     "discarded or Reject 0x09; nothing is written", DataOutAfterAbort},
    {"target.data.data_sn_gap", kT, "7.9", "DataSN 0, then 7", kEnds, DataSnGap},
    {"target.data.data_sn_all_ones", kT, "7.9", "DataSN 0xffffffff", kEnds, DataSnAllOnes},
    {"target.data.data_sn_duplicate", kT, "7.9", "DataSN 0 twice", "discarded, or the task ends",
     DataSnDuplicate},
    {"target.data.ends_early", kT, "11.4.7.2", "F before all bytes of the R2T",
     "CHECK CONDITION 0x0b/0x0c/0x0d, a recovery R2T, or the connection is closed", EndsEarly},
    {"target.data.ends_empty", kT, "11.4.7.2", "F without a byte", kEnds, EndsEmpty},
    {"target.data.final_missing", kT, "11.7.1", "all bytes without F, then F alone",
     "it ends with F, or is refused", FinalMissing},
    {"target.data.final_twice", kT, "11.7.1", "the whole sequence twice",
     "one status; the first data counts", FinalTwice},
    {"target.data.out_of_order", kT, "11.7.6", "the second half first under DataPDUInOrder=Yes",
     kEnds, OutOfOrder},
    {"target.data.overlap", kT, "11.7.6", "bytes twice under DataPDUInOrder=Yes", kEnds, Overlap},
    {"target.data.old_numbers", kT, "11.7", "the reserved CmdSN field filled, an old ExpStatSN",
     "the write ends well", OldNumbersInDataOut},
    {"target.data.empty_pdus", kT, "11.7.7", "20 Data-Outs without data, then all of it",
     "a status, Reject, or the connection is closed", EmptyDataOuts},
    {"target.data.immediate_above_first_burst", kT, "13.14",
     "immediate data above FirstBurstLength", kCheck, ImmediateTooMuch},
    {"target.data.immediate_beyond_length", kT, "11.3.4",
     "immediate data above the expected length", kCheck, ImmediateBeyondLength},
    {"target.data.immediate_not_agreed", kT, "13.11", "immediate data under ImmediateData=No",
     kCheck, ImmediateNotAgreed},
    {"target.data.unsolicited_not_agreed", kT, "13.10, 11.4.7.2",
     "unsolicited data under InitialR2T=Yes", kCheck, UnsolicitedNotAgreed},
    {"target.data.unsolicited_too_much", kT, "13.14", "unsolicited data above FirstBurstLength",
     kCheck, UnsolicitedTooMuch},
    {"target.data.unsolicited_too_little", kT, "11.4.7.2",
     "unsolicited data below FirstBurstLength",
     "CHECK CONDITION 0x0b/0x0c/0x0d, or the connection is closed; nothing is written",
     UnsolicitedTooLittle},
    {"target.data.unsolicited_beyond_length", kT, "11.7.6",
     "unsolicited data above the expected length", kCheck, UnsolicitedBeyondLength},
    {"target.data.unsolicited_not_from_zero", kT, "11.7.6", "unsolicited data that begins at 512",
     kCheck, UnsolicitedNotFromZero},
    {"target.data.read_less_than_cdb", kT, "11.4.5", "expected length 512 on a read of 2048",
     "512 bytes and overflow 1536, or CHECK CONDITION", ReadLessThanCdb},
    {"target.data.read_more_than_cdb", kT, "11.4.5", "expected length 2048 on a read of 512",
     "underflow 1536, or CHECK CONDITION", ReadMoreThanCdb},
    {"target.data.read_odd_length", kT, "11.4.5", "expected length 7 on an INQUIRY of 36",
     "7 bytes and overflow 29, or CHECK CONDITION", ReadOddLength},
    {"target.data.read_nothing", kT, "11.4.5", "expected length 0 on a read",
     "overflow 512, CHECK CONDITION, Reject, or the connection is closed", ReadNothing},
    {"target.data.read_as_write", kT, "11.3.1", "the W bit and data on a READ",
     "CHECK CONDITION or a status without data; nothing is written", ReadAsWrite},
    {"target.data.write_as_read", kT, "11.3.1", "the R bit on a WRITE",
     "CHECK CONDITION or a status without data; nothing is written", WriteAsRead},
    {"target.data.beyond_the_disk", kT, "SPC-4", "a READ of the last possible block",
     "CHECK CONDITION 0x05", BeyondTheDisk},
    {"target.data.bidirectional_read", kT, "11.3.4", "R and W on a READ with their AHS",
     "CHECK CONDITION, an R2T, Reject, or the connection is closed", ReadAndWriteBitsOfRead},
    {"target.snack.data", kT, "11.16", "Data/R2T SNACK at ErrorRecoveryLevel 0", kSnack, SnackData},
    {"target.snack.status", kT, "11.16", "Status SNACK at level 0", kSnack, SnackStatus},
    {"target.snack.status_endless", kT, "11.16.7", "Status SNACK for 2^32-1 statuses", kSnack,
     SnackStatusEndless},
    {"target.snack.data_ack", kT, "11.16.2", "DataACK with a tag that was never given", kSnack,
     SnackDataAck},
    {"target.snack.r_data", kT, "11.16.3", "R-Data SNACK at level 0", kSnack, SnackRData},
    {"target.snack.type_reserved", kT, "11.16.1", "SNACK of type 9", kSnack, SnackReserved},
    {"target.snack.many", kT, "11.16", "64 SNACKs for 2^32-1 PDUs each", kSnack, SnackMany},
};

}  // namespace

std::span<const Case> TargetDataCases() { return kCases; }

}  // namespace isthmus::hostile
