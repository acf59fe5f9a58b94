// A TAP device in a network namespace of its own: one end of the software NIC's wire. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN
// (in a user namespace of the caller's they suffice) and /dev/net/tun.
//
//   absl::StatusOr<TapEnd> end = TapEnd::Create({.address = "10.77.0.1", .mtu = 9000});
//   read(end->fd(), …) gives frames with a VnetHeader before them; nsenter --net=/proc/PID/fd/end->netns_fd() runs there
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_TAP_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_TAP_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace isthmus::transport {

// Stands before each frame, both ways (struct virtio_net_hdr; the kernel's header does not compile as C++).
struct VnetHeader {
  static constexpr uint8_t kNeedsChecksum = 1, kNoSegmentation = 0;
  uint8_t flags = 0, gso_type = kNoSegmentation;
  uint16_t hdr_len = 0, gso_size = 0, csum_start = 0, csum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

struct TapOptions {
  std::string address;  // IPv4, of a /24
  int mtu = 1500;
  bool segmentation = false;        // TSO: the host hands over up to 64 KiB, the card cuts
  bool receive_coalescing = false;  // GRO: the host joins what arrives
};

class TapEnd {
 public:
  // Leaves the calling thread in the new namespace.
  static absl::StatusOr<TapEnd> Create(const TapOptions& options);
  TapEnd(TapEnd&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), netns_fd_(std::exchange(other.netns_fd_, -1)) {}
  TapEnd& operator=(TapEnd&&) = delete;
  ~TapEnd();

  int fd() const { return fd_; }
  int netns_fd() const { return netns_fd_; }

 private:
  TapEnd(int fd, int netns_fd) : fd_(fd), netns_fd_(netns_fd) {}
  int fd_ = -1, netns_fd_ = -1;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_TAP_H_
