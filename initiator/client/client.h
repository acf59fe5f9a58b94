// A session with one target over TCP: the convenient face of the initiator's engine. RFC 7143 sections 6.3 (login), 7.2
// (retry), 6.3.5 (session reinstatement after a lost connection).
//
// Commands are submitted with a callback and complete during Poll(); the blocking calls are made of these. One thread at a
// time. Buffers of a Command stay in place until its callback has run.
//
//   absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);      // connects and logs in
//   (*client)->Submit(command, [](const Event& completed) { … });
//   while ((*client)->outstanding() > 0) if (absl::Status s = (*client)->Poll(absl::Seconds(1)); !s.ok()) …;
//   (*client)->Close();
//
// Beside other descriptors: wait for `events()` on `fd()` until `deadline()`, then Poll(absl::ZeroDuration()).
//
// Errors, by code: kNotFound no such target; kPermissionDenied the target refuses this login; kUnauthenticated
// authentication failed, either way; kFailedPrecondition one side demands a digest that the other lacks; kUnavailable the
// connection cannot be made or was lost; kDeadlineExceeded no answer in time; kDataLoss data or digests are wrong;
// kInvalidArgument the options are.
#ifndef ISTHMUS_INITIATOR_CLIENT_CLIENT_H_
#define ISTHMUS_INITIATOR_CLIENT_CLIENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "digest/kernel.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "transport/address.h"
#include "transport/capture.h"
#include "transport/chap_algorithms.h"
#include "transport/device_link.h"
#include "transport/socket_driver.h"

namespace isthmus::initiator {

struct ClientOptions {
  transport::Address portal;
  std::string initiator_name = "iqn.2026-11.org.isthmus:iscsi";
  std::string target_name;  // empty: a discovery session
  // CHAP; views must outlive the client (a reconnect needs them again).
  ChapOptions chap;
  transport::ChapAlgorithms chap_algorithms;  // to offer, in order of preference; empty: kChapAlgorithmsToOffer
  // Its names are set from the above; its alias is sent. Views outlive the client.
  text::Offer offer = DefaultOffer();
  Limits limits;
  const digest::Kernel* kernel = nullptr;     // null: the best that this machine has
  transport::CaptureFile* capture = nullptr;  // not owned; null: none
  transport::DeviceModel* offload = nullptr;  // not owned; null: digests are computed in software
  absl::Duration connect_timeout = absl::Seconds(10);
  // How long a lost connection is tried again; zero: not at all. Commands with RetryPolicy::kReissue then go on.
  absl::Duration reconnect_timeout = absl::Seconds(30);
};

// A completion that outlives its event: the sense data is a copy.
struct Completed {
  explicit Completed(const Event& completion) : event(completion), sense(completion.data.begin(), completion.data.end()) {
    event.data = sense;
  }
  Completed(const Completed&) = delete;
  Completed(Completed&& other) noexcept : event(other.event), sense(std::move(other.sense)) { event.data = sense; }

  Event event;
  std::vector<std::byte> sense;
};

// What was checked where, over all connections of the client.
struct ClientCounters {
  RxCounters received;
  TxCounters sent;
  transport::LinkCounters device;
  SessionCounters session;
  uint64_t connections = 0;
};

class Client {
 public:
  using Callback = std::function<void(const Event& event)>;

  static absl::StatusOr<std::unique_ptr<Client>> Open(const ClientOptions& options);
  ~Client();

  // The command's cookie is the client's. Refused when limits.queue_depth are outstanding.
  absl::Status Submit(Command command, Callback done);
  absl::Status TaskManagement(TaskManagementRequest request, Callback done);
  absl::Status Ping(std::span<const std::byte> data, Callback done);
  absl::Status SendTargets(absl::string_view what, std::span<std::byte> answer, Callback done);

  // Moves bytes and runs callbacks; waits for at most `timeout` if there is nothing to do. An error is final: the session
  // is over, and every callback has run.
  absl::Status Poll(absl::Duration timeout);

  // Sends what was submitted, as far as the socket takes it now: neither reads nor waits. Whoever has just filled a buffer
  // calls it while the buffer is still in the cache. Errors as Poll's.
  absl::Status Send();

  // Submits, and polls until it is done: the completion.
  absl::StatusOr<Completed> Execute(Command command);

  // Logs out in order. Outstanding commands are terminated.
  absl::Status Close();

  int fd() const { return driver_.has_value() ? driver_->fd() : -1; }
  short events() const;
  Deadline deadline() const { return session_->PollTimeout(); }

  size_t outstanding() const { return outstanding_; }
  const text::Parameters& parameters() const { return session_->parameters(); }
  ClientCounters counters() const;
  // Where the session is: after a redirection not the portal that was given.
  const transport::Address& portal() const { return portal_; }

 private:
  explicit Client(const ClientOptions& options);

  absl::Status Connect();
  absl::Status LogInOnce(const transport::Address& at, uint8_t hops, bool* redirected);
  absl::Status Reconnect();
  absl::Status Wait(absl::Duration timeout);
  absl::Status Pump();
  bool Drain();
  void Handle(const Event& event);
  void CloseTransport(Error reason);
  void CloseDriver();  // with what the connection's device has counted
  void ArmDevice(uint64_t stream_offset);
  uint64_t Remember(Callback done);

  ClientOptions options_;
  std::array<std::byte, 6> isid_{};
  transport::Address portal_;
  std::optional<Session> session_;
  ConnectionId id_;
  std::unique_ptr<transport::CaptureTap> tap_;
  std::optional<transport::SocketDriver> driver_;
  transport::RxBufferPool rx_buffers_;
  bool blocked_ = false;  // the socket takes no more for now

  std::vector<Callback> callbacks_;  // by cookie
  std::vector<uint64_t> free_cookies_;
  size_t outstanding_ = 0;
  bool closing_ = false;   // kDisconnect came
  bool flush_ = false;
  bool lost_ = false;      // kConnectionLost came
  bool ended_ = false;     // kSessionEnded came
  Error reason_ = Error::Ok();
  absl::Status final_;
  ClientCounters counters_;  // of earlier connections
};

// The status that a failed login means.
absl::Status LoginStatusOf(const Event& failed, const transport::Address& portal);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLIENT_CLIENT_H_
