// Framing and digests of the receiver. RFC 7143 sections 11.2, 7.7, 7.8, 13.1, 13.12; appendix A.4.
#include "protocol/connection/receiver.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "digest/select.h"
#include "gtest/gtest.h"
#include "protocol/connection/testing/chunking.h"
#include "protocol/connection/testing/receiver_driver.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus {
namespace {

using digest::DigestVerdict;
using testing_support::ByteVector;
using testing_support::Delivery;
using testing_support::Drive;
using testing_support::ForEveryChunking;
using testing_support::FromHex;
using testing_support::MakePdu;
using testing_support::ModelPdu;
using testing_support::ReceiverRun;
using testing_support::ToHex;
using testing_support::Verdicts;
using testing_support::WireStream;

// A receiver fed by hand.
class ReceiverTest : public testing::Test {
 protected:
  void Start(bool header_digest, bool data_digest, uint32_t limit = 8192) {
    Receiver::Options options;
    options.kernel = &digest::SelectKernel();
    options.MaxRecvDataSegmentLength = limit;
    receiver_ = std::make_unique<Receiver>(options);
    receiver_->SetDigests(header_digest, data_digest);
    offset_ = 0;
  }

  // Lends a copy that stays until the test ends.
  void Push(const ByteVector& bytes) {
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = lent_.emplace_back(bytes);
    ASSERT_TRUE(receiver_->Push(segment));
    offset_ += bytes.size();
  }

  // The next item, which must be of this kind.
  RxItem Expect(RxItemKind kind) {
    RxItem item;
    EXPECT_TRUE(receiver_->Next(&item));
    EXPECT_EQ(item.kind, kind) << testing_support::Describe(item);
    return item;
  }
  void ExpectNothing() {
    RxItem item;
    EXPECT_FALSE(receiver_->Next(&item));
  }

  std::unique_ptr<Receiver> receiver_;
  uint64_t offset_ = 0;
  std::deque<ByteVector> lent_;
};

// Appendix A.4: the READ(10) command and its digest, as printed.
constexpr char kReadCommand[] =
    "01 c0 00 00 00 00 00 00 00 00 00 00 00 00 00 00 14 00 00 00 00 00 04 00 "
    "00 00 00 14 00 00 00 18 28 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00";

TEST_F(ReceiverTest, TakesTheHeaderThatTheRfcPrints) {
  Start(true, true);
  const ByteVector bytes = FromHex(std::string(kReadCommand) + "56 3a 96 d9");
  Push(bytes);
  const RxItem header = Expect(RxItemKind::kHeader);
  EXPECT_EQ(ToHex(header.header->bytes.data(), 48), ToHex(FromHex(kReadCommand)));
  EXPECT_EQ(header.data_segment_length, 0u);
  EXPECT_TRUE(header.ahs.empty());
  const RxItem end = Expect(RxItemKind::kEnd);
  EXPECT_EQ(end.data_verdict, DigestVerdict::kUnchecked);
  EXPECT_EQ(end.header, header.header);
  ExpectNothing();
  EXPECT_EQ(receiver_->stream_offset(), 52u);
}

TEST_F(ReceiverTest, TakesNopOutWithDataAndDigestsOfThePublishedVectors) {
  // 32 bytes of zeros have the data digest aa 36 91 8a.
  Start(false, true);
  const ByteVector bytes = FromHex(
      "00 80 00 00 00 00 00 20 00 00 00 00 00 00 00 00 00 00 00 07 ff ff ff ff "
      "00 00 00 01 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa 36 91 8a");
  Push(bytes);
  EXPECT_EQ(Expect(RxItemKind::kHeader).data_segment_length, 32u);
  ByteVector sink(32, std::byte{1});
  receiver_->SetSink(sink);
  const RxItem end = Expect(RxItemKind::kEnd);
  EXPECT_EQ(end.data_verdict, DigestVerdict::kGood);
  EXPECT_EQ(end.data.data(), sink.data());
  EXPECT_EQ(sink, ByteVector(32));
}

WireStream MixedStream(bool header_digest, bool data_digest) {
  WireStream stream;
  const auto add = [&](ModelPdu pdu) { stream.Add(pdu, header_digest, data_digest); };
  add(MakePdu(0x01, 0, 1));
  add(MakePdu(0x05, 33, 2));
  ModelPdu odd_padding = MakePdu(0x05, 6, 3);
  odd_padding.pad_byte = 0x5a;
  add(odd_padding);
  add(MakePdu(0x41, 8, 4, 2));
  ModelPdu bad = MakePdu(0x05, 21, 5);
  bad.data_digest_xor = 0x00010000;
  add(bad);
  add(MakePdu(0x00, 1, 6));
  add(MakePdu(0x02, 0, 7));
  for (uint32_t seed = 8; seed < 14; ++seed) add(MakePdu(0x01, 0, seed));  // a burst
  add(MakePdu(0x41, 5, 14));
  return stream;
}

class ChunkingTest : public testing::TestWithParam<std::tuple<bool, bool, Verdicts, Delivery>> {};

TEST_P(ChunkingTest, EveryChunkingAndEveryVerdictGivesTheSameItems) {
  const bool header_digest = std::get<0>(GetParam());
  const bool data_digest = std::get<1>(GetParam());
  const Verdicts verdicts = std::get<2>(GetParam());
  const Delivery delivery = std::get<3>(GetParam());
  const WireStream stream = MixedStream(header_digest, data_digest);
  for (bool scratch : {false, true}) {
    ReceiverRun plain;
    plain.sizes = {stream.bytes().size()};
    plain.header_digest = header_digest;
    plain.data_digest = data_digest;
    plain.scratch_every_third = scratch;
    const std::vector<std::string> expected = Drive(stream, plain);
    ASSERT_EQ(expected.size(), 2 * stream.pdus().size());
    uint32_t seed = 0;
    ForEveryChunking(stream.bytes().size(), 40, [&](const std::vector<size_t>& sizes) {
      ReceiverRun run = plain;
      run.sizes = sizes;
      run.verdicts = verdicts;
      run.delivery = delivery;
      run.seed = ++seed;
      ASSERT_EQ(Drive(stream, run), expected) << "pieces " << sizes.size() << " of " << sizes[0];
    });
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ChunkingTest,
    testing::Combine(testing::Bool(), testing::Bool(),
                     testing::Values(Verdicts::kNone, Verdicts::kTruth, Verdicts::kFalseAlarms,
                                     Verdicts::kPending, Verdicts::kMixed, Verdicts::kMixedEpochs),
                     testing::Values(Delivery::kLent, Delivery::kWanted)));

TEST_F(ReceiverTest, TheModelsItemsAreTheWireBytes) {
  // Ties the chunking tests, which compare runs, to the independent encoder.
  for (bool digests : {false, true}) {
    const WireStream stream = MixedStream(digests, digests);
    ReceiverRun run;
    run.sizes = {stream.bytes().size()};
    run.header_digest = run.data_digest = digests;
    const std::vector<std::string> items = Drive(stream, run);
    for (size_t i = 0; i < stream.pdus().size(); ++i) {
      const ModelPdu& pdu = stream.pdus()[i];
      const std::string verdict = !digests || pdu.data.empty() ? "0"
                                  : pdu.data_digest_xor == 0   ? "1"
                                                               : "2";
      const std::string wanted = " ahs " + ToHex(pdu.ahs) + " length " +
                                 std::to_string(pdu.data.size()) + " data " + ToHex(pdu.data) +
                                 " verdict " + verdict;
      EXPECT_NE(items[2 * i + 1].find(wanted), std::string::npos) << items[2 * i + 1] << wanted;
    }
  }
}

TEST_F(ReceiverTest, AStreamThatEndsInsideAHeaderGivesNothing) {
  const ByteVector bytes = FromHex(kReadCommand);
  for (size_t size = 0; size < 48; ++size) {
    Start(false, false);
    EXPECT_TRUE(receiver_->at_pdu_boundary());
    const ByteVector part(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    Push(part);
    ExpectNothing();
    EXPECT_EQ(receiver_->at_pdu_boundary(), size == 0);
  }
}

TEST_F(ReceiverTest, AnyFlippedHeaderBitEndsTheConnectionBeforeAnythingIsUsed) {
  const ByteVector good = Encode(MakePdu(0x41, 40, 9, 3), true, true);
  const size_t covered = 48 + 12 + 4;
  for (size_t bit = 0; bit < covered * 8; ++bit) {
    Start(true, true);
    ByteVector bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    bytes.resize(bytes.size() + 1024, std::byte{0x33});  // a longer TotalAHSLength finds bytes
    Push(bytes);
    const RxItem item = Expect(RxItemKind::kError);
    EXPECT_EQ(item.error.code, ErrorCode::kHeaderDigest) << bit;
    EXPECT_TRUE(item.error.EndsConnection());
    EXPECT_EQ(item.header, nullptr);
    ExpectNothing();
    EXPECT_EQ(receiver_->counters().header_digest_errors, 1u);
    RxWant want;
    EXPECT_EQ(receiver_->WantRx({&want, 1}), 0u);
  }
}

// A burst of headers in one segment: each is gathered in one step, or in several if it has an AHS, and judged by itself.
TEST_F(ReceiverTest, InABurstOfHeadersEachIsJudgedByItself) {
  constexpr size_t kBurst = 11;
  for (size_t odd = 0; odd < kBurst; ++odd) {
    for (const size_t data : {0, 4}) {
      for (const size_t ahs : {0, 1, 13}) {  // 13 words: one header and its digest
        for (const bool bad : {false, true}) {
          Start(true, true);
          ByteVector bytes;
          for (size_t i = 0; i < kBurst; ++i) {
            ModelPdu pdu = MakePdu(0x41, i == odd ? data : 0, static_cast<uint32_t>(i), i == odd ? ahs : 0);
            pdu.header_digest_xor = i == odd && bad ? 0x80000000 : 0;
            const ByteVector one = Encode(pdu, true, true);
            bytes.insert(bytes.end(), one.begin(), one.end());
          }
          Push(bytes);
          ByteVector sink(4);
          for (size_t i = 0; i < kBurst; ++i) {
            if (i == odd && bad) {
              EXPECT_EQ(Expect(RxItemKind::kError).error.code, ErrorCode::kHeaderDigest);
              ExpectNothing();
              break;
            }
            const RxItem header = Expect(RxItemKind::kHeader);
            EXPECT_EQ(header.ahs.size(), i == odd ? ahs * 4 : 0);
            if (header.data_segment_length > 0) receiver_->SetSink(sink);
            Expect(RxItemKind::kEnd);
          }
          EXPECT_EQ(receiver_->counters().header_digests_by_software, bad ? odd + 1 : kBurst);
        }
      }
    }
  }
}

TEST_F(ReceiverTest, AnyFlippedDataBitMakesThatSegmentBadAndNothingElse) {
  const ByteVector good = Encode(MakePdu(0x05, 13, 9), true, true);
  const ByteVector next = Encode(MakePdu(0x05, 5, 10), true, true);
  for (size_t bit = 52 * 8; bit < good.size() * 8; ++bit) {
    Start(true, true);
    ByteVector bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    bytes.insert(bytes.end(), next.begin(), next.end());
    Push(bytes);
    ByteVector sink(13);
    Expect(RxItemKind::kHeader);
    receiver_->SetSink(sink);
    EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kBad) << bit;
    Expect(RxItemKind::kHeader);
    receiver_->SetSink(sink);
    EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kGood) << bit;
    EXPECT_EQ(receiver_->counters().data_digest_errors, 1u);
  }
}

TEST_F(ReceiverTest, ADigestInTheOtherByteOrderOrWithoutThePaddingIsBad) {
  const auto verdict_of = [&](ByteVector bytes) {
    Start(false, true);
    Push(bytes);
    ByteVector sink(9);
    Expect(RxItemKind::kHeader);
    receiver_->SetSink(sink);
    return Expect(RxItemKind::kEnd).data_verdict;
  };
  const ModelPdu pdu = MakePdu(0x05, 9, 3);
  const ByteVector good = Encode(pdu, false, true);
  EXPECT_EQ(verdict_of(good), DigestVerdict::kGood);
  ByteVector swapped = good;
  std::swap(swapped[60], swapped[63]);
  std::swap(swapped[61], swapped[62]);
  EXPECT_EQ(verdict_of(swapped), DigestVerdict::kBad);
  ByteVector unpadded = good;
  const uint32_t crc = testing_support::ModelCrc32c(pdu.data);
  for (int i = 0; i < 4; ++i) unpadded[60 + i] = static_cast<std::byte>(crc >> (8 * i));
  EXPECT_EQ(verdict_of(unpadded), DigestVerdict::kBad);
}

TEST_F(ReceiverTest, ATooLongSegmentIsRefusedFromTheHeaderAlone) {
  for (uint32_t limit : {512u, 513u, 514u, 515u, 8192u}) {
    for (uint32_t length : {limit + 1, limit + 3, 0xffffffu}) {
      for (uint8_t opcode = 0; opcode < 0x40; ++opcode) {
        Start(false, true, limit);
        ByteVector header = Encode(MakePdu(opcode, 0, 1), false, false);
        header[5] = static_cast<std::byte>(length >> 16);
        header[6] = static_cast<std::byte>(length >> 8);
        header[7] = static_cast<std::byte>(length);
        Push(header);
        const RxItem item = Expect(RxItemKind::kError);
        EXPECT_EQ(item.error.code, ErrorCode::kDataSegmentTooLong);
        EXPECT_EQ(item.error.detail, length);
        ASSERT_NE(item.header, nullptr);
        EXPECT_EQ(item.header->bytes[0], std::byte{opcode});
        ExpectNothing();
      }
    }
    // The limit itself is legal, whatever padding it takes.
    Start(false, true, limit);
    const ByteVector bytes = Encode(MakePdu(0x05, limit, 1), false, true);
    Push(bytes);
    ByteVector sink(limit);
    EXPECT_EQ(Expect(RxItemKind::kHeader).data_segment_length, limit);
    receiver_->SetSink(sink);
    EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kGood);
  }
}

TEST_F(ReceiverTest, ABadHeaderDigestGoesBeforeAHugeLength) {
  Start(true, true, 512);
  ByteVector bytes = Encode(MakePdu(0x05, 4, 1), true, true);
  bytes[5] = bytes[6] = bytes[7] = std::byte{0xff};
  Push(bytes);
  EXPECT_EQ(Expect(RxItemKind::kError).error.code, ErrorCode::kHeaderDigest);
}

TEST_F(ReceiverTest, TheLongestSegmentsDoNotWrap) {
  for (uint32_t length : {0xfffffdu, 0xffffffu}) {
    Start(true, true, 0xffffff);
    WireStream stream;
    stream.Add(MakePdu(0x05, length, length), true, true);
    stream.Add(MakePdu(0x05, 4, 1), true, true);
    Push(stream.bytes());
    auto sink = std::make_unique<std::byte[]>(length);
    EXPECT_EQ(Expect(RxItemKind::kHeader).data_segment_length, length);
    receiver_->SetSink({sink.get(), length});
    EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kGood);
    EXPECT_EQ(Expect(RxItemKind::kHeader).stream_offset, 48u + 4 + 0x1000000 + 4);
  }
}

TEST_F(ReceiverTest, DataBytesOneToEightAreCoveredExactly) {
  for (size_t size = 1; size <= 8; ++size) {
    Start(true, true);
    const ModelPdu pdu = MakePdu(0x04, size, 5);
    const ByteVector bytes = Encode(pdu, true, true);
    Push(bytes);
    auto sink = std::make_unique<std::byte[]>(size);  // a byte more would be seen by ASan
    Expect(RxItemKind::kHeader);
    receiver_->SetSink({sink.get(), size});
    const RxItem end = Expect(RxItemKind::kEnd);
    EXPECT_EQ(end.data_verdict, DigestVerdict::kGood) << size;
    EXPECT_EQ(ByteVector(end.data.begin(), end.data.end()), pdu.data);
  }
}

TEST_F(ReceiverTest, DigestsBeginAtTheVeryNextPdu) {
  Start(false, false);
  const ByteVector login = Encode(MakePdu(0x43, 5, 1), false, false);
  const ByteVector command = Encode(MakePdu(0x01, 7, 2), true, true);
  ByteVector both = login;
  both.insert(both.end(), command.begin(), command.end());
  Push(both);
  ByteVector sink(8);
  Expect(RxItemKind::kHeader);
  receiver_->SetSink(sink);
  EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kUnchecked);
  receiver_->SetDigests(true, true);
  Expect(RxItemKind::kHeader);
  receiver_->SetDigests(false, false);  // not for the PDU that has begun
  receiver_->SetSink(sink);
  EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kGood);
  Push(login);
  Expect(RxItemKind::kHeader);

  // One PDU too late: four bytes of digest are read as the next header's first.
  Start(false, false);
  Push(command);
  Expect(RxItemKind::kHeader);
  receiver_->SetSink(sink);
  receiver_->SetDigests(true, true);
  EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kUnchecked);
  ExpectNothing();
  EXPECT_FALSE(receiver_->at_pdu_boundary());
}

TEST_F(ReceiverTest, WantsTheDataAndThenEverythingUpToTheNextHeader) {
  Start(true, true);
  RxWant wants[3];
  ASSERT_EQ(receiver_->WantRx(wants), 1u);
  EXPECT_EQ(wants[0].sink.size(), 52u);
  EXPECT_FALSE(wants[0].is_data);
  const ByteVector bytes = Encode(MakePdu(0x05, 10, 1), true, true);
  Push(ByteVector(bytes.begin(), bytes.begin() + 52));
  EXPECT_EQ(receiver_->WantRx(wants), 0u);  // segments wait
  Expect(RxItemKind::kHeader);
  EXPECT_EQ(receiver_->WantRx(wants), 0u);  // a sink is awaited
  ExpectNothing();
  ByteVector sink(10);
  receiver_->SetSink(sink);
  ASSERT_EQ(receiver_->WantRx(wants), 2u);
  EXPECT_EQ(wants[0].sink.data(), sink.data());
  EXPECT_EQ(wants[0].sink.size(), 10u);
  EXPECT_TRUE(wants[0].is_data);
  EXPECT_EQ(wants[1].sink.size(), 2u + 4 + 52);
  ASSERT_EQ(receiver_->WantRx({wants, 1}), 1u);
  EXPECT_EQ(wants[0].sink.size(), 10u);
  EXPECT_EQ(receiver_->WantRx({wants, size_t{0}}), 0u);
  Push(ByteVector(bytes.begin() + 52, bytes.begin() + 63));
  ExpectNothing();
  ASSERT_EQ(receiver_->WantRx(wants), 1u);
  EXPECT_EQ(wants[0].sink.size(), 1u + 4 + 52);
}

TEST_F(ReceiverTest, DataReadInPlaceIsNotCopied) {
  const WireStream stream = MixedStream(true, true);
  ReceiverRun run;
  run.header_digest = run.data_digest = true;
  run.sizes = {48 + 4};
  size_t left = stream.bytes().size() - 52;
  for (; left > 0; left -= std::min<size_t>(left, 5))
    run.sizes.push_back(std::min<size_t>(left, 5));
  RxCounters counters;
  run.counters = &counters;
  run.delivery = Delivery::kWanted;
  Drive(stream, run);
  EXPECT_EQ(counters.copied_data_bytes, 0u);
  EXPECT_EQ(counters.data_bytes, 33u + 6 + 8 + 21 + 1 + 5);
  run.delivery = Delivery::kLent;
  Drive(stream, run);
  EXPECT_EQ(counters.copied_data_bytes, counters.data_bytes);
  EXPECT_EQ(counters.pdus, 14u);
  EXPECT_EQ(counters.bytes, stream.bytes().size());
}

TEST_F(ReceiverTest, ScratchTakesTheBytesFromTheStreamAndKeepsNone) {
  Start(false, true);
  const ByteVector bytes = Encode(MakePdu(0x05, 3000, 1), false, true);
  Push(ByteVector(bytes.begin(), bytes.begin() + 48));
  Expect(RxItemKind::kHeader);
  receiver_->SetScratch();
  RxWant wants[2];
  ASSERT_EQ(receiver_->WantRx(wants), 1u);
  EXPECT_GE(wants[0].sink.size(), 512u);
  Push(ByteVector(bytes.begin() + 48, bytes.end()));
  const RxItem end = Expect(RxItemKind::kEnd);
  EXPECT_EQ(end.data_verdict, DigestVerdict::kGood);
  EXPECT_TRUE(end.data.empty());
}

TEST_F(ReceiverTest, RefusesWhatDoesNotContinueTheStreamAndWhatIsTooMuch) {
  Start(false, false);
  std::byte bytes[64] = {};
  RxSegment segment;
  segment.bytes = {bytes, 1};
  segment.stream_offset = 1;
  EXPECT_FALSE(receiver_->Push(segment));
  for (uint64_t i = 0; i < Receiver::kMaxSegments; ++i) {
    segment.stream_offset = i;
    EXPECT_TRUE(receiver_->Push(segment));
    EXPECT_FALSE(receiver_->Push(segment));  // the same bytes again
  }
  segment.stream_offset = Receiver::kMaxSegments;
  EXPECT_FALSE(receiver_->Push(segment));
  EXPECT_EQ(receiver_->UnconsumedRx(), Receiver::kMaxSegments);
  ExpectNothing();
  EXPECT_EQ(receiver_->UnconsumedRx(), 0u);
  EXPECT_TRUE(receiver_->Push(segment));
}

TEST_F(ReceiverTest, GivesEveryLeaseBackOnceAlsoAfterAnError) {
  Start(true, false);
  ByteVector bytes = Encode(MakePdu(0x01, 0, 1), true, false);
  bytes[20] ^= std::byte{1};
  bytes.resize(100);
  RxSegment segment;
  for (uint32_t i = 0; i < 4; ++i) {
    segment.stream_offset = i * 25;
    segment.bytes = std::span<const std::byte>(bytes).subspan(i * 25, 25);
    segment.lease = {i + 1};
    ASSERT_TRUE(receiver_->Push(segment));
  }
  segment.stream_offset = 100;
  segment.bytes = {};
  segment.lease = {5};
  ASSERT_TRUE(receiver_->Push(segment));
  std::vector<uint32_t> leases;
  int errors = 0;
  RxItem item;
  while (receiver_->Next(&item)) {
    if (item.kind == RxItemKind::kReleaseRx) leases.push_back(item.lease.id);
    errors += item.kind == RxItemKind::kError;
  }
  EXPECT_EQ(leases, (std::vector<uint32_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(receiver_->UnconsumedRx(), 0u);
}

TEST_F(ReceiverTest, MovesWithWhatWaitsInItsOwnBuffers) {
  Start(false, true);
  WireStream stream;
  stream.Add(MakePdu(0x05, 9, 1), false, true);
  stream.Add(MakePdu(0x05, 0, 2), false, true);
  const ByteVector& bytes = stream.bytes();
  Push(ByteVector(bytes.begin(), bytes.begin() + 48));
  Expect(RxItemKind::kHeader);
  ByteVector sink(9);
  receiver_->SetSink(sink);
  // The tail and the next header come into the receiver's memory and wait behind the data.
  RxWant wants[2];
  ASSERT_EQ(receiver_->WantRx(wants), 2u);
  ASSERT_EQ(wants[1].sink.size(), 3u + 4 + 48);
  std::copy(bytes.begin() + 48 + 9, bytes.end(), wants[1].sink.begin());
  std::copy(bytes.begin() + 48, bytes.begin() + 48 + 9, sink.begin());
  for (const RxWant& want : wants) {
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = want.sink;
    ASSERT_TRUE(receiver_->Push(segment));
    offset_ += want.sink.size();
  }
  auto moved = std::make_unique<Receiver>(std::move(*receiver_));
  receiver_ = std::move(moved);  // and what it was moved from is gone
  EXPECT_EQ(Expect(RxItemKind::kEnd).data_verdict, DigestVerdict::kGood);
  const RxItem header = Expect(RxItemKind::kHeader);
  EXPECT_EQ(ToHex(header.header->bytes.data(), 48), ToHex(bytes.data() + 64, 48));
  EXPECT_EQ(receiver_->counters().copied_data_bytes, 0u);
}

}  // namespace
}  // namespace isthmus
