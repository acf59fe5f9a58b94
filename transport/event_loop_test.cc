#include "transport/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

TEST(EventLoop, RunsPostedWorkInOrderOnItsOwnThread) {
  EventLoop loop;
  std::string order;
  std::thread::id ran_on;
  std::thread runner([&] { loop.Run(); });
  const std::thread::id expected = runner.get_id();
  loop.Post([&] { order += 'a'; });
  loop.Post([&] { order += 'b', ran_on = std::this_thread::get_id(); });
  loop.Stop();
  runner.join();
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(ran_on, expected);
}

TEST(EventLoop, WatchesAndACallbackMayUnwatchItself) {
  EventLoop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  int calls = 0;
  loop.Watch(ends[0], EPOLLIN, [&](uint32_t ready) {
    EXPECT_NE(ready & EPOLLIN, 0u);
    ++calls;
    loop.Unwatch(ends[0]);  // still readable: a second call would show a stale watch
    loop.Post([&] { loop.Stop(); });
  });
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  loop.Run();
  EXPECT_EQ(calls, 1);
  close(ends[0]);
  close(ends[1]);
}

TEST(EventLoop, TimersComeInOrderAndCanBeMovedClearedAndRemoved) {
  EventLoop loop;
  std::string order;
  const Instant now = MonotonicNow();
  const TimerId late = loop.AddTimer([&](Instant) { order += 'l', loop.Stop(); });
  const TimerId early = loop.AddTimer([&](Instant) { order += 'e'; });
  const TimerId cleared = loop.AddTimer([&](Instant) { order += 'c'; });
  const TimerId removed = loop.AddTimer([&](Instant) { order += 'r'; });
  loop.SetTimer(late, now + Milliseconds(1));
  loop.SetTimer(early, now + Milliseconds(2));
  loop.SetTimer(cleared, now + Milliseconds(3));
  loop.SetTimer(removed, now + Milliseconds(3));
  loop.SetTimer(late, now + Milliseconds(4));
  loop.ClearTimer(cleared);
  loop.RemoveTimer(removed);
  loop.Run();
  EXPECT_EQ(order, "el");
}

TEST(EventLoop, ATimerSetToThePastDoesNotHoldTheLoop) {
  EventLoop loop;
  int calls = 0;
  TimerId timer = 0;
  timer = loop.AddTimer([&](Instant now) {
    ++calls;
    loop.SetTimer(timer, now);
    if (calls == 3) loop.Stop();
  });
  loop.SetTimer(timer, Instant{0});
  loop.Run();
  EXPECT_GE(calls, 3);
}

// Events that answer each other at once: a thread writes a byte into the pipe whenever the loop has taken the one before.
uint64_t SpinsWhileBytesCome(Duration most, int bytes) {
  EventLoop loop;
  loop.SetMaxSpin(most);
  int there[2], back[2];
  EXPECT_EQ(pipe(there), 0);
  EXPECT_EQ(pipe(back), 0);
  std::thread peer([&] {
    char byte = 'x';
    for (int i = 0; i < bytes; ++i) {
      EXPECT_EQ(write(there[1], &byte, 1), 1);
      EXPECT_EQ(read(back[0], &byte, 1), 1);
    }
    loop.Stop();
  });
  loop.Watch(there[0], EPOLLIN, [&](uint32_t) {
    char byte = 0;
    EXPECT_EQ(read(there[0], &byte, 1), 1);
    EXPECT_EQ(write(back[1], &byte, 1), 1);
  });
  loop.Run();
  peer.join();
  for (const int fd : {there[0], there[1], back[0], back[1]}) close(fd);
  EXPECT_LE(loop.spins_that_found(), loop.spins());
  return loop.spins_that_found();
}

TEST(EventLoop, LooksOnWhileEventsFollowEachOther) {
  EXPECT_EQ(SpinsWhileBytesCome(Duration{}, 100), 0u);
  // Each wait is shorter than a second, so most end while the loop looks; on a crowded machine it looks less often.
  uint64_t found = 0;
  for (int i = 0; i < 50 && found == 0; ++i) found = SpinsWhileBytesCome(Seconds(1), 100);
  EXPECT_GT(found, 0u);
}

TEST(EventLoop, SleepsWhileEventsAreFarApart) {
  EventLoop loop;
  loop.SetMaxSpin(Microseconds(100));
  int calls = 0;
  TimerId timer = 0;
  timer = loop.AddTimer([&](Instant now) {
    if (++calls == 20) loop.Stop();
    loop.SetTimer(timer, now + Milliseconds(3));
  });
  loop.SetTimer(timer, MonotonicNow());
  loop.Run();
  EXPECT_EQ(loop.spins(), 0u);
}

TEST(EventLoop, DeferredWorkRunsBeforeTheLoopSleeps) {
  EventLoop loop;
  bool deferred = false;
  loop.Post([&] { loop.Defer([&] { deferred = true, loop.Stop(); }); });
  loop.Run();
  EXPECT_TRUE(deferred);
}

}  // namespace
}  // namespace isthmus::transport
