// Every way to cut a byte stream that a test should try: whole, one byte at a time, every two-way
// split, and random pieces. RFC 7143 section 4.2.9: TCP is a stream, and any split is possible.
//
//   ForEveryChunking(stream.size(), /*random_rounds=*/20, [&](const std::vector<size_t>& sizes) {
//     EXPECT_EQ(Feed(stream, sizes), expected);
//   });
#ifndef ISTHMUS_PROTOCOL_CONNECTION_TESTING_CHUNKING_H_
#define ISTHMUS_PROTOCOL_CONNECTION_TESTING_CHUNKING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace isthmus::testing_support {

// Sizes of at least 1 that sum up to `size`, up to about 1.5 times `mean` each.
inline std::vector<size_t> RandomPieces(size_t size, size_t mean, std::mt19937& random) {
  std::vector<size_t> sizes;
  while (size > 0) {
    const size_t piece = std::min(size, 1 + random() % (2 * mean));
    sizes.push_back(piece);
    size -= piece;
  }
  return sizes;
}

// Calls use(sizes) for each way of cutting; the sizes sum up to `size`, which is at least 1.
template <class Use>
void ForEveryChunking(size_t size, int random_rounds, Use use) {
  use(std::vector<size_t>{size});
  use(std::vector<size_t>(size, 1));
  for (size_t first = 1; first < size; ++first) use(std::vector<size_t>{first, size - first});
  std::mt19937 random(static_cast<uint32_t>(size));
  for (int round = 0; round < random_rounds; ++round) {
    const size_t mean = size_t{1} << (round % 8);
    use(RandomPieces(size, mean, random));
  }
}

}  // namespace isthmus::testing_support

#endif  // ISTHMUS_PROTOCOL_CONNECTION_TESTING_CHUNKING_H_
