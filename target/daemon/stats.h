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
#include "protocol/counters.h"
#include "target/session.h"
#include "transport/device_link.h"

namespace isthmus::target {

struct Totals {
  uint64_t connections = 0, sessions = 0, discovery_sessions = 0, logins_refused = 0,
           logins_redirected = 0;
  uint64_t logins_crowded_out = 0;   // by --max_logins
  uint64_t connections_dropped = 0;  // ended by an error, theirs or ours
  uint64_t connections_out_of_memory = 0;
  uint64_t commands_answered_busy = 0;
  uint64_t reads_waited = 0;  // that no cache held: another thread waited for the disk
  RxCounters received;
  TxCounters sent;
  transport::LinkCounters device;
  SessionCounters session;

  void Add(const Totals& other);
  void AddSession(const SessionCounters& counters);
};

inline constexpr CounterRow<Totals> kTotalsRows[] = {
    {"connections", "connections accepted", &Totals::connections},
    {"sessions", "normal sessions that began", &Totals::sessions},
    {"discovery_sessions", "discovery sessions that began", &Totals::discovery_sessions},
    {"logins_refused", "logins that ended with an error status", &Totals::logins_refused},
    {"logins_redirected", "logins sent to another portal", &Totals::logins_redirected},
    {"logins_crowded_out", "logins closed to make room for others, by --max_logins",
     &Totals::logins_crowded_out},
    {"connections_dropped", "connections that an error ended, theirs or ours",
     &Totals::connections_dropped},
    {"connections_out_of_memory", "connections that were closed because there was no memory for them",
     &Totals::connections_out_of_memory},
    {"commands_answered_busy", "commands answered BUSY for want of buffers",
     &Totals::commands_answered_busy},
    {"reads_waited", "reads of disks that no cache held", &Totals::reads_waited},
};

// What is told of each thread.
struct ThreadCounters {
  uint64_t connections, sessions, commands, read_bytes, write_bytes;
};
inline constexpr CounterRow<ThreadCounters> kThreadRows[] = {
    {"connections", "connections of one thread", &ThreadCounters::connections},
    {"sessions", "sessions of one thread", &ThreadCounters::sessions},
    {"commands", "SCSI commands of one thread", &ThreadCounters::commands},
    {"read_bytes", "data bytes sent by one thread", &ThreadCounters::read_bytes},
    {"write_bytes", "data bytes received by one thread", &ThreadCounters::write_bytes},
};
static_assert(EachCounterHasItsRow(kThreadRows));

inline ThreadCounters ThreadCountersOf(const Totals& totals) {
  return {totals.connections, totals.sessions, totals.session.commands, totals.session.read_bytes,
          totals.session.write_bytes};
}

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
