#include "protocol/connection/offload_sizing.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace isthmus {
namespace {

constexpr PduShape kBothDigests = {.header_digest = true, .data_digest = true, .ahs_bytes = 0};

struct Row {
  PathShape path;
  uint32_t mss, data;
};

// Numbers worked out by hand: MTU - IP - TCP - options, less 48 + 4 + 4.
TEST(OffloadSizingTest, HeaderArithmetic) {
  const Row rows[] = {
      {{.mtu = 1500}, 1460, 1404},
      {{.mtu = 1500, .tcp_option_bytes = 12}, 1448, 1392},
      {{.mtu = 1500, .tcp_option_bytes = 40}, 1420, 1364},
      {{.mtu = 9000}, 8960, 8904},
      {{.mtu = 9000, .tcp_option_bytes = 12}, 8948, 8892},
      {{.mtu = 9000, .tcp_option_bytes = 40}, 8920, 8864},
      {{.mtu = 1500, .ipv6 = true}, 1440, 1384},
      {{.mtu = 9000, .ipv6 = true, .tcp_option_bytes = 12}, 8928, 8872},
      {{.mtu = 1500, .ip_option_bytes = 40, .tcp_option_bytes = 40}, 1380, 1324},
      {{.mtu = 1500, .tcp_option_bytes = 12, .tunnel_bytes = 50}, 1398, 1340},
      {{.mtu = 40}, 0, 0},
      {{.mtu = 99}, 59, 0},
      {{.mtu = 100}, 60, 4},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(SegmentBytes(row.path), row.mss) << row.path.mtu;
    EXPECT_EQ(AlignedDataSegmentLength(row.mss, kBothDigests), row.data) << row.path.mtu;
  }
}

TEST(OffloadSizingTest, TheLongestThatFitsFitsAndFourMoreDoNot) {
  for (uint32_t ahs : {0u, 4u, 28u, 1020u}) {
    for (int digests = 0; digests < 4; ++digests) {
      const PduShape shape = {(digests & 1) != 0, (digests & 2) != 0, ahs};
      for (uint32_t segment = 0; segment < 3000; ++segment) {
        const uint32_t data = AlignedDataSegmentLength(segment, shape);
        if (data > 0) {
          EXPECT_LE(PduBytes(shape, data), segment);
        }
        EXPECT_GT(PduBytes(shape, data + 4), segment);
      }
    }
  }
}

TEST(OffloadSizingTest, WhatIsDeclared) {
  const SizingLimits aligned = {.needs_alignment = true};
  EXPECT_EQ(MaxRecvDataSegmentLengthToDeclare(262144, 8948, kBothDigests, aligned), 8892u);
  EXPECT_EQ(MaxRecvDataSegmentLengthToDeclare(8192, 8948, kBothDigests, aligned), 8192u);
  EXPECT_EQ(MaxRecvDataSegmentLengthToDeclare(262144, 500, kBothDigests, aligned), 262144u);
  EXPECT_EQ(MaxRecvDataSegmentLengthToDeclare(262144, 8948, kBothDigests, {}), 262144u);
  EXPECT_EQ(MaxRecvDataSegmentLengthToDeclare(262144, 1448, kBothDigests, {.max_pdu_bytes = 16224}),
            16168u);
  EXPECT_EQ(DataSegmentLengthToSend(8192, 1448, kBothDigests, aligned), 1392u);
  EXPECT_EQ(DataSegmentLengthToSend(8192, 1448, kBothDigests,
                                    {.needs_alignment = true, .segments_pdus = true}),
            8192u);
  EXPECT_EQ(DataSegmentLengthToSend(1024, 1448, kBothDigests, aligned), 1024u);
  // Beyond what DataSegmentLength can say.
  EXPECT_EQ(AlignedDataSegmentLength(0xffffffff, kBothDigests), (1u << 24) - 4);
}

}  // namespace
}  // namespace isthmus
