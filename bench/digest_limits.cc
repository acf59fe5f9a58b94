#include "bench/digest_limits.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/target_attributes.h"
#include "digest/value.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#endif

namespace isthmus::bench {
namespace {

using digest::Crc32c;
using digest::Kernel;
using digest::Piece;
using Extend = Crc32c (*)(Crc32c, const void*, std::size_t);

template <Extend kExtend>
Crc32c Gather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) crc = kExtend(crc, pieces[i].data, pieces[i].size);
  return crc;
}

template <Extend kExtend>
void Batch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  for (std::size_t i = 0; i < count; ++i) digests[i] = kExtend({}, pieces[i].data, pieces[i].size);
}

template <Extend kExtend>
Crc32c CopyThen(Crc32c crc, void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
  return kExtend(crc, to, size);
}

Crc32c NoShift(Crc32c crc, std::uint64_t) { return crc; }

template <Extend kExtend>
constexpr Kernel MakeKernel(const char* name) {
  return {name,           kExtend,           kExtend,           Gather<kExtend>,
          Batch<kExtend>, CopyThen<kExtend>, CopyThen<kExtend>, NoShift};
}

#if defined(__x86_64__)

ISTHMUS_TARGET_BEGIN("sse4.2")
Crc32c Chain(Crc32c crc, const void* data, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint64_t state = static_cast<std::uint32_t>(~crc.value);
  for (; size >= 8; size -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  if ((size & 4) != 0) {
    std::uint32_t word;
    std::memcpy(&word, p, 4);
    narrow = _mm_crc32_u32(narrow, word);
    p += 4;
  }
  if ((size & 2) != 0) {
    std::uint16_t word;
    std::memcpy(&word, p, 2);
    narrow = _mm_crc32_u16(narrow, word);
    p += 2;
  }
  if ((size & 1) != 0) narrow = _mm_crc32_u8(narrow, *p);
  return {~narrow};
}
ISTHMUS_TARGET_END

constinit const Kernel kChain = MakeKernel<Chain>("chain");

ISTHMUS_TARGET_BEGIN("avx512f,avx512bw")
Crc32c ReadWide(Crc32c crc, const void* data, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  __m512i a = _mm512_set1_epi32(static_cast<int>(crc.value)), b = a, c = a, d = a;
  std::size_t i = 0;
  for (; i + 256 <= size; i += 256) {
    a = _mm512_add_epi64(a, _mm512_loadu_si512(p + i));
    b = _mm512_add_epi64(b, _mm512_loadu_si512(p + i + 64));
    c = _mm512_add_epi64(c, _mm512_loadu_si512(p + i + 128));
    d = _mm512_add_epi64(d, _mm512_loadu_si512(p + i + 192));
  }
  for (; i + 64 <= size; i += 64) a = _mm512_add_epi64(a, _mm512_loadu_si512(p + i));
  if (i < size) {
    const __mmask64 rest = (std::uint64_t{1} << (size - i)) - 1;
    b = _mm512_add_epi64(b, _mm512_maskz_loadu_epi8(rest, p + i));
  }
  a = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d));
  const __m256i two = _mm256_xor_si256(__builtin_shufflevector(a, a, 0, 1, 2, 3),
                                       __builtin_shufflevector(a, a, 4, 5, 6, 7));
  const __m128i one = _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
  return {static_cast<std::uint32_t>(_mm_cvtsi128_si64(one) ^ _mm_extract_epi64(one, 1))};
}
ISTHMUS_TARGET_END

constinit const Kernel kReadWide = MakeKernel<ReadWide>("read");

#elif defined(__aarch64__)

ISTHMUS_TARGET_BEGIN("+crc")
Crc32c Chain(Crc32c crc, const void* data, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint32_t state = ~crc.value;
  for (; size >= 8; size -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    state = __crc32cd(state, word);
  }
  for (; size != 0; --size, ++p) state = __crc32cb(state, *p);
  return {~state};
}
ISTHMUS_TARGET_END

constinit const Kernel kChain = MakeKernel<Chain>("chain");

#endif

// As wide as the baseline has them.
Crc32c ReadNarrow(Crc32c crc, const void* data, std::size_t size) {
  using Vector [[gnu::vector_size(16)]] = std::uint64_t;
  const auto* p = static_cast<const unsigned char*>(data);
  Vector sum[4] = {};
  for (; size >= 64; size -= 64, p += 64) {
    for (int i = 0; i < 4; ++i) {
      Vector word;
      std::memcpy(&word, p + 16 * i, 16);
      sum[i] += word;
    }
  }
  const Vector all = sum[0] + sum[1] + sum[2] + sum[3];
  std::uint64_t rest = all[0] ^ all[1] ^ crc.value;
  for (; size != 0; --size) rest += *p++;
  return {static_cast<std::uint32_t>(rest)};
}

constinit const Kernel kReadNarrow = MakeKernel<ReadNarrow>("read");

constexpr std::size_t kMost = std::size_t{16} << 20;

Crc32c CopyAside(Crc32c crc, const void* data, std::size_t size) {
  // 2048 bytes off the source's place in a page: nearly equal low address bits would hurt.
  static unsigned char* const aside =
      static_cast<unsigned char*>(::operator new (kMost + 4096, std::align_val_t{4096})) + 2048;
  std::memcpy(aside, data, size);
  return crc;
}

Crc32c CopyOnly(Crc32c crc, void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
  return crc;
}

constinit const Kernel kMemcpy = {"memcpy",         CopyAside, CopyAside, Gather<CopyAside>,
                                  Batch<CopyAside>, CopyOnly,  CopyOnly,  NoShift};

}  // namespace

const Kernel* ChainKernel() {
#if defined(__x86_64__)
  return digest::KernelByName("sse42") != nullptr ? &kChain : nullptr;
#elif defined(__aarch64__)
  return digest::KernelByName("armcrc") != nullptr ? &kChain : nullptr;
#else
  return nullptr;
#endif
}

const Kernel& ReadKernel() {
#if defined(__x86_64__)
  if (digest::KernelByName("avx512") != nullptr) return kReadWide;
#endif
  return kReadNarrow;
}

const Kernel& MemcpyKernel() { return kMemcpy; }

}  // namespace isthmus::bench
