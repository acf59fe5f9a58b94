// CRC32C by folding of 512-bit vectors (AVX-512 with VPCLMULQDQ) and, where the data is hot, scalar
// streams beside it.
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

// The sizes that ShortChain, folding and the hybrid share between them, as measured on Zen 4
// (docs/digest.md).
constexpr std::size_t kChainUpTo = 80;
constexpr std::size_t kHybridFrom = 1152;
constexpr std::size_t kHybridUpTo = std::size_t{3} << 20;

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
#include "digest/hybrid.h"
// clang-format on

namespace isthmus::digest {

constinit const Kernel kAvx512Kernel = {
    .name = "avx512",
    .extend = ExtendHot,
    .extend_cold = ExtendCold,
    .extend_gather = ExtendGather<ExtendHot>,
    .compute_batch = ComputeBatch<ExtendHot>,
    // A copy's stores leave no room for streams, which would have to read back what was stored: measured, they lose.
    .copy_and_extend = CopyAndExtend<FoldingOnly>,
    .copy_and_extend_streaming = CopyAndExtendStreaming<FoldingOnly>,
    .shift = Shift,
};

}  // namespace isthmus::digest

ISTHMUS_TARGET_END

#endif  // defined(__x86_64__)
