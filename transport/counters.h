// The counters of a connection under their names: summed and written as JSON from one table each.
//
//   Add(total, *session.rx_counters());
//   json["received"] = ToJson(total);
#ifndef ISTHMUS_TRANSPORT_COUNTERS_H_
#define ISTHMUS_TRANSPORT_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"
#include "transport/device_link.h"

namespace isthmus::transport {

template <class C>
struct CounterRow {
  const char* name;
  uint64_t C::*counter;
};

template <class C, size_t N>
void AddRows(C& sum, const C& more, const CounterRow<C> (&rows)[N]) {
  for (const CounterRow<C>& row : rows) sum.*row.counter += more.*row.counter;
}

template <class C, size_t N>
nlohmann::ordered_json RowsToJson(const C& counters, const CounterRow<C> (&rows)[N]) {
  nlohmann::ordered_json json;
  for (const CounterRow<C>& row : rows) json[row.name] = counters.*row.counter;
  return json;
}

void Add(RxCounters& sum, const RxCounters& counters);
void Add(TxCounters& sum, const TxCounters& counters);
void Add(LinkCounters& sum, const LinkCounters& counters);
nlohmann::ordered_json ToJson(const RxCounters& counters);
nlohmann::ordered_json ToJson(const TxCounters& counters);
nlohmann::ordered_json ToJson(const LinkCounters& counters);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_COUNTERS_H_
