// What TCP over the loopback gives without any protocol: one process sends blocks, another receives them into one
// buffer. docs/performance.md compares copies with it.
//
//   bare_loop BYTES BLOCK          prints {"bytes":…,"block_bytes":…,"seconds":…}

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

uint64_t Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) {
    std::fprintf(stderr, "bare_loop: %.*s is not a number of bytes\n", static_cast<int>(text.size()), text.data());
    std::exit(2);
  }
  return value;
}

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void SendAll(uint16_t port, uint64_t bytes, uint64_t block) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = port;
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) Fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::vector<char> data(block, 'x');
  while (bytes > 0) {
    const uint64_t wanted = bytes < block ? bytes : block;
    const ssize_t sent = send(fd, data.data(), wanted, MSG_NOSIGNAL);
    if (sent < 0) Fail("send");
    bytes -= static_cast<uint64_t>(sent);
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bare_loop BYTES BLOCK\n");
    return 2;
  }
  const uint64_t bytes = Number(argv[1]), block = Number(argv[2]);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in self = {};
  self.sin_family = AF_INET;
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof self;
  if (bind(listener, reinterpret_cast<sockaddr*>(&self), size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&self), &size) != 0) {
    Fail("listen");
  }
  const pid_t sender = fork();
  if (sender < 0) Fail("fork");
  if (sender == 0) {
    SendAll(self.sin_port, bytes, block);
    return 0;
  }
  const int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) Fail("accept");
  std::vector<char> data(block);
  const auto start = std::chrono::steady_clock::now();
  uint64_t got = 0;
  while (got < bytes) {
    const ssize_t part = recv(fd, data.data(), block, 0);
    if (part < 0) Fail("recv");
    if (part == 0) break;
    got += static_cast<uint64_t>(part);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  int status = 0;
  waitpid(sender, &status, 0);
  if (got != bytes || status != 0) {
    std::fprintf(stderr, "bare_loop: only %llu bytes arrived\n", static_cast<unsigned long long>(got));
    return 1;
  }
  std::printf("{\"bytes\":%llu,\"block_bytes\":%llu,\"seconds\":%.6f}\n", static_cast<unsigned long long>(got),
              static_cast<unsigned long long>(block), seconds.count());
  return 0;
}
