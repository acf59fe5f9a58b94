#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

const ByteList kRecovery = {0x01, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const ByteList kCaching = Join({{0x08, 0x12, 0x04}, ByteList(17)});
const ByteList kControl = {0x0a, 0x0a, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0};
const ByteList kControlExtension = Join({{0x4a, 0x01, 0, 0x1c}, ByteList(28)});
const ByteList kExceptions = {0x1c, 0x0a, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0};

TEST(ModeSenseTest, PagesOfTheSixByteForm) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x08, 0, 255, 0}).data, Join({{23, 0, 0x10, 0}, kCaching}));
  EXPECT_EQ(disk.Run({0x1a, 0x00, 0x0a, 0, 255, 0}).data,
            Join({{23, 0, 0x10, 8}, Big(2048, 4), Big(512, 4), kControl}));
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x3f, 0, 255, 0}).data,
            Join({{59, 0, 0x10, 0}, kRecovery, kCaching, kControl, kExceptions}));
  EXPECT_EQ(
      disk.Run({0x1a, 0x08, 0x3f, 0xff, 255, 0}).data,
      Join({{91, 0, 0x10, 0}, kRecovery, kCaching, kControl, kControlExtension, kExceptions}));
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x0a, 0x01, 255, 0}).data,
            Join({{35, 0, 0x10, 0}, kControlExtension}));
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x0a, 0xff, 255, 0}).data,
            Join({{47, 0, 0x10, 0}, kControl, kControlExtension}));
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x08, 0, 4, 0}).data, (ByteList{23, 0, 0x10, 0}));
}

TEST(ModeSenseTest, TheTenByteFormHasLongBlockDescriptors) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0x5a, 0x10, 0x0a, 0, 0, 0, 0, 0, 255, 0}).data,
            Join({{0, 34, 0, 0x10, 1, 0, 0, 16}, Big(2048, 8), Big(0, 4), Big(512, 4), kControl}));
  EXPECT_EQ(disk.Run({0x5a, 0x08, 0x0a, 0, 0, 0, 0, 0, 255, 0}).data,
            Join({{0, 18, 0, 0x10, 0, 0, 0, 0}, kControl}));
}

TEST(ModeSenseTest, PageControl) {
  DiskHarness disk;
  ByteList changeable = Join({{23, 0, 0x10, 0}, {0x0a, 0x0a, 0x04, 0, 0x08}, ByteList(7)});
  changeable[0] = 15;
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x4a, 0, 255, 0}).data, changeable);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x88, 0, 255, 0}).data, Join({{23, 0, 0x10, 0}, kCaching}));
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0xc8, 0, 255, 0}).code(), 0x053900u);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x02, 0, 255, 0}).code(), 0x052400u);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x08, 1, 255, 0}).code(), 0x052400u);
}

TEST(ModeSelectTest, ChangesTakeEffectAndOthersAreTold) {
  DiskHarness disk;
  ByteList control = kControl;
  control[4] = 0x08;  // SWP
  const ByteList list = Join({{0, 0, 0, 0}, control});
  EXPECT_EQ(disk.Run({0x15, 0x10, 0, 0, 16, 0}, list).status, 0x00);
  EXPECT_EQ(disk.RunOther({0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).code(), 0x062a01u);
  EXPECT_EQ(disk.RunOther({0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).code(), 0x072702u);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x0a, 0, 4, 0}).data[2], 0x90);
  // The same again changes nothing: nobody is told.
  EXPECT_EQ(disk.Run({0x15, 0x10, 0, 0, 16, 0}, list).status, 0x00);
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).status, 0x00);
  disk.unit.Reset();
  EXPECT_EQ(disk.Run({0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).code(), 0x062903u);
  EXPECT_EQ(disk.Run({0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, Blocks(1, 1)).status, 0x00);
}

TEST(ModeSelectTest, TenBytesWithADescriptorThatSaysWhatIs) {
  DiskHarness disk;
  ByteList caching = kCaching;
  caching[2] = 0;
  const auto select = [&](const ByteList& descriptor, uint8_t long_lba) {
    const ByteList list =
        Join({{0, 0, 0, 0, long_lba, 0, 0, static_cast<uint8_t>(descriptor.size())},
              descriptor,
              caching});
    return disk.Run(Join({{0x55, 0x10, 0, 0, 0, 0, 0}, Big(list.size(), 2), {0}}), list);
  };
  EXPECT_EQ(select({}, 0).status, 0x00);
  EXPECT_EQ(select(Join({Big(2048, 4), Big(512, 4)}), 0).status, 0x00);
  EXPECT_EQ(select(Join({Big(2048, 8), Big(0, 4), Big(512, 4)}), 1).status, 0x00);
  EXPECT_EQ(select(Join({Big(2048, 4), Big(4096, 4)}), 0).code(), 0x052600u);
  EXPECT_EQ(select(Join({Big(100, 4), Big(512, 4)}), 0).code(), 0x052600u);
  EXPECT_EQ(select(ByteList(4), 0).code(), 0x052600u);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x08, 0, 255, 0}).data[6], 0);  // WCE
}

TEST(ModeSelectTest, RefusesAndThenNothingHasChanged) {
  DiskHarness disk;
  const auto select = [&](const ByteList& pages, uint8_t flags = 0x10) {
    const ByteList list = Join({{0, 0, 0, 0}, pages});
    return disk.Run(Join({{0x15, flags, 0, 0}, Big(list.size(), 1), {0}}), list);
  };
  ByteList control = kControl;
  control[2] = 0x04;
  EXPECT_EQ(select(control, 0x00).code(), 0x052400u);  // PF 0
  EXPECT_EQ(select(control, 0x11).code(), 0x052400u);  // SP
  ByteList fixed = kControl;
  fixed[3] = 0x20;  // the queue algorithm is what it is
  const Answer refused = select(Join({control, fixed}));
  EXPECT_EQ(refused.code(), 0x052600u);
  EXPECT_EQ(ByteList(refused.sense.begin() + 15, refused.sense.end()), (ByteList{0x80, 0, 19}));
  EXPECT_EQ(select({0x02, 0x0a}).code(), 0x052600u);        // no such page
  EXPECT_EQ(select({0x0a, 0x0b, 0, 0}).code(), 0x052600u);  // wrong length
  EXPECT_EQ(select({0x0a, 0x0a, 0x04}).code(), 0x051a00u);  // cut short
  EXPECT_EQ(select({0x0a}).code(), 0x051a00u);
  EXPECT_EQ(disk.Run({0x15, 0x10, 0, 0, 3, 0}, ByteList(3)).code(), 0x051a00u);
  EXPECT_EQ(disk.Run({0x15, 0x10, 0, 0, 0, 0}).status, 0x00);  // no list at all is no error
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x0a, 0, 255, 0}).data, Join({{15, 0, 0x10, 0}, kControl}));
  EXPECT_EQ(disk.RunOther({0x00, 0, 0, 0, 0, 0}).status, 0x00);
}

}  // namespace
}  // namespace isthmus::scsi
