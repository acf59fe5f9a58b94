// docs/states.md from the tables of states.h: drawings (Mermaid) and matrices. Not part of the core:
// it allocates. RFC 7143 section 8.
//
//   bazel run //protocol/connection:print_states > docs/states.md
#ifndef ISTHMUS_PROTOCOL_CONNECTION_STATES_MARKDOWN_H_
#define ISTHMUS_PROTOCOL_CONNECTION_STATES_MARKDOWN_H_

#include <string>

namespace isthmus {

std::string StatesMarkdown();

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_STATES_MARKDOWN_H_
