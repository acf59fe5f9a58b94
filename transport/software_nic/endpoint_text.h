// Endpoints as the control socket of the software NIC spells them: 32 hexadecimal digits, a colon, the port.
//
//   std::string text = EndpointText(endpoint);   // "00000000000000000000ffff0a4d0001:3260"
//   if (ParseEndpoint(text, &endpoint)) …
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_ENDPOINT_TEXT_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_ENDPOINT_TEXT_H_

#include <sys/socket.h>

#include <string>

#include "absl/strings/string_view.h"
#include "transport/software_nic/frame.h"

namespace isthmus::transport {

std::string EndpointText(const NicEndpoint& endpoint);
bool ParseEndpoint(absl::string_view text, NicEndpoint* out);
// False: neither IPv4 nor IPv6.
bool FromSockaddr(const sockaddr_storage& from, NicEndpoint* out);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_ENDPOINT_TEXT_H_
