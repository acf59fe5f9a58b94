// CRC32C by the ARMv8 CRC32 instructions alone.
#if defined(__aarch64__)

#include <arm_acle.h>

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

ISTHMUS_TARGET_BEGIN("+crc")

// Each part builds on the one before.
// clang-format off
#include "digest/arm_step.h"
#include "digest/chain.h"
#include "digest/streams.h"
// clang-format on

namespace isthmus::digest {

constinit const Kernel kArmCrcKernel = {
    .name = "armcrc",
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

#endif  // defined(__aarch64__)
