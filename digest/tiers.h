// The CRC32C kernels that are compiled in, one file each; which of them this machine can run is
// digest/select.h's business. Calling another ends the program.
#ifndef ISTHMUS_DIGEST_TIERS_H_
#define ISTHMUS_DIGEST_TIERS_H_

#include "digest/kernel.h"

namespace isthmus::digest {

extern const Kernel kPortableKernel;

#if defined(__x86_64__)
extern const Kernel kSse42Kernel;
extern const Kernel kPclmulKernel;
extern const Kernel kVpclmulKernel;
extern const Kernel kAvx512FoldKernel;
extern const Kernel kAvx512Kernel;
#elif defined(__aarch64__)
extern const Kernel kArmCrcKernel;
extern const Kernel kArmPmullKernel;
extern const Kernel kArmEor3Kernel;
#endif

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_TIERS_H_
