// Part of kernels: moving values by carry-less multiplication, and gather lists. Wants chain.h, and
// Clmul32(a, b), the 64-bit product of two words, before it.
namespace isthmus::digest {
namespace {

// a * factor * x^33.
[[gnu::always_inline]] inline std::uint32_t Times(std::uint32_t a, std::uint32_t factor) {
  return static_cast<std::uint32_t>(Step8(0, Clmul32(a, factor)));
}

// The factor that moves by `bytes`, for Times. Hangs on nothing but `bytes`.
[[gnu::always_inline]] inline std::uint32_t FactorFor(std::uint64_t bytes) {
  const auto& factor = gf2::kClmulShiftTable.factor;
  std::uint32_t left =
      bytes <= gf2::kOrder ? static_cast<std::uint32_t>(bytes) : gf2::ReduceBytes(bytes);
  std::uint32_t product = factor[0][left & 0xFF];
  for (int k = 1; (left >>= 8) != 0; ++k) {
    if ((left & 0xFF) != 0) product = Times(product, factor[k][left & 0xFF]);
  }
  return product;
}

// One multiplication a byte of the number, each waiting for the value.
Crc32c Shift(Crc32c crc, std::uint64_t bytes) {
  const auto& factor = gf2::kClmulShiftTable.factor;
  std::uint32_t left =
      bytes <= gf2::kOrder ? static_cast<std::uint32_t>(bytes) : gf2::ReduceBytes(bytes);
  std::uint32_t value = crc.value;
  for (int k = 0; left != 0; ++k, left >>= 8) {
    if ((left & 0xFF) != 0) value = Times(value, factor[k][left & 0xFF]);
  }
  return Crc32c{value};
}

// A piece of this size or less starts from zero beside the others and is joined by one
// multiplication; a longer one is chained, for its own length hides the wait.
constexpr std::size_t kStitchUpTo = 1023;

template <Crc32c (*kExtend)(Crc32c, const void*, std::size_t)>
Crc32c ExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Piece piece = pieces[i];
    if (piece.size > kStitchUpTo || piece.size <= 16) {
      crc = kExtend(crc, piece.data, piece.size);
    } else {
      const Crc32c own = kExtend({}, piece.data, piece.size);
      crc = Crc32c{Times(crc.value, FactorFor(piece.size)) ^ own.value};
    }
  }
  return crc;
}

}  // namespace
}  // namespace isthmus::digest
