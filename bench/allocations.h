// Counts this program's allocations: whatever links it has every operator new counted.
//
//   const uint64_t before = Allocations(); ...; EXPECT_EQ(Allocations(), before);
#ifndef ISTHMUS_BENCH_ALLOCATIONS_H_
#define ISTHMUS_BENCH_ALLOCATIONS_H_

#include <cstdint>

namespace isthmus::bench {

// Calls of any operator new since the program began.
uint64_t Allocations();

}  // namespace isthmus::bench

#endif  // ISTHMUS_BENCH_ALLOCATIONS_H_
