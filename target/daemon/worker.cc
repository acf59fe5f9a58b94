#include "target/daemon/worker.h"

#include <new>
#include <utility>
#include <vector>

#include "target/daemon/serving.h"
#include "transport/wait_for_memory.h"

namespace isthmus::target {
namespace {

constexpr Duration kStopGrace = Seconds(10);

}  // namespace

void Worker::Serve(transport::Socket socket, uint16_t portal_group, uint64_t login) {
  auto held = std::make_shared<transport::Socket>(std::move(socket));  // std::function wants copies
  loop.Post([this, held, portal_group, login] {
    if (stopping_) return;
    std::shared_ptr<Serving> serving;
    try {
      serving = std::make_shared<Serving>(*this, std::move(*held), portal_group, login);
      serving_.insert(serving);
    } catch (const std::bad_alloc&) {  // closed at once
      ++totals_.connections_out_of_memory;
      shared.door.Leave(login);
      return;
    }
    shared.connections.fetch_add(1);
    ++totals_.connections;
    serving->Start();
  });
}

void Worker::EndLogin(uint64_t login) {
  loop.Post([this, login] {
    for (const auto& serving : serving_) {
      if (serving->login() != login) continue;
      const std::shared_ptr<Serving> keep = serving;
      keep->CrowdOut();
      return;
    }
    shared.door.Leave(login);
  });
}

void Worker::Forget(Serving* serving, const Totals& counted) {
  totals_.Add(counted);
  shared.connections.fetch_sub(1);
  for (auto it = serving_.begin(); it != serving_.end(); ++it) {
    if (it->get() != serving) continue;
    // Not at once: the object is still on the stack below. Without memory, when the next one goes.
    gone_.insert(serving_.extract(it));
    try {
      loop.Defer([this] { gone_.clear(); });
    } catch (const std::bad_alloc&) {
    }
    break;
  }
  StopIfIdle();
}

void Worker::Stop() {
  loop.Post([this] {
    stopping_ = true;
    // A disk that does not answer must not keep the program alive.
    const transport::TimerId grace = transport::WaitForMemory(
        [this] { return loop.AddTimer([this](Instant) { loop.Stop(); }); });
    loop.SetTimer(grace, transport::MonotonicNow() + kStopGrace);
    const auto all = transport::WaitForMemory([this] {
      return std::vector<std::shared_ptr<Serving>>(serving_.begin(), serving_.end());
    });
    for (const auto& serving : all) serving->End(Error::Ok());
    StopIfIdle();
  });
}

void Worker::StopIfIdle() {
  if (stopping_ && serving_.empty()) loop.Stop();
}

void Worker::Report(std::function<void(const Totals&)> done) {
  loop.Post([this, done = std::move(done)] {
    Totals sum = totals_;
    for (const auto& serving : serving_) serving->AddTo(sum);
    done(sum);
  });
}

}  // namespace isthmus::target
