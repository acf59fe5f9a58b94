// CRC32C by folding of 512-bit vectors (AVX-512 with VPCLMULQDQ) alone.
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

ISTHMUS_TARGET_BEGIN("sse4.2,pclmul,avx2,bmi2,avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq")

namespace isthmus::digest {
namespace {

// Up to here ShortChain is faster than folding, as measured on Zen 4 (docs/digest.md).
constexpr std::size_t kChainUpTo = 80;

}  // namespace
}  // namespace isthmus::digest

// Each part builds on the one before.
// clang-format off
#include "digest/x86_step.h"
#include "digest/chain.h"
#include "digest/x86_clmul.h"
#include "digest/stitch.h"
#include "digest/avx512_vector.h"
#include "digest/fold.h"
// clang-format on

namespace isthmus::digest {

constinit const Kernel kAvx512FoldKernel = {
    .name = "avx512fold",
    .extend = ExtendCold,
    .extend_cold = ExtendCold,
    .extend_gather = ExtendGather<ExtendCold>,
    .compute_batch = ComputeBatch<ExtendCold>,
    .copy_and_extend = CopyAndExtend<FoldingOnly>,
    .copy_and_extend_streaming = CopyAndExtendStreaming<FoldingOnly>,
    .shift = Shift,
};

}  // namespace isthmus::digest

ISTHMUS_TARGET_END

#endif  // defined(__x86_64__)
