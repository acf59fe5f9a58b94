// An independent model of CRC32C for tests: the division of RFC 7143 section 13.1 done bit by bit
// on unreflected words, sharing nothing with the kernels.
#ifndef ISTHMUS_DIGEST_BIT_MODEL_H_
#define ISTHMUS_DIGEST_BIT_MODEL_H_

#include <cstddef>
#include <cstdint>

namespace isthmus::digest {

// The register after `bits` of [data, data + size), each byte's least significant bit first.
inline std::uint32_t BitModelRegister(std::uint32_t remainder, const unsigned char* data,
                                      std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      const std::uint32_t in = (data[i] >> bit) & 1u;
      const std::uint32_t out = remainder >> 31;
      remainder = (remainder << 1) ^ (in != out ? 0x1EDC6F41u : 0u);
    }
  }
  return remainder;
}

inline std::uint32_t ReverseBits(std::uint32_t word) {
  std::uint32_t reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= ((word >> i) & 1u) << (31 - i);
  return reversed;
}

// The finished digest as a number.
inline std::uint32_t BitModelCrc32c(const unsigned char* data, std::size_t size) {
  return ~ReverseBits(BitModelRegister(0xFFFFFFFFu, data, size));
}

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_BIT_MODEL_H_
