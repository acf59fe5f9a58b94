#include "transport/event_loop.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace isthmus::transport {
namespace {

// A yield that took so long gave the processor to others. A thread that looks on then only uses up its share of it, and gets
// it back later than one that slept: the loop sleeps, also in the next so many waits.
constexpr Duration kCrowded = Microseconds(30);
constexpr int kCrowdedWaits = 1000;

}  // namespace

Instant MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant{static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec};
}

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (epoll_ < 0 || wake_ < 0) std::abort();  // out of descriptors before anything was served
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

EventLoop::~EventLoop() {
  close(wake_);
  close(epoll_);
}

bool EventLoop::Watch(int fd, uint32_t events, Ready ready) {
  auto watched = std::make_shared<Watched>();
  watched->ready = std::move(ready);
  watched->events = events;
  watched_[fd] = std::move(watched);
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return true;
  watched_.erase(fd);
  return false;
}

bool EventLoop::Rewatch(int fd, uint32_t events) {
  const auto found = watched_.find(fd);
  if (found == watched_.end() || found->second->events == events) return true;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) return false;
  found->second->events = events;
  return true;
}

void EventLoop::Unwatch(int fd) {
  if (watched_.erase(fd) != 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

TimerId EventLoop::AddTimer(std::function<void(Instant)> expired) {
  const TimerId id = next_timer_++;
  auto timer = std::make_shared<Timer>();
  timer->expired = std::move(expired);
  TimerQueue one;
  timer->node = one.extract(one.emplace(0, id));
  if (due_.capacity() <= timers_.size()) due_.reserve(2 * timers_.size() + 16);
  timers_[id] = std::move(timer);
  return id;
}

void EventLoop::SetTimer(TimerId id, Instant at) {
  const auto found = timers_.find(id);
  if (found == timers_.end()) return;
  Timer& timer = *found->second;
  if (timer.is_queued) {
    if (timer.queued->first == at.ns) return;
    timer.node = queue_.extract(timer.queued);
  }
  timer.node.key() = at.ns;
  timer.queued = queue_.insert(std::move(timer.node));
  timer.is_queued = true;
}

void EventLoop::ClearTimer(TimerId id) {
  const auto found = timers_.find(id);
  if (found == timers_.end() || !found->second->is_queued) return;
  found->second->node = queue_.extract(found->second->queued);
  found->second->is_queued = false;
}

void EventLoop::RemoveTimer(TimerId id) {
  ClearTimer(id);
  timers_.erase(id);
}

void EventLoop::Queue(std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(posted_mutex_);
    posted_.push_back(std::move(work));
  }
  const uint64_t one = 1;
  (void)!write(wake_, &one,
               sizeof one);  // fails only when the counter is full: the loop is awake then
}

void EventLoop::Stop() {
  Post([this] { stopping_ = true; });
}

int EventLoop::SleepMilliseconds() const {
  if (!deferred_.empty()) return 0;
  if (queue_.empty()) return -1;
  const int64_t left_ns = queue_.begin()->first - MonotonicNow().ns;
  if (left_ns <= 0) return 0;
  return static_cast<int>(std::min<int64_t>(left_ns / 1'000'000 + 1, 3'600'000));
}

// Looks without sleeping, until something is ready, a timer is due, the time is up or others want the processor.
int EventLoop::Spin(std::span<epoll_event> ready, Instant from) {
  ++spins_;
  Instant until = from + max_spin_;
  if (!queue_.empty() && queue_.begin()->first < until.ns) until.ns = queue_.begin()->first;
  for (Instant looked = from;;) {
    const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 0);
    if (count > 0) ++spins_that_found_;
    const Instant now = MonotonicNow();
    if (now - looked > kCrowded) {
      short_waits_ = -kCrowdedWaits;
      return count;
    }
    if (count != 0 || now >= until) return count;
    looked = now;
    sched_yield();
  }
}

int EventLoop::Wait(std::span<epoll_event> ready) {
  const int size = static_cast<int>(ready.size());
  if (max_spin_ <= Duration{} || !deferred_.empty()) {
    return epoll_wait(epoll_, ready.data(), size, SleepMilliseconds());
  }
  const Instant from = MonotonicNow();
  int count = 0;
  if (short_waits_ == kShortWaits) count = Spin(ready, from);
  if (count == 0) count = epoll_wait(epoll_, ready.data(), size, SleepMilliseconds());
  const bool was_short = count > 0 && MonotonicNow() - from <= max_spin_;
  short_waits_ = was_short ? std::min(short_waits_ + 1, kShortWaits) : std::min(short_waits_, 0);
  return count;
}

void EventLoop::RunPosted() {
  uint64_t count = 0;
  (void)!read(wake_, &count, sizeof count);
  std::vector<std::function<void()>> work;
  {
    std::lock_guard<std::mutex> lock(posted_mutex_);
    work.swap(posted_);
  }
  for (auto& each : work) each();
}

void EventLoop::RunDeferred() {
  std::vector<std::function<void()>> work;
  work.swap(deferred_);
  for (auto& each : work) each();
}

void EventLoop::RunTimers() {
  if (queue_.empty()) return;
  const Instant now = MonotonicNow();
  // Only what is due now: a callback that sets its timer to the past must not hold the loop.
  due_.clear();
  for (auto it = queue_.begin(); it != queue_.end() && it->first <= now.ns; ++it)
    due_.push_back(it->second);
  for (size_t i = 0; i < due_.size(); ++i) {  // a callback that adds a timer may move them
    const auto found = timers_.find(due_[i]);
    if (found == timers_.end() || !found->second->is_queued)
      continue;  // an earlier callback cleared it
    const std::shared_ptr<Timer> timer = found->second;
    ClearTimer(due_[i]);
    timer->expired(now);
  }
}

void EventLoop::Run() {
  std::array<epoll_event, 64> ready;
  stopping_ = false;  // it may have run before
  while (!stopping_) {
    const int count = Wait(ready);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[static_cast<size_t>(i)].data.fd;
      if (fd == wake_) {
        RunPosted();
        continue;
      }
      const auto found = watched_.find(fd);
      if (found == watched_.end()) continue;  // an earlier callback of this turn has unwatched it
      const std::shared_ptr<Watched> watched = found->second;
      watched->ready(ready[static_cast<size_t>(i)].events);
    }
    RunTimers();
    RunDeferred();
  }
}

}  // namespace isthmus::transport
