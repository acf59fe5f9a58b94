// The simulated target: real engines of target/, with a disk that is slow, full, failing or lost.
// RFC 7143 sections 6.3.5 (reinstatement), 11.5 (task management).
//
// Who owns which bytes: each task's buffer lives until its kTaskReleased, in memory of exactly its
// size.
//
//   node.Receive(link, segment);  node.Drain();  node.Work();
#ifndef ISTHMUS_FUZZ_SIMULATOR_TARGET_NODE_H_
#define ISTHMUS_FUZZ_SIMULATOR_TARGET_NODE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/simulator/link.h"
#include "fuzz/simulator/world.h"
#include "target/event.h"
#include "target/session.h"

namespace isthmus::simulator {

// A task on the target's side.
struct Io {
  enum class State : uint8_t { kNew, kData, kDisk, kSend, kStatus, kDone };
  target::TaskId id;
  State state = State::kNew;
  bool read = false, write = false, command = false, aborted = false, window_open = false;
  bool twice = false, lost = false, kept = false;
  uint32_t lba = 0, blocks = 0, expected = 0, least = 0;
  uint32_t accepted = 0, sent = 0;
  uint32_t notices = 0;  // kSourceReleased that are owed
  uint8_t status = 0;
  Instant ready{0};
  std::unique_ptr<std::byte[]> buffer;
  size_t buffer_bytes = 0;
};

// A session on the target's side, from its attachment to kSessionEnded.
struct Served {
  std::string port;
  uint64_t number = 0;
  std::optional<GuardedMemory> memory;
  std::shared_ptr<GuardedMemory> connection_memory;
  std::map<uint32_t, Io> tasks;            // by slot
  std::optional<target::Session> session;  // in `memory`
  uint32_t texts = 0;                      // answers of AnswerText not yet released
  bool ended = false, dropped = false;
  uint32_t max_cmd_sn = 0;
  bool have_max_cmd_sn = false;
};

class TargetNode {
 public:
  explicit TargetNode(World& world);

  void Open(Link& link);
  bool Receive(Link& link, const RxSegment& segment);
  size_t PollTransmit(Link& link, std::span<TxSlice> out);
  void OnSent(Link& link, size_t bytes, std::optional<uint64_t> done);
  void OnTransportDone(Link& link, uint64_t offset);
  void OnTransportClosed(Link& link);
  void Resolve(Link& link, uint32_t ticket, digest::Evidence header, digest::Evidence data);
  size_t UnconsumedRx(Link& link);
  size_t WantRx(Link& link, std::span<RxWant> out);

  // Pulls all events of all sessions and logins.
  void Drain();
  // Moves one task on; false: none is ready.
  bool Work();
  // Of the next task that only waits for time.
  Instant NextReady() const;
  Instant NextTimeout() const;
  void HandleTimeouts();
  // Asks one of the host's connections to log out.
  void AskLogout(uint32_t host);
  // Everything but the disk is forgotten; the links must be closed by the caller.
  void Restart();
  void Heal();
  bool idle() const { return served_.empty(); }

  std::vector<Link*> links;  // open at this end; kept by the simulation

 private:
  struct Reset {
    std::shared_ptr<Served> from;
    target::RequestId request;
    std::vector<uint64_t> waits_for;  // numbers of sessions
    uint64_t cookie = 0;
  };

  void OnEvent(Link& link, const target::Event& event);
  void OnEvent(const std::shared_ptr<Served>& served, const target::Event& event);
  void OnLinkEvent(Link& link, const target::Event& event);
  void Announce(Served& served, const target::Event& event);
  void OnTaskManagement(const std::shared_ptr<Served>& served, const target::Event& event);
  void ScopeAborted(uint64_t number, uint64_t cookie);
  // False: no claim moved on.
  bool SettleClaims();
  void Attach(Link& link);
  void Step(Served& served, Io& io);
  void LendWindow(Served& served, Io& io);
  void StartDisk(Io& io);
  void DiskDone(Io& io);
  void Give(Served& served, Io& io);
  void Answer(Served& served, Io& io);
  void Release(Served& served, Io& io);
  void Check(Served& served);
  std::span<std::byte> Block(uint32_t lba);

  World& world_;
  std::vector<std::byte> disk_, before_;  // before_: each block as it was before its last write
  std::vector<std::shared_ptr<Served>> served_;
  std::vector<Reset> resets_;
  uint64_t requests_ = 0, sessions_ = 0, cookies_ = 0;
  uint16_t tsih_ = 0;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_TARGET_NODE_H_
