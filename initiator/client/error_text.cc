#include "initiator/client/error_text.h"

#include "absl/strings/str_cat.h"

namespace isthmus::initiator {

std::string InWords(const Error& error) {
  const std::string text = Describe(error.code);
  const size_t open = text.rfind(" [");
  if (open == std::string::npos || text.back() != ']') return text;
  const std::string what = text.substr(open + 2, text.size() - open - 3);
  return absl::StrCat(text.substr(0, open), " (", what, ": ", error.detail, ")");
}

}  // namespace isthmus::initiator
