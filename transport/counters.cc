#include "transport/counters.h"

namespace isthmus::transport {
namespace {

constexpr CounterRow<RxCounters> kReceived[] = {
    {"pdus", &RxCounters::pdus},
    {"bytes", &RxCounters::bytes},
    {"header_digests_by_software", &RxCounters::header_digests_by_software},
    {"header_digests_by_device", &RxCounters::header_digests_by_device},
    {"header_digest_errors", &RxCounters::header_digest_errors},
    {"data_digests_by_software", &RxCounters::data_digests_by_software},
    {"data_digests_by_device", &RxCounters::data_digests_by_device},
    {"data_digest_errors", &RxCounters::data_digest_errors},
    {"data_digest_bytes_by_software", &RxCounters::data_digest_bytes_by_software},
    {"data_digest_bytes_by_device", &RxCounters::data_digest_bytes_by_device},
    {"data_digests_by_accelerator", &RxCounters::data_digests_by_accelerator},
    {"data_digest_bytes_by_accelerator", &RxCounters::data_digest_bytes_by_accelerator},
    {"device_bad_software_good", &RxCounters::device_bad_software_good},
    {"audited", &RxCounters::audited},
    {"audited_bytes", &RxCounters::audited_bytes},
    {"device_good_software_bad", &RxCounters::device_good_software_bad},
    {"data_bytes", &RxCounters::data_bytes},
    {"copied_data_bytes", &RxCounters::copied_data_bytes},
};

constexpr CounterRow<TxCounters> kSent[] = {
    {"pdus", &TxCounters::pdus},
    {"bytes", &TxCounters::bytes},
    {"data_bytes", &TxCounters::data_bytes},
    {"header_digests_by_software", &TxCounters::header_digests_by_software},
    {"header_digests_by_device", &TxCounters::header_digests_by_device},
    {"data_digests_by_software", &TxCounters::data_digests_by_software},
    {"data_digests_by_device", &TxCounters::data_digests_by_device},
    {"data_digest_bytes_by_software", &TxCounters::data_digest_bytes_by_software},
    {"data_digest_bytes_by_device", &TxCounters::data_digest_bytes_by_device},
    {"staged_bytes", &TxCounters::staged_bytes},
    {"materialized", &TxCounters::materialized},
    {"lease_violations", &TxCounters::lease_violations},
};

constexpr CounterRow<LinkCounters> kDevice[] = {
    {"connections_with_device", &LinkCounters::attached},
    {"connections_without_device", &LinkCounters::not_attached},
    {"frames_with_exactly_one_pdu", &LinkCounters::exactly_one_pdu},
    {"frames_with_several_pdus", &LinkCounters::several_pdus},
    {"frames_with_part_of_one_pdu", &LinkCounters::part_of_one_pdu},
    {"frames_out_of_order", &LinkCounters::out_of_order},
    {"frames_before_digests", &LinkCounters::not_armed},
    {"frames_whose_digest_disagrees", &LinkCounters::digest_disagrees},
    {"reads_not_annotated", &LinkCounters::not_annotated},
    {"epochs", &LinkCounters::epochs},
    {"inserted_header_digests", &LinkCounters::inserted_header_digests},
    {"inserted_data_digests", &LinkCounters::inserted_data_digests},
    {"inserted_again", &LinkCounters::inserted_again},
};

}  // namespace

void Add(RxCounters& sum, const RxCounters& counters) { AddRows(sum, counters, kReceived); }
void Add(TxCounters& sum, const TxCounters& counters) { AddRows(sum, counters, kSent); }
void Add(LinkCounters& sum, const LinkCounters& counters) { AddRows(sum, counters, kDevice); }
nlohmann::ordered_json ToJson(const LinkCounters& counters) { return RowsToJson(counters, kDevice); }
nlohmann::ordered_json ToJson(const RxCounters& counters) { return RowsToJson(counters, kReceived); }
nlohmann::ordered_json ToJson(const TxCounters& counters) { return RowsToJson(counters, kSent); }

}  // namespace isthmus::transport
