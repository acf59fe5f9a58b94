#include "transport/address.h"

#include <tuple>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

TEST(Address, ParsesEveryFormOfThePortal) {
  const std::tuple<const char*, const char*, int, const char*> cases[] = {
      {"127.0.0.1", "127.0.0.1", 3260, "127.0.0.1:3260"},
      {"127.0.0.1:0", "127.0.0.1", 0, "127.0.0.1:0"},
      {"disk.example:65535", "disk.example", 65535, "disk.example:65535"},
      {"[::1]", "::1", 3260, "[::1]:3260"},
      {"[fe80::1]:860", "fe80::1", 860, "[fe80::1]:860"},
  };
  for (const auto& [text, host, port, shown] : cases) {
    absl::StatusOr<Address> address = ParseAddress(text, kDefaultPort);
    ASSERT_TRUE(address.ok()) << text << ": " << address.status();
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
    EXPECT_EQ(address->ToString(), shown);
  }
}

TEST(Address, ErrorsNameWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "host is missing"},
      {":3260", "host is missing"},
      {"a:65536", "\"65536\" is not a port"},
      {"a:", "\"\" is not a port"},
      {"a:3x", "\"3x\" is not a port"},
      {"::1", "stands in brackets"},
      {"[::1", "has no ]"},
      {"[::1]3260", "is not \":port\""},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = ParseAddress(text, kDefaultPort).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(message), std::string::npos) << text << ": " << status;
  }
}

TEST(Address, ResolvesNumericAddressesAndNamesUnknownHosts) {
  absl::StatusOr<std::vector<ResolvedAddress>> list = Resolve({"127.0.0.1", 3260});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(FromSockaddr(list->front().storage).ToString(), "127.0.0.1:3260");
  const absl::Status status = Resolve({"no-such-host.invalid", 1}).status();
  EXPECT_NE(status.message().find("no-such-host.invalid:1"), std::string::npos) << status;
}

}  // namespace
}  // namespace isthmus::transport
