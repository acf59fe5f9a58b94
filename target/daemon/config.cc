#include "target/daemon/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "capi/version.h"
#include "protocol/text/key_table.h"
#include "protocol/text/names.h"
#include "target/daemon/config_file.h"
#include "target/daemon/settings.h"

namespace isthmus::target {
namespace {

absl::Status Invalid(absl::string_view flag, absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", value, ": ", why));
}

// In the flags' order: a --lun belongs to the --target before it.
absl::Status ParseTargets(const CLI::App& app, const CLI::Option* target_flag,
                          const CLI::Option* lun_flag, std::vector<TargetConfig>* targets) {
  if (target_flag->results().empty())
    return absl::InvalidArgumentError("--target is required, or --config");
  if (lun_flag->results().empty())
    return absl::InvalidArgumentError("--lun is required, or --config");
  std::set<std::string> names;
  size_t target_index = 0, lun_index = 0;
  for (const CLI::Option* option : app.parse_order()) {
    if (option == target_flag) {
      const std::string& name = target_flag->results().at(target_index++);
      if (!text::IsIscsiName(name)) {
        return Invalid(
            "--target", name,
            "not an iSCSI name (iqn.YYYY-MM.reversed.domain:anything, eui. or naa.; RFC 7143 "
            "section 4.2.7)");
      }
      if (!names.insert(name).second) return Invalid("--target", name, "named twice");
      targets->emplace_back();
      targets->back().name = name;
      targets->back().where = absl::StrCat("--target=", name);
    } else if (option == lun_flag) {
      const std::string& text = lun_flag->results().at(lun_index++);
      if (targets->empty()) return Invalid("--lun", text, "stands before any --target");
      absl::StatusOr<LunSpec> spec = ParseLunSpec(text);
      if (!spec.ok()) return Invalid("--lun", text, spec.status().message());
      std::vector<LunConfig>& luns = targets->back().luns;
      luns.push_back(
          {static_cast<uint16_t>(luns.size()), *std::move(spec), absl::StrCat("--lun=", text)});
    }
  }
  for (const TargetConfig& target : *targets) {
    if (target.luns.empty()) return Invalid("--target", target.name, "has no --lun after it");
  }
  return absl::OkStatus();
}

absl::Status ParsePortals(const std::vector<std::string>& flags, Config* config) {
  for (const std::string& portal : flags) {
    absl::StatusOr<transport::Address> address =
        transport::ParseAddress(portal, transport::kDefaultPort);
    if (!address.ok()) return Invalid("--portal", portal, address.status().message());
    config->portals.push_back(
        {*std::move(address), config->offer.TargetPortalGroupTag.value_or(1)});
  }
  return absl::OkStatus();
}

}  // namespace

bool TargetConfig::Serves(uint16_t group) const {
  return portal_groups.empty() ||
         std::find(portal_groups.begin(), portal_groups.end(), group) != portal_groups.end();
}

bool TargetConfig::Admits(const std::string& initiator) const {
  return initiators.empty() ||
         std::find(initiators.begin(), initiators.end(), initiator) != initiators.end();
}

Config::Config() {
  chap_algorithms = *transport::ParseChapAlgorithms(transport::kChapAlgorithmsToAccept);
  offer.InitialR2T = false;
  offer.MaxOutstandingR2T = 8;
  offer.MaxBurstLength = 1 << 20;
  offer.FirstBurstLength = 256 << 10;
  offer.MaxRecvDataSegmentLength = 256 << 10;
  offer.DefaultTime2Retain = 0;
  offer.iSCSIProtocolLevel = 2;
  offer.TargetPortalGroupTag = 1;
  limits.command_slots = 128;
  limits.source_slots = 256;
  limits.r2t_slots = 128;
  limits.staging_bytes = 512 << 10;
  threads = std::clamp(std::thread::hardware_concurrency(), 1u, 256u);
}

absl::Status CheckOffer(const text::Offer& offer) {
  const std::optional<text::Key> wrong = text::FindInvalid(offer, Role::kTarget);
  if (!wrong.has_value()) return absl::OkStatus();
  const text::KeyInfo& info = text::InfoOf(*wrong);
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(info.name), ": the value breaks RFC 7143 section ", std::string(info.section),
      *wrong == text::Key::kFirstBurstLength ? " (it exceeds MaxBurstLength)" : ""));
}

absl::StatusOr<Config> ParseArguments(int argc, const char* const* argv) {
  Config config;
  std::string config_path;
  std::vector<std::string> portals{"127.0.0.1:3260"}, targets, luns;
  GivenSettings given;

  CLI::App app(
      "iscsi_target serves files and memory as iSCSI disks (RFC 7143).\n"
      "Prints the URL of each disk on each portal once it listens; SIGTERM stops it cleanly, "
      "SIGUSR1 writes --stats.",
      "iscsi_target");
  app.option_defaults()->always_capture_default(false);
  app.set_version_flag("--version", absl::StrCat("iscsi_target (Isthmus) ", kVersion),
                       "Print the version");
  CLI::Option* file_flag =
      app.add_option("--config", config_path,
                     "File (JSON) with portals, targets, accounts and all of the settings below; "
                     "flags given beside it win");
  app.add_option("--portal", portals,
                 "ADDR:PORT to listen at, IPv6 in brackets, port 0 for any; repeatable")
      ->capture_default_str()
      ->excludes(file_flag);
  CLI::Option* target_flag =
      app.add_option("--target", targets, "iSCSI name of a target; repeatable")
          ->excludes(file_flag);
  CLI::Option* lun_flag =
      app.add_option("--lun", luns,
                     "A disk of the --target before it: ram:SIZE or "
                     "file:PATH, then [,readonly][,removable][,block=4096][,physical=4096]; "
                     "repeatable, LUN 0 first")
          ->excludes(file_flag);
  for (const Setting& setting : Settings()) {
    if (setting.is_switch) {
      app.add_flag_callback(
          setting.flags, [&] { given.emplace_back(&setting, "true"); }, setting.help);
      continue;
    }
    CLI::Option* option = app.add_option_function<std::string>(
        setting.flags, [&](const std::string& value) { given.emplace_back(&setting, value); },
        setting.help);
    option->default_str(setting.show(config))->type_name("VALUE");
    if (setting.key != nullptr) option->group("Keys of RFC 7143");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    config.help = app.help();
    return config;
  } catch (const CLI::CallForVersion& version) {
    config.help = absl::StrCat(version.what(), "\n");
    return config;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }

  for (const auto& [setting, value] : given) {
    if (absl::Status status = setting->set(config, value); !status.ok()) {
      return Invalid("--" + setting->name, value, status.message());
    }
  }
  if (absl::Status status = CheckOffer(config.offer); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--", status.message()));
  }
  if (!config_path.empty()) {
    for (const auto& [setting, value] : given) {
      if (setting->name == "TargetPortalGroupTag")
        return Invalid(setting->flags, value, "--config has portals[].group for it");
    }
    if (absl::Status status = ReadConfigFile(config_path, given, &config); !status.ok())
      return status;
    return config;
  }
  if (absl::Status status = ParsePortals(portals, &config); !status.ok()) return status;
  if (absl::Status status = ParseTargets(app, target_flag, lun_flag, &config.targets); !status.ok())
    return status;
  if (config.mutual_chap_required && config.chap_secrets.empty()) {
    return absl::InvalidArgumentError("--mutual_chap_required needs --chap_secrets");
  }
  for (TargetConfig& target : config.targets) {
    target.chap_secrets = config.chap_secrets;
    target.mutual_chap_required = config.mutual_chap_required;
    target.offer = config.offer;
  }
  return config;
}

}  // namespace isthmus::target
