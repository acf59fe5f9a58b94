// What iscsi_target serves: targets, their logical units, and the backends behind these. Built once, before anything
// listens; then shared by all threads and never changed.
//
//   absl::StatusOr<std::unique_ptr<Catalogue>> catalogue = Catalogue::Open(config);
//   ServedTarget* target = (*catalogue)->Find("iqn.2026-11.example:disk");
#ifndef ISTHMUS_TARGET_DAEMON_CATALOGUE_H_
#define ISTHMUS_TARGET_DAEMON_CATALOGUE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "target/backend/backend.h"
#include "target/daemon/accounts.h"
#include "target/daemon/config.h"
#include "target/scsi/device.h"
#include "target/scsi/logical_unit.h"
#include "transport/address.h"

namespace isthmus::target {

struct ServedTarget {
  explicit ServedTarget(const std::string& target_name) : name(target_name), device(target_name) {}

  std::string name;
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::unique_ptr<scsi::LogicalUnit>> units;
  scsi::Device device;
};

class Catalogue {
 public:
  // Opens every backend. Errors name the --lun and what is wrong with it.
  static absl::StatusOr<std::unique_ptr<Catalogue>> Open(const Config& config);

  ServedTarget* Find(std::string_view name);
  const std::vector<std::unique_ptr<ServedTarget>>& targets() const { return targets_; }
  const Accounts* accounts() const { return accounts_.get(); }

  // The text that answers SendTargets for all targets, or for the one named (empty if there is none): TargetName and a
  // TargetAddress a portal (RFC 7143 Appendix C). A portal that listens at every address is told as `local`, the address
  // at which this initiator came in.
  std::string SendTargets(std::string_view name, const transport::Address& local) const;
  void SetPortals(std::vector<transport::Address> portals) { portals_ = std::move(portals); }

  // Makes everything that was written stable.
  absl::Status Flush();

 private:
  std::vector<std::unique_ptr<ServedTarget>> targets_;
  std::unique_ptr<Accounts> accounts_;
  std::vector<transport::Address> portals_;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_CATALOGUE_H_
