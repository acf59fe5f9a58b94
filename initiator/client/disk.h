// A disk behind a Client: the SCSI commands that tools need, blocking, and the CDBs of those that go out many at a time.
// Bytes belong to the caller.
//
//   Disk disk(*client, lun);
//   absl::StatusOr<Capacity> capacity = disk.ReadCapacity();
//   client->Submit(disk.ReadCommand(lba, buffer), callback);
#ifndef ISTHMUS_INITIATOR_CLIENT_DISK_H_
#define ISTHMUS_INITIATOR_CLIENT_DISK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "initiator/client/client.h"

namespace isthmus::initiator {

struct Capacity {
  uint64_t blocks = 0;
  uint32_t block_bytes = 512;
  uint64_t bytes() const { return blocks * block_bytes; }
};

struct Inquiry {
  uint8_t peripheral_qualifier = 0;
  uint8_t device_type = 0;
  std::string vendor, product, revision;
  std::string serial;  // VPD page 80, empty if there is none
};

// A command's CDB and the Command that points at it; stays in place until the completion.
struct DiskCommand {
  std::array<std::byte, 16> cdb{};
  Command command;
};

// What a completion means: Ok for GOOD, else the outcome, status and sense in words. Codes: kDataLoss for digest and data
// errors, kUnavailable for a lost connection, kAborted, kResourceExhausted for BUSY and TASK SET FULL, kPermissionDenied
// for RESERVATION CONFLICT and write protection, kOutOfRange, kInternal for the rest.
absl::Status StatusOf(const Event& completed);

class Disk {
 public:
  Disk(Client& client, uint16_t lun);

  absl::Status TestUnitReady();  // takes pending unit attentions first, as initiators do
  absl::StatusOr<Inquiry> ReadInquiry();
  absl::StatusOr<Capacity> ReadCapacity();
  absl::StatusOr<std::vector<uint16_t>> ReportLuns();
  // Bytes that the disk moves in one command at most (VPD page B0); 0: no limit that it tells.
  absl::StatusOr<uint32_t> MaxTransferBlocks();
  absl::Status Flush();

  // READ(16) and WRITE(16) of whole blocks. A repeated one has the same effect, so both are re-issued after a reconnect.
  void Read(uint64_t lba, uint32_t blocks, std::span<std::byte> into, DiskCommand* out) const;
  void Write(uint64_t lba, uint32_t blocks, std::span<const std::byte> from, DiskCommand* out) const;

 private:
  absl::StatusOr<size_t> Ask(std::span<const std::byte> cdb, std::span<std::byte> answer);

  Client& client_;
  std::array<std::byte, 8> lun_{};
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLIENT_DISK_H_
