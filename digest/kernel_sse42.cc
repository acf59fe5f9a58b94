// CRC32C by the SSE4.2 crc32 instruction alone (Nehalem and later).
#if defined(__x86_64__)

#include <immintrin.h>

#include <atomic>
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

// Each part builds on the one before.
// clang-format off
#include "digest/x86_step.h"
#include "digest/chain.h"
#include "digest/streams.h"
// clang-format on

namespace isthmus::digest {

constinit const Kernel kSse42Kernel = {
    .name = "sse42",
    .extend = Extend,
    .extend_cold = Extend,
    .extend_gather = ExtendGather,
    .compute_batch = ComputeBatch<Extend>,
    .copy_and_extend = CopyThenExtend<Extend>,
    .copy_and_extend_streaming = CopyThenExtend<Extend>,
    .shift = Shift,
};

}  // namespace isthmus::digest

ISTHMUS_TARGET_END

#endif  // defined(__x86_64__)
