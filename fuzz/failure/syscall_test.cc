// Every system call of the socket driver, the event loop and the sockets, failed or cut short in
// turn: the daemon's worker and a client in one process, a session that writes and reads between
// them, and the n-th call of each kind that goes wrong, for all n. RFC 7143 section 7.14.
//
// What must hold: an interruption, a call that would block, and a short count are not seen at all;
// whatever else fails ends the session with an error, never with wrong data and never with silence;
// and the next session is served as if nothing had been.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "digest/select.h"
#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "target/daemon/blocking_pool.h"
#include "target/daemon/buffer_pool.h"
#include "target/daemon/catalogue.h"
#include "target/daemon/config.h"
#include "target/daemon/doorkeeper.h"
#include "target/daemon/registry.h"
#include "target/daemon/worker.h"
#include "transport/address.h"
#include "transport/event_loop.h"
#include "transport/socket.h"

namespace {

enum Call { kReadv, kSendmsg, kEpollWait, kEpollCtl, kAccept, kConnect, kPoll, kSocket, kCalls };
constexpr const char* kNames[] = {"readv",   "sendmsg", "epoll_wait", "epoll_ctl",
                                  "accept4", "connect", "poll",       "socket"};
constexpr int kShort = -1;  // in the place of an errno: at most one byte

std::array<std::atomic<uint32_t>, kCalls> g_count;
std::atomic<int> g_call = kCalls;  // which goes wrong
std::atomic<uint32_t> g_at = 0;    // at which of its calls, from 1
std::atomic<int> g_error = 0;
std::atomic<uint32_t> g_fired = 0;

// 0: the call is to be carried out.
int Fault(Call call) {
  const uint32_t number = ++g_count[call];
  if (g_call != call || g_at != number) return 0;
  ++g_fired;
  return g_error;
}

}  // namespace

extern "C" {
ssize_t __real_readv(int fd, const iovec* vector, int count);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
int __real_epoll_wait(int fd, epoll_event* events, int most, int timeout);
int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int __real_accept4(int fd, sockaddr* address, socklen_t* size, int flags);
int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __real_poll(pollfd* fds, nfds_t count, int timeout);
int __real_socket(int domain, int type, int protocol);

ssize_t __wrap_readv(int fd, const iovec* vector, int count) {
  const int fault = Fault(kReadv);
  if (fault > 0) return errno = fault, -1;
  if (fault != kShort) return __real_readv(fd, vector, count);
  iovec one{vector[0].iov_base, 1};
  return __real_readv(fd, &one, 1);
}
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  const int fault = Fault(kSendmsg);
  if (fault > 0) return errno = fault, -1;
  if (fault != kShort) return __real_sendmsg(fd, message, flags);
  iovec one{message->msg_iov[0].iov_base, 1};
  msghdr cut = *message;
  cut.msg_iov = &one;
  cut.msg_iovlen = 1;
  return __real_sendmsg(fd, &cut, flags);
}
int __wrap_epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  const int fault = Fault(kEpollWait);
  if (fault > 0) return errno = fault, -1;
  return __real_epoll_wait(fd, events, most, timeout);
}
int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  const int fault = Fault(kEpollCtl);
  if (fault > 0 && operation != EPOLL_CTL_DEL) return errno = fault, -1;
  return __real_epoll_ctl(epoll, operation, fd, event);
}
int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  const int fault = Fault(kAccept);
  if (fault > 0) return errno = fault, -1;
  return __real_accept4(fd, address, size, flags);
}
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  const int fault = Fault(kConnect);
  if (fault > 0) return errno = fault, -1;
  return __real_connect(fd, address, size);
}
int __wrap_poll(pollfd* fds, nfds_t count, int timeout) {
  const int fault = Fault(kPoll);
  if (fault > 0) return errno = fault, -1;
  return __real_poll(fds, count, timeout);
}
int __wrap_socket(int domain, int type, int protocol) {
  const int fault = Fault(kSocket);
  if (fault > 0) return errno = fault, -1;
  return __real_socket(domain, type, protocol);
}
}

namespace isthmus {
namespace {

constexpr char kTarget[] = "iqn.2026-11.example:disk";
constexpr uint32_t kBlocks = 512;  // of 512 bytes: several PDUs, R2Ts and system calls

// One worker of iscsi_target and what it needs, with its own acceptor.
class Served {
 public:
  Served() {
    const std::string target = std::string("--target=") + kTarget;
    std::vector<std::string> words = {"iscsi_target", "--portal=127.0.0.1:0", target,
                                      "--lun=ram:1M", "--threads=1"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    config_ = *target::ParseArguments(static_cast<int>(arguments.size()), arguments.data());
    catalogue_ = *target::Catalogue::Open(config_);
    listener_ = *transport::Listen({"127.0.0.1", 0});
    catalogue_->SetPortals({{listener_.Local(), 1}});
    shared_.reset(new target::Shared{config_, *catalogue_, digest::SelectKernel(), registry_, blocking_, budget_,
                       nullptr, nullptr, door_});
    worker_ = std::make_unique<target::Worker>(*shared_);
    worker_thread_ = std::thread([this] { worker_->Run(); });
    acceptor_thread_ = std::thread([this] { Accept(); });
  }
  ~Served() {
    stopping_ = true;
    acceptor_thread_.join();
    worker_->Stop();
    worker_thread_.join();
  }
  transport::Address portal() const { return listener_.Local(); }
  bool idle() const { return shared_->connections == 0; }

 private:
  void Accept() {
    while (!stopping_) {
      pollfd ready{listener_.fd(), POLLIN, 0};
      if (__real_poll(&ready, 1, 20) <= 0) continue;
      absl::StatusOr<transport::Socket> socket = transport::Accept(listener_);
      std::optional<uint64_t> victim;
      if (socket.ok()) worker_->Serve(*std::move(socket), 1, door_.Enter("127.0.0.1", &victim));
    }
  }

  target::Config config_;
  std::unique_ptr<target::Catalogue> catalogue_;
  target::Registry registry_;
  target::BufferBudget budget_{64 << 20};
  target::BlockingPool blocking_{1};
  target::Doorkeeper door_{64};
  transport::Socket listener_;
  std::unique_ptr<target::Shared> shared_;
  std::unique_ptr<target::Worker> worker_;
  std::thread worker_thread_, acceptor_thread_;
  std::atomic<bool> stopping_ = false;
};

std::vector<std::byte> Pattern(uint32_t version) {
  std::vector<std::byte> bytes(size_t{kBlocks} * 512);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i * 7 + i / 512 + version * 31);
  }
  return bytes;
}

absl::Status Execute(initiator::Client& client, initiator::DiskCommand& command) {
  const absl::StatusOr<initiator::Completed> done = client.Execute(command.command);
  return done.ok() ? initiator::StatusOf(done->event) : done.status();
}

// Logs in, writes, reads, compares and logs out. Wrong data is the one thing that no failure excuses.
absl::Status Session(const Served& served, uint32_t version) {
  initiator::ClientOptions options;
  options.portal = served.portal();
  options.target_name = kTarget;
  options.reconnect_timeout = absl::ZeroDuration();
  options.limits.login_timeout_ms = 4000;
  options.limits.ping_interval_ms = options.limits.ping_timeout_ms = 1000;
  auto client = initiator::Client::Open(options);
  if (!client.ok()) return client.status();
  initiator::Disk disk(**client, 0);
  if (absl::Status status = disk.TestUnitReady(); !status.ok()) return status;
  const std::vector<std::byte> written = Pattern(version);
  initiator::DiskCommand command;
  disk.Write(0, kBlocks, written, &command);
  if (absl::Status status = Execute(**client, command); !status.ok()) return status;
  std::vector<std::byte> read(written.size());
  disk.Read(0, kBlocks, read, &command);
  if (absl::Status status = Execute(**client, command); !status.ok()) return status;
  EXPECT_EQ(read, written);
  return (*client)->Close();
}

struct Kind {
  Call call;
  std::vector<int> errors;
};

const Kind kUnseen[] = {
    {kReadv, {EINTR, EAGAIN, kShort}},
    {kSendmsg, {EINTR, EAGAIN, kShort}},
    {kEpollWait, {EINTR}},
    {kAccept, {EINTR, EAGAIN, ECONNABORTED}},
    {kPoll, {EINTR}},
};
const Kind kFatal[] = {
    {kReadv, {ECONNRESET, ENOMEM, ETIMEDOUT}},
    {kSendmsg, {EPIPE, ENOBUFS, ECONNRESET}},
    {kEpollCtl, {ENOMEM, ENOSPC}},
    {kConnect, {ECONNREFUSED, ENETUNREACH}},
    {kPoll, {ENOMEM}},
    {kSocket, {EMFILE, ENOBUFS}},
    {kAccept, {EMFILE, ENFILE, ENOBUFS}},
};

class SyscallTest : public ::testing::Test {
 protected:
  // How often each is called in a session that nothing disturbs, the acceptor's polls apart.
  std::array<uint32_t, kCalls> Calls() {
    for (auto& count : g_count) count = 0;
    EXPECT_TRUE(Session(served_, ++version_).ok());
    WaitUntilIdle();
    std::array<uint32_t, kCalls> calls;
    for (size_t i = 0; i < calls.size(); ++i) calls[i] = g_count[i];
    return calls;
  }
  absl::Status Disturbed(Call call, uint32_t at, int error) {
    for (auto& count : g_count) count = 0;
    g_error = error;
    g_at = at;
    g_call = call;
    const absl::Status status = Session(served_, ++version_);
    g_call = kCalls;
    return status;
  }
  void WaitUntilIdle() {
    for (int i = 0; i < 2000 && !served_.idle(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(served_.idle()) << "a connection is left over";
  }

  Served served_;
  uint32_t version_ = 0;
};

// At most so many of a kind, evenly over the session.
constexpr uint32_t kMostOfAKind = 24;

TEST_F(SyscallTest, WhatIsNoFailureIsNotSeen) {
  const auto calls = Calls();
  for (const Kind& kind : kUnseen) {
    ASSERT_GT(calls[kind.call], 0u) << kNames[kind.call];
    for (const int error : kind.errors) {
      const uint32_t step = calls[kind.call] / kMostOfAKind + 1;
      for (uint32_t at = 1; at <= calls[kind.call]; at += step) {
        const absl::Status status = Disturbed(kind.call, at, error);
        ASSERT_TRUE(status.ok()) << kNames[kind.call] << " " << at << " errno " << error << ": "
                                 << status;
      }
    }
  }
  EXPECT_GT(g_fired, 50u);
}

TEST_F(SyscallTest, WhateverElseFailsEndsInAnErrorAndIsOver) {
  const auto calls = Calls();
  uint32_t failed = 0;
  for (const Kind& kind : kFatal) {
    ASSERT_GT(calls[kind.call], 0u) << kNames[kind.call];
    for (const int error : kind.errors) {
      const uint32_t step = calls[kind.call] / kMostOfAKind + 1;
      for (uint32_t at = 1; at <= calls[kind.call]; at += step) {
        SCOPED_TRACE(std::string(kNames[kind.call]) + " " + std::to_string(at) + " errno " +
                     std::to_string(error));
        failed += !Disturbed(kind.call, at, error).ok();
        WaitUntilIdle();
        ASSERT_FALSE(HasFailure());
      }
    }
    const absl::Status next = Session(served_, ++version_);
    ASSERT_TRUE(next.ok()) << "after " << kNames[kind.call] << ": " << next;
  }
  EXPECT_GT(failed, 30u);
}

}  // namespace
}  // namespace isthmus
