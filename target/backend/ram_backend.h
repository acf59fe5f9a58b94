// A disk in anonymous memory: gone with the process, sparse until written, and its own Direct()
// memory.
//
//   absl::StatusOr<std::unique_ptr<Backend>> disk = CreateRamBackend({.bytes = 256 << 20});
#ifndef ISTHMUS_TARGET_BACKEND_RAM_BACKEND_H_
#define ISTHMUS_TARGET_BACKEND_RAM_BACKEND_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "target/backend/backend.h"

namespace isthmus::target {

struct RamOptions {
  uint64_t bytes = 0;  // a multiple of block_bytes
  uint32_t block_bytes = 512;
  uint32_t physical_block_bytes = 0;  // what initiators are told; 0: block_bytes
  bool read_only = false;
};

// InvalidArgument for a size or a block size that cannot be, ResourceExhausted if there is no
// address space for it. Unmapped blocks are tracked in pages of 4096 bytes.
absl::StatusOr<std::unique_ptr<Backend>> CreateRamBackend(const RamOptions& options);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_RAM_BACKEND_H_
