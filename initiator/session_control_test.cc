// Task management, pings, events, logout, Reject, digest errors, text, lost connections.

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/session.h"
#include "initiator/session_fixture.h"

namespace isthmus::initiator {
namespace {

using testing::AsBytes;
using testing::AsWritableBytes;
using testing::Harness;
using testing::kDigestKeys;
using testing::Keys;
using testing::kPlainKeys;
using testing::Pattern;
using testing::Pdu;
using testing::SessionTest;
using testing::Told;
using testing::With;

// Task management.

TEST_F(SessionTest, AbortsATask) {
  Start();
  std::vector<uint8_t> buffer(512);
  const TaskId task = Read(buffer, 7);
  const Pdu command = h.OneSent();
  ASSERT_TRUE(h.session->Abort(task, 8).ok());
  EXPECT_EQ(h.session->Abort(task, 8).code, ErrorCode::kCallOutOfState);
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.header[0], 0x42);
  EXPECT_EQ(abort.header[1], 0x81);
  EXPECT_EQ(abort.ttt(), command.itt());  // Referenced Task Tag
  EXPECT_EQ(abort.cmd_sn(), 101u);
  EXPECT_EQ(abort.u32(32), command.cmd_sn());  // RefCmdSN
  h.Send(h.TmfResponse(abort.itt(), 0));
  const std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, EventKind::kCompleted);
  EXPECT_EQ(told[0].outcome, Outcome::kAborted);
  EXPECT_EQ(told[0].cookie, 7u);
  EXPECT_EQ(told[1].kind, EventKind::kTaskManagementDone);
  EXPECT_EQ(told[1].cookie, 8u);
}

TEST_F(SessionTest, AResponseThatOvertakesTheAbortCounts) {
  Start();
  std::vector<uint8_t> buffer(512);
  const TaskId task = Read(buffer, 7);
  const Pdu command = h.OneSent();
  ASSERT_TRUE(h.session->Abort(task, 8).ok());
  const Pdu abort = h.OneSent();
  h.Send(h.DataIn(command.itt(), 0, 0, Pattern(512), 0x81));
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
  h.Send(h.TmfResponse(abort.itt(), 1));
  EXPECT_EQ(h.Only(EventKind::kTaskManagementDone).tmf_response, 1);
}

TEST_F(SessionTest, AbortOfAnImmediateCommandRefersToItself) {
  Start();
  std::vector<uint8_t> buffer(512);
  const TaskId task =
      Submit({.cdb = AsBytes(read_cdb), .immediate = true, .data_in = AsWritableBytes(buffer)});
  h.Sent();
  ASSERT_TRUE(h.session->Abort(task, 8).ok());
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.u32(32), abort.cmd_sn());
}

TEST_F(SessionTest, ResetsALogicalUnit) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  Submit({.lun = {std::byte{0}, std::byte{1}},
          .cdb = AsBytes(read_cdb),
          .data_in = AsWritableBytes(buffer),
          .cookie = 2});
  ASSERT_TRUE(h.session
                  ->TaskManagement({.function = TaskManagementFunction::kLogicalUnitReset,
                                    .lun = {std::byte{0}, std::byte{1}},
                                    .cookie = 3},
                                   nullptr)
                  .ok());
  Read(buffer, 4);  // waits for the reset
  const std::vector<Pdu> sent = h.Sent();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[2].opcode(), 0x02);
  EXPECT_EQ(sent[2].header[1], 0x85);
  EXPECT_EQ(sent[2].header[9], 1);
  EXPECT_EQ(sent[2].ttt(), 0xffffffffu);
  h.Send(h.TmfResponse(sent[2].itt(), 0));
  const std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].cookie, 2u);
  EXPECT_EQ(told[0].outcome, Outcome::kAborted);
  EXPECT_EQ(told[1].kind, EventKind::kTaskManagementDone);
  EXPECT_EQ(h.OneSent().opcode(), 0x01);
  EXPECT_EQ(h.session->outstanding(), 2u);
}

TEST_F(SessionTest, QueriesAtLevelTwo) {
  Start(With(kPlainKeys, "iSCSIProtocolLevel", "2"));
  ASSERT_TRUE(
      h.session
          ->TaskManagement({.function = TaskManagementFunction::kQueryAsynchronousEvent}, nullptr)
          .ok());
  const Pdu query = h.OneSent();
  EXPECT_EQ(query.header[1], 0x8c);
  h.Send(h.TmfResponse(query.itt(), 7).U8(8, 1).U8(9, 2).U8(10, 3));
  const Told done = h.Only(EventKind::kTaskManagementDone);
  EXPECT_EQ(done.tmf_response, 7);
  EXPECT_EQ(done.additional_response, 0x010203u);
}

// Control.

TEST_F(SessionTest, EchoesPings) {
  Start();
  h.Send(h.NopIn(0xffffffff, 0xabcd).U8(9, 4));
  const Pdu echo = h.OneSent();
  EXPECT_EQ(echo.header[0], 0x40);
  EXPECT_EQ(echo.itt(), 0xffffffffu);
  EXPECT_EQ(echo.ttt(), 0xabcdu);
  EXPECT_EQ(echo.header[9], 4);
  EXPECT_TRUE(echo.data.empty());
  EXPECT_EQ(echo.cmd_sn(), 100u);
}

TEST_F(SessionTest, BoundsEchoesByNotReading) {
  h.session_options.limits.echo_slots = 2;
  Start();
  h.transport_done = false;
  for (int i = 0; i < 6; ++i) h.Send(h.NopIn(0xffffffff, 1));
  EXPECT_EQ(h.Sent().size(), 2u);
  h.TransportDone();
  EXPECT_EQ(h.Sent().size(), 2u);
}

TEST_F(SessionTest, Pings) {
  Start(kDigestKeys, 3);
  const std::vector<uint8_t> data = Pattern(777);
  ASSERT_TRUE(h.session->Ping(AsBytes(data), 5).ok());
  EXPECT_EQ(h.session->Ping(AsBytes(data), 6).code, ErrorCode::kCallQueueFull);
  Pdu ping = h.OneSent();
  EXPECT_EQ(ping.header[0], 0x40);
  EXPECT_EQ(ping.ttt(), 0xffffffffu);
  EXPECT_EQ(ping.data, data);
  h.Send(h.NopIn(ping.itt(), 0xffffffff).Data(data));
  EXPECT_EQ(h.Only(EventKind::kPong).outcome, Outcome::kAnswered);
  ASSERT_TRUE(h.session->Ping(AsBytes(data), 5).ok());
  ping = h.OneSent();
  h.Send(h.NopIn(ping.itt(), 0xffffffff).Data(Pattern(777, 9)));
  EXPECT_EQ(h.Only(EventKind::kPong).outcome, Outcome::kDataError);
}

TEST_F(SessionTest, KeepsAliveAndGivesUp) {
  Start();
  h.Sent();
  h.Advance(9'999);
  EXPECT_TRUE(h.Sent().empty());
  h.Advance(1);
  const Pdu ping = h.OneSent();
  EXPECT_EQ(ping.opcode(), 0x00);
  // A peer that is busy with something else is alive.
  h.Advance(9'000);
  h.Send(h.NopIn(0xffffffff, 0xffffffff));
  h.Advance(9'000);
  EXPECT_TRUE(h.Events().empty());
  h.Advance(1'000);
  const Told lost = h.Only(EventKind::kDisconnect);
  EXPECT_EQ(lost.error.code, ErrorCode::kPingDeadline);
  EXPECT_FALSE(lost.flush);
}

TEST_F(SessionTest, ARejectedKeepaliveIsASignOfLife) {
  Start();
  h.Sent();
  h.Advance(10'000);
  h.Send(h.Reject(0x06, h.OneSent()));
  h.Advance(10'000);  // the next one is due, nobody has died
  EXPECT_EQ(h.OneSent().opcode(), 0x00);
  EXPECT_TRUE(h.Events().empty());
}

TEST_F(SessionTest, AnswersALogoutRequestWhenIdle) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  const uint32_t itt = h.OneSent().itt();
  h.Send(h.Async(1, 0, 0, 10));
  EXPECT_EQ(h.Only(EventKind::kAsyncMessage).parameter3, 10);
  Read(buffer, 2);  // not sent any more
  EXPECT_TRUE(h.Sent().empty());
  h.Send(h.DataIn(itt, 0, 0, Pattern(512), 0x81));
  h.Only(EventKind::kCompleted);
  const Pdu logout = h.OneSent();
  EXPECT_EQ(logout.opcode(), 0x06);
  EXPECT_EQ(logout.header[1], 0x81);  // close the connection
  Pdu response(0x26);
  response.U32(16, logout.itt());
  h.Send(h.Number(response));
  EXPECT_EQ(h.Events().size(), 2u);
  h.Close();
  const std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, EventKind::kConnectionLost);
  EXPECT_EQ(told[1].cookie, 2u);
}

TEST_F(SessionTest, AnswersALogoutRequestAtOnceWhenNothingRuns) {
  // With nothing outstanding, and when the last response comes in one segment with it.
  for (const bool running : {false, true}) {
    h = Harness();
    Start();
    std::vector<uint8_t> buffer(512);
    std::vector<uint8_t> bytes;
    const auto add = [&](const Pdu& pdu) {
      const std::vector<uint8_t> more = pdu.Bytes();
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    uint32_t itt = 0;
    if (running) {
      Read(buffer, 1);
      itt = h.OneSent().itt();
    }
    add(h.Async(1, 0, 0, 65535));
    if (running) add(h.DataIn(itt, 0, 0, Pattern(512), 0x81));
    add(h.NopIn(0xffffffff, 5));
    h.SendBytes(bytes);
    const std::vector<Pdu> sent = h.Sent();
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0].header[0], 0x40);
    EXPECT_EQ(sent[1].header[0], 0x46);
  }
}

TEST_F(SessionTest, AnswersALogoutRequestInTime) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  h.Sent();
  h.Send(h.Async(1, 0, 0, 10));
  h.Advance(4'999);
  EXPECT_TRUE(h.Sent().empty());
  h.Advance(1);
  EXPECT_EQ(h.OneSent().opcode(), 0x06);
}

TEST_F(SessionTest, DropsWhatTheTargetAnnounces) {
  for (const uint8_t event : {2, 3}) {
    h = Harness();
    Start();
    h.Send(h.Async(event, 0, 4, 60));
    std::vector<Told> told = h.Events();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[1].kind, EventKind::kDisconnect);
    h.Close();
    const Told lost = h.Only(EventKind::kConnectionLost);
    EXPECT_EQ(lost.time2wait_s, 4);
    EXPECT_EQ(lost.time2retain_s, 60);
  }
}

TEST_F(SessionTest, NegotiatesWhenAsked) {
  Start();
  h.Send(h.Async(4, 0, 0, 5));
  h.Only(EventKind::kAsyncMessage);
  const Pdu text = h.OneSent();
  EXPECT_EQ(text.header[0], 0x44);
  EXPECT_EQ(text.header[1], 0x80);
  EXPECT_TRUE(text.data.empty());
  Pdu response(0x24, 0x80);
  response.U32(16, text.itt()).U32(20, 0xffffffff);
  h.Send(h.Number(response).Text(Keys({"MaxRecvDataSegmentLength=512"})));
  EXPECT_TRUE(h.Events().empty());
  EXPECT_EQ(h.session->parameters().peer_MaxRecvDataSegmentLength, 512u);
  const std::vector<uint8_t> source = Pattern(2000);
  Write(source);
  EXPECT_EQ(h.OneSent().data.size(), 512u);
}

TEST_F(SessionTest, StopsForTaskTermination) {
  Start(With(With(kPlainKeys, "TaskReporting", "FastAbort"), "InitialR2T", "Yes"));
  const std::vector<uint8_t> source = Pattern(100000);
  Write(source, 1);
  const Pdu command = h.OneSent();
  std::vector<uint8_t> bytes = h.R2t(command.itt(), 7, 0, 8192, 50000).Bytes();
  const std::vector<uint8_t> async = h.Async(5).Bytes();
  bytes.insert(bytes.end(), async.begin(), async.end());
  h.SendBytes(bytes);
  const Pdu nop = h.OneSent();
  EXPECT_EQ(nop.header[0], 0x40);
  EXPECT_EQ(nop.itt(), 0xffffffffu);
  EXPECT_EQ(nop.ttt(), 0xffffffffu);
  EXPECT_EQ(nop.u32(28), h.stat_sn);
  const std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].outcome, Outcome::kAborted);
  EXPECT_EQ(told[1].error.code, ErrorCode::kTaskTerminated);
}

TEST_F(SessionTest, TellsScsiAndVendorEvents) {
  Start(kDigestKeys, 1);
  h.Send(h.Async(0).U8(9, 3).Data({0, 3, 0x70, 0, 6, 9, 8}));
  Told told = h.Only(EventKind::kAsyncMessage);
  EXPECT_EQ(told.data_copy, (std::vector<uint8_t>{0x70, 0, 6}));
  EXPECT_EQ(told.async_copy, (std::vector<uint8_t>{9, 8}));
  EXPECT_EQ(told.lun[1], std::byte{3});
  h.Send(h.Async(250).U8(37, 17));
  EXPECT_EQ(h.Only(EventKind::kAsyncMessage).async_vcode, 17);
  h.Send(h.Async(99));  // unassigned: acknowledged, told, nothing more
  h.Only(EventKind::kAsyncMessage);
  EXPECT_TRUE(h.Sent().empty());
}

// Reject.

TEST_F(SessionTest, RetriesWhatWasDamagedOnTheWay) {
  Start();
  const std::vector<uint8_t> source = Pattern(4096);
  Write(source, 1);
  const Pdu command = h.OneSent();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 2);
  h.Sent();
  h.Send(h.Reject(0x02, command));
  const Pdu again = h.OneSent();
  EXPECT_EQ(again.itt(), command.itt());
  EXPECT_EQ(again.cmd_sn(), command.cmd_sn());
  EXPECT_EQ(again.data, source);
  h.exp_cmd_sn = 102;
  h.Send(h.Response(command.itt()));
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
}

TEST_F(SessionTest, PlugsTheHoleOfARejectedCommand) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  const Pdu command = h.OneSent();
  h.Send(h.Reject(0x04, command));
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.header[0], 0x42);
  EXPECT_EQ(abort.ttt(), command.itt());
  EXPECT_EQ(abort.u32(32), command.cmd_sn());
  EXPECT_TRUE(h.Events().empty());
  h.Send(h.TmfResponse(abort.itt(), 0));
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kRejected);
  EXPECT_EQ(done.reject_reason, 4);
}

TEST_F(SessionTest, ARejectOfDataEndsNothing) {
  Start();
  const std::vector<uint8_t> source = Pattern(20000);
  Write(source, 1);
  const Pdu command = h.OneSent();
  h.Send(h.R2t(command.itt(), 7, 0, 8192, 8192));
  const Pdu data = h.OneSent();
  h.Send(h.Reject(0x04, data));
  Pdu other = command;  // of another CmdSN: not this command's life
  other.U32(24, 55);
  h.Send(h.Reject(0x04, other));
  EXPECT_TRUE(h.Events().empty());
  EXPECT_EQ(h.session->counters().rejects, 2u);
  EXPECT_EQ(h.session->outstanding(), 1u);
}

// Digest errors, section 7.8.

TEST_F(SessionTest, ABadDataDigestFailsTheTask) {
  Start(kDigestKeys);
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu command = h.OneSent();
  Pdu bad = h.DataIn(command.itt(), 0, 0, Pattern(512), 0x00);
  bad.bad_data_digest = true;
  h.Send(bad);
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.opcode(), 0x02);
  h.Send(h.DataIn(command.itt(), 1, 512, Pattern(512), 0x81));
  Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kDigestError);
  EXPECT_EQ(done.error.code, ErrorCode::kDataDigest);
  h.Send(h.TmfResponse(abort.itt(), 1));
  EXPECT_TRUE(h.Events().empty());
  // With the status in the damaged PDU: the numbering goes on.
  Read(buffer, 2);
  bad = h.DataIn(h.OneSent().itt(), 0, 0, Pattern(1024), 0x81);
  bad.bad_data_digest = true;
  h.Send(bad);
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kDigestError);
  Read(buffer, 3);
  h.Send(h.DataIn(h.OneSent().itt(), 0, 0, Pattern(1024), 0x81));
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
}

TEST_F(SessionTest, ABadDigestOfAStatusLogsOut) {
  Start(kDigestKeys);
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu command = h.OneSent();
  Pdu bad = h.Response(command.itt(), 2).Data({0, 3, 0x70, 0, 5});
  bad.bad_data_digest = true;
  h.Send(bad);
  EXPECT_TRUE(h.Events().empty());
  const Pdu logout = h.OneSent();
  EXPECT_EQ(logout.opcode(), 0x06);
  EXPECT_EQ(logout.header[1], 0x81);
}

TEST_F(SessionTest, ABadHeaderDigestDrops) {
  Start(kDigestKeys);
  Pdu bad = h.NopIn(0xffffffff, 1);
  bad.bad_header_digest = true;
  h.Send(bad);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kHeaderDigest);
  EXPECT_TRUE(h.Sent().empty());
}

// Text.

TEST_F(SessionTest, GathersAnAnswerOverSeveralResponses) {
  h.options.target_name = "";
  Start(kPlainKeys, 17);
  std::vector<uint8_t> answer(4096);
  ASSERT_TRUE(h.session->SendTargets("All", AsWritableBytes(answer), 3).ok());
  const Pdu request = h.OneSent();
  EXPECT_EQ(request.header[0], 0x44);
  EXPECT_EQ(request.header[1], 0x80);
  EXPECT_EQ(request.ttt(), 0xffffffffu);
  EXPECT_EQ(request.text(), Keys({"SendTargets=All"}));
  const std::string full = Keys({"TargetName=iqn.2026-11.example:x", "TargetAddress=10.0.0.1,1"});
  for (const uint8_t flags : {0x40, 0x00}) {
    Pdu page(0x24, flags);
    page.U32(16, request.itt()).U32(20, 0x77);
    h.Send(h.Number(page).Text(flags ? full.substr(0, 20) : full.substr(20, 10)));
    const Pdu more = h.OneSent();
    EXPECT_EQ(more.ttt(), 0x77u);
    EXPECT_EQ(more.itt(), request.itt());
    EXPECT_TRUE(more.data.empty());
  }
  Pdu last(0x24, 0x80);
  last.U32(16, request.itt()).U32(20, 0xffffffff);
  h.Send(h.Number(last).Text(full.substr(30)));
  const Told told = h.Only(EventKind::kTextReceived);
  EXPECT_EQ(std::string(told.data_copy.begin(), told.data_copy.end()), full);
  // Too long for the caller's buffer.
  std::vector<uint8_t> small(10);
  ASSERT_TRUE(h.session->SendTargets("All", AsWritableBytes(small), 3).ok());
  last.U32(16, h.OneSent().itt());
  h.Send(h.Number(last).Text(full));
  EXPECT_EQ(h.Only(EventKind::kTextReceived).outcome, Outcome::kTooLong);
  TaskId task;
  EXPECT_EQ(h.session->Submit({.cdb = AsBytes(read_cdb)}, &task).code, ErrorCode::kCallDiscovery);
}

TEST_F(SessionTest, RefusesTextThatBreaksTheRules) {
  const struct {
    uint8_t flags;
    uint32_t ttt;
    ErrorCode code;
  } kCases[] = {
      {0x80, 5, ErrorCode::kOk},  // ignored
      {0x00, 0xffffffff, ErrorCode::kTextTagMissing},
      {0xc0, 0xffffffff, ErrorCode::kTextContinueWithFinal},
  };
  Start();
  for (const auto& c : kCases) {
    std::vector<uint8_t> answer(512);
    ASSERT_TRUE(h.session->SendTargets("", AsWritableBytes(answer), 3).ok());
    Pdu response(0x24, c.flags);
    response.U32(16, h.OneSent().itt()).U32(20, c.ttt);
    h.Send(h.Number(response));
    EXPECT_EQ(h.Only(EventKind::kTextReceived).error.code, c.code);
  }
  EXPECT_FALSE(
      h.session
          ->SendText(AsBytes(std::vector<uint8_t>{'M', 'a', 'x', 'B', 'u', 'r', 's', 't', 'L', 'e',
                                                  'n', 'g', 't', 'h', '=', '1', 0}),
                     {}, 1)
          .ok());
}

TEST_F(SessionTest, RenegotiatesTheSegmentLength) {
  Start();
  ASSERT_TRUE(h.session->Renegotiate(4096, 6).ok());
  const Pdu text = h.OneSent();
  EXPECT_EQ(text.text(), Keys({"MaxRecvDataSegmentLength=4096"}));
  Pdu response(0x24, 0x80);
  response.U32(16, text.itt()).U32(20, 0xffffffff);
  h.Send(h.Number(response));
  EXPECT_EQ(h.Only(EventKind::kTextReceived).outcome, Outcome::kAnswered);
  EXPECT_EQ(h.session->parameters().own_MaxRecvDataSegmentLength, 4096u);
  std::vector<uint8_t> buffer(8192);
  Read(buffer);
  h.Send(h.DataIn(h.OneSent().itt(), 0, 0, Pattern(4097), 0x80));
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kDataSegmentTooLong);
}

// Connections lost.

TEST_F(SessionTest, ReissuesAfterReinstatement) {
  Start();
  std::vector<uint8_t> first(1024), second(1024);
  Submit({.cdb = AsBytes(read_cdb),
          .data_in = AsWritableBytes(first),
          .retry = RetryPolicy::kReissue,
          .cookie = 1});
  Read(second, 2);
  const std::vector<uint8_t> source = Pattern(20000);
  Submit({.cdb = AsBytes(write_cdb),
          .data_out = AsBytes(source),
          .retry = RetryPolicy::kReissue,
          .cookie = 3});
  const std::vector<Pdu> before = h.Sent();
  ASSERT_EQ(before.size(), 3u);
  h.Send(h.DataIn(before[0].itt(), 0, 0, Pattern(512, 5), 0x00));
  h.Send(h.R2t(before[2].itt(), 9, 0, 8192, 100));
  h.Sent();
  const ConnectionId old = h.id;
  h.Close();
  std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, EventKind::kConnectionLost);
  EXPECT_EQ(told[0].time2wait_s, 2);
  EXPECT_EQ(told[1].cookie, 2u);
  EXPECT_EQ(told[1].outcome, Outcome::kConnectionLost);
  EXPECT_FALSE(h.session->connected());
  h.options.cmd_sn = 7;
  h.exp_cmd_sn = 7;
  h.max_cmd_sn = 20;
  h.LogIn();
  EXPECT_NE(h.id, old);
  EXPECT_FALSE(h.session->Receive(old, {}, h.now));
  const std::vector<Pdu> after = h.Sent();
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].itt(), before[0].itt());
  EXPECT_EQ(after[0].cmd_sn(), 7u);
  EXPECT_EQ(after[1].itt(), before[2].itt());
  EXPECT_EQ(after[1].cmd_sn(), 8u);
  EXPECT_EQ(after[1].data.size(), 8192u);
  h.exp_cmd_sn = 9;
  const std::vector<uint8_t> pattern = Pattern(1024);
  h.Send(h.DataIn(after[0].itt(), 0, 0, pattern, 0x81));
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
  EXPECT_EQ(first, pattern);
  EXPECT_EQ(h.session->counters().reissued_commands, 2u);
}

TEST_F(SessionTest, EndsWithEveryTaskToldOnce) {
  for (const bool close_first : {false, true}) {
    h = Harness();
    Start();
    std::vector<uint8_t> buffer(512);
    for (uint64_t i = 0; i < 50; ++i) Read(buffer, i);
    h.Sent();
    const std::vector<uint8_t> source = Pattern(20000);
    Write(source, 50);
    ASSERT_TRUE(h.session->Ping({}, 51).ok());
    std::vector<uint8_t> answer(512);
    ASSERT_TRUE(h.session->SendTargets("", AsWritableBytes(answer), 52).ok());
    size_t lost = 0;
    if (close_first) {
      h.Close();
      for (const Told& told : h.Events()) lost += told.kind != EventKind::kConnectionLost;
      h.session->End();
    } else {
      h.session->End();
      EXPECT_EQ(h.Only(EventKind::kDisconnect).kind, EventKind::kDisconnect);
      h.Close();
    }
    const std::vector<Told> told = h.Events();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().kind, EventKind::kSessionEnded);
    EXPECT_EQ(lost + told.size(), 54u);
    TaskId task;
    EXPECT_FALSE(h.session->Submit({.cdb = AsBytes(read_cdb)}, &task).ok());
    EXPECT_TRUE(h.Events().empty());
  }
}

}  // namespace
}  // namespace isthmus::initiator
