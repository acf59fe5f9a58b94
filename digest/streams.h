// Part of kernels: CRC32C by crc32 instructions alone, three streams side by side to hide the
// instruction's latency, joined by tables. Wants chain.h before it.
namespace isthmus::digest {
namespace {

// Moves a state kBytes further on: the sum of one entry a byte of the state.
template <std::size_t kBytes>
struct Jump {
  struct Table {
    std::uint32_t moved[4][256];
  };

  static constexpr Table Make() {
    Table table{};
    for (int k = 0; k < 4; ++k) {
      // A bit at a time, the rest by linearity.
      for (int bit = 0; bit < 8; ++bit) {
        const std::uint32_t one = gf2::Shift(std::uint32_t{1} << (8 * k + bit), kBytes);
        for (int below = 0; below < 1 << bit; ++below) {
          table.moved[k][(1 << bit) + below] = table.moved[k][below] ^ one;
        }
      }
    }
    return table;
  }

  static constexpr Table kTable = Make();

  [[gnu::always_inline]] static inline std::uint64_t Move(std::uint64_t state) {
    const auto& t = kTable.moved;
    return t[0][state & 0xFF] ^ t[1][(state >> 8) & 0xFF] ^ t[2][(state >> 16) & 0xFF] ^
           t[3][(state >> 24) & 0xFF];
  }
};

// As many blocks of three times kBytes as there are.
template <std::size_t kBytes>
[[gnu::always_inline]] inline std::uint64_t Blocks(std::uint64_t state, const Byte*& p,
                                                   std::size_t& size) {
  for (; size >= 3 * kBytes; size -= 3 * kBytes) {
    std::uint64_t second = 0, third = 0;
    for (const Byte* const end = p + kBytes; p != end; p += 8) {
      state = Step8(state, LoadLittle<std::uint64_t>(p));
      second = Step8(second, LoadLittle<std::uint64_t>(p + kBytes));
      third = Step8(third, LoadLittle<std::uint64_t>(p + 2 * kBytes));
    }
    state = Jump<kBytes>::Move(Jump<kBytes>::Move(state) ^ second) ^ third;
    p += 2 * kBytes;
  }
  return state;
}

[[gnu::noinline]] Crc32c ExtendLong(Crc32c crc, const Byte* p, std::size_t size) {
  std::uint64_t state = ~crc.value;
  state = Blocks<1360>(state, p, size);
  state = Blocks<168>(state, p, size);
  for (; size >= 8; size -= 8, p += 8) state = Step8(state, LoadLittle<std::uint64_t>(p));
  return Crc32c{~static_cast<std::uint32_t>(OddBytes(state, p, size))};
}

Crc32c Extend(Crc32c crc, const void* data, std::size_t size) {
  const auto* p = static_cast<const Byte*>(data);
  if (size <= kShort) return Crc32c{~ShortChain(~crc.value, p, size)};
  return ExtendLong(crc, p, size);
}

Crc32c ExtendGather(Crc32c crc, const Piece* pieces, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) crc = Extend(crc, pieces[i].data, pieces[i].size);
  return crc;
}

Crc32c Shift(Crc32c crc, std::uint64_t bytes) { return Crc32c{gf2::Shift(crc.value, bytes)}; }

}  // namespace
}  // namespace isthmus::digest
