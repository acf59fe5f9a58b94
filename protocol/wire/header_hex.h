// For tests: headers as 96 hexadecimal digits, as the figures of RFC 7143 section 11 are written down.
//
//   const Bhs header = FromHex("01c10000 00000000 ...");     // spaces do not count
//   EXPECT_EQ(ToHex(encoded), ToHex(header));
#ifndef ISTHMUS_PROTOCOL_WIRE_HEADER_HEX_H_
#define ISTHMUS_PROTOCOL_WIRE_HEADER_HEX_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {

inline int Nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

inline Bhs FromHex(std::string_view hex) {
  std::string digits;
  for (char c : hex) {
    if (c != ' ') digits += c;
  }
  Bhs header;
  EXPECT_EQ(digits.size(), 96u) << hex;
  for (size_t i = 0; i < 48 && 2 * i + 1 < digits.size(); ++i) {
    header.bytes[i] =
        static_cast<std::byte>(Nibble(digits[2 * i]) << 4 | Nibble(digits[2 * i + 1]));
  }
  return header;
}

inline std::string ToHex(const Bhs& header) {
  std::string hex;
  for (size_t i = 0; i < 48; ++i) {
    if (i != 0 && i % 4 == 0) hex += ' ';
    const int byte = static_cast<int>(header.bytes[i]);
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_HEADER_HEX_H_
