// For what must not fail although it takes memory: what one thread hands over to another, and others wait for. Not for what
// belongs to one connection alone: that ends the connection.
//
//   WaitForMemory([&] { queue.push_back(work); });      // all of it or nothing, each time it is tried
#ifndef ISTHMUS_TRANSPORT_WAIT_FOR_MEMORY_H_
#define ISTHMUS_TRANSPORT_WAIT_FOR_MEMORY_H_

#include <time.h>

#include <new>

namespace isthmus::transport {

// Does it again every millisecond while there is no memory for it, for a second; then std::bad_alloc comes out.
template <class Work>
auto WaitForMemory(const Work& work) {
  for (int tries = 1;; ++tries) {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      if (tries == 1000) throw;
    }
    const timespec millisecond{0, 1'000'000};
    nanosleep(&millisecond, nullptr);
  }
}

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_WAIT_FOR_MEMORY_H_
