// Every check on every kernel that this machine offers.
#include "digest/kernel.h"

#include <string>
#include <tuple>

#include "digest/kernel_checks.h"
#include "digest/select.h"
#include "gtest/gtest.h"

namespace isthmus::digest {
namespace {

class KernelTest : public testing::Test {
 public:
  KernelTest(const Kernel& kernel, const KernelCheck& check) : kernel_(kernel), check_(check) {}
  void TestBody() override { EXPECT_EQ(check_.run(kernel_), "") << kernel_.name; }

 private:
  const Kernel& kernel_;
  const KernelCheck& check_;
};

[[maybe_unused]] const bool kRegistered = [] {
  for (const Kernel* kernel : OfferedKernels()) {
    for (const KernelCheck* check = kKernelChecks; check->name != nullptr; ++check) {
      testing::RegisterTest(
          "KernelTest", (std::string(kernel->name) + "_" + check->name).c_str(), nullptr, nullptr,
          __FILE__, __LINE__,
          [kernel, check]() -> testing::Test* { return new KernelTest(*kernel, *check); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace isthmus::digest
