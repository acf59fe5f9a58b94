// The mutators keep their word: bounded, the same for the same seed, and most of what they make is well-formed.

#include "fuzz/script.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/entry_points.h"
#include "fuzz/pdu_mutator.h"
#include "fuzz/raw_pdu.h"
#include "gtest/gtest.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus::fuzz {
namespace {

std::mt19937 g_random(1);

}  // namespace
}  // namespace isthmus::fuzz

// The engine's own: here, a byte becomes another.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  if (size == 0 && max_size > 0) {
    data[0] = 1;
    return 1;
  }
  if (size > 0) {
    data[isthmus::fuzz::g_random() % size] = static_cast<uint8_t>(isthmus::fuzz::g_random());
  }
  return size;
}

namespace isthmus::fuzz {
namespace {

constexpr Framing kBoth = {.header_digest = true, .data_digest = true};
constexpr std::string_view kHeaders[] = {
    "00 80 0000 00000000 0000000000000000 00000001 ffffffff 00000064 00000000 "
    "00000000000000000000000000000000"};
constexpr ScriptShape kShape = {[](uint8_t) { return kBoth; }, kHeaders};

std::vector<uint8_t> Stream(uint32_t seed) {
  testing_support::WireStream stream;
  for (uint32_t i = 0; i < 4; ++i) {
    stream.Add(testing_support::MakePdu(0x05, 10 + i, seed + i, i % 2), true, true);
  }
  const auto* begin = reinterpret_cast<const uint8_t*>(stream.bytes().data());
  return {begin, begin + stream.bytes().size()};
}

// Whether lengths, padding and digests agree.
bool IsWhole(RawPdu pdu) {
  if (!pdu.HasHeader()) return false;
  const std::string before = Join(pdu);
  pdu.MendLengths();
  pdu.MendPadding();
  pdu.MendHeaderDigest(kBoth);
  pdu.MendDataDigest(kBoth);
  return Join(pdu) == before;
}

TEST(PduMutator, KeepsMostPdusWholeAndBreaksSome) {
  size_t whole = 0, broken = 0, changed = 0;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    const std::vector<uint8_t> stream = Stream(seed);
    std::vector<uint8_t> mutated = stream;
    mutated.resize(stream.size() + 400);
    mutated.resize(MutatePdus(mutated.data(), stream.size(), mutated.size(), seed, kBoth));
    changed += mutated != stream;
    for (const RawPdu& pdu : SplitPdus(mutated.data(), mutated.size(), kBoth)) {
      ++(IsWhole(pdu) ? whole : broken);
    }
  }
  EXPECT_GT(changed, 400u);
  EXPECT_GT(whole, 4 * broken);
  EXPECT_GT(broken, 20u);
}

TEST(PduMutator, CrossesOverAtBoundaries) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    const std::vector<uint8_t> one = Stream(seed), other = Stream(seed + 1000);
    std::vector<uint8_t> out(one.size() + other.size());
    out.resize(CrossOverPdus(one.data(), one.size(), other.data(), other.size(), out.data(),
                             out.size(), seed, kBoth));
    for (const RawPdu& pdu : SplitPdus(out.data(), out.size(), kBoth)) EXPECT_TRUE(IsWhole(pdu));
  }
}

TEST(PduMutator, NeverWritesBeyondItsBound) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    std::vector<uint8_t> stream = Stream(seed);
    const size_t bound = stream.size() + seed % 70;
    stream.resize(bound);  // a sanitizer sees a byte more
    EXPECT_LE(MutatePdus(stream.data(), bound - seed % 70, bound, seed, kBoth), bound);
  }
}

std::vector<uint8_t> OneScript(uint32_t seed) {
  std::vector<uint8_t> script = {7, kStep, 2, 0, 9, 9, kWire, 0, 0, 0};
  const std::vector<uint8_t> stream = Stream(seed);
  script[7] = static_cast<uint8_t>(stream.size() + 1);
  script[8] = static_cast<uint8_t>((stream.size() + 1) >> 8);
  script.insert(script.end(), stream.begin(), stream.end());
  return script;
}

TEST(ScriptMutator, IsBoundedAndTheSameForTheSameSeed) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    std::vector<uint8_t> first = OneScript(seed);
    const size_t size = first.size();
    first.resize(size + seed % 400);
    std::vector<uint8_t> second = first;
    g_random.seed(seed);
    first.resize(MutateScript(kShape, first.data(), size, first.size(), seed));
    g_random.seed(seed);
    second.resize(MutateScript(kShape, second.data(), size, second.size(), seed));
    EXPECT_EQ(first, second);
  }
}

TEST(ScriptMutator, MostlyAsksTheRunToMend) {
  size_t mended = 0, records = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    std::vector<uint8_t> script = OneScript(seed);
    const size_t size = script.size();
    script.resize(4096);
    script.resize(MutateScript(kShape, script.data(), size, script.size(), seed));
    ScriptReader reader(script.data(), script.size());
    for (Record record; reader.Next(&record);) {
      if (record.kind != kWire || record.bytes.empty() || record.bytes[0] == 0) continue;
      ++records;
      mended += (record.bytes[0] & (kMendNumbers | kMendTags)) == (kMendNumbers | kMendTags);
    }
  }
  EXPECT_GT(records, 50u);
  EXPECT_GT(mended * 10, records * 8);
  EXPECT_LT(mended, records);
}

TEST(Script, ReadsWhatIsCutShort) {
  const uint8_t script[] = {5, kStep, 2, 0, 1, 2, kWire, 9, 0, 3};
  ScriptReader reader(script, sizeof(script));
  EXPECT_EQ(reader.configuration(), 5);
  Record record;
  ASSERT_TRUE(reader.Next(&record));
  EXPECT_EQ(record.kind, kStep);
  EXPECT_EQ(record.bytes.size(), 2u);
  ASSERT_TRUE(reader.Next(&record));
  EXPECT_EQ(record.kind, kWire);
  EXPECT_EQ(record.bytes.size(), 1u);
  EXPECT_FALSE(reader.Next(&record));
}

TEST(RawPdu, AHeaderDigestThatAgreedAgreesAfterAChange) {
  const std::vector<uint8_t> stream = Stream(3);
  std::vector<RawPdu> pdus = SplitPdus(stream.data(), stream.size(), kBoth);
  ASSERT_EQ(pdus.size(), 4u);
  pdus[1].SetWord(24, 0x01020304, kBoth);
  EXPECT_EQ(pdus[1].Word(24), 0x01020304u);
  EXPECT_TRUE(pdus[1].HeaderDigestAgrees());
  pdus[2].header_digest[0] ^= std::byte{1};
  pdus[2].SetWord(24, 5, kBoth);
  EXPECT_FALSE(pdus[2].HeaderDigestAgrees());
}

}  // namespace
}  // namespace isthmus::fuzz
