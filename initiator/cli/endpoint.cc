#include "initiator/cli/endpoint.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace isthmus::initiator {
namespace {

class DiskEndpoint : public Endpoint {
 public:
  DiskEndpoint(std::unique_ptr<Client> client, uint16_t lun) : client_(std::move(client)), disk_(*client_, lun) {}

  absl::Status Open() {
    if (absl::Status status = disk_.TestUnitReady(); !status.ok()) return status;
    absl::StatusOr<Capacity> capacity = disk_.ReadCapacity();
    if (!capacity.ok()) return capacity.status();
    capacity_ = *capacity;
    if (capacity_.block_bytes == 0 || capacity_.block_bytes > (1 << 20)) {
      return absl::InternalError(absl::StrCat("the disk claims blocks of ", capacity_.block_bytes, " bytes"));
    }
    absl::StatusOr<uint32_t> most = disk_.MaxTransferBlocks();
    if (!most.ok()) return most.status();
    max_blocks_ = *most == 0 ? 65535 : std::min<uint32_t>(*most, 65535);
    return absl::OkStatus();
  }

  uint64_t bytes() const override { return capacity_.bytes(); }
  uint32_t block_bytes() const override { return capacity_.block_bytes; }
  uint64_t max_request_bytes() const override { return uint64_t{max_blocks_} * capacity_.block_bytes; }

  absl::Status Read(uint64_t offset, std::span<std::byte> into, Done done) override {
    Request* request = Take(std::move(done));
    request->read_bytes = into.size();
    disk_.Read(offset / block_bytes(), static_cast<uint32_t>(into.size() / block_bytes()), into, &request->command);
    return Submit(request);
  }

  absl::Status Write(uint64_t offset, std::span<const std::byte> from, Done done) override {
    Request* request = Take(std::move(done));
    disk_.Write(offset / block_bytes(), static_cast<uint32_t>(from.size() / block_bytes()), from, &request->command);
    return Submit(request);
  }

  absl::Status Poll(absl::Duration timeout) override { return client_->Poll(timeout); }
  absl::Status Send() override { return client_->Send(); }
  absl::Status Flush() override { return disk_.Flush(); }
  Client* client() override { return client_.get(); }

 private:
  struct Request {
    DiskCommand command;
    Done done;
    uint64_t read_bytes = 0;  // 0: a write
    int tries = 0;
  };
  // Reads and writes of the same blocks may be done twice, so what passes is tried again: a unit attention (a reset, a
  // reconnect), BUSY, data lost to a digest error (RFC 7143 section 7.8).
  static constexpr int kTries = 8;

  static bool Passes(const absl::Status& status, const Event& event) {
    return absl::IsAborted(status) || absl::IsResourceExhausted(status) || event.outcome == Outcome::kDigestError;
  }

  static absl::Status Judge(const Request& request, const Event& event) {
    absl::Status status = StatusOf(event);
    if (!status.ok()) return status;
    if (request.read_bytes != 0 && event.data_in_bytes != request.read_bytes) {
      return absl::DataLossError(absl::StrCat("the disk gave ", event.data_in_bytes, " of ", request.read_bytes, " bytes"));
    }
    if (request.read_bytes == 0 && event.residual_kind != ResidualKind::kNone) {
      return absl::DataLossError(absl::StrCat("the disk left ", event.residual_count, " bytes of a write"));
    }
    return status;
  }

  void Completed(Request* request, const Event& event) {
    absl::Status status = Judge(*request, event);
    if (!status.ok() && Passes(status, event) && ++request->tries < kTries) {
      status = Submit(request);
      if (status.ok()) return;
    }
    const Done done = std::move(request->done);
    free_.push_back(request);
    done(status);
  }

  Request* Take(Done done) {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Request>());
      free_.push_back(all_.back().get());
    }
    Request* request = free_.back();
    free_.pop_back();
    request->done = std::move(done);
    request->read_bytes = 0;
    request->tries = 0;
    return request;
  }

  // Refused: the request is the caller's to give back or to end.
  absl::Status Submit(Request* request) {
    absl::Status status =
        client_->Submit(request->command.command, [this, request](const Event& event) { Completed(request, event); });
    if (!status.ok() && request->tries == 0) free_.push_back(request);
    return status;
  }

  std::unique_ptr<Client> client_;
  Disk disk_;
  Capacity capacity_;
  uint32_t max_blocks_ = 0;
  std::vector<std::unique_ptr<Request>> all_;
  std::vector<Request*> free_;
};

class FileEndpoint : public Endpoint {
 public:
  FileEndpoint(int fd, std::string path, uint64_t bytes) : fd_(fd), path_(std::move(path)), bytes_(bytes) {}
  ~FileEndpoint() override { close(fd_); }

  uint64_t bytes() const override { return bytes_; }
  uint32_t block_bytes() const override { return 1; }
  uint64_t max_request_bytes() const override { return uint64_t{1} << 30; }

  // Bytes beyond the file's end read as zeros: a disk's last block may be longer than the file.
  absl::Status Read(uint64_t offset, std::span<std::byte> into, Done done) override {
    size_t have = 0;
    while (have < into.size()) {
      const ssize_t got = pread(fd_, into.data() + have, into.size() - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": read"));
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    std::fill(into.begin() + static_cast<ptrdiff_t>(have), into.end(), std::byte{0});
    done(absl::OkStatus());
    return absl::OkStatus();
  }

  absl::Status Write(uint64_t offset, std::span<const std::byte> from, Done done) override {
    if (offset + from.size() > bytes_) from = from.first(bytes_ > offset ? bytes_ - offset : 0);
    while (!from.empty()) {
      const ssize_t put = pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": write"));
      from = from.subspan(static_cast<size_t>(put));
      offset += static_cast<size_t>(put);
    }
    done(absl::OkStatus());
    return absl::OkStatus();
  }

  absl::Status Poll(absl::Duration) override { return absl::OkStatus(); }
  absl::Status Flush() override {
    return fdatasync(fd_) == 0 || errno == EINVAL ? absl::OkStatus() : absl::ErrnoToStatus(errno, path_);
  }

 private:
  int fd_;
  std::string path_;
  uint64_t bytes_;
};

absl::StatusOr<uint64_t> SizeOf(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, path);
  if (S_ISREG(info.st_mode)) return static_cast<uint64_t>(info.st_size);
  uint64_t bytes = 0;
  if (S_ISBLK(info.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes) == 0) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(path, ": neither a file nor a block device"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Endpoint>> OpenDisk(std::unique_ptr<Client> client, uint16_t lun) {
  auto disk = std::make_unique<DiskEndpoint>(std::move(client), lun);
  if (absl::Status status = disk->Open(); !status.ok()) return status;
  return disk;
}

absl::StatusOr<std::unique_ptr<Endpoint>> OpenFileToRead(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  absl::StatusOr<uint64_t> bytes = SizeOf(fd, path);
  if (!bytes.ok()) {
    close(fd);
    return bytes.status();
  }
  return std::make_unique<FileEndpoint>(fd, path, *bytes);
}

absl::StatusOr<std::unique_ptr<Endpoint>> OpenFileToWrite(const std::string& path, uint64_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  auto file = std::make_unique<FileEndpoint>(fd, path, bytes);
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
    if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": resize"));
    return file;
  }
  absl::StatusOr<uint64_t> room = SizeOf(fd, path);
  if (!room.ok()) return room.status();
  if (*room < bytes) {
    return absl::OutOfRangeError(absl::StrCat(path, ": holds ", *room, " bytes, ", bytes, " are needed"));
  }
  return file;
}

}  // namespace isthmus::initiator
