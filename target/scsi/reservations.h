// Who may use a logical unit: persistent reservations (SPC-4 5.13) and the older RESERVE and
// RELEASE (SPC-2 5.5.1).
//
// A state machine without I/O: each operation names the I_T nexus it comes from, changes the state
// or not, and says what the other nexuses must be told. Registrations name I_T nexuses, not
// sessions, and outlive them; they do not outlive the program, which REPORT CAPABILITIES says
// (PTPL_C 0). Called under the owner's lock.
//
//   Reservations::Outcome outcome = reservations.Preempt(nexus, key, victim_key, type);
//   if (outcome.status != Status::kGood) ...
//   for (const auto& notice : outcome.notices) Raise(notice.nexus, notice.attention);
#ifndef ISTHMUS_TARGET_SCSI_RESERVATIONS_H_
#define ISTHMUS_TARGET_SCSI_RESERVATIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "target/scsi/nexus.h"
#include "target/scsi/sense.h"
#include "target/scsi/unit_attention.h"

namespace isthmus::scsi {

// SPC-4 table 64.
enum class ReservationType : uint8_t {
  kWriteExclusive = 0x1,
  kExclusiveAccess = 0x3,
  kWriteExclusiveRegistrantsOnly = 0x5,
  kExclusiveAccessRegistrantsOnly = 0x6,
  kWriteExclusiveAllRegistrants = 0x7,
  kExclusiveAccessAllRegistrants = 0x8,
};
std::optional<ReservationType> ReservationTypeOf(uint8_t value);

// How a command stands to the persistent reservation of another nexus (SPC-4 table 66, SBC-3 table
// 13).
enum class Access : uint8_t {
  kNone,   // always allowed
  kRead,   // allowed to anyone under the write exclusive types
  kWrite,  // never allowed to others
};

class Reservations {
 public:
  static constexpr size_t kMaxRegistrations = 120;  // READ FULL STATUS fits kMaxResponseBytes

  struct Registration {
    NexusName nexus;
    uint64_t key = 0;
  };
  struct Notice {
    NexusName nexus;
    UnitAttention attention;
  };
  struct Outcome {
    Status status = Status::kGood;
    std::optional<SenseCode> sense = std::nullopt;  // with kCheckCondition
    std::vector<Notice> notices = {};
    std::vector<NexusName> removed = {};  // whose tasks PREEMPT AND ABORT aborts
  };

  // `access` of a command of `nexus`; `legacy_allowed`: RESERVE of another nexus does not stop it.
  bool Conflicts(const NexusName& nexus, Access access, bool legacy_allowed) const;

  // The service actions of PERSISTENT RESERVE OUT.
  Outcome Register(const NexusName& nexus, uint64_t key, uint64_t new_key, bool ignore_key,
                   const std::vector<NexusName>& also);
  Outcome Reserve(const NexusName& nexus, uint64_t key, ReservationType type);
  Outcome Release(const NexusName& nexus, uint64_t key, ReservationType type);
  Outcome Clear(const NexusName& nexus, uint64_t key);
  Outcome Preempt(const NexusName& nexus, uint64_t key, uint64_t victim_key, ReservationType type);
  Outcome RegisterAndMove(const NexusName& nexus, uint64_t key, uint64_t new_key,
                          const NexusName& to, bool unregister);

  // RESERVE and RELEASE (6 and 10).
  Status LegacyReserve(const NexusName& nexus);
  Status LegacyRelease(const NexusName& nexus);
  void LegacyReset() { legacy_holder_.reset(); }
  void NexusLost(const NexusName& nexus);

  const std::vector<Registration>& registrations() const { return registrations_; }
  std::optional<ReservationType> type() const { return type_; }
  bool IsHolder(const NexusName& nexus) const;
  // The key that READ RESERVATION reports: 0 for the all registrants types.
  uint64_t HolderKey() const;
  uint32_t generation() const { return generation_; }
  // Nothing that could make a command conflict.
  bool empty() const { return !type_ && !legacy_holder_ && registrations_.empty(); }

 private:
  const Registration* Find(const NexusName& nexus) const;
  bool Matches(const NexusName& nexus, uint64_t key) const;
  bool AllRegistrants() const;
  void Remove(const NexusName& nexus, Outcome* outcome);
  void NotifyOthers(const NexusName& nexus, UnitAttention attention, Outcome* outcome) const;

  std::vector<Registration> registrations_;
  std::optional<ReservationType> type_;
  NexusName holder_;  // while type_ is set and is not an all registrants type
  std::optional<NexusName> legacy_holder_;
  uint32_t generation_ = 0;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_RESERVATIONS_H_
