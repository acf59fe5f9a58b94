#include "target/daemon/config_file.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "target/daemon/catalogue.h"

namespace isthmus::target {
namespace {

absl::Status Read(const std::string& text, Config* config, const GivenSettings& flags = {}) {
  return ReadConfigText("disks.json", text, flags, config);
}

TEST(ConfigFile, ReadsPortalsTargetsAccessAndKeys) {
  Config config;
  const absl::Status status = Read(R"({
    "threads": 3, "queue_depth": 32, "stats": "/tmp/stats.json", "capture_secrets": true,
    "keys": {"MaxBurstLength": 65536, "FirstBurstLength": 65536, "HeaderDigest": ["CRC32C"]},
    "portals": [{"address": "127.0.0.1:3260"}, {"address": "[::1]:3261", "group": 7}],
    "targets": [
      {"name": "iqn.2026-11.example:a", "portal_groups": [7], "initiators": ["iqn.2026-11.example:host"],
       "chap_secrets": "/etc/isthmus/a", "mutual_chap_required": true,
       "keys": {"InitialR2T": true, "ImmediateData": "No", "TargetAlias": "the first"},
       "luns": [{"ram": "64M", "block": 4096}, {"number": 9, "path": "/srv/a,b.img", "readonly": true}]},
      {"name": "iqn.2026-11.example:b", "redirect": {"address": "192.0.2.1", "permanent": true}}
    ]})",
                                   &config);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.threads, 3u);
  EXPECT_EQ(config.limits.command_slots, 32u);
  EXPECT_EQ(config.stats_path, "/tmp/stats.json");
  EXPECT_TRUE(config.capture_secrets);
  ASSERT_EQ(config.portals.size(), 2u);
  EXPECT_EQ(config.portals[0].group, 1);
  EXPECT_EQ(config.portals[1].address.ToString(), "[::1]:3261");
  EXPECT_EQ(config.portals[1].group, 7);
  ASSERT_EQ(config.targets.size(), 2u);
  const TargetConfig& a = config.targets[0];
  EXPECT_TRUE(a.Serves(7));
  EXPECT_FALSE(a.Serves(1));
  EXPECT_TRUE(a.Admits("iqn.2026-11.example:host"));
  EXPECT_FALSE(a.Admits("iqn.2026-11.example:hos"));
  EXPECT_EQ(a.chap_secrets, "/etc/isthmus/a");
  EXPECT_TRUE(a.mutual_chap_required);
  EXPECT_EQ(a.offer.MaxBurstLength, 65536u);
  EXPECT_EQ(a.offer.HeaderDigest.size(), 1u);
  EXPECT_TRUE(a.offer.InitialR2T);
  EXPECT_FALSE(a.offer.ImmediateData);
  EXPECT_EQ(a.offer.TargetAlias, "the first");
  ASSERT_EQ(a.luns.size(), 2u);
  EXPECT_EQ(a.luns[0].number, 0);
  EXPECT_EQ(a.luns[0].spec.bytes, 64u << 20);
  EXPECT_EQ(a.luns[0].spec.block_bytes, 4096u);
  EXPECT_EQ(a.luns[1].number, 9);
  EXPECT_EQ(a.luns[1].spec.path, "/srv/a,b.img");
  EXPECT_TRUE(a.luns[1].spec.read_only);
  EXPECT_EQ(a.luns[1].where, "disks.json: targets[0].luns[1].path");
  const TargetConfig& b = config.targets[1];
  EXPECT_TRUE(b.Serves(1) && b.Serves(7));
  EXPECT_TRUE(b.Admits("iqn.2026-11.example:anybody"));
  EXPECT_EQ(b.redirect.address, "192.0.2.1:3260");
  EXPECT_TRUE(b.redirect.permanent);
  EXPECT_FALSE(b.offer.InitialR2T);
  EXPECT_EQ(b.offer.MaxBurstLength, 65536u);
}

// A file with one portal and one target, in which one thing is wrong.
std::string File(const std::string& more) {
  return R"({"portals": [{"address": "127.0.0.1:3260"}], "targets": [)" + more + "]}";
}
std::string Target(const std::string& more) {
  return File(R"({"name": "iqn.2026-11.example:a")" + more + "}");
}
std::string Lun(const std::string& lun) { return Target(R"(, "luns": [)" + lun + "]"); }

constexpr char kPortals[] = R"("portals": [{"address": "127.0.0.1:3260"}])";
constexpr char kTargets[] =
    R"("targets": [{"name": "iqn.2026-11.example:a", "luns": [{"ram": "1M"}]}])";

TEST(ConfigFile, EachProblemIsNamedWithItsPlace) {
  const std::string portals = kPortals, targets = kTargets;
  const std::pair<std::string, std::string> cases[] = {
      {"", "not JSON: "},
      {"{", "not JSON: "},
      {"[]", "not an object"},
      {R"({"portals": [], "portals": []})", "the member \"portals\" stands twice in one object"},
      {"{" + targets + "}", "portals: is missing"},
      {"{" + portals + "}", "targets: is missing"},
      {"{" + portals + R"(, "targets": []})", "targets: is empty"},
      {"{" + portals + R"(, "targets": {}})", "targets: not an array"},
      {"{" + portals + "," + targets + R"(, "color": 1})", "color: there is no such member"},
      {"{" + portals + "," + targets + R"(, "threads": 0})",
       "threads: \"0\": out of range (1 to 256)"},
      {"{" + portals + "," + targets + R"(, "threads": -1})",
       "threads: neither text, number (0 or more)"},
      {"{" + portals + "," + targets + R"(, "threads": 1.5})",
       "threads: neither text, number (0 or more)"},
      {"{" + portals + "," + targets + R"(, "capture_secrets": 2})",
       "capture_secrets: \"2\": neither true nor false"},
      {"{" + portals + "," + targets + R"(, "stats": ""})", "stats: \"\": it is empty"},
      {"{" + portals + "," + targets + R"(, "chap_algorithms": ["SHA-256", "MD4"]})",
       "chap_algorithms: \"SHA-256,MD4\": \"MD4\" is no algorithm of CHAP"},
      {"{" + portals + "," + targets + R"(, "mutual_chap_required": true})",
       "mutual_chap_required: needs chap_secrets"},
      {"{" + portals + "," + targets + R"(, "MaxBurstLength": 512})",
       "MaxBurstLength: a key of RFC 7143 stands in \"keys\""},
      {"{" + portals + "," + targets + R"(, "keys": {"MaxBurstLength": 511}})",
       "keys.MaxBurstLength: \"511\": out of range (512 to 16777215; RFC 7143 section 13.13)"},
      {"{" + portals + "," + targets + R"(, "keys": {"SendTargets": "All"}})",
       "keys.SendTargets: not a key"},
      {"{" + portals + "," + targets + R"(, "keys": {"TargetPortalGroupTag": 2}})",
       "keys.TargetPortalGroupTag: follows from the portal's group"},
      {"{" + portals + "," + targets + R"(, "keys": {"HeaderDigest": [1]}})",
       "keys.HeaderDigest: neither text"},
      {"{" + portals + "," + targets + R"(, "keys": {"MaxBurstLength": 1024}})",
       "keys: FirstBurstLength: the value breaks RFC 7143 section 13.14 (it exceeds "
       "MaxBurstLength)"},
      {R"({"portals": [{}], )" + targets + "}", "portals[0].address: is missing"},
      {R"({"portals": [3], )" + targets + "}", "portals[0]: not an object"},
      {R"({"portals": [{"address": "::1:1"}], )" + targets + "}",
       "portals[0].address: \"::1:1\": an IPv6 address"},
      {R"({"portals": [{"address": "a:1", "group": 65536}], )" + targets + "}",
       "portals[0].group: not a number from 0 to 65535"},
      {R"({"portals": [{"address": "a:1"}, {"address": "a:1"}], )" + targets + "}",
       "portals[1].address: is portals[0]'s too"},
      {File("3"), "targets[0]: not an object"},
      {File("{}"), "targets[0].name: is missing"},
      {File(R"({"name": "disk", "luns": [{"ram": "1M"}]})"),
       "targets[0].name: \"disk\" is not an iSCSI name: "},
      {File(R"({"name": "iqn.2026-11.example:a", "luns": [{"ram": "1M"}]},
               {"name": "iqn.2026-11.example:a", "luns": [{"ram": "1M"}]})"),
       "targets[1].name: is targets[0]'s too"},
      {Target(""), "targets[0].luns: is missing"},
      {Target(R"(, "luns": [])"), "targets[0].luns: is empty"},
      {Lun("{}"), "targets[0].luns[0]: needs one of \"path\" and \"ram\""},
      {Lun(R"({"ram": "1M", "path": "x"})"),
       "targets[0].luns[0]: needs one of \"path\" and \"ram\""},
      {Lun(R"({"ram": "many"})"), "targets[0].luns[0]: "},
      {Lun(R"({"ram": "1M,readonly"})"), "targets[0].luns[0].ram: is not a size"},
      {Lun(R"({"ram": 5})"), "targets[0].luns[0].ram: not a text"},
      {Lun(R"({"ram": "1M", "block": 7})"), "targets[0].luns[0]: "},
      {Lun(R"({"ram": "1M", "number": 16384})"),
       "targets[0].luns[0].number: not a number from 0 to 16383"},
      {Lun(R"({"ram": "1M"}, {"ram": "1M", "number": 0})"),
       "targets[0].luns[1]: LUN 0 stands twice"},
      {Lun(R"({"ram": "1M", "readonly": "yes"})"),
       "targets[0].luns[0].readonly: neither true nor false"},
      {Lun(R"({"path": "x", "colour": 1})"), "targets[0].luns[0].colour: there is no such member"},
      {Lun(R"({"path": "x"}, {"path": "x", "readonly": true})"),
       "targets[0].luns[1].path: is served by targets[0].luns[0]"},
      {Target(R"(, "luns": [{"ram": "1M"}], "portal_groups": [2])"),
       "targets[0].portal_groups[0]: no portal is in group 2"},
      {Target(R"(, "luns": [{"ram": "1M"}], "initiators": ["me"])"),
       "targets[0].initiators[0]: \"me\" is not an iSCSI name"},
      {Target(R"(, "luns": [{"ram": "1M"}], "initiators": [])"), "targets[0].initiators: is empty"},
      {Target(R"(, "luns": [{"ram": "1M"}], "mutual_chap_required": true)"),
       "targets[0].mutual_chap_required: needs chap_secrets"},
      {Target(R"(, "luns": [{"ram": "1M"}], "keys": {"InitialR2T": 3})"),
       "targets[0].keys.InitialR2T: \"3\": neither Yes nor No"},
      {Target(R"(, "redirect": {})"), "targets[0].redirect.address: is missing"},
      {Target(R"(, "redirect": {"address": "h:0"})"),
       "targets[0].redirect.address: the port 0 is nowhere"},
      {Target(R"(, "redirect": {"address": "h", "permanent": 1})"),
       "targets[0].redirect.permanent: neither true nor false"},
      {Target(R"(, "redirect": {"address": "h"}, "luns": [{"ram": "1M"}])"),
       "targets[0].luns: a target that redirects has no disks here"},
  };
  for (const auto& [text, message] : cases) {
    Config config;
    const absl::Status status = Read(text, &config);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message().find("disks.json: " + message), 0u) << status << "\nfor " << message;
  }
}

TEST(ConfigFile, AllProblemsAreSaidAtOnce) {
  Config config;
  const absl::Status status = Read(R"({"portals": [{"address": "h:x"}], "threads": 0,
      "targets": [{"name": "disk", "luns": [{"path": ""}]}]})",
                                   &config);
  for (const char* place :
       {"portals[0].address: ", "threads: ", "targets[0].name: ", "targets[0].luns[0].path: "}) {
    EXPECT_NE(status.message().find(std::string("disks.json: ") + place), std::string::npos)
        << status;
  }
}

TEST(ConfigFile, FlagsWinOverTheFile) {
  Config config;
  config.threads = 2;
  config.offer.MaxBurstLength = 1 << 20;
  const GivenSettings flags = {{FindSetting("threads"), "2"},
                               {FindSetting("MaxBurstLength"), "1048576"}};
  const absl::Status status = Read(
      std::string("{\"threads\": 9, \"queue_depth\": 5, \"chap_algorithms\": [\"SHA-256\", \"SHA1\"],"
                  " \"keys\": {\"MaxBurstLength\": 262144},") +
          kPortals + "," + kTargets + "}",
      &config, flags);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.threads, 2u);
  EXPECT_EQ(config.limits.command_slots, 5u);
  ASSERT_EQ(config.chap_algorithms.size(), 2u);
  EXPECT_EQ(config.chap_algorithms[0].chap_algorithm, 7);
  EXPECT_EQ(config.chap_algorithms[1].chap_algorithm, 6);
  EXPECT_EQ(config.targets[0].offer.MaxBurstLength, 1u << 20);
}

TEST(ConfigFile, WhatCannotBeOpenedIsNamedWithItsPlace) {
  Config config;
  ASSERT_TRUE(Read(Lun(R"({"path": "/no/such/file"})"), &config).ok());
  EXPECT_EQ(
      Catalogue::Open(config).status().message().find("disks.json: targets[0].luns[0].path: "), 0u)
      << Catalogue::Open(config).status();
  Config secrets;
  ASSERT_TRUE(
      Read(Target(R"(, "luns": [{"ram": "1M"}], "chap_secrets": "/no/such/file")"), &secrets).ok());
  EXPECT_EQ(
      Catalogue::Open(secrets).status().message().find("disks.json: targets[0].chap_secrets: "), 0u)
      << Catalogue::Open(secrets).status();
}

TEST(ConfigFile, DiscoveryShowsWhatAnInitiatorMayUse) {
  Config config;
  ASSERT_TRUE(
      Read(
          R"({"portals": [{"address": "127.0.0.1:1", "group": 1}, {"address": "127.0.0.1:2", "group": 2}],
      "targets": [{"name": "iqn.2026-11.example:a", "luns": [{"ram": "1M"}], "portal_groups": [2]},
                  {"name": "iqn.2026-11.example:b", "luns": [{"ram": "1M"}], "initiators": ["iqn.2026-11.example:x"]}]})",
          &config)
          .ok());
  auto catalogue = Catalogue::Open(config);
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  (*catalogue)->SetPortals(config.portals);
  using namespace std::string_literals;
  const std::string a = "TargetName=iqn.2026-11.example:a\0TargetAddress=127.0.0.1:2,2\0"s;
  const std::string b =
      "TargetName=iqn.2026-11.example:b\0TargetAddress=127.0.0.1:1,1\0TargetAddress=127.0.0.1:2,2\0"s;
  EXPECT_EQ((*catalogue)->SendTargets("", "iqn.2026-11.example:x", {}), a + b);
  EXPECT_EQ((*catalogue)->SendTargets("", "iqn.2026-11.example:y", {}), a);
  EXPECT_EQ((*catalogue)->SendTargets("iqn.2026-11.example:b", "iqn.2026-11.example:y", {}), "");
}

// docs/configuration.md holds each table as it is now.
TEST(ConfigFile, DocumentIsCurrent) {
  std::ifstream file("docs/configuration.md", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string document{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
  for (const std::string& table :
       {SettingsMarkdown(false), SettingsMarkdown(true), ConfigFileMarkdown()}) {
    EXPECT_NE(document.find(table), std::string::npos) << "docs/configuration.md lacks:\n" << table;
  }
  // Its example is a good file.
  const size_t begin = document.find("```json\n");
  ASSERT_NE(begin, std::string::npos);
  const size_t end = document.find("```", begin + 8);
  Config config;
  const absl::Status status = Read(document.substr(begin + 8, end - begin - 8), &config);
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace isthmus::target
