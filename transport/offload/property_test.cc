// The proof of docs/offload.md: the same wire input, with every verdict removed, gives the same events. Each model of the registry
// but the liar, on every simulated fault, over many seeds.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "transport/offload/device.h"
#include "transport/offload/registry.h"
#include "transport/offload/testing/offload_run.h"

namespace isthmus::transport {
namespace {

using testing_support::Carry;
using testing_support::OffloadResult;
using testing_support::OffloadRun;
using testing_support::RandomPdus;
using testing_support::WithoutDevice;

// One fault, or none, or several at once, by seed.
SimulatedTcpOptions Faults(uint32_t seed, uint64_t stream_size) {
  std::mt19937 random(seed);
  SimulatedTcpOptions tcp;
  tcp.path.mtu = random() % 3 == 0 ? 9000 : random() % 2 == 0 ? 1500 : 576;
  tcp.path.ipv6 = random() % 4 == 0;
  tcp.timestamps = random() % 2 == 0;
  tcp.aligned = random() % 3 != 0;
  const auto chance = [&](uint32_t in_10000) {
    return random() % 3 == 0 ? static_cast<uint32_t>(random() % in_10000) : 0u;
  };
  tcp.sack = random() % 2 == 0;
  if (random() % 4 == 0) tcp.mss = 88 + random() % 1400;
  if (random() % 4 == 0) tcp.tso_bytes = 1000 + random() % 16000;
  tcp.nagle = random() % 4 == 0;
  tcp.lro = random() % 4 == 0 ? 2 + random() % 3 : 1;
  tcp.gro = random() % 2 == 0 ? 1 : 1 + random() % 6;
  if (random() % 8 == 0) {
    tcp.encapsulation = random() % 2 == 0 ? FrameOddity::kVlan : FrameOddity::kTunnel;
  }
  tcp.loss = chance(1500);
  tcp.recut = random() % 2 == 0;
  tcp.reorder = chance(2000);
  tcp.duplicate = chance(1500);
  tcp.spoil = chance(600);
  tcp.odd = chance(2000);
  tcp.zero_window = chance(600);
  if (random() % 4 == 0) tcp.window = 100 + random() % 5000;
  uint64_t at = 0;
  for (uint32_t i = random() % 3; i > 0 && stream_size > 0; --i) {
    at += random() % stream_size / 2;
    PathShape path = tcp.path;
    path.mtu = 400 + random() % 2000;
    tcp.changes.push_back({at, path, static_cast<uint32_t>(random() % 2)});
  }
  return tcp;
}

class PropertyTest : public testing::TestWithParam<const char*> {};

TEST_P(PropertyTest, SameWireInputVerdictsRemovedSameEvents) {
  uint64_t believed = 0, computed = 0, bad = 0;
  for (uint32_t seed = 1; seed <= 600; ++seed) {
    OffloadRun run;
    run.seed = seed;
    run.device = GetParam();
    std::mt19937 random(seed * 7919);
    run.header_digest = random() % 4 != 0;
    run.data_digest = random() % 4 != 0;
    run.stream =
        RandomPdus(seed, 24, random() % 2 == 0 ? 1300 : 5000, run.header_digest, run.data_digest);
    run.tcp = Faults(seed, run.stream.bytes.size());
    run.placement = random() % 2 == 0;
    run.audit_one_in = random() % 4 == 0 ? 1 + random() % 4 : 0;
    run.arm_offset = run.stream.ends[random() % 4] * (random() % 2);
    run.arm_after_frames = random() % 3 == 0 ? random() % 10 : 0;
    if (random() % 4 == 0) run.disarm_after_frames = run.arm_after_frames + random() % 30;
    run.late_completions = random() % 2 == 0;
    const OffloadResult with = Carry(run);
    const OffloadResult without = Carry(WithoutDevice(run));
    for (size_t i = 0; i < std::max(with.events.size(), without.events.size()); ++i) {
      ASSERT_EQ(i < with.events.size() ? with.events[i] : "nothing",
                i < without.events.size() ? without.events[i] : "nothing")
          << GetParam() << " seed " << seed << " event " << i;
    }
    ASSERT_EQ(with.receiver.device_good_software_bad, 0u) << GetParam() << " seed " << seed;
    believed += with.receiver.data_digests_by_device;
    computed += with.receiver.data_digests_by_software;
    bad += with.bad_pdus;
  }
  // Both ways were gone, and wrong digests were among what was judged.
  EXPECT_GT(believed, 500u);
  EXPECT_GT(computed, 500u);
  EXPECT_GT(bad, 10u);
}

// Every model of the registry, but what says nothing and what lies on purpose.
std::vector<const char*> HonestModels() {
  std::vector<const char*> names;
  for (const OffloadModel& model : OffloadModels()) {
    const std::string name = model.name;
    if (name != "software" && name != "liar") names.push_back(model.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, PropertyTest, testing::ValuesIn(HonestModels()));

}  // namespace
}  // namespace isthmus::transport
