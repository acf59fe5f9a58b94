#include "transport/secret_file.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "transport/private_file.h"

namespace isthmus::transport {
namespace {

constexpr size_t kMinSecretBytes = 12;  // 96 bits, section 9.2.1
constexpr std::string_view kSpace = " \t";

std::string_view TakeWord(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(kSpace), text->size()));
  const std::string_view word = text->substr(0, text->find_first_of(kSpace));
  text->remove_prefix(word.size());
  text->remove_prefix(std::min(text->find_first_not_of(kSpace), text->size()));
  return word;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecretFile>> SecretFile::Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadPrivateFile(path);
  if (!text.ok()) return text.status();
  std::unique_ptr<SecretFile> file(new SecretFile);
  file->text_ = *std::move(text);
  if (absl::Status status = file->Parse(path); !status.ok()) return status;
  return file;
}

absl::Status SecretFile::Parse(const std::string& path) {
  int number = 0;
  for (std::string_view left = text_; !left.empty();) {
    ++number;
    std::string_view row = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(row.size() + 1, left.size()));
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    if (absl::Status status = Add(row); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat(path, ", line ", number, ": ", status.message()));
    }
  }
  if (initiators_.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": holds no \"NAME SECRET\" line"));
  for (const SecretEntry& entry : initiators_) {
    if (entry.secret == mutual_.secret) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": the target and an initiator share one secret, which RFC 7143 section 9.2.1 forbids"));
    }
  }
  return absl::OkStatus();
}

absl::Status SecretFile::Add(std::string_view row) {
  SecretEntry entry;
  entry.name = TakeWord(&row);
  if (entry.name.empty() || entry.name[0] == '#') return absl::OkStatus();
  const bool is_mutual = entry.name == "mutual";
  if (is_mutual) entry.name = TakeWord(&row);
  entry.secret = row;
  if (entry.name.empty() || entry.secret.empty()) {
    return absl::InvalidArgumentError("neither \"NAME SECRET\" nor \"mutual NAME SECRET\"");
  }
  if (entry.secret.size() < kMinSecretBytes) {
    return absl::InvalidArgumentError("the secret is shorter than 12 bytes (RFC 7143 section 9.2.1)");
  }
  if (is_mutual) {
    if (!mutual_.name.empty()) return absl::InvalidArgumentError("a second \"mutual\" line");
    mutual_ = entry;
    return absl::OkStatus();
  }
  for (const SecretEntry& other : initiators_) {
    if (other.name == entry.name) return absl::InvalidArgumentError("this name stands twice");
  }
  initiators_.push_back(entry);
  return absl::OkStatus();
}

SecretFile::~SecretFile() { Wipe(text_); }

}  // namespace isthmus::transport
