// What strangers do who can reach a portal but cannot log in: nothing of it touches a live session,
// keeps out who can log in, or lasts longer than the login's deadline. RFC 7143 sections 6.3
// (login phase), 6.3.5 (session reinstatement), 9.2.1 (CHAP).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"
#include "transport/capture.h"

namespace isthmus::initiator {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kBlocks = 64;
constexpr char kName[] = "iqn.2026-11.org.isthmus:iscsi";

// A stranger's connection, from another address of the loopback than the initiators'.
class Stranger {
 public:
  explicit Stranger(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
    (void)bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    at.sin_port = htons(port);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }
  Stranger(Stranger&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Stranger() {
    if (fd_ >= 0) close(fd_);
  }

  bool connected() const { return connected_; }
  bool Send(const std::string& bytes) {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // What comes until the target closes, or a time is over.
  std::string ReadAll(int timeout_ms, bool* closed) {
    std::string text;
    std::array<char, 4096> bytes;
    const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
    for (*closed = false; Clock::now() < end;) {
      pollfd ready{fd_, POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        *closed = true;
        break;
      }
      text.append(bytes.data(), static_cast<size_t>(got));
    }
    return text;
  }

 private:
  int fd_;
  bool connected_ = false;
};

// A Login Request (section 11.12) that begins in the operational stage, so without authentication.
std::string LoginRequest(const std::string& isid) {
  std::string text;
  for (const std::string& pair :
       {std::string("InitiatorName=") + kName, std::string("TargetName=") + ServedDisk::kTarget,
        std::string("SessionType=Normal")}) {
    text += pair + '\0';
  }
  std::string pdu(48, '\0');
  pdu[0] = '\x43';
  pdu[1] = '\x87';  // T, CSG 1, NSG 3
  pdu[7] = static_cast<char>(text.size());
  std::copy(isid.begin(), isid.end(), pdu.begin() + 8);
  pdu[19] = 1;
  pdu[27] = 1;
  text.resize((text.size() + 3) / 4 * 4, '\0');
  return pdu + text;
}

class StrangersTest : public ::testing::Test {
 protected:
  StrangersTest() {
    const std::string secrets = testing::TempDir() + "strangers_accounts";
    std::ofstream(secrets) << "user secretsecret12\n";
    chmod(secrets.c_str(), 0600);
    unlink(stats_.c_str());
    served_ = std::make_unique<ServedDisk>(
        std::vector<std::string>{"--lun=ram:8M", "--max_logins=32", "--login_timeout_ms=1500",
                                 "--chap_secrets=" + secrets, "--stats=" + stats_});
  }

  absl::StatusOr<std::unique_ptr<Client>> LogIn(transport::CaptureFile* capture = nullptr) {
    ClientOptions options;
    options.portal = served_->portal();
    options.target_name = ServedDisk::kTarget;
    options.chap = {.name = "user", .secret = "secretsecret12"};
    options.reconnect_timeout = absl::ZeroDuration();
    options.capture = capture;
    return Client::Open(options);
  }

  static void Read(Client& client, const Disk& disk) {
    std::vector<std::byte> bytes(size_t{kBlocks} * 512, std::byte{1});
    DiskCommand command;
    disk.Read(0, kBlocks, bytes, &command);
    const absl::StatusOr<Completed> done = client.Execute(command.command);
    ASSERT_TRUE(done.ok()) << done.status();
    ASSERT_TRUE(StatusOf(done->event).ok());
    ASSERT_EQ(bytes, std::vector<std::byte>(bytes.size()));
  }

  uint16_t port() const { return served_->portal().port; }

  const std::string stats_ = testing::TempDir() + "strangers.json";
  std::unique_ptr<ServedDisk> served_;
};

TEST_F(StrangersTest, AFloodNeitherTouchesASessionNorKeepsInitiatorsOut) {
  auto live = LogIn();
  ASSERT_TRUE(live.ok()) << live.status();
  Disk disk(**live, 0);
  ASSERT_TRUE(disk.TestUnitReady().ok());
  std::atomic<bool> over = false;
  std::atomic<uint64_t> opened = 0;
  std::vector<std::thread> strangers;
  for (int kind = 0; kind < 2; ++kind) {
    strangers.emplace_back([&, kind] {
      std::deque<Stranger> open;
      while (!over) {
        open.emplace_back(port());
        // One byte of a login, or 100 bytes that are none.
        open.back().Send(kind == 0 ? std::string("\x43") : std::string(100, '\xff'));
        ++opened;
        if (open.size() > 300) open.pop_front();
      }
    });
  }
  // So many of each, however slow the machine; a session that starved would not get there.
  uint64_t reads = 0, logins = 0;
  while (opened < 200 || logins < 2) {
    ASSERT_NO_FATAL_FAILURE(Read(**live, disk));
    if (++reads % 8 != 0) continue;
    auto other = LogIn();
    EXPECT_TRUE(other.ok()) << other.status();
    ++logins;
  }
  over = true;
  for (std::thread& stranger : strangers) stranger.join();
  EXPECT_GE(reads, 16u);
  EXPECT_EQ((*live)->counters().connections, 1u);
  EXPECT_TRUE((*live)->Close().ok());
  EXPECT_EQ(served_->Stop(SIGTERM), 0);
  std::ifstream file(stats_);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_GT(json.at("logins_crowded_out"), 0);
  EXPECT_EQ(json.at("sessions"), logins + 1);
}

TEST_F(StrangersTest, OneByteAtATimeEndsAtTheDeadline) {
  Stranger slow(port());
  ASSERT_TRUE(slow.connected());
  const std::string request = LoginRequest(std::string(6, '\0'));
  const auto begin = Clock::now();
  bool closed = false;
  for (size_t i = 0; i < request.size() && !closed; ++i) {
    if (!slow.Send(request.substr(i, 1))) break;
    slow.ReadAll(100, &closed);
  }
  EXPECT_TRUE(closed);
  const auto took = Clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(1400));
  EXPECT_LT(took, std::chrono::seconds(10));
  EXPECT_EQ(served_->Stop(SIGTERM), 0);
}

// By the live session's own name and ISID, but without its secret.
TEST_F(StrangersTest, WhoCannotProveItselfReinstatesNothing) {
  const std::string path = testing::TempDir() + "strangers.pcapng";
  auto capture = transport::CaptureFile::Create(path, {});
  ASSERT_TRUE(capture.ok());
  auto live = LogIn(capture->get());
  ASSERT_TRUE(live.ok()) << live.status();
  ASSERT_TRUE((*capture)->Flush().ok());
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t text = bytes.find("InitiatorName=");
  ASSERT_TRUE(text != std::string::npos && text >= 48);
  ASSERT_EQ(bytes[text - 48], '\x43');
  const std::string isid = bytes.substr(text - 40, 6);
  Disk disk(**live, 0);
  ASSERT_TRUE(disk.TestUnitReady().ok());
  for (int i = 0; i < 20; ++i) {
    Stranger impostor(port());
    ASSERT_TRUE(impostor.Send(LoginRequest(isid)));
    bool closed = false;
    const std::string answer = impostor.ReadAll(10'000, &closed);
    EXPECT_TRUE(closed);
    ASSERT_GE(answer.size(), 48u);
    EXPECT_EQ(answer[0], '\x23');
    EXPECT_EQ(answer[36], 2);  // Status-Class 2, Status-Detail 1: authentication failure
    EXPECT_EQ(answer[37], 1);
    ASSERT_NO_FATAL_FAILURE(Read(**live, disk));
  }
  EXPECT_EQ((*live)->counters().connections, 1u);
  EXPECT_TRUE((*live)->Close().ok());
  EXPECT_EQ(served_->Stop(SIGTERM), 0);
}

}  // namespace
}  // namespace isthmus::initiator
