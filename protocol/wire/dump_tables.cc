// Prints docs/pdus.md or docs/errors.md.
#include <cstdio>
#include <string>
#include <string_view>

#include "protocol/wire/tables_markdown.h"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what != "pdus" && what != "errors") {
    std::fprintf(stderr, "usage: dump_tables pdus|errors\n");
    return 2;
  }
  const std::string text =
      what == "pdus" ? isthmus::wire::PdusMarkdown() : isthmus::wire::ErrorsMarkdown();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
