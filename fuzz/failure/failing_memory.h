// How a test reaches the allocator of a program that was linked with failing_memory.cc: a page that both map.
//
//   Page* page = MapPage(file);                       // the test
//   setenv("FAILING_MEMORY", file, 1); spawn(program);
//   page->left = 7; page->armed = true;               // the 7th allocation from now on fails, once
#ifndef ISTHMUS_FUZZ_FAILURE_FAILING_MEMORY_H_
#define ISTHMUS_FUZZ_FAILURE_FAILING_MEMORY_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <new>

namespace isthmus::failure {

struct Page {
  std::atomic<bool> armed;      // count, and fail
  std::atomic<int64_t> left;    // the allocation at which this gets to 0 fails
  std::atomic<uint64_t> seen;   // while armed
  std::atomic<uint32_t> failed;
  std::atomic<bool> nameless;   // planted: it fails by what nobody expects
};
static_assert(std::atomic<int64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// Null: the file cannot be mapped.
inline Page* MapPage(const char* path) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* memory = MAP_FAILED;
  if (ftruncate(fd, sizeof(Page)) == 0) {
    memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<Page*>(memory);
}

}  // namespace isthmus::failure

#endif  // ISTHMUS_FUZZ_FAILURE_FAILING_MEMORY_H_
