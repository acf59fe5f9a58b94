// Loads for CRC32C kernels: little-endian words from any address, on any machine.
#ifndef ISTHMUS_DIGEST_LOAD_H_
#define ISTHMUS_DIGEST_LOAD_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace isthmus::digest {

// The unsigned integer whose bytes, least significant first, stand at `data`.
template <class Word>
[[gnu::always_inline]] inline Word LoadLittle(const void* data) {
  if constexpr (std::endian::native == std::endian::little) {
    Word word;
    std::memcpy(&word, data, sizeof word);
    return word;
  } else {
    const auto* bytes = static_cast<const unsigned char*>(data);
    Word word = 0;
    for (std::size_t i = 0; i < sizeof word; ++i) {
      word = static_cast<Word>(word | Word{bytes[i]} << (8 * i));
    }
    return word;
  }
}

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_LOAD_H_
