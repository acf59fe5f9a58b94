#include "target/backend/backend.h"

namespace isthmus::target {

std::span<std::byte> Backend::Direct(uint64_t, uint64_t, bool) { return {}; }

void Backend::Prefetch(uint64_t, uint64_t) {}

bool Backend::CheckParts(uint64_t lba, std::span<const iovec> parts, uint64_t* bytes) const {
  const uint64_t limit = geometry_.blocks * geometry_.block_bytes;
  uint64_t total = 0;
  for (const iovec& part : parts) {
    if (part.iov_len > limit - total) return false;
    total += part.iov_len;
  }
  *bytes = total;
  return total % geometry_.block_bytes == 0 && InRange(lba, total / geometry_.block_bytes);
}

}  // namespace isthmus::target
