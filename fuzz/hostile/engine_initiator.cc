#include "fuzz/hostile/engine_initiator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "digest/select.h"
#include "fuzz/hostile/stub_target.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/auth/openssl_hashes.h"
#include "protocol/time.h"

namespace isthmus::hostile {
namespace {

constexpr size_t kWorkBytes = 65536;
constexpr size_t kSteps = 10'000'000;

class EngineInitiator : public Peer {
 public:
  explicit EngineInitiator(const Options& options) : options_(options) {}

  bool Begin(Work work) override;
  std::unique_ptr<Link> Open(int64_t) override;
  WorkResult Result(int64_t deadline_ms) override;
  std::string Leftovers() override;

  // The link's side.
  void Receive(std::string_view bytes);
  void EndStream();
  Link::Got Take(int64_t deadline_ms, std::string* bytes);
  void Dropped();

 private:
  struct Segment {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  void Complain(const std::string& text) {
    if (complaint_.empty()) complaint_ = text;
  }
  void Pump();
  bool Feed();
  bool Drain();
  bool Transmit();
  void Closed();
  bool Advance(Instant until);
  void OnEvent(const initiator::Event& event);
  void Submit();
  void End(WorkResult result);

  const Options options_;
  Instant now_{1'000'000'000};
  Work work_ = Work::kNone;
  WorkResult result_ = WorkResult::kRunning;
  std::optional<initiator::Connection> login_;
  std::optional<initiator::Session> session_;
  ConnectionId id_;
  bool open_ = false, closing_ = false, flush_ = false, end_of_stream_ = false;
  std::deque<Segment> waiting_, lent_;
  uint64_t received_ = 0, sent_ = 0;
  std::string output_;
  // In memory of exactly its size: what is written beyond it is found.
  std::unique_ptr<std::byte[]> buffer_;
  uint32_t completions_ = 0;
  std::string complaint_;
};

class InitiatorLink : public Link {
 public:
  explicit InitiatorLink(EngineInitiator& initiator) : initiator_(initiator) {}
  ~InitiatorLink() override { initiator_.Dropped(); }
  void Send(std::string_view bytes) override { initiator_.Receive(bytes); }
  void EndStream() override { initiator_.EndStream(); }
  Got Receive(int64_t deadline_ms, std::string* bytes) override {
    return initiator_.Take(deadline_ms, bytes);
  }

 private:
  EngineInitiator& initiator_;
};

bool EngineInitiator::Begin(Work work) {
  work_ = work;
  result_ = WorkResult::kRunning;
  completions_ = 0;
  session_.reset();
  login_.reset();
  waiting_.clear();
  lent_.clear();
  output_.clear();
  received_ = sent_ = 0;
  open_ = closing_ = flush_ = end_of_stream_ = false;
  return true;
}

std::unique_ptr<Link> EngineInitiator::Open(int64_t) {
  if (open_ || session_.has_value() || login_.has_value()) return nullptr;
  initiator::ConnectionOptions options;
  options.initiator_name = "iqn.2026-11.example.host:a";
  if (work_ != Work::kDiscover) options.target_name = options_.target_name;
  options.isid = {std::byte{0x80}, std::byte{1}, std::byte{2},
                  std::byte{3},    std::byte{4}, std::byte{5}};
  options.kernel = &digest::SelectKernel();
  options.hashes = auth::OpenSslHashes();
  options.offer.InitialR2T = false;
  options.offer.MaxOutstandingR2T = 4;
  options.offer.MaxRecvDataSegmentLength = 8192;
  for (size_t i = 0; i < options.entropy.size(); ++i) {
    options.entropy[i] = static_cast<std::byte>(i * 5 + 3);
  }
  if (work_ == Work::kChapRead) {
    options.chap.name = options_.account.user;
    options.chap.secret = options_.account.secret;
    options.chap.target_name = options_.account.mutual_user;
    options.chap.target_secret = options_.account.mutual_secret;
  }
  login_.emplace(initiator::Connection::OnHeap(options));
  login_->HandleTimeout(now_);
  open_ = true;
  return std::make_unique<InitiatorLink>(*this);
}

void EngineInitiator::End(WorkResult result) {
  if (result_ == WorkResult::kRunning) {
    result_ = result;
  } else if (++completions_ > 0) {
    Complain("the work ends twice");
  }
}

WorkResult EngineInitiator::Result(int64_t deadline_ms) {
  const Instant until = now_ + Milliseconds(deadline_ms);
  do {
    Pump();
  } while (result_ == WorkResult::kRunning && deadline_ms > 0 && Advance(until));
  return result_;
}

std::string EngineInitiator::Leftovers() {
  Pump();
  if (!complaint_.empty()) return complaint_;
  if (result_ == WorkResult::kRunning) return "the work has not ended though its connection has";
  if (session_.has_value() && session_->outstanding() != 0) return "commands are outstanding";
  return "";
}

void EngineInitiator::Receive(std::string_view bytes) {
  if (!open_ || bytes.empty()) return;
  Segment segment{std::make_unique<std::byte[]>(bytes.size()), bytes.size()};
  std::memcpy(segment.bytes.get(), bytes.data(), bytes.size());
  waiting_.push_back(std::move(segment));
  Pump();
}

void EngineInitiator::EndStream() {
  end_of_stream_ = true;
  Pump();
}

Link::Got EngineInitiator::Take(int64_t deadline_ms, std::string* bytes) {
  const Instant until = now_ + Milliseconds(deadline_ms);
  do {
    Pump();
    if (!output_.empty()) {
      bytes->append(std::exchange(output_, {}));
      return Link::Got::kBytes;
    }
    if (!open_) return Link::Got::kClosed;
  } while (Advance(until));
  return Link::Got::kSilence;
}

void EngineInitiator::Dropped() {
  if (open_) Closed();
  Pump();
  // Nobody logs in again: what waits for that has failed.
  if (session_.has_value()) {
    session_->End();
    Pump();
  }
}

void EngineInitiator::Closed() {
  open_ = false;
  if (login_.has_value()) {
    login_->OnTransportClosed(Error::Ok());
  } else if (session_.has_value()) {
    session_->OnTransportClosed(id_, Error::Ok());
  }
  Drain();
}

bool EngineInitiator::Feed() {
  if (!open_ || closing_) return false;
  if (waiting_.empty()) {
    if (!end_of_stream_) return false;
    Closed();
    return true;
  }
  Segment& next = waiting_.front();
  RxSegment segment;
  segment.stream_offset = received_;
  segment.bytes = {next.bytes.get(), next.size};
  const bool taken =
      login_.has_value() ? login_->Receive(segment, now_) : session_->Receive(id_, segment, now_);
  if (!taken) return false;
  received_ += next.size;
  lent_.push_back(std::move(next));
  waiting_.pop_front();
  return true;
}

bool EngineInitiator::Drain() {
  bool any = false;
  initiator::Event event;
  while (login_.has_value() ? login_->Next(&event)
                            : session_.has_value() && session_->Next(&event)) {
    any = true;
    OnEvent(event);
  }
  if (open_ && !login_.has_value() && session_.has_value() && session_->UnconsumedRx(id_) == 0) {
    lent_.clear();
  }
  return any;
}

bool EngineInitiator::Transmit() {
  if (!open_) return false;
  bool any = false;
  while (output_.size() < (size_t{1} << 20)) {
    std::array<TxSlice, 16> slices;
    const size_t count = login_.has_value() ? login_->PollTransmit(slices, now_)
                                            : session_->PollTransmit(id_, slices, now_);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      output_.append(reinterpret_cast<const char*>(slices[i].data), slices[i].size);
      size += slices[i].size;
    }
    if (size == 0) break;
    any = true;
    sent_ += size;
    if (login_.has_value()) {
      login_->OnSent(size);
      login_->OnTransportDone(sent_);
    } else {
      session_->OnSent(id_, size);
      session_->OnTransportDone(id_, sent_);
    }
  }
  if (closing_ && (!any || !flush_)) {
    Closed();
    any = true;
  }
  return any;
}

void EngineInitiator::Pump() {
  size_t steps = 0;
  for (bool moved = true; moved;) {
    moved = Drain();
    moved = Feed() || moved;
    moved = Drain() || moved;
    moved = Transmit() || moved;
    if (++steps > kSteps) return Complain("the engine never comes to rest");
  }
}

bool EngineInitiator::Advance(Instant until) {
  Deadline next;
  if (open_ && login_.has_value()) next = login_->PollTimeout();
  if (session_.has_value()) next = Earliest(next, session_->PollTimeout());
  if (!next.armed() || next.at > until) {
    now_ = until;
    return false;
  }
  now_ = std::max(now_, next.at);
  if (open_ && login_.has_value()) login_->HandleTimeout(now_);
  if (session_.has_value()) session_->HandleTimeout(now_);
  return true;
}

void EngineInitiator::Submit() {
  const auto bytes = [](std::initializer_list<int> values) {
    std::array<std::byte, 10> out = {};
    std::transform(values.begin(), values.end(), out.begin(),
                   [](int value) { return static_cast<std::byte>(value); });
    return out;
  };
  initiator::TaskId task;
  Error error = Error::Ok();
  buffer_ = std::make_unique<std::byte[]>(kWorkBytes);
  switch (work_) {
    case Work::kRead:
    case Work::kChapRead: {
      // READ (10) of 128 blocks.
      const auto cdb = bytes({0x28, 0, 0, 0, 0, 0, 0, 0, 128, 0});
      initiator::Command command;
      command.cdb = cdb;
      command.data_in = {buffer_.get(), kWorkBytes};
      error = session_->Submit(command, &task);
      break;
    }
    case Work::kWrite: {
      const auto cdb = bytes({0x2a, 0, 0, 0, 0, 0, 0, 0, 128, 0});
      std::memset(buffer_.get(), 'w', kWorkBytes);
      initiator::Command command;
      command.cdb = cdb;
      command.data_out = {buffer_.get(), kWorkBytes};
      error = session_->Submit(command, &task);
      break;
    }
    case Work::kDiscover:
      error = session_->SendTargets("All", {buffer_.get(), kWorkBytes}, 0);
      break;
    case Work::kReset: {
      initiator::TaskManagementRequest request;
      request.function = initiator::TaskManagementFunction::kLogicalUnitReset;
      error = session_->TaskManagement(request, &task);
      break;
    }
    case Work::kNone:
      return End(WorkResult::kGood);
  }
  if (!error.ok()) Complain("the engine refuses the work");
}

void EngineInitiator::OnEvent(const initiator::Event& event) {
  using initiator::EventKind;
  using initiator::Outcome;
  switch (event.kind) {
    case EventKind::kLoginDone:
      // So few pings that a flood of what chunking allows in a test reaches it.
      session_.emplace(initiator::Session::OnHeap(
          {.limits = {.ping_rate = {.burst = 5000, .per_second = 500}}}));
      if (!session_->Attach(std::move(*login_), &id_).ok()) Complain("the engine refuses Attach");
      login_.reset();
      return Submit();
    case EventKind::kRedirected:
    case EventKind::kLoginFailed:
      return End(WorkResult::kFailed);
    case EventKind::kDisconnect:
      closing_ = true;
      flush_ = event.flush;
      return;
    case EventKind::kConnectionLost:
      return;
    case EventKind::kCompleted: {
      if (event.outcome != Outcome::kAnswered || event.response != 0 || event.status != 0) {
        return End(WorkResult::kFailed);
      }
      if (work_ == Work::kWrite) return End(WorkResult::kGood);
      if (event.data_in_bytes > kWorkBytes) return Complain("more bytes than there is room for");
      const std::string right = PatternOf(0, event.data_in_bytes);
      if (std::memcmp(right.data(), buffer_.get(), right.size()) != 0) {
        return End(WorkResult::kCorrupt);
      }
      // A short read is told as such; who asked for all of it has failed.
      return End(event.data_in_bytes == kWorkBytes ? WorkResult::kGood : WorkResult::kFailed);
    }
    case EventKind::kTaskManagementDone:
      return End(event.outcome == Outcome::kAnswered && event.tmf_response == 0
                     ? WorkResult::kGood
                     : WorkResult::kFailed);
    case EventKind::kTextReceived:
      return End(event.outcome == Outcome::kAnswered ? WorkResult::kGood : WorkResult::kFailed);
    case EventKind::kSessionEnded:
      if (result_ == WorkResult::kRunning) End(WorkResult::kFailed);
      return;
    default:
      return;
  }
}

}  // namespace

std::unique_ptr<Peer> MakeEngineInitiator(const Options& options) {
  return std::make_unique<EngineInitiator>(options);
}

Options EngineInitiatorOptions() {
  Options options;
  options.target_name = "iqn.2026-11.example:hostile";
  options.account = {"alice", "alice's own secret", "bob", "bob's other secret"};
  options.login_deadline_ms = 15'000;
  options.thorough = true;
  return options;
}

}  // namespace isthmus::hostile
