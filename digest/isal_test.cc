// The checks of kernel_test.cc on ISA-L's kernel, and that it can be put in force.
#include "digest/isal.h"

#include <string_view>

#include "digest/kernel.h"
#include "digest/kernel_checks.h"
#include "digest/select.h"
#include "gtest/gtest.h"

namespace isthmus::digest {
namespace {

TEST(IsalTest, PassesEveryCheck) {
  for (const KernelCheck* check = kKernelChecks; check->name != nullptr; ++check) {
    EXPECT_EQ(check->run(IsalKernel()), "") << check->name;
  }
}

TEST(IsalTest, IsInForceOnlyOncePassed) {
  EXPECT_NE(SelectKernel().name, std::string_view("isal"));
  EXPECT_EQ(KernelByName("isal"), nullptr);
  SetKernel(IsalKernel());
  EXPECT_EQ(SelectKernel().name, std::string_view("isal"));
}

}  // namespace
}  // namespace isthmus::digest
