#include "target/daemon/catalogue.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "target/backend/lun_spec.h"

namespace isthmus::target {
namespace {

// Initiators tell disks apart by it: the same for the same target and LUN at every start.
std::string SerialOf(const std::string& target, uint16_t lun) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : target) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return absl::StrFormat("%012x%04x", hash >> 16, lun);
}

bool ListensEverywhere(const transport::Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

}  // namespace

absl::StatusOr<const Accounts*> Catalogue::AccountsOf(const std::string& path,
                                                      absl::string_view where) {
  if (path.empty()) return nullptr;
  std::unique_ptr<Accounts>& accounts = accounts_by_path_[path];
  if (accounts == nullptr) {
    absl::StatusOr<std::unique_ptr<transport::SecretFile>> file = transport::SecretFile::Read(path);
    if (!file.ok())
      return absl::Status(file.status().code(), absl::StrCat(where, ": ", file.status().message()));
    accounts = std::make_unique<Accounts>(*std::move(file));
  }
  return accounts.get();
}

absl::StatusOr<std::unique_ptr<Catalogue>> Catalogue::Open(const Config& config) {
  auto catalogue = std::make_unique<Catalogue>();
  catalogue->texts_ = config.texts;
  absl::StatusOr<const Accounts*> accounts =
      catalogue->AccountsOf(config.chap_secrets, "--chap_secrets");
  if (!accounts.ok()) return accounts.status();
  catalogue->accounts_ = *accounts;
  for (const TargetConfig& each : config.targets) {
    auto target = std::make_unique<ServedTarget>(each);
    accounts = catalogue->AccountsOf(each.chap_secrets, absl::StrCat(each.where, ".chap_secrets"));
    if (!accounts.ok()) return accounts.status();
    target->accounts = *accounts;
    for (const LunConfig& lun : each.luns) {
      absl::StatusOr<std::unique_ptr<Backend>> backend = OpenLun(lun.spec);
      if (!backend.ok()) {
        return absl::Status(backend.status().code(),
                            absl::StrCat(lun.where, ": ", backend.status().message()));
      }
      scsi::UnitOptions options;
      options.serial = SerialOf(each.name, lun.number);
      options.removable = lun.spec.removable;
      target->units.push_back(std::make_unique<scsi::LogicalUnit>(backend->get(), options));
      target->backends.push_back(*std::move(backend));
      if (!target->device.AddUnit(lun.number, target->units.back().get())) {
        return absl::InvalidArgumentError(
            absl::StrCat(lun.where, ": the target takes no LUN ", lun.number, " (each once, up to ",
                         scsi::Device::kMaxLun, ", ", scsi::Device::kMaxUnits, " together)"));
      }
    }
    catalogue->targets_.push_back(std::move(target));
  }
  return catalogue;
}

ServedTarget* Catalogue::Find(std::string_view name) {
  for (const auto& target : targets_) {
    if (target->name == name) return target.get();
  }
  return nullptr;
}

std::string Catalogue::SendTargets(std::string_view name, const std::string& initiator,
                                   const transport::Address& local) const {
  std::string text;
  const auto pair = [&text](absl::string_view key, absl::string_view value) {
    absl::StrAppend(&text, key, "=", value);
    text.push_back('\0');
  };
  for (const auto& target : targets_) {
    if (!name.empty() && target->name != name) continue;
    if (!target->config.Admits(initiator)) continue;
    pair("TargetName", target->name);
    for (const PortalConfig& portal : portals_) {
      if (!target->config.Serves(portal.group)) continue;
      transport::Address address = portal.address;
      if (ListensEverywhere(address)) address.host = local.host;
      pair("TargetAddress", absl::StrCat(address.ToString(), ",", portal.group));
    }
  }
  return text;
}

absl::Status Catalogue::Flush() {
  absl::Status result;
  for (const auto& target : targets_) {
    for (const auto& backend : target->backends) {
      if (!backend->geometry().read_only && !backend->Flush(0, 0).ok()) {
        result.Update(
            absl::DataLossError(absl::StrCat(target->name, ": a disk could not be flushed")));
      }
    }
  }
  return result;
}

}  // namespace isthmus::target
