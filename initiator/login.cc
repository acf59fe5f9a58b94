// The initiator's half of the Login Phase: which request goes out, what each response means.

#include <algorithm>

#include "initiator/connection_state.h"
#include "protocol/check.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/login_request.h"
#include "protocol/wire/login_response.h"

namespace isthmus::initiator {
namespace {

// The Initiator Task Tag of the one task that a login is (section 6.3): any valid one.
constexpr uint32_t kLoginTaskTag = 0;
constexpr uint64_t kLoginCookie = 1;

Error LoginError(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kInitiator, PduClass::kLogin, 0, detail);
}

wire::LoginStage ToWire(text::Stage stage) { return static_cast<wire::LoginStage>(stage); }

LoginFailure FailureOf(uint16_t status) {
  switch (status) {
    case 0x0201:
      return LoginFailure::kAuthenticationFailed;
    case 0x0203:
    case 0x0204:
      return LoginFailure::kWrongName;
    case 0x0205:
      return LoginFailure::kVersion;
    default:
      return status >> 8 == 3 ? LoginFailure::kTargetUnavailable : LoginFailure::kRefused;
  }
}

auth::ChapPolicy ChapPolicyOf(const ConnectionOptions& options) {
  auth::ChapPolicy policy;
  policy.algorithms = options.hashes;
  policy.allow_without_md5 = options.chap.allow_without_md5;
  policy.allow_short_secret = options.chap.allow_short_secrets;
  return policy;
}

text::Offer OfferOf(const ConnectionOptions& options, const ConnectionState& state) {
  text::Offer offer = options.offer;
  offer.InitiatorName = state.initiator_name.view();
  offer.TargetName = state.target_name.view();
  offer.InitiatorAlias = state.initiator_alias.view();
  offer.SessionType =
      options.target_name.empty() ? text::SessionKind::kDiscovery : text::SessionKind::kNormal;
  offer.MaxOutstandingR2T = static_cast<uint16_t>(
      std::min<uint32_t>(offer.MaxOutstandingR2T, options.limits.r2ts_per_command));
  // What this engine can do.
  offer.MaxConnections = 1;
  offer.ErrorRecoveryLevel = 0;
  offer.AuthMethod = {text::AuthenticationMethod::kNone};
  if (!options.chap.name.empty()) {
    offer.AuthMethod = {text::AuthenticationMethod::kCHAP};
    if (!options.chap.required) offer.AuthMethod.Add(text::AuthenticationMethod::kNone);
  }
  return offer;
}

// What the channel may hold: the session's control PDUs have their slots beside its commands'.
Sender::Options SenderOptions(const ConnectionOptions& options) {
  const Limits& limits = options.limits;
  Sender::Options sender;
  sender.kernel = options.kernel;
  sender.max_entries = limits.tx_entries + limits.echo_slots + limits.task_management_slots + 8;
  sender.max_pdus_in_flight = limits.tx_pdus_in_flight;
  sender.staging_bytes = limits.staging_bytes;
  sender.tracer = options.tracer;
  return sender;
}

}  // namespace

size_t ConnectionState::MemoryNeeded(const ConnectionOptions& options) {
  return Arena::Needed<ConnectionState>(1) + Sender::MemoryNeeded(SenderOptions(options)) +
         Arena::Needed<std::byte>(kLoginSegmentBytes) * 2 +
         Arena::Needed<std::byte>(options.limits.text_bytes);
}

void ConnectionState::Init(const ConnectionOptions& options, Arena& arena) {
  limits = options.limits;
  tracer = options.tracer;
  cid = options.cid;
  isid = options.isid;
  requested_tsih = options.tsih;
  cmd_sn = options.cmd_sn;
  redirect_hops = options.redirect_hops;
  max_redirect_hops = options.max_redirect_hops;
  login_timeout_ms = limits.login_timeout_ms;
  Check(initiator_name.Assign(options.initiator_name));
  Check(target_name.Assign(options.target_name));
  Check(initiator_alias.Assign(options.initiator_alias));

  receiver.emplace(Receiver::Options{.kernel = options.kernel,
                                     .role = Role::kInitiator,
                                     .MaxRecvDataSegmentLength = kLoginSegmentBytes,
                                     .tracer = options.tracer});
  sender.emplace(SenderOptions(options), arena);
  sender->SetMaxDataSegmentLength(kLoginSegmentBytes);
  tx_text = {arena.Make<std::byte>(kLoginSegmentBytes), kLoginSegmentBytes};
  rx_segment = {arena.Make<std::byte>(kLoginSegmentBytes), kLoginSegmentBytes};
  std::byte* joined = arena.Make<std::byte>(limits.text_bytes);
  Check(tx_text.data() != nullptr && rx_segment.data() != nullptr && joined != nullptr);
  joiner.emplace(std::span<std::byte>(joined, limits.text_bytes));

  const text::Offer offer = OfferOf(options, *this);
  negotiation.emplace(Role::kInitiator, offer);

  const ChapOptions& credentials = options.chap;
  if (!credentials.name.empty()) {
    chap_required = credentials.required;
    mutual = !credentials.target_secret.empty();
    chap.emplace(ChapPolicyOf(options));
    Error error = chap->SetIdentity(credentials.name, text::AsBytes(credentials.secret));
    if (error.ok() && mutual) {
      const std::span<const std::byte> entropy = options.entropy;
      error = chap->RequireTarget(credentials.target_name, text::AsBytes(credentials.target_secret),
                                  static_cast<uint8_t>(entropy[0]), entropy.subspan(1, 32));
    }
    Check(error.ok());
  }
  // The embedder asks for a transport connection and creates this when it has one.
  csm.Take(CsmEvent::kTransportRequested);
  csm.Take(CsmEvent::kTransportUp);
  const bool skip = options.skip_security && !chap.has_value();
  BeginStage(skip ? text::Stage::kOperational : text::Stage::kSecurity);
  SendRequest();
}

void ConnectionState::BeginStage(text::Stage next) {
  stage = next;
  negotiation->Begin(next);
}

void ConnectionState::SetTracer(const PduTracer& new_tracer) {
  tracer = new_tracer;
  receiver->SetTracer(tracer);
  sender->SetTracer(tracer);
}

void ConnectionState::SeeTime(Instant now) {
  if (deadline_armed || phase != Phase::kLogin || login_timeout_ms == 0) return;
  deadline_armed = true;
  deadlines.Arm(DeadlineReason::kLogin, now + Milliseconds(login_timeout_ms));
}

void ConnectionState::HandleTimeout(Instant now) {
  SeeTime(now);
  DeadlineReason reason;
  while (deadlines.TakeExpired(now, &reason)) {
    if (reason == DeadlineReason::kLogin && phase == Phase::kLogin) {
      Fail(LoginFailure::kDeadline, LoginError(ErrorCode::kLoginDeadline));
    }
  }
}

void ConnectionState::OnTransportClosed(Error reason) {
  sender->Reset();
  DrainDone();
  if (phase == Phase::kLogin) {
    Fail(LoginFailure::kConnectionLost,
         reason.ok() ? LoginError(ErrorCode::kTransportClosed) : reason);
    --event_count;  // no kDisconnect: there is nothing left to close
  }
  if (phase == Phase::kLoggedIn) csm.Take(CsmEvent::kLost);
  phase = Phase::kClosed;
  deadlines.DisarmAll();
}

void ConnectionState::DrainDone() {
  TxDone done;
  while (sender->NextDone(&done)) request_in_flight = false;
  if (phase == Phase::kLogin && request_due && !request_in_flight) SendRequest();
}

bool ConnectionState::Next(Event* event) {
  while (true) {
    if (event_count > 0) {
      *event = events[event_head];
      event_head = (event_head + 1) % events.size();
      --event_count;
      return true;
    }
    RxItem item;
    if (phase != Phase::kLogin || !receiver->Next(&item)) return false;
    switch (item.kind) {
      case RxItemKind::kHeader:
        OnHeader(item);
        break;
      case RxItemKind::kEnd:
        OnResponse(item);
        break;
      case RxItemKind::kReleaseRx: {
        Event release;
        release.kind = EventKind::kReleaseRx;
        release.lease = item.lease;
        Queue(release);
        break;
      }
      case RxItemKind::kError:
        Fail(LoginFailure::kProtocolError, item.error);
        break;
    }
  }
}

void ConnectionState::Queue(const Event& event) {
  Check(event_count < events.size());
  events[(event_head + event_count++) % events.size()] = event;
}

void ConnectionState::Fail(LoginFailure failure, Error error, uint16_t status) {
  phase = Phase::kFailed;
  csm.Take(CsmEvent::kLoginFailed);
  chap.reset();
  deadlines.DisarmAll();
  Event event;
  event.kind = EventKind::kLoginFailed;
  event.login_failure = failure;
  event.error = error;
  event.status_class = static_cast<uint8_t>(status >> 8);
  event.status_detail = static_cast<uint8_t>(status);
  Queue(event);
  Event disconnect;
  disconnect.kind = EventKind::kDisconnect;
  disconnect.error = error;
  Queue(disconnect);
}

// Sends what the negotiation has to say in this stage; T as soon as nothing is left to say.
void ConnectionState::SendRequest() {
  if (request_in_flight) {
    request_due = true;
    return;
  }
  request_due = false;
  if (rounds == limits.login_rounds) {
    Fail(LoginFailure::kDeadline, LoginError(ErrorCode::kLoginNoProgress, rounds));
    return;
  }
  ++rounds;
  size_t size = negotiation->Write(tx_text);
  if (!negotiation->pending() && chap.has_value() && chap->pending()) {
    size += chap->Write(tx_text.subspan(size));
  }
  sent_continue = negotiation->pending() || (chap.has_value() && chap->pending());
  sent_transit = !sent_continue && (stage == text::Stage::kOperational || SecurityDone());

  wire::LoginRequest request;
  request.transit = sent_transit;
  request.continued = sent_continue;
  request.current_stage = ToWire(stage);
  if (sent_transit) {
    request.next_stage = stage == text::Stage::kSecurity
                             ? wire::LoginStage::kLoginOperationalNegotiation
                             : wire::LoginStage::kFullFeaturePhase;
  }
  request.isid = isid;
  request.tsih = requested_tsih;
  request.initiator_task_tag = kLoginTaskTag;
  request.cid = cid;
  request.cmd_sn = cmd_sn;
  wire::Bhs header;
  wire::Encode(request, &header);
  Check(sender->QueuePdu(TxClass::kNormal, header, {}, tx_text.first(size), kLoginCookie));
  request_in_flight = true;
  awaiting_response = true;
}

// Nothing is left that this side must say or hear before the security stage may end.
bool ConnectionState::SecurityDone() const {
  if (!chap.has_value()) return true;
  if (negotiation->auth_method() == text::AuthenticationMethod::kCHAP) {
    // Mutual: the target's answer comes with its T bit.
    return chap->done() || chap->state() == auth::ChapInitiator::State::kAwaitResponse;
  }
  return negotiation->auth_method_selected() && !chap_required;
}

void ConnectionState::Stamp(wire::Bhs& header, uint64_t /*cookie*/) {
  wire::Set(header, wire::kExpStatSn, exp_stat_sn);
}

void ConnectionState::OnHeader(const RxItem& item) {
  if (item.data_segment_length > 0) receiver->SetSink(rx_segment.first(item.data_segment_length));
}

void ConnectionState::OnResponse(const RxItem& item) {
  const wire::Bhs& header = *item.header;
  if (Error error = CheckResponse(header); !error.ok()) {
    Fail(LoginFailure::kProtocolError, error);
    return;
  }
  wire::LoginResponse response;
  wire::Decode(header, &response);
  const auto status = static_cast<uint16_t>(response.status());
  if (status != 0) {
    OnRefusal(status, item);
    return;
  }
  awaiting_response = false;
  exp_stat_sn = response.stat_sn + 1;
  exp_cmd_sn = response.exp_cmd_sn;
  max_cmd_sn = response.max_cmd_sn;
  if (sent_continue) {
    SendRequest();
    return;
  }
  if (ErrorCode code = joiner->Append(item.data, response.continued); code != ErrorCode::kOk) {
    Fail(LoginFailure::kProtocolError, LoginError(code));
    return;
  }
  if (!joiner->complete()) {  // an empty request asks for the rest (section 6.2)
    SendRequest();
    return;
  }
  const auto next = static_cast<text::Stage>(response.next_stage);
  if (Error error = OnText(response.transit, next); !error.ok()) {
    const LoginFailure failure = [&] {
      switch (error.code) {
        case ErrorCode::kChapResponse:
        case ErrorCode::kChapName:
        case ErrorCode::kChapReflected:
        case ErrorCode::kChapMutualMissing:
          return LoginFailure::kTargetNotAuthenticated;
        case ErrorCode::kChapAlgorithm:
        case ErrorCode::kAuthMethodNone:
        case ErrorCode::kLoginAuthenticationRequired:
          return LoginFailure::kAuthenticationFailed;
        case ErrorCode::kDigestRefused:
          return LoginFailure::kDigestUnavailable;
        default:
          return LoginFailure::kProtocolError;
      }
    }();
    Fail(failure, error);
    return;
  }
  joiner->Reset();
  first_response = false;
  if (!response.transit) {
    SendRequest();
    return;
  }
  if (next == text::Stage::kFullFeature) {
    Finish(header);
    return;
  }
  BeginStage(next);
  SendRequest();
}

// What must hold of every response, whatever its text says (sections 6.3, 11.13).
Error ConnectionState::CheckResponse(const wire::Bhs& header) const {
  const uint8_t opcode = wire::Get(header, wire::kOpcode);
  if (opcode != wire::Layout<wire::LoginResponse>::kOpcode) {
    return LoginError(ErrorCode::kLoginExpected, opcode);
  }
  if (const uint8_t ahs = wire::Get(header, wire::kTotalAhsLength); ahs != 0) {
    return LoginError(ErrorCode::kAhsNotAllowed, ahs);
  }
  wire::LoginResponse response;
  wire::Decode(header, &response);
  if (!awaiting_response) return LoginError(ErrorCode::kLoginOutstanding);
  if (response.initiator_task_tag != kLoginTaskTag) {
    return LoginError(ErrorCode::kLoginTaskTagChanged, response.initiator_task_tag);
  }
  // Of a refusal only the status counts (section 11.13.5).
  if (static_cast<uint16_t>(response.status()) != 0) return Error::Ok();
  if (response.version_active != 0) {
    return LoginError(ErrorCode::kLoginVersion, response.version_active);
  }
  if (response.isid != isid) return LoginError(ErrorCode::kLoginIsidChanged);
  if (response.current_stage != ToWire(stage)) {
    return LoginError(ErrorCode::kLoginStageMismatch,
                      static_cast<uint32_t>(response.current_stage));
  }
  if (response.continued && response.transit) {
    return LoginError(ErrorCode::kTextContinueWithFinal);
  }
  if (sent_continue && response.data_segment_length > 0) {
    return LoginError(ErrorCode::kTextContinueAnsweredWithData, response.data_segment_length);
  }
  if (!response.transit) return Error::Ok();
  if (!sent_transit) return LoginError(ErrorCode::kLoginTransitUnasked);
  const auto next = static_cast<uint32_t>(response.next_stage);
  const uint32_t asked = stage == text::Stage::kSecurity ? 1 : 3;
  if (next > asked) return LoginError(ErrorCode::kLoginNextStageTooHigh, next);
  if (next <= static_cast<uint32_t>(stage) || next == 2) {
    return LoginError(ErrorCode::kLoginStageTransition, static_cast<uint32_t>(stage) << 8 | next);
  }
  if (next != 3) return Error::Ok();
  if (response.tsih == 0) return LoginError(ErrorCode::kLoginTsihZero);
  if (requested_tsih != 0 && response.tsih != requested_tsih) {
    return LoginError(ErrorCode::kLoginTsihWrong, response.tsih);
  }
  return Error::Ok();
}

Error ConnectionState::OnText(bool transit, text::Stage next) {
  const std::span<const std::byte> text = joiner->text();
  if (Error e = negotiation->Receive(text); !e.ok()) return e;
  if (Error e = OnChapText(text); !e.ok()) return e;
  if (Error e = negotiation->Respond(transit); !e.ok()) return e;
  if (!transit) return Error::Ok();
  if (stage == text::Stage::kSecurity && chap.has_value()) {
    if (negotiation->auth_method() == text::AuthenticationMethod::kCHAP) {
      if (!chap->done()) {
        return LoginError(mutual ? ErrorCode::kChapMutualMissing
                                 : ErrorCode::kLoginAuthenticationRequired);
      }
    } else if (chap_required) {
      return LoginError(ErrorCode::kLoginAuthenticationRequired);
    }
    chap.reset();  // wipes the secrets
  }
  return negotiation->Conclude(next);
}

Error ConnectionState::OnChapText(std::span<const std::byte> text) {
  if (!chap.has_value() || stage != text::Stage::kSecurity ||
      negotiation->auth_method() != text::AuthenticationMethod::kCHAP) {
    return Error::Ok();
  }
  using State = auth::ChapInitiator::State;
  if (chap->state() == State::kIdle) return chap->Begin();
  if (chap->state() == State::kAwaitChallenge || chap->state() == State::kAwaitResponse) {
    return chap->Receive(text);
  }
  return Error::Ok();
}

// Status classes 1 to 3, section 11.13.5.
void ConnectionState::OnRefusal(uint16_t status, const RxItem& item) {
  const uint8_t status_class = static_cast<uint8_t>(status >> 8);
  const Error refused = LoginError(ErrorCode::kLoginRefused, status);
  if (status_class > 3) {
    Fail(LoginFailure::kProtocolError, LoginError(ErrorCode::kLoginStatusReserved, status), status);
    return;
  }
  // The text of a refusal is read for what it is worth: an address, or the digest that was
  // rejected.
  std::string_view address;
  bool digest_rejected = false;
  text::PairReader pairs(item.data);
  for (text::Pair pair; pairs.Next(&pair);) {
    if (pair.key == "TargetAddress" && address.empty()) address = pair.value;
    if ((pair.key == "HeaderDigest" || pair.key == "DataDigest") && pair.value == "Reject") {
      digest_rejected = true;
    }
  }
  if (status_class != 1) {
    LoginFailure failure = FailureOf(status);
    if (failure == LoginFailure::kRefused && digest_rejected) {
      failure = LoginFailure::kDigestUnavailable;
    }
    Fail(failure, refused, status);
    return;
  }
  if (address.empty() || !redirect_address.Assign(address)) {
    Fail(LoginFailure::kProtocolError, LoginError(ErrorCode::kLoginRedirectWithoutAddress, status),
         status);
    return;
  }
  if (redirect_hops >= max_redirect_hops) {
    Fail(LoginFailure::kTooManyRedirects,
         LoginError(ErrorCode::kLoginRedirectTooOften, max_redirect_hops), status);
    return;
  }
  Fail(LoginFailure::kNone, refused, status);
  Event& event = events[event_head];
  event.kind = EventKind::kRedirected;
  event.error = Error::Ok();
  event.permanent = status == 0x0102;
  event.redirect_hops = static_cast<uint8_t>(redirect_hops + 1);
  event.text = redirect_address.view();
}

// The full feature phase begins with the next PDU, and the digests with it (section 6.3).
void ConnectionState::Finish(const wire::Bhs& header) {
  wire::LoginResponse response;
  wire::Decode(header, &response);
  phase = Phase::kLoggedIn;
  csm.Take(CsmEvent::kLoginDone);
  tsih = response.tsih;
  chap.reset();
  deadlines.DisarmAll();
  const text::Parameters& parameters = negotiation->parameters();
  const bool header_digest = parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C;
  const bool data_digest = parameters.DataDigest == text::DigestAlgorithm::kCRC32C;
  receiver->SetDigests(header_digest, data_digest);
  receiver->SetMaxRecvDataSegmentLength(parameters.own_MaxRecvDataSegmentLength);
  sender->SetDigests(header_digest, data_digest);
  sender->SetMaxDataSegmentLength(parameters.peer_MaxRecvDataSegmentLength);
  Event done;
  done.kind = EventKind::kLoginDone;
  done.tsih = tsih;
  Queue(done);
}

}  // namespace isthmus::initiator
