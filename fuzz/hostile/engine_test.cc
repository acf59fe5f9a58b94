// The named tests against our engines: digests off and on, and every way to cut the stream.
// Arguments: the beginnings of the names to run; -NAME=REASON skips a test, counted, with its reason.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/engine_initiator.h"
#include "fuzz/hostile/engine_target.h"

namespace isthmus::hostile {
namespace {

struct Variation {
  Digests digests;
  Chunking chunking;
  uint32_t seed;
};

std::string Describe(const Variation& v) {
  return std::string("digests ") + (v.digests.header ? "on" : "off") + ", " + Name(v.chunking) +
         " " + std::to_string(v.seed);
}

std::vector<Variation> Variations() {
  std::vector<Variation> all;
  for (bool on : {false, true}) {
    for (Chunking chunking : {Chunking::kPdus, Chunking::kWhole, Chunking::kBytes}) {
      all.push_back({{on, on}, chunking, 1});
    }
    for (uint32_t seed = 1; seed <= 2; ++seed) all.push_back({{on, on}, Chunking::kRandom, seed});
  }
  all.push_back({{true, false}, Chunking::kRandom, 3});
  all.push_back({{false, true}, Chunking::kRandom, 4});
  return all;
}

class NamedTest : public ::testing::Test {
 public:
  NamedTest(const Case& test, std::string skip_reason)
      : test_(test), skip_reason_(std::move(skip_reason)) {}
  void TestBody() override {
    if (!skip_reason_.empty()) GTEST_SKIP() << skip_reason_;
    int passed = 0;
    for (const Variation& variation : Variations()) {
      const bool target = test_.side == Side::kTarget;
      Options options = target ? EngineTargetOptions() : EngineInitiatorOptions();
      options.digests = variation.digests;
      options.chunking = variation.chunking;
      options.seed = variation.seed;
      const bool needs_met = ((test_.needs & kNeedsHeaderDigest) == 0 || options.digests.header) &&
                             ((test_.needs & kNeedsDataDigest) == 0 || options.digests.data);
      if (!needs_met) continue;
      const std::unique_ptr<Peer> peer = target ? MakeEngineTarget() : MakeEngineInitiator(options);
      const Verdict verdict = hostile::Run(test_, *peer, options);
      ASSERT_EQ(verdict.kind, Verdict::kPass) << Describe(variation) << ": " << verdict.text;
      ASSERT_EQ(peer->Leftovers(), "") << Describe(variation);
      ++passed;
    }
    EXPECT_GT(passed, 0);
  }

 private:
  const Case& test_;
  const std::string skip_reason_;
};

}  // namespace
}  // namespace isthmus::hostile

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  using isthmus::hostile::Case;
  static const std::vector<Case> all = isthmus::hostile::AllCases();
  int registered = 0;
  for (const Case& test : all) {
    bool wanted = argc < 2;
    std::string skip_reason;
    for (int i = 1; i < argc; ++i) {
      wanted = wanted || std::string(test.name).starts_with(argv[i]);
      const std::string skip = std::string("-") + test.name + "=";
      if (std::string(argv[i]).starts_with(skip)) skip_reason = argv[i] + skip.size();
    }
    if (!wanted) continue;
    ++registered;
    ::testing::RegisterTest(
        "Hostile", test.name, nullptr, nullptr, __FILE__, __LINE__,
        [&test, skip_reason]() -> ::testing::Test* {
          return new isthmus::hostile::NamedTest(test, skip_reason);
        });
  }
  if (registered == 0) return 1;
  return RUN_ALL_TESTS();
}
