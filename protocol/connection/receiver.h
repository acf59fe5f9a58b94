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
// Any chunking of the same stream gives the same items (kReleaseRx apart), and so does any pattern of verdicts, unless a
// device lies. Each PDU gives kHeader then kEnd, also when it has no data.
//
// A digest is taken from a device only if every byte that it covers and its own four bytes are good in one epoch. The first
// byte that is not makes software check the whole PDU, also what was skipped; a device's "bad" is checked likewise. A
// pending verdict holds the PDU's item, and everything behind it, until Resolve(). A device that lost the stream asks where
// PDUs begin: PduStartsAt().
#ifndef ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_
#define ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/kernel.h"
#include "digest/value.h"
#include "digest/verdict.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus {

enum class RxItemKind : uint8_t { kHeader, kEnd, kReleaseRx, kError };

struct RxItem {
  RxItemKind kind = RxItemKind::kError;
  const wire::Bhs* header = nullptr;  // kHeader, kEnd; kError: if it was verified, else nullptr
  std::span<const std::byte> ahs;     // kHeader, kEnd: TotalAHSLength * 4 bytes
  uint32_t data_segment_length = 0;   // kHeader, kEnd: bytes, without padding
  std::span<const std::byte> data;    // kEnd: what arrived in the sink (empty if scratch)
  digest::DigestVerdict data_verdict =
      digest::DigestVerdict::kUnchecked;  // kEnd: kGood, kBad; kUnchecked: no digest
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
  // Of those by device: answered later, under a ticket.
  uint64_t data_digests_by_accelerator = 0, data_digest_bytes_by_accelerator = 0;
  uint64_t device_bad_software_good = 0;  // false alarms
  uint64_t audited = 0;  // digests that a device vouched for and software computed all the same
  uint64_t audited_bytes = 0;             // of data, that they cover
  uint64_t device_good_software_bad = 0;  // of these, wrong: the device lies
  uint64_t data_bytes = 0, copied_data_bytes = 0;
};

enum class PduStart : uint8_t { kYes, kNo, kNotYet };

class Receiver {
 public:
  struct Options {
    const digest::Kernel* kernel = nullptr;  // not owned; outlives the receiver
    Role role = Role::kTarget;               // which side receives: decides what an error leads to
    uint32_t MaxRecvDataSegmentLength =
        8192;                   // ours; a longer segment is refused from the header alone
    uint32_t audit_one_in = 0;  // computes the digests of each n-th PDU all the same; 0: of none
    PduTracer tracer;           // where a record of each PDU goes; without a ring: nowhere
  };

  explicit Receiver(const Options& options);
  // A receiver may be moved with segments waiting in it, also such as lie in its own buffers. What WantRx() and Next() gave
  // out before is void.
  Receiver(Receiver&& other) noexcept;
  Receiver& operator=(Receiver&& other) noexcept;

  static constexpr size_t kMaxSegments = 8;

  // Lends a segment. False, and nothing taken: kMaxSegments are waiting, or stream_offset does not continue the stream.
  bool Push(const RxSegment& segment);

  // Pulls the next item; false: more bytes, a sink, or a verdict are needed.
  bool Next(RxItem* item);

  // Answers kHeader: the data segment goes to sink[0, data_segment_length). Must be that long.
  void SetSink(std::span<std::byte> sink);
  // Answers kHeader: the data segment is digested and dropped (duplicate or terminated data, section 7.9).
  void SetScratch();

  // The exact bytes that come next and where they go, in stream order; returns how many of `out` were filled: the rest of
  // the data segment, then padding, data digest and the next header; or the rest of a header. A transport that reads more
  // puts what follows into memory of its own. Empty while segments are waiting.
  size_t WantRx(std::span<RxWant> out);

  size_t UnconsumedRx() const { return unconsumed_; }        // bytes lent and not yet drained
  uint64_t stream_offset() const { return stream_offset_; }  // of the next byte to be parsed
  // Whether the stream may end here: nothing of a PDU has been parsed or waits.
  bool at_pdu_boundary() const;

  // Take effect at the next PDU whose header has not been given out. Digests begin with the first full-feature PDU
  // (section 13.1). Data digests are computed only where there is data (section 11.2.3).
  void SetDigests(bool header_digest, bool data_digest);
  void SetMaxRecvDataSegmentLength(uint32_t bytes);
  // As Options::audit_one_in, from the next PDU on.
  void SetAudit(uint32_t one_in);

  // From now on only this life of a device is believed; 0, the initial value: any one life, for a transport that passes on
  // no stale verdicts.
  void SetDeviceEpoch(uint32_t epoch) { device_epoch_ = epoch; }
  // A pending verdict's answer, at any time after the segment was lent, in any order. Unknown tickets are ignored.
  void Resolve(uint32_t ticket, const digest::Evidence& header, const digest::Evidence& data);
  // No more answers will come (the device was disarmed): software checks what was pending.
  void AbandonPending();
  // Whether a PDU whose header is right begins at this offset: the answer to a device's resync request. kNotYet: the stream
  // has not come so far; ask again. kNo also if that was more than kRememberedStarts PDUs ago.
  static constexpr size_t kRememberedStarts = 32;
  PduStart PduStartsAt(uint64_t stream_offset) const;

  void SetTracer(const PduTracer& tracer) { tracer_ = tracer; }

  const RxCounters& counters() const { return counters_; }

 private:
  enum class Phase : uint8_t {
    kHeader,         // gathering BHS, AHS and header digest
    kHeaderVerdict,  // all there; to be judged
    kSink,           // kHeader is out; SetSink() or SetScratch() is awaited
    kData,
    kTail,         // padding and data digest
    kDataVerdict,  // all there; to be judged
    kFailed,
  };

  // A PDU's header, and before it the padding and data digest of the PDU ahead, so that one read takes both.
  struct Gathered {
    static constexpr size_t kMaxTail = 8;
    static constexpr size_t kMaxHeader = wire::kBhsSize + 255 * 4 + digest::kDigestSize;
    std::array<std::byte, kMaxTail + kMaxHeader> bytes;
    std::byte* header() { return bytes.data() + kMaxTail; }
    wire::Bhs& bhs() { return *reinterpret_cast<wire::Bhs*>(header()); }
  };

  struct Lent {
    RxSegment segment;
    size_t placed_left = 0;      // come before the bytes
    size_t consumed = 0;         // of segment.bytes
    bool answered = false;       // its data's verdict was pending
    uint32_t stripped_left = 0;  // come after the bytes
    size_t left_of_bytes() const { return segment.bytes.size() - consumed; }
    size_t left() const { return placed_left + left_of_bytes() + stripped_left; }
  };

  Receiver(const Receiver&) = default;
  Receiver& operator=(const Receiver&) = default;
  void Rebase(const Receiver& other);

  Lent& front() { return lent_[first_lent_]; }
  std::byte* tail() { return gathered_[current_ ^ 1].header() - tail_size_; }
  void Advance(Lent& lent, size_t bytes);
  void StartPdu();
  void FillItem(RxItemKind kind, RxItem* item);
  bool Fail(ErrorCode code, PduClass pdu_class, uint32_t detail, RxItem* item);
  bool FailPlacement(RxItem* item);
  void Trace(digest::DigestVerdict data_verdict, ErrorCode error);

  bool MayBeVouchedFor(const digest::Evidence& evidence) const;
  bool IsVouchedFor(const digest::Evidence& evidence) const;
  void CompareVerdicts(const digest::Evidence& evidence, bool vouched, bool agrees);
  void Believe(const Lent& lent, const digest::Evidence& evidence, digest::EvidenceSum* sum);
  bool TakeStripped(Lent& lent, uint32_t* got, uint32_t need);

  void GatherHeader(Lent& lent);
  bool HeaderDigestAgrees(uint32_t* computed);
  bool JudgeHeader(RxItem* item);
  void TakeData(Lent& lent);
  void DigestData(const std::byte* from, uint32_t size, const Lent& lent, bool whole_run);
  void CatchUp();
  void GatherTail(Lent& lent);
  bool DataDigestAgrees();
  bool JudgeData(RxItem* item);

  std::array<Gathered, 2> gathered_;
  uint32_t current_ =
      0;  // holds the current PDU's header; the other: its tail, then the next header
  uint32_t header_need_ = 0;  // bytes of the header that are known to come
  uint32_t header_got_ = 0;
  uint32_t data_length_ = 0;
  uint32_t data_got_ = 0;
  uint32_t tail_size_ = 0;
  uint32_t tail_got_ = 0;
  Phase phase_ = Phase::kHeader;
  bool has_header_digest_ = false;  // of the current PDU
  bool has_data_digest_ = false;
  bool scratch_ = false;
  bool used_partial_crc_ = false;        // crc_ rests on a device's value
  bool lost_data_ = false;               // placed by a device where software cannot look
  bool stripped_header_digest_ = false;  // taken out by a device: its word is final
  bool stripped_data_digest_ = false;
  bool header_by_device_ = false;  // a device's word was taken for the header digest
  bool data_by_device_ = false;
  bool data_answered_ = false;  // some of the data's verdict was pending
  bool audit_ = false;          // computes this PDU's digests whoever vouches for them
  bool header_digest_ = false;  // of the PDUs to come
  bool data_digest_ = false;
  std::byte* sink_ = nullptr;
  digest::Crc32c crc_;  // of the data segment's first crc_size_ bytes
  uint32_t crc_size_ = 0;
  digest::EvidenceSum header_evidence_;
  digest::EvidenceSum data_evidence_;

  const digest::Kernel* kernel_;
  Role role_;
  uint32_t max_data_length_;
  uint32_t audit_one_in_;
  uint32_t until_audit_;
  uint32_t device_epoch_ = 0;
  uint64_t stream_offset_ = 0;
  uint64_t pdu_offset_ = 0;
  uint64_t lent_offset_ = 0;  // of the next segment's first byte
  size_t unconsumed_ = 0;
  std::array<Lent, kMaxSegments> lent_;
  uint32_t first_lent_ = 0;
  uint32_t lent_count_ = 0;
  std::array<uint64_t, kRememberedStarts> starts_;  // of the latest PDUs whose headers were right, a ring
  uint64_t start_count_ = 0;
  RxCounters counters_;
  PduTracer tracer_;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_RECEIVER_H_
