#include "protocol/wire/tables_markdown.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/opcode.h"
#include "protocol/wire/pdu_table.h"

namespace isthmus::wire {
namespace {

std::string Hex(unsigned value, int digits) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%0*x", digits, value);
  return text;
}

const char* YesNo(bool yes) { return yes ? "yes" : "–"; }

std::string ImmediateText(ImmediateBit bit) {
  switch (bit) {
    case ImmediateBit::kReserved:
      return "reserved";
    case ImmediateBit::kAllowed:
      return "may be 1";
    case ImmediateBit::kAlways:
      return "always immediate";
  }
  return "";
}

std::string OpcodesTable() {
  std::string out =
      "| Opcode | PDU | Section | Sender | I bit | AHS | Data segment | F always 1 | Has CmdSN | "
      "Advances StatSN | Class of errors |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const OpcodeInfo& info : Opcodes()) {
    out += "| " + Hex(static_cast<unsigned>(info.opcode), 2) + " | " + info.name + " | " +
           info.section + " | " + Name(info.sender) + " | " + ImmediateText(info.immediate) +
           " | " + YesNo(info.may_carry_ahs) + " | " + YesNo(info.may_carry_data) + " | " +
           YesNo(info.always_final) + " | " + YesNo(info.takes_cmd_sn) + " | " +
           YesNo(info.takes_stat_sn) + " | " + Name(info.pdu_class) + " |\n";
  }
  return out;
}

std::string Where(const FieldInfo& field) {
  const int last = (field.byte * 8 + field.bit + field.width - 1) / 8;
  std::string out = std::to_string(field.byte);
  if (last != field.byte) out += "–" + std::to_string(last);
  if (field.bit == 0 && field.width % 8 == 0) return out;
  const int end = field.bit + field.width - 1;
  if (end > 7) return out + ", from bit " + std::to_string(field.bit);
  out += field.width == 1 ? ", bit " : ", bits ";
  out += std::to_string(field.bit);
  if (field.width > 1) out += "–" + std::to_string(end);
  return out;
}

std::string Note(const FieldInfo& field) {
  if (field.kind == FieldKind::kReserved) return "written as 0, ignored on receipt";
  if (field.kind == FieldKind::kFixed) {
    const int digits = field.width < 8 ? 2 : field.width / 4;
    return field.width == 1 ? "always " + std::to_string(field.fixed_value)
                            : "always " + Hex(field.fixed_value, digits);
  }
  std::string note = field.protocol_level > 1 ? "reserved below iSCSIProtocolLevel " +
                                                    std::to_string(field.protocol_level)
                                              : "";
  if (field.codes == nullptr) return note;
  if (!note.empty()) note += "; ";
  note += "codes: ";
  bool first = true;
  for (const Code& code : field.codes()) {
    if (!first) note += ", ";
    first = false;
    note += std::to_string(code.value) + " " + code.name;
  }
  return note;
}

std::string FieldsTable(const OpcodeInfo& info) {
  std::string out = std::string("\n### ") + info.name + "\n\n" +
                    "| Byte | Width | Field | Section | |\n|---|---|---|---|---|\n";
  for (const FieldInfo& field : FieldsOf(static_cast<uint8_t>(info.opcode))) {
    out += "| " + Where(field) + " | " + std::to_string(field.width) + " | " + field.name + " | " +
           field.section + " | " + Note(field) + " |\n";
  }
  return out;
}

std::string LoginStatuses() {
  std::string out = "| Status-Class and -Detail | |\n|---|---|\n";
  for (const Code& code : CodesOf<LoginStatus>()) {
    out += "| " + Hex(code.value, 4) + " | " + code.name + " |\n";
  }
  return out;
}

std::string ActionsText(uint16_t actions) {
  std::string out;
  for (int bit = 0; bit < 12; ++bit) {
    if ((actions >> bit & 1) == 0) continue;
    if (!out.empty()) out += ", ";
    out += Name(static_cast<Action>(1 << bit));
  }
  return out;
}

std::string OnTheWire(const ErrorInfo& row) {
  std::string out;
  const auto add = [&](const std::string& text) {
    if (!out.empty()) out += "; ";
    out += text;
  };
  if (row.reject_reason != 0) add("Reject " + Hex(row.reject_reason, 2));
  if (row.outcome.status != 0) {
    std::string text = std::string(Name(static_cast<ScsiStatus>(row.outcome.status)));
    if (row.outcome.sense_key != 0) {
      text += " " + Hex(row.outcome.sense_key, 2) + "/" + Hex(row.outcome.asc, 2) + "/" +
              Hex(row.outcome.ascq, 2);
    }
    add(text);
  }
  if (row.login_status != 0) add("login " + Hex(row.login_status, 4));
  if (row.answer != 0) add("response " + std::to_string(row.answer));
  return out;
}

std::string ErrorRows() {
  std::string out =
      "| Code | Name | Section | Blame | Policy | On the wire | |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const ErrorInfo& row : AllErrors()) {
    out += "| " + std::to_string(static_cast<int>(row.code)) + " | " + row.name + " | " +
           row.section + " | " + Name(row.blame) + " | " + row.policy + " | " + OnTheWire(row) +
           " | " + row.text + " |\n";
  }
  return out;
}

// What a policy does, as MakeError answers it: the levels, and the classes, that differ.
class PolicyText {
 public:
  explicit PolicyText(ErrorCode example) : example_(example) {}

  std::string Of(Role role) const {
    std::map<std::string, std::vector<int>> classes_of;
    std::vector<std::string> order;
    for (int c = 0; c < kPduClasses; ++c) {
      const std::string text = Levels(role, static_cast<PduClass>(c));
      if (classes_of.count(text) == 0) order.push_back(text);
      classes_of[text].push_back(c);
    }
    if (order.size() == 1) return order[0];
    std::string most = order[0];
    for (const std::string& text : order) {
      if (classes_of[text].size() > classes_of[most].size()) most = text;
    }
    std::string out = most;
    for (const std::string& text : order) {
      if (text == most) continue;
      out += "; ";
      bool first = true;
      for (int c : classes_of[text]) {
        out += (first ? "" : ", ") + std::string(Name(static_cast<PduClass>(c)));
        first = false;
      }
      out += ": " + text;
    }
    return out;
  }

 private:
  std::string Levels(Role role, PduClass pdu_class) const {
    const auto at = [&](int level) {
      return ActionsText(MakeError(example_, role, pdu_class, level).actions);
    };
    if (at(0) == at(1)) return at(0);
    return at(0) + " (at level 1 and above: " + at(1) + ")";
  }

  ErrorCode example_;
};

// The row of a policy with the most to say on the wire is its example, so that no action is
// missing.
std::string Policies() {
  std::map<std::string_view, const ErrorInfo*> examples;
  for (const ErrorInfo& row : AllErrors()) {
    const ErrorInfo*& example = examples[row.policy];
    if (example == nullptr || (example->login_status == 0 && row.login_status != 0)) {
      example = &row;
    }
  }
  std::string out = "| Policy | At a target | At an initiator |\n|---|---|---|\n";
  for (const auto& [policy, example] : examples) {
    const PolicyText text(example->code);
    out += "| " + std::string(policy) + " | " + text.Of(Role::kTarget) + " | " +
           text.Of(Role::kInitiator) + " |\n";
  }
  return out;
}

}  // namespace

std::string PdusMarkdown() {
  std::string out =
      "# PDUs\n\n"
      "Generated from the tables of `protocol/wire/`:\n"
      "`bazel run //protocol/wire:dump_tables -- pdus > docs/pdus.md`.\n"
      "Sections are those of RFC 7143; bits count from the most significant, as there.\n\n"
      "## Opcodes\n\n" +
      OpcodesTable() + "\n## Fields\n";
  for (const OpcodeInfo& info : Opcodes()) out += FieldsTable(info);
  return out + "\n## Login status\n\n" + LoginStatuses();
}

std::string ErrorsMarkdown() {
  return "# Errors\n\n"
         "Generated from `protocol/error_table.inc` and the policies of `protocol/error.cc`:\n"
         "`bazel run //protocol/wire:dump_tables -- errors > docs/errors.md`.\n"
         "Sections are those of RFC 7143. In brackets: what the error's `detail` holds.\n\n"
         "## Policies\n\n"
         "What follows by policy, role, class of the PDU and ErrorRecoveryLevel; several actions "
         "are all done, in this order. A login is\nrefused only if the row has a login status, "
         "otherwise the connection is dropped alone.\n\n" +
         Policies() + "\n## Codes\n\n" + ErrorRows();
}

}  // namespace isthmus::wire
