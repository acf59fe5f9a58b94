#include "fuzz/simulator/device_port.h"

#include <cstring>
#include <string>
#include <utility>

#include "transport/offload/registry.h"

namespace isthmus::simulator {

using digest::DigestVerdict;

DevicePort::DevicePort(std::string_view model, Random& random, Report& report)
    : model_(model),
      random_(random),
      report_(report),
      device_(transport::NewOffloadDevice(model)) {}

DevicePort::~DevicePort() { Count(); }

void DevicePort::Count() {
  report_.counts.device_frames += device_->counters().frames;
  report_.counts.device_good += device_->counters().good;
}

void DevicePort::Begin(uint64_t stream_offset, bool header_digest, bool data_digest) {
  header_digest_ = header_digest;
  data_digest_ = data_digest;
  begun_ = true;
  Arm(stream_offset);
}

// Failure to arm is not an error: software carries on.
void DevicePort::Arm(uint64_t stream_offset) {
  transport::OffloadArm arm;
  arm.epoch = ++epoch_;
  arm.rx_stream_offset = stream_offset;
  arm.header_digest = header_digest_;
  arm.data_digest = data_digest_;
  armed_ = device_->Arm(arm);
  rearm_ = false;
}

// Of a life that is over no answer is waited for: what it owes is unchecked.
void DevicePort::Disarm(const Resolve& resolve) {
  device_->Disarm(*this);
  armed_ = false;
  questions_.clear();
  answers_.clear();
  for (uint32_t ticket : std::exchange(tickets_, {})) {
    resolve(ticket, {}, {});
    stale_.push_back(ticket);
  }
}

void DevicePort::Reset(const Resolve& resolve) {
  if (!begun_ || ended_) return;
  for (const Held& frame : std::exchange(held_, {})) Pass(frame);
  Disarm(resolve);
  Count();
  device_ = transport::NewOffloadDevice(model_);
  rearm_ = true;
}

void DevicePort::Pass(const Held& frame) {
  device_->Receive({.stream_offset = frame.stream_offset, .payload = frame.bytes}, *this);
}

void DevicePort::Frame(uint64_t stream_offset, std::span<const std::byte> bytes, bool reorder,
                       const std::set<uint64_t>& pdu_starts) {
  Held frame{stream_offset, {bytes.begin(), bytes.end()}};
  received_ = stream_offset + bytes.size();
  fruitless_ = 0;
  if (rearm_ && held_.empty() && pdu_starts.count(stream_offset) > 0) Arm(stream_offset);
  if (reorder && begun_ && held_.size() < 3 && random_.Chance(12)) {
    held_.push_back(std::move(frame));
    return;
  }
  Pass(frame);
  if (reorder && begun_ && random_.Chance(4)) Pass(frame);  // sent again
}

bool DevicePort::HasWork() const {
  return !held_.empty() || (fruitless_ < 8 && (!tickets_.empty() || !questions_.empty()));
}

void DevicePort::Work(const Resolve& resolve, const std::set<uint64_t>& pdu_starts) {
  ++fruitless_;
  if (!held_.empty() && random_.Chance(50)) {
    const size_t at = random_.Below(held_.size());
    const Held frame = std::move(held_[at]);
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(at));
    Pass(frame);
    fruitless_ = 0;
  }
  if (!stale_.empty()) {
    resolve(stale_.back(), {}, {.verdict = DigestVerdict::kGood, .epoch = 1, .ticket = stale_.back()});
    stale_.pop_back();
  }
  transport::OffloadCompletion done;
  if (device_->NextCompletion(&done)) {
    fruitless_ = 0;
    if (tickets_.erase(done.ticket) > 0) {
      resolve(done.ticket, done.header, done.data);
      // A completion that comes twice changes nothing.
      if (random_.Chance(20)) resolve(done.ticket, done.header, done.data);
    } else {
      answers_[done.ticket] = done;
    }
  }
  uint64_t offset = 0;
  if (device_->ResyncQuestion(&offset)) questions_.push_back(offset);
  if (!questions_.empty() && random_.Chance(50)) {
    device_->ResyncAnswer(questions_.back(), pdu_starts.count(questions_.back()) > 0);
    questions_.pop_back();
    fruitless_ = 0;
  }
}

void DevicePort::End(const Resolve& resolve) {
  if (ended_) return;
  for (const Held& frame : std::exchange(held_, {})) Pass(frame);
  Disarm(resolve);
  ended_ = true;
}

bool DevicePort::Next(RxSegment* segment) {
  if (!have_segment_) {
    RxSegment piece;
    if (!reassembly_.Next(static_cast<uint32_t>(random_.Pick({1, 1, 2, 4})), &piece)) return false;
    auto bytes = std::make_unique<std::byte[]>(piece.bytes.size());
    if (!piece.bytes.empty()) std::memcpy(bytes.get(), piece.bytes.data(), piece.bytes.size());
    segment_ = piece;
    segment_.bytes = {bytes.get(), piece.bytes.size()};
    segment_.lease = {++lease_};
    lent_[lease_] = std::move(bytes);
    have_segment_ = true;
  }
  // Asked of a life that is over.
  const bool pending = segment_.data.verdict == DigestVerdict::kPending;
  if (pending && (!armed_ || segment_.data.epoch != epoch_)) segment_.header = segment_.data = {};
  *segment = segment_;
  return true;
}

void DevicePort::Taken(const Resolve& resolve) {
  have_segment_ = false;
  taken_ += segment_.placed + segment_.bytes.size() + segment_.stripped;
  fruitless_ = 0;
  if (segment_.data.verdict != DigestVerdict::kPending) return;
  const uint32_t ticket = segment_.data.ticket;
  const auto answer = answers_.find(ticket);
  if (answer == answers_.end()) {
    tickets_.insert(ticket);
  } else {
    resolve(ticket, answer->second.header, answer->second.data);
  }
}

void DevicePort::Dropped() {
  have_segment_ = false;
  taken_ += segment_.placed + segment_.bytes.size() + segment_.stripped;
  lent_.erase(segment_.lease.id);
}

void DevicePort::Released(RxLease lease) {
  if (lent_.erase(lease.id) != 1) {
    report_.Fail("lease", std::to_string(lease.id) + " is released twice, or was never given");
  }
}

void DevicePort::CheckDrained() {
  const size_t waiting = have_segment_ ? 1 : 0;
  if (lent_.size() > waiting) report_.Fail("lease", "is kept although everything is drained");
}

}  // namespace isthmus::simulator
