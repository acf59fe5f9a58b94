// CRC32C with the SSE4.2 crc32 instruction alone (Nehalem and later).
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "digest/gf2.h"
#include "digest/kernel.h"
#include "digest/load.h"
#include "digest/target_attributes.h"
#include "digest/tiers.h"
#include "digest/value.h"

ISTHMUS_TARGET_BEGIN("sse4.2")

namespace isthmus::digest {

#include "digest/x86_scalar.h"

namespace {

Crc32c Extend(Crc32c crc, const void* data, std::size_t size) {
  return Crc32c{~Chain(~crc.value, static_cast<const unsigned char*>(data), size)};
}

Crc32c ExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) crc = Extend(crc, pieces[i].data, pieces[i].size);
  return crc;
}

void ComputeBatch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  for (std::size_t i = 0; i < count; ++i) digests[i] = Extend({}, pieces[i].data, pieces[i].size);
}

Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  constexpr std::size_t kBlock = 4096;
  auto* d = static_cast<unsigned char*>(to);
  const auto* p = static_cast<const unsigned char*>(from);
  while (size != 0) {
    const std::size_t now = size < kBlock ? size : kBlock;
    std::memcpy(d, p, now);
    crc = Extend(crc, d, now);
    d += now;
    p += now;
    size -= now;
  }
  return crc;
}

Crc32c Shift(Crc32c crc, std::uint64_t bytes) { return Crc32c{gf2::Shift(crc.value, bytes)}; }

}  // namespace

constinit const Kernel kSse42Kernel = {
    .name = "sse42",
    .extend = Extend,
    .extend_cold = Extend,
    .extend_gather = ExtendGather,
    .compute_batch = ComputeBatch,
    .copy_and_extend = CopyAndExtend,
    .copy_and_extend_streaming = CopyAndExtend,
    .shift = Shift,
};

}  // namespace isthmus::digest

ISTHMUS_TARGET_END

#endif  // defined(__x86_64__)
