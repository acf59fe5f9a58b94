#include "protocol/text/key_setting.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <type_traits>

#include "protocol/text/codec.h"
#include "protocol/text/names.h"
#include "protocol/text/parameters.h"

namespace isthmus::text {
namespace {

// The member of an Offer that holds a key, given to `use`; false: none does.
template <class O, class F>
bool WithMember(O& offer, Key key, F&& use) {
  switch (key) {
    case Key::kInitiatorName:
      return use(offer.InitiatorName), true;
    case Key::kInitiatorAlias:
      return use(offer.InitiatorAlias), true;
    case Key::kTargetAlias:
      return use(offer.TargetAlias), true;
    case Key::kNodeArchitecture:
      return use(offer.NodeArchitecture), true;
    case Key::kTargetPortalGroupTag:
      return use(offer.TargetPortalGroupTag), true;
    case Key::kMaxRecvDataSegmentLength:
      return use(offer.MaxRecvDataSegmentLength), true;
    case Key::kHeaderDigest:
      return use(offer.HeaderDigest), true;
    case Key::kDataDigest:
      return use(offer.DataDigest), true;
    case Key::kMaxConnections:
      return use(offer.MaxConnections), true;
    case Key::kInitialR2T:
      return use(offer.InitialR2T), true;
    case Key::kImmediateData:
      return use(offer.ImmediateData), true;
    case Key::kMaxBurstLength:
      return use(offer.MaxBurstLength), true;
    case Key::kFirstBurstLength:
      return use(offer.FirstBurstLength), true;
    case Key::kDefaultTime2Wait:
      return use(offer.DefaultTime2Wait), true;
    case Key::kDefaultTime2Retain:
      return use(offer.DefaultTime2Retain), true;
    case Key::kMaxOutstandingR2T:
      return use(offer.MaxOutstandingR2T), true;
    case Key::kDataPDUInOrder:
      return use(offer.DataPDUInOrder), true;
    case Key::kDataSequenceInOrder:
      return use(offer.DataSequenceInOrder), true;
    case Key::kErrorRecoveryLevel:
      return use(offer.ErrorRecoveryLevel), true;
    case Key::kTaskReporting:
      return use(offer.TaskReporting), true;
    case Key::kIscsiProtocolLevel:
      return use(offer.iSCSIProtocolLevel), true;
    default:
      return false;
  }
}

SettingProblem Read(const KeyInfo&, std::string_view value, bool* out) {
  if (value != kYesValue && value != kNoValue) return SettingProblem::kNotBoolean;
  *out = value == kYesValue;
  return SettingProblem::kNone;
}

SettingProblem Read(const KeyInfo& info, std::string_view value, std::string_view* out) {
  if (info.type == ValueType::kName) {
    if (!IsIscsiName(value)) return SettingProblem::kNotName;
  } else if (value.size() > info.maximum || !IsUtf8(value) || value.find('\0') != value.npos) {
    return SettingProblem::kNotText;
  }
  *out = value;
  return SettingProblem::kNone;
}

template <class N>
requires std::is_unsigned_v<N> SettingProblem Read(const KeyInfo& info, std::string_view value,
                                                   N* out) {
  const std::optional<uint64_t> number = ParseNumber(value);
  if (!number) return SettingProblem::kNotNumber;
  if (*number < info.minimum || *number > info.maximum || *number > std::numeric_limits<N>::max()) {
    return SettingProblem::kOutOfRange;
  }
  *out = static_cast<N>(*number);
  return SettingProblem::kNone;
}

SettingProblem Read(const KeyInfo& info, std::string_view value, std::optional<uint16_t>* out) {
  uint16_t number = 0;
  const SettingProblem problem = Read(info, value, &number);
  if (problem == SettingProblem::kNone) *out = number;
  return problem;
}

template <class E>
SettingProblem Read(const KeyInfo& info, std::string_view value, Preferences<E>* out) {
  Preferences<E> list;
  for (size_t words = 1;; ++words) {
    const size_t comma = value.find(',');
    const int choice = info.ChoiceOf(value.substr(0, comma));
    if (choice < 0) return SettingProblem::kNotChoice;
    list.Add(static_cast<E>(choice));
    if (list.size() != words) return SettingProblem::kTwice;
    if (comma == value.npos) break;
    value.remove_prefix(comma + 1);
  }
  *out = list;
  return SettingProblem::kNone;
}

class Shown {
 public:
  Shown(const KeyInfo& info, std::span<char> out) : info_(info), out_(out) {}
  size_t size() const { return size_; }

  void Write(bool value) { Add(value ? kYesValue : kNoValue); }
  void Write(std::string_view value) { Add(value); }
  template <class N>
  requires std::is_unsigned_v<N>
  void Write(N value) {
    char digits[kMaxDecimalBytes];
    Add({digits, FormatNumber(value, digits)});
  }
  void Write(const std::optional<uint16_t>& value) {
    if (value) Write(*value);
  }
  template <class E>
  void Write(const Preferences<E>& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) Add(",");
      Add(info_.choices[static_cast<size_t>(list[i])]);
    }
  }

 private:
  void Add(std::string_view text) {
    const size_t size = std::min(text.size(), out_.size() - size_);
    std::copy_n(text.begin(), size, out_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += size;
  }

  const KeyInfo& info_;
  std::span<char> out_;
  size_t size_ = 0;
};

}  // namespace

std::string_view Describe(SettingProblem problem) {
  switch (problem) {
    case SettingProblem::kNone:
      return "nothing is wrong";
    case SettingProblem::kNoSetting:
      return "not a key that is set";
    case SettingProblem::kNotBoolean:
      return "neither Yes nor No";
    case SettingProblem::kNotNumber:
      return "not a number";
    case SettingProblem::kOutOfRange:
      return "out of range";
    case SettingProblem::kNotChoice:
      return "not a list of the key's values";
    case SettingProblem::kTwice:
      return "a value is named twice";
    case SettingProblem::kNotText:
      return "too long, or not UTF-8";
    case SettingProblem::kNotName:
      return "not an iSCSI name";
  }
  return "wrong";
}

bool IsSettable(const KeyInfo& info, Role role) {
  const Offer any;
  return info.UseBy(role) != Use::kNever && WithMember(any, info.key, [](const auto&) {});
}

SettingProblem SetKey(Offer* offer, Key key, std::string_view value) {
  SettingProblem problem = SettingProblem::kNoSetting;
  WithMember(*offer, key, [&](auto& member) { problem = Read(InfoOf(key), value, &member); });
  return problem;
}

size_t ShowKey(const Offer& offer, Key key, std::span<char> out) {
  Shown shown(InfoOf(key), out);
  WithMember(offer, key, [&](const auto& member) { shown.Write(member); });
  return shown.size();
}

}  // namespace isthmus::text
