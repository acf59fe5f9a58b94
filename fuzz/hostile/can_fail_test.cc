// Each named test must be seen to fail: at least one peer that is broken on purpose fails it, at
// the point where it judges. Also that the tables are in order.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/broken_initiator.h"
#include "fuzz/hostile/broken_target.h"
#include "fuzz/hostile/engine_initiator.h"
#include "fuzz/hostile/engine_target.h"

namespace isthmus::hostile {
namespace {

// Runs it against each vice; what was seen if none makes it fail.
template <class MakePeer, class Vices>
std::string Unproven(const Case& test, Options options, const Vices& vices, MakePeer make) {
  std::string seen = std::string("\n  ") + test.name;
  for (const auto vice : vices) {
    for (bool on : {true, false}) {
      options.digests = {on, on};
      options.chunking = Chunking::kPdus;
      const std::unique_ptr<Peer> peer = make(vice, options);
      const Verdict verdict = hostile::Run(test, *peer, options);
      if (verdict.kind == Verdict::kFail && verdict.judged) return "";
      seen += std::string("\n    ") + Name(vice) + ": " +
              (verdict.kind == Verdict::kPass ? "pass" : verdict.text);
    }
  }
  return seen;
}

TEST(CanFail, EachTestOfATarget) {
  std::string unproven;
  for (const Case& test : AllCases()) {
    if (test.side != Side::kTarget) continue;
    unproven += Unproven(test, EngineTargetOptions(), kVices,
                         [](Vice vice, const Options&) { return MakeBrokenTarget(vice); });
  }
  EXPECT_EQ(unproven, "");
}

TEST(CanFail, EachTestOfAnInitiator) {
  std::string unproven;
  for (const Case& test : AllCases()) {
    if (test.side != Side::kInitiator) continue;
    unproven += Unproven(test, EngineInitiatorOptions(), kInitiatorVices, MakeBrokenInitiator);
  }
  EXPECT_EQ(unproven, "");
}

TEST(CanFail, TablesAreInOrder) {
  std::set<std::string> names;
  for (const Case& test : AllCases()) {
    EXPECT_TRUE(names.insert(test.name).second) << test.name << " is there twice";
    const char* side = test.side == Side::kTarget ? "target." : "initiator.";
    EXPECT_TRUE(std::string(test.name).starts_with(side)) << test.name;
    EXPECT_NE(std::strlen(test.clause), 0u) << test.name;
    EXPECT_NE(std::strlen(test.what), 0u) << test.name;
    EXPECT_NE(std::strlen(test.required), 0u) << test.name;
  }
}

}  // namespace
}  // namespace isthmus::hostile
