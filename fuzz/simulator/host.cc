#include "fuzz/simulator/host.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "digest/select.h"

namespace isthmus::simulator {
namespace {

using initiator::EventKind;
using initiator::Outcome;

constexpr std::array<std::byte, 3> kPing = {std::byte{4}, std::byte{5}, std::byte{6}};

void PutBig(std::span<std::byte> bytes, size_t at, size_t count, uint32_t value) {
  for (size_t i = 0; i < count; ++i) {
    bytes[at + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
  }
}

}  // namespace

Host::Host(World& world, uint32_t index)
    : world_(world),
      index_(index),
      config_(world.scenario.hosts[index]),
      name_("iqn.2026-11.example.host:" + std::to_string(config_.initiator)) {
  initiator::SessionOptions options;
  options.limits = config_.limits;
  memory_.emplace(initiator::Session::MemoryNeeded(options));
  session_.emplace(options, memory_->bytes());
  connect_at_ = world.now;
}

bool Host::wants_link() const {
  if (link != nullptr || ended_) return false;
  // A host that is asked to leave while it has no connection just leaves.
  return connect_at_ <= world_.now && !(leaving_ && idle());
}

void Host::Open(Link& fresh) {
  link = &fresh;
  closing = flush = false;
  initiator::ConnectionOptions options;
  options.initiator_name = name_;
  options.target_name = "iqn.2026-11.example.target:b";
  options.isid = {std::byte{0x80}, {}, {}, {}, {}, static_cast<std::byte>(index_)};
  options.cmd_sn = config_.cmd_sn;
  options.offer = config_.offer;
  options.kernel = &digest::SelectKernel();
  options.limits = config_.limits;
  login_memory_ =
      std::make_unique<GuardedMemory>(initiator::Connection::MemoryNeeded(options));
  login_.emplace(options, login_memory_->bytes());
  login_->HandleTimeout(world_.now);
}

bool Host::Receive(const RxSegment& segment) {
  link->tx_idle[1] = false;
  return login_.has_value() ? login_->Receive(segment, world_.now)
                            : session_->Receive(id_, segment, world_.now);
}

size_t Host::PollTransmit(std::span<TxSlice> out) {
  return login_.has_value() ? login_->PollTransmit(out, world_.now)
                            : session_->PollTransmit(id_, out, world_.now);
}

void Host::OnSent(size_t bytes, std::optional<uint64_t> done) {
  if (login_.has_value()) {
    login_->OnSent(bytes);
  } else {
    session_->OnSent(id_, bytes);
  }
  if (done.has_value()) OnTransportDone(*done);
}

void Host::OnTransportDone(uint64_t offset) {
  link->tx_idle[1] = false;
  if (login_.has_value()) {
    login_->OnTransportDone(offset);
  } else {
    session_->OnTransportDone(id_, offset);
  }
}

void Host::OnTransportClosed() {
  link->initiator_open = false;
  link = nullptr;
  closing = false;
  if (login_.has_value()) {
    login_->OnTransportClosed(Error::Ok());
    Drain();
    login_.reset();
  } else {
    session_->OnTransportClosed(id_, Error::Ok());
    Drain();
  }
  connect_at_ = std::max(connect_at_, world_.In(1'000'000));
}

void Host::Resolve(uint32_t ticket, digest::Evidence header, digest::Evidence data) {
  if (login_.has_value()) {
    login_->Resolve(ticket, header, data);
  } else {
    session_->Resolve(id_, ticket, header, data);
  }
}

size_t Host::UnconsumedRx() const {
  return login_.has_value() ? login_->UnconsumedRx() : session_->UnconsumedRx(id_);
}

size_t Host::WantRx(std::span<RxWant> out) {
  return login_.has_value() ? login_->WantRx(out) : session_->WantRx(id_, out);
}

void Host::Drain() {
  initiator::Event event;
  while (login_.has_value() && login_->Next(&event)) OnEvent(event);
  while (session_->Next(&event)) {
    if (ended_) world_.report.Fail("kSessionEnded", "an event follows it at the initiator");
    OnEvent(event);
  }
  if (link != nullptr) link->tx_idle[1] = false;
  if (!memory_->intact() || (login_memory_ != nullptr && !login_memory_->intact()) ||
      (connection_memory_ != nullptr && !connection_memory_->intact())) {
    world_.report.Fail("memory", "an initiator wrote beyond its stated sum");
  }
}

bool Host::CanSubmit() const {
  if (ended_ || logging_out_) return false;
  if (next_ == work_.size()) {
    return leaving_ && operations_.empty() && !login_.has_value() && !closing &&
           (link == nullptr || session_->connected());
  }
  return operations_.size() < config_.depth && next_submit_ <= world_.now;
}

void Host::Submit() {
  if (next_ == work_.size()) {
    world_.Trace("host " + std::to_string(index_) + " leaves");
    if (link == nullptr || !session_->Logout(initiator::LogoutReason::kCloseSession).ok()) {
      session_->End();
    } else {
      logging_out_ = true;
    }
    return Drain();
  }
  const Operation operation = work_[next_++];
  const bool command = operation.kind == OperationKind::kWrite ||
                       operation.kind == OperationKind::kRead ||
                       operation.kind == OperationKind::kTest;
  if (command) {
    SubmitCommand(operation);
  } else {
    SubmitOther(operation);
  }
  if (next_ < work_.size()) {
    next_submit_ = world_.now + Milliseconds(world_.healed ? 0 : work_[next_].think_ms);
  }
  Drain();
}

initiator::Command Host::Command(const Operation& operation, Pending& pending) {
  initiator::Command command;
  cdb_.fill(std::byte{0});
  size_t cdb_bytes = 10;
  if (operation.kind == OperationKind::kTest) {
    cdb_bytes = 6;
  } else if (operation.long_cdb) {
    cdb_bytes = 32;
    cdb_[0] = std::byte{0x7f};
    PutBig(cdb_, 16, 4, operation.lba);
    PutBig(cdb_, 28, 4, operation.blocks);
  } else {
    cdb_[0] = operation.kind == OperationKind::kWrite ? std::byte{0x2a} : std::byte{0x28};
    PutBig(cdb_, 2, 4, operation.lba);
    PutBig(cdb_, 7, 2, operation.blocks);
  }
  command.cdb = std::span(cdb_).first(cdb_bytes);
  command.immediate = operation.immediate;
  command.retry =
      operation.reissue ? initiator::RetryPolicy::kReissue : initiator::RetryPolicy::kReport;
  const std::span<std::byte> data(pending.buffer.get(), pending.bytes);
  if (operation.kind == OperationKind::kWrite) {
    command.data_out = data;
    command.unstable_source = operation.unstable && config_.limits.staging_bytes > 0;
  } else if (operation.kind == OperationKind::kRead) {
    command.data_in = data;
  }
  return command;
}

void Host::SubmitCommand(const Operation& operation) {
  Pending pending;
  pending.operation = operation;
  if (operation.kind != OperationKind::kTest) {
    pending.bytes = static_cast<size_t>(
        std::max<int64_t>(int64_t{operation.blocks} * kBlockBytes + operation.slack_bytes, 1));
    pending.buffer = std::make_unique<std::byte[]>(pending.bytes);
  }
  if (operation.kind == OperationKind::kWrite) {
    pending.write = world_.model.BeginWrite(operation.lba, operation.blocks);
    for (uint32_t i = 0; i < operation.blocks; ++i) {
      FillBlock(pending.write, operation.lba + i,
                std::span(pending.buffer.get() + size_t{i} * kBlockBytes, kBlockBytes));
    }
  } else if (operation.kind == OperationKind::kRead) {
    pending.read = world_.model.BeginRead();
  }
  const uint64_t cookie = ++cookies_;
  initiator::Command command = Command(operation, pending);
  command.cookie = cookie;
  const uint32_t timeout = operation.abort_after_ms > 0 && !world_.healed ? operation.abort_after_ms
                                                                          : config_.timeout_ms;
  pending.deadline = world_.now + Milliseconds(timeout);
  const Error error = session_->Submit(command, &pending.task);
  if (!error.ok()) {
    if (error.code != ErrorCode::kCallQueueFull) world_.report.Fail("Submit", Name(error.code));
    if (pending.write != 0) world_.model.EndWrite(pending.write, false);
    ++world_.report.counts.failed_operations;
    return;
  }
  world_.Trace("host " + std::to_string(index_) + " " + Name(operation.kind) + " " +
               std::to_string(operation.lba) + "+" + std::to_string(operation.blocks) + " cookie " +
               std::to_string(cookie) + " write " + std::to_string(pending.write));
  operations_.emplace(cookie, std::move(pending));
}

void Host::SubmitOther(const Operation& operation) {
  const uint64_t cookie = ++cookies_;
  Pending pending;
  pending.operation = operation;
  pending.deadline = Instant::Never();
  Error error = Error::Ok();
  switch (operation.kind) {
    case OperationKind::kReset: {
      initiator::TaskManagementRequest request;
      request.function = initiator::TaskManagementFunction::kLogicalUnitReset;
      request.immediate = operation.immediate;
      request.cookie = cookie;
      error = session_->TaskManagement(request, &pending.task);
      break;
    }
    case OperationKind::kPing:
      error = session_->Ping(kPing, cookie);
      break;
    case OperationKind::kDiscover:
      error = session_->SendTargets("", text_, cookie);
      break;
    default: {
      const uint32_t bytes = world_.random.Pick({512, 2048, 16384});
      error = session_->Renegotiate(bytes, cookie);
      if (error.ok() && link != nullptr) link->monitor.Declare(bytes);
      break;
    }
  }
  // Without a connection, or with the last one of its kind still under way, these are refused.
  if (!error.ok()) return;
  world_.Trace("host " + std::to_string(index_) + " " + Name(operation.kind) + " cookie " +
               std::to_string(cookie));
  operations_.emplace(cookie, std::move(pending));
}

void Host::OnEvent(const initiator::Event& event) {
  world_.report.Mix(static_cast<uint64_t>(event.kind) | uint64_t{event.cookie} << 8);
  switch (event.kind) {
    case EventKind::kLoginDone: {
      const Error error = session_->Attach(std::move(*login_), &id_);
      if (!error.ok()) return world_.report.Fail("Attach", Name(error.code));
      login_.reset();
      connection_memory_ = std::move(login_memory_);
      world_.Trace("host " + std::to_string(index_) + " is logged in");
      // The old session is gone: what it left undone stays undone.
      for (uint64_t write : in_doubt_) world_.model.EndWrite(write, false);
      in_doubt_.clear();
      return;
    }
    case EventKind::kLoginFailed:
      world_.Trace("host " + std::to_string(index_) + " login failed: " + Name(event.error.code));
      return;
    case EventKind::kDisconnect:
      world_.Trace("host " + std::to_string(index_) + " disconnects: " + Name(event.error.code));
      closing = link != nullptr;
      flush = event.flush;
      return;
    case EventKind::kConnectionLost:
      connect_at_ =
          std::max(connect_at_, world_.now + Seconds(world_.healed ? 0 : event.time2wait_s));
      return;
    case EventKind::kLoggedOut:
      logging_out_ = false;
      return;
    case EventKind::kCompleted:
      return OnCompleted(event);
    case EventKind::kTaskManagementDone:
    case EventKind::kTextReceived:
    case EventKind::kPong:
      return OnOther(event);
    case EventKind::kArmDigests:
      if (link != nullptr && link->ports[0] != nullptr) {
        const WireRules& rules = link->monitor.rules();
        link->ports[0]->Begin(event.stream_offset, rules.header_digest, rules.data_digest);
      }
      return;
    case EventKind::kReleaseRx:
      if (link != nullptr && link->ports[0] != nullptr) link->ports[0]->Released(event.lease);
      return;
    case EventKind::kSessionEnded:
      ended_ = true;
      if (!operations_.empty()) world_.report.Fail("kSessionEnded", "operations are left");
      return;
    default:
      return;
  }
}

void Host::OnOther(const initiator::Event& event) {
  const auto at = operations_.find(event.cookie);
  if (at == operations_.end()) {
    // Of an Abort(), whose cookie is above those of operations.
    if (event.cookie >> 32 == 0) world_.report.Fail("cookie", "is unknown, or ended twice");
    return;
  }
  if (event.kind == EventKind::kPong && event.outcome == Outcome::kAnswered) {
    ++world_.report.counts.operations;
  }
  operations_.erase(at);
}

void Host::OnCompleted(const initiator::Event& event) {
  const auto at = operations_.find(event.cookie);
  if (at == operations_.end()) {
    return world_.report.Fail("cookie", "a command completed twice, or was never submitted");
  }
  const Pending pending = std::move(at->second);
  operations_.erase(at);
  ++world_.report.counts.operations;
  const bool good = event.outcome == Outcome::kAnswered && event.response == 0 && event.status == 0;
  world_.Trace("host " + std::to_string(index_) + " completed cookie " +
               std::to_string(event.cookie) + " outcome " +
               std::to_string(static_cast<int>(event.outcome)) + " status " +
               std::to_string(event.status));
  if (!good) ++world_.report.counts.failed_operations;
  if (pending.write != 0) {
    // Lost with its connection, a write may still be on its way to the disk.
    if (event.outcome == Outcome::kConnectionLost || event.outcome == Outcome::kSessionEnded) {
      in_doubt_.push_back(pending.write);
    } else {
      world_.model.EndWrite(pending.write, good);
    }
  }
  if (pending.read != 0 && good) CheckRead(pending, event);
}

void Host::CheckRead(const Pending& pending, const initiator::Event& event) {
  const size_t wanted = size_t{pending.operation.blocks} * kBlockBytes;
  const size_t moved = std::min(wanted, pending.bytes);
  if (event.data_in_bytes != moved) {
    return world_.report.Fail(
        "data_in_bytes", std::to_string(event.data_in_bytes) + " and not " + std::to_string(moved));
  }
  const auto kind = wanted == pending.bytes  ? initiator::ResidualKind::kNone
                    : wanted > pending.bytes ? initiator::ResidualKind::kOverflow
                                             : initiator::ResidualKind::kUnderflow;
  const size_t residual = std::max(wanted, pending.bytes) - moved;
  if (event.residual_kind != kind || event.residual_count != residual) {
    return world_.report.Fail(
        "residual", std::to_string(event.residual_count) + " and not " + std::to_string(residual));
  }
  for (uint32_t i = 0; (i + 1) * size_t{kBlockBytes} <= moved; ++i) {
    const std::string wrong = world_.model.CheckBlock(
        pending.read, pending.operation.lba + i,
        std::span(pending.buffer.get() + size_t{i} * kBlockBytes, kBlockBytes));
    if (!wrong.empty()) {
      return world_.report.Fail("data", "host " + std::to_string(index_) + " cookie " +
                                            std::to_string(event.cookie) + ": " + wrong);
    }
    ++world_.report.counts.blocks_checked;
  }
}

void Host::Abort(uint64_t cookie, Pending& pending) {
  pending.deadline = world_.now + Milliseconds(config_.timeout_ms);
  // A second time-out of the same command: as real initiators do, give the connection up.
  if (pending.aborting) {
    world_.Trace("host " + std::to_string(index_) + " gives its connection up");
    closing = link != nullptr;
    flush = false;
    return;
  }
  world_.Trace("host " + std::to_string(index_) + " aborts cookie " + std::to_string(cookie));
  const Error error = session_->Abort(pending.task, cookie | uint64_t{1} << 32);
  if (error.ok()) pending.aborting = true;
}

Instant Host::NextTimeout() const {
  if (ended_) return Instant::Never();
  Instant next = Instant::Never();
  const auto consider = [&](const Deadline& deadline) {
    if (deadline.armed()) next = std::min(next, deadline.at);
  };
  if (login_.has_value()) consider(login_->PollTimeout());
  consider(session_->PollTimeout());
  for (const auto& [cookie, pending] : operations_) next = std::min(next, pending.deadline);
  if (link == nullptr && !(leaving_ && idle())) next = std::min(next, connect_at_);
  if (next_ < work_.size() && operations_.size() < config_.depth) {
    next = std::min(next, next_submit_);
  }
  return next;
}

void Host::HandleTimeouts() {
  if (login_.has_value()) login_->HandleTimeout(world_.now);
  session_->HandleTimeout(world_.now);
  std::vector<uint64_t> late;
  for (const auto& [cookie, pending] : operations_) {
    if (pending.deadline <= world_.now) late.push_back(cookie);
  }
  Drain();
  for (uint64_t cookie : late) {
    const auto at = operations_.find(cookie);
    if (at != operations_.end()) Abort(cookie, at->second);
    Drain();
  }
}

std::string Host::State() const {
  std::string text = "host " + std::to_string(index_) + ": " + std::to_string(operations_.size()) +
                     " under way, " + std::to_string(work_.size() - next_) + " to come, " +
                     (link == nullptr      ? "no link"
                      : login_.has_value() ? "logging in"
                                           : "in session");
  for (const auto& [cookie, pending] : operations_) {
    text += ", cookie " + std::to_string(cookie) + " " + Name(pending.operation.kind);
  }
  return text;
}

}  // namespace isthmus::simulator
