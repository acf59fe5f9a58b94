// One CRC32C step by the SSE4.2 crc32 instruction. Included by an x86 kernel's file within its
// ISTHMUS_TARGET_BEGIN, as are the other .h files that are said to be parts of kernels: every
// kernel compiles a copy of its own, for its own instruction set, with internal linkage.
namespace isthmus::digest {
namespace {

using Byte = unsigned char;

// The register is kept in 64 bits, as the instruction does, to save the moves.
inline std::uint64_t Step8(std::uint64_t state, std::uint64_t word) {
  return _mm_crc32_u64(state, word);
}
inline std::uint64_t Step4(std::uint64_t state, std::uint32_t word) {
  return _mm_crc32_u32(static_cast<std::uint32_t>(state), word);
}
inline std::uint64_t Step2(std::uint64_t state, std::uint16_t word) {
  return _mm_crc32_u16(static_cast<std::uint32_t>(state), word);
}
inline std::uint64_t Step1(std::uint64_t state, std::uint8_t word) {
  return _mm_crc32_u8(static_cast<std::uint32_t>(state), word);
}

}  // namespace
}  // namespace isthmus::digest
