// Connections that have not logged in yet: how many there may be, and who has to make room. Whoever
// can reach a portal can open connections; what they may cost stays bounded, and a flood of them
// neither keeps out who logs in from elsewhere nor touches a session. Discovery sessions count too.
// RFC 7143 sections 6.3 (login phase), 9 (security).
//
//   Doorkeeper door(256);
//   uint64_t id = door.Enter(peer_host, &victim);      // victim: to be ended in its favour
//   door.Leave(id);                                    // logged in, or closed; from any thread
#ifndef ISTHMUS_TARGET_DAEMON_DOORKEEPER_H_
#define ISTHMUS_TARGET_DAEMON_DOORKEEPER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <string>

namespace isthmus::target {

class Doorkeeper {
 public:
  explicit Doorkeeper(size_t most) : most_(most) {}

  // A connection from `host`. Above the limit the oldest one of the host that has most is named: it
  // is to be closed, and counts as leaving until Leave(). std::bad_alloc: it is not in.
  uint64_t Enter(const std::string& host, std::optional<uint64_t>* victim) {
    std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t id = ++last_;
    victim->reset();
    try {
      host_of_[id] = host;
      by_host_[host].insert(id);
      NameVictim(victim);
    } catch (const std::bad_alloc&) {
      Remove(id);
      throw;
    }
    return id;
  }

  void Leave(uint64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    leaving_.erase(id);
    Remove(id);
  }

  // Those that are leaving included.
  size_t inside() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return host_of_.size() + leaving_.size();
  }
  // Closing falls behind: nobody is to be let in for a moment.
  bool crowded() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return leaving_.size() >= most_;
  }

 private:
  void NameVictim(std::optional<uint64_t>* victim) {
    if (host_of_.size() <= most_) return;
    const std::set<uint64_t>* crowd = nullptr;
    for (const auto& [name, ids] : by_host_) {
      if (crowd == nullptr || ids.size() > crowd->size()) crowd = &ids;
    }
    const uint64_t oldest = *crowd->begin();
    leaving_.insert(oldest);
    Remove(oldest);
    *victim = oldest;
  }

  void Remove(uint64_t id) {
    const auto found = host_of_.find(id);
    if (found == host_of_.end()) return;
    const auto host = by_host_.find(found->second);
    if (host != by_host_.end()) {
      host->second.erase(id);
      if (host->second.empty()) by_host_.erase(host);
    }
    host_of_.erase(found);
  }

  const size_t most_;
  mutable std::mutex mutex_;  // guards what follows
  uint64_t last_ = 0;
  std::map<uint64_t, std::string> host_of_;  // ids grow: the oldest first
  std::map<std::string, std::set<uint64_t>> by_host_;
  std::set<uint64_t> leaving_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_DOORKEEPER_H_
