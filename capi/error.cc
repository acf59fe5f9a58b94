// Errors and the version, for C.
#include "capi/isthmus.h"
#include "capi/version.h"
#include "protocol/error.h"

namespace {

const isthmus::ErrorInfo& InfoOf(int code) {
  const bool possible = code >= 0 && code <= UINT16_MAX;
  return isthmus::InfoOf(static_cast<isthmus::ErrorCode>(possible ? code : UINT16_MAX));
}

}  // namespace

extern "C" {

const char* isthmus_version(void) { return isthmus::kVersion; }
const char* isthmus_error_name(int code) { return InfoOf(code).name; }
const char* isthmus_error_section(int code) { return InfoOf(code).section; }
const char* isthmus_error_description(int code) { return InfoOf(code).text; }

}  // extern "C"
