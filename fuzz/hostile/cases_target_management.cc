// Task management, pings, logout, and what a peer may use up. RFC 7143 sections 10.7, 11.5, 11.6
// (functions), 11.14 (logout), 11.18 (NOP-Out).
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// ---- Functions.
void AbortUnknown(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(1, 0x00666666, client.cmd_sn - 1000));
  client.Judge({FunctionResponse({1})});
}
void AbortUnreceived(Attack& attack) {
  // Section 11.6.1 b: RefCmdSN in the window and below the function's own: counted as received.
  Client client(attack);
  client.Login();
  const Pdu missing = client.TestUnitReady();
  client.Send(client.Function(1, missing.itt(), missing.u32(24)));
  client.JudgeOnly({FunctionResponse({0})});
  if (client.exp_cmd_sn != missing.u32(24) + 1) {
    throw Failed{"the CmdSN of the aborted command does not count as received"};
  }
  client.Send(missing);
  client.Judge({Ignored()});
}
void AbortFinished(Attack& attack) {
  Client client(attack);
  client.Login();
  const Pdu ready = client.TestUnitReady();
  client.Send(ready);
  (void)client.Finish(ready.itt());
  client.Send(client.Function(1, ready.itt(), ready.u32(24)));
  client.Judge({FunctionResponse({1, 0})});
}
void AbortSelf(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu function = client.Function(1, 0, 0);
  client.Send(function.U32(20, function.itt()).U32(32, function.u32(24)));
  client.Judge({FunctionResponse({1, 255}), Rejected({0x04, 0x09})});
}
void AbortReservedTag(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(1, kReserved, 0));
  client.Judge({FunctionResponse({1, 255}), Rejected({0x04, 0x09}), Closed()});
}
void AbortWaiting(Attack& attack) {
  // One final word: the task's status never follows the function's response.
  Client client(attack);
  client.Login();
  uint32_t itt = 0, cmd_sn = 0;
  (void)client.Stall(0, 1, &itt, &cmd_sn);
  client.Send(client.Function(1, itt, cmd_sn));
  client.Judge({FunctionResponse({0})});
}
void AbortOfOtherLun(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0, cmd_sn = 0;
  const Pdu r2t = client.Stall(0, 1, &itt, &cmd_sn);
  Pdu function = client.Function(1, itt, cmd_sn);
  client.Send(function.U8(9, function.u8(9) ^ 0x11));
  client.JudgeOnly({FunctionResponse({1, 2, 255}), Rejected({0x09})});
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'l')));
  (void)client.Finish(itt);
}
void AbortWrongRefCmdSn(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0, cmd_sn = 0;
  (void)client.Stall(0, 1, &itt, &cmd_sn);
  client.Send(client.Function(1, itt, cmd_sn - 7));
  client.JudgeOnly({FunctionResponse({0, 1, 255}), Rejected({0x09})});
}
void AbortTwice(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0, cmd_sn = 0;
  (void)client.Stall(0, 1, &itt, &cmd_sn);
  client.Send(client.Function(1, itt, cmd_sn));
  client.Send(client.Function(1, itt, cmd_sn));
  client.JudgeOnly({{"two function responses, the first complete", [](const Reaction& r) {
                       return r.alive && r.pdus.size() == 2 && r.pdus[0].opcode() == 0x22 &&
                              r.pdus[1].opcode() == 0x22 && r.pdus[0].u8(2) == 0;
                     }}});
  client.MustWork();
}
void AbortAgainstData(Attack& attack) {
  // Data and abort cross: exactly one final word, status or function complete with silence.
  Client client(attack);
  client.Login();
  uint32_t itt = 0, cmd_sn = 0;
  const Pdu r2t = client.Stall(0, 1, &itt, &cmd_sn);
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'x')));
  client.Send(client.Function(1, itt, cmd_sn));
  client.JudgeOnly(
      {{"a function response last, at most one status before it", [&](const Reaction& r) {
          uint32_t statuses = 0;
          for (const Pdu& pdu : r.pdus) {
            statuses += pdu.opcode() == 0x21 && pdu.itt() == itt;
          }
          return r.alive && !r.pdus.empty() && r.pdus.back().opcode() == 0x22 && statuses <= 1 &&
                 r.pdus.size() == statuses + 1;
        }}});
  client.MustWork();
}
void Reassign(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(8, 0x00666666, 0));
  client.Judge({FunctionResponse({1, 4, 5, 255}), Rejected({0x04, 0x05, 0x09})});
}
void ReassignLive(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 1, &itt);
  client.Send(client.Function(8, itt, 0));
  client.JudgeOnly({FunctionResponse({3, 4, 5, 255}), Rejected({0x04, 0x05, 0x09})});
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'r')));
  (void)client.Finish(itt);
}
void FunctionUnknown(Attack& attack) {
  for (uint32_t function : {0U, 9U, 12U, 13U, 100U, 127U}) {
    Client client(attack);
    client.Login();
    client.Send(client.Function(function));
    client.Judge({FunctionResponse({5, 255}), Rejected({0x04, 0x05, 0x09}), Closed()});
  }
}
void ResetOfUnknownLun(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(5).U8(8, 0x3f).U8(9, 0xff));
  client.Judge({FunctionResponse({0, 2, 255})});
}
void SetOfUnknownTag(Attack& attack) {
  // Referenced Task Tag must be 0xffffffff for all but ABORT TASK and TASK REASSIGN.
  Client client(attack);
  client.Login();
  client.Send(client.Function(2, 0x00666666));
  client.Judge({FunctionResponse({0, 255}), Rejected({0x09, 0x04}), Closed()});
}
void ResetInTransfer(Attack& attack) {
  // The target waits for what its R2T asked for, then for nothing more (section 4.2.3.3).
  Client client(attack);
  client.Login();
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 2, &itt);
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'b'), false));
  client.Send(client.Function(5));
  client.Send(client.DataOut(itt, r2t.ttt(), 1, 512, std::string(512, 'b')));
  client.Judge({FunctionResponse({0, 5, 255}),
                {"a function response and at most a Reject", [&](const Reaction& r) {
                   uint32_t functions = 0;
                   for (const Pdu& pdu : r.pdus) {
                     if (pdu.itt() == itt) return false;
                     functions += pdu.opcode() == 0x22;
                   }
                   return r.alive && functions == 1;
                 }}});
}
void ResetWhileOtherWrites(Attack& attack) {
  // Another session's task ends too; its late data is absorbed.
  Client other(attack);
  other.Login();
  other.WriteBlocks(0, 1, 'a');
  uint32_t itt = 0;
  const Pdu r2t = other.Stall(0, 1, &itt);
  Client client(attack);
  client.Login();
  client.Send(client.Function(5));
  client.JudgeOnly({FunctionResponse({0, 5, 255})});
  other.Send(other.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'b')));
  const Reaction after = other.React();
  Judge(after, {Ignored(),
                Rejected({0x09, 0x04}),
                {"unit attention or TASK ABORTED, but not good", [](const Reaction& r) {
                   return r.alive && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x21 &&
                          r.pdus[0].u8(3) != 0;
                 }}});
}
void ColdReset(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(7));
  Judge(client.ReactWithoutPing(),
        {{"closed, perhaps behind a response; or a response that refuses", [](const Reaction& r) {
            if (r.pdus.size() > 1) return false;
            if (!r.pdus.empty() && r.pdus[0].opcode() != 0x22) return false;
            return r.closed || (!r.pdus.empty() && r.pdus[0].u8(2) != 1);
          }}});
  Client again(attack);
  again.Login();
  again.MustWork();
}
void WarmReset(Attack& attack) {
  Client client(attack);
  client.Login();
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 1, &itt);
  client.Send(client.Function(6));
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'b')));
  client.JudgeOnly({FunctionResponse({0, 5, 6, 255}), Closed()});
  Client again(attack);
  again.Login();
  again.MustWork();
}
void ClearAca(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Function(3));
  client.Judge({FunctionResponse({0, 5, 255})});
}
void FunctionsFlood(Attack& attack) {
  Client client(attack);
  client.Login();
  for (int i = 0; i < 100; ++i) client.Send(client.Function(2));
  client.JudgeOnly({Closed(), {"an answer to each, Rejects 0x06 among them", [](const Reaction& r) {
                                 for (const Pdu& pdu : r.pdus) {
                                   const bool reject = pdu.opcode() == 0x3f && pdu.u8(2) == 0x06;
                                   if (pdu.opcode() != 0x22 && !reject) return false;
                                 }
                                 return r.alive && r.pdus.size() == 100;
                               }}});
  if (!client.wire.closed()) client.MustWork();
}
void FunctionNotImmediate(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu function = client.Function(2).U8(0, 0x02);
  ++client.cmd_sn;
  client.Send(function);
  client.Judge({FunctionResponse({0})});
}

// ---- Pings.
void PingAnswersNothing(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu ping = client.Ping("");
  client.Send(ping.U32(16, kReserved).U32(20, 0x12345678));
  client.Judge({Rejected({0x09, 0x04}), Ignored(), Closed()});
}
void PingNotImmediate(Attack& attack) {
  // Initiator Task Tag 0xffffffff demands the I bit.
  Client client(attack);
  client.Login();
  Pdu ping = client.Ping("", false);
  --client.cmd_sn;
  client.Send(ping.U32(16, kReserved));
  client.Judge({Rejected({0x04, 0x09}), Ignored(), Closed()});
}
void PingNoAnswerAsked(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Ping("").U32(16, kReserved));
  client.Judge({Ignored()});
}
void PingNoAnswerWithData(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Ping("nobody wants this back").U32(16, kReserved));
  client.Judge({Ignored(), Rejected({0x04, 0x09}), Closed()});
}
void PingLongest(Attack& attack) {
  Client client(attack);
  client.Login();
  const size_t size =
      std::min<size_t>(client.AgreedNumber("MaxRecvDataSegmentLength"), size_t{65536});
  const Pdu ping = client.Ping(std::string(size, 'P'));
  client.Send(ping);
  client.JudgeOnly({{"an answer with these bytes, or as many as it echoes", [&](const Reaction& r) {
                       return r.alive && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x20 &&
                              r.pdus[0].itt() == ping.itt() &&
                              ping.data.starts_with(r.pdus[0].data);
                     }}});
  client.MustWork();
}
void PingFloodUnread(Attack& attack) {
  // Pings with all the data that is allowed, whose answers nobody reads: the target may not hold
  // more and more of them. It stops reading, or closes.
  Client client(attack);
  client.Login();
  const size_t size =
      std::min<size_t>(client.AgreedNumber("MaxRecvDataSegmentLength"), size_t{65536});
  constexpr uint32_t kPings = 3000;
  attack.BeginJudgement();
  uint32_t sent = 0;
  while (sent < kPings && !client.wire.closed() && client.wire.unsent() < (size_t{1} << 17)) {
    for (int i = 0; i < 20; ++i, ++sent) client.Send(client.Ping(std::string(size, 'F')));
    client.wire.Flush();
  }
  // Then all that was taken is answered.
  uint32_t answers = 0;
  while (answers < sent) {
    const Wire::Seen seen = client.wire.Next(attack.options.deadline_ms * 5);
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kSilence) break;
    if (seen.pdu.opcode() == 0x20 && seen.pdu.itt() == kReserved) continue;
    if (seen.pdu.opcode() != 0x20 && seen.pdu.opcode() != 0x3f) {
      throw Failed{seen.pdu.Describe() + " answers a ping"};
    }
    client.exp_cmd_sn = seen.pdu.u32(28);
    client.exp_stat_sn = seen.pdu.u32(24) + 1;
    ++answers;
  }
  if (answers != sent) {
    throw Failed{"required: every ping is answered or the connection is closed; seen: " +
                 std::to_string(answers) + " answers to " + std::to_string(sent)};
  }
  client.MustWork();
}
void ReadsUnread(Attack& attack) {
  // Many reads whose data nobody takes; a second session must not suffer.
  Client client(attack);
  client.Login();
  const uint32_t window = std::min<uint32_t>(client.max_cmd_sn - client.exp_cmd_sn + 1, 32);
  for (uint32_t i = 0; i < window; ++i) client.Send(client.Read(0, 128));
  client.wire.Flush();
  attack.BeginJudgement();
  Client other(attack);
  other.Login();
  other.MustWork();
  for (uint32_t ended = 0; ended < window;) {
    const Pdu pdu = client.Take("Data-In");
    ended += (pdu.opcode() == 0x25 && (pdu.u8(1) & 1) != 0) || pdu.opcode() == 0x21;
  }
  client.MustWork();
}
void RejectFlood(Attack& attack) {
  // PDUs that are rejected one by one, without end: each is answered, or the connection is closed.
  Client client(attack);
  client.Login();
  attack.BeginJudgement();
  uint32_t rejects = 0;
  for (uint32_t round = 0; round < 60; ++round) {
    for (int i = 0; i < 50; ++i) {
      Pdu pdu(0x40 | 0x1c);
      client.Send(pdu.U32(16, client.NewTag()).U32(20, kReserved).U32(24, client.cmd_sn));
    }
    for (int i = 0; i < 50; ++i) {
      const Wire::Seen seen = client.wire.Next();
      if (seen.got == Link::Got::kClosed) return;
      if (seen.got == Link::Got::kSilence) {
        throw Failed{"required: Rejects or a closed connection; seen: silence after " +
                     std::to_string(rejects)};
      }
      if (seen.pdu.opcode() != 0x3f) throw Failed{seen.pdu.Describe() + " among Rejects"};
      client.exp_stat_sn = seen.pdu.u32(24) + 1;
      client.exp_cmd_sn = seen.pdu.u32(28);
      ++rejects;
    }
  }
  client.MustWork();
}
// Sends PDU after PDU, in rounds, and takes the answers: each must be one of those that are allowed, and they must be as
// many, or (`answered` false) a ping behind each round must be answered; or the connection is closed. Whatever becomes of
// it, another session must work.
constexpr uint32_t kRound = 50;
void Flood(Attack& attack, uint32_t rounds, Pdu (*make)(Client&, uint32_t), bool (*allowed)(const Pdu&),
           bool answered = true, uint32_t in_a_round = kRound) {
  Client client(attack);
  client.Login();
  Client other(attack);
  other.Login();
  attack.BeginJudgement();
  for (uint32_t round = 0; round < rounds && !client.wire.closed(); ++round) {
    for (uint32_t i = 0; i < in_a_round; ++i) client.Send(make(client, round * in_a_round + i));
    uint32_t ping = kReserved;
    if (!answered) {
      const Pdu pdu = client.Ping("");
      ping = pdu.itt();
      client.Send(pdu);
    }
    for (uint32_t left = answered ? in_a_round : 1; left > 0;) {
      const Wire::Seen seen = client.wire.Next();
      if (seen.got == Link::Got::kClosed) break;
      if (seen.got == Link::Got::kSilence) {
        throw Failed{"required: answers or a closed connection; seen: silence in round " +
                     std::to_string(round)};
      }
      const bool unasked = seen.pdu.opcode() == 0x20 && seen.pdu.itt() == kReserved;
      if (unasked) continue;
      const bool pong = !answered && seen.pdu.opcode() == 0x20 && seen.pdu.itt() == ping;
      if (!pong && !allowed(seen.pdu)) throw Failed{seen.pdu.Describe() + " among the answers"};
      client.exp_stat_sn = seen.pdu.u32(24) + 1;
      client.exp_cmd_sn = seen.pdu.u32(28);
      left -= answered || pong;
    }
  }
  other.MustWork();
  if (!client.wire.closed()) client.MustWork();
}
Pdu Numbered(Client& c, uint32_t opcode) {
  return Pdu(opcode).U32(16, c.NewTag()).U32(20, kReserved).U32(24, c.cmd_sn).U32(28, c.exp_stat_sn);
}
bool IsReject(const Pdu& pdu) { return pdu.opcode() == 0x3f; }
bool IsTooMany(const Pdu& pdu) { return IsReject(pdu) && pdu.u8(2) == 0x06; }

void PingFlood(Attack& attack) {
  Flood(
      attack, attack.options.thorough ? 220 : 2200,
      [](Client& c, uint32_t) { return c.Ping(""); },
      [](const Pdu& pdu) { return pdu.opcode() == 0x20; });
}
void TextFlood(Attack& attack) {
  Flood(
      attack, 600, [](Client& c, uint32_t) { return Numbered(c, 0x44); },
      [](const Pdu& pdu) { return pdu.opcode() == 0x24 || IsReject(pdu); }, /*answered=*/true,
      /*in_a_round=*/1);
}
void FunctionFlood(Attack& attack) {
  // ABORT TASK of no task.
  Flood(
      attack, 50, [](Client& c, uint32_t) { return c.Function(1, 0x00fffff0, c.cmd_sn - 1000); },
      [](const Pdu& pdu) { return pdu.opcode() == 0x22 || IsTooMany(pdu); });
}
void ImmediateFlood(Attack& attack) {
  Flood(
      attack, 50,
      [](Client& c, uint32_t) {
        return Numbered(c, 0x41).U32(20, 0);  // TEST UNIT READY
      },
      [](const Pdu& pdu) { return pdu.opcode() == 0x21 || IsTooMany(pdu); });
}
void IgnoredFlood(Attack& attack) {
  Flood(
      attack, 40,
      [](Client& c, uint32_t i) {
        return Numbered(c, 0x01).U32(20, 0).U32(24, c.cmd_sn + 100'000 + i);
      },
      [](const Pdu&) { return false; }, /*answered=*/false);
}
void MalformedFlood(Attack& attack) {
  Flood(
      attack, 50,
      [](Client& c, uint32_t i) {
        switch (i % 6) {
          case 0:
            return Numbered(c, 0x5c);  // a vendor's opcode
          case 1:
            return Numbered(c, 0x20);  // one of the other side
          case 2:
            return c.Snack(1, kReserved, kReserved, 0, 1);
          case 3:
            return c.DataOut(0x00fffff0, 0x00fffff0, 0, 0, "1234");
          case 4:
            return Numbered(c, 0x44).U32(20, 0x00fffff0);  // goes on with no text exchange
          default:
            return Numbered(c, 0x40).U32(16, kReserved).U32(20, 0x00fffff0);  // an answer to no ping
        }
      },
      IsReject, /*answered=*/false);
}

// ---- Logout.
void LogoutOtherCid(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout(1).U16(20, 0x7777));
  client.JudgeOnly({LogoutResponse({1}), Rejected({0x09, 0x04}), Closed()});
}
void LogoutForRecovery(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout(2));
  client.JudgeOnly({LogoutResponse({2, 1, 3}), Rejected({0x04, 0x05, 0x09}), Closed()});
}
void LogoutReasonReserved(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout(9).U16(20, 1));
  client.JudgeOnly({Rejected({0x04, 0x09}), LogoutResponse({1, 2, 3}), Closed()});
}
void LogoutTwice(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout());
  client.Send(client.Logout());
  Judge(client.ReactWithoutPing(), {{"one Logout Response, then the end", [](const Reaction& r) {
                                       return r.closed && r.pdus.size() == 1 &&
                                              r.pdus[0].opcode() == 0x26 && r.pdus[0].u8(2) == 0;
                                     }}});
}
void CommandAfterLogout(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.Logout());
  client.Send(client.Inquiry());
  Judge(client.ReactWithoutPing(),
        {{"the Logout Response, then the end, the command not answered", [](const Reaction& r) {
            return r.closed && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x26;
          }}});
}
void LogoutWithTasks(Attack& attack) {
  Client client(attack);
  client.Login();
  client.WriteBlocks(0, 1, 'a');
  uint32_t itt = 0;
  const Pdu r2t = client.Stall(0, 1, &itt);
  client.Send(client.Logout());
  client.Send(client.DataOut(itt, r2t.ttt(), 0, 0, std::string(512, 'b')));
  Judge(client.ReactWithoutPing(),
        {{"the Logout Response, then the end, no status", [](const Reaction& r) {
            return r.closed && r.pdus.size() == 1 && r.pdus[0].opcode() == 0x26;
          }}});
  Client again(attack);
  again.Login();
  again.MustHold(0, 1, 'a');
}

// ---- Ends.
void DropAtEachByte(Attack& attack) {
  // The connection ends at each byte of a write; the disk holds the old or the new block, and the
  // target serves others.
  const size_t step = attack.options.thorough ? 37 : 211;
  Client watcher(attack);
  watcher.Login();
  watcher.WriteBlocks(0, 1, 'a');
  for (size_t keep = 1; keep < 700; keep += step) {
    Client client(attack);
    client.Login({.ready = false});
    const std::string bytes = client.Write(0, 1, std::string(512, 'b')).Encode(client.wire.digests);
    client.wire.SendRaw(bytes.substr(0, std::min(keep, bytes.size())));
    client.wire.Flush();
    client.wire.Drop();
  }
  attack.BeginJudgement();
  const std::string now = watcher.ReadBlocks(0, 1);
  if (now != std::string(512, 'a') && now != std::string(512, 'b')) {
    throw Failed{"required: the old block or the new one; seen: a mixture"};
  }
  watcher.MustWork();
}
void DropWithTasks(Attack& attack) {
  for (int i = 0; i < 10; ++i) {
    Client client(attack);
    client.Login();
    for (int n = 0; n < 8; ++n) {
      client.Send(n % 2 == 0 ? client.Write(0, 4) : client.Read(0, 16));
    }
    client.wire.Flush();
    client.wire.Drop();
  }
  attack.BeginJudgement();
  Client client(attack);
  client.Login();
  client.MustWork();
}
void SessionsInARow(Attack& attack) {
  for (int i = 0; i < 100; ++i) {
    Client client(attack);
    client.Login({.ready = false});
    client.wire.Drop();
  }
  attack.BeginJudgement();
  Client client(attack);
  client.Login();
  client.MustWork();
}

constexpr Side kT = Side::kTarget;

constexpr Case kCases[] = {
    {"target.management.abort_unknown", kT, "11.6.1",
     "ABORT TASK of no task, RefCmdSN far outside the window", "response 1", AbortUnknown},
    {"target.management.abort_unreceived", kT, "11.6.1",
     "ABORT TASK of a command that has not come",
     "response 0; its CmdSN counts as received, and it is ignored when it comes", AbortUnreceived},
    {"target.management.abort_finished", kT, "11.6.1", "ABORT TASK of a task that has ended",
     "response 1 or 0", AbortFinished},
    {"target.management.abort_self", kT, "11.5.1", "ABORT TASK of itself",
     "response 255 or 1, or Reject", AbortSelf},
    {"target.management.abort_reserved_tag", kT, "11.5.4", "ABORT TASK of tag 0xffffffff",
     "response 1 or 255, Reject, or the connection is closed", AbortReservedTag},
    {"target.management.abort_waiting", kT, "11.6.1", "ABORT TASK of a write that waits for data",
     "response 0, and no status", AbortWaiting},
    {"target.management.abort_of_other_lun", kT, "11.5.3", "ABORT TASK under another LUN",
     "response 1, 2 or 255, or Reject 0x09; the task goes on", AbortOfOtherLun},
    {"target.management.abort_wrong_ref_cmd_sn", kT, "11.5.5", "ABORT TASK with another RefCmdSN",
     "response 0, 1 or 255, or Reject 0x09", AbortWrongRefCmdSn},
    {"target.management.abort_twice", kT, "11.6.1", "ABORT TASK twice", "two responses",
     AbortTwice},
    {"target.management.abort_against_data", kT, "11.5.1", "the last data and ABORT TASK at once",
     "at most one status, never after the function's response", AbortAgainstData},
    {"target.management.reassign", kT, "11.5.1, 7.2.2", "TASK REASSIGN of no task at level 0",
     "response 1, 4, 5 or 255, or Reject", Reassign},
    {"target.management.reassign_live", kT, "7.2.2", "TASK REASSIGN of a running task",
     "response 3, 4, 5 or 255, or Reject; the task goes on", ReassignLive},
    {"target.management.function_unknown", kT, "11.5.1, 11.6.1", "functions 0, 9, 12, 13, 100, 127",
     "response 5 or 255, Reject, or the connection is closed", FunctionUnknown},
    {"target.management.reset_of_unknown_lun", kT, "11.6.1", "LOGICAL UNIT RESET of LUN 16383",
     "response 2 (or 0, 255)", ResetOfUnknownLun},
    {"target.management.set_with_tag", kT, "11.5.4", "ABORT TASK SET with a Referenced Task Tag",
     "response 0 or 255, Reject 0x09, or the connection is closed", SetOfUnknownTag},
    {"target.management.reset_in_transfer", kT, "4.2.3.3",
     "LOGICAL UNIT RESET between two Data-Outs", "one response, no status", ResetInTransfer},
    {"target.management.reset_while_other_writes", kT, "4.2.3.3",
     "LOGICAL UNIT RESET while another waits for data", "its task never ends well",
     ResetWhileOtherWrites},
    {"target.management.cold_reset", kT, "11.5.1", "TARGET COLD RESET",
     "the connections close, or it is refused; others may log in", ColdReset},
    {"target.management.warm_reset", kT, "11.5.1", "TARGET WARM RESET with a task waiting",
     "a response, or the connection is closed; others may log in", WarmReset},
    {"target.management.clear_aca", kT, "11.5.1", "CLEAR ACA without an ACA", "a response",
     ClearAca},
    {"target.management.functions_flood", kT, "4.2.2.1", "100 functions at once",
     "a response or Reject 0x06 to each, or the connection is closed", FunctionsFlood},
    {"target.management.not_immediate", kT, "11.5", "a function in CmdSN order", "response 0",
     FunctionNotImmediate},
    {"target.ping.answers_nothing", kT, "11.18.2", "a NOP-Out with a transfer tag that nobody gave",
     "Reject 0x09, nothing, or the connection is closed", PingAnswersNothing},
    {"target.ping.not_immediate", kT, "11.18.1", "Initiator Task Tag 0xffffffff without the I bit",
     "Reject 0x04, nothing, or the connection is closed", PingNotImmediate},
    {"target.ping.no_answer_asked", kT, "11.18.1", "a NOP-Out that asks for no answer",
     "none comes", PingNoAnswerAsked},
    {"target.ping.no_answer_with_data", kT, "11.18", "the same with ping data",
     "nothing, Reject, or the connection is closed", PingNoAnswerWithData},
    {"target.ping.longest", kT, "11.18.3", "a ping of MaxRecvDataSegmentLength bytes",
     "an answer with a beginning of them", PingLongest},
    {"target.resources.ping_flood_unread", kT, "11.18",
     "3,000 long pings whose answers nobody reads", "it stops reading, then answers all; or closes",
     PingFloodUnread},
    {"target.resources.reads_unread", kT, "11.7", "2 MiB of reads whose data nobody takes",
     "another session works, then all of it comes", ReadsUnread},
    {"target.resources.reject_flood", kT, "11.17", "3,000 PDUs that must be rejected",
     "a Reject each, or the connection is closed", RejectFlood},
    {"target.resources.ping_flood", kT, "11.18", "110,000 pings (11,000 under every chunking), answers read",
     "an answer each, or the connection is closed", PingFlood},
    {"target.resources.text_flood", kT, "11.10", "600 text exchanges, one after the other",
     "an answer each, or the connection is closed", TextFlood},
    {"target.resources.function_flood", kT, "4.2.2.1", "2,500 functions, answers read",
     "a response or Reject 0x06 each, or the connection is closed", FunctionFlood},
    {"target.resources.immediate_flood", kT, "4.2.2.1", "2,500 immediate commands, answers read",
     "a status or Reject 0x06 each, or the connection is closed", ImmediateFlood},
    {"target.resources.ignored_flood", kT, "4.2.2.1", "2,000 commands outside the window",
     "silence and an answered ping, or the connection is closed", IgnoredFlood},
    {"target.resources.malformed_flood", kT, "7.3", "2,500 malformed PDUs, each harmless",
     "Rejects and answered pings, or the connection is closed; another session works", MalformedFlood},
    {"target.logout.other_cid", kT, "11.15.1", "Logout of a connection that is not there",
     "response 1, Reject, or the connection is closed", LogoutOtherCid},
    {"target.logout.for_recovery", kT, "11.15.1", "Logout for recovery at level 0",
     "response 2 (or 1, 3), Reject, or the connection is closed", LogoutForRecovery},
    {"target.logout.reason_reserved", kT, "11.14.1", "Logout for reason 9",
     "Reject, a response that refuses, or the connection is closed", LogoutReasonReserved},
    {"target.logout.twice", kT, "11.14", "two Logout Requests at once",
     "one response, then the end", LogoutTwice},
    {"target.logout.command_after", kT, "11.14", "a command behind the Logout Request",
     "the response, then the end", CommandAfterLogout},
    {"target.logout.with_tasks", kT, "11.14.5", "Logout while a write waits, then its data",
     "the response, then the end; nothing is written", LogoutWithTasks},
    {"target.end.at_each_byte", kT, "7.14", "connections that end at the bytes of a WRITE",
     "the old block or the new one; others are served", DropAtEachByte},
    {"target.end.with_tasks", kT, "7.6", "ten connections that end with eight tasks each",
     "another session works", DropWithTasks},
    {"target.end.sessions_in_a_row", kT, "7.14", "100 sessions dropped one after the other",
     "another session works", SessionsInARow},
};

}  // namespace

std::span<const Case> TargetManagementCases() { return kCases; }

}  // namespace isthmus::hostile
