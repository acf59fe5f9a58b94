// Prints what is generated from the key table: print_keys markdown|dictionary

#include <iostream>
#include <string_view>

#include "protocol/text/key_listing.h"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "markdown") {
    std::cout << isthmus::text::KeysMarkdown();
  } else if (what == "dictionary") {
    std::cout << isthmus::text::KeysDictionary();
  } else {
    std::cerr << "usage: print_keys markdown|dictionary\n";
    return 2;
  }
  return 0;
}
