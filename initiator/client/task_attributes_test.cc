// Task attributes (RFC 7143 section 11.3.1) as a user of iscsi_target meets them: what is ordered
// happens in its order, whatever its size and wherever the disk has to be waited for.

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

constexpr uint32_t kBlock = 512;
// More than FirstBurstLength: the target has to ask for it, while what is small comes at once.
constexpr uint32_t kManyBlocks = 1024;

class TaskAttributesTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string lun = "--lun=" + GetParam();
    if (GetParam() == "file:") {
      const std::string path = testing::TempDir() + "attributes.disk";
      std::ofstream(path, std::ios::trunc) << std::string(4 << 20, '\0');
      lun += path;
    }
    served_ = std::make_unique<ServedDisk>(std::vector<std::string>{lun});
    ASSERT_NE(served_->portal().port, 0) << served_->text();
    ClientOptions options;
    options.portal = served_->portal();
    options.target_name = ServedDisk::kTarget;
    options.reconnect_timeout = absl::ZeroDuration();
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    disk_ = std::make_unique<Disk>(*client_, 0);
    ASSERT_TRUE(disk_->TestUnitReady().ok());
  }
  void TearDown() override {
    if (client_ != nullptr) {
      EXPECT_TRUE(client_->Close().ok());
      EXPECT_EQ(served_->Stop(SIGTERM), 0);
    }
  }

  struct Issued {
    std::vector<std::byte> bytes;
    DiskCommand command;
    int status = -1;  // until it is done
    std::vector<std::byte> sense;
    size_t place = 0;  // among those that are done, from 1
  };
  Issued& Issue(bool write, uint32_t blocks, uint8_t value, TaskAttribute attribute) {
    issued_.push_back(std::make_unique<Issued>());
    Issued& one = *issued_.back();
    one.bytes.assign(size_t{blocks} * kBlock, std::byte{value});
    if (write) {
      disk_->Write(0, blocks, one.bytes, &one.command);
    } else {
      disk_->Read(0, blocks, one.bytes, &one.command);
    }
    one.command.command.attribute = attribute;
    const absl::Status status = client_->Submit(one.command.command, [&](const Event& event) {
      one.status = event.status;
      one.sense.assign(event.data.begin(), event.data.end());
      one.place = ++done_;
    });
    EXPECT_TRUE(status.ok()) << status;
    return one;
  }
  void FinishAll() {
    while (done_ < issued_.size()) {
      const absl::Status status = client_->Poll(absl::Seconds(30));
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  void Forget() {
    issued_.clear();
    done_ = 0;
  }
  static bool AllAre(const std::vector<std::byte>& bytes, uint8_t value) {
    for (std::byte b : bytes) {
      if (b != std::byte{value}) return false;
    }
    return true;
  }

  std::unique_ptr<ServedDisk> served_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Disk> disk_;
  std::vector<std::unique_ptr<Issued>> issued_;
  size_t done_ = 0;
};

TEST_P(TaskAttributesTest, OrderedWritesOfOnePlaceEndWithTheLast) {
  for (int round = 0; round < 5; ++round) {
    for (uint8_t i = 0; i < 16; ++i) {
      Issue(true, i % 2 == 0 ? kManyBlocks : 1, i, TaskAttribute::kOrdered);
    }
    ASSERT_NO_FATAL_FAILURE(FinishAll());
    for (size_t i = 0; i < issued_.size(); ++i) EXPECT_EQ(issued_[i]->place, i + 1);
    Forget();
    Issued& first = Issue(false, 1, 0, TaskAttribute::kSimple);
    ASSERT_NO_FATAL_FAILURE(FinishAll());
    EXPECT_TRUE(AllAre(first.bytes, 15)) << static_cast<int>(first.bytes[0]);
    Forget();
  }
}

TEST_P(TaskAttributesTest, AnOrderedReadSeesAllBeforeItAndNothingAfterIt) {
  for (uint8_t round = 1; round <= 5; ++round) {
    Issue(true, kManyBlocks, round, TaskAttribute::kSimple);
    Issued& read = Issue(false, kManyBlocks, 0, TaskAttribute::kOrdered);
    Issue(true, 1, 100, TaskAttribute::kSimple);
    Issue(true, kManyBlocks, 101, TaskAttribute::kUntagged);
    ASSERT_NO_FATAL_FAILURE(FinishAll());
    EXPECT_EQ(read.status, 0);
    EXPECT_TRUE(AllAre(read.bytes, round));
    Forget();
  }
}

TEST_P(TaskAttributesTest, TheHeadOfTheQueueOvertakes) {
  Issue(true, kManyBlocks, 1, TaskAttribute::kSimple);
  Issued& ordered = Issue(true, 1, 2, TaskAttribute::kOrdered);
  Issued& head = Issue(false, 1, 0, TaskAttribute::kHeadOfQueue);
  ASSERT_NO_FATAL_FAILURE(FinishAll());
  EXPECT_LT(head.place, ordered.place);
  EXPECT_EQ(head.status, 0);
}

TEST_P(TaskAttributesTest, AcaIsRefusedWhereThereIsNone) {
  Issued& write = Issue(true, 1, 77, TaskAttribute::kAca);
  ASSERT_NO_FATAL_FAILURE(FinishAll());
  EXPECT_EQ(write.status, 0x02);
  ASSERT_GE(write.sense.size(), 14u);
  EXPECT_EQ(write.sense[2], std::byte{0x05});
  EXPECT_EQ(write.sense[12], std::byte{0x49});
  Forget();
  Issued& read = Issue(false, 1, 0, TaskAttribute::kSimple);
  ASSERT_NO_FATAL_FAILURE(FinishAll());
  EXPECT_FALSE(AllAre(read.bytes, 77));
}

TEST_P(TaskAttributesTest, AResetEndsThoseThatWait) {
  Issue(true, kManyBlocks, 1, TaskAttribute::kSimple);
  for (uint8_t i = 0; i < 8; ++i) Issue(true, 1, i, TaskAttribute::kOrdered);
  bool reset = false;
  ASSERT_TRUE(
      client_
          ->TaskManagement({.function = TaskManagementFunction::kLogicalUnitReset, .lun = {}},
                           [&](const Event&) { reset = true; })
          .ok());
  ASSERT_NO_FATAL_FAILURE(FinishAll());
  while (!reset) ASSERT_TRUE(client_->Poll(absl::Seconds(30)).ok());
  ASSERT_TRUE(disk_->TestUnitReady().ok());
  Forget();
  Issued& again = Issue(true, 1, 9, TaskAttribute::kOrdered);
  ASSERT_NO_FATAL_FAILURE(FinishAll());
  EXPECT_EQ(again.status, 0);
}

INSTANTIATE_TEST_SUITE_P(Disks, TaskAttributesTest, ::testing::Values("ram:4M", "file:"),
                         [](const auto& disk) {
                           return disk.param.substr(0, disk.param.find(':'));
                         });

}  // namespace
}  // namespace isthmus::initiator
