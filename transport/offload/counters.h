// What a device did, and of what it did not do, why. One set a device and connection; plain numbers, never reset.
// The receiver's own counters (protocol/connection/receiver.h) say what of it was believed.
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_COUNTERS_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace isthmus::transport {

// Why a device said nothing of a frame, or of a PDU where it counts PDUs.
enum class MissReason : uint8_t {
  kPreEnable,      // bytes before the arming offset
  kNotArmed,       // no context: not armed, or torn down
  kUnaligned,      // begins or ends inside a PDU
  kSeveralPdus,    // in one frame
  kPduOverFrames,  // one PDU, more than one frame
  kOutOfOrder,     // retransmitted, or behind a gap
  kFragment,       // IP fragment
  kIpOptions,
  kEncapsulation,  // VLAN or tunnel that it does not know
  kUrgent,
  kAboveSize,      // longer than it can check
  kResyncPending,  // follows the stream again when the engine has confirmed
  kQueueFull,
  kDeviceError,
  kDigestDisagrees,  // silent where it found a wrong digest
  kForeignDevice,    // came by another device
  kCount,
};
constexpr size_t kMissReasons = static_cast<size_t>(MissReason::kCount);

constexpr const char* NameOf(MissReason reason) {
  constexpr std::array<const char*, kMissReasons> kNames = {
      "pre_enable",      "not_armed",    "unaligned",        "several_pdus",
      "pdu_over_frames", "out_of_order", "fragment",         "ip_options",
      "encapsulation",   "urgent",       "above_size",       "resync_pending",
      "queue_full",      "device_error", "digest_disagrees", "foreign_device"};
  const auto index = static_cast<size_t>(reason);
  return index < kMissReasons ? kNames[index] : "unknown";
}

struct OffloadCounters {
  uint64_t frames = 0, bytes = 0;
  uint64_t good = 0;  // statements that digests are good: frames, or PDUs where the device frames
  uint64_t bad = 0;
  std::array<uint64_t, kMissReasons> misses{};
  uint64_t placed_bytes = 0, stripped_digests = 0;
  uint64_t resyncs_asked = 0, resyncs_confirmed = 0, resyncs_denied = 0;
  uint64_t completions = 0, in_flight = 0, in_flight_peak = 0;
  uint64_t inserted_digests = 0, declined_transmits = 0;
  uint64_t epochs = 0;

  void Miss(MissReason reason) { ++misses[static_cast<size_t>(reason)]; }
  uint64_t missed(MissReason reason) const { return misses[static_cast<size_t>(reason)]; }
  uint64_t missed() const {
    uint64_t sum = 0;
    for (uint64_t count : misses) sum += count;
    return sum;
  }
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_COUNTERS_H_
