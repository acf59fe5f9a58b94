// The injected CRC32C kernel: what an engine computes digests with (RFC 7143 section 13.1).
//
// An engine keeps a `const Kernel*` and calls through it; a program passes SelectKernel()
// (digest/select.h), a test a tier by name, a fuzzer a Kernel of its own making. A Kernel is
// immutable and outlives everyone who holds it; its functions are pure (copies aside), need no
// alignment, and may be called from any thread.
//
//   Crc32c crc = kernel->extend(Crc32c{}, header, 48);
//   crc = kernel->extend(crc, ahs, ahs_size);
#ifndef ISTHMUS_DIGEST_KERNEL_H_
#define ISTHMUS_DIGEST_KERNEL_H_

#include <cstddef>
#include <cstdint>

#include "digest/value.h"

namespace isthmus::digest {

struct Kernel {
  // For people and for forcing by name: "portable", "sse42", ... A string literal.
  const char* name;

  // The digest of what `crc` is the digest of, followed by [data, data + size). For bytes that this
  // core has just received, written or read.
  Crc32c (*extend)(Crc32c crc, const void* data, std::size_t size);

  // The same value, for bytes that are likely in memory and not in the caches (a page-cache or NVMe
  // buffer), or for more of them than the L2 cache holds: reads as one sequential stream, which the
  // prefetchers follow.
  Crc32c (*extend_cold)(Crc32c crc, const void* data, std::size_t size);

  // `crc` extended by every piece in turn.
  Crc32c (*extend_gather)(Crc32c crc, const Piece* pieces, std::size_t count);

  // digests[i] = the digest of pieces[i] alone. For the headers of one receive burst: short pieces,
  // whose computations overlap.
  void (*compute_batch)(const Piece* pieces, std::size_t count, Crc32c* digests);

  // extend() and memcpy(to, from, size) in one pass. The two ranges do not overlap. The value is
  // that of the bytes stored at `to`, also if someone else writes at `from` meanwhile.
  Crc32c (*copy_and_extend)(Crc32c crc, void* to, const void* from, std::size_t size);

  // The same, past the caches where the machine can: for 256 KiB and more that nobody reads again
  // soon.
  Crc32c (*copy_and_extend_streaming)(Crc32c crc, void* to, const void* from, std::size_t size);

  // crc * x^(8 * bytes) modulo the polynomial, without inversions: the factor by which `bytes`
  // following bytes move a value. digest/algebra.h builds Combine and its inverses on it.
  Crc32c (*shift)(Crc32c crc, std::uint64_t bytes);
};

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_KERNEL_H_
