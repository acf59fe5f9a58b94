// Which sessions exist, over all threads: who may claim an I_T nexus, and whom a reset reaches. RFC 7143 sections 6.3.5
// (session reinstatement), 7.4.2 (of discovery sessions), 10.1.1 (ISID rule), 11.12.6 (TSIH), 4.2.3.3 (multi-task
// abort).
//
// A nexus is held from the moment it is granted until Leave(). A second claim makes the holder end its session, and is
// answered when it has left; claims that race are granted one after the other, in their order.
//
//   registry.Claim(key, holder, [loop](uint16_t tsih) { loop.Post(...) });    // from any thread
//   registry.Leave(tsih);
#ifndef ISTHMUS_TARGET_DAEMON_REGISTRY_H_
#define ISTHMUS_TARGET_DAEMON_REGISTRY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "target/session.h"

namespace isthmus::target {

// The initiator port and the target port of a session: of what there may be one session only.
struct NexusKey {
  std::string initiator_name;
  std::array<std::byte, 6> isid{};
  std::string target_name;    // empty: a discovery session that named no target
  uint16_t portal_group = 1;  // with the name: the target's port (section 4.4.1)
  std::string portal;  // of a session that named no target: where it came in (section 7.4.2.1)

  bool operator<(const NexusKey& other) const {
    return std::tie(initiator_name, isid, target_name, portal_group, portal) <
           std::tie(other.initiator_name, other.isid, other.target_name, other.portal_group,
                    other.portal);
  }
  bool operator==(const NexusKey& other) const = default;
};

// Why a session's tasks are aborted for another one.
enum class AbortCause : uint8_t {
  kReset,         // the unit attention of the reset stands for them
  kClearTaskSet,  // whose commands these were is told so (SAM-5 7.4)
  kPreempted,     // PREEMPT AND ABORT: the reservation's unit attention
};

// How the registry reaches a session on whatever thread it lives. Each call returns at once.
class SessionHandle {
 public:
  virtual ~SessionHandle() = default;
  virtual void End() = 0;
  // Aborts its tasks in `scope`, then calls `done` once, on any thread; also if the session ends meanwhile.
  virtual void Abort(const AbortScope& scope, AbortCause cause, std::function<void()> done) = 0;
};

class Registry {
 public:
  using Granted = std::function<void(uint16_t tsih)>;  // 0: no TSIH is free

  // Grants a new session on the nexus, at once or later. `granted` may be called on another session's thread, and must not
  // throw. std::bad_alloc: nothing is claimed.
  void Claim(const NexusKey& key, std::shared_ptr<SessionHandle> holder, Granted granted);
  // Whether `tsih` is a session of this nexus.
  bool Exists(const NexusKey& key, uint16_t tsih);
  // The session is gone, or its claim has come to nothing: the next claim is granted. Takes no memory.
  void Leave(uint16_t tsih);
  // Takes back a claim that was not granted yet.
  void Withdraw(const SessionHandle* holder);

  // Aborts the tasks in `scope` of every session of the target but `except`, of those that `among` names if it is set;
  // `done` is called once, when all are gone.
  void AbortOthers(const std::string& target_name, const SessionHandle* except,
                   const AbortScope& scope, AbortCause cause, std::function<void()> done,
                   const std::function<bool(const NexusKey&)>& among = nullptr);

 private:
  struct Waiting {
    std::shared_ptr<SessionHandle> holder;
    Granted granted;
  };
  struct Nexus {
    uint16_t tsih = 0;
    std::shared_ptr<SessionHandle> holder;
    std::deque<Waiting> waiting;
  };

  uint16_t NewTsih();  // under mutex_; one that is free

  std::mutex mutex_;  // guards what follows
  std::map<NexusKey, Nexus> nexuses_;
  std::map<uint16_t, NexusKey> by_tsih_;
  uint16_t last_tsih_ = 0;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_REGISTRY_H_
