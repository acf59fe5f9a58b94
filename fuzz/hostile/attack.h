// One run of one named test against one peer, and how a scenario says what it saw. A scenario is
// straight text: it sends, waits, and throws Failed or NotApplicable; returning means pass.
//
//   {"target.data_out.no_task", Side::kTarget, "11.17.1", "Data-Out for a tag of no task",
//    "Reject 0x09 or a closed connection", [](Attack& attack) {
//      Client client(attack);
//      client.Login();
//      client.Send(client.DataOut(...));
//      client.Judge({Rejected({0x09}), Closed()});
//    }},
//
//   Verdict verdict = Run(test, peer, options);
#ifndef ISTHMUS_FUZZ_HOSTILE_ATTACK_H_
#define ISTHMUS_FUZZ_HOSTILE_ATTACK_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fuzz/hostile/link.h"
#include "fuzz/hostile/pdu.h"

namespace isthmus::hostile {

enum class Side : uint8_t { kTarget, kInitiator };  // that is attacked

// How the bytes of one flush reach the peer.
enum class Chunking : uint8_t {
  kWhole,   // all PDUs in one segment
  kPdus,    // each PDU in one segment
  kBytes,   // each byte in a segment of its own
  kRandom,  // cut by Options::seed
};
const char* Name(Chunking chunking);

struct Account {
  std::string user, secret;                // of the initiator
  std::string mutual_user, mutual_secret;  // of the target; empty: none
};

struct Options {
  Digests digests;
  Chunking chunking = Chunking::kWhole;
  uint32_t seed = 1;
  std::string target_name;        // a target that asks for no authentication
  std::string chap_target;        // one that demands CHAP; empty: tests of CHAP are not applicable
  Account account;                // for chap_target
  uint32_t lun = 0;               // of a disk that the tests may overwrite
  int64_t deadline_ms = 1000;     // how long to wait for what is due
  int64_t login_deadline_ms = 0;  // what the peer grants a whole login; 0: not known
  int64_t gap_deadline_ms = 0;    // how long it waits for a missing CmdSN; 0: not known
  bool thorough = false;          // every bit instead of some
};

struct Failed {
  std::string text;
};
struct NotApplicable {
  std::string text;
};

class Attack {
 public:
  Attack(Peer& attacked, const Options& how) : peer(attacked), options(how) {}
  Peer& peer;
  const Options& options;
  // What was sent from the last Flush() on, and what comes back, is what counts.
  void BeginJudgement() {
    judging = true;
    peer.JudgementBegins();
  }
  std::vector<std::string> transcript;  // what the peer said, PDU by PDU
  bool judging = false;
  // Names of initiators, ISIDs: each connection of a run that wants a nexus of its own takes one.
  uint32_t next_port = 1;
};

// Needs beyond a peer that lets one log in.
inline constexpr uint32_t kNeedsHeaderDigest = 1;
inline constexpr uint32_t kNeedsDataDigest = 2;

struct Case {
  const char* name;
  Side side;
  const char* clause;    // of RFC 7143, unless it says otherwise
  const char* what;      // is done
  const char* required;  // outcome
  void (*run)(Attack&);
  uint32_t needs = 0;
};

struct Verdict {
  enum Kind : uint8_t { kPass, kFail, kNotApplicable };
  Kind kind = kPass;
  std::string text;     // why, if not kPass
  bool judged = false;  // the judgement had begun: the peer did what comes before it
  std::vector<std::string> transcript;
};

// All tests, target's first, in the order of their files.
std::vector<Case> AllCases();

Verdict Run(const Case& test, Peer& peer, const Options& options);

// Sends and receives PDUs of one connection under the run's chunking.
class Wire {
 public:
  struct Seen {
    Link::Got got = Link::Got::kSilence;
    Pdu pdu;
  };

  // Waits for the connection; throws NotApplicable if none comes about.
  explicit Wire(Attack& attack);

  Digests digests;  // from the next PDU on, in both directions

  void Send(const Pdu& pdu) { SendRaw(pdu.Encode(digests)); }
  void SendRaw(std::string bytes);
  // Sends what was queued. Receiving does it too.
  void Flush();
  void EndStream();
  // Drops the connection without a word.
  void Drop() { link_.reset(); }
  Seen Next(int64_t deadline_ms);
  Seen Next() { return Next(attack_.options.deadline_ms); }
  // The peer closed, or the connection was dropped.
  bool closed() const { return closed_ || link_ == nullptr; }
  size_t unsent() const { return link_ == nullptr ? 0 : link_->Unsent(); }
  // Takes bytes without decoding them, for floods; false: closed.
  size_t received_bytes() const { return received_; }
  Attack& attack() { return attack_; }

 private:
  uint32_t Random();

  Attack& attack_;
  std::unique_ptr<Link> link_;
  Decoder decoder_;
  std::vector<std::string> queued_;
  uint32_t random_;
  size_t received_ = 0;
  bool closed_ = false;
};

// What followed an attack.
struct Reaction {
  std::vector<Pdu> pdus;  // pings and their answers left out
  bool closed = false;
  bool alive = false;  // a ping that was sent behind the attack was answered
  // Of an initiator.
  WorkResult work = WorkResult::kUnknown;
  bool logout = false;       // it logged out
  bool reconnected = false;  // it came back, and was served well then

  std::string Describe() const;
};

// One acceptable outcome.
struct Outcome {
  std::string text;
  std::function<bool(const Reaction&)> matches;
};

// Throws Failed unless one matches.
void Judge(const Reaction& reaction, std::initializer_list<Outcome> outcomes);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_ATTACK_H_
