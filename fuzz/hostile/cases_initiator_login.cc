// A hostile target in the Login Phase, CHAP, and discovery. RFC 7143 sections 6.2, 6.3, 11.13,
// 12.1.3, 9.2.1, Appendix C.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"
#include "fuzz/hostile/server.h"

namespace isthmus::hostile {
namespace {

// The first response, spoiled.
void First(Attack& attack, void (*spoil)(Pdu&), std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kRead);
  Pdu response = server.AnswerTo(server.TakeLogin());
  spoil(response);
  server.Send(response);
  server.JudgeLogin(outcomes);
}
// The response that ends the login, spoiled.
void Last(Attack& attack, void (*spoil)(Pdu&), std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kRead);
  server.stub.keys = {"HeaderDigest=None", "DataDigest=None"};
  Pdu response = server.AnswerTo(server.LoginUpToLast());
  spoil(response);
  server.Send(response);
  server.JudgeLogin(outcomes);
}
// With these answers in the operational stage.
void Keys(Attack& attack, const std::vector<std::string>& keys,
          std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kRead);
  server.stub.keys = {"HeaderDigest=None", "DataDigest=None"};
  const Pdu last = server.LoginUpToLast();
  for (const std::string& pair : keys) {
    const std::string key = pair.substr(pair.starts_with("+") ? 1 : 0);
    std::erase_if(server.stub.keys, [&](const std::string& other) {
      return other.substr(0, other.find('=')) == key.substr(0, key.find('='));
    });
    server.stub.keys.push_back(pair);
    if (!pair.starts_with("+") && server.stub.offered().count(key.substr(0, key.find('='))) == 0 &&
        last.data.find(key.substr(0, key.find('=') + 1)) == std::string::npos) {
      throw NotApplicable{"the initiator does not offer " + key.substr(0, key.find('='))};
    }
  }
  server.Send(server.AnswerTo(last));
  server.JudgeLogin(outcomes);
}

void NextStageTooHigh(Attack& attack) {
  Server server(attack, Work::kRead);
  const Pdu request = server.TakeLogin();
  if ((request.u8(1) & 0x83) == 0x83) throw NotApplicable{"the login has one step"};
  server.Send(server.AnswerTo(request).U8(1, 0x83 | (request.u8(1) & 0x0c)).U16(14, 5));
  server.JudgeLogin({Dropped()});
}
void StageReserved(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U8(1, 0x86); }, {Dropped()});
}
void StageOther(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U8(1, 0x83); }, {Dropped()});
}
void ContinueWithTransit(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U8(1, 0xc7); }, {Dropped()});
}
template <uint32_t kStatus>
void StatusOf(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.U8(1, 0).U16(36, kStatus).Data(""); }, {Dropped()});
}
void StatusesOfClass2(Attack& attack) {
  for (uint32_t detail = 0; detail <= 0x0b; ++detail) {
    Server server(attack, Work::kRead);
    Pdu response = server.AnswerTo(server.TakeLogin());
    server.Send(response.U8(1, 0).U16(36, 0x0200 | detail).Data(""));
    server.JudgeLogin({Dropped()});
  }
}
void RedirectIllFormed(Attack& attack) {
  for (const char* address : {"", ":", "%n%n", "[::1", "a b:c", "127.0.0.1:99999"}) {
    Server server(attack, Work::kRead);
    Pdu response = server.AnswerTo(server.TakeLogin());
    response.U8(1, 0).U16(36, 0x0101).Data(Text({std::string("TargetAddress=") + address}));
    server.Send(response);
    server.JudgeLogin({Dropped()});
  }
}
void StatusWithTransit(Attack& attack) {
  // A refusal whose T bit and stages look like success.
  Last(attack, [](Pdu& pdu) { pdu.U16(36, 0x0201); }, {Dropped()});
}
void TsihZero(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U16(14, 0); }, {Dropped()});
}
void TagOther(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.U32(16, pdu.itt() ^ 0x5555); }, {Dropped()});
}
void VersionUnknown(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.U8(2, 9).U8(3, 9); }, {Dropped()});
}
void VersionChanges(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U8(3, 1); }, {Dropped()});
}
void StatSnJumps(Attack& attack) {
  Last(attack, [](Pdu& pdu) { pdu.U32(24, pdu.u32(24) + 1000); },
       {Dropped(), TaskFails(), {"no answer counts on this connection", [](const Reaction& r) {
                                   return !r.alive && r.reconnected;
                                 }}});
}
template <uint32_t kOpcode>
void OtherPdu(Attack& attack) {
  Server server(attack, Work::kRead);
  const Pdu request = server.TakeLogin();
  Pdu pdu(kOpcode, 0x80);
  pdu.U32(16, kOpcode == 0x32 || kOpcode == 0x3f ? kReserved : request.itt()).U32(20, kReserved);
  if (kOpcode == 0x3f) pdu.U8(2, 0x04).Data(request.header);
  server.Send(server.stub.Number(pdu));
  server.JudgeLogin({Dropped()});
}
void HugePromise(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.Data("").U24(5, 0xffffff); }, {Dropped()});
}
void TooLong(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.Data("X-a=" + std::string(8188, 'a') + '\0'); }, {Dropped()});
}
void WithAhs(Attack& attack) {
  First(attack, [](Pdu& pdu) { pdu.Ahs(std::string("\x00\x05\x02\x00\0\0\0\0", 8)); }, {Dropped()});
}
void EndInResponse(Attack& attack) {
  for (size_t keep : {1, 47, 50}) {
    Server server(attack, Work::kRead);
    const std::string bytes = server.AnswerTo(server.TakeLogin()).Encode({});
    server.wire.SendRaw(bytes.substr(0, keep));
    server.wire.Flush();
    attack.BeginJudgement();
    server.wire.EndStream();
    server.JudgeLogin({Dropped()});
  }
}
void Silence(Attack& attack) {
  if (attack.options.login_deadline_ms == 0) throw NotApplicable{"needs --login_deadline_s"};
  Server server(attack, Work::kRead);
  (void)server.TakeLogin();
  attack.BeginJudgement();
  const Wire::Seen seen = server.wire.Next(attack.options.login_deadline_ms * 2);
  if (seen.got != Link::Got::kClosed)
    throw Failed{"required: the login has a deadline; seen: none"};
}
void NoProgress(Attack& attack) {
  Server server(attack, Work::kRead);
  attack.BeginJudgement();
  for (int round = 0; round < 500; ++round) {
    const Wire::Seen seen = server.wire.Next();
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kSilence) throw Failed{"silence in the middle of a login"};
    Pdu response(0x23, seen.pdu.u8(1) & 0x0c);
    response.Bytes(8, seen.pdu.header.substr(8, 6)).U32(16, seen.pdu.itt());
    server.stub.Receive(seen.pdu);
    server.Send(server.stub.Number(response));
  }
  throw Failed{"required: it gives up; seen: 500 Login Requests without progress"};
}
void EndlessContinue(Attack& attack) {
  Server server(attack, Work::kRead);
  attack.BeginJudgement();
  for (int round = 0; round < 500; ++round) {
    const Wire::Seen seen = server.wire.Next();
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kSilence) throw Failed{"silence in the middle of a login"};
    Pdu response(0x23, 0x40 | (seen.pdu.u8(1) & 0x0c));
    response.Bytes(8, seen.pdu.header.substr(8, 6)).U32(16, seen.pdu.itt());
    server.stub.Receive(seen.pdu);
    server.Send(server.stub.Number(response.Data("X-a=" + std::string(4000, 'a'))));
  }
  throw Failed{"required: it gives up; seen: 2 MiB of text under the C bit were taken"};
}
void ReservedBits(Attack& attack) {
  Server server(attack, Work::kRead);
  server.stub.keys = {"HeaderDigest=None", "DataDigest=None"};
  const Pdu last = server.LoginUpToLast();
  Pdu response = server.AnswerTo(last);
  response.U8(1, response.u8(1) | 0x30).U8(0, 0xe3).U32(20, kReserved).U16(38, 0xffff);
  server.Send(response.U32(40, kReserved).U32(44, kReserved));
  const Pdu read = server.AwaitRead();
  server.Serve(read);
  server.Judge({TaskSucceeds()});
}

// ---- Keys.
void DigestNotOffered(Attack& attack) { Keys(attack, {"HeaderDigest=CRC64"}, {Dropped()}); }
void DigestList(Attack& attack) { Keys(attack, {"HeaderDigest=CRC32C,None"}, {Dropped()}); }
void DigestNotUnderstood(Attack& attack) {
  Keys(attack, {"HeaderDigest=NotUnderstood"}, {Dropped()});
}
void BurstTooLarge(Attack& attack) { Keys(attack, {"MaxBurstLength=16777215"}, {Dropped()}); }
void BurstTooSmall(Attack& attack) { Keys(attack, {"MaxBurstLength=1"}, {Dropped()}); }
void BurstNoNumber(Attack& attack) { Keys(attack, {"MaxBurstLength=many"}, {Dropped()}); }
void BurstNotUnderstood(Attack& attack) {
  Keys(attack, {"MaxBurstLength=NotUnderstood"}, {Dropped()});
}
void BurstHuge(Attack& attack) {
  Keys(attack, {"MaxBurstLength=18446744073709551617"}, {Dropped()});
}
void BooleanNoBoolean(Attack& attack) { Keys(attack, {"ImmediateData=Perhaps"}, {Dropped()}); }
void RecoveryLevelHigher(Attack& attack) { Keys(attack, {"ErrorRecoveryLevel=2"}, {Dropped()}); }
void R2tHigher(Attack& attack) { Keys(attack, {"MaxOutstandingR2T=65535"}, {Dropped()}); }
void AnswerTwice(Attack& attack) { Keys(attack, {"+MaxBurstLength=512"}, {Dropped()}); }
void AnswerUnasked(Attack& attack) {
  Keys(attack, {"+OFMarkInt=2048~4096"}, {Dropped(), TaskSucceeds()});
}
void MrdslTooSmall(Attack& attack) {
  Last(attack,
       [](Pdu& pdu) {
         std::string text = pdu.data;
         const size_t at = text.find("MaxRecvDataSegmentLength=65536");
         pdu.Data(text.replace(at, 30, "MaxRecvDataSegmentLength=511"));
       },
       {Dropped()});
}
void TextOf(Attack& attack, const std::string& text, std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kRead);
  server.stub.keys = {"HeaderDigest=None", "DataDigest=None"};
  Pdu response = server.AnswerTo(server.LoginUpToLast());
  response.Data(response.data + text);
  server.Send(response);
  server.JudgeLogin(outcomes);
}
void NoEquals(Attack& attack) { TextOf(attack, Text({"TargetAlias"}), {Dropped()}); }
void EmptyKey(Attack& attack) { TextOf(attack, Text({"=x"}), {Dropped()}); }
void KeyOf64(Attack& attack) {
  TextOf(attack, Text({"X-" + std::string(62, 'k') + "=1"}), {Dropped()});
}
void AliasOfGarbage(Attack& attack) {
  // Whatever the alias holds, it is text to be shown escaped, or the login ends.
  TextOf(attack, Text({"TargetAlias=\x1b[2J\x07%n%s\xff\xfe"}),
         {Dropped(), TaskSucceeds(), Stays()});
}
void KeyOfInitiator(Attack& attack) {
  TextOf(attack, Text({"InitiatorName=iqn.2026-11.example:me"}), {Dropped()});
}

// ---- CHAP with a target that must prove itself.
struct ChapTarget {
  std::string challenge = "0x00112233445566778899aabbccddeeff";
  std::string identifier = "7", algorithm = "5";
  uint32_t flags_of_proof = 0x81;
};
Pdu SecurityResponse(Server& server, const Pdu& request, uint32_t flags,
                     const std::vector<std::string>& pairs) {
  Pdu pdu(0x23, flags);
  pdu.Bytes(8, request.header.substr(8, 6)).U32(16, request.itt());
  server.stub.Receive(request);
  server.stub.declared = true;
  return server.stub.Number(pdu.Data(Text(pairs)));
}
// Up to the initiator's CHAP_R and challenge, which are returned.
Pdu Challenge(Server& server, const ChapTarget& how) {
  const Pdu first = server.TakeLogin();
  if (first.data.find("CHAP") == std::string::npos) {
    throw NotApplicable{"the initiator offers no CHAP"};
  }
  server.Send(SecurityResponse(server, first, 0x00, {"AuthMethod=CHAP", "TargetPortalGroupTag=1"}));
  const Pdu second = server.TakeLogin();
  if (second.data.find("CHAP_A=") == std::string::npos) throw NotApplicable{"no CHAP_A came"};
  server.Send(SecurityResponse(
      server, second, 0x00,
      {"CHAP_A=" + how.algorithm, "CHAP_I=" + how.identifier, "CHAP_C=" + how.challenge}));
  return second;
}
void BadChallenge(Attack& attack, const ChapTarget& how) {
  Server server(attack, Work::kChapRead);
  (void)Challenge(server, how);
  server.JudgeLogin({Dropped()});
}
void ChapAlgorithm(Attack& attack) { BadChallenge(attack, {.algorithm = "99"}); }
void ChapIdentifier(Attack& attack) {
  for (const char* identifier : {"256", "-1", "", "4294967303"}) {
    BadChallenge(attack, {.identifier = identifier});
  }
}
void ChapChallengeEmpty(Attack& attack) {
  for (const char* challenge : {"", "0x", "0b"}) BadChallenge(attack, {.challenge = challenge});
}
void ChapChallengeTooLong(Attack& attack) {
  BadChallenge(attack, {.challenge = "0x" + std::string(2050, '3')});
}
void ChapChallengeIllegal(Attack& attack) {
  for (const char* challenge : {"0xzz", "0b!!!!", "12x", "0b==="}) {
    BadChallenge(attack, {.challenge = challenge});
  }
}
void ChapSkipped(Attack& attack) {
  Server server(attack, Work::kChapRead);
  const Pdu first = server.TakeLogin();
  if (first.data.find("CHAP") == std::string::npos) {
    throw NotApplicable{"the initiator offers no CHAP"};
  }
  server.Send(SecurityResponse(server, first, 0x81, {"AuthMethod=None", "TargetPortalGroupTag=1"}));
  server.JudgeLogin({Dropped()});
}
void ChapMethodNotOffered(Attack& attack) {
  Server server(attack, Work::kChapRead);
  const Pdu first = server.TakeLogin();
  server.Send(SecurityResponse(server, first, 0x00, {"AuthMethod=KRB5", "TargetPortalGroupTag=1"}));
  server.JudgeLogin({Dropped()});
}
// What the target says to prove itself.
void Proof(Attack& attack, const std::function<std::vector<std::string>(const Pdu&)>& pairs) {
  Server server(attack, Work::kChapRead);
  (void)Challenge(server, {});
  const Pdu third = server.TakeLogin();
  const auto said = Pairs(third.data);
  if (said.count("CHAP_C") == 0) throw NotApplicable{"the initiator does not challenge the target"};
  server.Send(SecurityResponse(server, third, third.u8(1) & 0x8f, pairs(third)));
  server.JudgeLogin({Dropped()});
}
std::string Right(Attack& attack, const Pdu& request, const std::string& secret) {
  (void)attack;
  const auto said = Pairs(request.data);
  return Client::ChapResponse({5, said.find("CHAP_I")->second, said.find("CHAP_C")->second},
                              secret);
}
void ProofMissing(Attack& attack) {
  Proof(attack, [](const Pdu&) { return std::vector<std::string>{}; });
}
void ProofWrong(Attack& attack) {
  Proof(attack, [](const Pdu&) {
    return std::vector<std::string>{"CHAP_N=bob", "CHAP_R=0x00112233445566778899aabbccddeeff"};
  });
}
void ProofWithoutName(Attack& attack) {
  Proof(attack, [&](const Pdu& request) {
    return std::vector<std::string>{"CHAP_R=" +
                                    Right(attack, request, attack.options.account.mutual_secret)};
  });
}
void ProofOfOther(Attack& attack) {
  Proof(attack, [&](const Pdu& request) {
    return std::vector<std::string>{
        "CHAP_N=" + attack.options.account.mutual_user + "x",
        "CHAP_R=" + Right(attack, request, attack.options.account.mutual_secret)};
  });
}
void ProofByOwnSecret(Attack& attack) {
  // The initiator's own secret for its own challenge: equal responses must fail.
  Proof(attack, [&](const Pdu& request) {
    return std::vector<std::string>{
        "CHAP_N=" + attack.options.account.mutual_user,
        "CHAP_R=" + Right(attack, request, attack.options.account.secret)};
  });
}
void ProofReflected(Attack& attack) {
  // The initiator's own response comes back.
  Proof(attack, [&](const Pdu& request) {
    return std::vector<std::string>{"CHAP_N=" + attack.options.account.mutual_user,
                                    "CHAP_R=" + Pairs(request.data).find("CHAP_R")->second};
  });
}
void ProofTooLong(Attack& attack) {
  Proof(attack, [&](const Pdu& request) {
    return std::vector<std::string>{
        "CHAP_N=" + attack.options.account.mutual_user,
        "CHAP_R=" + Right(attack, request, attack.options.account.mutual_secret) + "00"};
  });
}
void ProofRight(Attack& attack) {
  // The right proof is accepted: the tests beside this one are not refused for another reason.
  Server server(attack, Work::kChapRead);
  (void)Challenge(server, {});
  const Pdu third = server.TakeLogin();
  if (Pairs(third.data).count("CHAP_C") == 0) {
    throw NotApplicable{"the initiator does not challenge the target"};
  }
  server.Send(
      SecurityResponse(server, third, third.u8(1) & 0x8f,
                       {"CHAP_N=" + attack.options.account.mutual_user,
                        "CHAP_R=" + Right(attack, third, attack.options.account.mutual_secret)}));
  server.stub.keys = {"HeaderDigest=None", "DataDigest=None"};
  server.Send(server.AnswerTo(server.LoginUpToLast()));
  const Pdu read = server.AwaitRead();
  server.Serve(read);
  server.Judge({TaskSucceeds()});
}

// ---- Discovery.
Pdu TextResponse(Server& server, const Pdu& request, uint32_t flags, uint32_t ttt,
                 std::string text) {
  Pdu pdu(0x24, flags);
  pdu.U32(16, request.itt()).U32(20, ttt);
  return server.stub.Number(pdu.Data(std::move(text)));
}
void Catalogue(Attack& attack, const std::string& text, std::initializer_list<Outcome> outcomes) {
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(TextResponse(server, request, 0x80, kReserved, text));
  server.Judge(outcomes);
}
void CatalogueAddressFirst(Attack& attack) {
  Catalogue(attack, Text({"TargetAddress=127.0.0.1:1,1", "TargetName=iqn.2026-11.example:a"}),
            {TaskFails(), Dropped(), Stays()});
}
void CatalogueUnterminated(Attack& attack) {
  Catalogue(attack, "TargetName=iqn.2026-11.example:a", {TaskFails(), Dropped(), Stays()});
}
void CatalogueOfGarbage(Attack& attack) {
  std::string noise(3000, '\0');
  uint32_t random = 77;
  for (char& c : noise) {
    random = random * 1664525U + 1013904223U;
    c = static_cast<char>(random >> 24);
  }
  Catalogue(attack, noise, {TaskFails(), Dropped(), Stays()});
}
void CatalogueNamesIllFormed(Attack& attack) {
  Catalogue(attack, Text({"TargetName=\x1b[31m%n%n", "TargetAddress=;rm -rf /,1"}),
            {TaskFails(), Dropped(), Stays()});
}
void CatalogueEndless(Attack& attack) {
  // 64 MiB: a limit may be generous.
  constexpr size_t kMost = size_t{64} << 20;
  Server server(attack, Work::kDiscover);
  server.Login();
  Pdu request = server.Await(0x04, "Text Request");
  attack.BeginJudgement();
  const size_t room = std::min<size_t>(server.stub.AgreedNumber("MaxRecvDataSegmentLength"), 65536);
  std::string names;
  for (int i = 0; names.size() + 64 < room; ++i) {
    names += Text({"TargetName=iqn.2026-11.example:" + std::to_string(i)});
  }
  for (size_t said = 0; said < kMost; said += names.size()) {
    server.Send(TextResponse(server, request, 0x00, 0x1000, names));
    const Wire::Seen seen = server.wire.Next();
    if (seen.got != Link::Got::kBytes) return;
    if (seen.pdu.opcode() == 0x06) return;
    if (seen.pdu.opcode() != 0x04) throw Failed{seen.pdu.Describe() + " asks for the next page"};
    server.stub.Receive(seen.pdu);
    request = seen.pdu;
  }
  throw Failed{"required: a limit; seen: 64 MiB of targets were taken"};
}
void CatalogueNoTag(Attack& attack) {
  // F=0 needs a Target Transfer Tag (section 11.11.1).
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(
      TextResponse(server, request, 0x00, kReserved, Text({"TargetName=iqn.2026-11.example:a"})));
  server.Judge({TaskFails(), Dropped()});
}
void CatalogueContinueFinal(Attack& attack) {
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(
      TextResponse(server, request, 0xc0, 0x1000, Text({"TargetName=iqn.2026-11.example:a"})));
  server.Judge({TaskFails(), Dropped()});
}
void CatalogueOtherTag(Attack& attack) {
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(
      TextResponse(server, request, 0x80, kReserved, Text({"TargetName=iqn.2026-11.example:a"}))
          .U32(16, request.itt() ^ 0x1234));
  server.Judge({TaskFails(), Dropped()});
}
void CatalogueRejected(Attack& attack) {
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(server.Reject(0x04, request));
  server.Judge({TaskFails(), Dropped()});
}
void CatalogueFinalWithTag(Attack& attack) {
  // The tag of a final response is not valid; it is ignored.
  Server server(attack, Work::kDiscover);
  server.Login();
  const Pdu request = server.Await(0x04, "Text Request");
  server.Send(
      TextResponse(server, request, 0x80, 0x1000,
                   Text({"TargetName=iqn.2026-11.example:a", "TargetAddress=127.0.0.1:3260,1"})));
  server.Judge({TaskSucceeds(), TaskFails(), Dropped()});
}

constexpr Side kI = Side::kInitiator;
constexpr char kGivesUp[] = "the connection is closed, the work fails";
constexpr char kListFails[] = "the discovery fails, or the connection is closed";

constexpr Case kCases[] = {
    {"initiator.login.next_stage_too_high", kI, "6.3", "a transition further than was asked for",
     kGivesUp, NextStageTooHigh},
    {"initiator.login.stage_reserved", kI, "11.13", "NSG=2 in the final response", kGivesUp,
     StageReserved},
    {"initiator.login.stage_other", kI, "6.3", "another CSG than the request's", kGivesUp,
     StageOther},
    {"initiator.login.continue_with_transit", kI, "11.13.7", "C and T together", kGivesUp,
     ContinueWithTransit},
    {"initiator.login.status_class_4", kI, "11.13.5", "an unassigned Status-Class", kGivesUp,
     StatusOf<0x0400>},
    {"initiator.login.status_class_255", kI, "11.13.5", "Status-Class 255", kGivesUp,
     StatusOf<0xff00>},
    {"initiator.login.statuses_of_class_2", kI, "11.13.5", "each status of class 2", kGivesUp,
     StatusesOfClass2},
    {"initiator.login.status_class_3", kI, "11.13.5", "status 0x0301", kGivesUp, StatusOf<0x0301>},
    {"initiator.login.status_with_transit", kI, "11.13.5", "status 0x0201 with T=1 and NSG=3",
     kGivesUp, StatusWithTransit},
    {"initiator.login.redirect_without_address", kI, "11.13.5", "redirection without TargetAddress",
     kGivesUp, StatusOf<0x0101>},
    {"initiator.login.redirect_ill_formed", kI, "13.8", "redirection to what is no address",
     kGivesUp, RedirectIllFormed},
    {"initiator.login.tsih_zero", kI, "11.13.3", "a final response with TSIH 0", kGivesUp,
     TsihZero},
    {"initiator.login.tag_other", kI, "11.13", "another Initiator Task Tag", kGivesUp, TagOther},
    {"initiator.login.version_unknown", kI, "11.13.2", "Version-active 9", kGivesUp,
     VersionUnknown},
    {"initiator.login.version_changes", kI, "11.13.2", "another Version-active at the end",
     kGivesUp, VersionChanges},
    {"initiator.login.stat_sn_jumps", kI, "11.13.4", "a StatSN 1,000 ahead at the end", kGivesUp,
     StatSnJumps},
    {"initiator.login.nop_in", kI, "4.2.4", "a NOP-In in place of the response", kGivesUp,
     OtherPdu<0x20>},
    {"initiator.login.scsi_response", kI, "4.2.4", "a SCSI Response in place of it", kGivesUp,
     OtherPdu<0x21>},
    {"initiator.login.text_response", kI, "4.2.4", "a Text Response in place of it", kGivesUp,
     OtherPdu<0x24>},
    {"initiator.login.async", kI, "4.2.4", "an Asynchronous Message in place of it", kGivesUp,
     OtherPdu<0x32>},
    {"initiator.login.reject", kI, "4.2.4, 7.12", "a Reject in place of it", kGivesUp,
     OtherPdu<0x3f>},
    {"initiator.login.unassigned_opcode", kI, "11.2.1.2", "an unassigned opcode", kGivesUp,
     OtherPdu<0x2a>},
    {"initiator.login.huge_promise", kI, "6.3, 13.12", "a header that promises 2^24 - 1 bytes",
     kGivesUp, HugePromise},
    {"initiator.login.too_long", kI, "6.3, 13.12", "8,193 bytes of text in one PDU", kGivesUp,
     TooLong},
    {"initiator.login.ahs", kI, "11.1", "an AHS on a Login Response", kGivesUp, WithAhs},
    {"initiator.login.end_in_response", kI, "7.14",
     "the stream ends 1, 47, 50 bytes into the response", kGivesUp, EndInResponse},
    {"initiator.login.silence", kI, "6.2", "no response at all",
     "the connection is closed at a deadline", Silence},
    {"initiator.login.no_progress", kI, "6.2", "500 responses that never transit", "it gives up",
     NoProgress},
    {"initiator.login.endless_continue", kI, "6.2", "2 MiB of text under the C bit", "it gives up",
     EndlessContinue},
    {"initiator.login.reserved_bits", kI, "11", "reserved bits of the response set",
     "the work ends well", ReservedBits},
    {"initiator.keys.digest_not_offered", kI, "6.2.1", "HeaderDigest=CRC64", kGivesUp,
     DigestNotOffered},
    {"initiator.keys.digest_list", kI, "6.2.1", "HeaderDigest=CRC32C,None as an answer", kGivesUp,
     DigestList},
    {"initiator.keys.digest_not_understood", kI, "6.2", "HeaderDigest=NotUnderstood", kGivesUp,
     DigestNotUnderstood},
    {"initiator.keys.burst_too_large", kI, "6.2.2", "MaxBurstLength above the offer", kGivesUp,
     BurstTooLarge},
    {"initiator.keys.burst_too_small", kI, "13.13", "MaxBurstLength=1", kGivesUp, BurstTooSmall},
    {"initiator.keys.burst_no_number", kI, "6.1", "MaxBurstLength=many", kGivesUp, BurstNoNumber},
    {"initiator.keys.burst_not_understood", kI, "6.2", "MaxBurstLength=NotUnderstood", kGivesUp,
     BurstNotUnderstood},
    {"initiator.keys.burst_2_64", kI, "6.1", "MaxBurstLength=2^64+1", kGivesUp, BurstHuge},
    {"initiator.keys.boolean_no_boolean", kI, "6.1", "ImmediateData=Perhaps", kGivesUp,
     BooleanNoBoolean},
    {"initiator.keys.recovery_level_higher", kI, "13.20", "ErrorRecoveryLevel=2 to an offer of 0",
     kGivesUp, RecoveryLevelHigher},
    {"initiator.keys.r2t_higher", kI, "13.17", "MaxOutstandingR2T above the offer", kGivesUp,
     R2tHigher},
    {"initiator.keys.answer_twice", kI, "6.3", "MaxBurstLength answered twice", kGivesUp,
     AnswerTwice},
    {"initiator.keys.answer_unasked", kI, "6.2", "a key that nobody offered",
     "the connection is closed, or the key is answered", AnswerUnasked},
    {"initiator.keys.data_segment_length_511", kI, "13.12", "MaxRecvDataSegmentLength=511",
     kGivesUp, MrdslTooSmall},
    {"initiator.keys.no_equals", kI, "6.1", "a key without =", kGivesUp, NoEquals},
    {"initiator.keys.empty_key", kI, "6.1", "a pair that begins with =", kGivesUp, EmptyKey},
    {"initiator.keys.key_of_64", kI, "6.1", "a key of 64 characters", kGivesUp, KeyOf64},
    {"initiator.keys.alias_of_garbage", kI, "13.7", "an alias of escape codes and no UTF-8",
     "the connection is closed, or it is shown escaped", AliasOfGarbage},
    {"initiator.keys.key_of_initiator", kI, "13.5", "InitiatorName from the target", kGivesUp,
     KeyOfInitiator},
    {"initiator.chap.proof_right", kI, "12.1.3", "mutual CHAP in order", "the work ends well",
     ProofRight},
    {"initiator.chap.skipped", kI, "12.1", "AuthMethod=None to an initiator that wants CHAP",
     kGivesUp, ChapSkipped},
    {"initiator.chap.method_not_offered", kI, "6.2.1", "AuthMethod=KRB5", kGivesUp,
     ChapMethodNotOffered},
    {"initiator.chap.algorithm_not_offered", kI, "12.1.3", "CHAP_A=99", kGivesUp, ChapAlgorithm},
    {"initiator.chap.identifier", kI, "12.1.3", "CHAP_I of 256, -1, nothing, 2^32+7", kGivesUp,
     ChapIdentifier},
    {"initiator.chap.challenge_empty", kI, "12.1.3", "an empty CHAP_C", kGivesUp,
     ChapChallengeEmpty},
    {"initiator.chap.challenge_too_long", kI, "12.1.3", "CHAP_C of 1,025 bytes", kGivesUp,
     ChapChallengeTooLong},
    {"initiator.chap.challenge_illegal", kI, "6.1", "CHAP_C that is no binary value", kGivesUp,
     ChapChallengeIllegal},
    {"initiator.chap.proof_missing", kI, "12.1.3",
     "no CHAP_R in answer to the initiator's challenge", kGivesUp, ProofMissing},
    {"initiator.chap.proof_wrong", kI, "12.1.3", "a wrong CHAP_R", kGivesUp, ProofWrong},
    {"initiator.chap.proof_without_name", kI, "12.1.3", "the right CHAP_R without CHAP_N", kGivesUp,
     ProofWithoutName},
    {"initiator.chap.proof_of_other", kI, "12.1.3", "the right CHAP_R under another CHAP_N",
     kGivesUp, ProofOfOther},
    {"initiator.chap.proof_by_own_secret", kI, "9.2.1", "a CHAP_R made with the initiator's secret",
     kGivesUp, ProofByOwnSecret},
    {"initiator.chap.proof_reflected", kI, "9.2.1", "the initiator's own CHAP_R", kGivesUp,
     ProofReflected},
    {"initiator.chap.proof_too_long", kI, "12.1.3", "the right CHAP_R and one byte more", kGivesUp,
     ProofTooLong},
    {"initiator.discovery.address_first", kI, "C", "TargetAddress before any TargetName",
     "the discovery fails, or the address is left out", CatalogueAddressFirst},
    {"initiator.discovery.unterminated", kI, "6.1", "a last pair without its NUL",
     "the discovery fails, or the pair is taken", CatalogueUnterminated},
    {"initiator.discovery.garbage", kI, "C", "3,000 bytes of noise",
     "the discovery fails, or nothing of it counts", CatalogueOfGarbage},
    {"initiator.discovery.names_ill_formed", kI, "4.2.7", "names of escape codes and directives",
     "the discovery fails, or they are shown escaped", CatalogueNamesIllFormed},
    {"initiator.discovery.endless", kI, "11.11.1", "3,000 pages of 100 targets", "a limit",
     CatalogueEndless},
    {"initiator.discovery.no_transfer_tag", kI, "11.11.1", "F=0 without a Target Transfer Tag",
     kListFails, CatalogueNoTag},
    {"initiator.discovery.continue_and_final", kI, "11.11.2", "C and F together", kListFails,
     CatalogueContinueFinal},
    {"initiator.discovery.tag_other", kI, "11.11.3", "another Initiator Task Tag", kListFails,
     CatalogueOtherTag},
    {"initiator.discovery.rejected", kI, "7.12", "a Reject of the Text Request", kListFails,
     CatalogueRejected},
    {"initiator.discovery.final_with_transfer_tag", kI, "11.11.4",
     "a final response with a Target Transfer Tag", "the list, or a failure",
     CatalogueFinalWithTag},
};

}  // namespace

std::span<const Case> InitiatorLoginCases() { return kCases; }

}  // namespace isthmus::hostile
