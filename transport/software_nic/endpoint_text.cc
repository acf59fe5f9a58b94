#include "transport/software_nic/endpoint_text.h"

#include <netinet/in.h>

#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace isthmus::transport {

std::string EndpointText(const NicEndpoint& endpoint) {
  const absl::string_view bytes(reinterpret_cast<const char*>(endpoint.address.data()),
                                endpoint.address.size());
  return absl::StrCat(absl::BytesToHexString(bytes), ":", endpoint.port);
}

bool ParseEndpoint(absl::string_view text, NicEndpoint* out) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  uint32_t port = 0;
  if (parts.size() != 2 || parts[0].size() != 32 || !absl::SimpleAtoi(parts[1], &port) ||
      port > 65535)
    return false;
  for (const char c : parts[0]) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  const std::string bytes = absl::HexStringToBytes(parts[0]);
  std::memcpy(out->address.data(), bytes.data(), out->address.size());
  out->port = static_cast<uint16_t>(port);
  return true;
}

bool FromSockaddr(const sockaddr_storage& from, NicEndpoint* out) {
  if (from.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(from);
    out->address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(out->address.data() + 12, &in.sin_addr, 4);
    out->port = ntohs(in.sin_port);
    return true;
  }
  if (from.ss_family != AF_INET6) return false;
  const auto& in = reinterpret_cast<const sockaddr_in6&>(from);
  std::memcpy(out->address.data(), &in.sin6_addr, 16);
  out->port = ntohs(in.sin6_port);
  return true;
}

}  // namespace isthmus::transport
