// CRC32C (RFC 7143 section 13.1) of bytes, by the kernel in force (digest/select.h): what a program
// calls. Engines call through the Kernel that they were given instead.
//
//   Crc32c crc = Compute(header, 48);
//   crc = Extend(crc, ahs, ahs_size);                           // one word of state, any split
//   crc = CopyAndExtend(crc, sink, received, size);
//   StoreDigest(crc, wire);                                     // digest/value.h
//
// All bytes are borrowed for the length of the call; none is read or written outside [data, data +
// size). Nothing here can fail or allocate, and everything may be called from any thread.
#ifndef ISTHMUS_DIGEST_CRC32C_H_
#define ISTHMUS_DIGEST_CRC32C_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/algebra.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"

namespace isthmus::digest {

// Where the caller believes its bytes to be. A wrong belief costs time only.
enum class Heat : std::uint8_t {
  kHot,   // in this core's caches: just received, written or read
  kCold,  // in memory, or more than the L2 cache holds
};

// Whether copied bytes are to be left in the caches.
enum class Stores : std::uint8_t {
  kCached,
  kStreaming,  // for 256 KiB and more that nobody reads again soon
};

namespace internal {
// Relaxed: a kernel's contents are reached through the pointer that was published.
inline const Kernel& CurrentKernel() { return *g_kernel.load(std::memory_order_relaxed); }
}  // namespace internal

// The digest of what `crc` is the digest of, followed by [data, data + size).
inline Crc32c Extend(Crc32c crc, const void* data, std::size_t size, Heat heat = Heat::kHot) {
  const Kernel& kernel = internal::CurrentKernel();
  return heat == Heat::kHot ? kernel.extend(crc, data, size) : kernel.extend_cold(crc, data, size);
}

inline Crc32c Compute(const void* data, std::size_t size, Heat heat = Heat::kHot) {
  return Extend(Crc32c{}, data, size, heat);
}

// The digest of what `crc` is the digest of, followed by every piece in turn.
inline Crc32c Extend(Crc32c crc, std::span<const Piece> pieces) {
  return internal::CurrentKernel().extend_gather(crc, pieces.data(), pieces.size());
}

inline Crc32c Compute(std::span<const Piece> pieces) { return Extend(Crc32c{}, pieces); }

// digests[i] = the digest of pieces[i] alone; `digests` has room for pieces.size() of them. For
// bursts of headers.
inline void ComputeBatch(std::span<const Piece> pieces, Crc32c* digests) {
  internal::CurrentKernel().compute_batch(pieces.data(), pieces.size(), digests);
}

// Copies [from, from + size) to `to`, which does not overlap it, and returns `crc` extended by what
// was stored.
inline Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size,
                            Stores stores = Stores::kCached) {
  const Kernel& kernel = internal::CurrentKernel();
  return stores == Stores::kCached ? kernel.copy_and_extend(crc, to, from, size)
                                   : kernel.copy_and_extend_streaming(crc, to, from, size);
}

// The algebra of digest/algebra.h.
inline Crc32c Combine(Crc32c a, Crc32c b, std::uint64_t b_size) {
  return Combine(internal::CurrentKernel(), a, b, b_size);
}
inline Crc32c RemovePrefix(Crc32c whole, Crc32c a, std::uint64_t b_size) {
  return RemovePrefix(internal::CurrentKernel(), whole, a, b_size);
}
inline Crc32c RemoveSuffix(Crc32c whole, Crc32c b, std::uint64_t b_size) {
  return RemoveSuffix(internal::CurrentKernel(), whole, b, b_size);
}
inline Crc32c AppendZeros(Crc32c a, std::uint64_t count) {
  return AppendZeros(internal::CurrentKernel(), a, count);
}

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_CRC32C_H_
