#include "protocol/session/slot_table.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "protocol/arena.h"

namespace isthmus {
namespace {

class SlotTableTest : public testing::TestWithParam<uint32_t> {
 protected:
  std::vector<std::byte> memory_ =
      std::vector<std::byte>(SlotTable<uint64_t>::MemoryNeeded(GetParam()));
  Arena arena_{memory_};
  SlotTable<uint64_t> table_{GetParam(), arena_};
};

TEST_P(SlotTableTest, GivesEachSlotOnceThenRefuses) {
  ASSERT_TRUE(table_.ok());
  std::set<uint32_t> tags;
  for (uint32_t i = 0; i < GetParam(); ++i) {
    uint32_t tag = 0;
    uint64_t* slot = table_.Acquire(&tag);
    ASSERT_NE(slot, nullptr);
    *slot = tag;
    EXPECT_TRUE(tags.insert(tag).second);
  }
  uint32_t none = 77;
  EXPECT_EQ(table_.Acquire(&none), nullptr);
  EXPECT_EQ(none, 77u);
  for (uint32_t tag : tags) {
    ASSERT_NE(table_.Find(tag), nullptr);
    EXPECT_EQ(*table_.Find(tag), tag);
  }
  EXPECT_TRUE(table_.full());
}

TEST_P(SlotTableTest, AReleasedTagNamesNothing) {
  uint32_t first = 0;
  ASSERT_NE(table_.Acquire(&first), nullptr);
  EXPECT_TRUE(table_.Release(first));
  EXPECT_FALSE(table_.Release(first));
  EXPECT_EQ(table_.Find(first), nullptr);
  // The slot comes round again after all others, under another tag.
  for (uint32_t i = 0; i < GetParam(); ++i) {
    uint32_t tag = 0;
    ASSERT_NE(table_.Acquire(&tag), nullptr);
    EXPECT_NE(tag, first);
  }
  EXPECT_EQ(table_.Find(first), nullptr);
}

TEST_P(SlotTableTest, HostileTagsFindNothing) {
  uint32_t tag = 0;
  ASSERT_NE(table_.Acquire(&tag), nullptr);
  EXPECT_EQ(table_.Find(0xffffffffu), nullptr);
  for (int bit = 0; bit < 32; ++bit) {
    EXPECT_EQ(table_.Find(tag ^ (1u << bit)), nullptr) << bit;
    EXPECT_FALSE(table_.Release(tag ^ (1u << bit))) << bit;
  }
  EXPECT_NE(table_.Find(tag), nullptr);
}

TEST_P(SlotTableTest, WalksWhatIsTaken) {
  uint32_t tags[3] = {};
  const uint32_t count = GetParam() < 3 ? GetParam() : 3;
  for (uint32_t i = 0; i < count; ++i) ASSERT_NE(table_.Acquire(&tags[i]), nullptr);
  table_.Release(tags[0]);
  uint32_t seen = 0;
  for (uint32_t i = 0; i < table_.capacity() + 2; ++i) {
    uint32_t tag = 0;
    if (table_.At(i, &tag) == nullptr) continue;
    EXPECT_NE(table_.Find(tag), nullptr);
    EXPECT_NE(tag, tags[0]);
    ++seen;
  }
  EXPECT_EQ(seen, count - 1);
  EXPECT_EQ(table_.size(), count - 1);
}

// A device's bits stand above the table's own and belong to the tag.
TEST_P(SlotTableTest, ATagCarriesTheBitsOfADevice) {
  std::vector<std::byte> memory(SlotTable<uint64_t>::MemoryNeeded(GetParam()));
  Arena arena(memory);
  SlotTable<uint64_t> table(GetParam(), arena, 8);
  std::set<uint32_t> tags;
  for (uint32_t round = 0; round < 300; ++round) {
    uint32_t tag = 0;
    EXPECT_EQ(table.Acquire(&tag, 256), nullptr);  // more than eight bits
    ASSERT_NE(table.Acquire(&tag, 255), nullptr);
    EXPECT_EQ(tag >> 24, 255u);
    EXPECT_NE(tag, 0xffffffffu);
    ASSERT_NE(table.Find(tag), nullptr);
    EXPECT_EQ(table.Find(tag & 0x00ffffff), nullptr);
    EXPECT_EQ(table.Find(tag ^ 1u << 24), nullptr);
    tags.insert(tag);
    EXPECT_FALSE(table.Release(tag ^ 1u << 31));
    EXPECT_TRUE(table.Release(tag));
  }
  EXPECT_EQ(tags.size(), 300u);
}

INSTANTIATE_TEST_SUITE_P(Capacities, SlotTableTest, testing::Values(1, 2, 3, 4, 5, 64, 100, 4096));

// A capacity that is a power of two can have the all-ones index: through every generation, the
// reserved tag must not come up (a target that handed it out: field case X13).
TEST(SlotTableGenerationTest, TheReservedTagNeverComesUp) {
  constexpr uint32_t kCapacity = SlotTable<uint8_t>::kMaxCapacity;
  std::vector<std::byte> memory(SlotTable<uint8_t>::MemoryNeeded(kCapacity));
  Arena arena(memory);
  SlotTable<uint8_t> table(kCapacity, arena);
  ASSERT_TRUE(table.ok());
  // Take all but the last index, so that it alone goes round its 4095 generations, twice.
  uint32_t tag = 0;
  for (uint32_t i = 0; i + 1 < kCapacity; ++i) ASSERT_NE(table.Acquire(&tag), nullptr);
  std::set<uint32_t> seen;
  for (int i = 0; i < 2 * 4095; ++i) {
    ASSERT_NE(table.Acquire(&tag), nullptr);
    ASSERT_NE(tag, 0xffffffffu);
    ASSERT_EQ(tag & 0xfffffu, 0xfffffu);
    seen.insert(tag);
    ASSERT_TRUE(table.Release(tag));
  }
  EXPECT_EQ(seen.size(), 4095u);
}

TEST(SlotTableMemoryTest, AnArenaThatIsTooSmallGivesNoSlots) {
  std::vector<std::byte> memory(SlotTable<uint64_t>::MemoryNeeded(8));
  for (size_t size : {size_t{0}, size_t{63}, size_t{64}, size_t{8 * 8}}) {
    Arena arena(std::span<std::byte>(memory.data(), size));
    SlotTable<uint64_t> table(8, arena);
    EXPECT_FALSE(table.ok()) << size;
    uint32_t tag = 0;
    EXPECT_EQ(table.Acquire(&tag), nullptr);
    EXPECT_EQ(table.Find(0), nullptr);
  }
}

}  // namespace
}  // namespace isthmus
