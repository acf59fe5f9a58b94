#include "target/scsi/task_set.h"

#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::scsi {
namespace {

using enum TaskOrder;
using Tasks = std::vector<uint32_t>;

Tasks Started(TaskSet& set) {
  Tasks tasks;
  uint32_t task;
  while (set.Next(&task)) tasks.push_back(task);
  return tasks;
}

TEST(TaskSet, SimpleOnesRunTogether) {
  TaskSet set;
  for (uint32_t task = 0; task < 5; ++task) EXPECT_TRUE(set.Enter(task, kSimple));
  set.Leave(3);
  EXPECT_EQ(Started(set), Tasks{});
}

TEST(TaskSet, AnOrderedOneWaitsForAllBeforeItAndAllAfterItWait) {
  TaskSet set;
  EXPECT_TRUE(set.Enter(0, kSimple));
  EXPECT_TRUE(set.Enter(1, kSimple));
  EXPECT_FALSE(set.Enter(2, kOrdered));
  EXPECT_FALSE(set.Enter(3, kSimple));
  EXPECT_FALSE(set.Enter(4, kSimple));
  EXPECT_FALSE(set.Enter(5, kOrdered));
  EXPECT_FALSE(set.Enter(6, kSimple));
  set.Leave(1);
  EXPECT_EQ(Started(set), Tasks{});
  set.Leave(0);
  EXPECT_EQ(Started(set), Tasks{2});
  set.Leave(2);
  EXPECT_EQ(Started(set), (Tasks{3, 4}));
  set.Leave(4);
  EXPECT_EQ(Started(set), Tasks{});
  set.Leave(3);
  EXPECT_EQ(Started(set), Tasks{5});
  set.Leave(5);
  EXPECT_EQ(Started(set), Tasks{6});
}

TEST(TaskSet, TheHeadOfTheQueueWaitsForNobodyAndOthersForIt) {
  TaskSet set;
  EXPECT_TRUE(set.Enter(0, kOrdered));
  EXPECT_FALSE(set.Enter(1, kSimple));
  EXPECT_TRUE(set.Enter(2, kHeadOfQueue));
  EXPECT_TRUE(set.Enter(3, kHeadOfQueue));
  set.Leave(0);
  EXPECT_EQ(Started(set), Tasks{});
  set.Leave(2);
  EXPECT_EQ(Started(set), Tasks{});
  set.Leave(3);
  EXPECT_EQ(Started(set), Tasks{1});
}

TEST(TaskSet, WhoIsAbortedWhileItWaitsHoldsNobodyUp) {
  TaskSet set;
  EXPECT_TRUE(set.Enter(0, kSimple));
  EXPECT_FALSE(set.Enter(1, kOrdered));
  EXPECT_FALSE(set.Enter(2, kSimple));
  set.Leave(1);
  EXPECT_EQ(Started(set), Tasks{2});
  set.Leave(7);  // never there
  set.Leave(1);  // there no more
  EXPECT_EQ(Started(set), Tasks{});
  EXPECT_TRUE(set.Enter(1, kSimple));
}

// Against the rules of SAM-5 8.6 as they stand, over every command before a command.
TEST(TaskSet, RandomCommandsKeepTheRules) {
  struct Command {
    uint32_t task;
    TaskOrder order;
    bool running;
  };
  uint32_t random = 1;
  const auto below = [&](uint32_t bound) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % bound;
  };
  TaskSet set;
  std::vector<Command> queue;  // in the order of arrival
  std::set<uint32_t> free;
  for (uint32_t task = 0; task < 16; ++task) free.insert(task);
  const auto may_run = [&](size_t at) {
    if (queue[at].order == kHeadOfQueue) return true;
    for (size_t i = 0; i < queue.size(); ++i) {
      if (i == at) continue;
      if (queue[i].order == kHeadOfQueue) return false;
      if (i < at && (queue[at].order == kOrdered || queue[i].order == kOrdered)) return false;
    }
    return true;
  };
  uint64_t waited = 0;
  for (int step = 0; step < 20000; ++step) {
    if (queue.size() < 16 && below(2) == 0) {
      const uint32_t task = *free.begin();
      free.erase(task);
      queue.push_back({task, static_cast<TaskOrder>(below(8) < 5 ? 0 : 1 + below(2)), false});
      queue.back().running = set.Enter(task, queue.back().order);
      waited += !queue.back().running;
    } else if (!queue.empty()) {
      const size_t at = below(static_cast<uint32_t>(queue.size()));
      set.Leave(queue[at].task);
      free.insert(queue[at].task);
      queue.erase(queue.begin() + static_cast<ptrdiff_t>(at));
      for (uint32_t task : Started(set)) {
        for (Command& command : queue) command.running |= command.task == task;
      }
    }
    for (size_t i = 0; i < queue.size(); ++i) {
      if (!queue[i].running) {
        ASSERT_FALSE(may_run(i)) << step;
      }
    }
    for (size_t i = 0; i < queue.size(); ++i) {  // an ordered one runs with the head of queue alone
      if (!queue[i].running || queue[i].order != kOrdered) continue;
      for (size_t j = 0; j < queue.size(); ++j) {
        ASSERT_FALSE(j != i && queue[j].running && queue[j].order != kHeadOfQueue) << step;
      }
    }
  }
  EXPECT_GT(waited, 1000u);
}

}  // namespace
}  // namespace isthmus::scsi
