#include "protocol/wire/pdu_table.h"

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>

#include "protocol/wire/pdus.h"

namespace isthmus::wire {
namespace {

template <class Pdu, class T>
constexpr FieldInfo InfoOf(const Member<Pdu, T>& row) {
  FieldInfo info = {FieldKind::kMember,
                    row.field.byte,
                    row.field.bit,
                    row.field.width,
                    row.field.name,
                    row.field.section,
                    row.field.protocol_level,
                    0,
                    nullptr};
  if constexpr (std::is_enum_v<T>) info.codes = &CodesOf<T>;
  return info;
}
constexpr FieldInfo InfoOf(const Fixed& row) {
  return {FieldKind::kFixed,
          row.field.byte,
          row.field.bit,
          row.field.width,
          row.field.name,
          row.field.section,
          1,
          row.value,
          nullptr};
}
constexpr FieldInfo InfoOf(const Reserved& row) {
  return {FieldKind::kReserved, row.byte, row.bit, row.width, "reserved", "", 1, 0, nullptr};
}

template <class Pdu>
constexpr auto kInfos = std::apply(
    [](const auto&... rows) { return std::array<FieldInfo, sizeof...(rows)>{InfoOf(rows)...}; },
    Layout<Pdu>::kFields);

}  // namespace

std::span<const FieldInfo> FieldsOf(uint8_t opcode) {
  std::span<const FieldInfo> fields;
  ForEachPdu([&]<class Pdu>(PduType<Pdu>) {
    if (Layout<Pdu>::kOpcode == opcode) fields = kInfos<Pdu>;
  });
  return fields;
}

uint64_t ValueOf(const Bhs& header, const FieldInfo& field) {
  const int width = field.width < 64 ? field.width : 64;
  const int first = field.byte * 8 + field.bit;
  uint64_t value = 0;
  for (int i = first; i < first + width; ++i) {
    const auto byte = static_cast<unsigned>(header.bytes[static_cast<size_t>(i / 8)]);
    value = value << 1 | (byte >> (7 - i % 8) & 1);
  }
  return value;
}

}  // namespace isthmus::wire
