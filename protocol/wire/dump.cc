#include "protocol/wire/dump.h"

#include <algorithm>
#include <cstdint>

#include "protocol/wire/codes.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/pdu_table.h"

namespace isthmus::wire {
namespace {

class Line {
 public:
  explicit Line(std::span<char> out) : out_(out) {}

  void Text(std::string_view text) {
    const size_t bytes = std::min(text.size(), out_.size() - size_);
    std::copy_n(text.begin(), bytes, out_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += bytes;
  }
  void Decimal(uint64_t value) {
    char digits[20];
    size_t first = sizeof(digits);
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    Text({digits + first, sizeof(digits) - first});
  }
  void Hex(uint64_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i) Text({&"0123456789abcdef"[value >> (4 * i) & 15], 1});
  }
  void HexBytes(std::span<const std::byte> bytes) {
    for (std::byte byte : bytes) Hex(static_cast<uint64_t>(byte), 2);
  }
  std::string_view view() const { return {out_.data(), size_}; }

 private:
  std::span<char> out_;
  size_t size_ = 0;
};

// Tags, LUN and whatever else is no count reads better in hexadecimal.
bool IsTag(std::string_view name) {
  return name == "LUN" || name.find("Tag") != std::string_view::npos;
}

void Value(const Bhs& header, const FieldInfo& field, Line* line) {
  const uint64_t value = ValueOf(header, field);
  if (field.width > 64 || field.width == 48) {
    line->HexBytes(std::span(header.bytes).subspan(field.byte, field.width / 8));
  } else if (IsTag(field.name) || field.kind == FieldKind::kReserved) {
    line->Text("0x");
    line->Hex(value, (field.width + 3) / 4);
  } else {
    line->Decimal(value);
  }
  if (field.codes == nullptr) return;
  const Code* code = internal::FindCode(field.codes(), static_cast<unsigned>(value));
  line->Text(" (");
  line->Text(code == nullptr ? "reserved" : code->name);
  line->Text(")");
}

// Of a reserved run wider than 64 bits ValueOf sees only the beginning.
bool AnyBitSet(const Bhs& header, FieldInfo field) {
  while (true) {
    if (ValueOf(header, field) != 0) return true;
    if (field.width <= 64) return false;
    field.byte = static_cast<uint8_t>(field.byte + 8);
    field.width = static_cast<uint16_t>(field.width - 64);
  }
}

bool Shown(const Bhs& header, const FieldInfo& field) {
  switch (field.kind) {
    case FieldKind::kMember:
      return true;
    case FieldKind::kFixed:
      return ValueOf(header, field) != field.fixed_value;
    case FieldKind::kReserved:
      return AnyBitSet(header, field);
  }
  return false;
}

}  // namespace

std::string_view Dump(const Bhs& header, std::span<char> out) {
  Line line(out);
  const uint8_t opcode = Get(header, kOpcode);
  const OpcodeInfo* info = FindOpcode(opcode);
  if (info == nullptr) {
    line.Text("opcode 0x");
    line.Hex(opcode, 2);
    line.Text(" ");
    line.HexBytes(header.bytes);
    return line.view();
  }
  line.Text(info->name);
  for (const FieldInfo& field : FieldsOf(opcode)) {
    if (!Shown(header, field)) continue;
    line.Text(" ");
    line.Text(field.name);
    if (field.kind == FieldKind::kReserved) {
      line.Text("@");
      line.Decimal(field.byte);
    }
    line.Text("=");
    Value(header, field, &line);
  }
  return line.view();
}

}  // namespace isthmus::wire
