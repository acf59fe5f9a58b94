// ISA-L's CRC32C as a kernel, for comparison and choice. A target of its own: whoever links it
// passes it on.
//
//   SetKernel(IsalKernel());              // digest/select.h
#ifndef ISTHMUS_DIGEST_ISAL_H_
#define ISTHMUS_DIGEST_ISAL_H_

#include "digest/kernel.h"

namespace isthmus::digest {

// Named "isal". Its copies are memcpy and then ISA-L, for it has no copying CRC32C; moving values
// is ours.
const Kernel& IsalKernel();

}  // namespace isthmus::digest

#endif  // ISTHMUS_DIGEST_ISAL_H_
