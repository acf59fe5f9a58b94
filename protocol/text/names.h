// iSCSI names (RFC 7143 section 4.2.7): what is one, and how a foreign string is shown safely.
//
//   if (!IsIscsiName(value)) ...                       // "iqn.", "eui." or "naa.", at most 223
//   bytes, normal form char shown[64]; size_t n = EscapeForLog(value, shown);

#ifndef ISTHMUS_PROTOCOL_TEXT_NAMES_H_
#define ISTHMUS_PROTOCOL_TEXT_NAMES_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace isthmus::text {

enum class NameCheck {
  kOk,
  kEmpty,
  kTooLong,        // over 223 bytes (section 4.2.7.2)
  kUnknownType,    // neither iqn., eui. nor naa.
  kMalformed,      // the type's own structure is broken (sections 4.2.7.4 to 4.2.7.6)
  kNotNormalized,  // an uppercase ASCII letter in an iqn. name: RFC 3722 maps it away
  kBadCharacter,   // not UTF-8, or one that the stringprep profile of RFC 3722 prohibits
};

// Checks a name as it must arrive on the wire. Non-ASCII characters are accepted if they are
// well-formed UTF-8 outside the ranges that RFC 3722 prohibits; full normalization (NFC, case
// folding of all of Unicode) is not recomputed: section 4.2.7.2 lets normalized names be compared
// byte for byte, and a name that is not compares unequal. The hexadecimal digits of eui. and naa.
// names may be of either case, as the RFC's own examples are.
NameCheck CheckIscsiName(std::string_view name);

inline bool IsIscsiName(std::string_view name) { return CheckIscsiName(name) == NameCheck::kOk; }

// Why a name is refused, for a message to an administrator.
std::string_view Describe(NameCheck check);

// Lowers ASCII letters from `name`, as RFC 3722 does before a name is compared or sent, into `out`
// of the same size at least, for names that people type. Returns the size. eui. and naa. digits
// keep their case.
size_t NormalizeIscsiName(std::string_view name, std::span<char> out);

// Writes `value` into `out` so that it can stand in a log or on a terminal: printable ASCII as it
// is, "\\" doubled, every other byte as \xNN; what does not fit is cut at a whole escape and ends
// in "...". Returns the size; no terminating zero.
size_t EscapeForLog(std::string_view value, std::span<char> out);

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_NAMES_H_
