#include "transport/key_flags.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protocol/text/key_setting.h"

namespace isthmus::transport {
namespace {

// What the engines can do of what the RFC allows.
uint32_t MostOf(const text::KeyInfo& key) {
  switch (key.key) {
    case text::Key::kMaxConnections:
      return 1;
    case text::Key::kErrorRecoveryLevel:
      return 0;
    case text::Key::kIscsiProtocolLevel:
      return 2;  // RFC 7144
    default:
      return key.maximum;
  }
}

bool IsNumber(const text::KeyInfo& key) {
  return key.type == text::ValueType::kNumerical || key.type == text::ValueType::kBinary16;
}

}  // namespace

std::vector<const text::KeyInfo*> SettableKeys(Role role) {
  std::vector<const text::KeyInfo*> keys;
  for (const text::KeyInfo& info : text::kKeyTable) {
    if (text::IsSettable(info, role)) keys.push_back(&info);
  }
  return keys;
}

std::string FlagOf(const text::KeyInfo& key) {
  std::string flag = absl::StrCat("--", std::string(key.name));
  if (key.key == text::Key::kHeaderDigest) flag += ",--header_digest";
  if (key.key == text::Key::kDataDigest) flag += ",--data_digest";
  if (key.key == text::Key::kInitiatorName) flag += ",--initiator_name";
  return flag;
}

std::string ValuesOf(const text::KeyInfo& key) {
  switch (key.type) {
    case text::ValueType::kBoolean:
      return "Yes, No";
    case text::ValueType::kNumerical:
    case text::ValueType::kBinary16:
      return key.minimum == MostOf(key) ? absl::StrCat(key.minimum)
                                        : absl::StrCat(key.minimum, " to ", MostOf(key));
    case text::ValueType::kName:
      return "iSCSI name";
    case text::ValueType::kList: {
      std::string values = "list of ";
      for (size_t i = 0; i < key.choices.size() && !key.choices[i].empty(); ++i) {
        absl::StrAppend(&values, i == 0 ? "" : ", ", std::string(key.choices[i]));
      }
      return values;
    }
    default:
      return absl::StrCat("text, at most ", key.maximum, " bytes");
  }
}

std::string HelpOf(const text::KeyInfo& key) {
  return absl::StrCat(ValuesOf(key), key.type == text::ValueType::kList ? ", best first" : "",
                      " (section ", std::string(key.section), ")");
}

std::string ValueOf(const text::Offer& offer, const text::KeyInfo& key) {
  std::array<char, text::kMaxSimpleValueBytes> out;
  return std::string(out.data(), text::ShowKey(offer, key.key, out));
}

absl::Status SetOffer(const text::KeyInfo& key, absl::string_view value, KeyTexts& texts,
                      text::Offer* offer) {
  std::string given(value);
  if (key.type == text::ValueType::kBoolean) {
    if (given == "true" || given == "1") given = "Yes";
    if (given == "false" || given == "0") given = "No";
  }
  texts.push_back(std::move(given));
  text::Offer changed = *offer;
  text::SettingProblem problem = text::SetKey(&changed, key.key, texts.back());
  if (problem == text::SettingProblem::kNone && IsNumber(key)) {
    const std::string shown = ValueOf(changed, key);
    uint64_t number = 0;
    for (const char c : shown) number = number * 10 + static_cast<uint64_t>(c - '0');
    if (number > MostOf(key)) problem = text::SettingProblem::kOutOfRange;
  }
  if (problem == text::SettingProblem::kNone) {
    *offer = changed;
    return absl::OkStatus();
  }
  texts.pop_back();
  return absl::InvalidArgumentError(absl::StrCat(std::string(text::Describe(problem)), " (",
                                                 ValuesOf(key), "; RFC 7143 section ",
                                                 std::string(key.section), ")"));
}

}  // namespace isthmus::transport
