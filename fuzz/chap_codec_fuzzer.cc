// CHAP's values and both of its state machines. The oracle: the length is known before anything is
// decoded, and nobody is authenticated without the response that the secret gives.
//
// Input: one byte of configuration, then texts, each ended by '\n'. "CHAP_R=!" stands for the right
// response, so that the states behind it are reached.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/auth/chap.h"
#include "protocol/auth/hash.h"
#include "protocol/error.h"
#include "protocol/text/codec.h"

namespace isthmus::auth {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// No hash for anything but this: sixteen FNV sums with different beginnings, quick and with a value
// for every input.
bool Fnv(std::span<const std::span<const std::byte>> parts, std::byte* out) {
  for (uint32_t i = 0; i < 16; ++i) {
    uint32_t sum = 2166136261u ^ (i * 0x9e3779b9u);
    for (const auto& part : parts) {
      for (std::byte b : part) sum = (sum ^ static_cast<uint32_t>(b)) * 16777619u;
    }
    out[i] = static_cast<std::byte>(sum >> 13 & 0xff);
  }
  return true;
}

constexpr HashAlgorithm kHashes[] = {{7, 16, &Fnv}, {5, 16, &Fnv}};
constexpr std::string_view kInitiatorSecret = "0123456789abcdef";
constexpr std::string_view kTargetSecret = "fedcba9876543210";
constexpr std::string_view kChallenge = "challenge of the target";
constexpr std::string_view kPeerChallenge = "challenge of the initiator";

std::string Response(uint8_t identifier, std::string_view secret, std::string_view challenge) {
  const std::byte identifier_byte{identifier};
  const std::array<std::span<const std::byte>, 3> parts = {
      std::span<const std::byte>(&identifier_byte, 1), text::AsBytes(secret),
      text::AsBytes(challenge)};
  std::array<std::byte, 16> digest;
  Fnv(parts, digest.data());
  std::string hex(text::HexLength(digest.size()), '?');
  text::EncodeHex(digest, hex.data());
  return hex;
}

void CheckBinary(std::string_view value) {
  const std::optional<size_t> size = text::BinaryLength(value);
  std::vector<std::byte> out(size.value_or(value.size()));
  const auto decoded = text::DecodeBinary(value, out);
  Require(decoded.has_value() == size.has_value());
  if (!size) return;
  Require(decoded->size() == *size && *size <= value.size());
  if (*size > 0) Require(!text::DecodeBinary(value, std::span(out).first(*size - 1)));
  std::string hex(text::HexLength(*size), '?'), base64(text::Base64Length(*size), '?');
  text::EncodeHex(*decoded, hex.data());
  text::EncodeBase64(*decoded, base64.data());
  for (const std::string& encoded : {hex, base64}) {
    std::vector<std::byte> again(*size);
    const auto same = text::DecodeBinary(encoded, again);
    Require(same.has_value() == (*size > 0) && again == out);
  }
}

// Whether a text holds `response` as its CHAP_R, in whatever encoding.
bool Holds(std::string_view text, std::string_view response) {
  std::array<std::byte, 16> expected, found;
  text::DecodeBinary(response, expected);
  text::PairReader pairs(text::AsBytes(text));
  for (text::Pair pair; pairs.Next(&pair);) {
    if (pair.key != "CHAP_R") continue;
    const auto decoded = text::DecodeBinary(pair.value, found);
    if (decoded && decoded->size() == 16 && found == expected) return true;
  }
  return false;
}

std::string WithResponse(std::string_view text, std::string_view response) {
  constexpr std::string_view kMark = "CHAP_R=!";
  std::string filled(text);
  if (const size_t at = filled.find(kMark); at != std::string::npos) {
    filled.replace(at + kMark.size() - 1, 1, response);
  }
  return filled;
}

std::vector<std::string_view> Split(std::string_view input) {
  std::vector<std::string_view> texts;
  while (!input.empty()) {
    const size_t end = input.find('\n');
    texts.push_back(input.substr(0, end));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  }
  return texts;
}

void RunTarget(const std::vector<std::string_view>& texts, bool mutual) {
  const std::string right = Response(0x2a, kInitiatorSecret, kChallenge);
  ChapTarget chap({.algorithms = kHashes});
  Require(chap.Begin(0x2a, text::AsBytes(kChallenge)).ok());
  std::array<std::byte, ChapTarget::kMaxOutputBytes> out;
  bool answered = false;
  for (std::string_view text : texts) {
    const std::string filled = WithResponse(text, right);
    if (!chap.Receive(text::AsBytes(filled)).ok()) break;
    if (chap.state() == ChapTarget::State::kVerify) {
      answered = Holds(filled, right);
      const Error error = chap.Verify(
          {.initiator_name = chap.name(),
           .initiator_secret = text::AsBytes(kInitiatorSecret),
           .target_name = "target",
           .target_secret = mutual ? text::AsBytes(kTargetSecret) : std::span<const std::byte>()});
      if (!error.ok()) break;
    }
    if (chap.pending()) Require(chap.Write(out) > 0);
  }
  Require(!chap.done() || answered);
}

void RunInitiator(const std::vector<std::string_view>& texts, bool mutual) {
  const std::string right = Response(0xd5, kTargetSecret, kPeerChallenge);
  ChapInitiator chap({.algorithms = kHashes});
  Require(chap.SetIdentity("initiator", text::AsBytes(kInitiatorSecret)).ok());
  if (mutual) {
    Require(
        chap.RequireTarget("", text::AsBytes(kTargetSecret), 0xd5, text::AsBytes(kPeerChallenge))
            .ok());
  }
  Require(chap.Begin().ok());
  std::array<std::byte, ChapInitiator::kMaxOutputBytes> out;
  bool answered = false;
  for (std::string_view text : texts) {
    if (chap.pending()) Require(chap.Write(out) > 0);
    const bool last = chap.state() == ChapInitiator::State::kAwaitResponse;
    const std::string filled = last ? WithResponse(text, right) : std::string(text);
    if (!chap.Receive(text::AsBytes(filled)).ok()) break;
    answered = last && Holds(filled, right);
  }
  Require(!chap.done() || !mutual || answered);
}

}  // namespace
}  // namespace isthmus::auth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus::auth;  // NOLINT: this is the namespace that is tested
  if (size == 0 || size > 65536) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool mutual = (data[0] & 1) != 0;
  const std::vector<std::string_view> texts = Split(input);
  for (std::string_view text : texts) {
    CheckBinary(text);
    isthmus::text::PairReader pairs(isthmus::text::AsBytes(text));
    for (isthmus::text::Pair pair; pairs.Next(&pair);) CheckBinary(pair.value);
  }
  RunTarget(texts, mutual);
  RunInitiator(texts, mutual);
  return 0;
}
