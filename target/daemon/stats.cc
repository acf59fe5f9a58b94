#include "target/daemon/stats.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protocol/counters.h"
#include "target/counters.h"
#include "transport/counters.h"

namespace isthmus::target {
void Totals::Add(const Totals& other) {
  isthmus::AddCounters(*this, other, kTotalsRows);
  transport::Add(received, other.received);
  transport::Add(sent, other.sent);
  transport::Add(device, other.device);
  AddSession(other.session);
}

void Totals::AddSession(const SessionCounters& counters) {
  isthmus::AddCounters(session, counters, kSessionCounterRows);
}

Totals Report::Sum() const {
  Totals sum;
  for (const Totals& totals : threads) sum.Add(totals);
  return sum;
}

nlohmann::ordered_json ToJson(const Report& report) {
  const Totals totals = report.Sum();
  nlohmann::ordered_json json = transport::RowsToJson(totals, kTotalsRows);
  json["digest_kernel"] = report.digest_kernel;
  json["received"] = transport::ToJson(totals.received);
  json["sent"] = transport::ToJson(totals.sent);
  if (!report.offload.empty()) {
    json["offload"] = report.offload;
    json["device"] = transport::ToJson(totals.device);
  }
  json["tasks"] = transport::RowsToJson(totals.session, kSessionCounterRows);
  json["threads"] = nlohmann::ordered_json::array();
  for (const Totals& thread : report.threads) {
    json["threads"].push_back(transport::RowsToJson(ThreadCountersOf(thread), kThreadRows));
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
