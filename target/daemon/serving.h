// One initiator's connection to iscsi_target, from accept to close: the login, then the session that it became. Lives on
// one worker's thread; other threads reach it through its SessionHandle only.
//
// Who owns which bytes: it owns the engine, the socket and the tasks with their buffers; the catalogue is shared.
//
//   auto serving = std::make_shared<Serving>(worker, std::move(socket), portal_group);
//   serving->Start();                 // keeps itself alive until the transport is closed and every task released
#ifndef ISTHMUS_TARGET_DAEMON_SERVING_H_
#define ISTHMUS_TARGET_DAEMON_SERVING_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "target/connection.h"
#include "target/daemon/registry.h"
#include "target/daemon/stats.h"
#include "target/daemon/task.h"
#include "target/session.h"
#include "transport/capture.h"
#include "transport/event_loop.h"
#include "transport/socket_driver.h"

namespace isthmus::target {

class Worker;

class Serving : public std::enable_shared_from_this<Serving> {
 public:
  // `login`: its number at the door, which it leaves when it has logged in or is closed.
  Serving(Worker& worker, transport::Socket socket, uint16_t portal_group, uint64_t login);
  ~Serving();

  void Start();
  // Ends the session, or the login, in its own time: on the worker's thread.
  void End(Error reason);
  // Takes `done`, and calls it once.
  void Abort(const AbortScope& scope, AbortCause cause, std::function<void()>& done);
  // Makes room for another login.
  void CrowdOut();
  uint64_t login() const { return login_; }  // 0: it has left the door
  // Adds what has been counted so far.
  void AddTo(Totals& totals) const;

 private:
  class Handle;

  // Runs what may take memory. Where there is none, this connection ends, and no other.
  template <class Work>
  void Guard(const Work& work);
  void GiveUp();
  void HandleBroken(const Event& event);

  void LeaveDoor();
  void OnReady(uint32_t events);
  void ReadAndPump(uint32_t events);
  void AbortTasks(const AbortScope& scope, AbortCause cause, std::function<void()>& done);
  void OnTimer(Instant now);
  void Pump();
  bool DrainEvents();
  transport::IoResult Write(Instant now);
  size_t Unread() const;  // bytes lent to the engine and not yet drained
  void Wait(transport::IoResult written);
  void CloseTransport(Error reason);
  void LeaveIfDone();

  void Handle_(const Event& event);
  void OnLookup(const Event& event);
  void OnClaim(const Event& event);
  void OnLoginDone();
  void OnArmDigests(uint64_t stream_offset);
  // With what the connection's device has counted.
  void CloseDriver();
  void OnSendTargets(const Event& event);
  void OnTaskManagement(const Event& event);
  void OnDisconnect(const Event& event);
  Task& TaskOf(TaskId id);

  Worker& worker_;
  const uint16_t portal_group_;
  uint64_t login_;
  transport::Address local_, peer_;
  std::unique_ptr<transport::CaptureTap> tap_;
  std::optional<transport::SocketDriver> driver_;
  transport::TimerId timer_ = 0;
  std::shared_ptr<Handle> handle_;

  // The engines' memory. Not cleared: what an idle session never uses takes no page.
  std::unique_ptr<std::byte[]> connection_memory_, session_memory_;
  std::optional<Connection> connection_;  // until the login is done
  std::optional<Session> session_;        // from then on
  ConnectionId id_;
  NexusKey key_;
  std::string initiator_name_;
  bool discovery_ = false;
  bool header_digest_ = false, data_digest_ = false;
  bool claiming_ = false;
  uint16_t tsih_ = 0;
  struct ServedTarget* target_ = nullptr;
  scsi::Nexus* nexus_ = nullptr;

  TaskContext context_;
  std::deque<Task> tasks_;                            // by slot
  std::map<uint64_t, std::function<void()>> scopes_;  // AbortTasks in progress, by cookie
  uint64_t next_scope_ = 1;
  std::function<void()> orphan_;  // of an AbortTasks that there was no memory for
  std::map<uint32_t, std::string> texts_;  // SendTargets answers on their way, by request slot

  bool broken_ = false;  // there was no memory: what the engine tells is only wound up
  bool pumping_ = false;
  bool pump_again_ = false;
  bool closing_ = false;  // kDisconnect came: what is queued goes out, then the transport closes
  bool drop_ = false;     // without waiting for what is queued
  Error closing_reason_ = Error::Ok();
  bool ended_ = false;  // kSessionEnded, or the login's connection is gone
  bool left_ = false;
  Totals totals_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_SERVING_H_
