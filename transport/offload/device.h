// What a NIC or accelerator that knows iSCSI digests is to the stack: the one interface that every kind implements.
// RFC 7143 section 11.2.3 (digests), section 7.8 (digest errors). docs/offload.md is the guide for who builds one.
//
// A device stands between the wire and the host's TCP. It says which digests it found good, and inserts digests into what
// leaves. It never decides anything: the receiver (protocol/connection/receiver.h) takes a digest from a device only if
// every byte that it covers is good in one life of one device, and computes all else. So silence is always right, and
// only "good" over bad bytes does harm.
//
// Who owns which bytes: a frame's payload is the driver's for the length of Receive(); a delivery's bytes are the
// device's for the length of Deliver(). Nothing is kept by either.
//
//   const OffloadCapabilities can = device.capabilities();    // before negotiation: offload_sizing.h clamps the keys
//   device.Arm({.epoch = 1, .rx_stream_offset = first_full_feature_pdu, …});  // false: software carries on
//   for (each frame) device.Receive(frame, sink);             // sink.Deliver(segment), now or with a later frame
//   while (device.NextCompletion(&done)) receiver.Resolve(done.ticket, done.header, done.data);
//   if (device.ResyncQuestion(&offset)) device.ResyncAnswer(offset, a PDU starts there);
//   device.Transmit(frame);                                   // inserts where the engine left placeholders
//   sender.Materialize(device.inserted());                    // it goes: what it inserted stays as it was
//   device.Disarm(sink); receiver.AbandonPending();               // and, while !TornDown(), poll NextCompletion() and drop
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_DEVICE_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "digest/verdict.h"
#include "protocol/connection/offload_sizing.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "transport/offload/counters.h"

namespace isthmus::transport {

// Asked before negotiation. All false: software.
struct OffloadCapabilities {
  bool checks_header_digest = false;
  bool checks_data_digest = false;
  bool inserts_digests = false;  // into kDeviceInserts placeholders of a segment that leaves
  bool fills_digests = false;    // into kFillDigest bytes in memory, before they leave
  bool strips_digests =
      false;  // checked digests do not reach the host: the device's word on them is final
  bool places_data = false;        // writes data into registered destinations
  bool delivers_in_order = false;  // reassembles the stream itself
  bool needs_resync = false;       // asks ResyncQuestion() after a break
  bool answers_later = false;      // kPending and completions
  // Its link protects the data itself (RFC 5047's data movers, RDMA's own CRC): no digests are offered.
  bool protects_data = false;
  // Topmost bits of ITT and TTT that it chooses, to find by them the buffers that RegisterBuffer() told it of. At most 12.
  uint32_t tag_bits = 0;
  SizingLimits sizing;
};

struct OffloadArm {
  uint32_t epoch = 0;  // of this life, from 1; in all evidence that it gives
  uint64_t rx_stream_offset =
      0;  // where the first PDU with digests begins: bytes before it are not looked at
  uint64_t tx_stream_offset = 0;
  bool header_digest = false;
  bool data_digest = false;
};

// What a device without firmware for it cannot take apart; others may.
enum class FrameOddity : uint8_t { kNone, kIpOptions, kFragment, kVlan, kTunnel, kUrgent };

// One TCP segment as it came from the wire, its TCP and IP checksums right.
struct RxFrame {
  uint64_t stream_offset =
      0;  // the sequence number, unwrapped, counted from the connection's first byte
  std::span<const std::byte> payload;
  FrameOddity oddity = FrameOddity::kNone;
  uint32_t coalesced = 1;  // frames of the wire that the card merged into this one (LRO)
};

// One TCP segment about to leave. `digests` name the placeholders that begin in it, in order.
struct TxDigest {
  uint32_t offset = 0;  // in the payload, of its four bytes
  uint32_t covers = 0;  // payload bytes before it that it covers
};
struct TxFrame {
  uint64_t stream_offset = 0;
  std::span<std::byte> payload;
  std::span<const TxDigest> digests;
  bool exactly_one_pdu = false;
};

struct OffloadCompletion {
  uint32_t ticket = 0;
  digest::Evidence header, data;
};

// Takes what the device passes up: bytes in stream order or, unless delivers_in_order, as they came.
class RxDeliverySink {
 public:
  virtual void Deliver(const RxSegment& segment) = 0;

 protected:
  ~RxDeliverySink() = default;
};

// Where data of a PDU with this header (48 bytes) may be placed; empty: nowhere. For hosts that can look at each header;
// hardware finds its buffer by the tag: RegisterBuffer().
class PlacementTable {
 public:
  virtual std::span<std::byte> Destination(std::span<const std::byte> bhs, uint32_t size) = 0;

 protected:
  ~PlacementTable() = default;
};

class OffloadDevice {
 public:
  virtual ~OffloadDevice() = default;

  virtual const char* name() const = 0;
  virtual OffloadCapabilities capabilities() const = 0;

  // Starts a life. False: no resources, or the offset has passed; not an error. A device that was armed before forgets that life.
  virtual bool Arm(const OffloadArm& arm) = 0;
  // Ends it: bytes held are passed on, nothing is good from here on, nothing is asked. Completions may still come until
  // TornDown().
  virtual void Disarm(RxDeliverySink& sink) = 0;
  virtual bool TornDown() const { return true; }

  // A frame arrived. Also before Arm() and after Disarm(): then it is passed on as it is.
  virtual void Receive(const RxFrame& frame, RxDeliverySink& sink) = 0;

  // Inserts all digests that the frame asks for. False: it cannot, and nothing has changed: the driver inserts them.
  virtual bool Transmit(const TxFrame&) { return false; }

  // Cuts one over-long PDU (TxFlags::kDeviceSegments) into PDUs with `segment_bytes` of data each, as TxSlice describes them,
  // with their digests. `pdu`: all of it, placeholders included. False: it does not.
  virtual bool Segment(std::span<const std::byte> /*pdu*/, uint32_t /*segment_bytes*/,
                       std::vector<std::byte>* /*wire*/) {
    return false;
  }

  // The peer's TCP has acknowledged all below this offset of the transmit stream.
  virtual void Acknowledged(uint64_t /*stream_offset*/) {}
  // What it has inserted and still remembers, for Sender::Materialize(); null: it remembers nothing.
  virtual const InsertedDigests* inserted() const { return nullptr; }

  virtual bool NextCompletion(OffloadCompletion*) { return false; }

  // Whether the device asks "does a PDU start at this offset?", once a question.
  virtual bool ResyncQuestion(uint64_t*) { return false; }
  virtual void ResyncAnswer(uint64_t /*stream_offset*/, bool /*pdu_starts_here*/) {}

  // From now on data of a task whose tag (ITT of Data-In, TTT of Data-Out) has *device_tag in its topmost
  // capabilities().tag_bits may be placed into `buffer`, whose first byte is the task's data at `buffer_offset`. False: no
  // room; the tag's bits stay 0, which names no buffer. The buffer is the device's to write until ReleaseBuffer() returns.
  virtual bool RegisterBuffer(std::span<std::byte> /*buffer*/, uint32_t /*buffer_offset*/,
                              uint32_t* /*device_tag*/) {
    return false;
  }
  virtual void ReleaseBuffer(uint32_t /*device_tag*/) {}

  // Null: none. Before Arm(); outlives the device.
  virtual void UsePlacement(PlacementTable*) {}

  const OffloadCounters& counters() const { return counters_; }

 protected:
  OffloadCounters counters_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_DEVICE_H_
