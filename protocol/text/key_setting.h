// Keys of RFC 7143 section 13 as a user gives them: which of them an Offer takes from a user, and how a value in the
// RFC's own spelling gets there. Flags, configuration files and their documentation derive from it.
//
// Nothing is owned or copied: text values (an alias) are borrowed by the Offer, as its other views are.
//
//   for (const KeyInfo& info : kKeyTable) {
//     if (!IsSettable(info, Role::kTarget)) continue;
//     SettingProblem problem = SetKey(&offer, info.key, "Yes");
//     if (problem != SettingProblem::kNone) ... Describe(problem) ...
//   }
#ifndef ISTHMUS_PROTOCOL_TEXT_KEY_SETTING_H_
#define ISTHMUS_PROTOCOL_TEXT_KEY_SETTING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/error.h"
#include "protocol/text/key_table.h"
#include "protocol/text/negotiation.h"

namespace isthmus::text {

enum class SettingProblem : uint8_t {
  kNone,
  kNoSetting,   // not a key that a user sets
  kNotBoolean,  // neither Yes nor No
  kNotNumber,   // not a number of section 6.1
  kOutOfRange,  // outside the table's minimum and maximum
  kNotChoice,   // a list with a word that is not among the table's choices
  kTwice,       // a list that names a choice twice, or none
  kNotText,     // over 255 bytes, or not UTF-8
  kNotName,     // not an iSCSI name (section 4.2.7)
};

// For a message: what is wrong, without the value.
std::string_view Describe(SettingProblem problem);

// Whether `role` sends or answers the key with a value that its user chooses. Keys that are not: those of other
// roles, steps of an authentication method, commands, obsolete ones, and those that follow from what the program is
// told otherwise (names and addresses of targets, the session's type, AuthMethod from the accounts).
bool IsSettable(const KeyInfo& info, Role role);

// `value` as section 6.1 writes it: Yes, No, a number, choices by comma with the best first, text. On a problem the
// offer is as it was. Rules between keys are FindInvalid()'s.
SettingProblem SetKey(Offer* offer, Key key, std::string_view value);

// The offer's value in the same spelling, into `out`; its size, cut to what fits (kMaxSimpleValueBytes always does).
size_t ShowKey(const Offer& offer, Key key, std::span<char> out);

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_KEY_SETTING_H_
