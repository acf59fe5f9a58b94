#include "transport/software_nic/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace isthmus::transport {
namespace {

constexpr char kName[] = "nic0";

ifreq Request(const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

absl::Status BringUp(int socket, const char* name) {
  ifreq request = Request(name);
  if (ioctl(socket, SIOCGIFFLAGS, &request) != 0) return absl::ErrnoToStatus(errno, "SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  if (ioctl(socket, SIOCSIFFLAGS, &request) != 0) return absl::ErrnoToStatus(errno, "SIOCSIFFLAGS");
  return absl::OkStatus();
}

absl::Status SetAddress(int socket, unsigned long what, const std::string& address) {
  ifreq request = Request(kName);
  auto* in = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  in->sin_family = AF_INET;
  if (inet_pton(AF_INET, address.c_str(), &in->sin_addr) != 1) {
    return absl::InvalidArgumentError(address + ": no IPv4 address");
  }
  if (ioctl(socket, what, &request) != 0) return absl::ErrnoToStatus(errno, "setting an address");
  return absl::OkStatus();
}

absl::Status Configure(int socket, const TapOptions& options) {
  if (absl::Status s = BringUp(socket, "lo"); !s.ok()) return s;
  ifreq request = Request(kName);
  request.ifr_mtu = options.mtu;
  if (ioctl(socket, SIOCSIFMTU, &request) != 0) return absl::ErrnoToStatus(errno, "SIOCSIFMTU");
  request = Request(kName);
  request.ifr_qlen = 8192;  // a sender's burst must not be lost before the wire
  if (ioctl(socket, SIOCSIFTXQLEN, &request) != 0)
    return absl::ErrnoToStatus(errno, "SIOCSIFTXQLEN");
  if (absl::Status s = SetAddress(socket, SIOCSIFADDR, options.address); !s.ok()) return s;
  if (absl::Status s = SetAddress(socket, SIOCSIFNETMASK, "255.255.255.0"); !s.ok()) return s;
  return BringUp(socket, kName);
}

}  // namespace

TapEnd::~TapEnd() {
  if (fd_ >= 0) close(fd_);
  if (netns_fd_ >= 0) close(netns_fd_);
}

absl::StatusOr<TapEnd> TapEnd::Create(const TapOptions& options) {
  if (unshare(CLONE_NEWNET) != 0)
    return absl::ErrnoToStatus(errno, "a network namespace of its own");
  TapEnd end(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
             open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (end.fd_ < 0) return absl::ErrnoToStatus(errno, "/dev/net/tun");
  ifreq request = Request(kName);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (options.receive_coalescing) request.ifr_flags |= IFF_NAPI;
  if (ioctl(end.fd_, TUNSETIFF, &request) != 0) return absl::ErrnoToStatus(errno, "TUNSETIFF");
  const unsigned offload = options.segmentation ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
  if (ioctl(end.fd_, TUNSETOFFLOAD, offload) != 0)
    return absl::ErrnoToStatus(errno, "TUNSETOFFLOAD");
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return absl::ErrnoToStatus(errno, "socket");
  const absl::Status configured = Configure(socket, options);
  close(socket);
  if (!configured.ok()) return configured;
  return end;
}

}  // namespace isthmus::transport
