// What iscsi_target counts, as JSON: digests by who checked them, PDUs, bytes, commands. One Totals a thread, summed when
// written; sessions add theirs when they end and are asked for theirs when a report is wanted in between.
#ifndef ISTHMUS_TARGET_DAEMON_STATS_H_
#define ISTHMUS_TARGET_DAEMON_STATS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"
#include "target/session.h"
#include "transport/device_link.h"

namespace isthmus::target {

struct Totals {
  uint64_t connections = 0, sessions = 0, discovery_sessions = 0, logins_refused = 0,
           logins_redirected = 0;
  uint64_t connections_dropped = 0;  // ended by an error, theirs or ours
  uint64_t commands_answered_busy = 0;
  RxCounters received;
  TxCounters sent;
  transport::LinkCounters device;
  SessionCounters session;

  void Add(const Totals& other);
  void AddSession(const SessionCounters& counters);
};

// What is told of a running or ended daemon.
struct Report {
  std::vector<Totals> threads;
  uint64_t connections_open = 0;
  std::string digest_kernel;
  std::string offload;  // the device model's name; empty: none

  Totals Sum() const;
};

nlohmann::ordered_json ToJson(const Report& report);

// Replaces the file as a whole (write, then rename): a reader never sees half of it.
absl::Status WriteFile(const std::string& path, const std::string& text);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_STATS_H_
