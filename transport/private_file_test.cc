#include "transport/private_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

std::string FileWithMode(const std::string& name, mode_t mode) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  std::ofstream(path) << "user:twelve-bytes-of-secret\n";
  chmod(path.c_str(), mode);
  return path;
}

TEST(PrivateFile, ReadsWhatOnlyTheOwnerCanRead) {
  absl::StatusOr<std::string> text = ReadPrivateFile(FileWithMode("ok", 0600));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "user:twelve-bytes-of-secret\n");
  EXPECT_TRUE(ReadPrivateFile(FileWithMode("readonly", 0400)).ok());
}

TEST(PrivateFile, RefusesWhatOthersCanReadAndNamesPathAndMode) {
  for (const mode_t mode : {0640, 0604, 0644, 0620, 0602, 0610}) {
    const std::string path = FileWithMode("open", mode);
    const absl::Status status = ReadPrivateFile(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << mode;
    EXPECT_NE(status.message().find(path), std::string::npos);
    EXPECT_NE(status.message().find("chmod 600"), std::string::npos);
    EXPECT_EQ(status.message().find("secret\n"), std::string::npos);
  }
}

TEST(PrivateFile, RefusesDirectoriesMissingAndHugeFiles) {
  EXPECT_EQ(ReadPrivateFile(std::getenv("TEST_TMPDIR")).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadPrivateFile("/nonexistent/secrets").status().code(), absl::StatusCode::kNotFound);
  const std::string path = FileWithMode("huge", 0600);
  std::ofstream(path, std::ios::app) << std::string((1 << 20) + 1, 'x');
  EXPECT_EQ(ReadPrivateFile(path).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PrivateFile, WipeLeavesNothingInTheBuffer) {
  std::string secret = "a secret that is long enough to live on the heap";
  const char* bytes = secret.data();
  const size_t size = secret.size();
  Wipe(secret);
  EXPECT_TRUE(secret.empty());
  for (size_t i = 0; i < size; ++i) ASSERT_EQ(bytes[i], '\0') << i;
}

}  // namespace
}  // namespace isthmus::transport
