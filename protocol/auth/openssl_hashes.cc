#include "protocol/auth/openssl_hashes.h"

#include <openssl/evp.h>

#include <memory>

namespace isthmus::auth {
namespace {

bool Compute(const EVP_MD* algorithm, std::span<const std::span<const std::byte>> parts,
             std::byte* out) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (context == nullptr || EVP_DigestInit_ex(context.get(), algorithm, nullptr) != 1) return false;
  for (const std::span<const std::byte>& part : parts) {
    if (EVP_DigestUpdate(context.get(), part.data(), part.size()) != 1) return false;
  }
  return EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out), nullptr) == 1;
}

constexpr HashAlgorithm kMd5 = {
    5, 16, [](std::span<const std::span<const std::byte>> parts, std::byte* out) {
      return Compute(EVP_md5(), parts, out);
    }};
constexpr HashAlgorithm kSha1 = {
    6, 20, [](std::span<const std::span<const std::byte>> parts, std::byte* out) {
      return Compute(EVP_sha1(), parts, out);
    }};
constexpr HashAlgorithm kSha256 = {
    7, 32, [](std::span<const std::span<const std::byte>> parts, std::byte* out) {
      return Compute(EVP_sha256(), parts, out);
    }};
constexpr HashAlgorithm kSha3 = {
    8, 32, [](std::span<const std::span<const std::byte>> parts, std::byte* out) {
      return Compute(EVP_sha3_256(), parts, out);
    }};

constexpr HashAlgorithm kStrongestFirst[] = {kSha3, kSha256, kSha1, kMd5};
constexpr HashAlgorithm kMd5Only[] = {kMd5};

}  // namespace

std::span<const HashAlgorithm> OpenSslHashes() { return kStrongestFirst; }

std::span<const HashAlgorithm> OpenSslMd5Only() { return kMd5Only; }

}  // namespace isthmus::auth
