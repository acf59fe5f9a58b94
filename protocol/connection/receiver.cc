#include "protocol/connection/receiver.h"

#include <algorithm>
#include <cstring>

#include "digest/algebra.h"
#include "protocol/check.h"

namespace isthmus {
namespace {

using digest::DigestVerdict;
using digest::Evidence;
using digest::EvidenceSum;
using digest::kDigestSize;

constexpr uint32_t Padding(uint32_t size) { return -size & 3u; }

// The class that decides what a violation leads to as far as framing can tell it (protocol/error.h).
PduClass ClassOf(const wire::Bhs& header) {
  const uint8_t opcode = wire::Get(header, wire::kOpcode);
  return opcode == 0x03 || opcode == 0x23 ? PduClass::kLogin : PduClass::kNone;
}

// What was pending under a ticket is now as `answer` says; what it was merged with was good.
Evidence Answered(const Evidence& pending, const Evidence& answer) {
  Evidence rest;
  rest.verdict = DigestVerdict::kGood;
  rest.epoch = pending.epoch;
  return digest::Merge(rest, answer);
}

bool Waits(const Evidence& evidence, uint32_t ticket) {
  return evidence.verdict == DigestVerdict::kPending && evidence.ticket == ticket;
}

void Replace(EvidenceSum& sum, const Evidence& evidence) {
  sum = EvidenceSum();
  sum.Add(evidence);
}

}  // namespace

Receiver::Receiver(const Options& options)
    : kernel_(options.kernel),
      role_(options.role),
      max_data_length_(options.MaxRecvDataSegmentLength),
      audit_one_in_(options.audit_one_in),
      until_audit_(options.audit_one_in),
      tracer_(options.tracer) {
  Check(kernel_ != nullptr);
  for (Gathered& gathered : gathered_) gathered.bytes.fill(std::byte{0});
  current_ = 1;
  StartPdu();
}

Receiver::Receiver(Receiver&& other) noexcept : Receiver(static_cast<const Receiver&>(other)) {
  Rebase(other);
}

Receiver& Receiver::operator=(Receiver&& other) noexcept {
  if (this == &other) return *this;
  *this = static_cast<const Receiver&>(other);
  Rebase(other);
  return *this;
}

// Segments that lie in the buffers of `other`, of which this is a copy, lie in this one's from now on.
void Receiver::Rebase(const Receiver& other) {
  const auto begin = reinterpret_cast<uintptr_t>(other.gathered_.data());
  const auto size = sizeof(other.gathered_);
  for (Lent& lent : lent_) {
    const auto at = reinterpret_cast<uintptr_t>(lent.segment.bytes.data());
    if (at < begin || at - begin >= size) continue;
    lent.segment.bytes = {reinterpret_cast<std::byte*>(gathered_.data()) + (at - begin),
                          lent.segment.bytes.size()};
  }
}

bool Receiver::Push(const RxSegment& segment) {
  if (lent_count_ == kMaxSegments || segment.stream_offset != lent_offset_) return false;
  Lent& lent = lent_[(first_lent_ + lent_count_) % kMaxSegments];
  lent.segment = segment;
  lent.placed_left = segment.placed;
  lent.consumed = 0;
  lent.stripped_left = segment.stripped;
  ++lent_count_;
  lent_offset_ += lent.left();
  unconsumed_ += lent.left();
  return true;
}

void Receiver::Advance(Lent& lent, size_t bytes) {
  lent.consumed += bytes;
  unconsumed_ -= bytes;
  stream_offset_ += bytes;
}

bool Receiver::at_pdu_boundary() const {
  return phase_ == Phase::kHeader && header_got_ == 0 && unconsumed_ == 0;
}

bool Receiver::Next(RxItem* item) {
  for (;;) {
    if (lent_count_ > 0 && front().left() == 0) {
      const RxLease lease = front().segment.lease;
      first_lent_ = (first_lent_ + 1) % kMaxSegments;
      --lent_count_;
      if (lease.id == 0) continue;
      *item = RxItem();
      item->kind = RxItemKind::kReleaseRx;
      item->lease = lease;
      return true;
    }
    switch (phase_) {
      case Phase::kHeader:
        if (lent_count_ == 0) return false;
        if (front().placed_left > 0) {
          return FailPlacement(item);
        }
        if (front().left_of_bytes() == 0) {
          Believe(front(), front().segment.header, &header_evidence_);
          stripped_header_digest_ = header_digest_ && header_got_ >= wire::kBhsSize;
          if (!stripped_header_digest_ || !TakeStripped(front(), &header_got_, header_need_)) {
            return FailPlacement(item);
          }
          phase_ = Phase::kHeaderVerdict;
          continue;
        }
        GatherHeader(front());
        continue;
      case Phase::kHeaderVerdict:
        return JudgeHeader(item);
      case Phase::kSink:
        return false;
      case Phase::kData:
        if (lent_count_ == 0) return false;
        if (front().placed_left > data_length_ - data_got_ ||
            (front().placed_left == 0 && front().left_of_bytes() == 0)) {
          return FailPlacement(item);
        }
        TakeData(front());
        continue;
      case Phase::kTail:
        if (lent_count_ == 0) return false;
        if (front().placed_left > 0) {
          return FailPlacement(item);
        }
        if (front().left_of_bytes() == 0) {
          Believe(front(), front().segment.data, &data_evidence_);
          stripped_data_digest_ = has_data_digest_;
          if (!has_data_digest_ || !TakeStripped(front(), &tail_got_, tail_size_)) {
            return FailPlacement(item);
          }
          phase_ = Phase::kDataVerdict;
          continue;
        }
        GatherTail(front());
        continue;
      case Phase::kDataVerdict:
        return JudgeData(item);
      case Phase::kFailed:
        if (lent_count_ == 0) return false;
        unconsumed_ -= front().left();
        front().placed_left = 0;
        front().consumed = front().segment.bytes.size();
        front().stripped_left = 0;
        continue;
    }
  }
}

bool Receiver::Fail(ErrorCode code, PduClass pdu_class, uint32_t detail, RxItem* item) {
  *item = RxItem();
  item->kind = RxItemKind::kError;
  item->stream_offset = pdu_offset_;
  item->error = MakeError(code, role_, pdu_class, 0, detail);
  if (tracer_.ring != nullptr) [[unlikely]]
    Trace(DigestVerdict::kUnchecked, code);
  phase_ = Phase::kFailed;
  return true;
}

// Of the current PDU, before StartPdu() or kFailed.
void Receiver::Trace(DigestVerdict data_verdict, ErrorCode error) {
  const Gathered& gathered = gathered_[current_];
  const std::byte* header = gathered.bytes.data() + Gathered::kMaxTail;
  const bool digest_came = has_header_digest_ && phase_ >= Phase::kHeaderVerdict;
  PduTrace trace;
  trace.stream_offset = pdu_offset_;
  trace.source = tracer_.source;
  trace.direction = PduDirection::kReceived;
  trace.error = error;
  if (error == ErrorCode::kHeaderDigest) {
    trace.header_verdict = DigestVerdict::kBad;
  } else if (phase_ > Phase::kHeaderVerdict || error == ErrorCode::kDataSegmentTooLong) {
    trace.data_segment_length = data_length_;
    if (digest_came) trace.header_verdict = DigestVerdict::kGood;
  }
  trace.header_by_device = digest_came && header_by_device_;
  trace.data_verdict = data_verdict;
  trace.data_by_device = data_by_device_;
  const uint32_t wanted =
      wire::kBhsSize +
      (header_got_ < wire::kBhsSize ? 0 : std::to_integer<uint32_t>(header[4]) * 4);
  const uint32_t size = std::min(header_got_, wanted);
  tracer_.ring->Add(trace, {header, std::min<size_t>(size, wire::kBhsSize)},
                    {header + wire::kBhsSize, size > wire::kBhsSize ? size - wire::kBhsSize : 0});
}

bool Receiver::FailPlacement(RxItem* item) {
  return Fail(ErrorCode::kDevicePlacement, PduClass::kNone, front().segment.placed, item);
}

// A device took out the digest that ends at `need`; false: no digest stands there. The statement that covers the bytes
// before it covers it too.
bool Receiver::TakeStripped(Lent& lent, uint32_t* got, uint32_t need) {
  if (lent.stripped_left != kDigestSize || need - *got != kDigestSize) return false;
  lent.stripped_left = 0;
  unconsumed_ -= kDigestSize;
  stream_offset_ += kDigestSize;
  *got = need;
  return true;
}

// Adds what is said of bytes of the current PDU.
void Receiver::Believe(const Lent& lent, const Evidence& evidence, EvidenceSum* sum) {
  const uint64_t checked = lent.segment.pdu_offset;
  sum->Add(checked == RxSegment::kAnyPdu || checked == pdu_offset_ ? evidence : Evidence{});
}

void Receiver::StartPdu() {
  current_ ^= 1;
  header_need_ = wire::kBhsSize;
  header_got_ = 0;
  header_evidence_ = EvidenceSum();
  data_evidence_ = EvidenceSum();
  pdu_offset_ = stream_offset_;
  stripped_header_digest_ = false;
  stripped_data_digest_ = false;
  header_by_device_ = false;
  data_by_device_ = false;
  audit_ = audit_one_in_ > 0 && --until_audit_ == 0;
  if (audit_) until_audit_ = audit_one_in_;
  phase_ = Phase::kHeader;
}

void Receiver::GatherHeader(Lent& lent) {
  std::byte* header = gathered_[current_].header();
  const std::byte* from = lent.segment.bytes.data() + lent.consumed;
  const uint32_t had = header_got_;
  // Almost every header has no AHS and lies whole in the segment: one step takes it and its digest.
  constexpr uint32_t kWhole = wire::kBhsSize + kDigestSize;
  if (had == 0 && header_digest_ && lent.left_of_bytes() >= kWhole && from[4] == std::byte{0}) {
    header_need_ = kWhole;
  }
  const size_t size = std::min<size_t>(header_need_ - header_got_, lent.left_of_bytes());
  std::byte* to = header + header_got_;
  if (from != to) std::memcpy(to, from, size);
  Believe(lent, lent.segment.header, &header_evidence_);
  header_got_ += static_cast<uint32_t>(size);
  Advance(lent, size);
  if (header_got_ < header_need_) return;
  if (had < wire::kBhsSize) {
    // Of all lengths only TotalAHSLength is used before the digest is checked: it is bounded, and says where the digest
    // stands.
    has_header_digest_ = header_digest_;
    header_need_ = wire::kBhsSize + std::to_integer<uint32_t>(header[4]) * 4 +
                   (has_header_digest_ ? kDigestSize : 0);
    if (header_got_ < header_need_) return;
  }
  phase_ = Phase::kHeaderVerdict;
}

bool Receiver::IsVouchedFor(const Evidence& evidence) const {
  // A stripped digest was judged with its bytes; by which life does not matter, and nobody can judge it again.
  if (phase_ == Phase::kHeaderVerdict ? stripped_header_digest_ : stripped_data_digest_) {
    return digest::IsVouchedFor(evidence, evidence.epoch);
  }
  return digest::IsVouchedFor(evidence, device_epoch_ == 0 ? evidence.epoch : device_epoch_);
}

bool Receiver::MayBeVouchedFor(const Evidence& evidence) const {
  return evidence.verdict == DigestVerdict::kPending || IsVouchedFor(evidence);
}

bool Receiver::HeaderDigestAgrees(uint32_t* computed) {
  const Evidence& evidence = header_evidence_.Total();
  const bool vouched = IsVouchedFor(evidence);
  if (vouched && (stripped_header_digest_ || !audit_)) {
    ++counters_.header_digests_by_device;
    header_by_device_ = true;
    return true;
  }
  header_by_device_ = stripped_header_digest_;
  if (stripped_header_digest_) return false;
  const std::byte* header = gathered_[current_].header();
  const size_t covered = header_need_ - kDigestSize;
  const digest::Crc32c crc = kernel_->extend(digest::Crc32c{}, header, covered);
  const bool agrees = crc == digest::LoadDigest(header + covered);
  ++counters_.header_digests_by_software;
  CompareVerdicts(evidence, vouched, agrees);
  *computed = crc.value;
  return agrees;
}

void Receiver::CompareVerdicts(const Evidence& evidence, bool vouched, bool agrees) {
  counters_.audited += vouched;
  counters_.device_good_software_bad += vouched && !agrees;
  counters_.device_bad_software_good += evidence.verdict == DigestVerdict::kBad && agrees;
}

bool Receiver::JudgeHeader(RxItem* item) {
  if (has_header_digest_) {
    if (header_evidence_.Total().verdict == DigestVerdict::kPending) return false;
    uint32_t computed = 0;
    if (!HeaderDigestAgrees(&computed)) {
      ++counters_.header_digest_errors;
      return Fail(ErrorCode::kHeaderDigest, PduClass::kNone, computed, item);
    }
  }
  const wire::Bhs& header = gathered_[current_].bhs();
  data_length_ = wire::Get(header, wire::kDataSegmentLength);
  if (data_length_ > max_data_length_) {
    const bool failed = Fail(ErrorCode::kDataSegmentTooLong, ClassOf(header), data_length_, item);
    item->header = &header;
    return failed;
  }
  has_data_digest_ = data_digest_ && data_length_ > 0;
  const uint32_t padding = Padding(data_length_);
  tail_size_ = padding + (has_data_digest_ ? kDigestSize : 0);
  data_got_ = 0;
  tail_got_ = 0;
  crc_ = digest::Crc32c{};
  crc_size_ = 0;
  sink_ = nullptr;
  scratch_ = false;
  used_partial_crc_ = false;
  lost_data_ = false;
  phase_ = data_length_ > 0 ? Phase::kSink : Phase::kDataVerdict;
  FillItem(RxItemKind::kHeader, item);
  return true;
}

void Receiver::FillItem(RxItemKind kind, RxItem* item) {
  Gathered& gathered = gathered_[current_];
  *item = RxItem();
  item->kind = kind;
  item->header = &gathered.bhs();
  item->ahs = {gathered.header() + wire::kBhsSize,
               std::to_integer<size_t>(gathered.header()[4]) * 4};
  item->data_segment_length = data_length_;
  item->stream_offset = pdu_offset_;
}

void Receiver::SetSink(std::span<std::byte> sink) {
  if (phase_ != Phase::kSink) return;
  Check(sink.size() >= data_length_);
  sink_ = sink.data();
  phase_ = Phase::kData;
}

void Receiver::SetScratch() {
  if (phase_ != Phase::kSink) return;
  scratch_ = true;
  phase_ = Phase::kData;
}

void Receiver::TakeData(Lent& lent) {
  if (lent.placed_left > 0) {
    const auto size = static_cast<uint32_t>(lent.placed_left);
    Believe(lent, lent.segment.data, &data_evidence_);
    lost_data_ = lost_data_ || scratch_;
    data_got_ += size;
    lent.placed_left = 0;
    unconsumed_ -= size;
    stream_offset_ += size;
  } else {
    const size_t left = lent.segment.bytes.size() - lent.consumed;
    const size_t size = std::min<size_t>(data_length_ - data_got_, left);
    const bool whole_run = lent.consumed == 0 && size == left && lent.segment.placed == 0;
    DigestData(lent.segment.bytes.data() + lent.consumed, static_cast<uint32_t>(size), lent,
               whole_run);
    data_got_ += static_cast<uint32_t>(size);
    Advance(lent, size);
  }
  if (data_got_ == data_length_) phase_ = tail_size_ > 0 ? Phase::kTail : Phase::kDataVerdict;
}

// Puts the bytes into the sink, if they are not there, and digests them as far as it must be now.
void Receiver::DigestData(const std::byte* from, uint32_t size, const Lent& lent, bool whole_run) {
  const Evidence& evidence = lent.segment.data;
  Believe(lent, evidence, &data_evidence_);
  counters_.data_bytes += size;
  if (scratch_) {
    // Nothing is kept that could be digested later.
    if (!has_data_digest_) return;
    crc_ = kernel_->extend(crc_, from, size);
    crc_size_ += size;
    counters_.data_digest_bytes_by_software += size;
    return;
  }
  std::byte* to = sink_ + data_got_;
  const bool in_place = from == to;
  if (!in_place) counters_.copied_data_bytes += size;
  if (!has_data_digest_ || MayBeVouchedFor(data_evidence_.Total())) {
    if (!in_place) std::memcpy(to, from, size);
    return;
  }
  CatchUp();
  if (evidence.has_partial_crc && whole_run && evidence.epoch != 0 &&
      (device_epoch_ == 0 || evidence.epoch == device_epoch_)) {
    if (!in_place) std::memcpy(to, from, size);
    crc_ = digest::Combine(*kernel_, crc_, digest::Crc32c{evidence.partial_crc}, size);
    used_partial_crc_ = true;
  } else {
    crc_ =
        in_place ? kernel_->extend(crc_, to, size) : kernel_->copy_and_extend(crc_, to, from, size);
    counters_.data_digest_bytes_by_software += size;
  }
  crc_size_ += size;
}

// Digests what has been skipped so far, from the sink.
void Receiver::CatchUp() {
  const uint32_t skipped = data_got_ - crc_size_;
  if (skipped == 0) return;
  crc_ = kernel_->extend(crc_, sink_ + crc_size_, skipped);
  counters_.data_digest_bytes_by_software += skipped;
  crc_size_ = data_got_;
}

void Receiver::GatherTail(Lent& lent) {
  const std::byte* from = lent.segment.bytes.data() + lent.consumed;
  const size_t size =
      std::min<size_t>(tail_size_ - tail_got_, lent.segment.bytes.size() - lent.consumed);
  std::byte* to = tail() + tail_got_;
  if (from != to) std::memcpy(to, from, size);
  Believe(lent, lent.segment.data, &data_evidence_);
  tail_got_ += static_cast<uint32_t>(size);
  Advance(lent, size);
  if (tail_got_ == tail_size_) phase_ = Phase::kDataVerdict;
}

bool Receiver::DataDigestAgrees() {
  const Evidence& evidence = data_evidence_.Total();
  const bool vouched = IsVouchedFor(evidence);
  if (vouched && (lost_data_ || stripped_data_digest_ || !audit_)) {
    ++counters_.data_digests_by_device;
    data_by_device_ = true;
    counters_.data_digest_bytes_by_device += data_length_;
    return true;
  }
  data_by_device_ = lost_data_ || stripped_data_digest_;
  if (data_by_device_) return false;
  const uint32_t padding = Padding(data_length_);
  const digest::Crc32c digest = digest::LoadDigest(tail() + padding);
  if (!scratch_) CatchUp();
  digest::Crc32c crc = kernel_->extend(crc_, tail(), padding);
  if (used_partial_crc_ && crc != digest) {
    crc = kernel_->extend(digest::Crc32c{}, sink_, data_length_);
    crc = kernel_->extend(crc, tail(), padding);
    counters_.data_digest_bytes_by_software += data_length_;
  }
  ++counters_.data_digests_by_software;
  CompareVerdicts(evidence, vouched, crc == digest);
  return crc == digest;
}

bool Receiver::JudgeData(RxItem* item) {
  DigestVerdict verdict = DigestVerdict::kUnchecked;
  if (has_data_digest_) {
    if (data_evidence_.Total().verdict == DigestVerdict::kPending) return false;
    verdict = DataDigestAgrees() ? DigestVerdict::kGood : DigestVerdict::kBad;
    counters_.data_digest_errors += verdict == DigestVerdict::kBad;
  }
  FillItem(RxItemKind::kEnd, item);
  if (sink_ != nullptr) item->data = {sink_, data_length_};
  item->data_verdict = verdict;
  ++counters_.pdus;
  counters_.bytes += stream_offset_ - pdu_offset_;
  if (tracer_.ring != nullptr) [[unlikely]]
    Trace(verdict, ErrorCode::kOk);
  sink_ = nullptr;
  StartPdu();
  return true;
}

size_t Receiver::WantRx(std::span<RxWant> out) {
  if (out.empty() || unconsumed_ > 0) return 0;
  Gathered& next = gathered_[current_ ^ 1];
  const size_t next_header = wire::kBhsSize + (header_digest_ ? kDigestSize : 0);
  const size_t tail_left = tail_size_ - tail_got_;
  switch (phase_) {
    case Phase::kHeader: {
      const size_t need = header_got_ < wire::kBhsSize ? next_header : header_need_;
      out[0] = {{gathered_[current_].header() + header_got_, need - header_got_}, false};
      return 1;
    }
    case Phase::kData:
      if (scratch_) {
        const size_t size = std::min<size_t>(data_length_ - data_got_, Gathered::kMaxHeader);
        out[0] = {{next.header(), size}, true};
        return 1;
      }
      out[0] = {{sink_ + data_got_, data_length_ - data_got_}, true};
      if (out.size() == 1) return 1;
      out[1] = {{tail(), tail_left + next_header}, false};
      return 2;
    case Phase::kTail:
      out[0] = {{tail() + tail_got_, tail_left + next_header}, false};
      return 1;
    case Phase::kHeaderVerdict:
    case Phase::kSink:
    case Phase::kDataVerdict:
    case Phase::kFailed:
      return 0;
  }
  return 0;
}

void Receiver::SetDigests(bool header_digest, bool data_digest) {
  header_digest_ = header_digest;
  data_digest_ = data_digest;
}

void Receiver::SetMaxRecvDataSegmentLength(uint32_t bytes) { max_data_length_ = bytes; }

void Receiver::Resolve(uint32_t ticket, const Evidence& header, const Evidence& data) {
  if (Waits(header_evidence_.Total(), ticket)) {
    Replace(header_evidence_, Answered(header_evidence_.Total(), header));
  }
  if (Waits(data_evidence_.Total(), ticket)) {
    Replace(data_evidence_, Answered(data_evidence_.Total(), data));
  }
  for (uint32_t i = 0; i < lent_count_; ++i) {
    RxSegment& segment = lent_[(first_lent_ + i) % kMaxSegments].segment;
    if (Waits(segment.header, ticket)) segment.header = Answered(segment.header, header);
    if (Waits(segment.data, ticket)) segment.data = Answered(segment.data, data);
  }
}

void Receiver::AbandonPending() {
  const Evidence unchecked;
  const auto abandon = [&](EvidenceSum& sum) {
    if (sum.Total().verdict == DigestVerdict::kPending) Replace(sum, unchecked);
  };
  abandon(header_evidence_);
  abandon(data_evidence_);
  for (uint32_t i = 0; i < lent_count_; ++i) {
    RxSegment& segment = lent_[(first_lent_ + i) % kMaxSegments].segment;
    if (segment.header.verdict == DigestVerdict::kPending) segment.header = unchecked;
    if (segment.data.verdict == DigestVerdict::kPending) segment.data = unchecked;
  }
}

}  // namespace isthmus
