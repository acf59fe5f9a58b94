// What users type: URLs of disks, addresses, disk specifications, sizes. No secret of a URL in a message; what is
// accepted means the same when it is written out and read again.
//
// Input: a byte that chooses, the text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fuzz/entry_points.h"
#include "initiator/client/url.h"
#include "target/backend/lun_spec.h"
#include "transport/address.h"

namespace isthmus {
namespace {

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

void CheckAddress(const std::string& text) {
  const absl::StatusOr<transport::Address> address = transport::ParseAddress(text, 3260);
  if (!address.ok()) {
    Require(!address.status().message().empty());
    return;
  }
  Require(!address->host.empty());
  const auto again = transport::ParseAddress(address->ToString(), 1);
  Require(again.ok() && again->host == address->host && again->port == address->port);
}

void CheckUrl(const std::string& text) {
  const initiator::SecretPlace place = initiator::FindSecret(text);
  Require(place.offset <= text.size() && place.size <= text.size() - place.offset);
  const std::string shown = initiator::WithoutSecret(text);
  const absl::StatusOr<initiator::ParsedUrl> url = initiator::ParseUrl(text);
  if (place.size > 0) {
    // The same URL with another secret of that length: nobody sees a difference in what is shown or said.
    std::string other = text;
    for (size_t i = 0; i < place.size; ++i)
      other[place.offset + i] = other[place.offset + i] == 'x' ? 'y' : 'x';
    const initiator::SecretPlace moved = initiator::FindSecret(other);
    if (moved.offset == place.offset && moved.size == place.size) {
      Require(initiator::WithoutSecret(other) == shown);
      const auto also = initiator::ParseUrl(other);
      Require(also.ok() == url.ok() && also.status() == url.status());
    }
  }
  if (!url.ok()) return;
  Require(initiator::IsUrl(text));
  Require(url->secret.empty() == (place.size == 0));
  Require(url->secret == text.substr(place.offset, place.size) || url->secret.size() < place.size);
  Require(!url->portal.host.empty() && !url->target_name.empty());
  Require(url->header_digest.size() > 0 && url->data_digest.size() > 0);
}

void CheckDisk(const std::string& text) {
  const auto bytes = target::ParseSize(text);
  if (bytes.ok()) {
    const auto again = target::ParseSize(std::to_string(*bytes));
    Require(again.ok() && *again == *bytes);
  }
  const auto spec = target::ParseLunSpec(text);
  if (!spec.ok()) {
    Require(spec.status().code() == absl::StatusCode::kInvalidArgument);
    return;
  }
  Require(spec->block_bytes >= 512 && (spec->block_bytes & (spec->block_bytes - 1)) == 0);
  Require(spec->physical_block_bytes == 0 || spec->physical_block_bytes % spec->block_bytes == 0);
  Require(spec->kind == target::LunSpec::Kind::kFile ? !spec->path.empty() : spec->bytes > 0);
}

}  // namespace
}  // namespace isthmus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      CheckAddress(text);
      break;
    case 1:
      CheckDisk(text);
      break;
    default:
      CheckUrl(text);
      break;
  }
  return 0;
}
