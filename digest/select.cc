#include "digest/select.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "digest/kernel.h"
#include "digest/tiers.h"
#include "digest/value.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace isthmus::digest {
namespace {

struct Tier {
  const Kernel* kernel;
  bool (*runs_here)();
};

bool Always() { return true; }

#if defined(__x86_64__)
// What the compiler's check calls supported includes, for registers beyond SSE, that the operating
// system saves them (XGETBV).
bool HasSse42() { return __builtin_cpu_supports("sse4.2"); }
bool HasPclmul() { return HasSse42() && __builtin_cpu_supports("pclmul"); }
bool HasVpclmul() {
  return HasPclmul() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("vpclmulqdq");
}
bool HasAvx512() {
  return HasVpclmul() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#elif defined(__aarch64__)
// CRC, PMULL and SHA3 (which EOR3 comes with) are separate bits.
bool HasCapabilities(unsigned long bits) { return (getauxval(AT_HWCAP) & bits) == bits; }
bool HasCrc() { return HasCapabilities(HWCAP_CRC32); }
bool HasPmull() { return HasCapabilities(HWCAP_CRC32 | HWCAP_PMULL); }
bool HasEor3() { return HasCapabilities(HWCAP_CRC32 | HWCAP_PMULL | HWCAP_SHA3); }
#endif

// From the slowest to the best.
constexpr Tier kTiers[] = {
    {&kPortableKernel, Always},
#if defined(__x86_64__)
    {&kSse42Kernel, HasSse42},       {&kPclmulKernel, HasPclmul}, {&kVpclmulKernel, HasVpclmul},
    {&kAvx512FoldKernel, HasAvx512}, {&kAvx512Kernel, HasAvx512},
#elif defined(__aarch64__)
    {&kArmCrcKernel, HasCrc},
    {&kArmPmullKernel, HasPmull},
    {&kArmEor3Kernel, HasEor3},
#endif
};

struct Offer {
  std::array<const Kernel*, std::size(kTiers)> kernels;
  std::size_t count;
};

Offer MakeOffer() {
#if defined(__x86_64__)
  __builtin_cpu_init();  // this may run before the constructor that does it otherwise
#endif
  Offer offer{};
  for (const Tier& tier : kTiers) {
    if (tier.runs_here()) offer.kernels[offer.count++] = tier.kernel;
  }
  return offer;
}

const Offer& GetOffer() {
  static const Offer offer = MakeOffer();
  return offer;
}

// Selects on the first call of anything, then does what was called.
Crc32c FirstExtend(Crc32c crc, const void* data, std::size_t size) {
  return SelectKernel().extend(crc, data, size);
}
Crc32c FirstExtendCold(Crc32c crc, const void* data, std::size_t size) {
  return SelectKernel().extend_cold(crc, data, size);
}
Crc32c FirstExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  return SelectKernel().extend_gather(crc, pieces, count);
}
void FirstComputeBatch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  SelectKernel().compute_batch(pieces, count, digests);
}
Crc32c FirstCopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  return SelectKernel().copy_and_extend(crc, to, from, size);
}
Crc32c FirstCopyAndExtendStreaming(Crc32c crc, void* to, const void* from, std::size_t size) {
  return SelectKernel().copy_and_extend_streaming(crc, to, from, size);
}
Crc32c FirstShift(Crc32c crc, std::uint64_t bytes) { return SelectKernel().shift(crc, bytes); }

constinit const Kernel kStandIn = {
    .name = "not selected yet",
    .extend = FirstExtend,
    .extend_cold = FirstExtendCold,
    .extend_gather = FirstExtendGather,
    .compute_batch = FirstComputeBatch,
    .copy_and_extend = FirstCopyAndExtend,
    .copy_and_extend_streaming = FirstCopyAndExtendStreaming,
    .shift = FirstShift,
};

}  // namespace

namespace internal {
constinit std::atomic<const Kernel*> g_kernel{&kStandIn};
}  // namespace internal

const Kernel& SelectKernel() {
  const Kernel* kernel = internal::g_kernel.load(std::memory_order_acquire);
  if (kernel != &kStandIn) return *kernel;
  const Offer& offer = GetOffer();
  const Kernel* best = offer.kernels[offer.count - 1];
  // A kernel that another thread forced meanwhile stays.
  return internal::g_kernel.compare_exchange_strong(kernel, best, std::memory_order_acq_rel)
             ? *best
             : *kernel;
}

std::span<const Kernel* const> OfferedKernels() {
  const Offer& offer = GetOffer();
  return {offer.kernels.data(), offer.count};
}

const Kernel* KernelByName(std::string_view name) {
  for (const Kernel* kernel : OfferedKernels()) {
    if (name == kernel->name) return kernel;
  }
  return nullptr;
}

bool ForceKernel(std::string_view name) {
  const Kernel* kernel = KernelByName(name);
  if (kernel == nullptr) return false;
  SetKernel(*kernel);
  return true;
}

bool CapKernel(std::string_view name) {
  const Kernel* best = nullptr;
  for (const Tier& tier : kTiers) {
    if (KernelByName(tier.kernel->name) != nullptr) best = tier.kernel;
    if (name == tier.kernel->name) {
      SetKernel(*best);
      return true;
    }
  }
  return false;
}

void SetKernel(const Kernel& kernel) {
  internal::g_kernel.store(&kernel, std::memory_order_release);
}

}  // namespace isthmus::digest
