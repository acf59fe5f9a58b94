#include "protocol/auth/chap.h"

#include <algorithm>

#include "protocol/text/codec.h"
#include "protocol/text/key_table.h"

namespace isthmus::auth {

using text::Key;

namespace internal {

// The CHAP_* keys of one text. Views into it.
struct ChapKeys {
  std::optional<std::string_view> algorithm, identifier, challenge, name, response;

  std::optional<std::string_view>* Find(std::string_view key) {
    if (key == text::InfoOf(Key::kChapA).name) return &algorithm;
    if (key == text::InfoOf(Key::kChapI).name) return &identifier;
    if (key == text::InfoOf(Key::kChapC).name) return &challenge;
    if (key == text::InfoOf(Key::kChapN).name) return &name;
    if (key == text::InfoOf(Key::kChapR).name) return &response;
    return nullptr;
  }

  // kOk, or what is wrong with the text.
  ErrorCode Read(std::span<const std::byte> bytes) {
    text::PairReader pairs(bytes);
    for (text::Pair pair; pairs.Next(&pair);) {
      std::optional<std::string_view>* found = Find(pair.key);
      if (found == nullptr) continue;
      if (found->has_value()) return ErrorCode::kTextKeyRepeated;
      *found = pair.value;
    }
    return pairs.error();
  }
};

}  // namespace internal

namespace {

using internal::ChapKeys;

constexpr uint8_t kMd5 = 5;

// Section 12.1.3, and what Write() has room for.
bool MayBeOffered(const ChapPolicy& policy) {
  const std::span<const HashAlgorithm> algorithms = policy.algorithms;
  return !algorithms.empty() && algorithms.size() <= kMaxAlgorithms &&
         (policy.allow_without_md5 || FindHash(algorithms, kMd5) != nullptr);
}

ErrorCode ReadIdentifier(std::string_view value, uint8_t* identifier) {
  const std::optional<uint64_t> number = text::ParseNumber(value);
  if (!number || *number > 0xff) return ErrorCode::kChapIdentifier;
  *identifier = static_cast<uint8_t>(*number);
  return ErrorCode::kOk;
}

ErrorCode ReadChallenge(std::string_view value, WipedBytes<kMaxChallengeBytes>* challenge) {
  const std::optional<size_t> size = text::BinaryLength(value);
  if (!size) return ErrorCode::kChapEncoding;
  if (*size == 0 || *size > kMaxChallengeBytes) return ErrorCode::kChapChallengeLength;
  text::DecodeBinary(value, challenge->Resize(*size));
  return ErrorCode::kOk;
}

// Exactly as long as the algorithm's digest, known before anything is decoded.
ErrorCode ReadResponse(std::string_view value, const HashAlgorithm& hash,
                       WipedBytes<kMaxDigestBytes>* response) {
  const std::optional<size_t> size = text::BinaryLength(value);
  if (!size) return ErrorCode::kChapEncoding;
  if (*size != hash.digest_size) return ErrorCode::kChapResponseLength;
  text::DecodeBinary(value, response->Resize(*size));
  return ErrorCode::kOk;
}

ErrorCode ReadName(std::string_view value, text::FixedText<kMaxChapNameBytes>* name) {
  if (value.empty() || !text::IsUtf8(value) || !name->Assign(value)) return ErrorCode::kChapName;
  return ErrorCode::kOk;
}

// RFC 1994 section 4.1: the hash of identifier, secret and challenge.
bool ComputeResponse(const HashAlgorithm& hash, uint8_t identifier,
                     std::span<const std::byte> secret, std::span<const std::byte> challenge,
                     WipedBytes<kMaxDigestBytes>* response) {
  const std::byte identifier_byte{identifier};
  const std::array<std::span<const std::byte>, 3> parts = {
      std::span<const std::byte>(&identifier_byte, 1), secret, challenge};
  const std::span<std::byte> out = response->Resize(hash.digest_size);
  if (out.size() == hash.digest_size && hash.Compute(parts, out.data())) return true;
  response->Clear();
  return false;
}

bool IsOwnChallenge(std::span<const std::byte> challenge) {
  return challenge.size() >= kMinOwnChallengeBytes && challenge.size() <= kMaxChallengeBytes;
}

bool Same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

Error LoginError(ErrorCode code, Role role, uint32_t detail = 0) {
  return MakeError(code, role, PduClass::kLogin, 0, detail);
}

}  // namespace

void ChallengeHistory::Add(std::span<const std::byte> challenge) {
  Entry& entry = entries_[next_];
  next_ = (next_ + 1) % kEntries;
  entry = {};
  entry.size = challenge.size();
  std::copy_n(challenge.begin(), std::min(challenge.size(), entry.prefix.size()),
              entry.prefix.begin());
}

bool ChallengeHistory::Contains(std::span<const std::byte> challenge) const {
  return !challenge.empty() &&
         std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
           const size_t compared = std::min(challenge.size(), entry.prefix.size());
           return entry.size == challenge.size() &&
                  std::equal(challenge.begin(), challenge.begin() + compared, entry.prefix.begin());
         });
}

Error ChapTarget::Fail(Error error) {
  state_ = State::kFailed;
  response_.Clear();
  own_response_.Clear();
  return error;
}

Error ChapTarget::Begin(uint8_t identifier, std::span<const std::byte> challenge) {
  if (state_ != State::kIdle) return CallerError(ErrorCode::kCallOutOfState);
  if (!MayBeOffered(policy_)) return CallerError(ErrorCode::kCallParameter);
  if (!IsOwnChallenge(challenge)) return CallerError(ErrorCode::kCallArgument, 2);
  identifier_ = identifier;
  challenge_.Assign(challenge);
  if (policy_.history != nullptr) policy_.history->Add(challenge);
  state_ = State::kAwaitAlgorithms;
  return Error::Ok();
}

Error ChapTarget::Receive(std::span<const std::byte> text) {
  if (state_ != State::kAwaitAlgorithms && state_ != State::kAwaitResponse) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  ChapKeys keys;
  if (const ErrorCode code = keys.Read(text); code != ErrorCode::kOk) {
    return Fail(LoginError(code, Role::kTarget));
  }
  return state_ == State::kAwaitAlgorithms ? ReceiveAlgorithms(keys) : ReceiveResponse(keys);
}

Error ChapTarget::ReceiveAlgorithms(const ChapKeys& keys) {
  if (!keys.algorithm || keys.identifier || keys.challenge || keys.name || keys.response) {
    return Fail(LoginError(ErrorCode::kChapKeyOrder, Role::kTarget));
  }
  text::ListReader list(*keys.algorithm);
  for (std::string_view element; hash_ == nullptr && list.Next(&element);) {
    const std::optional<uint64_t> number = text::ParseNumber(element);
    if (number) hash_ = FindHash(policy_.algorithms, *number);
  }
  if (hash_ == nullptr) return Fail(LoginError(ErrorCode::kChapAlgorithm, Role::kTarget));
  state_ = State::kSendChallenge;
  return Error::Ok();
}

Error ChapTarget::ReceiveResponse(const ChapKeys& keys) {
  if (!keys.name || !keys.response || keys.algorithm ||
      keys.identifier.has_value() != keys.challenge.has_value()) {
    return Fail(LoginError(ErrorCode::kChapKeyOrder, Role::kTarget));
  }
  ErrorCode code = ReadName(*keys.name, &name_);
  if (code == ErrorCode::kOk) code = ReadResponse(*keys.response, *hash_, &response_);
  if (code == ErrorCode::kOk && keys.identifier) {
    mutual_ = true;
    code = ReadIdentifier(*keys.identifier, &peer_identifier_);
    if (code == ErrorCode::kOk) code = ReadChallenge(*keys.challenge, &peer_challenge_);
  }
  if (code != ErrorCode::kOk) return Fail(LoginError(code, Role::kTarget));
  // Section 9.2.1: our challenge of this connection, or of a parallel one, comes back as the
  // peer's.
  if (mutual_ &&
      (Same(peer_challenge_.bytes(), challenge_.bytes()) ||
       (policy_.history != nullptr && policy_.history->Contains(peer_challenge_.bytes())))) {
    return Fail(LoginError(ErrorCode::kChapReflected, Role::kTarget));
  }
  state_ = State::kVerify;
  return Error::Ok();
}

Error ChapTarget::Refuse() {
  if (state_ != State::kVerify) return CallerError(ErrorCode::kCallOutOfState);
  return Fail(LoginError(ErrorCode::kChapName, Role::kTarget));
}

Error ChapTarget::CheckAccount(const Account& account, const ChapPolicy& policy) {
  const bool mutual = !account.target_secret.empty();
  if (account.initiator_name.empty() || account.initiator_name.size() > kMaxChapNameBytes ||
      account.target_name.size() > kMaxChapNameBytes || (mutual && account.target_name.empty())) {
    return CallerError(ErrorCode::kCallArgument, 1);
  }
  const auto too_short = [&](std::span<const std::byte> secret) {
    return secret.empty() || (!policy.allow_short_secret && secret.size() < kMinSecretBytes);
  };
  if (too_short(account.initiator_secret) || (mutual && too_short(account.target_secret))) {
    return CallerError(ErrorCode::kCallSecretTooShort);
  }
  if (EqualInConstantTime(account.initiator_secret, account.target_secret)) {
    return CallerError(ErrorCode::kCallSecretShared);
  }
  return Error::Ok();
}

Error ChapTarget::Verify(const Account& account) {
  if (state_ != State::kVerify) return CallerError(ErrorCode::kCallOutOfState);
  const auto fail = [this](ErrorCode code) { return Fail(LoginError(code, Role::kTarget)); };
  if (account.initiator_name != name_.view()) return fail(ErrorCode::kChapName);
  if (!CheckAccount(account, policy_).ok()) return fail(ErrorCode::kLoginAuthenticationFailed);
  WipedBytes<kMaxDigestBytes> expected;
  if (!ComputeResponse(*hash_, identifier_, account.initiator_secret, challenge_.bytes(),
                       &expected)) {
    return fail(ErrorCode::kChapHash);
  }
  const bool right = EqualInConstantTime(expected.bytes(), response_.bytes());
  // Section 9.2.1: what this side would have answered to its own challenge is no answer.
  if (!account.target_secret.empty()) {
    if (!ComputeResponse(*hash_, identifier_, account.target_secret, challenge_.bytes(),
                         &expected)) {
      return fail(ErrorCode::kChapHash);
    }
    if (EqualInConstantTime(expected.bytes(), response_.bytes())) {
      return fail(ErrorCode::kChapReflected);
    }
  }
  if (!right) return fail(ErrorCode::kChapResponse);
  response_.Clear();
  if (!mutual_) {
    state_ = State::kDone;
    return Error::Ok();
  }
  if (account.target_secret.empty()) return fail(ErrorCode::kChapMutualUnsupported);
  own_name_.Assign(account.target_name);
  if (!ComputeResponse(*hash_, peer_identifier_, account.target_secret, peer_challenge_.bytes(),
                       &own_response_)) {
    return fail(ErrorCode::kChapHash);
  }
  state_ = State::kSendResponse;
  return Error::Ok();
}

size_t ChapTarget::Write(std::span<std::byte> out) {
  text::PairWriter writer(out);
  if (state_ == State::kSendChallenge) {
    writer.AddNumber(text::InfoOf(Key::kChapA).name, hash_->chap_algorithm);
    writer.AddNumber(text::InfoOf(Key::kChapI).name, identifier_);
    writer.AddHex(text::InfoOf(Key::kChapC).name, challenge_.bytes());
    if (writer.overflowed()) return 0;
    state_ = State::kAwaitResponse;
  } else if (state_ == State::kSendResponse) {
    writer.Add(text::InfoOf(Key::kChapN).name, own_name_.view());
    writer.AddHex(text::InfoOf(Key::kChapR).name, own_response_.bytes());
    if (writer.overflowed()) return 0;
    own_response_.Clear();
    state_ = State::kDone;
  }
  return writer.size();
}

Error ChapInitiator::Fail(Error error) {
  state_ = State::kFailed;
  secret_.Clear();
  target_secret_.Clear();
  response_.Clear();
  return error;
}

Error ChapInitiator::SetIdentity(std::string_view name, std::span<const std::byte> secret) {
  if (state_ != State::kIdle) return CallerError(ErrorCode::kCallOutOfState);
  if (secret.empty() || (!policy_.allow_short_secret && secret.size() < kMinSecretBytes)) {
    return CallerError(ErrorCode::kCallSecretTooShort, static_cast<uint32_t>(secret.size() * 8));
  }
  if (mutual_ && EqualInConstantTime(secret, target_secret_.bytes())) {
    return CallerError(ErrorCode::kCallSecretShared);
  }
  if (name.empty() || !text::IsUtf8(name) || name.size() > kMaxChapNameBytes) {
    return CallerError(ErrorCode::kCallArgument, 1);
  }
  if (secret.size() > kMaxSecretBytes) return CallerError(ErrorCode::kCallArgument, 2);
  name_.Assign(name);
  secret_.Assign(secret);
  return Error::Ok();
}

Error ChapInitiator::RequireTarget(std::string_view name, std::span<const std::byte> secret,
                                   uint8_t identifier, std::span<const std::byte> challenge) {
  if (state_ != State::kIdle) return CallerError(ErrorCode::kCallOutOfState);
  if (secret.empty() || (!policy_.allow_short_secret && secret.size() < kMinSecretBytes)) {
    return CallerError(ErrorCode::kCallSecretTooShort, static_cast<uint32_t>(secret.size() * 8));
  }
  if (EqualInConstantTime(secret, secret_.bytes())) {
    return CallerError(ErrorCode::kCallSecretShared);
  }
  if (name.size() > kMaxChapNameBytes) return CallerError(ErrorCode::kCallArgument, 1);
  if (secret.size() > kMaxSecretBytes) return CallerError(ErrorCode::kCallArgument, 2);
  if (!IsOwnChallenge(challenge)) return CallerError(ErrorCode::kCallArgument, 4);
  target_name_.Assign(name);
  target_secret_.Assign(secret);
  identifier_ = identifier;
  challenge_.Assign(challenge);
  mutual_ = true;
  return Error::Ok();
}

Error ChapInitiator::Begin() {
  if (state_ != State::kIdle || secret_.empty()) return CallerError(ErrorCode::kCallOutOfState);
  if (!MayBeOffered(policy_)) return CallerError(ErrorCode::kCallParameter);
  if (mutual_ && policy_.history != nullptr) policy_.history->Add(challenge_.bytes());
  state_ = State::kSendAlgorithms;
  return Error::Ok();
}

Error ChapInitiator::Receive(std::span<const std::byte> text) {
  if (state_ != State::kAwaitChallenge && state_ != State::kAwaitResponse) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  ChapKeys keys;
  if (const ErrorCode code = keys.Read(text); code != ErrorCode::kOk) {
    return Fail(LoginError(code, Role::kInitiator));
  }
  return state_ == State::kAwaitChallenge ? ReceiveChallenge(keys) : ReceiveResponse(keys);
}

Error ChapInitiator::ReceiveChallenge(const ChapKeys& keys) {
  const auto fail = [this](ErrorCode code) { return Fail(LoginError(code, Role::kInitiator)); };
  if (!keys.algorithm || !keys.identifier || !keys.challenge || keys.name || keys.response) {
    return fail(ErrorCode::kChapKeyOrder);
  }
  const std::optional<uint64_t> number = text::ParseNumber(*keys.algorithm);
  hash_ = number ? FindHash(policy_.algorithms, *number) : nullptr;
  if (hash_ == nullptr) return fail(ErrorCode::kChapAlgorithm);
  uint8_t identifier = 0;
  WipedBytes<kMaxChallengeBytes> challenge;
  ErrorCode code = ReadIdentifier(*keys.identifier, &identifier);
  if (code == ErrorCode::kOk) code = ReadChallenge(*keys.challenge, &challenge);
  if (code != ErrorCode::kOk) return fail(code);
  if ((mutual_ && Same(challenge.bytes(), challenge_.bytes())) ||
      (policy_.history != nullptr && policy_.history->Contains(challenge.bytes()))) {
    return fail(ErrorCode::kChapReflected);
  }
  if (!ComputeResponse(*hash_, identifier, secret_.bytes(), challenge.bytes(), &response_)) {
    return fail(ErrorCode::kChapHash);
  }
  state_ = State::kSendResponse;
  return Error::Ok();
}

Error ChapInitiator::ReceiveResponse(const ChapKeys& keys) {
  const auto fail = [this](ErrorCode code) { return Fail(LoginError(code, Role::kInitiator)); };
  if (!keys.name && !keys.response) return fail(ErrorCode::kChapMutualMissing);
  if (!keys.name || !keys.response || keys.algorithm || keys.identifier || keys.challenge) {
    return fail(ErrorCode::kChapKeyOrder);
  }
  text::FixedText<kMaxChapNameBytes> name;
  WipedBytes<kMaxDigestBytes> response;
  ErrorCode code = ReadName(*keys.name, &name);
  if (code == ErrorCode::kOk) code = ReadResponse(*keys.response, *hash_, &response);
  if (code != ErrorCode::kOk) return fail(code);
  if (!target_name_.empty() && name.view() != target_name_.view()) {
    return fail(ErrorCode::kChapName);
  }
  WipedBytes<kMaxDigestBytes> expected;
  if (!ComputeResponse(*hash_, identifier_, secret_.bytes(), challenge_.bytes(), &expected)) {
    return fail(ErrorCode::kChapHash);
  }
  // Section 9.2.1: the answer that we would have given ourselves.
  if (EqualInConstantTime(expected.bytes(), response.bytes())) {
    return fail(ErrorCode::kChapReflected);
  }
  if (!ComputeResponse(*hash_, identifier_, target_secret_.bytes(), challenge_.bytes(),
                       &expected)) {
    return fail(ErrorCode::kChapHash);
  }
  if (!EqualInConstantTime(expected.bytes(), response.bytes())) {
    return fail(ErrorCode::kChapResponse);
  }
  secret_.Clear();
  target_secret_.Clear();
  state_ = State::kDone;
  return Error::Ok();
}

size_t ChapInitiator::Write(std::span<std::byte> out) {
  text::PairWriter writer(out);
  if (state_ == State::kSendAlgorithms) {
    std::array<char, kMaxAlgorithms * 4> list;
    size_t size = 0;
    for (const HashAlgorithm& algorithm : policy_.algorithms) {
      if (size > 0) list[size++] = ',';
      std::array<char, text::kMaxDecimalBytes> digits;
      const size_t count = text::FormatNumber(algorithm.chap_algorithm, digits.data());
      std::copy_n(digits.begin(), count, list.begin() + size);
      size += count;
    }
    if (!writer.Add(text::InfoOf(Key::kChapA).name, {list.data(), size})) return 0;
    state_ = State::kAwaitChallenge;
  } else if (state_ == State::kSendResponse) {
    writer.Add(text::InfoOf(Key::kChapN).name, name_.view());
    writer.AddHex(text::InfoOf(Key::kChapR).name, response_.bytes());
    if (mutual_) {
      writer.AddNumber(text::InfoOf(Key::kChapI).name, identifier_);
      writer.AddHex(text::InfoOf(Key::kChapC).name, challenge_.bytes());
    }
    if (writer.overflowed()) return 0;
    response_.Clear();
    if (!mutual_) secret_.Clear();
    state_ = mutual_ ? State::kAwaitResponse : State::kDone;
  }
  return writer.size();
}

}  // namespace isthmus::auth
