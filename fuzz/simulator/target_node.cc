#include "fuzz/simulator/target_node.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "digest/select.h"

namespace isthmus::simulator {
namespace {

using target::EventKind;

// Bytes of a SendTargets answer, as in Appendix C.
constexpr char kTargets[] =
    "TargetName=iqn.2026-11.example.target:b\0TargetAddress=192.0.2.1:3260,1";
constexpr uint8_t kSense[] = {0x70, 0, 0x03, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0};

uint32_t Big(std::span<const std::byte> bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return value;
}

}  // namespace

TargetNode::TargetNode(World& world)
    : world_(world), disk_(size_t{world.scenario.disk_blocks} * kBlockBytes) {
  for (uint32_t lba = 0; lba < world.scenario.disk_blocks; ++lba) FillBlock(0, lba, Block(lba));
  before_ = disk_;
}

std::span<std::byte> TargetNode::Block(uint32_t lba) {
  return std::span(disk_).subspan(size_t{lba} * kBlockBytes, kBlockBytes);
}

void TargetNode::Open(Link& link) {
  target::ConnectionOptions options;
  options.limits = world_.scenario.target_limits;
  options.kernel = &digest::SelectKernel();
  link.memory = std::make_shared<GuardedMemory>(target::Connection::MemoryNeeded(options));
  link.login.emplace(options, link.memory->bytes());
  link.login->HandleTimeout(world_.now);
  links.push_back(&link);
}

bool TargetNode::Receive(Link& link, const RxSegment& segment) {
  link.tx_idle[0] = false;
  if (link.login.has_value()) return link.login->Receive(segment, world_.now);
  return link.served->session->Receive(link.target_id, segment, world_.now);
}

size_t TargetNode::PollTransmit(Link& link, std::span<TxSlice> out) {
  if (link.login.has_value()) return link.login->PollTransmit(out, world_.now);
  return link.served->session->PollTransmit(link.target_id, out, world_.now);
}

void TargetNode::OnSent(Link& link, size_t bytes, std::optional<uint64_t> done) {
  if (link.login.has_value()) {
    link.login->OnSent(bytes);
  } else {
    link.served->session->OnSent(link.target_id, bytes);
  }
  if (done.has_value()) OnTransportDone(link, *done);
}

void TargetNode::OnTransportDone(Link& link, uint64_t offset) {
  link.tx_idle[0] = false;
  if (link.login.has_value()) {
    link.login->OnTransportDone(offset);
  } else {
    link.served->session->OnTransportDone(link.target_id, offset);
  }
}

void TargetNode::OnTransportClosed(Link& link) {
  link.target_open = false;
  links.erase(std::remove(links.begin(), links.end(), &link), links.end());
  if (link.login.has_value()) {
    link.login->OnTransportClosed(Error::Ok());
    link.login.reset();
  } else if (link.served != nullptr && link.served->session.has_value()) {
    link.served->session->OnTransportClosed(link.target_id, Error::Ok());
  }
  link.served = nullptr;
  Drain();
}

void TargetNode::Resolve(Link& link, uint32_t ticket, digest::Evidence header,
                         digest::Evidence data) {
  if (link.served != nullptr) {
    link.served->session->Resolve(link.target_id, ticket, header, data);
  }
}

size_t TargetNode::UnconsumedRx(Link& link) {
  return link.login.has_value() ? link.login->UnconsumedRx()
                                : link.served->session->UnconsumedRx(link.target_id);
}

size_t TargetNode::WantRx(Link& link, std::span<RxWant> out) {
  return link.login.has_value() ? link.login->WantRx(out)
                                : link.served->session->WantRx(link.target_id, out);
}

void TargetNode::Drain() {
  bool more = true;
  while (more) {
    more = false;
    target::Event event;
    const std::vector<Link*> open = links;
    for (Link* link : open) {
      while (link->login.has_value() && link->login->Next(&event)) {
        more = true;
        OnEvent(*link, event);
      }
    }
    const std::vector<std::shared_ptr<Served>> all = served_;
    for (const std::shared_ptr<Served>& served : all) {
      while (served->session->Next(&event)) {
        more = true;
        if (served->ended) world_.report.Fail("kSessionEnded", "an event follows it");
        OnEvent(served, event);
      }
      Check(*served);
    }
    std::erase_if(served_, [](const std::shared_ptr<Served>& s) { return s->ended; });
    more = SettleClaims() || more;
  }
}

void TargetNode::Check(Served& served) {
  const uint32_t max = served.session->max_cmd_sn();
  if (served.have_max_cmd_sn && static_cast<int32_t>(max - served.max_cmd_sn) < 0) {
    world_.report.Fail("MaxCmdSN", "of the target goes back");
  }
  if (static_cast<int32_t>(max - served.session->exp_cmd_sn() + 1) < 0) {
    world_.report.Fail("MaxCmdSN", "is below ExpCmdSN - 1");
  }
  served.max_cmd_sn = max;
  served.have_max_cmd_sn = true;
  if (!served.memory->intact() || !served.connection_memory->intact()) {
    world_.report.Fail("memory", "a target wrote beyond its stated sum");
  }
}

void TargetNode::OnEvent(Link& link, const target::Event& event) {
  link.tx_idle[0] = false;
  world_.report.Mix(static_cast<uint64_t>(event.kind));
  switch (event.kind) {
    case EventKind::kLookup: {
      target::LookupAnswer answer;
      answer.offer = world_.scenario.target_offer;
      if (!link.login->AnswerLookup(answer).ok()) world_.report.Fail("AnswerLookup", "refused");
      return;
    }
    case EventKind::kClaim:
      link.port = std::string(event.initiator_name);
      for (std::byte b : event.isid) link.port.push_back(static_cast<char>(b));
      link.claims = true;
      return;
    case EventKind::kLoginDone:
      Attach(link);
      return;
    case EventKind::kDisconnect:
      link.claims = false;
      link.target_closing = true;
      link.target_flush = event.flush;
      return;
    default:
      OnLinkEvent(link, event);
      return;
  }
}

// What concerns the connection's device.
void TargetNode::OnLinkEvent(Link& link, const target::Event& event) {
  if (link.ports[1] == nullptr) return;
  if (event.kind == EventKind::kReleaseRx) link.ports[1]->Released(event.lease);
  if (event.kind != EventKind::kArmDigests) return;
  const WireRules& rules = link.monitor.rules();
  link.ports[1]->Begin(event.stream_offset, rules.header_digest, rules.data_digest);
}

// Section 6.3.5: the session that is reinstated is gone before the login is answered.
bool TargetNode::SettleClaims() {
  bool settled = false;
  for (Link* link : links) {
    if (!link->claims || !link->login.has_value()) continue;
    bool held = false;
    for (const std::shared_ptr<Served>& served : served_) {
      if (served->port != link->port) continue;
      held = true;
      if (!served->dropped) {
        served->dropped = settled = true;
        world_.Trace("reinstatement of session " + std::to_string(served->number));
        served->session->Drop(Error::Ok());
      }
    }
    for (Link* other : links) {
      if (other != link && other->granted && other->login.has_value() &&
          other->port == link->port) {
        held = true;
      }
    }
    if (held) continue;
    link->claims = false;
    link->granted = settled = true;
    if (++tsih_ == 0) ++tsih_;
    link->tx_idle[0] = false;
    if (!link->login->AnswerClaim({.status = {}, .tsih = tsih_}).ok()) {
      world_.report.Fail("AnswerClaim", "refused");
    }
  }
  return settled;
}

void TargetNode::Attach(Link& link) {
  auto served = std::make_shared<Served>();
  served->port = link.port;
  served->number = ++sessions_;
  target::SessionOptions options;
  options.limits = world_.scenario.target_limits;
  served->memory.emplace(target::Session::MemoryNeeded(options));
  served->connection_memory = link.memory;
  served->session.emplace(options, served->memory->bytes());
  const text::Parameters parameters = link.login->parameters();
  link.monitor.StartFullFeature(
      {.header_digest = parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C,
       .data_digest = parameters.DataDigest == text::DigestAlgorithm::kCRC32C,
       .to_target_bytes = parameters.own_MaxRecvDataSegmentLength,
       .to_initiator_bytes = parameters.peer_MaxRecvDataSegmentLength});
  const Error error = served->session->Attach(std::move(*link.login), &link.target_id);
  if (!error.ok()) world_.report.Fail("Attach", Name(error.code));
  link.login.reset();
  link.served = served;
  served_.push_back(std::move(served));
  ++world_.report.counts.logins;
}

void TargetNode::OnEvent(const std::shared_ptr<Served>& served, const target::Event& event) {
  world_.report.Mix(static_cast<uint64_t>(event.kind) | uint64_t{event.task.slot} << 8);
  if (world_.report.logging()) {
    world_.report.Trace("  session " + std::to_string(served->number) + " event " +
                        std::to_string(static_cast<int>(event.kind)) + " task " +
                        std::to_string(event.task.slot) + " offset " +
                        std::to_string(event.offset) + " length " + std::to_string(event.length));
  }
  const auto task = served->tasks.find(event.task.slot);
  const bool known = task != served->tasks.end() && task->second.id == event.task;
  switch (event.kind) {
    case EventKind::kBegin:
    case EventKind::kCommand:
      return Announce(*served, event);
    case EventKind::kDataReceived:
      if (!known || !task->second.window_open) {
        return world_.report.Fail("kDataReceived", "for no window");
      }
      task->second.window_open = false;
      task->second.ready = world_.In(world_.scenario.disk_latency_us);
      return;
    case EventKind::kTaskAborted:
      if (!known || task->second.aborted) return world_.report.Fail("kTaskAborted", "for no task");
      task->second.aborted = true;
      ++world_.report.counts.aborted;
      // What the disk was told may still happen; what nobody hears of any more is given up.
      if (task->second.state != Io::State::kDisk || task->second.lost) {
        task->second.ready = world_.now;
      }
      return;
    case EventKind::kTaskReleased:
      if (!known) return world_.report.Fail("kTaskReleased", "for no task, or twice");
      served->tasks.erase(task);
      return;
    case EventKind::kSourceReleased:  // once, or not at all: then kTaskReleased stands for it
      if (!known || task->second.notices == 0) {
        return world_.report.Fail("kSourceReleased", "that was not asked for, or twice");
      }
      --task->second.notices;
      return;
    case EventKind::kTextReleased:
      if (served->texts == 0) return world_.report.Fail("kTextReleased", "for no text, or twice");
      --served->texts;
      return;
    case EventKind::kTaskManagement:
      return OnTaskManagement(served, event);
    case EventKind::kScopeAborted:
      return ScopeAborted(served->number, event.cookie);
    case EventKind::kSendTargets:
      if (!served->session
               ->AnswerText(event.request, std::as_bytes(std::span(kTargets, sizeof(kTargets))))
               .ok()) {
        return world_.report.Fail("AnswerText", "refused");
      }
      ++served->texts;
      return;
    case EventKind::kArmDigests:
    case EventKind::kReleaseRx:
      for (Link* link : links) {
        if (link->served == served && link->target_id == event.connection) {
          OnLinkEvent(*link, event);
        }
      }
      return;
    case EventKind::kDisconnect:
      for (Link* link : links) {
        if (link->served != served || !(link->target_id == event.connection)) continue;
        world_.Trace("target disconnects link " + std::to_string(link->id) + ": " +
                     Name(event.error.code));
        link->target_closing = true;
        link->target_flush = event.flush;
        link->tx_idle[0] = false;
      }
      return;
    case EventKind::kSessionEnded:
      served->ended = true;
      if (!served->tasks.empty()) world_.report.Fail("kSessionEnded", "tasks are left");
      if (served->texts > 0) world_.report.Fail("kSessionEnded", "a text is not released");
      for (Reset& reset : resets_) std::erase(reset.waits_for, served->number);
      ScopeAborted(served->number, 0);
      return;
    default:
      return;
  }
}

void TargetNode::Announce(Served& served, const target::Event& event) {
  const auto [at, fresh] = served.tasks.try_emplace(event.task.slot);
  Io& io = at->second;
  if (fresh) {
    io.id = event.task;
    io.read = event.read;
    io.write = event.write;
    io.expected = event.expected_data_transfer_length;
    const std::span<const std::byte> cdb = event.cdb;
    const uint8_t opcode = std::to_integer<uint8_t>(cdb[0]);
    if (opcode == 0x28 || opcode == 0x2a) {
      io.lba = Big(cdb, 2, 4);
      io.blocks = Big(cdb, 7, 2);
    } else if (opcode == 0x7f && cdb.size() >= 32) {
      io.lba = Big(cdb, 16, 4);
      io.blocks = Big(cdb, 28, 4);
    } else if (opcode != 0x00) {
      world_.report.Fail("CDB", "came out changed");
    }
    if (uint64_t{io.lba} + io.blocks > world_.scenario.disk_blocks) {
      world_.report.Fail("CDB", "names blocks that nobody asked for");
      io.lba = io.blocks = 0;
    }
    if (io.write) {
      io.buffer_bytes = io.expected;
      io.buffer = std::make_unique<std::byte[]>(io.buffer_bytes);
      if (io.expected != io.blocks * kBlockBytes) world_.report.Fail("EDTL", "is not the write's");
    }
    io.state = io.write ? Io::State::kData : Io::State::kDisk;
  } else if (!(io.id == event.task) || event.kind != EventKind::kCommand || io.command ||
             io.aborted) {
    return world_.report.Fail("task", "is announced twice");
  }
  io.command = io.command || event.kind == EventKind::kCommand;
  if (event.kind == EventKind::kBegin) io.least = event.length;
  io.ready = world_.In(world_.scenario.disk_latency_us);
  if (event.kind != EventKind::kCommand) return;
  if (!io.write) StartDisk(io);
}

void TargetNode::OnTaskManagement(const std::shared_ptr<Served>& served,
                                  const target::Event& event) {
  Reset reset{.from = served, .request = event.request, .waits_for = {}, .cookie = ++cookies_};
  if (event.function == 5 || event.function == 6 || event.function == 4) {
    for (const std::shared_ptr<Served>& other : served_) {
      if (other != served && !other->ended) reset.waits_for.push_back(other->number);
    }
  }
  resets_.push_back(reset);
  for (const std::shared_ptr<Served>& other : served_) {
    if (std::count(reset.waits_for.begin(), reset.waits_for.end(), other->number) == 0) continue;
    if (!other->session->AbortTasks({.all_luns = true, .lun = {}}, reset.cookie).ok()) {
      std::erase(resets_.back().waits_for, other->number);
    }
  }
  ScopeAborted(0, 0);
}

void TargetNode::ScopeAborted(uint64_t number, uint64_t cookie) {
  for (size_t i = 0; i < resets_.size();) {
    Reset& reset = resets_[i];
    if (reset.cookie == cookie) std::erase(reset.waits_for, number);
    if (!reset.waits_for.empty() && !reset.from->ended) {
      ++i;
      continue;
    }
    if (!reset.from->ended) {
      // Refused if its connection has gone meanwhile.
      (void)reset.from->session->AnswerTaskManagement(reset.request, {});
    }
    resets_.erase(resets_.begin() + static_cast<ptrdiff_t>(i));
  }
}

bool TargetNode::Work() {
  struct Ready {
    Served* served;
    Io* io;
  };
  std::vector<Ready> ready;
  for (const std::shared_ptr<Served>& served : served_) {
    for (auto& [slot, io] : served->tasks) {
      if (io.state != Io::State::kDone && io.ready <= world_.now && !io.window_open && !io.lost) {
        ready.push_back({served.get(), &io});
      } else if (io.aborted && io.ready <= world_.now && !io.kept) {
        ready.push_back({served.get(), &io});
      }
    }
  }
  if (ready.empty()) return false;
  const Ready& one = ready[world_.random.Below(ready.size())];
  for (Link* link : links) link->tx_idle[0] = false;
  Step(*one.served, *one.io);
  Drain();
  return true;
}

Instant TargetNode::NextReady() const {
  Instant next = Instant::Never();
  for (const std::shared_ptr<Served>& served : served_) {
    for (const auto& [slot, io] : served->tasks) {
      const bool waits =
          (io.state != Io::State::kDone && !io.window_open && !io.lost) || (io.aborted && !io.kept);
      if (waits && io.ready > world_.now && io.ready < next) next = io.ready;
    }
  }
  return next;
}

void TargetNode::Step(Served& served, Io& io) {
  if (io.aborted) {
    if (io.state == Io::State::kDisk && io.command && !io.lost && world_.random.Chance(50)) {
      DiskDone(io);
    }
    return Release(served, io);
  }
  switch (io.state) {
    case Io::State::kData:
      if (io.accepted < io.expected) return LendWindow(served, io);
      if (!io.command) {
        io.ready = Instant::Never();
        return;
      }
      return StartDisk(io);
    case Io::State::kDisk:
      if (!io.command) {
        io.ready = Instant::Never();
        return;
      }
      return DiskDone(io);
    case Io::State::kSend:
      return Give(served, io);
    case Io::State::kStatus:
      return Answer(served, io);
    default:
      return;
  }
}

void TargetNode::LendWindow(Served& served, Io& io) {
  if (io.accepted == 0 && !io.command && world_.Due(FaultKind::kDiskBusy, requests_) != nullptr) {
    if (served.session->Refuse(io.id, world_.random.Chance(50) ? 0x08 : 0x28).ok()) {
      io.state = Io::State::kDone;
      return;
    }
  }
  size_t bytes = std::max<size_t>(world_.scenario.window_bytes, io.least);
  bytes = std::min<size_t>(bytes, io.expected - io.accepted);
  const Error error = served.session->AcceptData(io.id, io.accepted,
                                                 std::span(io.buffer.get() + io.accepted, bytes));
  if (!error.ok()) {
    world_.report.Fail("AcceptData", Name(error.code));
    return;
  }
  io.accepted += static_cast<uint32_t>(bytes);
  io.window_open = true;
}

void TargetNode::StartDisk(Io& io) {
  ++requests_;
  io.state = Io::State::kDisk;
  io.ready = world_.In(world_.scenario.disk_latency_us);
  if (const Fault* slow = world_.Due(FaultKind::kDiskSlow, requests_)) {
    io.ready = world_.now + Milliseconds(static_cast<int64_t>(slow->amount));
  }
  if (world_.Due(FaultKind::kDiskError, requests_) != nullptr) io.status = 0x02;
  if (world_.Due(FaultKind::kDiskBusy, requests_) != nullptr) io.status = 0x08;
  if (world_.Due(FaultKind::kDiskTwice, requests_) != nullptr) io.twice = true;
  if (world_.Due(FaultKind::kDiskLost, requests_) != nullptr) io.lost = true;
  if (world_.scenario.plant == Plant::kDroppedCompletion && !world_.planted) {
    world_.planted = io.lost = io.kept = true;
  }
  if (world_.scenario.plant == Plant::kKeptTask && !world_.planted) {
    world_.planted = io.kept = io.lost = true;
  }
}

void TargetNode::DiskDone(Io& io) {
  const Plant plant = world_.planted ? Plant::kNone : world_.scenario.plant;
  const size_t bytes = size_t{io.blocks} * kBlockBytes;
  if (io.status == 0 && io.write) {
    std::byte* to = disk_.data() + size_t{io.lba} * kBlockBytes;
    std::memcpy(before_.data() + size_t{io.lba} * kBlockBytes, to, bytes);
    size_t stored = bytes;
    if (!io.aborted && plant == Plant::kLostWrite) stored = 0;
    if (!io.aborted && plant == Plant::kTornWrite) stored = bytes - kBlockBytes / 2;
    if (stored != bytes) world_.planted = true;
    std::memcpy(to, io.buffer.get(), std::min(stored, io.buffer_bytes));
  } else if (io.status == 0 && io.read) {
    io.buffer_bytes = bytes;
    io.buffer = std::make_unique<std::byte[]>(bytes);
    const std::byte* from = disk_.data() + size_t{io.lba} * kBlockBytes;
    std::memcpy(io.buffer.get(), from, bytes);
    const bool whole = io.expected >= bytes && !io.aborted;
    if (whole && plant == Plant::kWrongBlock) {
      world_.planted = true;
      std::memcpy(io.buffer.get(), Block(io.lba == 0 ? 1 : io.lba - 1).data(), kBlockBytes);
    }
    if (whole && plant == Plant::kStaleRead &&
        std::memcmp(before_.data() + size_t{io.lba} * kBlockBytes, from, kBlockBytes) != 0) {
      world_.planted = true;
      std::memcpy(io.buffer.get(), before_.data() + size_t{io.lba} * kBlockBytes, kBlockBytes);
    }
    if (whole && plant == Plant::kCorruptBeforeDigest) {
      world_.planted = true;
      io.buffer[100] ^= std::byte{4};
    }
  }
  if (io.aborted) return;
  io.state = io.status == 0 && io.read ? Io::State::kSend : Io::State::kStatus;
  io.ready = world_.now;
}

void TargetNode::Give(Served& served, Io& io) {
  const auto left = static_cast<uint32_t>(io.buffer_bytes - io.sent);
  uint32_t part = left;
  if (left > 1 && world_.random.Chance(30)) {
    part = static_cast<uint32_t>(world_.random.Between(1, left));
  }
  const bool unstable = world_.scenario.target_limits.staging_bytes > 0 && world_.random.Chance(30);
  const bool notify = world_.random.Chance(30);
  const Error error =
      served.session->SendData(io.id, io.sent, std::span(io.buffer.get() + io.sent, part),
                               {.unstable = unstable, .notify = notify});
  if (error.ok()) {
    io.sent += part;
    if (notify) ++io.notices;
    if (io.sent == io.buffer_bytes) io.state = Io::State::kStatus;
  } else if (error.code == ErrorCode::kCallQueueFull) {
    io.ready = world_.now + Microseconds(100);
  } else {
    world_.report.Fail("SendData", Name(error.code));
  }
}

void TargetNode::Answer(Served& served, Io& io) {
  target::Completion completion;
  completion.status = io.status;
  if (io.status == 0x02) completion.sense = std::as_bytes(std::span(kSense));
  const Error error = served.session->Complete(io.id, completion);
  if (!error.ok()) return world_.report.Fail("Complete", Name(error.code));
  io.state = Io::State::kDone;
  // A completion that comes twice is refused and changes nothing.
  if (io.twice && served.session->Complete(io.id, completion).ok()) {
    world_.report.Fail("Complete", "was taken twice");
  }
}

void TargetNode::Release(Served& served, Io& io) {
  const Error error = served.session->Release(io.id);
  if (!error.ok()) return world_.report.Fail("Release", Name(error.code));
  io.state = Io::State::kDone;
  io.ready = Instant::Never();
}

Instant TargetNode::NextTimeout() const {
  Instant next = Instant::Never();
  const auto consider = [&](const Deadline& deadline) {
    if (deadline.armed()) next = std::min(next, deadline.at);
  };
  for (const Link* link : links) {
    if (link->login.has_value()) consider(link->login->PollTimeout());
  }
  for (const std::shared_ptr<Served>& served : served_) consider(served->session->PollTimeout());
  return next;
}

void TargetNode::HandleTimeouts() {
  const std::vector<Link*> open = links;
  for (Link* link : open) {
    link->tx_idle[0] = false;
    if (link->login.has_value()) link->login->HandleTimeout(world_.now);
  }
  for (const std::shared_ptr<Served>& served : served_) served->session->HandleTimeout(world_.now);
  Drain();
}

void TargetNode::AskLogout(uint32_t host) {
  for (Link* link : links) {
    if (link->host != host || link->served == nullptr) continue;
    // Refused while a logout is under way already.
    (void)link->served->session->RequestLogout(link->target_id, 5);
    link->tx_idle[0] = false;
  }
  Drain();
}

void TargetNode::Restart() {
  for (const std::shared_ptr<Served>& served : served_) {
    for (auto& [slot, io] : served->tasks) {
      if (io.state == Io::State::kDisk && io.write && io.command && io.accepted == io.expected &&
          world_.random.Chance(50)) {
        io.aborted = true;
        DiskDone(io);
      }
    }
  }
  for (Link* link : links) {
    link->login.reset();
    link->served = nullptr;
    link->target_open = false;
  }
  links.clear();
  resets_.clear();
  served_.clear();
}

void TargetNode::Heal() {
  for (const std::shared_ptr<Served>& served : served_) {
    for (auto& [slot, io] : served->tasks) {
      if (io.kept) continue;
      io.lost = false;
      if (io.ready > world_.now && io.ready != Instant::Never()) io.ready = world_.now;
    }
  }
}

}  // namespace isthmus::simulator
