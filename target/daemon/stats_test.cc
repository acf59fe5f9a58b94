#include "target/daemon/stats.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace isthmus::target {
namespace {

TEST(Stats, SumsAndWritesEveryCounterAsJson) {
  Totals one;
  one.connections = 3;
  one.logins_refused = 2;
  one.session.commands = 7;
  one.session.read_bytes = uint64_t{1} << 40;
  Report report{.threads = {one, one}, .digest_kernel = "portable", .offload = ""};
  const nlohmann::json json = ToJson(report);
  EXPECT_EQ(json.at("connections"), 6);
  EXPECT_EQ(json.at("logins_refused"), 4);
  EXPECT_EQ(json.at("sessions"), 0);
  EXPECT_EQ(json.at("digest_kernel"), "portable");
  EXPECT_EQ(json.at("tasks").at("commands"), 14);
  EXPECT_EQ(json.at("tasks").at("read_bytes"), uint64_t{1} << 41);
  EXPECT_TRUE(json.at("received").is_object());
  EXPECT_TRUE(json.at("sent").is_object());
  ASSERT_EQ(json.at("threads").size(), 2u);
  EXPECT_EQ(json.at("threads").at(1).at("commands"), 7);
  EXPECT_FALSE(json.contains("device"));
  report.offload = "aligned";
  EXPECT_TRUE(ToJson(report).at("device").is_object());
}

TEST(Stats, ReplacesTheFileAndNamesTheOneThatCannotBeWritten) {
  const std::string path = testing::TempDir() + "stats.json";
  ASSERT_TRUE(WriteFile(path, "a longer first text").ok());
  ASSERT_TRUE(WriteFile(path, "second").ok());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "second");
  const absl::Status status = WriteFile(testing::TempDir() + "no_such_folder/stats", "x");
  EXPECT_NE(status.message().find("no_such_folder"), std::string::npos) << status;
}

}  // namespace
}  // namespace isthmus::target
