#include "transport/counters.h"

namespace isthmus::transport {

void Add(RxCounters& sum, const RxCounters& counters) {
  AddCounters(sum, counters, kRxCounterRows);
}
void Add(TxCounters& sum, const TxCounters& counters) {
  AddCounters(sum, counters, kTxCounterRows);
}
void Add(LinkCounters& sum, const LinkCounters& counters) {
  AddCounters(sum, counters, kLinkCounterRows);
}
nlohmann::ordered_json ToJson(const LinkCounters& counters) {
  return RowsToJson(counters, kLinkCounterRows);
}
nlohmann::ordered_json ToJson(const RxCounters& counters) {
  return RowsToJson(counters, kRxCounterRows);
}
nlohmann::ordered_json ToJson(const TxCounters& counters) {
  return RowsToJson(counters, kTxCounterRows);
}

}  // namespace isthmus::transport
