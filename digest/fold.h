// Part of kernels: CRC32C by folding, that is, moving vectors forward over the data by carry-less
// multiplication (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction"). Wants chain.h and the tier's vectors before it:
//
//   Vector                       a register of kWidth bytes, in lanes of 16
//   Load(p), Store(d, v), StoreAround(d, v)    any address; the last goes past the caches,
//   kWidth-aligned ClmulLow(v, k), ClmulHigh(v, k)            the low, or the high, words of all
//   lanes of both, multiplied Xor(a, b), Xor3(a, b, c) FromLow(word)                zero but for
//   the lowest 8 bytes SumOfLanes(v)                the XOR of all lanes, as Halves Copy32(d, p) 32
//   bytes Pin(v)                       the compiler moves nothing that uses v past this
namespace isthmus::digest {
namespace {

// The same for every lane, or one for each: what ClmulLow and ClmulHigh multiply by.
struct alignas(kWidth) Factors {
  std::uint64_t word[kWidth / 8];
};

constexpr Factors MakeFactors(gf2::FoldPair pair) {
  Factors factors{};
  for (std::size_t i = 0; i < kWidth / 8; i += 2) {
    factors.word[i] = pair.low;
    factors.word[i + 1] = pair.high;
  }
  return factors;
}

template <std::size_t kBytes>
constexpr Factors kMove = MakeFactors(gf2::Fold(kBytes));

// For a last vector that is followed by `tail` bytes: every lane moves to the end, so that their
// sum is all.
struct LastFactors {
  Factors by_tail[kWidth];
};

constexpr LastFactors MakeLastFactors() {
  LastFactors last{};
  for (std::size_t tail = 0; tail < kWidth; ++tail) {
    for (std::size_t lane = 0; lane < kWidth / 16; ++lane) {
      const gf2::FoldPair pair =
          gf2::Fold(static_cast<std::int64_t>(kWidth - 16 - 16 * lane + tail));
      last.by_tail[tail].word[2 * lane] = pair.low;
      last.by_tail[tail].word[2 * lane + 1] = pair.high;
    }
  }
  return last;
}

constexpr LastFactors kLast = MakeLastFactors();

[[gnu::always_inline]] inline Vector LoadFactors(const Factors& factors) {
  return Load(reinterpret_cast<const Byte*>(factors.word));
}

enum class Mode {
  kRead,
  kCopy,
  kCopyAround,  // with stores past the caches
};

// What is left of a run: [p, p + size), and where it is copied to, if it is.
template <Mode kMode>
struct Run {
  const Byte* p;
  Byte* d;
  std::size_t size;

  [[gnu::always_inline]] void Skip(std::size_t bytes) {
    p += bytes;
    size -= bytes;
    if constexpr (kMode != Mode::kRead) d += bytes;
  }

  // The vector at `offset`, copied too.
  [[gnu::always_inline]] Vector Take(std::size_t offset) const {
    const Vector v = Load(p + offset);
    if constexpr (kMode == Mode::kCopy) Store(d + offset, v);
    if constexpr (kMode == Mode::kCopyAround) StoreAround(d + offset, v);
    return v;
  }
};

// v moved by the factors' distance, plus `next`.
[[gnu::always_inline]] inline Vector FoldOnto(Vector v, Vector factors, Vector next) {
  return Xor3(ClmulLow(v, factors), ClmulHigh(v, factors), next);
}

// The vectors that are under way; the run's next vector is kWidth further than a[2].
struct Three {
  Vector a0, a1, a2;
};

// For kernels, or lengths, without scalar streams beside the folding.
struct FoldingOnly {
  template <Mode kMode>
  static void TakeBlocks(Three&, Run<kMode>&) {}
};

// The sum of v's lanes, each moved to the end of the message, which `factors` reach.
[[gnu::always_inline]] inline std::uint64_t Reduce(Vector v, const Factors& factors) {
  const Vector k = LoadFactors(factors);
  const Halves sum = SumOfLanes(Xor(ClmulLow(v, k), ClmulHigh(v, k)));
  return Step8(Step8(0, sum.low), sum.high);
}

// The state over the message that ends in vector v and the rest of the run, shorter than a vector. The tail's own
// chain runs beside the multiplications. Most data segments have no tail.
template <Mode kMode>
[[gnu::always_inline]] inline std::uint32_t Finish(Vector v, const Run<kMode>& rest) {
  if (rest.size == 0) return static_cast<std::uint32_t>(Reduce(v, kLast.by_tail[0]));
  const Byte* p = rest.p;
  if constexpr (kMode != Mode::kRead) {
    CopyTail(rest.d, p, rest.size);
    StoredIsWhatCounts();
    p = rest.d;
  }
  const std::uint64_t tail = TailFromZero(p, rest.size);
  return static_cast<std::uint32_t>(Reduce(v, kLast.by_tail[rest.size]) ^ tail);
}

// The state over a run of kWidth bytes or more.
template <class Middle, Mode kMode>
[[gnu::always_inline]] inline std::uint32_t FoldRun(std::uint32_t start, Run<kMode> run) {
  Vector last = Xor(run.Take(0), FromLow(start));
  if (run.size >= 3 * kWidth) {
    Three v = {last, run.Take(kWidth), run.Take(2 * kWidth)};
    run.Skip(3 * kWidth);
    Middle::template TakeBlocks<kMode>(v, run);
    const Vector by_three = LoadFactors(kMove<3 * kWidth>);
    for (; run.size >= 3 * kWidth; run.Skip(3 * kWidth)) {
      v.a0 = FoldOnto(v.a0, by_three, run.Take(0));
      v.a1 = FoldOnto(v.a1, by_three, run.Take(kWidth));
      v.a2 = FoldOnto(v.a2, by_three, run.Take(2 * kWidth));
    }
    // One or two vectors more: the oldest move on to them side by side, instead of one fold waiting
    // for another.
    if (run.size >= 2 * kWidth) {
      const Vector a0 = v.a2;
      v.a1 = FoldOnto(v.a1, by_three, run.Take(kWidth));
      v.a0 = FoldOnto(v.a0, by_three, run.Take(0));
      v = {a0, v.a0, v.a1};
      run.Skip(2 * kWidth);
    } else if (run.size >= kWidth) {
      v = {v.a1, v.a2, FoldOnto(v.a0, by_three, run.Take(0))};
      run.Skip(kWidth);
    }
    const Vector ahead = FoldOnto(v.a0, LoadFactors(kMove<2 * kWidth>), v.a2);
    last = FoldOnto(v.a1, LoadFactors(kMove<kWidth>), ahead);
  } else if (run.size >= 2 * kWidth) {
    last = FoldOnto(last, LoadFactors(kMove<kWidth>), run.Take(kWidth));
    run.Skip(2 * kWidth);
  } else {
    run.Skip(kWidth);
  }
  return Finish(last, run);
}

[[gnu::noinline]] Crc32c ExtendByFolding(Crc32c crc, const void* data, std::size_t size) {
  const Run<Mode::kRead> run = {static_cast<const Byte*>(data), nullptr, size};
  return Crc32c{~FoldRun<FoldingOnly>(~crc.value, run)};
}

// Sequential whatever the size: for cold data.
Crc32c ExtendCold(Crc32c crc, const void* data, std::size_t size) {
  if (size <= kChainUpTo) {
    return Crc32c{~ShortChain(~crc.value, static_cast<const Byte*>(data), size)};
  }
  return ExtendByFolding(crc, data, size);
}

[[gnu::always_inline]] inline Crc32c ShortCopyAndExtend(Crc32c crc, void* to, const void* from,
                                                        std::size_t size) {
  auto* d = static_cast<Byte*>(to);
  ShortCopy(d, static_cast<const Byte*>(from), size);
  StoredIsWhatCounts();
  return Crc32c{~ShortChain(~crc.value, d, size)};
}

template <class Middle>
Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, std::size_t size) {
  if (size <= kChainUpTo) return ShortCopyAndExtend(crc, to, from, size);
  const Run<Mode::kCopy> run = {static_cast<const Byte*>(from), static_cast<Byte*>(to), size};
  return Crc32c{~FoldRun<Middle>(~crc.value, run)};
}

// Folding alone: memory is the limit, and what went past the caches cannot be read back for a
// scalar stream.
template <class Middle>
Crc32c CopyAndExtendStreaming(Crc32c crc, void* to, const void* from, std::size_t size) {
  if (size < 4096) return CopyAndExtend<Middle>(crc, to, from, size);
  auto* d = static_cast<Byte*>(to);
  const auto* p = static_cast<const Byte*>(from);
  const std::size_t head = (0 - reinterpret_cast<std::uintptr_t>(d)) % kWidth;
  if (head != 0) crc = ShortCopyAndExtend(crc, d, p, head);
  const Run<Mode::kCopyAround> run = {p + head, d + head, size - head};
  const Crc32c whole{~FoldRun<FoldingOnly>(~crc.value, run)};
  StoresAreSeen();
  return whole;
}

}  // namespace
}  // namespace isthmus::digest
