// A record of each PDU that a connection received or emitted: direction, header, verdicts, time. What RFC 7143 calls a PDU
// is section 11.2's; here is what an embedder logs, draws or keeps for the day when something goes wrong.
//
// The records are pulled from a ring in the caller's memory; nothing is called back. A hook that ran inside the receiver
// could re-enter the engine, and would make every PDU wait for the host's logger; a ring does neither, needs no function
// pointer in C, and is a flight recorder for nothing: when it is full the oldest record makes room, so a host that never
// reads it while all is well finds the last PDUs before a failure. A host that wants them all reads it in its loop, beside
// Next(); lost() counts what it missed. Without a ring the price is one branch a PDU.
//
//   std::byte memory[64 << 10];
//   PduTraceRing ring(memory);
//   connection_options.tracer = {.ring = &ring, .source = 7};   // of either side
//   PduTrace trace;
//   while (ring.Next(&trace)) Log(trace);                       // after the engine's events
//
// Who owns which bytes: ring and memory are the caller's, and outlive the connections that write to them, or are taken out of
// their reach by SetTracer(). Several connections may share a ring if one thread drives them all; `source` tells them apart.
// trace.header points into the memory and is valid until the next call of an engine that writes there.
//
// What is in it: headers (BHS and AHS: opcodes, tags, numbers, LUN, CDB). Never a data segment: neither login text, with the
// names and answers of CHAP, nor users' data. Secrets are not on the wire at all.
#ifndef ISTHMUS_PROTOCOL_CONNECTION_TRACE_H_
#define ISTHMUS_PROTOCOL_CONNECTION_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/verdict.h"
#include "protocol/error.h"
#include "protocol/time.h"

namespace isthmus {

enum class PduDirection : uint8_t { kReceived, kSent };

struct PduTrace {
  uint64_t number = 0;         // counts the ring's records from 0; a gap: lost
  uint64_t stream_offset = 0;  // of the PDU's first byte, in its direction
  // As the embedder passed it in: received, with the segment that ended the PDU, or with a later call; sent, with the
  // PollTransmit() that froze it.
  Instant at;
  uint32_t source = 0;               // PduTracer::source
  uint32_t data_segment_length = 0;  // bytes, without padding; 0 if the header was not believed
  PduDirection direction = PduDirection::kReceived;
  // Received: kUnchecked if the PDU has no such digest. Sent: kGood if it carries one, kPending if a device is to put it
  // in, kUnchecked if it has none.
  digest::DigestVerdict header_verdict = digest::DigestVerdict::kUnchecked;
  digest::DigestVerdict data_verdict = digest::DigestVerdict::kUnchecked;
  bool header_by_device = false;  // a device's word, or work, not software's
  bool data_by_device = false;
  // kOk, or why framing was lost with this PDU (header digest, length). What a session makes of a whole PDU is told by its
  // events.
  ErrorCode error = ErrorCode::kOk;
  std::span<const std::byte> header;  // BHS and AHS; less only if `error` came first
};

class PduTraceRing {
 public:
  // `memory` of kMinBytes holds the longest record (TotalAHSLength 255); a common one takes 128 bytes. A ring that is too
  // small for a record loses it.
  static constexpr size_t kMinBytes = 1200;
  explicit PduTraceRing(std::span<std::byte> memory);
  PduTraceRing(const PduTraceRing&) = delete;
  PduTraceRing& operator=(const PduTraceRing&) = delete;

  // Takes out the oldest record; false: none is left.
  bool Next(PduTrace* trace);
  // Records that made room for younger ones, or did not fit, without having been pulled.
  uint64_t lost() const { return lost_; }

  // The engine's side: the time for the records to come; a record, whose header and AHS are copied.
  void SeeTime(Instant now) { now_ = now; }
  void Add(PduTrace trace, std::span<const std::byte> bhs, std::span<const std::byte> ahs);

 private:
  bool MakeRoom(size_t size);
  void DropOldest();

  std::byte* memory_;
  size_t capacity_;
  // Records lie in [begin_, end_), or, wrapped, in [begin_, wrap_) and [0, end_).
  size_t begin_ = 0, end_ = 0, wrap_ = 0;
  uint64_t count_ = 0;
  uint64_t next_number_ = 0, lost_ = 0;
  Instant now_;
};

// Where a connection's records go. Without a ring: nowhere.
struct PduTracer {
  PduTraceRing* ring = nullptr;  // not owned
  uint32_t source = 0;           // the embedder's name of the connection

  void SeeTime(Instant now) const {
    if (ring != nullptr) [[unlikely]]
      ring->SeeTime(now);
  }
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_TRACE_H_
