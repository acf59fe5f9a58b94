// Turns received segments into PDUs: gathers each header whole, checks its digest, then hands out the data segment.
// RFC 7143 sections 11.1 (padding), 11.2 (framing), 11.2.3 (digests), 7.7 (format errors), 7.8 (digest errors).
//
// Who owns which bytes: the segment's bytes are borrowed (segment.h); the header, AHS, digests and pad bytes are copied
// into the receiver (at most 48 + 1020 + 4 bytes); data goes to the sink that the caller names, in place where the
// transport read it there, otherwise by one fused copy-and-digest pass. The receiver never reads a sink beyond what
// has arrived in it, and keeps no pointer to it after kEnd.
//
// Sequence, for each segment:
//
//   receiver.Push(segment);
//   RxItem item;
//   while (receiver.Next(&item)) switch (item.kind) {
//     case RxItemKind::kHeader:    // verified header; item.header, item.ahs valid until kEnd of this PDU
//       if (item.data_segment_length > 0) receiver.SetSink(destination);   // or SetScratch() to digest and drop
//       break;                     // without an answer, Next() returns false and WantRx() is empty: back-pressure
//     case RxItemKind::kEnd:       // data segment whole: item.data_verdict is kGood (or no digest) or kBad
//     case RxItemKind::kReleaseRx: // give item.lease back to the transport
//     case RxItemKind::kError:     // framing is lost: nothing more comes from this connection
//   }
//
// Any chunking of the same stream gives the same items. Each PDU gives kHeader then kEnd, also when it has no data.
#ifndef ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_
#define ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/crc32c.h"
#include "digest/kernel.h"
#include "digest/verdict.h"
#include "protocol/connection/segment.h"
#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus {

enum class RxItemKind : uint8_t { kHeader, kEnd, kReleaseRx, kError };

struct RxItem {
  RxItemKind kind = RxItemKind::kError;
  const wire::Bhs* header = nullptr;      // kHeader, kEnd
  std::span<const std::byte> ahs;         // kHeader, kEnd: TotalAHSLength * 4 bytes
  uint32_t data_segment_length = 0;       // kHeader, kEnd: bytes, without padding
  std::span<const std::byte> data;        // kEnd: what arrived in the sink (empty if scratch)
  digest::DigestVerdict data_verdict = digest::DigestVerdict::kUnchecked;  // kEnd: kGood, kBad; kUnchecked: no digest
  uint64_t stream_offset = 0;             // of the PDU's first byte
  RxLease lease;                          // kReleaseRx
  Error error = Error::Ok();              // kError
};

// What was checked where, in PDUs and bytes. Plain numbers; never reset. (Part of the counters of docs/offload.md.)
struct RxCounters {
  uint64_t pdus = 0;
  uint64_t bytes = 0;
  uint64_t header_digests_by_software = 0, header_digests_by_device = 0, header_digest_errors = 0;
  uint64_t data_digests_by_software = 0, data_digests_by_device = 0, data_digest_errors = 0;
  uint64_t data_digest_bytes_by_software = 0, data_digest_bytes_by_device = 0;
  uint64_t device_bad_software_good = 0;   // false alarms
  uint64_t data_bytes = 0, copied_data_bytes = 0;
};

class Receiver {
 public:
  struct Options {
    const digest::Kernel* kernel = nullptr;  // not owned; outlives the receiver
    Role role = Role::kTarget;               // which side receives: decides the opcodes' table in errors
    uint32_t MaxRecvDataSegmentLength = 8192;  // ours; a longer segment is refused from the header alone
  };

  explicit Receiver(const Options& options);
  Receiver(Receiver&&) = default;
  Receiver& operator=(Receiver&&) = default;

  static constexpr size_t kMaxSegments = 8;

  // Lends a segment. Its stream_offset must continue the stream. False, and nothing taken: kMaxSegments are waiting.
  bool Push(const RxSegment& segment);

  // Pulls the next item; false: more bytes, a sink, or a verdict are needed.
  bool Next(RxItem* item);

  // Answers kHeader: the data segment goes to sink[0, data_segment_length). Must be that long.
  void SetSink(std::span<std::byte> sink);
  // Answers kHeader: the data segment is digested and dropped (duplicate or terminated data, section 7.9).
  void SetScratch();

  // The exact bytes that come next and where they go, in stream order; returns how many of `out` were filled: at most
  // the rest of the data segment, or of the header. Empty while segments are waiting.
  size_t WantRx(std::span<RxWant> out);

  size_t UnconsumedRx() const;     // bytes lent and not yet drained
  uint64_t stream_offset() const;  // of the next byte to be parsed

  // Take effect at the next PDU's first byte. Digests begin with the first full-feature PDU (section 6.2.? Table, 13.1).
  void SetDigests(bool header_digest, bool data_digest);
  void SetMaxRecvDataSegmentLength(uint32_t bytes);
  // A pending verdict's answer (design: completions in any order). Unknown tickets are ignored.
  void Resolve(uint32_t ticket, digest::Evidence header, digest::Evidence data);

  const RxCounters& counters() const { return counters_; }

 private:
  RxCounters counters_;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_
