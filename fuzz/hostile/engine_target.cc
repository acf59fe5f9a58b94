#include "fuzz/hostile/engine_target.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "digest/select.h"
#include "protocol/auth/openssl_hashes.h"
#include "protocol/time.h"
#include "target/connection.h"
#include "target/event.h"
#include "target/session.h"

namespace isthmus::hostile {
namespace {

constexpr char kPlain[] = "iqn.2026-11.example:plain";
constexpr char kChap[] = "iqn.2026-11.example:chap";
constexpr char kUser[] = "alice";
constexpr char kSecret[] = "alice's own secret";
constexpr char kMutualUser[] = "bob";
constexpr char kMutualSecret[] = "bob's other secret";
constexpr size_t kBlock = 512, kBlocks = 4096;
// What TCP would hold of answers that nobody reads.
constexpr size_t kSocketBytes = size_t{1} << 20;
constexpr size_t kSteps = 10'000'000;  // of one wait: an engine that never comes to rest is found

struct Task {
  target::TaskId id;
  bool write = false, begun = false, done = false;
  uint32_t length = 0, lba = 0, bytes = 0;
  std::vector<std::byte> buffer;
};

struct Served {
  explicit Served(std::string key) : nexus(std::move(key)) {}
  std::string nexus;
  std::optional<target::Session> session;
  ConnectionId id;
  std::map<uint32_t, Task> tasks;
  bool ended = false;
};

class EngineTarget;

class EngineLink : public Link {
 public:
  EngineLink(EngineTarget& target, uint32_t number);
  ~EngineLink() override;
  void Send(std::string_view bytes) override;
  void EndStream() override;
  Got Receive(int64_t deadline_ms, std::string* bytes) override;
  size_t Unsent() const override;

  // The engine's side.
  bool Feed();
  bool Drain();
  bool Transmit();
  void Closed();
  Deadline PollTimeout() const;
  void HandleTimeout();

  std::optional<target::Connection> login;
  std::shared_ptr<Served> served;
  bool claims = false;
  std::string nexus;
  uint16_t tsih = 0;
  bool open = true;      // at the engine's side
  bool closing = false;  // it wants to close
  bool flush = false;    // and has something to send before

 private:
  struct Segment {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  void OnEvent(const target::Event& event);
  void OnSessionEvent(const target::Event& event);
  void OnCommand(const target::Event& event);
  void Complete(Task& task, uint8_t status, std::span<const std::byte> sense = {});
  void Serve(const target::Event& event, Task& task);
  void Answer(Task& task, std::string data);

  EngineTarget& target_;
  std::deque<Segment> waiting_, lent_;
  uint64_t received_ = 0, sent_ = 0;
  std::string output_;
  bool end_of_stream_ = false;
};

class EngineTarget : public Peer {
 public:
  EngineTarget() : disk(kBlock * kBlocks) {}
  ~EngineTarget() override = default;

  std::unique_ptr<Link> Open(int64_t) override;
  std::string Leftovers() override;

  // Until nothing moves.
  void Pump();
  // Moves the clock to the next deadline, at most to `until`; false: there is none by then.
  bool Advance(Instant until);

  // Something that no input may bring about; the first is kept and told by Leftovers().
  void Complain(const char* text) {
    if (complaint_.empty()) complaint_ = text;
  }

  Instant now{1'000'000'000};
  std::vector<EngineLink*> links;
  std::vector<std::shared_ptr<Served>> sessions;
  std::vector<std::byte> disk;
  uint32_t numbers = 0;
  uint16_t last_tsih = 0;

 private:
  bool SettleClaims();

  std::string complaint_;
};

EngineLink::EngineLink(EngineTarget& target, uint32_t number) : target_(target) {
  target::ConnectionOptions options;
  options.kernel = &digest::SelectKernel();
  options.hashes = auth::OpenSslHashes();
  for (size_t i = 0; i < options.entropy.size(); ++i) {
    options.entropy[i] = static_cast<std::byte>(i * 7 + number * 31 + 1);
  }
  login.emplace(target::Connection::OnHeap(options));
  login->HandleTimeout(target.now);
}

EngineLink::~EngineLink() {
  if (open) Closed();
  target_.Pump();
  std::erase(target_.links, this);
}

void EngineLink::Closed() {
  open = false;
  if (login.has_value()) {
    login->OnTransportClosed(Error::Ok());
  } else if (served != nullptr && !served->ended) {
    served->session->OnTransportClosed(served->id, Error::Ok());
  }
  Drain();
  login.reset();
}

void EngineLink::Send(std::string_view bytes) {
  if (!open || bytes.empty()) return;
  Segment segment{std::make_unique<std::byte[]>(bytes.size()), bytes.size()};
  std::memcpy(segment.bytes.get(), bytes.data(), bytes.size());
  waiting_.push_back(std::move(segment));
  target_.Pump();
}

void EngineLink::EndStream() {
  end_of_stream_ = true;
  target_.Pump();
}

size_t EngineLink::Unsent() const {
  size_t bytes = 0;
  for (const Segment& segment : waiting_) bytes += segment.size;
  return bytes;
}

Link::Got EngineLink::Receive(int64_t deadline_ms, std::string* bytes) {
  const Instant until = target_.now + Milliseconds(deadline_ms);
  do {
    target_.Pump();
    if (!output_.empty()) {
      bytes->append(std::exchange(output_, {}));
      return Got::kBytes;
    }
    if (!open) return Got::kClosed;
  } while (target_.Advance(until));
  return Got::kSilence;
}

bool EngineLink::Feed() {
  if (!open || closing || waiting_.empty()) {
    if (open && !closing && end_of_stream_ && waiting_.empty()) {
      Closed();
      return true;
    }
    return false;
  }
  Segment& next = waiting_.front();
  RxSegment segment;
  segment.stream_offset = received_;
  segment.bytes = {next.bytes.get(), next.size};
  const bool taken = login.has_value() ? login->Receive(segment, target_.now)
                                       : served->session->Receive(served->id, segment, target_.now);
  if (!taken) return false;
  received_ += next.size;
  lent_.push_back(std::move(next));
  waiting_.pop_front();
  return true;
}

bool EngineLink::Drain() {
  bool any = false;
  target::Event event;
  while (login.has_value() && login->Next(&event)) {
    any = true;
    OnEvent(event);
  }
  if (served == nullptr || served->ended) return any;
  const std::shared_ptr<Served> keep = served;
  while (keep->session->Next(&event)) {
    any = true;
    OnSessionEvent(event);
  }
  // Lent segments are the link's again when nothing of them is left to drain.
  if (open && !login.has_value() && keep->session->UnconsumedRx(keep->id) == 0) lent_.clear();
  return any;
}

bool EngineLink::Transmit() {
  if (!open) return false;
  bool any = false;
  while (output_.size() < kSocketBytes) {
    std::array<TxSlice, 16> slices;
    const size_t count = login.has_value()
                             ? login->PollTransmit(slices, target_.now)
                             : served->session->PollTransmit(served->id, slices, target_.now);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      output_.append(reinterpret_cast<const char*>(slices[i].data), slices[i].size);
      size += slices[i].size;
    }
    if (size == 0) break;
    any = true;
    sent_ += size;
    if (login.has_value()) {
      login->OnSent(size);
      login->OnTransportDone(sent_);
    } else {
      served->session->OnSent(served->id, size);
      served->session->OnTransportDone(served->id, sent_);
    }
  }
  // A socket that nobody reads keeps its bytes; closing does not wait for them.
  if (closing && (!any || !flush)) {
    Closed();
    any = true;
  }
  return any;
}

Deadline EngineLink::PollTimeout() const {
  if (!open) return {};
  if (login.has_value()) return login->PollTimeout();
  return served->session->PollTimeout();
}

void EngineLink::HandleTimeout() {
  if (!open) return;
  if (login.has_value()) {
    login->HandleTimeout(target_.now);
  } else {
    served->session->HandleTimeout(target_.now);
  }
}

void EngineLink::OnEvent(const target::Event& event) {
  switch (event.kind) {
    case target::EventKind::kLookup: {
      static constexpr target::Account kAccounts[] = {{kUser, kSecret, kMutualUser, kMutualSecret}};
      target::LookupAnswer answer;
      answer.offer.TargetPortalGroupTag = 1;
      answer.offer.InitialR2T = false;
      answer.offer.MaxRecvDataSegmentLength = 65536;
      answer.offer.MaxOutstandingR2T = 4;
      if (event.target_name == kChap) {
        answer.require_chap = true;
        answer.accounts = kAccounts;
      } else if (!event.discovery && event.target_name != kPlain) {
        answer.status = {2, 3};
      }
      if (!login->AnswerLookup(answer).ok()) target_.Complain("the engine refuses AnswerLookup");
      return;
    }
    case target::EventKind::kClaim: {
      nexus = std::string(event.initiator_name) + "|" + std::string(event.target_name) + "|";
      for (std::byte b : event.isid) nexus.push_back(static_cast<char>(b));
      if (event.tsih != 0) {
        bool exists = false;
        for (const std::shared_ptr<Served>& other : target_.sessions) {
          exists = exists ||
                   (!other->ended && other->session->tsih() == event.tsih && other->nexus == nexus);
        }
        const target::LoginStatus status = {2, static_cast<uint8_t>(exists ? 0x06 : 0x0a)};
        if (!login->AnswerClaim({.status = status}).ok()) {
          target_.Complain("the engine refuses AnswerClaim");
        }
        return;
      }
      if (event.discovery) nexus += std::to_string(++target_.numbers);
      claims = true;
      return;
    }
    case target::EventKind::kLoginDone: {
      served = std::make_shared<Served>(nexus);
      target::SessionOptions options;
      // So few that a flood of what chunking allows in a test reaches it.
      options.limits.ping_rate = {.burst = 5000, .per_second = 500};
      served->session.emplace(target::Session::OnHeap(options));
      if (!served->session->Attach(std::move(*login), &served->id).ok()) {
        target_.Complain("the engine refuses Attach");
      }
      login.reset();
      target_.sessions.push_back(served);
      return;
    }
    case target::EventKind::kDisconnect:
      closing = true;
      flush = event.flush;
      return;
    default:
      return;
  }
}

void EngineLink::OnSessionEvent(const target::Event& event) {
  target::Session& session = *served->session;
  const auto found = served->tasks.find(event.task.slot);
  const bool known = found != served->tasks.end() && found->second.id == event.task;
  switch (event.kind) {
    case target::EventKind::kBegin:
    case target::EventKind::kCommand:
      return OnCommand(event);
    case target::EventKind::kDataReceived: {
      if (!known) return target_.Complain("the engine tells of data for no task");
      Task& task = found->second;
      if (task.done) return;
      if (task.bytes > 0) {
        std::memcpy(target_.disk.data() + task.lba * kBlock, task.buffer.data(),
                    std::min<size_t>(task.bytes, task.buffer.size()));
      }
      return Complete(task, 0);
    }
    case target::EventKind::kTaskAborted:
      if (!known) target_.Complain("the engine aborts no task");
      if (!session.Release(event.task).ok()) target_.Complain("the engine refuses Release");
      return;
    case target::EventKind::kTaskReleased:
      if (!known) return target_.Complain("the engine releases a task twice");
      served->tasks.erase(found);
      return;
    case target::EventKind::kTaskManagement:
      if (event.function >= 4 && event.function <= 7) {
        for (const std::shared_ptr<Served>& other : target_.sessions) {
          if (other == served || other->ended) continue;
          (void)other->session->AbortTasks({.all_luns = true, .lun = {}}, 0).ok();
        }
      }
      (void)session.AnswerTaskManagement(event.request, {}).ok();
      return;
    case target::EventKind::kSendTargets: {
      static constexpr char kTargets[] =
          "TargetName=iqn.2026-11.example:plain\0TargetAddress=192.0.2.1:3260,1\0"
          "TargetName=iqn.2026-11.example:chap\0TargetAddress=192.0.2.1:3260,1";
      const bool none =
          !event.send_targets_all && event.target_name != kPlain && event.target_name != kChap;
      const std::span<const char> text(kTargets, none ? 0 : sizeof kTargets);
      (void)session.AnswerText(event.request, std::as_bytes(text)).ok();
      return;
    }
    case target::EventKind::kDisconnect:
      closing = true;
      flush = event.flush;
      return;
    case target::EventKind::kSessionEnded:
      if (!served->tasks.empty()) target_.Complain("the engine ends a session that has tasks");
      served->ended = true;
      return;
    default:
      return;
  }
}

void EngineLink::OnCommand(const target::Event& event) {
  const auto [at, fresh] = served->tasks.try_emplace(event.task.slot);
  Task& task = at->second;
  if (fresh) {
    task.id = event.task;
    task.write = event.write;
    task.length = event.expected_data_transfer_length;
    if (event.write) task.buffer.resize(task.length);
  } else if (!(task.id == event.task)) {
    return target_.Complain("the engine announces a task in a slot that is taken");
  }
  if (event.kind == target::EventKind::kBegin) {
    task.begun = true;
    if (!served->session->AcceptData(task.id, 0, task.buffer).ok()) {
      target_.Complain("the engine refuses AcceptData");
    }
    return;
  }
  Serve(event, task);
}

// Section 11.4: status and sense, then the task is the engine's.
void EngineLink::Complete(Task& task, uint8_t status, std::span<const std::byte> sense) {
  target::Completion completion;
  completion.status = status;
  completion.sense = sense;
  task.done = true;
  if (!served->session->Complete(task.id, completion).ok()) {
    target_.Complain("the engine refuses Complete");
  }
}

void EngineLink::Answer(Task& task, std::string data) {
  task.buffer.resize(data.size());
  std::memcpy(task.buffer.data(), data.data(), data.size());
  if (!data.empty() && !served->session->SendData(task.id, 0, task.buffer, {}).ok()) {
    target_.Complain("the engine refuses SendData");
  }
  Complete(task, 0);
}

void EngineLink::Serve(const target::Event& event, Task& task) {
  const auto cdb = [&](size_t at) { return std::to_integer<uint32_t>(event.cdb[at]); };
  const auto sense = [](uint8_t key, uint8_t asc) {
    std::array<std::byte, 18> bytes = {};
    bytes[0] = std::byte{0x70};
    bytes[2] = std::byte{key};
    bytes[7] = std::byte{10};
    bytes[12] = std::byte{asc};
    return bytes;
  };
  const bool lun_0 = std::all_of(event.lun.begin(), event.lun.end(),
                                 [](std::byte b) { return b == std::byte{0}; });
  const uint32_t opcode = cdb(0);
  if (!lun_0 && opcode != 0x12 && opcode != 0xa0) {
    return Complete(task, 2, sense(0x05, 0x25));
  }
  const uint32_t lba = cdb(2) << 24 | cdb(3) << 16 | cdb(4) << 8 | cdb(5);
  const uint32_t blocks = cdb(7) << 8 | cdb(8);
  switch (opcode) {
    case 0x00:
      return Complete(task, 0);
    case 0x12: {
      std::string data(36, '\0');
      data[0] = lun_0 ? 0 : 0x7f;
      data[2] = 6;
      data[4] = 31;
      data.replace(8, 22, "ISTHMUS HOSTILE'S DISK");
      return Answer(task, data.substr(0, cdb(3) << 8 | cdb(4)));
    }
    case 0x25: {
      std::string data("\0\0\x0f\xff\0\0\x02\0", 8);
      return Answer(task, data);
    }
    case 0x28:
    case 0x2a:
      if (lba + blocks > kBlocks) return Complete(task, 2, sense(0x05, 0x21));
      if (opcode == 0x28) {
        if (!event.read) return Complete(task, 2, sense(0x05, 0x24));
        return Answer(task,
                      std::string(reinterpret_cast<const char*>(target_.disk.data()) + lba * kBlock,
                                  blocks * kBlock));
      }
      if (!event.write || task.length == 0) return Complete(task, 2, sense(0x05, 0x24));
      task.lba = lba;
      task.bytes = static_cast<uint32_t>(blocks * kBlock);
      if (!task.begun && !served->session->AcceptData(task.id, 0, task.buffer).ok()) {
        target_.Complain("the engine refuses AcceptData");
      }
      return;
    default:
      return Complete(task, 2, sense(0x05, 0x20));
  }
}

std::unique_ptr<Link> EngineTarget::Open(int64_t) {
  auto link = std::make_unique<EngineLink>(*this, ++numbers);
  links.push_back(link.get());
  return link;
}

bool EngineTarget::SettleClaims() {
  bool settled = false;
  for (EngineLink* link : links) {
    if (!link->claims || !link->login.has_value()) continue;
    bool held = false;
    for (const std::shared_ptr<Served>& other : sessions) {
      if (other->ended || other->nexus != link->nexus) continue;
      held = true;
      other->session->Drop(Error::Ok());
      settled = true;
    }
    if (held) continue;
    link->claims = false;
    settled = true;
    if (!link->login->AnswerClaim({.status = {}, .tsih = ++last_tsih}).ok()) {
      Complain("the engine refuses AnswerClaim");
    }
  }
  std::erase_if(sessions, [](const std::shared_ptr<Served>& s) { return s->ended; });
  return settled;
}

void EngineTarget::Pump() {
  size_t steps = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 0; i < links.size(); ++i) {
      moved = links[i]->Drain() || moved;
      moved = links[i]->Feed() || moved;
      moved = links[i]->Drain() || moved;
      moved = links[i]->Transmit() || moved;
    }
    moved = SettleClaims() || moved;
    if (++steps > kSteps) return Complain("the engine never comes to rest");
  }
}

bool EngineTarget::Advance(Instant until) {
  Deadline next;
  for (const EngineLink* link : links) next = Earliest(next, link->PollTimeout());
  if (!next.armed() || next.at > until) {
    now = until;
    return false;
  }
  now = std::max(now, next.at);
  for (EngineLink* link : links) link->HandleTimeout();
  return true;
}

std::string EngineTarget::Leftovers() {
  Pump();
  SettleClaims();
  if (!complaint_.empty()) return complaint_;
  size_t tasks = 0;
  for (const std::shared_ptr<Served>& each : sessions) tasks += each->tasks.size();
  if (sessions.empty()) return "";
  return std::to_string(sessions.size()) + " sessions with " + std::to_string(tasks) +
         " tasks are left after all connections have gone";
}

}  // namespace

std::unique_ptr<Peer> MakeEngineTarget() { return std::make_unique<EngineTarget>(); }

Options EngineTargetOptions() {
  Options options;
  options.target_name = kPlain;
  options.chap_target = kChap;
  options.account = {kUser, kSecret, kMutualUser, kMutualSecret};
  options.login_deadline_ms = 15'000;
  options.gap_deadline_ms = 60'000;
  options.thorough = true;
  return options;
}

}  // namespace isthmus::hostile
