#include "initiator/client/client.h"

#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "digest/select.h"
#include "initiator/client/error_text.h"
#include "transport/chap_algorithms.h"
#include "transport/counters.h"
#include "transport/event_loop.h"
#include "transport/socket.h"

namespace isthmus::initiator {
namespace {

using transport::IoResult;
using transport::MonotonicNow;

template <size_t kBytes>
std::array<std::byte, kBytes> Random() {
  std::array<std::byte, kBytes> bytes;
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got > 0) have += static_cast<size_t>(got);
  }
  return bytes;
}

// Section 11.12.5: type 2 (10b), random.
std::array<std::byte, 6> RandomIsid() {
  std::array<std::byte, 6> isid = Random<6>();
  isid[0] = std::byte{0x80};
  return isid;
}

// Waits for a descriptor, at most until the engine's deadline.
absl::Status WaitFor(int fd, short events, Deadline deadline, absl::Duration timeout) {
  int64_t ms = timeout == absl::InfiniteDuration() ? -1 : absl::ToInt64Milliseconds(absl::Ceil(timeout, absl::Milliseconds(1)));
  if (deadline.armed()) {
    const int64_t left = std::max<int64_t>(0, (deadline.at - MonotonicNow()).ns / 1'000'000 + 1);
    ms = ms < 0 ? left : std::min(ms, left);
  }
  pollfd waiting{fd, events, 0};
  if (poll(&waiting, 1, static_cast<int>(std::min<int64_t>(ms, 3'600'000))) < 0 && errno != EINTR) {
    return absl::ErrnoToStatus(errno, "poll");
  }
  return absl::OkStatus();
}

struct FailureRow {
  LoginFailure failure;
  absl::StatusCode code;
  const char* text;
};
constexpr FailureRow kFailures[] = {
    {LoginFailure::kWrongName, absl::StatusCode::kNotFound, "there is no such target"},
    {LoginFailure::kRefused, absl::StatusCode::kPermissionDenied, "the target refuses this login"},
    {LoginFailure::kAuthenticationFailed, absl::StatusCode::kUnauthenticated, "authentication failed"},
    {LoginFailure::kTargetNotAuthenticated, absl::StatusCode::kUnauthenticated, "the target could not prove itself"},
    {LoginFailure::kDigestUnavailable, absl::StatusCode::kFailedPrecondition,
     "one side demands a digest that the other lacks"},
    {LoginFailure::kVersion, absl::StatusCode::kPermissionDenied, "the target speaks another version of iSCSI"},
    {LoginFailure::kTargetUnavailable, absl::StatusCode::kUnavailable, "the target cannot serve now"},
    {LoginFailure::kProtocolError, absl::StatusCode::kUnavailable, "the target broke the protocol during login"},
    {LoginFailure::kTooManyRedirects, absl::StatusCode::kUnavailable, "the target redirects without end"},
    {LoginFailure::kDeadline, absl::StatusCode::kDeadlineExceeded, "the login took too long"},
    {LoginFailure::kConnectionLost, absl::StatusCode::kUnavailable, "the connection was lost during login"},
};

// Status 0x0200 for a login that did not offer CRC32C, or nothing but it.
bool RefusedForDigests(const Event& failed, const text::Offer& offer) {
  return failed.login_failure == LoginFailure::kRefused && failed.status_class == 2 && failed.status_detail == 0 &&
         (offer.HeaderDigest.size() < 2 || offer.DataDigest.size() < 2);
}

}  // namespace

absl::Status LoginStatusOf(const Event& failed, const transport::Address& portal) {
  for (const FailureRow& row : kFailures) {
    if (row.failure != failed.login_failure) continue;
    std::string text = absl::StrCat(portal.ToString(), ": ", row.text);
    if (failed.status_class != 0) {
      absl::StrAppendFormat(&text, " (login status 0x%02x%02x)", failed.status_class, failed.status_detail);
    }
    if (!failed.error.ok() && failed.error.code != ErrorCode::kLoginRefused) {
      absl::StrAppend(&text, ": ", InWords(failed.error));
    }
    return absl::Status(row.code, text);
  }
  return absl::UnavailableError(absl::StrCat(portal.ToString(), ": the login failed"));
}

Client::Client(const ClientOptions& options) : options_(options), isid_(RandomIsid()), portal_(options.portal) {
  if (options_.kernel == nullptr) options_.kernel = &digest::SelectKernel();
  if (options_.chap_algorithms.empty()) {
    options_.chap_algorithms = *transport::ParseChapAlgorithms(transport::kChapAlgorithmsToOffer);
  }
}

Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Open(const ClientOptions& options) {
  std::unique_ptr<Client> client(new Client(options));
  SessionOptions session;
  session.limits = options.limits;
  if (Error error = Session::Check(session); !error.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("session limits: ", InWords(error)));
  }
  client->session_.emplace(Session::OnHeap(session));
  if (absl::Status status = client->Connect(); !status.ok()) return status;
  return client;
}

absl::Status Client::Connect() {
  transport::Address at = options_.portal;
  for (uint8_t hops = 0;; ++hops) {
    bool redirected = false;
    if (absl::Status status = LogInOnce(at, hops, &redirected); !status.ok()) return status;
    if (!redirected) return absl::OkStatus();
    at = portal_;
  }
}

absl::Status Client::LogInOnce(const transport::Address& at, uint8_t hops, bool* redirected) {
  ConnectionOptions options;
  options.initiator_name = options_.initiator_name;
  options.target_name = options_.target_name;
  options.isid = isid_;
  options.offer = options_.offer;
  options.initiator_alias = options_.offer.InitiatorAlias;
  options.chap = options_.chap;
  options.hashes = options_.chap_algorithms;
  options.chap.allow_without_md5 = true;  // whoever gave such a list meant it
  options.entropy = Random<64>();
  options.redirect_hops = hops;
  options.kernel = options_.kernel;
  options.limits = options_.limits;
  absl::StatusOr<transport::Socket> socket = transport::Connect(at, options_.connect_timeout);
  if (!socket.ok()) return absl::UnavailableError(socket.status().message());
  std::unique_ptr<transport::DeviceLink> device;
  if (options_.offload != nullptr) {
    device = options_.offload->Attach(socket->fd());
    counters_.device.not_attached += device == nullptr;
    if (device != nullptr) options_.offload->ClampOffer(socket->fd(), &options.offer);
  }
  if (Error error = Connection::Check(options); !error.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("login options: ", InWords(error)));
  }
  if (options_.capture != nullptr) {
    tap_ = std::make_unique<transport::CaptureTap>(*options_.capture, socket->Local(), socket->Peer(), true);
  }
  driver_.emplace(*std::move(socket), tap_.get());
  driver_->UseDevice(std::move(device));
  ++counters_.connections;
  Connection connection = Connection::OnHeap(options);
  connection.HandleTimeout(MonotonicNow());
  portal_ = at;
  absl::Status failed = absl::OkStatus();
  for (bool open = true;;) {
    Event event;
    while (connection.Next(&event)) {
      if (event.kind == EventKind::kLoginDone) {
        if (Error error = session_->Attach(std::move(connection), &id_); !error.ok()) {
          return absl::UnavailableError(absl::StrCat("the session takes no connection: ", InWords(error)));
        }
        closing_ = lost_ = blocked_ = false;
        return absl::OkStatus();
      }
      if (event.kind == EventKind::kRedirected) {
        absl::StatusOr<transport::Address> next = transport::ParseAddress(std::string(event.text), transport::kDefaultPort);
        if (!next.ok()) return absl::UnavailableError(absl::StrCat("redirected to nowhere: ", next.status().message()));
        portal_ = *std::move(next);
        *redirected = true;
      } else if (event.kind == EventKind::kLoginFailed) {
        failed = LoginStatusOf(event, at);
        if (RefusedForDigests(event, options_.offer)) {
          // The target says only "initiator error" (section 11.13.5); nothing else in this login invites it.
          failed = absl::FailedPreconditionError(
              absl::StrCat("probably one side demands a digest that the other lacks: ", failed.message()));
        }
      } else if (event.kind == EventKind::kDisconnect) {
        open = false;
      }
    }
    if (*redirected || !failed.ok() || !open) {
      transport::Add(counters_.received, connection.rx_counters());
      transport::Add(counters_.sent, connection.tx_counters());
      CloseDriver();
      tap_.reset();
      if (*redirected) return absl::OkStatus();
      return failed.ok() ? absl::UnavailableError(absl::StrCat(at.ToString(), ": the login ended early")) : failed;
    }
    driver_->AfterDrain(connection, rx_buffers_);
    IoResult result = driver_->Write(connection, MonotonicNow());
    if (result == IoResult::kDrain) continue;
    if (result != IoResult::kFailed) {
      if (absl::Status status = WaitFor(driver_->fd(), result == IoResult::kBlocked ? POLLIN | POLLOUT : POLLIN,
                                        connection.PollTimeout(), absl::InfiniteDuration());
          !status.ok()) {
        return status;
      }
      result = driver_->Read(connection, rx_buffers_, MonotonicNow());
    }
    if (result == IoResult::kClosed || result == IoResult::kFailed) {
      connection.OnTransportClosed(MakeError(ErrorCode::kTransportClosed, Role::kInitiator, PduClass::kNone, 0));
    }
    connection.HandleTimeout(MonotonicNow());
  }
}

absl::Status Client::Reconnect() {
  const absl::Time until = absl::Now() + options_.reconnect_timeout;
  absl::Status status = absl::UnavailableError(absl::StrCat(portal_.ToString(), ": the connection was lost: ",
                                                            InWords(reason_)));
  absl::Duration pause = absl::Milliseconds(100);
  while (absl::Now() < until) {
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Seconds(2));
    const absl::Status tried = Connect();
    if (tried.ok()) return tried;
    status = tried;
    // Nothing that time heals.
    if (!absl::IsUnavailable(tried) && !absl::IsDeadlineExceeded(tried)) break;
  }
  session_->End();
  Drain();
  return status;
}

short Client::events() const {
  short events = session_->UnconsumedRx(id_) == 0 && !closing_ ? POLLIN : 0;
  if (blocked_) events |= POLLOUT;
  return events;
}

absl::Status Client::Poll(absl::Duration timeout) {
  if (!final_.ok()) return final_;
  if (absl::Status status = Pump(); !status.ok()) return final_ = status;
  if (driver_.has_value()) {
    if (timeout > absl::ZeroDuration()) {
      if (absl::Status status = WaitFor(driver_->fd(), events(), session_->PollTimeout(), timeout); !status.ok()) {
        return final_ = status;
      }
    }
    transport::SessionPort<Session> port{*session_, id_};
    const IoResult result = closing_ ? IoResult::kIdle : driver_->Read(port, rx_buffers_, MonotonicNow());
    if (result == IoResult::kClosed || result == IoResult::kFailed) {
      CloseTransport(MakeError(ErrorCode::kTransportClosed, Role::kInitiator, PduClass::kNone, 0));
    }
    const Deadline due = session_->PollTimeout();
    if (const Instant now = MonotonicNow(); due.armed() && due.at <= now) session_->HandleTimeout(now);
  }
  if (absl::Status status = Pump(); !status.ok()) return final_ = status;
  return absl::OkStatus();
}

absl::Status Client::Send() {
  if (!final_.ok()) return final_;
  return final_ = Pump();
}

// Drains events and sends until neither brings anything.
absl::Status Client::Pump() {
  for (bool again = true; again;) {
    again = Drain();
    if (ended_) return absl::UnavailableError(absl::StrCat("the session has ended: ", InWords(reason_)));
    if (lost_ && !driver_.has_value()) {
      if (options_.reconnect_timeout == absl::ZeroDuration()) {
        session_->End();
        Drain();
        return absl::UnavailableError(
            absl::StrCat(portal_.ToString(), ": the connection was lost: ", InWords(reason_)));
      }
      if (absl::Status status = Reconnect(); !status.ok()) return status;
      again = true;
    }
    if (!driver_.has_value()) return absl::OkStatus();
    transport::SessionPort<Session> port{*session_, id_};
    driver_->AfterDrain(port, rx_buffers_);
    const IoResult result = closing_ && !flush_ ? IoResult::kIdle : driver_->Write(port, MonotonicNow());
    blocked_ = result == IoResult::kBlocked || result == IoResult::kProgress;
    if (result == IoResult::kFailed) {
      CloseTransport(MakeError(ErrorCode::kTransportClosed, Role::kInitiator, PduClass::kNone, 0));
      again = true;
    } else if (result == IoResult::kDrain) {
      again = true;
    } else if (closing_ && !blocked_) {
      CloseTransport(reason_);
      again = true;
    }
    again |= Drain();
  }
  return absl::OkStatus();
}

bool Client::Drain() {
  bool any = false;
  for (Event event; session_->Next(&event);) {
    any = true;
    Handle(event);
  }
  return any;
}

void Client::Handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kCompleted:
    case EventKind::kTaskManagementDone:
    case EventKind::kPong:
    case EventKind::kTextReceived: {
      const Callback done = std::move(callbacks_[event.cookie]);
      callbacks_[event.cookie] = nullptr;
      free_cookies_.push_back(event.cookie);
      --outstanding_;
      if (done) done(event);
      return;
    }
    case EventKind::kArmDigests:
      return ArmDevice(event.stream_offset);
    case EventKind::kDisconnect:
      closing_ = true;
      flush_ = event.flush;
      reason_ = event.error;
      return;
    case EventKind::kConnectionLost:
      lost_ = true;
      reason_ = event.error;
      return;
    case EventKind::kSessionEnded:
      ended_ = true;
      return;
    default:
      return;
  }
}

void Client::CloseTransport(Error reason) {
  if (!driver_.has_value()) return;
  if (const RxCounters* counters = session_->rx_counters(); counters != nullptr) transport::Add(counters_.received, *counters);
  if (const TxCounters* counters = session_->tx_counters(); counters != nullptr) transport::Add(counters_.sent, *counters);
  CloseDriver();
  tap_.reset();
  closing_ = false;
  session_->OnTransportClosed(id_, reason);
}

void Client::CloseDriver() {
  if (driver_->device() != nullptr) transport::Add(counters_.device, driver_->device()->counters());
  driver_.reset();
}

void Client::ArmDevice(uint64_t stream_offset) {
  if (!driver_.has_value()) return;
  const text::Parameters& parameters = session_->parameters();
  const bool header_digest = parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C;
  const bool data_digest = parameters.DataDigest == text::DigestAlgorithm::kCRC32C;
  driver_->ArmDevice(transport::SessionPort<Session>{*session_, id_}, stream_offset, header_digest, data_digest);
}

uint64_t Client::Remember(Callback done) {
  uint64_t cookie = callbacks_.size();
  if (free_cookies_.empty()) {
    callbacks_.emplace_back();
  } else {
    cookie = free_cookies_.back();
    free_cookies_.pop_back();
  }
  callbacks_[cookie] = std::move(done);
  ++outstanding_;
  return cookie;
}

namespace {

absl::Status Refused(const char* what, Error error) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", InWords(error)));
}

}  // namespace

#define ISTHMUS_ASK(what, call)                      \
  if (!final_.ok()) return final_;                   \
  const uint64_t cookie = Remember(std::move(done)); \
  if (Error error = call; !error.ok()) {             \
    callbacks_[cookie] = nullptr;                    \
    free_cookies_.push_back(cookie);                 \
    --outstanding_;                                  \
    return Refused(what, error);                     \
  }                                                  \
  return absl::OkStatus()

absl::Status Client::Submit(Command command, Callback done) {
  TaskId task;
  ISTHMUS_ASK("command", (command.cookie = cookie, session_->Submit(command, &task)));
}

absl::Status Client::TaskManagement(TaskManagementRequest request, Callback done) {
  TaskId task;
  ISTHMUS_ASK("task management", (request.cookie = cookie, session_->TaskManagement(request, &task)));
}

absl::Status Client::Ping(std::span<const std::byte> data, Callback done) {
  ISTHMUS_ASK("ping", session_->Ping(data, cookie));
}

absl::Status Client::SendTargets(absl::string_view what, std::span<std::byte> answer, Callback done) {
  ISTHMUS_ASK("SendTargets", session_->SendTargets({what.data(), what.size()}, answer, cookie));
}

#undef ISTHMUS_ASK

absl::StatusOr<Completed> Client::Execute(Command command) {
  std::optional<Completed> completed;
  if (absl::Status status = Submit(command, [&](const Event& event) { completed.emplace(event); }); !status.ok()) return status;
  while (!completed.has_value()) {
    if (absl::Status status = Poll(absl::InfiniteDuration()); !status.ok() && !completed.has_value()) return status;
  }
  return *std::move(completed);
}

absl::Status Client::Close() {
  if (!final_.ok() || !driver_.has_value()) return final_;
  if (Error error = session_->Logout(LogoutReason::kCloseSession); !error.ok()) return Refused("logout", error);
  options_.reconnect_timeout = absl::ZeroDuration();
  while (driver_.has_value() && Poll(absl::InfiniteDuration()).ok()) {
  }
  final_ = absl::UnavailableError("the client is closed");
  return absl::OkStatus();
}

ClientCounters Client::counters() const {
  ClientCounters sum = counters_;
  sum.session = session_->counters();
  if (driver_.has_value()) {
    if (driver_->device() != nullptr) transport::Add(sum.device, driver_->device()->counters());
    if (const RxCounters* counters = session_->rx_counters(); counters != nullptr) transport::Add(sum.received, *counters);
    if (const TxCounters* counters = session_->tx_counters(); counters != nullptr) transport::Add(sum.sent, *counters);
  }
  return sum;
}

}  // namespace isthmus::initiator
