// capi/isthmus_errors.h from the table of violations. Not part of the core: it allocates.
//
//   bazel run //capi:print_errors > capi/isthmus_errors.h
#ifndef ISTHMUS_CAPI_ERRORS_HEADER_H_
#define ISTHMUS_CAPI_ERRORS_HEADER_H_

#include <string>

namespace isthmus::capi {

std::string ErrorsHeader();

}  // namespace isthmus::capi

#endif  // ISTHMUS_CAPI_ERRORS_HEADER_H_
