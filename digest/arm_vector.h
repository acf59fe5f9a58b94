// Part of the ARM kernels that have PMULL: what stitch.h and fold.h want of a vector, on 128 bits. Wants ISTHMUS_EOR3
// to be 1 where three vectors are added in one instruction (SHA3), else 0.
namespace isthmus::digest {
namespace {

constexpr std::size_t kWidth = 16;
using Vector = uint64x2_t;

struct Halves {
  std::uint64_t low, high;
};

inline std::uint64_t Clmul32(std::uint32_t a, std::uint32_t b) {
  return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64(a, b)), 0);
}

inline Vector Load(const Byte* p) { return vreinterpretq_u64_u8(vld1q_u8(p)); }
inline void Store(Byte* d, Vector v) { vst1q_u8(d, vreinterpretq_u8_u64(v)); }
// ARM has non-temporal pairs only, and cores take them for plain stores.
inline void StoreAround(Byte* d, Vector v) { Store(d, v); }
inline void StoresAreSeen() {}
inline Vector ClmulLow(Vector v, Vector k) {
  return vreinterpretq_u64_p128(vmull_p64(static_cast<poly64_t>(vgetq_lane_u64(v, 0)),
                                          static_cast<poly64_t>(vgetq_lane_u64(k, 0))));
}
inline Vector ClmulHigh(Vector v, Vector k) {
  return vreinterpretq_u64_p128(vmull_high_p64(vreinterpretq_p64_u64(v), vreinterpretq_p64_u64(k)));
}
inline Vector Xor(Vector a, Vector b) { return veorq_u64(a, b); }
inline Vector Xor3(Vector a, Vector b, Vector c) {
#if ISTHMUS_EOR3
  return veor3q_u64(a, b, c);
#else
  return Xor(Xor(a, b), c);
#endif
}
inline Vector FromLow(std::uint32_t word) { return vsetq_lane_u64(word, vdupq_n_u64(0), 0); }
inline Vector InLastLane(std::uint64_t word) { return vsetq_lane_u64(word, vdupq_n_u64(0), 0); }
inline Halves SumOfLanes(Vector v) { return {vgetq_lane_u64(v, 0), vgetq_lane_u64(v, 1)}; }
inline void Copy32(Byte* d, const Byte* p) {
  Store(d, Load(p));
  Store(d + 16, Load(p + 16));
}
// Fewer than kWidth bytes.
inline void CopyTail(Byte* d, const Byte* p, std::size_t size) { ShortCopy(d, p, size); }
inline void Pin(Vector& v) { asm volatile("" : "+w"(v)); }
inline void Pin(std::uint64_t& word) { asm volatile("" : "+r"(word)); }

}  // namespace
}  // namespace isthmus::digest
