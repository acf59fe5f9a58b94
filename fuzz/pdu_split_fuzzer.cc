// The receiver's items are the same however its input is cut, delivered and vouched for by an honest
// device, as when it gets all of it at once and nobody vouches.
//
// Input: a byte of options, a byte n, n sizes of pieces (the last repeats), the stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/entry_points.h"
#include "fuzz/pdu_mutator.h"
#include "protocol/connection/testing/receiver_driver.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus {
namespace {

using testing_support::Delivery;
using testing_support::Drive;
using testing_support::ReceiverRun;
using testing_support::Verdicts;
using testing_support::WireStream;

struct Input {
  bool header_digest, data_digest;
  size_t prefix;  // bytes before the stream
};

Input Parse(const uint8_t* data, size_t size) {
  const uint8_t options = size > 0 ? data[0] : 0;
  const size_t pieces = size > 1 ? data[1] : 0;
  return {(options & 1) != 0, (options & 2) != 0, std::min(size, 2 + pieces)};
}

std::vector<size_t> SizesOf(const uint8_t* sizes, size_t count, size_t total) {
  std::vector<size_t> pieces;
  for (size_t i = 0; total > 0; i = std::min(i + 1, count)) {
    // Without any size, or after the last: large pieces, so that few inputs take long.
    const size_t size = count == 0 || i == count ? 1 + total / 2 : 1 + size_t{sizes[i]};
    pieces.push_back(std::min(size, total));
    total -= pieces.back();
  }
  return pieces;
}

}  // namespace
}  // namespace isthmus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  // What the driver expects on the way holds or ends the run.
  testing::GTEST_FLAG(break_on_failure) = true;
  const Input input = Parse(data, size);
  if (size <= input.prefix) return 0;
  const auto* stream_bytes = reinterpret_cast<const std::byte*>(data) + input.prefix;
  const size_t stream_size = size - input.prefix;
  const WireStream stream = WireStream::FromBytes({stream_bytes, stream_bytes + stream_size},
                                                  input.header_digest, input.data_digest);
  const uint8_t options = data[0];
  ReceiverRun plain;
  plain.sizes = {stream_size};
  plain.header_digest = input.header_digest;
  plain.data_digest = input.data_digest;
  plain.scratch_every_third = (options & 0x40) != 0;
  plain.MaxRecvDataSegmentLength = (options & 0x80) != 0 ? 512 : 8192;
  ReceiverRun cut = plain;
  cut.sizes = SizesOf(data + 2, input.prefix - std::min<size_t>(input.prefix, 2), stream_size);
  cut.delivery = (options & 4) != 0 ? Delivery::kWanted : Delivery::kLent;
  cut.verdicts = static_cast<Verdicts>((options >> 3 & 7) % 6);
  cut.seed = size < 2 ? 0 : data[1];
  const std::vector<std::string> expected = Drive(stream, plain);
  const std::vector<std::string> items = Drive(stream, cut);
  if (items != expected) {
    for (const std::string& line : expected) std::fprintf(stderr, "whole: %s\n", line.c_str());
    for (const std::string& line : items) std::fprintf(stderr, "cut:   %s\n", line.c_str());
    std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  const Input input = Parse(data, size);
  if (input.prefix < 2 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 1) {
    LLVMFuzzerMutate(data, input.prefix, input.prefix);
    return size;
  }
  return input.prefix + fuzz::MutatePdus(data + input.prefix, size - input.prefix,
                                         max_size - input.prefix, seed,
                                         {input.header_digest, input.data_digest});
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  const Input input1 = Parse(data1, size1);
  const Input input2 = Parse(data2, size2);
  if (input1.prefix > max_out_size) return 0;
  std::copy(data1, data1 + input1.prefix, out);
  return input1.prefix + fuzz::CrossOverPdus(data1 + input1.prefix, size1 - input1.prefix,
                                             data2 + input2.prefix, size2 - input2.prefix,
                                             out + input1.prefix, max_out_size - input1.prefix,
                                             seed, {input1.header_digest, input1.data_digest});
}
