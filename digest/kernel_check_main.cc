// Runs the kernel checks without a test framework, on a machine that may be emulated:
//
//   kernel_check_main [--slow] EXPECTED... | --offered
//
// EXPECTED are the kernels that this machine must offer, from the slowest to the best, no more and
// no fewer.
#include <cstdio>
#include <cstring>
#include <string>

#include "digest/kernel_checks.h"
#include "digest/select.h"

namespace {

using isthmus::digest::Kernel;
using isthmus::digest::KernelCheck;

int g_failed = 0;
int g_passed = 0;

void Report(const std::string& name, const std::string& difference) {
  difference.empty() ? ++g_passed : ++g_failed;
  std::printf("%s %s %s\n", difference.empty() ? "ok  " : "FAIL", name.c_str(), difference.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  bool slow = false, only_offered = false;
  std::string expected, offered;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--slow") == 0) {
      slow = true;
    } else if (std::strcmp(argv[i], "--offered") == 0) {
      only_offered = true;
    } else {
      expected += std::string(" ") + argv[i];
    }
  }
  for (const Kernel* kernel : isthmus::digest::OfferedKernels()) {
    offered += std::string(" ") + kernel->name;
  }
  if (only_offered) {
    std::printf("%s\n", offered.c_str());
    return 0;
  }
  Report("offered:" + offered, offered == expected ? "" : "expected:" + expected);
  const std::string best = offered.substr(offered.rfind(' ') + 1);
  const std::string chosen = isthmus::digest::SelectKernel().name;
  Report("chosen: " + chosen, chosen == best ? "" : "not the best offered");
  for (const Kernel* kernel : isthmus::digest::OfferedKernels()) {
    for (const KernelCheck* check = isthmus::digest::kKernelChecks; check->name != nullptr;
         ++check) {
      if (check->slow && !slow) continue;
      Report(std::string(kernel->name) + "." + check->name, check->run(*kernel));
    }
  }
  std::printf("%d passed, %d failed\n", g_passed, g_failed);
  return g_failed == 0 ? 0 : 1;
}
