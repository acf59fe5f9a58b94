// The exit statuses and messages of `iscsi`, each cause by a daemon that brings it about.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "capi/version.h"
#include "gtest/gtest.h"
#include "initiator/client/served_disk.h"

namespace isthmus::initiator {
namespace {

Ended Iscsi(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "initiator/cli/iscsi");
  return RunProgram(std::move(arguments));
}

std::string Secrets(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + name;
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(fd);
  return path;
}

void ExpectEnded(const Ended& ended, int status, const std::string& message) {
  EXPECT_EQ(ended.status, status) << ended.output;
  EXPECT_NE(ended.output.find(message), std::string::npos) << ended.output;
}

TEST(Iscsi, FindsTheDiskAndSaysItsSize) {
  ServedDisk served({"--lun=ram:1M"});
  ASSERT_NE(served.portal().port, 0);
  ExpectEnded(Iscsi({"discover", served.portal().ToString()}), 0, ServedDisk::kTarget);
  ExpectEnded(Iscsi({"capacity", served.url()}), 0, "1048576");
  EXPECT_EQ(served.Stop(SIGTERM), 0);
}

// Each "--word" of a text, behind `before`.
std::set<std::string> FlagsIn(const std::string& text, const std::string& before) {
  std::set<std::string> flags;
  for (size_t at = 0; (at = text.find(before + "--", at)) != std::string::npos;) {
    at += before.size();
    const size_t end = text.find_first_not_of(
        "-_#0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", at);
    flags.insert(text.substr(at, end - at));
  }
  return flags;
}

TEST(Programs, EachFlagOfEitherIsInTheDocumentAndNoOther) {
  std::ifstream file("docs/configuration.md", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string document{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
  std::string help = RunProgram({"target/daemon/iscsi_target", "--help"}).output;
  ASSERT_GT(FlagsIn(help, " ").size(), 30u) << help;
  const std::string own = Iscsi({"--help"}).output;
  ASSERT_GT(FlagsIn(own, " ").size(), 25u) << own;
  help += own;
  for (const char* command : {"discover", "inquiry", "capacity", "luns", "read", "write", "copy",
                              "verify", "bench", "ping"}) {
    help += Iscsi({command, "--help"}).output;
  }
  std::set<std::string> in_help = FlagsIn(help, " ");
  in_help.merge(FlagsIn(help, ","));  // other names of the same flag, and of --help
  in_help.erase("--help");
  std::set<std::string> in_document = FlagsIn(document, "`");
  in_document.merge(FlagsIn(document, ","));
  in_document.erase("--help");
  std::set<std::string> in_one;
  std::set_symmetric_difference(in_help.begin(), in_help.end(), in_document.begin(),
                                in_document.end(), std::inserter(in_one, in_one.end()));
  EXPECT_EQ(in_one, std::set<std::string>());
}

TEST(Iscsi, EachKeyIsAFlagWithAClearError) {
  const std::string url = "iscsi://127.0.0.1:1/iqn.2026-11.example:disk/0";
  ExpectEnded(Iscsi({"capacity", url, "--MaxBurstLength=4"}), 2,
              "--MaxBurstLength=4: out of range (512 to 16777215; RFC 7143 section 13.13)");
  ExpectEnded(Iscsi({"capacity", url, "--InitialR2T=perhaps"}), 2,
              "--InitialR2T=perhaps: neither Yes nor No");
  ExpectEnded(
      Iscsi({"capacity", url, "--MaxBurstLength=4096"}), 2,
      "--FirstBurstLength: the value breaks RFC 7143 section 13.14 (it exceeds MaxBurstLength)");
  ExpectEnded(Iscsi({"capacity", url, "--InitiatorName=me"}), 2,
              "--InitiatorName=me: not an iSCSI name");
}

TEST(Iscsi, KeysAreNegotiatedAsTheirFlagsSay) {
  ServedDisk served({"--lun=ram:1M", "--HeaderDigest=CRC32C"});
  const std::vector<std::string> keys = {"--HeaderDigest=None,CRC32C",
                                         "--DataDigest=None",
                                         "--InitialR2T=Yes",
                                         "--ImmediateData=No",
                                         "--MaxBurstLength=512",
                                         "--FirstBurstLength=512",
                                         "--MaxRecvDataSegmentLength=513",
                                         "--DataPDUInOrder=No",
                                         "--DataSequenceInOrder=No",
                                         "--MaxOutstandingR2T=3",
                                         "--InitiatorAlias=me",
                                         "--X#NodeArchitecture=test"};
  std::vector<std::string> arguments = {"bench", served.url(), "--seconds=0.1", "--mode=write",
                                        "--json"};
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  const Ended ended = Iscsi(arguments);
  ExpectEnded(ended, 0, "\"header_digest\":\"CRC32C\",\"data_digest\":\"None\"");
}

TEST(Iscsi, WrongArgumentsEndWith2) {
  ExpectEnded(Iscsi({"inquiry", "iscsi://localhost/disk/0"}), 2, "\"disk\" is not an iSCSI name");
  ExpectEnded(Iscsi({"dance"}), 2, "dance: no command among the arguments");
  ExpectEnded(Iscsi({}), 2, "iscsi: A subcommand is required");
  ExpectEnded(Iscsi({"discover"}), 2, "iscsi: HOST[:PORT] is required");
  ExpectEnded(Iscsi({"ping", "iscsi://x/iqn.2026-11.example:d/0", "--dance"}), 2, "iscsi: The following argument");
}

TEST(Iscsi, AWrongNameEndsWith3) {
  ServedDisk served({"--lun=ram:1M"});
  const std::string url = "iscsi://" + served.portal().ToString() + "/iqn.2026-11.example:nobody/0";
  ExpectEnded(Iscsi({"inquiry", url}), 3, "there is no such target (login status 0x0203)\n");
  const std::string lun = served.url().substr(0, served.url().size() - 1) + "7";
  ExpectEnded(Iscsi({"inquiry", lun}), 3, "there is no LUN 7");
  ExpectEnded(Iscsi({"capacity", lun}), 3, "there is no such LUN");
  ExpectEnded(Iscsi({"capacity", lun, "--json"}), 3, "\"exit_status\":3}");
}

TEST(Iscsi, FailedAuthenticationEndsWith5AndTellsNoSecret) {
  const std::string good = Secrets("good", "alice sekret-sekret-1\n");
  const std::string bad = Secrets("bad", "alice sekret-sekret-2\n");
  ServedDisk served({"--lun=ram:1M", "--chap_secrets=" + good});
  const std::string named = "iscsi://alice@" + served.url().substr(sizeof("iscsi://") - 1);
  ExpectEnded(Iscsi({"inquiry", named, "--secret_file=" + good}), 0, "");
  const Ended failed = Iscsi({"inquiry", named, "--secret_file=" + bad});
  ExpectEnded(failed, 5, "authentication failed (login status 0x0201)");
  EXPECT_EQ(failed.output.find("sekret"), std::string::npos) << failed.output;
  ExpectEnded(Iscsi({"inquiry", served.url()}), 5, "authentication failed");
}

// The numbers of CHAP_A in a capture, in order.
std::vector<std::string> AlgorithmsIn(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> found;
  for (size_t at = 0; (at = bytes.find("CHAP_A=", at)) != std::string::npos;) {
    at += sizeof("CHAP_A=") - 1;
    found.push_back(bytes.substr(at, bytes.find_first_not_of("0123456789,", at) - at));
  }
  return found;
}

TEST(Iscsi, ChapAlgorithmsAreOfferedAndAcceptedAsTheFlagsSay) {
  const std::string secrets = Secrets("algorithms", "alice sekret-sekret-1\nmutual bob sekret-sekret-2\n");
  const std::string capture = testing::TempDir() + "algorithms.pcapng";
  ServedDisk served({"--lun=ram:1M", "--chap_secrets=" + secrets, "--chap_algorithms=sha-256,SHA1,SHA3-256"});
  const auto inquire = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"inquiry", served.url(), "--secret_file=" + secrets, "--capture=" + capture});
    return Iscsi(flags);
  };
  using Numbers = std::vector<std::string>;
  ExpectEnded(inquire({}), 0, "");
  EXPECT_EQ(AlgorithmsIn(capture), (Numbers{"8,6,5,7", "8"}));
  ExpectEnded(inquire({"--chap_algorithms=MD5,SHA-256,SHA1"}), 0, "");
  EXPECT_EQ(AlgorithmsIn(capture), (Numbers{"5,7,6", "7"}));
  ExpectEnded(inquire({"--chap_algorithms=SHA1"}), 0, "");
  EXPECT_EQ(AlgorithmsIn(capture), (Numbers{"6", "6"}));
  ExpectEnded(inquire({"--chap_algorithms=MD5"}), 5, "authentication failed (login status 0x0201)");
  ExpectEnded(inquire({"--chap_algorithms=SHA-256,SHA256"}), 2,
              "--chap_algorithms=SHA-256,SHA256: \"SHA256\" is no algorithm of CHAP (MD5, SHA1, SHA-256, SHA3-256)");
}

TEST(Iscsi, VersionIsThatOfTheLibrary) {
  ExpectEnded(Iscsi({"--version"}), 0, std::string("iscsi (Isthmus) ") + kVersion + "\n");
  ExpectEnded(RunProgram({"target/daemon/iscsi_target", "--version"}), 0,
              std::string("iscsi_target (Isthmus) ") + kVersion + "\n");
}

TEST(Iscsi, ADigestThatIsDemandedButLackingEndsWith6) {
  ServedDisk served({"--lun=ram:1M", "--header_digest=None"});
  ExpectEnded(Iscsi({"inquiry", served.url() + "?header_digest=crc32c"}), 6,
              "one side demands a digest that the other lacks");
  ServedDisk strict({"--lun=ram:1M", "--data_digest=CRC32C"});
  ExpectEnded(Iscsi({"inquiry", strict.url() + "?data_digest=none"}), 6,
              "one side demands a digest that the other lacks");
}

TEST(Iscsi, NoConnectionAndALostOneEndWith7) {
  ServedDisk served({"--lun=ram:1M"});
  const std::string url = served.url();
  Program bench({"initiator/cli/iscsi", "bench", url, "--seconds=60", "--reconnect_timeout_s=0"});
  ServedDisk other({"--lun=ram:1M"});  // long enough for a login
  EXPECT_EQ(Iscsi({"inquiry", url}).status, 0);
  EXPECT_EQ(served.Stop(SIGKILL), 128 + SIGKILL);
  const std::string output = bench.ReadUntil("");
  EXPECT_EQ(bench.End(0), 7) << output;
  ExpectEnded(Iscsi({"inquiry", url}), 7, "127.0.0.1");
}

TEST(Iscsi, TheSecretOfAUrlIsWarnedAboutAndWipedFromTheArguments) {
  const std::string accounts = Secrets("accounts", "alice sekret-sekret-1\n");
  ServedDisk served({"--lun=ram:1M", "--chap_secrets=" + accounts});
  const std::string rest = served.url().substr(sizeof("iscsi://") - 1);
  const Ended ended = Iscsi({"inquiry", "iscsi://alice%sekret-sekret-1@" + rest});
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_NE(ended.output.find("secret"), std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find("sekret"), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace isthmus::initiator
