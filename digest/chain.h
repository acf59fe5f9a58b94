// Part of kernels: short runs by one chain of steps, and what every kernel builds on it. Wants
// Step8 to Step1 and Byte (x86_step.h, arm_step.h) before it.
//
// "State" here and in the other parts is the raw register: a value without the inversions of its
// ends.
namespace isthmus::digest {
namespace {

// The longest run that ShortChain takes.
constexpr std::size_t kShort = 127;

// Written out by recursion: GCC at -O2 would leave a loop.
template <int kWords>
[[gnu::always_inline]] inline std::uint64_t Words(std::uint64_t state, const Byte* p) {
  if constexpr (kWords == 0) {
    return state;
  } else {
    return Words<kWords - 1>(Step8(state, LoadLittle<std::uint64_t>(p)), p + 8);
  }
}

// The last size % 8 bytes of a run.
[[gnu::always_inline]] inline std::uint64_t OddBytes(std::uint64_t state, const Byte* p,
                                                     std::size_t size) {
  if ((size & 4) != 0) {
    state = Step4(state, LoadLittle<std::uint32_t>(p));
    p += 4;
  }
  if ((size & 2) != 0) {
    state = Step2(state, LoadLittle<std::uint16_t>(p));
    p += 2;
  }
  if ((size & 1) != 0) state = Step1(state, *p);
  return state;
}

// By the bits of the size, no loop: a run of steps as long as the data, with branches that the
// predictor knows.
[[gnu::always_inline]] inline std::uint32_t ShortChain(std::uint32_t start, const Byte* p,
                                                       std::size_t size) {
  std::uint64_t state = start;
  if ((size & 64) != 0) {
    state = Words<8>(state, p);
    p += 64;
  }
  if ((size & 32) != 0) {
    state = Words<4>(state, p);
    p += 32;
  }
  if ((size & 16) != 0) {
    state = Words<2>(state, p);
    p += 16;
  }
  if ((size & 8) != 0) {
    state = Words<1>(state, p);
    p += 8;
  }
  if ((size & 7) != 0) state = OddBytes(state, p, size);
  return static_cast<std::uint32_t>(state);
}

// The state over `size` bytes from state zero, where 8 readable bytes stand before p: the odd bytes
// go first, in one word with zeros before them, which leave a zero state at zero.
[[gnu::always_inline]] inline std::uint64_t TailFromZero(const Byte* p, std::size_t size) {
  std::uint64_t state = 0;
  const std::size_t odd = size & 7;
  const Byte* const end = p + size;
  p += odd;
  if (odd != 0) {
    const std::size_t others = 64 - 8 * odd;
    state = Step8(0, LoadLittle<std::uint64_t>(p - 8) >> others << others);
  }
  for (; p != end; p += 8) state = Step8(state, LoadLittle<std::uint64_t>(p));
  return state;
}

// Between storing a copy and digesting what was stored: keeps the compiler from digesting the
// source instead, which someone else may be writing.
inline void StoredIsWhatCounts() { std::atomic_signal_fence(std::memory_order_seq_cst); }

// Copies fewer than 128 bytes.
[[gnu::always_inline]] inline void ShortCopy(Byte* d, const Byte* p, std::size_t size) {
  if ((size & 64) != 0) {
    std::memcpy(d, p, 64);
    d += 64;
    p += 64;
  }
  if ((size & 32) != 0) {
    std::memcpy(d, p, 32);
    d += 32;
    p += 32;
  }
  if ((size & 16) != 0) {
    std::memcpy(d, p, 16);
    d += 16;
    p += 16;
  }
  if ((size & 8) != 0) {
    std::memcpy(d, p, 8);
    d += 8;
    p += 8;
  }
  if ((size & 4) != 0) {
    std::memcpy(d, p, 4);
    d += 4;
    p += 4;
  }
  if ((size & 2) != 0) {
    std::memcpy(d, p, 2);
    d += 2;
    p += 2;
  }
  if ((size & 1) != 0) *d = *p;
}

// Digests of headers of 48 bytes (RFC 7143 section 11.2.1), four at a time: their chains run side by side. Named
// variables, for GCC at -O2 would keep arrays in memory.
[[gnu::always_inline]] inline void FourHeaders(const Piece* pieces, Crc32c* digests) {
  const auto* p0 = static_cast<const Byte*>(pieces[0].data);
  const auto* p1 = static_cast<const Byte*>(pieces[1].data);
  const auto* p2 = static_cast<const Byte*>(pieces[2].data);
  const auto* p3 = static_cast<const Byte*>(pieces[3].data);
  const std::uint64_t state0 = Words<6>(0xFFFFFFFFu, p0);
  const std::uint64_t state1 = Words<6>(0xFFFFFFFFu, p1);
  const std::uint64_t state2 = Words<6>(0xFFFFFFFFu, p2);
  const std::uint64_t state3 = Words<6>(0xFFFFFFFFu, p3);
  digests[0] = Crc32c{~static_cast<std::uint32_t>(state0)};
  digests[1] = Crc32c{~static_cast<std::uint32_t>(state1)};
  digests[2] = Crc32c{~static_cast<std::uint32_t>(state2)};
  digests[3] = Crc32c{~static_cast<std::uint32_t>(state3)};
}

inline bool AreHeaders(const Piece* p) {
  return ((p[0].size ^ 48) | (p[1].size ^ 48) | (p[2].size ^ 48) | (p[3].size ^ 48)) == 0;
}

template <Crc32c (*kExtend)(Crc32c, const void*, std::size_t)>
void ComputeBatch(const Piece* pieces, std::size_t count, Crc32c* digests) {
  while (count != 0) {
    if (count >= 4 && AreHeaders(pieces)) {
      FourHeaders(pieces, digests);
      pieces += 4;
      digests += 4;
      count -= 4;
      continue;
    }
    const Piece piece = *pieces++;
    *digests++ = piece.size <= kShort
                     ? Crc32c{~ShortChain(~0u, static_cast<const Byte*>(piece.data), piece.size)}
                     : kExtend({}, piece.data, piece.size);
    --count;
  }
}

// For kernels that have no copying loop of their own: copies a block, then digests it from the
// first-level cache.
template <Crc32c (*kExtend)(Crc32c, const void*, std::size_t)>
Crc32c CopyThenExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  constexpr std::size_t kBlock = 6144;
  auto* d = static_cast<Byte*>(to);
  const auto* p = static_cast<const Byte*>(from);
  while (size != 0) {
    const std::size_t now = size < kBlock ? size : kBlock;
    std::memcpy(d, p, now);
    StoredIsWhatCounts();
    crc = kExtend(crc, d, now);
    d += now;
    p += now;
    size -= now;
  }
  return crc;
}

}  // namespace
}  // namespace isthmus::digest
