// Whatever bytes: ParseWithYours() finds the same PDUs as Isthmus, and gives up at the same place.
//
// Input: a byte (1 header digest, 2 data digest), the stream.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz/differential/parser.h"
#include "fuzz/entry_points.h"
#include "fuzz/pdu_mutator.h"
#include "fuzz/raw_pdu.h"

namespace {

isthmus::fuzz::Framing FramingOf(uint8_t options) {
  return {(options & 1) != 0, (options & 2) != 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus::fuzz;  // NOLINT: a main program
  if (size == 0) return 0;
  const Framing framing = FramingOf(data[0]);
  const auto stream = std::as_bytes(std::span(data, size)).subspan(1);
  Summary ours, yours;
  const bool ours_holds = ParseWithIsthmus(stream, framing, &ours);
  const bool yours_holds = ParseWithYours(stream, framing, &yours);
  const std::string difference = Difference(ours_holds, ours, yours_holds, yours);
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s", difference.c_str());
  std::abort();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  if (size == 0 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  return 1 + fuzz::MutatePdus(data + 1, size - 1, max_size - 1, seed, FramingOf(data[0]));
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  if (size1 == 0 || size2 == 0 || max_out_size == 0) return 0;
  out[0] = data1[0];
  return 1 + fuzz::CrossOverPdus(data1 + 1, size1 - 1, data2 + 1, size2 - 1, out + 1,
                                 max_out_size - 1, seed, FramingOf(data1[0]));
}
