// The dictionary of the fuzzers of configuration files and URLs, made from the tables that the parsers go by.
//
//   bazel run //fuzz:print_config_dictionary > fuzz/config.dict      // a test compares
#ifndef ISTHMUS_FUZZ_CONFIG_DICTIONARY_H_
#define ISTHMUS_FUZZ_CONFIG_DICTIONARY_H_

#include <string>

namespace isthmus::fuzz {

std::string ConfigDictionary();

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_CONFIG_DICTIONARY_H_
