// The hashes of CHAP as an injected table: the core computes none itself.
//
// A front-end passes auth::OpenSslHashes() (protocol/auth/openssl_hashes.h) or functions of its
// own.

#ifndef ISTHMUS_PROTOCOL_AUTH_HASH_H_
#define ISTHMUS_PROTOCOL_AUTH_HASH_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus::auth {

inline constexpr size_t kMaxDigestBytes = 64;

struct HashAlgorithm {
  // IANA, PPP authentication algorithms: 5 MD5, 6 SHA1, 7 SHA-256, 8 SHA3-256 (RFC 7143 section
  // 12.1.3 requires 5).
  uint8_t chap_algorithm;
  uint8_t digest_size;  // bytes, at most kMaxDigestBytes

  // Hashes the concatenation of `parts` into `out` of digest_size bytes. False if the hash is not
  // to be had (a library in FIPS mode has no MD5). Called from whatever thread drives the
  // connection.
  bool (*compute)(std::span<const std::span<const std::byte>> parts, std::byte* out);

  // In place of `compute`, where that is nullptr: the same, for a hash that needs a word of its owner's (C programs).
  bool (*compute_with)(const void* context, std::span<const std::span<const std::byte>> parts,
                       std::byte* out) = nullptr;
  const void* context = nullptr;

  bool Compute(std::span<const std::span<const std::byte>> parts, std::byte* out) const {
    return compute != nullptr ? compute(parts, out) : compute_with(context, parts, out);
  }
};

// The entry for a number, or nullptr.
inline const HashAlgorithm* FindHash(std::span<const HashAlgorithm> algorithms, uint64_t number) {
  for (const HashAlgorithm& algorithm : algorithms) {
    if (algorithm.chap_algorithm == number) return &algorithm;
  }
  return nullptr;
}

}  // namespace isthmus::auth

#endif  // ISTHMUS_PROTOCOL_AUTH_HASH_H_
