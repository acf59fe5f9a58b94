#include "target/daemon/serving.h"

#include <sys/epoll.h>
#include <sys/random.h>

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_format.h"
#include "target/daemon/catalogue.h"
#include "target/daemon/worker.h"
#include "transport/counters.h"
#include "transport/wait_for_memory.h"

namespace isthmus::target {
namespace {

using Io = transport::IoResult;

constexpr size_t kReadsATurn = 16;  // of one connection before others are served

// Login status, RFC 7143 section 11.13.5.
constexpr LoginStatus kMovedForNow{1, 1}, kMovedForGood{1, 2};
constexpr LoginStatus kNotAuthorized{2, 2}, kNotFound{2, 3}, kTooManyConnections{2, 6},
    kNoSuchSession{2, 10}, kOutOfResources{3, 2};
// Task management, sections 11.5.1 and 11.6.1.
constexpr uint8_t kAbortTask = 1, kAbortTaskSet = 2, kClearAca = 3, kClearTaskSet = 4,
                  kLogicalUnitReset = 5, kTargetWarmReset = 6, kTargetColdReset = 7,
                  kITNexusReset = 11, kQueryAsynchronousEvent = 12;
constexpr uint8_t kFunctionComplete = 0, kLunDoesNotExist = 2, kFunctionNotSupported = 5,
                  kFunctionSucceeded = 7;

std::array<std::byte, 64> Entropy() {
  std::array<std::byte, 64> bytes;
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got > 0) have += static_cast<size_t>(got);
  }
  return bytes;
}

uint64_t LunField(const std::array<std::byte, 8>& lun) {
  uint64_t value = 0;
  for (const std::byte b : lun) value = value << 8 | std::to_integer<uint64_t>(b);
  return value;
}

// SAM's name of the initiator port: name and ISID.
std::string PortName(const NexusKey& key) {
  std::string name = key.initiator_name + ",i,0x";
  for (const std::byte b : key.isid)
    absl::StrAppendFormat(&name, "%02x", std::to_integer<unsigned>(b));
  return name;
}

}  // namespace

// Outlives the Serving: other threads may hold it when the session is long gone.
class Serving::Handle : public SessionHandle {
 public:
  Handle(std::weak_ptr<Serving> serving, transport::EventLoop& loop)
      : serving_(std::move(serving)), loop_(loop) {}

  void End() override {
    loop_.Post([serving = serving_] {
      if (auto alive = serving.lock()) alive->End(Error::Ok());
    });
  }
  void Abort(const AbortScope& scope, AbortCause cause, std::function<void()> done) override {
    // Not copied on the loop's thread, where nobody would handle that there is no memory for it.
    loop_.Post([serving = serving_, scope, cause, done = std::move(done)]() mutable {
      if (auto alive = serving.lock()) {
        alive->Abort(scope, cause, done);
      } else {
        done();
      }
    });
  }

 private:
  std::weak_ptr<Serving> serving_;
  transport::EventLoop& loop_;
};

Serving::Serving(Worker& worker, transport::Socket socket, uint16_t portal_group, uint64_t login)
    : worker_(worker), portal_group_(portal_group), login_(login), local_(socket.Local()), peer_(socket.Peer()) {
  if (worker.shared.capture != nullptr) {
    tap_ = std::make_unique<transport::CaptureTap>(*worker.shared.capture, local_, peer_,
                                                   /*local_connected=*/false);
  }
  driver_.emplace(std::move(socket), tap_.get());
  if (transport::DeviceModel* offload = worker.shared.offload; offload != nullptr) {
    driver_->UseDevice(offload->Attach(driver_->fd()));
    totals_.device.not_attached += driver_->device() == nullptr;
  }
  ConnectionOptions options;
  options.limits = worker.shared.config.limits;
  options.kernel = &worker.shared.kernel;
  options.hashes = worker.shared.config.chap_algorithms;
  options.allow_without_md5 = true;  // whoever configured such a list meant it
  options.entropy = Entropy();
  const size_t bytes = Connection::MemoryNeeded(options);
  connection_memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  connection_.emplace(options, std::span(connection_memory_.get(), bytes));
}

Serving::~Serving() = default;

template <class Work>
void Serving::Guard(const Work& work) {
  const std::shared_ptr<Serving> keep = shared_from_this();
  try {
    work();
  } catch (const std::bad_alloc&) {
    GiveUp();
  }
}

// Takes no memory. An event that was being handled is lost: of what it began, only what HandleBroken() knows is wound up.
void Serving::GiveUp() {
  const Error reason = MakeError(ErrorCode::kOutOfMemory, Role::kTarget, PduClass::kNone, 0);
  ++totals_.connections_out_of_memory;
  broken_ = closing_ = drop_ = true;
  closing_reason_ = reason;
  pumping_ = false;  // the frame that would have reset it is gone
  if (session_.has_value()) session_->Drop(reason);
  CloseTransport(reason);
  Pump();
}

void Serving::Start() {
  Guard([this] {
    handle_ = std::make_shared<Handle>(weak_from_this(), worker_.loop);
    timer_ = worker_.loop.AddTimer([this](Instant now) { OnTimer(now); });
    // A connection that nobody watches would hang until its deadline.
    if (!worker_.loop.Watch(driver_->fd(), EPOLLIN, [this](uint32_t events) { OnReady(events); })) {
      return CloseTransport(
          MakeError(ErrorCode::kTransportError, Role::kTarget, PduClass::kNone, 0));
    }
    connection_->HandleTimeout(transport::MonotonicNow());  // the login's deadline begins
    Pump();
  });
}

void Serving::LeaveDoor() {
  if (login_ != 0) worker_.shared.door.Leave(login_);
  login_ = 0;
}

void Serving::CrowdOut() {
  ++totals_.logins_crowded_out;
  End(MakeError(ErrorCode::kTooManyConnections, Role::kTarget, PduClass::kLogin, 0));
}

void Serving::OnReady(uint32_t events) {
  Guard([this, events] { ReadAndPump(events); });
}

void Serving::ReadAndPump(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
    Pump();
    return;
  }
  for (size_t i = 0; i < kReadsATurn && driver_.has_value() && !closing_; ++i) {
    const Instant now = transport::MonotonicNow();
    Io result;
    if (session_.has_value()) {
      transport::SessionPort<Session> port{*session_, id_};
      result = driver_->Read(port, worker_.rx_buffers, now);
    } else {
      result = driver_->Read(*connection_, worker_.rx_buffers, now);
    }
    if (result == Io::kClosed || result == Io::kFailed) {
      CloseTransport(MakeError(ErrorCode::kTransportClosed, Role::kTarget, PduClass::kNone, 0));
      return;
    }
    if (result != Io::kProgress) {
      Pump();
      return;
    }
    Pump();
    if (!driver_.has_value() || !driver_->may_have_more()) return;
  }
}

void Serving::OnTimer(Instant now) {
  Guard([this, now] {
    if (session_.has_value()) {
      session_->HandleTimeout(now);
    } else if (connection_.has_value()) {
      connection_->HandleTimeout(now);
    }
    Pump();
  });
}

transport::IoResult Serving::Write(Instant now) {
  if (!driver_.has_value()) return Io::kIdle;
  if (session_.has_value()) {
    transport::SessionPort<Session> port{*session_, id_};
    return driver_->Write(port, now);
  }
  return driver_->Write(*connection_, now);
}

// Drains events, sends, and again until neither brings anything; then waits for what is missing.
void Serving::Pump() {
  if (pumping_) {
    pump_again_ = true;
    return;
  }
  const std::shared_ptr<Serving> keep = shared_from_this();
  pumping_ = true;
  Io written = Io::kIdle;
  do {
    pump_again_ = false;
    DrainEvents();
    if (!driver_.has_value()) break;
    if (session_.has_value()) {
      transport::SessionPort<Session> port{*session_, id_};
      driver_->AfterDrain(port, worker_.rx_buffers);
    } else {
      driver_->AfterDrain(*connection_, worker_.rx_buffers);
    }
    written = drop_ ? Io::kIdle : Write(transport::MonotonicNow());
    if (written == Io::kFailed) {
      CloseTransport(MakeError(ErrorCode::kTransportClosed, Role::kTarget, PduClass::kNone, 0));
      pump_again_ = true;  // the session tells what becomes of its tasks, and that it has ended
      continue;
    }
    pump_again_ |= written == Io::kDrain;
    pump_again_ |= DrainEvents();  // what was sent may have released tasks
  } while (pump_again_);
  pumping_ = false;
  if (closing_ && driver_.has_value() && (drop_ || written == Io::kIdle))
    CloseTransport(closing_reason_);
  if (driver_.has_value()) Wait(written);
  LeaveIfDone();
}

bool Serving::DrainEvents() {
  bool any = false;
  Event event;
  for (;;) {
    const bool got = session_.has_value()      ? session_->Next(&event)
                     : connection_.has_value() ? connection_->Next(&event)
                                               : false;
    if (!got) return any;
    any = true;
    if (broken_) {
      HandleBroken(event);
    } else {
      Handle_(event);
    }
  }
}

size_t Serving::Unread() const {
  return session_.has_value() ? session_->UnconsumedRx(id_) : connection_->UnconsumedRx();
}

void Serving::Wait(transport::IoResult written) {
  uint32_t events = closing_ ? 0u : uint32_t{EPOLLIN};
  if (Unread() > 0) events = 0;  // back-pressure: a task's progress calls Pump()
  if (written == Io::kBlocked || written == Io::kProgress) events |= EPOLLOUT;
  if (!worker_.loop.Rewatch(driver_->fd(), events)) {
    return CloseTransport(MakeError(ErrorCode::kTransportError, Role::kTarget, PduClass::kNone, 0));
  }
  const Deadline deadline =
      session_.has_value() ? session_->PollTimeout() : connection_->PollTimeout();
  if (deadline.armed()) {
    worker_.loop.SetTimer(timer_, deadline.at);
  } else {
    worker_.loop.ClearTimer(timer_);
  }
}

void Serving::CloseTransport(Error reason) {
  if (!driver_.has_value()) return;
  LeaveDoor();
  if (!reason.ok()) ++totals_.connections_dropped;
  worker_.loop.Unwatch(driver_->fd());
  if (session_.has_value()) {
    session_->OnTransportClosed(id_, reason);
  } else {
    connection_->OnTransportClosed(reason);
    ended_ = true;
  }
  CloseDriver();
  tap_.reset();
  if (!pumping_) Pump();
}

void Serving::CloseDriver() {
  if (driver_->device() != nullptr) transport::Add(totals_.device, driver_->device()->counters());
  driver_.reset();
}

void Serving::LeaveIfDone() {
  if (left_ || driver_.has_value() || !ended_ || context_.in_blocking_pool > 0) return;
  left_ = true;
  worker_.loop.RemoveTimer(timer_);
  if (broken_) {
    for (Task& task : tasks_) task.Finish();  // buffers of those whose release was the event that was lost
  }
  if (claiming_) worker_.shared.registry.Withdraw(handle_.get());
  if (nexus_ != nullptr) target_->device.Detach(nexus_);
  if (tsih_ != 0) worker_.shared.registry.Leave(tsih_);
  for (auto& [cookie, done] : scopes_) done();
  scopes_.clear();
  if (orphan_ != nullptr) orphan_();
  Totals counted;
  AddTo(counted);
  worker_.Forget(this, counted);
}

void Serving::End(Error reason) {
  Guard([this, reason] {
    if (session_.has_value()) {
      session_->Drop(reason);
      Pump();
    } else {
      CloseTransport(reason);
    }
  });
}

void Serving::Abort(const AbortScope& scope, AbortCause cause, std::function<void()>& done) {
  Guard([&] { AbortTasks(scope, cause, done); });
  if (done == nullptr) return;
  // Without memory to keep it: the session ends, and with it the tasks.
  if (left_ || orphan_ != nullptr) {
    done();
  } else {
    orphan_.swap(done);
  }
}

// `done` is taken only when there is memory to keep it; else this session ends, and its tasks with it.
void Serving::AbortTasks(const AbortScope& scope, AbortCause cause, std::function<void()>& done) {
  if (!session_.has_value() || ended_) {
    std::exchange(done, nullptr)();
    return;
  }
  if (cause == AbortCause::kClearTaskSet && nexus_ != nullptr) {
    const auto set = context_.task_sets.find(target_->device.Find(LunField(scope.lun)));
    if (set != context_.task_sets.end() && !set->second.empty()) {
      target_->device.NoteTaskSetCleared(*nexus_, LunField(scope.lun));
    }
  }
  const uint64_t cookie = next_scope_++;
  // Another session asks: that there is no memory for it must not end this one.
  transport::WaitForMemory([&] { scopes_[cookie].swap(done); });
  if (Error error = session_->AbortTasks(scope, cookie); !error.ok()) {
    std::function<void()> now = std::move(scopes_[cookie]);
    scopes_.erase(cookie);
    now();
  }
  Pump();
}

void Serving::AddTo(Totals& totals) const {
  totals.Add(totals_);
  if (driver_.has_value() && driver_->device() != nullptr)
    transport::Add(totals.device, driver_->device()->counters());
  totals.commands_answered_busy += context_.answered_busy;
  totals.reads_waited += context_.reads_waited;
  if (session_.has_value()) {
    totals.AddSession(session_->counters());
    transport::Add(totals.received, session_->rx_counters(id_));
    transport::Add(totals.sent, session_->tx_counters(id_));
  } else if (connection_.has_value()) {
    transport::Add(totals.received, connection_->rx_counters());
    transport::Add(totals.sent, connection_->tx_counters());
  }
}

Task& Serving::TaskOf(TaskId id) {
  while (tasks_.size() <= id.slot) tasks_.emplace_back(context_);
  return tasks_[id.slot];
}

// What must be given back, and what others wait for. Takes no memory.
void Serving::HandleBroken(const Event& event) {
  switch (event.kind) {
    case EventKind::kTaskAborted:
      if (event.task.slot < tasks_.size() && tasks_[event.task.slot].id() == event.task) {
        tasks_[event.task.slot].Abort();
      } else {
        (void)session_->Release(event.task).ok();
      }
      return;
    case EventKind::kTaskReleased:
      if (event.task.slot < tasks_.size()) tasks_[event.task.slot].Finish();
      return;
    case EventKind::kScopeAborted:
    case EventKind::kTextReleased:
    case EventKind::kDisconnect:
    case EventKind::kSessionEnded:
      return Handle_(event);
    default:
      return;
  }
}

void Serving::Handle_(const Event& event) {
  switch (event.kind) {
    case EventKind::kLookup:
      return OnLookup(event);
    case EventKind::kClaim:
      return OnClaim(event);
    case EventKind::kLoginDone:
      return OnLoginDone();
    case EventKind::kBegin:
      return TaskOf(event.task).Begin(event);
    case EventKind::kCommand:
      return TaskOf(event.task).Start(event);
    case EventKind::kDataReceived:
      return TaskOf(event.task).OnData(event.offset, event.length);
    case EventKind::kSourceReleased:
      return TaskOf(event.task).OnSourceReleased();
    case EventKind::kTaskAborted:
      return TaskOf(event.task).Abort();
    case EventKind::kTaskReleased:
      return TaskOf(event.task).Finish();
    case EventKind::kTaskManagement:
      return OnTaskManagement(event);
    case EventKind::kScopeAborted: {
      const auto found = scopes_.find(event.cookie);
      if (found == scopes_.end()) return;
      const std::function<void()> done = std::move(found->second);
      scopes_.erase(found);
      return done();
    }
    case EventKind::kSendTargets:
      return OnSendTargets(event);
    case EventKind::kTextReleased:
      texts_.erase(event.request.slot);
      return;
    case EventKind::kDisconnect:
      return OnDisconnect(event);
    case EventKind::kSessionEnded:
      ended_ = true;
      return;
    case EventKind::kNone:
    case EventKind::kLoggedOut:
    case EventKind::kReleaseRx:
      return;
    case EventKind::kArmDigests:
      return OnArmDigests(event.stream_offset);
  }
}

void Serving::OnLookup(const Event& event) {
  const Config& config = worker_.shared.config;
  LookupAnswer answer;
  initiator_name_ = std::string(event.initiator_name);
  discovery_ = event.discovery;
  const Accounts* accounts = worker_.shared.catalogue.accounts();
  answer.offer = config.offer;
  answer.require_mutual_chap = config.mutual_chap_required;
  if (!event.target_name.empty()) {
    target_ = worker_.shared.catalogue.Find(event.target_name);
    if (target_ != nullptr && !target_->config.Serves(portal_group_)) target_ = nullptr;
    if (target_ == nullptr) {
      answer.status = kNotFound;
    } else {
      const TargetConfig& target = target_->config;
      accounts = target_->accounts;
      answer.offer = target.offer;
      answer.require_mutual_chap = target.mutual_chap_required;
      if (!target.Admits(initiator_name_)) {
        answer.status = kNotAuthorized;
      } else if (!target.redirect.address.empty() && !discovery_) {
        answer.status = target.redirect.permanent ? kMovedForGood : kMovedForNow;
        answer.redirect_address = target.redirect.address;
      }
    }
  }
  answer.offer.TargetPortalGroupTag = portal_group_;
  if (driver_->device() != nullptr) {
    worker_.shared.offload->ClampOffer(driver_->fd(), &answer.offer);
  }
  if (accounts != nullptr) {
    answer.require_chap = true;
    answer.accounts = accounts->list();
  } else {
    answer.require_mutual_chap = false;
  }
  totals_.logins_redirected += answer.status.status_class == 1;
  totals_.logins_refused += answer.status.status_class > 1;
  (void)connection_->AnswerLookup(answer).ok();
}

void Serving::OnClaim(const Event& event) {
  key_.initiator_name = std::string(event.initiator_name);
  key_.isid = event.isid;
  key_.target_name = std::string(event.target_name);
  key_.portal_group = portal_group_;
  if (key_.target_name.empty()) key_.portal = local_.ToString();
  if (event.tsih != 0) {
    // One connection a session: whoever joins an existing one is one too many.
    const bool exists = worker_.shared.registry.Exists(key_, event.tsih);
    ++totals_.logins_refused;
    (void)connection_->AnswerClaim({.status = exists ? kTooManyConnections : kNoSuchSession}).ok();
    return;
  }
  claiming_ = true;
  auto granted = [self = weak_from_this(), &loop = worker_.loop,
                  &registry = worker_.shared.registry](uint16_t tsih) {
    loop.Post([self, tsih, &registry] {
      const std::shared_ptr<Serving> alive = self.lock();
      if (alive == nullptr || alive->left_ || !alive->connection_.has_value()) {
        if (tsih != 0) registry.Leave(tsih);
        return;
      }
      alive->Guard([&] {
        alive->claiming_ = false;
        alive->tsih_ = tsih;
        ClaimAnswer answer;
        answer.tsih = tsih;
        if (tsih == 0) answer.status = kOutOfResources;
        (void)alive->connection_->AnswerClaim(answer).ok();
        alive->Pump();
      });
    });
  };
  worker_.shared.registry.Claim(key_, handle_, std::move(granted));
}

void Serving::OnLoginDone() {
  SessionOptions options;
  options.limits = worker_.shared.config.limits;
  const size_t bytes = Session::MemoryNeeded(options);
  session_memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  session_.emplace(options, std::span(session_memory_.get(), bytes));
  header_digest_ = connection_->parameters().HeaderDigest == text::DigestAlgorithm::kCRC32C;
  data_digest_ = connection_->parameters().DataDigest == text::DigestAlgorithm::kCRC32C;
  if (Error error = session_->Attach(*std::move(connection_), &id_); !error.ok()) {
    session_.reset();
    closing_ = drop_ = true;
    closing_reason_ = error;
    return;
  }
  connection_.reset();
  if (discovery_) {
    ++totals_.discovery_sessions;
    return;
  }
  LeaveDoor();
  ++totals_.sessions;
  nexus_ = target_->device.Attach(PortName(key_), portal_group_);
  context_.session = &*session_;
  context_.device = &target_->device;
  context_.nexus = nexus_;
  context_.buffers = &worker_.buffers;
  context_.blocking = &worker_.shared.blocking;
  // Weak: it stands in the object itself. Whoever posts is counted in in_blocking_pool, and until that is 0 the worker
  // does not let go.
  context_.post = [self = weak_from_this(), &loop = worker_.loop](std::function<void()> work) {
    loop.Post([self, work = std::move(work)] {
      if (const std::shared_ptr<Serving> alive = self.lock()) alive->Guard(work);
    });
  };
  context_.pump = [this] { Pump(); };
  context_.resume = [this](uint32_t slot) {
    if (!broken_) tasks_[slot].Resume();
  };
  context_.abort_nexuses = [this](const std::vector<scsi::NexusName>& nexuses,
                                  const std::array<std::byte, 8>& lun, std::function<void()> done) {
    worker_.shared.registry.AbortOthers(
        target_->name, handle_.get(), {.all_luns = false, .lun = lun}, AbortCause::kPreempted,
        std::move(done), [&nexuses](const NexusKey& key) {
          return std::ranges::find(nexuses, scsi::NexusName{PortName(key), key.portal_group}) !=
                 nexuses.end();
        });
  };
}

void Serving::OnArmDigests(uint64_t stream_offset) {
  if (!driver_.has_value()) return;
  driver_->ArmDevice(transport::SessionPort<Session>{*session_, id_}, stream_offset, header_digest_,
                     data_digest_);
}

void Serving::OnSendTargets(const Event& event) {
  const std::string_view name = event.send_targets_all ? std::string_view() : event.target_name;
  std::string& text = texts_[event.request.slot];
  text = worker_.shared.catalogue.SendTargets(name, initiator_name_, local_);
  (void)session_->AnswerText(event.request, std::as_bytes(std::span(text.data(), text.size())))
      .ok();
}

void Serving::OnTaskManagement(const Event& event) {
  const RequestId request = event.request;
  const auto answer = [this](RequestId id, uint8_t response, uint32_t information = 0) {
    if (session_.has_value())
      (void)session_->AnswerTaskManagement(id, {response, information}).ok();
  };
  if (target_ == nullptr) return answer(request, kFunctionNotSupported);
  scsi::LogicalUnit* unit = target_->device.Find(LunField(event.lun));
  const bool whole_target = event.function == kTargetWarmReset ||
                            event.function == kTargetColdReset || event.function == kITNexusReset;
  if (unit == nullptr && !whole_target) return answer(request, kLunDoesNotExist);
  AbortScope scope{.all_luns = whole_target, .lun = event.lun};
  AbortCause cause = AbortCause::kReset;
  switch (event.function) {
    case kLogicalUnitReset:
      unit->Reset();
      break;
    case kTargetWarmReset:
    case kTargetColdReset:
      target_->device.Reset();
      break;
    case kClearTaskSet:
      cause = AbortCause::kClearTaskSet;
      break;
    case kQueryAsynchronousEvent: {
      const auto pending = target_->device.PendingAttention(*nexus_, LunField(event.lun));
      return answer(request, pending.has_value() ? kFunctionSucceeded : kFunctionComplete);
    }
    case kITNexusReset:
      target_->device.ResetNexus(*nexus_);
      return answer(request, kFunctionComplete);
    case kAbortTask:
    case kAbortTaskSet:
    case kClearAca:
      return answer(request, kFunctionComplete);  // this session's own tasks only: they are gone
    default:
      return answer(request, kFunctionNotSupported);
  }
  worker_.shared.registry.AbortOthers(
      target_->name, handle_.get(), scope, cause,
      [self = weak_from_this(), &loop = worker_.loop, request, answer] {
        loop.Post([self, request, answer] {
          const std::shared_ptr<Serving> alive = self.lock();
          if (alive == nullptr) return;
          alive->Guard([&] {
            answer(request, kFunctionComplete, 0);
            alive->Pump();
          });
        });
      });
}

void Serving::OnDisconnect(const Event& event) {
  closing_ = true;
  drop_ |= !event.flush;
  closing_reason_ = event.error;
}

}  // namespace isthmus::target
