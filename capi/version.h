// The version, as text, for the library and the programs; its one source is isthmus.h, from which tools/delivery takes it
// too (isthmus.pc, man pages, packages).
//
//   std::printf("iscsi (Isthmus) %s\n", isthmus::kVersion);
#ifndef ISTHMUS_CAPI_VERSION_H_
#define ISTHMUS_CAPI_VERSION_H_

#include "capi/isthmus.h"

namespace isthmus {

#define ISTHMUS_TEXT_OF(x) #x
#define ISTHMUS_TEXT(x) ISTHMUS_TEXT_OF(x)
inline constexpr char kVersion[] = ISTHMUS_TEXT(ISTHMUS_VERSION_MAJOR) "." ISTHMUS_TEXT(
    ISTHMUS_VERSION_MINOR) "." ISTHMUS_TEXT(ISTHMUS_VERSION_PATCH);
#undef ISTHMUS_TEXT
#undef ISTHMUS_TEXT_OF

}  // namespace isthmus

#endif  // ISTHMUS_CAPI_VERSION_H_
