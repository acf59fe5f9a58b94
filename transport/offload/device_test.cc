// What the registry knows, and what each model can be relied on for.
#include "transport/offload/device.h"

#include <cstring>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "transport/offload/registry.h"

namespace isthmus::transport {
namespace {

TEST(RegistryTest, EveryModelIsMadeByItsNameAndOthersAreNot) {
  std::set<std::string> names;
  for (const OffloadModel& model : OffloadModels()) {
    const auto device = NewOffloadDevice(model.name);
    ASSERT_NE(device, nullptr);
    EXPECT_STREQ(device->name(), model.name);
    EXPECT_GT(std::strlen(model.what), 10u);
    names.insert(model.name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"software", "frame-aligned", "full-pdu", "stream",
                                          "accelerator", "liar"}));
  EXPECT_EQ(NewOffloadDevice("no-such-model"), nullptr);
  EXPECT_EQ(NewOffloadDevice(""), nullptr);
}

TEST(RegistryTest, EveryMissHasAName) {
  std::set<std::string> names;
  for (size_t i = 0; i < kMissReasons; ++i) names.insert(NameOf(static_cast<MissReason>(i)));
  EXPECT_EQ(names.size(), kMissReasons);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace isthmus::transport
