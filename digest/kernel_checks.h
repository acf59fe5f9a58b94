// What every CRC32C kernel must do, as functions that need no test framework: the unit tests call
// them, and so does the program that is cross-compiled and run under emulated processors.
#ifndef ISTHMUS_DIGEST_KERNEL_CHECKS_H_
#define ISTHMUS_DIGEST_KERNEL_CHECKS_H_

#include <string>

#include "digest/kernel.h"

namespace isthmus::digest {

struct KernelCheck {
  const char* name;
  // The first difference found, in words; empty if there is none.
  std::string (*run)(const Kernel& kernel);
  // Takes seconds natively, so minutes when emulated.
  bool slow;
};

// All checks, closed by one whose name is null.
extern const KernelCheck kKernelChecks[];

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_KERNEL_CHECKS_H_
