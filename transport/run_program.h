// The outermost frame of a program: what nothing inside could handle ends it with a sentence and status 1, and not by a
// signal. No memory (std::bad_alloc), also in a thread or a destructor, and no thread (std::system_error).
//
//   int main(int argc, char** argv) {
//     return RunProgram("iscsi", [&] { return Run(argc, argv); });
//   }
#ifndef ISTHMUS_TRANSPORT_RUN_PROGRAM_H_
#define ISTHMUS_TRANSPORT_RUN_PROGRAM_H_

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <new>

namespace isthmus::transport {
namespace internal {

inline const char* g_program = "";
inline std::atomic<bool> g_out_of_memory = false;

// Remembers it: what a destructor makes of it on the way out has no name any more.
inline void OnNoMemory() {
  g_out_of_memory = true;
  throw std::bad_alloc();
}

// Takes no memory, and calls nothing that does.
[[noreturn]] inline void EndProgram(const char* why) {
  const char* const parts[] = {g_program, ": ", why, "\n"};
  for (const char* part : parts) (void)!write(2, part, std::strlen(part));
  _exit(1);
}

[[noreturn]] inline void OnTerminate() {
  if (const std::exception_ptr now = std::current_exception()) {
    try {
      std::rethrow_exception(now);
    } catch (const std::bad_alloc&) {
      EndProgram("out of memory");
    } catch (const std::exception& other) {
      EndProgram(other.what());
    } catch (...) {
    }
  }
  EndProgram(g_out_of_memory ? "out of memory" : "ended by an error that has no name");
}

}  // namespace internal

// `name`: a literal. What `run` returns.
template <class Run>
int RunProgram(const char* name, const Run& run) {
  internal::g_program = name;
  std::set_terminate(internal::OnTerminate);
  std::set_new_handler(internal::OnNoMemory);
  try {
    return run();
  } catch (const std::bad_alloc&) {
    internal::EndProgram("out of memory");
  } catch (const std::exception& other) {
    internal::EndProgram(other.what());
  }
}

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_RUN_PROGRAM_H_
