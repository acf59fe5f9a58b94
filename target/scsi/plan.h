// What one SCSI command asks for, decided without I/O.
//
// Device::Decode turns a CDB into a Plan; the plan says how many bytes the command takes from the
// initiator (data_out_bytes) and gives to it (data_in_bytes), and what has to happen to blocks in
// between. Execution (execution.h) carries a plan out against a Backend; an embedder with I/O of
// its own reads the fields instead. A Plan is a trivially copyable value: it borrows nothing but
// the logical unit that made it.
#ifndef ISTHMUS_TARGET_SCSI_PLAN_H_
#define ISTHMUS_TARGET_SCSI_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "target/scsi/sense.h"

namespace isthmus::scsi {

class LogicalUnit;
struct ItlNexus;
struct CommandRow;

enum class Action : uint8_t {
  kDone,             // status, sense and the response buffer hold the answer
  kRead,             // blocks at lba to the initiator
  kWrite,            // data to blocks at lba; then Flush if fua
  kVerify,           // compare blocks at lba as bytchk says; bytchk 0: read them only
  kOrWrite,          // the OR of data and blocks at lba to these; then Flush if fua
  kWriteAndVerify,   // kWrite, Flush, then kVerify
  kCompareAndWrite,  // first half of the data compared, second half written if equal; atomically
  kWriteSame,  // one block of data (zeroes if data_out_bytes is 0) to every block; unmap: give the
               // space back
  kUnmap,      // after Continue(): `blocks` ranges; UnmapRange() reads them from the parameter list
  kFlush,      // blocks at lba to stable storage (blocks 0: to the end); immediate: status first
  kPrefetch,   // read-ahead hint
  kGetLbaStatus,  // the allocation of `blocks` from lba, as EncodeLbaStatus() says it
  kParameters,    // all of the data first, then LogicalUnit::Continue()
};

struct Plan {
  Action action = Action::kDone;
  Status status = Status::kGood;  // the status when nothing fails on the way
  uint8_t bytchk = 0;             // SBC-3: 0 no data, 1 block by block, 3 one block against all
  bool fua = false;  // the write is stable before its status (FUA, or the cache is off)
  bool unmap = false;
  bool immediate = false;
  bool contiguous_out =
      false;  // the data is needed whole, in one piece (at most kMaxContiguousOutBytes)
  // The initiator must announce data_out_bytes exactly: cut short, the command would mean something
  // else. Otherwise fail with kInvalidFieldInCdb.
  bool exact_out = false;

  uint64_t lba = 0;
  uint64_t blocks = 0;
  uint64_t data_in_bytes = 0;  // what the command gives; the initiator's expected length may cut it
  uint64_t data_out_bytes = 0;  // what the command takes; likewise
  SenseBuffer sense;            // with kCheckCondition

  // Tasks of these I_T nexuses have to be aborted before the status is sent (PREEMPT AND ABORT):
  // LogicalUnit::TakeAborted() names them.
  bool abort_tasks = false;

  // For Continue(): the command again.
  LogicalUnit* unit = nullptr;
  ItlNexus* itl = nullptr;
  const CommandRow* row = nullptr;
  std::array<std::byte, 16> cdb{};
};

// The response buffer that Decode is given must hold this much for no answer to be cut short of its
// allocation length.
inline constexpr size_t kMaxResponseBytes = 32768;
// Parameter lists, COMPARE AND WRITE and WRITE SAME never take more data than this.
inline constexpr size_t kMaxContiguousOutBytes = 131072;

// A run of blocks that UNMAP names.
struct BlockRange {
  uint64_t lba = 0;
  uint64_t blocks = 0;
};
// Range `index` of a kUnmap plan's parameter list, which Continue has checked.
BlockRange UnmapRange(std::span<const std::byte> parameters, uint64_t index);

// The parameter data of GET LBA STATUS for one extent (SBC-3 5.6.2): writes 24 bytes.
inline constexpr size_t kLbaStatusBytes = 24;
void EncodeLbaStatus(BlockRange extent, bool mapped, std::span<std::byte> out);

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_PLAN_H_
