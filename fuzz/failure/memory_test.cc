// Every allocation of the programs failed in turn: the N-th from some moment on, for all N.
//
// While iscsi_target serves: at most the connection is lost that the allocation was for. The process goes on, another
// session of the same thread works, the same initiator may log in again, no buffer is lost, and the daemon ends in order.
// While a program starts: it either comes up, or ends with a sentence and status 1, never by a signal.
#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "fuzz/failure/failing_memory.h"
#include "gtest/gtest.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/served_disk.h"
#include "initiator/session.h"
#include "nlohmann/json.hpp"
#include "transport/address.h"

namespace isthmus {
namespace {

using failure::Page;
using initiator::Client;
using initiator::ClientOptions;
using initiator::Disk;
using initiator::DiskCommand;
using initiator::Program;

constexpr char kName[] = "iqn.2026-11.example:disk";
constexpr char kTarget[] = "fuzz/failure/failing_target";
constexpr char kClient[] = "fuzz/failure/failing_client";
constexpr uint32_t kBlocks = 1024;  // of 512 bytes: two windows of a task

std::string Temporary(const std::string& name) { return ::testing::TempDir() + "/" + name; }

Page* NewPage(const std::string& name) {
  const std::string path = Temporary(name);
  std::remove(path.c_str());
  Page* const page = failure::MapPage(path.c_str());
  setenv("FAILING_MEMORY", path.c_str(), 1);
  return page;
}

void Arm(Page* page, int64_t at) {
  page->seen = 0;
  page->failed = 0;
  page->left = at;
  page->armed = true;
}

// Sessions of a client, each in a state of its own.
class Initiator {
 public:
  Initiator(const transport::Address& portal, const std::string& name) {
    options_.portal = portal;
    options_.initiator_name = name;
    options_.target_name = kName;
    options_.reconnect_timeout = absl::ZeroDuration();
    options_.limits.login_timeout_ms = 4000;
    options_.limits.ping_interval_ms = options_.limits.ping_timeout_ms = 2000;
  }

  absl::Status Open() {
    auto client = Client::Open(options_);
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    return absl::OkStatus();
  }
  absl::Status Look() { return Disk(*client_, 0).TestUnitReady(); }

  // A whole session: both disks, what waits on other threads, a reset that reaches other sessions, SendTargets.
  absl::Status Everything() {
    if (absl::Status status = Open(); !status.ok()) return status;
    std::vector<std::byte> written(size_t{kBlocks} * 512), read(written.size());
    ++version_;
    for (size_t i = 0; i < written.size(); ++i) written[i] = static_cast<std::byte>(i / 512 + version_);
    for (const uint16_t lun : {0, 1}) {
      Disk disk(*client_, lun);
      absl::Status status = disk.TestUnitReady();
      if (status.ok()) status = disk.ReadInquiry().status();
      if (status.ok()) status = Execute([&](DiskCommand* c) { disk.Write(0, kBlocks, written, c); });
      if (status.ok()) status = disk.Flush();
      if (status.ok()) status = Execute([&](DiskCommand* c) { disk.Read(0, kBlocks, read, c); });
      if (!status.ok()) return status;
      EXPECT_EQ(read, written) << "wrong data is what no failure excuses";
    }
    if (absl::Status status = Reset(); !status.ok()) return status;
    std::vector<std::byte> list(4096);
    bool told = false;
    absl::Status status = client_->SendTargets("", list, [&](const initiator::Event&) { told = true; });
    while (status.ok() && !told) status = client_->Poll(absl::Seconds(5));
    if (!status.ok()) return status;
    status = client_->Close();
    client_.reset();
    return status;
  }
  void Leave() { client_.reset(); }

 private:
  template <class Build>
  absl::Status Execute(const Build& build) {
    DiskCommand command;
    build(&command);
    const absl::StatusOr<initiator::Completed> done = client_->Execute(command.command);
    return done.ok() ? initiator::StatusOf(done->event) : done.status();
  }
  absl::Status Reset() {
    bool done = false;
    absl::Status status = client_->TaskManagement(
        {.function = initiator::TaskManagementFunction::kLogicalUnitReset},
        [&](const initiator::Event&) { done = true; });
    while (status.ok() && !done) status = client_->Poll(absl::Seconds(5));
    return status;
  }

  ClientOptions options_;
  std::unique_ptr<Client> client_;
  uint32_t version_ = 0;
};

// iscsi_target with one worker, a witness that is logged in all the time, and one whose allocations fail.
class Daemon {
 public:
  explicit Daemon(const std::string& name)
      : page_(NewPage(name)),
        stats_(Temporary(name + ".json")),
        program_({kTarget, "--portal=127.0.0.1:0", std::string("--target=") + kName, "--lun=ram:1M",
                  "--lun=file:" + Disk1(name), "--threads=1", "--buffer_mib=16",
                  "--stats=" + stats_}) {
    const std::string& text = program_.ReadUntil("/1\n");
    const std::string mark = "iscsi://127.0.0.1:";
    const size_t at = text.find(mark);
    if (at == std::string::npos) return;
    portal_ = {"127.0.0.1", static_cast<uint16_t>(std::atoi(text.c_str() + at + mark.size()))};
  }

  Page* page() { return page_; }
  const transport::Address& portal() const { return portal_; }
  int Stop() { return program_.End(SIGTERM); }
  std::string Said() { return program_.ReadUntil(""); }
  nlohmann::json Stats() const {
    std::ifstream file(stats_);
    return nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  }

 private:
  static std::string Disk1(const std::string& name) {
    const std::string path = Temporary(name + ".img");
    std::ofstream(path).write(std::string(1 << 20, '\0').data(), 1 << 20);
    return path;
  }

  Page* page_;
  std::string stats_;
  Program program_;
  transport::Address portal_;
};

struct Campaign {
  std::string broken;  // "": all that must hold held
  uint64_t allocations = 0, failed = 0, sessions_lost = 0;
};

// Fails each allocation of a session in turn; stops at the first rule that is broken.
Campaign FailEach(Daemon& daemon, uint64_t step) {
  Campaign campaign;
  Initiator witness(daemon.portal(), "iqn.2026-11.example:witness");
  Initiator victim(daemon.portal(), "iqn.2026-11.example:victim");
  if (!witness.Open().ok() || !witness.Look().ok() || !victim.Everything().ok()) {
    campaign.broken = "no session although nothing failed";
    return campaign;
  }
  Arm(daemon.page(), INT64_MAX);
  const absl::Status undisturbed = victim.Everything();
  absl::SleepFor(absl::Milliseconds(20));
  daemon.page()->armed = false;
  campaign.allocations = daemon.page()->seen;
  if (!undisturbed.ok()) campaign.broken = undisturbed.ToString();
  for (uint64_t at = 1; at <= campaign.allocations && campaign.broken.empty(); at += step) {
    const std::string where = "allocation " + std::to_string(at) + ": ";
    Arm(daemon.page(), static_cast<int64_t>(at));
    campaign.sessions_lost += !victim.Everything().ok();
    victim.Leave();
    if (absl::Status status = witness.Look(); !status.ok()) {
      campaign.broken = where + "the witness: " + status.ToString();
      break;
    }
    daemon.page()->armed = false;
    campaign.failed += daemon.page()->failed;
    if (absl::Status status = victim.Everything(); !status.ok()) {
      campaign.broken = where + "the next session: " + status.ToString();
    }
  }
  return campaign;
}

TEST(MemoryTest, AServingTargetLosesAtMostTheConnection) {
  Daemon daemon("serving");
  ASSERT_NE(daemon.portal().port, 0);
  const Campaign campaign = FailEach(daemon, 1);
  EXPECT_EQ(campaign.broken, "");
  EXPECT_GT(campaign.allocations, 50u);
  EXPECT_GT(campaign.failed, campaign.allocations / 2);
  EXPECT_GT(campaign.sessions_lost, 20u);
  const absl::Time stopping = absl::Now();
  EXPECT_EQ(daemon.Stop(), 0) << daemon.Said();
  EXPECT_LT(absl::Now() - stopping, absl::Seconds(5)) << "it waited for a session that nobody ends";
  const nlohmann::json stats = daemon.Stats();
  // OutOfMemory: each ended its connection.
  EXPECT_GT(stats.value("connections_out_of_memory", 0), 20) << stats;
  std::printf("%lu allocations, %lu failed, %lu sessions lost\n", campaign.allocations,
              campaign.failed, campaign.sessions_lost);
}

// Planted: an allocation fails by what is no std::bad_alloc, as in a daemon that does not handle it.
TEST(MemoryTest, WhatIsNotHandledIsFound) {
  Daemon daemon("planted");
  ASSERT_NE(daemon.portal().port, 0);
  daemon.page()->nameless = true;
  const Campaign campaign = FailEach(daemon, 1);
  EXPECT_NE(campaign.broken, "");
  EXPECT_EQ(daemon.Stop(), 1);
}

struct Started {
  int status = 0;
  std::string output;
};

// Runs a program whose N-th allocation after main() fails; one that comes up is told to end.
Started Start(Page* page, int64_t at, const std::vector<std::string>& arguments,
              const std::string& up) {
  Arm(page, at);
  Program program(arguments);
  const bool came_up = program.ReadUntil(up).find(up) != std::string::npos && !up.empty();
  page->armed = false;
  Started started;
  started.status = program.End(came_up ? SIGTERM : 0);
  started.output = program.ReadUntil("");
  return started;
}

void FailEachOf(const std::vector<std::string>& arguments, const std::string& up,
                const std::string& says, uint64_t most) {
  Page* const page = NewPage("starting");
  const Started good = Start(page, INT64_MAX, arguments, up);
  const uint64_t allocations = page->seen;
  ASSERT_EQ(good.status, 0) << good.output;
  ASSERT_GT(allocations, 100u);
  uint64_t ended = 0;
  const uint64_t step = allocations / most + 1;
  for (uint64_t at = 1; at <= allocations; at += step) {
    const Started one = Start(page, static_cast<int64_t>(at), arguments, up);
    const std::string where = "allocation " + std::to_string(at) + " of " + std::to_string(allocations);
    if (one.status == 0) continue;  // it could do without
    ++ended;
    EXPECT_EQ(one.status, 1) << where << ": " << one.output;
    EXPECT_NE(one.output.find(says), std::string::npos) << where << ": " << one.output;
  }
  EXPECT_GT(ended, allocations / step / 2);
  std::printf("%lu allocations, every %lu. failed, %lu ended the program\n", allocations, step, ended);
}

TEST(MemoryTest, ATargetThatCannotStartSaysSo) {
  FailEachOf({kTarget, "--portal=127.0.0.1:0", std::string("--target=") + kName, "--lun=ram:1M",
              "--threads=2", "--metrics=127.0.0.1:0"},
             "/0\n", "iscsi_target: ", 60);
}

TEST(MemoryTest, AConfigurationFileTooLargeForMemory) {
  const std::string path = Temporary("configuration.json");
  std::ofstream(path) << R"({"portals": [{"address": "127.0.0.1:0"}],
    "targets": [{"name": ")" << kName << R"(", "luns": [{"ram": "1M"}]}]})";
  FailEachOf({kTarget, "--config=" + path}, "/0\n", "iscsi_target: ", 40);
}

TEST(MemoryTest, AClientSaysSo) {
  unsetenv("FAILING_MEMORY");
  initiator::ServedDisk served({"--lun=ram:1M"});
  ASSERT_NE(served.portal().port, 0);
  FailEachOf({kClient, "read", served.url(), "/dev/null", "--length=64k"}, "", "iscsi: ", 60);
}

}  // namespace
}  // namespace isthmus
