// iscsi_target: serves files and memory as iSCSI disks.

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "digest/select.h"
#include "target/daemon/blocking_pool.h"
#include "target/daemon/catalogue.h"
#include "target/daemon/config.h"
#include "target/daemon/doorkeeper.h"
#include "target/daemon/metrics.h"
#include "target/daemon/registry.h"
#include "target/daemon/stats.h"
#include "target/daemon/worker.h"
#include "transport/address.h"
#include "transport/capture.h"
#include "transport/device_link.h"
#include "transport/device_models.h"
#include "transport/event_loop.h"
#include "transport/run_program.h"
#include "transport/socket.h"
#include "transport/wait_for_memory.h"

namespace isthmus::target {
namespace {

// Reads of a slow disk wait side by side.
constexpr int kBlockingThreads = 8;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "iscsi_target: %s\n", std::string(status.message()).c_str());
  return 1;
}

constexpr size_t kAcceptsATurn = 64;  // before signals and timers are looked at again

class Daemon {
 public:
  Daemon(const Config& config, Catalogue& catalogue, const digest::Kernel& kernel,
         transport::CaptureFile* capture, transport::DeviceModel* offload)
      : config_(config),
        catalogue_(catalogue),
        budget_(config.buffer_mib << 20),
        blocking_(kBlockingThreads),
        door_(config.max_logins),
        shared_{config,  catalogue, kernel,  registry_, blocking_,
                budget_, capture,   offload, door_} {}

  absl::Status Listen() {
    std::vector<PortalConfig> bound;
    for (const PortalConfig& portal : config_.portals) {
      absl::StatusOr<transport::Socket> listener = transport::Listen(portal.address);
      if (!listener.ok()) return listener.status();
      bound.push_back({listener->Local(), portal.group});
      listeners_.push_back({*std::move(listener), portal.group});
    }
    catalogue_.SetPortals(bound);
    if (!config_.metrics.empty()) {
      absl::StatusOr<transport::Address> address =
          transport::ParseAddress(config_.metrics, kMetricsPort);
      if (!address.ok()) return address.status();
      absl::StatusOr<transport::Socket> listener = transport::Listen(*address);
      if (!listener.ok()) return listener.status();
      std::printf("http://%s/metrics\n", listener->Local().ToString().c_str());
      metrics_listener_ = *std::move(listener);
    }
    for (const PortalConfig& portal : bound) {
      for (const TargetConfig& target : config_.targets) {
        if (!target.Serves(portal.group)) continue;
        for (const LunConfig& lun : target.luns) {
          std::printf("iscsi://%s/%s/%u\n", portal.address.ToString().c_str(), target.name.c_str(),
                      unsigned{lun.number});
        }
      }
    }
    std::fflush(stdout);
    return absl::OkStatus();
  }

  // Until SIGTERM or SIGINT.
  void Serve(int signals) {
    for (uint32_t i = 0; i < config_.threads; ++i)
      workers_.push_back(std::make_unique<Worker>(shared_));
    for (auto& worker : workers_) threads_.emplace_back([&worker = *worker] { worker.Run(); });
    for (const Listener& listener : listeners_) {
      loop_.Watch(listener.socket.fd(), EPOLLIN,
                  [this, &listener](uint32_t) { AcceptFrom(listener); });
    }
    const transport::TimerId again = loop_.AddTimer([this](Instant) { ListenAgain(); });
    again_ = again;
    loop_.Watch(signals, EPOLLIN, [this, signals](uint32_t) { OnSignal(signals); });
    if (metrics_listener_.has_value()) {
      metrics_ = std::make_unique<MetricsServer>(*std::move(metrics_listener_), [this] {
        return ToPrometheus(Collect(/*running=*/true));
      });
    }
    loop_.Run();
    metrics_.reset();  // before the workers end: it asks them
    for (const Listener& listener : listeners_) loop_.Unwatch(listener.socket.fd());
    listeners_.clear();
    for (auto& worker : workers_) worker->Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  // When the workers' threads have ended, or while they run; from any thread but a worker's.
  Report Collect(bool running) {
    Report report;
    report.threads.resize(workers_.size());
    report.connections_open = shared_.connections.load();
    report.digest_kernel = shared_.kernel.name;
    if (shared_.offload != nullptr) report.offload = shared_.offload->name();
    std::mutex mutex;
    std::condition_variable all;
    size_t left = workers_.size();
    for (size_t i = 0; i < workers_.size(); ++i) {
      // Others hold what is on the stack here: no way out until all have answered.
      transport::WaitForMemory([&] {
        workers_[i]->Report([&, i](const Totals& totals) {
          std::lock_guard<std::mutex> lock(mutex);
          report.threads[i] = totals;
          if (--left == 0) all.notify_all();
        });
      });
      if (!running) workers_[i]->RunPostedOnce();
    }
    std::unique_lock<std::mutex> lock(mutex);
    all.wait(lock, [&] { return left == 0; });
    return report;
  }

  absl::Status WriteStats(bool running) {
    if (config_.stats_path.empty()) return absl::OkStatus();
    return WriteFile(config_.stats_path, ToJson(Collect(running)).dump(2) + "\n");
  }

 private:
  struct Listener {
    transport::Socket socket;
    uint16_t portal_group;
  };

  void AcceptFrom(const Listener& listener) {
    try {
      AcceptSome(listener);
    } catch (const std::bad_alloc&) {
      std::fprintf(stderr, "iscsi_target: no memory for another connection: closed\n");
      Pause(Milliseconds(20));
    }
  }

  void AcceptSome(const Listener& listener) {
    for (size_t i = 0; i < kAcceptsATurn; ++i) {
      if (door_.crowded()) return Pause(Milliseconds(5));
      absl::StatusOr<transport::Socket> socket = transport::Accept(listener.socket);
      if (absl::IsUnavailable(socket.status())) return;
      if (!socket.ok()) {
        // Out of descriptors: waiting connections stay in the kernel's queue until some are free.
        std::fprintf(stderr, "iscsi_target: %s\n", std::string(socket.status().message()).c_str());
        return Pause(Seconds(1));
      }
      const size_t open = shared_.connections.load(), logins = door_.inside();
      if (open > logins && open - logins >= config_.max_connections) continue;  // closed at once
      std::optional<uint64_t> victim;
      const uint64_t login = door_.Enter(socket->Peer().host, &victim);
      // By number, so that who is to close a connection is known without being asked.
      const auto worker_of = [this](uint64_t number) -> Worker& {
        return *workers_[number % workers_.size()];
      };
      if (victim.has_value()) worker_of(*victim).EndLogin(*victim);
      try {
        worker_of(login).Serve(*std::move(socket), listener.portal_group, login);
      } catch (const std::bad_alloc&) {
        door_.Leave(login);
        throw;
      }
    }
  }

  // Connections wait in the kernel's queue meanwhile.
  void Pause(Duration duration) {
    for (const Listener& each : listeners_) loop_.Rewatch(each.socket.fd(), 0);
    loop_.SetTimer(again_, transport::MonotonicNow() + duration);
  }

  void ListenAgain() {
    for (const Listener& each : listeners_) loop_.Rewatch(each.socket.fd(), EPOLLIN);
  }

  void OnSignal(int signals) {
    signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo != SIGUSR1) return loop_.Stop();
    try {
      if (absl::Status status = WriteStats(/*running=*/true); !status.ok()) Fail(status);
    } catch (const std::bad_alloc&) {
      std::fprintf(stderr, "iscsi_target: no memory for statistics\n");
    }
  }

  const Config& config_;
  Catalogue& catalogue_;
  Registry registry_;
  BufferBudget budget_;
  BlockingPool blocking_;
  Doorkeeper door_;
  Shared shared_;
  transport::EventLoop loop_;
  transport::TimerId again_ = 0;
  std::vector<Listener> listeners_;
  std::optional<transport::Socket> metrics_listener_;
  std::unique_ptr<MetricsServer> metrics_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

// As many descriptors as the system lets this process have: each connection takes one.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Run(int argc, char** argv) {
  absl::StatusOr<Config> config = ParseArguments(argc, argv);
  if (!config.ok()) return Fail(config.status());
  if (!config->help.empty()) {
    std::fputs(config->help.c_str(), stdout);
    return 0;
  }
  const digest::Kernel* kernel = config->digest_kernel.empty()
                                     ? &digest::SelectKernel()
                                     : digest::KernelByName(config->digest_kernel);
  if (kernel == nullptr) {
    return Fail(absl::InvalidArgumentError("--digest_kernel=" + config->digest_kernel +
                                           ": this machine has no such kernel"));
  }
  absl::StatusOr<std::unique_ptr<Catalogue>> catalogue = Catalogue::Open(*config);
  if (!catalogue.ok()) return Fail(catalogue.status());
  std::unique_ptr<transport::CaptureFile> capture;
  if (!config->capture_path.empty()) {
    absl::StatusOr<std::unique_ptr<transport::CaptureFile>> file =
        transport::CaptureFile::Create(config->capture_path, {.secrets = config->capture_secrets});
    if (!file.ok()) return Fail(file.status());
    capture = *std::move(file);
  }
  absl::StatusOr<std::unique_ptr<transport::DeviceModel>> offload =
      transport::OpenDeviceModel(config->offload);
  if (!offload.ok()) return Fail(offload.status());
  RaiseDescriptorLimit();
  // Before any thread, so that all inherit it.
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, each);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);

  Daemon daemon(*config, **catalogue, *kernel, capture.get(), offload->get());
  // Whoever wants statistics is told now, not at the end, that they cannot be written.
  if (absl::Status status = daemon.WriteStats(/*running=*/true); !status.ok()) return Fail(status);
  if (absl::Status status = daemon.Listen(); !status.ok()) return Fail(status);
  daemon.Serve(signals);
  int result = 0;
  if (absl::Status status = (*catalogue)->Flush(); !status.ok()) result = Fail(status);
  if (absl::Status status = daemon.WriteStats(/*running=*/false); !status.ok())
    result = Fail(status);
  if (capture != nullptr) {
    if (absl::Status status = capture->Flush(); !status.ok()) result = Fail(status);
  }
  return result;
}

}  // namespace
}  // namespace isthmus::target

int main(int argc, char** argv) {
  return isthmus::transport::RunProgram("iscsi_target", [&] {
    return isthmus::target::Run(argc, argv);
  });
}
