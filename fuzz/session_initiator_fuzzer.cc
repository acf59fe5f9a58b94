// A hostile target against the initiator's session: each submitted task ends exactly once, nothing
// is sent beyond the command window, and after the transport has closed the session can always end.
//
// Input: a script (fuzz/script.h). Configuration: 1 digests, 2 InitialR2T, 4 any order, 8 FastAbort,
// 16 received byte by byte. A step is a byte that names it and its operands, see Run::Step().

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "fuzz/cells.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "fuzz/script.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/time.h"

namespace isthmus::initiator {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Put32(std::string& pdu, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) pdu[at + i] = static_cast<char>(value >> (24 - 8 * i));
}
uint32_t Get32(const uint8_t* pdu, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | pdu[at + i];
  return value;
}

// Section 8.1.1: what is left of it once the login is done.
constexpr const char* kRows[] = {"LOGGED_IN",    "IN_LOGOUT", "LOGOUT_REQUESTED",
                                 "CLEANUP_WAIT", "FREE",      "IN_CLEANUP"};
constexpr fuzz::Unreachable kUnreachable[] = {
    {"IN_CLEANUP", fuzz::kAnyOpcode,
     "at ErrorRecoveryLevel 0 no connection cleans up another (M2, section 8.2)"}};
constexpr size_t RowOf(CsmState state) {
  switch (state) {
    case CsmState::kLoggedIn:
      return 0;
    case CsmState::kInLogout:
      return 1;
    case CsmState::kLogoutRequested:
      return 2;
    case CsmState::kCleanupWait:
      return 3;
    case CsmState::kInCleanup:
      return 5;
    default:
      return 4;
  }
}
constexpr fuzz::CellBoard kBoard = {
    .rows = kRows, .columns = fuzz::kResponseOpcodes, .unreachable = kUnreachable};

// One of each response of section 11.
constexpr std::string_view kHeaders[] = {
    "20 80 0000 00000000 0000000000000000 ffffffff 00000001 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // NOP-In that asks
    "20 80 0000 00000000 0000000000000000 00000000 ffffffff 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // NOP-In that answers
    "21 80 0000 00000000 0000000000000000 00000000 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // SCSI Response
    "21 82 0002 00000000 0000000000000000 00000001 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000040",  // one with a residual
    "22 80 0000 00000000 0000000000000000 00000000 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Task Management Function Response
    "24 80 0000 00000000 0000000000000000 00000000 ffffffff 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Text Response
    "25 80 0000 00000000 0000000000000000 00000000 ffffffff 00000000 fffffffc 00000005 "
    "000000000000000000000000",  // Data-In
    "25 81 0000 00000000 0000000000000000 00000000 ffffffff 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Data-In with status
    "26 80 0000 00000000 0000000000000000 00000000 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Logout Response
    "31 80 0000 00000000 0000000000000000 00000000 00000007 00000064 fffffffc 00000005 "
    "000000000000040000000100",  // R2T
    "32 80 0000 00000000 0000000000000000 ffffffff 00000000 00000064 fffffffc 00000005 "
    "010000000000000500000000",  // Asynchronous Message: asks for logout
    "3f 80 0400 00000000 0000000000000000 ffffffff 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Reject
    "23 87 0000 00000000 0000000000000000 00000000 00000000 00000064 fffffffc 00000005 "
    "000000000000000000000000",  // Login Response
};
fuzz::Framing FramingOf(uint8_t flags) { return {(flags & 1) != 0, (flags & 1) != 0}; }
constexpr fuzz::ScriptShape kShape = {FramingOf, kHeaders};

class Run {
 public:
  explicit Run(uint8_t flags) : flags_(flags), source_(5000), destinations_(64) {
    SessionOptions options;
    options.limits.queue_depth = 8;
    options.limits.task_management_slots = 2;
    options.limits.cdb_bytes = 32;
    session_.emplace(Session::OnHeap(options));
    LogIn();
  }

  void Step(fuzz::Operands input) {
    switch (input.Byte() % 12) {
      case 0:  // raw bytes
        Receive(input.Bytes(input.Byte()));
        break;
      case 1:
      case 2:
      case 3:  // a PDU, of which much is repaired
        SendPdu(input);
        break;
      case 4:
      case 5:
        Submit(input);
        break;
      case 6:
        Count(session_->Abort(TaskId{Tag(input.Byte())}, 0));
        break;
      case 7:
        Count(session_->TaskManagement(
            {.function = static_cast<TaskManagementFunction>(input.Byte() % 13),
             .referenced_task = TaskId{Tag(input.Byte())},
             .immediate = (input.Byte() & 1) != 0},
            nullptr));
        break;
      case 8:
        now_ = now_ + Milliseconds(input.Half());
        session_->HandleTimeout(now_);
        break;
      case 9:
        Other(input.Byte());
        break;
      case 10:
        Close();
        break;
      default:
        if (!session_->connected()) LogIn();
        break;
    }
    Settle();
  }

  void Wire(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    const fuzz::Framing framing = FramingOf(digests_ ? 1 : 0);
    for (fuzz::RawPdu& pdu : fuzz::SplitPdus(bytes.data() + 1, bytes.size() - 1, framing)) {
      if (pdu.HasHeader()) Mend(&pdu, bytes[0], framing);
      Receive(Join(pdu));
      Settle();
    }
  }

  void Finish() {
    session_->End();
    Drain();
    Close();
    Drain();
    Require(ended_ || !logged_in_once_);
    for (const auto& [cookie, told] : told_) Require(told == 1);
    Require(session_->outstanding() == 0);
  }

 private:
  void LogIn() {
    ConnectionOptions options;
    options.initiator_name = "iqn.2026-11.example.host:a";
    options.target_name = "iqn.2026-11.example.target:b";
    options.isid = {std::byte{0x80}};
    options.kernel = &digest::SelectKernel();
    options.skip_security = true;
    options.cmd_sn = 0xfffffffc;
    options.offer.DataPDUInOrder = options.offer.DataSequenceInOrder = (flags_ & 4) == 0;
    options.limits.tx_entries = options.limits.tx_pdus_in_flight = 16;
    connection_.emplace(Connection::OnHeap(options));
    received_ = sent_ = 0;
    digests_ = disconnected_ = false;
    FlushConnection();
    const bool on = (flags_ & 1) != 0;
    const std::string digest = on ? "CRC32C" : "None";
    const std::string order = (flags_ & 4) != 0 ? "No" : "Yes";
    std::string text;
    for (const std::string& pair :
         {std::string("TargetPortalGroupTag=1"), "HeaderDigest=" + digest, "DataDigest=" + digest,
          std::string("InitialR2T=") + ((flags_ & 2) != 0 ? "Yes" : "No"),
          std::string("ImmediateData=Yes"), std::string("MaxBurstLength=2048"),
          std::string("FirstBurstLength=1024"), std::string("MaxOutstandingR2T=2"),
          std::string("DefaultTime2Wait=2"), std::string("DefaultTime2Retain=0"),
          "DataPDUInOrder=" + order, "DataSequenceInOrder=" + order,
          std::string("TaskReporting=") + ((flags_ & 8) != 0 ? "FastAbort" : "RFC3720"),
          std::string("iSCSIProtocolLevel=2"), std::string("MaxConnections=1"),
          std::string("ErrorRecoveryLevel=0"), std::string("MaxRecvDataSegmentLength=512")}) {
      text += pair + '\0';
    }
    std::string pdu(48, '\0');
    pdu[0] = 0x23;
    pdu[1] = static_cast<char>(0x87);
    pdu[8] = static_cast<char>(0x80);
    pdu[15] = 1;
    pdu[6] = static_cast<char>(text.size() >> 8);
    pdu[7] = static_cast<char>(text.size());
    Put32(pdu, 24, stat_sn_++);
    Put32(pdu, 28, 0xfffffffc);
    Put32(pdu, 32, 1);
    max_cmd_sn_ = 1;
    pdu += text;
    pdu.resize((pdu.size() + 3) / 4 * 4);
    const std::string& kept = lent_.emplace_back(std::move(pdu));
    RxSegment segment;
    segment.bytes = std::as_bytes(std::span(kept));
    Require(connection_->Receive(segment, now_));
    received_ = kept.size();
    Event event;
    while (connection_->Next(&event)) {
      if (event.kind != EventKind::kLoginDone) continue;
      logged_in_once_ = true;
      if (session_->Attach(std::move(*connection_), &id_).ok()) digests_ = on;
      connection_.reset();
      return;
    }
    connection_.reset();
  }

  void Settle() {
    Drain();
    Flush();
    Drain();
  }

  // Section 11: StatSN where a response takes a number; the window; the tag of something that is outstanding.
  void Mend(fuzz::RawPdu* pdu, uint8_t mends, fuzz::Framing framing) {
    const uint8_t opcode = pdu->opcode();
    if ((mends & fuzz::kMendTags) != 0 && pdu->Word(16) != 0xffffffff) {
      pdu->SetWord(16, Tag(pdu->Byte(19)), framing);
    }
    if ((mends & fuzz::kMendNumbers) == 0) return;
    const bool has_status = opcode != 0x25 || (pdu->Byte(1) & 1) != 0;
    const bool counted =
        opcode != 0x31 && has_status && !(opcode == 0x20 && pdu->Word(16) == 0xffffffff);
    if (has_status) pdu->SetWord(24, stat_sn_, framing);
    if (counted) ++stat_sn_;
    pdu->SetWord(32, max_cmd_sn_, framing);
    if (static_cast<int32_t>(max_cmd_sn_ - pdu->Word(28)) < -1) {
      pdu->SetWord(28, max_cmd_sn_, framing);
    }
  }

  struct Snapshot {
    size_t row;
    uint64_t rejects, discarded, digest_errors, events;
    bool disconnected;
  };
  Snapshot Look() const {
    const RxCounters* rx = session_->rx_counters();
    const SessionCounters& counters = session_->counters();
    return {.row = RowOf(session_->connection_state()),
            .rejects = counters.rejects,
            .discarded = counters.discarded_pdus,
            .digest_errors = rx == nullptr ? 0 : rx->header_digest_errors + rx->data_digest_errors,
            .events = events_,
            .disconnected = disconnected_};
  }
  void Visit(const Snapshot& before, uint8_t first_byte, bool read) const {
    const Snapshot now = Look();
    using fuzz::CellVerdict;
    const CellVerdict verdict = !read                                      ? CellVerdict::kNotRead
                                : now.digest_errors > before.digest_errors ? CellVerdict::kBadDigest
                                : now.disconnected != before.disconnected  ? CellVerdict::kEnded
                                : now.rejects != before.rejects            ? CellVerdict::kRejected
                                : now.discarded != before.discarded        ? CellVerdict::kIgnored
                                : now.events != before.events              ? CellVerdict::kAnnounced
                                                                           : CellVerdict::kTaken;
    fuzz::VisitCell(before.row, first_byte, verdict, std::min<size_t>(session_->outstanding(), 7));
  }

  uint32_t Tag(uint8_t choice) const {
    if (tags_.empty()) return 0xffffffff;
    return tags_[choice % tags_.size()];
  }

  void SendPdu(fuzz::Operands& input) {
    static constexpr uint8_t kOpcodes[] = {0x20, 0x21, 0x22, 0x24, 0x25, 0x25,
                                           0x26, 0x31, 0x31, 0x32, 0x3f};
    std::string pdu(48, '\0');
    const uint8_t repair = input.Byte();
    pdu[0] = static_cast<char>(kOpcodes[input.Byte() % std::size(kOpcodes)]);
    pdu[1] = static_cast<char>(input.Byte());
    pdu[2] = static_cast<char>((repair & 1) != 0 ? 0 : input.Byte());
    pdu[3] = static_cast<char>((repair & 2) != 0 ? 0 : input.Byte());
    const bool tagged = pdu[0] != 0x32 && pdu[0] != 0x3f;
    const uint32_t tag = Tag(input.Byte());
    Put32(pdu, 16, tagged ? tag : 0xffffffff);
    Put32(pdu, 20, (repair & 4) != 0 ? 0xffffffff : input.Byte());
    const bool counted =
        pdu[0] != 0x31 && !(pdu[0] == 0x25 && (pdu[1] & 1) == 0) &&
        !(pdu[0] == 0x20 && Get32(reinterpret_cast<uint8_t*>(pdu.data()), 16) == 0xffffffff);
    Put32(pdu, 24, (repair & 8) != 0 ? stat_sn_ : input.Half());
    if (counted && (repair & 8) != 0) ++stat_sn_;
    Put32(pdu, 28, 0xfffffffc + input.Byte() % 16);
    const uint32_t max = max_cmd_sn_ + input.Byte() % 4;
    Put32(pdu, 32, max);
    if (static_cast<int32_t>(max - max_cmd_sn_) > 0) max_cmd_sn_ = max;
    Put32(pdu, 36, input.Byte());  // DataSN, R2TSN, AsyncEvent ...
    Put32(pdu, 40, input.Half());  // Buffer Offset
    Put32(pdu, 44, input.Half());  // Desired Data Transfer Length, Residual Count
    if (pdu[0] == 0x32) pdu[36] = static_cast<char>(input.Byte() % 8);
    std::string data = input.Bytes(input.Byte());
    if (pdu[0] == 0x3f && (repair & 16) != 0) data = last_request_;
    pdu[7] = static_cast<char>(data.size());
    if (digests_) AppendDigest(pdu, 0, (repair & 32) != 0 && (repair & 64) != 0);
    if (!data.empty()) {
      const size_t begin = pdu.size();
      data.resize((data.size() + 3) / 4 * 4);
      pdu += data;
      if (digests_) AppendDigest(pdu, begin, (repair & 32) != 0);
    }
    Receive(std::move(pdu));
  }

  static void AppendDigest(std::string& pdu, size_t begin, bool bad) {
    const digest::Crc32c crc =
        digest::SelectKernel().extend(digest::Crc32c{}, pdu.data() + begin, pdu.size() - begin);
    std::array<std::byte, 4> bytes;
    digest::StoreDigest(crc, bytes.data());
    for (std::byte b : bytes) pdu += static_cast<char>(static_cast<uint8_t>(b) ^ (bad ? 1 : 0));
  }

  void Submit(fuzz::Operands& input) {
    const uint8_t how = input.Byte();
    std::array<std::byte, 32> cdb = {};
    Command command;
    command.cdb = std::span(cdb).first((how & 1) != 0 ? 10 : 20);
    command.immediate = (how & 14) == 14;
    command.lun[1] = static_cast<std::byte>(how >> 7);
    if ((how & 2) != 0) command.data_out = std::span(source_).first(input.Half() % 5000);
    std::vector<std::byte>& destination = destinations_[next_cookie_ % destinations_.size()];
    if ((how & 2) == 0 || (how & 4) != 0) {
      destination.assign(input.Half() % 3000, std::byte{0});
      command.data_in = destination;
    }
    command.retry = (how & 16) != 0 ? RetryPolicy::kReissue : RetryPolicy::kReport;
    command.cookie = next_cookie_;
    TaskId task;
    if (session_->outstanding() >= 8) return;
    if (!session_->Submit(command, &task).ok()) return;
    told_.emplace_back(next_cookie_++, 0);
    tags_.push_back(task.initiator_task_tag);
    if (tags_.size() > 12) tags_.erase(tags_.begin());
  }

  void Other(uint8_t choice) {
    switch (choice % 6) {
      case 0:
        Count(session_->Ping(std::span(source_).first(choice), 0));
        break;
      case 1:
        Count(session_->SendTargets("", answer_, 0));
        break;
      case 2:
        Count(session_->Renegotiate(512u + choice, 0));
        break;
      case 3:
        Count(session_->Logout(LogoutReason::kCloseConnection));
        break;
      case 4:
        Count(session_->Logout(LogoutReason::kCloseSession));
        break;
      default:
        if (choice > 250) session_->End();
        break;
    }
  }

  void Count(const Error& error) { refused_ += !error.ok(); }

  void Receive(std::string bytes) {
    const std::string& kept = lent_.emplace_back(std::move(bytes));
    if (kept.empty()) return;
    const Snapshot before = Look();
    const bool read = Deliver(kept);
    Visit(before, static_cast<uint8_t>(kept[0]), read);
  }
  bool Deliver(const std::string& kept) {
    const size_t step = (flags_ & 16) != 0 ? 1 : kept.size();
    for (size_t at = 0; at < kept.size(); at += step) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = std::as_bytes(std::span(kept)).subspan(at, step);
      if (!session_->Receive(id_, segment, now_)) return false;
      received_ += step;
      Drain();
    }
    return true;
  }

  void Close() { session_->OnTransportClosed(id_, Error::Ok()); }

  void Drain() {
    Event event;
    while (session_->Next(&event)) {
      Require(!ended_);
      ++events_;
      disconnected_ = disconnected_ || event.kind == EventKind::kDisconnect;
      ended_ = event.kind == EventKind::kSessionEnded;
      if (event.kind != EventKind::kCompleted) continue;
      for (auto& [cookie, told] : told_) told += cookie == event.cookie;
      Require(event.data_in_bytes <= 3000);
    }
  }

  void FlushConnection() {
    std::array<TxSlice, 8> slices;
    while (const size_t count = connection_->PollTransmit(slices, now_)) {
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) size += slices[i].size;
      sent_ += size;
      connection_->OnSent(size);
      connection_->OnTransportDone(sent_);
    }
  }

  void Flush() {
    std::array<TxSlice, 8> slices;
    while (const size_t count = session_->PollTransmit(id_, slices, now_)) {
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) {
        size += slices[i].size;
        if (Has(slices[i].flags, TxFlags::kPduStart) && slices[i].size >= 48) Look(slices[i].data);
      }
      sent_ += size;
      session_->OnSent(id_, size);
      session_->OnTransportDone(id_, sent_);
    }
  }

  // Section 4.2.2.1: no request beyond the window that the target gave.
  void Look(const std::byte* bytes) {
    const auto* pdu = reinterpret_cast<const uint8_t*>(bytes);
    last_request_.assign(reinterpret_cast<const char*>(pdu), 48);
    const bool immediate = (pdu[0] & 0x40) != 0;
    const uint8_t opcode = pdu[0] & 0x3f;
    if (immediate || opcode == 0x05) return;
    Require(static_cast<int32_t>(max_cmd_sn_ - Get32(pdu, 24)) >= 0);
    if (opcode != 0x01) tags_.push_back(Get32(pdu, 16));
  }

  const uint8_t flags_;
  std::optional<Connection> connection_;
  std::optional<Session> session_;
  ConnectionId id_;
  bool digests_ = false, ended_ = false, logged_in_once_ = false, disconnected_ = false;
  uint64_t events_ = 0;
  uint32_t stat_sn_ = 100, max_cmd_sn_ = 1;
  uint64_t next_cookie_ = 1, received_ = 0, sent_ = 0, refused_ = 0;
  std::vector<std::pair<uint64_t, int>> told_;
  std::vector<uint32_t> tags_;
  std::vector<std::byte> source_;
  std::vector<std::vector<std::byte>> destinations_;
  std::array<std::byte, 600> answer_ = {};
  std::string last_request_ = std::string(48, '\0');
  std::deque<std::string> lent_;
  Instant now_ = {1'000'000'000};
};

}  // namespace
}  // namespace isthmus::initiator

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  fuzz::UseCellBoard(&initiator::kBoard);
  fuzz::ScriptReader script(data, size);
  initiator::Run run(script.configuration());
  fuzz::Record record;
  for (int steps = 0; steps < 200 && script.Next(&record); ++steps) {
    if (record.kind == fuzz::kWire) {
      run.Wire(record.bytes);
    } else {
      run.Step(fuzz::Operands(record.bytes));
    }
  }
  run.Finish();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  return fuzz::MutateScript(initiator::kShape, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  return fuzz::CrossOverScripts(initiator::kShape, data1, size1, data2, size2, out, max_out_size,
                                seed);
}
