// Buffers for data on its way between the network and a disk: one thread's free lists by size, under a budget that all
// threads share. Beyond the budget a command is answered BUSY: memory stays bounded whatever initiators ask.
//
//   Buffer buffer = pool.Take(bytes);       // empty(): over budget
//   pool.Give(std::move(buffer));
#ifndef ISTHMUS_TARGET_DAEMON_BUFFER_POOL_H_
#define ISTHMUS_TARGET_DAEMON_BUFFER_POOL_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace isthmus::target {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::byte* data, size_t size) : data_(data), size_(size) {}
  // What was moved from is empty, its size too.
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  bool empty() const { return data_ == nullptr; }
  size_t size() const { return size_; }
  std::span<std::byte> first(size_t bytes) { return {data_.get(), bytes}; }

 private:
  friend class BufferPool;
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

// Bytes that buffers of all threads may hold, those that lie unused in free lists included.
class BufferBudget {
 public:
  explicit BufferBudget(uint64_t bytes) : left_(static_cast<int64_t>(bytes)) {}

  bool Reserve(size_t bytes) {
    if (left_.fetch_sub(static_cast<int64_t>(bytes)) >= static_cast<int64_t>(bytes)) return true;
    Release(bytes);
    return false;
  }
  void Release(size_t bytes) { left_.fetch_add(static_cast<int64_t>(bytes)); }

 private:
  std::atomic<int64_t> left_;
};

class BufferPool {
 public:
  static constexpr size_t kSmallest = 4096, kLargest = 1 << 20;

  explicit BufferPool(BufferBudget& budget) : budget_(budget) {}
  ~BufferPool() {
    for (size_t i = 0; i < free_.size(); ++i) budget_.Release(free_[i].size() * SizeOf(i));
  }

  // At least `bytes` (at most kLargest), aligned to a page. Not zeroed. empty(): over budget, or no memory.
  Buffer Take(size_t bytes) {
    const size_t list = ClassOf(bytes);
    if (list >= free_.size()) return {};
    if (!free_[list].empty()) {
      Buffer buffer = std::move(free_[list].back());
      free_[list].pop_back();
      return buffer;
    }
    if (!budget_.Reserve(SizeOf(list))) return {};
    auto* const data = static_cast<std::byte*>(std::aligned_alloc(4096, SizeOf(list)));
    if (data == nullptr) {
      budget_.Release(SizeOf(list));
      return {};
    }
    return Buffer(data, SizeOf(list));
  }

  void Give(Buffer buffer) {
    if (buffer.empty()) return;
    std::vector<Buffer>& list = free_[ClassOf(buffer.size())];
    if ((list.size() + 1) * buffer.size() <= kKeptBytes && HasRoom(list)) {
      list.push_back(std::move(buffer));
    } else {
      budget_.Release(buffer.size());
    }
  }

 private:
  // Without memory for the list the buffer is freed: giving back never fails.
  static bool HasRoom(std::vector<Buffer>& list) {
    if (list.size() < list.capacity()) return true;
    try {
      list.reserve(2 * list.size() + 8);
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  static constexpr size_t kClasses = 9;          // 4 KiB to 1 MiB
  static constexpr size_t kKeptBytes = 8 << 20;  // unused, per class
  static constexpr size_t SizeOf(size_t list) { return kSmallest << list; }
  static constexpr size_t ClassOf(size_t bytes) {
    size_t list = 0;
    while (list < kClasses && SizeOf(list) < bytes) ++list;
    return list;
  }

  BufferBudget& budget_;
  std::array<std::vector<Buffer>, kClasses> free_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_BUFFER_POOL_H_
