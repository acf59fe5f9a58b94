// Every bit of every header, against the figures of RFC 7143 section 11 as they are drawn; and the
// checks of the field tables.
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

#include "gtest/gtest.h"
#include "protocol/wire/field.h"
#include "protocol/wire/header_hex.h"
#include "protocol/wire/pdus.h"

namespace isthmus::wire {
namespace {

// The reserved and the fixed bits of each PDU at iSCSIProtocolLevel 2, written from the figures: a
// 1 where a bit carries a value. Fixed bits are in `fixed`, with the value that they have.
struct Figure {
  const char* name;
  const char* carried;
  const char* fixed;
  const char* fixed_value;
};

// clang-format off
constexpr Figure kFigures[] = {
    {"SCSI Command",
     "40e7f000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "01000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"SCSI Response",
     "001effff ffffffff ffff0000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "21800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Task Management Function Request",
     "407f0000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "02800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Task Management Function Response",
     "0000ff00 ffffffff ffffff00 00000000 ffffffff 00000000 ffffffff ffffffff ffffffff 00000000 00000000 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "22800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"SCSI Data-Out",
     "00800000 ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 ffffffff 00000000 ffffffff ffffffff 00000000",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "05000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"SCSI Data-In",
     "00c700ff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "25000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Ready To Transfer",
     "00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "31800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Asynchronous Message",
     "00000000 ffffffff ffffffff ffffffff 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff 00000000",
     "3f800000 00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "32800000 00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Text Request",
     "40c00000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "04000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Text Response",
     "00c00000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "24000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Login Request",
     "00cfffff ffffffff ffffffff ffffffff ffffffff ffff0000 ffffffff ffffffff 00000000 00000000 00000000 00000000",
     "7f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "43000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Login Response",
     "00cfffff ffffffff ffffffff ffffffff ffffffff 00000000 ffffffff ffffffff ffffffff ffff0000 00000000 00000000",
     "3f000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "23000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Logout Request",
     "407f0000 ffffffff 00000000 00000000 ffffffff ffff0000 ffffffff ffffffff 00000000 00000000 00000000 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "06800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Logout Response",
     "0000ff00 ffffffff 00000000 00000000 ffffffff 00000000 ffffffff ffffffff ffffffff 00000000 ffffffff 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "26800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"SNACK Request",
     "000f0000 ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 ffffffff 00000000 00000000 ffffffff ffffffff",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "10800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"Reject",
     "0000ff00 ffffffff 00000000 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff 00000000 00000000",
     "3f800000 00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "3f800000 00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"NOP-Out",
     "40000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "00800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
    {"NOP-In",
     "00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000",
     "3f800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
     "20800000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"},
};
// clang-format on

const Figure* FigureOf(std::string_view name) {
  for (const Figure& figure : kFigures) {
    if (name == figure.name) return &figure;
  }
  return nullptr;
}

bool BitOf(const Bhs& header, int bit) {
  return (static_cast<int>(header.bytes[static_cast<size_t>(bit / 8)]) >> (7 - bit % 8) & 1) != 0;
}

Bhs OneBit(int bit) {
  Bhs header;
  header.bytes[static_cast<size_t>(bit / 8)] = static_cast<std::byte>(0x80 >> bit % 8);
  return header;
}

// Each bit of each header alone: carried bits survive decoding and encoding, reserved bits vanish,
// fixed bits are as the figure has them, whatever came in.
TEST(PduBitTest, EveryBitOfEveryHeader) {
  int pdus = 0;
  ForEachPdu([&]<class Pdu>(PduType<Pdu>) {
    ++pdus;
    const Figure* figure = FigureOf(Layout<Pdu>::kName);
    ASSERT_NE(figure, nullptr) << Layout<Pdu>::kName;
    const Bhs carried = FromHex(figure->carried);
    const Bhs fixed = FromHex(figure->fixed);
    const Bhs value = FromHex(figure->fixed_value);
    for (int bit = 0; bit < 384; ++bit) {
      SCOPED_TRACE(std::string(figure->name) + ", byte " + std::to_string(bit / 8) + " bit " +
                   std::to_string(bit % 8));
      Pdu pdu;
      Decode(OneBit(bit), &pdu, 2);
      Bhs again;
      Encode(pdu, &again, 2);
      Bhs wanted = value;
      if (BitOf(carried, bit)) {
        ASSERT_FALSE(BitOf(fixed, bit));
        wanted.bytes[static_cast<size_t>(bit / 8)] |= static_cast<std::byte>(0x80 >> bit % 8);
      }
      EXPECT_EQ(ToHex(again), ToHex(wanted));
      Bhs flipped = value;
      flipped.bytes[static_cast<size_t>(bit / 8)] ^= static_cast<std::byte>(0x80 >> bit % 8);
      EXPECT_EQ(FixedBitsHold<Pdu>(flipped), !BitOf(fixed, bit));
    }
  });
  EXPECT_EQ(pdus, 18);
}

// Bits of RFC 7144 are reserved below iSCSIProtocolLevel 2.
TEST(PduBitTest, ProtocolLevelTwoBitsAreReservedBelow) {
  Bhs ones;
  ones.bytes.fill(std::byte{0xff});
  int differing = 0;
  ForEachPdu([&]<class Pdu>(PduType<Pdu>) {
    for (int level : {0, 1}) {
      Pdu low;
      Decode(ones, &low, level);
      Pdu high;
      Decode(ones, &high, 2);
      Bhs low_bytes;
      Encode(low, &low_bytes, 2);
      Bhs high_bytes;
      Encode(high, &high_bytes, level);
      EXPECT_EQ(ToHex(low_bytes), ToHex(high_bytes)) << Layout<Pdu>::kName;
      if (low != high) ++differing;
    }
  });
  EXPECT_EQ(differing, 2 * 3);
}

TEST(FieldTest, SetLeavesNeighboursAndCutsWhatDoesNotFit) {
  constexpr Field<uint8_t> kMiddle = {2, 3, 2, "middle", "11"};
  Bhs header;
  header.bytes.fill(std::byte{0xff});
  Set(header, kMiddle, uint8_t{0});
  EXPECT_EQ(header.bytes[2], std::byte{0xe7});
  Set(header, kMiddle, uint8_t{0xfe});
  EXPECT_EQ(header.bytes[2], std::byte{0xf7});
  EXPECT_EQ(Get(header, kMiddle), 2);
  Set(header, kDataSegmentLength, 0x12345678u);
  EXPECT_EQ(Get(header, kDataSegmentLength), 0x345678u);
  EXPECT_EQ(header.bytes[4], std::byte{0xff});
  EXPECT_EQ(header.bytes[8], std::byte{0xff});
}

TEST(FieldTest, WorksAtCompileTime) {
  constexpr Bhs header = [] {
    Bhs result;
    Encode(DataOut{.final = true, .lun = 0x0102030405060708, .buffer_offset = 5}, &result);
    return result;
  }();
  static_assert(header.bytes[0] == std::byte{0x05} && header.bytes[1] == std::byte{0x80});
  static_assert(header.bytes[8] == std::byte{0x01} && header.bytes[15] == std::byte{0x08});
  static_assert(Get(header, kBufferOffset) == 5 && Get(header, kFinal));
}

}  // namespace

// Layouts that must not pass the coverage check.
struct Gap {};
template <>
struct Layout<Gap> {
  static constexpr auto kFields = std::make_tuple(Reserved{0, 0, 8}, Reserved{1, 1, 375});
};
struct Overlap {};
template <>
struct Layout<Overlap> {
  static constexpr auto kFields = std::make_tuple(Reserved{0, 0, 8}, Reserved{0, 7, 377});
};
struct Short {};
template <>
struct Layout<Short> {
  static constexpr auto kFields = std::make_tuple(Reserved{0, 0, 383});
};
struct Straddling {
  uint8_t value;
};
template <>
struct Layout<Straddling> {
  static constexpr auto kFields = std::make_tuple(
      Reserved{0, 0, 6}, In({0, 6, 4, "value", "11"}, &Straddling::value), Reserved{1, 2, 374});
};
struct TooNarrow {
  uint8_t value;
};
template <>
struct Layout<TooNarrow> {
  static constexpr auto kFields =
      std::make_tuple(In({0, 0, 16, "value", "11"}, &TooNarrow::value), Reserved{2, 0, 368});
};
static_assert(!CoversHeader<Gap>());
static_assert(!CoversHeader<Overlap>());
static_assert(!CoversHeader<Short>());
static_assert(!CoversHeader<Straddling>());
static_assert(!CoversHeader<TooNarrow>());

}  // namespace isthmus::wire
