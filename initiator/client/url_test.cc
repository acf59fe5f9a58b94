#include "initiator/client/url.h"

#include "gtest/gtest.h"

namespace isthmus::initiator {
namespace {

using text::DigestAlgorithm;

TEST(Url, ReadsEveryPart) {
  absl::StatusOr<ParsedUrl> url = ParseUrl(
      "iscsi://alice%top-secret-12@[::1]:3261/iqn.2026-11.example:disk/7?header_digest=crc32c&data_digest=none,crc32c");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->user, "alice");
  EXPECT_EQ(url->secret, "top-secret-12");
  EXPECT_EQ(url->portal.ToString(), "[::1]:3261");
  EXPECT_EQ(url->target_name, "iqn.2026-11.example:disk");
  EXPECT_EQ(url->lun, 7);
  ASSERT_EQ(url->header_digest.size(), 1u);
  EXPECT_EQ(url->header_digest[0], DigestAlgorithm::kCRC32C);
  ASSERT_EQ(url->data_digest.size(), 2u);
  EXPECT_EQ(url->data_digest[0], DigestAlgorithm::kNone);
}

TEST(Url, DefaultsToPort3260AndBothDigestsIfTheTargetHasThem) {
  absl::StatusOr<ParsedUrl> url = ParseUrl("iscsi://disk.example/iqn.2026-11.example:disk/0");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->portal.port, 3260);
  EXPECT_TRUE(url->user.empty());
  ASSERT_EQ(url->data_digest.size(), 2u);
  EXPECT_EQ(url->data_digest[0], DigestAlgorithm::kCRC32C);
}

TEST(Url, ErrorsNameThePartAndNeverTheSecret) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://a/b/0", "does not begin with"},
      {"iscsi://host", "target's name is missing"},
      {"iscsi://host/iqn.2026-11.example:disk", "LUN is missing"},
      {"iscsi://u%sekret@host:99999/iqn.2026-11.example:d/0", "\"99999\" is not a port"},
      {"iscsi://u%sekret@host/disk/0", "\"disk\" is not an iSCSI name"},
      {"iscsi://u%sekret@host/iqn.2026-11.example:d/x", "\"x\" is not a LUN"},
      {"iscsi://u%sekret@host/iqn.2026-11.example:d/16384", "\"16384\" is not a LUN"},
      {"iscsi://%sekret@host/iqn.2026-11.example:d/0", "user's name before the @"},
      {"iscsi://u%sekret@host/iqn.2026-11.example:d/0?data_digest=md5", "data_digest=md5"},
      {"iscsi://u%sekret@host/iqn.2026-11.example:d/0?color=red", "\"color\" is no argument"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = ParseUrl(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(message), std::string::npos) << status;
    EXPECT_EQ(status.message().find("sekret"), std::string::npos) << status;
  }
}

TEST(Url, FindsTheSecretToOverwrite) {
  const std::string text = "iscsi://bob%hunter2hunter2@h/iqn.2026-11.example:d/0";
  const SecretPlace place = FindSecret(text);
  EXPECT_EQ(text.substr(place.offset, place.size), "hunter2hunter2");
  EXPECT_EQ(FindSecret("iscsi://bob@h/n%20x/0").size, 0u);
  EXPECT_EQ(FindSecret("/tmp/a%b@c").size, 0u);
  EXPECT_EQ(WithoutSecret(text), "iscsi://bob%***@h/iqn.2026-11.example:d/0");
}

}  // namespace
}  // namespace isthmus::initiator
