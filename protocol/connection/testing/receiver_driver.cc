#include "protocol/connection/testing/receiver_driver.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "digest/select.h"
#include "gtest/gtest.h"

namespace isthmus::testing_support {
namespace {

using digest::DigestVerdict;
using digest::Evidence;

class Driver {
 public:
  Driver(const WireStream& stream, const ReceiverRun& run)
      : stream_(stream), run_(run), random_(run.seed), receiver_(OptionsOf(run)) {
    receiver_.SetDigests(run.header_digest, run.data_digest);
  }

  std::vector<std::string> Run() {
    for (size_t size : run_.sizes) {
      if (run_.delivery == Delivery::kWanted) {
        Read(size);
      } else {
        Lend(size);
      }
      Drain();
    }
    ResolveAll();
    Drain();
    EXPECT_TRUE(lent_.empty()) << "leases that did not come back";
    EXPECT_EQ(receiver_.UnconsumedRx(), 0u);
    if (run_.counters != nullptr) *run_.counters = receiver_.counters();
    return items_;
  }

 private:
  static Receiver::Options OptionsOf(const ReceiverRun& run) {
    Receiver::Options options;
    options.kernel = &digest::SelectKernel();
    options.MaxRecvDataSegmentLength = run.MaxRecvDataSegmentLength;
    return options;
  }

  // As a scatter read does: as much as there is room for where it is wanted, the rest elsewhere.
  void Read(size_t size) {
    while (size > 0) {
      RxWant wants[2];
      const size_t count = receiver_.WantRx(wants);
      if (count == 0) {
        Lend(size);
        return;
      }
      for (size_t i = 0; i < count && size > 0; ++i) {
        ASSERT_FALSE(wants[i].sink.empty());
        const size_t piece = std::min(size, wants[i].sink.size());
        std::memcpy(wants[i].sink.data(), stream_.bytes().data() + at_, piece);
        Push(wants[i].sink.first(piece), 0);
        size -= piece;
      }
      Drain();
    }
  }

  void Lend(size_t size) {
    const uint32_t lease = ++last_lease_;
    auto copy = std::make_unique<std::byte[]>(size);
    std::memcpy(copy.get(), stream_.bytes().data() + at_, size);
    const std::span<const std::byte> bytes(copy.get(), size);
    lent_[lease] = std::move(copy);
    Push(bytes, lease);
  }

  void Push(std::span<const std::byte> bytes, uint32_t lease) {
    RxSegment segment;
    segment.stream_offset = at_;
    segment.bytes = bytes;
    segment.lease = {lease};
    const size_t answers_before = answers_.size();
    Annotate(&segment);
    if (!receiver_.Push(segment)) {
      // A device does not answer before it has asked.
      const std::vector<Answer> own(answers_.begin() + static_cast<ptrdiff_t>(answers_before),
                                    answers_.end());
      answers_.resize(answers_before);
      ResolveAll();
      Drain();
      answers_ = own;
      ASSERT_TRUE(receiver_.Push(segment));
    }
    at_ += bytes.size();
  }

  Evidence Truth(WireStream::Part part, size_t size, uint32_t epoch) const {
    Evidence evidence;
    evidence.verdict = DigestVerdict::kGood;
    evidence.epoch = epoch;
    for (size_t i = at_; i < at_ + size; ++i) {
      const WireStream::Origin& origin = stream_.origins()[i];
      if (origin.part == part && !origin.digest_is_right) evidence.verdict = DigestVerdict::kBad;
    }
    return evidence;
  }

  void Annotate(RxSegment* segment) {
    const size_t size = segment->bytes.size();
    const uint32_t epoch = run_.verdicts == Verdicts::kMixedEpochs ? 1 + random_() % 2 : 7;
    const Evidence header = Truth(WireStream::Part::kHeader, size, epoch);
    const Evidence data = Truth(WireStream::Part::kData, size, epoch);
    Verdicts verdicts = run_.verdicts;
    if (verdicts == Verdicts::kMixed) verdicts = static_cast<Verdicts>(random_() % 4);
    switch (verdicts) {
      case Verdicts::kNone:
      case Verdicts::kMixed:
        return;
      case Verdicts::kTruth:
      case Verdicts::kMixedEpochs:
        segment->header = header;
        segment->data = data;
        return;
      case Verdicts::kFalseAlarms:
        segment->header.verdict = DigestVerdict::kBad;
        segment->data.verdict = DigestVerdict::kBad;
        return;
      case Verdicts::kPending: {
        const uint32_t ticket = ++last_ticket_;
        segment->header.verdict = DigestVerdict::kPending;
        segment->header.ticket = ticket;
        segment->header.epoch = epoch;
        segment->data = segment->header;
        answers_.push_back({ticket, header, data});
        return;
      }
    }
  }

  void ResolveAll() {
    std::shuffle(answers_.begin(), answers_.end(), random_);
    for (const Answer& answer : answers_) {
      receiver_.Resolve(answer.ticket, answer.header, answer.data);
      Drain();
    }
    answers_.clear();
  }

  void Drain() {
    RxItem item;
    while (receiver_.Next(&item)) {
      if (item.kind == RxItemKind::kReleaseRx) {
        EXPECT_EQ(lent_.erase(item.lease.id), 1u);
        continue;
      }
      items_.push_back(Describe(item));
      if (item.kind != RxItemKind::kHeader || item.data_segment_length == 0) continue;
      if (run_.scratch_every_third && ++data_segments_ % 3 == 0) {
        receiver_.SetScratch();
      } else {
        sink_ = std::make_unique<std::byte[]>(item.data_segment_length);
        receiver_.SetSink({sink_.get(), item.data_segment_length});
      }
    }
  }

  struct Answer {
    uint32_t ticket;
    Evidence header, data;
  };

  const WireStream& stream_;
  const ReceiverRun& run_;
  std::mt19937 random_;
  Receiver receiver_;
  size_t at_ = 0;
  uint32_t last_lease_ = 0;
  uint32_t last_ticket_ = 0;
  int data_segments_ = 0;
  std::map<uint32_t, std::unique_ptr<std::byte[]>> lent_;
  std::vector<Answer> answers_;
  std::unique_ptr<std::byte[]> sink_;
  std::vector<std::string> items_;
};

}  // namespace

std::string Describe(const RxItem& item) {
  const std::string at = "@" + std::to_string(item.stream_offset) + " ";
  switch (item.kind) {
    case RxItemKind::kHeader:
    case RxItemKind::kEnd: {
      std::string line = at + (item.kind == RxItemKind::kHeader ? "header " : "end ");
      line += ToHex(item.header->bytes.data(), 48) + " ahs " +
              ToHex(item.ahs.data(), item.ahs.size()) + " length " +
              std::to_string(item.data_segment_length);
      if (item.kind == RxItemKind::kEnd) {
        line += " data " + ToHex(item.data.data(), item.data.size()) + " verdict " +
                std::to_string(static_cast<int>(item.data_verdict));
      }
      return line;
    }
    case RxItemKind::kError:
      return at + "error " + Name(item.error.code);
    case RxItemKind::kReleaseRx:
      return "release " + std::to_string(item.lease.id);
  }
  return "?";
}

std::vector<std::string> Drive(const WireStream& stream, const ReceiverRun& run) {
  return Driver(stream, run).Run();
}

}  // namespace isthmus::testing_support
