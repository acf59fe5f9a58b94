// iscsi_hostile: named misbehaviours of an initiator against a target, and of a target against an
// initiator, each with the outcomes that RFC 7143 allows.
//
//   iscsi_hostile --list
//   iscsi_hostile all iscsi://127.0.0.1:3260/iqn.2026-11.example:disk/0       overwrites the disk!
//   iscsi_hostile target.login iscsi://HOST/NAME/0 --digests=off --chunking=bytes
//   iscsi_hostile --listen=127.0.0.1:3260 initiator.data_in --read='iscsi read {url} {file}'
//
// Exit status: 0 if no test failed and at least one passed; 1 otherwise; 2 for wrong arguments.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "capi/version.h"
#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/client.h"
#include "fuzz/hostile/report.h"
#include "fuzz/hostile/socket_peer.h"

namespace isthmus::hostile {
namespace {

// What is said of the test that ended a target, and of those behind it.
constexpr char kDied[] = "the target died: no login succeeds any more";
constexpr char kGone[] = "the peer is gone";

// Whether a plain login succeeds; a busy target has three tries.
bool Serves(Peer& peer, const Options& options) {
  const Case login = {"", Side::kTarget, "", "", "", [](Attack& attack) {
                        Client client(attack);
                        client.Login();
                      }};
  for (int i = 0; i < 3; ++i) {
    if (hostile::Run(login, peer, options).kind == Verdict::kPass) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  return false;
}

struct Flags {
  std::vector<std::string> words;  // TEST ..., and the URL last
  bool list = false, quiet = false, thorough = false;
  std::string listen, chap_url, chap_secrets, json, junit, peer = "the peer", digests = "both";
  std::vector<std::string> chunkings = {"pdus"}, skip;
  Commands commands;
  int64_t deadline_ms = 1000, login_deadline_s = 0, gap_deadline_s = 0;
  uint32_t seed = 1;
};

int List(const std::vector<std::string>& prefixes) {
  for (const Case& test : AllCases()) {
    bool wanted = prefixes.empty();
    for (const std::string& prefix : prefixes) {
      wanted = wanted || std::string(test.name).starts_with(prefix);
    }
    if (wanted) {
      std::printf("%-48s %s\n  does:     %s\n  requires: %s\n", test.name, test.clause, test.what,
                  test.required);
    }
  }
  return 0;
}

bool Write(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (out.good()) return true;
  std::fprintf(stderr, "iscsi_hostile: cannot write %s\n", path.c_str());
  return false;
}

// "NAME SECRET" and "mutual NAME SECRET", a line each.
bool ReadAccount(const std::string& path, Account* account) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    const bool mutual = line.starts_with("mutual ");
    if (mutual) line = line.substr(7);
    const size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    (mutual ? account->mutual_user : account->user) = line.substr(0, space);
    (mutual ? account->mutual_secret : account->secret) = line.substr(space + 1);
  }
  return !account->user.empty();
}

std::optional<Chunking> ChunkingOf(const std::string& name) {
  for (Chunking each : {Chunking::kWhole, Chunking::kPdus, Chunking::kBytes, Chunking::kRandom}) {
    if (name == Name(each)) return each;
  }
  return std::nullopt;
}

int Fail(const std::string& text) {
  std::fprintf(stderr, "iscsi_hostile: %s\n", text.c_str());
  return 2;
}

int RunTests(Flags& flags) {
  Options options;
  options.deadline_ms = flags.deadline_ms;
  options.login_deadline_ms = flags.login_deadline_s * 1000;
  options.gap_deadline_ms = flags.gap_deadline_s * 1000;
  options.thorough = flags.thorough;
  options.seed = flags.seed;
  const Side side = flags.listen.empty() ? Side::kTarget : Side::kInitiator;
  std::unique_ptr<Peer> peer;
  if (side == Side::kTarget) {
    const std::string url = flags.words.empty() ? "" : flags.words.back();
    if (!url.starts_with("iscsi://"))
      return Fail("the last argument must be iscsi://HOST/NAME/LUN");
    flags.words.pop_back();
    const std::optional<Endpoint> endpoint = ParseEndpoint(url);
    if (!endpoint.has_value() || endpoint->name.empty()) return Fail("not a URL of a disk: " + url);
    options.target_name = endpoint->name;
    options.lun = endpoint->lun;
    if (options.lun > 255) return Fail("LUNs above 255 are not supported");
    peer = ConnectTo(*endpoint);
    if (!flags.chap_url.empty()) {
      const std::optional<Endpoint> chap = ParseEndpoint(flags.chap_url);
      if (!chap.has_value() || chap->name.empty() || chap->port != endpoint->port ||
          chap->host != endpoint->host) {
        return Fail("--chap_url must name another target of the same portal");
      }
      options.chap_target = chap->name;
    }
  } else {
    const std::optional<Endpoint> endpoint = ParseEndpoint(flags.listen);
    if (!endpoint.has_value()) return Fail("not ADDRESS:PORT: " + flags.listen);
    options.target_name = "iqn.2026-11.example:hostile";
    std::optional<Listener> listener = ListenAt(*endpoint, flags.commands, options.target_name);
    if (!listener.has_value()) return Fail("cannot listen at " + flags.listen);
    std::printf("listening at port %d\n", listener->port);
    std::fflush(stdout);
    peer = std::move(listener->peer);
  }
  const bool chap = !flags.chap_url.empty() || !flags.commands.chap_read.empty();
  if (chap && !ReadAccount(flags.chap_secrets, &options.account)) {
    return Fail("--chap_secrets has no line NAME SECRET");
  }
  if (flags.words.empty()) return Fail("name a test, the beginning of names, or all");

  std::vector<Options> variations;
  std::vector<std::string> names;
  for (bool on : {false, true}) {
    if ((on && flags.digests == "off") || (!on && flags.digests == "on")) continue;
    for (const std::string& word : flags.chunkings) {
      const std::optional<Chunking> chunking = ChunkingOf(word);
      if (!chunking.has_value()) return Fail("--chunking is whole, pdus, bytes or random");
      options.digests = {on, on};
      options.chunking = *chunking;
      variations.push_back(options);
      names.push_back(std::string("digests ") + (on ? "on" : "off") + ", " + word);
    }
  }

  Report report(flags.peer);
  bool gone = false;  // a test has ended the peer
  int chosen = 0;
  static const std::vector<Case> all = AllCases();
  for (const Case& test : all) {
    if (test.side != side) continue;
    const auto begins = [&](const std::string& word) {
      const bool whole =
          std::any_of(all.begin(), all.end(), [&](const Case& each) { return each.name == word; });
      return word == "all" ||
             (whole ? test.name == word : std::string(test.name).starts_with(word));
    };
    bool wanted = false, skipped = false;
    for (const std::string& word : flags.words) wanted = wanted || begins(word);
    for (const std::string& word : flags.skip) skipped = skipped || begins(word);
    if (!wanted || skipped) continue;
    ++chosen;
    const auto start = std::chrono::steady_clock::now();
    std::vector<Verdict> verdicts;
    for (const Options& variation : variations) {
      verdicts.push_back(gone ? Verdict{Verdict::kNotApplicable, kGone, false, {}}
                              : hostile::Run(test, *peer, variation));
    }
    const bool passed = std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) {
      return verdict.kind == Verdict::kPass;
    });
    if (side == Side::kTarget && !gone && !passed && !Serves(*peer, variations.front())) {
      gone = true;
      verdicts.assign(verdicts.size(), {Verdict::kFail, kDied, true, {}});
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    report.Add(test, names, verdicts, seconds.count());
    if (!flags.quiet) std::printf("%s\n", report.Line().c_str());
    std::fflush(stdout);
  }
  if (chosen == 0) return Fail("no test of this side begins like that; see --list");
  std::printf("%s\n", report.Summary().c_str());
  if (!Write(flags.json, report.Json()) || !Write(flags.junit, report.JUnit())) return 2;
  return report.failed() == 0 && report.passed() > 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{
      "Named misbehaviours against an iSCSI target (TEST... URL) or initiator (--listen). "
      "Tests of a target overwrite the first blocks of its disk."};
  app.set_version_flag("--version", std::string("iscsi_hostile (Isthmus) ") + kVersion,
                       "Print the version");
  app.add_option("TEST", flags.words,
                 "Names, beginnings of names, or all; then the target's URL, without --listen");
  app.add_flag("--list", flags.list, "Print the tests: what each does and what it requires");
  app.add_option("--listen", flags.listen, "ADDR:PORT: attack the initiators that connect there");
  app.add_option("--read", flags.commands.read,
                 "With --listen: starts an initiator that reads from block 0 into {file}; {url}, "
                 "{address}, {port}, {name} are replaced");
  app.add_option("--write", flags.commands.write, "The same: one that writes 64 KiB or more");
  app.add_option("--discover", flags.commands.discover, "The same: one that asks for targets");
  app.add_option("--chap_read", flags.commands.chap_read,
                 "The same: one that reads behind mutual CHAP, by the account of --chap_secrets");
  app.add_option("--reset", flags.commands.reset, "The same: one that sends a LOGICAL UNIT RESET");
  app.add_option("--digests", flags.digests, "Runs without, with, or both")
      ->capture_default_str()
      ->check(CLI::IsMember({"off", "on", "both"}));
  app.add_option("--chunking", flags.chunkings,
                 "How the bytes are cut: pdus, whole, bytes, random; several are several runs")
      ->capture_default_str()
      ->delimiter(',');
  app.add_option("--skip", flags.skip, "Tests, or beginnings of names, to leave out")
      ->delimiter(',');
  app.add_option("--chap_url", flags.chap_url,
                 "A target of the same portal that demands CHAP; without it tests of CHAP are not "
                 "applicable");
  app.add_option("--chap_secrets", flags.chap_secrets,
                 "The account of it, or of --chap_read: a file with the lines NAME SECRET and "
                 "mutual NAME SECRET");
  app.add_option("--deadline_ms", flags.deadline_ms, "How long to wait for what is due")
      ->capture_default_str();
  app.add_option("--login_deadline_s", flags.login_deadline_s,
                 "What the target grants a login; 0: tests of it are not applicable")
      ->capture_default_str();
  app.add_option("--gap_deadline_s", flags.gap_deadline_s,
                 "How long it waits for a missing CmdSN; 0: tests of it are not applicable")
      ->capture_default_str();
  app.add_flag("--thorough", flags.thorough, "Every bit and byte instead of some");
  app.add_option("--seed", flags.seed, "Of the random chunking")->capture_default_str();
  app.add_option("--peer", flags.peer, "Its name in the report")->capture_default_str();
  app.add_option("--json", flags.json, "File for the results as JSON");
  app.add_option("--junit", flags.junit, "File for the results as JUnit XML");
  app.add_flag("--quiet", flags.quiet, "Print the sums only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;
  }
  return flags.list ? List(flags.words) : RunTests(flags);
}

}  // namespace
}  // namespace isthmus::hostile

int main(int argc, char** argv) { return isthmus::hostile::Main(argc, argv); }
