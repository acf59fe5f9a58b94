// The oracle: what each block may hold. Every write has content of its own, from which a read's
// block tells which write it came from; a regular register for each block then says whether that
// write's content may be seen.
//
// A write is open from its submission until its end. A read may return the content of a write that
// began before the read ended, unless another write was acknowledged that began after the first had
// ended and ended before the read began. A write that was never acknowledged may have happened at
// any moment until it is closed, or never; it supersedes nothing.
//
//   uint64_t id = model.BeginWrite(lba, blocks);  FillBlock(id, lba, bytes);
//   model.EndWrite(id, /*acknowledged=*/true);
//   uint64_t read = model.BeginRead();
//   std::string wrong = model.CheckBlock(read, lba, bytes);      // empty: allowed
#ifndef ISTHMUS_FUZZ_SIMULATOR_MODEL_DISK_H_
#define ISTHMUS_FUZZ_SIMULATOR_MODEL_DISK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace isthmus::simulator {

// The content of a block that write `id` puts at `lba`; id 0 is the disk before any write.
void FillBlock(uint64_t id, uint32_t lba, std::span<std::byte> block);

class ModelDisk {
 public:
  explicit ModelDisk(uint32_t blocks);

  uint64_t BeginWrite(uint32_t lba, uint32_t blocks);
  void EndWrite(uint64_t id, bool acknowledged);
  // The moment at which a read begins.
  uint64_t BeginRead() { return ++now_; }
  std::string CheckBlock(uint64_t read, uint32_t lba, std::span<const std::byte> block);

 private:
  static constexpr uint64_t kOpen = ~uint64_t{0};
  struct Write {
    uint64_t begin = 0, end = kOpen;
    bool acknowledged = false;
  };
  uint64_t now_ = 1;
  std::vector<Write> writes_;                    // by id
  std::vector<std::vector<uint64_t>> at_block_;  // ids of the writes that touch it
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_MODEL_DISK_H_
