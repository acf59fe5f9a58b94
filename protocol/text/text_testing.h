// Helpers of the text layer's tests: texts are written with '|' for the null delimiter.
//
//   negotiation.Receive(Bytes("HeaderDigest=None|"));
//   EXPECT_EQ(Flush(&negotiation), "HeaderDigest=None|");

#ifndef ISTHMUS_PROTOCOL_TEXT_TEXT_TESTING_H_
#define ISTHMUS_PROTOCOL_TEXT_TEXT_TESTING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::text {

inline std::vector<std::byte> Bytes(std::string_view text) {
  std::vector<std::byte> bytes;
  for (char c : text) bytes.push_back(static_cast<std::byte>(c == '|' ? '\0' : c));
  return bytes;
}

inline std::string Shown(std::span<const std::byte> bytes) {
  std::string shown;
  for (std::byte b : bytes) shown.push_back(b == std::byte{0} ? '|' : static_cast<char>(b));
  return shown;
}

// Everything that `writer` has to write, taken in steps of `step` bytes.
template <class Writer>
std::string Flush(Writer* writer, size_t step = 4096) {
  std::string shown;
  std::vector<std::byte> out(step);
  while (writer->pending()) {
    const size_t size = writer->Write(out);
    if (size == 0) break;
    shown += Shown(std::span(out).first(size));
  }
  return shown;
}

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_TEXT_TESTING_H_
