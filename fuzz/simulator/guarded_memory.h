// The memory that an engine is given, of exactly its stated sum, with a guard behind it.
//
//   GuardedMemory memory(target::Session::MemoryNeeded(options));
//   target::Session session(options, memory.bytes());
//   if (!memory.intact()) ...
#ifndef ISTHMUS_FUZZ_SIMULATOR_GUARDED_MEMORY_H_
#define ISTHMUS_FUZZ_SIMULATOR_GUARDED_MEMORY_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace isthmus::simulator {

class GuardedMemory {
 public:
  explicit GuardedMemory(size_t size)
      : size_(size), memory_(std::make_unique<std::byte[]>(size + kGuardBytes)) {
    std::memset(memory_.get() + size_, kGuard, kGuardBytes);
  }

  std::span<std::byte> bytes() { return {memory_.get(), size_}; }
  bool intact() const {
    for (size_t i = 0; i < kGuardBytes; ++i) {
      if (memory_[size_ + i] != std::byte{kGuard}) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kGuardBytes = 64;
  static constexpr int kGuard = 0xc5;

  size_t size_;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_GUARDED_MEMORY_H_
