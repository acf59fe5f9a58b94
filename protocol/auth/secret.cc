#include "protocol/auth/secret.h"

namespace isthmus::auth {

void Wipe(std::span<std::byte> bytes) {
  volatile std::byte* at = bytes.data();
  for (size_t i = 0; i < bytes.size(); ++i) at[i] = std::byte{0};
}

bool EqualInConstantTime(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return false;
  // volatile keeps the compiler from leaving the loop at the first difference.
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace isthmus::auth
