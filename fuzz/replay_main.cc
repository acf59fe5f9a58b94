// Runs a fuzz target without a fuzzing engine: on nothing, on each file of its corpus, and on a
// bounded number of mutations of each. The same inputs in the same order on every run.
//
//   target [-max_len=BYTES] [-rounds=MUTATIONS] [-cells] [-artifact_prefix=PATH] [FILE or FOLDER]...
//
// An input that ends the program is left in PATH + "replayed", for libFuzzer to reproduce and minimise.
// -cells: prints what of the engine's states the files reach (fuzz/cells.h), and fails if that is not what should be.
// Other arguments that begin with '-' are libFuzzer's and ignored.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/entry_points.h"

extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                size_t max_size, unsigned int seed);
namespace isthmus::fuzz {
__attribute__((weak)) int PrintCells(std::FILE* out);
}

namespace {

std::mt19937 g_random(1);

bool TakeNumber(std::string_view argument, std::string_view flag, size_t* value) {
  if (argument.substr(0, flag.size()) != flag) return false;
  *value = std::strtoull(std::string(argument.substr(flag.size())).c_str(), nullptr, 10);
  return true;
}

std::vector<uint8_t> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Files, and those in folders, in the order of their names.
std::vector<std::string> FilesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_directory()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string g_artifact;
const std::vector<uint8_t>* g_input = nullptr;

// Not a function for signal handlers, but the program ends anyway.
void KeepInput(int signal) {
  std::signal(signal, SIG_DFL);
  if (g_input != nullptr && !g_artifact.empty()) {
    std::ofstream(g_artifact, std::ios::binary)
        .write(reinterpret_cast<const char*>(g_input->data()),
               static_cast<std::streamsize>(g_input->size()));
  }
  std::raise(signal);
}

// In memory of exactly its size, so that a sanitizer sees a read beyond it.
void RunOn(const std::vector<uint8_t>& input) {
  const std::vector<uint8_t> copy(input.begin(), input.end());
  g_input = &copy;
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  g_input = nullptr;
}

std::vector<uint8_t> Mutated(std::vector<uint8_t> input, size_t max_len) {
  const size_t size = std::min(input.size(), max_len);
  input.resize(max_len);
  const unsigned int seed = g_random();
  const size_t mutated = LLVMFuzzerCustomMutator != nullptr
                             ? LLVMFuzzerCustomMutator(input.data(), size, max_len, seed)
                             : LLVMFuzzerMutate(input.data(), size, max_len);
  input.resize(mutated);
  return input;
}

}  // namespace

// A few of libFuzzer's simplest mutations, one to four of them.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  static constexpr uint8_t kInteresting[] = {0, 1, 0x7f, 0x80, 0xff};
  for (unsigned i = 1 + g_random() % 4; i > 0; --i) {
    const size_t at = size == 0 ? 0 : g_random() % size;
    switch (g_random() % 5) {
      case 0:
        if (size > 0) data[at] ^= static_cast<uint8_t>(1u << g_random() % 8);
        break;
      case 1:
        if (size > 0) data[at] = kInteresting[g_random() % 5];
        break;
      case 2:
        if (size > 0) data[at] = static_cast<uint8_t>(g_random());
        break;
      case 3:
        if (size < max_size) {
          std::copy_backward(data + at, data + size, data + size + 1);
          data[at] = static_cast<uint8_t>(g_random());
          ++size;
        }
        break;
      case 4:
        if (size > 1) {
          const size_t count = std::min<size_t>(1 + g_random() % 8, size - at);
          std::copy(data + at + count, data + size, data + at);
          size -= count;
        }
        break;
    }
  }
  return size;
}

int main(int argc, char** argv) {
  size_t max_len = 4096;
  size_t rounds = 100;
  bool cells = false;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (TakeNumber(argument, "-max_len=", &max_len) || TakeNumber(argument, "-rounds=", &rounds)) {
      continue;
    }
    constexpr std::string_view kArtifact = "-artifact_prefix=";
    if (argument.substr(0, kArtifact.size()) == kArtifact) {
      g_artifact = std::string(argument.substr(kArtifact.size())) + "replayed";
    }
    cells = cells || argument == "-cells";
    if (argument.empty() || argument[0] != '-') paths.emplace_back(argument);
  }
  std::signal(SIGABRT, KeepInput);
  std::signal(SIGSEGV, KeepInput);
  RunOn({});
  const std::vector<std::string> files = FilesOf(paths);
  std::vector<std::vector<uint8_t>> seeds = {{}};
  for (const std::string& file : files) seeds.push_back(ReadFile(file));
  size_t runs = 1;
  for (const std::vector<uint8_t>& seed : seeds) {
    RunOn(seed);
    // Each mutation builds on the one before, and begins anew from the seed every tenth time.
    std::vector<uint8_t> input = seed;
    for (size_t round = 0; round < rounds; ++round, ++runs) {
      if (round % 10 == 0) input = seed;
      input = Mutated(std::move(input), max_len);
      RunOn(input);
    }
  }
  std::printf("replayed %zu files and %zu inputs made from them\n", files.size(), runs);
  if (!cells) return 0;
  if (isthmus::fuzz::PrintCells == nullptr) {
    std::fprintf(stderr, "this fuzzer has no board of states\n");
    return 1;
  }
  return isthmus::fuzz::PrintCells(stdout) == 0 ? 0 : 1;
}
