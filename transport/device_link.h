// One connection's digest device as the socket driver uses it: verdicts for what was read, requests for what is sent.
// RFC 7143 section 11.2.3 (digests); docs/offload.md tells the models. Devices live behind this; engines never see them.
//
// Who owns which bytes: none are held; slices and sockets are the driver's.
//
//   std::unique_ptr<DeviceLink> link = model->Attach(socket);   // null: software carries on
//   link->Arm(stream_offset, true, true);                       // at kArmDigests
//   n = link->ReadLimit(received); … readv …; link->Describe(received, bytes, runs);
//   link->BeforeSend(sent, slices);                             // whole PDUs, each a segment of its own
#ifndef ISTHMUS_TRANSPORT_DEVICE_LINK_H_
#define ISTHMUS_TRANSPORT_DEVICE_LINK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "digest/verdict.h"
#include "protocol/connection/segment.h"
#include "protocol/text/negotiation.h"

namespace isthmus::transport {

// What a received frame was to a device that can check one PDU a frame; all but the first are reasons for a miss.
enum class FrameKind : uint8_t {
  kExactlyOnePdu,
  kSeveralPdus,   // whole ones, or parts
  kPartOfOnePdu,  // a PDU over several frames
  kOutOfOrder,    // retransmitted, or behind a gap
  kNotArmed,      // before the digests began
  kDigestDisagrees  // exactly one PDU, and its digest is wrong: the device is silent, software decides
};
constexpr size_t kFrameKinds = 6;

struct LinkCounters {
  uint64_t attached = 0;      // connections that have a device
  uint64_t not_attached = 0;  // that should have one and run in software
  uint64_t exactly_one_pdu = 0, several_pdus = 0, part_of_one_pdu = 0, out_of_order = 0,
           not_armed = 0, digest_disagrees = 0;  // received frames
  uint64_t not_annotated = 0;  // reads of which the device's word was lost on the way, so that none is believed
  uint64_t epochs = 0;         // lives: times that it was armed
  uint64_t inserted_header_digests = 0, inserted_data_digests = 0, inserted_again = 0;
};

// So many consecutive received bytes, and what the device says of them.
struct RxRun {
  size_t bytes = 0;
  digest::Evidence header, data;
};

class DeviceLink {
 public:
  virtual ~DeviceLink() = default;

  // Each PDU is to be a TCP segment of its own.
  virtual bool one_pdu_a_segment() const = 0;
  virtual bool inserts_digests() const = 0;
  // The longest data segment whose PDU the device can serve now: follows the path MTU. 0: any. Cheap enough for each write.
  virtual uint32_t DataSegmentLengthToSend() = 0;
  // Digests of one PDU in so many that software computes all the same, and leases of one in so many that it verifies; 0: none.
  virtual uint32_t audit_one_in() const { return 0; }
  virtual uint32_t verify_leases_one_in() const { return 0; }

  // Digests begin at this offset of the receive stream.
  virtual void Arm(uint64_t stream_offset, bool header_digest, bool data_digest) = 0;

  // How many bytes to read at most so that Describe() needs at most `runs`.
  virtual size_t ReadLimit(uint64_t stream_offset, size_t runs) = 0;
  // Cuts bytes just read into runs; returns how many. Forgets them. What does not fit into `out` is unchecked.
  virtual size_t Describe(uint64_t stream_offset, size_t bytes, std::span<RxRun> out) = 0;
  // Before whole PDUs go to the socket; those told before are passed over. False: they must not be sent.
  virtual bool BeforeSend(uint64_t stream_offset, std::span<const TxSlice> slices) = 0;

  virtual LinkCounters counters() const = 0;
};

// A kind of device, ready to be attached to connections.
class DeviceModel {
 public:
  virtual ~DeviceModel() = default;
  virtual const std::string& name() const = 0;
  // Clamps what is offered at login to what the device can do on this connection (transport/offload/clamp.h).
  virtual void ClampOffer(int socket, text::Offer* offer) const = 0;
  // Null: the device does not take the connection. To be called once connected, before bytes are moved.
  virtual std::unique_ptr<DeviceLink> Attach(int socket) = 0;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_DEVICE_LINK_H_
