#include "target/connection.h"

#include <algorithm>
#include <utility>

#include "protocol/check.h"
#include "target/connection_state.h"

namespace isthmus::target {
namespace {

// Entries of the sender beyond tasks' own: echoes, answers to functions, R2Ts, a response to text,
// NOP-In, Async.
constexpr uint32_t kTaskEntries = 64;
constexpr uint32_t kControlEntries = 64;

Sender::Options SenderOptions(const ConnectionOptions& options) {
  return {.kernel = options.kernel,
          .max_entries = kTaskEntries + kControlEntries + options.limits.echo_slots,
          .max_pdus_in_flight = 64,
          .staging_bytes = options.limits.staging_bytes};
}

Receiver::Options ReceiverOptions(const ConnectionOptions& options) {
  return {.kernel = options.kernel,
          .role = Role::kTarget,
          .MaxRecvDataSegmentLength = kLoginSegmentBytes};
}

uint32_t EchoSlots(const Limits& limits) { return std::clamp<uint32_t>(limits.echo_slots, 2, 64); }
uint32_t EchoSlotBytes(const Limits& limits) {
  return std::max<uint32_t>(limits.echo_slot_bytes, 1068);
}
size_t TextBytes(const Limits& limits) {
  return std::max<size_t>(limits.text_bytes, text::kMinTextCapacityBytes);
}

}  // namespace

ConnectionState::ConnectionState(const ConnectionOptions& connection_options, Arena& arena)
    : options(connection_options),
      receiver(ReceiverOptions(connection_options)),
      sender(SenderOptions(connection_options), arena) {
  options.limits.echo_slots = EchoSlots(options.limits);
  options.limits.echo_slot_bytes = EchoSlotBytes(options.limits);
  const size_t text_bytes = TextBytes(options.limits);
  text.storage = {arena.MakeBuffer(text_bytes), text_bytes};
  text_answer = {arena.MakeBuffer(kLoginSegmentBytes), kLoginSegmentBytes};
  const size_t echo_bytes = size_t{options.limits.echo_slots} * options.limits.echo_slot_bytes;
  echo = {arena.MakeBuffer(echo_bytes), echo_bytes};
  echo_free = options.limits.echo_slots == 64 ? ~uint64_t{0}
                                              : (uint64_t{1} << options.limits.echo_slots) - 1;
  max_task_entries = kTaskEntries;
  max_control_entries = kControlEntries;
  csm.Take(CsmEvent::kTransportUp);
}

size_t Connection::MemoryNeeded(const ConnectionOptions& options) {
  return Arena::Needed<std::byte>(sizeof(ConnectionState)) +
         Sender::MemoryNeeded(SenderOptions(options)) +
         Arena::Needed<std::byte>(TextBytes(options.limits)) +
         Arena::Needed<std::byte>(kLoginSegmentBytes) +
         Arena::Needed<std::byte>(size_t{EchoSlots(options.limits)} *
                                  EchoSlotBytes(options.limits));
}

Connection::Connection(const ConnectionOptions& options, std::span<std::byte> memory) {
  Check(memory.size() >= MemoryNeeded(options));
  Arena arena(memory);
  std::byte* place = arena.Make<std::byte>(sizeof(ConnectionState));
  static_assert(alignof(ConnectionState) <= Arena::kAlignment);
  state_ = ::new (static_cast<void*>(place)) ConnectionState(options, arena);
}

Connection Connection::OnHeap(const ConnectionOptions& options) {
  const size_t size = MemoryNeeded(options);
  auto memory = std::make_unique<std::byte[]>(size);
  Connection connection(options, {memory.get(), size});
  connection.memory_ = std::move(memory);
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)), memory_(std::move(other.memory_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this == &other) return *this;
  if (state_ != nullptr) state_->~ConnectionState();
  state_ = std::exchange(other.state_, nullptr);
  memory_ = std::move(other.memory_);
  return *this;
}

Connection::~Connection() {
  if (state_ != nullptr) state_->~ConnectionState();
}

void ConnectionState::SawTime(Instant at) {
  if (!now_known || now < at) now = at;
  now_known = true;
  if (!login.deadline_set) {
    login.deadline_set = true;
    if (options.limits.login_timeout_ms > 0) {
      login.deadline = now + Milliseconds(options.limits.login_timeout_ms);
    }
  }
}

bool Connection::Receive(const RxSegment& segment, Instant now) {
  state_->SawTime(now);
  if (state_->login.state == LoginState::kRefused || state_->transport_closed) return false;
  return state_->receiver.Push(segment);
}

bool Connection::Next(Event* event) { return login::Next(*state_, event); }

size_t Connection::PollTransmit(std::span<TxSlice> out, Instant now) {
  state_->SawTime(now);
  if (state_->transport_closed) return 0;
  return login::PollTransmit(*state_, out);
}

void Connection::OnSent(size_t bytes) { state_->sender.OnSent(bytes); }

void Connection::OnTransportDone(uint64_t stream_offset) {
  state_->sender.OnTransportDone(stream_offset);
  login::OnSenderDone(*state_);
}

void Connection::OnTransportClosed(Error reason) {
  if (state_->transport_closed) return;
  state_->transport_closed = true;
  if (state_->login.state == LoginState::kRefused) return;
  state_->csm.Take(CsmEvent::kLost);
  state_->login.error = reason;
  state_->login.state = LoginState::kRefused;
}

size_t Connection::WantRx(std::span<RxWant> out) {
  if (state_->login.state != LoginState::kRequest && state_->login.state != LoginState::kData) {
    return 0;
  }
  return state_->receiver.WantRx(out);
}

size_t Connection::UnconsumedRx() const { return state_->receiver.UnconsumedRx(); }

Deadline Connection::PollTimeout() const {
  const LoginMachine& login = state_->login;
  if (login.state == LoginState::kDone || login.state == LoginState::kRefused ||
      login.deadline == Instant::Never()) {
    return {};
  }
  return {login.deadline, DeadlineReason::kLogin};
}

void Connection::HandleTimeout(Instant now) {
  state_->SawTime(now);
  if (state_->login.deadline <= now) login::OnTimeout(*state_);
}

Error Connection::AnswerLookup(const LookupAnswer& answer) {
  return login::AnswerLookup(*state_, answer);
}

Error Connection::AnswerClaim(const ClaimAnswer& answer) {
  return login::AnswerClaim(*state_, answer);
}

const text::Parameters& Connection::parameters() const { return state_->negotiation->parameters(); }
std::string_view Connection::initiator_name() const {
  return state_->negotiation->declarations().InitiatorName.view();
}
std::string_view Connection::target_name() const {
  return state_->negotiation->declarations().TargetName.view();
}
std::span<const std::byte, 6> Connection::isid() const { return state_->login.isid; }
uint16_t Connection::tsih() const { return state_->login.granted_tsih; }
uint16_t Connection::cid() const { return state_->login.cid; }
const RxCounters& Connection::rx_counters() const { return state_->receiver.counters(); }
const TxCounters& Connection::tx_counters() const { return state_->sender.counters(); }

}  // namespace isthmus::target
