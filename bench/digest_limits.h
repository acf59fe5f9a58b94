// What CRC32C kernels are measured against: one chain of crc32 instructions, reading alone, and copying alone. Shaped
// as kernels, so that the same loops measure them.
#ifndef ISTHMUS_BENCH_DIGEST_LIMITS_H_
#define ISTHMUS_BENCH_DIGEST_LIMITS_H_

#include "digest/kernel.h"

namespace isthmus::bench {

// The plain loop over _mm_crc32_u64 that every project has, or null where the instruction is not: the bars are ratios
// to it.
const digest::Kernel* ChainKernel();

// Adds up all bytes with the widest vectors there are; the values are no digests.
const digest::Kernel& ReadKernel();

// Copies only; extend copies to a buffer of its own, of 16 MiB, which is the most that it takes.
const digest::Kernel& MemcpyKernel();

}  // namespace isthmus::bench

#endif  // ISTHMUS_BENCH_DIGEST_LIMITS_H_
