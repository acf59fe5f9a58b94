// A SCSI target device: the logical units behind one iSCSI target, and the I_T nexuses that use
// them.
//
// It decodes the LUN, answers REPORT LUNS and every command to a LUN that is not there
// (SPC-4 6.4.2, SAM-5 4.7), and hands the rest to the logical unit. A unit may stand in several
// devices. Decode is safe from several threads, one at a time per nexus; units are added before the
// first Attach.
#ifndef ISTHMUS_TARGET_SCSI_DEVICE_H_
#define ISTHMUS_TARGET_SCSI_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "target/scsi/logical_unit.h"
#include "target/scsi/nexus.h"
#include "target/scsi/plan.h"

namespace isthmus::scsi {

// An I_T nexus of a Device: one iSCSI session.
struct Nexus {
  NexusName name;
  std::vector<std::unique_ptr<ItlNexus>> units;  // one a unit of the device, in its order
};

class Device {
 public:
  static constexpr uint16_t kMaxLun = 0x3fff;
  // What REPORT LUNS can list.
  static constexpr size_t kMaxUnits = (kMaxResponseBytes - 8) / 8;

  explicit Device(std::string target_name = "");
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // `unit` is borrowed. False: the number is taken or above kMaxLun, there are kMaxUnits already,
  // or a nexus is attached.
  bool AddUnit(uint16_t number, LogicalUnit* unit);

  // A session begins: `initiator_port` as NexusName has it. Never null; valid until Detach. The
  // nexus finds POWER ON pending on each unit.
  Nexus* Attach(std::string_view initiator_port, uint16_t relative_target_port);
  // I_T nexus loss: RESERVE's reservations and medium removal prevention of the nexus end. No
  // command of it may be in flight.
  void Detach(Nexus* nexus);

  // See LogicalUnit::Decode. `lun` is the LUN field as protocol/wire/lun.h keeps it. The plan of an
  // absent LUN or of REPORT LUNS has no unit and is done.
  Plan Decode(Nexus& nexus, uint64_t lun, std::span<const std::byte> cdb,
              std::span<std::byte> response);

  // The unit at a LUN, or null.
  LogicalUnit* Find(uint64_t lun) const;
  // What QUERY ASYNCHRONOUS EVENT asks (SAM-5 7.8): the pending unit attention, not cleared.
  std::optional<UnitAttention> PendingAttention(const Nexus& nexus, uint64_t lun) const;
  // I_T NEXUS RESET (RFC 7144): as if the nexus had been lost and made again.
  void ResetNexus(Nexus& nexus);
  // TARGET WARM RESET and TARGET COLD RESET: resets every unit.
  void Reset();
  // Commands of `nexus` to this LUN were ended by CLEAR TASK SET of another.
  void NoteTaskSetCleared(Nexus& nexus, uint64_t lun);
  // Commands of `nexus` to this LUN were ended by a logout (RFC 7143 11.14.5).
  void NoteClearedByIscsi(Nexus& nexus, uint64_t lun);

  size_t unit_count() const { return units_.size(); }

 private:
  void DetachLocked(Nexus* nexus);
  struct Entry {
    uint16_t number;
    LogicalUnit* unit;
  };
  std::optional<size_t> Index(uint64_t lun) const;

  TargetNames names_;
  std::vector<Entry> units_;  // by number
  std::mutex mutex_;          // guards what follows
  std::vector<std::unique_ptr<Nexus>> nexuses_;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_DEVICE_H_
