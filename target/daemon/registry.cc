#include "target/daemon/registry.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>
#include <vector>

namespace isthmus::target {

uint16_t Registry::NewTsih() {
  for (int tries = 0; tries < 65535; ++tries) {
    if (++last_tsih_ == 0) ++last_tsih_;  // 0 is reserved, section 11.12.6
    if (!by_tsih_.contains(last_tsih_)) return last_tsih_;
  }
  return 0;
}

void Registry::Claim(const NexusKey& key, std::shared_ptr<SessionHandle> holder, Granted granted) {
  std::shared_ptr<SessionHandle> previous;
  uint16_t tsih = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = nexuses_.find(key);
    if (found != nexuses_.end()) {
      previous = found->second.holder;
      found->second.waiting.push_back({std::move(holder), std::move(granted)});
    } else if (tsih = NewTsih(); tsih != 0) {
      const auto entry = by_tsih_.emplace(tsih, key).first;
      try {
        nexuses_.emplace(key, Nexus{tsih, std::move(holder), {}});
      } catch (const std::bad_alloc&) {
        by_tsih_.erase(entry);
        throw;
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
    auto entry = by_tsih_.extract(found);  // of the next holder, under another number
    const auto held = nexuses_.find(entry.mapped());
    Nexus& nexus = held->second;
    if (nexus.waiting.empty()) {
      nexuses_.erase(held);
      return;
    }
    next = std::move(nexus.waiting.front());
    nexus.waiting.pop_front();
    next_tsih = NewTsih();
    entry.key() = next_tsih;
    by_tsih_.insert(std::move(entry));
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
