// CRC32C by tables, eight bytes a step: runs anywhere, and is the slowest.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "digest/gf2.h"
#include "digest/kernel.h"
#include "digest/load.h"
#include "digest/tiers.h"
#include "digest/value.h"

namespace isthmus::digest {
namespace {

// step[k][b]: what byte b contributes once k more bytes have passed.
struct StepTable {
  std::uint32_t step[8][256];
};

constexpr StepTable MakeStepTable() {
  StepTable table{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t state = b;
    for (int bit = 0; bit < 8; ++bit) state = gf2::TimesX(state);
    table.step[0][b] = state;
  }
  for (std::uint32_t b = 0; b < 256; ++b) {
    for (int k = 1; k < 8; ++k) {
      const std::uint32_t before = table.step[k - 1][b];
      table.step[k][b] = (before >> 8) ^ table.step[0][before & 0xFF];
    }
  }
  return table;
}

constexpr StepTable kSteps = MakeStepTable();

Crc32c Extend(Crc32c crc, const void* data, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint32_t state = ~crc.value;
  const auto& t = kSteps.step;
  for (; size >= 8; size -= 8, p += 8) {
    const std::uint64_t word = LoadLittle<std::uint64_t>(p) ^ state;
    state = t[7][word & 0xFF] ^ t[6][(word >> 8) & 0xFF] ^ t[5][(word >> 16) & 0xFF] ^
            t[4][(word >> 24) & 0xFF] ^ t[3][(word >> 32) & 0xFF] ^ t[2][(word >> 40) & 0xFF] ^
            t[1][(word >> 48) & 0xFF] ^ t[0][word >> 56];
  }
  for (; size != 0; --size) state = (state >> 8) ^ t[0][(state ^ *p++) & 0xFF];
  return Crc32c{~state};
}

Crc32c ExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) crc = Extend(crc, pieces[i].data, pieces[i].size);
  return crc;
}

void ComputeBatch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  for (std::size_t i = 0; i < count; ++i) digests[i] = Extend({}, pieces[i].data, pieces[i].size);
}

// Reads back what it wrote a moment ago, so that what is digested is what was copied even if the
// source changes.
Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  constexpr std::size_t kBlock = 4096;
  auto* d = static_cast<unsigned char*>(to);
  const auto* p = static_cast<const unsigned char*>(from);
  while (size != 0) {
    const std::size_t now = size < kBlock ? size : kBlock;
    std::memcpy(d, p, now);
    crc = Extend(crc, d, now);
    d += now;
    p += now;
    size -= now;
  }
  return crc;
}

Crc32c Shift(Crc32c crc, std::uint64_t bytes) { return Crc32c{gf2::Shift(crc.value, bytes)}; }

}  // namespace

constinit const Kernel kPortableKernel = {
    .name = "portable",
    .extend = Extend,
    .extend_cold = Extend,
    .extend_gather = ExtendGather,
    .compute_batch = ComputeBatch,
    .copy_and_extend = CopyAndExtend,
    .copy_and_extend_streaming = CopyAndExtend,
    .shift = Shift,
};

}  // namespace isthmus::digest
