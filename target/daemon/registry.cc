#include "target/daemon/registry.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace isthmus::target {

uint16_t Registry::NewTsih(const NexusKey& key) {
  for (int tries = 0; tries < 65535; ++tries) {
    if (++last_tsih_ == 0) ++last_tsih_;  // 0 is reserved, section 11.12.6
    if (by_tsih_.emplace(last_tsih_, key).second) return last_tsih_;
  }
  return 0;
}

void Registry::Claim(const NexusKey& key, std::shared_ptr<SessionHandle> holder, Granted granted) {
  std::shared_ptr<SessionHandle> previous;
  uint16_t tsih = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Nexus& nexus = nexuses_[key];
    if (nexus.holder != nullptr) {
      previous = nexus.holder;
      nexus.waiting.push_back({std::move(holder), std::move(granted)});
    } else {
      tsih = NewTsih(key);
      if (tsih != 0) {
        nexus.tsih = tsih;
        nexus.holder = std::move(holder);
      } else {
        nexuses_.erase(key);
      }
    }
  }
  // Outside the lock: both may call back into the registry.
  if (previous != nullptr) {
    previous->End();
  } else {
    granted(tsih);
  }
}

bool Registry::Exists(const NexusKey& key, uint16_t tsih) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_tsih_.find(tsih);
  return found != by_tsih_.end() && found->second == key;
}

void Registry::Leave(uint16_t tsih) {
  Waiting next;
  std::shared_ptr<SessionHandle> also_waiting_for;
  uint16_t next_tsih = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_tsih_.find(tsih);
    if (found == by_tsih_.end()) return;
    const NexusKey key = found->second;
    by_tsih_.erase(found);
    Nexus& nexus = nexuses_[key];
    if (nexus.waiting.empty()) {
      nexuses_.erase(key);
      return;
    }
    next = std::move(nexus.waiting.front());
    nexus.waiting.pop_front();
    next_tsih = NewTsih(key);
    nexus.tsih = next_tsih;
    nexus.holder = next.holder;
    if (!nexus.waiting.empty()) also_waiting_for = next.holder;
  }
  next.granted(next_tsih);
  if (also_waiting_for != nullptr) also_waiting_for->End();
}

void Registry::Withdraw(const SessionHandle* holder) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [key, nexus] : nexuses_) {
    std::erase_if(nexus.waiting,
                  [holder](const Waiting& waiting) { return waiting.holder.get() == holder; });
  }
}

void Registry::AbortOthers(const std::string& target_name, const SessionHandle* except,
                           const AbortScope& scope, AbortCause cause, std::function<void()> done,
                           const std::function<bool(const NexusKey&)>& among) {
  std::vector<std::shared_ptr<SessionHandle>> reached;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& [key, nexus] : nexuses_) {
      if (key.target_name == target_name && nexus.holder != nullptr &&
          nexus.holder.get() != except && (among == nullptr || among(key))) {
        reached.push_back(nexus.holder);
      }
    }
  }
  if (reached.empty()) {
    done();
    return;
  }
  auto left = std::make_shared<std::atomic<size_t>>(reached.size());
  for (const std::shared_ptr<SessionHandle>& session : reached) {
    session->Abort(scope, cause, [left, done] {
      if (left->fetch_sub(1) == 1) done();
    });
  }
}

}  // namespace isthmus::target
