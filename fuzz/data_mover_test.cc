// Both engines over a data mover: no digests by the clamp of what is offered, data put in place, nothing computed. RFC 5047,
// RFC 7145 section 5.1.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/pair.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "gtest/gtest.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "transport/data_mover_link.h"
#include "transport/offload/clamp.h"

namespace isthmus {
namespace {

using text::DigestAlgorithm;

uint64_t computed = 0;  // bytes that a digest was computed over, anywhere

const digest::Kernel& CountingKernel() {
  static const digest::Kernel kernel = [] {
    using digest::Crc32c;
    using digest::Piece;
    digest::Kernel counting = digest::SelectKernel();
    counting.extend = [](Crc32c crc, const void* data, size_t size) {
      computed += size;
      return digest::SelectKernel().extend(crc, data, size);
    };
    counting.extend_cold = counting.extend;
    counting.extend_gather = [](Crc32c crc, const Piece* pieces, size_t count) {
      computed += count;
      return digest::SelectKernel().extend_gather(crc, pieces, count);
    };
    counting.compute_batch = [](const Piece* pieces, size_t count, Crc32c* digests) {
      computed += count;
      digest::SelectKernel().compute_batch(pieces, count, digests);
    };
    counting.copy_and_extend = [](Crc32c crc, void* to, const void* from, size_t size) {
      computed += size;
      return digest::SelectKernel().copy_and_extend(crc, to, from, size);
    };
    counting.copy_and_extend_streaming = counting.copy_and_extend;
    return counting;
  }();
  return kernel;
}

struct MovedPair {
  explicit MovedPair(bool clamp, uint32_t segment = 8192) : pair(Options(clamp, segment)) {
    if (clamp) {
      pair.clamp_target_offer = [](text::Offer* offer) {
        transport::ClampOffer(transport::DataMoverLink::Capabilities(), 0, offer);
      };
    }
    pair.move = [this](auto& left, auto& right, Instant now) {
      return link.Move(left, right, now);
    };
    computed = 0;
  }

  static bench::PairOptions Options(bool clamp, uint32_t segment) {
    bench::PairOptions options;
    options.initiator.initiator_name = "iqn.2026-11.example.host:a";
    options.initiator.target_name = "iqn.2026-11.example.target:b";
    options.initiator.isid = {std::byte{0x80}};
    options.initiator.kernel = options.target.kernel = &CountingKernel();
    text::Offer offer;  // digests wanted, as by default
    offer.MaxRecvDataSegmentLength = segment;
    options.target_offer = offer;
    options.target_offer.TargetPortalGroupTag = 1;
    if (clamp) transport::ClampOffer(transport::DataMoverLink::Capabilities(), 0, &offer);
    options.initiator.offer = offer;
    return options;
  }

  transport::DataMoverLink link;
  bench::Pair pair;
};

std::vector<std::byte> Cdb(uint8_t opcode) {
  std::vector<std::byte> cdb(10);
  cdb[0] = std::byte{opcode};
  return cdb;
}

TEST(DataMoverTest, DigestsNegotiateToNoneAndDataIsPut) {
  for (uint32_t segment : {512u, 1001u, 8192u, 262144u}) {
    MovedPair moved(true, segment);
    ASSERT_TRUE(moved.pair.LogIn());
    const text::Parameters& parameters = moved.pair.initiator().parameters();
    EXPECT_EQ(parameters.HeaderDigest, DigestAlgorithm::kNone);
    EXPECT_EQ(parameters.DataDigest, DigestAlgorithm::kNone);
    std::vector<std::byte> source(300'001), back(source.size());
    for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 7 + i / 251);
    const std::vector<std::byte> write = Cdb(0x2a), read = Cdb(0x28);
    initiator::TaskId task;
    ASSERT_TRUE(moved.pair.initiator().Submit({.cdb = write, .data_out = source}, &task).ok());
    moved.pair.Run();
    ASSERT_TRUE(moved.pair.initiator().Submit({.cdb = read, .data_in = back}, &task).ok());
    moved.pair.Run();
    EXPECT_EQ(moved.pair.completions, 2u);
    EXPECT_TRUE(source == back);
    EXPECT_EQ(computed, 0u);
    // All of what was read, and of what was written all but the immediate data.
    EXPECT_EQ(moved.link.to_left().placed_bytes, source.size());
    EXPECT_GE(moved.link.to_right().placed_bytes, source.size() - 65536);
    EXPECT_GT(moved.link.to_right().placed_messages, 0u);
    EXPECT_EQ(moved.link.to_left().not_placed + moved.link.to_right().not_placed, 0u);
    EXPECT_LT(moved.pair.initiator().rx_counters()->copied_data_bytes,
              1000u);  // the text of the login
    EXPECT_EQ(moved.pair.initiator().rx_counters()->data_digests_by_device, 0u);
  }
}

// Without the clamp both sides would have wanted digests: it is the clamp that decides.
TEST(DataMoverTest, WithoutTheClampDigestsWouldHaveBeenOn) {
  bench::Pair pair(MovedPair::Options(false, 8192));
  ASSERT_TRUE(pair.LogIn());
  EXPECT_EQ(pair.initiator().parameters().HeaderDigest, DigestAlgorithm::kCRC32C);
  EXPECT_EQ(pair.initiator().parameters().DataDigest, DigestAlgorithm::kCRC32C);
}

// One side clamps: the other agrees to none, since it was not offered.
TEST(DataMoverTest, OneSideIsEnough) {
  bench::PairOptions options = MovedPair::Options(true, 8192);
  bench::Pair pair(options);
  ASSERT_TRUE(pair.LogIn());
  EXPECT_EQ(pair.initiator().parameters().HeaderDigest, DigestAlgorithm::kNone);
  bench::Pair target_only(MovedPair::Options(false, 8192));
  target_only.clamp_target_offer = [](text::Offer* offer) {
    transport::ClampOffer(transport::DataMoverLink::Capabilities(), 0, offer);
  };
  ASSERT_TRUE(target_only.LogIn());
  EXPECT_EQ(target_only.initiator().parameters().DataDigest, DigestAlgorithm::kNone);
}

}  // namespace
}  // namespace isthmus
