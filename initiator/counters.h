// All that an initiator's session counts, as one plain struct with a name for each number (protocol/counters.h).
//
//   ForEachCounter(CountersOf(session), [](const char* group, const Counter& c) {
//     printf("%s_%s %llu  # %s\n", group, c.name, (unsigned long long)c.value, c.help);
//   });
#ifndef ISTHMUS_INITIATOR_COUNTERS_H_
#define ISTHMUS_INITIATOR_COUNTERS_H_

#include "initiator/session.h"
#include "protocol/connection/counters.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"
#include "protocol/counters.h"

namespace isthmus::initiator {

inline constexpr CounterRow<SessionCounters> kSessionCounterRows[] = {
    {"commands", "SCSI commands submitted", &SessionCounters::commands},
    {"reissued_commands", "commands sent again after a lost connection",
     &SessionCounters::reissued_commands},
    {"immediate_commands", "commands marked for immediate delivery",
     &SessionCounters::immediate_commands},
    {"r2ts", "Ready To Transfer PDUs taken", &SessionCounters::r2ts},
    {"data_in_pdus", "SCSI Data-In PDUs taken", &SessionCounters::data_in_pdus},
    {"unsolicited_data_bytes", "write data sent in Data-Out PDUs without an R2T",
     &SessionCounters::unsolicited_data_bytes},
    {"data_in_bytes", "read data received", &SessionCounters::data_in_bytes},
    {"data_out_bytes", "write data sent in Data-Out PDUs", &SessionCounters::data_out_bytes},
    {"rejects", "Reject PDUs taken", &SessionCounters::rejects},
    {"async_messages", "Asynchronous Message PDUs taken", &SessionCounters::async_messages},
    {"pings_sent", "NOP-Out PDUs sent that ask for an answer", &SessionCounters::pings_sent},
    {"pings_answered", "NOP-In PDUs answered", &SessionCounters::pings_answered},
    {"data_digest_errors", "PDUs with a wrong data digest", &SessionCounters::data_digest_errors},
    {"discarded_pdus", "PDUs without effect, as RFC 7143 has it", &SessionCounters::discarded_pdus},
    {"window_closed", "times that a command waited because the target's window was closed",
     &SessionCounters::window_closed},
    {"data_in_sequences_too_long", "Data-In sequences longer than MaxBurstLength, against RFC 7143",
     &SessionCounters::data_in_sequences_too_long},
};
static_assert(EachCounterHasItsRow(kSessionCounterRows));

struct Counters {
  RxCounters received;  // of the connection that there is, if any
  TxCounters sent;
  SessionCounters tasks;
};

inline Counters CountersOf(const Session& session) {
  Counters counters;
  if (const RxCounters* received = session.rx_counters()) counters.received = *received;
  if (const TxCounters* sent = session.tx_counters()) counters.sent = *sent;
  counters.tasks = session.counters();
  return counters;
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

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_COUNTERS_H_
