// Commands and their data: numbering, headers, Data-In, Data-Out, residuals, sense.

#include "initiator/session.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/session_fixture.h"

namespace isthmus::initiator {
namespace {

using testing::AsBytes;
using testing::AsWritableBytes;
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

TEST_F(SessionTest, ReadsWithPhaseCollapse) {
  for (const std::string& keys : {kPlainKeys, kDigestKeys}) {
    for (size_t chunk : {kWhole, size_t{1}, size_t{7}, size_t{49}, kInPlace}) {
      h = Harness();
      Start(keys, chunk);
      std::vector<uint8_t> buffer(4096);
      const TaskId task = Read(buffer, 42);
      const Pdu command = h.OneSent();
      EXPECT_EQ(command.opcode(), 0x01);
      EXPECT_FALSE(command.immediate());
      EXPECT_EQ(command.header[1], 0x80 | 0x40 | 0x01);  // F, R, SIMPLE
      EXPECT_EQ(command.itt(), task.initiator_task_tag);
      EXPECT_EQ(command.u32(20), 4096u);
      EXPECT_EQ(command.cmd_sn(), 100u);
      EXPECT_EQ(command.u32(28), h.stat_sn);
      EXPECT_EQ(command.header[32], 0x28);
      const std::vector<uint8_t> pattern = Pattern(4096);
      h.exp_cmd_sn = 101;
      h.Send(h.DataIn(command.itt(), 0, 0, {pattern.begin(), pattern.begin() + 1001}, 0x00));
      h.Send(h.DataIn(command.itt(), 1, 1001, {pattern.begin() + 1001, pattern.end()}, 0x81));
      const Told done = h.Only(EventKind::kCompleted);
      EXPECT_EQ(done.cookie, 42u);
      EXPECT_EQ(done.outcome, Outcome::kAnswered);
      EXPECT_EQ(done.status, 0);
      EXPECT_EQ(done.data_in_bytes, 4096u);
      EXPECT_EQ(buffer, pattern);
      EXPECT_EQ(h.session->outstanding(), 0u);
    }
  }
}

TEST_F(SessionTest, AnswersR2tAfterImmediateData) {
  for (const std::string& keys : {kPlainKeys, kDigestKeys}) {
    h = Harness();
    Start(keys, 5);
    const std::vector<uint8_t> source = Pattern(20001);
    Write(source);
    const Pdu command = h.OneSent();
    const uint32_t immediate = static_cast<uint32_t>(command.data.size());
    EXPECT_EQ(command.header[1], 0x80 | 0x20 | 0x01);
    EXPECT_EQ(immediate, keys == kPlainKeys ? 8192u : 8190u);
    std::vector<uint8_t> written = command.data;
    h.Send(h.R2t(command.itt(), 0x1234, 0, immediate, 20001 - immediate));
    uint32_t data_sn = 0;
    const std::vector<Pdu> data = h.Sent();
    for (const Pdu& pdu : data) {
      EXPECT_EQ(pdu.opcode(), 0x05);
      EXPECT_EQ(pdu.ttt(), 0x1234u);
      EXPECT_EQ(pdu.u32(36), data_sn++);
      EXPECT_EQ(pdu.u32(40), written.size());
      written.insert(written.end(), pdu.data.begin(), pdu.data.end());
      EXPECT_EQ(pdu.final(), written.size() == source.size());
    }
    EXPECT_EQ(data.size(), 2u);
    EXPECT_EQ(written, source);
    h.exp_cmd_sn = 101;
    h.Send(h.Response(command.itt()));
    EXPECT_EQ(h.Only(EventKind::kCompleted).status, 0);
  }
}

TEST_F(SessionTest, ChecksConditionWithSense) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer);
  const Pdu command = h.OneSent();
  h.Send(h.Response(command.itt(), 0x02, 0x82).U32(44, 512).Data({0,    18, 0x70, 0, 0x05, 0, 0,
                                                                  0,    0,  10,   0, 0,    0, 0,
                                                                  0x20, 0,  0,    0, 0,    0}));
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.status, 2);
  EXPECT_EQ(done.data_copy.size(), 18u);
  EXPECT_EQ(done.data_copy[2], 5);
  EXPECT_EQ(done.residual_kind, ResidualKind::kUnderflow);
  EXPECT_EQ(done.residual_count, 512u);
}

TEST_F(SessionTest, LogsOut) {
  Start();
  ASSERT_TRUE(h.session->Logout(LogoutReason::kCloseSession).ok());
  const Pdu logout = h.OneSent();
  EXPECT_EQ(logout.opcode(), 0x06);
  EXPECT_EQ(logout.header[1], 0x80);
  Pdu response(0x26);
  response.U32(16, logout.itt());
  h.Send(h.Number(response).U16(40, 3).U16(42, 9));
  std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, EventKind::kLoggedOut);
  EXPECT_EQ(told[0].time2wait_s, 3);
  EXPECT_EQ(told[1].kind, EventKind::kDisconnect);
  EXPECT_TRUE(told[1].error.ok());
  h.Close();
  EXPECT_EQ(h.Only(EventKind::kSessionEnded).error.code, ErrorCode::kOk);
}

// Numbering and window.

TEST_F(SessionTest, NeverSendsBeyondTheWindow) {
  h.max_cmd_sn = 101;
  Start();
  std::vector<uint8_t> buffer(512);
  for (uint64_t i = 0; i < 4; ++i) Read(buffer, i);
  std::vector<Pdu> sent = h.Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].cmd_sn(), 101u);
  EXPECT_EQ(h.session->command_window(), 0u);
  // An immediate command is not held back, and takes no number.
  Submit({.cdb = AsBytes(read_cdb), .immediate = true, .data_in = AsWritableBytes(buffer)});
  const Pdu immediate = h.OneSent();
  EXPECT_EQ(immediate.header[0], 0x41);
  EXPECT_EQ(immediate.cmd_sn(), 102u);
  // A NOP-In that answers nothing opens the window.
  h.exp_cmd_sn = 102;
  h.max_cmd_sn = 102;
  h.Send(h.NopIn(0xffffffff, 0xffffffff));
  sent = h.Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].cmd_sn(), 102u);
  h.max_cmd_sn = 90;  // older: ignored (serial arithmetic)
  h.exp_cmd_sn = 91;
  h.Send(h.NopIn(0xffffffff, 0xffffffff));
  EXPECT_TRUE(h.Sent().empty());
  EXPECT_TRUE(h.Events().empty());
}

TEST_F(SessionTest, NumbersAcrossTheWrap) {
  h.options.cmd_sn = 0xffffffff;
  h.exp_cmd_sn = 0xffffffff;
  h.max_cmd_sn = 1;
  h.stat_sn = 0xfffffffe;
  Start();
  std::vector<uint8_t> buffer(512);
  for (uint64_t i = 0; i < 4; ++i) Read(buffer, i);
  std::vector<Pdu> sent = h.Sent();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].cmd_sn(), 0xffffffffu);
  EXPECT_EQ(sent[1].cmd_sn(), 0u);
  EXPECT_EQ(sent[2].cmd_sn(), 1u);
  h.exp_cmd_sn = 2;
  h.max_cmd_sn = 2;
  h.Send(h.Response(sent[0].itt(), 0x08));
  const Pdu last = h.OneSent();
  EXPECT_EQ(last.cmd_sn(), 2u);
  EXPECT_EQ(last.u32(28), h.stat_sn);
}

TEST_F(SessionTest, AbortBeforeEmissionLeavesNoGap) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  const TaskId second = Read(buffer, 2);
  Read(buffer, 3);
  ASSERT_TRUE(h.session->Abort(second, 9).ok());
  const Told aborted = h.Only(EventKind::kCompleted);
  EXPECT_EQ(aborted.cookie, 2u);
  EXPECT_EQ(aborted.outcome, Outcome::kAborted);
  const std::vector<Pdu> sent = h.Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].cmd_sn(), 100u);
  EXPECT_EQ(sent[1].cmd_sn(), 101u);
  EXPECT_FALSE(h.session->Abort(second, 9).ok());
}

TEST_F(SessionTest, RefusesWhatIsWrongWithoutEffect) {
  h.session_options.limits.queue_depth = 2;
  Start();
  std::vector<uint8_t> buffer(512);
  const auto refused = [&](const Command& command) {
    TaskId task;
    return h.session->Submit(command, &task).code;
  };
  const std::vector<uint8_t> long_cdb(17);
  EXPECT_EQ(refused({}), ErrorCode::kCallCdbLength);
  EXPECT_EQ(refused({.cdb = AsBytes(long_cdb)}), ErrorCode::kCallCdbLength);
  EXPECT_EQ(refused({.cdb = AsBytes(read_cdb), .priority = 16}), ErrorCode::kCallArgument);
  EXPECT_EQ(
      refused({.cdb = AsBytes(write_cdb), .data_out = AsBytes(buffer), .unstable_source = true}),
      ErrorCode::kCallArgument);
  Read(buffer);
  Read(buffer);
  EXPECT_EQ(refused({.cdb = AsBytes(read_cdb)}), ErrorCode::kCallQueueFull);
  EXPECT_EQ(
      h.session->TaskManagement({.function = TaskManagementFunction::kTaskReassign}, nullptr).code,
      ErrorCode::kCallNotNegotiated);
  EXPECT_EQ(
      h.session->TaskManagement({.function = TaskManagementFunction::kQueryTaskSet}, nullptr).code,
      ErrorCode::kCallNotNegotiated);
  EXPECT_EQ(h.session->Logout(LogoutReason::kRemoveForRecovery).code,
            ErrorCode::kCallNotNegotiated);
  EXPECT_EQ(h.Sent().size(), 2u);
}

// Headers.

TEST_F(SessionTest, BuildsBidirectionalCommandsWithExtendedCdb) {
  h.session_options.limits.cdb_bytes = 32;
  Start(With(kPlainKeys, "iSCSIProtocolLevel", "2"));
  std::vector<uint8_t> cdb(18);
  for (size_t i = 0; i < cdb.size(); ++i) cdb[i] = static_cast<uint8_t>(i + 1);
  std::vector<uint8_t> in(300);
  const std::vector<uint8_t> out = Pattern(100);
  Submit({.lun = {std::byte{0}, std::byte{5}},
          .cdb = AsBytes(cdb),
          .attribute = TaskAttribute::kHeadOfQueue,
          .priority = 9,
          .data_out = AsBytes(out),
          .data_in = AsWritableBytes(in)});
  const Pdu command = h.OneSent();
  EXPECT_EQ(command.header[1], 0x80 | 0x40 | 0x20 | 3);
  EXPECT_EQ(command.header[2], 0x90);
  EXPECT_EQ(command.header[9], 5);
  EXPECT_EQ(command.u32(20), 100u);
  EXPECT_EQ(command.header[47], 16);
  const std::vector<uint8_t> ahs = {0, 3, 1, 0, 17, 18, 0, 0, 0, 5, 2, 0, 0, 0, 1, 44};
  EXPECT_EQ(command.ahs, ahs);
  EXPECT_EQ(command.data, out);
  h.Send(h.DataIn(command.itt(), 0, 0, Pattern(300, 3), 0x80));
  Pdu response = h.Response(command.itt(), 0, 0x80 | 0x08).U32(40, 0);  // U of the read: none left
  response.header[1] = 0x80;
  h.Send(response);
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kAnswered);
  EXPECT_EQ(done.data_in_bytes, 300u);
}

TEST_F(SessionTest, SendsUnsolicitedDataUpToFirstBurst) {
  const std::string keys = With(With(kPlainKeys, "InitialR2T", "No"), "FirstBurstLength", "20000");
  for (const bool immediate_data : {true, false}) {
    h = Harness();
    Start(immediate_data ? keys : With(keys, "ImmediateData", "No"));
    const std::vector<uint8_t> source = Pattern(30000);
    Write(source);
    const std::vector<Pdu> sent = h.Sent();
    ASSERT_EQ(sent.size(), immediate_data ? 3u : 4u);
    EXPECT_EQ(sent[0].data.size(), immediate_data ? 8192u : 0u);
    EXPECT_FALSE(sent[0].final());
    std::vector<uint8_t> written = sent[0].data;
    for (size_t i = 1; i < sent.size(); ++i) {
      EXPECT_EQ(sent[i].opcode(), 0x05);
      EXPECT_EQ(sent[i].ttt(), 0xffffffffu);
      EXPECT_EQ(sent[i].u32(36), i - 1);
      EXPECT_EQ(sent[i].u32(40), written.size());
      written.insert(written.end(), sent[i].data.begin(), sent[i].data.end());
      EXPECT_EQ(sent[i].final(), i + 1 == sent.size());
    }
    EXPECT_EQ(written.size(), 20000u);
    h.Send(h.R2t(sent[0].itt(), 7, 0, 20000, 10000));
    for (const Pdu& pdu : h.Sent()) written.insert(written.end(), pdu.data.begin(), pdu.data.end());
    EXPECT_EQ(written, source);
  }
}

TEST_F(SessionTest, StagesAnUnstableSource) {
  h.options.limits.staging_bytes = 65536;
  h.session_options.limits.staging_bytes = 65536;
  Start(With(kDigestKeys, "InitialR2T", "No"));
  const std::vector<uint8_t> source = Pattern(30000);
  Submit({.cdb = AsBytes(write_cdb), .data_out = AsBytes(source), .unstable_source = true});
  std::vector<uint8_t> written;
  for (const Pdu& pdu : h.Sent()) {
    EXPECT_EQ(pdu.opcode() == 0x01, pdu.data.empty());
    written.insert(written.end(), pdu.data.begin(), pdu.data.end());
  }
  EXPECT_EQ(written, source);
}

TEST_F(SessionTest, HoldsTheSourceUntilTheTransportIsDone) {
  Start();
  h.transport_done = false;
  const std::vector<uint8_t> source = Pattern(512);
  Write(source);
  const Pdu command = h.OneSent();
  h.exp_cmd_sn = 101;
  h.Send(h.Response(command.itt()));
  EXPECT_TRUE(h.Events().empty());
  EXPECT_EQ(h.session->outstanding(), 1u);
  h.TransportDone();
  EXPECT_EQ(h.Only(EventKind::kCompleted).outcome, Outcome::kAnswered);
}

TEST_F(SessionTest, DropsR2tsThatTheResponseOvertakes) {
  Start(With(kPlainKeys, "MaxOutstandingR2T", "4"));
  const std::vector<uint8_t> source = Pattern(100000);
  Write(source);
  const Pdu command = h.OneSent();
  // R2T and response in one segment: nothing of the answer may leave after the end.
  std::vector<uint8_t> bytes = h.R2t(command.itt(), 7, 0, 8192, 50000).Bytes();
  const std::vector<uint8_t> response =
      h.Response(command.itt(), 0x02, 0x80).Data({0, 3, 0x70, 0, 4}).Bytes();
  bytes.insert(bytes.end(), response.begin(), response.end());
  h.SendBytes(bytes);
  EXPECT_TRUE(h.Sent().empty());
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.status, 2);
}

TEST_F(SessionTest, PlacesDataOfAnyOrder) {
  for (const std::string_view key : {"DataPDUInOrder", "DataSequenceInOrder"}) {
    h = Harness();
    h.options.offer.DataPDUInOrder = h.options.offer.DataSequenceInOrder = false;
    Start(With(kDigestKeys, key, "No"), 13);
    std::vector<uint8_t> buffer(3000);
    Read(buffer);
    const uint32_t itt = h.OneSent().itt();
    const std::vector<uint8_t> pattern = Pattern(3000);
    const auto part = [&](uint32_t begin, uint32_t end) {
      return std::vector<uint8_t>(pattern.begin() + begin, pattern.begin() + end);
    };
    h.Send(h.DataIn(itt, 0, 2000, part(2000, 3000), 0x80));
    h.Send(h.DataIn(itt, 1, 0, part(0, 1000), 0x80));
    h.Send(h.DataIn(itt, 2, 500, part(500, 2000), 0x80));  // 500 bytes twice: counted once
    h.Send(h.Response(itt));
    const Told done = h.Only(EventKind::kCompleted);
    EXPECT_EQ(done.outcome, Outcome::kAnswered);
    EXPECT_EQ(done.data_in_bytes, 3000u);
    EXPECT_EQ(buffer, pattern);
  }
}

TEST_F(SessionTest, OverlapsHideNoHole) {
  h.options.offer.DataPDUInOrder = false;
  Start(With(kPlainKeys, "DataPDUInOrder", "No"));
  std::vector<uint8_t> buffer(3000);
  Read(buffer);
  const uint32_t itt = h.OneSent().itt();
  h.Send(h.DataIn(itt, 0, 0, Pattern(1500), 0x00));
  h.Send(h.DataIn(itt, 1, 0, Pattern(1500), 0x81));
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kDataError);
  EXPECT_EQ(done.error.code, ErrorCode::kDataInIncomplete);
  EXPECT_EQ(done.error.detail, 1500u);
}

TEST_F(SessionTest, AccountsForResiduals) {
  Start();
  std::vector<uint8_t> buffer(255);
  Read(buffer, 1);
  uint32_t itt = h.OneSent().itt();
  h.Send(h.DataIn(itt, 0, 0, Pattern(36), 0x83).U32(44, 219));
  Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kAnswered);
  EXPECT_EQ(done.data_in_bytes, 36u);
  EXPECT_EQ(done.residual_kind, ResidualKind::kUnderflow);
  EXPECT_EQ(done.residual_count, 219u);
  Read(buffer, 2);
  itt = h.OneSent().itt();
  h.Send(h.DataIn(itt, 0, 0, Pattern(255), 0x80));
  h.Send(h.Response(itt, 0, 0x84).U32(44, 100).U32(36, 1));
  done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.residual_kind, ResidualKind::kOverflow);
  EXPECT_EQ(done.residual_count, 100u);
  Read(buffer, 3);
  itt = h.OneSent().itt();
  h.Send(h.Response(itt, 0, 0x82).U32(44, 9999));  // more than was expected: cut
  done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.residual_count, 255u);
  Read(buffer, 4);
  itt = h.OneSent().itt();
  h.Send(h.Response(itt));  // good, yet not a byte came
  done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kDataError);
}

TEST_F(SessionTest, ClampsSense) {
  Start();
  std::vector<uint8_t> buffer(8);
  const struct {
    std::vector<uint8_t> data;
    size_t sense;
  } kCases[] = {{{0}, 0}, {{0, 0}, 0}, {{0, 1, 0x70}, 1}, {{0xff, 0xff, 1, 2, 3}, 3}};
  for (const auto& c : kCases) {
    Read(buffer);
    const uint32_t itt = h.OneSent().itt();
    h.Send(h.Response(itt, 0x02).Data(c.data));
    EXPECT_EQ(h.Only(EventKind::kCompleted).data_copy.size(), c.sense);
  }
  Read(buffer);  // far longer than any sense: streamed past, the status counts
  const uint32_t itt = h.OneSent().itt();
  h.Send(h.Response(itt, 0x02).Data(std::vector<uint8_t>(100000, 1)));
  EXPECT_EQ(h.Only(EventKind::kCompleted).status, 2);
}

}  // namespace
}  // namespace isthmus::initiator
