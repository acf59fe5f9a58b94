// Errors and the version, for C.
#include "capi/isthmus.h"
#include "protocol/error.h"

namespace {

#define ISTHMUS_TEXT_OF(x) #x
#define ISTHMUS_TEXT(x) ISTHMUS_TEXT_OF(x)
constexpr const char* kVersion = ISTHMUS_TEXT(ISTHMUS_VERSION_MAJOR) "." ISTHMUS_TEXT(
    ISTHMUS_VERSION_MINOR) "." ISTHMUS_TEXT(ISTHMUS_VERSION_PATCH);

const isthmus::ErrorInfo& InfoOf(int code) {
  const bool possible = code >= 0 && code <= UINT16_MAX;
  return isthmus::InfoOf(static_cast<isthmus::ErrorCode>(possible ? code : UINT16_MAX));
}

}  // namespace

extern "C" {

const char* isthmus_version(void) { return kVersion; }
const char* isthmus_error_name(int code) { return InfoOf(code).name; }
const char* isthmus_error_section(int code) { return InfoOf(code).section; }
const char* isthmus_error_description(int code) { return InfoOf(code).text; }

}  // extern "C"
