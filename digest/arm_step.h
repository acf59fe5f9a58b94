// One CRC32C step by the ARMv8 CRC32 instructions; part of the ARM kernels as x86_step.h is of the x86 kernels.
namespace isthmus::digest {
namespace {

using Byte = unsigned char;

inline std::uint64_t Step8(std::uint64_t state, std::uint64_t word) {
  return __crc32cd(static_cast<std::uint32_t>(state), word);
}
inline std::uint64_t Step4(std::uint64_t state, std::uint32_t word) {
  return __crc32cw(static_cast<std::uint32_t>(state), word);
}
inline std::uint64_t Step2(std::uint64_t state, std::uint16_t word) {
  return __crc32ch(static_cast<std::uint32_t>(state), word);
}
inline std::uint64_t Step1(std::uint64_t state, std::uint8_t word) {
  return __crc32cb(static_cast<std::uint32_t>(state), word);
}

}  // namespace
}  // namespace isthmus::digest
