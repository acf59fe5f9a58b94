#include "target/daemon/metrics.h"

#include <poll.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "transport/address.h"
#include "transport/socket.h"

namespace isthmus::target {
namespace {

TEST(Metrics, EachSampleHasHelpAndTypeAndOneMeaning) {
  Report report;
  report.threads.resize(2);
  report.threads[0].session.commands = 3;
  report.threads[1].session.commands = 4;
  report.connections_open = 9;
  report.offload = "aligned";
  const std::string text = ToPrometheus(report);
  ASSERT_EQ(text.back(), '\n');
  // The text format, version 0.0.4, as its grammar has it.
  const std::regex help("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \\S.*"),
      type("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)");
  const std::regex sample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[a-z]+=\"[^\"\\\\\n]*\"\\})? ([0-9]+)");
  std::set<std::string> helped, typed, samples;
  std::map<std::string, std::string> values;
  std::vector<std::string> lines = absl::StrSplit(text.substr(0, text.size() - 1), '\n');
  for (const std::string& line : lines) {
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      EXPECT_TRUE(helped.insert(match[1]).second) << line;
    } else if (std::regex_match(line, match, type)) {
      EXPECT_TRUE(helped.contains(match[1])) << line;
      EXPECT_TRUE(typed.insert(match[1]).second) << line;
      EXPECT_EQ(match[2] == "counter", std::string(match[1]).ends_with("_total")) << line;
    } else {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_TRUE(typed.contains(match[1])) << line;
      EXPECT_TRUE(samples.insert(match[1].str() + match[2].str()).second) << line;
      values[match[1].str() + match[2].str()] = match[3];
    }
  }
  EXPECT_EQ(helped, typed);
  EXPECT_EQ(values["isthmus_target_connections_open"], "9");
  EXPECT_EQ(values["isthmus_target_tasks_commands_total"], "7");
  EXPECT_EQ(values["isthmus_target_thread_commands_total{thread=\"0\"}"], "3");
  EXPECT_EQ(values["isthmus_target_thread_commands_total{thread=\"1\"}"], "4");
  // Every number of the statistics is there.
  const nlohmann::ordered_json json = ToJson(report);
  for (const char* group : {"received", "sent", "device", "tasks"}) {
    for (const auto& item : json.at(group).items()) {
      EXPECT_TRUE(
          values.contains(std::string("isthmus_target_") + group + "_" + item.key() + "_total"))
          << item.key();
    }
  }
}

class Scraped : public testing::Test {
 protected:
  void Start(const MetricsLimits& limits, std::string page = "page\n") {
    absl::StatusOr<transport::Socket> listener = transport::Listen({"127.0.0.1", 0});
    ASSERT_TRUE(listener.ok()) << listener.status();
    address_ = listener->Local();
    server_ = std::make_unique<MetricsServer>(
        *std::move(listener), [page] { return page; }, limits);
  }
  transport::Socket Connect() {
    absl::StatusOr<transport::Socket> socket = transport::Connect(address_, absl::Seconds(30));
    EXPECT_TRUE(socket.ok()) << socket.status();
    return socket.ok() ? *std::move(socket) : transport::Socket();
  }
  static void Send(const transport::Socket& socket, const std::string& text) {
    EXPECT_EQ(send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Until the server closes.
  static std::string Rest(const transport::Socket& socket) {
    std::string text;
    char bytes[4096];
    for (;;) {
      pollfd ready{socket.fd(), POLLIN, 0};
      poll(&ready, 1, -1);
      const ssize_t got = recv(socket.fd(), bytes, sizeof bytes, 0);
      if (got <= 0) return text;
      text.append(bytes, static_cast<size_t>(got));
    }
  }
  std::string Ask(const std::string& request) {
    const transport::Socket socket = Connect();
    Send(socket, request);
    return Rest(socket);
  }

  transport::Address address_;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(Scraped, AnswersGetOfMetricsAndNothingElse) {
  Start({});
  const std::string end = "\r\n\r\n";
  EXPECT_EQ(Ask("GET /metrics HTTP/1.1\r\nHost: x" + end),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; "
            "charset=utf-8\r\nContent-Length: 5\r\n"
            "Connection: close\r\n\r\npage\n");
  EXPECT_EQ(Ask("GET /metrics?name=x HTTP/1.0" + end).find("HTTP/1.1 200 OK\r\n"), 0u);
  EXPECT_EQ(Ask("GET / HTTP/1.1" + end).find("HTTP/1.1 404 "), 0u);
  EXPECT_EQ(Ask("GET /metrics/../secrets HTTP/1.1" + end).find("HTTP/1.1 404 "), 0u);
  EXPECT_EQ(Ask("POST /metrics HTTP/1.1" + end).find("HTTP/1.1 405 "), 0u);
  EXPECT_EQ(Ask("GET /metrics" + end).find("HTTP/1.1 400 "), 0u);
  EXPECT_EQ(Ask("GET /metrics SPDY/1" + end).find("HTTP/1.1 400 "), 0u);
  EXPECT_EQ(Ask(std::string("\0\xff\x16", 3) + end).find("HTTP/1.1 400 "), 0u);
  EXPECT_EQ(Ask(end).find("HTTP/1.1 400 "), 0u);
}

TEST_F(Scraped, TakesRequestsInAnyPieces) {
  Start({});
  const transport::Socket socket = Connect();
  for (const char c : std::string("GET /metrics HTTP/1.1\r\n\r\n")) Send(socket, std::string(1, c));
  EXPECT_EQ(Rest(socket).find("HTTP/1.1 200 OK\r\n"), 0u);
}

TEST_F(Scraped, SendsPagesThatExceedTheSocketsBuffer) {
  Start({.timeout_ms = 60'000}, std::string(32 << 20, 'x'));
  const std::string answer = Ask("GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_EQ(answer.size() - (answer.find("\r\n\r\n") + 4), 32u << 20);
}

TEST_F(Scraped, ARequestWithoutEndIsCutOff) {
  Start({.request_bytes = 512});
  EXPECT_EQ(Ask("GET /metrics HTTP/1.1\r\nX: " + std::string(1000, 'x')).find("HTTP/1.1 431 "), 0u);
}

TEST_F(Scraped, WhoSaysNothingIsClosed) {
  Start({.timeout_ms = 1});
  EXPECT_EQ(Rest(Connect()), "");
}

TEST_F(Scraped, MoreConnectionsThanAllowedAreClosedAtOnce) {
  Start({.connections = 2, .timeout_ms = 600'000});
  const transport::Socket one = Connect(), two = Connect();
  EXPECT_EQ(Rest(Connect()), "");
  Send(one, "GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Rest(one).find("HTTP/1.1 200 OK\r\n"), 0u);
}

TEST_F(Scraped, EndsWithConnectionsOpen) {
  Start({.timeout_ms = 600'000});
  const transport::Socket idle = Connect();
  const transport::Socket half = Connect();
  Send(half, "GET /met");
  server_.reset();
  EXPECT_EQ(Rest(idle), "");
}

}  // namespace
}  // namespace isthmus::target
