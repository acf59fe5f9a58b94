// The n-th allocation fails, and all after it. Where memory is taken, that comes out as std::bad_alloc, and all that was taken is given back;
// the same call without the failure then does what it always does. The engines take none once they are created: all
// allocation fails while they run, and they do not notice. An embedder without memory for a command's data answers BUSY, and
// the session still ends in order.
//
// Not the configuration file: the JSON library allocates in a destructor, and so ends the program; that is read before
// anything listens.
//
// Input: a byte that chooses, n (two bytes), and a text (URL, disk) or a script (fuzz/script.h).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "digest/select.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "fuzz/script.h"
#include "initiator/client/url.h"
#include "initiator/connection.h"
#include "initiator/session.h"
#include "protocol/connection/segment.h"
#include "protocol/time.h"
#include "target/backend/lun_spec.h"
#include "target/connection.h"
#include "target/event.h"
#include "target/session.h"
#include "transport/address.h"

namespace isthmus {
namespace {

// How many allocations go well yet; below 0: all. Of this thread: the fuzzing engine may have others.
thread_local int64_t g_go_well = -1;
thread_local int64_t g_live = 0;
thread_local bool g_failed = false;

// Not inlined: g++ takes malloc and operator new for a mismatch where it sees both.
[[gnu::noinline]] void* Take(size_t size) {
  if (g_go_well == 0) {
    g_failed = true;
    return nullptr;
  }
  if (g_go_well > 0) --g_go_well;
  void* memory = std::malloc(std::max<size_t>(size, 1));
  if (memory != nullptr) ++g_live;
  return memory;
}
[[gnu::noinline]] void GiveBack(void* memory) {
  if (memory != nullptr) --g_live;
  std::free(memory);
}

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

class FailAfter {
 public:
  explicit FailAfter(int64_t count) : before_(std::exchange(g_go_well, count)) {}
  ~FailAfter() { g_go_well = before_; }
  FailAfter(const FailAfter&) = delete;
  FailAfter& operator=(const FailAfter&) = delete;

 private:
  int64_t before_;
};

// Runs `call` with the n-th allocation failing; whether it came through.
template <class Call>
bool Survives(int64_t n, const Call& call) {
  const int64_t live = g_live;
  bool through = false;
  g_failed = false;
  try {
    const FailAfter failing(n);
    call();
    through = true;
  } catch (const std::bad_alloc&) {
    Require(g_failed);
  }
  Require(g_live == live);
  return through;
}

// Text in, a result that can be compared out.
template <class Call>
void CheckCall(int64_t n, const Call& call) {
  const std::string before = call();  // also: what is made once and kept
  Survives(n, call);
  Require(call() == before);
}

std::string ReadDisk(const std::string& text) {
  const auto spec = target::ParseLunSpec(text);
  const auto address = transport::ParseAddress(text, 3260);
  return (spec.ok() ? spec->path : std::string(spec.status().message())) +
         (address.ok() ? address->ToString() : std::string(address.status().message()));
}

std::string ReadUrl(const std::string& text) {
  const auto url = initiator::ParseUrl(text);
  return url.ok() ? url->target_name : std::string(url.status().message());
}

target::ConnectionOptions TargetOptions() {
  target::ConnectionOptions options;
  options.kernel = &digest::SelectKernel();
  options.limits.command_slots = 4;
  options.limits.immediate_commands = 2;
  options.limits.echo_slots = 3;
  return options;
}

// A target whose engine may allocate nothing, driven by the PDUs of a script.
class Target {
 public:
  explicit Target(int64_t n) : n_(n) {}

  void Go(fuzz::ScriptReader script) {
    if (!Create() || !LogIn()) return;
    for (fuzz::Record record; !ended_ && script.Next(&record);) {
      if (record.kind != fuzz::kWire || record.bytes.empty()) continue;
      for (fuzz::RawPdu& pdu :
           fuzz::SplitPdus(record.bytes.data() + 1, record.bytes.size() - 1, {})) {
        if (pdu.HasHeader() && pdu.opcode() != 0x05 && pdu.opcode() != 0x10) {
          pdu.SetWord(24, cmd_sn_, {});
          if (!pdu.immediate()) ++cmd_sn_;
        }
        Feed(Join(pdu));
      }
    }
    Finish();
  }

 private:
  bool Create() {
    try {
      const FailAfter failing(n_);
      connection_.emplace(target::Connection::OnHeap(TargetOptions()));
      target::SessionOptions options;
      options.limits = TargetOptions().limits;
      session_.emplace(target::Session::OnHeap(options));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  bool LogIn() {
    std::string text =
        std::string("InitiatorName=iqn.2026-01.example:host\0TargetName=iqn.2026-01.example:disk\0",
                    75) +
        std::string("InitialR2T=No\0MaxBurstLength=1024\0FirstBurstLength=512\0", 55);
    std::string pdu(48, '\0');
    pdu[0] = 0x43;
    pdu[1] = static_cast<char>(0x87);
    pdu[7] = static_cast<char>(text.size());
    pdu[8] = static_cast<char>(0x80);
    pdu[19] = 1;
    pdu[27] = 100;
    text.resize((text.size() + 3) / 4 * 4);
    login_ = pdu + text;
    RxSegment segment;
    segment.bytes = std::as_bytes(std::span(login_));
    const FailAfter none(0);
    Require(connection_->Receive(segment, now_));
    received_ = login_.size();
    target::Event event;
    while (connection_->Next(&event)) {
      if (event.kind == target::EventKind::kLookup) {
        Require(connection_->AnswerLookup({}).ok());
      } else if (event.kind == target::EventKind::kClaim) {
        Require(connection_->AnswerClaim({.status = {}, .tsih = 1}).ok());
      } else if (event.kind == target::EventKind::kLoginDone) {
        Require(session_->Attach(std::move(*connection_), &id_).ok());
        return true;
      } else {
        Require(false);
      }
    }
    return false;
  }

  void Feed(std::string bytes) {
    if (bytes.empty() || closed_) return;
    chunks_.push_back(std::make_unique<std::string>(std::move(bytes)));
    const std::string& kept = *chunks_.back();
    RxSegment segment;
    segment.stream_offset = received_;
    segment.bytes = std::as_bytes(std::span(kept));
    bool taken;
    {
      const FailAfter none(0);
      taken = session_->Receive(id_, segment, now_);
    }
    if (taken) received_ += kept.size();
    Drain();
    Transmit();
    Drain();
  }

  void Transmit() {
    const FailAfter none(0);
    std::array<TxSlice, 8> slices;
    for (int turns = 0; turns < 100; ++turns) {
      const size_t count = session_->PollTransmit(id_, slices, now_);
      if (count == 0) return;
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) size += slices[i].size;
      session_->OnSent(id_, size);
      session_->OnTransportDone(id_, sent_ += size);
    }
  }

  bool Next(target::Event* event) {
    const FailAfter none(0);
    return session_->Next(event);
  }

  // The embedder: memory for a task's data from the heap, which may have none.
  std::optional<std::vector<std::byte>> Buffer(size_t size) {
    try {
      const FailAfter failing(n_ > 2 ? std::max<int64_t>(n_ - 2 - buffers_, 0) : -1);
      ++buffers_;
      return std::vector<std::byte>(size);
    } catch (const std::bad_alloc&) {
      return std::nullopt;
    }
  }

  void Drain() {
    for (target::Event event; Next(&event);) {
      switch (event.kind) {
        case target::EventKind::kBegin:
        case target::EventKind::kCommand:
          OnCommand(event);
          break;
        case target::EventKind::kDataReceived:
          Require(session_->Complete(event.task, {}).ok());
          break;
        case target::EventKind::kTaskAborted:
          Require(session_->Release(event.task).ok());
          break;
        case target::EventKind::kTaskReleased:
          memory_.erase(event.task.slot);
          begun_.erase(event.task.slot);
          break;
        case target::EventKind::kTaskManagement:
          Require(session_->AnswerTaskManagement(event.request, {}).ok());
          break;
        case target::EventKind::kSendTargets:
          Require(session_->AnswerText(event.request, {}).ok());
          break;
        case target::EventKind::kDisconnect:
          Transmit();
          Close();
          break;
        case target::EventKind::kSessionEnded:
          ended_ = true;
          break;
        default:
          break;
      }
    }
  }

  void OnCommand(const target::Event& event) {
    const bool first = begun_.emplace(event.task.slot, true).second;
    const size_t size = std::min<size_t>(event.expected_data_transfer_length, 1 << 16);
    if (event.write && size > 0) {
      if (!first) return;
      if (event.expected_data_transfer_length > size) return Refuse(event);
      auto buffer = Buffer(size);
      if (!buffer.has_value()) return Refuse(event);
      std::vector<std::byte>& window = memory_[event.task.slot];
      window = *std::move(buffer);
      const FailAfter none(0);
      Require(session_->AcceptData(event.task, 0, window).ok());
      return;
    }
    if (event.kind == target::EventKind::kBegin) return Refuse(event);
    const FailAfter none(0);
    Require(session_->Complete(event.task, {}).ok());
  }

  void Refuse(const target::Event& event) {
    const FailAfter none(0);
    if (event.kind == target::EventKind::kBegin) {
      Require(session_->Refuse(event.task, 0x08).ok());
    } else {
      Require(session_->Complete(event.task, {.status = 0x08}).ok());
    }
  }

  void Close() {
    if (std::exchange(closed_, true)) return;
    const FailAfter none(0);
    session_->OnTransportClosed(id_, Error::Ok());
  }

  void Finish() {
    Close();
    Drain();
    Require(ended_);
    Require(memory_.empty());
  }

  const int64_t n_;
  int64_t buffers_ = 0;
  std::string login_;
  std::vector<std::unique_ptr<std::string>> chunks_;
  std::map<uint32_t, std::vector<std::byte>> memory_;
  std::map<uint32_t, bool> begun_;
  std::optional<target::Connection> connection_;
  std::optional<target::Session> session_;
  ConnectionId id_;
  Instant now_ = {1};
  uint64_t received_ = 0, sent_ = 0;
  uint32_t cmd_sn_ = 100;
  bool closed_ = false, ended_ = false;
};

// Both engines of the initiator, created and begun.
std::string Begin() {
  initiator::ConnectionOptions options;
  options.initiator_name = "iqn.2026-11.example.host:a";
  options.target_name = "iqn.2026-11.example.target:b";
  options.isid = {std::byte{0x80}};
  options.kernel = &digest::SelectKernel();
  options.limits.queue_depth = options.limits.tx_entries = options.limits.tx_pdus_in_flight = 8;
  initiator::SessionOptions session_options;
  session_options.limits = options.limits;
  initiator::Connection connection = initiator::Connection::OnHeap(options);
  initiator::Session session = initiator::Session::OnHeap(session_options);
  const FailAfter none(0);
  std::array<TxSlice, 8> slices;
  return std::string(connection.PollTransmit(slices, {1}), 'x');
}

}  // namespace
}  // namespace isthmus

void* operator new(size_t size) {
  void* memory = isthmus::Take(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return isthmus::Take(size); }
void operator delete(void* memory) noexcept { isthmus::GiveBack(memory); }
void operator delete(void* memory, size_t) noexcept { isthmus::GiveBack(memory); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  if (size < 3) return 0;
  const int64_t n = data[1] | int64_t{data[2]} << 8;
  const std::string text(reinterpret_cast<const char*>(data) + 3, size - 3);
  switch (data[0] % 4) {
    case 0:
      CheckCall(n, [&] { return ReadDisk(text); });
      break;
    case 1:
      CheckCall(n, [&] { return ReadUrl(text); });
      break;
    case 2:
      CheckCall(n % 8, Begin);
      break;
    default:
      Survives(-1, [&] { Target(n).Go(fuzz::ScriptReader(data + 3, size - 3)); });
      break;
  }
  return 0;
}
