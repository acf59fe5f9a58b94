#include "fuzz/hostile/socket_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "fuzz/hostile/stub_target.h"

extern char** environ;

namespace isthmus::hostile {
namespace {

using Clock = std::chrono::steady_clock;

int64_t Left(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return std::max<int64_t>(left.count(), 0);
}

class SocketLink : public Link {
 public:
  explicit SocketLink(int socket) : socket_(socket) {
    const int one = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
  }
  ~SocketLink() override { close(socket_); }
  SocketLink(const SocketLink&) = delete;
  SocketLink& operator=(const SocketLink&) = delete;

  void Send(std::string_view bytes) override {
    unsent_.append(bytes);
    Push();
    // What the peer says meanwhile is taken, or both sides would wait for each other.
    const Clock::time_point end = Clock::now() + std::chrono::seconds(10);
    while (!unsent_.empty() && !broken_ && unsent_.size() > kBacklog && Left(end) > 0) {
      pollfd poll_for = {socket_, POLLOUT | POLLIN, 0};
      poll(&poll_for, 1, static_cast<int>(Left(end)));
      if ((poll_for.revents & POLLIN) != 0) Pull();
      Push();
    }
  }
  void EndStream() override {
    Push();
    shutdown(socket_, SHUT_WR);
  }
  Got Receive(int64_t deadline_ms, std::string* bytes) override {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(deadline_ms);
    while (true) {
      Push();
      Pull();
      if (!received_.empty()) {
        bytes->append(std::exchange(received_, {}));
        return Got::kBytes;
      }
      if (ended_) return Got::kClosed;
      if (Left(end) == 0) return Got::kSilence;
      pollfd poll_for = {socket_, POLLIN, 0};
      if (!unsent_.empty()) poll_for.events |= POLLOUT;
      poll(&poll_for, 1, static_cast<int>(Left(end)));
    }
  }
  size_t Unsent() const override { return unsent_.size(); }

 private:
  static constexpr size_t kBacklog = size_t{4} << 20;

  void Push() {
    while (!unsent_.empty() && !broken_) {
      const ssize_t sent = send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        broken_ = errno != EAGAIN;
        if (broken_) unsent_.clear();
        return;
      }
      unsent_.erase(0, static_cast<size_t>(sent));
    }
  }
  void Pull() {
    char buffer[65536];
    while (!ended_) {
      const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
      if (got > 0) {
        received_.append(buffer, static_cast<size_t>(got));
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      ended_ = true;  // the end, or a reset
    }
  }

  const int socket_;
  std::string unsent_, received_;
  bool broken_ = false, ended_ = false;
};

addrinfo* Resolve(const Endpoint& endpoint, bool listen) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = listen ? AI_PASSIVE : 0;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  if (getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found) != 0) return nullptr;
  return found;
}

class RemoteTarget : public Peer {
 public:
  explicit RemoteTarget(const Endpoint& endpoint) : endpoint_(endpoint) {}

  std::unique_ptr<Link> Open(int64_t deadline_ms) override {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(deadline_ms);
    addrinfo* addresses = Resolve(endpoint_, false);
    std::unique_ptr<Link> link;
    int refusals = 0;
    while (link == nullptr) {
      for (addrinfo* at = addresses; at != nullptr && link == nullptr; at = at->ai_next) {
        const int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0) continue;
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
          link = std::make_unique<SocketLink>(fd);
        } else {
          close(fd);
        }
      }
      // A daemon that is busy may take its time; one that is gone refuses.
      if (link != nullptr || Left(end) == 0 || ++refusals > 10) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    if (addresses != nullptr) freeaddrinfo(addresses);
    return link;
  }

 private:
  const Endpoint endpoint_;
};

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
  return text;
}

class RemoteInitiator : public Peer {
 public:
  RemoteInitiator(int socket, uint16_t port, const Endpoint& at, Commands commands,
                  std::string target_name)
      : socket_(socket),
        port_(port),
        host_(at.host),
        commands_(std::move(commands)),
        target_name_(std::move(target_name)) {
    char name[] = "/tmp/iscsi_hostile.XXXXXX";
    const int fd = mkstemp(name);
    if (fd >= 0) close(fd);
    file_ = name;
  }
  ~RemoteInitiator() override {
    End();
    close(socket_);
    unlink(file_.c_str());
  }
  RemoteInitiator(const RemoteInitiator&) = delete;
  RemoteInitiator& operator=(const RemoteInitiator&) = delete;

  std::unique_ptr<Link> Open(int64_t deadline_ms) override {
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(deadline_ms);
    while (true) {
      pollfd poll_for = {socket_, POLLIN, 0};
      const int64_t wait = std::min<int64_t>(Left(end), 20);
      if (poll(&poll_for, 1, static_cast<int>(wait)) > 0) {
        const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0) return std::make_unique<SocketLink>(fd);
      }
      if (Left(end) == 0 || (pid_ > 0 && Ended())) return nullptr;
    }
  }

  bool Begin(Work work) override {
    End();
    // Connections of an earlier test.
    pollfd poll_for = {socket_, POLLIN, 0};
    while (poll(&poll_for, 1, 0) > 0) {
      const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      close(fd);
    }
    work_ = work;
    if (commands_.none()) return true;  // somebody connects by hand
    std::string command = commands_.Of(work);
    if (command.empty()) return false;
    const std::string address = (host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]") +
                                ":" + std::to_string(port_);
    command = Replace(command, "{url}", "iscsi://" + address + "/" + target_name_ + "/0");
    command = Replace(command, "{address}", address);
    command = Replace(command, "{port}", std::to_string(port_));
    command = Replace(command, "{name}", target_name_);
    command = Replace(command, "{file}", file_);
    if (truncate(file_.c_str(), 0) != 0) return false;
    const char* words[] = {"sh", "-c", command.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    // A group of its own, so that it can be ended whole.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    const int failed = posix_spawn(&pid_, "/bin/sh", &actions, &attributes,
                                   const_cast<char* const*>(words), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) pid_ = -1;
    ended_ = false;
    return failed == 0;
  }

  WorkResult Result(int64_t deadline_ms) override {
    if (pid_ <= 0) return WorkResult::kUnknown;
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(deadline_ms);
    while (!Ended()) {
      if (Left(end) == 0) return WorkResult::kRunning;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) return WorkResult::kFailed;
    if (work_ == Work::kRead || work_ == Work::kChapRead) {
      std::ifstream in(file_, std::ios::binary);
      const std::string read{std::istreambuf_iterator<char>(in), {}};
      if (!read.empty() && read != PatternOf(0, read.size())) return WorkResult::kCorrupt;
    }
    return WorkResult::kGood;
  }

 private:
  bool Ended() {
    if (ended_ || pid_ <= 0) return true;
    ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }
  void End() {
    if (pid_ <= 0) return;
    if (!Ended()) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, &status_, 0);
    }
    pid_ = -1;
  }

  const int socket_;
  const uint16_t port_;
  const std::string host_;
  const Commands commands_;
  const std::string target_name_;
  std::string file_;
  Work work_ = Work::kNone;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = true;
};

}  // namespace

std::optional<Endpoint> ParseEndpoint(const std::string& text) {
  Endpoint endpoint;
  std::string rest = text;
  if (rest.starts_with("iscsi://")) {
    rest = rest.substr(8);
    const size_t query = rest.find('?');
    rest = rest.substr(0, query);
    const size_t slash = rest.find('/');
    if (slash != std::string::npos) {
      endpoint.name = rest.substr(slash + 1);
      rest = rest.substr(0, slash);
      const size_t lun = endpoint.name.rfind('/');
      if (lun != std::string::npos) {
        endpoint.lun = static_cast<uint32_t>(std::atoi(endpoint.name.c_str() + lun + 1));
        endpoint.name.resize(lun);
      }
    }
  }
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    const int port = std::atoi(rest.c_str() + colon + 1);
    if (port < 0 || port > 65535) return std::nullopt;
    endpoint.port = static_cast<uint16_t>(port);
    rest = rest.substr(0, colon);
  }
  if (rest.size() > 2 && rest.front() == '[' && rest.back() == ']') {
    rest = rest.substr(1, rest.size() - 2);
  }
  if (rest.empty()) return std::nullopt;
  endpoint.host = rest;
  return endpoint;
}

std::unique_ptr<Peer> ConnectTo(const Endpoint& endpoint) {
  return std::make_unique<RemoteTarget>(endpoint);
}

std::optional<Listener> ListenAt(const Endpoint& endpoint, const Commands& commands,
                                 const std::string& target_name) {
  addrinfo* addresses = Resolve(endpoint, true);
  if (addresses == nullptr) return std::nullopt;
  const int fd = socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const bool bound =
      fd >= 0 && bind(fd, addresses->ai_addr, addresses->ai_addrlen) == 0 && listen(fd, 64) == 0;
  freeaddrinfo(addresses);
  sockaddr_storage name = {};
  socklen_t size = sizeof name;
  if (!bound || getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    if (fd >= 0) close(fd);
    return std::nullopt;
  }
  const uint16_t port =
      ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port
                                       : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
  return Listener{std::make_unique<RemoteInitiator>(fd, port, endpoint, commands, target_name),
                  port};
}

}  // namespace isthmus::hostile
