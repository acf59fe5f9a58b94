// Serial number arithmetic for CmdSN, StatSN, DataSN, R2TSN and their expectations.
// RFC 7143 section 4.2.2.1 and RFC 1982 with SERIAL_BITS = 32.
//
// No bytes are owned here; everything is a pure function of its arguments.
//
//   if (SerialLess(cmd_sn, exp_cmd_sn)) ...   // a duplicate, also just past the wrap at 2^32
#ifndef ISTHMUS_PROTOCOL_SESSION_SERIAL_H_
#define ISTHMUS_PROTOCOL_SESSION_SERIAL_H_

#include <cstdint>

namespace isthmus {

// Whether `a` precedes `b`: b - a, modulo 2^32, is in 1 .. 2^31 - 1. Two numbers exactly 2^31 apart
// have no order (RFC 1982 section 3.2): then neither precedes the other.
constexpr bool SerialLess(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(b - a) - 1u < 0x7fffffffu;
}

constexpr bool SerialLessEqual(uint32_t a, uint32_t b) { return a == b || SerialLess(a, b); }

// The later of the two; `a` if they have no order.
constexpr uint32_t SerialMax(uint32_t a, uint32_t b) { return SerialLess(a, b) ? b : a; }

// Whether first <= sn <= last, where last is at most 2^31 - 1 after first. An empty window, last
// being first - 1, holds nothing.
constexpr bool SerialInWindow(uint32_t sn, uint32_t first, uint32_t last) {
  return SerialLessEqual(first, sn) && SerialLessEqual(sn, last);
}

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_SERIAL_H_
