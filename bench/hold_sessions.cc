// Logs sessions in to a target and holds them, idle, until standard input ends: what one session costs the target is
// then to be seen from outside. tools/bench memory runs it.
//
//   hold_sessions 127.0.0.1:3260 iqn.2026-11.example:disk 400 [used]
//
// Prints "ready" when all are logged in. With "used" each has done one WRITE and one READ of 64 KiB before.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "transport/address.h"

namespace isthmus::initiator {
namespace {

absl::Status Use(Client& client) {
  Disk disk(client, 0);
  if (absl::Status status = disk.TestUnitReady(); !status.ok()) return status;
  std::vector<std::byte> bytes(64 << 10);
  for (const bool write : {true, false}) {
    DiskCommand command;
    if (write) {
      disk.Write(0, 128, bytes, &command);
    } else {
      disk.Read(0, 128, bytes, &command);
    }
    absl::StatusOr<Completed> done = client.Execute(command.command);
    if (!done.ok()) return done.status();
    if (absl::Status status = StatusOf(done->event); !status.ok()) return status;
  }
  return absl::OkStatus();
}

int Run(int argc, char** argv) {
  size_t count = 0;
  if (argc < 4 || !absl::SimpleAtoi(argv[3], &count)) {
    std::fputs("hold_sessions ADDR:PORT TARGET COUNT [used]\n", stderr);
    return 2;
  }
  const bool used = argc > 4;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  absl::StatusOr<transport::Address> portal =
      transport::ParseAddress(argv[1], transport::kDefaultPort);
  absl::Status status = portal.status();
  std::vector<std::unique_ptr<Client>> clients;
  while (status.ok() && clients.size() < count) {
    ClientOptions options;
    options.portal = *portal;
    options.target_name = argv[2];
    options.limits.queue_depth = 4;
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(options);
    status = client.status();
    if (!status.ok()) break;
    clients.push_back(*std::move(client));
    if (used) status = Use(*clients.back());
  }
  if (!status.ok()) {
    std::fprintf(stderr, "hold_sessions: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace
}  // namespace isthmus::initiator

int main(int argc, char** argv) { return isthmus::initiator::Run(argc, argv); }
