// A hostile initiator: logs in as a good one, then sends whatever a scenario says. RFC 7143 chapter
// 6 and sections 11.3 to 11.18. The PDUs that its builders return are right as they stand; the
// scenario spoils them before Send().
//
//   Client client(attack);
//   client.Login({.keys = {"InitialR2T=No"}});
//   client.Send(client.Read(0, 8).U32(20, 7));
//   client.Judge({Rejected({0x04}), Closed()});
#ifndef ISTHMUS_FUZZ_HOSTILE_CLIENT_H_
#define ISTHMUS_FUZZ_HOSTILE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/pdu.h"

namespace isthmus::hostile {

inline constexpr uint32_t kReserved = 0xffffffff;  // section 11.2.1.8

struct LoginPlan {
  std::vector<std::string> keys =
      {};  // "Key=value": in place of, or beside, what is offered otherwise
  bool discovery = false;
  bool chap = false;
  std::string target = {};  // empty: Options::target_name, or chap_target if `chap`
  uint32_t tsih = 0, cid = 1;
  uint32_t port = 0;      // 0: a new one; else the initiator port of an earlier Client
  bool ready = true;      // clear unit attentions by TEST UNIT READY
  uint32_t cmd_sn = 100;  // the first
};

class Client {
 public:
  explicit Client(Attack& attack);

  Wire wire;
  std::multimap<std::string, std::string> answers;  // of the login
  uint32_t port = 0;                                // initiator name and ISID
  uint32_t tsih = 0, cid = 1;
  uint32_t cmd_sn = 100, exp_stat_sn = 0;
  uint32_t exp_cmd_sn = 0, max_cmd_sn = 0;  // as the target said last

  // ---- Login.
  std::string InitiatorName() const;
  std::string TargetName() const;
  // Flags: T 0x80, C 0x40, CSG in bits 3 and 2, NSG in bits 1 and 0.
  Pdu LoginRequest(uint32_t flags, const std::vector<std::string>& pairs);
  Pdu LoginRequestBytes(uint32_t flags, std::string text);
  // InitiatorName, TargetName, SessionType.
  std::vector<std::string> Names() const;
  // The same and AuthMethod=None, with which a login begins in the security stage: some targets want the key there.
  std::vector<std::string> FirstPairs() const;
  // A whole login, with digests as the run wants them. Throws NotApplicable if it does not succeed.
  void Login(const LoginPlan& plan = {});
  // What was agreed on, by the answer and the defaults of chapter 13.
  std::string Agreed(const std::string& key) const;
  uint32_t AgreedNumber(const std::string& key) const;
  // Sends a Login Request and takes the response; throws Failed if none comes.
  Pdu LoginStep(uint32_t flags, const std::vector<std::string>& pairs);
  // The security stage up to the target's challenge; throws NotApplicable if the target has no
  // CHAP.
  struct Challenge {
    uint32_t algorithm = 0;
    std::string identifier, challenge;  // as sent: text
  };
  Challenge ChapChallenge(const std::string& algorithms = "5");
  // CHAP_R of section 12.1.3, as 0x and hexadecimal digits.
  static std::string ChapResponse(const Challenge& challenge, const std::string& secret);
  // Waits for one answer to what was sent during login.
  Reaction LoginReaction();
  void JudgeLogin(std::initializer_list<Outcome> outcomes) {
    hostile::Judge(LoginReaction(), outcomes);
  }

  // ---- Full Feature Phase. Each takes the next Initiator Task Tag, and the next CmdSN unless it
  // is immediate.
  uint32_t NewTag() { return next_tag_++; }
  // Flags: F 0x80, R 0x40, W 0x20, ATTR.
  Pdu Command(uint32_t flags, uint32_t length, std::string cdb, std::string data = "");
  Pdu Inquiry(uint32_t length = 36);
  Pdu TestUnitReady();
  Pdu Read(uint32_t lba, uint32_t blocks);
  // Immediate data, and whether unsolicited Data-Out follow (F=0).
  Pdu Write(uint32_t lba, uint32_t blocks, std::string immediate_data = "", bool final = true);
  Pdu DataOut(uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset, std::string data,
              bool final = true);
  Pdu Ping(std::string data, bool immediate = true);
  Pdu TextRequest(uint32_t flags, uint32_t ttt, std::string text);
  Pdu Function(uint32_t function, uint32_t ref_itt = kReserved, uint32_t ref_cmd_sn = 0);
  Pdu Logout(uint32_t reason = 0);
  Pdu Snack(uint32_t type, uint32_t itt, uint32_t ttt, uint32_t begin, uint32_t length);
  void Send(const Pdu& pdu) { wire.Send(pdu); }

  // The next PDU that is not a ping of the target; throws Failed at the end or in silence.
  Pdu Take(const char* what);
  // The same, but only `opcode` will do.
  Pdu Take(uint32_t opcode, const char* what);
  // Ends a task that is to succeed: the SCSI Response or last Data-In of `itt`; throws Failed
  // unless its status is `status`. Data read is returned.
  std::string Finish(uint32_t itt, uint32_t status = 0);
  // Sends the data that R2Ts ask for, from `data`, and finishes.
  void Supply(uint32_t itt, std::string_view data);
  // Starts a write that waits for its data; its R2T.
  Pdu Stall(uint32_t lba, uint32_t blocks, uint32_t* itt, uint32_t* its_cmd_sn = nullptr);
  void WriteBlocks(uint32_t lba, uint32_t blocks, char fill);
  std::string ReadBlocks(uint32_t lba, uint32_t blocks);
  // Throws Failed unless all bytes of these blocks are `fill`.
  void MustHold(uint32_t lba, uint32_t blocks, char fill);
  // An INQUIRY in order succeeds: numbering is where it was.
  void MustWork();

  // Sends a ping behind the attack and gathers everything up to its answer, the close, or silence.
  Reaction React();
  // Gathers without a ping, for what leaves the peer in the middle of a PDU.
  Reaction ReactWithoutPing();
  // Reacts, and waits until an outcome fits or the deadline is over; what was seen.
  Reaction JudgeOnly(std::initializer_list<Outcome> outcomes);
  // The same, and if the session goes on it must also work.
  void Judge(std::initializer_list<Outcome> outcomes);

  Attack& attack() { return wire.attack(); }
  static constexpr uint32_t kBlock = 512;

 private:
  void TryLogin(const LoginPlan& plan);
  void Account(const Pdu& pdu);
  bool Unasked(const Pdu& pdu);
  Pdu Number(Pdu pdu);

  LoginPlan plan_;
  uint32_t login_tag_ = 0x10;
  uint32_t next_tag_ = 0x1000;
};

// ---- Outcomes in the Full Feature Phase.
// Nothing but the answer to the ping came.
Outcome Ignored();
// A Reject with one of these reasons (none given: any), and the session goes on.
Outcome Rejected(std::vector<uint32_t> reasons = {});
// The connection is closed, and nothing was answered with good status.
Outcome Closed();
// A SCSI Response, or Data-In with status, and the session goes on; Rejects may have come before.
Outcome Status(uint32_t status);
Outcome Good();
// Sense key, ASC and ASCQ; -1: any.
Outcome CheckCondition(int key = -1, int asc = -1, int ascq = -1);
Outcome FunctionResponse(std::vector<uint32_t> responses);
Outcome LogoutResponse(std::vector<uint32_t> responses);
// A Text Response that fits the predicate.
Outcome TextAnswer(std::string text, std::function<bool(const Pdu&)> fits);

// ---- Outcomes in the Login Phase.
// A Login Response with one of these statuses, class << 8 | detail (none given: any of class 2
// and 3), then the connection is closed.
Outcome Refused(std::vector<uint32_t> statuses = {});
// The connection is closed without a Login Response that accepts.
Outcome HungUp();
// A Login Response with status 0.
Outcome Proceeds();
// The same, with this pair in it.
Outcome ProceedsWith(std::string pair);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_CLIENT_H_
