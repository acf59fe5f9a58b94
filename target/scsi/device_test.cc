#include "target/scsi/device.h"

#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

TEST(DeviceTest, ReportLunsListsUnitsInBothAddressingForms) {
  DiskHarness disk;
  Device device("iqn.2004-10.com.example:two");
  ASSERT_TRUE(device.AddUnit(300, &disk.unit));
  ASSERT_TRUE(device.AddUnit(5, &disk.unit));
  EXPECT_FALSE(device.AddUnit(5, &disk.unit));
  EXPECT_FALSE(device.AddUnit(0x4000, &disk.unit));
  Nexus* nexus = device.Attach("iqn.2004-10.com.example:c,i,0x000000000003", 1);
  EXPECT_FALSE(device.AddUnit(6, &disk.unit));

  std::vector<std::byte> response(kMaxResponseBytes);
  const auto report = [&](uint8_t select, uint8_t allocation) {
    const ByteList cdb{0xa0, 0, select, 0, 0, 0, 0, 0, 0, allocation, 0, 0, 0, 0, 0, 0};
    const Plan plan = device.Decode(*nexus, 0, std::as_bytes(std::span(cdb)), response);
    ByteList data;
    for (size_t i = 0; i < plan.data_in_bytes; ++i) {
      data.push_back(std::to_integer<uint8_t>(response[i]));
    }
    return data;
  };
  const ByteList both =
      Join({Big(16, 4), Big(0, 4), Big(0x0005000000000000, 8), Big(0x412c000000000000, 8)});
  EXPECT_EQ(report(0, 255), both);
  EXPECT_EQ(report(2, 255), both);
  EXPECT_EQ(report(1, 255), Big(0, 8));  // well-known logical units: none
  EXPECT_EQ(report(0, 12), ByteList(both.begin(), both.begin() + 12));
  EXPECT_EQ(report(3, 255), ByteList{});
  EXPECT_EQ(device.Find(0x412c000000000000), &disk.unit);
  EXPECT_EQ(device.Find(0x4005000000000000), &disk.unit);  // flat space addressing of LUN 5
}

TEST(DeviceTest, AbsentLunsAnswerInquiryAndRequestSenseAlone) {
  DiskHarness disk;
  // LunNotSupported.
  for (const uint64_t lun : {0x0001000000000000u, 0xc101000000000000u, 0x0000000100000000u}) {
    SCOPED_TRACE(lun);
    const Answer inquiry = disk.RunAs(*disk.first, lun, {0x12, 0, 0, 0, 36, 0});
    EXPECT_EQ(inquiry.status, 0x00);
    EXPECT_EQ(inquiry.data, Join({{0x7f, 0, 6, 0x12, 31}, ByteList(31, 0)}));
    EXPECT_EQ(disk.RunAs(*disk.first, lun, {0x00, 0, 0, 0, 0, 0}).code(), 0x052500u);
    EXPECT_EQ(disk.RunAs(*disk.first, lun, {0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).code(),
              0x052500u);
    const ByteList sense = disk.RunAs(*disk.first, lun, {0x03, 0, 0, 0, 18, 0}).data;
    ASSERT_EQ(sense.size(), 18u);
    EXPECT_EQ(sense[12], 0x25);
    EXPECT_EQ(disk.RunAs(*disk.first, lun, {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}).code(),
              0x052500u);
    EXPECT_EQ(disk.RunAs(*disk.first, lun, {0x12, 1, 0x83, 0, 36, 0}).code(), 0x052400u);
  }
}

TEST(DeviceTest, DetachEndsWhatTheSessionHeld) {
  DiskHarness disk;
  ASSERT_EQ(disk.RunOther({0x16, 0, 0, 0, 0, 0}).status, 0x00);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).status, 0x18);
  disk.device.Detach(disk.second);
  EXPECT_EQ(disk.Run({0x00, 0, 0, 0, 0, 0}).status, 0x00);
}

}  // namespace
}  // namespace isthmus::scsi
