// What leaves a sender, read back by a decoder of its own. RFC 7143 sections 11.1, 11.2.3, 11.7.
#include "protocol/connection/sender.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "digest/select.h"
#include "gtest/gtest.h"
#include "protocol/arena.h"
#include "protocol/connection/testing/chunking.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus {
namespace {

using testing_support::ByteVector;
using testing_support::DecodeAll;
using testing_support::DecodedPdu;
using testing_support::ForEveryChunking;
using testing_support::FromHex;
using testing_support::Pattern;
using testing_support::ToHex;

// Numbers PDUs in bytes 24..27, so that the order and number of stamps can be seen on the wire.
class CountingStamper final : public Stamper {
 public:
  void Stamp(wire::Bhs& header, uint64_t) override { header.bytes[27] = std::byte(++count_); }
  int count_ = 0;
};

wire::Bhs Header(uint8_t opcode_byte, uint8_t flags = 0x80) {
  wire::Bhs header;
  header.bytes[0] = std::byte{opcode_byte};
  header.bytes[1] = std::byte{flags};
  return header;
}

std::span<const std::byte> Bytes(const ByteVector& bytes, size_t at, size_t size) {
  return std::span<const std::byte>(bytes).subspan(at, size);
}

class SenderTest : public testing::Test {
 protected:
  void Start(bool header_digest, bool data_digest, Sender::Options options = {}) {
    options.kernel = &digest::SelectKernel();
    options_ = options;
    memory_.assign(Sender::MemoryNeeded(options), std::byte{0xee});
    Arena arena(memory_);
    sender_.emplace(options, arena);
    ASSERT_TRUE(sender_->ok());
    sender_->SetDigests(header_digest, data_digest);
    stamper_ = CountingStamper();
    stream_.clear();
  }

  // Sends up to `bytes` as a copying transport does. False: there was nothing.
  bool Send(size_t bytes, size_t max_slices = 64) {
    std::vector<TxSlice> slices(max_slices);
    slices.resize(sender_->PollTransmit(slices, stamper_));
    EXPECT_EQ(!slices.empty(), sender_->has_unsent());
    if (slices.empty()) return false;
    // The same question has the same answer.
    std::vector<TxSlice> again(max_slices);
    again.resize(sender_->PollTransmit(again, stamper_));
    EXPECT_GE(again.size(), slices.size());
    for (size_t i = 0; i < std::min(slices.size(), again.size()); ++i) {
      EXPECT_EQ(again[i].data, slices[i].data);
      EXPECT_EQ(again[i].size, slices[i].size);
      EXPECT_EQ(again[i].flags, slices[i].flags);
      EXPECT_EQ(again[i].pdu, slices[i].pdu);
    }
    size_t sent = 0;
    for (const TxSlice& slice : slices) {
      const size_t piece = std::min<size_t>(slice.size, bytes - sent);
      stream_.insert(stream_.end(), slice.data, slice.data + piece);
      sent += piece;
    }
    sender_->OnSent(sent);
    EXPECT_EQ(sender_->stream_offset(), stream_.size());
    sender_->OnTransportDone(sender_->stream_offset());
    return true;
  }
  ByteVector SendAll() {
    while (Send(1 << 20)) {
    }
    return stream_;
  }

  std::vector<TxDone> Dones() {
    std::vector<TxDone> dones;
    TxDone done;
    while (sender_->NextDone(&done)) dones.push_back(done);
    return dones;
  }

  Transfer DataIn(const ByteVector& source, uint64_t cookie = 1) {
    Transfer transfer;
    transfer.header = Header(0x25, 0x83);  // F, U, S
    transfer.header.bytes[3] = std::byte{0x08};
    transfer.header.bytes[47] = std::byte{9};  // residual count
    transfer.source = source;
    transfer.cookie = cookie;
    return transfer;
  }

  Sender::Options options_;
  ByteVector memory_;
  std::optional<Sender> sender_;
  CountingStamper stamper_;
  ByteVector stream_;
};

TEST_F(SenderTest, SendsTheCommandAndTheDigestThatTheRfcPrints) {
  Start(true, true);
  const ByteVector printed = FromHex(
      "01 c0 00 00 00 00 00 00 00 00 00 00 00 00 00 00 14 00 00 00 00 00 04 00 "
      "00 00 00 14 00 00 00 18 28 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00");
  wire::Bhs header;
  std::copy(printed.begin(), printed.end(), header.bytes.begin());
  stamper_.count_ = 0x13;  // the stamp makes CmdSN 0x14, as printed
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, header, {}, {}, 5));
  EXPECT_EQ(ToHex(SendAll()), ToHex(printed) + "563a96d9");
  const std::vector<TxDone> dones = Dones();
  ASSERT_EQ(dones.size(), 1u);
  EXPECT_EQ(dones[0].cookie, 5u);
  EXPECT_FALSE(dones[0].cancelled);
  EXPECT_TRUE(sender_->idle());
}

TEST_F(SenderTest, PadsWithItsOwnZerosAndDigestsThem) {
  for (size_t size = 0; size <= 9; ++size) {
    for (bool digest : {false, true}) {
      Start(digest, digest);
      // On the heap and exactly as long as it is: a byte more would be seen by ASan.
      auto data = std::make_unique<std::byte[]>(size);
      const ByteVector pattern = Pattern(size, 3);
      std::copy(pattern.begin(), pattern.end(), data.get());
      const ByteVector ahs = Pattern(size % 2 * 8, 4);
      ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x00), ahs, {data.get(), size}, 1));
      const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), digest, digest);
      ASSERT_EQ(pdus.size(), 1u);
      EXPECT_EQ(pdus[0].data, pattern);
      EXPECT_EQ(pdus[0].ahs, ahs);
      EXPECT_EQ(pdus[0].padding, ByteVector((4 - size % 4) % 4));
      EXPECT_TRUE(pdus[0].header_digest_is_right && pdus[0].data_digest_is_right) << size;
      EXPECT_EQ(stream_.size(),
                48 + ahs.size() + (size + 3) / 4 * 4 + (digest ? 4 + (size > 0 ? 4 : 0) : 0));
    }
  }
}

TEST_F(SenderTest, EverySplitGivesTheSameStream) {
  const ByteVector data = Pattern(700, 1);
  const ByteVector ahs = Pattern(8, 2);
  const auto queue = [&] {
    sender_->SetMaxDataSegmentLength(300);
    ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), ahs, Bytes(data, 0, 37), 1));
    Transfer transfer = DataIn(data);
    transfer.burst_bytes = 512;
    ASSERT_TRUE(sender_->QueueTransfer(transfer));
    transfer.unstable = true;
    ASSERT_TRUE(sender_->QueueTransfer(transfer));
    ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x3f), {}, {}, 3));
  };
  Sender::Options options;
  options.staging_bytes = 400;
  options.max_pdus_in_flight = 3;
  for (int digests = 0; digests < 4; ++digests) {
    const bool header_digest = (digests & 1) != 0;
    const bool data_digest = (digests & 2) != 0;
    Start(header_digest, data_digest, options);
    queue();
    const ByteVector expected = SendAll();
    for (const DecodedPdu& pdu : DecodeAll(expected, header_digest, data_digest)) {
      EXPECT_TRUE(pdu.header_digest_is_right && pdu.data_digest_is_right);
    }
    ForEveryChunking(expected.size(), 30, [&](const std::vector<size_t>& sizes) {
      if (sizes.size() == 2 && sizes[0] % 3 != 0) return;  // a third of the two-way splits will do
      Start(header_digest, data_digest, options);
      queue();
      for (size_t size : sizes) {
        const size_t end = stream_.size() + size;
        while (stream_.size() < end) {
          ASSERT_TRUE(Send(end - stream_.size(), 1 + stream_.size() % 9));
        }
      }
      ASSERT_EQ(stream_, expected);
      ASSERT_FALSE(sender_->has_unsent());
      ASSERT_EQ(Dones().size(), 4u);
      ASSERT_TRUE(sender_->idle());
    });
  }
}

// One answer with many PDUs, with and without AHS and data.
TEST_F(SenderTest, EveryHeaderOfABurstHasItsDigest) {
  const ByteVector data = Pattern(36, 1);
  const ByteVector ahs = Pattern(12, 2);
  for (size_t count = 1; count <= 20; ++count) {
    Start(true, true);
    for (size_t i = 0; i < count; ++i) {
      const bool has_ahs = i % 7 == 3;
      ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01),
                                    has_ahs ? Bytes(ahs, 0, 12) : Bytes(ahs, 0, 0),
                                    Bytes(data, 0, i % 5 == 2 ? 36 : 0), i));
    }
    const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), true, true);
    ASSERT_EQ(pdus.size(), count);
    for (const DecodedPdu& pdu : pdus)
      EXPECT_TRUE(pdu.header_digest_is_right && pdu.data_digest_is_right);
    EXPECT_EQ(sender_->counters().header_digests_by_software, count);
  }
}

TEST_F(SenderTest, AnAnswerDigestsNoMoreThanACacheHolds) {
  Start(true, true);
  const ByteVector data = Pattern(3 << 20);
  sender_->SetMaxDataSegmentLength(96 << 10);
  ASSERT_TRUE(sender_->QueueTransfer(DataIn(data)));
  uint64_t digested = 0;
  while (Send(4 << 20)) {
    EXPECT_LE(sender_->counters().data_digest_bytes_by_software - digested, 3u * (96u << 10));
    digested = sender_->counters().data_digest_bytes_by_software;
  }
  EXPECT_EQ(digested, data.size());
  for (const DecodedPdu& pdu : DecodeAll(stream_, true, true))
    EXPECT_TRUE(pdu.data_digest_is_right);
}

TEST_F(SenderTest, CutsATransferAndNumbersItsParts) {
  Start(true, true);
  sender_->SetMaxDataSegmentLength(400);
  const ByteVector data = Pattern(2500, 1);
  Transfer transfer = DataIn(data);
  transfer.buffer_offset = 10000;
  transfer.data_sn = 7;
  transfer.burst_bytes = 1000;
  transfer.burst_used = 500;
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), true, true);
  // Bursts end after 500, 1500, 2500 bytes.
  const std::vector<size_t> sizes = {400, 100, 400, 400, 200, 400, 400, 200};
  const std::vector<uint8_t> flags = {0, 0x80, 0, 0, 0x80, 0, 0, 0x83};
  ASSERT_EQ(pdus.size(), sizes.size());
  ByteVector joined;
  for (size_t i = 0; i < pdus.size(); ++i) {
    const bool last = i + 1 == pdus.size();
    EXPECT_EQ(pdus[i].data.size(), sizes[i]) << i;
    EXPECT_EQ(pdus[i].Byte(1), flags[i]) << i;
    EXPECT_EQ(pdus[i].Byte(3), last ? 8 : 0) << i;
    EXPECT_EQ(pdus[i].Word(24), i + 1) << i;
    EXPECT_EQ(pdus[i].Word(36), 7 + i) << i;
    EXPECT_EQ(pdus[i].Word(40), 10000 + joined.size()) << i;
    EXPECT_EQ(pdus[i].Word(44), last ? 9u : 0u) << i;
    EXPECT_TRUE(pdus[i].header_digest_is_right && pdus[i].data_digest_is_right) << i;
    joined.insert(joined.end(), pdus[i].data.begin(), pdus[i].data.end());
  }
  EXPECT_EQ(joined, data);
  const std::vector<TxDone> dones = Dones();
  ASSERT_EQ(dones.size(), 1u);
  EXPECT_EQ(dones[0].bytes, 2500u);
  EXPECT_EQ(dones[0].next_data_sn, 15u);
}

TEST_F(SenderTest, ATransferThatIsContinuedHasNoFinalBitAndNoStatus) {
  Start(false, false);
  const ByteVector data = Pattern(100, 1);
  Transfer transfer = DataIn(data);
  transfer.final = false;
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  transfer.final = true;
  transfer.buffer_offset = 100;
  transfer.data_sn = 1;
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), false, false);
  ASSERT_EQ(pdus.size(), 2u);
  EXPECT_EQ(pdus[0].Byte(1), 0);
  EXPECT_EQ(pdus[0].Byte(3), 0);
  EXPECT_EQ(pdus[1].Byte(1), 0x83);
  EXPECT_EQ(pdus[1].Byte(3), 8);
}

TEST_F(SenderTest, AnEmptyTransferIsOnePdu) {
  Start(true, true);
  ASSERT_TRUE(sender_->QueueTransfer(DataIn({})));
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), true, true);
  ASSERT_EQ(pdus.size(), 1u);
  EXPECT_EQ(pdus[0].Byte(1), 0x83);
  EXPECT_EQ(Dones().size(), 1u);
}

TEST_F(SenderTest, LimitsAndDigestsAreThoseOfTheMomentOfFreezing) {
  Start(false, false);
  sender_->SetMaxDataSegmentLength(512);
  const ByteVector data = Pattern(2000, 1);
  ASSERT_TRUE(sender_->QueueTransfer(DataIn(data)));
  EXPECT_TRUE(Send(100, 1));  // freezes the first PDU only
  sender_->SetMaxDataSegmentLength(1024);
  sender_->SetDigests(true, true);
  SendAll();
  const ByteVector first(stream_.begin(), stream_.begin() + 48 + 512);
  const ByteVector rest(stream_.begin() + 48 + 512, stream_.end());
  EXPECT_EQ(DecodeAll(first, false, false)[0].data.size(), 512u);
  const std::vector<DecodedPdu> pdus = DecodeAll(rest, true, true);
  ASSERT_EQ(pdus.size(), 2u);
  EXPECT_EQ(pdus[0].data.size(), 1024u);
  EXPECT_EQ(pdus[1].data.size(), 464u);
  for (const DecodedPdu& pdu : pdus) EXPECT_TRUE(pdu.header_digest_is_right);
}

TEST_F(SenderTest, UrgentGoesBeforeNormalAtThePduBoundary) {
  Start(false, false);
  sender_->SetMaxDataSegmentLength(512);
  const ByteVector data = Pattern(1500, 1);
  ASSERT_TRUE(sender_->QueueTransfer(DataIn(data)));
  EXPECT_TRUE(Send(60, 2));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kUrgent, Header(0x31), {}, {}, 2));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kUrgent, Header(0x20), {}, {}, 3));
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), false, false);
  ASSERT_EQ(pdus.size(), 5u);
  const std::vector<uint8_t> opcodes = {0x25, 0x31, 0x20, 0x25, 0x25};
  for (size_t i = 0; i < pdus.size(); ++i) {
    EXPECT_EQ(pdus[i].Byte(0), opcodes[i]);
    EXPECT_EQ(pdus[i].Word(24), i + 1);  // stamped in the order of emission
  }
}

TEST_F(SenderTest, AnUnstableSourceIsDigestedAsItIsSent) {
  Sender::Options options;
  options.staging_bytes = 4096;
  Start(true, true, options);
  ByteVector data = Pattern(1000, 1);
  Transfer transfer = DataIn(data);
  transfer.unstable = true;
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  TxSlice slices[8];
  ASSERT_GT(sender_->PollTransmit(slices, stamper_), 0u);
  const ByteVector before = data;
  std::fill(data.begin(), data.end(), std::byte{0x77});  // someone writes the RAM disk meanwhile
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), true, true);
  ASSERT_EQ(pdus.size(), 1u);
  EXPECT_EQ(pdus[0].data, before);
  EXPECT_TRUE(pdus[0].data_digest_is_right);
  EXPECT_EQ(sender_->counters().staged_bytes, 1000u);
}

TEST_F(SenderTest, AnUnstableSourceIsStagedOnlyWhereItMatters) {
  for (bool rereads : {false, true}) {
    Sender::Options options;
    options.staging_bytes = 4096;
    options.transport_rereads = rereads;
    Start(true, false, options);
    const ByteVector data = Pattern(1000, 1);
    Transfer transfer = DataIn(data);
    transfer.unstable = true;
    ASSERT_TRUE(sender_->QueueTransfer(transfer));
    SendAll();
    EXPECT_EQ(sender_->counters().staged_bytes, rereads ? 1000u : 0u);
  }
}

TEST_F(SenderTest, StagingIsReusedInAnyOrderOfSizesAndWaitsForTheTransport) {
  Sender::Options options;
  options.staging_bytes = 1000;
  Start(true, true, options);
  std::mt19937 random(1);
  const ByteVector data = Pattern(100000, 1);
  uint32_t at = 0;
  // A transport that reads again: what is sent is done only later.
  std::vector<TxSlice> slices(32);
  for (int round = 0; round < 3000; ++round) {
    const size_t size = std::min<size_t>(1 + random() % 900, data.size() - at);
    Transfer transfer = DataIn(data);
    transfer.source = std::span<const std::byte>(data).subspan(at, size);
    transfer.buffer_offset = at;
    transfer.unstable = true;
    if (size > 0 && sender_->QueueTransfer(transfer)) at += static_cast<uint32_t>(size);
    const size_t count = sender_->PollTransmit(slices, stamper_);
    for (size_t i = 0; i < count; ++i) {
      stream_.insert(stream_.end(), slices[i].data, slices[i].data + slices[i].size);
      sender_->OnSent(slices[i].size);
    }
    const uint64_t lag = random() % 1500;
    if (sender_->stream_offset() > lag) {
      sender_->OnTransportDone(sender_->stream_offset() - lag);
    }
    Dones();
  }
  sender_->OnTransportDone(sender_->stream_offset());
  SendAll();
  ASSERT_EQ(at, data.size());
  ByteVector joined;
  for (const DecodedPdu& pdu : DecodeAll(stream_, true, true)) {
    ASSERT_TRUE(pdu.data_digest_is_right);
    ASSERT_EQ(pdu.Word(40), joined.size());
    joined.insert(joined.end(), pdu.data.begin(), pdu.data.end());
  }
  EXPECT_EQ(joined, data);
}

TEST_F(SenderTest, WithoutRoomItWaitsAndSaysSo) {
  Sender::Options options;
  options.staging_bytes = 256;
  options.max_pdus_in_flight = 4;
  Start(false, true, options);
  const ByteVector data = Pattern(512, 1);
  Transfer transfer = DataIn(data);
  transfer.unstable = true;
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  TxSlice slices[32];
  const size_t count = sender_->PollTransmit(slices, stamper_);
  size_t shown = 0;
  for (size_t i = 0; i < count; ++i) shown += slices[i].size;
  EXPECT_EQ(shown, 2 * (48 + 128 + 4u));  // two halves of the staging memory
  sender_->OnSent(shown);
  EXPECT_FALSE(sender_->has_unsent());
  EXPECT_EQ(sender_->PollTransmit(slices, stamper_), 0u);
  EXPECT_FALSE(sender_->idle());
  sender_->OnTransportDone(shown);
  EXPECT_TRUE(sender_->has_unsent());
}

TEST_F(SenderTest, RefusesWhatItCannotKeep) {
  Sender::Options options;
  options.max_entries = 2;
  Start(false, false, options);
  const ByteVector data = Pattern(8193, 1);
  EXPECT_FALSE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, data, 1));  // 8192 until told
  EXPECT_FALSE(sender_->QueuePdu(TxClass::kNormal, Header(0), Bytes(data, 0, 3), {}, 1));
  EXPECT_FALSE(sender_->QueuePdu(TxClass::kNormal, Header(0), Bytes(data, 0, 1024), {}, 1));
  Transfer transfer = DataIn(data);
  transfer.unstable = true;
  EXPECT_FALSE(sender_->QueueTransfer(transfer));  // no staging memory
  transfer.unstable = false;
  transfer.buffer_offset = 0xffffffff;
  EXPECT_FALSE(sender_->QueueTransfer(transfer));  // beyond 2^32
  EXPECT_TRUE(sender_->idle());
  EXPECT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 1));
  EXPECT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 2));
  EXPECT_FALSE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 3));
  EXPECT_FALSE(sender_->QueueTransfer(DataIn({})));
  EXPECT_EQ(DecodeAll(SendAll(), false, false).size(), 2u);
  EXPECT_FALSE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 3));  // Dones not pulled
  EXPECT_EQ(Dones().size(), 2u);
  EXPECT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 3));
  // More than was shown, more than was sent.
  sender_->OnSent(1);
  EXPECT_EQ(sender_->stream_offset(), 96u);
  TxSlice slices[4];
  ASSERT_EQ(sender_->PollTransmit(slices, stamper_), 1u);
  sender_->OnSent(49);
  EXPECT_EQ(sender_->stream_offset(), 96u);
  sender_->OnTransportDone(144);
  EXPECT_TRUE(Dones().empty());
  EXPECT_EQ(sender_->PollTransmit({}, stamper_), 0u);
}

TEST_F(SenderTest, DoneComesWhenTheTransportReadsNoMore) {
  Start(false, false);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 1));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0), {}, {}, 2));
  TxSlice slices[8];
  ASSERT_EQ(sender_->PollTransmit(slices, stamper_), 2u);
  sender_->OnSent(96);
  EXPECT_TRUE(Dones().empty());
  sender_->OnTransportDone(47);
  EXPECT_TRUE(Dones().empty());
  sender_->OnTransportDone(95);
  ASSERT_EQ(Dones().size(), 1u);
  sender_->OnTransportDone(96);
  EXPECT_EQ(Dones()[0].cookie, 2u);
}

TEST_F(SenderTest, CancelTakesBackWhatIsNotExposed) {
  Start(false, false);
  sender_->SetMaxDataSegmentLength(512);
  const ByteVector data = Pattern(2000, 1);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x20), {}, {}, 10));
  ASSERT_TRUE(sender_->QueueTransfer(DataIn(data, 11)));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x21), {}, {}, 12));
  ASSERT_TRUE(sender_->QueueTransfer(DataIn(data, 11)));
  EXPECT_TRUE(Send(48, 1));
  EXPECT_TRUE(Send(10, 1));  // into the transfer's first PDU
  sender_->Cancel(10);       // wholly exposed: goes on
  sender_->Cancel(11);
  sender_->Cancel(99);
  std::vector<TxDone> dones = Dones();
  ASSERT_EQ(dones.size(), 2u);
  EXPECT_EQ(dones[0].cookie, 10u);
  EXPECT_FALSE(dones[0].cancelled);
  EXPECT_EQ(dones[1].cookie, 11u);  // the second of this name, of which nothing had been shown
  EXPECT_TRUE(dones[1].cancelled);
  EXPECT_EQ(dones[1].bytes, 0u);
  const std::vector<DecodedPdu> pdus = DecodeAll(SendAll(), false, false);
  ASSERT_EQ(pdus.size(), 3u);
  EXPECT_EQ(pdus[1].data.size(), 512u);
  EXPECT_EQ(pdus[2].Byte(0), 0x21);
  dones = Dones();
  ASSERT_EQ(dones.size(), 2u);
  EXPECT_EQ(dones[0].cookie, 11u);
  EXPECT_TRUE(dones[0].cancelled);
  EXPECT_EQ(dones[0].bytes, 512u);
  EXPECT_EQ(dones[0].next_data_sn, 1u);
  EXPECT_EQ(dones[1].cookie, 12u);
  EXPECT_TRUE(sender_->idle());
}

TEST_F(SenderTest, ResetEndsEverythingOnceAndBeginsAnew) {
  Sender::Options options;
  options.staging_bytes = 4096;
  options.max_entries = 3;
  Start(true, true, options);
  const ByteVector data = Pattern(20000, 1);
  Transfer transfer = DataIn(data, 11);
  transfer.unstable = true;
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x20), {}, {}, 10));
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x21), {}, {}, 12));
  TxSlice slices[16];
  ASSERT_GT(sender_->PollTransmit(slices, stamper_), 4u);
  sender_->OnSent(60);
  sender_->Reset();
  EXPECT_TRUE(sender_->idle());
  EXPECT_FALSE(sender_->has_unsent());
  std::vector<uint64_t> cookies;
  for (const TxDone& done : Dones()) {
    EXPECT_TRUE(done.cancelled);
    cookies.push_back(done.cookie);
  }
  EXPECT_EQ(cookies, (std::vector<uint64_t>{10, 11, 12}));
  // The next connection: no digests until they are negotiated, stale ones never.
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x43), {}, Bytes(data, 0, 5), 20));
  stream_.clear();
  EXPECT_EQ(DecodeAll(SendAll(), false, false)[0].data.size(), 5u);
}

TEST_F(SenderTest, ADevicesPlaceholdersMaterializeToTheSameStream) {
  const ByteVector data = Pattern(1001, 1);
  const ByteVector ahs = Pattern(4, 2);
  Start(true, true);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), ahs, data, 1));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 2));
  const ByteVector expected = SendAll();
  Start(true, true);
  sender_->SetDeviceInserts(true, true);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), ahs, data, 1));
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 2));
  TxSlice slices[16];
  size_t count = sender_->PollTransmit(slices, stamper_);
  size_t placeholders = 0;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    if (Has(slices[i].flags, TxFlags::kDeviceInserts)) {
      EXPECT_EQ(slices[i].size, 4u);
      ++placeholders;
    } else {
      EXPECT_EQ(ToHex(slices[i].data, slices[i].size), ToHex(expected.data() + at, slices[i].size));
    }
    at += slices[i].size;
  }
  EXPECT_EQ(at, expected.size());
  EXPECT_EQ(placeholders, 4u);
  EXPECT_EQ(sender_->counters().data_digests_by_device, 2u);
  EXPECT_EQ(sender_->counters().data_digest_bytes_by_software, 0u);
  sender_->Materialize();
  EXPECT_EQ(ToHex(SendAll()), ToHex(expected));
}

// A device that remembers what it inserted.
class Remembered final : public InsertedDigests {
 public:
  bool Find(uint64_t stream_offset, Digests* digests) const override {
    ++asked;
    if (stream_offset != at) return false;
    *digests = known;
    return true;
  }
  uint64_t at = 0;
  Digests known;
  mutable int asked = 0;
};

// What left is sent again with the digest with which it left, whatever has become of the data since.
TEST_F(SenderTest, ChangedDataIsNotGivenADigestThatAgrees) {
  for (bool remembered : {false, true}) {
    ByteVector data = Pattern(1001, 1);
    Sender::Options options;
    options.verify_leases_one_in = remembered ? 0 : 1;
    Start(true, true);
    ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 1));
    const ByteVector first = SendAll();
    Start(true, true, options);
    sender_->SetDeviceInserts(true, true);
    ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 1));
    TxSlice slices[16];
    ASSERT_GT(sender_->PollTransmit(slices, stamper_), 0u);
    Remembered device;
    ByteVector covered = data;
    covered.resize(1004);
    device.known.data = testing_support::ModelCrc32c(covered);
    data[500] ^= std::byte{1};  // the lease is broken
    EXPECT_TRUE(sender_->Materialize(remembered ? &device : nullptr));
    EXPECT_EQ(device.asked, remembered ? 1 : 0);
    EXPECT_EQ(sender_->counters().lease_violations, 1u);
    EXPECT_EQ(sender_->counters().materialized, 1u);
    const ByteVector sent = SendAll();
    EXPECT_EQ(ToHex(ByteVector(sent.end() - 4, sent.end())),
              ToHex(ByteVector(first.end() - 4, first.end())));
    EXPECT_FALSE(DecodeAll(sent, true, true)[0].data_digest_is_right);
    EXPECT_EQ(sender_->counters().lease_violations, 1u);
  }
}

TEST_F(SenderTest, ALeaseThatWasBrokenIsCountedWhenItEnds) {
  for (bool by_device : {false, true}) {
    for (uint32_t one_in : {0u, 1u, 2u}) {
      Sender::Options options;
      options.verify_leases_one_in = one_in;
      Start(true, true, options);
      if (by_device) sender_->SetDeviceInserts(true, true);
      std::vector<ByteVector> data(8, Pattern(100, 1));
      for (const ByteVector& each : data) {
        ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, each, 1));
      }
      TxSlice slices[64];
      size_t bytes = 0;
      const size_t count = sender_->PollTransmit(slices, stamper_);
      for (size_t i = 0; i < count; ++i) bytes += slices[i].size;
      sender_->OnSent(bytes);
      for (size_t i = 0; i < 8; i += 4) {
        data[i + 2][7] ^= std::byte{4};
        data[i + 3][7] ^= std::byte{4};
      }
      sender_->OnTransportDone(bytes);
      EXPECT_EQ(sender_->counters().lease_violations, one_in == 0 ? 0u : 4u / one_in);
    }
  }
}

TEST_F(SenderTest, PdusThatTheDeviceSegmentsAreNumberedAsOnTheWire) {
  const ByteVector data = Pattern(5000, 1);
  Start(true, true);
  sender_->SetMaxDataSegmentLength(512);
  sender_->SetDeviceSegments(4096);
  Transfer transfer;
  transfer.header = Header(0x25, 0x81);
  transfer.source = data;
  transfer.buffer_offset = 100;
  transfer.data_sn = 3;
  // Without the device's digests the sender cuts by itself.
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  EXPECT_EQ(DecodeAll(SendAll(), true, true).size(), 10u);
  sender_->SetDeviceInserts(true, true);
  ASSERT_TRUE(sender_->QueueTransfer(transfer));
  TxSlice slices[32];
  const size_t count = sender_->PollTransmit(slices, stamper_);
  std::vector<std::vector<uint32_t>> seen;  // size, DataSN, BufferOffset, flags, segment_bytes
  uint32_t data_bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    if (Has(slices[i].flags, TxFlags::kPduStart)) {
      wire::Bhs header;
      std::memcpy(header.bytes.data(), slices[i].data, 48);
      EXPECT_EQ(Has(slices[i].flags, TxFlags::kDeviceSegments), slices[i].segment_bytes > 0);
      seen.push_back({wire::Get(header, wire::kDataSegmentLength), wire::Get(header, wire::kDataSn),
                      wire::Get(header, wire::kBufferOffset),
                      std::to_integer<uint32_t>(header.bytes[1]), slices[i].segment_bytes});
    }
    if (slices[i].size > 100) data_bytes += slices[i].size;
  }
  EXPECT_EQ(data_bytes, 5000u);
  EXPECT_EQ(seen, (std::vector<std::vector<uint32_t>>{{4096, 3, 100, 0, 512},
                                                      {904, 11, 4196, 0x81, 512}}));
  // Nobody but the device can make these bytes again.
  EXPECT_FALSE(sender_->Materialize());
  EXPECT_EQ(sender_->counters().materialized, 0u);
}

TEST_F(SenderTest, CutsToWhatStaysAlignedNow) {
  const ByteVector data = Pattern(5000, 1);
  Start(true, true);
  Transfer transfer;
  transfer.header = Header(0x25, 0x81);
  transfer.source = data;
  const auto sizes = [&](uint32_t peer, uint32_t aligned) {
    sender_->SetMaxDataSegmentLength(peer);
    sender_->SetAlignedDataSegmentLength(aligned);
    const auto before = static_cast<ptrdiff_t>(stream_.size());
    EXPECT_TRUE(sender_->QueueTransfer(transfer));
    SendAll();
    return DecodeAll(ByteVector(stream_.begin() + before, stream_.end()), true, true)[0]
        .data.size();
  };
  EXPECT_EQ(sizes(8192, 0), 5000u);
  EXPECT_EQ(sizes(8192, 1404), 1404u);
  EXPECT_EQ(sizes(1000, 1404), 1000u);
  EXPECT_EQ(sizes(8192, 940), 940u);
  EXPECT_EQ(sizes(8192, 0), 5000u);
}

TEST_F(SenderTest, MarksWherePdusBeginAndEnd) {
  Start(true, true);
  const ByteVector data = Pattern(30, 1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 1));
  }
  const size_t size = 48 + 4 + 32 + 4;
  for (size_t sent = 0; sent < 3 * size; ++sent) {
    TxSlice slices[32];
    const size_t count = sender_->PollTransmit(slices, stamper_);
    uint64_t at = sent;
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(Has(slices[i].flags, TxFlags::kPduStart), at % size == 0);
      EXPECT_EQ(slices[i].pdu.value, at / size);
      at += slices[i].size;
      EXPECT_EQ(Has(slices[i].flags, TxFlags::kPduEnd), at % size == 0);
    }
    EXPECT_EQ(at, 3 * size);
    sender_->OnSent(1);
  }
}

TEST_F(SenderTest, MovesAndWithTooSmallAnArenaRefuses) {
  Start(false, false);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, {}, 1));
  Sender moved = std::move(*sender_);
  EXPECT_TRUE(moved.has_unsent());
  *sender_ = std::move(moved);
  EXPECT_TRUE(sender_->has_unsent());
  // Whichever part of it has no room.
  Sender::Options options = options_;
  options.max_entries = options.max_pdus_in_flight = 1;
  options.staging_bytes = 64;
  const size_t needed = Sender::MemoryNeeded(options);
  ByteVector memory(needed);
  size_t refused = 0;
  bool enough = false;
  for (size_t bytes = 0; bytes < needed; bytes += 8) {
    Arena arena{std::span(memory).first(bytes)};
    Sender small(options, arena);
    EXPECT_TRUE(small.ok() || !enough) << bytes;
    enough = small.ok();
    refused += small.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, needed / 16);  // what alignment may need is counted, and may not be needed
  Arena arena(memory);
  EXPECT_TRUE(Sender(options, arena).ok());
}

// A sender without memory, or one that was moved from, does nothing and says so.
TEST_F(SenderTest, WhatIsNotOkDoesNothing) {
  Start(false, false);
  Arena none({});
  Sender dead(options_, none);
  ASSERT_FALSE(dead.ok());
  dead.SetDigests(true, true);
  dead.SetMaxDataSegmentLength(512);
  dead.SetDeviceInserts(true, true);
  dead.SetAcceleratorFills(true, true);
  dead.SetDeviceSegments(4096);
  dead.SetAlignedDataSegmentLength(512);
  dead.SetLeaseVerification(1);
  dead.SetTracer({});
  EXPECT_FALSE(dead.QueuePdu(TxClass::kNormal, Header(0x01), {}, {}, 1));
  EXPECT_FALSE(dead.QueueTransfer(DataIn({})));
  TxSlice slices[4];
  EXPECT_EQ(dead.PollTransmit(slices, stamper_), 0u);
  dead.OnSent(1);
  dead.OnTransportDone(1);
  dead.Cancel(1);
  dead.Reset();
  TxDone done;
  EXPECT_FALSE(dead.NextDone(&done));
  EXPECT_TRUE(dead.Materialize(nullptr));
  EXPECT_TRUE(dead.idle());
  EXPECT_FALSE(dead.has_unsent());
  EXPECT_EQ(dead.stream_offset(), 0u);
  EXPECT_EQ(dead.counters().bytes, 0u);
}

// Digests of a device that inserts one kind only, or fills them in place.
TEST_F(SenderTest, EitherPlaceholderMaterializesAlone) {
  const ByteVector data = Pattern(1001, 1);
  Start(true, true);
  ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 1));
  const ByteVector expected = SendAll();
  for (bool fills : {false, true}) {
    for (bool header : {false, true}) {
      Start(true, true);
      sender_->SetLeaseVerification(1);
      if (fills) {
        sender_->SetAcceleratorFills(header, !header);
      } else {
        sender_->SetDeviceInserts(header, !header);
      }
      ASSERT_TRUE(sender_->QueuePdu(TxClass::kNormal, Header(0x01), {}, data, 1));
      TxSlice slices[16];
      const size_t count = sender_->PollTransmit(slices, stamper_);
      size_t placeholders = 0;
      for (size_t i = 0; i < count; ++i) {
        placeholders +=
            Has(slices[i].flags, fills ? TxFlags::kFillDigest : TxFlags::kDeviceInserts);
      }
      EXPECT_EQ(placeholders, 1u);
      EXPECT_TRUE(sender_->Materialize());
      EXPECT_EQ(sender_->counters().materialized, 1u);
      EXPECT_TRUE(sender_->Materialize());  // nothing is left to do
      EXPECT_EQ(sender_->counters().materialized, 1u);
      EXPECT_EQ(ToHex(SendAll()), ToHex(expected));
    }
  }
}

}  // namespace
}  // namespace isthmus
