// The counters of a connection and its device, summed and written as JSON from their tables (protocol/counters.h).
//
//   Add(total, *session.rx_counters());
//   json["received"] = ToJson(total);
#ifndef ISTHMUS_TRANSPORT_COUNTERS_H_
#define ISTHMUS_TRANSPORT_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "protocol/connection/counters.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"
#include "protocol/counters.h"
#include "transport/device_link.h"

namespace isthmus::transport {

inline constexpr CounterRow<LinkCounters> kLinkCounterRows[] = {
    {"connections_with_device", "connections that a device took", &LinkCounters::attached},
    {"connections_without_device", "connections that no device took", &LinkCounters::not_attached},
    {"frames_with_exactly_one_pdu", "received frames that held exactly one PDU",
     &LinkCounters::exactly_one_pdu},
    {"frames_with_several_pdus", "received frames that held several PDUs, or an end and a start",
     &LinkCounters::several_pdus},
    {"frames_with_part_of_one_pdu", "received frames that held a part of one PDU",
     &LinkCounters::part_of_one_pdu},
    {"frames_out_of_order", "received frames that the device could not place in the stream",
     &LinkCounters::out_of_order},
    {"frames_before_digests", "frames received before the device was armed",
     &LinkCounters::not_armed},
    {"frames_whose_digest_disagrees", "received frames whose digest the device found wrong",
     &LinkCounters::digest_disagrees},
    {"reads_not_annotated", "reads of which the device's word was lost, so that none is believed",
     &LinkCounters::not_annotated},
    {"device_epochs", "lives of devices: times that one was armed", &LinkCounters::epochs},
    {"inserted_header_digests", "header digests that the device inserted",
     &LinkCounters::inserted_header_digests},
    {"inserted_data_digests", "data digests that the device inserted",
     &LinkCounters::inserted_data_digests},
    {"inserted_again", "digests inserted again into a retransmission",
     &LinkCounters::inserted_again},
};

template <class C, size_t N>
nlohmann::ordered_json RowsToJson(const C& counters, const CounterRow<C> (&rows)[N]) {
  nlohmann::ordered_json json;
  ForEachCounter(counters, rows, [&json](const Counter& c) { json[c.name] = c.value; });
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
