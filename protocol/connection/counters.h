// The counters of a connection under their names (protocol/counters.h).
#ifndef ISTHMUS_PROTOCOL_CONNECTION_COUNTERS_H_
#define ISTHMUS_PROTOCOL_CONNECTION_COUNTERS_H_

#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"
#include "protocol/counters.h"

namespace isthmus {

inline constexpr CounterRow<RxCounters> kRxCounterRows[] = {
    {"pdus", "PDUs received whole", &RxCounters::pdus},
    {"bytes", "bytes of these PDUs, digests and padding included", &RxCounters::bytes},
    {"header_digests_by_software", "header digests that software computed",
     &RxCounters::header_digests_by_software},
    {"header_digests_by_device", "header digests taken from a device",
     &RxCounters::header_digests_by_device},
    {"header_digest_errors", "header digests that were wrong; each ends its connection",
     &RxCounters::header_digest_errors},
    {"data_digests_by_software", "data digests that software computed",
     &RxCounters::data_digests_by_software},
    {"data_digests_by_device", "data digests taken from a device",
     &RxCounters::data_digests_by_device},
    {"data_digest_errors", "data digests that were wrong", &RxCounters::data_digest_errors},
    {"data_digest_bytes_by_software", "data bytes that software digested",
     &RxCounters::data_digest_bytes_by_software},
    {"data_digest_bytes_by_device", "data bytes under digests taken from a device",
     &RxCounters::data_digest_bytes_by_device},
    {"data_digests_by_accelerator", "of the data digests by device those answered later",
     &RxCounters::data_digests_by_accelerator},
    {"data_digest_bytes_by_accelerator", "data bytes under these",
     &RxCounters::data_digest_bytes_by_accelerator},
    {"device_bad_software_good",
     "false alarms: a device said bad and software found the digest right",
     &RxCounters::device_bad_software_good},
    {"audited", "digests that a device vouched for and software computed all the same",
     &RxCounters::audited},
    {"audited_bytes", "data bytes under audited digests", &RxCounters::audited_bytes},
    {"device_good_software_bad", "of the audited digests those that were wrong: the device lies",
     &RxCounters::device_good_software_bad},
    {"data_bytes", "bytes of data segments that passed through the receiver",
     &RxCounters::data_bytes},
    {"copied_data_bytes", "of the data bytes those that were copied into their destination",
     &RxCounters::copied_data_bytes},
};
static_assert(EachCounterHasItsRow(kRxCounterRows));

inline constexpr CounterRow<TxCounters> kTxCounterRows[] = {
    {"pdus", "PDUs emitted", &TxCounters::pdus},
    {"bytes", "bytes that the transport took", &TxCounters::bytes},
    {"data_bytes", "bytes of data segments, without padding", &TxCounters::data_bytes},
    {"header_digests_by_software", "header digests that software computed",
     &TxCounters::header_digests_by_software},
    {"data_digests_by_software", "data digests that software computed",
     &TxCounters::data_digests_by_software},
    {"data_digest_bytes_by_software", "data bytes that software digested",
     &TxCounters::data_digest_bytes_by_software},
    {"header_digests_by_device", "header digests left to a device",
     &TxCounters::header_digests_by_device},
    {"data_digests_by_device", "data digests left to a device",
     &TxCounters::data_digests_by_device},
    {"data_digest_bytes_by_device", "data bytes under digests left to a device",
     &TxCounters::data_digest_bytes_by_device},
    {"staged_bytes", "data bytes copied because their source may change meanwhile",
     &TxCounters::staged_bytes},
    {"materialized", "PDUs left to a device whose digests software filled in after all",
     &TxCounters::materialized},
    {"lease_violations", "PDUs whose data changed before the transport was done with them",
     &TxCounters::lease_violations},
};
static_assert(EachCounterHasItsRow(kTxCounterRows));

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_COUNTERS_H_
