// Prints capi/isthmus_errors.h.
#include <cstdio>
#include <string>

#include "capi/errors_header.h"

int main() {
  const std::string text = isthmus::capi::ErrorsHeader();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
