#include "transport/socket_driver.h"

#include <sys/socket.h>

#include <cerrno>

namespace isthmus::transport {

std::unique_ptr<std::byte[]> RxBufferPool::Take() {
  if (free_.empty()) {
    return std::unique_ptr<std::byte[]>(
        new std::byte[kBufferBytes]);  // not zeroed: only what was read is used
  }
  std::unique_ptr<std::byte[]> buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void RxBufferPool::Give(std::unique_ptr<std::byte[]> buffer) {
  constexpr size_t kKept = 4;
  if (free_.size() < kKept) free_.push_back(std::move(buffer));
}

ssize_t SocketDriver::ReadVector(std::span<iovec> vector) {
  error_ = 0;
  for (;;) {
    const ssize_t got = readv(fd(), vector.data(), static_cast<int>(vector.size()));
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
    return -1;
  }
}

ssize_t SocketDriver::SendVector(std::span<iovec> vector) {
  error_ = 0;
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = vector.size();
  for (;;) {
    const ssize_t sent = sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
    return -1;
  }
}

namespace {

template <class F>
void ForEachPart(std::span<const iovec> vector, size_t bytes, F&& see) {
  for (const iovec& entry : vector) {
    if (bytes == 0) return;
    const size_t part = bytes < entry.iov_len ? bytes : entry.iov_len;
    see(std::span(static_cast<const std::byte*>(entry.iov_base), part));
    bytes -= part;
  }
}

}  // namespace

void SocketDriver::TapReceived(std::span<const iovec> vector, size_t bytes) {
  ForEachPart(vector, bytes, [this](std::span<const std::byte> part) { tap_->OnReceived(part); });
}

void SocketDriver::TapSent(std::span<const iovec> vector, size_t bytes) {
  ForEachPart(vector, bytes, [this](std::span<const std::byte> part) { tap_->OnSent(part); });
}

}  // namespace isthmus::transport
