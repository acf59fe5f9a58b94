// One thread's loop over epoll: descriptors, timers, and work posted by other threads. Sleeps while nothing happens; where
// asked to, looks a little longer before it sleeps while events follow each other closely (SetMaxSpin).
// No clause of RFC 7143. A loop owns its callbacks, not the descriptors.
//
//   EventLoop loop;
//   loop.Watch(fd, EPOLLIN, [&](uint32_t ready) { … });
//   TimerId timer = loop.AddTimer([&](Instant now) { … });
//   loop.SetTimer(timer, deadline);
//   other thread: loop.Post([&] { … });
//   loop.Run();                       // until Stop()
#ifndef ISTHMUS_TRANSPORT_EVENT_LOOP_H_
#define ISTHMUS_TRANSPORT_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "protocol/time.h"
#include "transport/wait_for_memory.h"

namespace isthmus::transport {

// CLOCK_MONOTONIC.
Instant MonotonicNow();

using TimerId = uint64_t;

class EventLoop {
 public:
  using Ready = std::function<void(uint32_t events)>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Only from the loop's thread, or before Run().
  // False: the system has no room for it; nothing is watched.
  bool Watch(int fd, uint32_t events, Ready ready);
  bool Rewatch(int fd, uint32_t events);
  void Unwatch(int fd);  // also from within the callback
  // Only this may come out as std::bad_alloc, and Watch() and Defer(), which then have done nothing.
  TimerId AddTimer(std::function<void(Instant)> expired);
  void SetTimer(TimerId timer, Instant at);  // replaces the earlier time
  void ClearTimer(TimerId timer);
  void RemoveTimer(TimerId timer);
  // Runs `work` after the callbacks of this turn, before the loop sleeps.
  void Defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }

  // From any thread: `work` runs on the loop's thread, in order. Waits for memory: what was posted is not lost.
  template <class Work>
  void Post(const Work& work) {
    WaitForMemory([&] { Queue(work); });
  }
  void Stop();

  // Waking a sleeping thread takes longer than a small I/O. So after kShortWaits waits in a row that were each no longer than
  // `most`, the loop looks again and again for up to `most` before it sleeps, yielding the processor to whoever wants it.
  // One longer wait ends that: an idle loop sleeps, and so does one whose events come at a slower pace. 0, the initial
  // value: never. Before Run().
  void SetMaxSpin(Duration most) { max_spin_ = most; }
  static constexpr int kShortWaits = 4;
  // Waits that ended before the loop slept. From the loop's thread, or after Run().
  uint64_t spins_that_found() const { return spins_that_found_; }
  uint64_t spins() const { return spins_; }

  void Run();

 private:
  struct Watched {
    Ready ready;
    uint32_t events = 0;
  };
  using TimerQueue = std::multimap<int64_t, TimerId>;
  struct Timer {
    std::function<void(Instant)> expired;
    TimerQueue::iterator queued;
    TimerQueue::node_type node;  // while it is not queued: setting a timer takes no memory
    bool is_queued = false;
  };

  void Queue(std::function<void()> work);
  int SleepMilliseconds() const;
  int Wait(std::span<epoll_event> ready);
  int Spin(std::span<epoll_event> ready, Instant from);
  void RunPosted();
  void RunDeferred();
  void RunTimers();

  int epoll_ = -1;
  int wake_ = -1;
  bool stopping_ = false;
  Duration max_spin_;
  int short_waits_ = 0;  // in a row, up to kShortWaits
  uint64_t spins_ = 0, spins_that_found_ = 0;
  TimerId next_timer_ = 1;
  // Shared, for a callback may unwatch, or remove the timer of, itself.
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  std::unordered_map<TimerId, std::shared_ptr<Timer>> timers_;
  TimerQueue queue_;
  std::vector<TimerId> due_;  // room for all timers
  std::vector<std::function<void()>> deferred_;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_EVENT_LOOP_H_
