// What the embedder may get wrong with CHAP, what its hashes and buffers may refuse, and the key orders that no honest peer
// sends. RFC 7143 sections 9.2.1, 12.1.3. The hash is made up: nothing here depends on what it computes.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/auth/chap.h"
#include "protocol/auth/hash.h"
#include "protocol/error.h"
#include "protocol/text/text_testing.h"

namespace isthmus::auth {
namespace {

using text::Bytes;
using text::Flush;

constexpr std::string_view kSecret = "0123456789abcdef";
constexpr std::string_view kOtherSecret = "fedcba9876543210";

std::span<const std::byte> Span(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
std::vector<std::byte> Challenge(int first) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<std::byte>(first + i));
  return bytes;
}

// A hash whose call number `fails_at` fails.
struct Calls {
  mutable int made = 0;
  int fails_at = 0;
};
bool Mix(const void* context, std::span<const std::span<const std::byte>> parts, std::byte* out) {
  const auto& calls = *static_cast<const Calls*>(context);
  if (++calls.made == calls.fails_at) return false;
  uint32_t state = 1;
  for (std::span<const std::byte> part : parts) {
    for (std::byte b : part) state = state * 16777619u + std::to_integer<uint32_t>(b);
  }
  for (int i = 0; i < 16; ++i) {
    state = state * 1664525u + 1013904223u;
    out[i] = static_cast<std::byte>(state >> 24);
  }
  return true;
}

class ChapMisuseTest : public ::testing::Test {
 protected:
  ChapTarget::Account Account() const {
    return {.initiator_name = "alice",
            .initiator_secret = Span(kSecret),
            .target_name = "storage",
            .target_secret = Span(kOtherSecret)};
  }
  using Target = std::unique_ptr<ChapTarget>;
  using Initiator = std::unique_ptr<ChapInitiator>;

  // The state before each text: a target that awaits the algorithms or the response, an initiator that awaits the challenge
  // or the target's proof.
  Target AwaitingAlgorithms() {
    auto chap = std::make_unique<ChapTarget>(policy_);
    EXPECT_TRUE(chap->Begin(1, Challenge(0)).ok());
    return chap;
  }
  Target AwaitingResponse() {
    Target chap = AwaitingAlgorithms();
    EXPECT_TRUE(chap->Receive(Bytes("CHAP_A=5|")).ok());
    Flush(chap.get());
    return chap;
  }
  Initiator AwaitingChallenge(bool mutual) {
    auto chap = std::make_unique<ChapInitiator>(policy_);
    if (mutual) {
      EXPECT_TRUE(chap->RequireTarget("storage", Span(kOtherSecret), 2, Challenge(64)).ok());
    }
    EXPECT_TRUE(chap->SetIdentity("alice", Span(kSecret)).ok());
    EXPECT_TRUE(chap->Begin().ok());
    Flush(chap.get());
    return chap;
  }
  Initiator AwaitingProof() {
    Initiator chap = AwaitingChallenge(true);
    EXPECT_TRUE(chap->Receive(Bytes("CHAP_A=5|CHAP_I=1|CHAP_C=0x00112233|")).ok());
    Flush(chap.get());
    return chap;
  }
  // Both sides, mutual; the first error, whosever it is.
  ErrorCode Exchange() {
    Target target = AwaitingAlgorithms();
    Initiator initiator = AwaitingChallenge(true);
    Error error = target->Receive(Bytes("CHAP_A=5|"));
    if (error.ok()) error = initiator->Receive(Bytes(Flush(target.get())));
    if (error.ok()) error = target->Receive(Bytes(Flush(initiator.get())));
    if (error.ok()) error = target->Verify(Account());
    if (error.ok()) error = initiator->Receive(Bytes(Flush(target.get())));
    EXPECT_EQ(error.ok(), target->done() && initiator->done());
    return error.code;
  }

  Calls calls_;
  std::vector<HashAlgorithm> hashes_ = {{.chap_algorithm = 5,
                                         .digest_size = 16,
                                         .compute = nullptr,
                                         .compute_with = Mix,
                                         .context = &calls_}};
  ChapPolicy policy_{.algorithms = hashes_};
};

TEST_F(ChapMisuseTest, EachHashThatFailsFailsTheLogin) {
  EXPECT_EQ(Exchange(), ErrorCode::kOk);
  const int hashes = calls_.made;
  EXPECT_EQ(hashes, 6);
  for (int n = 1; n <= hashes; ++n) {
    calls_ = {.fails_at = n};
    EXPECT_EQ(Exchange(), ErrorCode::kChapHash) << n;
    EXPECT_EQ(calls_.made, n);
  }
}

TEST_F(ChapMisuseTest, ADigestAboveTheLimitIsNoDigest) {
  hashes_[0].digest_size = 200;
  Initiator chap = AwaitingChallenge(false);
  EXPECT_EQ(chap->Receive(Bytes("CHAP_A=5|CHAP_I=1|CHAP_C=0x00|")).code, ErrorCode::kChapHash);
  EXPECT_EQ(calls_.made, 0);
}

// A history refuses what it holds, and nothing else.
TEST_F(ChapMisuseTest, AHistoryOfOtherChallengesIsNoReason) {
  ChallengeHistory history;
  history.Add(Challenge(128));
  policy_.history = &history;
  Target target = AwaitingResponse();
  const std::string response = "CHAP_N=alice|CHAP_R=0x" + std::string(32, '0') + "|CHAP_I=1|";
  EXPECT_TRUE(target->Receive(Bytes(response + "CHAP_C=0x00112233|")).ok());
  EXPECT_TRUE(AwaitingProof() != nullptr);
  Target reflected = AwaitingResponse();
  EXPECT_EQ(reflected->Receive(Bytes(response + "CHAP_C=0x808182838485868788898a8b8c8d8e8f|")).code,
            ErrorCode::kChapReflected);
  // What the initiator asks is kept too.
  Initiator initiator = AwaitingChallenge(true);
  EXPECT_TRUE(history.Contains(Challenge(64)));
}

TEST_F(ChapMisuseTest, CallsOutOfTheirState) {
  ChapTarget target(policy_);
  EXPECT_EQ(target.algorithm(), 0);
  EXPECT_EQ(target.Receive(Bytes("CHAP_A=5|")).code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(target.Refuse().code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(target.Verify(Account()).code, ErrorCode::kCallOutOfState);
  std::array<std::byte, 4096> out;
  EXPECT_EQ(target.Write(out), 0u);
  EXPECT_TRUE(target.Begin(1, Challenge(0)).ok());
  EXPECT_EQ(target.Begin(1, Challenge(0)).code, ErrorCode::kCallOutOfState);

  ChapInitiator initiator(policy_);
  EXPECT_EQ(initiator.algorithm(), 0);
  EXPECT_EQ(initiator.Begin().code, ErrorCode::kCallOutOfState);  // nobody it could be
  EXPECT_EQ(initiator.Receive(Bytes("")).code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(initiator.Write(out), 0u);
  EXPECT_TRUE(initiator.SetIdentity("alice", Span(kSecret)).ok());
  EXPECT_TRUE(initiator.Begin().ok());
  EXPECT_EQ(initiator.Begin().code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(initiator.SetIdentity("alice", Span(kSecret)).code, ErrorCode::kCallOutOfState);
  EXPECT_EQ(initiator.RequireTarget("", Span(kOtherSecret), 1, Challenge(0)).code,
            ErrorCode::kCallOutOfState);
}

TEST_F(ChapMisuseTest, IdentitiesOfTheInitiator) {
  const std::string name_255(255, 'n'), name_256(256, 'n'), secret_256(256, 's'),
      secret_257(257, 's');
  ChapInitiator chap(policy_);
  EXPECT_EQ(chap.SetIdentity("", Span(kSecret)).code, ErrorCode::kCallArgument);
  EXPECT_EQ(chap.SetIdentity("\xff", Span(kSecret)).code, ErrorCode::kCallArgument);
  EXPECT_EQ(chap.SetIdentity(name_256, Span(kSecret)).code, ErrorCode::kCallArgument);
  EXPECT_EQ(chap.SetIdentity("alice", Span(secret_257)).code, ErrorCode::kCallArgument);
  EXPECT_EQ(chap.SetIdentity("alice", {}).code, ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(chap.SetIdentity("alice", Span("eleven byte")).code, ErrorCode::kCallSecretTooShort);
  EXPECT_TRUE(chap.SetIdentity(name_255, Span(secret_256)).ok());

  EXPECT_EQ(chap.RequireTarget("storage", {}, 1, Challenge(0)).code,
            ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(chap.RequireTarget("storage", Span("eleven byte"), 1, Challenge(0)).code,
            ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(chap.RequireTarget(name_256, Span(kSecret), 1, Challenge(0)).code,
            ErrorCode::kCallArgument);
  EXPECT_EQ(chap.RequireTarget("storage", Span(secret_257), 1, Challenge(0)).code,
            ErrorCode::kCallArgument);
  EXPECT_EQ(chap.RequireTarget("storage", Span(kSecret), 1, {}).code, ErrorCode::kCallArgument);
  EXPECT_TRUE(chap.RequireTarget(name_255, Span(kSecret), 1, Challenge(0)).ok());
  EXPECT_EQ(chap.SetIdentity("alice", Span(kSecret)).code, ErrorCode::kCallSecretShared);

  policy_.allow_short_secret = true;
  ChapInitiator lax(policy_);
  EXPECT_TRUE(lax.SetIdentity("alice", Span("short")).ok());
  EXPECT_TRUE(lax.RequireTarget("", Span("brief"), 1, Challenge(0)).ok());
  EXPECT_EQ(lax.RequireTarget("", {}, 1, Challenge(0)).code, ErrorCode::kCallSecretTooShort);
}

TEST_F(ChapMisuseTest, AccountsOfTheTarget) {
  const std::string name_256(256, 'n');
  const auto check = [&](auto change) {
    ChapTarget::Account account = Account();
    change(account);
    return ChapTarget::CheckAccount(account, policy_).code;
  };
  EXPECT_EQ(check([](auto&) {}), ErrorCode::kOk);
  EXPECT_EQ(check([](auto& a) { a.initiator_name = {}; }), ErrorCode::kCallArgument);
  EXPECT_EQ(check([&](auto& a) { a.initiator_name = name_256; }), ErrorCode::kCallArgument);
  EXPECT_EQ(check([&](auto& a) { a.target_name = name_256; }), ErrorCode::kCallArgument);
  EXPECT_EQ(check([](auto& a) { a.target_name = {}; }), ErrorCode::kCallArgument);
  EXPECT_EQ(check([](auto& a) { a.initiator_secret = {}; }), ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(check([](auto& a) { a.initiator_secret = Span("eleven byte"); }),
            ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(check([](auto& a) { a.target_secret = Span("eleven byte"); }),
            ErrorCode::kCallSecretTooShort);
  EXPECT_EQ(check([](auto& a) { a.target_secret = a.initiator_secret; }),
            ErrorCode::kCallSecretShared);
  EXPECT_EQ(check([](auto& a) { a.target_name = {}, a.target_secret = {}; }), ErrorCode::kOk);
  policy_.allow_short_secret = true;
  EXPECT_EQ(check([](auto& a) { a.initiator_secret = Span("short"); }), ErrorCode::kOk);
}

TEST_F(ChapMisuseTest, MoreAlgorithmsThanCanBeOffered) {
  hashes_.resize(9, hashes_[0]);
  policy_.algorithms = hashes_;
  ChapInitiator chap(policy_);
  EXPECT_TRUE(chap.SetIdentity("alice", Span(kSecret)).ok());
  EXPECT_EQ(chap.Begin().code, ErrorCode::kCallParameter);
}

// Nothing is written in part, and the same call with room succeeds.
TEST_F(ChapMisuseTest, TooLittleRoom) {
  std::array<std::byte, 9> few;
  ChapTarget target(policy_);
  ASSERT_TRUE(target.Begin(1, Challenge(0)).ok());
  ASSERT_TRUE(target.Receive(Bytes("CHAP_A=5|")).ok());
  EXPECT_EQ(target.Write(few), 0u);
  ChapInitiator initiator(policy_);
  ASSERT_TRUE(initiator.SetIdentity("alice", Span(kSecret)).ok());
  ASSERT_TRUE(initiator.RequireTarget("storage", Span(kOtherSecret), 2, Challenge(64)).ok());
  ASSERT_TRUE(initiator.Begin().ok());
  EXPECT_EQ(initiator.Write(std::span(few).first(8)), 0u);
  EXPECT_EQ(Flush(&initiator), "CHAP_A=5|");
  ASSERT_TRUE(initiator.Receive(Bytes(Flush(&target))).ok());
  EXPECT_EQ(initiator.Write(few), 0u);
  ASSERT_TRUE(target.Receive(Bytes(Flush(&initiator))).ok());
  ASSERT_TRUE(target.Verify(Account()).ok());
  EXPECT_EQ(target.Write(few), 0u);
  EXPECT_TRUE(initiator.Receive(Bytes(Flush(&target))).ok());
  EXPECT_TRUE(target.done() && initiator.done());
}

TEST_F(ChapMisuseTest, KeysThatDoNotBelong) {
  const std::string response = "CHAP_R=0x" + std::string(32, '0') + "|";
  for (const std::string& first : {"CHAP_A=5|" + response, std::string("CHAP_A=5|CHAP_C=0x00|"),
                                   std::string("CHAP_A=5|CHAP_N=alice|")}) {
    Target target = AwaitingAlgorithms();
    EXPECT_EQ(target->Receive(Bytes(first)).code, ErrorCode::kChapKeyOrder) << first;
  }
  const std::string challenge = "CHAP_A=5|CHAP_I=1|CHAP_C=0x00|";
  for (const std::string& extra : {response, std::string("CHAP_N=storage|")}) {
    Initiator initiator = AwaitingChallenge(true);
    EXPECT_EQ(initiator->Receive(Bytes(challenge + extra)).code, ErrorCode::kChapKeyOrder) << extra;
  }
  for (const std::string& proof :
       {std::string("CHAP_N=storage|"), response, "CHAP_N=storage|CHAP_A=5|" + response,
        "CHAP_N=storage|CHAP_I=1|" + response, "CHAP_N=storage|CHAP_C=0x00|" + response}) {
    Initiator initiator = AwaitingProof();
    EXPECT_EQ(initiator->Receive(Bytes(proof)).code, ErrorCode::kChapKeyOrder) << proof;
  }
  Initiator nameless = AwaitingProof();
  EXPECT_EQ(nameless->Receive(Bytes("CHAP_N=|" + response)).code, ErrorCode::kChapName);
  Initiator proofless = AwaitingProof();
  EXPECT_EQ(proofless->Receive(Bytes("")).code, ErrorCode::kChapMutualMissing);
  Initiator malformed = AwaitingProof();
  EXPECT_EQ(malformed->Receive(Bytes("CHAP_N")).code, ErrorCode::kTextEqualsMissing);
  Target target = AwaitingResponse();
  EXPECT_EQ(target->Receive(Bytes("CHAP_N=alice|CHAP_I=1|" + response)).code,
            ErrorCode::kChapKeyOrder);
}

}  // namespace
}  // namespace isthmus::auth
