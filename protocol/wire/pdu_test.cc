// Each PDU against bytes written by hand from the figures of RFC 7143 section 11, in both
// directions. Codes stand here as the RFC's numbers.
#include <array>
#include <cstddef>
#include <string>

#include "gtest/gtest.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/field.h"
#include "protocol/wire/header_hex.h"
#include "protocol/wire/pdus.h"

namespace isthmus::wire {
namespace {

// The bytes are what the struct encodes to, and decode to the struct.
template <class Pdu>
void ExpectVector(const char* hex, const Pdu& pdu, int protocol_level = 1) {
  const Bhs wanted = FromHex(hex);
  Bhs encoded;
  encoded.bytes.fill(std::byte{0xee});
  Encode(pdu, &encoded, protocol_level);
  EXPECT_EQ(ToHex(encoded), ToHex(wanted));
  Pdu decoded;
  Decode(wanted, &decoded, protocol_level);
  EXPECT_EQ(decoded, pdu);
  EXPECT_TRUE(FixedBitsHold<Pdu>(wanted));
}

template <class E>
E As(int code) {
  return static_cast<E>(code);
}

std::array<std::byte, 16> Cdb(std::array<int, 16> values) {
  std::array<std::byte, 16> cdb = {};
  for (size_t i = 0; i < 16; ++i) cdb[i] = static_cast<std::byte>(values[i]);
  return cdb;
}

std::array<std::byte, 6> Isid(std::array<int, 6> values) {
  std::array<std::byte, 6> isid = {};
  for (size_t i = 0; i < 6; ++i) isid[i] = static_cast<std::byte>(values[i]);
  return isid;
}

// The READ(10) PDU of section A.4.
TEST(PduVectorTest, ScsiCommandOfAppendixA) {
  ExpectVector(
      "01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018"
      "28000000 00000000 02000000 00000000",
      ScsiCommand{.final = true,
                  .read = true,
                  .initiator_task_tag = 0x14000000,
                  .expected_data_transfer_length = 0x400,
                  .cmd_sn = 0x14,
                  .exp_stat_sn = 0x18,
                  .cdb = Cdb({0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0})});
}

TEST(PduVectorTest, ScsiCommandWithEveryField) {
  const ScsiCommand command = {
      .immediate = true,
      .final = false,
      .read = true,
      .write = true,
      .attribute = As<TaskAttribute>(4),
      .total_ahs_length = 0x07,
      .data_segment_length = 0x0a0b0c,
      .lun = 0x0001020304050607,
      .initiator_task_tag = 0x10111213,
      .expected_data_transfer_length = 0x14151617,
      .cmd_sn = 0x18191a1b,
      .exp_stat_sn = 0x1c1d1e1f,
      .cdb = Cdb({0x8a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})};
  ExpectVector(
      "41640000 070a0b0c 00010203 04050607 10111213 14151617 18191a1b 1c1d1e1f"
      "8a010203 04050607 08090a0b 0c0d0e0f",
      command);
  ScsiCommand with_priority = command;
  with_priority.priority = 0xb;
  ExpectVector(
      "4164b000 070a0b0c 00010203 04050607 10111213 14151617 18191a1b 1c1d1e1f"
      "8a010203 04050607 08090a0b 0c0d0e0f",
      with_priority, 2);
}

TEST(PduVectorTest, ScsiResponse) {
  const ScsiResponse response = {.bidirectional_read_residual_overflow = true,
                                 .residual_underflow = true,
                                 .response = As<ScsiResponseCode>(0),
                                 .status = As<ScsiStatus>(0x02),
                                 .data_segment_length = 0x14,
                                 .initiator_task_tag = 0x11223344,
                                 .snack_tag = 0x55667788,
                                 .stat_sn = 0x01020304,
                                 .exp_cmd_sn = 0x05060708,
                                 .max_cmd_sn = 0x090a0b0c,
                                 .exp_data_sn = 0x0d0e0f10,
                                 .bidirectional_read_residual_count = 0x21222324,
                                 .residual_count = 0x25262728};
  ExpectVector(
      "21920002 00000014 00000000 00000000 11223344 55667788 01020304 05060708"
      "090a0b0c 0d0e0f10 21222324 25262728",
      response);
  ScsiResponse qualified = response;
  qualified.status = As<ScsiStatus>(0x28);
  qualified.status_qualifier = 0x4005;
  ExpectVector(
      "21920028 00000014 40050000 00000000 11223344 55667788 01020304 05060708"
      "090a0b0c 0d0e0f10 21222324 25262728",
      qualified, 2);
  ExpectVector(
      "218c0100 00000000 00000000 00000000 00000001 00000000 00000002 00000003"
      "00000004 00000000 00000000 00000000",
      ScsiResponse{.bidirectional_read_residual_underflow = true,
                   .residual_overflow = true,
                   .response = As<ScsiResponseCode>(1),
                   .initiator_task_tag = 1,
                   .stat_sn = 2,
                   .exp_cmd_sn = 3,
                   .max_cmd_sn = 4});
}

TEST(PduVectorTest, TaskManagementFunctionRequest) {
  ExpectVector(
      "42810000 00000000 00050000 00000000 0a0b0c0d 01010101 00000064 00000007"
      "00000063 00000002 00000000 00000000",
      TaskManagementFunctionRequest{.immediate = true,
                                    .function = As<TaskManagementFunction>(1),
                                    .lun = 0x0005000000000000,
                                    .initiator_task_tag = 0x0a0b0c0d,
                                    .referenced_task_tag = 0x01010101,
                                    .cmd_sn = 100,
                                    .exp_stat_sn = 7,
                                    .ref_cmd_sn = 99,
                                    .exp_data_sn = 2});
  ExpectVector(
      "02850000 00000000 00050000 00000000 0a0b0c0d ffffffff 00000064 00000007"
      "00000000 00000000 00000000 00000000",
      TaskManagementFunctionRequest{.function = As<TaskManagementFunction>(5),
                                    .lun = 0x0005000000000000,
                                    .initiator_task_tag = 0x0a0b0c0d,
                                    .cmd_sn = 100,
                                    .exp_stat_sn = 7});
}

TEST(PduVectorTest, TaskManagementFunctionResponse) {
  const TaskManagementFunctionResponse response = {.response = As<TaskManagementResponseCode>(255),
                                                   .initiator_task_tag = 0x0a0b0c0d,
                                                   .stat_sn = 8,
                                                   .exp_cmd_sn = 9,
                                                   .max_cmd_sn = 10};
  ExpectVector(
      "2280ff00 00000000 00000000 00000000 0a0b0c0d 00000000 00000008 00000009"
      "0000000a 00000000 00000000 00000000",
      response);
  TaskManagementFunctionResponse informed = response;
  informed.response = As<TaskManagementResponseCode>(7);
  informed.additional_response_information = 0x123456;
  ExpectVector(
      "22800700 00000000 12345600 00000000 0a0b0c0d 00000000 00000008 00000009"
      "0000000a 00000000 00000000 00000000",
      informed, 2);
}

TEST(PduVectorTest, DataOut) {
  ExpectVector(
      "05800000 00002000 00010000 00000000 00000011 80000022 00000000 00000033"
      "00000000 00000044 00010000 00000000",
      DataOut{.final = true,
              .data_segment_length = 8192,
              .lun = 0x0001000000000000,
              .initiator_task_tag = 0x11,
              .target_transfer_tag = 0x80000022,
              .exp_stat_sn = 0x33,
              .data_sn = 0x44,
              .buffer_offset = 65536});
  ExpectVector(
      "05000000 00000200 00000000 00000000 00000011 ffffffff 00000000 00000033"
      "00000000 00000000 00000200 00000000",
      DataOut{.data_segment_length = 512,
              .initiator_task_tag = 0x11,
              .exp_stat_sn = 0x33,
              .buffer_offset = 512});
}

TEST(PduVectorTest, DataIn) {
  ExpectVector(
      "25830004 00000800 00000000 00000000 00000011 ffffffff 00000051 00000052"
      "00000053 00000054 00000055 00000056",
      DataIn{.final = true,
             .residual_underflow = true,
             .has_status = true,
             .status = As<ScsiStatus>(0x04),
             .data_segment_length = 2048,
             .initiator_task_tag = 0x11,
             .stat_sn = 0x51,
             .exp_cmd_sn = 0x52,
             .max_cmd_sn = 0x53,
             .data_sn = 0x54,
             .buffer_offset = 0x55,
             .residual_count = 0x56});
  ExpectVector(
      "25440000 00000800 00020000 00000000 00000011 00000099 00000000 00000052"
      "00000053 00000054 00000055 00000000",
      DataIn{.acknowledge = true,
             .residual_overflow = true,
             .data_segment_length = 2048,
             .lun = 0x0002000000000000,
             .initiator_task_tag = 0x11,
             .target_transfer_tag = 0x99,
             .exp_cmd_sn = 0x52,
             .max_cmd_sn = 0x53,
             .data_sn = 0x54,
             .buffer_offset = 0x55});
}

TEST(PduVectorTest, R2t) {
  ExpectVector(
      "31800000 00000000 00010000 00000000 00000011 80000022 00000003 00000004"
      "00000005 00000006 00010000 00040000",
      R2t{.lun = 0x0001000000000000,
          .initiator_task_tag = 0x11,
          .target_transfer_tag = 0x80000022,
          .stat_sn = 3,
          .exp_cmd_sn = 4,
          .max_cmd_sn = 5,
          .r2t_sn = 6,
          .buffer_offset = 65536,
          .desired_data_transfer_length = 262144});
}

TEST(PduVectorTest, AsynchronousMessage) {
  ExpectVector(
      "32800000 00000000 00000000 00000000 ffffffff 00000000 00000003 00000004"
      "00000005 02000001 00020014 00000000",
      AsynchronousMessage{.stat_sn = 3,
                          .exp_cmd_sn = 4,
                          .max_cmd_sn = 5,
                          .async_event = As<AsyncEvent>(2),
                          .parameter1 = 1,
                          .parameter2 = 2,
                          .parameter3 = 20});
  ExpectVector(
      "32800000 00000006 00070000 00000000 ffffffff 00000000 00000003 00000004"
      "00000005 f9420000 00000000 00000000",
      AsynchronousMessage{.data_segment_length = 6,
                          .lun = 0x0007000000000000,
                          .stat_sn = 3,
                          .exp_cmd_sn = 4,
                          .max_cmd_sn = 5,
                          .async_event = As<AsyncEvent>(249),
                          .async_vcode = 0x42});
}

TEST(PduVectorTest, TextRequest) {
  ExpectVector(
      "04800000 00000010 00000000 00000000 00000021 ffffffff 00000022 00000023"
      "00000000 00000000 00000000 00000000",
      TextRequest{.final = true,
                  .data_segment_length = 16,
                  .initiator_task_tag = 0x21,
                  .cmd_sn = 0x22,
                  .exp_stat_sn = 0x23});
  ExpectVector(
      "44400000 00000010 00090000 00000000 00000021 12345678 00000022 00000023"
      "00000000 00000000 00000000 00000000",
      TextRequest{.immediate = true,
                  .continued = true,
                  .data_segment_length = 16,
                  .lun = 0x0009000000000000,
                  .initiator_task_tag = 0x21,
                  .target_transfer_tag = 0x12345678,
                  .cmd_sn = 0x22,
                  .exp_stat_sn = 0x23});
}

TEST(PduVectorTest, TextResponse) {
  ExpectVector(
      "24800000 00000010 00000000 00000000 00000021 ffffffff 00000022 00000023"
      "00000024 00000000 00000000 00000000",
      TextResponse{.final = true,
                   .data_segment_length = 16,
                   .initiator_task_tag = 0x21,
                   .stat_sn = 0x22,
                   .exp_cmd_sn = 0x23,
                   .max_cmd_sn = 0x24});
  ExpectVector(
      "24400000 00000010 00090000 00000000 00000021 12345678 00000022 00000023"
      "00000024 00000000 00000000 00000000",
      TextResponse{.continued = true,
                   .data_segment_length = 16,
                   .lun = 0x0009000000000000,
                   .initiator_task_tag = 0x21,
                   .target_transfer_tag = 0x12345678,
                   .stat_sn = 0x22,
                   .exp_cmd_sn = 0x23,
                   .max_cmd_sn = 0x24});
}

TEST(PduVectorTest, LoginRequest) {
  ExpectVector(
      "43870000 000000c8 00023d00 00010000 00000031 00010000 0000007b 00000000"
      "00000000 00000000 00000000 00000000",
      LoginRequest{.transit = true,
                   .current_stage = As<LoginStage>(1),
                   .next_stage = As<LoginStage>(3),
                   .data_segment_length = 200,
                   .isid = Isid({0x00, 0x02, 0x3d, 0x00, 0x00, 0x01}),
                   .initiator_task_tag = 0x31,
                   .cid = 1,
                   .cmd_sn = 123});
  ExpectVector(
      "43410200 000000c8 80123456 789a00ff 00000031 fffe0000 0000007b 00000009"
      "00000000 00000000 00000000 00000000",
      LoginRequest{.continued = true,
                   .current_stage = As<LoginStage>(0),
                   .next_stage = As<LoginStage>(1),
                   .version_max = 2,
                   .version_min = 0,
                   .data_segment_length = 200,
                   .isid = Isid({0x80, 0x12, 0x34, 0x56, 0x78, 0x9a}),
                   .tsih = 0xff,
                   .initiator_task_tag = 0x31,
                   .cid = 0xfffe,
                   .cmd_sn = 123,
                   .exp_stat_sn = 9});
}

TEST(PduVectorTest, LoginResponse) {
  ExpectVector(
      "23870000 00000005 00023d00 00010042 00000031 00000000 00000009 0000007b"
      "0000009a 00000000 00000000 00000000",
      LoginResponse{.transit = true,
                    .current_stage = As<LoginStage>(1),
                    .next_stage = As<LoginStage>(3),
                    .data_segment_length = 5,
                    .isid = Isid({0x00, 0x02, 0x3d, 0x00, 0x00, 0x01}),
                    .tsih = 0x42,
                    .initiator_task_tag = 0x31,
                    .stat_sn = 9,
                    .exp_cmd_sn = 123,
                    .max_cmd_sn = 154});
  LoginResponse refusal = {.continued = true,
                           .version_max = 1,
                           .version_active = 2,
                           .isid = Isid({0x00, 0x02, 0x3d, 0x00, 0x00, 0x01}),
                           .initiator_task_tag = 0x31};
  refusal.set_status(As<LoginStatus>(0x020b));
  EXPECT_EQ(static_cast<int>(refusal.status_class), 2);
  EXPECT_EQ(refusal.status_detail, 0x0b);
  EXPECT_EQ(static_cast<int>(refusal.status()), 0x020b);
  ExpectVector(
      "23400102 00000000 00023d00 00010000 00000031 00000000 00000000 00000000"
      "00000000 020b0000 00000000 00000000",
      refusal);
}

TEST(PduVectorTest, LogoutRequest) {
  ExpectVector(
      "46820000 00000000 00000000 00000000 00000041 00070000 00000042 00000043"
      "00000000 00000000 00000000 00000000",
      LogoutRequest{.immediate = true,
                    .reason = As<LogoutReason>(2),
                    .initiator_task_tag = 0x41,
                    .cid = 7,
                    .cmd_sn = 0x42,
                    .exp_stat_sn = 0x43});
}

TEST(PduVectorTest, LogoutResponse) {
  ExpectVector(
      "26800100 00000000 00000000 00000000 00000041 00000000 00000042 00000043"
      "00000044 00000000 00020014 00000000",
      LogoutResponse{.response = As<LogoutResponseCode>(1),
                     .initiator_task_tag = 0x41,
                     .stat_sn = 0x42,
                     .exp_cmd_sn = 0x43,
                     .max_cmd_sn = 0x44,
                     .time2wait = 2,
                     .time2retain = 20});
}

TEST(PduVectorTest, SnackRequest) {
  ExpectVector(
      "10810000 00000000 00000000 00000000 ffffffff ffffffff 00000000 00000005"
      "00000000 00000000 00000005 00000003",
      SnackRequest{.type = As<SnackType>(1), .exp_stat_sn = 5, .beg_run = 5, .run_length = 3});
  ExpectVector(
      "10830000 00000000 00030000 00000000 00000077 0badcafe 00000000 00000005"
      "00000000 00000000 00000000 00000000",
      SnackRequest{.type = As<SnackType>(3),
                   .lun = 0x0003000000000000,
                   .initiator_task_tag = 0x77,
                   .target_transfer_tag = 0x0badcafe,
                   .exp_stat_sn = 5});
}

TEST(PduVectorTest, Reject) {
  ExpectVector(
      "3f800400 00000030 00000000 00000000 ffffffff 00000000 00000006 00000007"
      "00000008 00000009 00000000 00000000",
      Reject{.reason = As<RejectReason>(4),
             .data_segment_length = 48,
             .stat_sn = 6,
             .exp_cmd_sn = 7,
             .max_cmd_sn = 8,
             .data_sn = 9});
}

TEST(PduVectorTest, NopOut) {
  ExpectVector(
      "40800000 00000004 00000000 00000000 00000061 ffffffff 00000062 00000063"
      "00000000 00000000 00000000 00000000",
      NopOut{.immediate = true,
             .data_segment_length = 4,
             .initiator_task_tag = 0x61,
             .cmd_sn = 0x62,
             .exp_stat_sn = 0x63});
  ExpectVector(
      "40800000 00000000 00010000 00000000 ffffffff 00000099 00000062 00000063"
      "00000000 00000000 00000000 00000000",
      NopOut{.immediate = true,
             .lun = 0x0001000000000000,
             .target_transfer_tag = 0x99,
             .cmd_sn = 0x62,
             .exp_stat_sn = 0x63});
}

TEST(PduVectorTest, NopIn) {
  ExpectVector(
      "20800000 00000004 00000000 00000000 00000061 ffffffff 00000062 00000063"
      "00000064 00000000 00000000 00000000",
      NopIn{.data_segment_length = 4,
            .initiator_task_tag = 0x61,
            .stat_sn = 0x62,
            .exp_cmd_sn = 0x63,
            .max_cmd_sn = 0x64});
  ExpectVector(
      "20800000 00000000 00010000 00000000 ffffffff 00000099 00000062 00000063"
      "00000064 00000000 00000000 00000000",
      NopIn{.lun = 0x0001000000000000,
            .target_transfer_tag = 0x99,
            .stat_sn = 0x62,
            .exp_cmd_sn = 0x63,
            .max_cmd_sn = 0x64});
}

}  // namespace
}  // namespace isthmus::wire
