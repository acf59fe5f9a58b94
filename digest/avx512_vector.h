// Part of the AVX-512 kernels: what fold.h wants of a vector, with VPCLMULQDQ on 512 bits.
namespace isthmus::digest {
namespace {

constexpr std::size_t kWidth = 64;
using Vector = __m512i;

inline Vector Load(const Byte* p) { return _mm512_loadu_si512(p); }
inline void Store(Byte* d, Vector v) { _mm512_storeu_si512(d, v); }
inline void StoreAround(Byte* d, Vector v) {
  _mm512_stream_si512(reinterpret_cast<__m512i*>(d), v);
}
inline Vector ClmulLow(Vector v, Vector k) { return _mm512_clmulepi64_epi128(v, k, 0x00); }
inline Vector ClmulHigh(Vector v, Vector k) { return _mm512_clmulepi64_epi128(v, k, 0x11); }
inline Vector Xor(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
inline Vector Xor3(Vector a, Vector b, Vector c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}
inline Vector FromLow(std::uint32_t word) {
  return _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(word)));
}
inline Vector InLastLane(std::uint64_t word) {
  return _mm512_inserti64x2(_mm512_setzero_si512(), _mm_cvtsi64_si128(static_cast<long long>(word)),
                            3);
}
inline Halves SumOfLanes(Vector v) {
  // Not the intrinsics that extract halves: GCC 12 warns falsely inside them.
  const __m256i two = _mm256_xor_si256(__builtin_shufflevector(v, v, 0, 1, 2, 3),
                                       __builtin_shufflevector(v, v, 4, 5, 6, 7));
  return SplitLane(_mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1)));
}
inline void Copy32(Byte* d, const Byte* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(d),
                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// Fewer than kWidth bytes.
inline void CopyTail(Byte* d, const Byte* p, std::size_t size) {
  const __mmask64 mask = (std::uint64_t{1} << size) - 1;
  _mm512_mask_storeu_epi8(d, mask, _mm512_maskz_loadu_epi8(mask, p));
}
inline void Pin(Vector& v) { asm volatile("" : "+v"(v)); }

}  // namespace
}  // namespace isthmus::digest
