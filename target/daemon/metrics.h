// iscsi_target's counters for Prometheus: the text format (version 0.0.4), and a small HTTP server for nothing else.
//
// The server has a thread of its own, so that no scrape holds up a session. It distrusts whoever connects: so many
// connections, so many bytes of a request and so much time for a whole exchange, then it closes.
//
//   MetricsServer server(*std::move(listener), [&] { return ToPrometheus(Collect()); });
#ifndef ISTHMUS_TARGET_DAEMON_METRICS_H_
#define ISTHMUS_TARGET_DAEMON_METRICS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "target/daemon/stats.h"
#include "transport/event_loop.h"
#include "transport/socket.h"

namespace isthmus::target {

// Every counter of the report with its HELP and TYPE.
std::string ToPrometheus(const Report& report);

struct MetricsLimits {
  size_t connections = 16;      // more are closed at once
  size_t request_bytes = 8192;  // more: 431
  int64_t timeout_ms = 5000;    // for a request and its answer
};

class MetricsServer {
 public:
  // `page` is called on the server's thread, until the destructor returns.
  MetricsServer(transport::Socket listener, std::function<std::string()> page,
                const MetricsLimits& limits = {});
  ~MetricsServer();

 private:
  struct Peer {
    transport::Socket socket;
    transport::TimerId timer = 0;
    std::string request, answer;
    size_t sent = 0;
    bool answered = false;  // whole: only the peer's end is awaited
  };

  void Accept();
  void AcceptAll();
  void OnReady(int fd);
  void ReadAndAnswer(int fd);
  // False: the connection is over.
  bool Read(Peer& peer);
  bool Write(Peer& peer);
  void Close(int fd);
  std::string Answer(const std::string& request) const;

  const transport::Socket listener_;
  const std::function<std::string()> page_;
  const MetricsLimits limits_;
  transport::EventLoop loop_;
  transport::TimerId again_ = 0;
  std::map<int, Peer> peers_;  // by descriptor
  std::thread thread_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_METRICS_H_
