// Prints docs/states.md.
#include <cstdio>
#include <string>

#include "protocol/connection/states_markdown.h"

int main() {
  const std::string text = isthmus::StatesMarkdown();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
