#include "fuzz/hostile/server.h"

#include <memory>
#include <utility>

namespace isthmus::hostile {
namespace {

uint32_t Operation(const Pdu& pdu) { return pdu.opcode() == 0x01 ? pdu.u8(32) : 0xffff; }
bool IsRead(const Pdu& pdu) {
  const uint32_t operation = Operation(pdu);
  return operation == 0x28 || operation == 0x88;
}
bool IsWrite(const Pdu& pdu) {
  const uint32_t operation = Operation(pdu);
  return operation == 0x2a || operation == 0x8a;
}
uint64_t Begin(const Pdu& command) {
  const bool sixteen = Operation(command) == 0x88 || Operation(command) == 0x8a;
  return uint64_t{sixteen ? command.u32(38) : command.u32(34)} * StubDisk::kBlock;
}

// The attack, when the initiator has begun.
Attack& Begun(Attack& attack, Work work) {
  if (!attack.peer.Begin(work)) throw NotApplicable{"the initiator cannot do such work"};
  return attack;
}

}  // namespace

Server::Server(Attack& attack, Work work) : stub(&disk), wire(Begun(attack, work)) {
  stub.target_name = attack.options.target_name;
}

Pdu Server::TakeLogin() {
  const Wire::Seen seen = wire.Next();
  if (seen.got != Link::Got::kBytes) throw NotApplicable{"no Login Request came"};
  if (seen.pdu.opcode() != 0x03)
    throw NotApplicable{"no Login Request, but " + seen.pdu.Describe()};
  return seen.pdu;
}

Pdu Server::LoginUpToLast() {
  for (int round = 0; round < 10; ++round) {
    Pdu request = TakeLogin();
    if ((request.u8(1) & 0x83) == 0x83) return request;
    Send(stub.LoginResponse(request));
  }
  throw NotApplicable{"the initiator's login has no end"};
}

void Server::Login(const std::vector<std::string>& keys) {
  stub.keys = keys;
  const Digests wanted = attack().options.digests;
  stub.keys.push_back(wanted.header ? "HeaderDigest=CRC32C" : "HeaderDigest=None");
  stub.keys.push_back(wanted.data ? "DataDigest=CRC32C" : "DataDigest=None");
  const Pdu last = LoginUpToLast();
  const Pdu response = stub.LoginResponse(last);
  const auto offers = [&](const char* key, const char* value) {
    const auto range = stub.offered().equal_range(key);
    if (range.first == range.second) return std::string(value) == "None";
    for (auto i = range.first; i != range.second; ++i) {
      if (i->second.find(value) != std::string::npos) return true;
    }
    return false;
  };
  if (!stub.discovery() && (!offers("HeaderDigest", wanted.header ? "CRC32C" : "None") ||
                            !offers("DataDigest", wanted.data ? "CRC32C" : "None"))) {
    throw NotApplicable{"the initiator does not offer these digests"};
  }
  Send(response);
  wire.Flush();
  if (!stub.discovery()) wire.digests = wanted;
}

void Server::Answer(Wire& on, StubTarget& as, const Pdu& request) {
  for (const Pdu& answer : as.Handle(request)) on.Send(answer);
}

void Server::Serve(const Pdu& request) { Answer(wire, stub, request); }

Pdu Server::AwaitIf(const std::function<bool(const Pdu&)>& wanted, const char* what) {
  for (int i = 0; i < 200; ++i) {
    const Wire::Seen seen = wire.Next(attack().options.deadline_ms * 5);
    if (seen.got != Link::Got::kBytes) throw NotApplicable{std::string("no ") + what + " came"};
    if (wanted(seen.pdu)) {
      stub.Receive(seen.pdu);
      return seen.pdu;
    }
    Serve(seen.pdu);
  }
  throw NotApplicable{std::string("no ") + what + " came"};
}

Pdu Server::AwaitRead(uint32_t least) {
  return AwaitIf([&](const Pdu& pdu) { return IsRead(pdu) && pdu.u32(20) >= least; }, "READ");
}
Pdu Server::AwaitWrite(uint32_t least) {
  return AwaitIf([&](const Pdu& pdu) { return IsWrite(pdu) && pdu.u32(20) >= least; }, "WRITE");
}
Pdu Server::Await(uint32_t opcode, const char* what) {
  return AwaitIf([&](const Pdu& pdu) { return pdu.opcode() == opcode; }, what);
}

Pdu Server::DataIn(const Pdu& read, uint32_t data_sn, uint32_t offset, uint32_t length,
                   uint32_t flags) {
  return stub.DataIn(read.itt(), data_sn, offset, disk.Read(Begin(read) + offset, length), flags);
}
Pdu Server::Response(const Pdu& command, uint32_t status, std::string data) {
  return stub.Response(command.itt(), status, std::move(data));
}
Pdu Server::R2t(const Pdu& write, uint32_t ttt, uint32_t r2t_sn, uint32_t offset, uint32_t length) {
  return stub.R2t(write.itt(), std::string_view(write.header).substr(8, 8), ttt, r2t_sn, offset,
                  length);
}
Pdu Server::Reject(uint32_t reason, const Pdu& bad) {
  Pdu pdu(0x3f);
  return stub.Number(pdu.U8(2, reason).U32(16, 0xffffffff).Data(bad.header));
}
Pdu Server::Async(uint32_t event, uint32_t parameter1, uint32_t parameter2, uint32_t parameter3) {
  Pdu pdu(0x32);
  pdu.U32(16, 0xffffffff);
  return stub.Number(pdu).U8(36, event).U16(38, parameter1).U16(40, parameter2).U16(42, parameter3);
}
Pdu Server::Ping(uint32_t ttt) {
  Pdu pdu(0x20);
  return stub.Number(pdu.U32(16, 0xffffffff).U32(20, ttt), false);
}
std::string Server::Sense(uint32_t key, uint32_t asc) {
  std::string sense("\0\x12\x70", 3);
  sense.resize(20);
  sense[4] = static_cast<char>(key);
  sense[9] = 10;
  sense[14] = static_cast<char>(asc);
  return sense;
}

void Server::ServeOthers(Reaction& reaction) {
  const int64_t deadline = attack().options.deadline_ms;
  while (attack().peer.Result(0) == WorkResult::kRunning) {
    std::unique_ptr<Wire> other;
    try {
      other = std::make_unique<Wire>(attack());
    } catch (const NotApplicable&) {
      return;
    }
    reaction.reconnected = true;
    StubTarget good(&disk);
    good.keys = stub.keys;
    while (!good.closing()) {
      const Wire::Seen seen = other->Next(deadline * 3);
      if (seen.got != Link::Got::kBytes) break;
      Answer(*other, good, seen.pdu);
      other->Flush();
      if (good.full_feature()) other->digests = good.digests();
    }
  }
}

void Server::Gather(Reaction& reaction, bool ping) {
  attack().BeginJudgement();
  uint32_t ttt = 0;
  if (ping) {
    ttt = next_ttt_++;
    Send(Ping(ttt));
  }
  const auto over = [&] {
    const WorkResult work = attack().peer.Result(0);
    return work == WorkResult::kGood || work == WorkResult::kCorrupt || work == WorkResult::kFailed;
  };
  // What leaves with the ping's answer, a Logout Request for one, may come behind it.
  constexpr int64_t kAfterwardsMs = 50;
  bool ended = false;
  for (int i = 0; i < 5000; ++i) {
    const Wire::Seen seen = ended ? wire.Next(kAfterwardsMs) : wire.Next();
    if (seen.got == Link::Got::kClosed) {
      reaction.closed = true;
      break;
    }
    if (seen.got == Link::Got::kSilence) break;
    if (ping && seen.pdu.opcode() == 0x00 && seen.pdu.ttt() == ttt) {
      reaction.alive = true;
      stub.Receive(seen.pdu);
      ended = over();
      continue;
    }
    reaction.pdus.push_back(seen.pdu);
    if (seen.pdu.opcode() == 0x06) reaction.logout = true;
    Serve(seen.pdu);
    if (stub.full_feature()) {
      wire.Flush();
      wire.digests = stub.digests();
    }
    if (stub.closing()) {
      wire.Flush();
      wire.EndStream();
    }
  }
  if (!reaction.alive || reaction.closed) wire.Drop();
  ServeOthers(reaction);
  reaction.work = attack().peer.Result(attack().options.deadline_ms * 5);
}

Reaction Server::React() {
  Reaction reaction;
  Gather(reaction, true);
  return reaction;
}

void Server::JudgeLogin(std::initializer_list<Outcome> outcomes) {
  Reaction reaction;
  Gather(reaction, false);
  hostile::Judge(reaction, outcomes);
}

Outcome Dropped() {
  return {"the connection is closed, the work not reported as done", [](const Reaction& r) {
            const bool good = r.work == WorkResult::kGood && !r.reconnected;
            return (r.closed || r.logout) && !good && r.work != WorkResult::kCorrupt &&
                   r.work != WorkResult::kRunning;
          }};
}
Outcome TaskFails() {
  return {"the work fails", [](const Reaction& r) {
            return r.work == WorkResult::kFailed || (r.work == WorkResult::kUnknown && r.alive);
          }};
}
Outcome TaskSucceeds() {
  return {"the session goes on and the work ends well", [](const Reaction& r) {
            return (r.alive || r.logout) && !r.reconnected &&
                   (r.work == WorkResult::kGood || r.work == WorkResult::kUnknown);
          }};
}
Outcome Stays() {
  return {"the session goes on",
          [](const Reaction& r) { return r.alive && r.work != WorkResult::kCorrupt; }};
}
Outcome LogsOut() {
  return {"a Logout Request", [](const Reaction& r) {
            return r.logout && r.work != WorkResult::kCorrupt &&
                   (r.work != WorkResult::kGood || r.reconnected);
          }};
}

}  // namespace isthmus::hostile
