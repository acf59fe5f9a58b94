#include "target/backend/ram_backend.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "target/backend/block_size.h"

namespace isthmus::target {
namespace {

constexpr uint64_t kPageBytes = 4096;

class RamBackend final : public Backend {
 public:
  RamBackend(const Geometry& geometry, std::byte* memory, uint64_t bytes)
      : Backend(geometry),
        memory_(memory),
        bytes_(bytes),
        mapped_((bytes + kPageBytes * 64 - 1) / (kPageBytes * 64)) {}

  ~RamBackend() override { munmap(memory_, bytes_); }

  std::span<std::byte> Direct(uint64_t lba, uint64_t blocks, bool for_writing) override {
    if (!InRange(lba, blocks) || blocks == 0) return {};
    if (for_writing && geometry().read_only) return {};
    const uint64_t offset = lba * geometry().block_bytes, bytes = blocks * geometry().block_bytes;
    if (for_writing) Mark(offset, bytes);
    return {memory_ + offset, bytes};
  }

  IoResult Read(uint64_t lba, std::span<const iovec> into) override {
    uint64_t bytes = 0;
    if (!CheckParts(lba, into, &bytes)) return {IoError::kOutOfRange, lba};
    const std::byte* from = memory_ + lba * geometry().block_bytes;
    for (const iovec& part : into) {
      if (part.iov_len != 0) std::memcpy(part.iov_base, from, part.iov_len);
      from += part.iov_len;
    }
    return {};
  }

  IoResult Write(uint64_t lba, std::span<const iovec> from) override {
    uint64_t bytes = 0;
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    if (!CheckParts(lba, from, &bytes)) return {IoError::kOutOfRange, lba};
    Mark(lba * geometry().block_bytes, bytes);
    std::byte* to = memory_ + lba * geometry().block_bytes;
    for (const iovec& part : from) {
      if (part.iov_len != 0) std::memcpy(to, part.iov_base, part.iov_len);
      to += part.iov_len;
    }
    return {};
  }

  IoResult Flush(uint64_t lba, uint64_t blocks) override {
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    return {};
  }

  IoResult WriteZeroes(uint64_t lba, uint64_t blocks) override {
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    const uint64_t offset = lba * geometry().block_bytes, bytes = blocks * geometry().block_bytes;
    Mark(offset, bytes);
    std::memset(memory_ + offset, 0, bytes);
    return {};
  }

  IoResult Unmap(uint64_t lba, uint64_t blocks) override {
    if (geometry().read_only) return {IoError::kReadOnly, lba};
    if (!InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    const uint64_t begin = lba * geometry().block_bytes;
    const uint64_t end = begin + blocks * geometry().block_bytes;
    const uint64_t first_page = (begin + kPageBytes - 1) / kPageBytes;
    const uint64_t last_page =
        end == bytes_ ? (end + kPageBytes - 1) / kPageBytes : end / kPageBytes;
    if (first_page >= last_page) {
      std::memset(memory_ + begin, 0, end - begin);
      return {};
    }
    const uint64_t inner = first_page * kPageBytes,
                   inner_end = std::min(last_page * kPageBytes, bytes_);
    std::memset(memory_ + begin, 0, inner - begin);
    if (madvise(memory_ + inner, inner_end - inner, MADV_DONTNEED) != 0) {
      std::memset(memory_ + inner, 0, inner_end - inner);
    }
    if (end > inner_end) std::memset(memory_ + inner_end, 0, end - inner_end);
    for (uint64_t page = first_page; page < last_page; ++page) {
      mapped_[page / 64].fetch_and(~(uint64_t{1} << page % 64), std::memory_order_relaxed);
    }
    return {};
  }

  IoResult Allocation(uint64_t lba, uint64_t blocks, Extent* extent) override {
    if (blocks == 0 || !InRange(lba, blocks)) return {IoError::kOutOfRange, lba};
    const uint64_t begin = lba * geometry().block_bytes;
    const uint64_t end = begin + blocks * geometry().block_bytes;
    const bool mapped = IsMapped(begin / kPageBytes);
    uint64_t page = begin / kPageBytes + 1;
    while (page * kPageBytes < end && IsMapped(page) == mapped) ++page;
    *extent = {lba, (std::min(page * kPageBytes, end) - begin) / geometry().block_bytes, mapped};
    return {};
  }

 private:
  bool IsMapped(uint64_t page) const {
    return (mapped_[page / 64].load(std::memory_order_relaxed) >> page % 64 & 1) != 0;
  }

  // The pages count as mapped from before the first byte is written. A word is written only if a
  // bit of it is new, so that rewriting blocks shares no cache line.
  void Mark(uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return;
    const uint64_t first = offset / kPageBytes, last = (offset + bytes - 1) / kPageBytes;
    for (uint64_t word = first / 64; word <= last / 64; ++word) {
      const uint64_t low = word == first / 64 ? first % 64 : 0;
      const uint64_t high = word == last / 64 ? last % 64 : 63;
      const uint64_t bits = (~uint64_t{0} << low) & (~uint64_t{0} >> (63 - high));
      if ((mapped_[word].load(std::memory_order_relaxed) & bits) != bits) {
        mapped_[word].fetch_or(bits, std::memory_order_relaxed);
      }
    }
  }

  std::byte* const memory_;
  const uint64_t bytes_;
  std::vector<std::atomic<uint64_t>> mapped_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CreateRamBackend(const RamOptions& options) {
  if (absl::Status status = CheckBlockBytes(options.block_bytes, options.physical_block_bytes);
      !status.ok()) {
    return status;
  }
  if (options.bytes == 0 || options.bytes % options.block_bytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat("a RAM disk of ", options.bytes,
                                                   " bytes is no whole number of blocks of ",
                                                   options.block_bytes, " bytes"));
  }
  void* memory = mmap(nullptr, options.bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there is no address space for a RAM disk of ", options.bytes, " bytes"));
  }
  // A hint: without huge pages everything works as well, with more page faults.
  (void)madvise(memory, options.bytes, MADV_HUGEPAGE);
  Geometry geometry;
  geometry.block_bytes = options.block_bytes;
  geometry.physical_block_bytes = std::max(options.block_bytes, options.physical_block_bytes);
  geometry.preferred_bytes = kPageBytes;
  geometry.blocks = options.bytes / options.block_bytes;
  geometry.read_only = options.read_only;
  geometry.can_unmap = true;  // also of a read-only one: UNMAP is then refused as a write, not as unknown
  return std::make_unique<RamBackend>(geometry, static_cast<std::byte*>(memory), options.bytes);
}

}  // namespace isthmus::target
