// Part of the 256-bit VPCLMULQDQ kernel: what fold.h wants of a vector.
namespace isthmus::digest {
namespace {

constexpr std::size_t kWidth = 32;
using Vector = __m256i;

inline Vector Load(const Byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void Store(Byte* d, Vector v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(d), v); }
inline void StoreAround(Byte* d, Vector v) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(d), v);
}
inline Vector ClmulLow(Vector v, Vector k) { return _mm256_clmulepi64_epi128(v, k, 0x00); }
inline Vector ClmulHigh(Vector v, Vector k) { return _mm256_clmulepi64_epi128(v, k, 0x11); }
inline Vector Xor(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
inline Vector Xor3(Vector a, Vector b, Vector c) { return Xor(Xor(a, b), c); }
inline Vector FromLow(std::uint32_t word) {
  return _mm256_zextsi128_si256(_mm_cvtsi32_si128(static_cast<int>(word)));
}
inline Vector InLastLane(std::uint64_t word) {
  return _mm256_inserti128_si256(_mm256_setzero_si256(),
                                 _mm_cvtsi64_si128(static_cast<long long>(word)), 1);
}
inline Halves SumOfLanes(Vector v) {
  return SplitLane(_mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
}
inline void Copy32(Byte* d, const Byte* p) { Store(d, Load(p)); }
// Fewer than kWidth bytes.
inline void CopyTail(Byte* d, const Byte* p, std::size_t size) { ShortCopy(d, p, size); }
inline void Pin(Vector& v) { asm volatile("" : "+x"(v)); }

}  // namespace
}  // namespace isthmus::digest
