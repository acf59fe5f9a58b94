// A TCP socket's life: listen, accept, connect. Non-blocking, close-on-exec, TCP_NODELAY (a command must not wait for
// Nagle's algorithm, RFC 7143 section 10.5 leaves segmentation to the transport). A Socket owns its descriptor.
//
//   absl::StatusOr<Socket> listener = Listen(portal);
//   absl::StatusOr<Socket> accepted = Accept(*listener);       // kUnavailable: none is waiting
//   absl::StatusOr<Socket> socket = Connect(address, absl::Seconds(10));
#ifndef ISTHMUS_TRANSPORT_SOCKET_H_
#define ISTHMUS_TRANSPORT_SOCKET_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "transport/address.h"

namespace isthmus::transport {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { Close(); }

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Close();

  Address Local() const;
  Address Peer() const;

 private:
  int fd_ = -1;
};

absl::StatusOr<Socket> Listen(const Address& portal);

// The next waiting connection. kUnavailable: there is none. kResourceExhausted: out of descriptors or memory.
absl::StatusOr<Socket> Accept(const Socket& listener);

// Tries each address that the host resolves to; blocks until one answers or the time is over.
absl::StatusOr<Socket> Connect(const Address& address, absl::Duration timeout);

// absl::Status for errno, with what was tried before it.
absl::Status ErrnoStatus(absl::string_view what, int error);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOCKET_H_
