// Counters as one struct with names, for C.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "capi/face.h"
#include "capi/isthmus.h"
#include "protocol/connection/counters.h"
#include "protocol/counters.h"

namespace isthmus::capi {
namespace {

struct CounterName {
  size_t offset;
  const char* name;
  const char* help;
};

// What the engine's own table says of it; nothing compiles without a row.
template <class C, size_t N>
consteval const char* HelpOf(const CounterRow<C> (&rows)[N], std::string_view name) {
  for (const CounterRow<C>& row : rows) {
    if (row.name == name) return row.help;
  }
  __builtin_unreachable();  // no constant: does not compile
}

#define ISTHMUS_RX_COUNTER(name) \
  {offsetof(isthmus_counters, rx_##name), "rx_" #name, HelpOf(kRxCounterRows, #name)}
#define ISTHMUS_TX_COUNTER(name) \
  {offsetof(isthmus_counters, tx_##name), "tx_" #name, HelpOf(kTxCounterRows, #name)}
#define ISTHMUS_COUNTER(name, help) {offsetof(isthmus_counters, name), #name, help}
// In the order of the struct.
constexpr auto kNames = std::to_array<CounterName>({
    ISTHMUS_RX_COUNTER(pdus),
    ISTHMUS_RX_COUNTER(bytes),
    ISTHMUS_RX_COUNTER(data_bytes),
    ISTHMUS_RX_COUNTER(copied_data_bytes),
    ISTHMUS_RX_COUNTER(header_digests_by_software),
    ISTHMUS_RX_COUNTER(header_digests_by_device),
    ISTHMUS_RX_COUNTER(header_digest_errors),
    ISTHMUS_RX_COUNTER(data_digests_by_software),
    ISTHMUS_RX_COUNTER(data_digests_by_device),
    ISTHMUS_RX_COUNTER(data_digest_errors),
    ISTHMUS_RX_COUNTER(data_digest_bytes_by_software),
    ISTHMUS_RX_COUNTER(data_digest_bytes_by_device),
    ISTHMUS_RX_COUNTER(device_bad_software_good),
    ISTHMUS_RX_COUNTER(audited),
    ISTHMUS_RX_COUNTER(device_good_software_bad),
    ISTHMUS_TX_COUNTER(pdus),
    ISTHMUS_TX_COUNTER(bytes),
    ISTHMUS_TX_COUNTER(data_bytes),
    ISTHMUS_TX_COUNTER(staged_bytes),
    ISTHMUS_TX_COUNTER(header_digests_by_software),
    ISTHMUS_TX_COUNTER(data_digests_by_software),
    ISTHMUS_TX_COUNTER(data_digest_bytes_by_software),
    ISTHMUS_TX_COUNTER(header_digests_by_device),
    ISTHMUS_TX_COUNTER(data_digests_by_device),
    ISTHMUS_TX_COUNTER(data_digest_bytes_by_device),
    ISTHMUS_COUNTER(commands, "SCSI commands that a target delivered or an initiator was given"),
    ISTHMUS_COUNTER(immediate_commands, "of an initiator: commands marked for immediate delivery"),
    ISTHMUS_COUNTER(reissued_commands, "of an initiator: commands sent again after a lost connection"),
    ISTHMUS_COUNTER(read_bytes, "data bytes that moved to the initiator for tasks"),
    ISTHMUS_COUNTER(write_bytes, "data bytes that moved to the target for tasks; of an initiator those in Data-Out PDUs"),
    ISTHMUS_COUNTER(data_in_pdus, "SCSI Data-In PDUs"),
    ISTHMUS_COUNTER(data_out_pdus, "of a target: SCSI Data-Out PDUs"),
    ISTHMUS_COUNTER(r2ts, "Ready To Transfer PDUs"),
    ISTHMUS_COUNTER(unsolicited_data_bytes, "of an initiator: write data sent in Data-Out PDUs without an R2T"),
    ISTHMUS_COUNTER(rejects, "Reject PDUs"),
    ISTHMUS_COUNTER(async_messages, "of an initiator: Asynchronous Message PDUs"),
    ISTHMUS_COUNTER(pings_sent, "of an initiator: NOP-Out PDUs sent that ask for an answer"),
    ISTHMUS_COUNTER(pings_answered, "the peer's pings that were answered"),
    ISTHMUS_COUNTER(ignored_pdus, "of a target: PDUs silently ignored, as RFC 7143 has it"),
    ISTHMUS_COUNTER(discarded_pdus, "of an initiator: PDUs without effect, as RFC 7143 has it"),
    ISTHMUS_COUNTER(window_closed, "of an initiator: times that a command waited because the target's window was closed"),
    ISTHMUS_RX_COUNTER(data_digests_by_accelerator),
    ISTHMUS_RX_COUNTER(data_digest_bytes_by_accelerator),
    ISTHMUS_RX_COUNTER(audited_bytes),
    ISTHMUS_TX_COUNTER(materialized),
    ISTHMUS_TX_COUNTER(lease_violations),
});
#undef ISTHMUS_RX_COUNTER
#undef ISTHMUS_TX_COUNTER
#undef ISTHMUS_COUNTER

constexpr bool EachNamedOnceInOrder() {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i].offset != i * sizeof(uint64_t)) return false;
  }
  return sizeof(isthmus_counters) == kNames.size() * sizeof(uint64_t);
}
static_assert(EachNamedOnceInOrder());

// What the engine counts of a connection is in the struct.
template <class C, size_t N>
constexpr bool HasAll(const CounterRow<C> (&rows)[N], std::string_view prefix) {
  for (const CounterRow<C>& row : rows) {
    const auto is_it = [&](const CounterName& one) {
      const std::string_view name = one.name;
      return name.starts_with(prefix) && name.substr(prefix.size()) == row.name;
    };
    if (std::none_of(kNames.begin(), kNames.end(), is_it)) return false;
  }
  return true;
}
static_assert(HasAll(kRxCounterRows, "rx_") && HasAll(kTxCounterRows, "tx_"));

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
  to->rx_data_digests_by_accelerator = rx.data_digests_by_accelerator;
  to->rx_data_digest_bytes_by_accelerator = rx.data_digest_bytes_by_accelerator;
  to->rx_audited_bytes = rx.audited_bytes;
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
  to->tx_materialized = tx.materialized;
  to->tx_lease_violations = tx.lease_violations;
}

}  // namespace isthmus::capi

extern "C" {

size_t isthmus_counter_count(void) { return isthmus::capi::kNames.size(); }

const char* isthmus_counter_name(size_t index) {
  return index < isthmus::capi::kNames.size() ? isthmus::capi::kNames[index].name : nullptr;
}

const char* isthmus_counter_help(size_t index) {
  return index < isthmus::capi::kNames.size() ? isthmus::capi::kNames[index].help : nullptr;
}

}  // extern "C"
