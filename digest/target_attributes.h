// Compiles what stands between BEGIN and END for an instruction set beyond the baseline, for one
// file of a kernel.
//
// Standard headers are included before BEGIN, so that no inline function of theirs is compiled for
// a machine that may not be there and then kept by the linker for everyone. Within, everything has
// internal linkage, and there are no lambdas: clang does not apply the attribute to them.
#ifndef ISTHMUS_DIGEST_TARGET_ATTRIBUTES_H_
#define ISTHMUS_DIGEST_TARGET_ATTRIBUTES_H_

#define ISTHMUS_PRAGMA(tokens) _Pragma(#tokens)

#if defined(__clang__)
#define ISTHMUS_TARGET_BEGIN(features) \
  ISTHMUS_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ISTHMUS_TARGET_END ISTHMUS_PRAGMA(clang attribute pop)
#else
#define ISTHMUS_TARGET_BEGIN(features) \
  ISTHMUS_PRAGMA(GCC push_options) ISTHMUS_PRAGMA(GCC target(features))
#define ISTHMUS_TARGET_END ISTHMUS_PRAGMA(GCC pop_options)
#endif

#endif  // ISTHMUS_DIGEST_TARGET_ATTRIBUTES_H_
