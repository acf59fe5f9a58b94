#include "digest/crc32c.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "gtest/gtest.h"

namespace isthmus::digest {
namespace {

constexpr std::string_view kText = "In the iSCSI digests, the byte order is that of the wire.";

// Before main(), so before anything could have selected a kernel.
const Crc32c g_early = Compute(kText.data(), kText.size());

TEST(Crc32cTest, WorksDuringStaticInitialisation) {
  EXPECT_EQ(g_early, Compute(kText.data(), kText.size()));
}

TEST(Crc32cTest, FormsAgree) {
  const Crc32c whole = Compute(kText.data(), kText.size());
  const Crc32c a = Compute(kText.data(), 20);
  const Crc32c b = Compute(kText.data() + 20, kText.size() - 20, Heat::kCold);
  EXPECT_EQ(Extend(a, kText.data() + 20, kText.size() - 20), whole);
  EXPECT_EQ(Combine(a, b, kText.size() - 20), whole);
  EXPECT_EQ(RemovePrefix(whole, a, kText.size() - 20), b);
  EXPECT_EQ(RemoveSuffix(whole, b, kText.size() - 20), a);
  const Piece pieces[] = {{kText.data(), 20}, {kText.data() + 20, kText.size() - 20}};
  EXPECT_EQ(Compute(pieces), whole);
  Crc32c each[2];
  ComputeBatch(pieces, each);
  EXPECT_EQ(each[0], a);
  EXPECT_EQ(each[1], b);
  for (Stores stores : {Stores::kCached, Stores::kStreaming}) {
    std::string copy(kText.size(), 'x');
    EXPECT_EQ(CopyAndExtend({}, copy.data(), kText.data(), kText.size(), stores), whole);
    EXPECT_EQ(copy, kText);
  }
  const char padding[3] = {};
  EXPECT_EQ(AppendZeros(whole, 3), Extend(whole, padding, 3));
}

TEST(Crc32cTest, DigestsAreConstantExpressions) {
  constexpr bool kRoundTrip = [] {
    std::byte wire[kDigestSize]{};
    StoreDigest(Crc32c{0x8a9136aa}, wire);
    return wire[0] == std::byte{0xaa} && wire[3] == std::byte{0x8a} &&
           LoadDigest(wire) == Crc32c{0x8a9136aa};
  }();
  static_assert(kRoundTrip);
}

}  // namespace
}  // namespace isthmus::digest
