// The SSE4.2 chain for short runs, shared by the x86 kernels. Included by a kernel's file between
// its ISTHMUS_TARGET_BEGIN and ISTHMUS_TARGET_END, inside namespace isthmus::digest, after
// <immintrin.h> and "digest/load.h": each kernel compiles a copy of its own with internal linkage.
//
// State here is the raw register: the value without the inversions of its ends.

namespace {

inline std::uint64_t Step(std::uint64_t state, std::uint64_t word) {
  return _mm_crc32_u64(state, word);
}

// Eight bytes a step, the rest by the bits of the size.
[[gnu::always_inline]] inline std::uint32_t Chain(std::uint32_t start, const unsigned char* p,
                                                  std::size_t size) {
  std::uint64_t wide = start;
  for (; size >= 8; size -= 8, p += 8) wide = _mm_crc32_u64(wide, LoadLittle<std::uint64_t>(p));
  auto state = static_cast<std::uint32_t>(wide);
  if ((size & 4) != 0) {
    state = _mm_crc32_u32(state, LoadLittle<std::uint32_t>(p));
    p += 4;
  }
  if ((size & 2) != 0) {
    state = _mm_crc32_u16(state, LoadLittle<std::uint16_t>(p));
    p += 2;
  }
  if ((size & 1) != 0) state = _mm_crc32_u8(state, *p);
  return state;
}

}  // namespace
