// Big-endian numbers in CDBs and parameter data, and the writer of parameter data that an
// allocation length cuts.
#ifndef ISTHMUS_TARGET_SCSI_BYTES_H_
#define ISTHMUS_TARGET_SCSI_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace isthmus::scsi {

// `count` bytes at `offset`, which the caller has made sure are there.
inline uint64_t LoadBig(std::span<const std::byte> bytes, size_t offset, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value = value << 8 | std::to_integer<uint8_t>(bytes[offset + i]);
  }
  return value;
}

inline void StoreBig(std::span<std::byte> bytes, size_t offset, size_t count, uint64_t value) {
  for (size_t i = 0; i < count; ++i) {
    bytes[offset + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
  }
}

// Appends parameter data to a buffer. It counts all that is written and keeps what fits, so that
// length fields tell the whole size however small the buffer is.
class DataInWriter {
 public:
  explicit DataInWriter(std::span<std::byte> buffer) : buffer_(buffer) {}

  size_t size() const { return size_; }

  void Put(uint64_t value, size_t count) {
    for (size_t i = 0; i < count; ++i)
      PutByte(static_cast<std::byte>(value >> (8 * (count - 1 - i))));
  }
  void Zeroes(size_t count) {
    for (size_t i = 0; i < count; ++i) PutByte(std::byte{0});
  }
  void Bytes(std::span<const std::byte> bytes) {
    for (std::byte b : bytes) PutByte(b);
  }
  void Text(std::string_view text) {
    for (char c : text) PutByte(static_cast<std::byte>(c));
  }
  // Left-aligned ASCII, cut or filled with spaces to `count` bytes (SPC-4 4.3.1).
  void Padded(std::string_view text, size_t count) {
    Text(text.substr(0, count));
    for (size_t i = text.size(); i < count; ++i) PutByte(std::byte{' '});
  }
  // Overwrites what was written before, as a length field filled in last.
  void Set(size_t offset, uint64_t value, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (offset + i < buffer_.size()) {
        buffer_[offset + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
      }
    }
  }

 private:
  void PutByte(std::byte b) {
    if (size_ < buffer_.size()) buffer_[size_] = b;
    ++size_;
  }

  std::span<std::byte> buffer_;
  size_t size_ = 0;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_BYTES_H_
