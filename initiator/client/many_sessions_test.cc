// Several hundred sessions of one daemon at once, all of them moving data, spread evenly over its threads.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"
#include "transport/address.h"
#include "transport/socket.h"

namespace isthmus::initiator {
namespace {

constexpr size_t kSessions = 400, kThreads = 4, kRounds = 3;
constexpr uint32_t kBlock = 512, kBlocks = 16;

// One session and its I/O under way.
struct One {
  std::unique_ptr<Client> client;
  std::unique_ptr<Disk> disk;
  DiskCommand command;
  std::vector<std::byte> bytes = std::vector<std::byte>(kBlocks * kBlock);
  absl::Status status;
  bool done = false;
};

std::byte Value(size_t session, size_t round) {
  return static_cast<std::byte>(session * 7 + round * 31 + 1);
}

// Submits one command on each session before it waits for any.
template <class Prepare>
void Together(std::vector<One>& all, Prepare prepare) {
  for (One& one : all) {
    prepare(one);
    one.done = false;
    const absl::Status asked = one.client->Submit(one.command.command, [&one](const Event& event) {
      one.status = StatusOf(event);
      one.done = true;
    });
    ASSERT_TRUE(asked.ok()) << asked;
  }
  for (One& one : all) {
    while (!one.done) {
      const absl::Status polled = one.client->Poll(absl::Seconds(30));
      ASSERT_TRUE(polled.ok()) << polled;
    }
    ASSERT_TRUE(one.status.ok()) << one.status;
  }
}

// The body of a scrape; empty if there is none.
std::string Scrape(const transport::Address& address) {
  absl::StatusOr<transport::Socket> socket = transport::Connect(address, absl::Seconds(30));
  if (!socket.ok()) return "";
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
  pollfd ready{socket->fd(), POLLIN, 0};
  if (send(socket->fd(), request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
    return "";
  std::string text;
  char bytes[4096];
  for (;;) {
    poll(&ready, 1, 30'000);
    const ssize_t got = recv(socket->fd(), bytes, sizeof bytes, 0);
    if (got <= 0) break;
    text.append(bytes, static_cast<size_t>(got));
  }
  return text.find("HTTP/1.1 200 OK\r\n") == 0 ? text.substr(text.find("\r\n\r\n") + 4) : "";
}

// The value of a sample without labels; -1: there is none.
int64_t Sample(const std::string& page, const std::string& name) {
  const size_t at = page.find("\nisthmus_target_" + name + " ");
  return at == std::string::npos ? -1 : std::atoll(page.c_str() + page.find(' ', at));
}

TEST(ManySessions, HundredsMoveDataAtOnceOverAllThreads) {
  const std::string stats = testing::TempDir() + "many.json";
  ServedDisk served({"--lun=ram:8M", "--stats=" + stats, "--metrics=127.0.0.1:0"});
  ASSERT_NE(served.portal().port, 0);
  transport::Address metrics{"127.0.0.1", 0};
  const size_t url = served.text().find("http://127.0.0.1:");
  ASSERT_NE(url, std::string::npos) << served.text();
  metrics.port = static_cast<uint16_t>(std::atoi(served.text().c_str() + url + 17));
  std::vector<std::vector<One>> sessions(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<One>& own = sessions[t];
      own.resize(kSessions / kThreads);
      for (One& one : own) {
        ClientOptions options;
        options.portal = served.portal();
        options.target_name = ServedDisk::kTarget;
        options.limits.queue_depth = 4;
        options.reconnect_timeout = absl::ZeroDuration();
        absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
        ASSERT_TRUE(client.ok()) << client.status();
        one.client = *std::move(client);
        one.disk = std::make_unique<Disk>(*one.client, 0);
        const absl::Status ready = one.disk->TestUnitReady();
        ASSERT_TRUE(ready.ok()) << ready;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(HasFailure());
  threads.clear();
  EXPECT_EQ(Sample(Scrape(metrics), "connections_open"), kSessions);
  std::atomic<bool> loaded = true;
  std::thread scraper([&] {
    int64_t last = 0;
    do {
      const int64_t commands = Sample(Scrape(metrics), "tasks_commands_total");
      EXPECT_GE(commands, last);  // a counter never falls
      last = commands;
    } while (loaded);
    EXPECT_GE(last, static_cast<int64_t>(kSessions));
  });
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<One>& own = sessions[t];
      const auto number = [&](const One& one) {
        return t * own.size() + static_cast<size_t>(&one - own.data());
      };
      for (size_t round = 0; round < kRounds; ++round) {
        Together(own, [&](One& one) {
          std::fill(one.bytes.begin(), one.bytes.end(), Value(number(one), round));
          one.disk->Write(number(one) * kBlocks, kBlocks, one.bytes, &one.command);
        });
        Together(own, [&](One& one) {
          std::fill(one.bytes.begin(), one.bytes.end(), std::byte{0});
          one.disk->Read(number(one) * kBlocks, kBlocks, one.bytes, &one.command);
        });
        for (const One& one : own) {
          ASSERT_EQ(one.bytes, std::vector<std::byte>(one.bytes.size(), Value(number(one), round)))
              << number(one);
        }
      }
      for (One& one : own) EXPECT_TRUE(one.client->Close().ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  loaded = false;
  scraper.join();
  EXPECT_EQ(served.Stop(SIGTERM), 0);

  std::ifstream file(stats);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json.at("sessions"), kSessions);
  EXPECT_EQ(json.at("connections_dropped"), 0);
  EXPECT_EQ(json.at("tasks").at("write_bytes"), kSessions * kRounds * kBlocks * kBlock);
  // The daemon runs two threads (served_disk.h).
  ASSERT_EQ(json.at("threads").size(), 2u);
  for (const nlohmann::json& thread : json.at("threads")) {
    EXPECT_EQ(thread.at("sessions"), kSessions / 2);
    EXPECT_GE(thread.at("commands"), kSessions / 2 * kRounds * 2);
  }
}

}  // namespace
}  // namespace isthmus::initiator
