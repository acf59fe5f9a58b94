// Unit attentions (SAM-5 5.14): what an I_T nexus must be told about a logical unit before its next
// command.
//
// The enumerators stand in the order of precedence in which pending conditions are reported. A
// pending set is one atomic word per I_T_L nexus, so that any thread may raise a condition and the
// nexus's own thread takes it without a lock.
//
//   itl.attentions.Raise(UnitAttention::kModeParametersChanged);
//   if (std::optional<UnitAttention> first = itl.attentions.Take()) Fail(SenseOf(*first));
#ifndef ISTHMUS_TARGET_SCSI_UNIT_ATTENTION_H_
#define ISTHMUS_TARGET_SCSI_UNIT_ATTENTION_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "target/scsi/sense.h"

namespace isthmus::scsi {

enum class UnitAttention : uint8_t {
  kPowerOn,
  kDeviceReset,
  kNexusLoss,
  kCommandsCleared,  // CLEAR TASK SET of another nexus
  kClearedByIscsi,   // RFC 7143 11.14.5: a logout ended commands
  kMediumChanged,    // somebody has put the medium back in
  kReservationsPreempted,
  kReservationsReleased,
  kRegistrationsPreempted,
  kModeParametersChanged,
  kCapacityChanged,
  kInquiryDataChanged,
  kReportedLunsChanged,
};

SenseCode SenseOf(UnitAttention attention);

class PendingAttentions {
 public:
  // Power on and resets stand for every condition that they caused: they drop what was pending
  // (SAM-5 5.14.4).
  void Raise(UnitAttention attention);
  // The condition of highest precedence, which Take also clears.
  std::optional<UnitAttention> Peek() const;
  std::optional<UnitAttention> Take();
  void Clear(UnitAttention attention);
  bool empty() const { return bits_.load(std::memory_order_acquire) == 0; }

 private:
  std::atomic<uint32_t> bits_{0};
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_UNIT_ATTENTION_H_
