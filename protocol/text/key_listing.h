// What is derived from the key table for people and fuzzers: docs/keys.md and fuzz/text.dict. Tools
// and tests only.
//
//   bazel run //protocol/text:print_keys -- markdown > docs/keys.md
//   bazel run //protocol/text:print_keys -- dictionary > fuzz/text.dict

#ifndef ISTHMUS_PROTOCOL_TEXT_KEY_LISTING_H_
#define ISTHMUS_PROTOCOL_TEXT_KEY_LISTING_H_

#include <string>

namespace isthmus::text {

// One table of all keys.
std::string KeysMarkdown();

// libFuzzer's dictionary: keys, values, constants, numbers at and beside the bounds.
std::string KeysDictionary();

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_KEY_LISTING_H_
