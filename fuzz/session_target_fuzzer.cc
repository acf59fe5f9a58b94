// Scripts against a target's session: PDUs well and badly formed, answers of the embedder in any order, time, partial
// sends, loss. Invariants: every announced task is released exactly once and not used after; whatever happened, closing the
// transport and releasing what was aborted ends the session; the window never shrinks; nothing is sent after the end.
//
// Input: a script (fuzz/script.h). A step is a byte that names it and its operands, see Run::Step().
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "digest/select.h"
#include "digest/value.h"
#include "fuzz/cells.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "fuzz/script.h"
#include "target/connection.h"
#include "target/session.h"

namespace isthmus::target {
namespace {

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

struct TaskView {
  TaskId id;
  bool write = false, read = false, begun = false, command = false, aborted = false,
       accepted = false;
  bool completed = false;
  uint32_t write_length = 0, accepted_end = 0, sent = 0, least = 0;
  bool window_open = false;
  std::vector<std::vector<std::byte>>
      memory;  // lent; freed at kTaskReleased, so that ASan sees a late use
};

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
    .rows = kRows, .columns = fuzz::kRequestOpcodes, .unreachable = kUnreachable};

// One of each request of section 11 that a session takes.
constexpr std::string_view kHeaders[] = {
    "00 80 0000 00000000 0000000000000000 00000001 ffffffff 00000064 00000000 "
    "00000000000000000000000000000000",  // NOP-Out
    "01 c1 0000 00000000 0000000000000000 00000001 00000200 00000064 00000000 "
    "28000000000000000100000000000000",  // read
    "01 a1 0000 00000000 0000000000000000 00000002 00000800 00000064 00000000 "
    "2a000000000000000400000000000000",  // write
    "01 61 0000 00000000 0000000000000000 00000003 00000200 00000064 00000000 "
    "53000000000000000100000000000000",  // both, of which the AHS is missing
    "42 81 0000 00000000 0000000000000000 00000004 00000001 00000064 00000000 "
    "00000064000000000000000000000000",  // ABORT TASK
    "02 85 0000 00000000 0000000000000000 00000005 ffffffff 00000064 00000000 "
    "00000000000000000000000000000000",  // LOGICAL UNIT RESET
    "05 80 0000 00000000 0000000000000000 00000002 ffffffff 00000000 00000000 "
    "00000000000000000000000000000000",  // Data-Out
    "04 80 0000 00000000 0000000000000000 00000006 ffffffff 00000064 00000000 "
    "00000000000000000000000000000000",  // Text
    "06 80 0000 00000000 0000000000000000 00000007 00000000 00000064 00000000 "
    "00000000000000000000000000000000",  // Logout
    "10 80 0000 00000000 0000000000000000 00000001 ffffffff 00000000 00000000 "
    "00000000000000000000000000000000",  // SNACK
    "43 87 0000 00000000 800000000000 0000 00000001 00000000 00000064 00000000 "
    "00000000000000000000000000000000",  // Login
};
fuzz::Framing FramingOf(uint8_t config) { return {(config & 4) != 0, (config & 8) != 0}; }
constexpr fuzz::ScriptShape kShape = {FramingOf, kHeaders};

class Run {
 public:
  void Go(fuzz::ScriptReader script) {
    if (!Login(script.configuration())) return;
    framing_ = FramingOf(script.configuration());
    for (fuzz::Record record; !ended_ && script.Next(&record);) {
      if (record.kind == fuzz::kWire) {
        Wire(record.bytes);
      } else {
        in_ = fuzz::Operands(record.bytes);
        Step();
      }
      Check();
    }
    Finish();
  }

 private:
  static void Put(std::string& s, size_t at, uint32_t v) {
    for (int i = 0; i < 4; ++i) s[at + i] = static_cast<char>(v >> (24 - 8 * i));
  }
  std::string Digest(const std::string& bytes) const {
    std::array<std::byte, 4> wire;
    digest::StoreDigest(kernel_->extend(digest::Crc32c{}, bytes.data(), bytes.size()), wire.data());
    return {reinterpret_cast<const char*>(wire.data()), 4};
  }

  bool Login(uint8_t config) {
    ConnectionOptions options;
    options.kernel = kernel_;
    options.limits.command_slots = 4;
    options.limits.immediate_commands = 2;
    options.limits.echo_slots = 3;
    options.limits.staging_bytes = (config & 64) != 0 ? 4096 : 0;
    session_options_.limits = options.limits;
    session_options_.limits.r2t_slots = 3;
    session_options_.limits.source_slots = 6;
    session_options_.limits.task_management_slots = 2;
    Connection connection = Connection::OnHeap(options);
    std::string text = std::string("InitiatorName=iqn.2026-01.example:host") + '\0';
    if ((config & 16) != 0) {
      text += std::string("SessionType=Discovery") + '\0';
    } else {
      text += std::string("TargetName=iqn.2026-01.example:disk") + '\0';
      text += std::string("InitialR2T=") + ((config & 1) != 0 ? "No" : "Yes") + '\0';
      text += std::string("ImmediateData=") + ((config & 2) != 0 ? "Yes" : "No") + '\0';
      text += std::string("FirstBurstLength=600") + '\0' + "MaxBurstLength=1024" + '\0' +
              "MaxOutstandingR2T=2" + '\0';
      text += std::string("TaskReporting=") + ((config & 32) != 0 ? "FastAbort" : "RFC3720") + '\0';
      if ((config & 128) != 0) text += std::string("DataPDUInOrder=No") + '\0';
    }
    header_digest_ = (config & 4) != 0;
    data_digest_ = (config & 8) != 0;
    text += std::string("HeaderDigest=") + (header_digest_ ? "CRC32C" : "None") + '\0';
    text += std::string("DataDigest=") + (data_digest_ ? "CRC32C" : "None") + '\0';
    text += std::string("MaxRecvDataSegmentLength=512") + '\0';
    std::string request(48, '\0');
    request[0] = 0x43;
    request[1] = static_cast<char>(0x87);
    Put(request, 8, 0x80123456);
    Put(request, 16, 1);
    Put(request, 24, 100);
    Put(request, 4, static_cast<uint32_t>(text.size()));
    request += text;
    while (request.size() % 4 != 0) request.push_back('\0');
    login_ = request;
    RxSegment segment;
    segment.bytes = {reinterpret_cast<const std::byte*>(login_.data()), login_.size()};
    Require(connection.Receive(segment, now_));
    received_ = login_.size();
    Event event;
    while (connection.Next(&event)) {
      if (event.kind == EventKind::kLookup) {
        LookupAnswer answer;
        answer.offer.InitialR2T = false;
        answer.offer.MaxOutstandingR2T = 2;
        answer.offer.DataPDUInOrder = false;
        answer.offer.iSCSIProtocolLevel = 2;
        answer.offer.TaskReporting = {text::TaskReportingSemantics::kFastAbort,
                                      text::TaskReportingSemantics::kRFC3720};
        answer.offer.MaxRecvDataSegmentLength = 4096;
        Require(connection.AnswerLookup(answer).ok());
      } else if (event.kind == EventKind::kClaim) {
        Require(connection.AnswerClaim({.status = {}, .tsih = 1}).ok());
      } else if (event.kind == EventKind::kLoginDone) {
        session_.emplace(Session::OnHeap(session_options_));
        Require(session_->Attach(std::move(connection), &id_).ok());
        return true;
      } else {
        return false;
      }
    }
    return false;
  }

  void Step() {
    const uint8_t op = in_.Byte();
    switch (op % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        SendPdu(op >> 4);
        break;
      case 5:
        Feed(in_.Bytes(in_.Byte()));
        break;
      case 6:
        Transmit(1 + in_.Byte());
        break;
      case 7:
        Transmit(1 << 20);
        break;
      case 8:
        if (!closed_)
          session_->OnTransportDone(id_, done_ = done_ + (sent_ - done_) * in_.Byte() / 255);
        break;
      case 9:
        now_.ns += int64_t{in_.Byte()} * 1'000'000'000;
        session_->HandleTimeout(now_);
        break;
      case 10:
      case 11:
      case 12:
      case 13:
        Answer();
        break;
      case 14:
        Command();
        break;
      case 15:
        Drain();
        break;
    }
    if ((op & 0x80) == 0) Drain();
  }

  void Wire(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    for (fuzz::RawPdu& pdu : fuzz::SplitPdus(bytes.data() + 1, bytes.size() - 1, framing_)) {
      if (pdu.HasHeader()) Mend(&pdu, bytes[0]);
      Feed(Join(pdu));
    }
  }

  // Section 11: CmdSN in all requests but Data-Out and SNACK; a Data-Out that answers an R2T goes on where that stands.
  void Mend(fuzz::RawPdu* pdu, uint8_t mends) {
    const uint8_t opcode = pdu->opcode();
    if ((mends & fuzz::kMendNumbers) != 0 && opcode != 0x05 && opcode != 0x10) {
      pdu->SetWord(24, cmd_sn_, framing_);
      if (!pdu->immediate()) ++cmd_sn_;
    }
    if ((mends & fuzz::kMendTags) == 0 || opcode != 0x05 || pdu->Word(20) == 0xffffffff) return;
    if (r2ts_.empty()) return;
    R2t& r2t = r2ts_[pdu->Word(20) % r2ts_.size()];
    pdu->SetWord(16, r2t.itt, framing_);
    pdu->SetWord(20, r2t.ttt, framing_);
    pdu->SetWord(36, r2t.data_sn++, framing_);
    pdu->SetWord(40, r2t.offset, framing_);
    r2t.offset += static_cast<uint32_t>(pdu->data.size());
  }

  struct Snapshot {
    size_t row;
    uint64_t rejects, ignored, digest_errors, events, disconnects;
  };
  Snapshot Look() const {
    Snapshot now = {.row = RowOf(session_->connection_state(id_)),
                    .rejects = session_->counters().rejects,
                    .ignored = session_->counters().ignored,
                    .digest_errors = 0,
                    .events = events_,
                    .disconnects = logged_out_done_};
    if (!closed_) {
      const RxCounters& rx = session_->rx_counters(id_);
      now.digest_errors = rx.header_digest_errors + rx.data_digest_errors;
    }
    return now;
  }
  void Visit(const Snapshot& before, uint8_t first_byte) const {
    const Snapshot now = Look();
    using fuzz::CellVerdict;
    const CellVerdict verdict = now.digest_errors != before.digest_errors ? CellVerdict::kBadDigest
                                : now.disconnects != before.disconnects   ? CellVerdict::kEnded
                                : now.rejects != before.rejects           ? CellVerdict::kRejected
                                : now.ignored != before.ignored           ? CellVerdict::kIgnored
                                : now.events != before.events             ? CellVerdict::kAnnounced
                                                                          : CellVerdict::kTaken;
    fuzz::VisitCell(before.row, first_byte, verdict, std::min<size_t>(tasks_.size(), 7));
  }

  // A PDU near to a good one: tags, numbers and lengths come from small sets, or from the input.
  void SendPdu(uint8_t variety) {
    static constexpr uint8_t kOpcodes[] = {0x01, 0x05, 0x01, 0x02, 0x00, 0x04, 0x41, 0x42,
                                           0x40, 0x44, 0x06, 0x46, 0x10, 0x03, 0x21, 0x3f};
    std::string h(48, '\0');
    const uint8_t opcode = kOpcodes[variety];
    const uint8_t shape = in_.Byte();
    h[0] = static_cast<char>(opcode);
    h[1] = static_cast<char>(shape & 0xe7);
    const uint8_t plain = opcode & 0x3f;
    if (plain == 0x00 || plain == 0x06 || plain == 0x02)
      h[1] = static_cast<char>(0x80 | (shape & 0x0f));
    if (plain == 0x06) h[1] = static_cast<char>(0x80 | (shape & 3));
    h[9] = static_cast<char>(shape & 1);
    const uint8_t tags = in_.Byte();
    Put(h, 16, tags % 8 == 7 ? 0xffffffff : tags % 8);
    const uint8_t numbers = in_.Byte();
    const bool immediate = (opcode & 0x40) != 0;
    Put(h, 24, numbers < 200 ? cmd_sn_ : cmd_sn_ + numbers % 8 - 3);
    Put(h, 28, 0);
    size_t size = 0;
    switch (plain) {
      case 0x01:
        Put(h, 20, (tags >> 3) * 64u);
        size = (shape & 0x20) != 0 ? std::min<size_t>((numbers & 7) * 64, (tags >> 3) * 64) : 0;
        h[32] = static_cast<char>(shape);
        break;
      case 0x05:
        Put(h, 20,
            (tags & 0x80) != 0 && !r2ts_.empty() ? r2ts_[tags / 8 % r2ts_.size()].ttt : 0xffffffff);
        Put(h, 36, numbers & 3);
        Put(h, 40, in_.Byte() * 16u);
        size = in_.Byte() * 4u;
        break;
      case 0x00:
        Put(h, 20, (tags & 0x80) != 0 ? numbers & 3 : 0xffffffff);
        size = (tags >> 3) * 17;
        break;
      case 0x02:
        Put(h, 20, (shape & 0x0f) == 1 || (shape & 0x0f) == 9 ? tags >> 5 : 0xffffffff);
        Put(h, 32, cmd_sn_ - (numbers & 3));
        break;
      case 0x04:
        h[1] = static_cast<char>(shape & 0xc0);
        Put(h, 20, (tags & 0x80) != 0 ? numbers & 3 : 0xffffffff);
        break;
      default:
        Put(h, 20, in_.Word());
        break;
    }
    std::string data;
    if (plain == 0x04) {
      static const std::string kTexts[] = {
          std::string("SendTargets=All\0", 16), std::string("SendTargets=\0", 13),
          std::string("MaxRecvDataSegmentLength=1024\0", 30), std::string("X-a=b\0", 6)};
      data = (numbers & 32) != 0 ? in_.Bytes(numbers & 31) : kTexts[numbers & 3];
    } else {
      data.assign(size, static_cast<char>(numbers));
    }
    std::string ahs;
    if (plain == 0x01 && (shape & 0x60) == 0x60) {
      ahs = std::string("\x00\x05\x02\x00\x00\x00\x01\x00", 8);
      if ((numbers & 64) != 0) ahs = in_.Bytes(8);
      ahs.resize(8, '\0');
    }
    h[4] = static_cast<char>(ahs.size() / 4);
    h[5] = static_cast<char>(data.size() >> 16);
    h[6] = static_cast<char>(data.size() >> 8);
    h[7] = static_cast<char>(data.size());
    std::string bytes = h + ahs;
    if (header_digest_) bytes += Digest(bytes);
    while (data.size() % 4 != 0) data.push_back('\0');
    bytes += data;
    if (data_digest_ && !data.empty()) {
      std::string digest = Digest(data);
      if (numbers % 16 == 15) digest[0] = static_cast<char>(digest[0] ^ 1);
      bytes += digest;
    }
    if (!immediate && plain != 0x05 && numbers < 200) ++cmd_sn_;
    Feed(std::move(bytes));
  }

  void Feed(std::string bytes) {
    if (bytes.empty() || ended_) return;
    if (closed_) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = std::as_bytes(std::span(bytes));
      Require(!session_->Receive(id_, segment, now_));
      fuzz::VisitCell(RowOf(session_->connection_state(id_)), static_cast<uint8_t>(bytes[0]),
                      fuzz::CellVerdict::kNotRead);
      return;
    }
    if (queue_.size() < 64) queue_.push_back(std::make_unique<std::string>(std::move(bytes)));
    Push();
  }
  void Push() {
    while (!closed_ && next_ < queue_.size()) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = {reinterpret_cast<const std::byte*>(queue_[next_]->data()),
                       queue_[next_]->size()};
      const Snapshot before = Look();
      const auto first = static_cast<uint8_t>(segment.bytes[0]);
      if (!session_->Receive(id_, segment, now_)) {
        fuzz::VisitCell(before.row, first, fuzz::CellVerdict::kNotRead);
        return;
      }
      received_ += queue_[next_]->size();
      ++next_;
      Drain();
      Visit(before, first);
    }
  }

  static uint32_t Word(const std::byte* at) {
    uint32_t word = 0;
    for (int i = 0; i < 4; ++i) word = word << 8 | static_cast<uint8_t>(at[i]);
    return word;
  }
  // An R2T, section 11.8.
  void Remember(const std::byte* pdu) {
    r2ts_.push_back({Word(pdu + 16), Word(pdu + 20), Word(pdu + 40), 0});
    if (r2ts_.size() > 16) r2ts_.pop_front();
  }

  void Transmit(size_t most) {
    if (closed_) return;
    std::array<TxSlice, 8> slices;
    const size_t n = session_->PollTransmit(id_, slices, now_);
    size_t bytes = 0;
    for (size_t i = 0; i < n; ++i) {
      for (uint32_t j = 0; j < slices[i].size; ++j)
        sink_ ^= static_cast<uint8_t>(slices[i].data[j]);
      if (slices[i].size >= 48 && static_cast<uint8_t>(slices[i].data[0]) == 0x31) {
        Remember(slices[i].data);
      }
      bytes += slices[i].size;
    }
    Require(!logged_out_done_ || bytes == 0 || flush_);
    bytes = std::min(bytes, most);
    session_->OnSent(id_, bytes);
    sent_ += bytes;
    Push();
  }

  TaskView* Find(TaskId id) {
    const auto it = tasks_.find(id.slot);
    return it == tasks_.end() ? nullptr : &it->second;
  }

  void Drain() {
    Event event;
    while (session_->Next(&event)) {
      Require(!ended_);
      ++events_;
      switch (event.kind) {
        case EventKind::kBegin:
        case EventKind::kCommand: {
          TaskView* task = Find(event.task);
          if (task == nullptr) {
            task = &tasks_[event.task.slot];
            *task = TaskView();
            task->id = event.task;
          } else {
            Require(task->id == event.task && event.kind == EventKind::kCommand && task->begun &&
                    !task->command);
          }
          Require(!task->aborted);
          (event.kind == EventKind::kBegin ? task->begun : task->command) = true;
          if (event.kind == EventKind::kBegin) task->least = event.length;
          task->read = event.read;
          task->write = event.write;
          task->write_length = event.write ? event.expected_data_transfer_length : 0;
          Require(event.cdb.size() >= 16);
          break;
        }
        case EventKind::kDataReceived: {
          TaskView* task = Find(event.task);
          Require(task != nullptr && task->window_open && task->command && !task->aborted);
          task->window_open = false;
          break;
        }
        case EventKind::kTaskAborted: {
          TaskView* task = Find(event.task);
          Require(task != nullptr && task->id == event.task && !task->aborted);
          task->aborted = true;
          break;
        }
        case EventKind::kTaskReleased: {
          TaskView* task = Find(event.task);
          Require(task != nullptr && task->id == event.task);
          tasks_.erase(event.task.slot);
          break;
        }
        case EventKind::kTaskManagement:
        case EventKind::kSendTargets:
          requests_.push_back(event);
          break;
        case EventKind::kDisconnect:
          logged_out_done_ = true;
          flush_ = event.flush;
          break;
        case EventKind::kSessionEnded:
          ended_ = true;
          break;
        default:
          break;
      }
    }
  }

  void Answer() {
    const uint8_t which = in_.Byte();
    if (!requests_.empty() && (which & 0x80) != 0) {
      const Event event = requests_.front();
      requests_.pop_front();
      if (event.kind == EventKind::kSendTargets) {
        (void)session_->AnswerText(
            event.request, {reinterpret_cast<const std::byte*>(kTargets), sizeof(kTargets)});
      } else {
        (void)session_->AnswerTaskManagement(event.request,
                                             {.response = static_cast<uint8_t>(which & 7)});
      }
      return;
    }
    if (tasks_.empty()) return;
    auto it = tasks_.begin();
    std::advance(it, (which & 15) % tasks_.size());
    TaskView& task = it->second;
    const uint8_t size = in_.Byte();
    switch (which >> 4 & 7) {
      case 0:
      case 1:
        Lend(task, std::max<uint32_t>(size * 16u, 1));
        break;
      case 2:
        Give(task, size * 8u, (size & 1) != 0);
        break;
      case 3:
        Give(task, size * 8u, (size & 1) != 0);
        Complete(task, 0);
        break;
      case 4:
        Complete(task, size);
        break;
      case 5:
        if (session_->Refuse(task.id, 0x08).ok() && !task.aborted) task.completed = true;
        break;
      default:
        if (session_->Release(task.id).ok()) Require(task.aborted);
        break;
    }
    Drain();
    Push();
  }
  void Lend(TaskView& task, uint32_t size) {
    std::vector<std::byte> memory(
        std::min<uint64_t>(std::max(size, task.least), task.write_length));
    if (memory.size() > task.write_length - task.accepted_end)
      memory.resize(task.write_length - task.accepted_end);
    if (memory.empty()) return;
    const bool was_open = task.window_open;
    if (session_->AcceptData(task.id, task.accepted_end, memory).ok() && !task.aborted &&
        !was_open) {
      task.accepted_end += static_cast<uint32_t>(memory.size());
      task.window_open = true;
      task.memory.push_back(std::move(memory));
    }
  }
  void Give(TaskView& task, uint32_t size, bool unstable) {
    std::vector<std::byte> memory(size, std::byte{0x5a});
    if (session_->SendData(task.id, task.sent, memory, {.unstable = unstable, .notify = true})
            .ok() &&
        !task.aborted) {
      task.sent += size;
      task.memory.push_back(std::move(memory));
    }
  }
  void Complete(TaskView& task, uint8_t status) {
    Completion completion;
    std::array<std::byte, 20> sense = {};
    completion.status = status;
    if (status != 0) completion.sense = sense;
    if (session_->Complete(task.id, completion).ok()) {
      Require(!task.completed);
      task.completed = true;
    }
  }

  void Command() {
    switch (in_.Byte() % 8) {
      case 0:
        (void)session_->AbortTasks({.all_luns = true, .lun = {}}, 5);
        break;
      case 1:
        (void)session_->AbortTasks({.all_luns = false, .lun = {}}, 6);
        break;
      case 2:
        (void)session_->Ping(id_);
        break;
      case 3:
        (void)session_->RequestLogout(id_, 5);
        break;
      case 4:
        (void)session_->SendAsync(id_, {.event = 5, .lun = {}, .sense = {}});
        break;
      case 5:
        if (in_.Byte() == 0) session_->Drop(Error::Ok());
        break;
      case 6:
        if (in_.Byte() == 0) Close();
        break;
      default:
        break;
    }
    Drain();
  }
  void Close() {
    closed_ = true;
    session_->OnTransportClosed(id_, Error::Ok());
    Drain();
  }

  void Check() {
    const uint32_t max = session_->max_cmd_sn();
    Require(static_cast<int32_t>(max - last_max_) >= 0);
    last_max_ = max;
    Require(static_cast<int32_t>(max - session_->exp_cmd_sn() + 1) >= 0);
    Require(tasks_.size() <= 64);
  }

  void Finish() {
    Drain();
    if (!closed_) Close();
    for (int i = 0; i < 200 && !ended_; ++i) {
      for (auto it = tasks_.begin(); it != tasks_.end(); ++it) {
        if (it->second.aborted && session_->Release(it->second.id).ok()) break;
      }
      Drain();
    }
    Require(ended_);
    Require(tasks_.empty());
  }

  static constexpr char kTargets[] =
      "TargetName=iqn.2026-01.example:disk\0TargetAddress=192.0.2.1:3260,1";
  fuzz::Operands in_{{}};
  fuzz::Framing framing_;
  const digest::Kernel* kernel_ = &digest::SelectKernel();
  SessionOptions session_options_;
  std::optional<Session> session_;
  ConnectionId id_;
  std::string login_;
  bool header_digest_ = false, data_digest_ = false, closed_ = false, ended_ = false;
  bool logged_out_done_ = false, flush_ = false;
  Instant now_ = {1};
  uint64_t received_ = 0, sent_ = 0, done_ = 0;
  uint32_t cmd_sn_ = 100, last_max_ = 99;
  uint8_t sink_ = 0;
  std::vector<std::unique_ptr<std::string>> queue_;
  size_t next_ = 0;
  struct R2t {
    uint32_t itt, ttt, offset, data_sn;
  };
  std::deque<R2t> r2ts_;
  uint64_t events_ = 0;
  std::deque<Event> requests_;
  std::map<uint32_t, TaskView> tasks_;
};

}  // namespace
}  // namespace isthmus::target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  fuzz::UseCellBoard(&target::kBoard);
  target::Run().Go(fuzz::ScriptReader(data, size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  return fuzz::MutateScript(target::kShape, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  return fuzz::CrossOverScripts(target::kShape, data1, size1, data2, size2, out, max_out_size,
                                seed);
}
