#include "digest/isal.h"

#include <isa-l/crc.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "digest/gf2.h"
#include "digest/kernel.h"
#include "digest/value.h"

namespace isthmus::digest {
namespace {

// ISA-L takes a non-const pointer and a signed length, and its value has no inversions.
Crc32c Extend(Crc32c crc, const void* data, std::size_t size) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  auto* p = static_cast<unsigned char*>(const_cast<void*>(data));
  std::uint32_t state = ~crc.value;
  for (; size > kMost; size -= kMost, p += kMost) {
    state = crc32_iscsi(p, static_cast<int>(kMost), state);
  }
  return Crc32c{~crc32_iscsi(p, static_cast<int>(size), state)};
}

Crc32c ExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) crc = Extend(crc, pieces[i].data, pieces[i].size);
  return crc;
}

void ComputeBatch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  for (std::size_t i = 0; i < count; ++i) digests[i] = Extend({}, pieces[i].data, pieces[i].size);
}

Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  if (size == 0) return crc;
  std::memcpy(to, from, size);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // digest what was stored
  return Extend(crc, to, size);
}

Crc32c Shift(Crc32c crc, std::uint64_t bytes) { return Crc32c{gf2::Shift(crc.value, bytes)}; }

constinit const Kernel kIsalKernel = {
    .name = "isal",
    .extend = Extend,
    .extend_cold = Extend,
    .extend_gather = ExtendGather,
    .compute_batch = ComputeBatch,
    .copy_and_extend = CopyAndExtend,
    .copy_and_extend_streaming = CopyAndExtend,
    .shift = Shift,
};

}  // namespace

const Kernel& IsalKernel() { return kIsalKernel; }

}  // namespace isthmus::digest
