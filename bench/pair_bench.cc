// Initiator and target in one process, joined by memory: what an I/O costs both engines together,
// without a socket. Each run also counts allocations, which must be none.
//
//   bazel run -c opt //bench:pair_bench
//
// PairIo/write:W/bytes:N/digests:D/depth:Q; the counters are per I/O.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/allocations.h"
#include "bench/pair.h"
#include "digest/select.h"

namespace isthmus {
namespace {

void PairIo(benchmark::State& state) {
  const bool write = state.range(0) != 0;
  const auto bytes = static_cast<size_t>(state.range(1));
  const bool digests = state.range(2) != 0;
  const auto depth = static_cast<size_t>(state.range(3));
  bench::PairOptions options;
  options.initiator.initiator_name = "iqn.2026-11.example.host:a";
  options.initiator.target_name = "iqn.2026-11.example.target:b";
  options.initiator.isid = {std::byte{0x80}};
  options.initiator.kernel = options.target.kernel = &digest::SelectKernel();
  text::Offer& offer = options.target_offer = initiator::DefaultOffer();
  if (!digests) {
    offer.HeaderDigest = offer.DataDigest = {text::DigestAlgorithm::kNone};
  }
  offer.TargetPortalGroupTag = 1;
  options.disk_bytes = 64 * 65536;
  bench::Pair pair(options);
  pair.keep_events = false;
  if (!pair.LogIn()) {
    state.SkipWithError("login failed");
    return;
  }
  std::vector<std::byte> buffer(bytes * depth, std::byte{0x5a});
  std::byte cdb[10] = {write ? std::byte{0x2a} : std::byte{0x28}};
  const auto round = [&] {
    for (size_t i = 0; i < depth; ++i) {
      const size_t offset = i * bytes;
      for (size_t k = 0; k < 4; ++k) cdb[2 + k] = static_cast<std::byte>(offset >> (24 - 8 * k));
      initiator::Command command;
      command.cdb = cdb;
      const std::span<std::byte> part = std::span(buffer).subspan(i * bytes, bytes);
      if (write) {
        command.data_out = part;
      } else {
        command.data_in = part;
      }
      initiator::TaskId task;
      if (!pair.initiator().Submit(command, &task).ok()) state.SkipWithError("refused");
    }
    pair.Run();
  };
  round();
  uint64_t allocations = 0;
  const uint64_t completions_before = pair.completions;
  for (auto _ : state) {
    const uint64_t before = bench::Allocations();
    round();
    allocations += bench::Allocations() - before;
  }
  const uint64_t ios = pair.completions - completions_before;
  if (ios != static_cast<uint64_t>(state.iterations()) * depth)
    state.SkipWithError("an I/O failed");
  state.SetItemsProcessed(static_cast<int64_t>(ios));
  state.SetBytesProcessed(static_cast<int64_t>(ios * bytes));
  state.counters["allocations"] = static_cast<double>(allocations) / static_cast<double>(ios);
  state.counters["time_per_io"] = benchmark::Counter(
      static_cast<double>(ios), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(PairIo)
    ->ArgNames({"write", "bytes", "digests", "depth"})
    ->ArgsProduct({{0, 1}, {4096, 65536}, {0, 1}, {1, 32}});

}  // namespace
}  // namespace isthmus

BENCHMARK_MAIN();
