// Where a logical unit's blocks live: the interface between the SCSI disk (target/scsi) and
// storage.
//
// Every call names whole blocks and is safe from several threads at once; calls that overlap in
// blocks have no order between them. Errors are values. The backend owns its storage; the caller
// owns every buffer that it passes, for the duration of the call.
//
// Three ways to move the same bytes, cheapest first:
//   * Direct() hands out the storage itself (a RAM disk): Data-In is sent from it and Data-Out
//     received into it without a copy. It is an unstable source: others may write it meanwhile, so
//     a sender copies and digests at emission.
//   * descriptor() lets an asynchronous driver (io_uring) issue the reads and writes of a file
//     itself, at byte offset lba * block_bytes.
//   * Read, Write and Flush block the calling thread. ReadNow does not: it reads what is in a cache.
//
//   std::unique_ptr<Backend> disk = ...;   // ram_backend.h, file_backend.h, lun_spec.h
//   iovec part{buffer, 8 * disk->geometry().block_bytes};
//   if (IoResult r = disk->Write(lba, {&part, 1}); !r.ok()) ...
//   if (IoResult r = disk->Flush(lba, 8); !r.ok()) ...   // now it survives SIGKILL, power loss
#ifndef ISTHMUS_TARGET_BACKEND_BACKEND_H_
#define ISTHMUS_TARGET_BACKEND_BACKEND_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus::target {

enum class IoError : uint8_t {
  kNone,
  kReadOnly,     // the backend was opened for reading only
  kOutOfRange,   // blocks beyond geometry().blocks, or a buffer that is no whole number of blocks
  kNoSpace,      // a sparse backend could not find room
  kMediumRead,   // the storage below failed to read
  kMediumWrite,  // the storage below failed to write or to flush
  kUnsupported,  // the storage below cannot do this
};

struct [[nodiscard]] IoResult {
  IoError error = IoError::kNone;
  uint64_t lba = 0;  // with an error: the first block that was not transferred

  bool ok() const { return error == IoError::kNone; }
};

struct Geometry {
  uint32_t block_bytes = 512;  // 512 to 4096, a power of two
  // A multiple of block_bytes: the medium can write no less at once.
  uint32_t physical_block_bytes = 512;
  // A multiple of physical_block_bytes: transfers and unmapping work best in these units.
  uint32_t preferred_bytes = 4096;
  uint64_t blocks = 0;
  bool read_only = false;
  bool can_unmap = false;  // Unmap gives the space back; blocks that are not mapped read as zeroes
  bool volatile_cache = false;  // a completed write may be lost until Flush
  bool rotating = false;
};

// A run of blocks of one allocation state.
struct Extent {
  uint64_t lba = 0;
  uint64_t blocks = 0;
  bool mapped = true;
};

class Backend {
 public:
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Constant for the backend's life.
  const Geometry& geometry() const { return geometry_; }

  // The storage of these blocks itself, valid for the backend's life; empty if the backend has no
  // such memory or the range is not inside it. Writing through it is writing the disk; only what
  // was asked for with `for_writing` may be written.
  virtual std::span<std::byte> Direct(uint64_t lba, uint64_t blocks, bool for_writing);

  // The file whose byte lba * block_bytes is block lba, or -1. Borrowed: never close it.
  virtual int descriptor() const { return -1; }

  // Transfers the total size of the parts, which must be a whole number of blocks, starting at lba.
  // A failed read leaves the parts undefined; a failed write may have written blocks before
  // result.lba.
  virtual IoResult Read(uint64_t lba, std::span<const iovec> into) = 0;
  virtual IoResult Write(uint64_t lba, std::span<const iovec> from) = 0;

  // Read, but only if nothing has to be waited for. False: it may have to be, and the parts are
  // undefined; Read them where waiting harms nobody. Memory never waits.
  virtual bool ReadNow(uint64_t lba, std::span<const iovec> into, IoResult* result) {
    *result = Read(lba, into);
    return true;
  }

  // Returns once every write that completed before the call is stable for these blocks (blocks 0:
  // to the end).
  virtual IoResult Flush(uint64_t lba, uint64_t blocks) = 0;

  // Makes the blocks read as zeroes; Unmap also gives their space back where it can.
  virtual IoResult WriteZeroes(uint64_t lba, uint64_t blocks) = 0;
  virtual IoResult Unmap(uint64_t lba, uint64_t blocks) = 0;

  // The extent that starts at lba, no longer than `blocks`.
  virtual IoResult Allocation(uint64_t lba, uint64_t blocks, Extent* extent) = 0;

  // A hint that the blocks will be read soon.
  virtual void Prefetch(uint64_t lba, uint64_t blocks);

 protected:
  explicit Backend(const Geometry& geometry) : geometry_(geometry) {}

  bool InRange(uint64_t lba, uint64_t blocks) const {
    return lba <= geometry_.blocks && blocks <= geometry_.blocks - lba;
  }
  // The blocks that the parts make up, or false if they are no whole number of blocks or leave the
  // backend.
  bool CheckParts(uint64_t lba, std::span<const iovec> parts, uint64_t* bytes) const;

 private:
  Geometry geometry_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_BACKEND_H_
