// For tests: the program iscsi_target as a process of its own at a free port of the loopback, and other programs run to
// their end. Kills what it started.
//
//   ServedDisk served({"--lun=ram:1M"});
//   options.portal = served.portal(); options.target_name = ServedDisk::kTarget;
//   EXPECT_EQ(served.Stop(SIGTERM), 0);
#ifndef ISTHMUS_INITIATOR_CLIENT_SERVED_DISK_H_
#define ISTHMUS_INITIATOR_CLIENT_SERVED_DISK_H_

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "transport/address.h"

namespace isthmus::initiator {

// A process whose standard output and error are read through a pipe.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    out_ = ends[0];
  }
  Program(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) End(SIGKILL);
    close(out_);
  }

  // What it prints, until `mark` is in it or it ends.
  const std::string& ReadUntil(const std::string& mark) {
    char bytes[4096];
    while (mark.empty() || text_.find(mark) == std::string::npos) {
      const ssize_t got = read(out_, bytes, sizeof bytes);
      if (got <= 0) break;
      text_.append(bytes, static_cast<size_t>(got));
    }
    return text_;
  }

  // Its exit status; 128 and the signal's number if one ended it.
  int End(int with_signal) {
    if (pid_ <= 0) return -1;
    if (with_signal != 0) kill(pid_, with_signal);
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
  std::string text_;
};

struct Ended {
  int status;
  std::string output;
};

inline Ended RunProgram(std::vector<std::string> arguments) {
  Program program(std::move(arguments));
  const std::string output = program.ReadUntil("");
  return {program.End(0), output};
}

class ServedDisk {
 public:
  static constexpr char kTarget[] = "iqn.2026-11.example:disk";

  // Port 0: a free one. `flags`: at least one --lun.
  explicit ServedDisk(const std::vector<std::string>& flags, uint16_t port = 0)
      : program_(Arguments(flags, port)) {
    text_ = program_.ReadUntil(std::string(kTarget) + "/0\n");
    const size_t at = text_.find("iscsi://127.0.0.1:");
    portal_.host = "127.0.0.1";
    if (at != std::string::npos) {
      portal_.port =
          static_cast<uint16_t>(std::atoi(text_.c_str() + at + sizeof("iscsi://127.0.0.1:") - 1));
    }
  }

  const transport::Address& portal() const { return portal_; }  // port 0: it did not start
  std::string url() const { return "iscsi://" + portal_.ToString() + "/" + kTarget + "/0"; }
  const std::string& text() const { return text_; }  // what it printed until it listened
  int Stop(int with_signal) { return program_.End(with_signal); }

 private:
  static std::vector<std::string> Arguments(const std::vector<std::string>& flags, uint16_t port) {
    std::vector<std::string> all = {"target/daemon/iscsi_target",
                                    "--portal=127.0.0.1:" + std::to_string(port),
                                    std::string("--target=") + kTarget, "--threads=2"};
    all.insert(all.end(), flags.begin(), flags.end());
    return all;
  }

  Program program_;
  std::string text_;
  transport::Address portal_;
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLIENT_SERVED_DISK_H_
