#include "protocol/text/key_listing.h"

#include <set>
#include <string>
#include <string_view>

#include "protocol/text/key_table.h"

namespace isthmus::text {
namespace {

std::string_view NameOf(Rule rule) {
  switch (rule) {
    case Rule::kDeclare:
      return "declared";
    case Rule::kAnd:
      return "AND";
    case Rule::kOr:
      return "OR";
    case Rule::kMinimum:
      return "Minimum";
    case Rule::kMaximum:
      return "Maximum";
    case Rule::kSelect:
      return "first of the list";
    case Rule::kMethod:
      return "step of a method";
    case Rule::kQuery:
      return "query";
    case Rule::kObsolete:
      return "obsolete: Reject";
  }
  return "";
}

std::string_view NameOf(Use use) {
  switch (use) {
    case Use::kNever:
      return "–";
    case Use::kSecurity:
      return "security";
    case Use::kIO:
      return "IO";
    case Use::kLO:
      return "LO";
    case Use::kFFPO:
      return "FFPO";
    case Use::kALL:
      return "ALL";
  }
  return "";
}

std::string Choices(const KeyInfo& info, std::string_view separator) {
  std::string text;
  for (std::string_view choice : info.choices) {
    if (choice.empty()) continue;
    if (!text.empty()) text += separator;
    text += choice;
  }
  return text;
}

std::string ValueOf(const KeyInfo& info) {
  const std::string maximum = std::to_string(info.maximum);
  switch (info.type) {
    case ValueType::kBoolean:
      return "Yes, No";
    case ValueType::kNumerical:
      return std::to_string(info.minimum) + " to " + maximum;
    case ValueType::kList:
      return info.choices[0].empty() ? "list" : "list of " + Choices(info, ", ");
    case ValueType::kSessionType:
      return Choices(info, ", ");
    case ValueType::kName:
      return "iSCSI name, at most " + maximum + " bytes";
    case ValueType::kLocalName:
      return "UTF-8, at most " + maximum + " bytes";
    case ValueType::kAddress:
      return "host[:port][,portal-group-tag]";
    case ValueType::kBinary16:
      return "16-bit binary";
    case ValueType::kBinary:
      return "binary, at most " + maximum + " bytes";
    case ValueType::kText:
      return "text, at most " + maximum + " bytes";
    case ValueType::kNumericalList:
      return "list of numbers to " + maximum;
  }
  return "";
}

std::string DefaultOf(const KeyInfo& info) {
  if (!info.has_default) return "–";
  if (info.type == ValueType::kBoolean) {
    return std::string(info.default_value != 0 ? kYesValue : kNoValue);
  }
  if (info.type == ValueType::kNumerical) return std::to_string(info.default_value);
  return std::string(info.choices[info.default_value]);
}

std::string IrrelevanceOf(const KeyInfo& info) {
  std::string text;
  if ((info.irrelevant_when & kInDiscovery) != 0) text = "SessionType=Discovery";
  if ((info.irrelevant_when & kWithoutUnsolicitedData) != 0) {
    text += std::string(text.empty() ? "" : "; ") + "InitialR2T=Yes and ImmediateData=No";
  }
  return text.empty() ? "–" : text;
}

std::string NotesOf(const KeyInfo& info) {
  std::string text;
  const auto add = [&](std::string_view note) {
    text += (text.empty() ? "" : "; ") + std::string(note);
  };
  if (info.any_stage) add("any stage");
  if (info.repeatable) add("may be repeated");
  if (info.later) add("may be answered NotUnderstood");
  return text.empty() ? "–" : text;
}

// The dictionary's quoting: \xNN for what is not plain.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\0') {
      quoted += "\\x00";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"\n";
}

}  // namespace

std::string KeysMarkdown() {
  std::string text =
      "# Text keys\n\n"
      "Generated from `protocol/text/key_table.h` by `bazel run //protocol/text:print_keys -- "
      "markdown`; a test compares. Sections are RFC 7143's. Use (section 13): IO during login, LO "
      "during the login of a session's first connection, FFPO in the full feature phase, ALL in "
      "both, security in the SecurityNegotiation stage; any other key that may appear there says "
      "\"any stage\". Scope: SW session-wide, CO connection-only.\n\n"
      "| Key | Section | Rule | Value | Default | By initiator | By target | Scope | Irrelevant "
      "when | Notes |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const KeyInfo& info : kKeyTable) {
    text += "| `" + std::string(info.name) + "` | " + std::string(info.section) + " | " +
            std::string(NameOf(info.rule)) + " | " + ValueOf(info) + " | " + DefaultOf(info) +
            " | " + std::string(NameOf(info.by_initiator)) + " | " +
            std::string(NameOf(info.by_target)) + " | " +
            (info.scope == Scope::kSessionWide ? "SW" : "CO") + " | " + IrrelevanceOf(info) +
            " | " + NotesOf(info) + " |\n";
  }
  return text;
}

std::string KeysDictionary() {
  std::string text =
      "# Generated from protocol/text/key_table.h by bazel run //protocol/text:print_keys -- "
      "dictionary\n";
  std::set<std::string> words = {"All",
                                 "0x",
                                 "0b",
                                 "0X",
                                 "0B",
                                 "~",
                                 ",",
                                 "=",
                                 "==",
                                 "-1",
                                 "256",
                                 "1024",
                                 "4294967295",
                                 "[::1]:3260,1",
                                 "10.0.0.1:3260,1",
                                 "4294967296",
                                 "iqn.2001-04.com.example:a",
                                 "eui.020000023B040506",
                                 "naa.52004567BA64678D",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "5,6,7,8",
                                 "X-com.example.a="};
  words.insert(std::string(1, '\0'));
  for (std::string_view constant :
       {kNoneValue, kRejectValue, kIrrelevantValue, kNotUnderstoodValue, kYesValue, kNoValue}) {
    words.emplace(constant);
  }
  for (const KeyInfo& info : kKeyTable) {
    text += Quoted(std::string(info.name) + "=");
    for (std::string_view choice : info.choices) {
      if (!choice.empty()) words.emplace(choice);
    }
    if (info.type != ValueType::kNumerical) continue;
    for (uint64_t bound : {uint64_t{info.minimum}, uint64_t{info.maximum}}) {
      if (bound > 0) words.insert(std::to_string(bound - 1));
      words.insert(std::to_string(bound));
      words.insert(std::to_string(bound + 1));
    }
  }
  for (const std::string& word : words) text += Quoted(word);
  return text;
}

}  // namespace isthmus::text
