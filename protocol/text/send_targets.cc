#include "protocol/text/send_targets.h"

#include <array>
#include <cstring>
#include <optional>

#include "protocol/text/codec.h"
#include "protocol/text/names.h"

namespace isthmus::text {
namespace {

constexpr bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}
constexpr bool IsIpv6Character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
         c == '.';
}

bool IsHost(std::string_view host, bool is_ipv6) {
  if (host.empty()) return false;
  for (char c : host) {
    if (is_ipv6 ? !IsIpv6Character(c) : !IsHostCharacter(c)) return false;
  }
  return !is_ipv6 || host.find(':') != std::string_view::npos;
}

// Splits "[v6]" or "name" off the front of `rest`.
bool SplitHost(std::string_view* rest, TargetAddress* address) {
  if (rest->starts_with('[')) {
    const size_t close = rest->find(']');
    if (close == std::string_view::npos) return false;
    address->host = rest->substr(1, close - 1);
    address->is_ipv6 = true;
    rest->remove_prefix(close + 1);
  } else {
    const size_t end = rest->find_first_of(":,");
    address->host = rest->substr(0, end);
    address->is_ipv6 = false;
    rest->remove_prefix(address->host.size());
  }
  return IsHost(address->host, address->is_ipv6);
}

// Only a target is asked for targets.
Error Refused(ErrorCode code) { return MakeError(code, Role::kTarget, PduClass::kText, 0); }

class CharWriter {
 public:
  explicit CharWriter(std::span<char> out) : out_(out) {}
  void Add(std::string_view text) {
    if (text.size() > out_.size() - size_) {
      overflowed_ = true;
      return;
    }
    std::memcpy(out_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void AddNumber(uint64_t number) {
    std::array<char, kMaxDecimalBytes> digits;
    Add({digits.data(), FormatNumber(number, digits.data())});
  }
  size_t size() const { return overflowed_ ? 0 : size_; }

 private:
  std::span<char> out_;
  size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace

bool ParseTargetAddress(std::string_view value, TargetAddress* address) {
  if (value.size() > kMaxSimpleValueBytes) return false;
  TargetAddress parsed;
  if (!SplitHost(&value, &parsed)) return false;
  if (value.starts_with(':')) {
    const std::string_view digits = value.substr(1, value.find(',') - 1);
    const std::optional<uint16_t> port = ParseBinary16(digits);
    if (!port || *port == 0) return false;
    parsed.port = *port;
    parsed.has_port = true;
    value.remove_prefix(1 + digits.size());
  }
  if (value.starts_with(',')) {
    const std::optional<uint16_t> tag = ParseBinary16(value.substr(1));
    if (!tag) return false;
    parsed.portal_group_tag = *tag;
    parsed.has_portal_group_tag = true;
    value = {};
  }
  if (!value.empty()) return false;
  *address = parsed;
  return true;
}

size_t FormatTargetAddress(const TargetAddress& address, std::span<char> out) {
  if (!IsHost(address.host, address.is_ipv6)) return 0;
  CharWriter writer(out);
  if (address.is_ipv6) writer.Add("[");
  writer.Add(address.host);
  if (address.is_ipv6) writer.Add("]");
  writer.Add(":");
  writer.AddNumber(address.port);
  if (address.has_portal_group_tag) {
    writer.Add(",");
    writer.AddNumber(address.portal_group_tag);
  }
  return writer.size();
}

bool IsSendTargets(std::span<const std::byte> text) {
  PairReader pairs(text);
  for (Pair pair; pairs.Next(&pair);) {
    if (pair.key == InfoOf(Key::kSendTargets).name) return true;
  }
  return false;
}

Error ParseSendTargets(std::span<const std::byte> text, SessionKind session,
                       SendTargetsRequest* request) {
  SendTargetsRequest parsed;
  std::string_view value;
  int pairs_seen = 0;
  bool key_seen = false;
  PairReader pairs(text);
  for (Pair pair; pairs.Next(&pair); ++pairs_seen) {
    if (pair.key != InfoOf(Key::kSendTargets).name) continue;
    key_seen = true;
    value = pair.value;
  }
  if (pairs.error() != ErrorCode::kOk) return Refused(pairs.error());
  if (!key_seen || pairs_seen != 1) return Refused(ErrorCode::kTextSendTargetsForm);
  if (value == "All") {
    if (session != SessionKind::kDiscovery) return Refused(ErrorCode::kTextSendTargetsForm);
    parsed.kind = SendTargetsKind::kAll;
  } else if (value.empty()) {
    if (session != SessionKind::kNormal) return Refused(ErrorCode::kTextSendTargetsForm);
    parsed.kind = SendTargetsKind::kThis;
  } else {
    if (!IsIscsiName(value)) return Refused(ErrorCode::kTextSendTargetsForm);
    parsed.kind = SendTargetsKind::kNamed;
    parsed.name = value;
  }
  *request = parsed;
  return Error::Ok();
}

bool SendTargetsWriter::AddTarget(std::string_view target_name) {
  PairWriter writer(page_.subspan(size_));
  if (!writer.Add(InfoOf(Key::kTargetName).name, target_name)) return false;
  size_ += writer.size();
  return true;
}

bool SendTargetsWriter::AddAddress(const TargetAddress& address) {
  std::array<char, kMaxSimpleValueBytes> value;
  const size_t value_size = FormatTargetAddress(address, value);
  if (value_size == 0 || !address.has_portal_group_tag) return false;
  PairWriter writer(page_.subspan(size_));
  if (!writer.Add(InfoOf(Key::kTargetAddress).name, {value.data(), value_size})) return false;
  size_ += writer.size();
  return true;
}

void TargetRecordParser::Feed(std::span<const std::byte> part) { rest_ = AsChars(part); }

bool TargetRecordParser::Fail(ErrorCode code) {
  error_ = MakeError(code, Role::kInitiator, PduClass::kText, 0);
  rest_ = {};
  return false;
}

bool TargetRecordParser::Next(TargetRecord* record) {
  while (error_.ok() && !rest_.empty()) {
    const size_t end = rest_.find('\0');
    const std::string_view piece = rest_.substr(0, end);
    std::string_view pair = piece;
    if (held_ != 0 || end == std::string_view::npos) {
      if (piece.size() > storage_.size() - held_) return Fail(ErrorCode::kTextTooLong);
      std::memcpy(storage_.data() + held_, piece.data(), piece.size());
      held_ += piece.size();
      pair = {storage_.data(), held_};
    }
    if (end == std::string_view::npos) {
      rest_ = {};
      return false;
    }
    rest_.remove_prefix(end + 1);
    held_ = 0;
    if (!pair.empty()) return Parse(pair, record);
  }
  return false;
}

bool TargetRecordParser::Parse(std::string_view pair, TargetRecord* record) {
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Fail(ErrorCode::kTextTargetListSyntax);
  }
  const std::string_view key = pair.substr(0, equals);
  const std::string_view value = pair.substr(equals + 1);
  TargetRecord parsed;
  if (key == InfoOf(Key::kTargetName).name) {
    if (!IsIscsiName(value)) return Fail(ErrorCode::kTextTargetListSyntax);
    parsed.is_target = true;
    parsed.name = value;
    in_record_ = true;
  } else if (key == InfoOf(Key::kTargetAddress).name && in_record_) {
    if (!ParseTargetAddress(value, &parsed.address)) {
      return Fail(ErrorCode::kTextTargetListSyntax);
    }
    parsed.raw_address = value;
  } else {
    return Fail(ErrorCode::kTextTargetListSyntax);
  }
  *record = parsed;
  return true;
}

}  // namespace isthmus::text
