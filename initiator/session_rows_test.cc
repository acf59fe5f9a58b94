// Hostile or careless targets and embedders, one test for a row or a few of the error table that
// take more than single PDUs (those are in session_hostile_test.cc). RFC 7143 section 7.

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/session.h"
#include "initiator/session_fixture.h"

namespace isthmus::initiator {
namespace {

using testing::Keys;
using testing::kPlainKeys;
using testing::Pattern;
using testing::Pdu;
using testing::SessionTest;
using testing::Told;
using testing::With;

class RowsTest : public SessionTest {
 protected:
  // A text of two Text Requests; the first has gone out.
  Pdu LongText() {
    text_ = Keys({"X-a=" + std::string(5000, 'x'), "X-b=" + std::string(5000, 'y')});
    EXPECT_TRUE(h.session->SendText(AsBytes(text_), testing::AsWritableBytes(answer_), 5).ok());
    const Pdu request = h.OneSent();
    EXPECT_EQ(request.header[1], 0x40);  // C
    return request;
  }
  Pdu ShortText() {
    text_ = Keys({"X-a=b"});
    EXPECT_TRUE(h.session->SendText(AsBytes(text_), testing::AsWritableBytes(answer_), 5).ok());
    return h.OneSent();
  }
  Pdu TextResponse(const Pdu& request, uint8_t flags, uint32_t ttt, std::string_view text) {
    Pdu pdu(0x24, flags);
    pdu.U32(16, request.itt()).U32(20, ttt);
    return h.Number(pdu).Text(text);
  }
  static std::span<const std::byte> AsBytes(const std::string& text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
  }
  void NoKeepalive() { h.session_options.limits.ping_interval_ms = 0; }

  std::string text_;
  std::vector<uint8_t> answer_ = std::vector<uint8_t>(1024);
};

// ---- Text.

TEST_F(RowsTest, TextContinueAnsweredWithData) {
  Start();
  h.Send(TextResponse(LongText(), 0x00, 7, "X-c=d\0"));
  EXPECT_EQ(h.Only(EventKind::kTextReceived).error.code, ErrorCode::kTextContinueAnsweredWithData);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(RowsTest, TextFinalUnasked) {
  Start();
  h.Send(TextResponse(LongText(), 0x80, 0xffffffff, ""));
  EXPECT_EQ(h.Only(EventKind::kTextReceived).error.code, ErrorCode::kTextFinalUnasked);
}

TEST_F(RowsTest, TextFinalWithTagIsTaken) {
  Start();
  h.Send(TextResponse(ShortText(), 0x80, 7, "X-a=c"));  // TextFinalWithTag
  EXPECT_EQ(h.Only(EventKind::kTextReceived).outcome, Outcome::kAnswered);
}

TEST_F(RowsTest, NegotiationDeadline) {
  NoKeepalive();
  Start();
  ShortText();
  h.Advance(29'999);
  EXPECT_TRUE(h.Events().empty());
  h.Advance(1);
  EXPECT_EQ(h.Only(EventKind::kTextReceived).error.code, ErrorCode::kNegotiationDeadline);
  EXPECT_TRUE(h.session->connected());
}

// ---- Data.

TEST_F(RowsTest, DataInOrder) {
  Start();
  std::vector<uint8_t> buffer(1024);
  Read(buffer);
  const Pdu read = h.OneSent();
  h.Send(h.DataIn(read.itt(), 0, 512, Pattern(512), 0x00));
  h.Send(h.DataIn(read.itt(), 1, 0, Pattern(512), 0x80));
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kDataInOrder);
}

TEST_F(RowsTest, DataInBidirectionalStatus) {
  Start();
  std::vector<uint8_t> buffer(64);
  const std::vector<uint8_t> source = Pattern(64);
  Submit({.cdb = testing::AsBytes(read_cdb),
          .data_out = testing::AsBytes(source),
          .data_in = testing::AsWritableBytes(buffer)});
  h.Send(h.DataIn(h.OneSent().itt(), 0, 0, Pattern(64), 0x81));
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kDataInBidirectionalStatus);
}

TEST_F(RowsTest, DataRunsFull) {
  h.options.offer.DataPDUInOrder = false;
  Start(With(kPlainKeys, "DataPDUInOrder", "No"));
  std::vector<uint8_t> buffer(1024);
  Read(buffer);
  const Pdu read = h.OneSent();
  for (uint32_t i = 0; i < 16; ++i) h.Send(h.DataIn(read.itt(), i, 2 * i, {1}, 0x00));
  EXPECT_TRUE(h.Sent().empty());
  h.Send(h.DataIn(read.itt(), 16, 100, {1}, 0x00));  // a seventeenth piece apart
  const Pdu abort = h.OneSent();
  EXPECT_EQ(abort.header[1], 0x81);
  h.Send(h.TmfResponse(abort.itt(), 0));
  EXPECT_EQ(h.Only(EventKind::kCompleted).error.code, ErrorCode::kDataRunsFull);
}

TEST_F(RowsTest, R2tSnDuplicate) {
  Start();
  const std::vector<uint8_t> source = Pattern(20000);
  Write(source);
  const Pdu write = h.OneSent();
  h.Send(h.R2t(write.itt(), 1, 0, 8192, 8192));
  EXPECT_EQ(h.Sent().size(), 1u);
  h.Send(h.R2t(write.itt(), 1, 0, 8192, 8192));  // R2tSnDuplicate
  EXPECT_TRUE(h.Sent().empty());
  EXPECT_EQ(h.session->counters().discarded_pdus, 1u);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(RowsTest, ResidualTooLargeAndResidualUnaccounted) {
  Start();
  std::vector<uint8_t> buffer(512);
  Read(buffer, 1);
  h.Send(h.Response(h.OneSent().itt(), 0, 0x82).U32(44, 9999));  // ResidualTooLarge: cut
  Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kAnswered);
  EXPECT_EQ(done.residual_count, 512u);
  Read(buffer, 2);
  const Pdu read = h.OneSent();
  h.Send(h.DataIn(read.itt(), 0, 0, Pattern(512), 0x80));
  h.Send(h.Response(read.itt(), 0, 0x82).U32(36, 1).U32(44, 100));  // ResidualUnaccounted
  done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kAnswered);
  EXPECT_EQ(done.data_in_bytes, 512u);
}

// ---- Numbers and tags.

TEST_F(RowsTest, MaxCmdSnBehind) {
  Start();
  const uint32_t window = h.session->command_window();
  Pdu nop = h.NopIn(0xffffffff, 0xffffffff);
  h.Send(nop.U32(28, 100).U32(32, 98));  // MaxCmdSnBehind: both ignored
  EXPECT_EQ(h.session->command_window(), window);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(RowsTest, ResponseLate) {
  Start();
  h.transport_done = false;
  const std::vector<uint8_t> source = Pattern(64);
  Write(source);
  const Pdu write = h.OneSent();
  h.Send(h.Response(write.itt()));
  EXPECT_TRUE(h.Events().empty()) << "the transport still reads the source";
  h.Send(h.Response(write.itt(), 2).Data({0, 3, 0x70, 0, 5}));  // ResponseLate
  EXPECT_EQ(h.session->counters().discarded_pdus, 1u);
  h.transport_done = true;
  h.TransportDone();
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.status, 0);
}

TEST_F(RowsTest, CommandRejectedAndPeerRejected) {
  Start();
  const std::vector<uint8_t> source = Pattern(20000);
  Write(source);
  const Pdu write = h.OneSent();
  h.Send(h.R2t(write.itt(), 1, 0, 8192, 8192));
  const Pdu data = h.OneSent();
  h.Send(h.Reject(9, data));  // PeerRejected: says nothing of the command
  EXPECT_TRUE(h.Events().empty());
  EXPECT_TRUE(h.Sent().empty());
  h.Send(h.Reject(4, write));
  h.Send(h.TmfResponse(h.OneSent().itt(), 0));
  const Told done = h.Only(EventKind::kCompleted);
  EXPECT_EQ(done.outcome, Outcome::kRejected);
  EXPECT_EQ(done.error.code, ErrorCode::kCommandRejected);
  EXPECT_EQ(done.error.detail, 4u);
}

// ---- Asynchronous Messages and ends.

TEST_F(RowsTest, AsyncEventUnassigned) {
  Start();
  h.Send(h.Async(100));  // AsyncEventUnassigned
  EXPECT_EQ(h.Only(EventKind::kAsyncMessage).async_event, 100);
  EXPECT_TRUE(h.session->connected());
}

TEST_F(RowsTest, ConnectionDropAnnouncedAndSessionDropAnnounced) {
  for (uint8_t event : {2, 3}) {
    h = testing::Harness();
    Start();
    h.Send(h.Async(event, h.options.cid, 4, 9));
    const std::vector<Told> told = h.Events();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[1].kind, EventKind::kDisconnect);
    EXPECT_EQ(told[1].error.code,
              event == 2 ? ErrorCode::kConnectionDropAnnounced : ErrorCode::kSessionDropAnnounced);
    EXPECT_EQ(told[1].error.detail, 4u << 16 | 9);
    EXPECT_EQ(h.session->connection_state(), CsmState::kCleanupWait);
    h.Close();
    EXPECT_EQ(h.session->state(), SsmState::kFailed);
  }
}

TEST_F(RowsTest, LogoutRefused) {
  Start();
  ASSERT_TRUE(h.session->Logout(LogoutReason::kCloseSession).ok());
  const Pdu logout = h.OneSent();
  EXPECT_EQ(h.session->connection_state(), CsmState::kInLogout);
  Pdu response(0x26);
  response.U8(2, 3).U32(16, logout.itt());
  h.Send(h.Number(response));
  const std::vector<Told> told = h.Events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, EventKind::kLoggedOut);
  EXPECT_EQ(told[0].logout_response, 3);
  EXPECT_EQ(told[1].error.code, ErrorCode::kLogoutRefused);
  EXPECT_EQ(h.session->connection_state(), CsmState::kCleanupWait);
}

TEST_F(RowsTest, LogoutDeadline) {
  Start();
  ASSERT_TRUE(h.session->Logout(LogoutReason::kCloseSession).ok());
  h.Sent();
  h.Advance(5'000);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kLogoutDeadline);
}

TEST_F(RowsTest, AbortDeadline) {
  NoKeepalive();
  Start();
  std::vector<uint8_t> buffer(64);
  const TaskId task = Read(buffer);
  h.Sent();
  ASSERT_TRUE(h.session->Abort(task, 2).ok());
  h.Sent();
  h.Advance(59'999);
  EXPECT_TRUE(h.Events().empty());
  h.Advance(1);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kAbortDeadline);
}

// A function that was answered in time does not count for another that was not.
TEST_F(RowsTest, EachFunctionHasItsOwnDeadline) {
  NoKeepalive();
  Start();
  TaskId first;
  ASSERT_TRUE(
      h.session
          ->TaskManagement({.function = TaskManagementFunction::kClearAca, .lun = {}, .cookie = 1},
                           &first)
          .ok());
  const Pdu early = h.OneSent();
  h.Advance(30'000);
  ASSERT_TRUE(
      h.session
          ->TaskManagement({.function = TaskManagementFunction::kClearAca, .lun = {}, .cookie = 2},
                           nullptr)
          .ok());
  h.Sent();
  h.Send(h.TmfResponse(early.itt(), 0));
  h.Only(EventKind::kTaskManagementDone);
  h.Advance(30'000);
  EXPECT_TRUE(h.Events().empty());
  h.Advance(30'000);
  EXPECT_EQ(h.Only(EventKind::kDisconnect).error.code, ErrorCode::kAbortDeadline);
}

TEST_F(RowsTest, TellsWhyTheTransportIsGone) {
  for (ErrorCode code : {ErrorCode::kTransportReset, ErrorCode::kTransportError}) {
    h = testing::Harness();
    Start();
    h.session->OnTransportClosed(h.id, MakeError(code, Role::kInitiator, PduClass::kNone, 0, 104));
    EXPECT_EQ(h.Only(EventKind::kConnectionLost).error.code, code);
  }
  for (size_t cut : {0, 20}) {
    h = testing::Harness();
    Start();
    std::vector<uint8_t> bytes = h.NopIn(0xffffffff, 0xffffffff).Bytes();
    bytes.resize(cut);
    h.SendBytes(bytes);
    h.Close();
    EXPECT_EQ(h.Only(EventKind::kConnectionLost).error.code,
              cut == 0 ? ErrorCode::kTransportClosed : ErrorCode::kPduTruncated);
  }
}

// ---- The embedder's calls.

TEST_F(RowsTest, MisuseIsRefused) {
  Start();
  const std::vector<std::byte> ping(8193);
  EXPECT_EQ(h.session->Ping(ping, 1).code, ErrorCode::kCallDataSegmentTooLong);
  EXPECT_EQ(h.session->Abort({12345}, 1).code, ErrorCode::kCallUnknownTask);
  EXPECT_TRUE(h.Sent().empty());
  EXPECT_TRUE(h.Events().empty());
}

}  // namespace
}  // namespace isthmus::initiator
