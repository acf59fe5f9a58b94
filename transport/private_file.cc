#include "transport/private_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace isthmus::transport {
namespace {

constexpr off_t kMaxBytes = 1 << 20;

struct Descriptor {
  int fd;
  ~Descriptor() { close(fd); }
};

absl::Status Check(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode))
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  if (info.st_size > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than 1 MiB: not a file of secrets"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrFormat(
        "%s: mode %03o lets others at the secrets; chmod 600 it", path, info.st_mode & 0777));
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": belongs to user ", info.st_uid, ", not to the user of this program"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return absl::ErrnoToStatus(errno, path);
  struct stat info;
  if (fstat(file.fd, &info) != 0) return absl::ErrnoToStatus(errno, path);
  if (absl::Status status = Check(path, info); !status.ok()) return status;
  // One spare byte, so that a file that grew meanwhile is seen; the string never moves, so no copy is left behind.
  std::string text(static_cast<size_t>(info.st_size) + 1, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = read(file.fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      Wipe(text);
      return absl::ErrnoToStatus(error, path);
    }
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  if (have == text.size()) {
    Wipe(text);
    return absl::AbortedError(absl::StrCat(path, ": changed while it was read"));
  }
  text.resize(have);
  return text;
}

void Wipe(std::string& secret) {
  explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace isthmus::transport
