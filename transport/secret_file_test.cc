#include "transport/secret_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

absl::StatusOr<std::unique_ptr<SecretFile>> ReadText(const std::string& text) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/secrets";
  std::ofstream(path) << text;
  chmod(path.c_str(), 0600);
  return SecretFile::Read(path);
}

TEST(SecretFile, ReadsAccountsCommentsAndTheMutualOne) {
  auto file = ReadText("# who may log in\n\nalice  a secret with spaces\r\nbob\tanother-secret\nmutual disk disk-secret-12\n");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->initiators().size(), 2u);
  EXPECT_EQ((*file)->initiators()[0].name, "alice");
  EXPECT_EQ((*file)->initiators()[0].secret, "a secret with spaces");
  EXPECT_EQ((*file)->initiators()[1].secret, "another-secret");
  EXPECT_EQ((*file)->mutual().name, "disk");
  EXPECT_EQ((*file)->mutual().secret, "disk-secret-12");
}

TEST(SecretFile, RefusalsNameTheLineAndNeverTheSecret) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "holds no"},
      {"mutual disk disk-secret-12\n", "holds no"},
      {"alice\n", "line 1: neither"},
      {"alice sekret-bytes-1\nmutual\n", "line 2: neither"},
      {"alice sekret-11by\n", "line 1: the secret is shorter"},
      {"alice sekret-bytes-1\nalice sekret-bytes-2\n", "line 2: this name stands twice"},
      {"alice sekret-bytes-1\nmutual d sekret-bytes-2\nmutual e sekret-bytes-3\n", "line 3: a second"},
      {"alice sekret-bytes-1\nmutual disk sekret-bytes-1\n", "share one secret"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = ReadText(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(message), std::string::npos) << text << ": " << status;
    EXPECT_EQ(status.message().find("sekret"), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace isthmus::transport
