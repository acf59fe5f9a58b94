// How fast CRC32C is: digest/<kernel>/<mode>/<bytes>. tools/bench digest runs this, judges it and draws it.
//
//   digest_bench [--guarded] [--benchmark_filter=digest/selected/hot/] [--benchmark_out=FILE] ...
//
// Kernels: `selected` is what the free functions run; then every kernel that this machine offers, `isal`, and what to
// compare with, of bench/digest_limits.h. Modes:
//
//   hot       independent calls on one buffer          cold      calls rotate through 512 MiB, with the cold hint
//   wait      each address hangs on the digest before  copy      copy_and_extend, hot
//   offset    hot, 48 bytes off alignment              copycold  streaming copies through 512 MiB
//   batch     64 headers in one call; time a header    gather    <bytes> is the size of a piece, of 8 to 64
//   combine   <bytes> is the second part's size; each waits for the one before
//
// A repetition is one sample of about 20 microseconds, accepted by the guard; the median over repetitions counts.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/digest_guard.h"
#include "bench/digest_limits.h"
#include "benchmark/benchmark.h"
#include "digest/crc32c.h"
#include "digest/isal.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"

namespace isthmus::bench {
namespace {

using digest::Crc32c;
using digest::Kernel;
using digest::Piece;

constexpr std::size_t kSizes[] = {48,   56,   64,   68,    96,    256,    512,     1024,
                                  1460, 4096, 8192, 16384, 65536, 262144, 1048576, 16777216};
constexpr std::size_t kArenaSize = std::size_t{512} << 20;

unsigned char* MapMemory(std::size_t size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  void* base =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    std::perror("digest_bench: mmap");
    std::exit(1);
  }
  const auto address = (reinterpret_cast<std::uintptr_t>(base) + kHugePage - 1) & ~(kHugePage - 1);
  auto* p = reinterpret_cast<unsigned char*>(address);
  madvise(p, size, MADV_HUGEPAGE);
  std::uint32_t word = 1;
  for (std::size_t i = 0; i < size; i += 4) {
    word = word * 1664525u + 1013904223u;
    std::memcpy(p + i, &word, 4);
  }
  return p;
}

// Hot source and target; the target stands 2048 bytes off the source's place in a page (docs/digest.md says why).
unsigned char* HotSource() {
  static unsigned char* const p = MapMemory(kSizes[15] + 4096);
  return p;
}
unsigned char* HotTarget() {
  static unsigned char* const p = MapMemory(kSizes[15] + 8192) + 2048;
  return p;
}
unsigned char* Arena() {
  static unsigned char* const p = MapMemory(kArenaSize);
  return p;
}

// Places of `bytes` in a part of the arena, in an order that no prefetcher knows.
class Slots {
 public:
  Slots(unsigned char* base, std::size_t room, std::size_t bytes)
      : base_(base), stride_((bytes + 511) / 256 * 256), count_(room / stride_) {}
  unsigned char* Next() {
    at_ = (at_ + kStep) % count_;
    return base_ + at_ * stride_;
  }

 private:
  static constexpr std::size_t kStep = 7368787;  // a prime that no count is a multiple of
  unsigned char* base_;
  std::size_t stride_, count_, at_ = 0;
};

// Calls through the free functions.
struct Selected {
  Crc32c Extend(Crc32c crc, const void* p, std::size_t n) const {
    return digest::Extend(crc, p, n);
  }
  Crc32c Cold(Crc32c crc, const void* p, std::size_t n) const {
    return digest::Extend(crc, p, n, digest::Heat::kCold);
  }
  Crc32c Copy(Crc32c crc, void* d, const void* p, std::size_t n) const {
    return digest::CopyAndExtend(crc, d, p, n);
  }
  Crc32c CopyStreaming(Crc32c crc, void* d, const void* p, std::size_t n) const {
    return digest::CopyAndExtend(crc, d, p, n, digest::Stores::kStreaming);
  }
  Crc32c Gather(Crc32c crc, const std::vector<Piece>& pieces) const {
    return digest::Extend(crc, pieces);
  }
  void Batch(const std::vector<Piece>& pieces, Crc32c* digests) const {
    digest::ComputeBatch(pieces, digests);
  }
  Crc32c Combine(Crc32c a, Crc32c b, std::size_t n) const { return digest::Combine(a, b, n); }
};

// Calls through a kernel, as engines do.
struct Injected {
  const Kernel* kernel;
  Crc32c Extend(Crc32c crc, const void* p, std::size_t n) const {
    return kernel->extend(crc, p, n);
  }
  Crc32c Cold(Crc32c crc, const void* p, std::size_t n) const {
    return kernel->extend_cold(crc, p, n);
  }
  Crc32c Copy(Crc32c crc, void* d, const void* p, std::size_t n) const {
    return kernel->copy_and_extend(crc, d, p, n);
  }
  Crc32c CopyStreaming(Crc32c crc, void* d, const void* p, std::size_t n) const {
    return kernel->copy_and_extend_streaming(crc, d, p, n);
  }
  Crc32c Gather(Crc32c crc, const std::vector<Piece>& pieces) const {
    return kernel->extend_gather(crc, pieces.data(), pieces.size());
  }
  void Batch(const std::vector<Piece>& pieces, Crc32c* digests) const {
    kernel->compute_batch(pieces.data(), pieces.size(), digests);
  }
  Crc32c Combine(Crc32c a, Crc32c b, std::size_t n) const {
    return digest::Combine(*kernel, a, b, n);
  }
};

// Makes `calls` calls.
using Loop = std::function<void(std::size_t calls)>;

template <class Call>
Loop Hot(Call call, std::size_t bytes, std::size_t offset) {
  return [=, p = HotSource() + offset](std::size_t calls) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < calls; ++i) all ^= call.Extend({}, p, bytes).value;
    benchmark::DoNotOptimize(all);
  };
}

template <class Call>
Loop Wait(Call call, std::size_t bytes) {
  return [=, p = HotSource()](std::size_t calls) {
    std::uint32_t nothing = 0;
    benchmark::DoNotOptimize(nothing);
    Crc32c crc;
    for (std::size_t i = 0; i < calls; ++i) crc = call.Extend({}, p + (crc.value & nothing), bytes);
    benchmark::DoNotOptimize(crc);
  };
}

template <class Call>
Loop Cold(Call call, std::size_t bytes) {
  auto slots = std::make_shared<Slots>(Arena(), kArenaSize, bytes);
  return [=](std::size_t calls) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < calls; ++i) all ^= call.Cold({}, slots->Next(), bytes).value;
    benchmark::DoNotOptimize(all);
  };
}

template <class Call>
Loop Copy(Call call, std::size_t bytes) {
  return [=, p = HotSource(), d = HotTarget()](std::size_t calls) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < calls; ++i) all ^= call.Copy({}, d, p, bytes).value;
    benchmark::DoNotOptimize(all);
  };
}

template <class Call>
Loop CopyCold(Call call, std::size_t bytes) {
  auto from = std::make_shared<Slots>(Arena(), kArenaSize / 2, bytes);
  auto to = std::make_shared<Slots>(Arena() + kArenaSize / 2 + 2048, kArenaSize / 2 - 4096, bytes);
  return [=](std::size_t calls) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < calls; ++i) {
      all ^= call.CopyStreaming({}, to->Next(), from->Next(), bytes).value;
    }
    benchmark::DoNotOptimize(all);
  };
}

template <class Call>
Loop Gather(Call call, const std::vector<Piece>& pieces) {
  return [=](std::size_t calls) {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < calls; ++i) all ^= call.Gather({}, pieces).value;
    benchmark::DoNotOptimize(all);
  };
}

template <class Call>
Loop Batch(Call call, const std::vector<Piece>& pieces) {
  return [=](std::size_t calls) {
    Crc32c digests[64];
    for (std::size_t i = 0; i < calls; ++i) {
      call.Batch(pieces, digests);
      benchmark::DoNotOptimize(digests);
    }
  };
}

template <class Call>
Loop Combine(Call call, std::size_t bytes) {
  return [=](std::size_t calls) {
    Crc32c crc{1};
    for (std::size_t i = 0; i < calls; ++i) crc = call.Combine(crc, Crc32c{7}, bytes);
    benchmark::DoNotOptimize(crc);
  };
}

std::vector<Piece> MakePieces(std::size_t count, std::size_t size) {
  std::vector<Piece> pieces;
  // A cache line between them, so that a piece is not the continuation of another.
  for (std::size_t i = 0; i < count; ++i) pieces.push_back({HotSource() + i * (size + 64), size});
  return pieces;
}

Guard* g_guard = nullptr;

// Which benchmarks to register, by their plain names: the library would match them with what it appends.
std::optional<std::regex> g_filter;
bool g_list_only = false;

// Enough calls for about 20 microseconds.
std::size_t CallsFor(const Loop& loop) {
  std::size_t calls = 1;
  for (;; calls *= 2) {
    const double begin = Now();
    loop(calls);
    if (Now() - begin > 10e-6 || calls >= 8192) return calls;
  }
}

// A sample of a cell that is not `cold` follows a call that brings its bytes into the caches: whoever else ran on this
// processor since the last sample has pushed them out.
void Sample(benchmark::State& state, const Loop& loop, bool cold, std::size_t bytes,
            std::size_t items) {
  const std::size_t calls = CallsFor(loop);
  for (auto _ : state) {
    const std::optional<double> seconds =
        g_guard->Time([&] { loop(cold ? 0 : 1); }, [&] { loop(calls); }, std::chrono::seconds(20));
    if (!seconds) {
      state.SkipWithError("no undisturbed moment within 20 seconds");
      return;
    }
    state.SetIterationTime(*seconds / static_cast<double>(calls * items));
  }
  if (bytes != 0) state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

// `bytes` that an item (a call, or a header of a batch) takes; 0 if that says nothing.
void Register(const std::string& kernel, const char* mode, std::size_t size, Loop loop,
              std::size_t bytes, std::size_t items = 1) {
  const bool cold =
      std::string_view(mode).substr(0, 4) == "cold" || std::string_view(mode) == "copycold";
  const std::string name = "digest/" + kernel + "/" + mode + "/" + std::to_string(size);
  if (g_filter && !std::regex_search(name, *g_filter)) return;
  if (g_list_only) {
    std::puts(name.c_str());
    return;
  }
  benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { Sample(state, loop, cold, bytes, items); })
      ->UseManualTime()
      ->Iterations(1);
}

template <class Call>
void RegisterReads(const std::string& name, Call call) {
  for (std::size_t size : kSizes) Register(name, "hot", size, Hot(call, size, 0), size);
  for (std::size_t size : kSizes) Register(name, "offset", size, Hot(call, size, 48), size);
  for (std::size_t size : kSizes) Register(name, "cold", size, Cold(call, size), size);
}

template <class Call>
void RegisterCopies(const std::string& name, Call call) {
  for (std::size_t size : kSizes) Register(name, "copy", size, Copy(call, size), size);
  for (std::size_t size : kSizes) Register(name, "copycold", size, CopyCold(call, size), size);
}

template <class Call>
void RegisterDigests(const std::string& name, Call call) {
  RegisterReads(name, call);
  RegisterCopies(name, call);
  for (std::size_t size : kSizes) Register(name, "wait", size, Wait(call, size), size);
  Register(name, "batch", 48, Batch(call, MakePieces(64, 48)), 48, 64);
  constexpr std::pair<std::size_t, std::size_t> kLists[] = {
      {64, 128}, {16, 512}, {8, 1448}, {16, 4096}};
  for (const auto& [count, size] : kLists) {
    Register(name, "gather", size, Gather(call, MakePieces(count, size)), count * size);
  }
}

template <class Call>
void RegisterCombine(const std::string& name, Call call) {
  for (std::size_t size : {512u, 1460u, 8192u, 65535u, 1048576u, 16777212u}) {
    Register(name, "combine", size, Combine(call, size), 0);
  }
}

void RegisterAll() {
  RegisterDigests("selected", Selected{});
  RegisterCombine("selected", Selected{});
  for (const Kernel* kernel : digest::OfferedKernels()) {
    RegisterDigests(kernel->name, Injected{kernel});
    RegisterCombine(kernel->name, Injected{kernel});
  }
  RegisterDigests("isal", Injected{&digest::IsalKernel()});
  if (const Kernel* chain = ChainKernel()) RegisterDigests("chain", Injected{chain});
  RegisterReads("read", Injected{&ReadKernel()});
  RegisterReads("memcpy", Injected{&MemcpyKernel()});
  RegisterCopies("memcpy", Injected{&MemcpyKernel()});
}

// The names without what the library appends for the way of measuring.
template <class Reporter>
class PlainNames : public Reporter {
 public:
  using Reporter::Reporter;
  void ReportRuns(const std::vector<benchmark::BenchmarkReporter::Run>& runs) override {
    auto plain = runs;
    for (auto& run : plain) {
      run.run_name.iterations.clear();
      run.run_name.repetitions.clear();
      run.run_name.time_type.clear();
    }
    Reporter::ReportRuns(plain);
  }
};

// Takes the argument that starts with `start` out of the arguments; what follows the start, if it was there.
std::optional<std::string> TakeArgument(int* argc, char** argv, std::string_view start) {
  for (int i = 1; i < *argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg.substr(0, start.size()) != start) continue;
    std::copy(argv + i + 1, argv + *argc + 1, argv + i);
    --*argc;
    return std::string(arg.substr(start.size()));
  }
  return std::nullopt;
}

int Main(int argc, char** argv) {
  if (const char* name = std::getenv("ISTHMUS_DIGEST_KERNEL");
      name != nullptr && !digest::ForceKernel(name)) {
    std::fprintf(stderr, "digest_bench: this machine offers no kernel %s\n", name);
    return 1;
  }
  const bool guarded = TakeArgument(&argc, argv, "--guarded").has_value();
  g_list_only = TakeArgument(&argc, argv, "--benchmark_list_tests").has_value();
  if (const auto filter = TakeArgument(&argc, argv, "--benchmark_filter=")) {
    g_filter.emplace(*filter, std::regex::extended);
  }
  const bool to_file = std::any_of(argv + 1, argv + argc, [](const char* arg) {
    return std::string_view(arg).rfind("--benchmark_out=", 0) == 0;
  });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (g_list_only) {
    RegisterAll();
    return 0;
  }
  benchmark::AddCustomContext("selected", digest::SelectKernel().name);
  benchmark::AddCustomContext("guarded", guarded ? "yes" : "no");
  Guard guard(guarded);
  g_guard = &guard;
  RegisterAll();
  PlainNames<benchmark::ConsoleReporter> console(isatty(STDOUT_FILENO) != 0
                                                     ? benchmark::ConsoleReporter::OO_ColorTabular
                                                     : benchmark::ConsoleReporter::OO_Tabular);
  PlainNames<benchmark::JSONReporter> json;
  benchmark::RunSpecifiedBenchmarks(&console, to_file ? &json : nullptr);
  std::fprintf(stderr, "samples: %llu accepted, %llu dropped\n",
               static_cast<unsigned long long>(guard.accepted()),
               static_cast<unsigned long long>(guard.dropped()));
  return 0;
}

}  // namespace
}  // namespace isthmus::bench

int main(int argc, char** argv) { return isthmus::bench::Main(argc, argv); }
