// One thread of iscsi_target: an event loop, the sessions that it serves, and their buffers.
//
//   Worker worker(shared);
//   std::thread thread([&] { worker.Run(); });
//   worker.Serve(std::move(socket), portal_group);      // from any thread
//   worker.Stop(); thread.join();
#ifndef ISTHMUS_TARGET_DAEMON_WORKER_H_
#define ISTHMUS_TARGET_DAEMON_WORKER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <set>

#include "digest/kernel.h"
#include "target/daemon/blocking_pool.h"
#include "target/daemon/buffer_pool.h"
#include "target/daemon/catalogue.h"
#include "target/daemon/config.h"
#include "target/daemon/doorkeeper.h"
#include "target/daemon/registry.h"
#include "target/daemon/stats.h"
#include "transport/capture.h"
#include "transport/device_link.h"
#include "transport/event_loop.h"
#include "transport/socket_driver.h"

namespace isthmus::target {

class Serving;

// What all workers use together. Outlives them.
struct Shared {
  const Config& config;
  Catalogue& catalogue;
  const digest::Kernel& kernel;
  Registry& registry;
  BlockingPool& blocking;
  BufferBudget& budget;
  transport::CaptureFile* capture;  // null: none
  transport::DeviceModel* offload;  // null: digests are computed in software
  Doorkeeper& door;
  std::atomic<uint32_t> connections{0};
};

class Worker {
 public:
  explicit Worker(Shared& shared_state) : shared(shared_state), buffers(shared_state.budget) {
    loop.SetMaxSpin(Microseconds(shared.config.spin_us));
  }

  void Run() { loop.Run(); }
  // `portal_group`: of the portal that accepted it. `login`: its number at the door, which is the caller's to leave if
  // std::bad_alloc comes out.
  void Serve(transport::Socket socket, uint16_t portal_group, uint64_t login);
  // Closes the connection of this number, unless it has logged in.
  void EndLogin(uint64_t login);
  // Ends every session, waits for their tasks (bounded), then leaves Run().
  void Stop();
  // Calls `done` on the worker's thread with what it has counted so far.
  void Report(std::function<void(const Totals&)> done);
  void Forget(Serving* serving, const Totals& counted);
  // After Run() has returned, on the caller's thread: what was posted since.
  void RunPostedOnce() {
    loop.Stop();
    loop.Run();
  }

  Shared& shared;
  transport::EventLoop loop;
  transport::RxBufferPool rx_buffers;
  BufferPool buffers;

 private:
  void StopIfIdle();

  std::set<std::shared_ptr<Serving>> serving_;
  std::set<std::shared_ptr<Serving>> gone_;  // until nothing of theirs is on the stack
  Totals totals_;  // of those that are gone
  bool stopping_ = false;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_WORKER_H_
