// The URL of an iSCSI disk as libiscsi writes it:
//
//   iscsi://[user[%secret]@]host[:port]/target-name/lun[?header_digest=crc32c][&data_digest=crc32c]
//
// Digests: crc32c demands one, none refuses it, crc32c,none and none,crc32c leave the choice to both sides (that is the
// default, with crc32c first). Owned values. A secret in a URL is visible to others: see ParsedUrl::secret.
//
//   absl::StatusOr<ParsedUrl> url = ParseUrl("iscsi://127.0.0.1:3260/iqn.2026-11.example:disk/0");
#ifndef ISTHMUS_INITIATOR_CLIENT_URL_H_
#define ISTHMUS_INITIATOR_CLIENT_URL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "protocol/text/parameters.h"
#include "transport/address.h"

namespace isthmus::initiator {

struct ParsedUrl {
  std::string user;    // empty: none
  std::string secret;  // empty: none. To be wiped by whoever takes it out.
  transport::Address portal;
  std::string target_name;
  uint16_t lun = 0;
  // Both, CRC32C first, unless the URL says so.
  bool says_header_digest = false, says_data_digest = false;
  text::Preferences<text::DigestAlgorithm> header_digest = {text::DigestAlgorithm::kCRC32C,
                                                            text::DigestAlgorithm::kNone};
  text::Preferences<text::DigestAlgorithm> data_digest = {text::DigestAlgorithm::kCRC32C,
                                                          text::DigestAlgorithm::kNone};
};

// Whether the text claims to be such a URL.
bool IsUrl(absl::string_view text);

// kInvalidArgument names the part that is wrong; never the secret.
absl::StatusOr<ParsedUrl> ParseUrl(absl::string_view text);

// The URL without its secret, for messages.
std::string WithoutSecret(absl::string_view text);

// Where the secret stands in the URL, to be overwritten in an argument list: offset and size; size 0: none.
struct SecretPlace {
  size_t offset = 0, size = 0;
};
SecretPlace FindSecret(absl::string_view text);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLIENT_URL_H_
