#include "bench/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace isthmus::bench {
namespace {

std::atomic<uint64_t> allocations = 0;

void* Count(void* p) {
  if (p == nullptr) std::abort();
  allocations.fetch_add(1, std::memory_order_relaxed);
  return p;
}

}  // namespace

uint64_t Allocations() { return allocations.load(std::memory_order_relaxed); }

}  // namespace isthmus::bench

// The array and nothrow forms come here by default.
void* operator new(size_t size) { return isthmus::bench::Count(std::malloc(size)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  return isthmus::bench::Count(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
