// The Login Phase. RFC 7143 sections 6.3 (login), 11.12, 11.13 (Login Request and Response).
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// The first Login Request with something changed.
void First(Attack& attack, uint32_t flags, void (*spoil)(Client&, Pdu&),
           std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  Pdu login = client.LoginRequest(flags, client.FirstPairs());
  spoil(client, login);
  client.Send(login);
  client.JudgeLogin(outcomes);
}
void Nothing(Client&, Pdu&) {}

// Both requests of a login whose second one is changed.
void Second(Attack& attack, void (*spoil)(Client&, Pdu&), std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x81, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  Pdu second = client.LoginRequest(0x87, {});
  spoil(client, second);
  client.Send(second);
  client.JudgeLogin(outcomes);
}

void StageBackwards(Attack& attack) { First(attack, 0x84, Nothing, {Refused({0x0200}), HungUp()}); }
void StageSame(Attack& attack) { First(attack, 0x85, Nothing, {Refused({0x0200}), HungUp()}); }
void StageReservedCurrent(Attack& attack) {
  First(attack, 0x8b, Nothing, {Refused({0x0200}), HungUp()});
}
void StageReservedNext(Attack& attack) {
  First(attack, 0x82, Nothing, {Refused({0x0200}), HungUp()});
}
void StageFullFeatureCurrent(Attack& attack) {
  First(attack, 0x8f, Nothing, {Refused({0x0200}), HungUp()});
}
void NextStageWithoutTransit(Attack& attack) { First(attack, 0x03, Nothing, {Proceeds()}); }
void StageJumps(Attack& attack) {
  // From the security stage to the operational one without a transition.
  Client client(attack);
  const Pdu first = client.LoginStep(0x00, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x87, {}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void StageGoesBack(Attack& attack) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x81, client.FirstPairs());
  if (first.u16(36) != 0 || (first.u8(1) & 0x83) != 0x81) {
    throw NotApplicable{"login: " + first.Describe()};
  }
  client.Send(client.LoginRequest(0x81, {}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}

template <int kOpcode>
void BeforeLogin(Attack& attack) {
  Client client(attack);
  Pdu pdu = kOpcode == 0x00   ? client.Ping("first")
            : kOpcode == 0x01 ? client.Inquiry()
            : kOpcode == 0x02 ? client.Function(5)
            : kOpcode == 0x04 ? client.TextRequest(0x80, kReserved, Text({"SendTargets=All"}))
            : kOpcode == 0x05 ? client.DataOut(1, kReserved, 0, 0, "data")
            : kOpcode == 0x06 ? client.Logout()
                              : client.Snack(0, 1, kReserved, 0, 0);
  client.Send(pdu);
  client.JudgeLogin({HungUp(), Refused({0x020b})});
}

template <int kOpcode>
void DuringLogin(Attack& attack) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x00, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  Pdu pdu = kOpcode == 0x00   ? client.Ping("too early")
            : kOpcode == 0x01 ? client.Inquiry()
            : kOpcode == 0x02 ? client.Function(5)
            : kOpcode == 0x04 ? client.TextRequest(0x80, kReserved, Text({"SendTargets=All"}))
                              : client.Logout();
  client.Send(pdu);
  client.JudgeLogin({HungUp(), Refused({0x020b, 0x0200})});
}

void LoginInFullFeature(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.LoginRequest(0x87, client.Names()));
  client.Judge({Rejected({0x04}), Closed()});
}
void OpcodeUnknownDuringLogin(Attack& attack) {
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U8(0, 0x4d); }, {HungUp(), Refused()});
}

void IsidChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U8(13, 9); }, {Refused({0x0200}), HungUp()});
}
void TsihChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U16(14, 0x7777); },
         {Refused({0x0200, 0x020a}), HungUp()});
}
void CidChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U16(20, 0x7777); }, {Refused({0x0200}), HungUp()});
}
void TagChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U32(16, 0x7777); }, {Refused({0x0200}), HungUp()});
}
void CmdSnChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U32(24, 0x7777); }, {Refused({0x0200}), HungUp()});
}
void VersionChanges(Attack& attack) {
  Second(attack, [](Client&, Pdu& pdu) { pdu.U8(2, 1); }, {Refused({0x0200}), HungUp()});
}
void TagReserved(Attack& attack) {
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U32(16, kReserved); },
        {Refused({0x0200}), HungUp()});
}
void NotImmediate(Attack& attack) {
  // Login Requests are always considered immediate, whatever the bit says.
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U8(0, 0x03); },
        {Proceeds(), Refused({0x0200}), HungUp()});
}
void VersionTooHigh(Attack& attack) {
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U8(2, 2).U8(3, 1); }, {Refused({0x0205})});
}
void VersionReversed(Attack& attack) {
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U8(2, 0).U8(3, 1); },
        {Refused({0x0205, 0x0200})});
}
void IsidReserved(Attack& attack) {
  First(attack, 0x81, [](Client&, Pdu& pdu) { pdu.U8(8, 0xc0); },
        {Refused({0x0200}), HungUp(), Proceeds()});
}

// The rest of a login, until it ends either way: a target may have keys of its own to settle.
Reaction Rest(Client& client) {
  Reaction reaction;
  for (int round = 0; round < 8; ++round) {
    client.Send(client.LoginRequest(0x87, {}));
    reaction = client.LoginReaction();
    if (!Proceeds().matches(reaction) || (reaction.pdus[0].u8(1) & 0x80) != 0) break;
  }
  return reaction;
}

void TsihUnknown(Attack& attack) {
  Client client(attack);
  client.tsih = 0xfff7;
  client.Send(client.LoginRequest(0x81, client.FirstPairs()));
  const Reaction reaction = client.LoginReaction();
  if (Proceeds().matches(reaction)) {
    return Judge(Rest(client), {Refused({0x020a}), HungUp()});
  }
  Judge(reaction, {Refused({0x020a}), HungUp()});
}

// Joins a live session as given, up to the end of the login.
Reaction Join(Client& client, uint32_t port, uint32_t tsih, uint32_t cid, bool name_of_other) {
  client.port = port;
  client.tsih = tsih;
  client.cid = cid;
  std::vector<std::string> names = client.FirstPairs();
  if (name_of_other) names[0] = "InitiatorName=iqn.2026-11.example.hostile:somebody-else";
  names.push_back("AuthMethod=None");
  client.Send(client.LoginRequest(0x81, names));
  Reaction reaction = client.LoginReaction();
  return Proceeds().matches(reaction) ? Rest(client) : reaction;
}

void TsihOfOther(Attack& attack) {
  Client victim(attack);
  victim.Login();
  Client thief(attack);
  const Reaction reaction = Join(thief, victim.port, victim.tsih, 2, true);
  Judge(reaction, {Refused({0x020a}), HungUp()});
  victim.MustWork();
}
void OneConnectionTooMany(Attack& attack) {
  Client first(attack);
  first.Login();
  Client second(attack);
  const Reaction reaction = Join(second, first.port, first.tsih, 2, false);
  Judge(reaction, {Refused({0x0206}), HungUp()});
  first.MustWork();
}

void SessionReinstated(Attack& attack) {
  Client first(attack);
  first.Login();
  uint32_t itt = 0;
  (void)first.Stall(0, 1, &itt);
  Client second(attack);
  second.Login({.port = first.port});
  const Reaction reaction = first.ReactWithoutPing();
  Judge(reaction, {{"the old connection is closed without a word of its task",
                    [](const Reaction& r) { return r.closed && r.pdus.empty(); }}});
  second.MustWork();
}
void HalfLoginReinstates(Attack& attack) {
  // Until a login is complete the session that it would reinstate lives.
  Client victim(attack);
  victim.Login();
  Client thief(attack);
  thief.port = victim.port;
  const Pdu response = thief.LoginStep(0x81, thief.FirstPairs());
  if (response.u16(36) != 0) throw NotApplicable{"login: " + response.Describe()};
  attack.BeginJudgement();
  victim.MustWork();
  thief.wire.Drop();
  victim.MustWork();
}
void UnauthenticatedReinstates(Attack& attack) {
  Client victim(attack);
  victim.Login({.chap = true});
  Client thief(attack);
  thief.port = victim.port;
  const Client::Challenge challenge = thief.ChapChallenge();
  (void)challenge;
  thief.Send(thief.LoginRequest(0x83, {"CHAP_N=" + attack.options.account.user,
                                       "CHAP_R=0x00112233445566778899aabbccddeeff"}));
  thief.JudgeLogin({Refused({0x0201}), HungUp()});
  victim.MustWork();
}

void WithoutInitiatorName(Attack& attack) {
  Client client(attack);
  client.Send(
      client.LoginRequest(0x81, {"SessionType=Normal", "TargetName=" + client.TargetName()}));
  client.JudgeLogin({Refused({0x0207}), Refused({0x0200}), HungUp()});
}
void WithoutTargetName(Attack& attack) {
  Client client(attack);
  client.Send(
      client.LoginRequest(0x81, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal"}));
  client.JudgeLogin({Refused({0x0207}), Refused({0x0200}), HungUp()});
}
void TargetUnknown(Attack& attack) {
  Client client(attack);
  client.Send(
      client.LoginRequest(0x81, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                 "TargetName=iqn.2026-11.example:nobody-is-called-so"}));
  client.JudgeLogin({Refused({0x0203}), Refused({0x0202})});
}
void SessionTypeUnknown(Attack& attack) {
  Client client(attack);
  std::vector<std::string> names = client.FirstPairs();
  names[1] = "SessionType=Sideways";
  client.Send(client.LoginRequest(0x81, names));
  client.JudgeLogin({Refused({0x0209, 0x0200}), HungUp()});
}
void NamesChange(Attack& attack) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x00, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x81, {"InitiatorName=iqn.2026-11.example.hostile:changed"}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void TargetNameChanges(Attack& attack) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x00, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x81, {"TargetName=iqn.2026-11.example:another"}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void NameTooLong(Attack& attack) {
  Client client(attack);
  std::vector<std::string> names = client.FirstPairs();
  names[0] = "InitiatorName=iqn.2026-11.example:" + std::string(224 - 20, 'n');
  client.Send(client.LoginRequest(0x81, names));
  client.JudgeLogin({Refused({0x0200, 0x0207}), HungUp()});
}
void NamesIllFormed(Attack& attack) {
  for (const char* name : {"", "iqn", "iqn.", "eui.123", "eui.zzzzzzzzzzzzzzzz", "naa.12345",
                           "iqn.2026-11.example:%n%n%s%x", "iqn.2026-11.example:a/../../b",
                           "\xff\xfe\xfd", "iqn.2026-11.example:a b"}) {
    Client client(attack);
    std::vector<std::string> names = client.FirstPairs();
    names[0] = std::string("InitiatorName=") + name;
    client.Send(client.LoginRequest(0x81, names));
    client.JudgeLogin({Refused(), HungUp()});
  }
}
void NameOfFormatDirectives(Attack& attack) {
  Client client(attack);
  std::vector<std::string> names = client.FirstPairs();
  names[2] = "TargetName=%s%s%s%n%n%n%p%p%p";
  client.Send(client.LoginRequest(0x81, names));
  client.JudgeLogin({Refused(), HungUp()});
}

void Pipelined(Attack& attack) {
  // Two requests at once: a login has one outstanding PDU.
  Client client(attack);
  client.Send(client.LoginRequest(0x00, client.FirstPairs()));
  client.Send(client.LoginRequest(0x81, {}));
  Reaction reaction = client.LoginReaction();
  if (Proceeds().matches(reaction)) reaction = client.LoginReaction();
  Judge(reaction, {Refused({0x0200}), HungUp(), Proceeds()});
}
void CommandBehindLogin(Attack& attack) {
  // A command sent with the last Login Request is served once, or ends the login; never before it.
  Client client(attack);
  const Pdu first = client.LoginStep(0x81, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x87, {}));
  client.Send(client.Inquiry());
  const Reaction reaction = client.LoginReaction();
  Judge(reaction, {Proceeds(), Refused({0x0200, 0x020b}), HungUp()});
  if (!Proceeds().matches(reaction)) return;
  const Reaction after = client.ReactWithoutPing();
  Judge(after, {{"the command's answer, once, or a closed connection", [](const Reaction& r) {
                   uint32_t answers = 0;
                   for (const Pdu& pdu : r.pdus) {
                     answers += pdu.opcode() == 0x21 || (pdu.opcode() == 0x25 && (pdu.u8(1) & 1));
                   }
                   return answers == 1 || (r.closed && answers == 0);
                 }}});
}

void NoProgress(Attack& attack) {
  Client client(attack);
  client.Send(client.LoginRequest(0x00, client.FirstPairs()));
  Reaction reaction = client.LoginReaction();
  for (int round = 0; round < 1000 && Proceeds().matches(reaction); ++round) {
    client.Send(client.LoginRequest(0x00, {}));
    reaction = client.LoginReaction();
  }
  Judge(reaction, {Refused({0x0200}), HungUp()});
}
void EndlessContinue(Attack& attack) {
  Client client(attack);
  client.Send(client.LoginRequest(0x40, client.FirstPairs()));
  Reaction reaction = client.LoginReaction();
  for (int round = 0; round < 2000 && Proceeds().matches(reaction); ++round) {
    client.Send(client.LoginRequestBytes(0x40, "X-a=" + std::string(500, 'b') + '\0'));
    reaction = client.LoginReaction();
  }
  Judge(reaction, {Refused(), HungUp()});
}
void ContinueWithTransit(Attack& attack) {
  First(attack, 0xc1, Nothing, {Refused({0x0200}), HungUp()});
}
void ContinueWithoutData(Attack& attack) {
  Client client(attack);
  client.Send(client.LoginRequest(0x40, client.FirstPairs()));
  Reaction reaction = client.LoginReaction();
  Judge(reaction, {{"a Login Response without data", [](const Reaction& r) {
                      return Proceeds().matches(r) && r.pdus[0].data.empty();
                    }}});
  client.Send(client.LoginRequest(0x40, {}));
  reaction = client.LoginReaction();
  Judge(reaction, {Proceeds(), Refused({0x0200}), HungUp()});
}
void SplitEverywhere(Attack& attack) {
  // Names broken into two PDUs at every byte: the same as in one.
  Client measure(attack);
  const std::string text = Text(measure.FirstPairs());
  measure.wire.Drop();
  const size_t step = attack.options.chunking == Chunking::kWhole ? 1 : 7;
  for (size_t at = 1; at < text.size(); at += step) {
    Client client(attack);
    const std::string all = Text(client.FirstPairs());
    client.Send(client.LoginRequestBytes(0x40, all.substr(0, at)));
    const Reaction first = client.LoginReaction();
    Judge(first, {{"a Login Response without data", [](const Reaction& r) {
                     return Proceeds().matches(r) && r.pdus[0].data.empty();
                   }}});
    client.Send(client.LoginRequestBytes(0x81, all.substr(at)));
    client.JudgeLogin({ProceedsWith("TargetPortalGroupTag=1")});
  }
}

void SlowLogin(Attack& attack) {
  if (attack.options.login_deadline_ms == 0) throw NotApplicable{"needs --login_deadline_s"};
  Client client(attack);
  const std::string bytes = client.LoginRequest(0x81, client.FirstPairs()).Encode({});
  const int64_t pause = attack.options.login_deadline_ms / 20;
  attack.BeginJudgement();
  // A byte now and then for twice as long as a login may take.
  for (size_t i = 0; i < 40 && i + 1 < bytes.size(); ++i) {
    client.wire.SendRaw(bytes.substr(i, 1));
    const Wire::Seen seen = client.wire.Next(pause);
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kBytes && seen.pdu.u16(36) == 0) {
      throw Failed{"half a Login Request was answered"};
    }
  }
  throw Failed{
      "required: the connection is closed when the login has taken too long; seen: it lives"};
}
void SilentConnection(Attack& attack) {
  if (attack.options.login_deadline_ms == 0) throw NotApplicable{"needs --login_deadline_s"};
  Client client(attack);
  attack.BeginJudgement();
  const Wire::Seen seen = client.wire.Next(attack.options.login_deadline_ms * 2);
  if (seen.got != Link::Got::kClosed) {
    throw Failed{"required: a connection without a byte is closed; seen: it lives"};
  }
}
void ManyHalfLogins(Attack& attack) {
  // Connections that stay in the login keep nobody else out.
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 40; ++i) {
    idle.push_back(std::make_unique<Client>(attack));
    idle.back()->wire.SendRaw(std::string(1, '\x43'));
    idle.back()->wire.Flush();
  }
  attack.BeginJudgement();
  Client client(attack);
  client.Send(client.LoginRequest(0x81, client.FirstPairs()));
  client.JudgeLogin({Proceeds()});
}

// ---- Discovery sessions.
void InDiscovery(Attack& attack, Pdu (*make)(Client&), std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  client.Login({.discovery = true});
  client.Send(make(client));
  client.JudgeOnly(outcomes);
}
void DiscoveryCommand(Attack& attack) {
  InDiscovery(attack, [](Client& c) { return c.Inquiry(); }, {Rejected({0x04, 0x05}), Closed()});
}
void DiscoveryFunction(Attack& attack) {
  InDiscovery(attack, [](Client& c) { return c.Function(5); }, {Rejected({0x04, 0x05}), Closed()});
}
void DiscoverySnack(Attack& attack) {
  InDiscovery(attack, [](Client& c) { return c.Snack(1, kReserved, kReserved, 0, 0); },
              {Rejected(), Closed()});
}
void DiscoveryLogoutConnection(Attack& attack) {
  InDiscovery(attack, [](Client& c) { return c.Logout(1); },
              {Rejected({0x04, 0x09}), LogoutResponse({0, 1, 2, 3}), Closed()});
}
void DiscoveryKeysIrrelevant(Attack& attack) {
  Client client(attack);
  client.Send(client.LoginRequest(0x87, {"InitiatorName=" + client.InitiatorName(),
                                         "SessionType=Discovery", "MaxBurstLength=65536"}));
  client.JudgeLogin({ProceedsWith("MaxBurstLength=Irrelevant"), Refused({0x0200})});
}
void DiscoverySendTargets(Attack& attack) {
  Client client(attack);
  client.Login({.discovery = true});
  client.Send(client.TextRequest(0x80, kReserved, Text({"SendTargets=All"})));
  client.JudgeOnly(
      {TextAnswer("a list of targets, final, Target Transfer Tag 0xffffffff", [&](const Pdu& pdu) {
        return pdu.final() && pdu.ttt() == kReserved &&
               pdu.data.find("TargetName=" + attack.options.target_name) != std::string::npos;
      })});
}
void DiscoverySendTargetsOften(Attack& attack) {
  Client client(attack);
  client.Login({.discovery = true});
  attack.BeginJudgement();
  for (int i = 0; i < 50; ++i) {
    client.Send(client.TextRequest(0x80, kReserved, Text({"SendTargets=All"})));
    const Pdu answer = client.Take("an answer to SendTargets");
    if (answer.opcode() != 0x24 && answer.opcode() != 0x3f) {
      throw Failed{answer.Describe() + " answers SendTargets"};
    }
  }
}
void DiscoveryNumbering(Attack& attack) {
  // CmdSN and StatSN go on from the login (section 11.12.8).
  Client client(attack);
  client.Login({.discovery = true, .cmd_sn = 0x7ffffff0});
  const uint32_t expected = client.exp_stat_sn;
  client.Send(client.TextRequest(0x80, kReserved, Text({"SendTargets=All"})));
  client.JudgeOnly({TextAnswer("StatSN and ExpCmdSN that go on", [&](const Pdu& pdu) {
    return pdu.u32(24) == expected && pdu.u32(28) == 0x7ffffff1;
  })});
}
void NumberingAcrossWrap(Attack& attack) {
  Client client(attack);
  client.Login({.cmd_sn = 0xfffffffc});
  attack.BeginJudgement();
  for (int i = 0; i < 8; ++i) {
    const Pdu inquiry = client.Inquiry();
    client.Send(inquiry);
    (void)client.Finish(inquiry.itt());
  }
  if (client.exp_cmd_sn != client.cmd_sn) throw Failed{"ExpCmdSN is not where it should be"};
}

constexpr Side kT = Side::kTarget;
constexpr char kNo[] = "login status 0x0200, or the connection is closed";
constexpr char kInvalid[] = "login status 0x020b, or the connection is closed";

constexpr Case kCases[] = {
    {"target.login.stage_backwards", kT, "6.3", "T=1, CSG=1, NSG=0", kNo, StageBackwards},
    {"target.login.stage_same", kT, "6.3", "T=1, CSG=1, NSG=1", kNo, StageSame},
    {"target.login.stage_reserved_current", kT, "11.12.3", "CSG=2", kNo, StageReservedCurrent},
    {"target.login.stage_reserved_next", kT, "11.12.3", "NSG=2", kNo, StageReservedNext},
    {"target.login.stage_full_feature_current", kT, "11.12.3", "CSG=3", kNo,
     StageFullFeatureCurrent},
    {"target.login.next_stage_without_transit", kT, "11.12.3", "T=0, NSG=3: reserved then, ignored",
     "the login goes on", NextStageWithoutTransit},
    {"target.login.stage_jumps", kT, "6.3", "another CSG without a transition", kNo, StageJumps},
    {"target.login.stage_goes_back", kT, "6.3", "the security stage again, after it was left", kNo,
     StageGoesBack},
    {"target.login.nop_out_before", kT, "4.2.4", "a NOP-Out before any login", kInvalid,
     BeforeLogin<0x00>},
    {"target.login.command_before", kT, "4.2.4", "a SCSI Command before any login", kInvalid,
     BeforeLogin<0x01>},
    {"target.login.function_before", kT, "4.2.4", "a LOGICAL UNIT RESET before any login", kInvalid,
     BeforeLogin<0x02>},
    {"target.login.text_before", kT, "4.2.4", "SendTargets before any login", kInvalid,
     BeforeLogin<0x04>},
    {"target.login.data_out_before", kT, "4.2.4", "a Data-Out before any login", kInvalid,
     BeforeLogin<0x05>},
    {"target.login.logout_before", kT, "4.2.4", "a Logout Request before any login", kInvalid,
     BeforeLogin<0x06>},
    {"target.login.snack_before", kT, "4.2.4", "a SNACK before any login", kInvalid,
     BeforeLogin<0x10>},
    {"target.login.nop_out_during", kT, "4.2.4", "a NOP-Out between Login Requests", kInvalid,
     DuringLogin<0x00>},
    {"target.login.command_during", kT, "4.2.4", "a SCSI Command between Login Requests", kInvalid,
     DuringLogin<0x01>},
    {"target.login.function_during", kT, "4.2.4", "a function between Login Requests", kInvalid,
     DuringLogin<0x02>},
    {"target.login.text_during", kT, "4.2.4", "a Text Request between Login Requests", kInvalid,
     DuringLogin<0x04>},
    {"target.login.logout_during", kT, "4.2.4", "a Logout Request between Login Requests", kInvalid,
     DuringLogin<0x06>},
    {"target.login.unknown_opcode_first", kT, "4.2.4", "an unassigned opcode as the first PDU",
     "login refused, or the connection is closed", OpcodeUnknownDuringLogin},
    {"target.login.again_in_full_feature", kT, "4.2.4", "a Login Request after the login",
     "Reject 0x04, or the connection is closed", LoginInFullFeature},
    {"target.login.isid_changes", kT, "6.3.1", "another ISID in the second request", kNo,
     IsidChanges},
    {"target.login.tsih_changes", kT, "11.12.6", "another TSIH in the second request",
     "login status 0x0200 or 0x020a, or the connection is closed", TsihChanges},
    {"target.login.cid_changes", kT, "11.12.7", "another CID in the second request", kNo,
     CidChanges},
    {"target.login.tag_changes", kT, "6.3", "another Initiator Task Tag in the second request", kNo,
     TagChanges},
    {"target.login.cmd_sn_changes", kT, "11.12.8",
     "another CmdSN in the second request of a leading login", kNo, CmdSnChanges},
    {"target.login.version_changes", kT, "11.12.4.1", "another Version-max in the second request",
     kNo, VersionChanges},
    {"target.login.tag_reserved", kT, "11.2.1.8", "Initiator Task Tag 0xffffffff", kNo,
     TagReserved},
    {"target.login.not_immediate", kT, "11.12", "a Login Request whose I bit is 0",
     "an answer or a refusal: it is considered immediate", NotImmediate},
    {"target.login.version_too_high", kT, "11.12.4.2", "Version-min 1", "login status 0x0205",
     VersionTooHigh},
    {"target.login.version_reversed", kT, "11.12.4", "Version-min above Version-max",
     "login status 0x0205 or 0x0200", VersionReversed},
    {"target.login.isid_reserved_format", kT, "11.12.5", "ISID of the reserved format 11b",
     "an answer or a refusal", IsidReserved},
    {"target.login.tsih_unknown", kT, "6.3.1", "a TSIH that no session has",
     "login status 0x020a, or the connection is closed", TsihUnknown},
    {"target.login.tsih_of_other", kT, "6.3.1", "a live session's TSIH under another InitiatorName",
     "login status 0x020a; the session lives", TsihOfOther},
    {"target.login.one_connection_too_many", kT, "11.13.5",
     "a second connection under MaxConnections=1", "login status 0x0206; the session lives",
     OneConnectionTooMany},
    {"target.login.session_reinstated", kT, "6.3.5",
     "the same ISID and TSIH 0 while a task waits for data",
     "the old connection is closed without a word, the new session works", SessionReinstated},
    {"target.login.half_login_reinstates", kT, "6.3.5", "half a login on a live session's ISID",
     "the live session works", HalfLoginReinstates},
    {"target.login.unauthenticated_reinstates", kT, "6.3.5, 12.1.3",
     "a login with a wrong CHAP_R on a live session's ISID",
     "it is refused, the live session works", UnauthenticatedReinstates},
    {"target.login.without_initiator_name", kT, "6.3", "no InitiatorName",
     "login status 0x0207, or refused otherwise", WithoutInitiatorName},
    {"target.login.without_target_name", kT, "6.3", "no TargetName in a normal session",
     "login status 0x0207, or refused otherwise", WithoutTargetName},
    {"target.login.target_unknown", kT, "11.13.5", "a TargetName that nobody has",
     "login status 0x0203 or 0x0202", TargetUnknown},
    {"target.login.session_type_unknown", kT, "13.21", "SessionType=Sideways",
     "login status 0x0209 or 0x0200, or the connection is closed", SessionTypeUnknown},
    {"target.login.initiator_name_changes", kT, "6.3",
     "another InitiatorName in the second request", kNo, NamesChange},
    {"target.login.target_name_changes", kT, "6.3", "another TargetName in the second request", kNo,
     TargetNameChanges},
    {"target.login.name_too_long", kT, "4.2.7.2", "an InitiatorName of 224 bytes", kNo,
     NameTooLong},
    {"target.login.names_ill_formed", kT, "4.2.7", "ten InitiatorNames of no valid form",
     "login refused, or the connection is closed", NamesIllFormed},
    {"target.login.name_of_format_directives", kT, "4.2.7", "a TargetName full of %s and %n",
     "login refused, or the connection is closed", NameOfFormatDirectives},
    {"target.login.pipelined", kT, "6.3", "two Login Requests at once",
     "refused, closed, or answered one after the other", Pipelined},
    {"target.login.command_behind", kT, "6.3", "a command behind the last Login Request",
     "served once after the login, or the connection is closed", CommandBehindLogin},
    {"target.login.no_progress", kT, "6.2", "1,000 Login Requests that ask for nothing", kNo,
     NoProgress},
    {"target.login.endless_continue", kT, "6.2", "1 MiB of login text under the C bit",
     "login refused, or the connection is closed", EndlessContinue},
    {"target.login.continue_with_transit", kT, "11.12.2", "C and T together", kNo,
     ContinueWithTransit},
    {"target.login.continue_without_data", kT, "6.2", "C bit with text, then without",
     "answers without data, or refused", ContinueWithoutData},
    {"target.login.split_everywhere", kT, "6.1", "the names broken over two requests, at each byte",
     "the same answer as in one request", SplitEverywhere},
    {"target.login.slow", kT, "6.2", "a byte now and then, for twice the login's deadline",
     "the connection is closed at the deadline", SlowLogin},
    {"target.login.silent_connection", kT, "6.2", "a connection without a byte",
     "the connection is closed at the deadline", SilentConnection},
    {"target.login.many_half_logins", kT, "6.3", "40 connections that send one byte",
     "another login goes on", ManyHalfLogins},
    {"target.login.discovery_command", kT, "4.3", "a SCSI Command in a discovery session",
     "Reject, or the connection is closed", DiscoveryCommand},
    {"target.login.discovery_function", kT, "4.3", "LOGICAL UNIT RESET in a discovery session",
     "Reject, or the connection is closed", DiscoveryFunction},
    {"target.login.discovery_snack", kT, "4.3, 7.4.1", "a SNACK in a discovery session",
     "Reject, or the connection is closed", DiscoverySnack},
    {"target.login.discovery_logout_connection", kT, "4.3",
     "Logout with reason 1 in a discovery session",
     "Reject, a Logout Response, or the connection is closed", DiscoveryLogoutConnection},
    {"target.login.discovery_keys_irrelevant", kT, "13.13", "MaxBurstLength in a discovery session",
     "Irrelevant, or login status 0x0200", DiscoveryKeysIrrelevant},
    {"target.login.discovery_send_targets", kT, "11.11.4, C", "SendTargets=All",
     "the list, F=1, Target Transfer Tag 0xffffffff", DiscoverySendTargets},
    {"target.login.discovery_send_targets_often", kT, "C", "SendTargets=All 50 times",
     "an answer or a Reject each time", DiscoverySendTargetsOften},
    {"target.login.discovery_numbering", kT, "11.12.8",
     "a discovery session from CmdSN 0x7ffffff0 on", "StatSN and ExpCmdSN go on from the login",
     DiscoveryNumbering},
    {"target.login.numbering_across_wrap", kT, "4.2.2.1", "commands from CmdSN 0xfffffffc on",
     "all are answered across the wrap", NumberingAcrossWrap},
};

}  // namespace

std::span<const Case> TargetLoginCases() { return kCases; }

}  // namespace isthmus::hostile
