// A device's own look at PDUs: lengths from a header, digests over bytes, and a stream followed from a PDU's start.
// RFC 7143 sections 11.2, 13.1. Shared by the device models; the engine's receiver has nothing to do with it.
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_PDU_SCAN_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_PDU_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "digest/verdict.h"
#include "protocol/connection/segment.h"

namespace isthmus::transport {

using ByteSpan = std::span<const std::byte>;

struct PduLengths {
  uint64_t header = 0;  // with AHS and digest
  uint64_t data = 0;    // without padding
  uint64_t padded = 0;
  uint64_t total = 0;
};

// `bhs`: at least 48 bytes.
inline PduLengths LengthsOf(ByteSpan bhs, bool header_digest, bool data_digest) {
  const auto byte = [&](size_t i) { return std::to_integer<uint64_t>(bhs[i]); };
  PduLengths lengths;
  lengths.header = 48 + byte(4) * 4 + (header_digest ? 4 : 0);
  lengths.data = byte(5) << 16 | byte(6) << 8 | byte(7);
  lengths.padded = (lengths.data + 3) / 4 * 4;
  lengths.total = lengths.header + lengths.padded + (data_digest && lengths.data > 0 ? 4 : 0);
  return lengths;
}

// A frame as it came, nothing said of it.
inline RxSegment Raw(uint64_t stream_offset, ByteSpan bytes) {
  RxSegment segment;
  segment.stream_offset = stream_offset;
  segment.bytes = bytes;
  return segment;
}

inline digest::Evidence Says(digest::DigestVerdict verdict, uint32_t epoch, uint32_t ticket = 0) {
  digest::Evidence evidence;
  evidence.verdict = verdict;
  evidence.epoch = epoch;
  evidence.ticket = ticket;
  return evidence;
}

// Whether the last four bytes are the digest of those before.
inline bool DigestAgrees(ByteSpan bytes) {
  const size_t covered = bytes.size() - digest::kDigestSize;
  return digest::SelectKernel().extend(digest::Crc32c{}, bytes.data(), covered) ==
         digest::LoadDigest(bytes.data() + covered);
}

// Follows a stream through headers and data segments, and checks each digest where it ends.
class PduFollower {
 public:
  struct Step {
    size_t bytes = 0;
    size_t data_bytes = 0;  // of them data: not header, padding or digest
    uint64_t part_bytes =
        0;  // of the whole header, or data with padding and digest, as far as it is known
    bool in_header =
        false;  // the bytes are a header's, or its digest's; else data, padding and digest
    bool starts_pdu = false;
    bool ends_part = false;  // the last of them ends the header or the data, with the digest
    bool ends_pdu = false;
    bool digest_agrees = true;  // of what ends; true where there is none
  };

  void Start(bool header_digest, bool data_digest) {
    header_digest_ = header_digest;
    data_digest_ = data_digest;
    lost_ = false;
    StartPdu();
  }

  // A header's digest disagreed: where PDUs begin is not known any more.
  bool lost() const { return lost_; }
  // Bytes from here to the next PDU's start; 0: not known.
  uint64_t left_of_pdu() const { return in_header_ ? 0 : part_ - at_; }

  // Takes bytes up to the end of the current part. `bytes` is not empty, and !lost().
  Step Next(ByteSpan bytes) {
    Step step;
    step.in_header = in_header_;
    step.starts_pdu = in_header_ && at_ == 0;
    if (in_header_ && at_ < 48) {
      step.bytes = Take(bytes, 48);
      if (at_ == 48) {
        lengths_ = LengthsOf(ByteSpan(bhs_, 48), header_digest_, data_digest_);
        part_ = lengths_.header;
      }
    } else {
      const uint64_t before = at_;
      step.bytes = Take(bytes, part_);
      if (!in_header_ && before < lengths_.data) {
        step.data_bytes = static_cast<size_t>((at_ < lengths_.data ? at_ : lengths_.data) - before);
      }
    }
    step.part_bytes = part_;
    if (at_ < part_ || (in_header_ && at_ < 48)) return step;
    EndPart(&step);
    return step;
  }

 private:
  void StartPdu() {
    in_header_ = true;
    at_ = 0;
    part_ = 48;
    crc_ = {};
  }

  bool part_has_digest() const { return in_header_ ? header_digest_ : data_digest_; }

  size_t Take(ByteSpan bytes, uint64_t end) {
    const auto size = static_cast<size_t>(bytes.size() < end - at_ ? bytes.size() : end - at_);
    const bool length_known = !in_header_ || at_ >= 48;
    const uint64_t covered = length_known && part_has_digest() ? part_ - 4 : part_;
    for (size_t i = 0; i < size;) {
      const uint64_t at = at_ + i;
      if (at < covered) {
        const auto run = static_cast<size_t>(size - i < covered - at ? size - i : covered - at);
        crc_ = digest::SelectKernel().extend(crc_, bytes.data() + i, run);
        for (size_t k = 0; in_header_ && k < run && at + k < 48; ++k) bhs_[at + k] = bytes[i + k];
        i += run;
      } else {
        digest_[at - covered] = bytes[i++];
      }
    }
    at_ += size;
    return size;
  }

  void EndPart(Step* step) {
    step->ends_part = true;
    if (part_has_digest()) step->digest_agrees = crc_ == digest::LoadDigest(digest_);
    if (in_header_ && lengths_.total > lengths_.header) {
      lost_ = !step->digest_agrees;
      in_header_ = false;
      at_ = 0;
      part_ = lengths_.total - lengths_.header;
      crc_ = {};
      return;
    }
    lost_ = in_header_ && !step->digest_agrees;
    step->ends_pdu = true;
    StartPdu();
  }

  bool header_digest_ = false, data_digest_ = false, lost_ = false;
  bool in_header_ = true;
  uint64_t at_ = 0;  // in the part: header, or data with padding; digests included
  uint64_t part_ = 48;
  PduLengths lengths_;
  digest::Crc32c crc_;
  std::byte bhs_[48] = {};
  std::byte digest_[4] = {};
};

// `offset` as the start of a range, as far as it lies in [begin, begin + size]: bytes before it.
inline size_t BytesBefore(uint64_t offset, uint64_t begin, size_t size) {
  if (offset <= begin) return 0;
  return offset - begin < size ? static_cast<size_t>(offset - begin) : size;
}

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_PDU_SCAN_H_
