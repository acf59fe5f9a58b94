#include "capi/errors_header.h"

#include <cctype>
#include <string>
#include <string_view>

#include "protocol/error.h"

namespace isthmus::capi {
namespace {

bool IsUpper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }

// "DataDigest" as "DATA_DIGEST".
std::string UpperSnake(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool after_lower = i > 0 && !IsUpper(name[i - 1]);
    const bool before_lower = i > 0 && i + 1 < name.size() && !IsUpper(name[i + 1]);
    if (IsUpper(name[i]) && (after_lower || before_lower)) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(name[i])));
  }
  return out;
}

}  // namespace

std::string ErrorsHeader() {
  std::string out =
      "/* Codes of isthmus.h, one a violation, from the library's table; what each means and what follows stands in\n"
      " * docs/errors.md. A number is never given to another violation.\n"
      " *\n"
      " * Generated: bazel run //capi:print_errors > capi/isthmus_errors.h */\n"
      "#ifndef ISTHMUS_ERRORS_H_\n"
      "#define ISTHMUS_ERRORS_H_\n\n"
      "enum {\n"
      "  ISTHMUS_OK = 0";
  for (const ErrorInfo& row : AllErrors()) {
    out += ",\n  ISTHMUS_ERROR_" + UpperSnake(row.name) + " = " +
           std::to_string(static_cast<int>(row.code)) + " /* " + row.section + " */";
  }
  return out + "\n};\n\n#endif /* ISTHMUS_ERRORS_H_ */\n";
}

}  // namespace isthmus::capi
