// Part of the PCLMULQDQ kernel: what fold.h wants of a vector, on 128 bits.
namespace isthmus::digest {
namespace {

constexpr std::size_t kWidth = 16;
using Vector = __m128i;

inline Vector Load(const Byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline void Store(Byte* d, Vector v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(d), v); }
inline void StoreAround(Byte* d, Vector v) { _mm_stream_si128(reinterpret_cast<__m128i*>(d), v); }
inline Vector ClmulLow(Vector v, Vector k) { return _mm_clmulepi64_si128(v, k, 0x00); }
inline Vector ClmulHigh(Vector v, Vector k) { return _mm_clmulepi64_si128(v, k, 0x11); }
inline Vector Xor(Vector a, Vector b) { return _mm_xor_si128(a, b); }
inline Vector Xor3(Vector a, Vector b, Vector c) { return Xor(Xor(a, b), c); }
inline Vector FromLow(std::uint32_t word) { return _mm_cvtsi32_si128(static_cast<int>(word)); }
inline Vector InLastLane(std::uint64_t word) {
  return _mm_cvtsi64_si128(static_cast<long long>(word));
}
inline Halves SumOfLanes(Vector v) { return SplitLane(v); }
inline void Copy32(Byte* d, const Byte* p) {
  Store(d, Load(p));
  Store(d + 16, Load(p + 16));
}
// Fewer than kWidth bytes.
inline void CopyTail(Byte* d, const Byte* p, std::size_t size) { ShortCopy(d, p, size); }
inline void Pin(Vector& v) { asm volatile("" : "+x"(v)); }

}  // namespace
}  // namespace isthmus::digest
