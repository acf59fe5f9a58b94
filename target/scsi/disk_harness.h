// For tests: a small disk in memory behind a Device, with two initiators, driven by literal CDBs.
//
//   DiskHarness disk;
//   Answer answer = disk.Run({0x12, 0, 0, 0, 36, 0});
//   EXPECT_EQ(answer.status, 0x00);
#ifndef ISTHMUS_TARGET_SCSI_DISK_HARNESS_H_
#define ISTHMUS_TARGET_SCSI_DISK_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "target/backend/backend.h"
#include "target/scsi/device.h"
#include "target/scsi/execution.h"

namespace isthmus::scsi {

using ByteList = std::vector<uint8_t>;

// Blocks in a vector. It counts flushes, and fails on demand.
class TestBackend final : public target::Backend {
 public:
  explicit TestBackend(const target::Geometry& geometry);

  std::span<std::byte> Direct(uint64_t lba, uint64_t blocks, bool for_writing) override;
  target::IoResult Read(uint64_t lba, std::span<const iovec> into) override;
  target::IoResult Write(uint64_t lba, std::span<const iovec> from) override;
  target::IoResult Flush(uint64_t lba, uint64_t blocks) override;
  target::IoResult WriteZeroes(uint64_t lba, uint64_t blocks) override;
  target::IoResult Unmap(uint64_t lba, uint64_t blocks) override;
  target::IoResult Allocation(uint64_t lba, uint64_t blocks, target::Extent* extent) override;

  std::vector<std::byte> bytes;
  std::vector<bool> mapped;  // by block
  bool offers_direct = false;
  int flushes = 0;
  target::IoResult read_failure, write_failure, flush_failure;
};

struct Answer {
  int status = -1;
  ByteList sense;
  ByteList data;
  uint64_t data_out_bytes = 0;  // what the CDB took, for residuals

  // Sense key, ASC, ASCQ of either format as one number: 0x052400 is INVALID FIELD IN CDB.
  uint32_t code() const;
};

class DiskHarness {
 public:
  static constexpr uint32_t kBlock = 512;

  explicit DiskHarness(const target::Geometry& geometry = DefaultGeometry(),
                       bool removable = false);
  static target::Geometry DefaultGeometry();  // 2,048 blocks of 512 bytes, thin, volatile cache

  // Runs one command to its end as a daemon would: Data-Out in windows of `window` bytes. By
  // default the initiator announces just the data that it sends.
  Answer Run(const ByteList& cdb, const ByteList& data_out = {}) {
    return RunAs(*first, 0, cdb, data_out);
  }
  Answer RunOther(const ByteList& cdb, const ByteList& data_out = {}) {
    return RunAs(*second, 0, cdb, data_out);
  }
  Answer RunAs(Nexus& nexus, uint64_t lun, const ByteList& cdb, const ByteList& data_out = {});

  TestBackend backend;
  LogicalUnit unit;
  Device device;
  Nexus* first;   // "iqn.2004-10.com.example:a,i,0x00023d000001", POWER ON already taken
  Nexus* second;  // "...:b,i,0x00023d000002", likewise
  uint64_t window = 1024;
};

// A block of one byte value, and the concatenation of lists.
ByteList Blocks(size_t count, uint8_t value);
ByteList Join(std::initializer_list<ByteList> lists);
// `value` as `count` big-endian bytes.
ByteList Big(uint64_t value, size_t count);

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_DISK_HARNESS_H_
