// What a device said of the digests that cover some received bytes, and how such statements merge.
//
// A digest is accepted without computation only if every byte that it covers, and the digest field,
// is good in one epoch, that is, in one life of one armed device (RFC 7143 sections 6.1 and 7.8 say
// what a digest protects). All else is computed in software: nothing here can turn a bad PDU into a
// good one, unless the device lies.
//
//   EvidenceSum sum;                                  // of one PDU
//   for (each of its segments) sum.Add(segment.data);
//   if (IsVouchedFor(sum.Total(), epoch_now)) accept; // else wait for the ticket, or compute
#ifndef ISTHMUS_DIGEST_VERDICT_H_
#define ISTHMUS_DIGEST_VERDICT_H_

#include <cstdint>

namespace isthmus::digest {

enum class DigestVerdict : std::uint8_t {
  kUnchecked = 0,  // nobody looked: software does
  kGood,           // the device computed the digest and it agreed
  kBad,  // the device computed the digest and it disagreed: software confirms, where the bytes are
         // there
  kPending,  // the device's answer comes later, under a ticket
};

// A statement about every byte of a run.
struct Evidence {
  DigestVerdict verdict = DigestVerdict::kUnchecked;
  // Whether partial_crc holds the CRC32C of the run, computed by the device.
  bool has_partial_crc = false;
  // The device's life, numbered from 1 for each arming of each device of a connection; 0 is none,
  // or several.
  std::uint32_t epoch = 0;
  // Under which the answer comes, or came; 0 is none.
  std::uint32_t ticket = 0;
  std::uint32_t partial_crc = 0;

  friend constexpr bool operator==(const Evidence&, const Evidence&) = default;
};

// How much work a verdict leaves: the more, the weaker. `bad` is weakest: no other byte's verdict
// can cure it.
constexpr int Weakness(DigestVerdict verdict) {
  switch (verdict) {
    case DigestVerdict::kGood:
      return 0;
    case DigestVerdict::kPending:
      return 1;
    case DigestVerdict::kUnchecked:
      return 2;
    case DigestVerdict::kBad:
      return 3;
  }
  return 2;  // a value that is no verdict says nothing
}

// The statement about two runs together, in either order: the weaker verdict, and unchecked where
// good or pending ones are of different epochs or wait under different tickets. Partial values are
// dropped: joining them takes the order, the second run's size and a kernel (digest/algebra.h).
constexpr Evidence Merge(const Evidence& a, const Evidence& b) {
  const Evidence& weaker = Weakness(a.verdict) < Weakness(b.verdict) ? b : a;
  Evidence merged;
  merged.verdict = weaker.verdict;
  merged.epoch = a.epoch == b.epoch ? a.epoch : 0;
  const bool pending = merged.verdict == DigestVerdict::kPending;
  if (pending) merged.ticket = weaker.ticket;
  const bool two_answers = pending && a.verdict == b.verdict && a.ticket != b.ticket;
  if (Weakness(merged.verdict) < Weakness(DigestVerdict::kUnchecked) &&
      (merged.epoch == 0 || two_answers)) {
    merged.verdict = DigestVerdict::kUnchecked;
    merged.ticket = 0;
  }
  return merged;
}

// Whether the covered bytes may be accepted without computing: they are good, by the device life
// `epoch`, which is one. An answer of another life is stale.
constexpr bool IsVouchedFor(const Evidence& evidence, std::uint32_t epoch) {
  return evidence.verdict == DigestVerdict::kGood && epoch != 0 && evidence.epoch == epoch;
}

// Merges the statements about the runs of one PDU. Of no runs, nothing is known.
class EvidenceSum {
 public:
  constexpr void Add(const Evidence& evidence) {
    total_ = empty_ ? evidence : Merge(total_, evidence);
    empty_ = false;
  }

  constexpr const Evidence& Total() const { return total_; }

 private:
  Evidence total_;
  bool empty_ = true;
};

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_VERDICT_H_
