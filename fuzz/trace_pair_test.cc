// What both sides trace of one conversation: each PDU that one sent is the one that the other received, in order, from the
// first Login Request on; and nothing of a data segment is in the rings' memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/pair.h"
#include "digest/select.h"
#include "gtest/gtest.h"
#include "initiator/counters.h"
#include "protocol/connection/trace.h"
#include "protocol/counters.h"
#include "target/counters.h"

namespace isthmus {
namespace {

using bench::Pair;
using bench::PairOptions;

struct Line {
  uint64_t stream_offset;
  uint32_t data_segment_length;
  digest::DigestVerdict header, data;
  std::vector<std::byte> bytes;
  friend bool operator==(const Line&, const Line&) = default;
};

std::vector<Line> Lines(const std::vector<PduTrace>& traces, PduDirection direction) {
  std::vector<Line> lines;
  for (const PduTrace& trace : traces) {
    if (trace.direction != direction) continue;
    lines.push_back({trace.stream_offset,
                     trace.data_segment_length,
                     trace.header_verdict,
                     trace.data_verdict,
                     {trace.header.begin(), trace.header.end()}});
  }
  return lines;
}

bool Contains(const std::vector<std::byte>& memory, std::string_view text) {
  const auto* begin = reinterpret_cast<const char*>(memory.data());
  return std::string_view(begin, memory.size()).find(text) != std::string_view::npos;
}

TEST(TracePairTest, BothSidesTellTheSameConversation) {
  std::vector<std::byte> initiator_memory(1 << 18), target_memory(1 << 18);
  PduTraceRing initiator_ring(initiator_memory), target_ring(target_memory);
  PairOptions options;
  options.initiator.initiator_name = "iqn.2026-11.example.host:a";
  options.initiator.target_name = "iqn.2026-11.example.target:b";
  options.initiator.isid = {std::byte{0x80}};
  options.initiator.kernel = options.target.kernel = &digest::SelectKernel();
  options.initiator.tracer = {.ring = &initiator_ring, .source = 1};
  options.target.tracer = {.ring = &target_ring, .source = 2};
  options.target_offer.TargetPortalGroupTag = 1;
  options.target_offer.HeaderDigest = {text::DigestAlgorithm::kCRC32C};
  options.target_offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
  options.initiator.offer.HeaderDigest = {text::DigestAlgorithm::kCRC32C};
  options.initiator.offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
  options.initiator.offer.InitialR2T = true;
  options.initiator.offer.ImmediateData = false;
  Pair pair(options);
  ASSERT_TRUE(pair.LogIn()) << Name(pair.login_error.code);

  const std::string secret_data = "what users keep on their disks";
  std::vector<std::byte> source(20000, std::byte{0x20}), destination(20000);
  std::transform(secret_data.begin(), secret_data.end(), source.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  std::vector<std::byte> write(10), read(10);
  write[0] = std::byte{0x2a};
  read[0] = std::byte{0x28};
  initiator::TaskId task;
  ASSERT_TRUE(pair.initiator().Submit({.cdb = write, .data_out = source}, &task).ok());
  pair.Run();
  ASSERT_TRUE(pair.initiator().Submit({.cdb = read, .data_in = destination}, &task).ok());
  pair.Run();
  ASSERT_EQ(source, destination);

  std::vector<PduTrace> initiator_traces, target_traces;
  for (PduTrace trace; initiator_ring.Next(&trace);) initiator_traces.push_back(trace);
  for (PduTrace trace; target_ring.Next(&trace);) target_traces.push_back(trace);
  EXPECT_EQ(initiator_ring.lost() + target_ring.lost(), 0u);

  for (auto [sender, receiver] : {std::pair(&initiator_traces, &target_traces),
                                  std::pair(&target_traces, &initiator_traces)}) {
    const std::vector<Line> sent = Lines(*sender, PduDirection::kSent);
    const std::vector<Line> received = Lines(*receiver, PduDirection::kReceived);
    ASSERT_EQ(sent.size(), received.size());
    EXPECT_EQ(sent, received);
    EXPECT_EQ(sent.front().bytes[0] & std::byte{0x1f}, std::byte{0x03}) << "from the login on";
    EXPECT_EQ(sent.front().header, digest::DigestVerdict::kUnchecked);
    EXPECT_EQ(sent.back().header, digest::DigestVerdict::kGood);
  }
  // Login, R2T, Data-Out, Data-In, responses.
  std::vector<unsigned> opcodes;
  for (const PduTrace& trace : target_traces) {
    opcodes.push_back(std::to_integer<unsigned>(trace.header[0] & std::byte{0x3f}));
    EXPECT_EQ(trace.source, 2u);
    EXPECT_GE(trace.at.ns, 1'000'000'000);
  }
  for (unsigned opcode : {0x01, 0x03, 0x05, 0x21, 0x23, 0x25, 0x31}) {
    EXPECT_NE(std::find(opcodes.begin(), opcodes.end(), opcode), opcodes.end()) << opcode;
  }
  // The counters of both, by their names, tell of the same PDUs.
  std::map<std::string, uint64_t> of_initiator, of_target;
  const auto into = [](std::map<std::string, uint64_t>& map) {
    return [&map](const char* group, const Counter& counter) {
      EXPECT_GT(std::string_view(counter.help).size(), 3u);
      EXPECT_TRUE(map.emplace(std::string(group) + "." + counter.name, counter.value).second);
    };
  };
  ForEachCounter(initiator::CountersOf(pair.initiator()), into(of_initiator));
  ForEachCounter(target::CountersOf(pair.target(), pair.target_id()), into(of_target));
  EXPECT_EQ(of_initiator.at("sent.pdus"), of_target.at("received.pdus"));
  EXPECT_EQ(of_initiator.at("received.bytes"), of_target.at("sent.bytes"));
  EXPECT_EQ(of_initiator.at("received.pdus"),
            Lines(initiator_traces, PduDirection::kReceived).size());
  EXPECT_EQ(of_target.at("tasks.commands"), 2u);
  EXPECT_EQ(of_target.at("tasks.read_bytes"), destination.size());
  EXPECT_EQ(of_initiator.at("tasks.data_out_bytes"), source.size());

  for (const auto* memory : {&initiator_memory, &target_memory}) {
    EXPECT_FALSE(Contains(*memory, secret_data));
    EXPECT_FALSE(Contains(*memory, "iqn.2026"));
    EXPECT_FALSE(Contains(*memory, "HeaderDigest"));
  }
}

}  // namespace
}  // namespace isthmus
