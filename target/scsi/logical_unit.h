// One disk (SBC-3 direct-access block device): the state that all initiators share, and what each
// of them is owed.
//
// Decode answers a CDB with a Plan and does no I/O. It is safe from several threads, one thread at
// a time per I_T nexus; reads and writes take no lock while nothing is reserved and no unit
// attention is pending. Embedders usually hold logical units in a Device (device.h), which answers
// REPORT LUNS and absent LUNs too.
//
//   LogicalUnit disk(backend.get(), {.serial = "0001"});
//   Device device;
//   device.AddUnit(0, &disk);
//   // A session begins:
//   Nexus* nexus = device.Attach("iqn.2004-10.com.example:host,i,0x00023d000001", 1);
//   Plan plan = device.Decode(*nexus, lun, cdb, response);
//   Execution run(plan, response, expected_data_out);           // execution.h
//   // The session has ended:
//   device.Detach(nexus);
#ifndef ISTHMUS_TARGET_SCSI_LOGICAL_UNIT_H_
#define ISTHMUS_TARGET_SCSI_LOGICAL_UNIT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "target/backend/backend.h"
#include "target/scsi/mode_pages.h"
#include "target/scsi/nexus.h"
#include "target/scsi/plan.h"
#include "target/scsi/reservations.h"
#include "target/scsi/sense.h"
#include "target/scsi/unit_attention.h"

namespace isthmus::scsi {

// One I_T nexus as one logical unit sees it. Made by Device::Attach.
struct ItlNexus {
  LogicalUnit* unit = nullptr;
  const NexusName* name = nullptr;      // of the Nexus that owns this
  const TargetNames* target = nullptr;  // of the Device, for the device identification page
  PendingAttentions attentions;
  bool prevents_removal = false;  // under the unit's mutex
};

// What INQUIRY says. Longer values are cut to the field (vendor 8, product 16, revision 4 bytes of
// ASCII).
struct UnitOptions {
  std::string vendor = "ISTHMUS";
  std::string product = "VIRTUAL-DISK";
  std::string revision = "0001";
  std::string serial =
      "0";  // distinct for each logical unit: initiators recognise a disk by it (at most 64 bytes)
  bool removable = false;  // START STOP UNIT takes the medium out and puts it back (SBC-3 5.19)
};

// Limits that the Block Limits page states and Decode enforces.
struct UnitLimits {
  uint32_t transfer_blocks = 0;
  uint32_t compare_and_write_blocks = 0;
  uint32_t unmap_blocks = 0;
  uint32_t unmap_descriptors = 0;
  uint64_t write_same_blocks = 0;
};

class LogicalUnit {
 public:
  // `backend` is borrowed and must outlive the unit.
  LogicalUnit(target::Backend* backend, UnitOptions options);
  // For embedders that move blocks themselves and use no Execution.
  LogicalUnit(const target::Geometry& geometry, UnitOptions options);
  LogicalUnit(const LogicalUnit&) = delete;
  LogicalUnit& operator=(const LogicalUnit&) = delete;

  // What `cdb` asks of this unit. The CDB must be whole: a shorter one is refused. `response`
  // receives the data of a plan that is already done; it belongs to the caller and must live until
  // that data has been sent.
  Plan Decode(ItlNexus& itl, std::span<const std::byte> cdb, std::span<std::byte> response);

  // Takes the parameter list of a kParameters plan: done, or kUnmap. `data` is what the initiator
  // sent of plan.data_out_bytes.
  Plan Continue(const Plan& plan, std::span<const std::byte> data, std::span<std::byte> response);

  // LOGICAL UNIT RESET and the target resets: ends RESERVE's reservations, restores mode pages and
  // medium removal, and tells every nexus, the one that asked too (SAM-5 6.3.3). Persistent
  // reservations stay (SPC-4 5.13.5).
  void Reset();
  // I_T NEXUS RESET: what ends with a nexus ends, and it is told.
  void ResetNexus(ItlNexus* itl);
  // Raises a condition for every nexus but `except` (nullptr: for all).
  void Raise(UnitAttention attention, const ItlNexus* except);
  // The I_T nexuses whose tasks a PREEMPT AND ABORT of `by` ended, once. The caller aborts these
  // tasks (RFC 7143 4.2.3), then sends the status.
  std::vector<NexusName> TakeAborted(const ItlNexus& by);

  // The sense of a failure outside of Decode in the format that the initiators chose (D_SENSE).
  SenseBuffer Encode(const Sense& sense) const;

  const target::Geometry& geometry() const { return geometry_; }
  const UnitLimits& limits() const { return limits_; }
  const UnitOptions& options() const { return options_; }
  target::Backend* backend() const { return backend_; }
  // COMPARE AND WRITE holds it alone, every other write shares it.
  std::shared_mutex& write_mutex() { return write_mutex_; }

  // Called by Device when sessions come and go.
  void Attach(ItlNexus* itl);
  void Detach(ItlNexus* itl);

 private:
  friend struct Command;  // command.h: one command being decoded

  Plan Run(Plan plan, ItlNexus& itl, std::span<const std::byte> cdb,
           std::span<const std::byte> data, std::span<std::byte> response, bool continued);
  std::optional<SenseCode> NotReadyLocked() const;
  void RaiseLocked(UnitAttention attention, const ItlNexus* except);
  void RaiseFor(const NexusName& name, UnitAttention attention);
  void UpdateGuard();

  target::Geometry geometry_;
  UnitLimits limits_;
  UnitOptions options_;
  target::Backend* backend_ = nullptr;

  // False while no command can meet a reservation or a stopped unit: then reads and writes need no
  // lock.
  std::atomic<bool> guarded_{false};
  ModePages mode_pages_;  // its flags are atomic; its changes are made under mutex_

  std::mutex mutex_;  // guards what follows
  std::vector<ItlNexus*> nexuses_;
  Reservations reservations_;
  bool stopped_ = false;
  bool out_ = false;  // the medium, of a removable unit
  struct Aborted {
    const ItlNexus* by;
    NexusName name;
  };
  std::vector<Aborted> aborted_;

  std::shared_mutex write_mutex_;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_LOGICAL_UNIT_H_
