#include "target/daemon/metrics.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "protocol/connection/counters.h"
#include "protocol/counters.h"
#include "protocol/time.h"
#include "target/counters.h"
#include "transport/counters.h"

namespace isthmus::target {
namespace {

constexpr char kPrefix[] = "isthmus_target_";

void AddFamily(std::string* text, const std::string& name, const char* help, const char* type) {
  absl::StrAppend(text, "# HELP ", kPrefix, name, " ", help, "\n# TYPE ", kPrefix, name, " ", type,
                  "\n");
}

// A table's counters: group "received", counter "pdus" becomes isthmus_target_received_pdus_total.
template <class C, size_t N>
void AddGroup(std::string* text, const char* group, const C& counters,
              const CounterRow<C> (&rows)[N]) {
  ForEachCounter(counters, rows, [&](const Counter& counter) {
    const std::string name = absl::StrCat(group, counter.name, "_total");
    AddFamily(text, name, counter.help, "counter");
    absl::StrAppend(text, kPrefix, name, " ", counter.value, "\n");
  });
}

std::string Response(const char* status, absl::string_view type, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: ", type,
                      "\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body);
}

std::string Problem(const char* status) {
  return Response(status, "text/plain", absl::StrCat(status, "\n"));
}

}  // namespace

std::string ToPrometheus(const Report& report) {
  std::string text;
  AddFamily(&text, "connections_open", "connections that are open now", "gauge");
  absl::StrAppend(&text, kPrefix, "connections_open ", report.connections_open, "\n");
  const Totals totals = report.Sum();
  AddGroup(&text, "", totals, kTotalsRows);
  AddGroup(&text, "received_", totals.received, kRxCounterRows);
  AddGroup(&text, "sent_", totals.sent, kTxCounterRows);
  if (!report.offload.empty()) {
    AddGroup(&text, "device_", totals.device, transport::kLinkCounterRows);
  }
  AddGroup(&text, "tasks_", totals.session, kSessionCounterRows);
  for (const CounterRow<ThreadCounters>& row : kThreadRows) {
    const std::string name = absl::StrCat("thread_", row.name, "_total");
    AddFamily(&text, name, row.help, "counter");
    size_t index = 0;
    for (const Totals& thread : report.threads) {
      absl::StrAppend(&text, kPrefix, name, "{thread=\"", index++, "\"} ",
                      ThreadCountersOf(thread).*row.counter, "\n");
    }
  }
  return text;
}

MetricsServer::MetricsServer(transport::Socket listener, std::function<std::string()> page,
                             const MetricsLimits& limits)
    : listener_(std::move(listener)), page_(std::move(page)), limits_(limits) {
  again_ = loop_.AddTimer([this](Instant) { loop_.Rewatch(listener_.fd(), EPOLLIN); });
  loop_.Watch(listener_.fd(), EPOLLIN, [this](uint32_t) { Accept(); });
  thread_ = std::thread([this] { loop_.Run(); });
}

MetricsServer::~MetricsServer() {
  loop_.Stop();
  thread_.join();
}

void MetricsServer::Accept() {
  try {
    AcceptAll();
  } catch (const std::bad_alloc&) {  // closed at once
  }
}

void MetricsServer::AcceptAll() {
  for (;;) {
    absl::StatusOr<transport::Socket> socket = transport::Accept(listener_);
    if (!socket.ok()) {
      if (absl::IsUnavailable(socket.status())) return;
      // Out of descriptors: the listener rests.
      loop_.Rewatch(listener_.fd(), 0);
      loop_.SetTimer(again_, transport::MonotonicNow() + Milliseconds(limits_.timeout_ms));
      return;
    }
    if (peers_.size() >= limits_.connections) continue;  // closed at once
    const int fd = socket->fd();
    Peer& peer = peers_[fd];
    peer.socket = *std::move(socket);
    try {
      peer.timer = loop_.AddTimer([this, fd](Instant) { Close(fd); });
      loop_.SetTimer(peer.timer, transport::MonotonicNow() + Milliseconds(limits_.timeout_ms));
      loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnReady(fd); });
    } catch (const std::bad_alloc&) {
      Close(fd);
      throw;
    }
  }
}

void MetricsServer::OnReady(int fd) {
  try {
    ReadAndAnswer(fd);
  } catch (const std::bad_alloc&) {
    Close(fd);
  }
}

void MetricsServer::ReadAndAnswer(int fd) {
  Peer& peer = peers_.at(fd);
  if (peer.answer.empty() || peer.answered) {
    if (!Read(peer)) return Close(fd);
    if (peer.answer.empty() || peer.answered) return;
  }
  if (!Write(peer)) return Close(fd);
  loop_.Rewatch(fd, peer.answered ? EPOLLIN : EPOLLOUT);
}

bool MetricsServer::Read(Peer& peer) {
  std::array<char, 1024> bytes;
  const ssize_t got = recv(peer.socket.fd(), bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  if (peer.answered) return true;  // nothing that comes now matters
  peer.request.append(bytes.data(), static_cast<size_t>(got));
  if (peer.request.size() > limits_.request_bytes) {
    peer.answer = Problem("431 Request Header Fields Too Large");
  } else if (peer.request.find("\r\n\r\n") != std::string::npos) {
    peer.answer = Answer(peer.request);
  }
  return true;
}

// RFC 9112 section 3: method SP target SP version.
std::string MetricsServer::Answer(const std::string& request) const {
  const std::string line = request.substr(0, request.find("\r\n"));
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string::npos || first == last ||
      !absl::StartsWith(line.substr(last + 1), "HTTP/1.")) {
    return Problem("400 Bad Request");
  }
  if (line.substr(0, first) != "GET") return Problem("405 Method Not Allowed");
  const std::string target = line.substr(first + 1, last - first - 1);
  if (target.substr(0, target.find('?')) != "/metrics") return Problem("404 Not Found");
  return Response("200 OK", "text/plain; version=0.0.4; charset=utf-8", page_());
}

bool MetricsServer::Write(Peer& peer) {
  while (peer.sent < peer.answer.size()) {
    const ssize_t put = send(peer.socket.fd(), peer.answer.data() + peer.sent,
                             peer.answer.size() - peer.sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN;
    peer.sent += static_cast<size_t>(put);
  }
  // Closing with bytes unread would reset the connection, and take the answer with it.
  peer.answered = true;
  return shutdown(peer.socket.fd(), SHUT_WR) == 0;
}

void MetricsServer::Close(int fd) {
  loop_.Unwatch(fd);
  loop_.RemoveTimer(peers_.at(fd).timer);
  peers_.erase(fd);
}

}  // namespace isthmus::target
