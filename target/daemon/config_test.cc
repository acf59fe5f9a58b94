#include "target/daemon/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "capi/version.h"
#include "gtest/gtest.h"
#include "protocol/error.h"
#include "protocol/text/key_table.h"
#include "target/daemon/catalogue.h"
#include "transport/key_flags.h"

namespace isthmus::target {
namespace {

constexpr char kTarget[] = "--target=iqn.2026-11.example:disk";
constexpr char kLun[] = "--lun=ram:1M";

absl::StatusOr<Config> Parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "iscsi_target");
  return ParseArguments(static_cast<int>(flags.size()), flags.data());
}

std::string WrittenFile(const std::string& name, const std::string& text, mode_t mode) {
  const std::string path = testing::TempDir() + name;
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  EXPECT_GE(fd, 0) << path;
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(fchmod(fd, mode), 0);
  close(fd);
  return path;
}

TEST(Config, ReadsTargetsWithTheLunsThatFollowThem) {
  const absl::StatusOr<Config> config =
      Parse({"--portal=127.0.0.1:0", "--portal=[::1]:3261", "--target=iqn.2026-11.example:a",
             "--lun=ram:1M", "--lun=ram:2M,block=4096", "--target=iqn.2026-11.example:b",
             "--lun=ram:3M", "--header_digest=CRC32C", "--InitialR2T=true"});
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->portals.size(), 2u);
  EXPECT_EQ(config->portals[0].address.ToString(), "127.0.0.1:0");
  EXPECT_EQ(config->portals[1].address.ToString(), "[::1]:3261");
  ASSERT_EQ(config->targets.size(), 2u);
  EXPECT_EQ(config->targets[0].name, "iqn.2026-11.example:a");
  ASSERT_EQ(config->targets[0].luns.size(), 2u);
  EXPECT_EQ(config->targets[0].luns[1].number, 1);
  EXPECT_EQ(config->targets[0].luns[1].spec.bytes, 2u << 20);
  EXPECT_EQ(config->targets[0].luns[1].spec.block_bytes, 4096u);
  ASSERT_EQ(config->targets[1].luns.size(), 1u);
  EXPECT_EQ(config->targets[1].luns[0].number, 0);
  ASSERT_EQ(config->offer.HeaderDigest.size(), 1u);
  EXPECT_TRUE(config->offer.InitialR2T);
}

TEST(Config, EachWrongFlagIsNamedWithWhatIsWrong) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{kLun}, "--target is required"},
      {{kTarget}, "--lun is required"},
      {{kTarget, kLun, "--color=red"}, "--color=red"},
      {{kTarget, kLun, "--portal=::1:3260"},
       "--portal=::1:3260: \"::1:3260\": an IPv6 address stands in brackets"},
      {{kTarget, kLun, "--portal=[::1"}, "--portal=[::1: \"[::1\": the [ has no ]"},
      {{kTarget, kLun, "--portal=localhost:99999"}, "\"99999\" is not a port (0 to 65535)"},
      {{kTarget, kLun, "--portal=:3260"}, "the host is missing"},
      {{"--target=disk", kLun}, "--target=disk: not an iSCSI name"},
      {{kTarget, kLun, kTarget, kLun}, "--target=iqn.2026-11.example:disk: named twice"},
      {{kLun, kTarget}, "--lun=ram:1M: stands before any --target"},
      {{kTarget, kLun, "--target=iqn.2026-11.example:b"},
       "--target=iqn.2026-11.example:b: has no --lun after it"},
      {{kTarget, kLun, "--header_digest=MD5"},
       "--HeaderDigest=MD5: not a list of the key's values (list of None, CRC32C; RFC 7143 section "
       "13.1)"},
      {{kTarget, kLun, "--data_digest=None,None"},
       "--DataDigest=None,None: a value is named twice"},
      {{kTarget, kLun, "--MaxRecvDataSegmentLength=511"},
       "--MaxRecvDataSegmentLength=511: out of range (512 to 16777215; RFC 7143 section 13.12)"},
      {{kTarget, kLun, "--MaxOutstandingR2T=0"},
       "--MaxOutstandingR2T=0: out of range (1 to 65535; RFC 7143 section 13.17)"},
      {{kTarget, kLun, "--MaxBurstLength=4096"},
       "--FirstBurstLength: the value breaks RFC 7143 section 13.14 (it exceeds MaxBurstLength)"},
      {{kTarget, kLun, "--MaxConnections=2"}, "--MaxConnections=2: out of range (1;"},
      {{kTarget, kLun, "--config=x"}, "--config"},
      {{kTarget, kLun, "--ImmediateData=perhaps"}, "--ImmediateData=perhaps: neither Yes nor No"},
      {{kTarget, kLun, "--threads=0"}, "--threads"},
      {{kTarget, kLun, "--mutual_chap_required"}, "--mutual_chap_required needs --chap_secrets"},
      {{kTarget, kLun, "--chap_algorithms=SHA-256,SHA-512"},
       "--chap_algorithms=SHA-256,SHA-512: \"SHA-512\" is no algorithm of CHAP (MD5, SHA1, SHA-256, "
       "SHA3-256)"},
  };
  for (const auto& [flags, message] : cases) {
    const absl::Status status = Parse(flags).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_NE(status.message().find(message), std::string::npos) << status;
  }
}

TEST(Config, HelpIsNoError) {
  const absl::StatusOr<Config> config = Parse({"--help"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_NE(config->help.find("--chap_secrets"), std::string::npos);
  for (const text::KeyInfo* key : transport::SettableKeys(Role::kTarget)) {
    EXPECT_NE(config->help.find(transport::FlagOf(*key)), std::string::npos) << key->name;
  }
}

TEST(Config, VersionIsThatOfTheLibrary) {
  const absl::StatusOr<Config> config = Parse({"--version"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->help, std::string("iscsi_target (Isthmus) ") + kVersion + "\n");
}

TEST(Config, EachKeyOfTheTableIsAFlag) {
  for (const text::KeyInfo* key : transport::SettableKeys(Role::kTarget)) {
    // What the defaults are may be said, and then holds; FirstBurstLength suits MaxBurstLength.
    const std::string value = transport::ValueOf(Config().offer, *key);
    const std::string flag = "--" + std::string(key->name) + "=" + value;
    if (value.empty()) continue;
    const absl::StatusOr<Config> config = Parse({kTarget, kLun, flag.c_str()});
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(transport::ValueOf(config->targets[0].offer, *key), value);
  }
}

absl::Status Opened(const std::vector<const char*>& flags) {
  const absl::StatusOr<Config> config = Parse(flags);
  return config.ok() ? Catalogue::Open(*config).status() : config.status();
}

TEST(Catalogue, EachWrongLunIsNamedWithWhatIsWrong) {
  const std::string missing = "--lun=file:" + testing::TempDir() + "no_such_file";
  const std::pair<std::string, std::string> cases[] = {
      {"--lun=tape:1M", "it begins with neither ram: nor file:"},
      {"--lun=ram:", "is not a number of bytes"},
      {"--lun=ram:0", "the size \"0\" is zero"},
      {"--lun=ram:9999999999T", "is too large"},
      {"--lun=ram:1M,color=red", "\"color=red\" is no option"},
      {"--lun=ram:1M,block=x", "the block size \"x\" is no number"},
      {"--lun=ram:1000", "the size is no whole number of blocks"},
      {"--lun=file:", "the path is missing"},
      {missing, "No such file or directory"},
  };
  for (const auto& [flag, message] : cases) {
    const absl::Status status = Opened({kTarget, flag.c_str()});
    EXPECT_FALSE(status.ok()) << flag;
    EXPECT_EQ(status.message().find(flag + ": "), 0u) << status;
    EXPECT_NE(status.message().find(message), std::string::npos) << status;
  }
}

TEST(Catalogue, EachWrongSecretsFileIsNamedButNoSecret) {
  const std::pair<std::string, std::string> cases[] = {
      {"alice sekret\n", "line 1: the secret is shorter than 12 bytes"},
      {"# accounts\nalice\n", "line 2: neither \"NAME SECRET\" nor \"mutual NAME SECRET\""},
      {"", "holds no \"NAME SECRET\" line"},
      {"alice sekret-sekret-1\nalice sekret-sekret-2\n", "line 2: this name stands twice"},
      {"alice sekret-sekret-1\nmutual bob sekret-sekret-1\n", "share one secret"},
  };
  for (const auto& [text, message] : cases) {
    const std::string flag = "--chap_secrets=" + WrittenFile("secrets", text, 0600);
    const absl::Status status = Opened({kTarget, kLun, flag.c_str()});
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.message().find("--chap_secrets: " + testing::TempDir() + "secrets"), 0u)
        << status;
    EXPECT_NE(status.message().find(message), std::string::npos) << status;
    EXPECT_EQ(status.message().find("sekret"), std::string::npos) << status;
  }
  const std::string open_to_all =
      "--chap_secrets=" + WrittenFile("open_secrets", "alice sekret-sekret-1\n", 0644);
  const absl::Status status = Opened({kTarget, kLun, open_to_all.c_str()});
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("open_secrets"), std::string::npos) << status;
}

TEST(Catalogue, TellsEachTargetWithEachPortal) {
  const absl::StatusOr<Config> config =
      Parse({"--target=iqn.2026-11.example:a", kLun, "--target=iqn.2026-11.example:b", kLun});
  ASSERT_TRUE(config.ok()) << config.status();
  absl::StatusOr<std::unique_ptr<Catalogue>> catalogue = Catalogue::Open(*config);
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  (*catalogue)->SetPortals({{{"0.0.0.0", 3260}, 1}, {{"::1", 3261}, 2}});
  const transport::Address local{"192.0.2.7", 3260};
  using namespace std::string_literals;
  EXPECT_EQ(
      (*catalogue)->SendTargets("iqn.2026-11.example:b", "iqn.a.b:c", local),
      "TargetName=iqn.2026-11.example:b\0TargetAddress=192.0.2.7:3260,1\0TargetAddress=[::1]:3261,2\0"s);
  EXPECT_EQ((*catalogue)->SendTargets("iqn.2026-11.example:c", "iqn.a.b:c", local), "");
  EXPECT_EQ(
      (*catalogue)->SendTargets("", "iqn.a.b:c", local).find("TargetName=iqn.2026-11.example:a\0"s),
      0u);
  EXPECT_NE((*catalogue)->Find("iqn.2026-11.example:a"), nullptr);
  EXPECT_EQ((*catalogue)->Find("iqn.2026-11.example:c"), nullptr);
}

}  // namespace
}  // namespace isthmus::target
