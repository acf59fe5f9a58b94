#include <string>

#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

std::string Text(const ByteList& bytes, size_t at, size_t count) {
  return std::string(bytes.begin() + static_cast<ptrdiff_t>(at),
                     bytes.begin() + static_cast<ptrdiff_t>(at + count));
}

TEST(InquiryTest, StandardDataSaysADiskOfSpc4) {
  DiskHarness disk;
  const Answer answer = disk.Run({0x12, 0, 0, 0, 0xff, 0});
  ASSERT_EQ(answer.status, 0x00);
  ASSERT_EQ(answer.data.size(), 96u);
  EXPECT_EQ(ByteList(answer.data.begin(), answer.data.begin() + 8),
            (ByteList{0x00, 0x00, 0x06, 0x12, 91, 0x00, 0x00, 0x02}));
  EXPECT_EQ(Text(answer.data, 8, 28), "ISTHMUS VIRTUAL-DISK    0001");
  EXPECT_EQ(ByteList(answer.data.begin() + 58, answer.data.begin() + 66),
            (ByteList{0x00, 0xa0, 0x09, 0x60, 0x04, 0x60, 0x04, 0xc0}));
}

TEST(InquiryTest, AllocationLengthCutsDataAndNotItsLengthField) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x12, 0, 0, 0, 5, 0}).data, (ByteList{0x00, 0x00, 0x06, 0x12, 91}));
  EXPECT_EQ(disk.Run({0x12, 0, 0, 0, 0, 0}).data, ByteList{});
}

TEST(InquiryTest, VitalProductDataPages) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x12, 1, 0x00, 0, 0xff, 0}).data,
            (ByteList{0, 0x00, 0, 6, 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2}));
  EXPECT_EQ(disk.Run({0x12, 1, 0x80, 0, 0xff, 0}).data, (ByteList{0, 0x80, 0, 2, 'S', '1'}));
  const ByteList limits = disk.Run({0x12, 1, 0xb0, 0, 0xff, 0}).data;
  EXPECT_EQ(limits, Join({{0, 0xb0, 0, 0x3c, 0x00, 128},
                          Big(8, 2),
                          Big(65536, 4),
                          Big(0, 8),
                          Big(1048576, 4),
                          Big(256, 4),
                          Big(8, 4),
                          Big(0x80000000, 4),
                          Big(0x7fffff, 8),
                          ByteList(20, 0)}));
  const ByteList characteristics = disk.Run({0x12, 1, 0xb1, 0, 0xff, 0}).data;
  EXPECT_EQ(characteristics, Join({{0, 0xb1, 0, 0x3c, 0, 1}, ByteList(58, 0)}));
  EXPECT_EQ(disk.Run({0x12, 1, 0xb2, 0, 0xff, 0}).data,
            (ByteList{0, 0xb2, 0, 4, 0, 0xc4, 0x02, 0}));
}

TEST(InquiryTest, DeviceIdentificationNamesUnitPortAndTarget) {
  DiskHarness disk;
  const ByteList data = disk.Run({0x12, 1, 0x83, 0, 0xff, 0}).data;
  ASSERT_GT(data.size(), 4u);
  EXPECT_EQ(data.size(), 4u + data[2] * 256u + data[3]);
  // Code set, PIV with association and type, of each designator in turn.
  std::vector<std::pair<int, int>> kinds;
  std::string names;
  for (size_t at = 4; at < data.size(); at += 4u + data[at + 3]) {
    kinds.emplace_back(data[at], data[at + 1]);
    if ((data[at + 1] & 0x0f) == 0x08) names += Text(data, at + 4, data[at + 3]) + "|";
    if ((data[at + 1] & 0x0f) == 0x03) {
      EXPECT_EQ(data[at + 4] >> 4, 3);
    }
  }
  EXPECT_EQ(kinds, (std::vector<std::pair<int, int>>{
                       {0x01, 0x03}, {0x02, 0x01}, {0x51, 0x94}, {0x53, 0x98}, {0x53, 0xa8}}));
  std::string port = "iqn.2004-10.com.example:disk,t,0x0001",
              target = "iqn.2004-10.com.example:disk";
  port.resize((port.size() + 4) / 4 * 4);
  target.resize((target.size() + 4) / 4 * 4);
  EXPECT_EQ(names, port + "|" + target + "|");
}

TEST(InquiryTest, RefusesWhatItHasNot) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x12, 0, 0x80, 0, 0xff, 0}).code(), 0x052400u);  // page without EVPD
  EXPECT_EQ(disk.Run({0x12, 1, 0xcc, 0, 0xff, 0}).code(), 0x052400u);
  EXPECT_EQ(disk.Run({0x12, 2, 0, 0, 0xff, 0}).code(), 0x052400u);  // CMDDT
}

TEST(InquiryTest, FullyProvisionedUnitClaimsNoUnmap) {
  target::Geometry geometry = DiskHarness::DefaultGeometry();
  geometry.can_unmap = false;
  DiskHarness disk(geometry);
  EXPECT_EQ(disk.Run({0x12, 1, 0xb2, 0, 0xff, 0}).data, (ByteList{0, 0xb2, 0, 4, 0, 0, 0, 0}));
  EXPECT_EQ(disk.Run({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, ByteList(24)).code(), 0x052000u);
  EXPECT_EQ(disk.Run({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}).data[14], 0);
}

TEST(ReadCapacityTest, BothForms) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}).data,
            (ByteList{0, 0, 7, 0xff, 0, 0, 2, 0}));
  EXPECT_EQ(disk.Run({0x25, 0, 0, 0, 0, 1, 0, 0, 0, 0}).code(), 0x052400u);  // LBA without PMI
  EXPECT_EQ(disk.Run({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}).data,
            Join({Big(2047, 8), Big(512, 4), {0, 0, 0xc0, 0}, ByteList(16, 0)}));
  EXPECT_EQ(disk.Run({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8}).data, Big(2047, 8));
  EXPECT_EQ(disk.Run({0x9e, 0x1f}).code(), 0x052400u);  // unknown service action
}

TEST(ReadCapacityTest, DisksBeyond32BitsSaySo) {
  target::Geometry geometry = DiskHarness::DefaultGeometry();
  geometry.blocks = 0x100000001;
  geometry.block_bytes = geometry.physical_block_bytes = 4096;
  LogicalUnit unit(geometry, {});
  Device device;
  ASSERT_TRUE(device.AddUnit(0, &unit));
  Nexus* nexus = device.Attach("iqn.x:y,i,0x000000000001", 1);
  std::vector<std::byte> response(64);
  const ByteList cdb = Join({{0x25}, ByteList(15)});
  device.Decode(*nexus, 0, std::as_bytes(std::span(cdb)), response);  // takes POWER ON
  const Plan plan = device.Decode(*nexus, 0, std::as_bytes(std::span(cdb)), response);
  ASSERT_EQ(plan.data_in_bytes, 8u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(response[static_cast<size_t>(i)], std::byte{0xff});
  EXPECT_EQ(response[6], std::byte{0x10});
}

TEST(UnitAttentionTest, PowerOnIsToldOnceAndInquiryPassesIt) {
  DiskHarness disk;
  Nexus* fresh = disk.device.Attach("iqn.2004-10.com.example:c,i,0x000000000003", 1);
  EXPECT_EQ(disk.RunAs(*fresh, 0, {0x12, 0, 0, 0, 36, 0}).status, 0x00);
  EXPECT_EQ(disk.RunAs(*fresh, 0, {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}).status, 0x00);
  const Answer first = disk.RunAs(*fresh, 0, {0x00, 0, 0, 0, 0, 0});
  EXPECT_EQ(first.sense,
            (ByteList{0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0x00, 0, 0, 0, 0}));
  EXPECT_EQ(disk.RunAs(*fresh, 0, {0x00, 0, 0, 0, 0, 0}).status, 0x00);
}

TEST(UnitAttentionTest, RequestSenseReturnsAndClearsIt) {
  DiskHarness disk;
  disk.unit.Reset();
  const Answer fixed = disk.Run({0x03, 0, 0, 0, 18, 0});
  EXPECT_EQ(fixed.status, 0x00);
  EXPECT_EQ(fixed.data,
            (ByteList{0x70, 0, 0x06, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0x03, 0, 0, 0, 0}));
  EXPECT_EQ(disk.Run({0x03, 1, 0, 0, 18, 0}).data, (ByteList{0x72, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).code(), 0x062903u);
}

TEST(UnitAttentionTest, ResetsSupersedeAndPrecedenceHolds) {
  PendingAttentions pending;
  pending.Raise(UnitAttention::kModeParametersChanged);
  pending.Raise(UnitAttention::kReservationsReleased);
  pending.Raise(UnitAttention::kCapacityChanged);
  EXPECT_EQ(pending.Peek(), UnitAttention::kReservationsReleased);
  EXPECT_EQ(pending.Take(), UnitAttention::kReservationsReleased);
  EXPECT_EQ(pending.Take(), UnitAttention::kModeParametersChanged);
  pending.Raise(UnitAttention::kDeviceReset);  // drops CAPACITY CHANGED
  EXPECT_EQ(pending.Take(), UnitAttention::kDeviceReset);
  EXPECT_EQ(pending.Take(), std::nullopt);
  pending.Raise(UnitAttention::kPowerOn);
  pending.Raise(UnitAttention::kDeviceReset);
  EXPECT_EQ(pending.Take(), UnitAttention::kPowerOn);
}

TEST(UnitAttentionTest, EventsOfOthersReachTheRightNexus) {
  DiskHarness disk;
  disk.device.NoteTaskSetCleared(*disk.second, 0);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).status, 0x00);
  EXPECT_EQ(disk.device.PendingAttention(*disk.second, 0), UnitAttention::kCommandsCleared);
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).code(), 0x062f00u);
  disk.device.NoteClearedByIscsi(*disk.first, 0);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).code(), 0x06477fu);
}

TEST(UnitAttentionTest, ANexusResetEndsWhatTheNexusHeldAndTellsItAlone) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x16, 0, 0, 0, 0, 0}).status, 0x00);  // RESERVE
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).status, 0x18);
  disk.device.ResetNexus(*disk.second);
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).code(), 0x062907u);
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).status, 0x18);  // of the other nexus
  disk.device.ResetNexus(*disk.first);
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).code(), 0x062907u);
}

TEST(StartStopTest, AStoppedUnitWantsToBeStarted) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x00, 0}).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 1);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).code(), 0x020402u);
  EXPECT_EQ(disk.RunOther({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}).code(), 0x020402u);
  EXPECT_EQ(disk.Run({0x03, 0, 0, 0, 18, 0}).data[13], 0x02);
  EXPECT_EQ(disk.Run({0x12, 0, 0, 0, 36, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x01, 0}).status, 0x00);
  EXPECT_EQ(disk.RunOther({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x02, 0}).code(), 0x052400u);  // LOEJ
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x30, 0}).code(), 0x052400u);  // power condition
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x04, 0}).status, 0x00);       // NO_FLUSH
  EXPECT_EQ(disk.backend.flushes, 1);
}

// SBC-3 5.19, SPC-4 6.13: who may take the medium out, and what the others see of it.
TEST(StartStopTest, TheMediumOfARemovableUnitGoesOutAndIn) {
  const ByteList kEject = {0x1b, 0, 0, 0, 0x02, 0}, kLoad = {0x1b, 0, 0, 0, 0x03, 0};
  const ByteList kPrevent = {0x1e, 0, 0, 0, 1, 0}, kAllow = {0x1e, 0, 0, 0, 0, 0};
  const ByteList kReady = {0x00, 0, 0, 0, 0, 0}, kRead = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  DiskHarness disk(DiskHarness::DefaultGeometry(), /*removable=*/true);
  EXPECT_EQ(disk.Run({0x12, 0, 0, 0, 36, 0}).data[1], 0x80);
  // Either nexus keeps it in.
  EXPECT_EQ(disk.Run(kPrevent).status, 0x00);
  EXPECT_EQ(disk.RunOther(kPrevent).status, 0x00);
  EXPECT_EQ(disk.Run(kEject).code(), 0x055302u);
  EXPECT_EQ(disk.Run(kAllow).status, 0x00);
  EXPECT_EQ(disk.Run(kEject).code(), 0x055302u);
  EXPECT_EQ(disk.Run(kRead).status, 0x00);
  EXPECT_EQ(disk.RunOther(kAllow).status, 0x00);
  EXPECT_EQ(disk.Run(kEject).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 1);
  // What needs the medium says that it is not there; the rest answers.
  EXPECT_EQ(disk.Run(kReady).code(), 0x023a00u);
  EXPECT_EQ(disk.RunOther(kRead).code(), 0x023a00u);
  EXPECT_EQ(disk.Run({0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}).code(), 0x023a00u);
  EXPECT_EQ(disk.Run({0x03, 0, 0, 0, 18, 0}).data[12], 0x3a);
  EXPECT_EQ(disk.Run({0x1b, 0, 0, 0, 0x01, 0}).code(), 0x023a00u);
  EXPECT_EQ(disk.Run({0x12, 0, 0, 0, 36, 0}).status, 0x00);
  // Nor does it go in while anybody prevents it.
  EXPECT_EQ(disk.Run(kPrevent).status, 0x00);
  EXPECT_EQ(disk.Run(kLoad).code(), 0x055302u);
  EXPECT_EQ(disk.Run(kAllow).status, 0x00);
  // Whoever did not put it back is told.
  EXPECT_EQ(disk.Run(kLoad).status, 0x00);
  EXPECT_EQ(disk.Run(kReady).status, 0x00);
  EXPECT_EQ(disk.RunOther(kReady).code(), 0x062800u);
  EXPECT_EQ(disk.RunOther(kRead).status, 0x00);
  EXPECT_EQ(disk.Run(kLoad).status, 0x00);  // it is in
  EXPECT_EQ(disk.RunOther(kReady).status, 0x00);
  // A reset and the end of the session let it go.
  EXPECT_EQ(disk.RunOther(kPrevent).status, 0x00);
  disk.unit.Reset();
  EXPECT_EQ(disk.Run(kReady).code(), 0x062903u);
  EXPECT_EQ(disk.Run(kEject).status, 0x00);
  EXPECT_EQ(disk.Run(kLoad).status, 0x00);
  disk.RunOther(kReady);
  disk.RunOther(kReady);
  EXPECT_EQ(disk.RunOther(kPrevent).status, 0x00);
  disk.device.Detach(disk.second);
  EXPECT_EQ(disk.Run(kEject).status, 0x00);
}

TEST(ReadDefectDataTest, TheListsAreEmptyInEachFormat) {
  DiskHarness disk;
  for (const uint8_t asked : {0x10, 0x08, 0x18, 0x00, 0x1d}) {
    EXPECT_EQ(disk.Run({0x37, 0, asked, 0, 0, 0, 0, 0, 255, 0}).data, (ByteList{0, asked, 0, 0}));
    EXPECT_EQ(disk.Run({0xb7, asked, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0}).data,
              (ByteList{0, asked, 0, 0, 0, 0, 0, 0}));
  }
  EXPECT_EQ(disk.Run({0x37, 0, 0x10, 0, 0, 0, 0, 0, 2, 0}).data, (ByteList{0, 0x10}));
}

TEST(SenseTest, FieldPointersAndTheDescriptorFormat) {
  DiskHarness disk;
  const Answer fixed = disk.Run({0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0});  // RDPROTECT
  EXPECT_EQ(fixed.sense,
            (ByteList{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xcf, 0x00, 0x01}));
  ASSERT_EQ(disk.Run({0x15, 0x10, 0, 0, 16, 0},
                     {0, 0, 0, 0, 0x0a, 0x0a, 0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0})
                .status,
            0x00);  // D_SENSE
  const Answer descriptor = disk.Run({0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0});
  EXPECT_EQ(descriptor.sense,
            (ByteList{0x72, 5, 0x24, 0, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0xcf, 0, 1, 0}));
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).code(), 0x062a01u);  // mode parameters changed
}

TEST(CommandTest, RefusesWhatNoRowHas) {
  DiskHarness disk;
  const Answer unknown = disk.Run({0xc0});
  EXPECT_EQ(unknown.code(), 0x052000u);
  EXPECT_EQ(disk.Run({0xa3, 0x1e}).code(), 0x052400u);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0x04}).code(), 0x052400u);  // NACA
  EXPECT_EQ(disk.Run({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0x04}).code(), 0x052400u);
}

TEST(PreventAllowTest, TakesTheTwoValuesThatAreLeft) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x1e, 0, 0, 0, 1, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x1e, 0, 0, 0, 0, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x1e, 0, 0, 0, 2, 0}).code(), 0x052400u);
}

}  // namespace
}  // namespace isthmus::scsi
