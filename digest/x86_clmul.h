// Part of x86 kernels that have PCLMULQDQ: what stitch.h and fold.h want of 128-bit registers.
namespace isthmus::digest {
namespace {

inline std::uint64_t Clmul32(std::uint32_t a, std::uint32_t b) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)),
                                               _mm_cvtsi32_si128(static_cast<int>(b)), 0x00);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

struct Halves {
  std::uint64_t low, high;
};

inline Halves SplitLane(__m128i lane) {
  return {static_cast<std::uint64_t>(_mm_cvtsi128_si64(lane)),
          static_cast<std::uint64_t>(_mm_extract_epi64(lane, 1))};
}

inline void Pin(std::uint64_t& word) { asm volatile("" : "+r"(word)); }

// Makes streaming stores visible before what follows.
inline void StoresAreSeen() { _mm_sfence(); }

}  // namespace
}  // namespace isthmus::digest
