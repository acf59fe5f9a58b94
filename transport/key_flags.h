// The keys of RFC 7143 section 13 as flags and settings of a program, all from protocol/text/key_table.h.
//
// Texts that an Offer borrows (an alias) are kept by the KeyTexts, which outlives the Offer.
//
//   for (const text::KeyInfo* key : SettableKeys(Role::kTarget)) {
//     app.add_option(FlagOf(*key), ..., HelpOf(*key));
//   }
//   absl::Status status = SetOffer(*key, "Yes", texts, &offer);   // message: what is wrong, and what would be right
#ifndef ISTHMUS_TRANSPORT_KEY_FLAGS_H_
#define ISTHMUS_TRANSPORT_KEY_FLAGS_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protocol/error.h"
#include "protocol/text/key_table.h"
#include "protocol/text/negotiation.h"

namespace isthmus::transport {

using KeyTexts = std::deque<std::string>;  // addresses stay

// In the table's order.
std::vector<const text::KeyInfo*> SettableKeys(Role role);

// "--MaxBurstLength"; digests have their lower-case name too: "--HeaderDigest,--header_digest".
std::string FlagOf(const text::KeyInfo& key);
// What may be set: "512 to 16777215", "Yes, No", "list of None, CRC32C".
std::string ValuesOf(const text::KeyInfo& key);
// One line: values and section.
std::string HelpOf(const text::KeyInfo& key);
// The value in `offer`, as it would be given.
std::string ValueOf(const text::Offer& offer, const text::KeyInfo& key);

// Sets one key. Booleans may also be true, false, 1, 0. kInvalidArgument says what is wrong, without key and value; also
// for what the RFC allows but this version lacks (MaxConnections over 1, ErrorRecoveryLevel over 0).
absl::Status SetOffer(const text::KeyInfo& key, absl::string_view value, KeyTexts& texts,
                      text::Offer* offer);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_KEY_FLAGS_H_
