#include <algorithm>
#include <cstring>

#include "protocol/check.h"
#include "protocol/text/codec.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/login_request.h"
#include "protocol/wire/login_response.h"
#include "target/connection_state.h"
#include "target/pdu.h"

namespace isthmus::target::login {
namespace {

constexpr uint8_t kSecurityStage = 0;
constexpr uint8_t kOperationalStage = 1;
constexpr uint8_t kFullFeatureStage = 3;

Error Violation(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kTarget, PduClass::kLogin, 0, detail);
}

LoginStatus StatusOf(ErrorCode code) {
  const uint16_t status = InfoOf(code).login_status;
  return {static_cast<uint8_t>(status >> 8), static_cast<uint8_t>(status & 0xff)};
}

// The row that says what the embedder refuses the login with, section 11.13.5.
Error Refusal(LoginStatus status) {
  constexpr ErrorCode kCodes[] = {
      ErrorCode::kLoginAuthenticationFailed, ErrorCode::kLoginNotAuthorized,
      ErrorCode::kLoginTargetNotFound,       ErrorCode::kLoginTargetRemoved,
      ErrorCode::kLoginTooManyConnections,   ErrorCode::kLoginCannotSpan,
      ErrorCode::kLoginSessionType,          ErrorCode::kLoginSessionUnknown,
      ErrorCode::kLoginTargetError,          ErrorCode::kLoginServiceUnavailable,
      ErrorCode::kLoginOutOfResources,
  };
  const auto number = static_cast<uint32_t>(status.status_class << 8 | status.status_detail);
  for (ErrorCode code : kCodes) {
    if (InfoOf(code).login_status == number) return Violation(code);
  }
  return Violation(ErrorCode::kLoginRefused, number);
}

// Stamps StatSN when a response leaves; see also SessionState's.
class LoginStamper final : public Stamper {
 public:
  explicit LoginStamper(ConnectionState& c) : c_(c) {}
  void Stamp(wire::Bhs& header, uint64_t) override {
    wire::Set(header, wire::kStatSn, c_.stat_sn++);
    wire::Set(header, wire::kExpCmdSn, c_.login.exp_cmd_sn);
    wire::Set(header, wire::kMaxCmdSn, c_.login.max_cmd_sn);
  }

 private:
  ConnectionState& c_;
};

struct Response {
  LoginStatus status = {};
  bool transit = false;
  bool continues = false;
  uint8_t next_stage = 0;
  uint16_t tsih = 0;
  size_t text_size = 0;
};

void Send(ConnectionState& c, const Response& response) {
  LoginMachine& login = c.login;
  wire::LoginResponse login_response;
  login_response.transit = response.transit;
  login_response.continued = response.continues;
  if (response.status.status_class == 0) {
    login_response.current_stage = static_cast<wire::LoginStage>(login.stage);
  }
  if (response.transit) {
    login_response.next_stage = static_cast<wire::LoginStage>(response.next_stage);
  }
  login_response.isid = login.isid;
  login_response.tsih = response.tsih;
  login_response.initiator_task_tag = login.initiator_task_tag;
  login_response.status_class = static_cast<wire::LoginStatusClass>(response.status.status_class);
  login_response.status_detail = response.status.status_detail;
  c.text_answer_busy = true;
  Check(c.sender.QueuePdu(TxClass::kNormal, pdu::Written(login_response), {},
                          c.text_answer.first(response.text_size), kLoginCookie));
  login.state = LoginState::kResponse;
}

// Refuses the login: a response with the status, if the error has one, then the end of the
// connection.
void Refuse(ConnectionState& c, Error error, LoginStatus status, size_t text_size = 0) {
  c.login.error = error;
  c.csm.Take(c.csm.state() == CsmState::kXptUp ? CsmEvent::kLost : CsmEvent::kLoginFailed);
  if (status.status_class != 0) {
    Send(c, {.status = status, .tsih = c.login.tsih, .text_size = text_size});
  }
  c.login.state = LoginState::kRefused;
}

void Refuse(ConnectionState& c, Error error) {
  const LoginStatus status = error.Has(Action::kRefuseLogin) ? StatusOf(error.code) : LoginStatus{};
  Refuse(c, error, status);
}

// The first request decides what this connection is about; each later one must say the same
// (sections 11.12.4 to 11.12.8).
Error CheckFirst(ConnectionState& c, const wire::LoginRequest& request) {
  LoginMachine& login = c.login;
  login.version_max = request.version_max;
  login.version_min = request.version_min;
  login.isid = request.isid;
  login.tsih = request.tsih;
  login.cid = request.cid;
  login.initiator_task_tag = request.initiator_task_tag;
  login.cmd_sn = request.cmd_sn;
  login.exp_cmd_sn = login.max_cmd_sn = login.cmd_sn;
  login.stage = static_cast<uint8_t>(request.current_stage);
  // Version 0x00 is all there is.
  if (login.version_min > 0) return Violation(ErrorCode::kLoginVersion, login.version_min);
  if (static_cast<uint8_t>(login.isid[0]) >> 6 == 3)
    return Violation(ErrorCode::kLoginIsidReserved);
  if (login.initiator_task_tag == pdu::kReservedTag) {
    return Violation(ErrorCode::kTaskTagReserved, login.initiator_task_tag);
  }
  return Error::Ok();
}

Error CheckLater(const LoginMachine& login, const wire::LoginRequest& request) {
  if (request.version_max != login.version_max || request.version_min != login.version_min) {
    return Violation(ErrorCode::kLoginVersionChanged);
  }
  if (request.isid != login.isid) return Violation(ErrorCode::kLoginIsidChanged);
  if (request.tsih != login.tsih) return Violation(ErrorCode::kLoginTsihChanged, request.tsih);
  if (request.cid != login.cid) return Violation(ErrorCode::kLoginCidChanged, request.cid);
  if (request.initiator_task_tag != login.initiator_task_tag) {
    return Violation(ErrorCode::kLoginTaskTagChanged, request.initiator_task_tag);
  }
  // On a login that joins a session CmdSN may rise (section 11.12.8).
  if (login.tsih == 0 && request.cmd_sn != login.cmd_sn) {
    return Violation(ErrorCode::kLoginCmdSnChanged, request.cmd_sn);
  }
  return Error::Ok();
}

Error CheckStages(const LoginMachine& login, const wire::LoginRequest& request) {
  const auto current = static_cast<uint8_t>(request.current_stage);
  const auto next = static_cast<uint8_t>(request.next_stage);
  if (request.transit && request.continued) return Violation(ErrorCode::kTextContinueWithFinal);
  if (current == 2) return Violation(ErrorCode::kLoginStageReserved, current);
  if (current == kFullFeatureStage) {
    return Violation(ErrorCode::kLoginStageTransition, current << 8 | next);
  }
  if (current != login.stage) return Violation(ErrorCode::kLoginStageMismatch, current);
  if (!request.transit) return Error::Ok();  // NSG is reserved then (section 11.12.3)
  if (next == 2) return Violation(ErrorCode::kLoginStageReserved, next);
  if (next <= current) return Violation(ErrorCode::kLoginStageTransition, current << 8 | next);
  return Error::Ok();
}

// A verified header. An error is answered at once; its data segment is never waited for.
void OnHeader(ConnectionState& c, const RxItem& item) {
  LoginMachine& login = c.login;
  const wire::Bhs& header = *item.header;
  if (pdu::Opcode(header) != wire::Opcode::kLoginRequest) {
    const ErrorCode code = login.first ? ErrorCode::kLoginExpectedFirst : ErrorCode::kLoginExpected;
    Refuse(c, Violation(code, wire::Get(header, wire::kOpcode)));
    return;
  }
  if (login.first) c.csm.Take(CsmEvent::kLoginBegun);
  const auto request = pdu::Read<wire::LoginRequest>(header);
  Error error = login.first ? CheckFirst(c, request) : CheckLater(login, request);
  if (error.ok() && !item.ahs.empty()) {
    error = Violation(ErrorCode::kAhsNotAllowed, static_cast<uint32_t>(item.ahs.size() / 4));
  }
  if (error.ok()) error = CheckStages(login, request);
  if (error.ok() && ++login.rounds > c.options.limits.login_rounds) {
    error = Violation(ErrorCode::kLoginNoProgress, login.rounds);
  }
  if (error.ok() && item.data_segment_length > c.text.Tail().size()) {
    error = Violation(ErrorCode::kTextTooLong,
                      static_cast<uint32_t>(c.text.size + item.data_segment_length));
  }
  login.first = false;
  if (!error.ok()) {
    Refuse(c, error);
    return;
  }
  login.transit_asked = request.transit;
  login.continues = request.continued;
  login.next_stage = request.transit ? static_cast<uint8_t>(request.next_stage) : 0;
  if (login.tsih != 0) login.exp_cmd_sn = login.max_cmd_sn = request.cmd_sn;
  login.state = LoginState::kData;
  if (item.data_segment_length > 0) {
    c.receiver.SetSink(c.text.Tail().first(item.data_segment_length));
  }
}

Error VerifyChap(ConnectionState& c) {
  for (const Account& account : c.login.accounts) {
    if (account.user_name != c.chap->name()) continue;
    return c.chap->Verify({.initiator_name = account.user_name,
                           .initiator_secret = text::AsBytes(account.secret),
                           .target_name = account.mutual_name,
                           .target_secret = text::AsBytes(account.mutual_secret)});
  }
  return c.chap->Refuse();
}

// The CHAP_* keys of the text that Negotiation has just answered (section 12.1.3).
Error ContinueChap(ConnectionState& c) {
  if (!c.negotiation->auth_method_selected() ||
      c.negotiation->auth_method() != text::AuthenticationMethod::kCHAP) {
    return Error::Ok();
  }
  LoginMachine& login = c.login;
  if (!login.chap_begun) {
    login.chap_begun = true;
    c.chap.emplace(auth::ChapPolicy{.algorithms = c.options.hashes,
                                    .allow_without_md5 = c.options.allow_without_md5,
                                    .allow_short_secret = login.allow_short_secret,
                                    .history = c.options.history});
    const std::span<const std::byte> entropy(c.options.entropy);
    // CHAP_A comes in answer to the method's selection, which is only now written.
    return c.chap->Begin(static_cast<uint8_t>(entropy[0]), entropy.subspan(1, 32));
  }
  if (c.chap->done() || c.chap->pending()) return Error::Ok();
  Error error = c.chap->Receive(c.text.text());
  if (!error.ok()) return error;
  if (c.chap->state() != auth::ChapTarget::State::kVerify) return Error::Ok();
  if (login.mutual_required && !c.chap->mutual()) {
    return Violation(ErrorCode::kChapMutualMissing);
  }
  return VerifyChap(c);
}

bool AuthenticationOpen(const ConnectionState& c) {
  if (c.negotiation->auth_method() != text::AuthenticationMethod::kCHAP) return false;
  return !c.chap || !c.chap->done();
}

void SendFinal(ConnectionState& c) {
  LoginMachine& login = c.login;
  Send(c, {.transit = true,
           .next_stage = kFullFeatureStage,
           .tsih = login.granted_tsih,
           .text_size = login.response_size});
  // Frozen now, before digests begin: they begin with the first full feature phase PDU
  // (section 13.1).
  TxSlice slices[4];
  LoginStamper stamper(c);
  c.sender.PollTransmit(slices, stamper);
  const text::Parameters& parameters = c.negotiation->parameters();
  const bool header_digest = parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C;
  const bool data_digest = parameters.DataDigest == text::DigestAlgorithm::kCRC32C;
  c.receiver.SetDigests(header_digest, data_digest);
  c.sender.SetDigests(header_digest, data_digest);
  c.receiver.SetMaxRecvDataSegmentLength(parameters.own_MaxRecvDataSegmentLength);
  c.sender.SetMaxDataSegmentLength(parameters.peer_MaxRecvDataSegmentLength);
  c.chap.reset();
  login.accounts = {};
  login.final_sent = true;
  login.state = LoginState::kDone;
  c.csm.Take(CsmEvent::kLoginDone);
}

// Everything that is due after the embedder said what it offers, or after a later text: decide,
// write, transit.
void Answer(ConnectionState& c) {
  LoginMachine& login = c.login;
  text::Negotiation& negotiation = *c.negotiation;
  if (Error error = negotiation.Respond(login.transit_asked); !error.ok()) return Refuse(c, error);
  if (Error error = ContinueChap(c); !error.ok()) return Refuse(c, error);
  c.text.Reset();

  size_t size = negotiation.Write(c.text_answer);
  if (!negotiation.pending() && c.chap && c.chap->pending()) {
    size += c.chap->Write(c.text_answer.subspan(size));
  }
  const bool unwritten = negotiation.pending() || (c.chap && c.chap->pending());
  const bool transit = login.transit_asked && !unwritten && !negotiation.awaiting_answers() &&
                       !AuthenticationOpen(c);
  if (!transit) {
    Send(c, {.continues = negotiation.pending(), .tsih = login.tsih, .text_size = size});
    return;
  }
  uint8_t next = login.next_stage;
  if (login.stage == kSecurityStage && next == kFullFeatureStage &&
      !negotiation.defaults_acceptable()) {
    next = kOperationalStage;
  }
  if (Error error = negotiation.Conclude(static_cast<text::Stage>(next)); !error.ok()) {
    return Refuse(c, error);
  }
  login.response_size = size;
  if (next == kFullFeatureStage) {
    login.state = LoginState::kAwaitClaim;
    return;
  }
  Send(c, {.transit = true, .next_stage = next, .tsih = login.tsih, .text_size = size});
  login.stage = next;
}

// The data segment is whole.
void OnEnd(ConnectionState& c, const RxItem& item) {
  LoginMachine& login = c.login;
  c.text.size += item.data_segment_length;
  if (login.continues) {
    Send(c, {.tsih = login.tsih});  // section 6.2: no data segment
    return;
  }
  if (!c.negotiation) c.negotiation.emplace(Role::kTarget, text::Offer{});
  c.negotiation->Begin(static_cast<text::Stage>(login.stage));
  if (Error error = c.negotiation->Receive(c.text.text()); !error.ok()) return Refuse(c, error);
  if (!login.looked_up) {
    login.state = LoginState::kAwaitLookup;
    return;
  }
  Answer(c);
}

void FillNames(const ConnectionState& c, Event* event) {
  event->discovery = c.negotiation->session_type() == text::SessionKind::kDiscovery;
  event->isid = c.login.isid;
  event->tsih = c.login.tsih;
  event->cid = c.login.cid;
  event->initiator_name = c.negotiation->declarations().InitiatorName.view();
  event->target_name = c.negotiation->declarations().TargetName.view();
}

// What the state owes the embedder; false: nothing, or it was told already.
bool Tell(ConnectionState& c, Event* event) {
  LoginMachine& login = c.login;
  const auto once = [event](bool& told, EventKind kind) {
    if (told) return false;
    told = true;
    *event = Event();
    event->kind = kind;
    return true;
  };
  switch (login.state) {
    case LoginState::kAwaitLookup:
      if (!once(login.lookup_told, EventKind::kLookup)) return false;
      FillNames(c, event);
      return true;
    case LoginState::kAwaitClaim:
      if (!once(login.claim_told, EventKind::kClaim)) return false;
      FillNames(c, event);
      if (c.chap) event->user_name = c.chap->name();
      return true;
    case LoginState::kDone:
      return once(login.done_told, EventKind::kLoginDone);
    case LoginState::kRefused:
      if (!once(login.disconnect_told, EventKind::kDisconnect)) return false;
      event->error = login.error;
      event->flush = !c.transport_closed && c.sender.has_unsent();
      return true;
    case LoginState::kRequest:
    case LoginState::kData:
    case LoginState::kResponse:
      return false;
  }
  return false;
}

}  // namespace

bool Next(ConnectionState& c, Event* event) {
  LoginMachine& login = c.login;
  RxItem item;
  while (true) {
    if (Tell(c, event)) return true;
    const bool reads = login.state == LoginState::kRequest || login.state == LoginState::kData;
    if (!reads || !c.receiver.Next(&item)) return false;
    switch (item.kind) {
      case RxItemKind::kHeader:
        OnHeader(c, item);
        break;
      case RxItemKind::kEnd:
        OnEnd(c, item);
        break;
      case RxItemKind::kReleaseRx:
        *event = Event();
        event->kind = EventKind::kReleaseRx;
        event->lease = item.lease;
        return true;
      case RxItemKind::kError:
        Refuse(c, item.error);
        break;
    }
  }
}

size_t PollTransmit(ConnectionState& c, std::span<TxSlice> out) {
  LoginStamper stamper(c);
  return c.sender.PollTransmit(out, stamper);
}

void OnSenderDone(ConnectionState& c) {
  TxDone done;
  while (c.sender.NextDone(&done)) c.text_answer_busy = false;
  if (c.login.state == LoginState::kResponse && !c.text_answer_busy) {
    c.login.state = LoginState::kRequest;
  }
}

Error AnswerLookup(ConnectionState& c, const LookupAnswer& answer) {
  LoginMachine& login = c.login;
  if (login.state != LoginState::kAwaitLookup || !login.lookup_told) {
    return CallerError(ErrorCode::kCallOutOfState, static_cast<uint32_t>(login.state));
  }
  if (answer.status.status_class != 0) {
    text::PairWriter writer(c.text_answer);
    if (!answer.redirect_address.empty()) writer.Add("TargetAddress", answer.redirect_address);
    Refuse(c, Refusal(answer.status), answer.status, writer.size());
    return Error::Ok();
  }
  text::Offer offer = answer.offer;
  // What this engine can do.
  offer.MaxConnections = std::min<uint16_t>(offer.MaxConnections, kMaxConnections);
  offer.ErrorRecoveryLevel = std::min<uint8_t>(offer.ErrorRecoveryLevel, kMaxErrorRecoveryLevel);
  offer.AuthMethod = {};
  const bool chap_possible = !c.options.hashes.empty() && !answer.accounts.empty();
  if (chap_possible) offer.AuthMethod.Add(text::AuthenticationMethod::kCHAP);
  if (!answer.require_chap) offer.AuthMethod.Add(text::AuthenticationMethod::kNone);
  if (const auto invalid = text::FindInvalid(offer, Role::kTarget); invalid.has_value()) {
    return CallerError(ErrorCode::kCallParameter, static_cast<uint32_t>(*invalid));
  }
  login.accounts = answer.accounts;
  login.mutual_required = answer.require_mutual_chap;
  login.allow_short_secret = answer.allow_short_secret;
  login.looked_up = true;
  c.negotiation->set_offer(offer);
  // Section 6.3.1: a login that foregoes SecurityNegotiation although it is required fails
  // authentication.
  if (answer.require_chap && login.stage != kSecurityStage) {
    Refuse(c, Violation(ErrorCode::kLoginAuthenticationRequired));
    return Error::Ok();
  }
  Answer(c);
  return Error::Ok();
}

Error AnswerClaim(ConnectionState& c, const ClaimAnswer& answer) {
  LoginMachine& login = c.login;
  if (login.state != LoginState::kAwaitClaim || !login.claim_told) {
    return CallerError(ErrorCode::kCallOutOfState, static_cast<uint32_t>(login.state));
  }
  if (answer.status.status_class != 0) {
    Refuse(c, Refusal(answer.status), answer.status);
    return Error::Ok();
  }
  if (answer.tsih == 0) return CallerError(ErrorCode::kCallArgument, 1);
  login.granted_tsih = answer.tsih;
  if (answer.joins) {
    login.exp_cmd_sn = answer.exp_cmd_sn;
    login.max_cmd_sn = answer.max_cmd_sn;
  } else {
    login.max_cmd_sn = login.exp_cmd_sn + c.options.limits.command_slots - 1;
  }
  SendFinal(c);
  return Error::Ok();
}

void OnTimeout(ConnectionState& c) {
  if (c.login.state == LoginState::kDone || c.login.state == LoginState::kRefused) return;
  c.login.error = Violation(ErrorCode::kLoginDeadline);
  c.csm.Take(c.csm.state() == CsmState::kXptUp ? CsmEvent::kLost : CsmEvent::kLoginFailed);
  c.login.state = LoginState::kRefused;
}

}  // namespace isthmus::target::login
