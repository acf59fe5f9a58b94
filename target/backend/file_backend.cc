#include "target/backend/file_backend.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "target/backend/block_size.h"

namespace isthmus::target {
namespace {

enum class Direction { kRead, kWrite };

ssize_t Transfer(Direction direction, int fd, const iovec* parts, size_t count, uint64_t offset) {
  const int n = static_cast<int>(std::min<size_t>(count, IOV_MAX));
  const off_t at = static_cast<off_t>(offset);
  ssize_t done;
  do {
    done = direction == Direction::kRead ? preadv(fd, parts, n, at) : pwritev(fd, parts, n, at);
  } while (done < 0 && errno == EINTR);
  return done;
}

class FileBackend final : public Backend {
 public:
  FileBackend(const Geometry& geometry, int fd)
      : Backend(geometry), fd_(fd), in_memory_(IsInMemory(fd)) {}
  ~FileBackend() override { close(fd_); }

  int descriptor() const override { return fd_; }

  IoResult Read(uint64_t lba, std::span<const iovec> into) override {
    return Move(Direction::kRead, lba, into);
  }

  bool ReadNow(uint64_t lba, std::span<const iovec> into, IoResult* result) override {
    if (in_memory_) return Backend::ReadNow(lba, into, result);
    uint64_t bytes = 0;
    if (!CheckParts(lba, into, &bytes) || into.size() > IOV_MAX) return false;
    const ssize_t got = preadv2(fd_, into.data(), static_cast<int>(into.size()),
                                static_cast<off_t>(lba * geometry().block_bytes), RWF_NOWAIT);
    // Part of it, nothing (EAGAIN), or a file system that cannot say.
    if (got < 0 || static_cast<uint64_t>(got) != bytes) return false;
    *result = {};
    return true;
  }

  IoResult Write(uint64_t lba, std::span<const iovec> from) override {
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    return Move(Direction::kWrite, lba, from);
  }

  IoResult Flush(uint64_t lba, uint64_t blocks) override {
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    if (geometry().read_only) return {};
    if (flush_failed_.load(std::memory_order_relaxed)) return {IoError::kMediumWrite, lba};
    if (fdatasync(fd_) == 0) return {};
    flush_failed_.store(true, std::memory_order_relaxed);
    return {errno == ENOSPC || errno == EDQUOT ? IoError::kNoSpace : IoError::kMediumWrite, lba};
  }

  IoResult WriteZeroes(uint64_t lba, uint64_t blocks) override {
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    if (blocks == 0) return {};
    if (Allocate(FALLOC_FL_ZERO_RANGE, lba, blocks)) return {};
    if (errno == ENOSPC || errno == EDQUOT) return {IoError::kNoSpace, lba};
    return PlainZeroes(lba, blocks);
  }

  IoResult Unmap(uint64_t lba, uint64_t blocks) override {
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    if (blocks == 0) return {};
    if (!geometry().can_unmap) return {IoError::kUnsupported, lba};
    if (Allocate(FALLOC_FL_PUNCH_HOLE, lba, blocks)) return {};
    return {IoError::kMediumWrite, lba};
  }

  IoResult Allocation(uint64_t lba, uint64_t blocks, Extent* extent) override {
    if (blocks == 0 || !InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    *extent = {lba, blocks, true};
    const uint64_t block_bytes = geometry().block_bytes;
    const uint64_t begin = lba * block_bytes, end = begin + blocks * block_bytes;
    const off_t data = lseek(fd_, static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0 && errno != ENXIO) return {};  // no holes to be seen here: all is mapped
    const uint64_t data_at = data < 0 ? end : std::min(static_cast<uint64_t>(data), end);
    if (data_at - begin >= block_bytes) {
      extent->mapped = false;
      extent->blocks = (data_at - begin) / block_bytes;
      return {};
    }
    const off_t hole = lseek(fd_, static_cast<off_t>(data_at), SEEK_HOLE);
    if (hole < 0) return {};
    // A block that is a hole in part only is mapped.
    const uint64_t hole_at = std::min(static_cast<uint64_t>(hole), end);
    extent->blocks = std::max<uint64_t>(1, (hole_at - begin + block_bytes - 1) / block_bytes);
    return {};
  }

  void Prefetch(uint64_t lba, uint64_t blocks) override {
    if (!InRange(lba, blocks)) return;
    (void)posix_fadvise(fd_, static_cast<off_t>(lba * geometry().block_bytes),
                        static_cast<off_t>(blocks * geometry().block_bytes), POSIX_FADV_WILLNEED);
  }

 private:
  // File systems that have no other place than the page cache, and do not know RWF_NOWAIT.
  static bool IsInMemory(int fd) {
    struct statfs info;
    return fstatfs(fd, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
  }

  static IoError ErrorOf(Direction direction) {
    if (direction == Direction::kRead) return IoError::kMediumRead;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) return IoError::kNoSpace;
    if (errno == EROFS || errno == EPERM || errno == EBADF) return IoError::kReadOnly;
    return IoError::kMediumWrite;
  }

  bool Allocate(int mode, uint64_t lba, uint64_t blocks) {
    int result;
    do {
      result = fallocate(fd_, mode | FALLOC_FL_KEEP_SIZE,
                         static_cast<off_t>(lba * geometry().block_bytes),
                         static_cast<off_t>(blocks * geometry().block_bytes));
    } while (result != 0 && errno == EINTR);
    return result == 0;
  }

  // One system call as a rule; what a short transfer or a long list leaves goes part by part.
  IoResult Move(Direction direction, uint64_t lba, std::span<const iovec> parts) {
    uint64_t bytes = 0;
    if (!CheckParts(lba, parts, &bytes)) return {IoError::kOutOfRange, lba};
    const uint64_t begin = lba * geometry().block_bytes;
    if (bytes == 0) return {};
    ssize_t moved = Transfer(direction, fd_, parts.data(), parts.size(), begin);
    if (moved < 0) return {ErrorOf(direction), lba};
    uint64_t done = static_cast<uint64_t>(moved);
    uint64_t part_begin = 0;
    for (const iovec& part : parts) {
      const uint64_t part_end = part_begin + part.iov_len;
      while (done < part_end) {
        const iovec rest{static_cast<std::byte*>(part.iov_base) + (done - part_begin),
                         part_end - done};
        moved = Transfer(direction, fd_, &rest, 1, begin + done);
        // Nothing at all: the file has been cut short under us.
        if (moved == 0) errno = EIO;
        if (moved <= 0) return {ErrorOf(direction), (begin + done) / geometry().block_bytes};
        done += static_cast<uint64_t>(moved);
      }
      part_begin = part_end;
    }
    return {};
  }

  IoResult PlainZeroes(uint64_t lba, uint64_t blocks) {
    static constexpr std::byte kZeroes[65536] = {};
    while (blocks != 0) {
      const uint64_t step = std::min<uint64_t>(blocks, sizeof(kZeroes) / geometry().block_bytes);
      const iovec part{const_cast<std::byte*>(kZeroes), step * geometry().block_bytes};
      if (const IoResult result = Move(Direction::kWrite, lba, {&part, 1}); !result.ok())
        return result;
      lba += step;
      blocks -= step;
    }
    return {};
  }

  const int fd_;
  const bool in_memory_;
  std::atomic<bool> flush_failed_{false};
};

absl::Status OpenError(const FileOptions& options, int error) {
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot open ", options.path, options.read_only ? "" : " for writing"));
}

// Size, and what the storage below can do. A punch beyond the end of a file changes nothing, and
// tells.
absl::Status Probe(const FileOptions& options, int fd, Geometry* geometry) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot examine ", options.path));
  uint64_t bytes = 0;
  if (S_ISREG(info.st_mode)) {
    bytes = static_cast<uint64_t>(info.st_size);
    geometry->can_unmap =
        !options.read_only &&
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, info.st_size, 4096) == 0;
  } else if (S_ISBLK(info.st_mode)) {
    unsigned int physical = 0;
    int logical = 0;
    if (ioctl(fd, BLKGETSIZE64, &bytes) != 0 || ioctl(fd, BLKSSZGET, &logical) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot learn the size of ", options.path));
    }
    if (options.block_bytes < static_cast<uint32_t>(logical)) {
      return absl::InvalidArgumentError(absl::StrCat(options.path, " has blocks of ", logical,
                                                     " bytes: ask for block=", logical));
    }
    if (ioctl(fd, BLKPBSZGET, &physical) != 0) physical = 0;
    if (options.physical_block_bytes == 0) {
      geometry->physical_block_bytes = std::clamp<uint32_t>(physical, options.block_bytes, 4096);
    }
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, " is neither a regular file nor a block device"));
  }
  if (bytes == 0 || bytes % options.block_bytes != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.path, " has ", bytes, " bytes, which is no whole number of blocks of ",
                     options.block_bytes, " bytes"));
  }
  geometry->blocks = bytes / options.block_bytes;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> OpenFileBackend(const FileOptions& options) {
  if (absl::Status status = CheckBlockBytes(options.block_bytes, options.physical_block_bytes);
      !status.ok()) {
    return status;
  }
  const int fd =
      open(options.path.c_str(), (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return OpenError(options, errno);
  absl::Cleanup closer = [fd] { close(fd); };
  if (flock(fd, (options.read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return absl::FailedPreconditionError(
          absl::StrCat(options.path, " is in use by another process or LUN"));
    }
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot lock ", options.path));
  }
  Geometry geometry;
  geometry.block_bytes = options.block_bytes;
  geometry.physical_block_bytes = std::max(options.block_bytes, options.physical_block_bytes);
  geometry.read_only = options.read_only;
  geometry.volatile_cache = !options.read_only;
  if (absl::Status status = Probe(options, fd, &geometry); !status.ok()) return status;
  std::move(closer).Cancel();
  return std::make_unique<FileBackend>(geometry, fd);
}

}  // namespace isthmus::target
