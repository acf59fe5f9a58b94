#include <algorithm>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "target/scsi/command.h"
#include "target/scsi/disk_harness.h"

namespace isthmus::scsi {
namespace {

// What the disk promises to answer: opcode, and service action or -1.
const std::set<std::pair<int, int>> kPromised = {
    {0x00, -1},   {0x03, -1},   {0x08, -1}, {0x0a, -1}, {0x12, -1},   {0x15, -1},   {0x16, -1},
    {0x17, -1},   {0x1a, -1},   {0x1b, -1}, {0x1e, -1}, {0x25, -1},   {0x28, -1},   {0x2a, -1},
    {0x2e, -1},   {0x2f, -1},   {0x34, -1}, {0x35, -1}, {0x37, -1},   {0x41, -1},   {0x42, -1},
    {0x55, -1},   {0x56, -1},   {0x57, -1}, {0x5a, -1}, {0x5e, 0},    {0x5e, 1},    {0x5e, 2},
    {0x5e, 3},    {0x5f, 0},    {0x5f, 1},  {0x5f, 2},  {0x5f, 3},    {0x5f, 4},    {0x5f, 5},
    {0x5f, 6},    {0x5f, 7},    {0x88, -1}, {0x89, -1}, {0x8a, -1},   {0x8b, -1},   {0x8e, -1},
    {0x8f, -1},   {0x90, -1},   {0x91, -1}, {0x93, -1}, {0x9e, 0x10}, {0x9e, 0x12}, {0xa0, -1},
    {0xa3, 0x0c}, {0xa3, 0x0d}, {0xa8, -1}, {0xaa, -1}, {0xae, -1},   {0xaf, -1},   {0xb7, -1}};

int CdbBytesOf(int opcode) {
  static constexpr int kByGroup[] = {6, 10, 10, 0, 16, 12, 0, 0};
  return kByGroup[opcode >> 5];
}

TEST(CommandTableTest, HasARowForEachPromisedCommandAndNoOther) {
  std::set<std::pair<int, int>> rows;
  for (const CommandRow& row : CommandTable()) {
    EXPECT_TRUE(rows.emplace(row.opcode, row.service_action).second) << row.name;
  }
  EXPECT_EQ(rows, kPromised);
}

TEST(CommandTableTest, RowsAreWhole) {
  for (const CommandRow& row : CommandTable()) {
    SCOPED_TRACE(row.name);
    EXPECT_NE(row.decode, nullptr);
    EXPECT_EQ(row.cdb_bytes, CdbBytesOf(row.opcode));
    EXPECT_EQ(row.usage[0], row.opcode);
    if (row.service_action >= 0) {
      EXPECT_EQ(row.usage[1], row.service_action);
    }
    EXPECT_EQ(row.usage[row.cdb_bytes - 1u], 0x04);
    for (size_t i = row.cdb_bytes; i < row.usage.size(); ++i) EXPECT_EQ(row.usage[i], 0);
  }
}

TEST(CommandTableTest, ReportAllListsEveryRowInOrder) {
  DiskHarness disk;
  const ByteList data = disk.Run({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}).data;
  ASSERT_EQ(data.size(), 4 + 8 * kPromised.size());
  EXPECT_EQ(ByteList(data.begin(), data.begin() + 4), Big(8 * kPromised.size(), 4));
  size_t at = 4;
  for (const auto& [opcode, service_action] : kPromised) {
    const bool has = service_action >= 0;
    EXPECT_EQ(ByteList(data.begin() + static_cast<ptrdiff_t>(at),
                       data.begin() + static_cast<ptrdiff_t>(at + 8)),
              Join({Big(static_cast<uint64_t>(opcode), 1),
                    {0},
                    Big(has ? static_cast<uint64_t>(service_action) : 0, 2),
                    {0},
                    Big(has ? 1 : 0, 1),
                    Big(static_cast<uint64_t>(CdbBytesOf(opcode)), 2)}));
    at += 8;
  }
  // With RCTD each has a timeouts descriptor.
  EXPECT_EQ(disk.Run({0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}).data.size(),
            4 + 20 * kPromised.size());
}

TEST(CommandTableTest, ReportOneCommand) {
  DiskHarness disk;
  const auto one = [&](uint8_t options, uint8_t opcode, uint8_t service_action) {
    return disk.Run({0xa3, 0x0c, options, opcode, 0, service_action, 0, 0, 0, 0xff, 0, 0});
  };
  EXPECT_EQ(one(1, 0x28, 0).data,
            (ByteList{0, 3, 0, 10, 0x28, 0xf8, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0x04}));
  EXPECT_EQ(one(0x81, 0x00, 0).data,
            (ByteList{0, 0x83, 0, 6, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(one(1, 0xc0, 0).data, (ByteList{0, 1, 0, 0}));     // no such command
  EXPECT_EQ(one(2, 0x9e, 0x1f).data, (ByteList{0, 1, 0, 0}));  // no such service action
  EXPECT_EQ(one(2, 0x9e, 0x10).data[3], 16);
  EXPECT_EQ(one(3, 0x9e, 0x10).data[1], 3);
  EXPECT_EQ(one(3, 0x28, 0).data[1], 3);
  EXPECT_EQ(one(1, 0x9e, 0).code(), 0x052400u);  // service actions not asked for
  EXPECT_EQ(one(2, 0x28, 0).code(), 0x052400u);  // and asked for where there are none
  EXPECT_EQ(one(5, 0x28, 0).code(), 0x052400u);
}

TEST(CommandTableTest, ReportTaskManagementFunctions) {
  DiskHarness disk;
  EXPECT_EQ(disk.Run({0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0}).data,
            (ByteList{0xde, 0x07, 0, 0}));
  EXPECT_EQ(disk.Run({0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 0, 16, 0, 0}).data,
            Join({{0xde, 0x07, 0, 0x0c}, ByteList(12, 0)}));
}

// No command, however its bytes stand, may do more than answer: every opcode with hostile fields.
TEST(CommandTableTest, EveryOpcodeSurvivesHostileFields) {
  DiskHarness disk;
  for (int opcode = 0; opcode < 256; ++opcode) {
    for (const uint8_t fill : {0x00, 0x01, 0x7f, 0x80, 0xfb, 0xff}) {
      for (int service_action = 0; service_action < 32; ++service_action) {
        ByteList cdb(16, fill);
        cdb[0] = static_cast<uint8_t>(opcode);
        cdb[1] = static_cast<uint8_t>((fill & 0xe0) | service_action);
        // START STOP UNIT would only stop it.
        if (opcode == 0x1b) continue;
        const Answer answer = disk.Run(cdb, ByteList(fill == 0 ? 0 : 600, fill));
        EXPECT_TRUE(answer.status == 0x00 || answer.status == 0x02 || answer.status == 0x18)
            << opcode << " " << answer.status;
        if (answer.status == 0x02) {
          EXPECT_EQ(answer.data.size(), 0u);
        }
      }
    }
  }
}

}  // namespace
}  // namespace isthmus::scsi
