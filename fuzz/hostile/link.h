// What a scenario runs over: one transport connection at a time, in memory or a socket. The hostile
// side sends bytes as segments that it chooses, and waits for bytes, the peer's close, or silence.
//
// Time in memory is virtual: Receive() moves the peer's clock on and returns at once.
//
//   std::unique_ptr<Link> link = peer.Open(deadline_ms);   // nullptr: no connection came about
//   link->Send(bytes);
//   std::string answer;
//   switch (link->Receive(1000, &answer)) { case Link::Got::kClosed: ... }
#ifndef ISTHMUS_FUZZ_HOSTILE_LINK_H_
#define ISTHMUS_FUZZ_HOSTILE_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace isthmus::hostile {

class Link {
 public:
  enum class Got : uint8_t { kBytes, kClosed, kSilence };

  virtual ~Link() = default;
  // One segment. What cannot be sent because the peer has closed is dropped.
  virtual void Send(std::string_view bytes) = 0;
  // The peer reads the end of the stream; this side can still receive.
  virtual void EndStream() = 0;
  // Appends what has come; waits at most `deadline_ms` for the first byte.
  virtual Got Receive(int64_t deadline_ms, std::string* bytes) = 0;
  // Bytes that Send() could not give away yet: the peer does not read.
  virtual size_t Unsent() const { return 0; }
};

// What an initiator is to do while it is attacked.
enum class Work : uint8_t {
  kNone,
  kRead,      // 64 KiB or more from block 0 on
  kWrite,     // 64 KiB or more to block 0 on
  kDiscover,  // SendTargets=All in a discovery session
  kChapRead,  // kRead behind mutual CHAP, with the account of Options
  kReset,     // a LOGICAL UNIT RESET
};

enum class WorkResult : uint8_t {
  kUnknown,  // nobody can see it
  kRunning,
  kGood,     // reported as done
  kCorrupt,  // reported as done, with other bytes than a target ever sent for them
  kFailed,   // reported as failed
};

// The side under attack.
class Peer {
 public:
  virtual ~Peer() = default;
  // A target: connects. An initiator: waits until it connects.
  virtual std::unique_ptr<Link> Open(int64_t deadline_ms) = 0;
  // An initiator: begins the work, which makes it connect. False: it cannot do such work.
  virtual bool Begin(Work work) {
    (void)work;
    return false;
  }
  // How the work went; waits for its end.
  virtual WorkResult Result(int64_t deadline_ms) {
    (void)deadline_ms;
    return WorkResult::kUnknown;
  }
  // The scenario has said everything and waits for what it judges by.
  virtual void JudgementBegins() {}
  // Sessions, tasks or other things that this peer still holds though it should not: "", or what.
  virtual std::string Leftovers() { return ""; }
};

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_LINK_H_
