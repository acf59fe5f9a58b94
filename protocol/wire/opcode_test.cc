#include "protocol/wire/opcode.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "protocol/error.h"
#include "protocol/wire/field.h"
#include "protocol/wire/pdu_table.h"
#include "protocol/wire/pdus.h"

namespace isthmus::wire {
namespace {

TEST(OpcodeTest, ExactlyThoseOfTheRfcAreKnown) {
  const std::set<int> wanted = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x20,
                                0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f};
  std::set<int> known;
  for (int opcode = 0; opcode < 256; ++opcode) {
    const OpcodeInfo* info = FindOpcode(static_cast<uint8_t>(opcode));
    if (info == nullptr) {
      EXPECT_EQ(PduClassOf(static_cast<uint8_t>(opcode)), PduClass::kNone);
      continue;
    }
    known.insert(opcode);
    EXPECT_EQ(static_cast<int>(info->opcode), opcode);
    EXPECT_EQ(info->sender, opcode < 0x20 ? Role::kInitiator : Role::kTarget);
    EXPECT_EQ(&InfoOf(info->opcode), info);
    EXPECT_EQ(PduClassOf(static_cast<uint8_t>(opcode)), info->pdu_class);
  }
  EXPECT_EQ(known, wanted);
  EXPECT_EQ(Opcodes().size(), wanted.size());
}

// The table of opcodes and the Layouts say the same.
TEST(OpcodeTest, AgreesWithTheLayouts) {
  ForEachPdu([]<class Pdu>(PduType<Pdu>) {
    SCOPED_TRACE(Layout<Pdu>::kName);
    const OpcodeInfo* info = FindOpcode(Layout<Pdu>::kOpcode);
    ASSERT_NE(info, nullptr);
    EXPECT_STREQ(info->name, Layout<Pdu>::kName);
    EXPECT_STREQ(info->section, Layout<Pdu>::kSection);
    ImmediateBit immediate = ImmediateBit::kReserved;
    bool always_final = false;
    bool cmd_sn = false;
    for (const FieldInfo& field : FieldsOf(Layout<Pdu>::kOpcode)) {
      if (field.byte == 0 && field.bit == 1 && field.width == 1) {
        immediate =
            field.kind == FieldKind::kFixed ? ImmediateBit::kAlways : ImmediateBit::kAllowed;
      }
      if (field.byte == 1 && field.bit == 0 && field.kind == FieldKind::kFixed) {
        always_final = field.fixed_value == 1;
      }
      if (std::strcmp(field.name, "CmdSN") == 0) cmd_sn = true;
    }
    EXPECT_EQ(info->immediate, immediate);
    EXPECT_EQ(info->always_final, always_final);
    EXPECT_EQ(info->takes_cmd_sn, cmd_sn);
  });
}

// Sections 11.2.1.5 and 11.2.1.6, and the figures.
TEST(OpcodeTest, WhatMayBeCarried) {
  const std::set<int> with_data = {0x00, 0x01, 0x03, 0x04, 0x05, 0x20,
                                   0x21, 0x23, 0x24, 0x25, 0x32, 0x3f};
  for (const OpcodeInfo& info : Opcodes()) {
    const int opcode = static_cast<int>(info.opcode);
    EXPECT_EQ(info.may_carry_ahs, opcode == 0x01) << info.name;
    EXPECT_EQ(info.may_carry_data, with_data.count(opcode) == 1) << info.name;
  }
}

TEST(PduTableTest, ValuesAreThoseOfGet) {
  Bhs header;
  for (size_t i = 0; i < 48; ++i) header.bytes[i] = static_cast<std::byte>(0x91 * (i + 1));
  ForEachPdu([&]<class Pdu>(PduType<Pdu>) {
    int bits = 0;
    for (const FieldInfo& field : FieldsOf(Layout<Pdu>::kOpcode)) {
      bits += field.width;
      if (field.kind == FieldKind::kReserved) continue;
      EXPECT_NE(std::string(field.section), "");
    }
    EXPECT_EQ(bits, 384);
  });
  const auto value_of = [&](const std::string& name) {
    for (const FieldInfo& field : FieldsOf(0x01)) {
      if (name == field.name) return ValueOf(header, field);
    }
    ADD_FAILURE() << name;
    return uint64_t{0};
  };
  EXPECT_EQ(value_of("CmdSN"), Get(header, kCmdSn));
  EXPECT_EQ(value_of("LUN"), Get(header, kLun));
  EXPECT_EQ(value_of("DataSegmentLength"), Get(header, kDataSegmentLength));
  EXPECT_EQ(value_of("F"), Get(header, kFinal) ? 1u : 0u);
  EXPECT_TRUE(FieldsOf(0x07).empty());
}

}  // namespace
}  // namespace isthmus::wire
