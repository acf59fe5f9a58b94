// Counters as one struct with names, for C.
#include <array>
#include <cstddef>

#include "capi/face.h"
#include "capi/isthmus.h"

namespace isthmus::capi {
namespace {

struct CounterName {
  size_t offset;
  const char* name;
};

#define ISTHMUS_COUNTER(name) {offsetof(isthmus_counters, name), #name}
// In the order of the struct.
constexpr auto kNames = std::to_array<CounterName>({
    ISTHMUS_COUNTER(rx_pdus),
    ISTHMUS_COUNTER(rx_bytes),
    ISTHMUS_COUNTER(rx_data_bytes),
    ISTHMUS_COUNTER(rx_copied_data_bytes),
    ISTHMUS_COUNTER(rx_header_digests_by_software),
    ISTHMUS_COUNTER(rx_header_digests_by_device),
    ISTHMUS_COUNTER(rx_header_digest_errors),
    ISTHMUS_COUNTER(rx_data_digests_by_software),
    ISTHMUS_COUNTER(rx_data_digests_by_device),
    ISTHMUS_COUNTER(rx_data_digest_errors),
    ISTHMUS_COUNTER(rx_data_digest_bytes_by_software),
    ISTHMUS_COUNTER(rx_data_digest_bytes_by_device),
    ISTHMUS_COUNTER(rx_device_bad_software_good),
    ISTHMUS_COUNTER(rx_audited),
    ISTHMUS_COUNTER(rx_device_good_software_bad),
    ISTHMUS_COUNTER(tx_pdus),
    ISTHMUS_COUNTER(tx_bytes),
    ISTHMUS_COUNTER(tx_data_bytes),
    ISTHMUS_COUNTER(tx_staged_bytes),
    ISTHMUS_COUNTER(tx_header_digests_by_software),
    ISTHMUS_COUNTER(tx_data_digests_by_software),
    ISTHMUS_COUNTER(tx_data_digest_bytes_by_software),
    ISTHMUS_COUNTER(tx_header_digests_by_device),
    ISTHMUS_COUNTER(tx_data_digests_by_device),
    ISTHMUS_COUNTER(tx_data_digest_bytes_by_device),
    ISTHMUS_COUNTER(commands),
    ISTHMUS_COUNTER(immediate_commands),
    ISTHMUS_COUNTER(reissued_commands),
    ISTHMUS_COUNTER(read_bytes),
    ISTHMUS_COUNTER(write_bytes),
    ISTHMUS_COUNTER(data_in_pdus),
    ISTHMUS_COUNTER(data_out_pdus),
    ISTHMUS_COUNTER(r2ts),
    ISTHMUS_COUNTER(unsolicited_data_bytes),
    ISTHMUS_COUNTER(rejects),
    ISTHMUS_COUNTER(async_messages),
    ISTHMUS_COUNTER(pings_sent),
    ISTHMUS_COUNTER(pings_answered),
    ISTHMUS_COUNTER(ignored_pdus),
    ISTHMUS_COUNTER(discarded_pdus),
    ISTHMUS_COUNTER(window_closed),
});
#undef ISTHMUS_COUNTER

constexpr bool EachNamedOnceInOrder() {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].offset != i * sizeof(uint64_t)) return false;
  }
  return sizeof(isthmus_counters) == kNames.size() * sizeof(uint64_t);
}
static_assert(EachNamedOnceInOrder());

}  // namespace

void AddRx(const RxCounters& rx, isthmus_counters* to) {
  to->rx_pdus = rx.pdus;
  to->rx_bytes = rx.bytes;
  to->rx_data_bytes = rx.data_bytes;
  to->rx_copied_data_bytes = rx.copied_data_bytes;
  to->rx_header_digests_by_software = rx.header_digests_by_software;
  to->rx_header_digests_by_device = rx.header_digests_by_device;
  to->rx_header_digest_errors = rx.header_digest_errors;
  to->rx_data_digests_by_software = rx.data_digests_by_software;
  to->rx_data_digests_by_device = rx.data_digests_by_device;
  to->rx_data_digest_errors = rx.data_digest_errors;
  to->rx_data_digest_bytes_by_software = rx.data_digest_bytes_by_software;
  to->rx_data_digest_bytes_by_device = rx.data_digest_bytes_by_device;
  to->rx_device_bad_software_good = rx.device_bad_software_good;
  to->rx_audited = rx.audited;
  to->rx_device_good_software_bad = rx.device_good_software_bad;
}

void AddTx(const TxCounters& tx, isthmus_counters* to) {
  to->tx_pdus = tx.pdus;
  to->tx_bytes = tx.bytes;
  to->tx_data_bytes = tx.data_bytes;
  to->tx_staged_bytes = tx.staged_bytes;
  to->tx_header_digests_by_software = tx.header_digests_by_software;
  to->tx_data_digests_by_software = tx.data_digests_by_software;
  to->tx_data_digest_bytes_by_software = tx.data_digest_bytes_by_software;
  to->tx_header_digests_by_device = tx.header_digests_by_device;
  to->tx_data_digests_by_device = tx.data_digests_by_device;
  to->tx_data_digest_bytes_by_device = tx.data_digest_bytes_by_device;
}

}  // namespace isthmus::capi

extern "C" {

size_t isthmus_counter_count(void) { return isthmus::capi::kNames.size(); }

const char* isthmus_counter_name(size_t index) {
  return index < isthmus::capi::kNames.size() ? isthmus::capi::kNames[index].name : nullptr;
}

}  // extern "C"
