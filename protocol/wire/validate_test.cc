// Each violation that a header alone can show, made from a good PDU written as hex; codes stand
// here as the RFC's numbers.
#include "protocol/wire/validate.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus::wire {
namespace {

constexpr Role kTarget = Role::kTarget;
constexpr Role kInitiator = Role::kInitiator;

struct Case {
  const char* what;
  Role receiver;
  const char* hex;  // the first words of the header; the rest is 0
  ErrorCode wanted;
  uint32_t detail;
};

Bhs FromHex(std::string_view hex) {
  Bhs header;
  size_t nibbles = 0;
  for (char c : hex) {
    if (c == ' ') continue;
    const int nibble = c <= '9' ? c - '0' : c - 'a' + 10;
    header.bytes[nibbles / 2] |= static_cast<std::byte>(nibbles % 2 == 0 ? nibble << 4 : nibble);
    ++nibbles;
  }
  return header;
}

// clang-format off
constexpr Case kCases[] = {
    // Good ones, one a PDU and variant.
    {"NOP-Out ping", kTarget, "00800000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"NOP-Out answer", kTarget, "40800000 00000000 00000000 00000000 ffffffff 00000005", ErrorCode::kOk, 0},
    {"READ", kTarget, "01c10000 00000000 00000000 00000000 00000001 00000200", ErrorCode::kOk, 0},
    {"WRITE with immediate data", kTarget, "01a10000 00000200 00000000 00000000 00000001 00000400", ErrorCode::kOk, 0},
    {"WRITE with unsolicited data to follow", kTarget, "01210000 00000200 00000000 00000000 00000001 00000400", ErrorCode::kOk, 0},
    {"command without data", kTarget, "01810000 00000000 00000000 00000000 00000001 00000000", ErrorCode::kOk, 0},
    {"command with AHS", kTarget, "01e10000 02000000 00000000 00000000 00000001 00000200", ErrorCode::kOk, 0},
    {"ABORT TASK", kTarget, "02810000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kOk, 0},
    {"QUERY TASK", kTarget, "02890000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kOk, 0},
    {"LOGICAL UNIT RESET", kTarget, "02850000 00000000 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"unassigned function, to be answered", kTarget, "02f00000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kOk, 0},
    {"TASK REASSIGN", kTarget, "42880000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kOk, 0},
    {"Login Request", kTarget, "43870000 00000004 00023d00 00010000 00000001", ErrorCode::kOk, 0},
    {"Login Request, I bit clear", kTarget, "03870000 00000004 00023d00 00010000 00000001", ErrorCode::kOk, 0},
    {"Login Request, reserved NSG without T", kTarget, "43020000 00000004 00023d00 00010000 00000001", ErrorCode::kOk, 0},
    {"Text Request", kTarget, "04800000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-Out", kTarget, "05800000 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-Out, reserved I bit", kTarget, "45800000 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Logout Request", kTarget, "06820000 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"Data/R2T SNACK", kTarget, "10800000 00000000 00000000 00000000 00000001 ffffffff 00000000 00000000 00000000 00000000 00000005 00000002", ErrorCode::kOk, 0},
    {"Status SNACK", kTarget, "10810000 00000000 00000000 00000000 ffffffff ffffffff", ErrorCode::kOk, 0},
    {"DataACK", kTarget, "10820000 00000000 00000000 00000000 ffffffff 00000009 00000000 00000000 00000000 00000000 00000005", ErrorCode::kOk, 0},
    {"R-Data SNACK", kTarget, "10830000 00000000 00000000 00000000 00000001 00000009", ErrorCode::kOk, 0},
    {"NOP-In echo", kInitiator, "20800000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"NOP-In ping", kInitiator, "20800000 00000000 00000000 00000000 ffffffff 00000007", ErrorCode::kOk, 0},
    {"SCSI Response", kInitiator, "21820002 00000014 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"SCSI Response, CHECK CONDITION with sense data", kInitiator, "21800002 00000014 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"SCSI Response, overflow alone", kInitiator, "21840000 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"SCSI Response, overflow of the bidirectional read alone", kInitiator, "21900000 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"Data-In, overflow alone", kInitiator, "25850000 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-In, INTERMEDIATE", kInitiator, "25810010 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-In, INTERMEDIATE-CONDITION MET", kInitiator, "25810014 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Asynchronous Message with sense data", kInitiator, "32800000 00000014 00000000 00000000 ffffffff ffffffff", ErrorCode::kOk, 0},
    {"Text Request, continued", kTarget, "04400000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Login Request, continued", kTarget, "43440000 00000004 00023d00 00010000 00000001", ErrorCode::kOk, 0},
    {"Login Response, continued", kInitiator, "23440000 00000004 00023d00 00010001 00000001", ErrorCode::kOk, 0},
    {"SCSI Response, target failure: flags and status are ignored", kInitiator, "219e0102 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"SCSI Response, vendor specific", kInitiator, "21808000 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"TMF Response", kInitiator, "2280ff00 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"Login Response", kInitiator, "23870000 00000004 00023d00 00010001 00000001", ErrorCode::kOk, 0},
    {"Login Response, refusal with reserved stages", kInitiator, "238a0000 00000000 00023d00 00010001 00000001 00000000 00000000 00000000 00000000 02010000", ErrorCode::kOk, 0},
    {"Text Response", kInitiator, "24800000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Text Response, final with a tag, which is ignored", kInitiator, "24800000 00000004 00000000 00000000 00000001 00000007", ErrorCode::kOk, 0},
    {"Text Response, continued", kInitiator, "24400000 00000004 00000000 00000000 00000001 00000007", ErrorCode::kOk, 0},
    {"Data-In", kInitiator, "25000000 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-In with status", kInitiator, "25830004 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Data-In without S: flags and status are ignored", kInitiator, "25060002 00000200 00000000 00000000 00000001 ffffffff", ErrorCode::kOk, 0},
    {"Logout Response", kInitiator, "26800300 00000000 00000000 00000000 00000001", ErrorCode::kOk, 0},
    {"R2T", kInitiator, "31800000 00000000 00000000 00000000 00000001 00000007 00000000 00000000 00000000 00000000 00000000 00000200", ErrorCode::kOk, 0},
    {"Asynchronous Message", kInitiator, "32800000 00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 01000000", ErrorCode::kOk, 0},
    {"Reject", kInitiator, "3f800400 00000030 00000000 00000000 ffffffff", ErrorCode::kOk, 0},
    // Framing.
    {"unassigned opcode", kTarget, "07800000", ErrorCode::kOpcodeUnknown, 0x07},
    {"unassigned opcode of the other half", kInitiator, "27800000", ErrorCode::kOpcodeUnknown, 0x27},
    {"vendor-specific opcode", kTarget, "1c800000", ErrorCode::kOpcodeUnknown, 0x1c},
    {"target opcode to a target", kTarget, "20800000", ErrorCode::kOpcodeWrongDirection, 0x20},
    {"initiator opcode to an initiator", kInitiator, "01c10000", ErrorCode::kOpcodeWrongDirection, 0x01},
    {"AHS on a Data-Out", kTarget, "05800000 01000200 00000000 00000000 00000001", ErrorCode::kAhsNotAllowed, 1},
    {"AHS on a Login Request", kTarget, "43870000 ff000004", ErrorCode::kAhsNotAllowed, 255},
    {"AHS on a Data-In", kInitiator, "25000000 02000200", ErrorCode::kAhsNotAllowed, 2},
    {"data on a Logout Request", kTarget, "06820000 00000001", ErrorCode::kDataSegmentNotAllowed, 1},
    {"data on a TMF Request", kTarget, "02850000 00000004", ErrorCode::kDataSegmentNotAllowed, 4},
    {"data on a SNACK", kTarget, "10800000 00000004", ErrorCode::kDataSegmentNotAllowed, 4},
    {"data on an R2T", kInitiator, "31800000 00000004", ErrorCode::kDataSegmentNotAllowed, 4},
    {"data on a TMF Response", kInitiator, "22800000 00000004", ErrorCode::kDataSegmentNotAllowed, 4},
    {"data on a Logout Response", kInitiator, "26800000 00000004", ErrorCode::kDataSegmentNotAllowed, 4},
    {"one byte too long", kTarget, "05800000 00002001", ErrorCode::kDataSegmentTooLong, 8193},
    {"longest", kInitiator, "25000000 00ffffff", ErrorCode::kDataSegmentTooLong, 0xffffff},
    // Fixed bits.
    {"NOP-Out without F", kTarget, "00000000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kFinalBitMissing, 0x00},
    {"R2T without F", kInitiator, "31000000", ErrorCode::kFinalBitMissing, 0x31},
    {"Reject with a tag", kInitiator, "3f800400 00000030 00000000 00000000 00000001", ErrorCode::kTaskTagNotReserved, 1},
    {"Asynchronous Message with a tag", kInitiator, "32800000 00000000 00000000 00000000 00000002 00000000 00000000 00000000 00000000 01000000", ErrorCode::kTaskTagNotReserved, 2},
    // SCSI Command.
    {"command with the reserved tag", kTarget, "01810000 00000000 00000000 00000000 ffffffff", ErrorCode::kTaskTagReserved, 0},
    {"neither W nor F", kTarget, "01410000 00000000 00000000 00000000 00000001 00000200", ErrorCode::kFinalAndWriteClear, 0},
    {"data expected, no direction", kTarget, "01810000 00000000 00000000 00000000 00000001 00000200", ErrorCode::kDirectionMissing, 0x200},
    {"immediate data on a READ", kTarget, "01c10000 00000010 00000000 00000000 00000001 00000200", ErrorCode::kImmediateDataWithoutWrite, 16},
    {"all data immediate, F clear", kTarget, "01210000 00000200 00000000 00000000 00000001 00000200", ErrorCode::kFinalClearDataComplete, 0},
    {"reserved attribute", kTarget, "01850000 00000000 00000000 00000000 00000001", ErrorCode::kTaskAttributeReserved, 5},
    // SCSI Response.
    {"reserved response", kInitiator, "21800200 00000000 00000000 00000000 00000001", ErrorCode::kResponseCodeReserved, 2},
    {"reserved response, last", kInitiator, "21807f00 00000000 00000000 00000000 00000001", ErrorCode::kResponseCodeReserved, 0x7f},
    {"O and U", kInitiator, "21860000 00000000 00000000 00000000 00000001", ErrorCode::kResidualBothBits, 0},
    {"o and u", kInitiator, "21980000 00000000 00000000 00000000 00000001", ErrorCode::kResidualBothBits, 0},
    {"CHECK CONDITION without data", kInitiator, "21800002 00000000 00000000 00000000 00000001", ErrorCode::kSenseMissing, 0},
    // Task management.
    {"TMF with the reserved tag", kTarget, "02850000 00000000 00000000 00000000 ffffffff ffffffff", ErrorCode::kTaskTagReserved, 0},
    {"TASK REASSIGN not immediate", kTarget, "02880000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kReassignNotImmediate, 0},
    {"LOGICAL UNIT RESET that names a task", kTarget, "02850000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kReferencedTagNotReserved, 2},
    {"reserved TMF response", kInitiator, "22800800 00000000 00000000 00000000 00000001", ErrorCode::kFunctionResponseUnknown, 8},
    // Data-In, R2T.
    {"S without F", kInitiator, "25010000 00000200", ErrorCode::kStatusWithoutFinal, 0},
    {"CHECK CONDITION in Data-In", kInitiator, "25810002 00000200", ErrorCode::kStatusNeedsResponse, 2},
    {"O and U in Data-In", kInitiator, "25870000 00000200", ErrorCode::kResidualBothBits, 0},
    {"R2T with the reserved tag", kInitiator, "31800000 00000000 00000000 00000000 00000001 ffffffff 00000000 00000000 00000000 00000000 00000000 00000200", ErrorCode::kR2tTransferTagReserved, 0},
    {"R2T for nothing", kInitiator, "31800000 00000000 00000000 00000000 00000001 00000007", ErrorCode::kR2tLengthZero, 0},
    // Asynchronous Message, Reject, NOP.
    {"SCSI event without sense", kInitiator, "32800000 00000001 00000000 00000000 ffffffff", ErrorCode::kAsyncSenseMissing, 1},
    {"Reject without a whole header", kInitiator, "3f800400 0000002f 00000000 00000000 ffffffff", ErrorCode::kRejectHeaderTruncated, 47},
    {"NOP-Out without tag, not immediate", kTarget, "00800000 00000000 00000000 00000000 ffffffff ffffffff", ErrorCode::kNopOutNotImmediate, 0},
    {"NOP-In with both tags", kInitiator, "20800000 00000000 00000000 00000000 00000001 00000002", ErrorCode::kNopInBothTags, 0},
    {"NOP-In that answers nothing, with data", kInitiator, "20800000 00000004 00000000 00000000 ffffffff ffffffff", ErrorCode::kNopInUnexpectedData, 4},
    // Text, login, logout.
    {"Text Request with the reserved tag", kTarget, "04800000 00000004 00000000 00000000 ffffffff ffffffff", ErrorCode::kTaskTagReserved, 0},
    {"Text Request, C and F", kTarget, "04c00000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kTextContinueWithFinal, 0},
    {"Text Response, C and F", kInitiator, "24c00000 00000004 00000000 00000000 00000001 00000001", ErrorCode::kTextContinueWithFinal, 0},
    {"Text Response, F clear without a tag", kInitiator, "24000000 00000004 00000000 00000000 00000001 ffffffff", ErrorCode::kTextTagMissing, 0},
    {"Login Request with the reserved tag", kTarget, "43870000 00000004 00023d00 00010000 ffffffff", ErrorCode::kTaskTagReserved, 0},
    {"Login Request, C and T", kTarget, "43c70000 00000004 00023d00 00010000 00000001", ErrorCode::kTextContinueWithFinal, 0},
    {"Login Request, reserved ISID format", kTarget, "43870000 00000004 c0023d00 00010000 00000001", ErrorCode::kLoginIsidReserved, 0},
    {"Login Request, reserved CSG", kTarget, "43080000 00000004 00023d00 00010000 00000001", ErrorCode::kLoginStageReserved, 2},
    {"Login Request, reserved NSG", kTarget, "43820000 00000004 00023d00 00010000 00000001", ErrorCode::kLoginStageReserved, 2},
    {"Login Request, to the same stage", kTarget, "43850000 00000004 00023d00 00010000 00000001", ErrorCode::kLoginStageTransition, 0x0101},
    {"Login Request, backwards", kTarget, "43840000 00000004 00023d00 00010000 00000001", ErrorCode::kLoginStageTransition, 0x0100},
    {"Login Request in the Full Feature Phase", kTarget, "430c0000 00000004 00023d00 00010000 00000001", ErrorCode::kLoginStageTransition, 0x0300},
    {"Login Response, reserved class", kInitiator, "23870000 00000000 00023d00 00010001 00000001 00000000 00000000 00000000 00000000 04010000", ErrorCode::kLoginStatusReserved, 0x0401},
    {"Login Response, backwards", kInitiator, "23840000 00000004 00023d00 00010001 00000001", ErrorCode::kLoginStageTransition, 0x0100},
    {"Logout with the reserved tag", kTarget, "06800000 00000000 00000000 00000000 ffffffff", ErrorCode::kTaskTagReserved, 0},
    {"Logout, reserved reason", kTarget, "06830000 00000000 00000000 00000000 00000001", ErrorCode::kLogoutReasonReserved, 3},
    {"Logout Response, reserved code", kInitiator, "26800400 00000000 00000000 00000000 00000001", ErrorCode::kLogoutResponseReserved, 4},
    // SNACK.
    {"reserved SNACK type", kTarget, "10840000 00000000 00000000 00000000 00000001 ffffffff", ErrorCode::kSnackTypeReserved, 4},
    {"Status SNACK of a task", kTarget, "10810000 00000000 00000000 00000000 00000001 ffffffff", ErrorCode::kSnackTaskTag, 1},
    {"Data SNACK of no task", kTarget, "10800000 00000000 00000000 00000000 ffffffff ffffffff", ErrorCode::kSnackTaskTag, 0xffffffff},
    {"Data SNACK with a tag", kTarget, "10800000 00000000 00000000 00000000 00000001 00000009", ErrorCode::kSnackTransferTag, 9},
    {"DataACK without a tag", kTarget, "10820000 00000000 00000000 00000000 ffffffff ffffffff", ErrorCode::kSnackTransferTag, 0xffffffff},
    {"R-Data SNACK with tag 0", kTarget, "10830000 00000000 00000000 00000000 00000001 00000000", ErrorCode::kSnackTransferTag, 0},
    {"DataACK with a run", kTarget, "10820000 00000000 00000000 00000000 ffffffff 00000009 00000000 00000000 00000000 00000000 00000005 00000001", ErrorCode::kSnackRun, 1},
    {"R-Data SNACK that begins later", kTarget, "10830000 00000000 00000000 00000000 00000001 00000009 00000000 00000000 00000000 00000000 00000005", ErrorCode::kSnackRun, 0},
};
// clang-format on

TEST(ValidateTest, Cases) {
  for (const Case& c : kCases) {
    const Violation violation = Validate(FromHex(c.hex), c.receiver, 8192);
    EXPECT_STREQ(Name(violation.code), Name(c.wanted)) << c.what;
    EXPECT_EQ(violation.detail, c.detail) << c.what;
  }
}

// A code that no case reaches is a check that nothing tests.
TEST(ValidateTest, EveryCodeOfTheCasesHasActions) {
  std::set<ErrorCode> codes;
  for (const Case& c : kCases) {
    if (c.wanted == ErrorCode::kOk) continue;
    codes.insert(c.wanted);
    const Violation violation = Validate(FromHex(c.hex), c.receiver, 8192);
    const Error error = MakeError(violation, c.receiver, PduClass::kCommand, 0);
    EXPECT_EQ(error.code, c.wanted);
    EXPECT_EQ(error.detail, c.detail);
    EXPECT_NE(error.actions, 0) << c.what;
  }
  EXPECT_EQ(codes.size(), 40u);
}

// Any 48 bytes have an answer, and only what has passed the length check is let through.
TEST(ValidateTest, EveryOpcodeAndFill) {
  for (int opcode = 0; opcode < 256; ++opcode) {
    for (int fill : {0x00, 0x55, 0xaa, 0xff}) {
      for (Role role : {kTarget, kInitiator}) {
        Bhs header;
        header.bytes.fill(static_cast<std::byte>(fill));
        header.bytes[0] = static_cast<std::byte>(opcode);
        if (Validate(header, role, 8192).ok()) {
          EXPECT_LE(Get(header, kDataSegmentLength), 8192u);
        }
      }
    }
  }
}

}  // namespace
}  // namespace isthmus::wire
