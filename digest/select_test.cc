#include "digest/select.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "digest/kernel.h"
#include "digest/value.h"
#include "gtest/gtest.h"

namespace isthmus::digest {
namespace {

// The system's own list of what the processor has and may use.
std::vector<std::string> ProcessorFlags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0 && line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

bool HasAll(const std::vector<std::string>& flags, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& flag) {
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
  });
}

// From the slowest to the best.
std::vector<std::string> KernelsByFlags() {
  const std::vector<std::string> flags = ProcessorFlags();
  std::vector<std::string> names = {"portable"};
#if defined(__x86_64__)
  if (HasAll(flags, {"sse4_2"})) names.push_back("sse42");
  if (HasAll(flags, {"sse4_2", "pclmulqdq"})) names.push_back("pclmul");
  if (HasAll(flags, {"sse4_2", "pclmulqdq", "avx2", "bmi2", "vpclmulqdq"})) {
    names.push_back("vpclmul");
    if (HasAll(flags, {"avx512f", "avx512bw", "avx512dq", "avx512vl"})) {
      names.push_back("avx512fold");
      names.push_back("avx512");
    }
  }
#elif defined(__aarch64__)
  if (HasAll(flags, {"crc32"})) names.push_back("armcrc");
  if (HasAll(flags, {"crc32", "pmull"})) names.push_back("armpmull");
  if (HasAll(flags, {"crc32", "pmull", "sha3"})) names.push_back("armeor3");
#endif
  return names;
}

class SelectTest : public testing::Test {
 protected:
  void TearDown() override { SetKernel(*OfferedKernels().back()); }
};

// Fails when this machine offers a kernel that was passed over.
TEST_F(SelectTest, TheBestThatThisMachineHasIsChosen) {
  const std::vector<std::string> expected = KernelsByFlags();
  std::vector<std::string> offered;
  for (const Kernel* kernel : OfferedKernels()) offered.emplace_back(kernel->name);
  EXPECT_EQ(offered, expected);
  EXPECT_EQ(SelectKernel().name, expected.back());
  RecordProperty("kernel", SelectKernel().name);
}

TEST_F(SelectTest, ANameForcesAKernel) {
  for (const Kernel* kernel : OfferedKernels()) {
    EXPECT_EQ(KernelByName(kernel->name), kernel);
    EXPECT_TRUE(ForceKernel(kernel->name));
    EXPECT_EQ(&SelectKernel(), kernel);
  }
}

TEST_F(SelectTest, AnUnknownNameChangesNothing) {
  const Kernel* const before = &SelectKernel();
  EXPECT_EQ(KernelByName("quantum"), nullptr);
  EXPECT_FALSE(ForceKernel("quantum"));
  EXPECT_FALSE(CapKernel("quantum"));
  EXPECT_FALSE(ForceKernel(""));
  EXPECT_EQ(&SelectKernel(), before);
}

TEST_F(SelectTest, ACapTakesTheBestUpToIt) {
  for (const Kernel* kernel : OfferedKernels()) {
    EXPECT_TRUE(CapKernel(kernel->name));
    EXPECT_EQ(&SelectKernel(), kernel);
  }
#if defined(__x86_64__)
  // A cap that the machine lacks falls to the next lesser one.
  EXPECT_TRUE(CapKernel("avx512"));
  EXPECT_EQ(&SelectKernel(), OfferedKernels().back());
#endif
}

Crc32c Answer42(Crc32c, const void*, std::size_t) { return {42}; }

TEST_F(SelectTest, AForeignKernelCanBeInForce) {
  static Kernel mine = *KernelByName("portable");
  mine.name = "mine";
  mine.extend = Answer42;
  SetKernel(mine);
  EXPECT_EQ(SelectKernel().name, std::string_view("mine"));
  EXPECT_EQ(SelectKernel().extend({}, nullptr, 0), Crc32c{42});
}

}  // namespace
}  // namespace isthmus::digest
