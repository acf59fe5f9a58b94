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

}  // namespace
}  // namespace isthmus::initiator
