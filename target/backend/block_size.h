// The block sizes that a disk may have.
#ifndef ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_
#define ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace isthmus::target {

inline bool IsBlockBytes(uint32_t bytes) {
  return bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096;
}

// OK for 512, 1024, 2048, 4096; the physical block is as large or larger, or 0 for the same.
inline absl::Status CheckBlockBytes(uint32_t block_bytes, uint32_t physical_block_bytes) {
  if (!IsBlockBytes(block_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a block size of ", block_bytes, " bytes is not 512, 1024, 2048 or 4096"));
  }
  if (physical_block_bytes != 0 &&
      (!IsBlockBytes(physical_block_bytes) || physical_block_bytes < block_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a physical block size of ", physical_block_bytes,
                     " bytes is not 512, 1024, 2048 or 4096, or is less than the block size"));
  }
  return absl::OkStatus();
}

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_
