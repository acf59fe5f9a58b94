#include "protocol/session/command_window.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "protocol/arena.h"

namespace isthmus {
namespace {

// Each test runs with numbers in the middle of the circle, and across its end.
class CommandWindowTest : public testing::TestWithParam<uint32_t> {
 protected:
  static constexpr uint32_t kSlots = 5;
  void SetUp() override {
    ASSERT_TRUE(window_.ok());
    window_.Start(first_);
  }
  std::vector<uint64_t> Delivered() {
    std::vector<uint64_t> result;
    uint64_t cookie = 0;
    while (window_.NextInOrder(&cookie)) result.push_back(cookie);
    return result;
  }

  const uint32_t first_ = GetParam();
  std::vector<std::byte> memory_ = std::vector<std::byte>(CommandWindow::MemoryNeeded(kSlots));
  Arena arena_{memory_};
  CommandWindow window_{kSlots, arena_};
};

TEST_P(CommandWindowTest, DeliversInOrderWhateverTheOrderOfArrival) {
  for (uint32_t i : {2u, 0u, 4u, 1u, 3u}) {
    EXPECT_EQ(window_.Classify(first_ + i),
              i == window_.exp_cmd_sn() - first_ ? CmdSnClass::kInOrder : CmdSnClass::kAhead);
    EXPECT_TRUE(window_.Place(first_ + i, 100 + i));
  }
  EXPECT_EQ(Delivered(), (std::vector<uint64_t>{100, 101, 102, 103, 104}));
  EXPECT_EQ(window_.exp_cmd_sn(), first_ + 5);
}

TEST_P(CommandWindowTest, WaitsBehindAHole) {
  EXPECT_TRUE(window_.Place(first_ + 1, 1));
  EXPECT_TRUE(Delivered().empty());
  EXPECT_EQ(window_.waiting(), 1u);
  EXPECT_EQ(window_.exp_cmd_sn(), first_);
  EXPECT_TRUE(window_.Place(first_, 0));
  EXPECT_EQ(Delivered(), (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(window_.waiting(), 0u);
}

TEST_P(CommandWindowTest, TellsDuplicatesFromWhatIsOutside) {
  EXPECT_EQ(window_.Classify(first_ - 1), CmdSnClass::kDuplicate);
  EXPECT_EQ(window_.Classify(first_ - 0x7fffffff), CmdSnClass::kDuplicate);
  EXPECT_EQ(window_.Classify(first_ + 4), CmdSnClass::kAhead);
  EXPECT_EQ(window_.Classify(first_ + 5), CmdSnClass::kOutside);
  EXPECT_EQ(window_.Classify(first_ + 0x7fffffff), CmdSnClass::kOutside);
  EXPECT_TRUE(window_.Place(first_ + 2, 9));
  EXPECT_EQ(window_.Classify(first_ + 2), CmdSnClass::kDuplicate);
  EXPECT_FALSE(window_.Place(first_ + 2, 10));
  EXPECT_FALSE(window_.Place(first_ - 1, 10));
  EXPECT_FALSE(window_.Place(first_ + 5, 10));
  EXPECT_EQ(window_.waiting(), 1u);
}

TEST_P(CommandWindowTest, TheWindowPromisesFreeSlotsAndNeverShrinks) {
  uint32_t last_max = window_.max_cmd_sn();
  EXPECT_EQ(last_max, first_ + 4);
  uint32_t next = first_;
  uint32_t in_use = 0;
  for (int step = 0; step < 200; ++step) {
    if (step % 7 < 4 && window_.free_slots() > 0) {
      ASSERT_TRUE(window_.Place(next, next));
      ++next;
      ASSERT_EQ(Delivered().size(), 1u);
      ++in_use;
    } else if (in_use > 0) {
      window_.Release();
      --in_use;
    }
    ASSERT_EQ(window_.free_slots(), kSlots - in_use);
    ASSERT_LT(window_.max_cmd_sn() - last_max, 2u);  // the same or one more, also at the wrap
    last_max = window_.max_cmd_sn();
    ASSERT_EQ(window_.max_cmd_sn() + 1 - window_.exp_cmd_sn(), window_.free_slots());
  }
}

TEST_P(CommandWindowTest, AClosedWindowTakesNothing) {
  for (uint32_t i = 0; i < kSlots; ++i) EXPECT_TRUE(window_.Place(first_ + i, i));
  EXPECT_EQ(Delivered().size(), 5u);
  EXPECT_EQ(window_.max_cmd_sn(), window_.exp_cmd_sn() - 1);
  EXPECT_EQ(window_.Classify(first_ + 5), CmdSnClass::kOutside);
  EXPECT_EQ(window_.Classify(first_ + 4), CmdSnClass::kDuplicate);
  window_.Release();
  EXPECT_EQ(window_.Classify(first_ + 5), CmdSnClass::kInOrder);
}

TEST_P(CommandWindowTest, APluggedHoleLetsTheRestThroughAndTakesNoSlot) {
  EXPECT_TRUE(window_.Place(first_ + 1, 1));
  EXPECT_TRUE(window_.Plug(first_));
  EXPECT_FALSE(window_.Plug(first_));
  EXPECT_EQ(window_.Classify(first_), CmdSnClass::kDuplicate);
  EXPECT_EQ(Delivered(), std::vector<uint64_t>{1});
  EXPECT_EQ(window_.exp_cmd_sn(), first_ + 2);
  EXPECT_EQ(window_.free_slots(), 4u);
  EXPECT_TRUE(window_.Plug(first_ + 2));
  EXPECT_TRUE(Delivered().empty());
  EXPECT_EQ(window_.exp_cmd_sn(), first_ + 3);
}

TEST_P(CommandWindowTest, AWaitingCommandCanBeTakenBack) {
  uint64_t cookie = 0;
  EXPECT_FALSE(window_.TakeBack(first_ + 2, &cookie));
  EXPECT_TRUE(window_.Place(first_ + 2, 22));
  EXPECT_TRUE(window_.TakeBack(first_ + 2, &cookie));
  EXPECT_EQ(cookie, 22u);
  EXPECT_EQ(window_.Classify(first_ + 2), CmdSnClass::kAhead);
  EXPECT_TRUE(window_.Plug(first_ + 2));
  EXPECT_FALSE(window_.TakeBack(first_ + 2, &cookie));
  EXPECT_FALSE(window_.TakeBack(first_ + 900, &cookie));
}

TEST_P(CommandWindowTest, StartForgetsWhatWaited) {
  EXPECT_TRUE(window_.Place(first_ + 1, 1));
  EXPECT_TRUE(window_.Place(first_, 0));
  uint64_t cookie = 0;
  EXPECT_TRUE(window_.NextInOrder(&cookie));
  window_.Start(1000);
  EXPECT_EQ(window_.waiting(), 0u);
  EXPECT_EQ(window_.max_cmd_sn(), 1004u);
  EXPECT_TRUE(window_.Place(1000, 5));
  EXPECT_EQ(Delivered(), std::vector<uint64_t>{5});
}

INSTANTIATE_TEST_SUITE_P(FirstNumbers, CommandWindowTest,
                         testing::Values(1, 100, 0x7ffffffeu, 0xfffffffdu, 0xffffffffu));

TEST(CommandWindowMemoryTest, AnArenaThatIsTooSmallIsNotOk) {
  std::byte memory[Arena::kAlignment];
  Arena arena(memory);
  EXPECT_FALSE(CommandWindow(16, arena).ok());
}

}  // namespace
}  // namespace isthmus
