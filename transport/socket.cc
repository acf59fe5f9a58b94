#include "transport/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace isthmus::transport {

void Socket::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Address Socket::Local() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  return FromSockaddr(storage);
}

Address Socket::Peer() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getpeername(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  return FromSockaddr(storage);
}

absl::Status ErrnoStatus(absl::string_view what, int error) {
  return absl::ErrnoToStatus(error, what);
}

namespace {

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

absl::Status FinishConnect(int fd, absl::Time deadline) {
  pollfd waiting{fd, POLLOUT, 0};
  for (;;) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left_ms, 0)));
    if (ready == 0) return absl::DeadlineExceededError("no answer in time");
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoStatus("poll", errno);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "connect");
  }
}

}  // namespace

absl::StatusOr<Socket> Listen(const Address& portal) {
  absl::StatusOr<std::vector<ResolvedAddress>> list = Resolve(portal);
  if (!list.ok()) return list.status();
  const ResolvedAddress& at = list->front();
  Socket socket(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return ErrnoStatus(absl::StrCat(portal.ToString(), ": socket"), errno);
  const int on = 1;
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at.storage.ss_family == AF_INET6) {
    setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (bind(socket.fd(), reinterpret_cast<const sockaddr*>(&at.storage), at.size) != 0) {
    return ErrnoStatus(absl::StrCat(portal.ToString(), ": cannot listen there: bind"), errno);
  }
  if (listen(socket.fd(), SOMAXCONN) != 0) {
    return ErrnoStatus(absl::StrCat(portal.ToString(), ": cannot listen there: listen"), errno);
  }
  return socket;
}

absl::StatusOr<Socket> Accept(const Socket& listener) {
  for (;;) {
    const int fd = accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      SetNoDelay(fd);
      return Socket(fd);
    }
    switch (errno) {
      case EINTR:
      case ECONNABORTED:
        continue;
      case EAGAIN:
        return absl::UnavailableError("no connection is waiting");
      default:
        return absl::ResourceExhaustedError(absl::StrCat("accept: ", std::strerror(errno)));
    }
  }
}

absl::StatusOr<Socket> Connect(const Address& address, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::StatusOr<std::vector<ResolvedAddress>> list = Resolve(address);
  if (!list.ok()) return list.status();
  absl::Status last;
  for (const ResolvedAddress& at : *list) {
    Socket socket(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
      last = ErrnoStatus("socket", errno);
      continue;
    }
    SetNoDelay(socket.fd());
    const int result =
        connect(socket.fd(), reinterpret_cast<const sockaddr*>(&at.storage), at.size);
    if (result != 0 && errno != EINPROGRESS) {
      last = ErrnoStatus("connect", errno);
      continue;
    }
    last = FinishConnect(socket.fd(), deadline);
    if (last.ok()) return socket;
  }
  return absl::Status(last.code(), absl::StrCat(address.ToString(), ": ", last.message()));
}

}  // namespace isthmus::transport
