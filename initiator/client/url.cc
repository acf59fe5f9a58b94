#include "initiator/client/url.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protocol/text/names.h"

namespace isthmus::initiator {
namespace {

constexpr absl::string_view kScheme = "iscsi://";

absl::Status Wrong(absl::string_view url, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", WithoutSecret(url), "\": ", why));
}

bool ParseDigests(absl::string_view value, text::Preferences<text::DigestAlgorithm>* out) {
  *out = {};
  for (absl::string_view word : absl::StrSplit(value, ',')) {
    if (absl::EqualsIgnoreCase(word, "crc32c")) {
      out->Add(text::DigestAlgorithm::kCRC32C);
    } else if (absl::EqualsIgnoreCase(word, "none")) {
      out->Add(text::DigestAlgorithm::kNone);
    } else {
      return false;
    }
  }
  return true;
}

absl::Status ParseArgument(absl::string_view url, absl::string_view pair, ParsedUrl* parsed) {
  const std::pair<absl::string_view, absl::string_view> split = absl::StrSplit(pair, absl::MaxSplits('=', 1));
  if (split.first == "header_digest") {
    parsed->says_header_digest = true;
    if (ParseDigests(split.second, &parsed->header_digest)) return absl::OkStatus();
  } else if (split.first == "data_digest") {
    parsed->says_data_digest = true;
    if (ParseDigests(split.second, &parsed->data_digest)) return absl::OkStatus();
  } else {
    return Wrong(url, absl::StrCat("\"", split.first, "\" is no argument (header_digest, data_digest)"));
  }
  return Wrong(url, absl::StrCat(split.first, "=", split.second, " is none of crc32c, none, or both with a comma"));
}

}  // namespace

bool IsUrl(absl::string_view text) { return absl::StartsWithIgnoreCase(text, kScheme); }

SecretPlace FindSecret(absl::string_view text) {
  if (!IsUrl(text)) return {};
  const size_t start = kScheme.size();
  const absl::string_view rest = text.substr(start);
  const absl::string_view authority = rest.substr(0, rest.find('/'));
  const size_t at = authority.rfind('@');
  if (at == absl::string_view::npos) return {};
  const size_t percent = authority.substr(0, at).find('%');
  if (percent == absl::string_view::npos) return {};
  return {start + percent + 1, at - percent - 1};
}

std::string WithoutSecret(absl::string_view text) {
  const SecretPlace secret = FindSecret(text);
  if (secret.size == 0) return std::string(text);
  return absl::StrCat(text.substr(0, secret.offset), "***", text.substr(secret.offset + secret.size));
}

absl::StatusOr<ParsedUrl> ParseUrl(absl::string_view text) {
  if (!IsUrl(text)) return Wrong(text, "does not begin with iscsi://");
  ParsedUrl parsed;
  absl::string_view rest = text.substr(kScheme.size());
  const size_t question = rest.find('?');
  const absl::string_view arguments = question == absl::string_view::npos ? "" : rest.substr(question + 1);
  rest = rest.substr(0, question);

  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos) return Wrong(text, "the target's name is missing: iscsi://host/name/lun");
  absl::string_view authority = rest.substr(0, slash);
  rest.remove_prefix(slash + 1);
  if (const size_t at = authority.rfind('@'); at != absl::string_view::npos) {
    const absl::string_view login = authority.substr(0, at);
    const size_t percent = login.find('%');
    parsed.user = std::string(login.substr(0, percent));
    if (percent != absl::string_view::npos) parsed.secret = std::string(login.substr(percent + 1));
    if (parsed.user.empty()) return Wrong(text, "the user's name before the @ is empty");
    authority.remove_prefix(at + 1);
  }
  absl::StatusOr<transport::Address> portal = transport::ParseAddress(authority, transport::kDefaultPort);
  if (!portal.ok()) return Wrong(text, portal.status().message());
  parsed.portal = *std::move(portal);

  const size_t last = rest.rfind('/');
  if (last == absl::string_view::npos) return Wrong(text, "the LUN is missing: iscsi://host/name/lun");
  parsed.target_name = std::string(rest.substr(0, last));
  if (!text::IsIscsiName(parsed.target_name)) {
    return Wrong(text, absl::StrCat("\"", parsed.target_name, "\" is not an iSCSI name (RFC 7143 section 4.2.7)"));
  }
  uint32_t lun = 0;
  if (!absl::SimpleAtoi(rest.substr(last + 1), &lun) || lun > 16383) {
    return Wrong(text, absl::StrCat("\"", rest.substr(last + 1), "\" is not a LUN (0 to 16383)"));
  }
  parsed.lun = static_cast<uint16_t>(lun);

  for (absl::string_view pair : absl::StrSplit(arguments, '&', absl::SkipEmpty())) {
    if (absl::Status status = ParseArgument(text, pair, &parsed); !status.ok()) return status;
  }
  return parsed;
}

}  // namespace isthmus::initiator
