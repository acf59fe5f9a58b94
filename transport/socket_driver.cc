#include "transport/socket_driver.h"

#include <sys/socket.h>

#include <algorithm>
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

ssize_t SocketDriver::SendPdus(std::span<const TxSlice> slices, std::span<iovec> vector) {
  std::array<mmsghdr, kMaxSlices> messages{};
  size_t count = 0, first = 0, whole = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    if (!Has(slices[i].flags, TxFlags::kPduEnd)) continue;
    msghdr& message = messages[count++].msg_hdr;
    message.msg_iov = vector.data() + first;
    message.msg_iovlen = i + 1 - first;
    whole = first = i + 1;
  }
  // More slices than were asked for: the PDU's end comes with the next answer.
  if (whole == 0) return SendVector(vector);
  for (;;) {
    error_ = 0;
    // The kernel stops behind a message that it takes in part.
    const int done = sendmmsg(fd(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL | MSG_EOR);
    if (done >= 0) {
      ssize_t sent = 0;
      for (int i = 0; i < done; ++i) sent += messages[static_cast<size_t>(i)].msg_len;
      return sent;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
    return -1;
  }
}

namespace {

// One run of bytes, so that a capture does not cut where our buffers do: decoders lose a PDU whose packet ends between
// its data and its digest.
std::vector<std::byte> Joined(std::span<const iovec> vector, size_t bytes) {
  std::vector<std::byte> joined;
  joined.reserve(bytes);
  for (const iovec& entry : vector) {
    const size_t part = std::min(bytes, entry.iov_len);
    const auto* data = static_cast<const std::byte*>(entry.iov_base);
    joined.insert(joined.end(), data, data + part);
    bytes -= part;
  }
  return joined;
}

}  // namespace

void SocketDriver::TapReceived(std::span<const iovec> vector, size_t bytes) {
  tap_->OnReceived(Joined(vector, bytes));
}

void SocketDriver::TapSent(std::span<const iovec> vector, size_t bytes) {
  tap_->OnSent(Joined(vector, bytes));
}

}  // namespace isthmus::transport
