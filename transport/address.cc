#include "transport/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace isthmus::transport {

std::string Address::ToString() const {
  if (host.find(':') != std::string::npos) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

namespace {

absl::StatusOr<uint16_t> ParsePort(absl::string_view text, absl::string_view whole) {
  uint32_t port = 0;
  if (!absl::SimpleAtoi(text, &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", whole, "\": \"", text, "\" is not a port (0 to 65535)"));
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

absl::StatusOr<Address> ParseAddress(absl::string_view text, uint16_t default_port) {
  Address address;
  address.port = default_port;
  absl::string_view port;
  bool has_port = false;
  if (!text.empty() && text[0] == '[') {
    const size_t close = text.find(']');
    if (close == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": the [ has no ]"));
    }
    address.host = std::string(text.substr(1, close - 1));
    const absl::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\": \"", rest, "\" after the ] is not \":port\""));
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const size_t colon = text.rfind(':');
    if (colon != absl::string_view::npos && text.find(':') != colon) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\": an IPv6 address stands in brackets, as in [::1]:3260"));
    }
    address.host = std::string(text.substr(0, colon));
    has_port = colon != absl::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (address.host.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": the host is missing"));
  }
  if (has_port) {
    absl::StatusOr<uint16_t> parsed = ParsePort(port, text);
    if (!parsed.ok()) return parsed.status();
    address.port = *parsed;
  }
  return address;
}

absl::StatusOr<std::vector<ResolvedAddress>> Resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::NotFoundError(absl::StrCat(address.ToString(), ": ", gai_strerror(error)));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> holder(found, freeaddrinfo);
  std::vector<ResolvedAddress> result;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    ResolvedAddress resolved;
    std::memcpy(&resolved.storage, a->ai_addr, a->ai_addrlen);
    resolved.size = a->ai_addrlen;
    result.push_back(resolved);
  }
  return result;
}

Address FromSockaddr(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  Address address;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &storage, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    address.port = ntohs(in.sin6_port);
  } else {
    sockaddr_in in;
    std::memcpy(&in, &storage, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    address.port = ntohs(in.sin_port);
  }
  address.host = text;
  return address;
}

}  // namespace isthmus::transport
