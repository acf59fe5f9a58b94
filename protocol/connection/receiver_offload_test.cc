// What a device says of digests, and what the receiver makes of it. RFC 7143 sections 7.8, 11.2.3;
// the rules are those of docs/offload.md.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "digest/select.h"
#include "digest/verdict.h"
#include "gtest/gtest.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/testing/wire_model.h"
#include "protocol/error.h"

namespace isthmus {
namespace {

using digest::DigestVerdict;
using digest::Evidence;
using testing_support::ByteVector;
using testing_support::Encode;
using testing_support::MakePdu;
using testing_support::ModelCrc32c;
using testing_support::ModelPdu;

constexpr Evidence Says(DigestVerdict verdict, uint32_t epoch = 1, uint32_t ticket = 0) {
  Evidence evidence;
  evidence.verdict = verdict;
  evidence.epoch = epoch;
  evidence.ticket = ticket;
  return evidence;
}
constexpr Evidence kGood = Says(DigestVerdict::kGood);
constexpr Evidence kBad = Says(DigestVerdict::kBad);
constexpr Evidence kUnchecked = {};
constexpr Evidence Pending(uint32_t ticket) { return Says(DigestVerdict::kPending, 1, ticket); }

class OffloadTest : public testing::Test {
 protected:
  static constexpr size_t kDataSize = 22;
  static constexpr size_t kHeaderSize = 48 + 4;
  static constexpr size_t kPduSize = kHeaderSize + 24 + 4;

  void SetUp() override { Start(0); }

  void Start(uint32_t audit_one_in) {
    Receiver::Options options;
    options.kernel = &digest::SelectKernel();
    options.audit_one_in = audit_one_in;
    receiver_ = std::make_unique<Receiver>(options);
    receiver_->SetDigests(true, true);
    offset_ = 0;
  }

  static ByteVector Pdu(uint32_t seed, bool header_is_right = true, bool data_is_right = true) {
    ModelPdu pdu = MakePdu(0x05, kDataSize, seed);
    pdu.header_digest_xor = header_is_right ? 0 : 1;
    pdu.data_digest_xor = data_is_right ? 0 : 1;
    return Encode(pdu, true, true);
  }

  void Push(const ByteVector& bytes, const Evidence& header, const Evidence& data) {
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = lent_.emplace_back(bytes);
    segment.header = header;
    segment.data = data;
    ASSERT_TRUE(receiver_->Push(segment));
    offset_ += bytes.size();
  }

  // Pushes a PDU in pieces of `evidence.size()` nearly equal parts, each with its own evidence.
  void PushInParts(const ByteVector& pdu, const std::vector<Evidence>& evidence) {
    for (size_t i = 0; i < evidence.size(); ++i) {
      const auto begin = pdu.begin() + static_cast<ptrdiff_t>(pdu.size() * i / evidence.size());
      const auto end = pdu.begin() + static_cast<ptrdiff_t>(pdu.size() * (i + 1) / evidence.size());
      Push(ByteVector(begin, end), evidence[i], evidence[i]);
    }
  }

  // Pulls until nothing comes; the verdicts of the kEnds, kError as kUnchecked.
  std::vector<DigestVerdict> Drain() {
    std::vector<DigestVerdict> verdicts;
    RxItem item;
    while (receiver_->Next(&item)) {
      if (item.kind == RxItemKind::kHeader) {
        sink_.assign(item.data_segment_length, std::byte{0});
        receiver_->SetSink(sink_);
      }
      if (item.kind == RxItemKind::kEnd) verdicts.push_back(item.data_verdict);
      if (item.kind == RxItemKind::kError) verdicts.push_back(DigestVerdict::kUnchecked);
    }
    return verdicts;
  }

  const RxCounters& counters() const { return receiver_->counters(); }

  std::unique_ptr<Receiver> receiver_;
  uint64_t offset_ = 0;
  std::deque<ByteVector> lent_;
  ByteVector sink_;
};

using Ends = std::vector<DigestVerdict>;
const Ends kOneGood = {DigestVerdict::kGood};
const Ends kOneBad = {DigestVerdict::kBad};

TEST_F(OffloadTest, WhatIsVouchedForWhollyIsNotComputed) {
  for (size_t parts : {1u, 2u, 5u}) {
    Start(0);
    PushInParts(Pdu(1), std::vector<Evidence>(parts, kGood));
    EXPECT_EQ(Drain(), kOneGood);
    EXPECT_EQ(counters().header_digests_by_device, 1u);
    EXPECT_EQ(counters().data_digests_by_device, 1u);
    EXPECT_EQ(counters().data_digest_bytes_by_device, kDataSize);
    EXPECT_EQ(counters().data_digest_bytes_by_software, 0u);
    EXPECT_EQ(counters().header_digests_by_software, 0u);
  }
}

TEST_F(OffloadTest, OneUncheckedByteAnywhereMakesSoftwareCheckTheWholePdu) {
  const ByteVector pdu = Pdu(1);
  for (size_t at = 0; at < kPduSize; ++at) {
    Start(0);
    const auto split = pdu.begin() + static_cast<ptrdiff_t>(at);
    if (at > 0) Push(ByteVector(pdu.begin(), split), kGood, kGood);
    Push(ByteVector(split, split + 1), kUnchecked, kUnchecked);
    if (at + 1 < kPduSize) Push(ByteVector(split + 1, pdu.end()), kGood, kGood);
    EXPECT_EQ(Drain(), kOneGood);
    const bool in_header = at < kHeaderSize;
    EXPECT_EQ(counters().header_digests_by_software, in_header) << at;
    EXPECT_EQ(counters().data_digests_by_software, !in_header) << at;
    EXPECT_EQ(counters().data_digest_bytes_by_software, in_header ? 0 : kDataSize) << at;
  }
}

// All 3^4 patterns over four parts of a PDU whose digests are right, or one of them wrong; a part
// of a wrong one is never called good.
TEST_F(OffloadTest, EveryPatternOfVerdictsGivesWhatSoftwareAloneGives) {
  const Evidence all[] = {kGood, kBad, kUnchecked};
  for (bool is_right : {true, false}) {
    for (int pattern = 0; pattern < 81; ++pattern) {
      std::vector<Evidence> evidence;
      for (int rest = pattern, i = 0; i < 4; ++i, rest /= 3) {
        const bool may_be_good = is_right || i < 2;  // data begins in the third part
        evidence.push_back(rest % 3 == 0 && !may_be_good ? kUnchecked : all[rest % 3]);
      }
      Start(0);
      PushInParts(Pdu(1, true, is_right), evidence);
      EXPECT_EQ(Drain(), is_right ? kOneGood : kOneBad) << pattern;
    }
  }
}

TEST_F(OffloadTest, AFalseAlarmIsCountedAndNotActedOn) {
  Push(Pdu(1), kBad, kBad);
  EXPECT_EQ(Drain(), kOneGood);
  EXPECT_EQ(counters().device_bad_software_good, 2u);
  EXPECT_EQ(counters().data_digest_errors, 0u);
}

TEST_F(OffloadTest, ATrueAlarmIsConfirmed) {
  Push(Pdu(1, true, false), kGood, kBad);
  EXPECT_EQ(Drain(), kOneBad);
  EXPECT_EQ(counters().device_bad_software_good, 0u);
  EXPECT_EQ(counters().data_digest_errors, 1u);
  Start(0);
  Push(Pdu(1, false, true), kBad, kGood);
  EXPECT_EQ(Drain(), Ends{DigestVerdict::kUnchecked});  // the connection's end
  EXPECT_EQ(counters().header_digest_errors, 1u);
}

TEST_F(OffloadTest, GoodInTwoEpochsOrInNoneIsNotGood) {
  const Evidence other = Says(DigestVerdict::kGood, 2);
  const Evidence none = Says(DigestVerdict::kGood, 0);
  for (const std::vector<Evidence>& evidence :
       {std::vector<Evidence>{kGood, kGood, kGood, other}, {other, kGood, kGood, other}, {none}}) {
    for (bool is_right : {true, false}) {
      Start(0);
      PushInParts(Pdu(1, true, is_right), evidence);
      EXPECT_EQ(Drain(), is_right ? kOneGood : kOneBad);
      EXPECT_EQ(counters().data_digests_by_device, 0u);
    }
  }
}

TEST_F(OffloadTest, OnceTheDeviceIsKnownAnotherLifeOfItIsNotBelieved) {
  receiver_->SetDeviceEpoch(2);
  Push(Pdu(1, true, false), kGood, kGood);  // a stale "good" over bad data
  EXPECT_EQ(Drain(), kOneBad);
  Push(Pdu(2), Says(DigestVerdict::kGood, 2), Says(DigestVerdict::kGood, 2));
  EXPECT_EQ(Drain(), kOneGood);
  EXPECT_EQ(counters().data_digests_by_device, 1u);
}

TEST_F(OffloadTest, AnAuditFindsTheLiar) {
  // Of 100 PDUs the device calls good, 20 are not: ten odd ones, ten even ones.
  for (uint32_t audit : {0u, 1u, 2u}) {
    Start(audit);
    int found = 0;
    for (uint32_t i = 0; i < 100; ++i) {
      Push(Pdu(i, true, i % 10 > 1), kGood, kGood);
      found += Drain() == kOneBad;
    }
    EXPECT_EQ(found, audit == 0 ? 0 : audit == 1 ? 20 : 10) << audit;
    EXPECT_EQ(counters().device_good_software_bad, static_cast<uint64_t>(found));
    EXPECT_EQ(counters().audited, audit == 0 ? 0u : audit == 1 ? 200u : 100u);
  }
}

TEST_F(OffloadTest, APendingVerdictHoldsItsItemAndAllThatFollows) {
  Push(Pdu(1), kGood, Pending(5));
  Push(Pdu(2), kGood, kGood);
  EXPECT_TRUE(Drain().empty());
  receiver_->Resolve(6, kGood, kGood);
  EXPECT_TRUE(Drain().empty());
  receiver_->Resolve(5, kGood, kGood);
  EXPECT_EQ(Drain(), (Ends{DigestVerdict::kGood, DigestVerdict::kGood}));
  EXPECT_EQ(counters().data_digests_by_device, 2u);
  EXPECT_EQ(counters().data_digest_bytes_by_software, 0u);
  receiver_->Resolve(5, kBad, kBad);  // late and twice: ignored
  EXPECT_TRUE(Drain().empty());
}

TEST_F(OffloadTest, APendingHeaderIsNotParsed) {
  Push(Pdu(1), Pending(5), kGood);
  RxItem item;
  EXPECT_FALSE(receiver_->Next(&item));
  receiver_->Resolve(5, kBad, kGood);  // a false alarm
  EXPECT_EQ(Drain(), kOneGood);
  EXPECT_EQ(counters().device_bad_software_good, 1u);
}

TEST_F(OffloadTest, EveryAnswerToAPendingVerdictGivesWhatSoftwareAloneGives) {
  const Evidence stale = Says(DigestVerdict::kGood, 9);
  for (bool is_right : {true, false}) {
    for (const Evidence& answer : {kGood, kBad, kUnchecked, stale}) {
      if (answer == kGood && !is_right) continue;  // a liar
      for (bool before_parsing : {true, false}) {
        Start(0);
        PushInParts(Pdu(1, true, is_right), {kGood, kGood, Pending(3), Pending(3)});
        if (!before_parsing) {
          EXPECT_TRUE(Drain().empty());
        }
        receiver_->Resolve(3, kGood, answer);
        EXPECT_EQ(Drain(), is_right ? kOneGood : kOneBad);
        EXPECT_EQ(counters().data_digests_by_device, answer == kGood);
      }
    }
    Start(0);
    PushInParts(Pdu(1, true, is_right), {kGood, kGood, Pending(3), Pending(3)});
    EXPECT_TRUE(Drain().empty());
    receiver_->AbandonPending();
    EXPECT_EQ(Drain(), is_right ? kOneGood : kOneBad);
  }
}

TEST_F(OffloadTest, O8EightPdusWhoseAnswersComeInAnyOrderComeOutInOrder) {
  std::array<uint32_t, 8> order;
  std::iota(order.begin(), order.end(), 0);
  std::array<ByteVector, 8> pdus;
  for (uint32_t i = 0; i < 8; ++i) pdus[i] = Pdu(i, true, i % 3 != 1);
  do {
    Start(0);
    lent_.clear();
    for (uint32_t i = 0; i < 8; ++i) Push(pdus[i], kGood, Pending(100 + i));
    Ends ends = Drain();
    for (uint32_t i : order) {
      receiver_->Resolve(100 + i, kGood, i % 3 != 1 ? kGood : kBad);
      const Ends more = Drain();
      ends.insert(ends.end(), more.begin(), more.end());
    }
    ASSERT_EQ(ends.size(), 8u);
    for (uint32_t i = 0; i < 8; ++i) {
      ASSERT_EQ(ends[i], i % 3 != 1 ? DigestVerdict::kGood : DigestVerdict::kBad);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(OffloadTest, PartialValuesAreCombinedAndAWrongOneIsConfirmedInSoftware) {
  const ByteVector pdu = Pdu(1);
  for (uint32_t error : {0u, 4u}) {
    Start(0);
    Push(ByteVector(pdu.begin(), pdu.begin() + kHeaderSize), kUnchecked, kUnchecked);
    for (size_t at : {0u, 10u}) {
      const ByteVector run(pdu.begin() + static_cast<ptrdiff_t>(kHeaderSize + at),
                           pdu.begin() + static_cast<ptrdiff_t>(kHeaderSize + at + 10));
      Evidence evidence = kUnchecked;
      evidence.epoch = 1;
      evidence.has_partial_crc = true;
      evidence.partial_crc = ModelCrc32c(run) ^ error;
      Push(run, kUnchecked, evidence);
    }
    Push(ByteVector(pdu.begin() + kHeaderSize + 20, pdu.end()), kUnchecked, kUnchecked);
    EXPECT_EQ(Drain(), kOneGood);
    EXPECT_EQ(counters().data_digest_bytes_by_software, 2 + (error == 0 ? 0 : kDataSize));
  }
}

TEST_F(OffloadTest, PlacedDataIsBelievedOrCheckedWhereItLies) {
  const ByteVector pdu = Pdu(1);
  for (const Evidence& evidence : {kGood, kUnchecked, kBad}) {
    for (bool spoiled : {false, true}) {
      if (spoiled && evidence == kGood) continue;
      Start(0);
      Push(ByteVector(pdu.begin(), pdu.begin() + kHeaderSize), kGood, kGood);
      RxItem item;
      ASSERT_TRUE(receiver_->Next(&item));
      sink_.assign(pdu.begin() + kHeaderSize, pdu.begin() + kHeaderSize + kDataSize);
      if (spoiled) sink_[3] ^= std::byte{1};
      receiver_->SetSink(sink_);
      RxSegment segment;
      segment.stream_offset = offset_;
      segment.placed = kDataSize;
      segment.bytes = std::span<const std::byte>(pdu).subspan(kHeaderSize + kDataSize);
      segment.data = evidence;
      ASSERT_TRUE(receiver_->Push(segment));
      EXPECT_EQ(receiver_->UnconsumedRx(), kDataSize + 6);
      ASSERT_TRUE(receiver_->Next(&item));
      EXPECT_EQ(item.kind, RxItemKind::kEnd);
      EXPECT_EQ(item.data_verdict, spoiled ? DigestVerdict::kBad : DigestVerdict::kGood);
      EXPECT_EQ(receiver_->stream_offset(), kPduSize);
      EXPECT_EQ(counters().copied_data_bytes, 0u);
    }
  }
}

// Every two-way cut of a PDU, every pair of verdicts that an honest device may give.
TEST_F(OffloadTest, EveryPatternAtEverySplitGivesWhatSoftwareAloneGives) {
  const Evidence all[] = {kGood, kBad, kUnchecked, Pending(3), Says(DigestVerdict::kGood, 2)};
  for (bool is_right : {true, false}) {
    const ByteVector pdu = Pdu(1, true, is_right);
    for (size_t at = 1; at < kPduSize; ++at) {
      for (const Evidence& first : all) {
        for (const Evidence& second : all) {
          Start(0);
          lent_.clear();
          const auto vouches = [](const Evidence& e) { return e.verdict == DigestVerdict::kGood; };
          const bool lies = vouches(second) || (at > kHeaderSize && vouches(first));
          if (!is_right && lies) continue;
          const auto split = pdu.begin() + static_cast<ptrdiff_t>(at);
          Push(ByteVector(pdu.begin(), split), first, first);
          Push(ByteVector(split, pdu.end()), second, second);
          Ends ends = Drain();
          receiver_->Resolve(3, kGood, is_right ? kGood : kBad);
          for (DigestVerdict verdict : Drain()) ends.push_back(verdict);
          ASSERT_EQ(ends, is_right ? kOneGood : kOneBad) << at;
        }
      }
    }
  }
}

// Every cut of a PDU into three, every three verdicts.
TEST_F(OffloadTest, EveryPatternAtEveryTwoSplitsGivesWhatSoftwareAloneGives) {
  const Evidence all[] = {kGood, kBad, kUnchecked, Pending(3)};
  const auto vouches = [](const Evidence& e) { return e.verdict == DigestVerdict::kGood; };
  for (bool is_right : {true, false}) {
    const ByteVector pdu = Pdu(1, true, is_right);
    for (size_t one = 1; one + 1 < kPduSize; ++one) {
      for (size_t two = one + 1; two < kPduSize; ++two) {
        for (int pattern = 0; pattern < 64; ++pattern) {
          const Evidence said[] = {all[pattern % 4], all[pattern / 4 % 4], all[pattern / 16]};
          const size_t ends[] = {one, two, kPduSize};
          bool lies = false;
          for (int i = 0; i < 3; ++i) lies = lies || (vouches(said[i]) && ends[i] > kHeaderSize);
          if (!is_right && lies) continue;
          Start(0);
          lent_.clear();
          size_t at = 0;
          for (int i = 0; i < 3; ++i) {
            RxSegment segment;
            segment.stream_offset = at;
            segment.bytes = std::span(pdu).subspan(at, ends[i] - at);
            segment.header = segment.data = said[i];
            ASSERT_TRUE(receiver_->Push(segment));
            at = ends[i];
          }
          Ends verdicts = Drain();
          receiver_->Resolve(3, kGood, is_right ? kGood : kBad);
          for (DigestVerdict verdict : Drain()) verdicts.push_back(verdict);
          ASSERT_EQ(verdicts, is_right ? kOneGood : kOneBad) << one << ' ' << two << ' ' << pattern;
        }
      }
    }
  }
}

TEST_F(OffloadTest, WhatWasAnsweredUnderATicketIsCountedApart) {
  Push(Pdu(1), kGood, Pending(5));
  EXPECT_TRUE(Drain().empty());
  receiver_->Resolve(5, kGood, kGood);
  Drain();
  Push(Pdu(2), kGood, Pending(6));
  receiver_->Resolve(6, kGood, kGood);  // before it was parsed
  Drain();
  Push(Pdu(3), kGood, kGood);
  Drain();
  EXPECT_EQ(counters().data_digests_by_device, 3u);
  EXPECT_EQ(counters().data_digests_by_accelerator, 2u);
  EXPECT_EQ(counters().data_digest_bytes_by_accelerator, 2 * kDataSize);
  receiver_->SetAudit(1);
  Push(Pdu(4), kGood, kGood);  // the PDU that had begun already, by its count
  Push(Pdu(5), kGood, kGood);
  Drain();
  EXPECT_EQ(counters().audited_bytes, kDataSize);
  receiver_->SetAudit(0);
  Push(Pdu(6), kGood, kGood);
  Push(Pdu(7), kGood, kGood);
  Drain();
  EXPECT_EQ(counters().audited_bytes, 2 * kDataSize);
}

// A device that lost the stream asks; every offset of four PDUs, after every number of bytes.
TEST_F(OffloadTest, TellsWherePdusBegin) {
  ByteVector stream;
  for (uint32_t i = 0; i < 4; ++i) {
    const ByteVector pdu = Pdu(i);
    stream.insert(stream.end(), pdu.begin(), pdu.end());
  }
  for (size_t got = 0; got <= stream.size(); ++got) {
    Start(0);
    const auto split = stream.begin() + static_cast<ptrdiff_t>(got);
    if (got > 0) Push(ByteVector(stream.begin(), split), kUnchecked, kUnchecked);
    Drain();
    for (size_t at = 0; at < stream.size() + 10; ++at) {
      const bool boundary = at % kPduSize == 0;
      const bool judged = at + kHeaderSize <= got;
      const PduStart expected = boundary && judged                   ? PduStart::kYes
                                : at >= got || (boundary && !judged) ? PduStart::kNotYet
                                                                     : PduStart::kNo;
      ASSERT_EQ(receiver_->PduStartsAt(at), expected) << at << " of " << got;
    }
  }
  // Of what is long past nothing is said; of a stream that failed, nothing.
  Start(0);
  for (uint32_t i = 0; i < Receiver::kRememberedStarts + 1; ++i) {
    Push(Pdu(i), kUnchecked, kUnchecked);
    Drain();
  }
  EXPECT_EQ(receiver_->PduStartsAt(0), PduStart::kNo);
  EXPECT_EQ(receiver_->PduStartsAt(kPduSize), PduStart::kYes);
  Push(Pdu(1, false, true), kUnchecked, kUnchecked);
  Drain();
  EXPECT_EQ(receiver_->PduStartsAt(offset_ - kPduSize), PduStart::kNo);
  EXPECT_EQ(receiver_->PduStartsAt(offset_), PduStart::kNo);
}

TEST_F(OffloadTest, AStatementCountsOnlyForThePduThatItIsAbout) {
  for (uint64_t about : {uint64_t{0}, uint64_t{kHeaderSize}, RxSegment::kAnyPdu}) {
    Start(0);
    const ByteVector pdu = Pdu(1, true, false);
    for (size_t part : {size_t{0}, kHeaderSize}) {
      RxSegment segment;
      segment.stream_offset = offset_;
      segment.bytes =
          std::span(pdu).subspan(part, part == 0 ? kHeaderSize : kPduSize - kHeaderSize);
      segment.header = segment.data = kGood;
      // Data that holds the image of a PDU: the device found that one good.
      if (part > 0) segment.pdu_offset = about;
      ASSERT_TRUE(receiver_->Push(segment));
      offset_ += segment.bytes.size();
    }
    EXPECT_EQ(Drain(), about == kHeaderSize ? kOneBad : kOneGood);  // otherwise the device lies
  }
}

TEST_F(OffloadTest, OfAStrippedDigestTheDevicesWordIsFinal) {
  const ByteVector pdu = Pdu(1);
  for (const Evidence& evidence : {kGood, kBad, kUnchecked}) {
    for (bool of_header : {true, false}) {
      Start(of_header ? 0 : 1);
      for (bool header : {true, false}) {
        RxSegment segment;
        const size_t begin = header ? 0 : kHeaderSize;
        const size_t end = header ? kHeaderSize : kPduSize;
        segment.stream_offset = begin;
        segment.stripped = header == of_header ? 4 : 0;
        segment.bytes = std::span(pdu).subspan(begin, end - begin - segment.stripped);
        segment.header = segment.data = header == of_header ? evidence : kUnchecked;
        ASSERT_TRUE(receiver_->Push(segment));
      }
      const Ends bad = of_header ? Ends{DigestVerdict::kUnchecked} : kOneBad;
      EXPECT_EQ(Drain(), evidence == kGood ? kOneGood : bad);
      EXPECT_EQ(receiver_->UnconsumedRx(), 0u);
    }
  }
}

TEST_F(OffloadTest, BytesStrippedWhereNoDigestStandsEndTheConnection) {
  const ByteVector pdu = Pdu(1);
  for (size_t before : {size_t{0}, size_t{20}, size_t{48}, kHeaderSize, kHeaderSize + 5}) {
    Start(0);
    if (before > 0) {
      Push(ByteVector(pdu.begin(), pdu.begin() + static_cast<ptrdiff_t>(before)), kGood, kGood);
    }
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.stripped = before == 48 ? 3 : 4;
    segment.header = segment.data = kGood;
    Drain();
    ASSERT_TRUE(receiver_->Push(segment));
    RxItem item;
    ASSERT_TRUE(receiver_->Next(&item));
    EXPECT_EQ(item.error.code, ErrorCode::kDevicePlacement) << before;
    EXPECT_EQ((Drain(), receiver_->UnconsumedRx()), 0u);
  }
}

TEST_F(OffloadTest, PlacementOutsideADataSegmentEndsTheConnection) {
  const ByteVector pdu = Pdu(1);
  for (size_t before : {size_t{0}, size_t{10}, kHeaderSize, kHeaderSize + kDataSize}) {
    Start(0);
    if (before > 0) {
      Push(ByteVector(pdu.begin(), pdu.begin() + static_cast<ptrdiff_t>(before)), kGood, kGood);
    }
    EXPECT_TRUE(Drain().empty());
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.placed = kDataSize + 1;
    ASSERT_TRUE(receiver_->Push(segment));
    RxItem item;
    ASSERT_TRUE(receiver_->Next(&item));
    ASSERT_EQ(item.kind, RxItemKind::kError);
    EXPECT_EQ(item.error.code, ErrorCode::kDevicePlacement);
    EXPECT_FALSE(receiver_->Next(&item));
    EXPECT_EQ(receiver_->UnconsumedRx(), 0u);
  }
}

}  // namespace
}  // namespace isthmus
