// Invariants of the engine, asserted in release builds too. No clause of RFC 7143; design rule: a
// state that cannot be must not be continued from, whatever it is that the peer sent.
//
// For what the engine itself guarantees, never for what a peer or a caller may get wrong: those get
// an Error (protocol/error.h).
//
//   Check(consumed <= segment.bytes.size());
#ifndef ISTHMUS_PROTOCOL_CHECK_H_
#define ISTHMUS_PROTOCOL_CHECK_H_

#include <cstdlib>

namespace isthmus {

// Ends the program if the invariant does not hold.
constexpr void Check(bool invariant) {
  if (!invariant) [[unlikely]] {
    std::abort();
  }
}

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CHECK_H_
