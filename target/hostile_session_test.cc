// Hostile or careless peers and embedders, one test for a row or a few of the error table that take
// more than single PDUs (those are in hostile_test.cc). RFC 7143 section 7.
#include <gtest/gtest.h>

#include "target/test_peer.h"

namespace isthmus::target {
namespace {

constexpr uint32_t kNoTag = 0xffffffff;

Pdu Write(uint32_t length, std::string data, uint8_t flags = 0xa0) {
  return Command({.flags = flags, .length = length}, std::move(data));
}

// The next PDU is a Reject with that reason, of that PDU.
void ExpectReject(TestTarget& t, uint8_t reason, const Pdu& bad) {
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x3f);
  EXPECT_EQ(p.U8(2), reason);
  EXPECT_EQ(p.data.substr(0, 48), bad.header);
}

uint32_t SenseOf(const Pdu& p) {
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(3), 0x02);
  if (p.data.size() < 20) return 0;
  return static_cast<uint32_t>(static_cast<uint8_t>(p.data[4])) << 16 |
         static_cast<uint32_t>(static_cast<uint8_t>(p.data[14])) << 8 |
         static_cast<uint8_t>(p.data[15]);
}

// ---- Data-Out.

TEST(HostileData, DataOutOffset) {
  TestTarget t;
  t.Login({"ImmediateData=No", "MaxBurstLength=512", "FirstBurstLength=512"});
  t.Send(Command({.flags = 0xa0, .length = 1024}));
  const Pdu r2t = t.Take();
  ASSERT_EQ(r2t.U32(44), 512u);
  const Pdu beyond_its_r2t =
      DataOut({.ttt = r2t.U32(20), .offset = 512, .final = false}, Pattern(64));
  t.Send(beyond_its_r2t);
  ExpectReject(t, 0x09, beyond_its_r2t);
  t.Send(DataOut({.ttt = r2t.U32(20)}, Pattern(512)));
  EXPECT_EQ(SenseOf(t.Take()), 0x0b0c0du) << "once its last sequence has ended";
}

TEST(HostileData, DataOutAfterFinal) {
  TestTarget t;
  t.Login({"ImmediateData=Yes"});
  t.answer_commands = t.accept_begin = true;
  t.Send(Write(4096, Pattern(100)));
  EXPECT_EQ(t.Take().U8(0), 0x31);
  const Pdu late = DataOut({.offset = 100}, Pattern(8));
  t.Send(late);
  ExpectReject(t, 0x09, late);
}

TEST(HostileData, DataOutWithoutWrite) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 64}));
  const Pdu data = DataOut({}, Pattern(64));
  t.Send(data);
  ExpectReject(t, 0x09, data);
}

TEST(HostileData, DataOutOrderR2t) {
  TestTarget t;
  t.lookup.offer.MaxOutstandingR2T = 2;
  t.Login(
      {"ImmediateData=No", "MaxBurstLength=512", "FirstBurstLength=512", "MaxOutstandingR2T=2"});
  t.Send(Command({.flags = 0xa0, .length = 1024}));
  t.Take();
  const Pdu second = t.Take();
  ASSERT_EQ(second.U8(0), 0x31);
  const Pdu data = DataOut({.ttt = second.U32(20), .offset = 512}, Pattern(512));
  t.Send(data);
  ExpectReject(t, 0x09, data);
}

TEST(HostileData, DataRunsFull) {
  TestTarget t;
  t.lookup.offer.DataPDUInOrder = false;
  t.Login({"ImmediateData=No", "DataPDUInOrder=No"});
  t.Send(Command({.flags = 0xa0, .length = 512}));
  const Pdu r2t = t.Take();
  for (uint32_t i = 0; i < 9; ++i) {
    EXPECT_EQ(t.Log(), "command 0\n");
    t.Send(DataOut({.ttt = r2t.U32(20), .data_sn = i, .offset = 2 * i, .final = false}, "x"));
  }
  EXPECT_EQ(t.Log(), "command 0\naborted 0\n") << "nine pieces apart are one too many";
  t.Send(DataOut({.ttt = r2t.U32(20), .data_sn = 9, .offset = 100}, Pattern(8)));
  EXPECT_EQ(SenseOf(t.Take()), 0x0b0c0du);
}

// Data that was on its way when its task was aborted. Section 10.7: discarded silently.
TEST(HostileData, TransferTagTerminated) {
  TestTarget t;
  t.lookup.offer.InitialR2T = false;
  t.Login({"InitialR2T=No", "FirstBurstLength=512"});
  t.Send(Write(512, Pattern(100), 0x20));
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100}));
  EXPECT_EQ(t.Take().U8(2), 0);
  t.Send(DataOut({.offset = 100, .final = false}, Pattern(200)));
  t.Send(DataOut({.data_sn = 1, .offset = 300}, Pattern(212)));
  EXPECT_FALSE(t.HasOutput());
  const Pdu more = DataOut({.data_sn = 2, .offset = 300}, Pattern(8));
  t.Send(more);
  ExpectReject(t, 0x09, more);  // its F bit ended it
  // The tag may be used again.
  t.Send(Command({.itt = 1, .cmd_sn = 101, .flags = 0x20, .length = 512}, Pattern(100)));
  t.Send(DataOut({.offset = 100}, Pattern(412, 100)));
  EXPECT_EQ(t.Take().U8(0), 0x21);
  EXPECT_EQ(t.last_written, Pattern(512));
}

// A 32-byte CDB of which 16 bytes came.
TEST(HostileCommand, ExtendedCdbMissing) {
  TestTarget t;
  t.Login();
  Pdu command = Command({.operation = 0x7f});
  command.P8(32 + 7, 0x18);
  t.Send(command);
  EXPECT_EQ(SenseOf(t.Take()), 0x052400u);
  EXPECT_EQ(t.Log(), "");
}

TEST(HostileCommand, ExpStatSnBehindSaysNothingNew) {
  TestTarget t;
  const uint32_t stat_sn = t.Login().U32(24) + 1;
  t.Send(Command({.itt = 1, .cmd_sn = 100}).P32(28, stat_sn));
  t.Take();
  t.Send(Command({.itt = 2, .cmd_sn = 101}).P32(28, stat_sn + 1));
  t.Take();
  t.Send(Command({.itt = 3, .cmd_sn = 102}).P32(28, stat_sn - 1));  // ExpStatSnBehind
  EXPECT_EQ(t.Take().U32(16), 3u);
}

// ---- Text.

class HostileText : public ::testing::Test {
 protected:
  // A sequence that waits for its next request; the tag to use.
  uint32_t Open() {
    t.Login();
    t.Send(TextRequest(0x00, 1, kNoTag, 100, Text({"X-a=b"})));
    const Pdu p = t.Take();
    EXPECT_EQ(p.U8(0), 0x24);
    EXPECT_EQ(p.U8(1) & 0x80, 0);
    return p.U32(20);
  }
  void Refused(const Pdu& bad, uint8_t reason) {
    t.Send(bad);
    ExpectReject(t, reason, bad);
    EXPECT_FALSE(t.disconnect.has_value());
    // The sequence is over; a new one may begin.
    t.Send(TextRequest(0x80, 9, kNoTag, 100, Text({"X-a=b"})));
    EXPECT_EQ(t.Take().U8(1), 0x80);
  }
  TestTarget t;
};

TEST_F(HostileText, TextTaskTagChanged) {
  Refused(TextRequest(0x80, 2, Open(), 100, ""), 0x09);  // TextTaskTagChanged
}
TEST_F(HostileText, TextLunMismatch) {
  Refused(TextRequest(0x80, 1, Open(), 100, "").Lun(3), 0x09);  // TextLunMismatch
}
TEST_F(HostileText, TextImmediateChanged) {
  Refused(TextRequest(0x80, 1, Open(), 100, "", false), 0x04);  // TextImmediateChanged
}

TEST_F(HostileText, TextOutstanding) {
  t.Login();
  RequestId request;
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kSendTargets) return false;
    request = event.request;
    return true;
  };
  t.Send(TextRequest(0x80, 1, kNoTag, 100, Text({"SendTargets="})));
  const Pdu second = TextRequest(0x80, 2, kNoTag, 100, Text({"X-a=b"}));
  t.Send(second);
  ExpectReject(t, 0x04, second);  // TextOutstanding
  // The first is answered all the same.
  const std::string answer = Text({kTarget});
  ASSERT_TRUE(t.session->AnswerText(request, TestTarget::AsBytesOf(answer)).ok());
  t.Run();
  EXPECT_EQ(t.Take().data, answer);
}

// Section 13: what may be set at login only stays as it is.
TEST_F(HostileText, RenegotiatesNothingElse) {
  t.Login();
  for (const char* pair :
       {"HeaderDigest=CRC32C", "DataDigest=CRC32C", "MaxConnections=2", "InitialR2T=No",
        "ImmediateData=No", "MaxBurstLength=512", "FirstBurstLength=512", "DefaultTime2Wait=0",
        "DefaultTime2Retain=0", "MaxOutstandingR2T=2", "DataPDUInOrder=No",
        "DataSequenceInOrder=No", "ErrorRecoveryLevel=0", "TaskReporting=FastAbort",
        "iSCSIProtocolLevel=2", "AuthMethod=None", "SessionType=Normal",
        "InitiatorName=iqn.2026-01.example:other", "TargetName=iqn.2026-01.example:other"}) {
    SCOPED_TRACE(pair);
    const text::SessionParameters before = t.session->parameters();
    const Pdu request = TextRequest(0x80, 1, kNoTag, 100, Text({pair}));
    t.Send(request);
    ExpectReject(t, 0x04, request);
    EXPECT_EQ(t.session->parameters().MaxBurstLength, before.MaxBurstLength);
    EXPECT_FALSE(t.disconnect.has_value());
  }
  for (const char* pair :
       {"MaxRecvDataSegmentLength=4096", "InitiatorAlias=other", "X-any=thing"}) {
    SCOPED_TRACE(pair);
    t.Send(TextRequest(0x80, 1, kNoTag, 100, Text({pair})));
    EXPECT_EQ(t.Take().U8(0), 0x24);
  }
}

// ---- Requests that find no room.

TEST(HostileRequests, OutOfTransferTagsAndLogoutCleanupFailed) {
  TestTarget t;
  t.Login();
  t.answer_commands = t.release_aborted = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  uint64_t cookie = 0;
  while (t.session->AbortTasks({}, cookie).ok()) ASSERT_LT(++cookie, 100u);
  EXPECT_EQ(t.session->AbortTasks({}, 0).code, ErrorCode::kCallQueueFull);
  const Pdu text = TextRequest(0x80, 1, kNoTag, 101, Text({"SendTargets="}));
  t.Send(text);
  ExpectReject(t, 0x0a, text);  // OutOfTransferTags
  t.Send(Logout(0, 0, 101));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x26);
  EXPECT_EQ(p.U8(2), 3);
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kLogoutCleanupFailed);
  EXPECT_EQ(t.session->connection_state(t.id), CsmState::kCleanupWait);
}

TEST(HostileRequests, TaskSetFullAndBusy) {
  for (uint8_t status : {0x28, 0x08}) {  // TaskSetFull, then
    TestTarget t;                        // Busy
    t.Login();
    t.accept_begin = false;
    t.hook = [&](const Event& event) {
      if (event.kind != EventKind::kBegin) return false;
      EXPECT_TRUE(t.session->Refuse(event.task, status).ok());
      return true;
    };
    t.Send(Write(64, Pattern(64)));
    const Pdu p = t.Take();
    EXPECT_EQ(p.U8(0), 0x21);
    EXPECT_EQ(p.U8(3), status);
  }
}

TEST(HostileRequests, PingTooLong) {
  TestTarget t;
  t.Login();
  const uint32_t most = t.connection_options.limits.echo_slot_bytes;
  t.Send(Ping(1, kNoTag, 100, Pattern(most)));
  EXPECT_EQ(t.Take().data, Pattern(most));
  t.Send(Ping(2, kNoTag, 100, Pattern(most + 1)));  // PingTooLong
  const Pdu p = t.Take();
  EXPECT_EQ(p.U32(16), 2u);
  EXPECT_EQ(p.data, "");
}

TEST(HostileRequests, DiscoveryRequestAndLogoutDiscoveryReason) {
  TestTarget t;
  t.Send(LoginRequest({}, Text({kInitiator, "SessionType=Discovery"})));
  t.Take();
  for (const Pdu& bad : {Command({}), Ping(1, kNoTag, 100, ""), Function({.function = 5})}) {
    t.Send(bad);
    ExpectReject(t, 0x04, bad);  // DiscoveryRequest
  }
  for (uint8_t reason : {1, 2}) {
    const Pdu logout = Logout(reason, 7, 100);
    t.Send(logout);
    ExpectReject(t, 0x04, logout);  // LogoutDiscoveryReason
  }
  // Section 7.4.3: the target sends nothing of its own accord either.
  EXPECT_EQ(t.session->Ping(t.id).code, ErrorCode::kCallDiscovery);
  EXPECT_EQ(t.session->RequestLogout(t.id, 1).code, ErrorCode::kCallDiscovery);
  t.now.ns += 3'600'000'000'000;
  t.session->HandleTimeout(t.now);
  t.Run();
  EXPECT_FALSE(t.HasOutput());
  t.Send(Logout(0, 0, 100));
  EXPECT_EQ(t.Take().U8(2), 0);
}

TEST(HostileRequests, RequestAfterLogout) {
  TestTarget t;
  t.Login();
  t.answer_commands = t.release_aborted = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  const TaskId task = t.events.back().task;
  t.Send(Logout(0, 0, 101));
  EXPECT_EQ(t.session->connection_state(t.id), CsmState::kInLogout);
  t.SendBytes(Command({.itt = 2, .cmd_sn = 101}).Bytes(false, false));  // RequestAfterLogout
  EXPECT_EQ(t.Log(), "command 0\naborted 0\n");
  EXPECT_TRUE(t.session->Release(task).ok());
}

// Section 11.14 forbids them, but behind a gap in CmdSN they are taken before the logout is.
TEST(HostileRequests, RequestsBehindALogoutInOneGap) {
  const Pdu later[] = {Logout(0, 0, 102, false),
                       Logout(1, 7, 102, false),
                       Ping(3, kNoTag, 102, "x", false),
                       TextRequest(0x80, 4, kNoTag, 102, "", false),
                       Function({.function = 5, .cmd_sn = 102, .immediate = false}),
                       Command({.itt = 5, .cmd_sn = 102, .flags = 0xc0, .length = 8})};
  for (const Pdu& request : later) {
    TestTarget t;
    t.Login();
    t.Send(Logout(0, 0, 101, false));
    t.Send(request);
    EXPECT_EQ(t.session->connection_state(t.id), CsmState::kLoggedIn);
    t.Send(Ping(1, kNoTag, 100, "", false));  // fills the gap
    EXPECT_EQ(t.Take().U8(0), 0x20);
    const Pdu response = t.Take();
    EXPECT_EQ(response.U8(0), 0x26);
    EXPECT_EQ(response.U8(2), 0);
    EXPECT_FALSE(t.HasOutput());
    EXPECT_TRUE(t.disconnect.has_value());
  }
}

// ---- Functions.

TEST(HostileFunctions, FunctionOnFunction) {
  TestTarget t;
  t.Login();
  RequestId request;
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kTaskManagement) return false;
    request = event.request;
    return true;
  };
  t.Send(Function({.function = 5, .itt = 0x70}));
  t.Send(Function({.function = 1, .itt = 0x71, .ref_itt = 0x70, .ref_cmd_sn = 100}));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U32(16), 0x71u);
  EXPECT_EQ(p.U8(2), 255);  // FunctionOnFunction
  EXPECT_TRUE(t.session->AnswerTaskManagement(request, {}).ok());
  t.Run();
  EXPECT_EQ(t.Take().U32(16), 0x70u);
}

TEST(HostileFunctions, NameTheWrongTask) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100, .flags = 0xc0, .length = 8, .lun = 2}));
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 99, .lun = 2}));
  EXPECT_EQ(t.Take().U8(2), 1);  // RefCmdSnMismatch
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100, .lun = 3}));
  EXPECT_EQ(t.Take().U8(2), 1);  // FunctionLunMismatch
  EXPECT_EQ(t.Log(), "command 0\n");
}

TEST(HostileFunctions, AnsweredAsTheEmbedderSays) {
  // FunctionLunUnknown, then
  // FunctionNotAuthorized, then
  // FunctionFailed.
  for (uint8_t response : {2, 6, 255}) {
    TestTarget t;
    t.Login();
    t.hook = [&](const Event& event) {
      if (event.kind != EventKind::kTaskManagement) return false;
      EXPECT_TRUE(t.session->AnswerTaskManagement(event.request, {.response = response}).ok());
      return true;
    };
    t.Send(Function({.function = 5}));
    EXPECT_EQ(t.Take().U8(2), response);
  }
}

// ---- Ends.

TEST(Ends, ByReinstatementIsCleanAndAnythingElseIsNot) {
  const struct {
    ErrorCode code;
    CsmState state;
    SsmState session;
  } kCases[] = {
      {ErrorCode::kConnectionReinstated, CsmState::kFree, SsmState::kFree},
      {ErrorCode::kSessionReinstated, CsmState::kFree, SsmState::kFree},
      {ErrorCode::kBusy, CsmState::kCleanupWait, SsmState::kFailed},
  };
  for (const auto& c : kCases) {
    TestTarget t;
    t.Login();
    t.session->Drop(MakeError(c.code, Role::kTarget, PduClass::kNone, 0));
    t.Run();
    ASSERT_TRUE(t.disconnect.has_value());
    EXPECT_EQ(t.disconnect->error.code, c.code);
    EXPECT_EQ(t.session->connection_state(t.id), c.state);
    EXPECT_EQ(t.session->state(), c.session);
    t.Close();
    EXPECT_TRUE(t.ended);
    EXPECT_EQ(t.session->state(), SsmState::kFree);
  }
}

// A third party that reads nothing cannot be told that its tasks end.
TEST(Ends, TransmitBacklog) {
  TestTarget t;
  t.lookup.offer.TaskReporting = {text::TaskReportingSemantics::kFastAbort};
  t.Login({"TaskReporting=FastAbort"});
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  t.transmit = false;
  AsyncMessage vendor;
  vendor.event = 255;
  int sent = 0;
  while (t.session->SendAsync(t.id, vendor).ok()) ASSERT_LT(++sent, 1000);
  EXPECT_EQ(t.session->SendAsync(t.id, vendor).code, ErrorCode::kCallQueueFull);
  EXPECT_TRUE(t.session->AbortTasks({}, 1).ok());
  t.Run();
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kTransmitBacklog);
}

// ---- The embedder's calls: refused, and nothing changes.

TEST(Misuse, IsRefusedAndChangesNothing) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100, .flags = 0xc0, .length = 8}));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xa0, .length = 8}));
  const TaskId read = t.events[0].task, write = t.events[1].task;
  Session& session = *t.session;
  std::array<std::byte, 300> bytes = {};
  const std::span<std::byte> eight(bytes.data(), 8);

  EXPECT_EQ(session.Complete({99, 1}, {}).code, ErrorCode::kCallUnknownTask);
  EXPECT_EQ(session.Release({read.slot, read.generation + 1}).code, ErrorCode::kCallUnknownTask);
  EXPECT_EQ(session.Ping({7, 7}).code, ErrorCode::kCallUnknownConnection);
  EXPECT_EQ(session.AcceptData(read, 0, eight).code, ErrorCode::kCallDirection);
  EXPECT_EQ(session.SendData(write, 0, eight, {}).code, ErrorCode::kCallDirection);
  EXPECT_EQ(session.SendData(read, 4, eight, {}).code, ErrorCode::kCallLength);
  EXPECT_EQ(session.AcceptData(write, 0, bytes).code, ErrorCode::kCallLength);
  EXPECT_EQ(session.Complete(read, {.status = 0x02}).code, ErrorCode::kCallSense);
  EXPECT_EQ(session.Complete(read, {.status = 0x02, .sense = bytes}).code, ErrorCode::kCallSense);
  EXPECT_EQ(session.SendAsync(t.id, {.event = 0, .lun = {}, .sense = {}}).code,
            ErrorCode::kCallSense);
  EXPECT_EQ(session.SendAsync(t.id, {.event = 5, .lun = {}, .sense = {}}).code,
            ErrorCode::kCallNotNegotiated);
  EXPECT_EQ(session.Release(read).code, ErrorCode::kCallOutOfState);
  t.Run();
  EXPECT_FALSE(t.HasOutput());

  EXPECT_TRUE(session.SendData(read, 0, eight, {}).ok());
  EXPECT_TRUE(session.Complete(read, {}).ok());
  EXPECT_EQ(session.Complete(read, {}).code, ErrorCode::kCallStatusTwice);
  EXPECT_EQ(session.SendData(read, 8, eight, {}).code, ErrorCode::kCallStatusTwice);
  EXPECT_TRUE(session.Complete(write, {.response = 1}).ok());
  t.Run();
  EXPECT_EQ(t.Take().U8(0), 0x25);
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(2), 1);  // TargetFailure
  EXPECT_EQ(p.U8(1) & 0x1e, 0);
}

}  // namespace
}  // namespace isthmus::target
