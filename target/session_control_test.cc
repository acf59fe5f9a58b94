// Pings, logout, task management and Asynchronous Messages of the target.

#include <gtest/gtest.h>

#include "target/test_peer.h"

namespace isthmus::target {
namespace {

constexpr uint32_t kNoTag = 0xffffffff;

TEST(Nop, EchoesPings) {
  TestTarget t;
  const uint32_t stat_sn = t.Login({"MaxRecvDataSegmentLength=512"}).U32(24) + 1;
  t.Send(Ping(0x42, kNoTag, 100, Pattern(333)));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x20);
  EXPECT_EQ(p.U8(1), 0x80);
  EXPECT_EQ(p.U32(16), 0x42u);
  EXPECT_EQ(p.U32(20), kNoTag);
  EXPECT_EQ(p.U32(24), stat_sn);
  EXPECT_EQ(p.U32(28), 100u);
  EXPECT_EQ(p.data, Pattern(333));
  t.Send(Ping(0x43, kNoTag, 100, Pattern(600), false));  // takes CmdSN 100
  p = t.Take();
  EXPECT_EQ(p.U32(28), 101u);
  EXPECT_EQ(p.data, Pattern(512));  // up to the initiator's MaxRecvDataSegmentLength
  t.Send(Ping(kNoTag, kNoTag, 101, ""));
  EXPECT_FALSE(t.HasOutput());
}

TEST(Nop, Keepalive) {
  TestTarget t;
  t.session_options.limits.ping_interval_ms = 1000;
  t.session_options.limits.ping_timeout_ms = 500;
  const uint32_t stat_sn = t.Login().U32(24) + 1;
  const auto wait = [&] {  // bytes that left count as a sign of life, too
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(t.session->PollTimeout().reason, DeadlineReason::kPingDue);
      t.now = t.session->PollTimeout().at;
      t.session->HandleTimeout(t.now);
    }
    t.Run();
  };
  wait();
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x20);
  EXPECT_EQ(p.U32(16), kNoTag);
  EXPECT_NE(p.U32(20), kNoTag);
  EXPECT_EQ(p.U32(24), stat_sn);  // the next one; not advanced
  t.Send(Ping(kNoTag, p.U32(20), 100, ""));
  wait();
  EXPECT_EQ(t.Take().U32(24), stat_sn);
  // A busy peer that does not answer lives on; a silent one does not.
  t.now.ns += 400'000'000;
  t.Send(Command({}));
  t.Take();
  t.now.ns += 200'000'000;
  t.session->HandleTimeout(t.now);
  t.Run();
  EXPECT_FALSE(t.disconnect.has_value());
  t.now.ns += 500'000'000;
  t.session->HandleTimeout(t.now);
  t.now.ns += 500'000'000;
  t.session->HandleTimeout(t.now);
  t.Run();
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kPingDeadline);
}

TEST(Logout, ClosesTheSession) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  t.Send(Logout(0, 0, 101));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x26);
  EXPECT_EQ(p.U8(2), 0);
  EXPECT_EQ(p.U32(16), 0x99u);
  EXPECT_EQ(t.Log(), "command 0\naborted 0\nreleased 0\nlogged out\ndisconnect Ok flush\n");
  t.Close();
  EXPECT_TRUE(t.ended);
}

TEST(Logout, OtherReasons) {
  TestTarget t;
  t.Login();
  t.Send(Logout(1, 8, 100));
  EXPECT_EQ(t.Take().U8(2), 1);  // LogoutCidUnknown
  t.Send(Logout(2, 7, 100));
  EXPECT_EQ(t.Take().U8(2), 2);  // LogoutRecoveryNotSupported
  t.Send(Logout(3, 7, 100));
  EXPECT_EQ(t.Take().U8(0), 0x3f);
  t.Send(Logout(1, 7, 100, false));
  EXPECT_EQ(t.Take().U8(2), 0);
  EXPECT_TRUE(t.disconnect.has_value());
}

TEST(Abort, TaskThatRuns) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.release_aborted = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100, .flags = 0xc0, .length = 8, .lun = 2}));
  const TaskId task = t.events.back().task;
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100, .lun = 2}));
  EXPECT_FALSE(t.HasOutput()) << "the embedder has not let go";
  EXPECT_TRUE(t.session->Release(task).ok());
  EXPECT_FALSE(t.session->Release(task).ok());
  t.Run();
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x22);
  EXPECT_EQ(p.U8(2), 0);
  EXPECT_EQ(p.U32(16), 0x70u);
  EXPECT_EQ(t.Log(), "command 0\naborted 0\nreleased 0\n");
  EXPECT_FALSE(t.HasOutput());
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100, .lun = 2}));
  EXPECT_EQ(t.Take().U8(2), 1);  // gone
}

TEST(Abort, CommandThatNeverCame) {
  TestTarget t;
  t.Login();
  t.Send(Command({.itt = 2, .cmd_sn = 101}));
  t.Send(Function({.cmd_sn = 102, .ref_itt = 1, .ref_cmd_sn = 100}));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x22);
  EXPECT_EQ(p.U8(2), 0);
  p = t.Take();
  EXPECT_EQ(p.U32(16), 2u);  // its hole is plugged
  EXPECT_EQ(p.U32(28), 102u);
}

TEST(Abort, LateDataIsAbsorbed) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.Send(Command({.flags = 0xa0, .length = 64}));
  const Pdu r2t = t.Take();
  t.Send(Function({.cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100}));
  EXPECT_EQ(t.Take().U8(2), 0);
  t.Send(DataOut({.ttt = r2t.U32(20)}, Pattern(64)));
  EXPECT_FALSE(t.HasOutput());
  EXPECT_EQ(t.last_written, "");
  t.Send(Ping(0x50, kNoTag, 101, ""));
  EXPECT_EQ(t.Take().U8(0), 0x20);
}

TEST(Functions, LogicalUnitReset) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.answer_commands = false;
  t.hook = [&](const Event& event) { return event.kind == EventKind::kTaskManagement; };
  t.Send(Command({.itt = 1, .cmd_sn = 100, .flags = 0xc0, .length = 8, .lun = 1}));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 8, .lun = 2}));
  t.Send(Command({.itt = 3, .cmd_sn = 102, .flags = 0xc0, .length = 8, .lun = 1}));
  t.Send(Function({.function = 5, .cmd_sn = 103, .lun = 1}));
  EXPECT_EQ(t.Log(),
            "command 0\ncommand 1\ncommand 2\naborted 0\naborted 2\nfunction 5\nreleased "
            "0\nreleased 2\n");
  EXPECT_FALSE(t.HasOutput());
  EXPECT_TRUE(t.session->AnswerTaskManagement(t.events[5].request, {}).ok());
  t.Run();
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x22);
  EXPECT_EQ(p.U8(2), 0);
}

TEST(Functions, StandardSemanticsWaitForTransfers) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.Send(Command({.flags = 0xa0, .length = 64}));
  const Pdu r2t = t.Take();
  t.Send(Function({.function = 2, .cmd_sn = 101}));
  EXPECT_FALSE(t.HasOutput()) << "a Target Transfer Tag is still valid";
  t.Send(DataOut({.ttt = r2t.U32(20)}, Pattern(64)));
  EXPECT_EQ(t.Take().U8(0), 0x22);
  EXPECT_EQ(t.last_written, "");
}

TEST(Functions, WaitForTheCommandsBeforeThem) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Function({.function = 2, .cmd_sn = 102}));
  EXPECT_FALSE(t.HasOutput());
  t.Send(Command({.itt = 1, .cmd_sn = 100}));
  t.Send(Command({.itt = 2, .cmd_sn = 101}));
  EXPECT_EQ(t.Take().U8(0), 0x22);
}

TEST(Functions, WhatIsNotSupported) {
  TestTarget t;
  t.Login();
  for (uint8_t function : {0, 9, 10, 11, 12, 13, 127}) {
    t.Send(Function({.function = function}));
    EXPECT_EQ(t.Take().U8(2), 5) << int{function};
  }
  t.Send(Function({.function = 8, .ref_itt = 1}));
  EXPECT_EQ(t.Take().U8(2), 4);
}

TEST(Functions, QueriesUnderProtocolLevel2) {
  TestTarget t;
  t.lookup.offer.iSCSIProtocolLevel = 2;
  t.Login({"iSCSIProtocolLevel=2"});
  t.answer_commands = false;
  t.Send(Function({.function = 10}));
  EXPECT_EQ(t.Take().U8(2), 0);
  t.Send(Command({.itt = 1, .cmd_sn = 100}));
  t.Send(Function({.function = 10, .cmd_sn = 101}));
  EXPECT_EQ(t.Take().U8(2), 7);
  t.Send(Function({.function = 9, .cmd_sn = 101, .ref_itt = 1, .ref_cmd_sn = 100}));
  EXPECT_EQ(t.Take().U8(2), 7);
}

TEST(Scopes, AbortByAnotherSession) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100, .lun = 1}));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .lun = 2}));
  AbortScope scope;
  scope.all_luns = false;
  scope.lun[1] = std::byte{2};
  EXPECT_TRUE(t.session->AbortTasks(scope, 77).ok());
  t.Run();
  EXPECT_EQ(t.Log(), "command 0\ncommand 1\naborted 1\nreleased 1\nscope 77\n");
  // The window moved and nothing else says so.
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x20);
  EXPECT_EQ(p.U32(16), kNoTag);
  EXPECT_EQ(p.U32(20), kNoTag);
  EXPECT_EQ(p.U32(32), 100u + 64);
}

TEST(Asynchronous, LogoutRequestAndItsDeadline) {
  TestTarget t;
  const uint32_t stat_sn = t.Login().U32(24) + 1;
  EXPECT_TRUE(t.session->RequestLogout(t.id, 3).ok());
  t.Run();
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x32);
  EXPECT_EQ(p.U32(16), kNoTag);
  EXPECT_EQ(p.U32(24), stat_sn);
  EXPECT_EQ(p.U8(36), 1);
  EXPECT_EQ(p.U16(42), 3u);
  t.Send(Command({}));
  p = t.Take();
  EXPECT_EQ(p.U8(0), 0x3f);
  EXPECT_EQ(p.U8(2), 0x0c);  // WaitingForLogout
  EXPECT_EQ(p.U32(24), stat_sn + 1);
  EXPECT_EQ(t.session->PollTimeout().reason, DeadlineReason::kAsyncLogout);
  t.now = t.session->PollTimeout().at;
  t.session->HandleTimeout(t.now);
  t.Run();
  p = t.Take();
  EXPECT_EQ(p.U8(0), 0x32);
  EXPECT_EQ(p.U8(36), 2);
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kAsyncLogoutDeadline);
}

}  // namespace
}  // namespace isthmus::target
