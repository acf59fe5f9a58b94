// Several initiators on threads of their own: run under TSan, and for what they may never see.
#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

constexpr int kThreads = 4;

// COMPARE AND WRITE is a lock: each thread counts up a block that all share, and no step is lost.
TEST(ConcurrencyTest, CompareAndWriteLosesNoStep) {
  DiskHarness disk;
  constexpr int kSteps = 50;
  std::vector<Nexus*> nexuses;
  for (int i = 0; i < kThreads; ++i) {
    nexuses.push_back(
        disk.device.Attach("iqn.2004-10.com.example:t,i,0x00000000000" + std::to_string(i), 1));
    disk.RunAs(*nexuses.back(), 0, {0x00, 0, 0, 0, 0, 0});
  }
  std::vector<std::thread> threads;
  for (Nexus* nexus : nexuses) {
    threads.emplace_back([&disk, nexus] {
      uint8_t seen = 0;
      for (int done = 0; done < kSteps;) {
        const auto next = static_cast<uint8_t>(seen + 1);
        const Answer answer =
            disk.RunAs(*nexus, 0, {0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
                       Join({Blocks(1, seen), Blocks(1, next)}));
        if (answer.status == 0x00) {
          ++done;
          seen = next;
        } else {
          seen = next;  // somebody was faster: try the values after it
          if (seen > kThreads * kSteps) seen = 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(disk.Run({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}).data, Blocks(1, kThreads * kSteps));
}

// Sessions come and go, reserve, register and reset while another reads.
TEST(ConcurrencyTest, StateChangesUnderCommands) {
  DiskHarness disk;
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const int status = disk.Run({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}).status;
      EXPECT_TRUE(status == 0x00 || status == 0x02 || status == 0x18);
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&disk, i] {
      for (int round = 0; round < 20; ++round) {
        Nexus* nexus =
            disk.device.Attach("iqn.2004-10.com.example:r,i,0x00000000000" + std::to_string(i), 1);
        disk.RunAs(*nexus, 0, {0x00, 0, 0, 0, 0, 0});
        disk.RunAs(*nexus, 0, {0x16, 0, 0, 0, 0, 0});
        disk.RunAs(*nexus, 0, {0x5f, 6, 0, 0, 0, 0, 0, 0, 24, 0},
                   Join({Big(0, 8), Big(7, 8), Big(0, 8)}));
        disk.RunAs(*nexus, 0, {0x5f, 3, 0, 0, 0, 0, 0, 0, 24, 0},
                   Join({Big(7, 8), Big(0, 8), Big(0, 8)}));
        if (round % 5 == 0) disk.unit.Reset();
        disk.device.Detach(nexus);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  reader.join();
  disk.Run({0x00, 0, 0, 0, 0, 0});
  disk.RunOther({0x00, 0, 0, 0, 0, 0});
}

}  // namespace
}  // namespace isthmus::scsi
