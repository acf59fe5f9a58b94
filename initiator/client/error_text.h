// An engine's error in words, for messages of programs.
//
//   InWords(error)        // "opcode of the other side (opcode: 37)"
#ifndef ISTHMUS_INITIATOR_CLIENT_ERROR_TEXT_H_
#define ISTHMUS_INITIATOR_CLIENT_ERROR_TEXT_H_

#include <string>

#include "protocol/error.h"

namespace isthmus::initiator {

// Describe(error.code), whose [brackets] say what the detail is, with the detail.
std::string InWords(const Error& error);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLIENT_ERROR_TEXT_H_
