// What a function of one session does to another, as users of iscsi_target see it: RFC 7143 section
// 4.2.3, RFC 7144; SAM-5 7, SPC-4 5.13.11.6.

#include <poll.h>
#include <signal.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kManyBlocks = 1024;  // more than comes unasked
constexpr int kGood = 0, kConflict = 0x18;

std::array<std::byte, 8> Lun(uint8_t number) { return {std::byte{0}, std::byte{number}}; }

// One session; every command tells its status, or sense key, ASC and ASCQ as 0x062f00.
class Initiator {
 public:
  Initiator(const ServedDisk& served, const std::string& name) : name_(name) {
    ClientOptions options;
    options.portal = served.portal();
    options.target_name = ServedDisk::kTarget;
    options.initiator_name = name_;
    options.reconnect_timeout = absl::ZeroDuration();
    options.offer.iSCSIProtocolLevel = 2;
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
    EXPECT_TRUE(client.ok()) << client.status();
    if (client.ok()) client_ = *std::move(client);
    for (uint8_t lun : {0, 1}) EXPECT_EQ(Run({0x00}, lun), 0x062900);
  }

  int Run(std::vector<uint8_t> cdb, uint8_t lun = 0, std::vector<uint8_t> parameters = {}) {
    cdb.resize(cdb[0] >= 0x20 ? 10 : 6);
    Command command;
    command.lun = Lun(lun);
    command.cdb = std::as_bytes(std::span(cdb));
    command.data_out = std::as_bytes(std::span(parameters));
    const absl::StatusOr<Completed> done = client_->Execute(command);
    if (!done.ok()) {
      ADD_FAILURE() << done.status();
      return -1;
    }
    if (done->event.status != 2) return done->event.status;
    const auto byte = [&](size_t at) { return std::to_integer<int>(done->sense[at]); };
    return byte(2) << 16 | byte(12) << 8 | byte(13);
  }
  int TestUnitReady(uint8_t lun = 0) { return Run({0x00}, lun); }

  // A write that stays open: the target's R2T for it has come, and is not read before the next call.
  void LeaveAWriteOpen(uint8_t lun) {
    bytes_.resize(size_t{kManyBlocks} * 512);
    Disk(*client_, lun).Write(0, kManyBlocks, bytes_, &open_);
    for (;;) {
      const uint64_t before = client_->counters().session.r2ts;
      ended_ = false;
      ASSERT_TRUE(client_->Submit(open_.command, [this](const Event&) { ended_ = true; }).ok());
      ASSERT_TRUE(client_->Poll(absl::ZeroDuration()).ok());
      if (client_->counters().session.r2ts == before) break;
      while (!ended_) ASSERT_TRUE(client_->Poll(absl::Seconds(30)).ok());  // too fast: again
    }
    pollfd asked{client_->fd(), POLLIN, 0};
    ASSERT_EQ(poll(&asked, 1, 30'000), 1);
  }
  bool ended() const { return ended_; }

  int Function(TaskManagementFunction function, uint8_t lun) {
    int response = -1;
    EXPECT_TRUE(client_
                    ->TaskManagement({.function = function, .lun = Lun(lun)},
                                     [&](const Event& event) { response = event.tmf_response; })
                    .ok());
    while (response < 0 && client_->Poll(absl::Seconds(30)).ok()) {
    }
    return response;
  }

 private:
  const std::string name_;
  std::unique_ptr<Client> client_;
  std::vector<std::byte> bytes_;
  DiskCommand open_;
  bool ended_ = false;
};

class TaskManagementTest : public ::testing::Test {
 protected:
  ServedDisk served_{{"--lun=ram:1M", "--lun=ram:1M"}};
};

TEST_F(TaskManagementTest, ClearTaskSetTellsThoseWhoseCommandsAreGone) {
  Initiator one(served_, "iqn.2026-11.example:one"), two(served_, "iqn.2026-11.example:two"),
      three(served_, "iqn.2026-11.example:three");
  two.LeaveAWriteOpen(1);
  EXPECT_EQ(one.Function(TaskManagementFunction::kClearTaskSet, 1), 0);
  EXPECT_EQ(two.TestUnitReady(1), 0x062f00);  // commands cleared by another initiator
  EXPECT_EQ(two.TestUnitReady(1), kGood);
  EXPECT_EQ(two.TestUnitReady(0), kGood);
  EXPECT_EQ(three.TestUnitReady(1), kGood);  // had none
  EXPECT_EQ(one.TestUnitReady(1), kGood);    // knows
  EXPECT_FALSE(two.ended());                 // TAS is 0: no status
}

TEST_F(TaskManagementTest, AResetOfAUnitTellsEverybodyOnThatUnit) {
  Initiator one(served_, "iqn.2026-11.example:one"), two(served_, "iqn.2026-11.example:two");
  EXPECT_EQ(one.Function(TaskManagementFunction::kLogicalUnitReset, 1), 0);
  EXPECT_EQ(one.TestUnitReady(1), 0x062903);
  EXPECT_EQ(two.TestUnitReady(1), 0x062903);
  EXPECT_EQ(one.TestUnitReady(0), kGood);
  EXPECT_EQ(two.TestUnitReady(0), kGood);
}

TEST_F(TaskManagementTest, ANexusResetIsTheNexussOwn) {
  Initiator one(served_, "iqn.2026-11.example:one"), two(served_, "iqn.2026-11.example:two");
  EXPECT_EQ(one.Run({0x16}), kGood);  // RESERVE
  EXPECT_EQ(two.TestUnitReady(), kConflict);
  EXPECT_EQ(one.Function(TaskManagementFunction::kITNexusReset, 0), 0);
  EXPECT_EQ(two.TestUnitReady(), kGood);
  EXPECT_EQ(one.TestUnitReady(), 0x062907);
  EXPECT_EQ(one.TestUnitReady(), kGood);
}

// The write that is open on the same unit ends; what others and other units have goes on.
TEST_F(TaskManagementTest, PreemptAndAbortEndsTheTasksOfThosePreempted) {
  Initiator one(served_, "iqn.2026-11.example:one"), two(served_, "iqn.2026-11.example:two"),
      three(served_, "iqn.2026-11.example:three"), four(served_, "iqn.2026-11.example:four");
  const auto out = [](uint8_t action, uint8_t key, uint8_t service_key) {
    std::vector<uint8_t> parameters(24);
    parameters[7] = key;
    parameters[15] = service_key;
    return std::pair<std::vector<uint8_t>, std::vector<uint8_t>>{
        {0x5f, action, 0x01, 0, 0, 0, 0, 0, 24}, parameters};
  };
  const auto run = [](Initiator& who, const auto& command) {
    return who.Run(command.first, 0, command.second);
  };
  EXPECT_EQ(run(one, out(0, 0, 1)), kGood);  // REGISTER
  EXPECT_EQ(run(two, out(0, 0, 2)), kGood);
  EXPECT_EQ(run(two, out(1, 2, 0)), kGood);  // RESERVE, write exclusive
  two.LeaveAWriteOpen(0);
  three.LeaveAWriteOpen(1);
  EXPECT_EQ(run(one, out(5, 1, 2)), kGood);  // PREEMPT AND ABORT
  EXPECT_EQ(two.TestUnitReady(), 0x062a05);  // registrations preempted
  EXPECT_EQ(two.TestUnitReady(), kGood);
  EXPECT_FALSE(two.ended());
  // The third one's write was not touched.
  while (!three.ended()) EXPECT_EQ(three.TestUnitReady(1), kGood);
  EXPECT_EQ(three.TestUnitReady(0), kGood);
}

}  // namespace
}  // namespace isthmus::initiator
