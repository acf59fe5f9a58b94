// The block sizes that a disk may have.
#ifndef ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_
#define ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace isthmus::target {

// OK for 512, 1024, 2048, 4096.
inline absl::Status CheckBlockBytes(uint32_t block_bytes) {
  for (const uint32_t good : {512u, 1024u, 2048u, 4096u}) {
    if (block_bytes == good) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a block size of ", block_bytes, " bytes is not 512, 1024, 2048 or 4096"));
}

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_BLOCK_SIZE_H_
