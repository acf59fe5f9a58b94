// The simulator's random numbers: the same from a seed on every platform and with every library.
//
//   Random random(seed);
//   if (random.Chance(10)) size = random.Between(1, 64);
#ifndef ISTHMUS_FUZZ_SIMULATOR_RANDOM_H_
#define ISTHMUS_FUZZ_SIMULATOR_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace isthmus::simulator {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // SplitMix64.
  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // [0, end); 0 if end is 0.
  uint64_t Below(uint64_t end) { return end == 0 ? 0 : Next() % end; }
  // [first, last].
  uint64_t Between(uint64_t first, uint64_t last) { return first + Below(last - first + 1); }
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  uint32_t Pick(std::initializer_list<uint32_t> values) {
    return values.begin()[Below(values.size())];
  }

 private:
  uint64_t state_;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_RANDOM_H_
