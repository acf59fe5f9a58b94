// Text keys, in the login and after it. RFC 7143 sections 6.1, 6.2 (format and negotiation), 11.10,
// 13 (keys), Appendix C (SendTargets).
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/hostile/cases.h"
#include "fuzz/hostile/client.h"

namespace isthmus::hostile {
namespace {

// The operational stage of a login with this text.
void LoginText(Attack& attack, const std::string& text, std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  const Pdu first = client.LoginStep(0x81, client.FirstPairs());
  if (first.u16(36) != 0) throw NotApplicable{"login: " + first.Describe()};
  client.Send(client.LoginRequestBytes(0x87, text));
  client.JudgeLogin(outcomes);
}
void LoginPair(Attack& attack, const std::string& pair, std::initializer_list<Outcome> outcomes) {
  LoginText(attack, pair + '\0', outcomes);
}
// A proposal or declaration that cannot be agreed to: Reject as an answer, or the end of the login.
void BadPair(Attack& attack, const std::string& pair) {
  LoginPair(
      attack, pair,
      {Refused({0x0200}), HungUp(), ProceedsWith(pair.substr(0, pair.find('=')) + "=Reject")});
}

void KeyOf63(Attack& attack) {
  const std::string key = "X-" + std::string(61, 'k');
  LoginPair(attack, key + "=1", {ProceedsWith(key + "=NotUnderstood")});
}
template <size_t kSize>
void KeyOf(Attack& attack) {
  LoginPair(attack, "X-" + std::string(kSize - 2, 'k') + "=1", {Refused(), HungUp()});
}
void KeyUnknown(Attack& attack) {
  LoginPair(attack, "X-org.example.unknown=yes",
            {ProceedsWith("X-org.example.unknown=NotUnderstood")});
}
void ThousandsOfKeys(Attack& attack) {
  std::string text;
  for (int i = 0; text.size() + 16 < 8192; ++i) text += "X-" + std::to_string(i) + "=" + '\0';
  LoginText(attack, text, {Refused(), HungUp(), Proceeds()});
}
void ThousandsOfKeysInText(Attack& attack) {
  Client client(attack);
  client.Login();
  std::string text;
  for (int i = 0; text.size() + 16 < 8000; ++i) text += "X-" + std::to_string(i) + "=" + '\0';
  client.Send(client.TextRequest(0x80, kReserved, text));
  client.Judge({Rejected(), Closed(),
                TextAnswer("an answer of at most 128 KiB",
                           [](const Pdu& pdu) { return pdu.data.size() <= 131072; })});
}
void KeyTwice(Attack& attack) {
  LoginText(attack, Text({"MaxBurstLength=65536", "MaxBurstLength=131072"}),
            {Refused({0x0200}), HungUp()});
}
void KeyTwiceEqual(Attack& attack) {
  LoginText(attack, Text({"MaxBurstLength=65536", "MaxBurstLength=65536"}),
            {Refused({0x0200}), HungUp()});
}
void KeyInTwoRequests(Attack& attack) {
  Client client(attack);
  (void)client.LoginStep(0x81, client.FirstPairs());
  const Pdu second = client.LoginStep(0x04, {"MaxBurstLength=65536"});
  if (second.u16(36) != 0) throw NotApplicable{"login: " + second.Describe()};
  client.Send(client.LoginRequest(0x87, {"MaxBurstLength=131072"}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void KeyInTwoParts(Attack& attack) {
  Client client(attack);
  (void)client.LoginStep(0x81, client.FirstPairs());
  const Pdu second = client.LoginStep(0x44, {"MaxBurstLength=65536"});
  if (second.u16(36) != 0) throw NotApplicable{"login: " + second.Describe()};
  client.Send(client.LoginRequest(0x87, {"MaxBurstLength=65536"}));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void NoNulAtEnd(Attack& attack) {
  for (size_t pad = 0; pad < 4; ++pad) {
    LoginText(attack, "X-org.example." + std::string(8 + pad, 'n') + "=1",
              {Refused({0x0200}), HungUp(), Proceeds()});
  }
}
void NoEquals(Attack& attack) {
  LoginText(attack, Text({"MaxBurstLength"}), {Refused({0x0200}), HungUp()});
}
void EmptyKey(Attack& attack) { LoginPair(attack, "=65536", {Refused({0x0200}), HungUp()}); }
void EmptyValue(Attack& attack) { BadPair(attack, "MaxBurstLength="); }
void SeveralEquals(Attack& attack) {
  // A value is whatever follows the first one.
  LoginPair(attack, "X-org.example.a=b=c=d",
            {ProceedsWith("X-org.example.a=NotUnderstood"), Refused({0x0200}), HungUp()});
}
void NulRuns(Attack& attack) {
  LoginText(attack, Text({"MaxBurstLength=65536"}) + std::string(500, '\0'),
            {Proceeds(), Refused({0x0200}), HungUp()});
}
void OnlyNuls(Attack& attack) {
  LoginText(attack, std::string(64, '\0'), {Proceeds(), Refused({0x0200}), HungUp()});
}
void NotUtf8(Attack& attack) {
  LoginPair(attack, "InitiatorAlias=\xc3\x28\xa0\xa1\xf8\xff",
            {Proceeds(), Refused({0x0200}), HungUp()});
}
void KeyCharacters(Attack& attack) {
  for (const char* key :
       {"maxBurstLength", "Max BurstLength", "Max\nBurst", "\xff\xfe", "Max;Burst"}) {
    LoginPair(attack, std::string(key) + "=1",
              {Refused({0x0200}), HungUp(), ProceedsWith(std::string(key) + "=NotUnderstood")});
  }
}
void ValueTooLong(Attack& attack) {
  LoginPair(attack, "InitiatorAlias=" + std::string(4000, 'a'),
            {Refused({0x0200}), HungUp(), Proceeds()});
}

template <int kWhich>
void Number(Attack& attack) {
  static constexpr const char* kPairs[] = {
      "MaxBurstLength=4294967295",
      "MaxBurstLength=4294967296",
      "MaxBurstLength=18446744073709551616",
      "MaxBurstLength=-1",
      "MaxBurstLength=+65536",
      "MaxBurstLength=0x",
      "MaxBurstLength=0",
      "MaxBurstLength=511",
      "MaxBurstLength=16777216",
      "MaxBurstLength=65536~8192",
      "MaxBurstLength=65536 ",
      "MaxBurstLength=6e4",
      "MaxBurstLength=99999999999999999999999999999999999999999999999999999999"};
  BadPair(attack, kPairs[kWhich]);
}
void NumberHex(Attack& attack) {
  for (const char* value : {"0x10000", "0X10000", "0x00010000"}) {
    Client client(attack);
    (void)client.LoginStep(0x81, client.FirstPairs());
    client.Send(client.LoginRequest(0x87, {std::string("MaxBurstLength=") + value}));
    const Reaction reaction = client.LoginReaction();
    Judge(reaction,
          {{"a MaxBurstLength of at most 65536", [](const Reaction& r) {
              if (!Proceeds().matches(r)) return false;
              const auto pairs = Pairs(r.pdus[0].data);
              const auto found = pairs.find("MaxBurstLength");
              if (found == pairs.end()) return false;
              const unsigned long got = std::stoul("0" + found->second, nullptr, 0);
              return (found->second == "0x10000" || got == 65536 || found->second == "65536");
            }}});
  }
}
void NumberLeadingZero(Attack& attack) {
  LoginPair(attack, "MaxBurstLength=0065536",
            {Refused({0x0200}), HungUp(), ProceedsWith("MaxBurstLength=Reject"),
             ProceedsWith("MaxBurstLength=65536")});
}
void BooleanIllFormed(Attack& attack) {
  for (const char* value : {"yes", "YES", "1", "", "Yes,No", "Yess"}) {
    BadPair(attack, std::string("ImmediateData=") + value);
  }
}
void DigestUnknown(Attack& attack) { BadPair(attack, "HeaderDigest=CRC64,MD4"); }
void DigestListIllFormed(Attack& attack) {
  LoginPair(attack, "HeaderDigest=,,,None,,",
            {Refused({0x0200}), HungUp(), ProceedsWith("HeaderDigest=None"),
             ProceedsWith("HeaderDigest=Reject")});
}
void DigestUnknownFirst(Attack& attack) {
  LoginPair(attack, "HeaderDigest=CRC64,None", {ProceedsWith("HeaderDigest=None")});
}
template <int kWhich>
void ReservedWord(Attack& attack) {
  static constexpr const char* kWords[] = {"NotUnderstood", "Reject", "Irrelevant"};
  LoginPair(attack, std::string("MaxBurstLength=") + kWords[kWhich], {Refused({0x0200}), HungUp()});
}
void MrdslTooSmall(Attack& attack) {
  LoginPair(attack, "MaxRecvDataSegmentLength=511",
            {Refused({0x0200}), HungUp(), ProceedsWith("MaxRecvDataSegmentLength=Reject")});
}
void MrdslTooLarge(Attack& attack) {
  LoginPair(attack, "MaxRecvDataSegmentLength=16777216",
            {Refused({0x0200}), HungUp(), ProceedsWith("MaxRecvDataSegmentLength=Reject")});
}
void OutstandingR2tTooMany(Attack& attack) { BadPair(attack, "MaxOutstandingR2T=65536"); }
void OutstandingR2tZero(Attack& attack) { BadPair(attack, "MaxOutstandingR2T=0"); }
void ConnectionsZero(Attack& attack) { BadPair(attack, "MaxConnections=0"); }
void RecoveryLevel3(Attack& attack) { BadPair(attack, "ErrorRecoveryLevel=3"); }
void FirstBurstAboveMaxBurst(Attack& attack) {
  // Section 13.14: FirstBurstLength must not exceed MaxBurstLength.
  Client client(attack);
  (void)client.LoginStep(0x81, client.FirstPairs());
  client.Send(client.LoginRequest(0x87, {"MaxBurstLength=4096", "FirstBurstLength=65536"}));
  const Reaction reaction = client.LoginReaction();
  Judge(reaction, {Refused({0x0200}),
                   HungUp(),
                   {"a FirstBurstLength that is not above MaxBurstLength", [](const Reaction& r) {
                      if (!Proceeds().matches(r)) return false;
                      const auto pairs = Pairs(r.pdus[0].data);
                      const auto first = pairs.find("FirstBurstLength");
                      const auto most = pairs.find("MaxBurstLength");
                      if (first == pairs.end() || most == pairs.end()) return false;
                      return first->second == "Reject" || first->second == "Irrelevant" ||
                             std::strtoul(first->second.c_str(), nullptr, 0) <=
                                 std::strtoul(most->second.c_str(), nullptr, 0);
                    }}});
}
void OperationalKeyInSecurityStage(Attack& attack) {
  Client client(attack);
  std::vector<std::string> names = client.FirstPairs();
  names.push_back("HeaderDigest=None");
  client.Send(client.LoginRequest(0x81, names));
  client.JudgeLogin({Refused({0x0200}), HungUp()});
}
void SecurityKeyInOperationalStage(Attack& attack) {
  LoginPair(attack, "AuthMethod=None", {Refused({0x0200}), HungUp()});
}
void SendTargetsInLogin(Attack& attack) {
  LoginPair(attack, "SendTargets=All",
            {Refused({0x0200}), HungUp(), ProceedsWith("SendTargets=Reject")});
}
void KeyOfTarget(Attack& attack) {
  LoginPair(attack, "TargetPortalGroupTag=7",
            {Refused({0x0200}), HungUp(), ProceedsWith("TargetPortalGroupTag=Reject")});
}

// ---- Text Requests.
Outcome Answered(std::string pair) {
  return TextAnswer("a Text Response with " + pair, [pair](const Pdu& pdu) {
    const auto pairs = Pairs(pdu.data);
    const size_t equals = pair.find('=');
    const auto found = pairs.find(pair.substr(0, equals));
    return found != pairs.end() && found->second == pair.substr(equals + 1);
  });
}
void InFullFeature(Attack& attack, uint32_t flags, uint32_t ttt, const std::string& text,
                   std::initializer_list<Outcome> outcomes) {
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(flags, ttt, text));
  client.Judge(outcomes);
}
void TransferTagUnknown(Attack& attack) {
  InFullFeature(attack, 0x80, 0x12345678, Text({"X-org.example.a=1"}),
                {Rejected({0x09, 0x04}), Closed()});
}
void ContinueWithFinal(Attack& attack) {
  InFullFeature(attack, 0xc0, kReserved, Text({"X-org.example.a=1"}),
                {Rejected({0x04, 0x09}), Closed()});
}
template <int kWhich>
void LoginOnlyKey(Attack& attack) {
  static constexpr const char* kPairs[] = {"MaxBurstLength=8192",   "FirstBurstLength=4096",
                                           "HeaderDigest=None",     "ErrorRecoveryLevel=0",
                                           "MaxConnections=4",      "InitialR2T=No",
                                           "DefaultTime2Retain=60", "SessionType=Normal"};
  const std::string pair = kPairs[kWhich];
  InFullFeature(attack, 0x80, kReserved, pair + '\0',
                {Rejected({0x04}), Closed(), Answered(pair.substr(0, pair.find('=')) + "=Reject")});
}
void SecurityKeyInFullFeature(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, Text({"AuthMethod=CHAP"}),
                {Rejected({0x04}), Closed(), Answered("AuthMethod=Reject")});
}
void SendTargetsAllInNormal(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, Text({"SendTargets=All"}),
                {Rejected({0x04}), Closed(), Answered("SendTargets=Reject")});
}
void SendTargetsOwn(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, Text({"SendTargets="}),
                {Answered("TargetName=" + attack.options.target_name)});
}
void SendTargetsUnknown(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, Text({"SendTargets=iqn.2026-11.example:nobody"}),
                {Rejected({0x04}), Answered("SendTargets=Reject"),
                 TextAnswer("an answer without a target", [](const Pdu& pdu) {
                   return pdu.data.find("TargetName") == std::string::npos;
                 })});
}
void MrdslTooSmallInText(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, Text({"MaxRecvDataSegmentLength=256"}),
                {Rejected({0x04}), Closed(), Answered("MaxRecvDataSegmentLength=Reject")});
}
void MrdslSmallerInText(Attack& attack) {
  // A smaller limit holds from the answer on.
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x80, kReserved, Text({"MaxRecvDataSegmentLength=512"})));
  const Pdu answer = client.Take(0x24, "a Text Response");
  if (!answer.final()) throw NotApplicable{"the target negotiates on"};
  const Pdu read = client.Read(0, 4);
  client.Send(read);
  attack.BeginJudgement();
  for (uint32_t got = 0; got < 2048;) {
    const Pdu data = client.Take(0x25, "Data-In");
    if (data.data.size() > 512) throw Failed{data.Describe() + " under a limit of 512"};
    if (data.data.empty()) throw Failed{"an empty Data-In"};
    got += static_cast<uint32_t>(data.data.size());
  }
}
void SecondWhileOutstanding(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x00, kReserved, Text({"X-org.example.a=1"})));
  client.Send(client.TextRequest(0x80, kReserved, Text({"X-org.example.b=1"})));
  client.Judge(
      {Closed(), {"Text Responses and Rejects only, one of them at least", [](const Reaction& r) {
                    for (const Pdu& pdu : r.pdus) {
                      if (pdu.opcode() != 0x24 && pdu.opcode() != 0x3f) return false;
                    }
                    return r.alive && !r.pdus.empty();
                  }}});
}
void AbandonedNegotiation(Attack& attack) {
  // A request with Target Transfer Tag 0xffffffff begins anew (section 11.10.4).
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x00, kReserved, Text({"X-org.example.a=1"})));
  const Pdu first = client.Take(0x24, "a Text Response");
  if (first.final()) throw Failed{"a final response to a request that is not final"};
  client.Send(client.TextRequest(0x80, kReserved, Text({"X-org.example.b=1"})));
  client.Judge({Answered("X-org.example.b=NotUnderstood"), Rejected({0x04})});
}
void TransferTagStale(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu begin = client.TextRequest(0x00, kReserved, Text({"X-org.example.a=1"}));
  client.Send(begin);
  const Pdu first = client.Take(0x24, "a Text Response");
  if (first.final() || first.ttt() == kReserved) {
    throw Failed{"a response that is not final needs a Target Transfer Tag"};
  }
  Pdu end = client.TextRequest(0x80, first.ttt(), "");
  client.Send(end.U32(16, begin.itt()));
  (void)client.Take(0x24, "the final Text Response");
  Pdu again = client.TextRequest(0x80, first.ttt(), Text({"X-org.example.b=1"}));
  client.Send(again);
  client.Judge({Rejected({0x09, 0x04}), Closed()});
}
void TagChanges(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x00, kReserved, Text({"X-org.example.a=1"})));
  const Pdu first = client.Take(0x24, "a Text Response");
  if (first.final() || first.ttt() == kReserved) throw NotApplicable{"answered at once"};
  client.Send(client.TextRequest(0x80, first.ttt(), ""));
  client.Judge({Rejected({0x09, 0x04}), Closed()});
}
void LunMismatch(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu begin = client.TextRequest(0x00, kReserved, Text({"X-org.example.a=1"}));
  client.Send(begin);
  const Pdu first = client.Take(0x24, "a Text Response");
  if (first.final() || first.ttt() == kReserved) throw NotApplicable{"answered at once"};
  Pdu end = client.TextRequest(0x80, first.ttt(), "");
  end.Bytes(8, first.header.substr(8, 8)).U8(9, first.u8(9) ^ 0x55);
  client.Send(end.U32(16, begin.itt()));
  client.Judge({Rejected({0x09, 0x04}), Closed()});
}
void EndlessContinue(Attack& attack) {
  Client client(attack);
  client.Login();
  Pdu request = client.TextRequest(0x40, kReserved, "X-a=" + std::string(4000, 'a'));
  const uint32_t itt = request.itt();
  client.Send(request);
  attack.BeginJudgement();
  for (int i = 0; i < 600; ++i) {
    const Wire::Seen seen = client.wire.Next();
    if (seen.got == Link::Got::kClosed) return;
    if (seen.got == Link::Got::kSilence) throw Failed{"silence in answer to the C bit"};
    client.exp_cmd_sn = seen.pdu.u32(28);
    client.exp_stat_sn = seen.pdu.u32(24) + 1;
    if (seen.pdu.opcode() == 0x3f) return client.MustWork();
    if (seen.pdu.opcode() == 0x20) continue;
    if (seen.pdu.opcode() != 0x24 || !seen.pdu.data.empty()) {
      throw Failed{seen.pdu.Describe() + " in answer to the C bit"};
    }
    request = client.TextRequest(0x40, seen.pdu.ttt(), std::string(4000, 'a'));
    client.Send(request.U32(16, itt));
  }
  throw Failed{"required: Reject, or the connection is closed; seen: 2 MiB of text were taken"};
}
void ContinueEmpty(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x40, kReserved, ""));
  client.Judge({TextAnswer("a Text Response without data",
                           [](const Pdu& pdu) { return pdu.data.empty() && !pdu.final(); }),
                Rejected({0x04}), Closed()});
}
void SplitText(Attack& attack) {
  // One pair over two requests, cut at each byte: answered as if it were one.
  const std::string text = Text({"X-org.example.split=value"});
  for (size_t at = 1; at < text.size(); at += 3) {
    Client client(attack);
    client.Login({.ready = false});
    Pdu first = client.TextRequest(0x40, kReserved, text.substr(0, at));
    client.Send(first);
    const Pdu middle = client.Take(0x24, "a Text Response");
    if (!middle.data.empty() || middle.final()) throw Failed{"the C bit was answered with data"};
    Pdu second = client.TextRequest(0x80, middle.ttt(), text.substr(at));
    client.Send(second.U32(16, first.itt()));
    client.JudgeOnly({Answered("X-org.example.split=NotUnderstood")});
  }
}
void EmptyText(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved, "",
                {TextAnswer("a Text Response", [](const Pdu&) { return true; }), Rejected({0x04})});
}
void KeyTwiceInText(Attack& attack) {
  InFullFeature(attack, 0x80, kReserved,
                Text({"MaxRecvDataSegmentLength=8192", "MaxRecvDataSegmentLength=16384"}),
                {Rejected({0x04}), Closed()});
}
void TagReserved(Attack& attack) {
  Client client(attack);
  client.Login();
  client.Send(client.TextRequest(0x80, kReserved, Text({"X-org.example.a=1"})).U32(16, kReserved));
  client.Judge({Rejected({0x09, 0x04}), Closed()});
}

constexpr Side kT = Side::kTarget;
constexpr char kNo[] = "login status 0x0200, or the connection is closed";
constexpr char kBad[] = "Reject, login status 0x0200, or the connection is closed";
constexpr char kDefined[] = "an answer, login status 0x0200, or the connection is closed";
constexpr char kRejected[] = "Reject 0x04, key=Reject, or the connection is closed";
constexpr char kField[] = "Reject 0x09 or 0x04, or the connection is closed";

constexpr Case kCases[] = {
    {"target.text.key_of_63", kT, "6.1", "a private key of 63 characters", "NotUnderstood",
     KeyOf63},
    {"target.text.key_of_64", kT, "6.1", "a key of 64 characters", "login refused, or closed",
     KeyOf<64>},
    {"target.text.key_of_65", kT, "6.1", "a key of 65 characters", "login refused, or closed",
     KeyOf<65>},
    {"target.text.key_of_8000", kT, "6.1", "a key of 8,000 characters", "login refused, or closed",
     KeyOf<8000>},
    {"target.text.key_unknown", kT, "6.2", "a private key that nobody knows", "NotUnderstood",
     KeyUnknown},
    {"target.text.thousands_of_keys", kT, "6.2", "8 KiB of tiny unknown keys in the login",
     kDefined, ThousandsOfKeys},
    {"target.text.thousands_of_keys_in_text", kT, "6.2",
     "8 KiB of tiny unknown keys in a Text Request",
     "an answer of bounded size, Reject, or the connection is closed", ThousandsOfKeysInText},
    {"target.text.key_twice", kT, "6.3", "a key twice in one request, two values", kNo, KeyTwice},
    {"target.text.key_twice_equal", kT, "6.3", "a key twice in one request, one value", kNo,
     KeyTwiceEqual},
    {"target.text.key_in_two_requests", kT, "6.3", "a key again in a later request", kNo,
     KeyInTwoRequests},
    {"target.text.key_in_two_parts", kT, "6.3", "a key again behind the C bit", kNo, KeyInTwoParts},
    {"target.text.no_nul_at_end", kT, "6.1", "a last pair without its NUL, 0 to 3 pad bytes",
     kDefined, NoNulAtEnd},
    {"target.text.no_equals", kT, "6.1", "a key without =", kNo, NoEquals},
    {"target.text.empty_key", kT, "6.1", "a pair that begins with =", kNo, EmptyKey},
    {"target.text.empty_value", kT, "6.1", "MaxBurstLength= and nothing", kBad, EmptyValue},
    {"target.text.several_equals", kT, "6.1", "a value with = in it", kDefined, SeveralEquals},
    {"target.text.nul_runs", kT, "6.1", "500 NULs behind the last pair", kDefined, NulRuns},
    {"target.text.only_nuls", kT, "6.1", "64 NULs", kDefined, OnlyNuls},
    {"target.text.not_utf8", kT, "6.1", "an alias that is no UTF-8", kDefined, NotUtf8},
    {"target.text.key_characters", kT, "6.1", "key names that are no standard-label",
     "login refused, NotUnderstood, or the connection is closed", KeyCharacters},
    {"target.text.value_too_long", kT, "6.1", "an alias of 4,000 bytes", kDefined, ValueTooLong},
    {"target.text.number_2_32_less_1", kT, "13.13", "MaxBurstLength=2^32-1", kBad, Number<0>},
    {"target.text.number_2_32", kT, "6.1", "MaxBurstLength=2^32", kBad, Number<1>},
    {"target.text.number_2_64", kT, "6.1", "MaxBurstLength=2^64", kBad, Number<2>},
    {"target.text.number_negative", kT, "6.1", "MaxBurstLength=-1", kBad, Number<3>},
    {"target.text.number_plus", kT, "6.1", "MaxBurstLength=+65536", kBad, Number<4>},
    {"target.text.number_0x", kT, "6.1", "MaxBurstLength=0x", kBad, Number<5>},
    {"target.text.number_zero", kT, "13.13", "MaxBurstLength=0", kBad, Number<6>},
    {"target.text.number_below", kT, "13.13", "MaxBurstLength=511", kBad, Number<7>},
    {"target.text.number_above", kT, "13.13", "MaxBurstLength=2^24", kBad, Number<8>},
    {"target.text.number_range", kT, "6.1", "a range where a number belongs", kBad, Number<9>},
    {"target.text.number_space", kT, "6.1", "a space behind the number", kBad, Number<10>},
    {"target.text.number_exponent", kT, "6.1", "MaxBurstLength=6e4", kBad, Number<11>},
    {"target.text.number_of_56_digits", kT, "6.1", "a number of 56 digits", kBad, Number<12>},
    {"target.text.number_hex", kT, "6.1", "65536 as 0x10000, 0X10000, 0x00010000",
     "65536 is agreed on", NumberHex},
    {"target.text.number_leading_zero", kT, "6.1", "MaxBurstLength=0065536", kBad,
     NumberLeadingZero},
    {"target.text.boolean_ill_formed", kT, "6.1", "ImmediateData of yes, YES, 1, ...", kBad,
     BooleanIllFormed},
    {"target.text.digest_unknown", kT, "6.2.1", "HeaderDigest of unknown values only", kBad,
     DigestUnknown},
    {"target.text.digest_unknown_first", kT, "6.2.1", "HeaderDigest=CRC64,None", "None is chosen",
     DigestUnknownFirst},
    {"target.text.digest_list_ill_formed", kT, "6.1", "HeaderDigest=,,,None,,",
     "None, Reject, login status 0x0200, or the connection is closed", DigestListIllFormed},
    {"target.text.proposes_not_understood", kT, "6.2", "NotUnderstood as a proposal", kNo,
     ReservedWord<0>},
    {"target.text.proposes_reject", kT, "6.2", "Reject as a proposal", kNo, ReservedWord<1>},
    {"target.text.proposes_irrelevant", kT, "6.2", "Irrelevant as a proposal", kNo,
     ReservedWord<2>},
    {"target.text.data_segment_length_511", kT, "13.12", "MaxRecvDataSegmentLength=511", kBad,
     MrdslTooSmall},
    {"target.text.data_segment_length_2_24", kT, "13.12", "MaxRecvDataSegmentLength=2^24", kBad,
     MrdslTooLarge},
    {"target.text.outstanding_r2t_65536", kT, "13.17", "MaxOutstandingR2T=65536", kBad,
     OutstandingR2tTooMany},
    {"target.text.outstanding_r2t_0", kT, "13.17", "MaxOutstandingR2T=0", kBad, OutstandingR2tZero},
    {"target.text.connections_0", kT, "13.2", "MaxConnections=0", kBad, ConnectionsZero},
    {"target.text.recovery_level_3", kT, "13.20", "ErrorRecoveryLevel=3", kBad, RecoveryLevel3},
    {"target.text.first_burst_above_max_burst", kT, "13.14",
     "FirstBurstLength above MaxBurstLength", "one that is not above it, or login status 0x0200",
     FirstBurstAboveMaxBurst},
    {"target.text.operational_key_early", kT, "6.3", "HeaderDigest in the security stage", kNo,
     OperationalKeyInSecurityStage},
    {"target.text.security_key_late", kT, "6.3", "AuthMethod in the operational stage", kNo,
     SecurityKeyInOperationalStage},
    {"target.text.send_targets_in_login", kT, "13.3", "SendTargets in the login", kBad,
     SendTargetsInLogin},
    {"target.text.key_of_target", kT, "13.9", "TargetPortalGroupTag from the initiator", kBad,
     KeyOfTarget},
    {"target.text.transfer_tag_unknown", kT, "11.10.4",
     "a Text Request with a tag that was never given", kField, TransferTagUnknown},
    {"target.text.continue_with_final", kT, "6.2", "C and F together", kField, ContinueWithFinal},
    {"target.text.max_burst_in_full_feature", kT, "13.13",
     "MaxBurstLength in the Full Feature Phase", kRejected, LoginOnlyKey<0>},
    {"target.text.first_burst_in_full_feature", kT, "13.14",
     "FirstBurstLength in the Full Feature Phase", kRejected, LoginOnlyKey<1>},
    {"target.text.digest_in_full_feature", kT, "13.1", "HeaderDigest in the Full Feature Phase",
     kRejected, LoginOnlyKey<2>},
    {"target.text.recovery_level_in_full_feature", kT, "13.20",
     "ErrorRecoveryLevel in the Full Feature Phase", kRejected, LoginOnlyKey<3>},
    {"target.text.connections_in_full_feature", kT, "13.2",
     "MaxConnections in the Full Feature Phase", kRejected, LoginOnlyKey<4>},
    {"target.text.initial_r2t_in_full_feature", kT, "13.10", "InitialR2T in the Full Feature Phase",
     kRejected, LoginOnlyKey<5>},
    {"target.text.time2retain_in_full_feature", kT, "13.16",
     "DefaultTime2Retain in the Full Feature Phase", kRejected, LoginOnlyKey<6>},
    {"target.text.session_type_in_full_feature", kT, "13.21",
     "SessionType in the Full Feature Phase", kRejected, LoginOnlyKey<7>},
    {"target.text.security_key_in_full_feature", kT, "12", "AuthMethod in the Full Feature Phase",
     kRejected, SecurityKeyInFullFeature},
    {"target.text.send_targets_all_in_normal", kT, "C", "SendTargets=All in a normal session",
     kRejected, SendTargetsAllInNormal},
    {"target.text.send_targets_own", kT, "C", "SendTargets= in a normal session",
     "the session's own target", SendTargetsOwn},
    {"target.text.send_targets_unknown", kT, "C", "SendTargets of a name that nobody has",
     "an answer without a target, or Reject", SendTargetsUnknown},
    {"target.text.data_segment_length_256_late", kT, "13.12",
     "MaxRecvDataSegmentLength=256 in a Text Request", kRejected, MrdslTooSmallInText},
    {"target.text.data_segment_length_shrinks", kT, "13.12",
     "MaxRecvDataSegmentLength=512 in a Text Request, then a read", "no Data-In above 512 bytes",
     MrdslSmallerInText},
    {"target.text.second_while_outstanding", kT, "6.2", "two Text Requests at once",
     "answers or Rejects, or the connection is closed", SecondWhileOutstanding},
    {"target.text.abandoned", kT, "11.10.4",
     "a new negotiation in place of the old one's next step",
     "the new one is answered, or Reject 0x04", AbandonedNegotiation},
    {"target.text.transfer_tag_stale", kT, "11.10.4", "the tag of a negotiation that is over",
     kField, TransferTagStale},
    {"target.text.tag_changes", kT, "11.10.3",
     "another Initiator Task Tag under the same transfer tag", kField, TagChanges},
    {"target.text.lun_mismatch", kT, "11.17.1", "another LUN under the same transfer tag", kField,
     LunMismatch},
    {"target.text.endless_continue", kT, "6.2", "2 MiB of text under the C bit",
     "Reject, or the connection is closed", EndlessContinue},
    {"target.text.continue_empty", kT, "6.2", "the C bit without data",
     "an empty answer, Reject 0x04, or the connection is closed", ContinueEmpty},
    {"target.text.split", kT, "6.1", "a pair broken over two requests", "the same answer as in one",
     SplitText},
    {"target.text.empty", kT, "6.2", "a Text Request without data",
     "a Text Response, or Reject 0x04", EmptyText},
    {"target.text.key_twice_late", kT, "6.2", "MaxRecvDataSegmentLength twice in a Text Request",
     "Reject 0x04, or the connection is closed", KeyTwiceInText},
    {"target.text.tag_reserved", kT, "11.2.1.8",
     "a Text Request with Initiator Task Tag 0xffffffff", kField, TagReserved},
};

}  // namespace

std::span<const Case> TargetTextCases() { return kCases; }

}  // namespace isthmus::hostile
