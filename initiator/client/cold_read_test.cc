// Reads of a file that no cache holds: the daemon waits for them on other threads, while the loop serves the rest; every byte
// is right, in one window or in several, and a session that ends meanwhile leaves nothing behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kBlock = 512;
constexpr size_t kBytes = 8 << 20;
constexpr uint32_t kDepth = 16;

class ColdFile {
 public:
  ColdFile() : path_(testing::TempDir() + "cold.img"), content_(kBytes) {
    std::mt19937_64 random(1);
    for (std::byte& byte : content_) byte = static_cast<std::byte>(random());
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_EQ(write(fd_, content_.data(), kBytes), static_cast<ssize_t>(kBytes));
  }
  ~ColdFile() {
    close(fd_);
    unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }
  std::span<const std::byte> content() const { return content_; }

  // Whether the file is out of the cache now, by what the kernel says of its first and last block.
  bool Evict() {
    EXPECT_EQ(fdatasync(fd_), 0);
    EXPECT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
    std::byte byte;
    const iovec part{&byte, 1};
    return preadv2(fd_, &part, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN &&
           preadv2(fd_, &part, 1, kBytes - 1, RWF_NOWAIT) < 0 && errno == EAGAIN;
  }

 private:
  std::string path_;
  std::vector<std::byte> content_;
  int fd_ = -1;
};

std::unique_ptr<Client> LogIn(const ServedDisk& served) {
  ClientOptions options;
  options.portal = served.portal();
  options.target_name = ServedDisk::kTarget;
  options.limits.queue_depth = kDepth;
  options.reconnect_timeout = absl::ZeroDuration();
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

// Reads the file in requests of `bytes`, kDepth at a time, backwards, so that the kernel's read-ahead does not help.
void ReadAll(Client& client, const ColdFile& file, uint32_t bytes) {
  Disk disk(client, 0);
  std::vector<std::byte> into(kBytes);
  std::vector<DiskCommand> commands(kBytes / bytes);
  size_t next = commands.size(), waiting = 0;
  while (next > 0 || waiting > 0) {
    while (next > 0 && waiting < kDepth) {
      DiskCommand& command = commands[--next];
      disk.Read(next * bytes / kBlock, bytes / kBlock, std::span(into).subspan(next * bytes, bytes), &command);
      ++waiting;
      ASSERT_TRUE(client.Submit(command.command, [&](const Event& event) {
        --waiting;
        EXPECT_TRUE(StatusOf(event).ok()) << StatusOf(event);
      }).ok());
    }
    ASSERT_TRUE(client.Poll(absl::Seconds(30)).ok());
  }
  EXPECT_TRUE(std::equal(into.begin(), into.end(), file.content().begin()));
}

TEST(ColdRead, WaitsOnOtherThreadsAndEveryByteIsRight) {
  const std::string stats = testing::TempDir() + "cold.json";
  ColdFile file;
  ServedDisk served({"--lun=file:" + file.path(), "--stats=" + stats});
  ASSERT_NE(served.portal().port, 0);
  std::unique_ptr<Client> client = LogIn(served);
  ASSERT_TRUE(Disk(*client, 0).TestUnitReady().ok());
  bool cold = false;
  for (const uint32_t bytes : {4u << 10, 64u << 10, 1u << 20}) {
    cold |= file.Evict();
    ReadAll(*client, file, bytes);
    ReadAll(*client, file, bytes);  // from the cache
  }
  // A session that is dropped with reads under way.
  cold |= file.Evict();
  {
    std::unique_ptr<Client> leaver = LogIn(served);
    Disk disk(*leaver, 0);
    ASSERT_TRUE(disk.TestUnitReady().ok());
    std::vector<std::byte> into(kBytes);
    std::vector<DiskCommand> commands(8);
    for (size_t i = 0; i < commands.size(); ++i) {
      disk.Read((i << 20) / kBlock, (1 << 20) / kBlock, std::span(into).subspan(i << 20, 1 << 20), &commands[i]);
      ASSERT_TRUE(leaver->Submit(commands[i].command, [](const Event&) {}).ok());
    }
    ASSERT_TRUE(leaver->Poll(absl::ZeroDuration()).ok());
  }
  ASSERT_TRUE(client->Close().ok());
  EXPECT_EQ(served.Stop(SIGTERM), 0);
  const auto counted = nlohmann::json::parse(std::ifstream(stats));
  if (cold) {
    EXPECT_GT(counted["reads_waited"].get<uint64_t>(), 0u);
  }
}

}  // namespace
}  // namespace isthmus::initiator
