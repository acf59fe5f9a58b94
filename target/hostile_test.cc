// One hostile PDU, or a few, for rows of the error table that the target's full feature phase
// reaches: what it answers, and that it goes on or ends as section 7 of RFC 7143 demands. Rows that
// take more than PDUs are in hostile_session_test.cc.
#include <gtest/gtest.h>

#include "target/test_peer.h"

namespace isthmus::target {
namespace {

constexpr uint32_t kNoTag = 0xffffffff;

struct Case {
  const char* name;
  std::vector<Pdu> pdus;
  // Exactly one of: the Reject's reason; the end's error; ASC and ASCQ of an aborted command; a
  // function's response.
  uint8_t reject = 0;
  ErrorCode end = ErrorCode::kOk;
  uint16_t sense = 0;
  int response = -1;
};

Pdu Header(uint8_t opcode, uint8_t flags = 0x80) {
  Pdu p;
  p.P8(0, opcode).P8(1, flags).P32(16, 0x55).P32(20, kNoTag).P32(24, 100);
  return p;
}
Pdu Write(uint32_t length, std::string data, uint8_t flags = 0xa0) {
  return Command({.flags = flags, .length = length}, std::move(data));
}
const std::string kBidi("\x00\x05\x02\x00\x00\x00\x00\x08", 8);

std::vector<Case> Cases() {
  std::vector<Case> c;
  // Opcodes.
  for (uint8_t opcode : {0x07, 0x0f, 0x11, 0x1c, 0x1e})
    c.push_back({"OpcodeUnknown", {Header(opcode)}, 0x05});
  for (uint8_t opcode : {0x20, 0x21, 0x23, 0x31, 0x3f})
    c.push_back({"OpcodeWrongDirection", {Header(opcode)}, 0x05});
  c.push_back({"LoginInFullFeature", {LoginRequest({}, "")}, 0x04});
  c.push_back({"SnackNotSupported", {Header(0x10)}, 0x05});
  // Layout.
  c.push_back({.name = "AhsNotAllowed",
               .pdus = {Header(0x40).Ahs(kBidi)},
               .end = ErrorCode::kAhsNotAllowed});
  c.push_back(
      {.name = "AhsTruncated",
       .pdus = {Command({.flags = 0xc0, .length = 8}).Ahs(std::string("\x00\x40\x01\x00", 4))},
       .end = ErrorCode::kAhsTruncated});
  c.push_back({.name = "AhsEmpty",
               .pdus = {Command({}).Ahs(std::string("\x00\x00\x01\x00", 4))},
               .end = ErrorCode::kAhsEmpty});
  c.push_back({"AhsTypeReserved", {Command({}).Ahs(std::string("\x00\x01\x09\x00", 4))}, 0x04});
  c.push_back({.name = "AhsDuplicate",
               .pdus = {Command({.flags = 0xe0, .length = 8}).Ahs(kBidi + kBidi)},
               .end = ErrorCode::kAhsDuplicate});
  c.push_back({.name = "AhsBidirectionalLength",
               .pdus = {Command({.flags = 0xe0, .length = 8})
                            .Ahs(std::string("\x00\x04\x02\x00\x00\x00\x00\x08", 8))},
               .end = ErrorCode::kAhsBidirectionalLength});
  c.push_back({.name = "AhsBidirectionalMissing",
               .pdus = {Command({.flags = 0xe0, .length = 8})},
               .end = ErrorCode::kAhsBidirectionalMissing});
  c.push_back({.name = "AhsBidirectionalUnexpected",
               .pdus = {Command({.flags = 0xc0, .length = 8}).Ahs(kBidi)},
               .end = ErrorCode::kAhsBidirectionalUnexpected});
  c.push_back({.name = "DataSegmentNotAllowed",
               .pdus = {Header(0x42).Data("x")},
               .end = ErrorCode::kDataSegmentNotAllowed});
  c.push_back({.name = "DataSegmentTooLong",
               .pdus = {Header(0x40).P24(5, 262145)},
               .end = ErrorCode::kDataSegmentTooLong});
  c.push_back({.name = "DataSegmentTooLong, all bits",
               .pdus = {Header(0x01).P24(5, 0xffffff)},
               .end = ErrorCode::kDataSegmentTooLong});
  for (uint8_t opcode : {0x40, 0x42, 0x46}) {
    c.push_back({.name = "FinalBitMissing",
                 .pdus = {Header(opcode, 0)},
                 .end = ErrorCode::kFinalBitMissing});
  }
  // SCSI Command.
  c.push_back({.name = "FinalAndWriteClear",
               .pdus = {Command({.flags = 0x40})},
               .end = ErrorCode::kFinalAndWriteClear});
  c.push_back({.name = "DirectionMissing",
               .pdus = {Command({.length = 8})},
               .end = ErrorCode::kDirectionMissing});
  c.push_back({"TaskAttributeReserved", {Command({.flags = 0x85})}, 0x04});
  c.push_back({.name = "ImmediateDataWithoutWrite",
               .pdus = {Command({.flags = 0xc0, .length = 8}, "12345678")},
               .end = ErrorCode::kImmediateDataWithoutWrite});
  c.push_back({.name = "FinalClearDataComplete",
               .pdus = {Write(8, "12345678", 0x20)},
               .end = ErrorCode::kFinalClearDataComplete});
  c.push_back({"TaskTagReserved", {Command({.itt = kNoTag})}, 0x09});
  c.push_back({.name = "ImmediateDataTooLong", .pdus = {Write(4, "12345678")}, .sense = 0x0c0d});
  c.push_back({.name = "FirstBurstTooLong", .pdus = {Write(4096, Pattern(600))}, .sense = 0x0c0d});
  c.push_back({.name = "AhsExtendedCdbLength",
               .pdus = {Command({}).Ahs(std::string("\x00\x01\x01\x00", 4))},
               .end = ErrorCode::kAhsExtendedCdbLength});
  // Data-Out.
  c.push_back({"TaskTagUnknown", {DataOut({.itt = 77}, "1234")}, 0x09});
  c.push_back({"TransferTagUnknown", {DataOut({.itt = 1, .ttt = 0xdeadbeef}, "1234")}, 0x09});
  c.push_back({.name = "UnsolicitedAmount",
               .pdus = {Write(4096, Pattern(100), 0x20), DataOut({.offset = 100}, Pattern(8))},
               .sense = 0x0c0d});
  c.push_back({.name = "FirstBurstTooLong by Data-Out",
               .pdus = {Write(4096, Pattern(500), 0x20), DataOut({.offset = 500}, Pattern(100))},
               .sense = 0x0c0d});
  c.push_back(
      {.name = "DataSnGap",
       .pdus = {Write(512, Pattern(4), 0x20), DataOut({.data_sn = 3, .offset = 4}, Pattern(8))},
       .sense = 0x4705});
  c.push_back({.name = "DataSnGap, all bits",
               .pdus = {Write(512, Pattern(4), 0x20),
                        DataOut({.data_sn = 0x7fffffff, .offset = 4}, Pattern(8))},
               .sense = 0x4705});
  c.push_back({"DataOutOrder",
               {Write(512, Pattern(4), 0x20), DataOut({.offset = 64, .final = false}, Pattern(8))},
               0x09});
  c.push_back({"DataOutTooLong",
               {Write(512, Pattern(4), 0x20), DataOut({.offset = 508, .final = false}, Pattern(8))},
               0x09});
  c.push_back(
      {"DataOutTooLong, wrapping",
       {Write(512, Pattern(4), 0x20), DataOut({.offset = 0xfffffffc, .final = false}, Pattern(8))},
       0x09});
  // Tags and numbers.
  c.push_back({"ExpStatSnUnsent", {Ping(1, kNoTag, 100, "").P32(28, 1000)}, 0x04});
  c.push_back({"NopOutNotImmediate", {Ping(kNoTag, kNoTag, 100, "", false)}, 0x04});
  c.push_back({"NopOutTransferTag", {Ping(kNoTag, 5, 100, "")}, 0x09});
  c.push_back({"ReferencedTagNotReserved", {Function({.function = 5, .ref_itt = 3})}, 0x09});
  // Functions.
  c.push_back({.name = "FunctionUnknown", .pdus = {Function({.function = 99})}, .response = 5});
  c.push_back({.name = "ReferencedTaskUnknown",
               .pdus = {Function({.ref_itt = 5, .ref_cmd_sn = 300})},
               .response = 1});
  c.push_back({.name = "ReassignNotSupported",
               .pdus = {Function({.function = 8, .ref_itt = 5})},
               .response = 4});
  c.push_back({.name = "ReassignNotImmediate",
               .pdus = {Function({.function = 8, .ref_itt = 5, .immediate = false})},
               .response = 255});
  // Logout.
  c.push_back({"LogoutReasonReserved", {Logout(3, 7, 100)}, 0x04});
  // Text.
  c.push_back({"TextContinueWithFinal", {TextRequest(0xc0, 1, kNoTag, 100, "a=b")}, 0x04});
  c.push_back({"TextTransferTagUnknown", {TextRequest(0x80, 1, 44, 100, "")}, 0x09});
  c.push_back({"TextKeyLeadingOnly",
               {TextRequest(0x80, 1, kNoTag, 100, Text({"MaxBurstLength=512"}))},
               0x04});
  c.push_back({"TextEqualsMissing", {TextRequest(0x80, 1, kNoTag, 100, Text({"novalue"}))}, 0x04});
  c.push_back({"TextUnterminated", {TextRequest(0x80, 1, kNoTag, 100, "X-a=b")}, 0x04});
  c.push_back({"TextTooLong", {TextRequest(0x80, 1, kNoTag, 100, std::string(8193, 'x'))}, 0x0a});
  c.push_back({"TextSendTargetsForm",
               {TextRequest(0x80, 1, kNoTag, 100, Text({"SendTargets=All"}))},
               0x04});
  return c;
}

std::unique_ptr<TestTarget> LoggedIn(size_t chunk) {
  auto t = std::make_unique<TestTarget>();
  t->lookup.offer.InitialR2T = false;
  t->Login({"InitialR2T=No", "ImmediateData=Yes", "FirstBurstLength=512"});
  t->chunk = chunk;
  return t;
}

void Expect(const Case& c, size_t chunk) {
  SCOPED_TRACE(c.name);
  auto t = LoggedIn(chunk);
  for (const Pdu& pdu : c.pdus) t->Send(pdu);
  if (c.end != ErrorCode::kOk) {
    ASSERT_TRUE(t->disconnect.has_value());
    EXPECT_STREQ(Name(t->disconnect->error.code), Name(c.end));
    EXPECT_FALSE(t->HasOutput());
    t->Close();
    EXPECT_TRUE(t->ended);
    return;
  }
  EXPECT_FALSE(t->disconnect.has_value());
  ASSERT_TRUE(t->HasOutput());
  const Pdu p = t->Take();
  if (c.reject != 0) {
    EXPECT_EQ(p.U8(0), 0x3f);
    EXPECT_EQ(p.U8(2), c.reject);
    EXPECT_EQ(p.data, c.pdus.back().header + c.pdus.back().ahs);
  } else if (c.sense != 0) {
    EXPECT_EQ(p.U8(0), 0x21);
    EXPECT_EQ(p.U8(3), 0x02);
    ASSERT_EQ(p.data.size(), 20u);
    EXPECT_EQ(static_cast<uint8_t>(p.data[4]), 0x0b);
    EXPECT_EQ(static_cast<uint8_t>(p.data[14]) << 8 | static_cast<uint8_t>(p.data[15]), c.sense);
  } else {
    EXPECT_EQ(p.U8(0), 0x22);
    EXPECT_EQ(p.U8(2), c.response);
  }
  // The connection lives: a ping is answered.
  t->Send(Ping(0x66, kNoTag, 100, "alive"));
  while (t->HasOutput()) {
    const Pdu q = t->Take();
    if (q.U8(0) == 0x20 && q.U32(16) == 0x66) {
      t->Close();
      EXPECT_TRUE(t->ended);
      return;
    }
  }
  ADD_FAILURE() << "no answer to a ping";
}

TEST(Hostile, EachRow) {
  for (const Case& c : Cases()) Expect(c, SIZE_MAX);
}

TEST(Hostile, EachRowByteByByte) {
  for (const Case& c : Cases()) Expect(c, 1);
}

TEST(Hostile, UnsolicitedDataUnexpected) {
  TestTarget t;
  t.Login({"ImmediateData=Yes"});
  t.Send(Write(4096, Pattern(8), 0x20));
  EXPECT_FALSE(t.HasOutput()) << "the response waits for the F bit (section 11.4.2)";
  t.Send(DataOut({.offset = 8}, Pattern(16)));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(static_cast<uint8_t>(p.data[14]), 0x0c);
  EXPECT_EQ(static_cast<uint8_t>(p.data[15]), 0x0c);
}

TEST(Hostile, ImmediateDataUnexpected) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.Send(Write(8, Pattern(8)));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(3), 0x02);
  EXPECT_EQ(static_cast<uint8_t>(p.data[15]), 0x0c);
}

TEST(Hostile, R2TAnsweredWrongly) {
  struct Answer {
    const char* name;
    DataOutFields fields;
    size_t size;
    uint8_t reject;
    uint16_t sense;
  };
  for (const Answer& a : {Answer{"BurstAmount", {.final = true}, 32, 0, 0x0c0d},
                          Answer{"DataOutTooLong", {.offset = 32}, 64, 0x09, 0x0c0d},
                          Answer{"LunMismatch", {.lun = 4}, 64, 0x09, 0},
                          Answer{"TaskTagUnknown", {.itt = 6}, 64, 0x09, 0}}) {
    SCOPED_TRACE(a.name);
    TestTarget t;
    t.Login({"ImmediateData=No"});
    t.Send(Command({.flags = 0xa0, .length = 64}));
    const Pdu r2t = t.Take();
    DataOutFields fields = a.fields;
    fields.ttt = r2t.U32(20);
    t.Send(DataOut(fields, Pattern(a.size)));
    if (a.reject != 0) {
      EXPECT_EQ(t.Take().U8(2), a.reject);
    }
    if (a.sense != 0) {
      const Pdu p = t.Take();
      EXPECT_EQ(p.U8(3), 0x02);
      EXPECT_EQ(static_cast<uint8_t>(p.data[14]) << 8 | static_cast<uint8_t>(p.data[15]), a.sense);
    }
    EXPECT_FALSE(t.disconnect.has_value());
  }
}

TEST(Hostile, FloodOfImmediateCommands) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  const uint32_t limit = t.session_options.limits.immediate_commands;
  for (uint32_t i = 0; i < limit; ++i) t.Send(Command({.itt = i, .immediate = true}));
  EXPECT_FALSE(t.HasOutput());
  t.Send(Command({.itt = 50, .immediate = true}));
  EXPECT_EQ(t.Take().U8(2), 0x06);    // TooManyImmediateCommands
  t.Send(Function({.function = 5}));  // one function always fits
  EXPECT_EQ(t.Take().U8(0), 0x22);
}

TEST(Hostile, PingsThatAreNeverRead) {
  TestTarget t;
  t.Login();
  t.transmit = false;
  for (int i = 0; i < 500; ++i) t.Send(Ping(i, kNoTag, 100, Pattern(64)));
  EXPECT_GT(t.session->UnconsumedRx(t.id), 0u) << "back-pressure";
  t.transmit = true;
  t.Run();
  for (uint32_t i = 0; i < 500; ++i) {
    const Pdu p = t.Take();
    ASSERT_EQ(p.U32(16), i);
    ASSERT_EQ(p.data, Pattern(64));
  }
}

// Each alone is harmless; so many are not. What the bucket holds is let pass, and what time refills.
TEST(Hostile, RejectRate) {
  for (const Pdu& bad : {Header(0x1c), Header(0x10), DataOut({.itt = 77}, "1234"),
                         Command({.itt = 5, .cmd_sn = 9000})}) {
    TestTarget t;
    t.session_options.limits.reject_rate = {.burst = 20, .per_second = 10};
    t.Login();
    for (int i = 0; i < 20; ++i) t.Send(bad);
    EXPECT_FALSE(t.disconnect.has_value());
    t.now.ns += 500'000'000;
    for (int i = 0; i < 5; ++i) t.Send(bad);
    EXPECT_FALSE(t.disconnect.has_value());
    t.Send(bad);
    ASSERT_TRUE(t.disconnect.has_value());
    EXPECT_EQ(t.disconnect->error.code, ErrorCode::kRejectRate);
    t.Close();
    EXPECT_TRUE(t.ended);
  }
}

TEST(Hostile, PingRate) {
  TestTarget t;
  t.session_options.limits.ping_rate = {.burst = 20, .per_second = 10};
  t.Login();
  // A keepalive every second, however long, is nothing.
  for (int i = 0; i < 200; ++i) {
    t.Send(Ping(1, kNoTag, 100, "alive"));
    EXPECT_EQ(t.Take().data, "alive");
    t.now.ns += 1'000'000'000;
  }
  for (int i = 0; i < 20; ++i) t.Send(Ping(1, kNoTag, 100, ""));
  EXPECT_FALSE(t.disconnect.has_value());
  t.Send(Ping(1, kNoTag, 100, ""));
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kPingRate);
}

TEST(Hostile, ImmediateRate) {
  TestTarget t;
  t.session_options.limits.immediate_rate = {.burst = 4, .per_second = 2};
  t.Login();
  for (int i = 0; i < 2; ++i) {
    t.Send(Command({.itt = 1, .immediate = true}));
    EXPECT_EQ(t.Take().U8(0), 0x21);
    t.Send(Function({.function = 5}));
    EXPECT_EQ(t.Take().U8(0), 0x22);
  }
  for (const Pdu& pdu : {Command({.itt = 1, .immediate = true}), Function({.function = 5})}) {
    t.Send(pdu);
    const Pdu p = t.Take();
    EXPECT_EQ(p.U8(0), 0x3f);
    EXPECT_EQ(p.U8(2), 0x06);
  }
  t.Send(Command({.itt = 2, .cmd_sn = 100}));  // those of the window go on
  EXPECT_EQ(t.Take().U8(0), 0x21);
  t.now.ns += 500'000'000;
  t.Send(Function({.function = 5, .cmd_sn = 101}));
  EXPECT_EQ(t.Take().U8(0), 0x22);
}

// What begins an exchange counts; what goes on with one is limited by itself.
TEST(Hostile, TextRate) {
  TestTarget t;
  t.session_options.limits.text_rate = {.burst = 8, .per_second = 1};
  t.Login();
  for (int i = 0; i < 8; ++i) {
    t.Send(TextRequest(0x40, 1, kNoTag, 100, "X-a"));
    const Pdu more = t.Take();
    EXPECT_EQ(more.U8(0), 0x24);
    t.Send(TextRequest(0x80, 1, more.U32(20), 100, std::string("=b\0", 3)));
    EXPECT_EQ(t.Take().U8(0), 0x24);
  }
  t.Send(TextRequest(0x80, 1, kNoTag, 100, ""));
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kTextRate);
}

// Data that was on its way when its task was aborted may be any amount (section 10.7).
TEST(Hostile, LateDataIsNoFloodOfRejects) {
  TestTarget t;
  t.session_options.limits.reject_rate = {.burst = 4, .per_second = 1};
  t.Login();
  t.Send(Write(4096, ""));
  const Pdu r2t = t.Take();
  ASSERT_EQ(r2t.U8(0), 0x31);
  t.Send(Function({.function = 5, .cmd_sn = 101}));
  for (uint32_t i = 0; i < 50; ++i) {
    t.Send(DataOut({.ttt = r2t.U32(20), .data_sn = i, .offset = 64 * i, .final = false}, Pattern(64)));
  }
  EXPECT_FALSE(t.disconnect.has_value());
  t.Send(Ping(7, kNoTag, 101, ""));
  EXPECT_FALSE(t.disconnect.has_value());
}

// It asks and takes nothing, in silence or while it sends on and on: its tasks are not kept for ever.
TEST(Hostile, NeverReads) {
  for (const bool silent : {true, false}) {
    TestTarget t;
    t.Login();
    t.Send(Ping(1, kNoTag, 100, ""));
    t.transmit = false;
    t.Send(Ping(2, kNoTag, 100, ""));
    std::array<TxSlice, 4> slices;
    ASSERT_GT(t.session->PollTransmit(t.id, slices, t.now), 0u);
    const Instant from = t.now;
    while (!t.disconnect.has_value() && t.now - from < Seconds(300)) {
      t.now = silent ? std::max(t.now, t.session->PollTimeout().at) : t.now + Seconds(1);
      if (!silent) t.Send(Ping(kNoTag, kNoTag, 100, ""));
      t.session->PollTransmit(t.id, slices, t.now);
      t.session->HandleTimeout(t.now);
      t.Run();
    }
    ASSERT_TRUE(t.disconnect.has_value());
    EXPECT_EQ(t.disconnect->error.code, ErrorCode::kTransmitBacklog);
    EXPECT_EQ(t.now - from, Seconds(60));
  }
}

// Slowly is not never.
TEST(Hostile, ReadsAByteNowAndThen) {
  TestTarget t;
  t.Login();
  t.transmit = false;
  t.Send(Ping(2, kNoTag, 100, Pattern(64)));
  for (int i = 0; i < 20; ++i) {
    t.now.ns += 40'000'000'000;
    std::array<TxSlice, 4> slices;
    ASSERT_GT(t.session->PollTransmit(t.id, slices, t.now), 0u);
    t.session->OnSent(t.id, 1);
    t.session->HandleTimeout(t.now);
    t.Run();
    ASSERT_FALSE(t.disconnect.has_value());
  }
}

// 400 pages of 512 bytes: more than a negotiation may take rounds.
TEST(Hostile, HugeSendTargetsAnswer) {
  TestTarget t;
  t.Login({"MaxRecvDataSegmentLength=512"});
  std::string catalogue;
  for (int i = 0; i < 4000; ++i) {
    catalogue += "TargetName=iqn.2026-11.example:disk" + std::to_string(10'000 + i);
    catalogue += '\0';
  }
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kSendTargets) return false;
    EXPECT_TRUE(t.session->AnswerText(event.request, TestTarget::AsBytesOf(catalogue)).ok());
    return true;
  };
  std::string came;
  t.Send(TextRequest(0x80, 1, kNoTag, 100, Text({"SendTargets="})));
  uint32_t pages = 0;
  for (bool last = false; !last; ++pages) {
    ASSERT_TRUE(t.HasOutput()) << pages;
    const Pdu p = t.Take();
    ASSERT_EQ(p.U8(0), 0x24);
    ASSERT_LE(p.data.size(), 512u);
    came += p.data;
    last = (p.U8(1) & 0x80) != 0;
    if (!last) t.Send(TextRequest(0x80, 1, p.U32(20), 100, ""));
  }
  EXPECT_GT(pages, 300u);
  EXPECT_EQ(came, catalogue);
  EXPECT_FALSE(t.disconnect.has_value());
}

TEST(Hostile, HoleInCmdSnIsNotWaitedForForEver) {
  TestTarget t;
  t.Login();
  t.Send(Command({.itt = 2, .cmd_sn = 101}));
  ASSERT_EQ(t.session->PollTimeout().reason, DeadlineReason::kPingDue);
  t.now.ns += 61'000'000'000;
  t.session->HandleTimeout(t.now);
  t.Run();
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kCommandGapDeadline);
}

TEST(Hostile, EndsAtEachByteOfAScenario) {
  std::string stream;
  for (const Pdu& p :
       {Write(300, Pattern(100), 0x20), DataOut({.offset = 100}, Pattern(200)),
        Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 70, .offers = 70}),
        Function({.function = 2, .cmd_sn = 102}),
        TextRequest(0x80, 9, kNoTag, 102, Text({"X-a=b"}))}) {
    stream += p.Bytes(false, false);
  }
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    auto t = LoggedIn(SIZE_MAX);
    t->SendBytes(std::string_view(stream).substr(0, cut));
    t->Close();
    ASSERT_TRUE(t->ended) << cut;
    std::map<uint32_t, int> open;
    for (const Event& event : t->events) {
      if (event.kind == EventKind::kBegin) ++open[event.task.slot];
      if (event.kind == EventKind::kCommand && !event.write) ++open[event.task.slot];
      if (event.kind == EventKind::kTaskReleased) --open[event.task.slot];
    }
    for (const auto& [slot, count] : open) ASSERT_EQ(count, 0) << cut;
  }
}

}  // namespace
}  // namespace isthmus::target
