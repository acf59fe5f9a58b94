#include <random>

#include "gtest/gtest.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

// The four forms of a command's CDB at an address, with byte 1 as given. READ(6) has no flags.
ByteList Cdb(uint8_t opcode, uint64_t lba, uint64_t blocks, uint8_t flags = 0) {
  switch (opcode >> 5) {
    case 0:
      return Join({{opcode}, Big(lba, 3), Big(blocks, 1), {0}});
    case 4:
      return Join({{opcode, flags}, Big(lba, 8), Big(blocks, 4), {0, 0}});
    case 5:
      return Join({{opcode, flags}, Big(lba, 4), Big(blocks, 4), {0, 0}});
    default:
      return Join({{opcode, flags}, Big(lba, 4), {0}, Big(blocks, 2), {0}});
  }
}

ByteList Stored(const DiskHarness& disk, uint64_t lba, size_t blocks) {
  ByteList bytes;
  for (size_t i = 0; i < blocks * 512; ++i) {
    bytes.push_back(std::to_integer<uint8_t>(disk.backend.bytes[lba * 512 + i]));
  }
  return bytes;
}

class BlockCommandsTest : public testing::TestWithParam<bool> {
 protected:
  BlockCommandsTest() { disk.backend.offers_direct = GetParam(); }
  DiskHarness disk;
};

INSTANTIATE_TEST_SUITE_P(Memory, BlockCommandsTest, testing::Bool());

TEST_P(BlockCommandsTest, WritesAndReadsInEveryForm) {
  uint8_t value = 1;
  for (const uint8_t write : {0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e}) {
    for (const uint8_t read : {0x08, 0x28, 0xa8, 0x88}) {
      SCOPED_TRACE(testing::Message() << int{write} << " " << int{read});
      const ByteList data = Join({Blocks(3, value), Blocks(2, 0xa0)});
      const Answer wrote = disk.Run(Cdb(write, 7, 5), data);
      EXPECT_EQ(wrote.status, 0x00);
      EXPECT_EQ(wrote.data_out_bytes, 2560u);
      EXPECT_EQ(disk.Run(Cdb(read, 7, 5)).data, data);
      EXPECT_EQ(Stored(disk, 6, 1), Blocks(1, 0));
      EXPECT_EQ(Stored(disk, 12, 1), Blocks(1, 0));
      ++value;
    }
  }
}

TEST_P(BlockCommandsTest, ZeroIs256BlocksInTheSixByteFormsAndNoneElsewhere) {
  EXPECT_EQ(disk.Run(Cdb(0x08, 0, 0)).data.size(), 256u * 512);
  EXPECT_EQ(disk.Run(Cdb(0x0a, 0, 0), Blocks(256, 9)).status, 0x00);
  EXPECT_EQ(Stored(disk, 255, 2), Join({Blocks(1, 9), Blocks(1, 0)}));
  for (const uint8_t opcode : {0x28, 0xa8, 0x88, 0x2a, 0xaa, 0x8a, 0x2f, 0xaf, 0x8f, 0x89}) {
    const Answer answer = disk.Run(Cdb(opcode, 2048, 0));
    EXPECT_EQ(answer.status, 0x00) << int{opcode};
    EXPECT_EQ(answer.data.size(), 0u);
  }
}

TEST_P(BlockCommandsTest, RefusesBlocksBeyondTheEnd) {
  for (const uint8_t opcode : {0x08, 0x0a, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41, 0x88,
                               0x8a, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0xa8, 0xaa, 0xae, 0xaf}) {
    EXPECT_EQ(disk.Run(Cdb(opcode, 2047, 2), Blocks(2, 1)).code(), 0x052100u) << int{opcode};
    EXPECT_EQ(disk.Run(Cdb(opcode, 2049, 1), Blocks(1, 1)).code(), 0x052100u) << int{opcode};
  }
  for (const uint8_t opcode : {0x88, 0x8a, 0x8f, 0x93, 0x91}) {
    EXPECT_EQ(disk.Run(Cdb(opcode, 0xffffffffffffffff, 2), Blocks(2, 1)).code(), 0x052100u);
    EXPECT_EQ(disk.Run(Cdb(opcode, 0xffffffffffffffff, 0)).code(), 0x052100u);
  }
  EXPECT_EQ(Stored(disk, 2047, 1), Blocks(1, 0));
}

TEST_P(BlockCommandsTest, RefusesProtectionInformation) {
  for (const uint8_t opcode :
       {0x28, 0x2a, 0x2e, 0x2f, 0x41, 0x88, 0x89, 0x8a, 0x8e, 0x8f, 0x93, 0xa8, 0xaa, 0xae, 0xaf}) {
    for (int protect = 1; protect < 8; ++protect) {
      const auto flags = static_cast<uint8_t>(protect << 5);
      EXPECT_EQ(disk.Run(Cdb(opcode, 0, 1, flags), Blocks(1, 1)).code(), 0x052400u) << int{opcode};
    }
  }
}

TEST_P(BlockCommandsTest, RefusesMoreThanTheLimit) {
  target::Geometry geometry = DiskHarness::DefaultGeometry();
  geometry.blocks = 70000;
  DiskHarness large(geometry);
  EXPECT_EQ(large.Run(Cdb(0x88, 0, 65537)).code(), 0x052400u);
  EXPECT_EQ(large.Run(Cdb(0xaa, 0, 65537)).code(), 0x052400u);
}

TEST_P(BlockCommandsTest, FuaAndAnOffCacheFlush) {
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 1), Blocks(1, 1)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 0);
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 1, 0x08), Blocks(1, 1)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 1);
  EXPECT_EQ(disk.Run(Cdb(0x28, 0, 1, 0x18)).data, Blocks(1, 1));  // a read may be forced too
  EXPECT_EQ(disk.backend.flushes, 2);
  EXPECT_EQ(disk.Run(Cdb(0x2e, 0, 1), Blocks(1, 1)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 3);
  ASSERT_EQ(
      disk.Run({0x15, 0x10, 0, 0, 24, 0}, Join({{0, 0, 0, 0, 0x08, 0x12}, ByteList(18)})).status,
      0x00);  // WCE 0
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 1), Blocks(1, 1)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 4);
  EXPECT_EQ(disk.Run(Cdb(0x93, 0, 1), Blocks(1, 1)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 5);
}

TEST_P(BlockCommandsTest, SynchronizeCacheFlushesAndSaysWhatFailed) {
  EXPECT_EQ(disk.Run(Cdb(0x35, 0, 0)).status, 0x00);
  EXPECT_EQ(disk.Run(Cdb(0x91, 5, 7)).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 2);
  disk.backend.flush_failure = {target::IoError::kMediumWrite, 9};
  const Answer failed = disk.Run(Cdb(0x35, 0, 0));
  EXPECT_EQ(failed.code(), 0x030c00u);
  EXPECT_EQ(failed.sense[0], 0xf0);  // VALID
  EXPECT_EQ(failed.sense[6], 9);
}

TEST_P(BlockCommandsTest, AnnouncedDataCutsAWriteToWholeBlocks) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 0, 2), Blocks(2, 'a')).status, 0x00);
  const Answer shorter = disk.Run(Cdb(0x2a, 0, 2), Blocks(1, 'b'));
  EXPECT_EQ(shorter.status, 0x00);
  EXPECT_EQ(shorter.data_out_bytes, 1024u);
  EXPECT_EQ(Stored(disk, 0, 2), Join({Blocks(1, 'b'), Blocks(1, 'a')}));
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 1), Blocks(2, 'c')).status, 0x00);
  EXPECT_EQ(Stored(disk, 0, 2), Join({Blocks(1, 'c'), Blocks(1, 'a')}));
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 1), ByteList(200, 'd')).status, 0x00);
  EXPECT_EQ(Stored(disk, 0, 1), Blocks(1, 'c'));
}

TEST_P(BlockCommandsTest, VerifyComparesAsBytchkSays) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 10, 4), Blocks(4, 7)).status, 0x00);
  for (const uint8_t opcode : {0x2f, 0xaf, 0x8f}) {
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4)).status, 0x00);
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4)).data_out_bytes, 0u);
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4, 0x02), Blocks(4, 7)).status, 0x00);
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4, 0x06), Blocks(1, 7)).status, 0x00);
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4, 0x06), Blocks(1, 8)).code(), 0x0e1d00u);
    EXPECT_EQ(disk.Run(Cdb(opcode, 10, 4, 0x04)).code(), 0x052400u);
    ByteList wrong = Blocks(4, 7);
    wrong[1500] ^= 1;
    const Answer miscompare = disk.Run(Cdb(opcode, 10, 4, 0x02), wrong);
    EXPECT_EQ(miscompare.code(), 0x0e1d00u);
    EXPECT_EQ(ByteList(miscompare.sense.begin() + 3, miscompare.sense.begin() + 7), Big(1500, 4));
  }
  EXPECT_EQ(disk.Run(Cdb(0x2e, 10, 1, 0x02), Blocks(1, 3)).status, 0x00);
  EXPECT_EQ(Stored(disk, 10, 1), Blocks(1, 3));
  EXPECT_EQ(disk.Run(Cdb(0x2e, 10, 1, 0x06), Blocks(1, 3)).code(), 0x052400u);
}

TEST_P(BlockCommandsTest, CompareAndWriteIsAllOrNothing) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 3, 2), Blocks(2, 1)).status, 0x00);
  const auto cdb = [](uint64_t lba, uint8_t blocks, uint8_t flags = 0) {
    return Join({{0x89, flags}, Big(lba, 8), {0, 0, 0, blocks, 0, 0}});
  };
  EXPECT_EQ(disk.Run(cdb(3, 2), Join({Blocks(2, 1), Blocks(2, 2)})).status, 0x00);
  EXPECT_EQ(Stored(disk, 3, 2), Blocks(2, 2));
  ByteList expected = Blocks(2, 2);
  expected[513] = 0;
  const Answer answer = disk.Run(cdb(3, 2), Join({expected, Blocks(2, 3)}));
  EXPECT_EQ(answer.code(), 0x0e1d00u);
  EXPECT_EQ(ByteList(answer.sense.begin() + 3, answer.sense.begin() + 7), Big(513, 4));
  EXPECT_EQ(Stored(disk, 3, 2), Blocks(2, 2));
  // Data of another size than the CDB's means another command than the initiator thinks.
  EXPECT_EQ(disk.Run(cdb(3, 1), Blocks(4, 2)).code(), 0x052400u);
  EXPECT_EQ(disk.Run(cdb(3, 3), Blocks(4, 2)).code(), 0x052400u);
  EXPECT_EQ(disk.Run(cdb(3, 0), Blocks(2, 2)).code(), 0x052400u);
  EXPECT_EQ(disk.Run(cdb(0, 129), Blocks(258, 0)).code(), 0x052400u);  // over the limit of VPD B0h
  EXPECT_EQ(disk.Run(cdb(2047, 2), Blocks(4, 0)).code(), 0x052100u);
  EXPECT_EQ(disk.Run(cdb(3, 1, 0x08), Join({Blocks(1, 2), Blocks(1, 4)})).status, 0x00);
  EXPECT_EQ(disk.backend.flushes, 1);
}

TEST_P(BlockCommandsTest, WriteSameRepeatsOneBlock) {
  for (const uint8_t opcode : {0x41, 0x93}) {
    EXPECT_EQ(disk.Run(Cdb(opcode, 100, 200), Blocks(1, opcode)).status, 0x00);
    EXPECT_EQ(Stored(disk, 99, 202), Join({Blocks(1, 0), Blocks(200, opcode), Blocks(1, 0)}));
    EXPECT_EQ(disk.Run(Cdb(opcode, 100, 200), Blocks(2, 1)).code(), 0x052400u);
    EXPECT_EQ(disk.Run(Cdb(opcode, 100, 200, 0x10), Blocks(1, 1)).code(), 0x052400u);  // ANCHOR
  }
  EXPECT_EQ(disk.Run(Cdb(0x93, 2040, 0), Blocks(1, 5)).status, 0x00);  // to the end
  EXPECT_EQ(Stored(disk, 2039, 9), Join({Blocks(1, 0), Blocks(8, 5)}));
  EXPECT_EQ(disk.Run(Cdb(0x93, 2040, 4, 0x01)).status, 0x00);  // NDOB
  EXPECT_EQ(Stored(disk, 2040, 8), Join({Blocks(4, 0), Blocks(4, 5)}));
  EXPECT_TRUE(disk.backend.mapped[2040]);
}

TEST_P(BlockCommandsTest, WriteSameUnmapsZeroesAndWritesOtherData) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 0, 8), Blocks(8, 1)).status, 0x00);
  EXPECT_EQ(disk.Run(Cdb(0x93, 0, 4, 0x08), Blocks(1, 0)).status, 0x00);
  EXPECT_FALSE(disk.backend.mapped[3]);
  EXPECT_EQ(Stored(disk, 0, 5), Join({Blocks(4, 0), Blocks(1, 1)}));
  EXPECT_EQ(disk.Run(Cdb(0x93, 0, 4, 0x08), Blocks(1, 6)).status, 0x00);
  EXPECT_EQ(Stored(disk, 0, 4), Blocks(4, 6));
  EXPECT_EQ(disk.Run(Cdb(0x93, 0, 4, 0x09)).status, 0x00);  // UNMAP and NDOB
  EXPECT_FALSE(disk.backend.mapped[0]);
  EXPECT_EQ(disk.Run(Cdb(0x41, 0, 4, 0x08), Blocks(1, 0)).code(), 0x052400u);
}

TEST_P(BlockCommandsTest, OrWriteSetsBitsAndClearsNone) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 10, 6), Blocks(6, 0x51)).status, 0x00);
  const Answer answer = disk.Run(Cdb(0x8b, 11, 4), Join({Blocks(3, 0x0c), Blocks(1, 0x81)}));
  EXPECT_EQ(answer.status, 0x00);
  EXPECT_EQ(answer.data_out_bytes, 2048u);
  EXPECT_EQ(Stored(disk, 10, 6),
            Join({Blocks(1, 0x51), Blocks(3, 0x5d), Blocks(1, 0xd1), Blocks(1, 0x51)}));
  EXPECT_EQ(disk.backend.flushes, 0);
  EXPECT_EQ(disk.Run(Cdb(0x8b, 11, 1, 0x08), Blocks(1, 0)).status, 0x00);  // FUA
  EXPECT_EQ(disk.backend.flushes, 1);
  EXPECT_EQ(disk.Run(Cdb(0x8b, 0, 0)).status, 0x00);
  EXPECT_EQ(disk.Run(Cdb(0x8b, 2047, 2), Blocks(2, 1)).code(), 0x052100u);
  EXPECT_EQ(disk.Run(Cdb(0x8b, 0, 1, 0x20), Blocks(1, 1)).code(), 0x052400u);  // ORPROTECT
  disk.backend.read_failure = {target::IoError::kMediumRead, 11};
  EXPECT_EQ(disk.Run(Cdb(0x8b, 11, 1), Blocks(1, 0)).code(), 0x031100u);
}

ByteList UnmapList(std::initializer_list<std::pair<uint64_t, uint32_t>> ranges) {
  ByteList list = Join({Big(6 + 16 * ranges.size(), 2), Big(16 * ranges.size(), 2), Big(0, 4)});
  for (const auto& [lba, blocks] : ranges) {
    list = Join({list, Big(lba, 8), Big(blocks, 4), Big(0, 4)});
  }
  return list;
}

TEST_P(BlockCommandsTest, UnmapTakesAListAndAllOfItOrNothing) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 0, 16), Blocks(16, 1)).status, 0x00);
  const auto unmap = [&](const ByteList& list, uint8_t flags = 0) {
    return disk.Run(Join({{0x42, flags, 0, 0, 0, 0, 0}, Big(list.size(), 2), {0}}), list);
  };
  EXPECT_EQ(unmap(UnmapList({{1, 2}, {8, 0}, {10, 3}})).status, 0x00);
  EXPECT_EQ(Stored(disk, 0, 4), Join({Blocks(1, 1), Blocks(2, 0), Blocks(1, 1)}));
  EXPECT_FALSE(disk.backend.mapped[12]);
  EXPECT_TRUE(disk.backend.mapped[13]);
  EXPECT_EQ(unmap(UnmapList({{0, 1}, {2047, 2}})).code(), 0x052100u);
  EXPECT_TRUE(disk.backend.mapped[0]);
  EXPECT_EQ(unmap({}).status, 0x00);
  EXPECT_EQ(unmap(ByteList(7)).code(), 0x051a00u);
  EXPECT_EQ(unmap(UnmapList({{0, 1}}), 0x01).code(), 0x052400u);  // ANCHOR
  ByteList lying = UnmapList({{0, 1}});
  lying[3] = 32;  // more descriptors than there are
  EXPECT_EQ(unmap(lying).code(), 0x051a00u);
  ByteList many = Join({Big(6 + 16 * 257, 2), Big(16 * 257, 2), Big(0, 4), ByteList(16 * 257)});
  EXPECT_EQ(unmap(many).code(), 0x052600u);
  // What the initiator announces may be less than the CDB says: then the list is too short.
  EXPECT_EQ(disk.Run({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, ByteList(4)).code(), 0x051a00u);
}

TEST_P(BlockCommandsTest, GetLbaStatusTellsMappedFromDeallocated) {
  ASSERT_EQ(disk.Run(Cdb(0x2a, 4, 3), Blocks(3, 1)).status, 0x00);
  const auto status = [&](uint64_t lba, uint8_t allocation) {
    return disk.Run(Join({{0x9e, 0x12}, Big(lba, 8), Big(allocation, 4), {0, 0}}));
  };
  EXPECT_EQ(status(0, 24).data, Join({Big(20, 4), Big(0, 4), Big(0, 8), Big(4, 4), {1, 0, 0, 0}}));
  EXPECT_EQ(status(5, 24).data, Join({Big(20, 4), Big(0, 4), Big(5, 8), Big(2, 4), {0, 0, 0, 0}}));
  EXPECT_EQ(status(7, 255).data,
            Join({Big(20, 4), Big(0, 4), Big(7, 8), Big(2041, 4), {1, 0, 0, 0}}));
  EXPECT_EQ(status(0, 4).data, Big(20, 4));
  EXPECT_EQ(status(2048, 24).code(), 0x052100u);
}

TEST_P(BlockCommandsTest, PrefetchAnswersGoodAndReadsNothing) {
  EXPECT_EQ(disk.Run(Cdb(0x34, 0, 8)).status, 0x00);
  EXPECT_EQ(disk.Run(Cdb(0x90, 2040, 0, 0x02)).status, 0x00);
}

TEST(BlockFailureTest, BackendErrorsBecomeSense) {
  DiskHarness disk;
  disk.backend.write_failure = {target::IoError::kNoSpace, 3};
  EXPECT_EQ(disk.Run(Cdb(0x2a, 0, 8), Blocks(8, 1)).code(), 0x072707u);
  disk.backend.write_failure = {target::IoError::kMediumWrite, 3};
  EXPECT_EQ(disk.Run(Cdb(0x8a, 0, 8), Blocks(8, 1)).code(), 0x030c00u);
  EXPECT_EQ(disk.Run(Cdb(0x41, 0, 8), Blocks(1, 1)).code(), 0x030c00u);
  disk.backend.read_failure = {target::IoError::kMediumRead, 0x123};
  const Answer read = disk.Run(Cdb(0x28, 0, 8));
  EXPECT_EQ(read.code(), 0x031100u);
  EXPECT_EQ(read.sense[0], 0xf0);
  EXPECT_EQ(ByteList(read.sense.begin() + 3, read.sense.begin() + 7), Big(0x123, 4));
  EXPECT_EQ(disk.Run(Cdb(0x2f, 0, 8)).code(), 0x031100u);
}

TEST(BlockFailureTest, ReadOnlyDisksRefuseEveryWrite) {
  target::Geometry geometry = DiskHarness::DefaultGeometry();
  geometry.read_only = true;
  DiskHarness disk(geometry);
  for (const uint8_t opcode : {0x0a, 0x2a, 0xaa, 0x8a, 0x8b, 0x2e, 0xae, 0x8e, 0x41, 0x93, 0x89}) {
    EXPECT_EQ(disk.Run(Cdb(opcode, 0, 1), Blocks(1, 1)).code(), 0x072700u) << int{opcode};
  }
  EXPECT_EQ(disk.Run({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, ByteList(24)).code(), 0x072700u);
  EXPECT_EQ(disk.Run({0x1a, 0x08, 0x08, 0, 4, 0}).data[2], 0x90);  // WP
  EXPECT_EQ(disk.Run(Cdb(0x28, 0, 1)).status, 0x00);
}

// Random reads and writes of every form give what a plain array gives.
TEST_P(BlockCommandsTest, AgreesWithAModel) {
  std::mt19937 random(20240611);
  std::vector<uint8_t> model(2048 * 512);
  static constexpr uint8_t kWrites[] = {0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0x93, 0x42};
  static constexpr uint8_t kReads[] = {0x08, 0x28, 0xa8, 0x88};
  for (int i = 0; i < 2000; ++i) {
    const uint64_t lba = random() % 2000;
    const uint64_t blocks = 1 + random() % 40;
    disk.window = 512 * (1 + random() % 8);
    const auto at = model.begin() + static_cast<ptrdiff_t>(lba * 512);
    if (random() % 2 == 0) {
      const Answer answer = disk.Run(Cdb(kReads[random() % 4], lba, blocks));
      ASSERT_EQ(answer.data, ByteList(at, at + static_cast<ptrdiff_t>(blocks * 512)));
      continue;
    }
    const uint8_t opcode = kWrites[random() % 7];
    const auto value = static_cast<uint8_t>(random());
    if (opcode == 0x42) {
      const ByteList list = UnmapList({{lba, static_cast<uint32_t>(blocks)}});
      ASSERT_EQ(disk.Run({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, list).status, 0x00);
      std::fill_n(at, blocks * 512, uint8_t{0});
      continue;
    }
    const ByteList data = Blocks(opcode == 0x93 ? 1 : blocks, value);
    ASSERT_EQ(disk.Run(Cdb(opcode, lba, blocks), data).status, 0x00);
    std::fill_n(at, blocks * 512, value);
  }
  EXPECT_EQ(Stored(disk, 0, 2048), model);
}

}  // namespace
}  // namespace isthmus::scsi
