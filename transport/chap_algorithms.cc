#include "transport/chap_algorithms.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protocol/auth/openssl_hashes.h"

namespace isthmus::transport {
namespace {

struct Row {
  const char* name;
  uint8_t number;
};
constexpr Row kRows[] = {{"MD5", 5}, {"SHA1", 6}, {"SHA-256", 7}, {"SHA3-256", 8}};

const Row* FindRow(absl::string_view word) {
  uint32_t number = 0;
  const bool by_number = absl::SimpleAtoi(word, &number);
  for (const Row& row : kRows) {
    if (by_number ? row.number == number : absl::EqualsIgnoreCase(word, row.name)) return &row;
  }
  return nullptr;
}

}  // namespace

std::string ChapAlgorithmChoices() {
  std::string text;
  for (const Row& row : kRows) absl::StrAppend(&text, text.empty() ? "" : ", ", row.name);
  return text;
}

absl::StatusOr<ChapAlgorithms> ParseChapAlgorithms(absl::string_view list) {
  ChapAlgorithms algorithms;
  for (const absl::string_view word : absl::StrSplit(list, ',')) {
    const Row* row = FindRow(word);
    if (row == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word, "\" is no algorithm of CHAP (", ChapAlgorithmChoices(), ")"));
    }
    if (auth::FindHash(algorithms, row->number) != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(row->name, " is named twice"));
    }
    algorithms.push_back(*auth::FindHash(auth::OpenSslHashes(), row->number));
  }
  return algorithms;
}

std::string ChapAlgorithmNames(std::span<const auth::HashAlgorithm> algorithms) {
  std::string text;
  for (const auth::HashAlgorithm& algorithm : algorithms) {
    for (const Row& row : kRows) {
      if (row.number == algorithm.chap_algorithm)
        absl::StrAppend(&text, text.empty() ? "" : ",", row.name);
    }
  }
  return text;
}

}  // namespace isthmus::transport
