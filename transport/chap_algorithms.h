// CHAP's hash algorithms by name, as a program takes them: a list in order of preference. RFC 7143 section 12.1.3; names
// and numbers are those of IANA's registry of PPP authentication algorithms: MD5 5, SHA1 6, SHA-256 7, SHA3-256 8.
//
//   absl::StatusOr<ChapAlgorithms> list = ParseChapAlgorithms("SHA3-256,SHA-256,MD5");
//   options.hashes = *list;                  // a view: the list outlives the login
//   ChapAlgorithmNames(*list);               // "SHA3-256,SHA-256,MD5"
#ifndef ISTHMUS_TRANSPORT_CHAP_ALGORITHMS_H_
#define ISTHMUS_TRANSPORT_CHAP_ALGORITHMS_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocol/auth/hash.h"

namespace isthmus::transport {

using ChapAlgorithms = std::vector<auth::HashAlgorithm>;

// What an initiator offers unless told otherwise. SHA-256 stands last for the sake of targets older than its number: they
// take 7 for SHA1 and pick the first number of the list that they know, then find no room for the 32 bytes of SHA-256 and
// refuse the login with 0x0200 (tgt 1.0.85: "chap_decode_string(280) buf[20] !sufficient to decode string[66]").
// With 5 before 7 they take MD5. Whoever knows 7, as LIO does, takes it when it is asked for first: --chap_algorithms.
// The peer cases initiator.tgt.chap_one_way and initiator.lio.chap show both.
inline constexpr char kChapAlgorithmsToOffer[] = "SHA3-256,SHA1,MD5,SHA-256";

// What a target accepts unless told otherwise; the order is the initiator's.
inline constexpr char kChapAlgorithmsToAccept[] = "SHA3-256,SHA-256,SHA1,MD5";

// What may stand in a list: "MD5, SHA1, SHA-256, SHA3-256".
std::string ChapAlgorithmChoices();

// Names in any case, or numbers, with commas between. kInvalidArgument says what is wrong, without the whole list. A list
// without MD5 is taken, although section 12.1.3 has initiators always offer it: whoever leaves it out forbids it.
absl::StatusOr<ChapAlgorithms> ParseChapAlgorithms(absl::string_view list);

// As ParseChapAlgorithms takes them.
std::string ChapAlgorithmNames(std::span<const auth::HashAlgorithm> algorithms);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_CHAP_ALGORITHMS_H_
