// Every CRC32C kernel against the portable one, in every form, on what the fuzzer makes up: the first bytes choose the
// divisions and the place of the rest, which is the data.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "digest/algebra.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"

namespace isthmus::digest {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// Bytes that choose, taken from the front; zeros once there are none left.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::size_t Next(std::size_t below) {
    std::size_t value = 0;
    for (int i = 0; i < 2 && at_ < size_; ++i) value = value << 8 | data_[at_++];
    return below == 0 ? 0 : value % below;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

void CheckCopies(const Kernel& kernel, const std::uint8_t* p, std::size_t size, std::size_t offset,
                 Crc32c before, Crc32c want) {
  for (auto copy : {kernel.copy_and_extend, kernel.copy_and_extend_streaming}) {
    std::vector<std::uint8_t> to(offset + size + 64, 0x5A);
    Require(copy(before, to.data() + offset, p, size) == want);
    Require(size == 0 || std::memcmp(to.data() + offset, p, size) == 0);
    const auto untouched = [](std::uint8_t byte) { return byte == 0x5A; };
    Require(std::all_of(to.data(), to.data() + offset, untouched));
    Require(std::all_of(to.data() + offset + size, to.data() + to.size(), untouched));
  }
}

void CheckKernel(const Kernel& kernel, const std::uint8_t* p, std::size_t size, Choices choices) {
  const Kernel& model = *KernelByName("portable");
  const Crc32c before{static_cast<std::uint32_t>(choices.Next(0x10000) * 0x10001)};
  const std::size_t first = choices.Next(size + 1), rest = size - first;
  const std::size_t third = choices.Next(rest + 1);
  const Crc32c want = model.extend(before, p, size);
  Require(kernel.extend(before, p, size) == want);
  Require(kernel.extend_cold(before, p, size) == want);
  Require(kernel.extend(kernel.extend(before, p, first), p + first, rest) == want);

  const Piece pieces[] = {{p, first}, {p + first, third}, {p + first + third, rest - third}};
  Require(kernel.extend_gather(before, pieces, 3) == want);
  Crc32c digests[3];
  kernel.compute_batch(pieces, 3, digests);
  for (int i = 0; i < 3; ++i)
    Require(digests[i] == model.extend({}, pieces[i].data, pieces[i].size));

  const Crc32c a = model.extend({}, p, first), b = model.extend({}, p + first, rest);
  const Crc32c whole = model.extend({}, p, size);
  Require(Combine(kernel, a, b, rest) == whole);
  Require(RemovePrefix(kernel, whole, a, rest) == b);
  Require(RemoveSuffix(kernel, whole, b, rest) == a);
  const std::uint64_t zeros = choices.Next(0x10000);
  Require(AppendZeros(kernel, a, zeros) == AppendZeros(model, a, zeros));
  CheckCopies(kernel, p, size, choices.Next(64), before, want);
}

}  // namespace
}  // namespace isthmus::digest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::digest;
  Choices choices(data, size);
  // The data starts anywhere in a cache line, and stands in a block of its own size, so that a sanitizer sees its ends.
  const std::size_t offset = choices.Next(64);
  const std::size_t used = std::min<std::size_t>(size, 12);
  std::vector<std::uint8_t> block(offset);
  block.insert(block.end(), data + used, data + size);
  for (const Kernel* kernel : OfferedKernels()) {
    CheckKernel(*kernel, block.data() + offset, block.size() - offset, choices);
  }
  return 0;
}
