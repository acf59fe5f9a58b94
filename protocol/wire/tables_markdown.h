// docs/pdus.md and docs/errors.md from the tables. Not part of the core: it allocates.
//
//   bazel run //protocol/wire:dump_tables -- pdus > docs/pdus.md
//   bazel run //protocol/wire:dump_tables -- errors > docs/errors.md
#ifndef ISTHMUS_PROTOCOL_WIRE_TABLES_MARKDOWN_H_
#define ISTHMUS_PROTOCOL_WIRE_TABLES_MARKDOWN_H_

#include <string>

namespace isthmus::wire {

// Opcodes, the fields of every PDU, the codes in them.
std::string PdusMarkdown();

// Every violation with its clause, blame and consequences.
std::string ErrorsMarkdown();

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_TABLES_MARKDOWN_H_
