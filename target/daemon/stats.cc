#include "target/daemon/stats.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/counters.h"

namespace isthmus::target {
namespace {

using transport::CounterRow;

constexpr CounterRow<SessionCounters> kSession[] = {
    {"commands", &SessionCounters::commands},
    {"data_out_pdus", &SessionCounters::data_out_pdus},
    {"data_in_pdus", &SessionCounters::data_in_pdus},
    {"r2ts", &SessionCounters::r2ts},
    {"rejects", &SessionCounters::rejects},
    {"pings", &SessionCounters::pings},
    {"ignored", &SessionCounters::ignored},
    {"read_bytes", &SessionCounters::read_bytes},
    {"write_bytes", &SessionCounters::write_bytes},
};

constexpr CounterRow<Totals> kTotals[] = {
    {"connections", &Totals::connections},
    {"sessions", &Totals::sessions},
    {"discovery_sessions", &Totals::discovery_sessions},
    {"logins_refused", &Totals::logins_refused},
    {"logins_redirected", &Totals::logins_redirected},
    {"connections_dropped", &Totals::connections_dropped},
    {"commands_answered_busy", &Totals::commands_answered_busy},
};

}  // namespace

void Totals::Add(const Totals& other) {
  transport::AddRows(*this, other, kTotals);
  transport::Add(received, other.received);
  transport::Add(sent, other.sent);
  transport::Add(device, other.device);
  AddSession(other.session);
}

void Totals::AddSession(const SessionCounters& counters) {
  transport::AddRows(session, counters, kSession);
}

Totals Report::Sum() const {
  Totals sum;
  for (const Totals& totals : threads) sum.Add(totals);
  return sum;
}

nlohmann::ordered_json ToJson(const Report& report) {
  const Totals totals = report.Sum();
  nlohmann::ordered_json json = transport::RowsToJson(totals, kTotals);
  json["digest_kernel"] = report.digest_kernel;
  json["received"] = transport::ToJson(totals.received);
  json["sent"] = transport::ToJson(totals.sent);
  if (!report.offload.empty()) {
    json["offload"] = report.offload;
    json["device"] = transport::ToJson(totals.device);
  }
  json["tasks"] = transport::RowsToJson(totals.session, kSession);
  json["threads"] = nlohmann::ordered_json::array();
  for (const Totals& thread : report.threads) {
    json["threads"].push_back({{"connections", thread.connections},
                               {"sessions", thread.sessions},
                               {"commands", thread.session.commands},
                               {"read_bytes", thread.session.read_bytes},
                               {"write_bytes", thread.session.write_bytes}});
  }
  return json;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string temporary = absl::StrCat(path, ".new");
  std::FILE* file = std::fopen(temporary.c_str(), "we");
  if (file == nullptr) return absl::ErrnoToStatus(errno, temporary);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written)
    return absl::DataLossError(absl::StrCat(temporary, ": could not be written whole"));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace isthmus::target
