// What a broken or hostile peer sends, and two of our own sides with random wishes.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "protocol/text/negotiation.h"
#include "protocol/text/text_testing.h"

namespace {
size_t allocations = 0;
}  // namespace

// Not inlined: g++ would take new beside free for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace isthmus::text {
namespace {

constexpr const char* kNames =
    "InitiatorName=iqn.1999-07.com.os:hostid.77|"
    "TargetName=iqn.1999-07.com.example:diskarray.sn.88|";

Offer InitiatorOffer() {
  Offer offer;
  offer.InitiatorName = "iqn.1999-07.com.os:hostid.77";
  offer.TargetName = "iqn.1999-07.com.example:diskarray.sn.88";
  return offer;
}

TEST(HostileTextTest, ManyUnknownKeysAreBounded) {  // T1, T2
  const auto receive = [](int count, size_t size) {
    std::string text = kNames;
    for (int i = 0; i < count; ++i) {
      std::string key = "X-" + std::to_string(i);
      key.append(size > key.size() ? size - key.size() : 0, 'k');
      text += key + "=1|";
    }
    Negotiation n(Role::kTarget, Offer());
    n.Begin(Stage::kOperational);
    const Error error = n.Receive(Bytes(text));
    if (!error.ok()) return std::string(Name(error.code));
    EXPECT_TRUE(n.Respond(true).ok());
    return std::to_string(Flush(&n).size() < 4096);
  };
  EXPECT_EQ(receive(64, 1), "1");
  EXPECT_EQ(receive(65, 1), "TextTooManyKeys");
  EXPECT_EQ(receive(2000, 1), "TextTooManyKeys");
  EXPECT_EQ(receive(16, 63), "1");
  EXPECT_EQ(receive(17, 63), "TextTooManyKeys");
}

TEST(HostileTextTest, MalformedTexts) {  // T4, T5
  const std::pair<std::string, ErrorCode> kTexts[] = {
      {"A", ErrorCode::kTextEqualsMissing},
      {"HeaderDigest=None", ErrorCode::kTextUnterminated},
      {"=|", ErrorCode::kTextKeyEmpty},
      {"A B=1|", ErrorCode::kTextKeyCharacter},
      {std::string(64, 'K') + "=1|", ErrorCode::kTextKeyTooLong},
  };
  for (const auto& [text, code] : kTexts) {
    Negotiation n(Role::kTarget, Offer());
    n.Begin(Stage::kOperational);
    const Error error = n.Receive(Bytes(kNames + text));
    EXPECT_EQ(error.code, code) << text;
    EXPECT_TRUE(error.Has(Action::kRefuseLogin));
    EXPECT_EQ(n.Receive(Bytes("DataDigest=None|")).code, code);
    EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, code);
    EXPECT_FALSE(n.Write({}));
  }
}

TEST(HostileTextTest, OffersInAFinalResponse) {  // section 6.3: no T=1 with what needs an answer
  Negotiation n(Role::kInitiator, InitiatorOffer());
  n.Begin(Stage::kSecurity);
  Flush(&n);
  ASSERT_TRUE(n.Receive(Bytes("AuthMethod=None|TargetPortalGroupTag=1|")).ok());
  ASSERT_TRUE(n.Respond(true).ok());
  ASSERT_TRUE(n.Conclude(Stage::kOperational).ok());
  n.Begin(Stage::kOperational);
  Flush(&n);
  ASSERT_TRUE(
      n.Receive(Bytes("HeaderDigest=None|DataDigest=None|TaskReporting=RFC3720,ResponseFence|"))
          .ok());
  ASSERT_TRUE(n.Respond(true).ok());
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kTextFinalNeedsAnswer);
}

TEST(HostileTextTest, MethodKeysWithoutAMethod) {  // C7
  const auto receive = [](std::string_view text, Preferences<AuthenticationMethod> methods) {
    Offer offer;
    offer.AuthMethod = methods;
    Negotiation n(Role::kTarget, offer);
    n.Begin(Stage::kSecurity);
    return n.Receive(Bytes(kNames + std::string(text))).code;
  };
  const Preferences<AuthenticationMethod> chap = {AuthenticationMethod::kCHAP};
  EXPECT_EQ(receive("CHAP_A=5|", chap), ErrorCode::kChapKeyOrder);
  EXPECT_EQ(receive("AuthMethod=CHAP|CHAP_A=5|", chap), ErrorCode::kChapKeyOrder);
  EXPECT_EQ(receive("AuthMethod=CHAP|CHAP_N=a|CHAP_R=0x00|", chap), ErrorCode::kChapKeyOrder);
  EXPECT_EQ(receive("AuthMethod=SRP|SRP_U=user|TargetAuth=Yes|", chap), ErrorCode::kChapKeyOrder);
  Offer none;
  Negotiation n(Role::kTarget, none);
  n.Begin(Stage::kSecurity);
  ASSERT_TRUE(n.Receive(Bytes(std::string(kNames) + "AuthMethod=CHAP,None|")).ok());
  ASSERT_TRUE(n.Respond(false).ok());
  Flush(&n);
  EXPECT_EQ(n.Receive(Bytes("CHAP_A=5|")).code, ErrorCode::kChapKeyOrder);
}

TEST(HostileTextTest, CallsOutOfOrderChangeNothing) {
  Negotiation n(Role::kInitiator, InitiatorOffer());
  n.Begin(Stage::kOperational);
  EXPECT_EQ(n.Receive(Bytes("HeaderDigest=None|")).code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kCallOutOfState);
  EXPECT_NE(Flush(&n).find("HeaderDigest=CRC32C,None|"), std::string::npos);
  EXPECT_TRUE(n.Receive(Bytes("HeaderDigest=None|")).ok());
}

struct Random {
  std::mt19937 engine;
  uint32_t Below(uint32_t limit) { return engine() % limit; }
  bool Flip() { return (engine() & 1) != 0; }
  template <size_t N>
  uint32_t Of(const uint32_t (&values)[N]) {
    return values[Below(N)];
  }
};

Offer RandomOffer(Random* random, Offer offer) {
  using D = DigestAlgorithm;
  const auto digests = [&]() -> Preferences<D> {
    switch (random->Below(3)) {
      case 0:
        return {D::kCRC32C, D::kNone};
      case 1:
        return {D::kNone, D::kCRC32C};
      default:
        return random->Flip() ? Preferences<D>{D::kNone} : Preferences<D>{D::kCRC32C};
    }
  };
  offer.HeaderDigest = digests();
  offer.DataDigest = digests();
  offer.MaxConnections = static_cast<uint16_t>(random->Of({1, 2, 65535}));
  offer.InitialR2T = random->Flip();
  offer.ImmediateData = random->Flip();
  offer.MaxRecvDataSegmentLength = random->Of({512, 513, 1392, 8192, 262144, 16777215});
  offer.MaxBurstLength = random->Of({512, 4096, 262144, 16777215});
  offer.FirstBurstLength = std::min(offer.MaxBurstLength, random->Of({512, 65536, 16777215}));
  offer.DefaultTime2Wait = static_cast<uint16_t>(random->Of({0, 2, 3600}));
  offer.DefaultTime2Retain = static_cast<uint16_t>(random->Of({0, 20, 3600}));
  offer.MaxOutstandingR2T = static_cast<uint16_t>(random->Of({1, 8, 65535}));
  offer.DataPDUInOrder = random->Flip();
  offer.DataSequenceInOrder = random->Flip();
  offer.ErrorRecoveryLevel = static_cast<uint8_t>(random->Below(3));
  offer.iSCSIProtocolLevel = static_cast<uint8_t>(random->Of({1, 2}));
  offer.TaskReporting.Add(static_cast<TaskReportingSemantics>(random->Below(3)));
  return offer;
}

// Runs the operational stage of two sides to its end; the first error of either.
ErrorCode RunPair(Negotiation* initiator, Negotiation* target, Random* random) {
  initiator->Begin(Stage::kOperational);
  target->Begin(Stage::kOperational);
  for (int round = 0; round < 6; ++round) {
    const size_t step = 1 + random->Below(600);
    const std::string request = Flush(initiator, step);
    if (Error e = target->Receive(Bytes(request)); !e.ok()) return e.code;
    if (Error e = target->Respond(true); !e.ok()) return e.code;
    const std::string response = Flush(target, step);
    const bool last = !target->awaiting_answers();
    if (last) {
      if (Error e = target->Conclude(Stage::kFullFeature); !e.ok()) return e.code;
    }
    if (Error e = initiator->Receive(Bytes(response)); !e.ok()) return e.code;
    if (Error e = initiator->Respond(last); !e.ok()) return e.code;
    if (last) return initiator->Conclude(Stage::kFullFeature).code;
  }
  return ErrorCode::kTextTooManyRounds;
}

TEST(PairTest, TwoSidesAgreeOrNameTheReason) {
  int agreed = 0;
  std::map<ErrorCode, int> refused;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    Random random{std::mt19937(seed)};
    const Offer wants = RandomOffer(&random, InitiatorOffer());
    const Offer accepts = RandomOffer(&random, Offer());
    ASSERT_FALSE(FindInvalid(wants, Role::kInitiator).has_value());
    ASSERT_FALSE(FindInvalid(accepts, Role::kTarget).has_value());
    Negotiation initiator(Role::kInitiator, wants);
    Negotiation target(Role::kTarget, accepts);
    const ErrorCode code = RunPair(&initiator, &target, &random);
    if (code != ErrorCode::kOk) {
      ++refused[code];
      continue;
    }
    ++agreed;
    const Parameters& i = initiator.parameters();
    const Parameters& t = target.parameters();
    ASSERT_EQ(static_cast<const SessionParameters&>(i), static_cast<const SessionParameters&>(t))
        << seed;
    EXPECT_EQ(i.HeaderDigest, t.HeaderDigest);
    EXPECT_EQ(i.DataDigest, t.DataDigest);
    EXPECT_TRUE(wants.HeaderDigest.Contains(i.HeaderDigest));
    EXPECT_TRUE(accepts.HeaderDigest.Contains(i.HeaderDigest));
    EXPECT_TRUE(wants.DataDigest.Contains(i.DataDigest));
    EXPECT_TRUE(accepts.DataDigest.Contains(i.DataDigest));
    EXPECT_EQ(i.own_MaxRecvDataSegmentLength, wants.MaxRecvDataSegmentLength);
    EXPECT_EQ(i.peer_MaxRecvDataSegmentLength, accepts.MaxRecvDataSegmentLength);
    EXPECT_EQ(t.peer_MaxRecvDataSegmentLength, wants.MaxRecvDataSegmentLength);
    EXPECT_EQ(i.MaxBurstLength, std::min(wants.MaxBurstLength, accepts.MaxBurstLength));
    EXPECT_EQ(i.InitialR2T, wants.InitialR2T || accepts.InitialR2T);
    EXPECT_EQ(i.ImmediateData, wants.ImmediateData && accepts.ImmediateData);
    EXPECT_EQ(i.DefaultTime2Wait, std::max(wants.DefaultTime2Wait, accepts.DefaultTime2Wait));
    EXPECT_EQ(i.ErrorRecoveryLevel, std::min(wants.ErrorRecoveryLevel, accepts.ErrorRecoveryLevel));
    EXPECT_LE(i.FirstBurstLength, i.MaxBurstLength);
    EXPECT_TRUE(i.ErrorRecoveryLevel == 0 || !i.DataSequenceInOrder || i.MaxOutstandingR2T == 1);
  }
  EXPECT_GT(agreed, 1000);
  // Only lists can have nothing in common.
  for (const auto& [code, count] : refused) {
    EXPECT_TRUE(code == ErrorCode::kDigestRefused || code == ErrorCode::kDigestDemanded ||
                code == ErrorCode::kTextNoChoice || code == ErrorCode::kTextRejected)
        << Name(code) << " " << count;
  }
}

TEST(PairTest, AllocatesNothing) {
  std::vector<std::byte> request(4096), response(4096);
  const Offer wants = InitiatorOffer(), accepts;
  const size_t before = allocations;
  Negotiation initiator(Role::kInitiator, wants);
  Negotiation target(Role::kTarget, accepts);
  initiator.Begin(Stage::kOperational);
  target.Begin(Stage::kOperational);
  const size_t request_size = initiator.Write(request);
  EXPECT_TRUE(target.Receive(std::span(request).first(request_size)).ok());
  EXPECT_TRUE(target.Respond(true).ok());
  const size_t response_size = target.Write(response);
  EXPECT_TRUE(initiator.Receive(std::span(response).first(response_size)).ok());
  EXPECT_TRUE(initiator.Respond(true).ok());
  EXPECT_TRUE(target.Conclude(Stage::kFullFeature).ok());
  EXPECT_TRUE(initiator.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(allocations, before);
}

// A parser of two lines against PairReader, over texts that are mutated until they break in every
// way.
TEST(ModelTest, PairReaderAgreesWithANaiveParser) {
  const auto naive = [](const std::string& text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = text.find('\0', at);
      const std::string pair = text.substr(at, end - at);
      at = end == std::string::npos ? text.size() : end + 1;
      if (pair.empty()) continue;
      const size_t equals = pair.find('=');
      bool label = equals != std::string::npos && equals >= 1 && equals <= 63;
      for (size_t i = 0; label && i < equals; ++i) {
        label = std::string_view(
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789.-+@_#")
                    .find(pair[i]) != std::string_view::npos;
      }
      if (!label || end == std::string::npos) {
        pairs.emplace_back("error", "");
        break;
      }
      pairs.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return pairs;
  };
  Random random{std::mt19937(7143)};
  for (int round = 0; round < 20000; ++round) {
    std::string text("HeaderDigest=CRC32C,None\0A=\0MaxBurstLength=512\0", 45);
    for (uint32_t i = random.Below(6); i > 0; --i) {
      const size_t at = random.Below(static_cast<uint32_t>(text.size()));
      switch (random.Below(4)) {
        case 0:
          text[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          text[at] = "=\0A,"[random.Below(4)];
          break;
        case 2:
          text.resize(at + 1);
          break;
        default:
          text.insert(at, random.Below(80), 'k');
          break;
      }
    }
    std::vector<std::pair<std::string, std::string>> pairs;
    PairReader reader(AsBytes(text));
    for (Pair pair; reader.Next(&pair);) pairs.emplace_back(pair.key, pair.value);
    if (reader.error() != ErrorCode::kOk) pairs.emplace_back("error", "");
    ASSERT_EQ(pairs, naive(text)) << round;
  }
}

}  // namespace
}  // namespace isthmus::text
