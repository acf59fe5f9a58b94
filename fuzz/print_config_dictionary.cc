// Prints fuzz/config.dict.

#include <iostream>

#include "fuzz/config_dictionary.h"

int main() {
  std::cout << isthmus::fuzz::ConfigDictionary();
  return 0;
}
