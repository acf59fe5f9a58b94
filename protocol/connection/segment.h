// What crosses the boundary between an engine and a transport: received segments, wanted sinks, slices to send.
// RFC 7143 section 4.2.9 (the stream), section 11.2.3 (digests); docs/architecture.md tells the way of a byte.
//
// Who owns which bytes:
//   RxSegment.bytes   the transport's. Borrowed from Receive() until the engine has drained them: when Next() has
//                     returned false and UnconsumedRx() is 0, or, if `lease` is not 0, when the event kReleaseRx
//                     with that lease has been pulled.
//   RxWant.sink       the engine's or, for a data segment, the embedder's destination. Valid until the next call
//                     that takes a non-const engine. A transport may read from its socket straight into it and then
//                     hand in an RxSegment whose bytes are that sink: nothing is copied.
//   TxSlice.data      headers, digests and padding: the engine's. Data: the embedder's source or the engine's
//                     staging copy. All stay in place and unchanged until OnTransportDone() has passed them.
//
// A driver's loop, the same for both sides:
//
//   engine.Receive(id, segment, now);                  // or after a scatter read into WantRx(id)
//   while (engine.Next(&event)) Handle(event);
//   n = engine.PollTransmit(id, slices, now);          // gathered write of slices[0..n)
//   engine.OnSent(id, written); engine.OnTransportDone(id, offset);   // at once after a copying send
//   arm_timer(engine.PollTimeout());
#ifndef ISTHMUS_PROTOCOL_CONNECTION_SEGMENT_H_
#define ISTHMUS_PROTOCOL_CONNECTION_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/verdict.h"

namespace isthmus {

// A row is a connection (CID) of a session; it outlives its transport. The generation tells a row's successive
// transports apart, so that a late call for an old one is refused.
struct ConnectionId {
  uint32_t row = 0;
  uint32_t generation = 0;
  friend constexpr bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// Names memory that the transport lends with a segment. 0: nothing to give back.
struct RxLease {
  uint32_t id = 0;
  friend constexpr bool operator==(const RxLease&, const RxLease&) = default;
};

// Consecutive bytes of the receive stream, with what a device said of them.
struct RxSegment {
  uint64_t stream_offset =
      0;  // of the first byte that it stands for, from the connection's first received byte
  std::span<const std::byte> bytes;
  digest::Evidence
      header;  // holds for every byte of the segment that belongs to a header or its digest
  digest::Evidence data;  // likewise for data segments, padding and their digests
  uint32_t placed =
      0;  // data bytes that the device has already put into the sink: they precede `bytes`
  uint32_t coalesced = 0;  // PDUs that the device merged into one
  // Digest bytes that the device took out behind `bytes`: 4 where the header or data digest ends, else 0. They count in the
  // stream. What the device says of such a digest is final, for nobody can compute it again.
  uint32_t stripped = 0;
  // Where the PDU begins that the device checked: the evidence counts only for bytes of the PDU that begins there. A device
  // that takes each frame for one PDU must say so: data that looks like a PDU would be taken for one. kAnyPdu: a device that
  // follows the stream from a boundary that the engine announced.
  static constexpr uint64_t kAnyPdu = ~uint64_t{0};
  uint64_t pdu_offset = kAnyPdu;
  RxLease lease;
};

// Where the next bytes of the stream are to go.
struct RxWant {
  std::span<std::byte> sink;
  bool is_data =
      false;  // a data segment's destination (worth a read of its own), not a header or digest
};

enum class TxFlags : uint8_t {
  kNone = 0,
  kPduStart = 1,       // the first byte of a PDU: where an aligning transport starts a segment
  kPduEnd = 2,         // its last byte
  kFillDigest = 4,     // four bytes that an accelerator fills before they leave
  kDeviceInserts = 8,  // four placeholder bytes that the device replaces by the digest
  kDeviceSegments = 16,  // with kPduStart: the device cuts this PDU into several (TxSlice::segment_bytes)
};
constexpr TxFlags operator|(TxFlags a, TxFlags b) {
  return static_cast<TxFlags>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr bool Has(TxFlags set, TxFlags flag) {
  return (static_cast<uint8_t>(set) & static_cast<uint8_t>(flag)) != 0;
}
constexpr TxFlags Without(TxFlags set, TxFlags flag) {
  return static_cast<TxFlags>(static_cast<uint8_t>(set) & ~static_cast<uint8_t>(flag));
}

// Counts the PDUs of a connection in the order of emission; never reused while a transport may still read it.
struct PduId {
  uint64_t value = 0;
  friend constexpr bool operator==(const PduId&, const PduId&) = default;
};

struct TxSlice {
  const std::byte* data = nullptr;
  uint32_t size = 0;
  TxFlags flags = TxFlags::kNone;
  // kDeviceSegments: data bytes of each PDU on the wire but the last. The first of them carries the header as it is here,
  // but for F, S, the status and the counts, which belong to the last; DataSN and BufferOffset go on from PDU to PDU.
  uint32_t segment_bytes = 0;
  PduId pdu;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_SEGMENT_H_
