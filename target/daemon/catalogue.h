// What iscsi_target serves: targets, their logical units, and the backends behind these. Built once, before anything
// listens; then shared by all threads and never changed.
//
//   absl::StatusOr<std::unique_ptr<Catalogue>> catalogue = Catalogue::Open(config);
//   ServedTarget* target = (*catalogue)->Find("iqn.2026-11.example:disk");
#ifndef ISTHMUS_TARGET_DAEMON_CATALOGUE_H_
#define ISTHMUS_TARGET_DAEMON_CATALOGUE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "target/backend/backend.h"
#include "target/daemon/accounts.h"
#include "target/daemon/config.h"
#include "target/scsi/device.h"
#include "target/scsi/logical_unit.h"
#include "transport/address.h"
#include "transport/key_flags.h"

namespace isthmus::target {

struct ServedTarget {
  explicit ServedTarget(const TargetConfig& target)
      : name(target.name), config(target), device(target.name) {}

  std::string name;
  TargetConfig config;
  const Accounts* accounts = nullptr;  // null: no authentication
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::unique_ptr<scsi::LogicalUnit>> units;
  scsi::Device device;
};

class Catalogue {
 public:
  // Opens every backend and reads every file of secrets. Errors say where each stands (--lun=…, a place in the file).
  static absl::StatusOr<std::unique_ptr<Catalogue>> Open(const Config& config);

  ServedTarget* Find(std::string_view name);
  const std::vector<std::unique_ptr<ServedTarget>>& targets() const { return targets_; }
  // Of discovery sessions that name no target; null: no authentication.
  const Accounts* accounts() const { return accounts_; }

  // The text that answers SendTargets for all targets that `initiator` may log in to, or for the one named if it is among
  // them (else empty): TargetName and a TargetAddress a portal (RFC 7143 Appendix C). A portal that listens at every
  // address is told as `local`, the address at which this initiator came in.
  std::string SendTargets(std::string_view name, const std::string& initiator,
                          const transport::Address& local) const;
  // As they are bound: with their ports.
  void SetPortals(std::vector<PortalConfig> portals) { portals_ = std::move(portals); }

  // Makes everything that was written stable.
  absl::Status Flush();

 private:
  std::vector<std::unique_ptr<ServedTarget>> targets_;
  absl::StatusOr<const Accounts*> AccountsOf(const std::string& path, absl::string_view where);

  std::map<std::string, std::unique_ptr<Accounts>> accounts_by_path_;
  const Accounts* accounts_ = nullptr;
  std::vector<PortalConfig> portals_;
  std::shared_ptr<transport::KeyTexts> texts_;  // what the offers' texts stand in
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_CATALOGUE_H_
