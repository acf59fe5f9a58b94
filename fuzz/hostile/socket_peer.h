// Peers behind real sockets: a target that is connected to, and an initiator that connects here.
//
// Who owns what: a Link owns its socket. A listening peer owns its port until it is destroyed, and
// the program that it starts for each test (--read, --write, --discover) is ended with the test.
//
//   absl::StatusOr<std::unique_ptr<Peer>> target = ConnectTo("127.0.0.1", 3260);
//   auto initiator = Listener::Open({.address = "127.0.0.1", .port = 0, ...});
#ifndef ISTHMUS_FUZZ_HOSTILE_SOCKET_PEER_H_
#define ISTHMUS_FUZZ_HOSTILE_SOCKET_PEER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/link.h"

namespace isthmus::hostile {

// Host and port of "iscsi://HOST[:PORT]/NAME/LUN", "HOST:PORT" or "[v6]:PORT"; port 3260 if none
// is named.
struct Endpoint {
  std::string host;
  uint16_t port = 3260;
  std::string name;  // of the target; empty if the text has none
  uint32_t lun = 0;
};
// nullopt: not of either form.
std::optional<Endpoint> ParseEndpoint(const std::string& text);

// A target; connects at each Open().
std::unique_ptr<Peer> ConnectTo(const Endpoint& endpoint);

// What to run for each kind of work; {url}, {address}, {port}, {name} and {file} are replaced.
// {file} holds what a read brings, so that the listener can compare it. No command: whoever uses
// the listener connects by hand; one that is empty among others: the initiator cannot do that.
struct Commands {
  std::string read, write, discover;
  std::string chap_read;  // with the account of Options
  std::string reset;      // a LOGICAL UNIT RESET

  bool none() const {
    return read.empty() && write.empty() && discover.empty() && chap_read.empty() && reset.empty();
  }
  const std::string& Of(Work work) const {
    switch (work) {
      case Work::kRead:
        return read;
      case Work::kWrite:
        return write;
      case Work::kDiscover:
        return discover;
      case Work::kChapRead:
        return chap_read;
      case Work::kReset:
        return reset;
      case Work::kNone:
        break;
    }
    static const std::string kNothing;
    return kNothing;
  }
};

struct Listener {
  std::unique_ptr<Peer> peer;
  uint16_t port = 0;
};
// nullopt: the address cannot be listened at.
std::optional<Listener> ListenAt(const Endpoint& endpoint, const Commands& commands,
                                 const std::string& target_name);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_SOCKET_PEER_H_
