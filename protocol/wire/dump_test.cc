#include "protocol/wire/dump.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {
namespace {

Bhs FromHex(std::string_view hex) {
  Bhs header;
  size_t nibbles = 0;
  for (char c : hex) {
    if (c == ' ') continue;
    const int nibble = c <= '9' ? c - '0' : c - 'a' + 10;
    header.bytes[nibbles / 2] |= static_cast<std::byte>(nibbles % 2 == 0 ? nibble << 4 : nibble);
    ++nibbles;
  }
  EXPECT_EQ(nibbles, 96u);
  return header;
}

std::string DumpOf(const Bhs& header) {
  std::array<char, kMaxDumpBytes> line;
  return std::string(Dump(header, line));
}

TEST(DumpTest, NamesFieldsAndCodes) {
  EXPECT_EQ(DumpOf(FromHex("01c10000 00000000 00010000 00000000 00000011 00000200 00000014 00000018"
                           "28000000 00000000 01000000 00000000")),
            "SCSI Command I=0 F=1 R=1 W=0 ATTR=1 (Simple) PRI=0 TotalAHSLength=0 "
            "DataSegmentLength=0 LUN=0x0001000000000000 Initiator Task Tag=0x00000011 "
            "Expected Data Transfer Length=512 CmdSN=20 ExpStatSN=24 "
            "CDB=28000000000000000100000000000000");
  EXPECT_EQ(DumpOf(FromHex("3f800b00 00000030 00000000 00000000 ffffffff 00000000 00000006 00000007"
                           "00000008 00000009 00000000 00000000")),
            "Reject Reason=11 (Negotiation Reset (deprecated)) TotalAHSLength=0 "
            "DataSegmentLength=48 StatSN=6 ExpCmdSN=7 MaxCmdSN=8 DataSN/R2TSN=9");
}

TEST(DumpTest, ShowsWrongFixedAndSetReservedBits) {
  EXPECT_EQ(DumpOf(FromHex("3f00ff01 00000030 00000000 00000000 00000000 00000000 00000006 00000007"
                           "00000008 00000009 00000000 00000001")),
            "Reject F=0 Reason=255 (reserved) reserved@3=0x01 TotalAHSLength=0 "
            "DataSegmentLength=48 Initiator Task Tag=0x00000000 StatSN=6 ExpCmdSN=7 MaxCmdSN=8 "
            "DataSN/R2TSN=9 reserved@40=0x0000000000000001");
}

TEST(DumpTest, UnknownOpcodeShowsBytes) {
  Bhs header;
  header.bytes[0] = std::byte{0x5e};
  header.bytes[47] = std::byte{0x7f};
  EXPECT_EQ(DumpOf(header), "opcode 0x1e 5e" + std::string(92, '0') + "7f");
}

TEST(DumpTest, EveryHeaderFitsAndNoShortBufferIsOverrun) {
  for (int opcode = 0; opcode < 64; ++opcode) {
    for (int fill : {0x00, 0xff}) {
      Bhs header;
      header.bytes.fill(static_cast<std::byte>(fill));
      header.bytes[0] = static_cast<std::byte>((fill & 0xc0) | opcode);
      const std::string whole = DumpOf(header);
      ASSERT_LT(whole.size(), kMaxDumpBytes);
      for (size_t size = 0; size <= whole.size(); ++size) {
        std::string buffer(size + 1, '#');
        EXPECT_EQ(Dump(header, std::span(buffer.data(), size)), whole.substr(0, size));
        EXPECT_EQ(buffer[size], '#');
      }
    }
  }
}

}  // namespace
}  // namespace isthmus::wire
