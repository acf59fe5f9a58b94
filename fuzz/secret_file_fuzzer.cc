// The file of CHAP accounts: accounts as the lines say and by the rules of RFC 7143 section 9.2.1, or a message that names
// the line; and no message ever depends on what a secret is.
//
// Input: the file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "fuzz/entry_points.h"
#include "transport/secret_file.h"

namespace isthmus::transport {
namespace {

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

absl::StatusOr<std::unique_ptr<SecretFile>> ReadText(std::string_view text) {
  const int file = memfd_create("secrets", MFD_CLOEXEC);
  Require(file >= 0 && fchmod(file, 0600) == 0);
  Require(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  // One path for all runs: it stands in the messages.
  constexpr int kPlace = 1000;
  Require(dup2(file, kPlace) == kPlace && close(file) == 0);
  auto read = SecretFile::Read("/proc/self/fd/1000");
  Require(close(kPlace) == 0);
  return read;
}

// Each letter of a secret becomes another one; blanks stay, so that lines are cut in the same places.
std::string WithOtherSecrets(std::string_view text) {
  std::string out;
  int word = 0;
  bool in_word = false, mutual = false;
  std::string first;
  for (char c : text) {
    const bool blank = c == ' ' || c == '\t';
    if (c == '\n') {
      word = 0;
      in_word = mutual = false;
      first.clear();
      out += c;
      continue;
    }
    if (!blank && !in_word) ++word;
    if (blank && in_word && word == 1) mutual = first == "mutual";
    in_word = !blank;
    if (word == 1 && !blank) first += c;
    const bool secret = word > (mutual ? 2 : 1) && !blank && first[0] != '#';
    // A one-to-one map: equal secrets stay equal.
    out += secret ? static_cast<char>(c ^ (static_cast<unsigned char>(c) >= 0x40 ? 1 : 0)) : c;
  }
  return out;
}

}  // namespace
}  // namespace isthmus::transport

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus::transport;  // NOLINT: what is tested
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = ReadText(text);
  const auto other = ReadText(WithOtherSecrets(text));
  Require(file.ok() == other.ok());
  if (!file.ok()) {
    Require(file.status() == other.status());
    return 0;
  }
  Require(!(*file)->initiators().empty());
  Require((*file)->initiators().size() == (*other)->initiators().size());
  for (const SecretEntry& entry : (*file)->initiators()) {
    Require(!entry.name.empty() && entry.secret.size() >= 12);
    Require(entry.secret != (*file)->mutual().secret);
  }
  return 0;
}
