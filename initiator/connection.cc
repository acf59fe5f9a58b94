#include "initiator/connection.h"

#include <new>
#include <utility>

#include "initiator/connection_state.h"
#include "protocol/check.h"
#include "protocol/text/names.h"

namespace isthmus::initiator {
namespace {

// Numbers of Error::detail for kCallArgument: which option is wrong.
constexpr uint32_t kKernel = 1, kLimits = 2, kHashes = 3;

Error CheckName(std::string_view name) {
  if (text::CheckIscsiName(name) == text::NameCheck::kOk) return Error::Ok();
  return CallerError(ErrorCode::kCallName);
}

Error CheckChap(const ConnectionOptions& options) {
  const ChapOptions& chap = options.chap;
  if (chap.name.empty()) return Error::Ok();
  const bool md5 = auth::FindHash(options.hashes, 5) != nullptr;
  if (options.hashes.empty() || options.hashes.size() > auth::kMaxAlgorithms ||
      (!md5 && !chap.allow_without_md5)) {
    return CallerError(ErrorCode::kCallArgument, kHashes);
  }
  const bool mutual = !chap.target_secret.empty();
  for (std::string_view secret : {chap.secret, chap.target_secret}) {
    if (secret.empty()) continue;
    if (secret.size() < auth::kMinSecretBytes && !chap.allow_short_secrets) {
      return CallerError(ErrorCode::kCallSecretTooShort, static_cast<uint32_t>(secret.size() * 8));
    }
    if (secret.size() > auth::kMaxSecretBytes) return CallerError(ErrorCode::kCallArgument);
  }
  if (chap.secret.empty() || chap.name.size() > auth::kMaxChapNameBytes ||
      chap.target_name.size() > auth::kMaxChapNameBytes) {
    return CallerError(ErrorCode::kCallArgument);
  }
  if (mutual && chap.secret == chap.target_secret) {
    return CallerError(ErrorCode::kCallSecretShared);
  }
  return Error::Ok();
}

}  // namespace

text::Offer DefaultOffer() {
  text::Offer offer;
  offer.MaxRecvDataSegmentLength = 262144;
  offer.InitialR2T = false;
  offer.ImmediateData = true;
  offer.MaxBurstLength = 1048576;
  offer.FirstBurstLength = 262144;
  offer.MaxOutstandingR2T = 8;
  offer.DefaultTime2Retain = 0;
  offer.TaskReporting = {text::TaskReportingSemantics::kFastAbort,
                         text::TaskReportingSemantics::kResponseFence,
                         text::TaskReportingSemantics::kRFC3720};
  offer.iSCSIProtocolLevel = 2;
  return offer;
}

Error Connection::Check(const ConnectionOptions& options) {
  if (options.kernel == nullptr) return CallerError(ErrorCode::kCallArgument, kKernel);
  if (Error e = CheckName(options.initiator_name); !e.ok()) return e;
  if (!options.target_name.empty()) {
    if (Error e = CheckName(options.target_name); !e.ok()) return e;
  }
  if (options.initiator_alias.size() > text::kMaxSimpleValueBytes) {
    return CallerError(ErrorCode::kCallArgument);
  }
  const Limits& limits = options.limits;
  if (limits.text_bytes < text::kMinTextCapacityBytes || limits.login_rounds < 1 ||
      limits.tx_entries < 4 || limits.tx_pdus_in_flight < 4) {
    return CallerError(ErrorCode::kCallArgument, kLimits);
  }
  text::Offer offer = options.offer;
  offer.InitiatorName = options.initiator_name;
  offer.TargetName = options.target_name;
  offer.InitiatorAlias = options.initiator_alias;
  offer.SessionType =
      options.target_name.empty() ? text::SessionKind::kDiscovery : text::SessionKind::kNormal;
  if (auto key = text::FindInvalid(offer, Role::kInitiator); key.has_value()) {
    return CallerError(ErrorCode::kCallParameter, static_cast<uint32_t>(*key));
  }
  return CheckChap(options);
}

size_t Connection::MemoryNeeded(const ConnectionOptions& options) {
  return Check(options).ok() ? ConnectionState::MemoryNeeded(options) : 0;
}

Connection::Connection(const ConnectionOptions& options, std::span<std::byte> memory) {
  isthmus::Check(Check(options).ok());
  Arena arena(memory);
  state_ = arena.Make<ConnectionState>(1);
  isthmus::Check(state_ != nullptr);
  state_->Init(options, arena);
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

bool Connection::Receive(const RxSegment& segment, Instant now) {
  state_->SeeTime(now);
  state_->tracer.SeeTime(now);
  if (state_->phase != ConnectionState::Phase::kLogin) return false;
  return state_->receiver->Push(segment);
}

bool Connection::Next(Event* event) { return state_->Next(event); }

size_t Connection::PollTransmit(std::span<TxSlice> out, Instant now) {
  state_->SeeTime(now);
  state_->tracer.SeeTime(now);
  return state_->sender->PollTransmit(out, *state_);
}

void Connection::OnSent(size_t bytes) { state_->sender->OnSent(bytes); }

void Connection::OnTransportDone(uint64_t stream_offset) {
  state_->sender->OnTransportDone(stream_offset);
  state_->DrainDone();
}

void Connection::OnTransportClosed(Error reason) { state_->OnTransportClosed(reason); }

size_t Connection::WantRx(std::span<RxWant> out) {
  if (state_->phase != ConnectionState::Phase::kLogin) return 0;
  return state_->receiver->WantRx(out);
}

size_t Connection::UnconsumedRx() const { return state_->receiver->UnconsumedRx(); }

void Connection::Resolve(uint32_t ticket, digest::Evidence header, digest::Evidence data) {
  state_->receiver->Resolve(ticket, header, data);
}

void Connection::SetTracer(const PduTracer& tracer) { state_->SetTracer(tracer); }

Deadline Connection::PollTimeout() const { return state_->deadlines.Next(); }

void Connection::HandleTimeout(Instant now) { state_->HandleTimeout(now); }

const text::Parameters& Connection::parameters() const { return state_->negotiation->parameters(); }

const text::Declarations& Connection::declarations() const {
  return state_->negotiation->declarations();
}

uint16_t Connection::tsih() const { return state_->tsih; }

bool Connection::logged_in() const {
  return state_ != nullptr && state_->phase == ConnectionState::Phase::kLoggedIn;
}

const RxCounters& Connection::rx_counters() const { return state_->receiver->counters(); }

const TxCounters& Connection::tx_counters() const { return state_->sender->counters(); }

}  // namespace isthmus::initiator
