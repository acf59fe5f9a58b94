// A simulated initiator: a real session of initiator/, its work, and the oracle's view of it.
// RFC 7143 sections 6.3.5, 7.2 (retry), 11.5, 11.14.
//
// Who owns which bytes: each operation's buffers live until its kCompleted, in memory of exactly
// their size.
//
//   host.Submit();  host.Drain();  if (host.wants_link()) host.Open(link);
#ifndef ISTHMUS_FUZZ_SIMULATOR_HOST_H_
#define ISTHMUS_FUZZ_SIMULATOR_HOST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/simulator/guarded_memory.h"
#include "fuzz/simulator/link.h"
#include "fuzz/simulator/world.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"

namespace isthmus::simulator {

class Host {
 public:
  Host(World& world, uint32_t index);

  void Open(Link& link);
  bool Receive(const RxSegment& segment);
  size_t PollTransmit(std::span<TxSlice> out);
  void OnSent(size_t bytes, std::optional<uint64_t> done);
  void OnTransportDone(uint64_t offset);
  void OnTransportClosed();
  void Resolve(uint32_t ticket, digest::Evidence header, digest::Evidence data);
  size_t UnconsumedRx() const;
  size_t WantRx(std::span<RxWant> out);
  void Drain();

  // Gives the host one more thing to do.
  void Add(const Operation& operation) { work_.push_back(operation); }
  bool CanSubmit() const;
  void Submit();
  // Nothing is left to do, and the session is over.
  bool done() const { return ended_; }
  bool idle() const { return next_ == work_.size() && operations_.empty(); }
  void EndWhenIdle() { leaving_ = true; }
  bool wants_link() const;

  Instant NextTimeout() const;
  void HandleTimeouts();
  std::string State() const;

  Link* link = nullptr;  // nullptr: no transport
  bool closing = false, flush = false;

 private:
  struct Pending {
    Operation operation;
    initiator::TaskId task;
    uint64_t write = 0, read = 0;  // of the model
    std::unique_ptr<std::byte[]> buffer;
    size_t bytes = 0;
    Instant deadline{0};
    bool aborting = false;
  };

  initiator::Command Command(const Operation& operation, Pending& pending);
  void SubmitCommand(const Operation& operation);
  void SubmitOther(const Operation& operation);
  void OnEvent(const initiator::Event& event);
  void OnCompleted(const initiator::Event& event);
  void OnOther(const initiator::Event& event);
  void CheckRead(const Pending& pending, const initiator::Event& event);
  void Abort(uint64_t cookie, Pending& pending);

  World& world_;
  uint32_t index_;
  const HostConfig& config_;
  std::string name_;
  std::optional<GuardedMemory> memory_;  // of the session
  // Of the login, and of the session's connection, which may outlive its transport.
  std::unique_ptr<GuardedMemory> login_memory_, connection_memory_;
  std::optional<initiator::Connection> login_;
  std::optional<initiator::Session> session_;
  ConnectionId id_;
  Instant connect_at_{0}, next_submit_{0};
  std::vector<Operation> work_;
  size_t next_ = 0;
  std::map<uint64_t, Pending> operations_;  // by cookie
  std::vector<uint64_t> in_doubt_;          // writes of the model whose fate the next login settles
  std::array<std::byte, 32> cdb_ = {};
  std::array<std::byte, 4096> text_ = {};
  uint64_t cookies_ = 0;
  bool leaving_ = false, logging_out_ = false, ended_ = false;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_HOST_H_
