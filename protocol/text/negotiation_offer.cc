// What this side offers and how its text is written; negotiation.cc has what it makes of the
// peer's.

#include <algorithm>
#include <cstring>

#include "protocol/text/names.h"
#include "protocol/text/negotiation.h"

namespace isthmus::text {
namespace {

template <class E>
bool Holds(const Preferences<E>& list, uint8_t choice) {
  return list.Contains(static_cast<E>(choice));
}

template <class E>
uint8_t Copy(const Preferences<E>& from, std::array<uint8_t, kMaxChoices>* to) {
  uint8_t size = 0;
  for (E value : from) (*to)[size++] = static_cast<uint8_t>(value);
  return size;
}

bool IsNameOrAbsent(std::string_view name) { return name.empty() || IsIscsiName(name); }
bool IsShortUtf8(std::string_view value) {
  return value.size() <= kMaxSimpleValueBytes && IsUtf8(value);
}

}  // namespace

// A pair of ours as it goes out. Declared texts are at most 255 bytes, which is checked before they
// get here (FindInvalid) and again here.
class Negotiation::Rendering {
 public:
  void Add(std::string_view text) {
    const size_t size = std::min(text.size(), bytes_.size() - size_);
    std::copy_n(text.begin(), size, bytes_.begin() + size_);
    size_ += size;
  }
  void AddNumber(uint32_t number) {
    std::array<char, kMaxDecimalBytes> digits;
    Add({digits.data(), FormatNumber(number, digits.data())});
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMaxKeyBytes + 1 + kMaxSimpleValueBytes + 1> bytes_;
  size_t size_ = 0;
};

uint32_t Negotiation::Wanted(Key key) const {
  switch (key) {
    case Key::kMaxConnections:
      return offer_.MaxConnections;
    case Key::kInitialR2T:
      return offer_.InitialR2T;
    case Key::kImmediateData:
      return offer_.ImmediateData;
    case Key::kMaxBurstLength:
      return offer_.MaxBurstLength;
    case Key::kFirstBurstLength:
      return offer_.FirstBurstLength;
    case Key::kDefaultTime2Wait:
      return offer_.DefaultTime2Wait;
    case Key::kDefaultTime2Retain:
      return offer_.DefaultTime2Retain;
    case Key::kMaxOutstandingR2T:
      return offer_.MaxOutstandingR2T;
    case Key::kDataPDUInOrder:
      return offer_.DataPDUInOrder;
    case Key::kDataSequenceInOrder:
      return offer_.DataSequenceInOrder;
    case Key::kErrorRecoveryLevel:
      return offer_.ErrorRecoveryLevel;
    case Key::kIscsiProtocolLevel:
      return offer_.iSCSIProtocolLevel;
    default:
      return 0;
  }
}

uint32_t Negotiation::Working(Key key) const {
  switch (key) {
    case Key::kHeaderDigest:
      return static_cast<uint32_t>(working_.HeaderDigest);
    case Key::kDataDigest:
      return static_cast<uint32_t>(working_.DataDigest);
    case Key::kMaxConnections:
      return working_.MaxConnections;
    case Key::kInitialR2T:
      return working_.InitialR2T;
    case Key::kImmediateData:
      return working_.ImmediateData;
    case Key::kMaxBurstLength:
      return working_.MaxBurstLength;
    case Key::kFirstBurstLength:
      return working_.FirstBurstLength;
    case Key::kDefaultTime2Wait:
      return working_.DefaultTime2Wait;
    case Key::kDefaultTime2Retain:
      return working_.DefaultTime2Retain;
    case Key::kMaxOutstandingR2T:
      return working_.MaxOutstandingR2T;
    case Key::kDataPDUInOrder:
      return working_.DataPDUInOrder;
    case Key::kDataSequenceInOrder:
      return working_.DataSequenceInOrder;
    case Key::kErrorRecoveryLevel:
      return working_.ErrorRecoveryLevel;
    case Key::kTaskReporting:
      return static_cast<uint32_t>(working_.TaskReporting);
    case Key::kIscsiProtocolLevel:
      return working_.iSCSIProtocolLevel;
    default:
      return 0;
  }
}

void Negotiation::SetWorking(Key key, uint32_t value) {
  const uint16_t value16 = static_cast<uint16_t>(value);
  const uint8_t value8 = static_cast<uint8_t>(value);
  switch (key) {
    case Key::kAuthMethod:
      auth_method_ = static_cast<AuthenticationMethod>(value8);
      return;
    case Key::kHeaderDigest:
      working_.HeaderDigest = static_cast<DigestAlgorithm>(value8);
      return;
    case Key::kDataDigest:
      working_.DataDigest = static_cast<DigestAlgorithm>(value8);
      return;
    case Key::kMaxConnections:
      working_.MaxConnections = value16;
      return;
    case Key::kInitialR2T:
      working_.InitialR2T = value != 0;
      return;
    case Key::kImmediateData:
      working_.ImmediateData = value != 0;
      return;
    case Key::kMaxBurstLength:
      working_.MaxBurstLength = value;
      return;
    case Key::kFirstBurstLength:
      working_.FirstBurstLength = value;
      return;
    case Key::kDefaultTime2Wait:
      working_.DefaultTime2Wait = value16;
      return;
    case Key::kDefaultTime2Retain:
      working_.DefaultTime2Retain = value16;
      return;
    case Key::kMaxOutstandingR2T:
      working_.MaxOutstandingR2T = value16;
      return;
    case Key::kDataPDUInOrder:
      working_.DataPDUInOrder = value != 0;
      return;
    case Key::kDataSequenceInOrder:
      working_.DataSequenceInOrder = value != 0;
      return;
    case Key::kErrorRecoveryLevel:
      working_.ErrorRecoveryLevel = value8;
      return;
    case Key::kTaskReporting:
      working_.TaskReporting = static_cast<TaskReportingSemantics>(value8);
      return;
    case Key::kIscsiProtocolLevel:
      working_.iSCSIProtocolLevel = value8;
      return;
    default:
      return;
  }
}

bool Negotiation::InOwnList(Key key, uint8_t choice) const {
  switch (key) {
    case Key::kAuthMethod:
      return Holds(offer_.AuthMethod, choice);
    case Key::kHeaderDigest:
      return Holds(offer_.HeaderDigest, choice);
    case Key::kDataDigest:
      return Holds(offer_.DataDigest, choice);
    case Key::kTaskReporting:
      return Holds(offer_.TaskReporting, choice);
    default:
      return false;
  }
}

void Negotiation::QueueDeclaration(Key key, uint32_t value) {
  KeyState& st = state(key);
  if (st.declared_by_us) return;
  st.step = Step::kQueued;
  st.value = value;
}

void Negotiation::QueueOffer(Key key) {
  const KeyInfo& info = InfoOf(key);
  KeyState& st = state(key);
  st.step = Step::kQueued;
  st.value = Wanted(key);
  st.answer_optional = info.DeterminesResult(st.value);
  if (st.answer_optional) SetWorking(key, st.value);
  switch (key) {
    case Key::kAuthMethod:
      st.list_size = Copy(offer_.AuthMethod, &st.list);
      return;
    case Key::kHeaderDigest:
      st.list_size = Copy(offer_.HeaderDigest, &st.list);
      return;
    case Key::kDataDigest:
      st.list_size = Copy(offer_.DataDigest, &st.list);
      return;
    case Key::kTaskReporting: {
      // Section 13.23: whoever offers it offers these two at least.
      Preferences<TaskReportingSemantics> list = offer_.TaskReporting;
      list.Add(TaskReportingSemantics::kResponseFence);
      list.Add(TaskReportingSemantics::kRFC3720);
      st.list_size = Copy(list, &st.list);
      return;
    }
    case Key::kFirstBurstLength:
      if (role_ == Role::kTarget) st.value = std::min(st.value, working_.MaxBurstLength);
      return;
    case Key::kMaxOutstandingR2T:
      if (role_ == Role::kTarget && working_.ErrorRecoveryLevel != 0) st.value = 1;
      return;
    default:
      return;
  }
}

void Negotiation::QueueInitiator() {
  if (!begun_) {
    QueueDeclaration(Key::kInitiatorName);
    if (!offer_.InitiatorAlias.empty()) QueueDeclaration(Key::kInitiatorAlias);
    if (!offer_.TargetName.empty()) QueueDeclaration(Key::kTargetName);
    if (leading_) QueueDeclaration(Key::kSessionType, static_cast<uint32_t>(offer_.SessionType));
  }
  if (stage_ == Stage::kSecurity) {
    if (!offer_.AuthMethod.empty()) QueueOffer(Key::kAuthMethod);
    return;
  }
  QueueDeclaration(Key::kMaxRecvDataSegmentLength, offer_.MaxRecvDataSegmentLength);
  if (leading_ && !offer_.NodeArchitecture.empty()) QueueDeclaration(Key::kNodeArchitecture);
  for (const KeyInfo& info : kKeyTable) {
    if (!info.Negotiated() || !info.MayAppear(Stage::kOperational, role_)) continue;
    if (!leading_ && info.LeadingOnly(role_)) continue;
    if (state(info.key).step != Step::kIdle) continue;
    // Section 7.4.1 fixes ErrorRecoveryLevel in a Discovery session, too.
    if (working_.SessionType == SessionKind::kDiscovery &&
        ((info.irrelevant_when & kInDiscovery) != 0 || info.key == Key::kErrorRecoveryLevel)) {
      continue;
    }
    if ((info.irrelevant_when & kWithoutUnsolicitedData) != 0 && offer_.InitialR2T &&
        !offer_.ImmediateData) {
      continue;
    }
    // Peers of RFC 3720 do not know these two: offered only if something else than the default is
    // wanted.
    if (info.key == Key::kTaskReporting && offer_.TaskReporting.size() == 1 &&
        offer_.TaskReporting[0] == TaskReportingSemantics::kRFC3720) {
      continue;
    }
    if (info.key == Key::kIscsiProtocolLevel && offer_.iSCSIProtocolLevel == info.default_value) {
      continue;
    }
    QueueOffer(info.key);
  }
}

// A target answers; on its own it declares, and offers what the initiator left out and cannot stay
// at its default.
void Negotiation::QueueTarget(bool final) {
  if (stage_ == Stage::kFullFeature) return;
  if (first_response_) {
    first_response_ = false;
    if (offer_.TargetPortalGroupTag) {
      QueueDeclaration(Key::kTargetPortalGroupTag, *offer_.TargetPortalGroupTag);
    }
    if (!offer_.TargetAlias.empty() && working_.SessionType == SessionKind::kNormal) {
      QueueDeclaration(Key::kTargetAlias);
    }
  }
  if (stage_ == Stage::kSecurity) {
    if (MustAuthenticate() && state(Key::kAuthMethod).step == Step::kIdle) {
      QueueOffer(Key::kAuthMethod);
    }
    return;
  }
  QueueDeclaration(Key::kMaxRecvDataSegmentLength, offer_.MaxRecvDataSegmentLength);
  if (leading_ && !offer_.NodeArchitecture.empty()) QueueDeclaration(Key::kNodeArchitecture);
  if (!final) return;
  for (const KeyInfo& info : kKeyTable) {
    if (!info.Negotiated() || !info.MayAppear(Stage::kOperational, role_) || !Relevant(info) ||
        (!leading_ && info.LeadingOnly(role_)) || state(info.key).step != Step::kIdle) {
      continue;
    }
    const bool burst_too_long =
        info.key == Key::kFirstBurstLength && working_.FirstBurstLength > working_.MaxBurstLength;
    if (!Acceptable(info, Working(info.key)) || burst_too_long) QueueOffer(info.key);
  }
}

Error Negotiation::Declare(Key key, uint32_t value) {
  const KeyInfo& info = InfoOf(key);
  if (stage_ != Stage::kFullFeature || state(key).step != Step::kIdle) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  if (key != Key::kMaxRecvDataSegmentLength || value < info.minimum || value > info.maximum) {
    return CallerError(ErrorCode::kCallArgument, key == Key::kMaxRecvDataSegmentLength ? 2 : 1);
  }
  QueueDeclaration(key, value);
  return Error::Ok();
}

std::string_view Negotiation::OwnText(Key key) const {
  switch (key) {
    case Key::kInitiatorName:
      return offer_.InitiatorName;
    case Key::kInitiatorAlias:
      return offer_.InitiatorAlias;
    case Key::kTargetName:
      return offer_.TargetName;
    case Key::kTargetAlias:
      return offer_.TargetAlias;
    case Key::kNodeArchitecture:
      return offer_.NodeArchitecture;
    default:
      return {};
  }
}

bool Negotiation::ToWrite(const KeyInfo& info) const {
  const Step step = state(info.key).step;
  return step == Step::kQueued || step == Step::kAnswering;
}

bool Negotiation::pending() const {
  return unknown_answered_ < unknown_count_ ||
         std::any_of(kKeyTable.begin(), kKeyTable.end(),
                     [this](const KeyInfo& info) { return ToWrite(info); });
}

bool Negotiation::awaiting_answers() const {
  return std::any_of(states_.begin(), states_.end(), [](const KeyState& st) {
    return st.step == Step::kSent && !st.answer_optional;
  });
}

void Negotiation::Render(const KeyInfo& info, Rendering* out) const {
  const KeyState& st = state(info.key);
  out->Add(info.name);
  out->Add("=");
  if (st.step == Step::kAnswering && st.answer != Answer::kValue) {
    out->Add(st.answer == Answer::kReject ? kRejectValue : kIrrelevantValue);
  } else {
    RenderValue(info, out);
  }
  out->Add(std::string_view("\0", 1));
}

void Negotiation::RenderValue(const KeyInfo& info, Rendering* out) const {
  const KeyState& st = state(info.key);
  switch (info.type) {
    case ValueType::kBoolean:
      out->Add(st.value != 0 ? kYesValue : kNoValue);
      return;
    case ValueType::kNumerical:
    case ValueType::kBinary16:
      out->AddNumber(st.value);
      return;
    case ValueType::kSessionType:
      out->Add(info.choices[st.value]);
      return;
    case ValueType::kList:
      if (st.step == Step::kAnswering) {
        out->Add(info.choices[st.value]);
        return;
      }
      for (size_t i = 0; i < st.list_size; ++i) {
        if (i > 0) out->Add(",");
        out->Add(info.choices[st.list[i]]);
      }
      return;
    default:
      out->Add(OwnText(info.key).substr(0, kMaxSimpleValueBytes));
      return;
  }
}

// Copies what is left of `pair` into `out` after `*size`; true once the pair is out whole.
bool Negotiation::Emit(const Rendering& pair, std::span<std::byte> out, size_t* size) {
  const std::string_view rest = pair.view().substr(write_offset_);
  const size_t part = std::min(rest.size(), out.size() - *size);
  if (part > 0) std::memcpy(out.data() + *size, rest.data(), part);
  *size += part;
  write_offset_ += part;
  if (part < rest.size()) return false;
  write_offset_ = 0;
  return true;
}

size_t Negotiation::Write(std::span<std::byte> out) {
  if (!failure_.ok()) return 0;
  size_t size = 0;
  for (const KeyInfo& info : kKeyTable) {
    if (!ToWrite(info)) continue;
    Rendering pair;
    Render(info, &pair);
    if (!Emit(pair, out, &size)) return size;
    Written(info);
  }
  for (; unknown_answered_ < unknown_count_; ++unknown_answered_) {
    Rendering pair;
    pair.Add(UnknownName(unknown_answered_));
    pair.Add("=");
    pair.Add(kNotUnderstoodValue);
    pair.Add(std::string_view("\0", 1));
    if (!Emit(pair, out, &size)) return size;
  }
  return size;
}

void Negotiation::Written(const KeyInfo& info) {
  KeyState& st = state(info.key);
  if (st.step == Step::kAnswering || info.rule == Rule::kDeclare) {
    st.declared_by_us = info.rule == Rule::kDeclare;
    st.step = Step::kSettled;
  } else {
    st.step = Step::kSent;
  }
  if (info.key == Key::kMaxRecvDataSegmentLength) working_.own_MaxRecvDataSegmentLength = st.value;
}

std::optional<Key> FindInvalid(const Offer& offer, Role role) {
  const auto in_range = [](Key key, uint32_t value) {
    return value >= InfoOf(key).minimum && value <= InfoOf(key).maximum;
  };
  const bool initiator = role == Role::kInitiator;
  const bool discovery = offer.SessionType == SessionKind::kDiscovery;
  if (initiator && !IsIscsiName(offer.InitiatorName)) return Key::kInitiatorName;
  if (initiator && (discovery ? !IsNameOrAbsent(offer.TargetName) : !IsIscsiName(offer.TargetName)))
    return Key::kTargetName;
  if (!IsShortUtf8(offer.InitiatorAlias)) return Key::kInitiatorAlias;
  if (!IsShortUtf8(offer.TargetAlias)) return Key::kTargetAlias;
  if (!IsShortUtf8(offer.NodeArchitecture)) return Key::kNodeArchitecture;
  for (AuthenticationMethod method : offer.AuthMethod) {
    if (method > AuthenticationMethod::kCHAP) return Key::kAuthMethod;
  }
  if (!initiator && offer.AuthMethod.empty()) return Key::kAuthMethod;
  if (offer.HeaderDigest.empty()) return Key::kHeaderDigest;
  if (offer.DataDigest.empty()) return Key::kDataDigest;
  if (offer.TaskReporting.empty()) return Key::kTaskReporting;
  const struct {
    Key key;
    uint32_t value;
  } kNumbers[] = {
      {Key::kMaxRecvDataSegmentLength, offer.MaxRecvDataSegmentLength},
      {Key::kMaxConnections, offer.MaxConnections},
      {Key::kMaxBurstLength, offer.MaxBurstLength},
      {Key::kFirstBurstLength, offer.FirstBurstLength},
      {Key::kDefaultTime2Wait, offer.DefaultTime2Wait},
      {Key::kDefaultTime2Retain, offer.DefaultTime2Retain},
      {Key::kMaxOutstandingR2T, offer.MaxOutstandingR2T},
      {Key::kErrorRecoveryLevel, offer.ErrorRecoveryLevel},
      {Key::kIscsiProtocolLevel, offer.iSCSIProtocolLevel},
  };
  for (const auto& number : kNumbers) {
    if (!in_range(number.key, number.value)) return number.key;
  }
  if (offer.FirstBurstLength > offer.MaxBurstLength) return Key::kFirstBurstLength;
  return std::nullopt;
}

}  // namespace isthmus::text
