// Text keys: the pair reader against a naive one, joining in any parts, and a negotiation of either
// side that is fed text after text.
//
// Input: one byte of configuration, then texts, each ended by '\n'. Within a text the null
// delimiter is itself.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/error.h"
#include "protocol/text/codec.h"
#include "protocol/text/key_table.h"
#include "protocol/text/names.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/text/send_targets.h"

namespace isthmus::text {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Section 6.1 in as few lines as possible; a pair "error" ends what is malformed.
Pairs ReadNaively(std::string_view text) {
  constexpr std::string_view kLabel =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-+@_#";
  Pairs pairs;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\0', at);
    const std::string_view pair = text.substr(at, end - at);
    at = end == std::string_view::npos ? text.size() : end + 1;
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (end == std::string_view::npos || equals == 0 || equals > 63 ||
        pair.substr(0, equals).find_first_not_of(kLabel) != std::string_view::npos) {
      pairs.emplace_back("error", "");
      break;
    }
    pairs.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return pairs;
}

void CheckPairs(std::string_view text) {
  Pairs pairs;
  PairReader reader(AsBytes(text));
  for (Pair pair; reader.Next(&pair);) pairs.emplace_back(pair.key, pair.value);
  if (reader.error() != ErrorCode::kOk) pairs.emplace_back("error", "");
  Require(pairs == ReadNaively(text));
}

void CheckJoiner(std::string_view text, size_t step) {
  std::vector<std::byte> storage(text.size());
  TextJoiner joiner(storage, static_cast<int>(text.size()) + 1);
  for (size_t at = 0; at < text.size(); at += step) {
    const bool more = at + step < text.size();
    Require(joiner.Append(AsBytes(text.substr(at, step)), more) == ErrorCode::kOk);
  }
  Require(AsChars(joiner.text()) == text);
}

std::string ParseTargets(std::string_view text, size_t step) {
  std::array<char, TargetRecordParser::kStorageBytes> storage;
  TargetRecordParser parser(storage);
  std::string shown;
  for (size_t at = 0; at < text.size(); at += step) {
    parser.Feed(AsBytes(text.substr(at, step)));
    for (TargetRecord record; parser.Next(&record);) {
      shown += record.is_target ? record.name : record.raw_address;
      shown += '\n';
    }
  }
  return shown + std::to_string(parser.Finish());
}

void CheckValues(std::string_view text) {
  PairReader reader(AsBytes(text));
  for (Pair pair; reader.Next(&pair);) {
    std::array<char, 40> log;
    Require(EscapeForLog(pair.value, log) <= log.size());
    TargetAddress address;
    std::array<char, kMaxSimpleValueBytes + 6> formatted;  // a port that was left out
    if (ParseTargetAddress(pair.value, &address)) {
      Require(FormatTargetAddress(address, formatted) > 0);
    }
    if (const auto number = ParseNumber(pair.value)) {
      std::array<char, kMaxDecimalBytes> digits;
      const std::string_view decimal(digits.data(), FormatNumber(*number, digits.data()));
      Require(ParseNumber(decimal) == number);
    }
  }
}

// What was negotiated is always within the bounds of section 13.
void CheckParameters(const Parameters& p) {
  const auto within = [](Key key, uint32_t value) {
    Require(value >= InfoOf(key).minimum && value <= InfoOf(key).maximum);
  };
  within(Key::kMaxConnections, p.MaxConnections);
  within(Key::kMaxBurstLength, p.MaxBurstLength);
  within(Key::kFirstBurstLength, p.FirstBurstLength);
  within(Key::kDefaultTime2Wait, p.DefaultTime2Wait);
  within(Key::kDefaultTime2Retain, p.DefaultTime2Retain);
  within(Key::kMaxOutstandingR2T, p.MaxOutstandingR2T);
  within(Key::kErrorRecoveryLevel, p.ErrorRecoveryLevel);
  within(Key::kMaxRecvDataSegmentLength, p.own_MaxRecvDataSegmentLength);
  within(Key::kMaxRecvDataSegmentLength, p.peer_MaxRecvDataSegmentLength);
  Require(p.FirstBurstLength <= p.MaxBurstLength);
  Require(p.ErrorRecoveryLevel == 0 || !p.DataSequenceInOrder || p.MaxOutstandingR2T == 1);
}

Offer OfferOf(uint8_t configuration) {
  Offer offer;
  offer.InitiatorName = "iqn.2001-04.com.example:i";
  offer.TargetName = "iqn.2001-04.com.example:t";
  offer.TargetPortalGroupTag = 1;
  if ((configuration & 4) != 0) offer.AuthMethod = {AuthenticationMethod::kCHAP};
  if ((configuration & 8) != 0) offer.HeaderDigest = {DigestAlgorithm::kCRC32C};
  if ((configuration & 16) != 0) {
    offer.MaxBurstLength = 4096;
    offer.FirstBurstLength = 1024;
    offer.ImmediateData = false;
    offer.MaxOutstandingR2T = 64;
    offer.ErrorRecoveryLevel = 2;
    offer.iSCSIProtocolLevel = 2;
  }
  return offer;
}

// All that is pending, in steps. An answer may not be longer than a bound that no peer moves.
std::string Drain(Negotiation* negotiation, size_t step) {
  std::string text;
  std::vector<std::byte> out(step);
  while (negotiation->pending()) {
    const size_t size = negotiation->Write(out);
    if (size == 0) break;
    text += AsChars(std::span(out).first(size));
  }
  Require(text.size() <= 8192);
  return text;
}

class Negotiated {
 public:
  explicit Negotiated(uint8_t configuration)
      : stage_((configuration & 2) != 0 ? Stage::kSecurity : Stage::kOperational),
        negotiation_((configuration & 1) != 0 ? Role::kInitiator : Role::kTarget,
                     OfferOf(configuration), (configuration & 32) != 0 ? &session_ : nullptr) {
    if ((configuration & 64) != 0) stage_ = Stage::kFullFeature;
    negotiation_.Begin(stage_);
  }

  // The answer to one text, or the error's name.
  std::string Exchange(std::string_view text, size_t step) {
    Drain(&negotiation_, step);
    Error error = negotiation_.Receive(AsBytes(text));
    if (error.ok()) error = negotiation_.Respond(true);
    if (error.ok()) return Drain(&negotiation_, step);
    Require(negotiation_.Receive({}) == error);  // a failure stays one
    Require(!negotiation_.Conclude(Stage::kFullFeature).ok());
    return Name(error.code);
  }

  void Conclude() {
    if (!negotiation_.Conclude(Stage::kFullFeature).ok()) return;
    CheckParameters(negotiation_.parameters());
  }

 private:
  SessionParameters session_;
  Stage stage_;
  Negotiation negotiation_;
};

void Run(std::string_view input) {
  const uint8_t configuration = static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  Negotiated whole(configuration);
  Negotiated bytewise(configuration);
  while (!input.empty()) {
    const size_t end = input.find('\n');
    const std::string_view text = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    CheckPairs(text);
    CheckJoiner(text, 1 + text.size() % 7);
    CheckValues(text);
    Require(ParseTargets(text, 1) == ParseTargets(text, text.size() + 1));
    Require(whole.Exchange(text, 4096) == bytewise.Exchange(text, 1));
    SendTargetsRequest request;
    const Error error = ParseSendTargets(AsBytes(text), SessionKind::kDiscovery, &request);
    Require(!error.ok() || IsSendTargets(AsBytes(text)));
  }
  whole.Conclude();
}

}  // namespace
}  // namespace isthmus::text

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 65536) return 0;
  isthmus::text::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
