// Takes the place of operator new and aligned_alloc of a program: fails where failing_memory.h's page says, from main() on.
// Without FAILING_MEMORY in the environment it fails never.
#include "fuzz/failure/failing_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<isthmus::failure::Page*> g_page = nullptr;

bool Fails() {
  isthmus::failure::Page* const page = g_page.load(std::memory_order_acquire);
  if (page == nullptr || !page->armed) return false;
  ++page->seen;
  if (page->left.fetch_sub(1) != 1) return false;
  ++page->failed;
  return true;
}

// Not inlined: g++ takes malloc and operator new for a mismatch where it sees both.
[[gnu::noinline]] void* Take(std::size_t size) { return std::malloc(size == 0 ? 1 : size); }
[[gnu::noinline]] void GiveBack(void* memory) { std::free(memory); }

void* Allocate(std::size_t size) {
  if (Fails()) {
    if (g_page.load()->nameless) throw 7;
    // As the library's does; with none it is as if it had said no.
    if (const std::new_handler handler = std::get_new_handler()) handler();
    throw std::bad_alloc();
  }
  void* const memory = Take(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { GiveBack(memory); }
void operator delete[](void* memory) noexcept { GiveBack(memory); }
void operator delete(void* memory, std::size_t) noexcept { GiveBack(memory); }
void operator delete[](void* memory, std::size_t) noexcept { GiveBack(memory); }

extern "C" {
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return Fails() ? nullptr : __real_aligned_alloc(alignment, size);
}

int __real_main(int argc, char** argv);
int __wrap_main(int argc, char** argv) {
  if (const char* path = std::getenv("FAILING_MEMORY")) g_page = isthmus::failure::MapPage(path);
  return __real_main(argc, argv);
}
}
