#include "initiator/client/client.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kBlock = 512;

ClientOptions OptionsFor(const ServedDisk& served) {
  ClientOptions options;
  options.portal = served.portal();
  options.target_name = ServedDisk::kTarget;
  options.reconnect_timeout = absl::ZeroDuration();
  return options;
}

std::vector<std::byte> Pattern(uint64_t lba, uint32_t blocks, uint8_t seed) {
  std::vector<std::byte> bytes(size_t{blocks} * kBlock);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>((lba * 31 + i * 7 + i / 251 + seed) & 0xff);
  }
  return bytes;
}

// What a unit attention or a reconnect ended is tried again, as RFC 7143 section 7.2 lets initiators.
template <class Try>
absl::Status Again(Try&& attempt) {
  absl::Status status;
  for (int i = 0; i < 4; ++i) {
    status = attempt();
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

absl::Status Write(Client& client, const Disk& disk, uint64_t lba,
                   const std::vector<std::byte>& bytes) {
  return Again([&] {
    DiskCommand command;
    disk.Write(lba, static_cast<uint32_t>(bytes.size() / kBlock), bytes, &command);
    const absl::StatusOr<Completed> done = client.Execute(command.command);
    return done.ok() ? StatusOf(done->event) : done.status();
  });
}

absl::Status Read(Client& client, const Disk& disk, uint64_t lba, std::vector<std::byte>& bytes) {
  return Again([&] {
    DiskCommand command;
    disk.Read(lba, static_cast<uint32_t>(bytes.size() / kBlock), bytes, &command);
    const absl::StatusOr<Completed> done = client.Execute(command.command);
    return done.ok() ? StatusOf(done->event) : done.status();
  });
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

TEST(Client, WritesAndReadsAndTheDaemonStopsCleanly) {
  const std::string stats = testing::TempDir() + "served.json";
  ServedDisk served({"--lun=ram:4M", "--stats=" + stats});
  ASSERT_NE(served.portal().port, 0);
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(OptionsFor(served));
  ASSERT_TRUE(client.ok()) << client.status();
  Disk disk(**client, 0);
  ASSERT_TRUE(disk.TestUnitReady().ok());
  const absl::StatusOr<Capacity> capacity = disk.ReadCapacity();
  ASSERT_TRUE(capacity.ok()) << capacity.status();
  EXPECT_EQ(capacity->bytes(), 4u << 20);
  const std::vector<std::byte> written = Pattern(3, 1500, 1);
  EXPECT_TRUE(Write(**client, disk, 3, written).ok());
  std::vector<std::byte> read(written.size());
  EXPECT_TRUE(Read(**client, disk, 3, read).ok());
  EXPECT_EQ(read, written);
  std::vector<std::byte> beyond(kBlock);
  EXPECT_EQ(Read(**client, disk, 8192, beyond).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE((*client)->Close().ok());
  EXPECT_EQ(served.Stop(SIGTERM), 0);
  std::stringstream text;
  text << std::ifstream(stats).rdbuf();
  EXPECT_NE(text.str().find("\"sessions\": 1,"), std::string::npos) << text.str();
}

TEST(Client, TheDaemonStopsCleanlyUnderASession) {
  ServedDisk served({"--lun=ram:1M"});
  ASSERT_NE(served.portal().port, 0);
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(OptionsFor(served));
  ASSERT_TRUE(client.ok()) << client.status();
  std::thread end([&] { EXPECT_EQ(served.Stop(SIGTERM), 0); });
  absl::Status status;
  while (status.ok()) status = (*client)->Poll(absl::Seconds(10));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  end.join();
}

TEST(Client, SeveralThreadsDriveOneDisk) {
  ServedDisk served({"--lun=ram:8M"});
  ASSERT_NE(served.portal().port, 0);
  std::vector<std::thread> threads;
  for (uint8_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(OptionsFor(served));
      ASSERT_TRUE(client.ok()) << client.status();
      Disk disk(**client, 0);
      for (uint64_t i = 0; i < 8; ++i) {
        const uint64_t lba = t * 4096 + i * 512;
        ASSERT_TRUE(Write(**client, disk, lba, Pattern(lba, 512, t)).ok());
      }
      for (uint64_t i = 0; i < 8; ++i) {
        const uint64_t lba = t * 4096 + i * 512;
        std::vector<std::byte> read(512 * kBlock);
        ASSERT_TRUE(Read(**client, disk, lba, read).ok());
        ASSERT_EQ(read, Pattern(lba, 512, t));
      }
      EXPECT_TRUE((*client)->Close().ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served.Stop(SIGTERM), 0);
}

TEST(Client, GoesOnAfterTheTargetHasRestarted) {
  const std::string lun = "--lun=file:" + EmptyFile("restarted", 1 << 20);
  auto served = std::make_unique<ServedDisk>(std::vector<std::string>{lun});
  ASSERT_NE(served->portal().port, 0);
  ClientOptions options = OptionsFor(*served);
  options.reconnect_timeout = absl::Seconds(30);
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
  ASSERT_TRUE(client.ok()) << client.status();
  Disk disk(**client, 0);
  const std::vector<std::byte> written = Pattern(8, 64, 5);
  ASSERT_TRUE(Write(**client, disk, 8, written).ok());
  EXPECT_EQ(served->Stop(SIGTERM), 0);
  served = std::make_unique<ServedDisk>(std::vector<std::string>{lun}, options.portal.port);
  ASSERT_EQ(served->portal().port, options.portal.port);
  std::vector<std::byte> read(written.size());
  const absl::Status status = Read(**client, disk, 8, read);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(read, written);
  EXPECT_GE((*client)->counters().connections, 2u);
}

}  // namespace
}  // namespace isthmus::initiator
