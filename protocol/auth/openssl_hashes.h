// CHAP's hashes by OpenSSL: MD5, SHA1, SHA-256, SHA3-256. Not part of the core; front-ends and
// tests link it.
//
//   auth::ChapPolicy policy{.algorithms = auth::OpenSslHashes()};

#ifndef ISTHMUS_PROTOCOL_AUTH_OPENSSL_HASHES_H_
#define ISTHMUS_PROTOCOL_AUTH_OPENSSL_HASHES_H_

#include <span>

#include "protocol/auth/hash.h"

namespace isthmus::auth {

// Strongest first: 8, 7, 6, 5.
std::span<const HashAlgorithm> OpenSslHashes();

// 5 alone: towards a target that takes 7 for SHA1 and picks the first number that it knows (tgt).
std::span<const HashAlgorithm> OpenSslMd5Only();

}  // namespace isthmus::auth

#endif  // ISTHMUS_PROTOCOL_AUTH_OPENSSL_HASHES_H_
