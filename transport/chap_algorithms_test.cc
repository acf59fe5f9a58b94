#include "transport/chap_algorithms.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

std::vector<int> NumbersOf(const char* list) {
  const absl::StatusOr<ChapAlgorithms> algorithms = ParseChapAlgorithms(list);
  std::vector<int> numbers;
  if (!algorithms.ok()) return numbers;
  for (const auth::HashAlgorithm& algorithm : *algorithms) numbers.push_back(algorithm.chap_algorithm);
  return numbers;
}

TEST(ChapAlgorithms, NamesAndNumbersAreIanasInTheOrderGiven) {
  EXPECT_EQ(NumbersOf("MD5,SHA1,SHA-256,SHA3-256"), (std::vector<int>{5, 6, 7, 8}));
  EXPECT_EQ(NumbersOf("sha3-256,md5"), (std::vector<int>{8, 5}));
  EXPECT_EQ(NumbersOf("7,SHA1,5"), (std::vector<int>{7, 6, 5}));
  EXPECT_EQ(NumbersOf("SHA-256"), (std::vector<int>{7}));
  EXPECT_EQ(ChapAlgorithmNames(*ParseChapAlgorithms("7,sha1,8,5")), "SHA-256,SHA1,SHA3-256,MD5");
}

TEST(ChapAlgorithms, DefaultsHoldEachOnceAndTheOfferHas5Before7) {
  EXPECT_EQ(NumbersOf(kChapAlgorithmsToOffer), (std::vector<int>{8, 6, 5, 7}));
  EXPECT_EQ(NumbersOf(kChapAlgorithmsToAccept), (std::vector<int>{8, 7, 6, 5}));
}

TEST(ChapAlgorithms, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "\"\" is no algorithm of CHAP (MD5, SHA1, SHA-256, SHA3-256)"},
      {"SHA-256,", "\"\" is no algorithm"},
      {"SHA256", "\"SHA256\" is no algorithm"},
      {"MD5,SHA-512", "\"SHA-512\" is no algorithm"},
      {"4", "\"4\" is no algorithm"},
      {"SHA-256,7", "SHA-256 is named twice"},
  };
  for (const auto& [list, message] : cases) {
    const absl::Status status = ParseChapAlgorithms(list).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << list;
    EXPECT_EQ(std::string(status.message()).rfind(message, 0), 0u) << status;
  }
}

}  // namespace
}  // namespace isthmus::transport
