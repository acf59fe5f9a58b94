// The CRC32C value and its four bytes on the wire (RFC 7143 section 13.1, polynomial 0x1EDC6F41).
//
// A Crc32c is the finished digest, with the inversions of both ends in it, of some bytes; of no
// bytes it is Crc32c{}. It is also the whole state of an incremental computation: extending the
// value of A by B gives the value of A followed by B, so one word is all that a stream has to keep.
//
//   Crc32c crc;                            // of nothing yet
//   crc = Extend(crc, part, part_size);    // digest/crc32c.h, or kernel->extend
//   StoreDigest(crc, wire);                // four bytes, least significant first
#ifndef ISTHMUS_DIGEST_VALUE_H_
#define ISTHMUS_DIGEST_VALUE_H_

#include <cstddef>
#include <cstdint>

namespace isthmus::digest {

// The CRC32C of a run of bytes. 32 bytes of zeros give 0x8a9136aa.
struct Crc32c {
  std::uint32_t value = 0;

  friend constexpr bool operator==(Crc32c, Crc32c) = default;
};

// Bytes that a digest takes on the wire.
inline constexpr std::size_t kDigestSize = 4;

// Bytes [data, data + size), borrowed for the length of one call. `data` may be null if `size` is
// zero.
struct Piece {
  const void* data = nullptr;
  std::size_t size = 0;
};

// Writes the kDigestSize wire bytes of `crc` to `wire`: 32 zeros give aa 36 91 8a (RFC 7143
// appendix A.4 prints the vectors in this order).
constexpr void StoreDigest(Crc32c crc, std::byte* wire) {
  for (int i = 0; i < 4; ++i) wire[i] = static_cast<std::byte>(crc.value >> (8 * i));
}

// Reads kDigestSize wire bytes.
constexpr Crc32c LoadDigest(const std::byte* wire) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(wire[i]) << (8 * i);
  return Crc32c{value};
}

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_VALUE_H_
