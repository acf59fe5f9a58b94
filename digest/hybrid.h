// Part of kernels: folding with two scalar streams beside it, for data that is in the caches. The
// multiplier and the crc32 unit are different parts of a core, and each alone leaves the other
// idle. Wants fold.h before it.
namespace isthmus::digest {
namespace {

// A block is two scalar streams of kStream bytes, then kFolded bytes for the three vectors, which
// carry on from the block before. Each iteration takes 32 bytes of either stream and one step of
// each vector. The streams' states are added to the last vector by one multiplication each with a
// constant: nothing is reduced in between.
template <std::size_t kIterations>
struct Block {
  static constexpr std::size_t kStream = 32 * kIterations;
  static constexpr std::size_t kFolded = 3 * kWidth * kIterations;
  static constexpr std::size_t kSize = 2 * kStream + kFolded;

  // For the first step of each vector, over the streams.
  static constexpr Factors kFirst = MakeFactors(gf2::Fold(3 * kWidth + 2 * kStream));

  // Times this, a state that `after` bytes of the block follow is worth the same in the last lane:
  // x^64 less for the product's place in the low half of the lane, x^32 less for the reduction at
  // the end, x^1 for the reflection.
  static constexpr std::uint32_t Enter(std::size_t after) {
    return gf2::PowerOfX(static_cast<std::int64_t>(8 * after) - 97);
  }
  static constexpr std::uint32_t kEnterFirst = Enter(kStream + kFolded);
  static constexpr std::uint32_t kEnterSecond = Enter(kFolded);
};

// One iteration. The order is pinned: on Zen 4 a carry-less multiplication takes a dispatch cycle
// of its own, so the scalar steps have to stand between the pairs.
template <Mode kMode>
[[gnu::always_inline]] inline void HybridStep(Three& v, Vector factors, const Run<kMode>& folded,
                                              const Byte* first, const Byte* second,
                                              std::uint64_t& state1, std::uint64_t& state2) {
  Vector low = ClmulLow(v.a0, factors);
  Vector high = ClmulHigh(v.a0, factors);
  Pin(low), Pin(high);
  state1 = Step8(state1, LoadLittle<std::uint64_t>(first));
  state2 = Step8(state2, LoadLittle<std::uint64_t>(second));
  Pin(state1), Pin(state2);
  v.a0 = Xor3(low, high, folded.Take(0));
  Pin(v.a0);

  low = ClmulLow(v.a1, factors);
  high = ClmulHigh(v.a1, factors);
  Pin(low), Pin(high);
  state1 = Step8(state1, LoadLittle<std::uint64_t>(first + 8));
  state2 = Step8(state2, LoadLittle<std::uint64_t>(second + 8));
  Pin(state1), Pin(state2);
  state1 = Step8(state1, LoadLittle<std::uint64_t>(first + 16));
  Pin(state1);
  v.a1 = Xor3(low, high, folded.Take(kWidth));
  Pin(v.a1);

  low = ClmulLow(v.a2, factors);
  high = ClmulHigh(v.a2, factors);
  Pin(low), Pin(high);
  state2 = Step8(state2, LoadLittle<std::uint64_t>(second + 16));
  state1 = Step8(state1, LoadLittle<std::uint64_t>(first + 24));
  state2 = Step8(state2, LoadLittle<std::uint64_t>(second + 24));
  Pin(state1), Pin(state2);
  v.a2 = Xor3(low, high, folded.Take(2 * kWidth));
  Pin(v.a2);
}

template <std::size_t kIterations, Mode kMode>
[[gnu::always_inline]] inline void TakeBlock(Three& v, Run<kMode>& run) {
  using B = Block<kIterations>;
  static_assert(kMode != Mode::kCopyAround, "a stream reads back what was stored");
  Run<kMode> folded = run;
  folded.Skip(2 * B::kStream);
  const Byte* p = run.p;
  std::uint64_t state1 = 0, state2 = 0;
  Vector factors = LoadFactors(B::kFirst);
  const Vector by_three = LoadFactors(kMove<3 * kWidth>);
  for (std::size_t i = 0; i < kIterations; ++i) {
    const Byte* from = p;
    if constexpr (kMode == Mode::kCopy) {
      Copy32(run.d + 32 * i, p);
      Copy32(run.d + B::kStream + 32 * i, p + B::kStream);
      StoredIsWhatCounts();
      from = run.d + 32 * i;
    }
    HybridStep(v, factors, folded, from, from + B::kStream, state1, state2);
    p += 32;
    folded.Skip(3 * kWidth);
    factors = by_three;
  }
  v.a2 = Xor(v.a2, InLastLane(Clmul32(static_cast<std::uint32_t>(state1), B::kEnterFirst) ^
                              Clmul32(static_cast<std::uint32_t>(state2), B::kEnterSecond)));
  run.Skip(B::kSize);
}

template <std::size_t kIterations, Mode kMode>
[[gnu::always_inline]] inline void TakeAll(Three& v, Run<kMode>& run) {
  while (run.size >= Block<kIterations>::kSize) TakeBlock<kIterations>(v, run);
}

// Lengths that are no power of two keep the streams off one cache set. In the longest blocks, for
// data beyond L2, the three streams lie far enough apart for the hardware prefetcher to follow
// each. A copy has twice the streams, and does better with them close together.
struct WithStreams {
  template <Mode kMode>
  [[gnu::always_inline]] static void TakeBlocks(Three& v, Run<kMode>& run) {
    TakeAll<1020>(v, run);
    if constexpr (kMode == Mode::kRead) TakeAll<60>(v, run);
    TakeAll<15>(v, run);
    TakeAll<5>(v, run);
    TakeAll<2>(v, run);
  }
};

[[gnu::noinline]] Crc32c ExtendHybrid(Crc32c crc, const void* data, std::size_t size) {
  const Run<Mode::kRead> run = {static_cast<const Byte*>(data), nullptr, size};
  return Crc32c{~FoldRun<WithStreams>(~crc.value, run)};
}

Crc32c ExtendHot(Crc32c crc, const void* data, std::size_t size) {
  if (size <= kChainUpTo) {
    return Crc32c{~ShortChain(~crc.value, static_cast<const Byte*>(data), size)};
  }
  if (size < kHybridFrom || size >= kHybridUpTo) return ExtendByFolding(crc, data, size);
  return ExtendHybrid(crc, data, size);
}

}  // namespace
}  // namespace isthmus::digest
