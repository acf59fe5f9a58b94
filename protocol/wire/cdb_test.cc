#include "protocol/wire/cdb.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::wire {
namespace {

std::vector<std::byte> Cdb(std::vector<int> values) {
  std::vector<std::byte> cdb;
  for (int value : values) cdb.push_back(static_cast<std::byte>(value));
  return cdb;
}

TEST(CdbTest, LengthByGroupCode) {
  for (int code = 0; code < 256; ++code) {
    const size_t lengths[8] = {6, 10, 10, 0, 16, 12, 0, 0};
    size_t wanted = lengths[code >> 5];
    if (code == 0x7f) wanted = 8 + 24;
    if (code == 0x7e) wanted = 4 + 0x0100;
    EXPECT_EQ(CdbLength(Cdb({code, 0, 1, 0, 0, 0, 0, 24})), wanted) << code;
  }
}

TEST(CdbTest, LengthNeedsItsField) {
  EXPECT_EQ(CdbLength({}), 0u);
  EXPECT_EQ(CdbLength(Cdb({0x7f, 0, 0, 0, 0, 0, 0})), 0u);
  EXPECT_EQ(CdbLength(Cdb({0x7f, 0, 0, 0, 0, 0, 0, 255})), 263u);
  EXPECT_EQ(CdbLength(Cdb({0x7e, 0, 0xff})), 0u);
  EXPECT_EQ(CdbLength(Cdb({0x7e, 0, 0xff, 0xff})), 65539u);
  EXPECT_EQ(CdbLength(Cdb({0x12})), 6u);
}

TEST(CdbTest, Names) {
  EXPECT_STREQ(ScsiOperationName(Cdb({0x28})), "READ(10)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x2a, 0})), "WRITE(10)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x9e, 0xf0})), "READ CAPACITY(16)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x9e, 0x12})), "GET LBA STATUS(16)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x9e, 0x01})), "SERVICE ACTION IN(16)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x9e})), "SERVICE ACTION IN(16)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x7f, 0, 0, 0, 0, 0, 0, 24, 0, 9})), "READ(32)");
  EXPECT_STREQ(ScsiOperationName(Cdb({0x7f, 0, 0, 0, 0, 0, 0, 24, 0})), "variable length CDB");
  EXPECT_STREQ(ScsiOperationName(Cdb({0xc0})), "unknown");
  EXPECT_STREQ(ScsiOperationName({}), "unknown");
}

// A row that stands behind a row for any service action would never be found.
TEST(CdbTest, EveryRowIsFound) {
  int last = -1;
  for (const ScsiOperation& row : ScsiOperations()) {
    EXPECT_GE(row.operation_code, last);
    last = row.operation_code;
    std::vector<std::byte> cdb(16);
    cdb[0] = static_cast<std::byte>(row.operation_code);
    const int action = row.service_action < 0 ? 0x1f : row.service_action;
    if (row.operation_code == 0x7f) {
      cdb[9] = static_cast<std::byte>(action);
    } else {
      cdb[1] = static_cast<std::byte>(action);
    }
    EXPECT_STREQ(ScsiOperationName(cdb), row.name);
  }
}

}  // namespace
}  // namespace isthmus::wire
