#include "target/daemon/settings.h"

#include <limits>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "transport/chap_algorithms.h"
#include "transport/device_models.h"

namespace isthmus::target {
namespace {

using Place = std::variant<std::string& (*)(Config&), bool& (*)(Config&), uint32_t& (*)(Config&),
                           uint64_t& (*)(Config&), transport::ChapAlgorithms& (*)(Config&)>;

struct Row {
  const char* name;
  Place place;
  uint64_t minimum, maximum;  // of a number
  const char* help;
};

constexpr uint64_t kMost32 = std::numeric_limits<uint32_t>::max();

std::vector<Row> Rows() {
  return {
      {"chap_secrets", +[](Config& c) -> std::string& { return c.chap_secrets; }, 0, 0,
       "File with CHAP accounts, mode 600: lines \"NAME SECRET\" and, for mutual CHAP, one "
       "\"mutual NAME SECRET\""},
      {"mutual_chap_required", +[](Config& c) -> bool& { return c.mutual_chap_required; }, 0, 0,
       "Refuse initiators that do not ask the target to prove itself"},
      {"chap_algorithms", +[](Config& c) -> transport::ChapAlgorithms& { return c.chap_algorithms; },
       0, 0, "CHAP's hash algorithms that are accepted; the initiator's order decides"},
      {"stats", +[](Config& c) -> std::string& { return c.stats_path; }, 0, 0,
       "File for statistics (JSON), written at the end and on SIGUSR1"},
      {"metrics", +[](Config& c) -> std::string& { return c.metrics; }, 0, 0,
       "ADDR:PORT where Prometheus finds /metrics; none if left out"},
      {"capture", +[](Config& c) -> std::string& { return c.capture_path; }, 0, 0,
       "File for a packet capture (pcapng), secrets masked"},
      {"capture_secrets", +[](Config& c) -> bool& { return c.capture_secrets; }, 0, 0,
       "Leave CHAP responses in the capture"},
      {"digest_kernel", +[](Config& c) -> std::string& { return c.digest_kernel; }, 0, 0,
       "CRC32C kernel by name, instead of the best one"},
      {"offload", +[](Config& c) -> std::string& { return c.offload; }, 0, 0, nullptr},
      {"threads", +[](Config& c) -> uint32_t& { return c.threads; }, 1, 256,
       "Threads that serve sessions"},
      {"max_connections", +[](Config& c) -> uint32_t& { return c.max_connections; }, 1, 1 << 20,
       "Connections of all sessions together"},
      {"max_logins", +[](Config& c) -> uint32_t& { return c.max_logins; }, 1, 1 << 16,
       "Connections that have not logged in, and discovery sessions; beyond it the oldest of the "
       "address that has most is closed"},
      {"queue_depth", +[](Config& c) -> uint32_t& { return c.limits.command_slots; }, 1, 4096,
       "Commands that a session may have out"},
      {"buffer_mib", +[](Config& c) -> uint64_t& { return c.buffer_mib; }, 16, 1 << 20,
       "MiB for data between network and disks; beyond it commands are answered BUSY"},
      {"spin_us", +[](Config& c) -> uint32_t& { return c.spin_us; }, 0, 10'000,
       "Microseconds that a thread looks on for requests that follow each other closely before it "
       "sleeps; 0: it sleeps at once"},
      {"login_timeout_ms", +[](Config& c) -> uint32_t& { return c.limits.login_timeout_ms; }, 1,
       kMost32, "Milliseconds for a whole login"},
      {"ping_interval_ms", +[](Config& c) -> uint32_t& { return c.limits.ping_interval_ms; }, 0,
       kMost32, "Silence of an initiator, in milliseconds, before it is pinged; 0: never"},
      {"ping_timeout_ms", +[](Config& c) -> uint32_t& { return c.limits.ping_timeout_ms; }, 0,
       kMost32, "Milliseconds that it may then stay silent"},
  };
}

absl::Status Read(const Row&, const std::string& value, std::string& out) {
  if (value.empty()) return absl::InvalidArgumentError("it is empty");
  if (value.find('\0') != value.npos) return absl::InvalidArgumentError("it holds a zero byte");
  out = value;
  return absl::OkStatus();
}

absl::Status Read(const Row&, const std::string& value, bool& out) {
  const bool yes = value == "true" || value == "Yes" || value == "1";
  if (!yes && value != "false" && value != "No" && value != "0") {
    return absl::InvalidArgumentError("neither true nor false");
  }
  out = yes;
  return absl::OkStatus();
}

absl::Status Read(const Row&, const std::string& value, transport::ChapAlgorithms& out) {
  absl::StatusOr<transport::ChapAlgorithms> algorithms = transport::ParseChapAlgorithms(value);
  if (!algorithms.ok()) return algorithms.status();
  out = *std::move(algorithms);
  return absl::OkStatus();
}

template <class N>
absl::Status Read(const Row& row, const std::string& value, N& out) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(value, &number)) return absl::InvalidArgumentError("not a number");
  if (number < row.minimum || number > row.maximum) {
    return absl::InvalidArgumentError(
        absl::StrCat("out of range (", row.minimum, " to ", row.maximum, ")"));
  }
  out = static_cast<N>(number);
  return absl::OkStatus();
}

std::string ShowValue(const std::string& value) { return value; }
std::string ShowValue(bool value) { return value ? "true" : "false"; }
std::string ShowValue(uint32_t value) { return absl::StrCat(value); }
std::string ShowValue(uint64_t value) { return absl::StrCat(value); }
std::string ShowValue(const transport::ChapAlgorithms& value) {
  return transport::ChapAlgorithmNames(value);
}

Setting FromRow(const Row& row) {
  Setting setting;
  setting.name = row.name;
  setting.flags = absl::StrCat("--", row.name);
  setting.is_switch = std::holds_alternative<bool& (*)(Config&)>(row.place);
  const bool is_text = std::holds_alternative<std::string& (*)(Config&)>(row.place);
  const bool is_path = is_text && setting.name != "metrics" && setting.name != "digest_kernel" &&
                       setting.name != "offload";
  const bool is_list =
      std::holds_alternative<transport::ChapAlgorithms& (*)(Config&)>(row.place);
  setting.values = setting.is_switch        ? "true, false"
                   : is_list                ? "list of " + transport::ChapAlgorithmChoices()
                   : is_path                ? "path"
                   : is_text                ? setting.name == "metrics" ? "ADDR:PORT" : "name"
                   : row.maximum == kMost32 ? absl::StrCat("at least ", row.minimum)
                                            : absl::StrCat(row.minimum, " to ", row.maximum);
  setting.help = row.help != nullptr ? row.help : transport::DeviceModelHelp();
  setting.set = [row](Config& config, const std::string& value) {
    if (row.name == absl::string_view("metrics")) {
      const absl::Status status = transport::ParseAddress(value, kMetricsPort).status();
      if (!status.ok()) return status;
    }
    return std::visit([&](auto place) { return Read(row, value, place(config)); }, row.place);
  };
  setting.show = [row](const Config& config) {
    return std::visit([&](auto place) { return ShowValue(place(const_cast<Config&>(config))); },
                      row.place);
  };
  return setting;
}

Setting FromKey(const text::KeyInfo& key) {
  Setting setting;
  setting.name = std::string(key.name);
  setting.flags = transport::FlagOf(key);
  setting.values = transport::ValuesOf(key);
  setting.help = transport::HelpOf(key);
  setting.key = &key;
  setting.set = [&key](Config& config, const std::string& value) {
    return transport::SetOffer(key, value, *config.texts, &config.offer);
  };
  setting.show = [&key](const Config& config) { return transport::ValueOf(config.offer, key); };
  return setting;
}

}  // namespace

const std::vector<Setting>& Settings() {
  static const auto* settings = [] {
    auto* all = new std::vector<Setting>;
    for (const Row& row : Rows()) all->push_back(FromRow(row));
    for (const text::KeyInfo* key : transport::SettableKeys(Role::kTarget))
      all->push_back(FromKey(*key));
    return all;
  }();
  return *settings;
}

const Setting* FindSetting(absl::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string SettingsMarkdown(bool keys) {
  std::string text =
      keys ? "| Flag, member of `keys` | Values | Default | Section |\n|---|---|---|---|\n"
           : "| Flag, member of the file | Values | Default | Meaning |\n|---|---|---|---|\n";
  const Config defaults;
  for (const Setting& setting : Settings()) {
    if ((setting.key != nullptr) != keys) continue;
    std::string value = setting.show(defaults);
    if (setting.name == "threads") value = "one a processor";
    absl::StrAppend(&text, "| `", setting.flags, "` | ", setting.values, " | ",
                    value.empty() ? "–" : value, " | ",
                    keys ? std::string(setting.key->section) : setting.help, " |\n");
  }
  return text;
}

}  // namespace isthmus::target
