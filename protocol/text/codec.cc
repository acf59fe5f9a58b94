#include "protocol/text/codec.h"

#include <array>
#include <charconv>
#include <cstring>

namespace isthmus::text {
namespace {

constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLabelCharacter(char c) {
  return IsLetter(c) || IsDigit(c) || c == '.' || c == '-' || c == '+' || c == '@' || c == '_';
}

constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (IsDigit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexAlphabet = "0123456789abcdef";

enum class Encoding { kNone, kHex, kBase64 };

// Splits the prefix off a constant; kNone if there is none.
Encoding SplitPrefix(std::string_view value, std::string_view* digits) {
  if (value.size() < 2 || value[0] != '0') return Encoding::kNone;
  *digits = value.substr(2);
  if (value[1] == 'x' || value[1] == 'X') return Encoding::kHex;
  if (value[1] == 'b' || value[1] == 'B') return Encoding::kBase64;
  return Encoding::kNone;
}

std::optional<size_t> HexBytes(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  for (char c : digits) {
    if (HexDigit(c) < 0) return std::nullopt;
  }
  return digits.size() / 2 + digits.size() % 2;
}

// RFC 4648 section 3.2: padded to four characters, and the bits that padding leaves over are zero.
std::optional<size_t> Base64Bytes(std::string_view digits) {
  if (digits.empty() || digits.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && digits[digits.size() - 1 - padding] == '=') ++padding;
  const std::string_view data = digits.substr(0, digits.size() - padding);
  for (char c : data) {
    if (Base64Digit(c) < 0) return std::nullopt;
  }
  const int last = Base64Digit(data.back());
  if ((padding == 1 && (last & 0x3) != 0) || (padding == 2 && (last & 0xf) != 0)) {
    return std::nullopt;
  }
  return digits.size() / 4 * 3 - padding;
}

void DecodeHex(std::string_view digits, std::span<std::byte> out) {
  size_t next = 0;
  if (digits.size() % 2 == 1) {
    out[next++] = static_cast<std::byte>(HexDigit(digits[0]));
    digits.remove_prefix(1);
  }
  for (; digits.size() >= 2; digits.remove_prefix(2)) {
    out[next++] = static_cast<std::byte>(HexDigit(digits[0]) << 4 | HexDigit(digits[1]));
  }
}

void DecodeBase64(std::string_view digits, std::span<std::byte> out) {
  uint32_t bits = 0;
  int held = 0;
  size_t next = 0;
  for (char c : digits) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(Base64Digit(c));
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[next++] = static_cast<std::byte>(bits >> held & 0xff);
    }
  }
}

// The length of the well-formed UTF-8 sequence at the front of `value`, or 0 (RFC 3629).
size_t Utf8Sequence(std::string_view value) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(value[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  size_t size = 0;
  uint32_t code = 0;
  uint32_t least = 0;
  if ((lead & 0xe0) == 0xc0) {
    size = 2, code = lead & 0x1f, least = 0x80;
  } else if ((lead & 0xf0) == 0xe0) {
    size = 3, code = lead & 0x0f, least = 0x800;
  } else if ((lead & 0xf8) == 0xf0) {
    size = 4, code = lead & 0x07, least = 0x10000;
  } else {
    return 0;
  }
  if (value.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (at(i) & 0x3f);
  }
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 0;
  return size;
}

}  // namespace

PairReader::PairReader(std::span<const std::byte> text) : rest_(AsChars(text)) {}

ErrorCode PairReader::Check(std::string_view text, bool terminated) const {
  const size_t equals = text.find('=');
  if (equals == 0) return ErrorCode::kTextKeyEmpty;
  if (equals == std::string_view::npos) return ErrorCode::kTextEqualsMissing;
  if (!terminated) return ErrorCode::kTextUnterminated;
  if (equals > kMaxKeyBytes) return ErrorCode::kTextKeyTooLong;
  if (!IsKeyName(text.substr(0, equals))) return ErrorCode::kTextKeyCharacter;
  return ErrorCode::kOk;
}

bool PairReader::Next(Pair* pair) {
  if (error_ != ErrorCode::kOk) return false;
  while (!rest_.empty() && rest_.front() == '\0') {
    rest_.remove_prefix(1);
    ++offset_;
  }
  if (rest_.empty()) return false;
  const size_t end = rest_.find('\0');
  const std::string_view text = rest_.substr(0, end);
  error_ = Check(text, end != std::string_view::npos);
  if (error_ != ErrorCode::kOk) return false;
  const size_t equals = text.find('=');
  pair->key = text.substr(0, equals);
  pair->value = text.substr(equals + 1);
  rest_.remove_prefix(end + 1);
  offset_ += end + 1;
  return true;
}

bool IsKeyName(std::string_view name) {
  if (name.empty() || name.size() > kMaxKeyBytes) return false;
  for (char c : name) {
    if (!IsLabelCharacter(c) && c != '#') return false;
  }
  return true;
}

bool IsTextValue(std::string_view value) {
  for (char c : value) {
    if (!IsLabelCharacter(c) && c != '/' && c != '[' && c != ']' && c != ':') return false;
  }
  return true;
}

bool IsUtf8(std::string_view value) {
  while (!value.empty()) {
    const size_t size = Utf8Sequence(value);
    if (size == 0 || value.front() == '\0') return false;
    value.remove_prefix(size);
  }
  return true;
}

bool ListReader::Next(std::string_view* element) {
  if (ended_) return false;
  const size_t comma = rest_.find(',');
  *element = rest_.substr(0, comma);
  if (comma == std::string_view::npos) {
    ended_ = true;
  } else {
    rest_.remove_prefix(comma + 1);
  }
  return true;
}

std::byte* PairWriter::Begin(std::string_view key, size_t value_bytes) {
  const size_t room = out_.size() - size_;
  if (overflowed_ || key.size() > room || value_bytes > room - key.size() ||
      room - key.size() - value_bytes < 2) {
    overflowed_ = true;
    return nullptr;
  }
  std::byte* at = out_.data() + size_;
  std::memcpy(at, key.data(), key.size());
  at[key.size()] = std::byte{'='};
  at[key.size() + 1 + value_bytes] = std::byte{0};
  size_ += key.size() + value_bytes + 2;
  return at + key.size() + 1;
}

bool PairWriter::Add(std::string_view key, std::string_view value) {
  std::byte* at = Begin(key, value.size());
  if (at == nullptr) return false;
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  return true;
}

bool PairWriter::AddNumber(std::string_view key, uint64_t value) {
  std::array<char, kMaxDecimalBytes> digits;
  return Add(key, {digits.data(), FormatNumber(value, digits.data())});
}

bool PairWriter::AddHex(std::string_view key, std::span<const std::byte> value) {
  std::byte* at = Begin(key, HexLength(value.size()));
  if (at == nullptr) return false;
  EncodeHex(value, reinterpret_cast<char*>(at));
  return true;
}

std::optional<uint64_t> ParseNumber(std::string_view value) {
  int base = 10;
  if (value.size() > 2 && value[0] == '0' && (value[1] == 'x' || value[1] == 'X')) {
    base = 16;
    value.remove_prefix(2);
  } else if (value.size() > 1 && value[0] == '0') {
    return std::nullopt;
  }
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), number, base);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    return std::nullopt;
  }
  return number;
}

std::optional<NumericalRange> ParseRange(std::string_view value) {
  const size_t tilde = value.find('~');
  if (tilde == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> low = ParseNumber(value.substr(0, tilde));
  const std::optional<uint64_t> high = ParseNumber(value.substr(tilde + 1));
  if (!low || !high || *low > *high) return std::nullopt;
  return NumericalRange{*low, *high};
}

std::optional<bool> ParseBoolean(std::string_view value) {
  if (value == kYesValue) return true;
  if (value == kNoValue) return false;
  return std::nullopt;
}

size_t FormatNumber(uint64_t value, char* out) {
  return static_cast<size_t>(std::to_chars(out, out + kMaxDecimalBytes, value).ptr - out);
}

std::optional<size_t> BinaryLength(std::string_view value) {
  std::string_view digits;
  switch (SplitPrefix(value, &digits)) {
    case Encoding::kHex:
      return HexBytes(digits);
    case Encoding::kBase64:
      return Base64Bytes(digits);
    case Encoding::kNone:
      break;
  }
  return std::nullopt;
}

std::optional<std::span<std::byte>> DecodeBinary(std::string_view value, std::span<std::byte> out) {
  const std::optional<size_t> size = BinaryLength(value);
  if (!size || *size > out.size()) return std::nullopt;
  std::string_view digits;
  if (SplitPrefix(value, &digits) == Encoding::kHex) {
    DecodeHex(digits, out);
  } else {
    DecodeBase64(digits, out);
  }
  return out.first(*size);
}

std::optional<uint16_t> ParseBinary16(std::string_view value) {
  uint64_t number = 0;
  std::string_view digits;
  if (SplitPrefix(value, &digits) == Encoding::kBase64) {
    std::array<std::byte, 2> bytes;
    const auto decoded = DecodeBinary(value, bytes);
    if (!decoded) return std::nullopt;
    for (std::byte b : *decoded) number = number << 8 | static_cast<uint64_t>(b);
  } else {
    const std::optional<uint64_t> parsed = ParseNumber(value);
    if (!parsed) return std::nullopt;
    number = *parsed;
  }
  if (number > 0xffff) return std::nullopt;
  return static_cast<uint16_t>(number);
}

size_t EncodeHex(std::span<const std::byte> bytes, char* out) {
  char* at = out;
  *at++ = '0';
  *at++ = 'x';
  for (std::byte b : bytes) {
    *at++ = kHexAlphabet[static_cast<size_t>(b >> 4)];
    *at++ = kHexAlphabet[static_cast<size_t>(b & std::byte{0xf})];
  }
  return static_cast<size_t>(at - out);
}

size_t EncodeBase64(std::span<const std::byte> bytes, char* out) {
  char* at = out;
  *at++ = '0';
  *at++ = 'b';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = bytes.size() - i;
    uint32_t bits = static_cast<uint32_t>(bytes[i]) << 16;
    if (have > 1) bits |= static_cast<uint32_t>(bytes[i + 1]) << 8;
    if (have > 2) bits |= static_cast<uint32_t>(bytes[i + 2]);
    *at++ = kBase64Alphabet[bits >> 18];
    *at++ = kBase64Alphabet[bits >> 12 & 0x3f];
    *at++ = have > 1 ? kBase64Alphabet[bits >> 6 & 0x3f] : '=';
    *at++ = have > 2 ? kBase64Alphabet[bits & 0x3f] : '=';
  }
  return static_cast<size_t>(at - out);
}

ErrorCode TextJoiner::Append(std::span<const std::byte> part, bool c_bit) {
  if (complete_) return ErrorCode::kCallOutOfState;
  if (parts_ >= max_parts_ || part.size() > storage_.size() - size_) {
    return ErrorCode::kTextTooLong;
  }
  if (!part.empty()) std::memcpy(storage_.data() + size_, part.data(), part.size());
  size_ += part.size();
  ++parts_;
  complete_ = !c_bit;
  return ErrorCode::kOk;
}

void TextJoiner::Reset() {
  size_ = 0;
  parts_ = 0;
  complete_ = false;
}

}  // namespace isthmus::text
