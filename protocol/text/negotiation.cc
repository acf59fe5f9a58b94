#include "protocol/text/negotiation.h"

#include <algorithm>
#include <optional>

#include "protocol/text/names.h"
#include "protocol/text/send_targets.h"

namespace isthmus::text {
namespace {

constexpr bool IsReply(std::string_view value) {
  return value == kRejectValue || value == kIrrelevantValue || value == kNotUnderstoodValue;
}

constexpr bool IsDigest(Key key) { return key == Key::kHeaderDigest || key == Key::kDataDigest; }

constexpr bool IsChapKey(Key key) { return key >= Key::kChapA && key <= Key::kChapR; }

// Number or boolean of a key, if the value is of its form; its range is the caller's to check.
std::optional<uint64_t> ParseValue(const KeyInfo& info, std::string_view value) {
  if (info.type != ValueType::kBoolean) return ParseNumber(value);
  const std::optional<bool> boolean = ParseBoolean(value);
  if (!boolean) return std::nullopt;
  return *boolean ? 1 : 0;
}

constexpr bool InRange(const KeyInfo& info, uint64_t value) {
  return value >= info.minimum && value <= info.maximum;
}

// Whether the result function allows `answer` to `offered` (section 13).
constexpr bool Allows(const KeyInfo& info, uint32_t offered, uint32_t answer) {
  switch (info.rule) {
    case Rule::kMinimum:
    case Rule::kAnd:
      return answer <= offered;
    case Rule::kMaximum:
    case Rule::kOr:
      return answer >= offered;
    default:
      return false;
  }
}

}  // namespace

Negotiation::Negotiation(Role role, const Offer& offer, const SessionParameters* session)
    : role_(role), leading_(session == nullptr), offer_(offer) {
  if (session != nullptr) static_cast<SessionParameters&>(parameters_) = *session;
  if (role_ == Role::kInitiator) {
    if (leading_) parameters_.SessionType = offer.SessionType;
    declarations_.InitiatorName.Assign(offer.InitiatorName);
    declarations_.TargetName.Assign(offer.TargetName);
    declarations_.InitiatorAlias.Assign(offer.InitiatorAlias);
  }
  working_ = parameters_;
}

Error Negotiation::Fail(ErrorCode code, uint32_t detail) {
  const PduClass pdu_class = stage_ == Stage::kFullFeature ? PduClass::kText : PduClass::kLogin;
  failure_ = MakeError(code, role_, pdu_class, parameters_.ErrorRecoveryLevel, detail);
  return failure_;
}

Error Negotiation::Fail(ErrorCode code, const KeyInfo& info, uint32_t detail) {
  error_key_ = info.name;
  return Fail(code, detail);
}

void Negotiation::Begin(Stage stage) {
  if (begun_ && stage == stage_ && stage != Stage::kFullFeature) return;
  stage_ = stage;
  if (stage == Stage::kFullFeature) {
    Abandon();
  } else if (role_ == Role::kInitiator) {
    QueueInitiator();
  }
  begun_ = true;
}

void Negotiation::Abandon() {
  states_ = {};
  unknown_count_ = unknown_answered_ = unknown_bytes_ = 0;
  write_offset_ = 0;
  working_ = parameters_;
  failure_ = Error::Ok();
  error_key_ = {};
}

void Negotiation::set_parameters(const Parameters& parameters) {
  parameters_ = parameters;
  working_ = parameters;
}

Error Negotiation::Receive(std::span<const std::byte> text) {
  if (!failure_.ok()) return failure_;
  if (pending()) return CallerError(ErrorCode::kCallOutOfState);
  method_key_seen_ = false;
  PairReader pairs(text);
  for (Pair pair; pairs.Next(&pair);) {
    if (Error error = ReceivePair(pair); !error.ok()) return error;
  }
  if (pairs.error() != ErrorCode::kOk) {
    return Fail(pairs.error(), static_cast<uint32_t>(pairs.offset()));
  }
  // A method's keys come with or after its selection, which here is what the peer just answered
  // (section 12.1).
  if (method_key_seen_ && auth_method_ != AuthenticationMethod::kCHAP) {
    return Fail(ErrorCode::kChapKeyOrder, InfoOf(Key::kAuthMethod));
  }
  return CheckFirstText();
}

// The names come first of all, or there is no login (section 6.3).
Error Negotiation::CheckFirstText() {
  if (!first_text_ || stage_ == Stage::kFullFeature) return Error::Ok();
  first_text_ = false;
  if (role_ == Role::kInitiator) return Error::Ok();
  if (!state(Key::kInitiatorName).declared_by_peer) {
    return Fail(ErrorCode::kLoginParameterMissing, InfoOf(Key::kInitiatorName));
  }
  if (!state(Key::kTargetName).declared_by_peer && working_.SessionType == SessionKind::kNormal) {
    return Fail(ErrorCode::kLoginParameterMissing, InfoOf(Key::kTargetName));
  }
  return Error::Ok();
}

Error Negotiation::ReceivePair(const Pair& pair) {
  const KeyInfo* info = FindKey(pair.key);
  if (info == nullptr) return ReceiveUnknown(pair);
  if (IsReply(pair.value)) return ReceiveConstant(*info, pair.value);
  if (Error error = CheckMayAppear(*info); !error.ok()) return error;
  switch (info->rule) {
    case Rule::kDeclare:
      return ReceiveDeclaration(*info, pair.value);
    case Rule::kMethod:
      return ReceiveMethod(*info);
    case Rule::kQuery:
      return Fail(ErrorCode::kTextSendTargetsForm, *info);  // never beside other keys
    default:
      break;
  }
  return state(info->key).step == Step::kSent ? ReceiveAnswer(*info, pair.value)
                                              : ReceiveOffer(*info, pair.value);
}

Error Negotiation::CheckMayAppear(const KeyInfo& info) {
  const Role peer = role_ == Role::kInitiator ? Role::kTarget : Role::kInitiator;
  // A target's TargetName belongs to answers to SendTargets only (section 13.4).
  const bool only_in_query = info.key == Key::kTargetName && peer == Role::kTarget;
  if (!info.MayAppear(stage_, peer) || only_in_query) {
    const Use use = info.UseBy(peer);
    const bool late = stage_ == Stage::kFullFeature;
    if (use == Use::kNever) return Fail(ErrorCode::kTextKeyWrongSender, info);
    if (late && use == Use::kIO) return Fail(ErrorCode::kTextKeyLoginOnly, info);
    if (late && use == Use::kLO) return Fail(ErrorCode::kTextKeyLeadingOnly, info);
    return Fail(ErrorCode::kTextKeyWrongStage, info, static_cast<uint32_t>(stage_));
  }
  // SessionType is looked at later: repeating the session's own on another connection changes
  // nothing.
  if (!leading_ && info.LeadingOnly(peer) && info.key != Key::kSessionType) {
    return Fail(ErrorCode::kTextKeyLeadingOnly, info);
  }
  return Error::Ok();
}

std::string_view Negotiation::UnknownName(size_t index) const {
  return {unknown_names_.data() + unknown_[index].offset, unknown_[index].size};
}

Error Negotiation::ReceiveUnknown(const Pair& pair) {
  if (IsReply(pair.value)) return Fail(ErrorCode::kTextUnaskedAnswer);
  for (size_t i = 0; i < unknown_count_; ++i) {
    if (UnknownName(i) == pair.key) return Fail(ErrorCode::kTextKeyRepeated);
  }
  if (unknown_count_ == kMaxUnknownKeys || pair.key.size() > kUnknownKeyBytes - unknown_bytes_) {
    return Fail(ErrorCode::kTextTooManyKeys, static_cast<uint32_t>(unknown_count_));
  }
  std::copy(pair.key.begin(), pair.key.end(), unknown_names_.begin() + unknown_bytes_);
  unknown_[unknown_count_++] = {static_cast<uint16_t>(unknown_bytes_),
                                static_cast<uint8_t>(pair.key.size())};
  unknown_bytes_ += pair.key.size();
  return Error::Ok();
}

// Reject, Irrelevant, NotUnderstood: only ever replies to what we sent (section 6.2).
Error Negotiation::ReceiveConstant(const KeyInfo& info, std::string_view value) {
  KeyState& st = state(info.key);
  const bool offered = st.step == Step::kSent;
  const bool declared = st.declared_by_us && !st.declaration_answered;
  if (!offered && !declared) {
    const bool repeated = st.step == Step::kSettled || st.declaration_answered;
    return Fail(repeated ? ErrorCode::kTextKeyRepeated : ErrorCode::kTextReservedProposed, info);
  }
  if (value == kNotUnderstoodValue && !info.later) {
    return Fail(ErrorCode::kTextNotUnderstood, info);
  }
  if (declared) {
    st.declaration_answered = true;
    // A declaration that was not taken leaves the current value (section 6.2).
    if (info.key == Key::kMaxRecvDataSegmentLength) {
      working_.own_MaxRecvDataSegmentLength = parameters_.own_MaxRecvDataSegmentLength;
    }
    return Error::Ok();
  }
  st.step = Step::kSettled;
  // Who rejects None alone, which is also the default, demands a digest; its refusal of the login
  // would not say so.
  if (IsDigest(info.key) && value == kRejectValue && st.list_size == 1 && st.list[0] == 0) {
    return Fail(ErrorCode::kDigestDemanded, info);
  }
  if (st.answer_optional) SetWorking(info.key, info.default_value);  // not determined after all
  return KeepCurrent(info, ErrorCode::kTextRejected);
}

// The key stays as it is; an error if that does not suit us.
Error Negotiation::KeepCurrent(const KeyInfo& info, ErrorCode otherwise) {
  if (!Relevant(info) || info.rule == Rule::kObsolete) return Error::Ok();
  // Who rejects AuthMethod rejects the None in it as well.
  const bool unanswered = otherwise == ErrorCode::kTextAnswerMissing;
  if (info.key == Key::kAuthMethod && !unanswered) return Refused(info, otherwise);
  return Acceptable(info, Working(info.key)) ? Error::Ok() : Refused(info, otherwise);
}

Error Negotiation::Refused(const KeyInfo& info, ErrorCode otherwise) {
  if (info.key == Key::kAuthMethod) return Fail(ErrorCode::kAuthMethodNone, info);
  if (IsDigest(info.key)) return Fail(ErrorCode::kDigestRefused, info);
  return Fail(otherwise, info);
}

Error Negotiation::ReceiveDeclaration(const KeyInfo& info, std::string_view value) {
  KeyState& st = state(info.key);
  if (st.declared_by_peer && !info.repeatable) return Fail(ErrorCode::kTextKeyRepeated, info);
  const bool repeated = st.declared_by_peer;
  st.declared_by_peer = true;
  if (repeated) {
    TargetAddress address;
    return ParseTargetAddress(value, &address) ? Error::Ok()
                                               : Fail(ErrorCode::kTextValueSyntax, info);
  }
  return StoreDeclaration(info, value);
}

Error Negotiation::ReceiveName(const KeyInfo& info, std::string_view value) {
  // Section 4.2.7.1: uppercase is mapped away, which peers often leave to the receiver.
  std::array<char, kMaxNameBytes> normal;
  if (value.size() > normal.size()) return Fail(ErrorCode::kTextNameInvalid, info);
  const std::string_view name(normal.data(), NormalizeIscsiName(value, normal));
  if (!IsIscsiName(name)) return Fail(ErrorCode::kTextNameInvalid, info);
  auto& stored =
      info.key == Key::kInitiatorName ? declarations_.InitiatorName : declarations_.TargetName;
  stored.Assign(name);
  return Error::Ok();
}

Error Negotiation::StoreDeclaration(const KeyInfo& info, std::string_view value) {
  switch (info.key) {
    case Key::kInitiatorName:
    case Key::kTargetName:
      return ReceiveName(info, value);
    case Key::kInitiatorAlias:
    case Key::kTargetAlias:
    case Key::kNodeArchitecture: {
      auto& stored = info.key == Key::kInitiatorAlias ? declarations_.InitiatorAlias
                     : info.key == Key::kTargetAlias  ? declarations_.TargetAlias
                                                      : declarations_.NodeArchitecture;
      if (!IsUtf8(value)) return Fail(ErrorCode::kTextValueCharacter, info);
      if (stored.Assign(value)) return Error::Ok();
      return Fail(ErrorCode::kTextValueTooLong, info, static_cast<uint32_t>(value.size()));
    }
    case Key::kTargetAddress: {
      TargetAddress address;
      if (!ParseTargetAddress(value, &address)) return Fail(ErrorCode::kTextValueSyntax, info);
      declarations_.TargetAddress.Assign(value);
      return Error::Ok();
    }
    case Key::kTargetPortalGroupTag: {
      const std::optional<uint16_t> tag = ParseBinary16(value);
      if (!tag) return Fail(ErrorCode::kTextValueSyntax, info);
      declarations_.TargetPortalGroupTag = *tag;
      declarations_.has_TargetPortalGroupTag = true;
      return Error::Ok();
    }
    case Key::kSessionType: {
      const int kind = info.ChoiceOf(value);
      if (kind < 0) return Fail(ErrorCode::kTextValueSyntax, info);
      const bool changes = static_cast<SessionKind>(kind) != working_.SessionType;
      if (changes && !leading_) return Fail(ErrorCode::kTextKeyLeadingOnly, info);
      // It decides which keys matter, so it cannot come after the first of them.
      if (changes && !first_text_) return Fail(ErrorCode::kLoginNameChanged, info);
      working_.SessionType = static_cast<SessionKind>(kind);
      return Error::Ok();
    }
    case Key::kMaxRecvDataSegmentLength: {
      const std::optional<uint64_t> length = ParseNumber(value);
      if (!length) return Fail(ErrorCode::kTextValueSyntax, info);
      if (!InRange(info, *length)) return Fail(ErrorCode::kTextValueRange, info);
      working_.peer_MaxRecvDataSegmentLength = static_cast<uint32_t>(*length);
      return Error::Ok();
    }
    default:
      return Error::Ok();
  }
}

Error Negotiation::ReceiveMethod(const KeyInfo& info) {
  KeyState& st = state(info.key);
  if (st.declared_by_peer) return Fail(ErrorCode::kTextKeyRepeated, info);
  st.declared_by_peer = true;
  method_key_seen_ = true;
  return IsChapKey(info.key) ? Error::Ok() : Fail(ErrorCode::kChapKeyOrder, info);
}

Error Negotiation::ReceiveOffer(const KeyInfo& info, std::string_view value) {
  KeyState& st = state(info.key);
  if (st.step != Step::kIdle) return Fail(ErrorCode::kTextKeyRepeated, info);
  st.step = Step::kReceived;
  if (info.rule == Rule::kSelect) return ReceiveList(info, value);
  const std::optional<uint64_t> offered = ParseValue(info, value);
  st.admissible = offered.has_value() && InRange(info, *offered);
  if (!st.admissible) return Error::Ok();
  st.value = static_cast<uint32_t>(*offered);
  st.answer_optional = info.DeterminesResult(st.value);
  return Error::Ok();
}

Error Negotiation::ReceiveList(const KeyInfo& info, std::string_view value) {
  KeyState& st = state(info.key);
  st.list_size = 0;
  st.admissible = !value.empty();
  ListReader elements(value);
  for (std::string_view element; elements.Next(&element);) {
    if (IsReply(element)) return Fail(ErrorCode::kTextReservedProposed, info);
    const int choice = info.ChoiceOf(element);
    const auto end = st.list.begin() + st.list_size;
    // What is not known is ignored, and of duplicates the first counts (section 6.2.1).
    if (choice < 0 || std::find(st.list.begin(), end, choice) != end) continue;
    st.list[st.list_size++] = static_cast<uint8_t>(choice);
  }
  return Error::Ok();
}

Error Negotiation::ReceiveAnswer(const KeyInfo& info, std::string_view value) {
  KeyState& st = state(info.key);
  st.step = Step::kSettled;
  if (info.rule == Rule::kSelect) {
    const int choice = info.ChoiceOf(value);
    const auto end = st.list.begin() + st.list_size;
    if (choice < 0 || std::find(st.list.begin(), end, choice) == end) {
      // "None" to a digest that we demand is outside the offer, and means a refusal.
      const bool refusal = IsDigest(info.key) && value == kNoneValue;
      return Fail(refusal ? ErrorCode::kDigestRefused : ErrorCode::kTextOutsideOffer, info);
    }
    SetWorking(info.key, static_cast<uint32_t>(choice));
    return Error::Ok();
  }
  const std::optional<uint64_t> answer = ParseValue(info, value);
  if (!answer || !InRange(info, *answer) ||
      !Allows(info, st.value, static_cast<uint32_t>(*answer))) {
    return Fail(ErrorCode::kTextInadmissibleAnswer, info);
  }
  SetWorking(info.key, static_cast<uint32_t>(*answer));
  return Error::Ok();
}

Error Negotiation::Respond(bool final) {
  if (!failure_.ok()) return failure_;
  if (role_ == Role::kTarget && stage_ == Stage::kOperational && MustAuthenticate()) {
    return Fail(ErrorCode::kLoginAuthenticationRequired, InfoOf(Key::kAuthMethod));
  }
  if (Error error = SettleUnanswered(); !error.ok()) return error;
  for (const KeyInfo& info : kKeyTable) {
    if (state(info.key).step != Step::kReceived) continue;
    if (Error error = Decide(info); !error.ok()) return error;
  }
  if (role_ == Role::kTarget) QueueTarget(final);
  return Error::Ok();
}

// An initiator answers a target's offers in its next request or not at all (section 6.2).
Error Negotiation::SettleUnanswered() {
  if (role_ != Role::kTarget) return Error::Ok();
  for (const KeyInfo& info : kKeyTable) {
    KeyState& st = state(info.key);
    if (st.step != Step::kSent) continue;
    if (Error error = SettleForConclusion(info); !error.ok()) return error;
  }
  return Error::Ok();
}

Error Negotiation::Decide(const KeyInfo& info) {
  KeyState& st = state(info.key);
  st.step = Step::kAnswering;
  st.answer = Answer::kReject;
  if (!Relevant(info)) {
    st.answer = Answer::kIrrelevant;
    return Error::Ok();
  }
  if (info.rule == Rule::kObsolete) return Error::Ok();
  if (!st.admissible) return KeepCurrent(info, ErrorCode::kTextNoChoice);
  if (info.rule == Rule::kSelect) return DecideList(info);
  st.answer = Answer::kValue;
  st.value = DecideNumber(info, st.value);
  SetWorking(info.key, st.value);
  return Error::Ok();
}

Error Negotiation::DecideList(const KeyInfo& info) {
  KeyState& st = state(info.key);
  for (size_t i = 0; i < st.list_size; ++i) {
    if (!InOwnList(info.key, st.list[i])) continue;
    st.answer = Answer::kValue;
    st.value = st.list[i];
    SetWorking(info.key, st.value);
    return Error::Ok();
  }
  return KeepCurrent(info, ErrorCode::kTextNoChoice);
}

uint32_t Negotiation::DecideNumber(const KeyInfo& info, uint32_t offered) const {
  const uint32_t wanted = Wanted(info.key);
  if (info.rule == Rule::kAnd) return offered & wanted;
  if (info.rule == Rule::kOr) return offered | wanted;
  if (info.rule == Rule::kMaximum) return std::max(offered, wanted);
  uint32_t result = std::min(offered, wanted);
  // The integrity rules of sections 13.14, 13.19 and 13.21; the table has these keys after those
  // they depend on.
  if (info.key == Key::kFirstBurstLength) result = std::min(result, working_.MaxBurstLength);
  if (info.key == Key::kMaxOutstandingR2T && working_.ErrorRecoveryLevel != 0 &&
      working_.DataSequenceInOrder) {
    result = 1;
  }
  if (info.key == Key::kErrorRecoveryLevel && working_.SessionType == SessionKind::kDiscovery) {
    result = 0;
  }
  return result;
}

Error Negotiation::SettleForConclusion(const KeyInfo& info) {
  KeyState& st = state(info.key);
  const Step step = st.step;
  if (step == Step::kQueued || step == Step::kReceived ||
      (step == Step::kAnswering && role_ == Role::kTarget)) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  if (step != Step::kSent && step != Step::kAnswering) return Error::Ok();
  st.step = Step::kSettled;
  if (st.answer_optional) {
    SetWorking(info.key, st.value);
    return Error::Ok();
  }
  if (step == Step::kAnswering) return Fail(ErrorCode::kTextFinalNeedsAnswer, info);
  return KeepCurrent(info, ErrorCode::kTextAnswerMissing);
}

Error Negotiation::Conclude(Stage next) {
  if (!failure_.ok()) return failure_;
  for (const KeyInfo& info : kKeyTable) {
    if (Error error = SettleForConclusion(info); !error.ok()) return error;
  }
  if (unknown_answered_ < unknown_count_ && role_ == Role::kTarget) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  unknown_answered_ = unknown_count_;  // an initiator's stage is over: the answers have no PDU left
  write_offset_ = 0;
  if (stage_ != Stage::kFullFeature) {
    if (MustAuthenticate()) {
      return Fail(ErrorCode::kLoginAuthenticationRequired, InfoOf(Key::kAuthMethod));
    }
    if (next == Stage::kFullFeature) {
      if (Error error = CheckDemands(); !error.ok()) return error;
      if (Error error = ApplyIntegrity(); !error.ok()) return error;
    }
  }
  parameters_ = working_;
  return Error::Ok();
}

bool Negotiation::MustAuthenticate() const {
  return !offer_.AuthMethod.Contains(AuthenticationMethod::kNone) && !offer_.AuthMethod.empty() &&
         auth_method_ == AuthenticationMethod::kNone;
}

Error Negotiation::CheckDemands() {
  for (const KeyInfo& info : kKeyTable) {
    if (!info.Negotiated() || info.key == Key::kAuthMethod || !Relevant(info)) continue;
    if (!leading_ && info.LeadingOnly(role_)) continue;
    if (Acceptable(info, Working(info.key))) continue;
    return Refused(info, ErrorCode::kTextNoChoice);
  }
  return Error::Ok();
}

bool Negotiation::defaults_acceptable() const {
  for (const KeyInfo& info : kKeyTable) {
    if (!info.Negotiated() || info.key == Key::kAuthMethod || !Relevant(info)) continue;
    if (!leading_ && info.LeadingOnly(role_)) continue;
    if (!Acceptable(info, Working(info.key))) return false;
  }
  return true;
}

Error Negotiation::ApplyIntegrity() {
  if (working_.SessionType == SessionKind::kDiscovery) {  // section 13.21
    working_.MaxConnections = 1;
    working_.ErrorRecoveryLevel = 0;
  }
  if (working_.FirstBurstLength > working_.MaxBurstLength) {
    // Section 6.2: a target must check. An initiator that sends less than it may harms nobody.
    if (role_ == Role::kTarget && leading_ && Relevant(InfoOf(Key::kFirstBurstLength))) {
      return Fail(ErrorCode::kTextIntegrity, InfoOf(Key::kFirstBurstLength));
    }
    working_.FirstBurstLength = working_.MaxBurstLength;
  }
  if (working_.ErrorRecoveryLevel != 0 && working_.DataSequenceInOrder &&
      working_.MaxOutstandingR2T != 1) {
    return Fail(ErrorCode::kTextIntegrity, InfoOf(Key::kMaxOutstandingR2T));
  }
  return Error::Ok();
}

bool Negotiation::Relevant(const KeyInfo& info) const {
  if ((info.irrelevant_when & kInDiscovery) != 0 &&
      working_.SessionType == SessionKind::kDiscovery) {
    return false;
  }
  return (info.irrelevant_when & kWithoutUnsolicitedData) == 0 || !working_.InitialR2T ||
         working_.ImmediateData;
}

bool Negotiation::Acceptable(const KeyInfo& info, uint32_t value) const {
  if (info.rule == Rule::kSelect) return InOwnList(info.key, static_cast<uint8_t>(value));
  return !info.Negotiated() || Allows(info, Wanted(info.key), value);
}

bool Negotiation::auth_method_selected() const {
  return state(Key::kAuthMethod).step == Step::kAnswering ||
         state(Key::kAuthMethod).step == Step::kSettled;
}

}  // namespace isthmus::text
