// A hostile target against the initiator's session: each submitted task ends exactly once, nothing
// is sent beyond the command window, and after the transport has closed the session can always end.
//
// Input: one byte of configuration (1 digests, 2 InitialR2T, 4 any order, 8 FastAbort, 16 received
// byte by byte), then steps of an opcode byte and its operands, see Run::Step().

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "fuzz/entry_points.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/time.h"

namespace isthmus::initiator {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// The rest of the input.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  uint32_t Word() { return static_cast<uint32_t>(Byte()) << 8 | Byte(); }
  std::string Bytes(size_t count) {
    count = std::min(count, size_);
    std::string bytes(reinterpret_cast<const char*>(data_), count);
    data_ += count;
    size_ -= count;
    return bytes;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

void Put32(std::string& pdu, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) pdu[at + i] = static_cast<char>(value >> (24 - 8 * i));
}
uint32_t Get32(const uint8_t* pdu, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | pdu[at + i];
  return value;
}

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

  void Step(Input& input) {
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
        now_ = now_ + Milliseconds(input.Word());
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
    Drain();
    Flush();
    Drain();
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
    digests_ = false;
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

  uint32_t Tag(uint8_t choice) const {
    if (tags_.empty()) return 0xffffffff;
    return tags_[choice % tags_.size()];
  }

  void SendPdu(Input& input) {
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
    Put32(pdu, 24, (repair & 8) != 0 ? stat_sn_ : input.Word());
    if (counted && (repair & 8) != 0) ++stat_sn_;
    Put32(pdu, 28, 0xfffffffc + input.Byte() % 16);
    const uint32_t max = max_cmd_sn_ + input.Byte() % 4;
    Put32(pdu, 32, max);
    if (static_cast<int32_t>(max - max_cmd_sn_) > 0) max_cmd_sn_ = max;
    Put32(pdu, 36, input.Byte());  // DataSN, R2TSN, AsyncEvent ...
    Put32(pdu, 40, input.Word());  // Buffer Offset
    Put32(pdu, 44, input.Word());  // Desired Data Transfer Length, Residual Count
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

  void Submit(Input& input) {
    const uint8_t how = input.Byte();
    std::array<std::byte, 32> cdb = {};
    Command command;
    command.cdb = std::span(cdb).first((how & 1) != 0 ? 10 : 20);
    command.immediate = (how & 14) == 14;
    command.lun[1] = static_cast<std::byte>(how >> 7);
    if ((how & 2) != 0) command.data_out = std::span(source_).first(input.Word() % 5000);
    std::vector<std::byte>& destination = destinations_[next_cookie_ % destinations_.size()];
    if ((how & 2) == 0 || (how & 4) != 0) {
      destination.assign(input.Word() % 3000, std::byte{0});
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
    const size_t step = (flags_ & 16) != 0 ? 1 : kept.size();
    for (size_t at = 0; at < kept.size(); at += step) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = std::as_bytes(std::span(kept)).subspan(at, step);
      if (!session_->Receive(id_, segment, now_)) return;
      received_ += step;
      Drain();
    }
  }

  void Close() { session_->OnTransportClosed(id_, Error::Ok()); }

  void Drain() {
    Event event;
    while (session_->Next(&event)) {
      Require(!ended_);
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
  bool digests_ = false, ended_ = false, logged_in_once_ = false;
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
  if (size == 0) return 0;
  isthmus::initiator::Input input(data + 1, size - 1);
  isthmus::initiator::Run run(data[0]);
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) run.Step(input);
  run.Finish();
  return 0;
}
