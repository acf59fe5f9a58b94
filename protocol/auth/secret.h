// Secrets: storage that is wiped, and a comparison whose time does not depend on the contents.

#ifndef ISTHMUS_PROTOCOL_AUTH_SECRET_H_
#define ISTHMUS_PROTOCOL_AUTH_SECRET_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus::auth {

inline constexpr size_t kMaxSecretBytes = 256;
inline constexpr size_t kMinSecretBytes = 12;  // 96 bits, RFC 7143 section 9.2.1

// Overwrites with zeros through volatile, so that no compiler drops it.
void Wipe(std::span<std::byte> bytes);

// Equal length and contents; the time depends on the lengths only.
bool EqualInConstantTime(std::span<const std::byte> a, std::span<const std::byte> b);

// Up to kCapacity bytes, wiped on destruction, on Clear() and before they are replaced. Neither
// copied nor moved.
template <size_t kCapacity>
class WipedBytes {
 public:
  WipedBytes() = default;
  ~WipedBytes() { Clear(); }
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;

  // False, and empty, if `value` does not fit.
  bool Assign(std::span<const std::byte> value) {
    Clear();
    if (value.size() > kCapacity) return false;
    std::copy(value.begin(), value.end(), bytes_.begin());
    size_ = value.size();
    return true;
  }
  // Makes room for `size` bytes, at most kCapacity, for the caller to fill.
  std::span<std::byte> Resize(size_t size) {
    Clear();
    size_ = std::min(size, kCapacity);
    return {bytes_.data(), size_};
  }
  void Clear() {
    Wipe(bytes_);
    size_ = 0;
  }
  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<std::byte, kCapacity> bytes_ = {};
  size_t size_ = 0;
};

using Secret = WipedBytes<kMaxSecretBytes>;

}  // namespace isthmus::auth

#endif  // ISTHMUS_PROTOCOL_AUTH_SECRET_H_
