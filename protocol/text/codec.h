// The text format of RFC 7143 section 6.1: pairs, numbers, binary values; and the joining of parts
// that the C bit links (section 6.2).
//
// Reading copies nothing: a Pair points into the text that was given, which the caller keeps.
// Nothing is decoded before its decoded length is known to fit. Writing goes into the caller's span
// and never beyond it.
//
//   TextJoiner joiner(storage);                      // at least 8192 bytes (section 6.1)
//   ErrorCode code = joiner.Append(data_segment, c_bit);
//   if (joiner.complete()) {
//     PairReader pairs(joiner.text());
//     for (Pair pair; pairs.Next(&pair);) Use(pair.key, pair.value);
//     if (pairs.error() != ErrorCode::kOk) ...
//     joiner.Reset();                                // after the last use of the text
//   }

#ifndef ISTHMUS_PROTOCOL_TEXT_CODEC_H_
#define ISTHMUS_PROTOCOL_TEXT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/error.h"
#include "protocol/text/key_table.h"

namespace isthmus::text {

struct Pair {
  std::string_view key;
  std::string_view value;
};

// Walks the pairs of one complete text. Stops at the first malformed one.
class PairReader {
 public:
  // `text` must outlive the reader and every Pair it hands out.
  explicit PairReader(std::span<const std::byte> text);

  // False at the end, and at the first error. An empty pair (two delimiters in a row) says nothing
  // and is skipped.
  bool Next(Pair* pair);

  // Why Next() stopped early, kOk at the end of a well-formed text: kTextKeyEmpty,
  // kTextEqualsMissing, kTextUnterminated, kTextKeyTooLong, kTextKeyCharacter. Whoever knows the
  // role and the PDU makes an Error of it.
  ErrorCode error() const { return error_; }
  // Where: bytes from the start of the text to the pair that is malformed.
  size_t offset() const { return offset_; }

 private:
  ErrorCode Check(std::string_view text, bool terminated) const;

  std::string_view rest_;
  size_t offset_ = 0;
  ErrorCode error_ = ErrorCode::kOk;
};

// Whether `name` is a key-name: letters, digits and . - + @ _ (and #, for X#NodeArchitecture), at
// most 63 bytes.
bool IsKeyName(std::string_view name);

// Whether `value` has only the characters of a text-value, which may be empty.
bool IsTextValue(std::string_view value);

// Whether `value` is well-formed UTF-8 without null characters and surrogates (an
// iSCSI-local-name-value).
bool IsUtf8(std::string_view value);

// Walks a list-of-values; an empty element is handed out as such.
class ListReader {
 public:
  explicit ListReader(std::string_view list) : rest_(list) {}
  bool Next(std::string_view* element);

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// Appends pairs to the caller's span. A pair that does not fit whole is not written at all, and
// overflowed() stays true from then on.
class PairWriter {
 public:
  explicit PairWriter(std::span<std::byte> out) : out_(out) {}

  bool Add(std::string_view key, std::string_view value);
  bool AddNumber(std::string_view key, uint64_t value);
  bool AddHex(std::string_view key,
              std::span<const std::byte> value);  // "0x" and two digits a byte

  size_t size() const { return size_; }
  bool overflowed() const { return overflowed_; }

 private:
  std::byte* Begin(std::string_view key, size_t value_bytes);

  std::span<std::byte> out_;
  size_t size_ = 0;
  bool overflowed_ = false;
};

// A numerical-value: decimal-constant ("0" or no leading zero) or hex-constant, always below 2**64.
// Nothing else: no sign, no blank, no bare "0x".
std::optional<uint64_t> ParseNumber(std::string_view value);

struct NumericalRange {
  uint64_t low;
  uint64_t high;
};
// A numerical-range "low~high" with low <= high.
std::optional<NumericalRange> ParseRange(std::string_view value);

// "Yes" or "No".
std::optional<bool> ParseBoolean(std::string_view value);

// Writes a decimal-constant to `out`; the digits' count. 20 bytes always suffice.
inline constexpr size_t kMaxDecimalBytes = 20;
size_t FormatNumber(uint64_t value, char* out);

// The byte-length of a binary-value that is a hex-constant ((n + 1) / 2 for n digits) or a
// base64-constant, from its text alone; nothing is decoded. nullopt: no such constant, no digit, an
// illegal one, wrong base64 padding.
std::optional<size_t> BinaryLength(std::string_view value);

// Decodes a hex- or base64-constant into `out`; the part that was filled, or nullopt if the value
// is malformed or longer than `out`, which is then unchanged. An odd hex-constant has an implied
// leading zero digit.
std::optional<std::span<std::byte>> DecodeBinary(std::string_view value, std::span<std::byte> out);

// A regular-binary-value of at most 16 bits (TargetPortalGroupTag): decimal, hex or base64.
std::optional<uint16_t> ParseBinary16(std::string_view value);

// "0x" and 2 * bytes digits, into `out` of HexLength(bytes) at least; the characters written.
constexpr size_t HexLength(size_t bytes) { return 2 + 2 * bytes; }
size_t EncodeHex(std::span<const std::byte> bytes, char* out);

// "0b" and RFC 4648 base64 with padding, into `out` of Base64Length(bytes) at least; the characters
// written.
constexpr size_t Base64Length(size_t bytes) { return 2 + (bytes + 2) / 3 * 4; }
size_t EncodeBase64(std::span<const std::byte> bytes, char* out);

// Joins the data segments of PDUs that are linked by the C bit into one logical-text-data-segment
// (section 6.1). A part may end anywhere: inside a key, "=", a value. Holds the caller's storage,
// which must outlive it.
class TextJoiner {
 public:
  static constexpr int kDefaultMaxParts = 64;

  // `max_parts` bounds empty parts too: a peer that sends C=1 without data for ever makes no
  // progress.
  explicit TextJoiner(std::span<std::byte> storage, int max_parts = kDefaultMaxParts)
      : storage_(storage), max_parts_(max_parts) {}

  // Takes one data segment; `c_bit` says that more follows. After a part without the C bit the text
  // is complete. kTextTooLong: over the storage or over max_parts; then only Reset() helps.
  [[nodiscard]] ErrorCode Append(std::span<const std::byte> part, bool c_bit);

  bool complete() const { return complete_; }
  bool empty() const { return parts_ == 0; }

  // The joined text, complete or not; valid until Reset() or the next Append().
  std::span<const std::byte> text() const { return storage_.first(size_); }

  void Reset();

 private:
  std::span<std::byte> storage_;
  size_t size_ = 0;
  int max_parts_;
  int parts_ = 0;
  bool complete_ = false;
};

inline std::string_view AsChars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> AsBytes(std::string_view chars) {
  return {reinterpret_cast<const std::byte*>(chars.data()), chars.size()};
}

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_CODEC_H_
