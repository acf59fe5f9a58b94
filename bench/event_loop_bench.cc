// Plain epoll or io_uring for the socket driver: both serve the same exchange over loopback TCP in one run.
//
// Each iteration, every one of N connections gets a request of 48 bytes (a BHS) from its peer and answers it with
// `bytes`; the peer's side is the same plain calls for both. What differs is how the server learns of the request, takes it
// and answers: epoll_wait, recv, send; or one io_uring_submit_and_wait for all receives, and again for all sends.
//
//   bazel run -c opt //bench:event_loop_bench
//   event_loop/<epoll|uring>/<connections>/<bytes>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr size_t kRequest = 48;

void Check(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::exit(1);
}

struct Pair {
  int peer = -1, server = -1;
};

Pair Connect() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in self = {};
  self.sin_family = AF_INET;
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof self;
  Check(bind(listener, reinterpret_cast<sockaddr*>(&self), size) == 0, "bind");
  Check(listen(listener, 1) == 0, "listen");
  Check(getsockname(listener, reinterpret_cast<sockaddr*>(&self), &size) == 0, "getsockname");
  Pair pair;
  pair.peer = socket(AF_INET, SOCK_STREAM, 0);
  Check(connect(pair.peer, reinterpret_cast<sockaddr*>(&self), size) == 0, "connect");
  pair.server = accept(listener, nullptr, nullptr);
  Check(pair.server >= 0, "accept");
  const int on = 1, bytes = 4 << 20;
  for (const int fd : {pair.peer, pair.server}) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  close(listener);
  return pair;
}

class Exchange {
 public:
  Exchange(size_t connections, size_t bytes) : answer_(bytes, 'a'), in_(connections * kRequest), got_(bytes) {
    for (size_t i = 0; i < connections; ++i) pairs_.push_back(Connect());
  }
  ~Exchange() {
    for (const Pair& pair : pairs_) {
      close(pair.peer);
      close(pair.server);
    }
  }
  void Ask() {
    const char request[kRequest] = {};
    for (const Pair& pair : pairs_) Check(send(pair.peer, request, kRequest, 0) == ssize_t{kRequest}, "send");
  }
  void TakeAnswers() {
    for (const Pair& pair : pairs_) {
      Check(recv(pair.peer, got_.data(), got_.size(), MSG_WAITALL) == static_cast<ssize_t>(got_.size()), "recv");
    }
  }
  size_t size() const { return pairs_.size(); }
  int server(size_t i) const { return pairs_[i].server; }
  char* in(size_t i) { return in_.data() + i * kRequest; }
  const std::vector<char>& answer() const { return answer_; }

 private:
  std::vector<Pair> pairs_;
  std::vector<char> answer_, in_, got_;
};

void Epoll(benchmark::State& state) {
  Exchange exchange(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  const int poll = epoll_create1(0);
  for (size_t i = 0; i < exchange.size(); ++i) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = i;
    Check(epoll_ctl(poll, EPOLL_CTL_ADD, exchange.server(i), &event) == 0, "epoll_ctl");
  }
  std::vector<epoll_event> events(exchange.size());
  const std::vector<char>& answer = exchange.answer();
  for (auto _ : state) {
    exchange.Ask();
    for (size_t served = 0; served < exchange.size();) {
      const int ready = epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
      for (int e = 0; e < ready; ++e, ++served) {
        const size_t i = events[static_cast<size_t>(e)].data.u64;
        Check(recv(exchange.server(i), exchange.in(i), kRequest, 0) == ssize_t{kRequest}, "recv");
        Check(send(exchange.server(i), answer.data(), answer.size(), 0) == static_cast<ssize_t>(answer.size()), "send");
      }
    }
    exchange.TakeAnswers();
  }
  close(poll);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Reap(io_uring& ring, size_t count, size_t bytes) {
  Check(io_uring_submit_and_wait(&ring, static_cast<unsigned>(count)) >= 0, "io_uring_submit_and_wait");
  for (size_t i = 0; i < count; ++i) {
    io_uring_cqe* done = nullptr;
    Check(io_uring_wait_cqe(&ring, &done) == 0, "io_uring_wait_cqe");
    Check(done->res == static_cast<int>(bytes), "a short completion");
    io_uring_cqe_seen(&ring, done);
  }
}

void Uring(benchmark::State& state) {
  Exchange exchange(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  io_uring ring;
  if (io_uring_queue_init(static_cast<unsigned>(2 * exchange.size()), &ring, 0) != 0) {
    state.SkipWithError("this kernel offers no io_uring");
    return;
  }
  const std::vector<char>& answer = exchange.answer();
  for (auto _ : state) {
    exchange.Ask();
    for (size_t i = 0; i < exchange.size(); ++i) {
      io_uring_prep_recv(io_uring_get_sqe(&ring), exchange.server(i), exchange.in(i), kRequest, 0);
    }
    Reap(ring, exchange.size(), kRequest);
    for (size_t i = 0; i < exchange.size(); ++i) {
      io_uring_prep_send(io_uring_get_sqe(&ring), exchange.server(i), answer.data(), answer.size(), MSG_WAITALL);
    }
    Reap(ring, exchange.size(), answer.size());
    exchange.TakeAnswers();
  }
  io_uring_queue_exit(&ring);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t connections : {1, 8, 32}) {
    for (const int64_t bytes : {4096, 65536}) benchmark->Args({connections, bytes});
  }
}

BENCHMARK(Epoll)->Name("event_loop/epoll")->Apply(Sizes)->UseRealTime();
BENCHMARK(Uring)->Name("event_loop/uring")->Apply(Sizes)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
