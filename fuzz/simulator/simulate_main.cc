// Runs the simulator: one seed, or as many as a time or a number allows, on several processes.
//
//   simulate --seed 7                      twice, and compares the trace hashes
//   simulate --seed 7 --trace --capture /tmp/7.pcapng --without-operations 0-4 --without-faults 1
//   simulate --seconds 60 --jobs 2 [--first SEED]
//   simulate --seeds 1000 --jobs 2
//   simulate --seeds 100 --plant stale_read     a fault of the simulated world, which must be found
//
// A seed that fails is shrunk, and the command is printed that replays what is left. Exit status:
// 0 if no seed failed.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "fuzz/simulator/report.h"
#include "fuzz/simulator/scenario.h"
#include "fuzz/simulator/shrink.h"
#include "fuzz/simulator/simulation.h"
#include "transport/capture.h"

namespace isthmus::simulator {
namespace {

// What a worker leaves in shared memory: its seed survives its crash.
struct Progress {
  uint64_t seed = 0, seeds = 0;
  bool failed = false;
  Counts counts;
};

void Add(const Counts& from, Counts* to) {
  to->steps += from.steps;
  to->virtual_ns += from.virtual_ns;
  to->operations += from.operations;
  to->logins += from.logins;
  to->pdus += from.pdus;
  to->bytes += from.bytes;
  to->blocks_checked += from.blocks_checked;
  to->aborted += from.aborted;
  to->failed_operations += from.failed_operations;
  to->device_frames += from.device_frames;
  to->device_good += from.device_good;
  for (size_t i = 0; i < from.faults.size(); ++i) to->faults[i] += from.faults[i];
}

void Print(uint64_t seeds, const Counts& counts, double seconds) {
  std::printf("%" PRIu64 " seeds in %.1f s: %.1f simulated hours, %" PRIu64 " steps, %" PRIu64
              " operations (%" PRIu64 " not good), %" PRIu64 " logins, %" PRIu64 " PDUs, %" PRIu64
              " MB, %" PRIu64 " blocks compared, %" PRIu64 " tasks aborted\n",
              seeds, seconds, static_cast<double>(counts.virtual_ns) / 3.6e12, counts.steps,
              counts.operations, counts.failed_operations, counts.logins, counts.pdus,
              counts.bytes / 1'000'000, counts.blocks_checked, counts.aborted);
  std::printf("devices: %" PRIu64 " frames, %" PRIu64 " of them good\nfaults:",
              counts.device_frames, counts.device_good);
  for (size_t i = 0; i < kFaultKinds; ++i) {
    std::printf("%s %s %" PRIu64, i == 0 ? "" : ",", Name(static_cast<FaultKind>(i)),
                counts.faults[i]);
  }
  std::printf("\n");
}

int ShrinkAndPrint(uint64_t seed, Plant plant) {
  const Scenario scenario = MakePlanted(seed, plant);
  const std::string rule = RunApart(scenario);
  if (rule.empty()) {
    std::printf("seed %" PRIu64 " failed in the worker, but not alone\n", seed);
    return 1;
  }
  const Omissions omissions = Shrink(scenario, rule, RunApart, 600);
  std::printf("seed %" PRIu64 " fails: %s\n", seed, rule.c_str());
  std::printf("  %zu of %zu operations and %zu of %zu faults are enough. To replay:\n",
              scenario.operations.size() - omissions.operations.size(), scenario.operations.size(),
              scenario.faults.size() - omissions.faults.size(), scenario.faults.size());
  std::printf("  tools/simulate --seed %" PRIu64 " --trace --capture /tmp/seed_%" PRIu64 ".pcapng",
              seed, seed);
  if (plant != Plant::kNone) std::printf(" --plant %s", Name(plant));
  if (!omissions.operations.empty()) {
    std::printf(" --without-operations %s", FormatIndices(omissions.operations).c_str());
  }
  if (!omissions.faults.empty()) {
    std::printf(" --without-faults %s", FormatIndices(omissions.faults).c_str());
  }
  std::printf("\n");
  return 1;
}

int Replay(const Scenario& scenario, bool trace, const std::string& capture_path) {
  if (trace) {
    for (const std::string& line : Describe(scenario)) std::printf("%s\n", line.c_str());
  }
  std::unique_ptr<transport::CaptureFile> capture;
  RunOptions options;
  if (!capture_path.empty()) {
    auto created = transport::CaptureFile::Create(capture_path, {});
    if (!created.ok()) {
      std::fprintf(stderr, "%s\n", std::string(created.status().message()).c_str());
      return 2;
    }
    capture = *std::move(created);
    options.capture = capture.get();
  }
  Report first(trace);
  Run(scenario, options, &first);
  for (const std::string& line : first.lines()) std::printf("%s\n", line.c_str());
  Report second;
  Run(scenario, {}, &second);
  std::printf("seed %" PRIu64 ": trace hash %016" PRIx64 ", and again %016" PRIx64 "\n",
              scenario.seed, first.hash(), second.hash());
  Print(1, first.counts, 0);
  if (first.failed()) std::printf("FAILED: %s\n", first.failure().c_str());
  if (first.hash() != second.hash()) std::printf("FAILED: the two runs differ\n");
  return first.failed() || first.hash() != second.hash() ? 1 : 0;
}

void Worker(Progress* progress, uint64_t first, uint64_t end, uint64_t stride, double seconds,
            Plant plant) {
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t seed = first; seed < end; seed += stride) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (seconds > 0 && spent.count() > seconds) break;
    progress->seed = seed;
    Report report;
    Run(MakePlanted(seed, plant), {}, &report);
    ++progress->seeds;
    Add(report.counts, &progress->counts);
    if (report.failed()) {
      progress->failed = true;
      std::printf("seed %" PRIu64 ": %s\n", seed, report.failure().c_str());
      return;
    }
  }
}

int Campaign(uint64_t first, uint64_t seeds, double seconds, unsigned jobs, Plant plant) {
  const auto start = std::chrono::steady_clock::now();
  void* shared = mmap(nullptr, sizeof(Progress) * jobs, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  auto* progress = static_cast<Progress*>(shared);
  std::vector<pid_t> workers;
  for (unsigned i = 0; i < jobs; ++i) {
    std::fflush(nullptr);
    const pid_t worker = fork();
    if (worker == 0) {
      Worker(&progress[i], first + i, first + seeds, jobs, seconds, plant);
      std::fflush(nullptr);
      _exit(0);
    }
    workers.push_back(worker);
  }
  Counts counts;
  uint64_t done = 0;
  std::vector<uint64_t> failed;
  for (unsigned i = 0; i < jobs; ++i) {
    int status = 0;
    waitpid(workers[i], &status, 0);
    if (status != 0 || progress[i].failed) failed.push_back(progress[i].seed);
    done += progress[i].seeds;
    Add(progress[i].counts, &counts);
  }
  for (uint64_t seed : failed) ShrinkAndPrint(seed, plant);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  Print(done, counts, spent.count());
  return failed.empty() && done > 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app{"Simulated initiators against a simulated target, from seeds"};
  uint64_t seed = 0, first = 1, seeds = ~uint64_t{0} >> 1;
  double seconds = 0;
  unsigned jobs = 1;
  bool trace = false, shrink = false;
  std::string capture, without_operations, without_faults, plant_name;
  CLI::Option* one = app.add_option("--seed", seed, "Run this seed twice and compare");
  app.add_flag("--trace", trace, "Print everything that happens");
  app.add_flag("--shrink", shrink, "With --seed: leave out what its failure does not need");
  app.add_option("--capture", capture, "Write what the initiators sent and received as pcapng");
  app.add_option("--without-operations", without_operations, "Leave these out: 0-4,7");
  app.add_option("--without-faults", without_faults, "Leave these out: 0-4,7");
  app.add_option("--first", first, "First seed of a campaign");
  CLI::Option* number = app.add_option("--seeds", seeds, "How many seeds");
  CLI::Option* time = app.add_option("--seconds", seconds, "For how long");
  app.add_option("--jobs", jobs, "Processes")->check(CLI::Range(1u, 256u));
  app.add_option("--plant", plant_name,
                 "Plant a fault that no protocol can repair: it must be found");
  CLI11_PARSE(app, argc, argv);
  const std::optional<Plant> plant =
      PlantNamed(plant_name.empty() ? Name(Plant::kNone) : plant_name);
  if (!plant.has_value()) {
    std::fprintf(stderr, "no plant %s; there are", plant_name.c_str());
    for (size_t i = 1; i < kPlants; ++i) std::fprintf(stderr, " %s", Name(static_cast<Plant>(i)));
    std::fprintf(stderr, "\n");
    return 2;
  }
  if (one->count() > 0) {
    if (shrink) return ShrinkAndPrint(seed, *plant);
    return Replay(Without(MakePlanted(seed, *plant),
                          {ParseIndices(without_operations), ParseIndices(without_faults)}),
                  trace, capture);
  }
  if (number->count() == 0 && time->count() == 0) seconds = 10;
  seeds = std::min<uint64_t>(seeds, ~uint64_t{0} - first);
  return Campaign(first, seeds, seconds, jobs, *plant);
}

}  // namespace
}  // namespace isthmus::simulator

int main(int argc, char** argv) { return isthmus::simulator::Main(argc, argv); }
