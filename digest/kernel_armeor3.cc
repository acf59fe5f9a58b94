// CRC32C by folding of 128-bit vectors (PMULL), added three at a time (EOR3), and scalar streams beside it, on
// ARMv8.2.
#if defined(__aarch64__)

#include <arm_acle.h>
#include <arm_neon.h>

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

ISTHMUS_TARGET_BEGIN("arch=armv8.2-a+crc+crypto+sha3")

#define ISTHMUS_EOR3 1

namespace isthmus::digest {
namespace {

// The sizes that ShortChain, folding and the hybrid share between them, as measured on Zen 4
// (docs/digest.md).
constexpr std::size_t kChainUpTo = 127;
constexpr std::size_t kHybridFrom = 0;
constexpr std::size_t kHybridUpTo = std::size_t{3} << 20;

}  // namespace
}  // namespace isthmus::digest

// Each part builds on the one before.
// clang-format off
#include "digest/arm_step.h"
#include "digest/chain.h"
#include "digest/arm_vector.h"
#include "digest/stitch.h"
#include "digest/fold.h"
#include "digest/hybrid.h"
// clang-format on

namespace isthmus::digest {

constinit const Kernel kArmEor3Kernel = {
    .name = "armeor3",
    .extend = ExtendHot,
    .extend_cold = ExtendCold,
    .extend_gather = ExtendGather<ExtendHot>,
    .compute_batch = ComputeBatch<ExtendHot>,
    .copy_and_extend = CopyAndExtend<WithStreams>,
    .copy_and_extend_streaming = CopyAndExtendStreaming<WithStreams>,
    .shift = Shift,
};

}  // namespace isthmus::digest

ISTHMUS_TARGET_END

#endif  // defined(__aarch64__)
