// Every backend answers the same calls alike; then what is each one's own.
#include "target/backend/backend.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "target/backend/file_backend.h"
#include "target/backend/lun_spec.h"
#include "target/backend/ram_backend.h"

namespace isthmus::target {
namespace {

std::string NewFile(const std::string& name, int64_t bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  EXPECT_GE(fd, 0);
  EXPECT_EQ(ftruncate(fd, bytes), 0);
  close(fd);
  return path;
}

IoResult WriteBytes(Backend& disk, uint64_t lba, std::vector<uint8_t> bytes) {
  const iovec part{bytes.data(), bytes.size()};
  return disk.Write(lba, {&part, 1});
}

std::vector<uint8_t> ReadBytes(Backend& disk, uint64_t lba, uint64_t blocks) {
  std::vector<uint8_t> bytes(blocks * disk.geometry().block_bytes, 0xee);
  const iovec part{bytes.data(), bytes.size()};
  EXPECT_TRUE(disk.Read(lba, {&part, 1}).ok());
  return bytes;
}

struct Kind {
  const char* name;
  uint32_t block_bytes;
  bool ram;
};

class BackendTest : public testing::TestWithParam<Kind> {
 protected:
  static constexpr uint64_t kBlocks = 2048;

  std::unique_ptr<Backend> Open(bool read_only = false) {
    const uint32_t block = GetParam().block_bytes;
    if (GetParam().ram) {
      return *CreateRamBackend(
          {.bytes = kBlocks * block, .block_bytes = block, .read_only = read_only});
    }
    if (path_.empty()) path_ = NewFile("backend", static_cast<int64_t>(kBlocks * block));
    return *OpenFileBackend({.path = path_, .block_bytes = block, .read_only = read_only});
  }

  std::string path_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, BackendTest,
                         testing::Values(Kind{"ram512", 512, true}, Kind{"ram4096", 4096, true},
                                         Kind{"file512", 512, false},
                                         Kind{"file4096", 4096, false}),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(BackendTest, AgreesWithAModel) {
  const std::unique_ptr<Backend> disk = Open();
  ASSERT_EQ(disk->geometry().blocks, kBlocks);
  ASSERT_TRUE(disk->geometry().can_unmap);
  const uint32_t block = GetParam().block_bytes;
  std::vector<uint8_t> model(kBlocks * block);
  std::mt19937 random(7);
  for (int i = 0; i < 400; ++i) {
    const uint64_t lba = random() % kBlocks;
    const uint64_t blocks = random() % (std::min<uint64_t>(kBlocks - lba, 60) + 1);
    const auto at = model.begin() + static_cast<ptrdiff_t>(lba * block);
    const auto end = at + static_cast<ptrdiff_t>(blocks * block);
    switch (random() % 4) {
      case 0: {
        // Two parts that meet at no block's border.
        std::vector<uint8_t> bytes(blocks * block, static_cast<uint8_t>(random()));
        const size_t cut = bytes.size() / 3;
        const std::array<iovec, 2> parts{
            {{bytes.data(), cut}, {bytes.data() + cut, bytes.size() - cut}}};
        ASSERT_TRUE(disk->Write(lba, parts).ok());
        std::copy(bytes.begin(), bytes.end(), at);
        break;
      }
      case 1:
        ASSERT_TRUE(disk->Unmap(lba, blocks).ok());
        std::fill(at, end, uint8_t{0});
        break;
      case 2:
        ASSERT_TRUE(disk->WriteZeroes(lba, blocks).ok());
        std::fill(at, end, uint8_t{0});
        break;
      default:
        ASSERT_EQ(ReadBytes(*disk, lba, blocks), std::vector<uint8_t>(at, end));
    }
  }
  ASSERT_EQ(ReadBytes(*disk, 0, kBlocks), model);
}

TEST_P(BackendTest, RefusesWhatIsOutsideOrNotWholeBlocks) {
  const std::unique_ptr<Backend> disk = Open();
  const uint32_t block = GetParam().block_bytes;
  EXPECT_EQ(WriteBytes(*disk, kBlocks - 1, std::vector<uint8_t>(2 * block)).error,
            IoError::kOutOfRange);
  EXPECT_EQ(WriteBytes(*disk, UINT64_MAX, std::vector<uint8_t>(block)).error, IoError::kOutOfRange);
  EXPECT_EQ(WriteBytes(*disk, 0, std::vector<uint8_t>(block - 1)).error, IoError::kOutOfRange);
  EXPECT_EQ(disk->Unmap(1, kBlocks).error, IoError::kOutOfRange);
  EXPECT_EQ(disk->WriteZeroes(UINT64_MAX, 2).error, IoError::kOutOfRange);
  EXPECT_EQ(disk->Flush(kBlocks, 1).error, IoError::kOutOfRange);
  EXPECT_TRUE(disk->Flush(kBlocks, 0).ok());
  EXPECT_TRUE(disk->Direct(kBlocks - 1, 2, false).empty());
  EXPECT_TRUE(disk->Direct(UINT64_MAX, 2, false).empty());
}

TEST_P(BackendTest, ReadNowGivesTheSameBytesOrNone) {
  const std::unique_ptr<Backend> disk = Open();
  const std::vector<uint8_t> written(4 * GetParam().block_bytes, 0x42);
  ASSERT_TRUE(WriteBytes(*disk, 7, written).ok());
  std::vector<uint8_t> read(written.size());
  const iovec part{read.data(), read.size()};
  IoResult result{IoError::kUnsupported};
  if (disk->ReadNow(7, {&part, 1}, &result)) {
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(read, written);
  } else {
    EXPECT_FALSE(GetParam().ram);
  }
  if (disk->descriptor() >= 0) {
    EXPECT_EQ(fdatasync(disk->descriptor()), 0);
    EXPECT_EQ(posix_fadvise(disk->descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0);
    read.assign(read.size(), 0);
    if (disk->ReadNow(7, {&part, 1}, &result)) {  // a file system in memory
      EXPECT_EQ(read, written);
    }
  }
  // Never beyond the end, whoever says so.
  if (disk->ReadNow(kBlocks - 1, {&part, 1}, &result)) {
    EXPECT_EQ(result.error, IoError::kOutOfRange);
  }
}

TEST_P(BackendTest, AllocationFollowsWritesAndUnmaps) {
  const std::unique_ptr<Backend> disk = Open();
  const uint64_t page = 65536 / GetParam().block_bytes;  // whole pages of any file system
  Extent extent;
  ASSERT_TRUE(disk->Allocation(0, kBlocks, &extent).ok());
  EXPECT_FALSE(extent.mapped);
  EXPECT_EQ(extent.blocks, kBlocks);
  ASSERT_TRUE(
      WriteBytes(*disk, page, std::vector<uint8_t>(2 * page * GetParam().block_bytes, 1)).ok());
  ASSERT_TRUE(disk->Allocation(0, kBlocks, &extent).ok());
  EXPECT_FALSE(extent.mapped);
  EXPECT_EQ(extent.blocks, page);
  ASSERT_TRUE(disk->Allocation(page, kBlocks - page, &extent).ok());
  EXPECT_TRUE(extent.mapped);
  EXPECT_EQ(extent.lba, page);
  EXPECT_EQ(extent.blocks, 2 * page);
  ASSERT_TRUE(disk->Allocation(page, 3, &extent).ok());
  EXPECT_EQ(extent.blocks, 3u);
  ASSERT_TRUE(disk->Unmap(page, page).ok());
  ASSERT_TRUE(disk->Allocation(page, 1, &extent).ok());
  EXPECT_FALSE(extent.mapped);
  EXPECT_EQ(disk->Allocation(kBlocks, 1, &extent).error, IoError::kOutOfRange);
}

TEST_P(BackendTest, ReadOnlyWritesNothing) {
  const std::unique_ptr<Backend> disk = Open(/*read_only=*/true);
  EXPECT_TRUE(disk->geometry().read_only);
  EXPECT_EQ(disk->geometry().can_unmap, GetParam().ram);  // a file is not asked without writing
  EXPECT_EQ(WriteBytes(*disk, 0, std::vector<uint8_t>(GetParam().block_bytes)).error,
            IoError::kReadOnly);
  EXPECT_EQ(disk->Unmap(0, 1).error, IoError::kReadOnly);
  EXPECT_EQ(disk->WriteZeroes(0, 1).error, IoError::kReadOnly);
  EXPECT_TRUE(disk->Flush(0, 0).ok());
  EXPECT_TRUE(disk->Direct(0, 1, true).empty());
  EXPECT_EQ(ReadBytes(*disk, 0, 1), std::vector<uint8_t>(GetParam().block_bytes));
}

TEST(RamBackendTest, DirectMemoryIsTheDisk) {
  const std::unique_ptr<Backend> disk = *CreateRamBackend({.bytes = 1 << 20});
  const std::span<std::byte> memory = disk->Direct(8, 2, true);
  ASSERT_EQ(memory.size(), 1024u);
  std::memset(memory.data(), 5, memory.size());
  EXPECT_EQ(ReadBytes(*disk, 8, 2), std::vector<uint8_t>(1024, 5));
  Extent extent;
  ASSERT_TRUE(disk->Allocation(8, 1, &extent).ok());
  EXPECT_TRUE(extent.mapped);
  EXPECT_EQ(disk->descriptor(), -1);
}

TEST(RamBackendTest, IsSparse) {
  const std::unique_ptr<Backend> disk = *CreateRamBackend({.bytes = uint64_t{1} << 40});
  EXPECT_TRUE(WriteBytes(*disk, (uint64_t{1} << 31) - 1, std::vector<uint8_t>(512, 1)).ok());
  EXPECT_EQ(ReadBytes(*disk, (uint64_t{1} << 31) - 1, 1), std::vector<uint8_t>(512, 1));
}

TEST(FileBackendTest, OneWriterOrManyReaders) {
  const std::string path = NewFile("locks", 4096);
  {
    const auto writer = OpenFileBackend({.path = path});
    ASSERT_TRUE(writer.ok());
    const auto second = OpenFileBackend({.path = path});
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(second.status().message()).find("in use"), std::string::npos);
    EXPECT_FALSE(OpenFileBackend({.path = path, .read_only = true}).ok());
  }
  const auto reader = OpenFileBackend({.path = path, .read_only = true});
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(OpenFileBackend({.path = path, .read_only = true}).ok());
  EXPECT_FALSE(OpenFileBackend({.path = path}).ok());
}

TEST(FileBackendTest, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(OpenFileBackend({.path = "/nonexistent/disk"}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenFileBackend({.path = NewFile("odd", 1000)}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenFileBackend({.path = NewFile("empty", 0)}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenFileBackend({.path = NewFile("large-block", 512 * 9), .block_bytes = 4096})
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenFileBackend({.path = "/dev/full"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(OpenFileBackend({.path = testing::TempDir(), .read_only = true}).ok());
}

TEST(FileBackendTest, AFileCutShortIsAMediumError) {
  const std::string path = NewFile("cut", 8192);
  const std::unique_ptr<Backend> disk = *OpenFileBackend({.path = path});
  ASSERT_EQ(truncate(path.c_str(), 4096), 0);
  std::vector<uint8_t> bytes(8192);
  const iovec part{bytes.data(), bytes.size()};
  const IoResult result = disk->Read(0, {&part, 1});
  EXPECT_EQ(result.error, IoError::kMediumRead);
  EXPECT_EQ(result.lba, 8u);
}

// A limit on the file's size stands for a full file system: both refuse to store more.
TEST(FileBackendTest, NoRoomIsToldApartFromABadMedium) {
  const std::string path = NewFile("full", 1 << 20);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{65536, 65536};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    const auto disk = OpenFileBackend({.path = path});
    if (!disk.ok()) _exit(3);
    const IoResult before = WriteBytes(**disk, 0, std::vector<uint8_t>(4096, 1));
    const IoResult across = WriteBytes(**disk, 120, std::vector<uint8_t>(16384, 1));
    _exit(before.ok() && across.error == IoError::kNoSpace && across.lba == 128 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// What Flush acknowledged is there after the process was killed in the middle of its work.
TEST(FileBackendTest, AcknowledgedFlushesSurviveSigkill) {
  const std::string path = NewFile("killed", 4 << 20);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto disk = OpenFileBackend({.path = path});
    if (!disk.ok()) _exit(2);
    for (uint64_t lba = 0;; lba = (lba + 1) % 8192) {
      if (!WriteBytes(**disk, lba, std::vector<uint8_t>(512, static_cast<uint8_t>(lba % 251 + 1)))
               .ok() ||
          !(*disk)->Flush(lba, 1).ok() || write(pipe_ends[1], &lba, sizeof(lba)) != sizeof(lba)) {
        _exit(3);
      }
    }
  }
  close(pipe_ends[1]);
  uint64_t acknowledged = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(read(pipe_ends[0], &acknowledged, sizeof(acknowledged)),
              static_cast<ssize_t>(sizeof(acknowledged)));
  }
  ASSERT_EQ(kill(child, SIGKILL), 0);
  while (read(pipe_ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged)) {
  }
  close(pipe_ends[0]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  ASSERT_GE(acknowledged, 49u);
  const std::unique_ptr<Backend> disk = *OpenFileBackend({.path = path});
  for (uint64_t lba = 0; lba <= acknowledged; ++lba) {
    ASSERT_EQ(ReadBytes(*disk, lba, 1),
              std::vector<uint8_t>(512, static_cast<uint8_t>(lba % 251 + 1)));
  }
}

TEST(LunSpecTest, Parses) {
  const auto ram = ParseLunSpec("ram:256M");
  ASSERT_TRUE(ram.ok());
  EXPECT_EQ(ram->kind, LunSpec::Kind::kRam);
  EXPECT_EQ(ram->bytes, 256u << 20);
  EXPECT_EQ(ram->block_bytes, 512u);
  EXPECT_FALSE(ram->read_only);
  EXPECT_FALSE(ram->removable);
  const auto file =
      ParseLunSpec("file:/srv/disk:1.img,readonly,block=2048,physical=4096,removable");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->kind, LunSpec::Kind::kFile);
  EXPECT_EQ(file->path, "/srv/disk:1.img");
  EXPECT_EQ(file->block_bytes, 2048u);
  EXPECT_EQ(file->physical_block_bytes, 4096u);
  EXPECT_TRUE(file->read_only);
  EXPECT_TRUE(file->removable);
}

TEST(LunSpecTest, Sizes) {
  EXPECT_EQ(*ParseSize("512"), 512u);
  EXPECT_EQ(*ParseSize("4KiB"), 4096u);
  EXPECT_EQ(*ParseSize("1GB"), uint64_t{1} << 30);
  EXPECT_EQ(*ParseSize("2T"), uint64_t{2} << 40);
  for (const char* bad : {"", "0", "M", "-1", "1.5G", "1X", "9999999T", "99999999999999999999"}) {
    EXPECT_FALSE(ParseSize(bad).ok()) << bad;
  }
}

TEST(LunSpecTest, MessagesQuoteTheSpecificationAndTheReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"disk.img", "neither ram: nor file:"},
      {"file:", "path is missing"},
      {"ram:lots", "is not a number of bytes"},
      {"ram:1000", "no whole number of blocks"},
      {"ram:1M,block=513", "not 512, 1024, 2048 or 4096"},
      {"ram:1M,block=4096,physical=512", "less than the block size"},
      {"ram:1M,block=big", "is no number"},
      {"file:/x,readonyl", "\"readonyl\" is no option"},
      {"ram:1M,", "\"\" is no option"},
  };
  for (const auto& [text, reason] : cases) {
    const absl::Status status = ParseLunSpec(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    const std::string message(status.message());
    EXPECT_NE(message.find("\"" + text + "\""), std::string::npos) << message;
    EXPECT_NE(message.find(reason), std::string::npos) << message;
  }
}

TEST(LunSpecTest, OpensBothKinds) {
  const auto ram = OpenLun(*ParseLunSpec("ram:1M,block=4096,readonly"));
  ASSERT_TRUE(ram.ok());
  EXPECT_EQ((*ram)->geometry().blocks, 256u);
  EXPECT_TRUE((*ram)->geometry().read_only);
  const auto file = OpenLun(*ParseLunSpec("file:" + NewFile("lun", 8192) + ",physical=4096"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->geometry().blocks, 16u);
  EXPECT_EQ((*file)->geometry().physical_block_bytes, 4096u);
  EXPECT_TRUE((*file)->geometry().volatile_cache);
  EXPECT_GE((*file)->descriptor(), 0);
}

}  // namespace
}  // namespace isthmus::target
