// Published digests of "abc" and of nothing: RFC 1321, FIPS 180-4 and FIPS 202.

#include "protocol/auth/openssl_hashes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace isthmus::auth {
namespace {

std::span<const std::byte> Span(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string HashHex(uint8_t number, std::string_view a, std::string_view b) {
  const HashAlgorithm* hash = FindHash(OpenSslHashes(), number);
  if (hash == nullptr) return "none";
  std::array<std::byte, kMaxDigestBytes> out;
  const std::array<std::span<const std::byte>, 2> parts = {Span(a), Span(b)};
  if (!hash->compute(parts, out.data())) return "failed";
  std::string hex;
  for (size_t i = 0; i < hash->digest_size; ++i) {
    hex += "0123456789abcdef"[static_cast<int>(out[i] >> 4)];
    hex += "0123456789abcdef"[static_cast<int>(out[i] & std::byte{0xf})];
  }
  return hex;
}

TEST(OpenSslHashesTest, PublishedVectors) {
  const struct {
    uint8_t number;
    const char* abc;
    const char* empty;
  } kVectors[] = {
      {5, "900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"},
      {6, "a9993e364706816aba3e25717850c26c9cd0d89d", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {7, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {8, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
       "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"},
  };
  for (const auto& vector : kVectors) {
    EXPECT_EQ(HashHex(vector.number, "abc", ""), vector.abc) << int{vector.number};
    EXPECT_EQ(HashHex(vector.number, "a", "bc"), vector.abc) << int{vector.number};
    EXPECT_EQ(HashHex(vector.number, "", ""), vector.empty) << int{vector.number};
  }
}

TEST(OpenSslHashesTest, TableHoldsTheFourInOrderOfStrength) {
  std::string numbers;
  for (const HashAlgorithm& hash : OpenSslHashes()) numbers += std::to_string(hash.chap_algorithm);
  EXPECT_EQ(numbers, "8765");
  ASSERT_EQ(OpenSslMd5Only().size(), 1u);
  EXPECT_EQ(OpenSslMd5Only()[0].chap_algorithm, 5);
  EXPECT_EQ(FindHash(OpenSslHashes(), 4), nullptr);
  EXPECT_EQ(FindHash(OpenSslHashes(), 5 + 256), nullptr);
}

}  // namespace
}  // namespace isthmus::auth
