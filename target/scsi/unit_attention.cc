#include "target/scsi/unit_attention.h"

#include <bit>

namespace isthmus::scsi {
namespace {

constexpr uint32_t Bit(UnitAttention attention) { return 1u << static_cast<uint32_t>(attention); }

constexpr SenseCode kSense[] = {
    SenseCode::kPowerOn,
    SenseCode::kDeviceReset,
    SenseCode::kNexusLoss,
    SenseCode::kCommandsCleared,
    SenseCode::kClearedByIscsi,
    SenseCode::kMediumChanged,
    SenseCode::kReservationsPreempted,
    SenseCode::kReservationsReleased,
    SenseCode::kRegistrationsPreempted,
    SenseCode::kModeParametersChanged,
    SenseCode::kCapacityChanged,
    SenseCode::kInquiryDataChanged,
    SenseCode::kReportedLunsChanged,
};
static_assert(std::size(kSense) == static_cast<size_t>(UnitAttention::kReportedLunsChanged) + 1);

}  // namespace

SenseCode SenseOf(UnitAttention attention) { return kSense[static_cast<size_t>(attention)]; }

void PendingAttentions::Raise(UnitAttention attention) {
  if (attention == UnitAttention::kPowerOn) {
    bits_.store(Bit(attention), std::memory_order_release);
    return;
  }
  if (attention != UnitAttention::kDeviceReset) {
    bits_.fetch_or(Bit(attention), std::memory_order_acq_rel);
    return;
  }
  uint32_t seen = bits_.load(std::memory_order_acquire);
  while (!bits_.compare_exchange_weak(seen, (seen & Bit(UnitAttention::kPowerOn)) | Bit(attention),
                                      std::memory_order_acq_rel)) {
  }
}

std::optional<UnitAttention> PendingAttentions::Peek() const {
  const uint32_t bits = bits_.load(std::memory_order_acquire);
  if (bits == 0) return std::nullopt;
  return static_cast<UnitAttention>(std::countr_zero(bits));
}

std::optional<UnitAttention> PendingAttentions::Take() {
  uint32_t bits = bits_.load(std::memory_order_acquire);
  while (bits != 0) {
    // Clearing the lowest bit takes the condition of highest precedence.
    if (bits_.compare_exchange_weak(bits, bits & (bits - 1), std::memory_order_acq_rel)) {
      return static_cast<UnitAttention>(std::countr_zero(bits));
    }
  }
  return std::nullopt;
}

void PendingAttentions::Clear(UnitAttention attention) {
  bits_.fetch_and(~Bit(attention), std::memory_order_acq_rel);
}

}  // namespace isthmus::scsi
