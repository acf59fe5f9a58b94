// CHAP of both sides against responses that python's hashlib computed:
//
//   hashlib.new(h, bytes([identifier]) + secret + challenge).hexdigest()
//
// with the initiator's secret "0123456789abcdef" over 0x2a and 10..1f, and the target's
// "fedcba9876543210" over 0xd5 and a0..af. Algorithm numbers and keys are literals throughout.

#include "protocol/auth/chap.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/auth/openssl_hashes.h"
#include "protocol/text/text_testing.h"

namespace isthmus::auth {
namespace {

using text::Bytes;
using text::Flush;

constexpr std::string_view kInitiatorSecret = "0123456789abcdef";
constexpr std::string_view kTargetSecret = "fedcba9876543210";
constexpr std::string_view kChallengeHex = "0x101112131415161718191a1b1c1d1e1f";
constexpr std::string_view kPeerChallengeHex = "0xa0a1a2a3a4a5a6a7a8a9aaabacadaeaf";

struct Vector {
  const char* number;
  const char* initiator;  // the initiator's right response
  const char* target;     // the target's right response
  const char* own;        // the initiator's secret over the initiator's own challenge
  const char* reflected;  // the target's secret over the target's own challenge
};
constexpr Vector kVectors[] = {
    {"5", "0x19358c3be5776352bb060a9d30527893", "0x30cb2a4bf4c9997117431bd4fac458f6",
     "0x3507f33f96239078c7981694945032cb", "0x0c56e717e2f7421b95c1b16a10191f24"},
    {"6", "0x9f1e0fc2957fbfb2bf0d6bc4ac9f3bb5ee089baa",
     "0x90631ec7f6b38ff348972d1910b6e50615fc647a", "0xff8c57907af38c8d985b66a8a46f0de7505cc821",
     "0x2adcb23518894011ae4ffcb9fba637db44ecc776"},
    {"7", "0x0a7b60024d18feddd229c1c11cf8460bce0252f426375e7ffe81fba6b5b7953f",
     "0xbfdac9e60ef6b75f25f908f07aee0ef6e4610da46d967f3d407f1137df2c80e6",
     "0x5999c9afab9fd52afadfd0b4391def686c5dce3ae28ede0f5f2041d52bb8737d",
     "0x632ce474f0e336ff0af8ac35644e44aae254fdc515853d0909bbfdc2cdfc8764"},
    {"8", "0xcab4e9c7c0978bb31a9901c071decb606a5d59ef7968b4d70f8cef6fc6af77cc",
     "0x4a170008cc532afbaf4587419d898536b2d3b140fb5622db9cbb6a06fc4ac02e",
     "0xe471a899804dc34b4d93a54219b592fd6dcfd6c5a544e0077da51802bf954a42",
     "0x8a9885a047ffbd2b5d1bd83021dde3d5cd2577287b09a4eb2b786e39418bbf0b"},
};

std::vector<std::byte> Ascending(int first, int count = 16) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(first + i));
  return bytes;
}

std::span<const std::byte> Span(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

ChapPolicy Policy() { return {.algorithms = OpenSslHashes()}; }

ChapTarget::Account Account(bool mutual) {
  return {.initiator_name = "alice",
          .initiator_secret = Span(kInitiatorSecret),
          .target_name = "storage",
          .target_secret = mutual ? Span(kTargetSecret) : std::span<const std::byte>()};
}

// A target that awaits the response to algorithm `number`.
std::unique_ptr<ChapTarget> AwaitingResponse(std::string_view number = "5",
                                             const ChapPolicy& policy = Policy()) {
  auto chap = std::make_unique<ChapTarget>(policy);
  EXPECT_TRUE(chap->Begin(0x2a, Ascending(0x10)).ok());
  EXPECT_TRUE(chap->Receive(Bytes("CHAP_A=" + std::string(number) + "|")).ok());
  Flush(chap.get());
  return chap;
}

// An initiator that awaits the challenge.
std::unique_ptr<ChapInitiator> AwaitingChallenge(bool mutual, const ChapPolicy& policy = Policy()) {
  auto chap = std::make_unique<ChapInitiator>(policy);
  EXPECT_TRUE(chap->SetIdentity("alice", Span(kInitiatorSecret)).ok());
  if (mutual) {
    EXPECT_TRUE(chap->RequireTarget("storage", Span(kTargetSecret), 0xd5, Ascending(0xa0)).ok());
  }
  EXPECT_TRUE(chap->Begin().ok());
  Flush(chap.get());
  return chap;
}

std::string Challenge(std::string_view number) {
  return "CHAP_A=" + std::string(number) + "|CHAP_I=42|CHAP_C=" + std::string(kChallengeHex) + "|";
}

TEST(ChapTest, TargetOneWay) {
  for (const Vector& v : kVectors) {
    ChapTarget chap(Policy());
    ASSERT_TRUE(chap.Begin(0x2a, Ascending(0x10)).ok());
    ASSERT_TRUE(chap.Receive(Bytes(std::string("CHAP_A=") + v.number + "|")).ok());
    EXPECT_EQ(Flush(&chap), Challenge(v.number));
    ASSERT_TRUE(chap.Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + v.initiator + "|")).ok());
    EXPECT_EQ(chap.name(), "alice");
    EXPECT_FALSE(chap.mutual());
    ASSERT_TRUE(chap.Verify(Account(true)).ok()) << v.number;
    EXPECT_TRUE(chap.done());
    EXPECT_FALSE(chap.pending());
    EXPECT_EQ(std::to_string(chap.algorithm()), v.number);
  }
}

TEST(ChapTest, TargetMutual) {
  for (const Vector& v : kVectors) {
    auto chap = AwaitingResponse(v.number);
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + v.initiator +
                                    "|CHAP_I=213|CHAP_C=" + std::string(kPeerChallengeHex) + "|"))
                    .ok());
    EXPECT_TRUE(chap->mutual());
    ASSERT_TRUE(chap->Verify(Account(true)).ok());
    EXPECT_EQ(Flush(chap.get()), std::string("CHAP_N=storage|CHAP_R=") + v.target + "|");
    EXPECT_TRUE(chap->done());
  }
}

TEST(ChapTest, InitiatorOneWay) {
  for (const Vector& v : kVectors) {
    ChapInitiator chap(Policy());
    ASSERT_TRUE(chap.SetIdentity("alice", Span(kInitiatorSecret)).ok());
    ASSERT_TRUE(chap.Begin().ok());
    EXPECT_EQ(Flush(&chap), "CHAP_A=8,7,6,5|");
    ASSERT_TRUE(chap.Receive(Bytes(Challenge(v.number))).ok());
    EXPECT_FALSE(chap.done());
    EXPECT_EQ(Flush(&chap), std::string("CHAP_N=alice|CHAP_R=") + v.initiator + "|");
    EXPECT_TRUE(chap.done());
  }
}

TEST(ChapTest, InitiatorMutual) {
  for (const Vector& v : kVectors) {
    auto chap = AwaitingChallenge(true);
    ASSERT_TRUE(chap->Receive(Bytes(Challenge(v.number))).ok());
    EXPECT_EQ(Flush(chap.get()), std::string("CHAP_N=alice|CHAP_R=") + v.initiator +
                                     "|CHAP_I=213|CHAP_C=" + std::string(kPeerChallengeHex) + "|");
    EXPECT_FALSE(chap->done());
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=storage|CHAP_R=") + v.target + "|")).ok());
    EXPECT_TRUE(chap->done());
  }
}

// Section 6.2.1: the first of the initiator's list that the target has.
TEST(ChapTest, FirstSupportedAlgorithmWins) {  // C8
  const std::pair<const char*, int> kLists[] = {
      {"7,5", 7}, {"5,7", 5}, {"4,99,6,5", 6}, {"6,6,5", 6}, {"0x8,5", 8}, {",5", 5}, {"x,5", 5},
  };
  for (const auto& [list, chosen] : kLists) {
    ChapTarget chap(Policy());
    ASSERT_TRUE(chap.Begin(0, Ascending(0)).ok());
    ASSERT_TRUE(chap.Receive(Bytes(std::string("CHAP_A=") + list + "|")).ok()) << list;
    EXPECT_EQ(chap.algorithm(), chosen) << list;
  }
  for (const char* list : {"", "4", "99,100", "-5", "261", "05", "5 "}) {
    ChapTarget chap(Policy());
    ASSERT_TRUE(chap.Begin(0, Ascending(0)).ok());
    const Error error = chap.Receive(Bytes(std::string("CHAP_A=") + list + "|"));
    EXPECT_EQ(error.code, ErrorCode::kChapAlgorithm) << list;
    EXPECT_TRUE(error.Has(Action::kRefuseLogin));
    EXPECT_EQ(isthmus::InfoOf(error.code).login_status, 0x0201);
    EXPECT_EQ(chap.state(), ChapTarget::State::kFailed);
    EXPECT_EQ(chap.Receive(Bytes("CHAP_A=5|")).code, ErrorCode::kCallOutOfState);
  }
}

TEST(ChapTest, Md5IsAlwaysOfferedUnlessThePolicyAllowsOtherwise) {
  const ChapPolicy sha256 = {.algorithms = OpenSslHashes().subspan(1, 1), .allow_without_md5 = true};
  ChapInitiator strict(sha256);
  ASSERT_TRUE(strict.SetIdentity("alice", Span(kInitiatorSecret)).ok());
  ASSERT_TRUE(strict.Begin().ok());
  std::array<std::byte, ChapInitiator::kMaxOutputBytes> out;
  const size_t size = strict.Write(out);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()), size), std::string("CHAP_A=7\0", 9));
  ChapTarget accepts(sha256);
  ASSERT_TRUE(accepts.Begin(0, Ascending(0)).ok());
  EXPECT_EQ(accepts.Receive(Bytes("CHAP_A=5|")).code, ErrorCode::kChapAlgorithm);
  const ChapPolicy none = {.algorithms = {}, .allow_without_md5 = true};
  ChapTarget nothing(none);
  EXPECT_EQ(nothing.Begin(0, Ascending(0)).code, ErrorCode::kCallParameter);
  const ChapPolicy without = {.algorithms = OpenSslHashes().first(3)};
  ChapInitiator initiator(without);
  ASSERT_TRUE(initiator.SetIdentity("alice", Span(kInitiatorSecret)).ok());
  EXPECT_EQ(initiator.Begin().code, ErrorCode::kCallParameter);
  ChapTarget target(without);
  EXPECT_EQ(target.Begin(0, Ascending(0)).code, ErrorCode::kCallParameter);
  const ChapPolicy md5 = {.algorithms = OpenSslMd5Only()};
  ChapInitiator only(md5);
  ASSERT_TRUE(only.SetIdentity("alice", Span(kInitiatorSecret)).ok());
  ASSERT_TRUE(only.Begin().ok());
  EXPECT_EQ(Flush(&only), "CHAP_A=5|");
}

TEST(ChapTest, ResponseLengthIsCheckedBeforeDecoding) {  // C1, C2
  const std::pair<std::string, ErrorCode> kResponses[] = {
      {"0x0", ErrorCode::kChapResponseLength},
      {"0x" + std::string(30, '0'), ErrorCode::kChapResponseLength},
      {"0x" + std::string(33, '0'), ErrorCode::kChapResponseLength},
      {"0x" + std::string(34, '0'), ErrorCode::kChapResponseLength},
      {"0x" + std::string(8192, '0'), ErrorCode::kChapResponseLength},
      {"0b" + std::string(20, 'A'), ErrorCode::kChapResponseLength},
      {"0b" + std::string(24, 'A'), ErrorCode::kChapResponseLength},
      {"0b" + std::string(8192, 'A'), ErrorCode::kChapResponseLength},
      {"0x" + std::string(32, 'g'), ErrorCode::kChapEncoding},
      {"0x", ErrorCode::kChapEncoding},
      {"0b", ErrorCode::kChapEncoding},
      {"0b" + std::string(21, 'A'), ErrorCode::kChapEncoding},
      {"0b" + std::string(21, 'A') + "===", ErrorCode::kChapEncoding},
      {"12345", ErrorCode::kChapEncoding},
      {"", ErrorCode::kChapEncoding},
  };
  for (const auto& [response, code] : kResponses) {
    auto chap = AwaitingResponse();
    EXPECT_EQ(chap->Receive(Bytes("CHAP_N=alice|CHAP_R=" + response + "|")).code, code)
        << response.substr(0, 40);
    EXPECT_EQ(chap->state(), ChapTarget::State::kFailed);
  }
}

TEST(ChapTest, EncodingsAreOfEqualValue) {  // C3, C4, C5
  // The same response in hex of either case, without its leading zero digit where there is one, and
  // in base64.
  for (const char* response :
       {"0x19358c3be5776352bb060a9d30527893", "0X19358C3BE5776352BB060A9D30527893",
        "0bGTWMO+V3Y1K7BgqdMFJ4kw==", "0BGTWMO+V3Y1K7BgqdMFJ4kw=="}) {
    auto chap = AwaitingResponse();
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + response + "|")).ok());
    EXPECT_TRUE(chap->Verify(Account(false)).ok()) << response;
  }
  // An odd hex-constant is legal: 31 digits are 16 bytes (section 6.1).
  auto sha256 = AwaitingResponse("7");
  ASSERT_TRUE(
      sha256
          ->Receive(Bytes("CHAP_N=alice|CHAP_R="
                          "0xa7b60024d18feddd229c1c11cf8460bce0252f426375e7ffe81fba6b5b7953f|"))
          .ok());
  EXPECT_TRUE(sha256->Verify(Account(false)).ok());
  for (const char* identifier : {"42", "0x2a", "0X2A", "0x02A"}) {
    auto chap = AwaitingChallenge(false);
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_A=5|CHAP_I=") + identifier +
                                    "|CHAP_C=0bEBESExQVFhcYGRobHB0eHw==|"))
                    .ok());
    EXPECT_EQ(Flush(chap.get()), "CHAP_N=alice|CHAP_R=0x19358c3be5776352bb060a9d30527893|");
  }
}

TEST(ChapTest, ChallengeLimits) {  // C3
  const std::pair<std::string, ErrorCode> kChallenges[] = {
      {"0x", ErrorCode::kChapEncoding},
      {"0xzz", ErrorCode::kChapEncoding},
      {"0x00", ErrorCode::kOk},
      {"0x" + std::string(2048, '1'), ErrorCode::kOk},
      {"0x" + std::string(2049, '1'), ErrorCode::kChapChallengeLength},
      {"0x" + std::string(2050, '1'), ErrorCode::kChapChallengeLength},
      {"0b" + std::string(1368, 'A'), ErrorCode::kChapChallengeLength},
      {"0b" + std::string(1366, 'A') + "==", ErrorCode::kOk},
  };
  for (const auto& [challenge, code] : kChallenges) {
    auto initiator = AwaitingChallenge(false);
    EXPECT_EQ(initiator->Receive(Bytes("CHAP_A=5|CHAP_I=1|CHAP_C=" + challenge + "|")).code, code)
        << challenge.substr(0, 10) << challenge.size();
    auto target = AwaitingResponse();
    EXPECT_EQ(target
                  ->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator +
                                  "|CHAP_I=1|CHAP_C=" + challenge + "|"))
                  .code,
              code)
        << challenge.substr(0, 10) << challenge.size();
  }
}

TEST(ChapTest, IdentifierLimits) {  // C6
  for (const char* identifier :
       {"-1", "256", "4294967296", "18446744073709551616", "+1", "", "x", "0x", "0x100", "1~2"}) {
    auto chap = AwaitingChallenge(false);
    EXPECT_EQ(
        chap->Receive(Bytes(std::string("CHAP_A=5|CHAP_I=") + identifier + "|CHAP_C=0x01|")).code,
        ErrorCode::kChapIdentifier)
        << identifier;
  }
  for (const char* identifier : {"0", "255", "0xff"}) {
    auto chap = AwaitingChallenge(false);
    EXPECT_TRUE(
        chap->Receive(Bytes(std::string("CHAP_A=5|CHAP_I=") + identifier + "|CHAP_C=0x01|")).ok());
  }
}

TEST(ChapTest, KeyOrder) {  // C7
  const std::string right = std::string("CHAP_R=") + kVectors[0].initiator + "|";
  for (const std::string& first :
       {std::string(""), std::string("InitiatorAlias=x|"), "CHAP_N=alice|" + right, right,
        "CHAP_A=5|CHAP_N=alice|" + right, std::string("CHAP_A=5|CHAP_I=1|CHAP_C=0x01|")}) {
    ChapTarget chap(Policy());
    ASSERT_TRUE(chap.Begin(0x2a, Ascending(0x10)).ok());
    EXPECT_EQ(chap.Receive(Bytes(first)).code, ErrorCode::kChapKeyOrder) << first;
  }
  for (const std::string& second :
       {std::string(""), std::string("CHAP_A=5|"), std::string("CHAP_N=alice|"), right,
        "CHAP_A=5|CHAP_N=alice|" + right, "CHAP_N=alice|CHAP_I=1|" + right,
        "CHAP_N=alice|CHAP_C=0x01|" + right}) {
    EXPECT_EQ(AwaitingResponse()->Receive(Bytes(second)).code, ErrorCode::kChapKeyOrder) << second;
  }
  EXPECT_EQ(AwaitingResponse()->Receive(Bytes("CHAP_N=alice|CHAP_N=alice|" + right)).code,
            ErrorCode::kTextKeyRepeated);
  EXPECT_EQ(AwaitingResponse()->Receive(Bytes("CHAP_N=alice|CHAP_R")).code,
            ErrorCode::kTextEqualsMissing);
  for (const char* first : {"", "CHAP_A=5|", "CHAP_A=5|CHAP_I=1|", "CHAP_I=1|CHAP_C=0x01|",
                            "CHAP_A=5|CHAP_I=1|CHAP_C=0x01|CHAP_N=storage|"}) {
    EXPECT_EQ(AwaitingChallenge(true)->Receive(Bytes(first)).code, ErrorCode::kChapKeyOrder);
  }
  for (const char* algorithm : {"4", "8,7", "", "None"}) {  // one that was not offered, or a list
    EXPECT_EQ(AwaitingChallenge(false)
                  ->Receive(Bytes(std::string("CHAP_A=") + algorithm + "|CHAP_I=1|CHAP_C=0x01|"))
                  .code,
              ErrorCode::kChapAlgorithm);
  }
}

TEST(ChapTest, WrongResponsesAndNames) {  // C10
  for (const char* name : {"alic", "alicex", "Alice", "alice ", "ALICE", "bob"}) {
    auto chap = AwaitingResponse();
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=") + name +
                                    "|CHAP_R=" + kVectors[0].initiator + "|"))
                    .ok());
    const Error error = chap->Verify(Account(true));
    EXPECT_EQ(error.code, ErrorCode::kChapName) << name;
    EXPECT_EQ(isthmus::InfoOf(error.code).login_status, 0x0201);
  }
  for (const std::string& name : {std::string(), std::string(256, 'a'), std::string("\xff")}) {
    EXPECT_EQ(AwaitingResponse()
                  ->Receive(Bytes("CHAP_N=" + name + "|CHAP_R=" + kVectors[0].initiator + "|"))
                  .code,
              ErrorCode::kChapName);
  }
  std::string flipped = kVectors[0].initiator;
  for (size_t i : {size_t{2}, flipped.size() - 1}) {  // the first and the last digit
    std::string wrong = flipped;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    auto chap = AwaitingResponse();
    ASSERT_TRUE(chap->Receive(Bytes("CHAP_N=alice|CHAP_R=" + wrong + "|")).ok());
    EXPECT_EQ(chap->Verify(Account(true)).code, ErrorCode::kChapResponse);
    EXPECT_FALSE(chap->done());
    EXPECT_EQ(chap->Verify(Account(true)).code, ErrorCode::kCallOutOfState);
  }
  auto unknown = AwaitingResponse();
  ASSERT_TRUE(
      unknown->Receive(Bytes(std::string("CHAP_N=bob|CHAP_R=") + kVectors[0].initiator + "|"))
          .ok());
  EXPECT_EQ(unknown->Refuse().code, ErrorCode::kChapName);
  EXPECT_EQ(unknown->state(), ChapTarget::State::kFailed);
}

TEST(ChapTest, NamesThatLookLikeNumbers) {  // part C, L14
  for (const char* name : {"0xalice", "0b12", "0x12", "iqn.1999-07.com.os:hostid.77", "a=b"}) {
    auto chap = AwaitingResponse();
    ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=") + name +
                                    "|CHAP_R=" + kVectors[0].initiator + "|"))
                    .ok());
    EXPECT_EQ(chap->name(), name);
    ChapTarget::Account account = Account(false);
    account.initiator_name = name;
    EXPECT_TRUE(chap->Verify(account).ok());
  }
}

TEST(ChapTest, ReflectedChallenge) {  // C9
  auto same = AwaitingResponse();
  EXPECT_EQ(same->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator +
                                "|CHAP_I=213|CHAP_C=" + std::string(kChallengeHex) + "|"))
                .code,
            ErrorCode::kChapReflected);
  EXPECT_EQ(AwaitingChallenge(true)
                ->Receive(Bytes("CHAP_A=5|CHAP_I=1|CHAP_C=" + std::string(kPeerChallengeHex) + "|"))
                .code,
            ErrorCode::kChapReflected);

  // Over a parallel connection of the same node.
  ChallengeHistory history;
  ChapPolicy policy = Policy();
  policy.history = &history;
  ChapTarget other(policy);
  ASSERT_TRUE(other.Begin(1, Ascending(0xa0)).ok());
  auto parallel = AwaitingResponse("5", policy);
  EXPECT_EQ(parallel
                ->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator +
                                "|CHAP_I=213|CHAP_C=" + std::string(kPeerChallengeHex) + "|"))
                .code,
            ErrorCode::kChapReflected);
  auto initiator = AwaitingChallenge(false, policy);
  EXPECT_EQ(initiator->Receive(Bytes(Challenge("5"))).code, ErrorCode::kChapReflected);
}

TEST(ChapTest, HistoryForgetsTheOldest) {
  ChallengeHistory history;
  history.Add(Ascending(0));
  EXPECT_TRUE(history.Contains(Ascending(0)));
  EXPECT_FALSE(history.Contains(Ascending(1)));
  EXPECT_FALSE(history.Contains(Ascending(0, 15)));
  EXPECT_FALSE(history.Contains(Ascending(0, 17)));
  EXPECT_FALSE(history.Contains({}));
  for (int i = 1; i <= 64; ++i) history.Add(Ascending(i));
  EXPECT_FALSE(history.Contains(Ascending(0)));
  EXPECT_TRUE(history.Contains(Ascending(1)));
}

// Section 9.2.1: the response that the receiver would have given to the same challenge.
TEST(ChapTest, OwnResponseIsNoAnswer) {  // C12
  for (const Vector& v : kVectors) {
    auto target = AwaitingResponse(v.number);
    ASSERT_TRUE(
        target->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + v.reflected + "|")).ok());
    EXPECT_EQ(target->Verify(Account(true)).code, ErrorCode::kChapReflected);
    auto initiator = AwaitingChallenge(true);
    ASSERT_TRUE(initiator->Receive(Bytes(Challenge(v.number))).ok());
    Flush(initiator.get());
    EXPECT_EQ(initiator->Receive(Bytes(std::string("CHAP_N=storage|CHAP_R=") + v.own + "|")).code,
              ErrorCode::kChapReflected);
  }
}

TEST(ChapTest, InitiatorRefusesAWrongTarget) {
  const struct {
    std::string text;
    ErrorCode code;
  } kAnswers[] = {
      {"", ErrorCode::kChapMutualMissing},  // L11: asked for and not enforced
      {"TargetAlias=x|", ErrorCode::kChapMutualMissing},
      {"CHAP_N=storage|", ErrorCode::kChapKeyOrder},
      {std::string("CHAP_R=") + kVectors[0].target + "|", ErrorCode::kChapKeyOrder},
      {std::string("CHAP_N=stor|CHAP_R=") + kVectors[0].target + "|", ErrorCode::kChapName},
      {std::string("CHAP_N=storage|CHAP_R=") + kVectors[0].initiator + "|",
       ErrorCode::kChapResponse},
      {std::string("CHAP_N=storage|CHAP_R=") + kVectors[1].target + "|",
       ErrorCode::kChapResponseLength},
  };
  for (const auto& answer : kAnswers) {
    auto chap = AwaitingChallenge(true);
    ASSERT_TRUE(chap->Receive(Bytes(Challenge("5"))).ok());
    Flush(chap.get());
    const Error error = chap->Receive(Bytes(answer.text));
    EXPECT_EQ(error.code, answer.code) << answer.text;
    EXPECT_TRUE(error.EndsConnection());
    EXPECT_FALSE(chap->done());
    EXPECT_EQ(chap->state(), ChapInitiator::State::kFailed);
  }
}

TEST(ChapTest, MutualWithoutASecretForIt) {
  auto chap = AwaitingResponse();
  ASSERT_TRUE(chap->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator +
                                  "|CHAP_I=213|CHAP_C=" + std::string(kPeerChallengeHex) + "|"))
                  .ok());
  const Error error = chap->Verify(Account(false));
  EXPECT_EQ(error.code, ErrorCode::kChapMutualUnsupported);
  EXPECT_EQ(isthmus::InfoOf(error.code).login_status, 0x0201);
}

TEST(ChapTest, SecretsBelow96BitsAndSharedOnes) {  // C12
  const std::string_view eleven = "0123456789a", twelve = "0123456789ab";
  ChapInitiator initiator(Policy());
  EXPECT_EQ(initiator.SetIdentity("alice", Span(eleven)).code, ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(initiator.SetIdentity("alice", {}).code, ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(initiator.Begin().code, ErrorCode::kCallOutOfState);
  EXPECT_TRUE(initiator.SetIdentity("alice", Span(twelve)).ok());
  EXPECT_EQ(initiator.RequireTarget("storage", Span(twelve), 1, Ascending(0)).code,
            ErrorCode::kCallSecretShared);
  EXPECT_EQ(initiator.RequireTarget("storage", Span(eleven), 1, Ascending(0)).code,
            ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(initiator.RequireTarget("storage", Span(kTargetSecret), 1, Ascending(0, 15)).code,
            ErrorCode::kCallArgument);
  EXPECT_TRUE(initiator.RequireTarget("storage", Span(kTargetSecret), 1, Ascending(0)).ok());
  EXPECT_EQ(initiator.SetIdentity("alice", Span(kTargetSecret)).code, ErrorCode::kCallSecretShared);

  ChapPolicy ipsec = Policy();
  ipsec.allow_short_secret = true;
  ChapInitiator allowed(ipsec);
  EXPECT_TRUE(allowed.SetIdentity("alice", Span("x")).ok());
  EXPECT_EQ(allowed.SetIdentity("alice", {}).code, ErrorCode::kCallSecretTooShort);
  const std::string huge(257, 'x');
  EXPECT_EQ(allowed.SetIdentity("alice", Span(huge)).code, ErrorCode::kCallArgument);

  ChapTarget::Account account = Account(true);
  EXPECT_TRUE(ChapTarget::CheckAccount(account, Policy()).ok());
  account.target_secret = account.initiator_secret;
  EXPECT_EQ(ChapTarget::CheckAccount(account, Policy()).code, ErrorCode::kCallSecretShared);
  account = Account(true);
  account.target_secret = Span(eleven);
  EXPECT_EQ(ChapTarget::CheckAccount(account, Policy()).code, ErrorCode::kCallSecretTooShort);
  EXPECT_TRUE(ChapTarget::CheckAccount(account, ipsec).ok());
  account.target_name = "";
  EXPECT_EQ(ChapTarget::CheckAccount(account, ipsec).code, ErrorCode::kCallArgument);

  // A target that was configured so fails the login.
  account = Account(true);
  account.target_secret = account.initiator_secret;
  auto target = AwaitingResponse();
  ASSERT_TRUE(
      target->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator + "|"))
          .ok());
  const Error error = target->Verify(account);
  EXPECT_EQ(error.code, ErrorCode::kLoginAuthenticationFailed);
  EXPECT_TRUE(error.Has(Action::kRefuseLogin));
}

TEST(ChapTest, OwnChallengeLengths) {
  for (int size : {0, 15, 1025}) {
    ChapTarget chap(Policy());
    EXPECT_EQ(chap.Begin(0, Ascending(0, size)).code, ErrorCode::kCallArgument) << size;
  }
  for (int size : {16, 1024}) {
    ChapTarget chap(Policy());
    ASSERT_TRUE(chap.Begin(255, Ascending(0, size)).ok());
    ASSERT_TRUE(chap.Receive(Bytes("CHAP_A=5|")).ok());
    std::vector<std::byte> small(20);
    EXPECT_EQ(chap.Write(small), 0u);  // all or nothing
    EXPECT_TRUE(chap.pending());
    std::vector<std::byte> out(ChapTarget::kMaxOutputBytes);
    EXPECT_EQ(chap.Write(out), 30u + size_t{2} * static_cast<size_t>(size));
  }
}

// The longest output there is fits the stated room.
TEST(ChapTest, LongestOutput) {
  ChapInitiator chap(Policy());
  const std::string name(255, 'n');
  ASSERT_TRUE(chap.SetIdentity(name, Span(kInitiatorSecret)).ok());
  ASSERT_TRUE(chap.RequireTarget("", Span(kTargetSecret), 255, Ascending(0, 1024)).ok());
  ASSERT_TRUE(chap.Begin().ok());
  Flush(&chap);
  ASSERT_TRUE(chap.Receive(Bytes(Challenge("8"))).ok());
  std::vector<std::byte> out(ChapInitiator::kMaxOutputBytes);
  EXPECT_GT(chap.Write(out), 2300u);
  EXPECT_FALSE(chap.pending());
}

TEST(ChapTest, FailingHash) {
  static constexpr HashAlgorithm kBroken[] = {
      {5, 16, [](std::span<const std::span<const std::byte>>, std::byte*) { return false; }}};
  const ChapPolicy policy = {.algorithms = kBroken};
  auto target = AwaitingResponse("5", policy);
  ASSERT_TRUE(
      target->Receive(Bytes(std::string("CHAP_N=alice|CHAP_R=") + kVectors[0].initiator + "|"))
          .ok());
  EXPECT_EQ(target->Verify(Account(false)).code, ErrorCode::kChapHash);
  auto initiator = AwaitingChallenge(false, policy);
  EXPECT_EQ(initiator->Receive(Bytes(Challenge("5"))).code, ErrorCode::kChapHash);
}

TEST(SecretTest, IsWiped) {  // C14
  alignas(Secret) std::byte storage[sizeof(Secret)];
  Secret* secret = new (storage) Secret;
  ASSERT_TRUE(secret->Assign(Span(kInitiatorSecret)));
  secret->~Secret();
  // Volatile: the object is gone, its bytes are looked at all the same.
  const volatile std::byte* bytes = storage;
  const std::string_view text = kInitiatorSecret;
  size_t left = 0;
  for (size_t i = 0; i + text.size() <= sizeof(storage); ++i) {
    size_t same = 0;
    while (same < text.size() && bytes[i + same] == static_cast<std::byte>(text[same])) ++same;
    left += same >= 4;
  }
  EXPECT_EQ(left, 0u);
  Secret other;
  EXPECT_FALSE(other.Assign(Ascending(0, 257)));
  EXPECT_TRUE(other.empty());
}

// After a login no state machine holds a secret or a response any more.
TEST(SecretTest, StateMachinesForget) {  // C14
  auto initiator = AwaitingChallenge(true);
  ASSERT_TRUE(initiator->Receive(Bytes(Challenge("5"))).ok());
  Flush(initiator.get());
  ASSERT_TRUE(
      initiator->Receive(Bytes(std::string("CHAP_N=storage|CHAP_R=") + kVectors[0].target + "|"))
          .ok());
  const std::string_view bytes(reinterpret_cast<const char*>(initiator.get()),
                               sizeof(ChapInitiator));
  EXPECT_EQ(bytes.find(kInitiatorSecret), std::string_view::npos);
  EXPECT_EQ(bytes.find(kTargetSecret), std::string_view::npos);
}

TEST(SecretTest, ComparesWhole) {  // C13
  const std::vector<std::byte> a = Ascending(0, 32);
  for (size_t i = 0; i < a.size(); ++i) {
    std::vector<std::byte> b = a;
    b[i] ^= std::byte{0x80};
    EXPECT_FALSE(EqualInConstantTime(a, b)) << i;
  }
  EXPECT_TRUE(EqualInConstantTime(a, Ascending(0, 32)));
  EXPECT_FALSE(EqualInConstantTime(a, Ascending(0, 31)));
  EXPECT_TRUE(EqualInConstantTime({}, {}));
}

}  // namespace
}  // namespace isthmus::auth
