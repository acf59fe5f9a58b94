// All that a target's session counts, as one plain struct with a name for each number (protocol/counters.h).
//
//   ForEachCounter(CountersOf(session, id), [](const char* group, const Counter& c) {
//     printf("%s_%s %llu  # %s\n", group, c.name, (unsigned long long)c.value, c.help);
//   });
#ifndef ISTHMUS_TARGET_COUNTERS_H_
#define ISTHMUS_TARGET_COUNTERS_H_

#include "protocol/connection/counters.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/counters.h"
#include "target/session.h"

namespace isthmus::target {

inline constexpr CounterRow<SessionCounters> kSessionCounterRows[] = {
    {"commands", "SCSI commands delivered", &SessionCounters::commands},
    {"data_out_pdus", "SCSI Data-Out PDUs taken", &SessionCounters::data_out_pdus},
    {"data_in_pdus", "SCSI Data-In PDUs emitted", &SessionCounters::data_in_pdus},
    {"r2ts", "Ready To Transfer PDUs emitted", &SessionCounters::r2ts},
    {"rejects", "Reject PDUs emitted", &SessionCounters::rejects},
    {"pings", "NOP-Out PDUs answered", &SessionCounters::pings},
    {"ignored", "PDUs silently ignored, as RFC 7143 has it", &SessionCounters::ignored},
    {"read_bytes", "data bytes sent for tasks", &SessionCounters::read_bytes},
    {"write_bytes", "data bytes received for tasks", &SessionCounters::write_bytes},
};
static_assert(EachCounterHasItsRow(kSessionCounterRows));

struct Counters {
  RxCounters received;
  TxCounters sent;
  SessionCounters tasks;
};

inline Counters CountersOf(const Session& session, ConnectionId id) {
  return {session.rx_counters(id), session.tx_counters(id), session.counters()};
}

// Calls use(group, counter) for each; the groups are "received", "sent", "tasks".
template <class Use>
void ForEachCounter(const Counters& counters, Use use) {
  const auto in = [&use](const char* group) {
    return [&use, group](const Counter& counter) { use(group, counter); };
  };
  isthmus::ForEachCounter(counters.received, kRxCounterRows, in("received"));
  isthmus::ForEachCounter(counters.sent, kTxCounterRows, in("sent"));
  isthmus::ForEachCounter(counters.tasks, kSessionCounterRows, in("tasks"));
}

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_COUNTERS_H_
