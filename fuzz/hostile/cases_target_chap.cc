// CHAP. RFC 7143 sections 6.1 (binary values), 9.2.1, 12.1.3; RFC 1994.
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// Answers the target's challenge with these pairs; R stands for the right CHAP_R.
void Answer(Attack& attack, const std::vector<std::string>& pairs,
            std::initializer_list<Outcome> outcomes, uint32_t flags = 0x83) {
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge();
  std::vector<std::string> text;
  for (std::string pair : pairs) {
    const size_t right = pair.find("{R}");
    if (right != std::string::npos) {
      pair.replace(right, 3, Client::ChapResponse(challenge, attack.options.account.secret));
    }
    const size_t user = pair.find("{N}");
    if (user != std::string::npos) pair.replace(user, 3, attack.options.account.user);
    const size_t theirs = pair.find("{C}");
    if (theirs != std::string::npos) pair.replace(theirs, 3, challenge.challenge);
    text.push_back(pair);
  }
  client.Send(client.LoginRequest(flags, text));
  client.JudgeLogin(outcomes);
}

void WrongResponse(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R=0x00112233445566778899aabbccddeeff"},
         {Refused({0x0201}), HungUp()});
}
template <size_t kDigits>
void ResponseDigits(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R=0x" + std::string(kDigits, 'a')},
         {Refused({0x0201, 0x0200}), HungUp()});
}
void ResponseRightAndMore(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R={R}00"}, {Refused({0x0201, 0x0200}), HungUp()});
}
void ResponseRightCut(Attack& attack) {
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge();
  std::string right = Client::ChapResponse(challenge, attack.options.account.secret);
  right.resize(right.size() - 2);
  client.Send(
      client.LoginRequest(0x83, {"CHAP_N=" + attack.options.account.user, "CHAP_R=" + right}));
  client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp()});
}
void ResponseBase64(Attack& attack) {
  for (size_t size : {1, 21, 23, 24, 1024, 7000}) {
    Answer(attack, {"CHAP_N={N}", "CHAP_R=0b" + std::string(size, 'A')},
           {Refused({0x0201, 0x0200}), HungUp()});
  }
}
void ResponseBase64Padding(Attack& attack) {
  for (const char* value : {"0b====", "0b=AAA", "0bA===", "0bAAAAAAAAAAAAAAAAAAAAAA=A", "0bA!AA"}) {
    Answer(attack, {"CHAP_N={N}", std::string("CHAP_R=") + value},
           {Refused({0x0201, 0x0200}), HungUp()});
  }
}
void ResponseEmpty(Attack& attack) {
  for (const char* value : {"", "0x", "0b", "0", "x", "0y00"}) {
    Answer(attack, {"CHAP_N={N}", std::string("CHAP_R=") + value},
           {Refused({0x0201, 0x0200}), HungUp()});
  }
}
void ResponseDigitIllegal(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R=0x00112233445566778899aabbccddeefg"},
         {Refused({0x0201, 0x0200}), HungUp()});
}
void ResponseUpperCase(Attack& attack) {
  // Hexadecimal digits of either case, and 0X, are the same (section 6.1).
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge();
  std::string right = Client::ChapResponse(challenge, attack.options.account.secret);
  for (char& c : right) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  client.Send(
      client.LoginRequest(0x83, {"CHAP_N=" + attack.options.account.user, "CHAP_R=" + right}));
  client.JudgeLogin({Proceeds()});
}
void ResponseBeforeChallenge(Attack& attack) {
  Client client(attack);
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  const Pdu first =
      client.LoginStep(0x00, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                              "TargetName=" + attack.options.chap_target, "AuthMethod=CHAP"});
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x83, {"CHAP_N=" + attack.options.account.user,
                                         "CHAP_R=0x00112233445566778899aabbccddeeff"}));
  client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp()});
}
void BothAtOnce(Attack& attack) {
  Client client(attack);
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  const Pdu first =
      client.LoginStep(0x00, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                              "TargetName=" + attack.options.chap_target, "AuthMethod=CHAP"});
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequest(0x83, {"CHAP_A=5", "CHAP_N=" + attack.options.account.user,
                                         "CHAP_R=0x00112233445566778899aabbccddeeff"}));
  client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp()});
}
void AlgorithmTwice(Attack& attack) {
  // After the challenge another CHAP_A is out of order.
  Answer(attack, {"CHAP_A=5"}, {Refused({0x0201, 0x0200}), HungUp()}, 0x00);
}
void NameMissing(Attack& attack) {
  Answer(attack, {"CHAP_R={R}"}, {Refused({0x0201, 0x0200}), HungUp()});
}
void ResponseMissing(Attack& attack) {
  Answer(attack, {"CHAP_N={N}"}, {Refused({0x0201, 0x0200}), HungUp()});
}
void NothingInAnswer(Attack& attack) { Answer(attack, {}, {Refused({0x0201, 0x0200}), HungUp()}); }
void NamePrefix(Attack& attack) {
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge();
  const std::string user = attack.options.account.user;
  client.Send(client.LoginRequest(
      0x83, {"CHAP_N=" + user.substr(0, user.size() - 1),
             "CHAP_R=" + Client::ChapResponse(challenge, attack.options.account.secret)}));
  client.JudgeLogin({Refused({0x0201}), HungUp()});
}
void NameExtended(Attack& attack) {
  Answer(attack, {"CHAP_N={N}x", "CHAP_R={R}"}, {Refused({0x0201}), HungUp()});
}
void NameCase(Attack& attack) {
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge();
  std::string user = attack.options.account.user;
  user[0] = static_cast<char>(user[0] ^ 0x20);
  client.Send(client.LoginRequest(
      0x83, {"CHAP_N=" + user,
             "CHAP_R=" + Client::ChapResponse(challenge, attack.options.account.secret)}));
  client.JudgeLogin({Refused({0x0201}), HungUp()});
}
void NameEmpty(Attack& attack) {
  Answer(attack, {"CHAP_N=", "CHAP_R={R}"}, {Refused({0x0201, 0x0200}), HungUp()});
}
void NameLooksLikeNumber(Attack& attack) {
  for (const char* name : {"0x616c696365", "0b616c69", "0x"}) {
    Answer(attack, {std::string("CHAP_N=") + name, "CHAP_R={R}"},
           {Refused({0x0201, 0x0200}), HungUp()});
  }
}
void NameHuge(Attack& attack) {
  Answer(attack, {"CHAP_N=" + std::string(4000, 'n'), "CHAP_R={R}"},
         {Refused({0x0201, 0x0200}), HungUp()});
}

void AlgorithmsUnknown(Attack& attack) {
  for (const char* algorithms : {"4", "99", "1,2,3,4", "4294967301"}) {
    Client client(attack);
    if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
    const Pdu first =
        client.LoginStep(0x00, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                "TargetName=" + attack.options.chap_target, "AuthMethod=CHAP"});
    if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
    client.Send(client.LoginRequest(0x00, {std::string("CHAP_A=") + algorithms}));
    client.JudgeLogin({Refused({0x0201}), HungUp()});
  }
}
void AlgorithmsIllFormed(Attack& attack) {
  for (const char* algorithms : {"", ",", "5x", "-5", "five"}) {
    Client client(attack);
    if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
    const Pdu first =
        client.LoginStep(0x00, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                "TargetName=" + attack.options.chap_target, "AuthMethod=CHAP"});
    if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
    client.Send(client.LoginRequest(0x00, {std::string("CHAP_A=") + algorithms}));
    client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp()});
  }
}
void AlgorithmsRepeated(Attack& attack) {
  // The first that it supports, whatever stands beside it (section 6.2.1).
  Client client(attack);
  const Client::Challenge challenge = client.ChapChallenge("99,5,5,5,98");
  attack.BeginJudgement();
  if (challenge.algorithm != 5) throw Failed{"an algorithm was chosen that was not offered"};
  client.Send(client.LoginRequest(
      0x83, {"CHAP_N=" + attack.options.account.user,
             "CHAP_R=" + Client::ChapResponse(challenge, attack.options.account.secret)}));
  client.JudgeLogin({Proceeds()});
}

template <int kWhich>
void Mutual(Attack& attack) {
  static constexpr const char* kIdentifiers[] = {"-1", "256", "4294967296", "", "one", "0x100"};
  Answer(attack,
         {"CHAP_N={N}", "CHAP_R={R}", std::string("CHAP_I=") + kIdentifiers[kWhich],
          "CHAP_C=0x00112233445566778899aabbccddeeff00"},
         {Refused({0x0201, 0x0200}), HungUp()});
}
void MutualChallengeEmpty(Attack& attack) {
  for (const char* challenge : {"", "0x", "0b"}) {
    Answer(attack, {"CHAP_N={N}", "CHAP_R={R}", "CHAP_I=9", std::string("CHAP_C=") + challenge},
           {Refused({0x0201, 0x0200}), HungUp()});
  }
}
void MutualChallengeTooLong(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R={R}", "CHAP_I=9", "CHAP_C=0x" + std::string(2 * 1025, '5')},
         {Refused({0x0201, 0x0200}), HungUp()});
}
void MutualChallengeLongest(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R={R}", "CHAP_I=9", "CHAP_C=0x" + std::string(2 * 1024, '5')},
         {Proceeds(), Refused({0x0201})});
}
void MutualIdentifierForms(Attack& attack) {
  // 9 and 0x09 are the same number: the same response comes back.
  std::string seen[2];
  const char* forms[] = {"9", "0x09"};
  for (int i = 0; i < 2; ++i) {
    Client client(attack);
    const Client::Challenge challenge = client.ChapChallenge();
    client.Send(client.LoginRequest(
        0x83, {"CHAP_N=" + attack.options.account.user,
               "CHAP_R=" + Client::ChapResponse(challenge, attack.options.account.secret),
               std::string("CHAP_I=") + forms[i], "CHAP_C=0x5566778899aabbccddeeff0011223344"}));
    const Reaction reaction = client.LoginReaction();
    Judge(reaction, {Proceeds(), Refused({0x0201})});
    if (!Proceeds().matches(reaction)) return;
    const auto pairs = Pairs(reaction.pdus[0].data);
    const auto response = pairs.find("CHAP_R");
    if (response == pairs.end()) throw Failed{"the target does not prove itself"};
    seen[i] = response->second;
    if (!attack.options.account.mutual_secret.empty()) {
      const std::string right = Client::ChapResponse({5, "9", "0x5566778899aabbccddeeff0011223344"},
                                                     attack.options.account.mutual_secret);
      if (right.size() != seen[i].size()) throw Failed{"CHAP_R is of another length"};
      for (size_t at = 0; at < right.size(); ++at) {
        if (std::tolower(static_cast<unsigned char>(seen[i][at])) != right[at]) {
          throw Failed{"the target's CHAP_R is wrong"};
        }
      }
    }
  }
  if (seen[0] != seen[1]) throw Failed{"CHAP_I=9 and CHAP_I=0x09 are answered differently"};
}
void ChallengeReflected(Attack& attack) {
  Answer(attack, {"CHAP_N={N}", "CHAP_R={R}", "CHAP_I=9", "CHAP_C={C}"},
         {Refused({0x0201}), HungUp()});
}
void ChallengeReflectedElsewhere(Attack& attack) {
  // The challenge of one connection comes back on another one.
  Client first(attack);
  const Client::Challenge theirs = first.ChapChallenge();
  Client second(attack);
  const Client::Challenge challenge = second.ChapChallenge();
  second.Send(second.LoginRequest(
      0x83, {"CHAP_N=" + attack.options.account.user,
             "CHAP_R=" + Client::ChapResponse(challenge, attack.options.account.secret),
             "CHAP_I=" + theirs.identifier, "CHAP_C=" + theirs.challenge}));
  const Reaction reaction = second.LoginReaction();
  // Without a memory across connections the target answers with its own secret, which differs from
  // the initiator's: what the second one learns is of no use on the first.
  Judge(reaction, {Refused({0x0201}), HungUp(), Proceeds()});
  if (!Proceeds().matches(reaction)) return;
  const auto pairs = Pairs(reaction.pdus[0].data);
  const auto learnt = pairs.find("CHAP_R");
  if (learnt == pairs.end()) return;
  first.Send(first.LoginRequest(
      0x83, {"CHAP_N=" + attack.options.account.user, "CHAP_R=" + learnt->second}));
  first.JudgeLogin({Refused({0x0201}), HungUp()});
}
void ChallengesDiffer(Attack& attack) {
  std::vector<std::string> seen;
  attack.BeginJudgement();
  for (int i = 0; i < 8; ++i) {
    Client client(attack);
    const Client::Challenge challenge = client.ChapChallenge();
    for (const std::string& other : seen) {
      if (other == challenge.challenge) throw Failed{"a challenge came twice"};
    }
    seen.push_back(challenge.challenge);
  }
}

void OperationalFirst(Attack& attack) {
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  Client client(attack);
  client.Send(
      client.LoginRequest(0x87, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                 "TargetName=" + attack.options.chap_target}));
  client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp()});
}
void MethodNone(Attack& attack) {
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  Client client(attack);
  client.Send(
      client.LoginRequest(0x81, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                 "TargetName=" + attack.options.chap_target, "AuthMethod=None"}));
  client.JudgeLogin({Refused({0x0201}), HungUp()});
}
// A target that wants CHAP answers a transition with T=0, or refuses.
void MethodNotNamed(Attack& attack) {
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  Client client(attack);
  client.Send(
      client.LoginRequest(0x83, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
                                 "TargetName=" + attack.options.chap_target}));
  client.JudgeLogin({Refused({0x0201, 0x0200}),
                     HungUp(),
                     {"an answer that does not transit", [](const Reaction& r) {
                        return Proceeds().matches(r) && (r.pdus[0].u8(1) & 0x80) == 0;
                      }}});
}
void LeaveBeforeResponse(Attack& attack) {
  // The transition is asked for in place of the response to the challenge.
  Answer(attack, {"X-org.example.never=mind"}, {Refused({0x0201, 0x0200}), HungUp()}, 0x83);
}
void MethodUnknown(Attack& attack) {
  if (attack.options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  Client client(attack);
  client.Send(client.LoginRequest(
      0x00, {"InitiatorName=" + client.InitiatorName(), "SessionType=Normal",
             "TargetName=" + attack.options.chap_target, "AuthMethod=KRB5,X-org.example.rot13"}));
  client.JudgeLogin({Refused({0x0201, 0x0200}), HungUp(), ProceedsWith("AuthMethod=Reject")});
}
void AgainAfterSuccess(Attack& attack) {
  Client client(attack);
  client.ChapChallenge();
  Client good(attack);
  const Client::Challenge challenge = good.ChapChallenge();
  const std::string right = Client::ChapResponse(challenge, attack.options.account.secret);
  const Pdu response =
      good.LoginStep(0x81, {"CHAP_N=" + attack.options.account.user, "CHAP_R=" + right});
  if (response.u16(36) != 0) throw NotApplicable{"login: " + response.Describe()};
  // Security keys have no place in the operational stage.
  good.Send(good.LoginRequest(0x87, {"CHAP_A=5"}));
  good.JudgeLogin({Refused({0x0200, 0x0201}), HungUp()});
}

constexpr Side kT = Side::kTarget;
constexpr char kNo[] = "login status 0x0201 (or 0x0200), or the connection is closed";

constexpr Case kCases[] = {
    {"target.chap.response_wrong", kT, "12.1.3", "a CHAP_R of 16 wrong bytes", kNo, WrongResponse},
    {"target.chap.response_2_digits", kT, "6.1", "CHAP_R of 2 digits", kNo, ResponseDigits<2>},
    {"target.chap.response_31_digits", kT, "6.1", "CHAP_R of 31 wrong digits: 16 bytes", kNo,
     ResponseDigits<31>},
    {"target.chap.response_33_digits", kT, "6.1", "CHAP_R of 33 digits: 17 bytes", kNo,
     ResponseDigits<33>},
    {"target.chap.response_2050_digits", kT, "12.1.3", "CHAP_R of 1,025 bytes", kNo,
     ResponseDigits<2050>},
    {"target.chap.response_8000_digits", kT, "12.1.3", "CHAP_R of 4,000 bytes", kNo,
     ResponseDigits<8000>},
    {"target.chap.response_and_more", kT, "12.1.3", "the right CHAP_R and one byte more", kNo,
     ResponseRightAndMore},
    {"target.chap.response_cut", kT, "12.1.3", "the right CHAP_R without its last byte", kNo,
     ResponseRightCut},
    {"target.chap.response_base64", kT, "6.1", "CHAP_R in Base64 of 1 to 7,000 characters", kNo,
     ResponseBase64},
    {"target.chap.response_base64_padding", kT, "6.1", "Base64 with padding where none belongs",
     kNo, ResponseBase64Padding},
    {"target.chap.response_empty", kT, "6.1", "CHAP_R empty, or nothing behind its prefix", kNo,
     ResponseEmpty},
    {"target.chap.response_illegal_digit", kT, "6.1", "a CHAP_R with a g in it", kNo,
     ResponseDigitIllegal},
    {"target.chap.response_upper_case", kT, "6.1", "the right CHAP_R in capitals, behind 0X",
     "it is accepted", ResponseUpperCase},
    {"target.chap.response_before_challenge", kT, "12.1.3", "CHAP_R before CHAP_A", kNo,
     ResponseBeforeChallenge},
    {"target.chap.both_at_once", kT, "12.1.3", "CHAP_A and CHAP_R in one request", kNo, BothAtOnce},
    {"target.chap.algorithm_again", kT, "12.1.3", "CHAP_A again behind the challenge", kNo,
     AlgorithmTwice},
    {"target.chap.name_missing", kT, "12.1.3", "the right CHAP_R without CHAP_N", kNo, NameMissing},
    {"target.chap.response_missing", kT, "12.1.3", "CHAP_N without CHAP_R", kNo, ResponseMissing},
    {"target.chap.answer_empty", kT, "12.1.3", "nothing in answer to the challenge", kNo,
     NothingInAnswer},
    {"target.chap.name_prefix", kT, "12.1.3", "CHAP_N cut by its last byte", kNo, NamePrefix},
    {"target.chap.name_extended", kT, "12.1.3", "CHAP_N with a byte more", kNo, NameExtended},
    {"target.chap.name_case", kT, "6.1", "CHAP_N in another case", kNo, NameCase},
    {"target.chap.name_empty", kT, "12.1.3", "an empty CHAP_N", kNo, NameEmpty},
    {"target.chap.name_like_number", kT, "12.1.3", "CHAP_N that begins with 0x or 0b", kNo,
     NameLooksLikeNumber},
    {"target.chap.name_huge", kT, "6.1", "CHAP_N of 4,000 bytes", kNo, NameHuge},
    {"target.chap.algorithms_unknown", kT, "12.1.3", "only algorithms that nobody has", kNo,
     AlgorithmsUnknown},
    {"target.chap.algorithms_ill_formed", kT, "12.1.3", "CHAP_A that is no list of numbers", kNo,
     AlgorithmsIllFormed},
    {"target.chap.algorithms_repeated", kT, "6.2.1", "CHAP_A=99,5,5,5,98", "5 is chosen, and works",
     AlgorithmsRepeated},
    {"target.chap.identifier_negative", kT, "12.1.3", "CHAP_I=-1", kNo, Mutual<0>},
    {"target.chap.identifier_256", kT, "12.1.3", "CHAP_I=256", kNo, Mutual<1>},
    {"target.chap.identifier_2_32", kT, "12.1.3", "CHAP_I=4294967296", kNo, Mutual<2>},
    {"target.chap.identifier_empty", kT, "12.1.3", "an empty CHAP_I", kNo, Mutual<3>},
    {"target.chap.identifier_word", kT, "12.1.3", "CHAP_I=one", kNo, Mutual<4>},
    {"target.chap.identifier_hex_256", kT, "12.1.3", "CHAP_I=0x100", kNo, Mutual<5>},
    {"target.chap.challenge_empty", kT, "12.1.3", "an empty CHAP_C", kNo, MutualChallengeEmpty},
    {"target.chap.challenge_too_long", kT, "12.1.3", "CHAP_C of 1,025 bytes", kNo,
     MutualChallengeTooLong},
    {"target.chap.challenge_longest", kT, "12.1.3", "CHAP_C of 1,024 bytes",
     "it is answered, or mutual CHAP is refused", MutualChallengeLongest},
    {"target.chap.identifier_forms", kT, "6.1", "CHAP_I=9 and CHAP_I=0x09", "the same right CHAP_R",
     MutualIdentifierForms},
    {"target.chap.challenge_reflected", kT, "9.2.1", "the target's own challenge as CHAP_C",
     "login status 0x0201, or the connection is closed", ChallengeReflected},
    {"target.chap.challenge_reflected_elsewhere", kT, "9.2.1",
     "the challenge of one connection as CHAP_C on another",
     "refused, or what is learnt opens nothing", ChallengeReflectedElsewhere},
    {"target.chap.challenges_differ", kT, "9.2.1", "eight logins", "eight different challenges",
     ChallengesDiffer},
    {"target.chap.operational_first", kT, "6.3.1", "a login that begins in the operational stage",
     kNo, OperationalFirst},
    {"target.chap.method_none", kT, "12.1", "AuthMethod=None", kNo, MethodNone},
    {"target.chap.method_not_named", kT, "6.3.1", "full feature asked for, no AuthMethod",
     "refused, or no transition", MethodNotNamed},
    {"target.chap.leave_before_response", kT, "12.1.3", "the transition in place of CHAP_R", kNo,
     LeaveBeforeResponse},
    {"target.chap.method_unknown", kT, "12.1", "methods that the target lacks",
     "login status 0x0201 or 0x0200, Reject, or the connection is closed", MethodUnknown},
    {"target.chap.keys_in_operational_stage", kT, "6.3", "CHAP_A in the operational stage", kNo,
     AgainAfterSuccess},
};

}  // namespace

std::span<const Case> TargetChapCases() { return kCases; }

}  // namespace isthmus::hostile
