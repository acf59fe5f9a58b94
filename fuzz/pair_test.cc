// A real initiator against a real target: real data in every combination of the keys that shape its
// way (RFC 7143 sections 13.10 to 13.19), over memory, under several chunkings. Where it was agreed
// that data may come in any order, it does.

#include "bench/pair.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "digest/select.h"
#include "fuzz/disorder.h"
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
  uint32_t first_burst, max_burst, initiator_segment, target_segment;
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
  offer.MaxRecvDataSegmentLength = shape.initiator_segment;
  offer.DataPDUInOrder = shape.pdu_in_order;
  offer.DataSequenceInOrder = shape.sequence_in_order;
  initiator.offer = offer;
  options.target_offer = offer;
  options.target_offer.MaxRecvDataSegmentLength = shape.target_segment;
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

std::vector<Shape> EveryShape() {
  std::vector<Shape> shapes;
  for (uint32_t bits = 0; bits < 64; ++bits) {
    const auto bit = [&](int i) { return (bits >> i & 1) != 0; };
    for (uint16_t outstanding : {1, 3}) {
      for (uint32_t first_burst : {512u, 1500u}) {
        for (uint32_t max_burst : {1500u, 16384u}) {
          for (uint32_t initiator_segment : kSegments) {
            for (uint32_t target_segment : kSegments) {
              shapes.push_back({bit(0), bit(1), outstanding, first_burst, max_burst,
                                initiator_segment, target_segment, bit(2), bit(3), bit(4), bit(5)});
            }
          }
        }
      }
    }
  }
  return shapes;
}

std::string NameOf(const Shape& shape) {
  std::string name;
  const auto add = [&](const char* key, uint32_t value) {
    name += std::string(key) + "=" + std::to_string(value) + " ";
  };
  add("ImmediateData", shape.immediate_data);
  add("InitialR2T", shape.initial_r2t);
  add("MaxOutstandingR2T", shape.max_outstanding_r2t);
  add("FirstBurstLength", shape.first_burst);
  add("MaxBurstLength", shape.max_burst);
  add("initiator's MaxRecvDataSegmentLength", shape.initiator_segment);
  add("target's MaxRecvDataSegmentLength", shape.target_segment);
  add("HeaderDigest", shape.header_digest);
  add("DataDigest", shape.data_digest);
  add("DataPDUInOrder", shape.pdu_in_order);
  add("DataSequenceInOrder", shape.sequence_in_order);
  return name;
}

auto Through(fuzzing::Disorder& wire) {
  return [&wire](bool to_target, std::vector<std::byte>* bytes) { wire.Pass(to_target, bytes); };
}

TEST(PairTest, MovesDataInEveryCombinationOfKeys) {
  uint32_t combinations = 0;
  fuzzing::Disorder::Displaced by_pdu, by_sequence;
  const auto sum = [](const auto& displaced, fuzzing::Disorder::Displaced* to) {
    to->data_in += displaced.data_in;
    to->data_out += displaced.data_out;
    to->r2t += displaced.r2t;
  };
  for (const Shape& shape : EveryShape()) {
    SCOPED_TRACE(NameOf(shape));
    fuzzing::Disorder disorder({.header_digest = shape.header_digest,
                                .data_digest = shape.data_digest,
                                .pdu_in_order = shape.pdu_in_order,
                                .sequence_in_order = shape.sequence_in_order,
                                .seed = ++combinations});
    Pair pair(Options(shape));
    if (!shape.pdu_in_order || !shape.sequence_in_order) pair.on_wire = Through(disorder);
    ASSERT_TRUE(pair.LogIn()) << Name(pair.login_error.code);
    const text::Parameters& parameters = pair.initiator().parameters();
    ASSERT_EQ(parameters.ImmediateData, shape.immediate_data);
    ASSERT_EQ(parameters.InitialR2T, shape.initial_r2t);
    ASSERT_EQ(parameters.MaxOutstandingR2T, shape.max_outstanding_r2t);
    if (shape.immediate_data || !shape.initial_r2t) {  // else it is irrelevant (section 13.14)
      ASSERT_EQ(parameters.FirstBurstLength, shape.first_burst);
    }
    ASSERT_EQ(parameters.MaxBurstLength, shape.max_burst);
    ASSERT_EQ(parameters.own_MaxRecvDataSegmentLength, shape.initiator_segment);
    ASSERT_EQ(parameters.peer_MaxRecvDataSegmentLength, shape.target_segment);
    ASSERT_EQ(parameters.HeaderDigest == DigestAlgorithm::kCRC32C, shape.header_digest);
    ASSERT_EQ(parameters.DataDigest == DigestAlgorithm::kCRC32C, shape.data_digest);
    ASSERT_EQ(parameters.DataPDUInOrder, shape.pdu_in_order);
    ASSERT_EQ(parameters.DataSequenceInOrder, shape.sequence_in_order);
    WriteAndReadBack(pair);
    if (HasFatalFailure()) return;
    if (shape.sequence_in_order) sum(disorder.displaced(), &by_pdu);
    if (shape.pdu_in_order) sum(disorder.displaced(), &by_sequence);
  }
  EXPECT_EQ(combinations, 64u * 2 * 2 * 2 * 3 * 3);
  // Each kind of disorder did come, by itself.
  EXPECT_GT(by_pdu.data_in, 10'000u);
  EXPECT_GT(by_pdu.data_out, 10'000u);
  EXPECT_EQ(by_pdu.r2t, 0u);
  EXPECT_GT(by_sequence.data_in, 10'000u);
  EXPECT_EQ(by_sequence.data_out, 0u);
  EXPECT_GT(by_sequence.r2t, 1'000u);
}

constexpr Shape kUsual = {.immediate_data = true,
                          .initial_r2t = false,
                          .max_outstanding_r2t = 3,
                          .first_burst = 1500,
                          .max_burst = 4000,
                          .initiator_segment = 1001,
                          .target_segment = 1001,
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

// A peer that delivers disorder without leave is caught, on both sides.
TEST(PairTest, DisorderWithoutLeaveIsRefused) {
  for (bool pdu_in_order : {false, true}) {
    for (bool write : {false, true}) {
      int disorders = 0;
      for (uint32_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(std::to_string(pdu_in_order) + std::to_string(write) + std::to_string(seed));
        fuzzing::Disorder disorder({.header_digest = true,
                                    .data_digest = true,
                                    .pdu_in_order = pdu_in_order,
                                    .sequence_in_order = !pdu_in_order,
                                    .seed = seed});
        Pair pair(Options(kUsual));
        pair.on_wire = Through(disorder);
        ASSERT_TRUE(pair.LogIn());
        std::vector<std::byte> bytes(30000);
        const std::vector<std::byte> cdb = Cdb(write ? 0x2a : 0x28, 0);
        initiator::TaskId task;
        ASSERT_TRUE(pair.initiator()
                        .Submit(write ? initiator::Command{.cdb = cdb, .data_out = bytes}
                                      : initiator::Command{.cdb = cdb, .data_in = bytes},
                                &task)
                        .ok());
        pair.Run();
        const auto& displaced = disorder.displaced();
        const bool disordered = displaced.data_in + displaced.data_out + displaced.r2t > 0;
        EXPECT_EQ(pair.completions, disordered ? 0u : 1u);
        disorders += disordered;
      }
      EXPECT_GT(disorders, 2);
    }
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
