// Digests of joined and divided byte runs, from their digests alone: for the partial values of a
// device, of another thread or of a retransmitted part.
//
//   whole = Combine(kernel, first, second, second_size);
//   first = RemoveSuffix(kernel, whole, second, second_size);
//   second = RemovePrefix(kernel, whole, first, second_size);
#ifndef ISTHMUS_DIGEST_ALGEBRA_H_
#define ISTHMUS_DIGEST_ALGEBRA_H_

#include <cstdint>

#include "digest/gf2.h"
#include "digest/kernel.h"
#include "digest/value.h"

namespace isthmus::digest {

// The digest of A followed by B, from those of A and B and the size of B in bytes.
inline Crc32c Combine(const Kernel& kernel, Crc32c a, Crc32c b, std::uint64_t b_size) {
  return Crc32c{kernel.shift(a, b_size).value ^ b.value};
}

// The digest of B, from those of A followed by B and of A, and the size of B in bytes.
inline Crc32c RemovePrefix(const Kernel& kernel, Crc32c whole, Crc32c a, std::uint64_t b_size) {
  return Combine(kernel, a, whole, b_size);
}

// The digest of A, from those of A followed by B and of B, and the size of B in bytes.
inline Crc32c RemoveSuffix(const Kernel& kernel, Crc32c whole, Crc32c b, std::uint64_t b_size) {
  return kernel.shift(Crc32c{whole.value ^ b.value}, gf2::kOrder - gf2::ReduceBytes(b_size));
}

// The digest of A followed by `count` zero bytes.
inline Crc32c AppendZeros(const Kernel& kernel, Crc32c a, std::uint64_t count) {
  return Crc32c{~kernel.shift(Crc32c{~a.value}, count).value};
}

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_ALGEBRA_H_
