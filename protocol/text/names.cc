#include "protocol/text/names.h"

#include <cstdint>

#include "protocol/text/codec.h"
#include "protocol/text/key_table.h"

namespace isthmus::text {
namespace {

constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

struct CodeRange {
  uint32_t first, last;
};
// Outside ASCII, from the tables that RFC 3722 section 5 prohibits: controls, spaces, private use,
// non-characters, change of display properties, tags, and ideographic full stop (section 6).
constexpr CodeRange kProhibited[] = {
    {0x0080, 0x00a0}, {0x1680, 0x1680},   {0x180e, 0x180e},    {0x2000, 0x200f}, {0x2028, 0x202f},
    {0x205f, 0x206f}, {0x3000, 0x3002},   {0xe000, 0xf8ff},    {0xfdd0, 0xfdef}, {0xfeff, 0xfeff},
    {0xfff9, 0xffff}, {0xe0001, 0xe007f}, {0xf0000, 0x10ffff},
};

uint32_t CodePoint(std::string_view name, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(name[i] & 0xff); };
  const uint32_t lead = byte(*at);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) code = code << 6 | (byte(*at + i) & 0x3f);
  *at += size;
  return code;
}

NameCheck CheckCharacters(std::string_view name) {
  if (!IsUtf8(name)) return NameCheck::kBadCharacter;
  for (size_t at = 0; at < name.size();) {
    const uint32_t code = CodePoint(name, &at);
    if (code < 0x80) {
      const char c = static_cast<char>(code);
      if (IsUpper(c)) return NameCheck::kNotNormalized;
      if (!IsLower(c) && !IsDigit(c) && c != '-' && c != '.' && c != ':') {
        return NameCheck::kBadCharacter;
      }
      continue;
    }
    for (const CodeRange& range : kProhibited) {
      if (code >= range.first && code <= range.last) return NameCheck::kBadCharacter;
    }
  }
  return NameCheck::kOk;
}

// yyyy-mm.reversed.domain[:anything], section 4.2.7.4.
NameCheck CheckIqn(std::string_view rest) {
  if (const NameCheck check = CheckCharacters(rest); check != NameCheck::kOk) return check;
  constexpr std::string_view kDate = "dddd-dd.";
  if (rest.size() <= kDate.size()) return NameCheck::kMalformed;
  for (size_t i = 0; i < kDate.size(); ++i) {
    if (kDate[i] == 'd' ? !IsDigit(rest[i]) : rest[i] != kDate[i]) return NameCheck::kMalformed;
  }
  const int month = (rest[5] - '0') * 10 + (rest[6] - '0');
  if (month < 1 || month > 12) return NameCheck::kMalformed;
  const std::string_view authority = rest.substr(kDate.size(), rest.find(':') - kDate.size());
  if (authority.empty() || authority.front() == '.' || authority.back() == '.' ||
      authority.find("..") != std::string_view::npos) {
    return NameCheck::kMalformed;
  }
  return NameCheck::kOk;
}

NameCheck CheckHex(std::string_view digits, bool right_size) {
  for (char c : digits) {
    if (!IsHex(c)) return NameCheck::kMalformed;
  }
  return right_size ? NameCheck::kOk : NameCheck::kMalformed;
}

}  // namespace

NameCheck CheckIscsiName(std::string_view name) {
  if (name.empty()) return NameCheck::kEmpty;
  if (name.size() > kMaxNameBytes) return NameCheck::kTooLong;
  const std::string_view rest = name.substr(name.size() < 4 ? name.size() : 4);
  if (name.starts_with("iqn.")) return CheckIqn(rest);
  if (name.starts_with("eui.")) return CheckHex(rest, rest.size() == 16);
  if (name.starts_with("naa.")) return CheckHex(rest, rest.size() == 16 || rest.size() == 32);
  return NameCheck::kUnknownType;
}

std::string_view Describe(NameCheck check) {
  switch (check) {
    case NameCheck::kOk:
      return "is an iSCSI name";
    case NameCheck::kEmpty:
      return "is empty";
    case NameCheck::kTooLong:
      return "is longer than 223 bytes";
    case NameCheck::kUnknownType:
      return "does not begin with iqn., eui. or naa.";
    case NameCheck::kMalformed:
      return "is not of the form iqn.yyyy-mm.reversed.domain[:name], eui. with 16 hexadecimal "
             "digits, or naa. with 16 or 32";
    case NameCheck::kNotNormalized:
      return "has uppercase letters";
    case NameCheck::kBadCharacter:
      return "has characters other than a-z, 0-9, '-', '.', ':'";
  }
  return "";
}

size_t NormalizeIscsiName(std::string_view name, std::span<char> out) {
  const size_t size = name.size() < out.size() ? name.size() : out.size();
  const auto lower = [](char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; };
  for (size_t i = 0; i < size && i < 4; ++i) out[i] = lower(name[i]);
  const std::string_view type(out.data(), size < 4 ? size : 4);
  const bool hexadecimal = type == "eui." || type == "naa.";
  for (size_t i = 4; i < size; ++i) out[i] = hexadecimal ? name[i] : lower(name[i]);
  return size;
}

size_t EscapeForLog(std::string_view value, std::span<char> out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kCut = "...";
  size_t size = 0;
  size_t cut = 0;  // the end of the last escape after which "..." would still fit
  for (char c : value) {
    char escape[4] = {c};
    size_t needed = 1;
    if (c == '\\') {
      escape[1] = c;
      needed = 2;
    } else if (c < 0x20 || c > 0x7e) {
      escape[0] = '\\';
      escape[1] = 'x';
      escape[2] = kDigits[static_cast<unsigned char>(c) >> 4];
      escape[3] = kDigits[c & 0xf];
      needed = 4;
    }
    if (needed > out.size() - size) {
      size = cut;
      for (char dot : kCut) {
        if (size < out.size()) out[size++] = dot;
      }
      return size;
    }
    for (size_t i = 0; i < needed; ++i) out[size++] = escape[i];
    if (size + kCut.size() <= out.size()) cut = size;
  }
  return size;
}

}  // namespace isthmus::text
