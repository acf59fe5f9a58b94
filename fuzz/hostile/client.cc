#include "fuzz/hostile/client.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace isthmus::hostile {
namespace {

// "0x1f", "0X1f", "0b..." and decimal, as section 6.1 writes binary values; good enough for what a
// target sends.
std::string Decode(const std::string& text) {
  std::string out;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    std::string digits = text.substr(2);
    if (digits.size() % 2 != 0) digits.insert(0, "0");
    for (size_t i = 0; i < digits.size(); i += 2) {
      out.push_back(static_cast<char>(std::strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
    }
  } else if (text.size() > 2 && text[0] == '0' && (text[1] == 'b' || text[1] == 'B')) {
    std::vector<unsigned char> bytes(text.size());
    const std::string body = text.substr(2);
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(body.data()),
                        static_cast<int>(body.size()));
    size_t kept = size < 0 ? 0 : static_cast<size_t>(size);
    for (size_t i = body.size(); kept > 0 && i > 0 && body[i - 1] == '='; --i) --kept;
    out.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept));
  } else {
    out.push_back(static_cast<char>(std::strtoul(text.c_str(), nullptr, 10)));
  }
  return out;
}

std::string KeyOf(const std::string& pair) { return pair.substr(0, pair.find('=')); }

bool HasStatSn(const Pdu& pdu) {
  switch (pdu.opcode()) {
    case 0x20:
      return pdu.itt() != kReserved;
    case 0x25:
      return (pdu.u8(1) & 0x01) != 0;
    case 0x31:
      return false;
    default:
      return true;
  }
}

// The status that a PDU brings, or -1.
int StatusOf(const Pdu& pdu) {
  if (pdu.opcode() == 0x21 && pdu.u8(2) == 0) return static_cast<int>(pdu.u8(3));
  if (pdu.opcode() == 0x25 && (pdu.u8(1) & 0x01) != 0) return static_cast<int>(pdu.u8(3));
  return -1;
}

}  // namespace

Client::Client(Attack& attack) : wire(attack) {
  port = attack.next_port++;
  plan_.port = port;
}

std::string Client::InitiatorName() const {
  return "iqn.2026-11.example.hostile:" + std::to_string(port);
}

std::string Client::TargetName() const {
  if (!plan_.target.empty()) return plan_.target;
  const Options& options = const_cast<Client*>(this)->attack().options;
  return plan_.chap ? options.chap_target : options.target_name;
}

Pdu Client::LoginRequestBytes(uint32_t flags, std::string text) {
  Pdu pdu(0x43, flags);
  // ISID of the format "random" (section 11.12.5).
  pdu.U8(8, 0x80).U24(9, 0x150000 + port).U16(12, 1).U16(14, tsih);
  pdu.U32(16, login_tag_).U16(20, cid).U32(24, cmd_sn).U32(28, exp_stat_sn);
  return pdu.Data(std::move(text));
}

Pdu Client::LoginRequest(uint32_t flags, const std::vector<std::string>& pairs) {
  return LoginRequestBytes(flags, Text(pairs));
}

std::vector<std::string> Client::Names() const {
  std::vector<std::string> names = {"InitiatorName=" + InitiatorName()};
  if (plan_.discovery) {
    names.push_back("SessionType=Discovery");
  } else {
    names.push_back("SessionType=Normal");
    names.push_back("TargetName=" + TargetName());
  }
  return names;
}

std::vector<std::string> Client::FirstPairs() const {
  std::vector<std::string> pairs = Names();
  pairs.push_back("AuthMethod=None");
  return pairs;
}

Pdu Client::LoginStep(uint32_t flags, const std::vector<std::string>& pairs) {
  Send(LoginRequest(flags, pairs));
  const Pdu response = Take(0x23, "a Login Response");
  if (response.u16(36) == 0) {
    for (const auto& [key, value] : Pairs(response.data)) answers.emplace(key, value);
  }
  return response;
}

Client::Challenge Client::ChapChallenge(const std::string& algorithms) {
  if (attack().options.chap_target.empty()) throw NotApplicable{"no target with CHAP was named"};
  plan_.chap = true;
  std::vector<std::string> first = Names();
  first.push_back("AuthMethod=CHAP,None");
  Pdu response = LoginStep(0x81, first);
  if (response.u16(36) != 0) throw NotApplicable{"the target refuses CHAP"};
  if (answers.count("AuthMethod") == 0) response = LoginStep(0x00, {});
  const auto method = answers.find("AuthMethod");
  if (method == answers.end() || method->second != "CHAP") {
    throw NotApplicable{"the target does not ask for CHAP"};
  }
  response = LoginStep(0x00, {"CHAP_A=" + algorithms});
  const auto find = [&](const char* key) {
    const auto found = answers.find(key);
    if (found == answers.end()) throw Failed{std::string("no ") + key + " in the challenge"};
    return found->second;
  };
  if (response.u16(36) != 0) throw Failed{"CHAP_A=" + algorithms + " was refused"};
  return {static_cast<uint32_t>(std::strtoul(find("CHAP_A").c_str(), nullptr, 10)), find("CHAP_I"),
          find("CHAP_C")};
}

std::string Client::ChapResponse(const Challenge& challenge, const std::string& secret) {
  const std::string input = Decode(challenge.identifier) + secret + Decode(challenge.challenge);
  const EVP_MD* hash = challenge.algorithm == 5   ? EVP_md5()
                       : challenge.algorithm == 6 ? EVP_sha1()
                       : challenge.algorithm == 7 ? EVP_sha256()
                       : challenge.algorithm == 8 ? EVP_sha3_256()
                                                  : nullptr;
  if (hash == nullptr) throw Failed{"the target chose a CHAP algorithm that was not offered"};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(input.data(), input.size(), digest, &size, hash, nullptr) != 1) {
    throw NotApplicable{"this machine's OpenSSL lacks the hash"};
  }
  std::string text = "0x";
  for (unsigned int i = 0; i < size; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", digest[i]);
    text += hex;
  }
  return text;
}

void Client::Login(const LoginPlan& plan) {
  // Behind an attack a login that does not succeed is what the attack has done.
  const bool judging = attack().judging;
  try {
    TryLogin(plan);
  } catch (const Failed& failed) {
    if (judging) throw;
    throw NotApplicable{"login: " + failed.text};
  } catch (const NotApplicable& reason) {
    if (judging) throw Failed{"required: a login; seen: " + reason.text};
    throw;
  }
}

void Client::TryLogin(const LoginPlan& plan) {
  plan_ = plan;
  if (plan.port != 0) port = plan.port;
  plan_.port = port;
  tsih = plan.tsih;
  cid = plan.cid;
  cmd_sn = plan.cmd_sn;
  if (plan.chap) {
    const Challenge challenge = ChapChallenge();
    plan_.chap = true;
    const Options& options = attack().options;
    const Pdu response =
        LoginStep(0x81, {"CHAP_N=" + options.account.user,
                         "CHAP_R=" + ChapResponse(challenge, options.account.secret)});
    if (response.u16(36) != 0) throw NotApplicable{"the account is not accepted"};
  } else {
    const Pdu response = LoginStep(0x81, FirstPairs());
    if (response.u16(36) != 0) throw NotApplicable{"login: " + response.Describe()};
    if ((response.u8(1) & 0x83) != 0x81) {
      throw NotApplicable{"the target does not skip security: " + response.Describe()};
    }
  }
  const Digests wanted = plan.discovery ? Digests{} : attack().options.digests;
  std::vector<std::string> keys = {wanted.header ? "HeaderDigest=CRC32C" : "HeaderDigest=None",
                                   wanted.data ? "DataDigest=CRC32C" : "DataDigest=None",
                                   "DefaultTime2Wait=2",
                                   "DefaultTime2Retain=0",
                                   "ErrorRecoveryLevel=0",
                                   "MaxRecvDataSegmentLength=65536"};
  if (!plan.discovery) {
    keys.insert(keys.end(),
                {"MaxConnections=1", "InitialR2T=Yes", "ImmediateData=Yes", "MaxBurstLength=262144",
                 "FirstBurstLength=65536", "MaxOutstandingR2T=1", "DataPDUInOrder=Yes",
                 "DataSequenceInOrder=Yes"});
  }
  for (const std::string& pair : plan.keys) {
    const auto same = std::find_if(keys.begin(), keys.end(), [&](const std::string& other) {
      return KeyOf(other) == KeyOf(pair);
    });
    if (same == keys.end()) {
      keys.push_back(pair);
    } else {
      *same = pair;
    }
  }
  std::map<std::string, std::string> offered;
  for (const std::string& pair : keys) offered[KeyOf(pair)] = pair.substr(pair.find('=') + 1);
  Pdu response = LoginStep(0x87, keys);
  for (int round = 0; round < 8 && response.u16(36) == 0 && (response.u8(1) & 0x80) == 0; ++round) {
    // The target has keys of its own to settle: agree to what it says.
    std::vector<std::string> pairs;
    for (const auto& [key, value] : Pairs(response.data)) {
      static constexpr const char* kDeclared[] = {"TargetPortalGroupTag", "TargetAlias",
                                                  "MaxRecvDataSegmentLength", "TargetAddress"};
      const bool declared =
          std::find(std::begin(kDeclared), std::end(kDeclared), key) != std::end(kDeclared);
      if (!declared && offered.count(key) == 0) pairs.push_back(key + "=" + value);
    }
    response = LoginStep(0x87, pairs);
  }
  if (response.u16(36) != 0) throw NotApplicable{"login: " + response.Describe()};
  if ((response.u8(1) & 0x83) != 0x83) throw NotApplicable{"the login has no end"};
  tsih = response.u16(14);
  const auto crc = [&](const char* key) {
    const auto found = answers.find(key);
    return found != answers.end() && found->second == "CRC32C";
  };
  wire.digests = {crc("HeaderDigest"), crc("DataDigest")};
  if (wire.digests.header != wanted.header || wire.digests.data != wanted.data) {
    throw NotApplicable{"the target does not agree to these digests"};
  }
  if (plan.discovery || !plan.ready) return;
  for (int i = 0; i < 4; ++i) {
    const Pdu ready = TestUnitReady();
    Send(ready);
    const Pdu status = Take(0x21, "the status of TEST UNIT READY");
    if (status.u8(3) == 0) return;
  }
  throw NotApplicable{"the logical unit is not ready"};
}

std::string Client::Agreed(const std::string& key) const {
  // The last one counts: a key may come in either stage.
  const auto range = answers.equal_range(key);
  std::string value;
  for (auto i = range.first; i != range.second; ++i) value = i->second;
  if (!value.empty()) return value;
  static const std::map<std::string, std::string> kDefaults = {
      {"InitialR2T", "Yes"},        {"ImmediateData", "Yes"},
      {"MaxBurstLength", "262144"}, {"FirstBurstLength", "65536"},
      {"MaxOutstandingR2T", "1"},   {"MaxRecvDataSegmentLength", "8192"},
      {"DataPDUInOrder", "Yes"},    {"DataSequenceInOrder", "Yes"},
      {"ErrorRecoveryLevel", "0"},  {"HeaderDigest", "None"},
      {"DataDigest", "None"},       {"TaskReporting", "RFC3720"}};
  const auto found = kDefaults.find(key);
  return found == kDefaults.end() ? "" : found->second;
}

uint32_t Client::AgreedNumber(const std::string& key) const {
  return static_cast<uint32_t>(std::strtoul(Agreed(key).c_str(), nullptr, 0));
}

Reaction Client::LoginReaction() {
  attack().BeginJudgement();
  Reaction reaction;
  while (true) {
    const Wire::Seen seen = wire.Next();
    if (seen.got == Link::Got::kClosed) reaction.closed = true;
    if (seen.got != Link::Got::kBytes) return reaction;
    if (HasStatSn(seen.pdu)) exp_stat_sn = seen.pdu.u32(24) + 1;
    const bool accepts = seen.pdu.opcode() == 0x23 && seen.pdu.u16(36) == 0;
    reaction.pdus.push_back(seen.pdu);
    if (accepts) return reaction;
  }
}

// ---- Full Feature Phase.

Pdu Client::Number(Pdu pdu) {
  pdu.U32(24, cmd_sn).U32(28, exp_stat_sn);
  if (!pdu.immediate()) ++cmd_sn;
  return pdu;
}

Pdu Client::Command(uint32_t flags, uint32_t length, std::string cdb, std::string data) {
  Pdu pdu(0x01, flags);
  cdb.resize(16, '\0');
  pdu.U8(9, attack().options.lun).U32(16, NewTag()).U32(20, length).Bytes(32, cdb);
  return Number(pdu.Data(std::move(data)));
}

Pdu Client::Inquiry(uint32_t length) {
  std::string cdb(6, '\0');
  cdb[0] = 0x12;
  cdb[3] = static_cast<char>(length >> 8);
  cdb[4] = static_cast<char>(length);
  return Command(0xc1, length, cdb);
}

Pdu Client::TestUnitReady() { return Command(0x81, 0, std::string(6, '\0')); }

Pdu Client::Read(uint32_t lba, uint32_t blocks) {
  Pdu pdu = Command(0xc1, blocks * kBlock, "\x28");
  return pdu.U32(34, lba).U16(39, blocks);
}

Pdu Client::Write(uint32_t lba, uint32_t blocks, std::string immediate_data, bool final) {
  Pdu pdu = Command(final ? 0xa1 : 0x21, blocks * kBlock, "\x2a", std::move(immediate_data));
  return pdu.U32(34, lba).U16(39, blocks);
}

Pdu Client::DataOut(uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset, std::string data,
                    bool final) {
  Pdu pdu(0x05, final ? 0x80 : 0x00);
  if (ttt != kReserved) pdu.U8(9, attack().options.lun);
  pdu.U32(16, itt).U32(20, ttt).U32(28, exp_stat_sn).U32(36, data_sn).U32(40, offset);
  return pdu.Data(std::move(data));
}

Pdu Client::Ping(std::string data, bool immediate) {
  Pdu pdu(immediate ? 0x40 : 0x00);
  pdu.U32(16, NewTag()).U32(20, kReserved);
  return Number(pdu.Data(std::move(data)));
}

Pdu Client::TextRequest(uint32_t flags, uint32_t ttt, std::string text) {
  Pdu pdu(0x04, flags);
  pdu.U32(16, NewTag()).U32(20, ttt);
  return Number(pdu.Data(std::move(text)));
}

Pdu Client::Function(uint32_t function, uint32_t ref_itt, uint32_t ref_cmd_sn) {
  Pdu pdu(0x42, 0x80 | function);
  pdu.U8(9, attack().options.lun).U32(16, NewTag()).U32(20, ref_itt).U32(32, ref_cmd_sn);
  return Number(pdu);
}

Pdu Client::Logout(uint32_t reason) {
  Pdu pdu(0x46, 0x80 | reason);
  pdu.U32(16, NewTag()).U16(20, reason == 0 ? 0 : cid);
  return Number(pdu);
}

Pdu Client::Snack(uint32_t type, uint32_t itt, uint32_t ttt, uint32_t begin, uint32_t length) {
  Pdu pdu(0x10, 0x80 | type);
  pdu.U32(16, itt).U32(20, ttt).U32(28, exp_stat_sn).U32(40, begin).U32(44, length);
  return pdu;
}

void Client::Account(const Pdu& pdu) {
  if (HasStatSn(pdu)) exp_stat_sn = pdu.u32(24) + 1;
  if (pdu.opcode() == 0x25 && (pdu.u8(1) & 0x01) == 0) return;  // the window counts there too
  exp_cmd_sn = pdu.u32(28);
  max_cmd_sn = pdu.u32(32);
}

bool Client::Unasked(const Pdu& pdu) {
  if (pdu.opcode() != 0x20 || pdu.itt() != kReserved) return false;
  if (pdu.ttt() != kReserved) {
    Pdu answer(0x40);
    answer.Bytes(8, pdu.header.substr(8, 8)).U32(16, kReserved).U32(20, pdu.ttt());
    Send(Number(answer));
  }
  return true;
}

Pdu Client::Take(const char* what) {
  while (true) {
    const Wire::Seen seen = wire.Next();
    if (seen.got == Link::Got::kClosed) throw Failed{std::string("closed instead of ") + what};
    if (seen.got == Link::Got::kSilence) throw Failed{std::string("silence instead of ") + what};
    Account(seen.pdu);
    if (!Unasked(seen.pdu)) return seen.pdu;
  }
}

Pdu Client::Take(uint32_t opcode, const char* what) {
  Pdu pdu = Take(what);
  if (pdu.opcode() != opcode) throw Failed{pdu.Describe() + " instead of " + what};
  return pdu;
}

std::string Client::Finish(uint32_t itt, uint32_t status) {
  std::string data;
  while (true) {
    const Pdu pdu = Take("the end of a task");
    if (pdu.opcode() == 0x25 && pdu.itt() == itt) {
      data.resize(std::max<size_t>(data.size(), pdu.u32(40) + pdu.data.size()));
      data.replace(pdu.u32(40), pdu.data.size(), pdu.data);
    }
    const int seen = StatusOf(pdu);
    if (seen < 0 && pdu.opcode() == 0x25) continue;
    if (seen != static_cast<int>(status) || pdu.itt() != itt) {
      throw Failed{pdu.Describe() + " at the end of a task that is to end with status " +
                   std::to_string(status)};
    }
    return data;
  }
}

void Client::Supply(uint32_t itt, std::string_view data) {
  while (true) {
    const Pdu pdu = Take("an R2T or the end of the write");
    if (pdu.opcode() == 0x31 && pdu.itt() == itt) {
      const size_t most = std::max<size_t>(AgreedNumber("MaxRecvDataSegmentLength"), 512);
      size_t at = pdu.u32(40);
      size_t left = pdu.u32(44);
      for (uint32_t data_sn = 0; left > 0; ++data_sn) {
        const size_t size = std::min(left, most);
        Send(DataOut(itt, pdu.ttt(), data_sn, static_cast<uint32_t>(at),
                     std::string(data.substr(at, size)), size == left));
        at += size;
        left -= size;
      }
      continue;
    }
    if (StatusOf(pdu) != 0 || pdu.itt() != itt) throw Failed{pdu.Describe() + " ends a good write"};
    return;
  }
}

Pdu Client::Stall(uint32_t lba, uint32_t blocks, uint32_t* itt, uint32_t* its_cmd_sn) {
  const Pdu write = Write(lba, blocks);
  *itt = write.itt();
  if (its_cmd_sn != nullptr) *its_cmd_sn = write.u32(24);
  Send(write);
  return Take(0x31, "an R2T");
}

void Client::WriteBlocks(uint32_t lba, uint32_t blocks, char fill) {
  const Pdu write = Write(lba, blocks);
  Send(write);
  Supply(write.itt(), std::string(size_t{blocks} * kBlock, fill));
}

std::string Client::ReadBlocks(uint32_t lba, uint32_t blocks) {
  const Pdu read = Read(lba, blocks);
  Send(read);
  return Finish(read.itt());
}

void Client::MustHold(uint32_t lba, uint32_t blocks, char fill) {
  if (ReadBlocks(lba, blocks) != std::string(size_t{blocks} * kBlock, fill)) {
    throw Failed{"the disk does not hold what it should"};
  }
}

void Client::MustWork() {
  cmd_sn = exp_cmd_sn;  // a rejected command's number is used again (section 7.3)
  const Pdu inquiry = Inquiry();
  Send(inquiry);
  (void)Finish(inquiry.itt());
}

Reaction Client::ReactWithoutPing() {
  attack().BeginJudgement();
  Reaction reaction;
  while (true) {
    const Wire::Seen seen = wire.Next();
    if (seen.got == Link::Got::kClosed) reaction.closed = true;
    if (seen.got != Link::Got::kBytes) return reaction;
    Account(seen.pdu);
    if (!Unasked(seen.pdu)) reaction.pdus.push_back(seen.pdu);
  }
}

Reaction Client::React() {
  attack().BeginJudgement();
  Reaction reaction;
  // Two, one after the other: what an application answers may come after the first.
  for (int i = 0; i < 2; ++i) {
    // A discovery session takes nothing but SendTargets (section 4.3).
    Pdu ping = plan_.discovery ? TextRequest(0x80, kReserved, Text({"SendTargets=All"})).U8(0, 0x44)
                               : Ping("are you there?");
    if (plan_.discovery) ping.U32(24, --cmd_sn);
    Send(ping);
    reaction.alive = false;
    while (!reaction.alive) {
      const Wire::Seen seen = wire.Next();
      if (seen.got == Link::Got::kClosed) reaction.closed = true;
      if (seen.got != Link::Got::kBytes) return reaction;
      Account(seen.pdu);
      if (Unasked(seen.pdu)) continue;
      if (seen.pdu.itt() == ping.itt() && seen.pdu.opcode() == (plan_.discovery ? 0x24U : 0x20U)) {
        if (!plan_.discovery && seen.pdu.data != ping.data)
          throw Failed{"a ping came back with other bytes"};
        reaction.alive = true;
      } else {
        reaction.pdus.push_back(seen.pdu);
      }
    }
  }
  return reaction;
}

Reaction Client::JudgeOnly(std::initializer_list<Outcome> outcomes) {
  Reaction reaction = React();
  const auto fits = [&] {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [&](const Outcome& outcome) { return outcome.matches(reaction); });
  };
  while (!fits() && reaction.alive && !reaction.closed) {
    const Wire::Seen seen = wire.Next();
    if (seen.got == Link::Got::kSilence) break;
    if (seen.got == Link::Got::kClosed) {
      reaction.closed = true;
      reaction.alive = false;
      break;
    }
    Account(seen.pdu);
    if (!Unasked(seen.pdu)) reaction.pdus.push_back(seen.pdu);
  }
  hostile::Judge(reaction, outcomes);
  return reaction;
}

void Client::Judge(std::initializer_list<Outcome> outcomes) {
  if (JudgeOnly(outcomes).alive) MustWork();
}

// ---- Outcomes.

namespace {

std::string Hex(uint32_t value, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%0*x", digits, value);
  return text;
}

std::string List(const std::vector<uint32_t>& values, int digits) {
  std::string text;
  for (uint32_t value : values) text += (text.empty() ? "" : " or ") + Hex(value, digits);
  return text;
}

bool Contains(const std::vector<uint32_t>& values, uint32_t value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

// The last PDU, if all before it are Rejects or parts of a task that has no status yet.
const Pdu* Last(const Reaction& reaction) {
  if (reaction.pdus.empty()) return nullptr;
  for (size_t i = 0; i + 1 < reaction.pdus.size(); ++i) {
    const uint32_t opcode = reaction.pdus[i].opcode();
    if (opcode != 0x3f && opcode != 0x31 && opcode != 0x25) return nullptr;
    if (StatusOf(reaction.pdus[i]) >= 0) return nullptr;
  }
  return &reaction.pdus.back();
}

bool AnyGood(const Reaction& reaction) {
  return std::any_of(reaction.pdus.begin(), reaction.pdus.end(), [](const Pdu& pdu) {
    return StatusOf(pdu) == 0 || (pdu.opcode() == 0x22 && pdu.u8(2) == 0);
  });
}

// Section 11.17.4: a Reject brings the whole header of the bad PDU.
bool RejectIsWhole(const Pdu& pdu) { return pdu.data.size() >= 48 && pdu.itt() == kReserved; }

}  // namespace

Outcome Ignored() {
  return {"nothing, and the session goes on",
          [](const Reaction& r) { return r.alive && r.pdus.empty(); }};
}

Outcome Rejected(std::vector<uint32_t> reasons) {
  return {"Reject " + (reasons.empty() ? "with any reason" : List(reasons, 2)),
          [reasons](const Reaction& r) {
            return r.alive && !r.pdus.empty() &&
                   std::all_of(r.pdus.begin(), r.pdus.end(), [&](const Pdu& pdu) {
                     return pdu.opcode() == 0x3f && Contains(reasons, pdu.u8(2)) &&
                            RejectIsWhole(pdu);
                   });
          }};
}

Outcome Closed() {
  return {"the connection is closed", [](const Reaction& r) { return r.closed && !AnyGood(r); }};
}

Outcome Status(uint32_t status) {
  return {"status " + Hex(status, 2), [status](const Reaction& r) {
            const Pdu* last = Last(r);
            return r.alive && last != nullptr && StatusOf(*last) == static_cast<int>(status);
          }};
}

Outcome Good() { return Status(0); }

Outcome CheckCondition(int key, int asc, int ascq) {
  std::string text = "CHECK CONDITION";
  for (int code : {key, asc, ascq}) {
    text += code < 0 ? "/any" : "/" + Hex(static_cast<uint32_t>(code), 2);
  }
  return {text, [key, asc, ascq](const Reaction& r) {
            const Pdu* last = Last(r);
            if (!r.alive || last == nullptr || StatusOf(*last) != 2) return false;
            if (last->data.size() < 2 + 14) return false;
            const auto byte = [&](size_t at) { return static_cast<uint8_t>(last->data[at]); };
            const bool descriptor = (byte(2) & 0x7f) >= 0x72;
            const int seen[] = {(descriptor ? byte(3) : byte(4)) & 0x0f,
                                descriptor ? byte(4) : byte(14), descriptor ? byte(5) : byte(15)};
            return (key < 0 || seen[0] == key) && (asc < 0 || seen[1] == asc) &&
                   (ascq < 0 || seen[2] == ascq);
          }};
}

Outcome FunctionResponse(std::vector<uint32_t> responses) {
  return {"function response " + List(responses, 2), [responses](const Reaction& r) {
            const Pdu* last = Last(r);
            return r.alive && last != nullptr && last->opcode() == 0x22 &&
                   Contains(responses, last->u8(2));
          }};
}

Outcome LogoutResponse(std::vector<uint32_t> responses) {
  return {"logout response " + List(responses, 2), [responses](const Reaction& r) {
            return !r.pdus.empty() && r.pdus[0].opcode() == 0x26 &&
                   Contains(responses, r.pdus[0].u8(2));
          }};
}

Outcome TextAnswer(std::string text, std::function<bool(const Pdu&)> fits) {
  return {std::move(text), [fits = std::move(fits)](const Reaction& r) {
            const Pdu* last = Last(r);
            return r.alive && last != nullptr && last->opcode() == 0x24 && fits(*last);
          }};
}

Outcome Refused(std::vector<uint32_t> statuses) {
  return {"login status " + (statuses.empty() ? "of class 2 or 3" : List(statuses, 4)) +
              " and a closed connection",
          [statuses](const Reaction& r) {
            if (!r.closed || r.pdus.size() != 1 || r.pdus[0].opcode() != 0x23) return false;
            const uint32_t status = r.pdus[0].u16(36);
            return status >= 0x0200 && Contains(statuses, status);
          }};
}

Outcome HungUp() {
  return {"a closed connection", [](const Reaction& r) {
            return r.closed && std::none_of(r.pdus.begin(), r.pdus.end(), [](const Pdu& pdu) {
                     return pdu.opcode() == 0x23 && pdu.u16(36) == 0;
                   });
          }};
}

Outcome Proceeds() {
  return {"a Login Response with status 0", [](const Reaction& r) {
            return r.pdus.size() == 1 && r.pdus[0].opcode() == 0x23 && r.pdus[0].u16(36) == 0;
          }};
}

Outcome ProceedsWith(std::string pair) {
  return {"a Login Response with " + pair, [pair](const Reaction& r) {
            if (r.pdus.size() != 1 || r.pdus[0].opcode() != 0x23 || r.pdus[0].u16(36) != 0) {
              return false;
            }
            const std::multimap<std::string, std::string> pairs = Pairs(r.pdus[0].data);
            const size_t equals = pair.find('=');
            const auto found = pairs.find(pair.substr(0, equals));
            return found != pairs.end() && found->second == pair.substr(equals + 1);
          }};
}

}  // namespace isthmus::hostile
