// One connection's receiver and sender, as the driver of a digest device needs them: verdicts, answers and resync requests go to
// the one, what the device does on transmit to the other. RFC 7143 section 11.2.3; docs/offload.md.
//
// Who owns which bytes: both are the session's, and gone with the connection: asked for anew at each use, never kept.
//
//   const OffloadChannel channel = session.offload(id);          // empty: no such connection any more
//   if (channel) channel.receiver->Resolve(ticket, header, data);
//   if (channel) channel.sender->SetDeviceInserts(true, true);   // at kArmDigests
#ifndef ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_CHANNEL_H_
#define ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_CHANNEL_H_

#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"

namespace isthmus {

struct OffloadChannel {
  Receiver* receiver = nullptr;
  Sender* sender = nullptr;
  explicit operator bool() const { return receiver != nullptr && sender != nullptr; }
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_OFFLOAD_CHANNEL_H_
