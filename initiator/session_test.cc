#include "initiator/session.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/harness.h"

namespace isthmus::initiator {
namespace {

using testing::AsBytes;
using testing::AsWritableBytes;
using testing::Harness;
using testing::kInPlace;
using testing::kWhole;
using testing::Pattern;
using testing::Pdu;
using testing::Told;

std::string Keys(std::initializer_list<std::string_view> pairs) {
  std::string text;
  for (std::string_view pair : pairs) {
    text += pair;
    text += '\0';
  }
  return text;
}

const std::string kPlainKeys =
    Keys({"HeaderDigest=None", "DataDigest=None", "InitialR2T=Yes", "ImmediateData=Yes",
          "MaxBurstLength=262144", "FirstBurstLength=65536", "MaxOutstandingR2T=1",
          "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
          "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0", "TaskReporting=RFC3720",
          "iSCSIProtocolLevel=1", "MaxRecvDataSegmentLength=8192"});
const std::string kDigestKeys =
    Keys({"HeaderDigest=CRC32C", "DataDigest=CRC32C", "InitialR2T=Yes", "ImmediateData=Yes",
          "MaxBurstLength=262144", "FirstBurstLength=65536", "MaxOutstandingR2T=2",
          "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
          "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0", "TaskReporting=RFC3720",
          "iSCSIProtocolLevel=1", "MaxRecvDataSegmentLength=8190"});

std::vector<uint8_t> Read10() { return {0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0}; }
std::vector<uint8_t> Write10() { return {0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0}; }

class SessionTest : public ::testing::Test {
 protected:
  void Start(const std::string& keys = kPlainKeys, size_t chunk = kWhole) {
    h.keys = keys;
    h.chunk = chunk;
    h.LogIn();
  }
  TaskId Submit(const Command& command) {
    TaskId task;
    const Error error = h.session->Submit(command, &task);
    EXPECT_TRUE(error.ok()) << Name(error.code);
    return task;
  }
  TaskId Read(std::vector<uint8_t>& buffer, uint64_t cookie = 1) {
    return Submit({.cdb = AsBytes(read_cdb), .data_in = AsWritableBytes(buffer), .cookie = cookie});
  }
  TaskId Write(const std::vector<uint8_t>& source, uint64_t cookie = 1) {
    return Submit({.cdb = AsBytes(write_cdb), .data_out = AsBytes(source), .cookie = cookie});
  }

  std::vector<uint8_t> read_cdb = Read10(), write_cdb = Write10();
  Harness h;
};

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

std::string With(std::string keys, std::string_view name, std::string_view value) {
  const size_t at = keys.find(std::string(name) + '=');
  const size_t end = keys.find('\0', at);
  return keys.replace(at, end - at, std::string(name) + '=' + std::string(value));
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
    {"NopInBothTags",
     [](Harness& h, const Pdu& read, const Pdu&) { return h.NopIn(read.itt(), 1); },
     ErrorCode::kNopInBothTags},
    {"NopInWithData",
     [](Harness& h, const Pdu&, const Pdu&) {
       return h.NopIn(0xffffffff, 1).Data({1, 2, 3, 4});
     },
     ErrorCode::kNopInUnexpectedData},
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
  h.Send(duplicate);
  h.Send(h.DataIn(read.itt(), 1, 512, {pattern.begin() + 512, pattern.end()}, 0x80));
  const Pdu response = h.Response(read.itt());
  h.Send(response);
  h.Send(response);  // StatSN received before
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

TEST_F(SessionTest, SequencesAreBounded) {
  Start(With(kPlainKeys, "MaxBurstLength", "512"));
  std::vector<uint8_t> buffer(1024);
  Read(buffer, 1);
  const Pdu read = h.OneSent();
  h.Send(h.DataIn(read.itt(), 0, 0, Pattern(300), 0x00));
  h.Send(h.DataIn(read.itt(), 1, 300, Pattern(300), 0x00));
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kDataInSequenceTooLong);
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
