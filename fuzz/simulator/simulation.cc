#include "fuzz/simulator/simulation.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "fuzz/simulator/host.h"
#include "fuzz/simulator/link.h"
#include "fuzz/simulator/target_node.h"
#include "fuzz/simulator/world.h"
#include "transport/address.h"

namespace isthmus::simulator {
namespace {

// Of one run; whatever takes longer hangs.
constexpr uint64_t kMaxSteps = 2'000'000;
constexpr uint64_t kPortBytes = 256 * 1024;          // that TCP keeps between device and engine
constexpr Duration kHealAfter = Seconds(4000);       // at the latest
constexpr Duration kFinishWithin = Seconds(20'000);  // after healing

struct Action {
  enum Kind : uint8_t {
    kTake,
    kGive,
    kEnd,
    kOpen,
    kSubmit,
    kWork,
    kCloseTarget,
    kCloseHost,
    kFeed,    // the engine takes a segment that has passed its device
    kDevice,  // the device goes on
  };
  Kind kind;
  Link* link = nullptr;
  Host* host = nullptr;
  bool to_target = false;
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const RunOptions& options, Report* report)
      : options_(options), world_(scenario, report), node_(world_) {
    for (uint32_t i = 0; i < scenario.hosts.size(); ++i) {
      hosts_.push_back(std::make_unique<Host>(world_, i));
      passed_.push_back({0, 0});
    }
    for (const Operation& operation : scenario.operations) {
      hosts_[operation.host]->Add(operation);
    }
  }

  void Go() {
    const Instant heal_at = world_.now + kHealAfter;
    while (!world_.report.failed() && !world_.healed) {
      if (AllIdle() || world_.now > heal_at || world_.report.counts.steps > kMaxSteps / 2) {
        Heal();
        break;
      }
      if (!Step()) Stuck();
    }
    const Instant end = world_.now + kFinishWithin;
    while (!world_.report.failed() && !Finished()) {
      if (world_.now > end || world_.report.counts.steps > kMaxSteps) {
        Stuck();
      } else if (!Step()) {
        Stuck();
      }
    }
    world_.report.counts.virtual_ns = static_cast<uint64_t>(world_.now.ns - 1'000'000'000);
    for (const auto& link : links_) link->tap.reset();
  }

 private:
  bool AllIdle() const {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h->idle(); });
  }
  bool Finished() const {
    return node_.idle() &&
           std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h->done(); });
  }
  void Stuck() {
    std::string states = node_.idle() ? "target idle" : "target has sessions";
    for (const auto& host : hosts_) states += "; " + host->State();
    world_.report.Fail("progress", states);
  }

  // From here on nothing goes wrong any more, and all work must finish.
  void Heal() {
    world_.Trace("everything heals");
    world_.healed = true;
    node_.Heal();
    for (const auto& link : links_) link->stalled_until = {Instant{0}, Instant{0}};
    Operation all;
    all.kind = OperationKind::kRead;
    all.reissue = true;
    for (const auto& host : hosts_) {
      for (all.lba = 0; all.lba < world_.scenario.disk_blocks; all.lba += 16) {
        all.blocks = std::min<uint32_t>(16, world_.scenario.disk_blocks - all.lba);
        host->Add(all);
      }
      host->EndWhenIdle();
    }
  }

  bool Step() {
    ++world_.report.counts.steps;
    TimelyFaults();
    Gather();
    if (actions_.empty()) return AdvanceToNext();
    // Now and then time passes although something could be done.
    if (!world_.healed && world_.random.Chance(2)) {
      Advance(world_.now + Microseconds(static_cast<int64_t>(world_.random.Below(300))));
      return true;
    }
    const Action action = actions_[world_.random.Below(actions_.size())];
    world_.report.Mix(uint64_t{action.kind} << 8 | uint64_t{action.to_target});
    Do(action);
    Sweep();
    return true;
  }

  void TimelyFaults() {
    const uint64_t step = world_.report.counts.steps;
    if (const Fault* jump = world_.Due(FaultKind::kClockJump, step)) {
      Advance(world_.now + Milliseconds(static_cast<int64_t>(jump->amount)));
    }
    if (const Fault* ask = world_.Due(FaultKind::kAskLogout, step)) node_.AskLogout(ask->host);
    if (world_.Due(FaultKind::kTargetRestart, step) != nullptr) {
      for (const auto& link : links_) {
        if (!link->target_open) continue;
        link->pipes[0].Clear();
        link->ended[0] = true;
      }
      node_.Restart();
    }
  }

  void Gather() {
    actions_.clear();
    for (const auto& host : hosts_) {
      if (host->wants_link()) actions_.push_back({Action::kOpen, nullptr, host.get()});
      if (host->CanSubmit()) actions_.push_back({Action::kSubmit, nullptr, host.get()});
    }
    for (const auto& link : links_) {
      for (bool to_target : {false, true}) GatherDirection(link.get(), to_target);
    }
    if (node_.NextReady() <= world_.now || HasWork()) actions_.push_back({Action::kWork});
  }
  bool HasWork() const { return !no_work_; }

  Host& HostOf(const Link& link) { return *hosts_[link.host]; }
  bool SenderOpen(const Link& link, bool to_target) const {
    return to_target ? link.initiator_open : link.target_open;
  }
  bool ReceiverOpen(const Link& link, bool to_target) const {
    return to_target ? link.target_open : link.initiator_open;
  }

  void GatherDirection(Link* link, bool to_target) {
    Pipe& pipe = link->pipes[to_target];
    const size_t capacity = world_.healed ? 1 << 20 : world_.scenario.pipe_bytes;
    const bool sending = SenderOpen(*link, to_target);
    Host& host = HostOf(*link);
    const bool closing = to_target ? host.link == link && host.closing : link->target_closing;
    const bool flushing = to_target ? host.flush : link->target_flush;
    const bool broken = link->ended[to_target];  // cut: what is sent now is lost
    if (sending && closing && (!flushing || link->tx_idle[to_target] || broken)) {
      actions_.push_back(
          {to_target ? Action::kCloseHost : Action::kCloseTarget, link, &host, to_target});
    } else if (sending && !broken && !link->tx_idle[to_target] && pipe.on_the_way() < capacity) {
      actions_.push_back({Action::kTake, link, &host, to_target});
    }
    if (link->ports[to_target] != nullptr && ReceiverOpen(*link, to_target)) {
      return GatherPort(link, to_target);
    }
    if (!ReceiverOpen(*link, to_target) || link->stalled_until[to_target] > world_.now) return;
    if (!pipe.empty()) {
      if (pipe.ready() <= world_.now && !ReceiverFull(*link, to_target)) {
        actions_.push_back({Action::kGive, link, &host, to_target});
      }
    } else if (link->ended[to_target]) {
      actions_.push_back({Action::kEnd, link, &host, to_target});
    }
  }
  void GatherPort(Link* link, bool to_target) {
    Pipe& pipe = link->pipes[to_target];
    DevicePort& port = *link->ports[to_target];
    Host& host = HostOf(*link);
    const bool closing = to_target ? link->target_closing : host.closing;
    RxSegment segment;
    const bool next = port.Next(&segment);
    if (next && !ReceiverFull(*link, to_target)) {
      actions_.push_back({Action::kFeed, link, &host, to_target});
    }
    const bool over = pipe.empty() && link->ended[to_target];
    if (port.HasWork() || (over && !port.ended())) {
      actions_.push_back({Action::kDevice, link, &host, to_target});
    }
    if (link->stalled_until[to_target] > world_.now) return;
    if (!pipe.empty()) {
      if (pipe.ready() <= world_.now && !closing && port.backlog() < kPortBytes) {
        actions_.push_back({Action::kGive, link, &host, to_target});
      }
    } else if (over && port.ended() && !next) {
      actions_.push_back({Action::kEnd, link, &host, to_target});
    }
  }
  // A receiver that has decided to close reads nothing more.
  bool ReceiverFull(Link& link, bool to_target) {
    if (to_target) return link.target_closing || node_.UnconsumedRx(link) != 0;
    Host& host = HostOf(link);
    return host.closing || host.UnconsumedRx() != 0;
  }

  void Do(const Action& action) {
    switch (action.kind) {
      case Action::kTake:
        return Take(*action.link, action.to_target);
      case Action::kGive:
        return Give(*action.link, action.to_target);
      case Action::kEnd:
      case Action::kCloseHost:
      case Action::kCloseTarget: {
        const bool at_target =
            action.kind == Action::kEnd ? action.to_target : action.kind == Action::kCloseTarget;
        return Close(*action.link, at_target);
      }
      case Action::kOpen:
        return Open(*action.host);
      case Action::kSubmit:
        action.host->Submit();
        return;
      case Action::kWork:
        no_work_ = !node_.Work();
        return;
      case Action::kFeed:
        return Feed(*action.link, action.to_target);
      case Action::kDevice:
        return WorkDevice(*action.link, action.to_target);
    }
  }

  void Open(Host& host) {
    uint32_t index = 0;
    while (hosts_[index].get() != &host) ++index;
    links_.push_back(std::make_unique<Link>(++link_count_, index, &world_.report));
    Link& link = *links_.back();
    world_.Trace("link " + std::to_string(link.id) + " of host " + std::to_string(index) +
                 " opens");
    if (options_.capture != nullptr) {
      const std::string port = std::to_string(10'000 + link.id);
      link.tap = std::make_unique<transport::CaptureTap>(
          *options_.capture,
          *transport::ParseAddress("192.0.2." + std::to_string(10 + index) + ":" + port, 3260),
          *transport::ParseAddress("192.0.2.1:3260", 3260), true);
    }
    for (bool to_target : {false, true}) {
      const std::string& model = world_.scenario.offload[to_target];
      if (model.empty()) continue;
      link.ports[to_target] = std::make_unique<DevicePort>(model, world_.random, world_.report);
    }
    node_.Open(link);
    host.Open(link);
    no_work_ = false;
  }

  // The end at the target, or at the initiator, closes.
  void Close(Link& link, bool at_target) {
    Pipe& own = link.pipes[!at_target];
    if (own.on_the_way() > 0) own.Materialize();
    link.ended[!at_target] = true;
    link.pipes[at_target].Clear();
    world_.Trace("link " + std::to_string(link.id) + " closes at the " +
                 (at_target ? "target" : "initiator"));
    if (at_target) {
      node_.OnTransportClosed(link);
    } else {
      HostOf(link).OnTransportClosed();
    }
    no_work_ = false;
  }

  void Take(Link& link, bool to_target) {
    std::array<TxSlice, 16> slices;
    const std::span<TxSlice> some = std::span(slices).first(world_.random.Between(1, 16));
    Host& host = HostOf(link);
    const size_t count = to_target ? host.PollTransmit(some) : node_.PollTransmit(link, some);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) bytes += slices[i].size;
    if (bytes == 0) {
      link.tx_idle[to_target] = true;
      return;
    }
    if (world_.random.Chance(20)) bytes = world_.random.Between(1, bytes);
    Pipe& pipe = link.pipes[to_target];
    size_t left = bytes;
    for (size_t i = 0; i < count && left > 0; ++i) {
      const size_t part = std::min<size_t>(slices[i].size, left);
      const std::span<const std::byte> sent(slices[i].data, part);
      link.monitor.Sent(to_target, sent);
      if (to_target && link.tap != nullptr) link.tap->OnSent(sent);
      world_.report.Mix(SlowCrc32c({reinterpret_cast<const uint8_t*>(sent.data()), part}));
      left -= part;
    }
    pipe.Send(some.first(count), bytes, world_.scenario.lend,
              world_.In(world_.scenario.wire_latency_us));
    world_.report.counts.bytes += bytes;
    std::optional<uint64_t> done;
    if (!world_.scenario.lend) done = pipe.sent();
    if (to_target) {
      host.OnSent(bytes, done);
      host.Drain();
    } else {
      node_.OnSent(link, bytes, done);
      node_.Drain();
    }
    no_work_ = false;
  }

  void Give(Link& link, bool to_target) {
    Pipe& pipe = link.pipes[to_target];
    const uint64_t before = pipe.delivered();
    const size_t most = world_.random.Chance(50)
                            ? world_.scenario.chunk_bytes
                            : world_.random.Between(1, world_.scenario.chunk_bytes);
    if (link.ports[to_target] != nullptr) return GiveFrame(link, to_target, most);
    std::array<RxWant, 1> want;
    const bool scatter = world_.scenario.scatter && world_.random.Chance(50) &&
                         (to_target ? node_.WantRx(link, want) : HostOf(link).WantRx(want)) == 1 &&
                         want[0].is_data;
    std::span<std::byte> bytes =
        pipe.Take(scatter ? std::min(most, want[0].sink.size()) : most, world_.now);
    if (bytes.empty()) return;
    Spoil(link, to_target, before, bytes);
    if (scatter) {
      std::memcpy(want[0].sink.data(), bytes.data(), bytes.size());
      bytes = want[0].sink.first(bytes.size());
    }
    if (!to_target && link.tap != nullptr) link.tap->OnReceived(bytes);
    if (world_.scenario.lend) GiveBack(link, to_target, pipe.delivered());
    RxSegment segment;
    segment.stream_offset = before;
    segment.bytes = bytes;
    if (world_.scenario.false_alarms && world_.random.Chance(30)) {
      segment.header = segment.data = {
          .verdict = digest::DigestVerdict::kBad, .epoch = 1, .ticket = 0, .partial_crc = 0};
    }
    (void)Receive(link, to_target, segment);
    Passed(link, to_target, pipe.delivered() - before);
  }

  bool Receive(Link& link, bool to_target, const RxSegment& segment) {
    no_work_ = false;
    if (to_target) {
      const bool taken = node_.Receive(link, segment);
      node_.Drain();
      return taken;
    }
    Host& host = HostOf(link);
    const bool taken = host.Receive(segment);
    host.Drain();
    return taken;
  }

  // ---- Through a device.

  DevicePort::Resolve ResolverOf(Link& link, bool to_target) {
    return [this, &link, to_target](uint32_t ticket, digest::Evidence header,
                                    digest::Evidence data) {
      world_.report.Mix(uint64_t{ticket} << 8 | static_cast<uint64_t>(data.verdict));
      if (to_target) {
        node_.Resolve(link, ticket, header, data);
      } else {
        HostOf(link).Resolve(ticket, header, data);
      }
    };
  }

  // A frame: up to the end of a PDU more often than not, as a sender that aligns would cut it.
  void GiveFrame(Link& link, bool to_target, size_t most) {
    Pipe& pipe = link.pipes[to_target];
    DevicePort& port = *link.ports[to_target];
    const uint64_t before = pipe.delivered();
    const std::set<uint64_t>& starts = link.monitor.pdu_starts(to_target);
    if (world_.random.Chance(70)) {
      const auto end = starts.upper_bound(before);
      if (end != starts.end()) most = std::max<size_t>(static_cast<size_t>(*end - before), 1);
    }
    const std::span<std::byte> bytes = pipe.Take(most, world_.now);
    if (bytes.empty()) return;
    Spoil(link, to_target, before, bytes);
    if (!to_target && link.tap != nullptr) link.tap->OnReceived(bytes);
    if (world_.scenario.lend) GiveBack(link, to_target, pipe.delivered());
    port.Frame(before, bytes, world_.scenario.reorder, starts);
    const uint64_t passed = passed_[link.host][to_target];
    if (world_.Due(FaultKind::kDeviceReset, passed, [&](const Fault& fault) {
          return fault.host == link.host && fault.to_target == to_target;
        }) != nullptr) {
      port.Reset(ResolverOf(link, to_target));
      DrainReceiver(link, to_target);
    }
    Passed(link, to_target, pipe.delivered() - before);
  }

  void Feed(Link& link, bool to_target) {
    DevicePort& port = *link.ports[to_target];
    RxSegment segment;
    if (!port.Next(&segment)) return;
    world_.report.Mix(static_cast<uint64_t>(segment.data.verdict) << 32 | segment.bytes.size());
    if (Receive(link, to_target, segment)) {
      port.Taken(ResolverOf(link, to_target));
      DrainReceiver(link, to_target);
    } else {
      port.Dropped();  // nothing is read from this connection any more
    }
    const bool drained = to_target ? !link.target_closing && node_.UnconsumedRx(link) == 0
                                   : !HostOf(link).closing && HostOf(link).UnconsumedRx() == 0;
    if (drained) port.CheckDrained();
    if (world_.scenario.plant == Plant::kLeaseTwice && !world_.planted && drained) {
      world_.planted = true;
      port.Released(segment.lease);
    }
  }

  void WorkDevice(Link& link, bool to_target) {
    DevicePort& port = *link.ports[to_target];
    const DevicePort::Resolve resolve = ResolverOf(link, to_target);
    if (link.pipes[to_target].empty() && link.ended[to_target] && !port.HasWork()) {
      port.End(resolve);
    } else {
      port.Work(resolve, link.monitor.pdu_starts(to_target));
    }
    DrainReceiver(link, to_target);
  }

  void DrainReceiver(Link& link, bool to_target) {
    no_work_ = false;
    if (to_target) {
      link.tx_idle[0] = false;
      node_.Drain();
    } else {
      HostOf(link).Drain();
    }
  }

  void GiveBack(Link& link, bool to_target, uint64_t offset) {
    if (!SenderOpen(link, to_target)) return;
    if (to_target) {
      HostOf(link).OnTransportDone(offset);
      HostOf(link).Drain();
    } else {
      node_.OnTransportDone(link, offset);
      node_.Drain();
    }
  }

  // Changes a bit on the wire, where digests protect it (or, planted, where none does).
  void Spoil(Link& link, bool to_target, uint64_t offset, std::span<std::byte> bytes) {
    if (offset < link.monitor.login_bytes(to_target)) return;
    const uint64_t passed = passed_[link.host][to_target];
    const Fault* fault = world_.Due(FaultKind::kCorrupt, passed, [&](const Fault& f) {
      return f.host == link.host && f.to_target == to_target &&
             world_.scenario.hosts[link.host].digests && link.monitor.login_bytes(to_target) > 0;
    });
    const bool spoils = world_.scenario.plant == Plant::kCorruptNoDigest ||
                        world_.scenario.plant == Plant::kLyingDevice;
    const bool plant = spoils && !world_.planted && !to_target && bytes.size() > 600;
    if (fault == nullptr && !plant) return;
    if (plant) world_.planted = true;
    bytes[plant ? bytes.size() / 2 : world_.random.Below(bytes.size())] ^=
        static_cast<std::byte>(1 << world_.random.Below(8));
  }

  void Passed(Link& link, bool to_target, uint64_t bytes) {
    passed_[link.host][to_target] += bytes;
    const uint64_t passed = passed_[link.host][to_target];
    const auto applies = [&](const Fault& f) {
      return f.host == link.host && f.to_target == to_target;
    };
    if (const Fault* stall = world_.Due(FaultKind::kStall, passed, applies)) {
      link.stalled_until[to_target] =
          world_.now + Milliseconds(static_cast<int64_t>(stall->amount));
    }
    if (world_.Due(FaultKind::kCut, passed, applies) == nullptr) return;
    for (bool direction : {false, true}) {
      link.pipes[direction].Clear();
      link.ended[direction] = true;
    }
  }

  bool AdvanceToNext() {
    Instant next = std::min(node_.NextReady(), node_.NextTimeout());
    for (const auto& host : hosts_) next = std::min(next, host->NextTimeout());
    for (const auto& link : links_) {
      for (bool to_target : {false, true}) {
        if (!ReceiverOpen(*link, to_target)) continue;
        const Instant stalled = link->stalled_until[to_target];
        if (!link->pipes[to_target].empty()) {
          next = std::min(next, std::max(link->pipes[to_target].ready(), stalled));
        } else if (link->ended[to_target] && stalled > world_.now) {
          next = std::min(next, stalled);
        }
      }
    }
    if (next == Instant::Never()) return false;
    // A deadline that has passed and brings nothing on must not stop the clock.
    Advance(next > world_.now ? next : world_.now + Milliseconds(1));
    return true;
  }

  void Advance(Instant to) {
    world_.now = to;
    world_.report.Mix(static_cast<uint64_t>(to.ns));
    no_work_ = false;
    if (node_.NextTimeout() <= to) node_.HandleTimeouts();
    for (const auto& host : hosts_) {
      if (host->NextTimeout() <= to) host->HandleTimeouts();
    }
  }

  void Sweep() {
    for (size_t i = 0; i < links_.size();) {
      Link& link = *links_[i];
      if (link.initiator_open || link.target_open) {
        ++i;
        continue;
      }
      links_.erase(links_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  RunOptions options_;
  World world_;
  std::vector<std::unique_ptr<Link>> links_;  // before the engines: they lend to it
  TargetNode node_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::array<uint64_t, 2>> passed_;  // bytes delivered, by host and direction
  std::vector<Action> actions_;
  uint32_t link_count_ = 0;
  bool no_work_ = false;
};

}  // namespace

void Run(const Scenario& scenario, const RunOptions& options, Report* report) {
  Simulation(scenario, options, report).Go();
}

}  // namespace isthmus::simulator
