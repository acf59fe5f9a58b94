// Reads a file that holds secrets, and only if nobody else can (RFC 7143 section 9.2.1: secrets are to be protected).
//
//   absl::StatusOr<std::string> text = ReadPrivateFile(path);   // errors name the path and the mode, never the content
//   ...
//   Wipe(*text);
#ifndef ISTHMUS_TRANSPORT_PRIVATE_FILE_H_
#define ISTHMUS_TRANSPORT_PRIVATE_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace isthmus::transport {

// The whole file, at most 1 MiB. kPermissionDenied: group or others may read or write it, or it belongs to a user that
// is neither this one nor root. kInvalidArgument: no regular file, or too large. kNotFound and others: as open(2).
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);

// Overwrites what the string holds, in a way that the compiler keeps, and empties it.
void Wipe(std::string& secret);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_PRIVATE_FILE_H_
