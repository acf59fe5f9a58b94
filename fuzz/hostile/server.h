// A hostile target: serves an initiator as a good one until the scenario takes over. RFC 7143
// sections 11.4 (SCSI Response), 11.7 (Data-In), 11.8 (R2T), 11.9, 11.13, 11.17, 11.19.
//
// Byte i of its disk is Pattern(i), so that whoever reads can tell wrong data.
//
//   Server server(attack, Work::kRead);
//   server.Login();
//   const Pdu read = server.AwaitRead(2048);
//   server.Send(server.DataIn(read, 0, read.u32(20), 512));   // beyond what was asked for
//   server.Judge({Dropped(), TaskFails()});
#ifndef ISTHMUS_FUZZ_HOSTILE_SERVER_H_
#define ISTHMUS_FUZZ_HOSTILE_SERVER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/pdu.h"
#include "fuzz/hostile/stub_target.h"

namespace isthmus::hostile {

class Server {
 public:
  // Makes the initiator begin, and waits for its connection.
  Server(Attack& attack, Work work);

  StubDisk disk;
  StubTarget stub;  // numbering, and the answers of a good target
  Wire wire;

  // ---- Login.
  // A whole one; `keys` replace answers, or with a + in front stand beside them in the last
  // response. Throws NotApplicable if the initiator does not come through, or offers no digests
  // where the run wants them.
  void Login(const std::vector<std::string>& keys = {});
  // The next Login Request.
  Pdu TakeLogin();
  // As a good target, up to the request that ends the login, which is returned unanswered.
  Pdu LoginUpToLast();
  // What a good target answers, for the scenario to spoil.
  Pdu AnswerTo(const Pdu& login) { return stub.LoginResponse(login); }
  // The initiator gave up: the connection is closed, and the work failed.
  void JudgeLogin(std::initializer_list<Outcome> outcomes);

  // ---- Full Feature Phase. Each serves what comes before as a good target does.
  // A READ of at least `least` bytes, not answered.
  Pdu AwaitRead(uint32_t least = 4096);
  // A WRITE; its immediate data, if any, is in it. Unsolicited Data-Out are left to come.
  Pdu AwaitWrite(uint32_t least = 4096);
  Pdu Await(uint32_t opcode, const char* what);
  Pdu AwaitIf(const std::function<bool(const Pdu&)>& wanted, const char* what);
  void Serve(const Pdu& request);

  void Send(const Pdu& pdu) { wire.Send(pdu); }
  // Data as the disk holds it; flags F 0x80, A 0x40, O 0x04, U 0x02, S 0x01.
  Pdu DataIn(const Pdu& read, uint32_t data_sn, uint32_t offset, uint32_t length,
             uint32_t flags = 0x80);
  Pdu Response(const Pdu& command, uint32_t status = 0, std::string data = "");
  Pdu R2t(const Pdu& write, uint32_t ttt, uint32_t r2t_sn, uint32_t offset, uint32_t length);
  Pdu Reject(uint32_t reason, const Pdu& bad);
  Pdu Async(uint32_t event, uint32_t parameter1 = 0, uint32_t parameter2 = 0,
            uint32_t parameter3 = 0);
  Pdu Ping(uint32_t ttt);
  // Fixed format, behind its length (section 11.4.7).
  static std::string Sense(uint32_t key, uint32_t asc);

  // Pings, then serves as a good target until the work ends, the connection closes, or nothing
  // comes any more. `pdus` are what came, the ping's answer left out.
  Reaction React();
  void Judge(std::initializer_list<Outcome> outcomes) { hostile::Judge(React(), outcomes); }

  Attack& attack() { return wire.attack(); }

 private:
  void Gather(Reaction& reaction, bool ping);
  void ServeOthers(Reaction& reaction);
  void Answer(Wire& on, StubTarget& as, const Pdu& request);

  uint32_t next_ttt_ = 0x7000;
};

// ---- Outcomes.
// The initiator closed the connection, perhaps behind a Logout Request; its work did not end well by
// what it was told here.
Outcome Dropped();
// The work failed.
Outcome TaskFails();
// It stays, and the work ends well with the right data.
Outcome TaskSucceeds();
// It stays; the work does not end with wrong data.
Outcome Stays();
Outcome LogsOut();

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_SERVER_H_
