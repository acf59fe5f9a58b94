// The 48-byte Basic Header Segment and the fields in it. RFC 7143 sections 11 and 11.2.1.
//
// A header is plain bytes; a Field says where a value stands in them. There are no bit-field
// structs over wire bytes: a Get or Set of a constexpr field compiles to a load or store, a byte
// swap, a shift and a mask. Every PDU lists its fields once, in Layout<Pdu>::kFields, next to its
// struct; codec, dump, docs and tests come from that list, and CoversHeader proves that it covers
// each of the 384 bits exactly once.
//
//   wire::Bhs header;                                  // owned by whoever declares it; all zero
//   wire::Encode(wire::DataOut{.final = true, .initiator_task_tag = 7}, &header);
//   wire::Set(header, wire::kDataSegmentLength, 512u);
//   uint32_t length = wire::Get(header, wire::kDataSegmentLength);
#ifndef ISTHMUS_PROTOCOL_WIRE_FIELD_H_
#define ISTHMUS_PROTOCOL_WIRE_FIELD_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

namespace isthmus::wire {

inline constexpr size_t kBhsSize = 48;

// Tags that name nothing (sections 11.2.1.8, 11.7.4).
inline constexpr uint32_t kReservedTag = 0xffffffff;

struct Bhs {
  std::array<std::byte, kBhsSize> bytes = {};
  friend constexpr bool operator==(const Bhs&, const Bhs&) = default;
};
static_assert(sizeof(Bhs) == kBhsSize);

// Where a value of type T stands: `width` bits from bit `bit` (0 is the most significant, as the
// RFC counts) of byte `byte`. Fields up to 7 bits lie within a byte; wider ones begin at bit 0 and
// are whole bytes, most significant first.
template <class T>
struct Field {
  uint8_t byte;
  uint8_t bit;
  uint8_t width;
  const char* name;            // in the RFC's spelling
  const char* section;         // of RFC 7143, or "RFC 7144" where protocol_level is 2
  uint8_t protocol_level = 1;  // the iSCSIProtocolLevel below which the bits are reserved
};

namespace internal {

template <size_t kBytes>
[[gnu::always_inline]] constexpr uint64_t LoadBytes(const std::byte* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < kBytes; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

template <class Word>
[[gnu::always_inline]] constexpr Word BigEndian(Word word) {
  if constexpr (std::endian::native == std::endian::big) {
    return word;
  } else if constexpr (sizeof(Word) == 2) {
    return __builtin_bswap16(word);
  } else if constexpr (sizeof(Word) == 4) {
    return __builtin_bswap32(word);
  } else {
    return __builtin_bswap64(word);
  }
}

template <class Word>
[[gnu::always_inline]] constexpr uint64_t LoadWord(const std::byte* from) {
  if (std::is_constant_evaluated()) return LoadBytes<sizeof(Word)>(from);
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return BigEndian(word);
}

template <size_t kBytes>
[[gnu::always_inline]] constexpr void StoreBytes(std::byte* to, uint64_t value) {
  for (size_t i = kBytes; i-- > 0; value >>= 8) to[i] = static_cast<std::byte>(value);
}

template <class Word>
[[gnu::always_inline]] constexpr void StoreWord(std::byte* to, uint64_t value) {
  if (std::is_constant_evaluated()) return StoreBytes<sizeof(Word)>(to, value);
  const Word word = BigEndian(static_cast<Word>(value));
  std::memcpy(to, &word, sizeof(word));
}

[[gnu::always_inline]] constexpr uint64_t Load(const std::byte* from, int width) {
  switch (width) {
    case 8:
      return static_cast<uint8_t>(*from);
    case 16:
      return LoadWord<uint16_t>(from);
    case 24:
      return LoadBytes<3>(from);
    case 32:
      return LoadWord<uint32_t>(from);
    default:
      return LoadWord<uint64_t>(from);
  }
}

[[gnu::always_inline]] constexpr void Store(std::byte* to, int width, uint64_t value) {
  switch (width) {
    case 8:
      *to = static_cast<std::byte>(value);
      return;
    case 16:
      StoreWord<uint16_t>(to, value);
      return;
    case 24:
      StoreBytes<3>(to, value);
      return;
    case 32:
      StoreWord<uint32_t>(to, value);
      return;
    default:
      StoreWord<uint64_t>(to, value);
      return;
  }
}

template <class T>
struct IsByteArray : std::false_type {};
template <size_t kBytes>
struct IsByteArray<std::array<std::byte, kBytes>> : std::true_type {};

}  // namespace internal

// The field's value. Enumerations come as they are on the wire, reserved codes included.
template <class T>
[[gnu::always_inline]] constexpr T Get(const Bhs& header, const Field<T>& field) {
  const std::byte* from = header.bytes.data() + field.byte;
  if constexpr (internal::IsByteArray<T>::value) {
    T value = {};
    for (size_t i = 0; i < value.size(); ++i) value[i] = from[i];
    return value;
  } else if (field.width < 8) {
    const int shift = 8 - field.bit - field.width;
    return static_cast<T>((static_cast<unsigned>(*from) >> shift) & ((1u << field.width) - 1));
  } else {
    return static_cast<T>(internal::Load(from, field.width));
  }
}

// Puts the value into the field and leaves all other bits. What does not fit the field's width is
// cut off.
template <class T>
[[gnu::always_inline]] constexpr void Set(Bhs& header, const Field<T>& field,
                                          const std::type_identity_t<T>& value) {
  std::byte* to = header.bytes.data() + field.byte;
  if constexpr (internal::IsByteArray<T>::value) {
    for (size_t i = 0; i < value.size(); ++i) to[i] = value[i];
  } else if (field.width < 8) {
    const int shift = 8 - field.bit - field.width;
    const unsigned mask = ((1u << field.width) - 1) << shift;
    const unsigned kept = static_cast<unsigned>(*to) & ~mask;
    *to = static_cast<std::byte>(kept | ((static_cast<unsigned>(value) << shift) & mask));
  } else {
    internal::Store(to, field.width, static_cast<uint64_t>(value));
  }
}

// What a Layout lists: a field that a member of the PDU's struct carries, bits that always have one
// value, or reserved bits (written as 0, ignored on receipt, section 11).
template <class Pdu, class T>
struct Member {
  Field<T> field;
  T Pdu::*member;
};
struct Fixed {
  Field<uint32_t> field;
  uint32_t value;
};
struct Reserved {
  uint8_t byte;
  uint8_t bit;
  uint16_t width;
};

template <class Pdu, class T>
constexpr Member<Pdu, T> In(const std::type_identity_t<Field<T>>& field, T Pdu::*member) {
  return {field, member};
}

// Specialised beside each PDU's struct:
//   kOpcode, kName, kSection   the opcode byte's low six bits, the RFC's name, where it stands
//   kFields                    a std::tuple of Member, Fixed and Reserved, in the header's order
template <class Pdu>
struct Layout;

namespace internal {

struct Extent {
  int byte, bit, width;
};
template <class Pdu, class T>
constexpr Extent ExtentOf(const Member<Pdu, T>& row) {
  return {row.field.byte, row.field.bit, row.field.width};
}
constexpr Extent ExtentOf(const Fixed& row) {
  return {row.field.byte, row.field.bit, row.field.width};
}
constexpr Extent ExtentOf(const Reserved& row) { return {row.byte, row.bit, row.width}; }

// A member's type must hold every value of the field, and the access must be one that Get and Set
// know.
template <class Pdu, class T>
constexpr bool WellFormed(const Member<Pdu, T>& row) {
  const Field<T>& field = row.field;
  if constexpr (IsByteArray<T>::value) return field.bit == 0 && field.width == sizeof(T) * 8;
  if (std::is_same_v<T, bool> && field.width != 1) return false;
  if (field.width > sizeof(T) * 8) return false;
  if (field.width < 8) return field.bit + field.width <= 8;
  return field.bit == 0 && (field.width == 8 || field.width == 16 || field.width == 24 ||
                            field.width == 32 || field.width == 64);
}
constexpr bool WellFormed(const Fixed& row) {
  if (row.field.width < 8) {
    return row.field.bit + row.field.width <= 8 && row.value < (1u << row.field.width);
  }
  return row.field.bit == 0 && row.field.width == 32;
}
constexpr bool WellFormed(const Reserved&) { return true; }

template <class Pdu, class T>
[[gnu::always_inline]] constexpr void EncodeRow(const Member<Pdu, T>& row, const Pdu& pdu,
                                                int protocol_level, Bhs* header) {
  if (row.field.protocol_level > 1 && protocol_level < row.field.protocol_level) return;
  Set(*header, row.field, pdu.*row.member);
}
template <class Pdu>
[[gnu::always_inline]] constexpr void EncodeRow(const Fixed& row, const Pdu&, int, Bhs* header) {
  Set(*header, row.field, row.value);
}
template <class Pdu>
[[gnu::always_inline]] constexpr void EncodeRow(const Reserved&, const Pdu&, int, Bhs*) {}

template <class Pdu, class T>
[[gnu::always_inline]] constexpr void DecodeRow(const Member<Pdu, T>& row, const Bhs& header,
                                                int protocol_level, Pdu* pdu) {
  if (row.field.protocol_level > 1 && protocol_level < row.field.protocol_level) {
    pdu->*row.member = T{};
  } else {
    pdu->*row.member = Get(header, row.field);
  }
}
template <class Pdu>
[[gnu::always_inline]] constexpr void DecodeRow(const Fixed&, const Bhs&, int, Pdu*) {}
template <class Pdu>
[[gnu::always_inline]] constexpr void DecodeRow(const Reserved&, const Bhs&, int, Pdu*) {}

template <class Pdu, class T>
constexpr bool FixedHolds(const Member<Pdu, T>&, const Bhs&) {
  return true;
}
constexpr bool FixedHolds(const Fixed& row, const Bhs& header) {
  return Get(header, row.field) == row.value;
}
constexpr bool FixedHolds(const Reserved&, const Bhs&) { return true; }

}  // namespace internal

// Whether the Layout's rows stand in the header's order, are well formed, and cover all 384 bits
// exactly once.
template <class Pdu>
constexpr bool CoversHeader() {
  return std::apply(
      [](const auto&... rows) {
        int next = 0;
        bool good = true;
        const auto add = [&](const internal::Extent& extent) {
          good = good && extent.width > 0 && extent.byte * 8 + extent.bit == next;
          next += extent.width;
        };
        (add(internal::ExtentOf(rows)), ...);
        return good && next == static_cast<int>(kBhsSize * 8) &&
               (internal::WellFormed(rows) && ...);
      },
      Layout<Pdu>::kFields);
}

namespace internal {

template <class Pdu>
using RowNumbers = std::make_index_sequence<std::tuple_size_v<decltype(Layout<Pdu>::kFields)>>;

template <class Pdu, size_t... kRows>
[[gnu::always_inline]] constexpr void EncodeRows(std::index_sequence<kRows...>, const Pdu& pdu,
                                                 int protocol_level, Bhs* header) {
  (EncodeRow(std::get<kRows>(Layout<Pdu>::kFields), pdu, protocol_level, header), ...);
}
template <class Pdu, size_t... kRows>
[[gnu::always_inline]] constexpr void DecodeRows(std::index_sequence<kRows...>, const Bhs& header,
                                                 int protocol_level, Pdu* pdu) {
  (DecodeRow(std::get<kRows>(Layout<Pdu>::kFields), header, protocol_level, pdu), ...);
}
template <class Pdu, size_t... kRows>
constexpr bool FixedBitsHold(std::index_sequence<kRows...>, const Bhs& header) {
  return (FixedHolds(std::get<kRows>(Layout<Pdu>::kFields), header) && ...);
}

}  // namespace internal

// Writes all 48 bytes: members, fixed bits, zero where reserved. Fields of a protocol level above
// the given one (the session's iSCSIProtocolLevel) are reserved and written as zero.
template <class Pdu>
[[gnu::always_inline]] constexpr void Encode(const Pdu& pdu, Bhs* header, int protocol_level = 1) {
  Bhs result;  // not *header: its bytes might be the struct's, for all the compiler knows
  internal::EncodeRows(internal::RowNumbers<Pdu>(), pdu, protocol_level, &result);
  *header = result;
}

// Reads every member; any 48 bytes are acceptable. Reserved bits, fixed bits (opcode included) and
// fields of a higher protocol level are ignored. The caller has looked at the opcode;
// FixedBitsHold() says whether the fixed bits are right.
template <class Pdu>
[[gnu::always_inline]] constexpr void Decode(const Bhs& header, Pdu* pdu, int protocol_level = 1) {
  Pdu result;
  internal::DecodeRows(internal::RowNumbers<Pdu>(), header, protocol_level, &result);
  *pdu = result;
}

// Whether the bits that always have one value (opcode, F of a PDU that is always final, a tag that
// is always 0xffffffff) have it.
template <class Pdu>
constexpr bool FixedBitsHold(const Bhs& header) {
  return internal::FixedBitsHold<Pdu>(internal::RowNumbers<Pdu>(), header);
}

// Fields that stand at the same place in every PDU that has them (section 11.2.1).
inline constexpr Field<bool> kImmediate = {0, 1, 1, "I", "11.2.1.1"};
inline constexpr Field<uint32_t> kFixedImmediate = {0, 1, 1, "I", "11.12"};
inline constexpr Field<uint8_t> kOpcode = {0, 2, 6, "Opcode", "11.2.1.2"};
inline constexpr Field<uint32_t> kFixedOpcode = {0, 2, 6, "Opcode", "11.2.1.2"};
inline constexpr Field<bool> kFinal = {1, 0, 1, "F", "11.2.1.3"};
inline constexpr Field<uint32_t> kFixedFinal = {1, 0, 1, "F", "11.2.1.3"};
inline constexpr Field<bool> kContinue = {1, 1, 1, "C", "6.2"};
inline constexpr Field<uint8_t> kTotalAhsLength = {4, 0, 8, "TotalAHSLength", "11.2.1.5"};
inline constexpr Field<uint32_t> kDataSegmentLength = {5, 0, 24, "DataSegmentLength", "11.2.1.6"};
inline constexpr Field<uint64_t> kLun = {8, 0, 64, "LUN", "11.2.1.7"};
inline constexpr Field<uint32_t> kInitiatorTaskTag = {16, 0, 32, "Initiator Task Tag", "11.2.1.8"};
inline constexpr Field<uint32_t> kTargetTransferTag = {20, 0, 32, "Target Transfer Tag", "11.7.4"};
inline constexpr Field<uint32_t> kCmdSn = {24, 0, 32, "CmdSN", "11.3.2"};
inline constexpr Field<uint32_t> kExpStatSn = {28, 0, 32, "ExpStatSN", "11.3.3"};
inline constexpr Field<uint32_t> kStatSn = {24, 0, 32, "StatSN", "11.4.9"};
inline constexpr Field<uint32_t> kExpCmdSn = {28, 0, 32, "ExpCmdSN", "11.4.10"};
inline constexpr Field<uint32_t> kMaxCmdSn = {32, 0, 32, "MaxCmdSN", "11.4.11"};
inline constexpr Field<uint32_t> kDataSn = {36, 0, 32, "DataSN", "11.7.5"};
inline constexpr Field<uint32_t> kR2tSn = {36, 0, 32, "R2TSN", "11.8.2"};
inline constexpr Field<uint32_t> kBufferOffset = {40, 0, 32, "Buffer Offset", "11.7.6"};
inline constexpr Field<uint32_t> kResidualCount = {44, 0, 32, "Residual Count", "11.4.5"};

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_FIELD_H_
