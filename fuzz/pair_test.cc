// A real initiator against a real target: real data in every combination of the keys that shape its
// way (RFC 7143 sections 13.10 to 13.19), over memory, under several chunkings.

#include "bench/pair.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "digest/select.h"
#include "gtest/gtest.h"

namespace isthmus {
namespace {

using bench::Pair;
using bench::PairOptions;
using text::DigestAlgorithm;

constexpr uint32_t kSegments[] = {512, 1001, 8192};
constexpr size_t kSizes[] = {1, 511, 512, 513, 4096, 20001};

struct Shape {
  bool immediate_data, initial_r2t;
  uint16_t max_outstanding_r2t;
  uint32_t first_burst, max_burst, segment;
  bool header_digest, data_digest, pdu_in_order, sequence_in_order;
};

PairOptions Options(const Shape& shape) {
  PairOptions options;
  initiator::ConnectionOptions& initiator = options.initiator;
  initiator.initiator_name = "iqn.2026-11.example.host:a";
  initiator.target_name = "iqn.2026-11.example.target:b";
  initiator.isid = {std::byte{0x80}};
  initiator.kernel = &digest::SelectKernel();
  options.target.kernel = &digest::SelectKernel();
  text::Offer offer;
  const auto digest = [](bool on) {
    return on ? text::Preferences<DigestAlgorithm>{DigestAlgorithm::kCRC32C}
              : text::Preferences<DigestAlgorithm>{DigestAlgorithm::kNone};
  };
  offer.HeaderDigest = digest(shape.header_digest);
  offer.DataDigest = digest(shape.data_digest);
  offer.ImmediateData = shape.immediate_data;
  offer.InitialR2T = shape.initial_r2t;
  offer.MaxOutstandingR2T = shape.max_outstanding_r2t;
  offer.FirstBurstLength = shape.first_burst;
  offer.MaxBurstLength = shape.max_burst;
  offer.MaxRecvDataSegmentLength = shape.segment;
  offer.DataPDUInOrder = shape.pdu_in_order;
  offer.DataSequenceInOrder = shape.sequence_in_order;
  initiator.offer = offer;
  options.target_offer = offer;
  options.target_offer.TargetPortalGroupTag = 1;
  options.disk_bytes = 1 << 16;
  return options;
}

std::vector<std::byte> Pattern(size_t size, uint32_t seed) {
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) {
    seed = seed * 1664525 + 1013904223;
    b = static_cast<std::byte>(seed >> 24);
  }
  return bytes;
}

std::vector<std::byte> Cdb(uint8_t opcode, size_t offset) {
  std::vector<std::byte> cdb(10);
  cdb[0] = std::byte{opcode};
  for (size_t i = 0; i < 4; ++i) cdb[2 + i] = static_cast<std::byte>(offset >> (24 - 8 * i));
  return cdb;
}

// Writes pieces of each size at once, reads them back at once.
void WriteAndReadBack(Pair& pair) {
  struct Piece {
    std::vector<std::byte> source, destination, write, read;
  };
  std::vector<Piece> pieces;
  size_t offset = 3;
  for (size_t size : kSizes) {
    pieces.push_back({Pattern(size, static_cast<uint32_t>(size)), std::vector<std::byte>(size),
                      Cdb(0x2a, offset), Cdb(0x28, offset)});
    offset += size + 1;
  }
  const auto submit = [&](const initiator::Command& command) {
    initiator::TaskId task;
    const Error error = pair.initiator().Submit(command, &task);
    EXPECT_TRUE(error.ok()) << Name(error.code);
  };
  for (Piece& piece : pieces) submit({.cdb = piece.write, .data_out = piece.source});
  pair.Run();
  ASSERT_EQ(pair.completions, pieces.size());
  for (Piece& piece : pieces) submit({.cdb = piece.read, .data_in = piece.destination});
  pair.Run();
  ASSERT_EQ(pair.completions, 2 * pieces.size());
  for (const Piece& piece : pieces) EXPECT_TRUE(piece.source == piece.destination);
  EXPECT_EQ(pair.initiator().outstanding(), 0u);
}

TEST(PairTest, MovesDataInEveryCombinationOfKeys) {
  size_t combinations = 0;
  for (uint32_t bits = 0; bits < 64; ++bits) {
    for (uint16_t outstanding : {1, 3}) {
      for (uint32_t first_burst : {512u, 1500u}) {
        for (uint32_t max_burst : {1500u, 16384u}) {
          for (uint32_t segment : kSegments) {
            const Shape shape = {.immediate_data = (bits & 1) != 0,
                                 .initial_r2t = (bits & 2) != 0,
                                 .max_outstanding_r2t = outstanding,
                                 .first_burst = first_burst,
                                 .max_burst = max_burst,
                                 .segment = segment,
                                 .header_digest = (bits & 4) != 0,
                                 .data_digest = (bits & 8) != 0,
                                 .pdu_in_order = (bits & 16) != 0,
                                 .sequence_in_order = (bits & 32) != 0};
            SCOPED_TRACE("bits " + std::to_string(bits) + " MaxOutstandingR2T " +
                         std::to_string(outstanding) + " FirstBurstLength " +
                         std::to_string(first_burst) + " MaxBurstLength " +
                         std::to_string(max_burst) + " MaxRecvDataSegmentLength " +
                         std::to_string(segment));
            Pair pair(Options(shape));
            ASSERT_TRUE(pair.LogIn()) << Name(pair.login_error.code);
            const text::Parameters& parameters = pair.initiator().parameters();
            ASSERT_EQ(parameters.InitialR2T, shape.initial_r2t);
            ASSERT_EQ(parameters.ImmediateData, shape.immediate_data);
            ASSERT_EQ(parameters.MaxBurstLength, max_burst);
            WriteAndReadBack(pair);
            if (HasFatalFailure()) return;
            ++combinations;
          }
        }
      }
    }
  }
  EXPECT_EQ(combinations, 64u * 2 * 2 * 2 * 3);
}

constexpr Shape kUsual = {.immediate_data = true,
                          .initial_r2t = false,
                          .max_outstanding_r2t = 3,
                          .first_burst = 1500,
                          .max_burst = 4000,
                          .segment = 1001,
                          .header_digest = true,
                          .data_digest = true,
                          .pdu_in_order = true,
                          .sequence_in_order = true};

TEST(PairTest, EveryCutGivesTheSame) {
  for (size_t cut : {1, 2, 3, 5, 47, 48, 49, 53, 1000}) {
    SCOPED_TRACE(cut);
    PairOptions options = Options(kUsual);
    options.cut_bytes = cut;
    Pair pair(options);
    ASSERT_TRUE(pair.LogIn());
    WriteAndReadBack(pair);
  }
}

TEST(PairTest, ReissuesAfterTheConnectionIsLost) {
  Pair pair(Options(kUsual));
  ASSERT_TRUE(pair.LogIn());
  const std::vector<std::byte> source = Pattern(9000, 5);
  std::vector<std::byte> destination(9000);
  const std::vector<std::byte> write = Cdb(0x2a, 77), read = Cdb(0x28, 77);
  initiator::TaskId task;
  ASSERT_TRUE(
      pair.initiator()
          .Submit({.cdb = write, .data_out = source, .retry = initiator::RetryPolicy::kReissue},
                  &task)
          .ok());
  pair.Cut();
  EXPECT_EQ(pair.completions, 0u);
  ASSERT_TRUE(pair.LogIn());
  pair.Run();
  EXPECT_EQ(pair.completions, 1u);
  ASSERT_TRUE(pair.initiator().Submit({.cdb = read, .data_in = destination}, &task).ok());
  pair.Run();
  EXPECT_EQ(pair.completions, 2u);
  EXPECT_TRUE(source == destination);
}

TEST(PairTest, BothSidesPingAndStayIdle) {
  Pair pair(Options(kUsual));
  ASSERT_TRUE(pair.LogIn());
  for (int i = 0; i < 100; ++i) pair.Advance(Seconds(5));
  EXPECT_TRUE(pair.connected());
  EXPECT_GT(pair.initiator().counters().pings_sent, 0u);
}

TEST(PairTest, LogsOut) {
  Pair pair(Options(kUsual));
  ASSERT_TRUE(pair.LogIn());
  ASSERT_TRUE(pair.initiator().Logout(initiator::LogoutReason::kCloseSession).ok());
  pair.Run();
  ASSERT_GE(pair.events.size(), 2u);
  EXPECT_EQ(pair.events[pair.events.size() - 2].kind, initiator::EventKind::kLoggedOut);
  EXPECT_EQ(pair.events.back().kind, initiator::EventKind::kDisconnect);
  EXPECT_TRUE(pair.events.back().error.ok());
}

}  // namespace
}  // namespace isthmus
