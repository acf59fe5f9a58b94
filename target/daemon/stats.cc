#include "target/daemon/stats.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace isthmus::target {
namespace {

// Each counter once: summed and written from these tables.
template <class C>
struct Row {
  const char* name;
  uint64_t C::*counter;
};

constexpr Row<RxCounters> kReceived[] = {
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
    {"device_bad_software_good", &RxCounters::device_bad_software_good},
    {"data_bytes", &RxCounters::data_bytes},
    {"copied_data_bytes", &RxCounters::copied_data_bytes},
};

constexpr Row<TxCounters> kSent[] = {
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
};

constexpr Row<SessionCounters> kSession[] = {
    {"commands", &SessionCounters::commands},         {"data_out_pdus", &SessionCounters::data_out_pdus},
    {"data_in_pdus", &SessionCounters::data_in_pdus}, {"r2ts", &SessionCounters::r2ts},
    {"rejects", &SessionCounters::rejects},           {"pings", &SessionCounters::pings},
    {"ignored", &SessionCounters::ignored},           {"read_bytes", &SessionCounters::read_bytes},
    {"write_bytes", &SessionCounters::write_bytes},
};

constexpr Row<Totals> kTotals[] = {
    {"connections", &Totals::connections},
    {"sessions", &Totals::sessions},
    {"discovery_sessions", &Totals::discovery_sessions},
    {"logins_refused", &Totals::logins_refused},
    {"connections_dropped", &Totals::connections_dropped},
    {"commands_answered_busy", &Totals::commands_answered_busy},
};

template <class C, size_t N>
void Sum(C& sum, const C& more, const Row<C> (&rows)[N]) {
  for (const Row<C>& row : rows) sum.*row.counter += more.*row.counter;
}

template <class C, size_t N>
nlohmann::ordered_json Json(const C& counters, const Row<C> (&rows)[N]) {
  nlohmann::ordered_json json;
  for (const Row<C>& row : rows) json[row.name] = counters.*row.counter;
  return json;
}

}  // namespace

void Add(RxCounters& sum, const RxCounters& counters) { Sum(sum, counters, kReceived); }
void Add(TxCounters& sum, const TxCounters& counters) { Sum(sum, counters, kSent); }
void Add(SessionCounters& sum, const SessionCounters& counters) { Sum(sum, counters, kSession); }

void Totals::Add(const Totals& other) {
  Sum(*this, other, kTotals);
  target::Add(received, other.received);
  target::Add(sent, other.sent);
  target::Add(session, other.session);
}

std::string ToJson(const Totals& totals, const std::string& digest_kernel) {
  nlohmann::ordered_json json = Json(totals, kTotals);
  json["digest_kernel"] = digest_kernel;
  json["received"] = Json(totals.received, kReceived);
  json["sent"] = Json(totals.sent, kSent);
  json["tasks"] = Json(totals.session, kSession);
  return json.dump(2) + "\n";
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string temporary = absl::StrCat(path, ".new");
  std::FILE* file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return absl::ErrnoToStatus(errno, temporary);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) return absl::DataLossError(absl::StrCat(temporary, ": could not be written whole"));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace isthmus::target
