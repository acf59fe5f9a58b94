// The file of CHAP accounts that both programs read (RFC 7143 section 12.1.3), one account a line:
//
//   # comment
//   NAME SECRET           an initiator: CHAP_N and what proves it
//   mutual NAME SECRET    the target: how it proves itself in turn (at most one)
//
// The secret goes to the end of the line. Owns the file's text and wipes it at the end; everything else points into it.
//
//   absl::StatusOr<std::unique_ptr<SecretFile>> file = SecretFile::Read(path);
#ifndef ISTHMUS_TRANSPORT_SECRET_FILE_H_
#define ISTHMUS_TRANSPORT_SECRET_FILE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace isthmus::transport {

struct SecretEntry {
  std::string_view name;
  std::string_view secret;
};

class SecretFile {
 public:
  // Errors name the file and the line, never a secret. The file must be its owner's alone (private_file.h), hold an
  // initiator, no secret under 12 bytes (section 9.2.1), and none that both sides share.
  static absl::StatusOr<std::unique_ptr<SecretFile>> Read(const std::string& path);
  ~SecretFile();
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  const std::vector<SecretEntry>& initiators() const { return initiators_; }
  const SecretEntry& mutual() const { return mutual_; }  // name empty: none

 private:
  SecretFile() = default;
  absl::Status Parse(const std::string& path);
  absl::Status Add(std::string_view row);

  std::string text_;
  std::vector<SecretEntry> initiators_;
  SecretEntry mutual_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SECRET_FILE_H_
