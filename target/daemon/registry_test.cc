#include "target/daemon/registry.h"

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::target {
namespace {

class Holder : public SessionHandle {
 public:
  void End() override { ++ended; }
  void Abort(const AbortScope&, AbortCause, std::function<void()> done) override {
    ++aborts;
    pending.push_back(std::move(done));
  }
  std::atomic<int> ended{0};
  int aborts = 0;
  std::vector<std::function<void()>> pending;
};

NexusKey KeyOf(const char* initiator, uint8_t isid,
               const char* target = "iqn.2026-11.example:disk") {
  NexusKey key;
  key.initiator_name = initiator;
  key.isid[5] = std::byte{isid};
  key.target_name = target;
  return key;
}

// RFC 7143 section 6.3.5: the new session begins when the old one is gone.
TEST(Registry, ASecondClaimEndsTheHolderAndWaitsForIt) {
  Registry registry;
  auto first = std::make_shared<Holder>(), second = std::make_shared<Holder>();
  uint16_t first_tsih = 0, second_tsih = 0;
  registry.Claim(KeyOf("iqn.a", 1), first, [&](uint16_t tsih) { first_tsih = tsih; });
  ASSERT_NE(first_tsih, 0);
  registry.Claim(KeyOf("iqn.a", 1), second, [&](uint16_t tsih) { second_tsih = tsih; });
  EXPECT_EQ(first->ended, 1);
  EXPECT_EQ(second_tsih, 0);
  EXPECT_TRUE(registry.Exists(KeyOf("iqn.a", 1), first_tsih));
  registry.Leave(first_tsih);
  EXPECT_NE(second_tsih, 0);
  EXPECT_NE(second_tsih, first_tsih);
  EXPECT_FALSE(registry.Exists(KeyOf("iqn.a", 1), first_tsih));
  EXPECT_TRUE(registry.Exists(KeyOf("iqn.a", 1), second_tsih));
  EXPECT_EQ(second->ended, 0);
}

TEST(Registry, OtherIsidsNamesAndTargetsAreOtherNexuses) {
  Registry registry;
  std::set<uint16_t> granted;
  const NexusKey keys[] = {KeyOf("iqn.a", 1), KeyOf("iqn.a", 2), KeyOf("iqn.b", 1),
                           KeyOf("iqn.a", 1, "iqn.other"), KeyOf("iqn.a", 1, "")};
  for (const NexusKey& key : keys) {
    registry.Claim(key, std::make_shared<Holder>(), [&](uint16_t tsih) { granted.insert(tsih); });
  }
  EXPECT_EQ(granted.size(), 5u);
  EXPECT_EQ(granted.count(0), 0u);
  EXPECT_FALSE(registry.Exists(KeyOf("iqn.c", 1), *granted.begin()));
}

TEST(Registry, ClaimsThatRaceAreGrantedInTheirOrderAndOneMayWithdraw) {
  Registry registry;
  std::vector<std::pair<int, uint16_t>> grants;
  std::vector<std::shared_ptr<Holder>> holders;
  for (int i = 0; i < 4; ++i) {
    holders.push_back(std::make_shared<Holder>());
    registry.Claim(KeyOf("iqn.a", 1), holders.back(),
                   [&grants, i](uint16_t tsih) { grants.emplace_back(i, tsih); });
  }
  ASSERT_EQ(grants.size(), 1u);
  registry.Withdraw(holders[2].get());
  registry.Leave(grants.back().second);
  ASSERT_EQ(grants.size(), 2u);
  EXPECT_EQ(holders[1]->ended, 1) << "it must make room for those that still wait";
  registry.Leave(grants.back().second);
  ASSERT_EQ(grants.size(), 3u);
  EXPECT_EQ(grants[1].first, 1);
  EXPECT_EQ(grants[2].first, 3);
  EXPECT_EQ(holders[3]->ended, 0);
}

TEST(Registry, AbortOthersReachesTheOtherSessionsOfTheTargetAndWaitsForAll) {
  Registry registry;
  auto self = std::make_shared<Holder>(), other = std::make_shared<Holder>(),
       third = std::make_shared<Holder>(), elsewhere = std::make_shared<Holder>();
  const auto ignore = [](uint16_t) {};
  registry.Claim(KeyOf("iqn.a", 1), self, ignore);
  registry.Claim(KeyOf("iqn.b", 1), other, ignore);
  registry.Claim(KeyOf("iqn.c", 1), third, ignore);
  registry.Claim(KeyOf("iqn.b", 1, "iqn.other"), elsewhere, ignore);
  int done = 0;
  registry.AbortOthers("iqn.2026-11.example:disk", self.get(), AbortScope{}, AbortCause::kReset,
                       [&] { ++done; });
  EXPECT_EQ(self->aborts, 0);
  EXPECT_EQ(elsewhere->aborts, 0);
  ASSERT_EQ(other->aborts, 1);
  ASSERT_EQ(third->aborts, 1);
  other->pending[0]();
  EXPECT_EQ(done, 0);
  third->pending[0]();
  EXPECT_EQ(done, 1);
  registry.AbortOthers(
      "iqn.2026-11.example:disk", self.get(), AbortScope{}, AbortCause::kPreempted, [&] { ++done; },
      [](const NexusKey& key) { return key.initiator_name == "iqn.c"; });
  EXPECT_EQ(other->aborts, 1);
  ASSERT_EQ(third->aborts, 2);
  third->pending[1]();
  EXPECT_EQ(done, 2);
  registry.AbortOthers("iqn.nobody", nullptr, AbortScope{}, AbortCause::kReset, [&] { ++done; });
  EXPECT_EQ(done, 3);
}

TEST(Registry, ClaimsFromManyThreadsGetDistinctTsihs) {
  Registry registry;
  constexpr int kThreads = 4, kEach = 200;
  std::vector<std::vector<uint16_t>> granted(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        NexusKey key = KeyOf("iqn.a", static_cast<uint8_t>(t));
        key.isid[4] = static_cast<std::byte>(i);
        registry.Claim(key, std::make_shared<Holder>(),
                       [&](uint16_t tsih) { granted[t].push_back(tsih); });
        if (i % 2 == 1) registry.Leave(granted[t][static_cast<size_t>(i) - 1]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint16_t> all;
  for (const auto& each : granted) all.insert(each.begin(), each.end());
  EXPECT_EQ(all.size(), size_t{kThreads * kEach});
}

}  // namespace
}  // namespace isthmus::target
