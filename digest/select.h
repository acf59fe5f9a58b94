// Which CRC32C kernel runs: chosen once, by what the processor has and the operating system saves,
// never by the processor's model.
//
//   const Kernel& kernel = SelectKernel();             // the best that this machine offers
//   if (!ForceKernel("sse42")) ...                     // this one from now on, or false: not on
//   this machine if (!CapKernel("vpclmul")) ...                     // the best up to this one, for
//   a fleet that migrates guests
//
// A force or a cap is for the start of a program, before engines take their kernel: what they took
// stays with them.
#ifndef ISTHMUS_DIGEST_SELECT_H_
#define ISTHMUS_DIGEST_SELECT_H_

#include <atomic>
#include <span>
#include <string_view>

#include "digest/kernel.h"

namespace isthmus::digest {

// The kernel in force: the best offered one, or what Force, Cap or Set put in its place.
const Kernel& SelectKernel();

// Every compiled-in kernel that this machine can run, from the slowest to the best. Never empty:
// "portable" runs anywhere.
std::span<const Kernel* const> OfferedKernels();

// The offered kernel of this name, or null.
const Kernel* KernelByName(std::string_view name);

// Puts the offered kernel of this name in force. False if there is none; then nothing changes.
[[nodiscard]] bool ForceKernel(std::string_view name);

// Puts the best offered kernel in force that is no better than the named one, which must be
// compiled in but need not be offered. False if no kernel has that name; then nothing changes.
[[nodiscard]] bool CapKernel(std::string_view name);

// Puts any kernel in force, such as ISA-L's or the caller's own. `kernel` must live as long as the
// program.
void SetKernel(const Kernel& kernel);

namespace internal {
// Points at a stand-in until the first use, so that nothing depends on the order of static
// initialisation and a call costs one load and one jump. digest/crc32c.h calls through it.
extern std::atomic<const Kernel*> g_kernel;
}  // namespace internal

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_SELECT_H_
