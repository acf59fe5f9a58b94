// CHAP (RFC 7143 sections 12.1.3 and 9.2.1, RFC 1994), both sides, one-way and mutual.
//
// Each side reads the CHAP_* keys of the texts that Negotiation reads too, and writes its own after
// Negotiation's. Challenges and identifiers are inputs: the embedder draws them at random. Secrets
// are wiped when no longer needed and reach no error and no output. Responses are compared in
// constant time. After an error a state machine stays failed.
//
// Target:
//
//   ChapTarget chap(policy);
//   chap.Begin(identifier, challenge);  // once negotiation.auth_method() is kCHAP
//   chap.Receive(text);                 // CHAP_A
//   size += chap.Write(out);            // CHAP_A, CHAP_I, CHAP_C
//   chap.Receive(text);                 // CHAP_N, CHAP_R, mutual: CHAP_I, CHAP_C; now kVerify
//   chap.Verify(account);               // found by chap.name(); or chap.Refuse()
//   size += chap.Write(out);            // mutual: CHAP_N, CHAP_R
//   chap.done();
//
// Initiator:
//
//   ChapInitiator chap(policy);
//   chap.SetIdentity(name, secret);
//   chap.RequireTarget(name, secret, identifier, challenge);  // mutual only
//   chap.Begin();                       // AuthMethod=CHAP was selected
//   size += chap.Write(out);            // CHAP_A
//   chap.Receive(text);                 // CHAP_A, CHAP_I, CHAP_C
//   size += chap.Write(out);            // CHAP_N, CHAP_R, mutual: CHAP_I, CHAP_C
//   chap.Receive(text);                 // mutual: CHAP_N, CHAP_R
//   chap.done();                        // one-way: from the response on; the T bit says the rest

#ifndef ISTHMUS_PROTOCOL_AUTH_CHAP_H_
#define ISTHMUS_PROTOCOL_AUTH_CHAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/auth/hash.h"
#include "protocol/auth/secret.h"
#include "protocol/error.h"
#include "protocol/text/parameters.h"

namespace isthmus::auth {

inline constexpr size_t kMaxChallengeBytes = 1024;  // section 12.1.3
inline constexpr size_t kMinOwnChallengeBytes = 16;
inline constexpr size_t kMaxChapNameBytes = 255;
inline constexpr size_t kMaxAlgorithms = 8;

// The challenges that this node has issued lately, on all its connections, so that one that comes
// back as the peer's own is recognised (section 9.2.1, the reflection over two connections).
// Optional; shared by the logins of one thread.
class ChallengeHistory {
 public:
  static constexpr size_t kEntries = 64;

  void Add(std::span<const std::byte> challenge);
  bool Contains(std::span<const std::byte> challenge) const;

 private:
  struct Entry {
    size_t size = 0;
    std::array<std::byte, 32> prefix = {};
  };
  std::array<Entry, kEntries> entries_ = {};
  size_t next_ = 0;
};

struct ChapPolicy {
  // In order of preference (initiator). Holds 5, which must always be offered (section 12.1.3),
  // unless allow_without_md5. Old targets take 7 for SHA1 and pick the first number that they know:
  // towards those, list 5 before 7. Must outlive the state machines.
  std::span<const HashAlgorithm> algorithms;
  // A list without 5 is meant: whoever can pretend to be a target picks the weakest hash offered, so
  // an embedder may forbid MD5 where it knows its peers, against section 12.1.3.
  bool allow_without_md5 = false;
  bool allow_short_secret =
      false;  // section 9.2.1 allows under 96 bits only where IPsec protects the connection
  ChallengeHistory* history = nullptr;
};

// What both sides share: the keys of one text, and the response over an identifier, a secret and a
// challenge.
namespace internal {
struct ChapKeys;
}

class ChapTarget {
 public:
  enum class State : uint8_t {
    kIdle,             // Begin() next
    kAwaitAlgorithms,  // CHAP_A
    kSendChallenge,    // Write()
    kAwaitResponse,    // CHAP_N, CHAP_R and, for mutual authentication, CHAP_I, CHAP_C
    kVerify,           // Verify() or Refuse()
    kSendResponse,     // Write(), mutual only
    kDone,
    kFailed,
  };

  // An initiator's account as the embedder keeps it. Borrowed during the call only.
  struct Account {
    std::string_view initiator_name;  // expected CHAP_N, compared whole
    std::span<const std::byte> initiator_secret;
    std::string_view target_name;              // our CHAP_N towards it
    std::span<const std::byte> target_secret;  // empty: no mutual authentication
  };

  explicit ChapTarget(const ChapPolicy& policy) : policy_(policy) {}

  // `challenge` of 16 to 1024 random bytes, never used before; copied. kCallArgument otherwise, or
  // without an algorithm, or without MD5 and the policy's leave.
  Error Begin(uint8_t identifier, std::span<const std::byte> challenge);

  // Takes a complete text, of which it looks at the CHAP_* keys. In kSendChallenge and later
  // writing states: misuse.
  Error Receive(std::span<const std::byte> text);

  // What section 9.2.1 asks of an account, for whoever reads its configuration: kCallSecretTooShort
  // (under 96 bits without the policy's override), kCallSecretShared (one secret for both
  // directions), kCallArgument (a name).
  static Error CheckAccount(const Account& account, const ChapPolicy& policy);

  // Checks the response against the account: kChapName (the name differs), kChapResponse,
  // kChapReflected, kChapMutualUnsupported (the initiator wants this target authenticated, the
  // account has no secret for that), kLoginAuthenticationFailed (CheckAccount refuses the account).
  // All of them fail the login with 0x0201.
  Error Verify(const Account& account);

  // There is no account of that name. Fails as a wrong response does.
  Error Refuse();

  // Writes the keys that are due: all or, if `out` is too small (kMaxOutputBytes suffice), nothing.
  size_t Write(std::span<std::byte> out);
  static constexpr size_t kMaxOutputBytes = 2560;

  State state() const { return state_; }
  bool pending() const { return state_ == State::kSendChallenge || state_ == State::kSendResponse; }
  bool done() const { return state_ == State::kDone; }
  uint8_t algorithm() const { return hash_ ? hash_->chap_algorithm : 0; }

  // CHAP_N as received, from kVerify on. Escape it before it is shown.
  std::string_view name() const { return name_.view(); }
  // Whether the initiator wants this target authenticated.
  bool mutual() const { return mutual_; }

 private:
  Error Fail(Error error);
  Error ReceiveAlgorithms(const internal::ChapKeys& keys);
  Error ReceiveResponse(const internal::ChapKeys& keys);

  ChapPolicy policy_;
  State state_ = State::kIdle;
  const HashAlgorithm* hash_ = nullptr;
  uint8_t identifier_ = 0;
  WipedBytes<kMaxChallengeBytes> challenge_;
  text::FixedText<kMaxChapNameBytes> name_;
  WipedBytes<kMaxDigestBytes> response_;  // received
  bool mutual_ = false;
  uint8_t peer_identifier_ = 0;
  WipedBytes<kMaxChallengeBytes> peer_challenge_;
  text::FixedText<kMaxChapNameBytes> own_name_;
  WipedBytes<kMaxDigestBytes> own_response_;
};

class ChapInitiator {
 public:
  enum class State : uint8_t {
    kIdle,            // SetIdentity(), RequireTarget(), Begin()
    kSendAlgorithms,  // Write()
    kAwaitChallenge,  // CHAP_A, CHAP_I, CHAP_C
    kSendResponse,    // Write()
    kAwaitResponse,   // mutual: CHAP_N, CHAP_R
    kDone,
    kFailed,
  };

  explicit ChapInitiator(const ChapPolicy& policy) : policy_(policy) {}

  // Our CHAP_N and secret; copied. kCallSecretTooShort: under 96 bits without the policy's
  // override; kCallArgument: over 256 bytes, or no name or one over 255 bytes.
  Error SetIdentity(std::string_view name, std::span<const std::byte> secret);

  // Mutual authentication: what the target must answer, and the challenge to it (16 to 1024 random
  // bytes, never used before); copied. An empty name accepts any CHAP_N. kCallSecretShared for the
  // secret of SetIdentity().
  Error RequireTarget(std::string_view name, std::span<const std::byte> secret, uint8_t identifier,
                      std::span<const std::byte> challenge);

  // kCallOutOfState without an identity; kCallParameter without algorithms, or if they lack 5 and the
  // policy does not allow that.
  Error Begin();

  // Takes a complete text. The kChap codes; after mutual authentication was asked for and not
  // given, kChapMutualMissing; kChapResponse: the target is not who it says. Close the connection.
  Error Receive(std::span<const std::byte> text);

  size_t Write(std::span<std::byte> out);
  static constexpr size_t kMaxOutputBytes = ChapTarget::kMaxOutputBytes;

  State state() const { return state_; }
  bool pending() const {
    return state_ == State::kSendAlgorithms || state_ == State::kSendResponse;
  }
  bool done() const { return state_ == State::kDone; }
  uint8_t algorithm() const { return hash_ ? hash_->chap_algorithm : 0; }

 private:
  Error Fail(Error error);
  Error ReceiveChallenge(const internal::ChapKeys& keys);
  Error ReceiveResponse(const internal::ChapKeys& keys);

  ChapPolicy policy_;
  State state_ = State::kIdle;
  const HashAlgorithm* hash_ = nullptr;
  text::FixedText<kMaxChapNameBytes> name_;
  Secret secret_;
  bool mutual_ = false;
  text::FixedText<kMaxChapNameBytes> target_name_;
  Secret target_secret_;
  uint8_t identifier_ = 0;  // ours, to the target
  WipedBytes<kMaxChallengeBytes> challenge_;
  WipedBytes<kMaxDigestBytes> response_;  // ours, to the target's challenge
};

}  // namespace isthmus::auth

#endif  // ISTHMUS_PROTOCOL_AUTH_CHAP_H_
