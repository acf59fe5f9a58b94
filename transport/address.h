// Host and port of a portal, in the text form that RFC 7143 section 13.8 (TargetAddress) and URLs share: "host:port",
// "[IPv6]:port", the port optional (3260, section 4.2.? and IANA). All values are owned.
//
//   absl::StatusOr<Address> address = ParseAddress("[::1]:3260", kDefaultPort);
//   absl::StatusOr<std::vector<ResolvedAddress>> list = Resolve(*address);
#ifndef ISTHMUS_TRANSPORT_ADDRESS_H_
#define ISTHMUS_TRANSPORT_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace isthmus::transport {

inline constexpr uint16_t kDefaultPort = 3260;

struct Address {
  std::string host;  // without brackets
  uint16_t port = kDefaultPort;

  std::string ToString() const;  // "host:port", IPv6 in brackets
};

struct ResolvedAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Errors name what is wrong with `text`. Port 0 (any free port) is accepted.
absl::StatusOr<Address> ParseAddress(absl::string_view text, uint16_t default_port);

// Looks the host up (blocking); at least one entry, in the system's order of preference.
absl::StatusOr<std::vector<ResolvedAddress>> Resolve(const Address& address);

// The numeric form of a socket's end.
Address FromSockaddr(const sockaddr_storage& storage);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_ADDRESS_H_
