// What iscsi_target acknowledged as stable is there after SIGKILL: by WRITE with FUA, and by SYNCHRONIZE CACHE after
// WRITE (SBC-3 4.15). Rounds of load from several sessions, a kill at a random moment, a restart, a comparison of all.
//
// What a process leaves in the kernel survives its end, so this shows that no acknowledged byte waits in the daemon; that
// fdatasync reached the medium only a power failure could show.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kBlock = 512, kSlotBlocks = 8, kThreads = 4,
                   kSlots = 48;  // slots: of each thread
constexpr int kRounds = 8;

uint64_t LbaOf(uint32_t thread, uint32_t slot) {
  return (uint64_t{thread} * kSlots + slot) * kSlotBlocks;
}

// A block tells where it belongs and which write it is of.
std::array<std::byte, kBlock> BlockOf(uint64_t lba, uint64_t version) {
  std::array<uint64_t, kBlock / 8> words;
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = (i % 2 == 0 ? lba : version) ^ (i / 2 * 0x9e3779b97f4a7c15);
  std::array<std::byte, kBlock> block;
  std::memcpy(block.data(), words.data(), kBlock);
  return block;
}

// Versions of one slot: the last acknowledged as stable, and the last that was sent. 0: none, the disk's zeros.
struct Slot {
  uint64_t stable = 0, sent = 0;
};
using Model = std::array<std::array<Slot, kSlots>, kThreads>;

std::unique_ptr<Client> Connect(const ServedDisk& served) {
  ClientOptions options;
  options.portal = served.portal();
  options.target_name = ServedDisk::kTarget;
  options.reconnect_timeout = absl::ZeroDuration();
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
  return client.ok() ? *std::move(client) : nullptr;
}

absl::Status Execute(Client& client, DiskCommand& command) {
  const absl::StatusOr<Completed> done = client.Execute(command.command);
  return done.ok() ? StatusOf(done->event) : done.status();
}

// Writes until the connection is lost. Every second slot is made stable by FUA, the others by SYNCHRONIZE CACHE.
void Load(const ServedDisk& served, uint32_t thread, uint32_t seed, std::array<Slot, kSlots>& slots,
          std::atomic<uint64_t>& acknowledged) {
  const std::unique_ptr<Client> client = Connect(served);
  if (client == nullptr) return;  // killed before
  Disk disk(*client, 0);
  if (!disk.TestUnitReady().ok()) return;
  std::mt19937 random(seed);
  std::vector<uint32_t> written;
  for (;;) {
    const uint32_t slot = static_cast<uint32_t>(random() % kSlots);
    const uint64_t version = ++slots[slot].sent, lba = LbaOf(thread, slot);
    std::vector<std::byte> bytes;
    for (uint32_t i = 0; i < kSlotBlocks; ++i) {
      const auto block = BlockOf(lba + i, version);
      bytes.insert(bytes.end(), block.begin(), block.end());
    }
    DiskCommand command;
    disk.Write(lba, kSlotBlocks, bytes, &command);
    const bool fua = slot % 2 == 0;
    if (fua) command.cdb[1] |= std::byte{0x08};
    if (!Execute(*client, command).ok()) return;
    if (fua) {
      slots[slot].stable = version;
      ++acknowledged;
      continue;
    }
    written.push_back(slot);
    if (written.size() < 4) continue;
    if (!disk.Flush().ok()) return;
    for (const uint32_t each : written) slots[each].stable = slots[each].sent;
    acknowledged += written.size();
    written.clear();
  }
}

// Each block is of a write from the last stable one to the last sent one.
void Compare(const ServedDisk& served, const Model& model) {
  const std::unique_ptr<Client> client = Connect(served);
  ASSERT_NE(client, nullptr);
  Disk disk(*client, 0);
  ASSERT_TRUE(disk.TestUnitReady().ok());
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const uint64_t lba = LbaOf(thread, slot);
      std::vector<std::byte> bytes(kSlotBlocks * kBlock);
      DiskCommand command;
      disk.Read(lba, kSlotBlocks, bytes, &command);
      const absl::Status status = Execute(*client, command);
      ASSERT_TRUE(status.ok()) << status;
      for (uint32_t i = 0; i < kSlotBlocks; ++i) {
        uint64_t version = 0;
        std::memcpy(&version, bytes.data() + i * kBlock + 8, 8);
        const Slot& expected = model[thread][slot];
        ASSERT_GE(version, expected.stable)
            << "LBA " << lba + i << " lost what was acknowledged as stable";
        ASSERT_LE(version, expected.sent) << "LBA " << lba + i;
        std::array<std::byte, kBlock> block{};
        if (version != 0) block = BlockOf(lba + i, version);
        ASSERT_EQ(std::memcmp(bytes.data() + i * kBlock, block.data(), kBlock), 0)
            << "LBA " << lba + i << " is torn";
      }
    }
  }
}

std::string EmptyFile(const std::string& name, off_t bytes) {
  const std::string path = testing::TempDir() + name;
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(ftruncate(fd, bytes), 0);
  close(fd);
  return path;
}

TEST(Sigkill, WhatWasAcknowledgedAsStableIsThere) {
  const std::string lun =
      "--lun=file:" + EmptyFile("sigkill", off_t{kThreads} * kSlots * kSlotBlocks * kBlock);
  Model model{};
  std::mt19937 random(7143);
  uint64_t total = 0;
  for (int round = 0; round < kRounds; ++round) {
    ServedDisk served({lun});
    ASSERT_NE(served.portal().port, 0);
    ASSERT_NO_FATAL_FAILURE(Compare(served, model)) << "round " << round;
    std::atomic<uint64_t> acknowledged = 0;
    std::atomic<uint32_t> ended = 0;
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < kThreads; ++t) {
      const auto seed = static_cast<uint32_t>(random());
      threads.emplace_back([&, t, seed] {
        Load(served, t, seed, model[t], acknowledged);
        ++ended;
      });
    }
    // Anywhere in the load, by what was acknowledged and not by the clock; then a moment within a command.
    const uint64_t moment = 20 + random() % 400;
    while (acknowledged < moment && ended < kThreads) std::this_thread::yield();
    EXPECT_LT(ended, kThreads) << "the load ended by itself";
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
    EXPECT_EQ(served.Stop(SIGKILL), 128 + SIGKILL);
    for (std::thread& thread : threads) thread.join();
    total += acknowledged;
  }
  ServedDisk served({lun});
  Compare(served, model);
  EXPECT_GE(total, 20u * kRounds);
}

}  // namespace
}  // namespace isthmus::initiator
