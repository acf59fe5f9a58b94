// Hostile targets: each error row that the session reaches, and a close at every byte.

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/session.h"
#include "initiator/session_fixture.h"

namespace isthmus::initiator {
namespace {

using testing::Harness;
using testing::kDigestKeys;
using testing::kInPlace;
using testing::kPlainKeys;
using testing::kWhole;
using testing::Pattern;
using testing::Pdu;
using testing::SessionTest;
using testing::Told;
using testing::With;

// Hostile targets: one row of the error table each.

struct Hostile {
  const char* name;
  Pdu (*pdu)(Harness&, const Pdu& read, const Pdu& write);
  ErrorCode code;
};

const Hostile kHostile[] = {
    {"UnknownOpcode", [](Harness&, const Pdu&, const Pdu&) { return Pdu(0x3c); },
     ErrorCode::kOpcodeUnknown},
    {"OwnOpcode", [](Harness&, const Pdu&, const Pdu&) { return Pdu(0x01); },
     ErrorCode::kOpcodeWrongDirection},
    {"LoginResponse", [](Harness&, const Pdu&, const Pdu&) { return Pdu(0x23); },
     ErrorCode::kLoginInFullFeature},
    {"Ahs",
     [](Harness& h, const Pdu& read, const Pdu&) {
       Pdu pdu = h.Response(read.itt());
       pdu.header[4] = 2;
       pdu.ahs = {0, 5, 2, 0, 0, 0, 0, 0};
       return pdu;
     },
     ErrorCode::kAhsNotAllowed},
    {"SegmentTooLong",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.DataIn(read.itt(), 0, 0, {}, 0x80).U8(5, 0x04).U16(6, 1);
     },
     ErrorCode::kDataSegmentTooLong},
    {"DataOnR2t",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.R2t(write.itt(), 1, 0, 8192, 100).Data({1, 2, 3, 4});
     },
     ErrorCode::kDataSegmentNotAllowed},
    {"SenseMissing",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.Response(read.itt(), 2); },
     ErrorCode::kSenseMissing},
    {"BothResiduals",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.Response(read.itt(), 0, 0x86); },
     ErrorCode::kResidualBothBits},
    {"ReservedResponse",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.Response(read.itt()).U8(2, 2); },
     ErrorCode::kResponseCodeReserved},
    {"ResponseForNobody", [](Harness& h, const Pdu&, const Pdu&) { return h.Response(0x00ffffff); },
     ErrorCode::kTaskTagUnknown},
    {"ResponseOfAnotherType",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.TmfResponse(read.itt(), 0); },
     ErrorCode::kTaskTagWrongType},
    {"StatusWithoutFinal",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.DataIn(read.itt(), 0, 0, {}, 0x01); },
     ErrorCode::kStatusWithoutFinal},
    {"CheckConditionInDataIn",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.DataIn(read.itt(), 0, 0, {}, 0x81).U8(3, 2);
     },
     ErrorCode::kStatusNeedsResponse},
    {"DataInBeyond",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.DataIn(read.itt(), 0, 1000, Pattern(25), 0x80);
     },
     ErrorCode::kDataInTooLong},
    {"DataInWraps",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.DataIn(read.itt(), 0, 0xfffffff0, Pattern(32), 0x80);
     },
     ErrorCode::kDataInTooLong},
    {"DataInForAWrite",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.DataIn(write.itt(), 0, 0, Pattern(4), 0x80);
     },
     ErrorCode::kDataInWithoutRead},
    {"R2tForARead",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.R2t(read.itt(), 1, 0, 0, 100); },
     ErrorCode::kR2tWithoutWrite},
    {"R2tOfNothing",
     [](Harness& h, const Pdu&, const Pdu& write) { return h.R2t(write.itt(), 1, 0, 8192, 0); },
     ErrorCode::kR2tLengthZero},
    {"R2tAboveMaxBurst",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.R2t(write.itt(), 1, 0, 8192, 262145);
     },
     ErrorCode::kR2tLengthTooLong},
    {"R2tBeyond",
     [](Harness& h, const Pdu&, const Pdu& write) { return h.R2t(write.itt(), 1, 0, 8192, 20000); },
     ErrorCode::kR2tOutsideCommand},
    {"R2tWraps",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.R2t(write.itt(), 1, 0, 0xffffff00, 0x200);
     },
     ErrorCode::kR2tOutsideCommand},
    {"R2tReservedTag",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.R2t(write.itt(), 0xffffffff, 0, 8192, 100);
     },
     ErrorCode::kR2tTransferTagReserved},
    {"R2tOutOfOrder",
     [](Harness& h, const Pdu&, const Pdu& write) { return h.R2t(write.itt(), 1, 0, 9000, 100); },
     ErrorCode::kR2tOrder},
    {"AcknowledgeWithoutTag",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.DataIn(read.itt(), 0, 0, Pattern(4), 0xc0);
     },
     ErrorCode::kAcknowledgeWithoutTag},
    {"NopInLunInvalid",
     [](Harness& h, const Pdu&, const Pdu&) {
       return h.NopIn(0xffffffff, 1).U32(8, 0xffffffff).U32(12, 0xffffffff);
     },
     ErrorCode::kNopInLunInvalid},
    {"NopInBothTags",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.NopIn(read.itt(), 1); },
     ErrorCode::kNopInBothTags},
    {"NopInWithData",
     [](Harness& h, const Pdu&, const Pdu&) {
       return h.NopIn(0xffffffff, 1).Data({1, 2, 3, 4});
     },
     ErrorCode::kNopInUnexpectedData},
    {"FinalBitMissing",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.Response(read.itt(), 0, 0); },
     ErrorCode::kFinalBitMissing},
    {"FinalBitMissingInR2t",
     [](Harness& h, const Pdu&, const Pdu& write) {
       return h.R2t(write.itt(), 1, 0, 8192, 100).U8(1, 0);
     },
     ErrorCode::kFinalBitMissing},
    {"FinalBitMissingInNopIn",
     [](Harness& h, const Pdu&, const Pdu&) { return h.NopIn(0xffffffff, 1).U8(1, 0); },
     ErrorCode::kFinalBitMissing},
    {"NopInAnswersNoPing",
     [](Harness& h, const Pdu&, const Pdu&) { return h.NopIn(0x00ffffff, 0xffffffff); },
     ErrorCode::kTaskTagUnknown},
    {"RejectTruncated",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.Reject(4, read).Data(std::vector<uint8_t>(47));
     },
     ErrorCode::kRejectHeaderTruncated},
    {"RejectDeprecated",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.Reject(0x0b, read); },
     ErrorCode::kRejectReasonDeprecated},
    {"AsyncWithoutSense", [](Harness& h, const Pdu&, const Pdu&) { return h.Async(0); },
     ErrorCode::kAsyncSenseMissing},
    {"AsyncTag", [](Harness& h, const Pdu&, const Pdu&) { return h.Async(1).U32(16, 0); },
     ErrorCode::kTaskTagNotReserved},
    {"AsyncTermination", [](Harness& h, const Pdu&, const Pdu&) { return h.Async(5); },
     ErrorCode::kAsyncTaskTermination},
    {"StatSnTooFar",
     [](Harness& h, const Pdu& read, const Pdu&) {
       return h.Response(read.itt()).U32(24, h.stat_sn + 0x20000);
     },
     ErrorCode::kStatSnTooFar},
    {"ExpCmdSnUnsent",
     [](Harness& h, const Pdu&, const Pdu&) {
       return h.NopIn(0xffffffff, 1).U32(28, 103).U32(32, 140);
     },
     ErrorCode::kExpCmdSnUnsent},
};

TEST_F(SessionTest, HostilePdusEndTheConnection) {
  for (const Hostile& hostile : kHostile) {
    for (const std::string& keys : {kPlainKeys, kDigestKeys}) {
      for (size_t chunk : {kWhole, size_t{1}, kInPlace}) {
        SCOPED_TRACE(hostile.name);
        h = Harness();
        Start(keys, chunk);
        std::vector<uint8_t> buffer(1024);
        const std::vector<uint8_t> source = Pattern(20000);
        Read(buffer, 1);
        Write(source, 2);
        const std::vector<Pdu> sent = h.Sent();
        ASSERT_EQ(sent.size(), 2u);
        Pdu pdu = hostile.pdu(h, sent[0], sent[1]);
        if (pdu.opcode() == 0x31 && pdu.u32(40) == 8192) {  // the R2T's offset
          pdu.U32(40, static_cast<uint32_t>(sent[1].data.size()));
        }
        h.Send(pdu);
        const std::vector<Told> told = h.Events();
        ASSERT_FALSE(told.empty());
        EXPECT_EQ(told.back().kind, EventKind::kDisconnect);
        EXPECT_EQ(told.back().error.code, hostile.code) << Name(told.back().error.code);
        h.SendBytes(std::vector<uint8_t>(96, 0xff));  // nothing more is parsed
        h.Close();
        std::vector<uint64_t> cookies;
        for (const Told& after : h.Events()) {
          if (after.kind == EventKind::kCompleted) cookies.push_back(after.cookie);
        }
        EXPECT_EQ(cookies, (std::vector<uint64_t>{1, 2}));
      }
    }
  }
}

// Each alone is harmless; so many are not. What the bucket holds is let pass, and what time refills.

TEST_F(SessionTest, PingRate) {
  h.session_options.limits.ping_rate = {.burst = 20, .per_second = 10};
  Start();
  // One that asks for nothing shows a window, and may come with each answer.
  for (int i = 0; i < 100; ++i) h.Send(h.NopIn(0xffffffff, 0xffffffff));
  for (int i = 0; i < 20; ++i) h.Send(h.NopIn(0xffffffff, 1));
  h.now = h.now + Milliseconds(500);
  for (int i = 0; i < 5; ++i) h.Send(h.NopIn(0xffffffff, 1));
  EXPECT_EQ(h.Sent().size(), 25u);
  EXPECT_TRUE(h.Events().empty());
  h.Send(h.NopIn(0xffffffff, 1));
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kPingRate);
  EXPECT_TRUE(h.Sent().empty());
}

TEST_F(SessionTest, UnaskedRate) {
  Pdu (*const floods[])(Harness&) = {
      [](Harness& harness) { return harness.Async(255); },
      [](Harness& harness) { return harness.Reject(4, Pdu(0x05).U32(16, 77)); },
      [](Harness& harness) { return harness.Async(255).U32(24, harness.stat_sn-- - 2); },
  };
  for (const auto flood : floods) {
    h = Harness();
    h.session_options.limits.unasked_rate = {.burst = 20, .per_second = 10};
    Start();
    const auto over = [&] {
      const std::vector<Told> told = h.Events();
      return !told.empty() && told.back().kind == EventKind::kDisconnect
                 ? told.back().error.code
                 : ErrorCode::kOk;
    };
    for (int i = 0; i < 20; ++i) {
      h.Send(flood(h));
      ASSERT_EQ(over(), ErrorCode::kOk) << i;
    }
    h.now = h.now + Milliseconds(100);
    h.Send(flood(h));
    EXPECT_EQ(over(), ErrorCode::kOk);
    h.Send(flood(h));
    EXPECT_EQ(over(), ErrorCode::kUnaskedRate);
  }
}

// Rows that fail one task only, or are dropped in silence.

TEST_F(SessionTest, GapsFailTheTaskOnly) {
  Start();
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu read = h.OneSent();
  h.Send(h.DataIn(read.itt(), 1, 0, Pattern(512), 0x00));
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.opcode(), 0x02);
  h.Send(h.TmfResponse(abort.itt(), 0));
  Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kDataError);
  EXPECT_EQ(done.error.code, ErrorCode::kDataSnGap);
  const std::vector<uint8_t> source = Pattern(20000);
  Write(source, 2);
  const Pdu write = h.OneSent();
  h.Send(h.R2t(write.itt(), 1, 3, 8192, 100));
  h.Send(h.TmfResponse(h.OneSent().itt(), 0));
  EXPECT_EQ(h.Only(EventKind::kCompleted).error.code, ErrorCode::kR2tSnGap);
  Read(buffer, 3);
  const Pdu third = h.OneSent();
  h.Send(h.DataIn(third.itt(), 0, 0, Pattern(512), 0x80));
  h.Send(h.Response(third.itt()).U32(36, 2));  // ExpDataSN: two were sent
  EXPECT_EQ(h.Only(EventKind::kCompleted).error.code, ErrorCode::kExpDataSnMismatch);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(SessionTest, DuplicatesChangeNothing) {
  Start();
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu read = h.OneSent();
  const std::vector<uint8_t> pattern = Pattern(1024);
  const Pdu data = h.DataIn(read.itt(), 0, 0, {pattern.begin(), pattern.begin() + 512}, 0x00);
  h.Send(data);
  Pdu duplicate = data;  // its bytes must not overwrite what was verified
  std::fill(duplicate.data.begin(), duplicate.data.end(), uint8_t{0xee});
  h.Send(duplicate);  // DataSnDuplicate
  h.Send(h.DataIn(read.itt(), 1, 512, {pattern.begin() + 512, pattern.end()}, 0x80));
  const Pdu response = h.Response(read.itt());
  h.Send(response);
  h.Send(response);  // StatSnDuplicate
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.data_in_bytes, 1024u);
  EXPECT_EQ(buffer, pattern);
  EXPECT_EQ(h.session->counters().discarded_pdus, 2u);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(SessionTest, ALostStatusLogsOut) {
  Start();
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu read = h.OneSent();
  h.Send(h.Response(read.itt()).U32(24, h.stat_sn));
  EXPECT_EQ(h.OneSent().opcode(), 0x06);
  h.Advance(5'000);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kStatSnGap);
}

TEST_F(SessionTest, TooManyR2tsEndTheSession) {
  Start();
  const std::vector<uint8_t> source = Pattern(100000);
  Write(source, 1);
  const Pdu write = h.OneSent();
  std::vector<uint8_t> bytes = h.R2t(write.itt(), 1, 0, 8192, 8192).Bytes();
  const std::vector<uint8_t> second = h.R2t(write.itt(), 2, 1, 16384, 8192).Bytes();
  bytes.insert(bytes.end(), second.begin(), second.end());
  h.SendBytes(bytes);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kR2tTooMany);
}

TEST_F(SessionTest, SequencesAboveMaxBurstLengthAreTakenAndCounted) {
  // DataInSequenceTooLong: tgt sends a command's data as one sequence, however long. Counted once each.
  Start(With(kPlainKeys, "MaxBurstLength", "512"));
  std::vector<uint8_t> buffer(1800);
  Read(buffer, 1);
  const Pdu read = h.OneSent();
  const std::vector<uint8_t> data = Pattern(1800);
  const auto part = [&](uint32_t data_sn, uint32_t offset, uint32_t length, uint8_t flags) {
    const auto begin = data.begin() + offset;
    h.Send(h.DataIn(read.itt(), data_sn, offset, {begin, begin + length}, flags));
  };
  part(0, 0, 512, 0x80);  // as long as may be
  EXPECT_EQ(h.session->counters().data_in_sequences_too_long, 0u);
  part(1, 512, 300, 0x00);
  part(2, 812, 213, 0x00);
  EXPECT_EQ(h.session->counters().data_in_sequences_too_long, 1u);
  part(3, 1025, 175, 0x80);
  EXPECT_EQ(h.session->counters().data_in_sequences_too_long, 1u);
  part(4, 1200, 600, 0x81);
  EXPECT_EQ(h.session->counters().data_in_sequences_too_long, 2u);
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
  EXPECT_EQ(buffer, data);
}

TEST_F(SessionTest, ClosesAtEveryByteOfAScenario) {
  for (size_t cut = 0;; ++cut) {
    h = Harness();
    Start(kDigestKeys);
    std::vector<uint8_t> buffer(600);
    Read(buffer, 1);
    const std::vector<uint8_t> source = Pattern(9000);
    Write(source, 2);
    const std::vector<Pdu> sent = h.Sent();
    std::vector<uint8_t> stream;
    for (const Pdu& pdu :
         {h.R2t(sent[1].itt(), 1, 0, 8190, 810), h.DataIn(sent[0].itt(), 0, 0, Pattern(600), 0x81),
          h.Response(sent[1].itt(), 2).Data({0, 3, 0x70, 0, 5})}) {
      const std::vector<uint8_t> bytes = pdu.Bytes(h.digests);
      stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    if (cut > stream.size()) break;
    stream.resize(cut);
    h.SendBytes(stream);
    h.Close();
    size_t completions = 0, lost = 0;
    for (const Told& told : h.Events()) {
      completions += told.kind == EventKind::kCompleted;
      lost += told.kind == EventKind::kConnectionLost;
    }
    EXPECT_EQ(completions, 2u) << cut;
    EXPECT_EQ(lost, 1u) << cut;
  }
}

}  // namespace
}  // namespace isthmus::initiator
