// Memory taken once, at creation, from the embedder: a bump allocator over the caller's bytes. No
// clause of RFC 7143; design rule: memory per connection and per session is a documented sum of the
// limits given at creation.
//
// Who owns which bytes: the caller owns the span and keeps it in place for as long as anything made
// from it lives. Objects made here are never freed one by one and must be trivially destructible or
// destroyed by their owner.
//
//   std::vector<std::byte> memory(Sender::MemoryNeeded(options));
//   Arena arena(memory);
//   Sender sender(options, arena);
#ifndef ISTHMUS_PROTOCOL_ARENA_H_
#define ISTHMUS_PROTOCOL_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace isthmus {

class Arena {
 public:
  explicit Arena(std::span<std::byte> memory)
      : next_(memory.data()), end_(memory.data() + memory.size()) {}

  // An array of value-initialised T, aligned to at least 64 bytes. nullptr: the arena is too small
  // for it.
  template <class T>
  T* Make(size_t count) {
    std::byte* at = Align(next_);
    if (at > end_ || count > static_cast<size_t>(end_ - at) / sizeof(T)) return nullptr;
    T* result = reinterpret_cast<T*>(at);
    for (size_t i = 0; i < count; ++i) ::new (static_cast<void*>(result + i)) T();
    next_ = at + count * sizeof(T);
    return result;
  }

  // Bytes as they are in the caller's memory: what is never written takes no page. For buffers whose
  // every byte is written before it is read. nullptr: as Make().
  std::byte* MakeBuffer(size_t bytes) {
    std::byte* at = Align(next_);
    if (at > end_ || bytes > static_cast<size_t>(end_ - at)) return nullptr;
    next_ = at + bytes;
    return at;
  }

  size_t remaining() const { return static_cast<size_t>(end_ - next_); }

  static constexpr size_t kAlignment = 64;

  // Upper bound of what Make<T>(count) takes, whatever the arena's alignment.
  template <class T>
  static constexpr size_t Needed(size_t count) {
    return count * sizeof(T) + kAlignment - 1;
  }

 private:
  static std::byte* Align(std::byte* p) {
    const auto address = reinterpret_cast<uintptr_t>(p);
    return p + ((kAlignment - address % kAlignment) % kAlignment);
  }

  std::byte* next_;
  std::byte* end_;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_ARENA_H_
