// What a device did, and of what it did not do, why. One set a device and connection; plain numbers, never reset.
// The receiver's own counters (protocol/connection/receiver.h) say what of it was believed.
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_COUNTERS_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_COUNTERS_H_

#include <array>
#include <bit>
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
  kCoalesced,       // the card merged several frames before it looked (LRO)
  kAhs,             // a header longer than it can take
  kPadding,         // pad bytes are not zero
  kAboveSize,       // longer than it can check
  kBelowThreshold,  // shorter than what is worth asking it
  kResyncPending,   // follows the stream again when the engine has confirmed
  kQueueFull,
  kDeviceError,
  kDigestDisagrees,  // silent where it found a wrong digest
  kForeignDevice,  // by another device, or in another life, than the one that is believed; counted by the driver
  kNotAnnotated,  // its word on these bytes was lost on the way up; counted by the driver
  kCount,
};
constexpr size_t kMissReasons = static_cast<size_t>(MissReason::kCount);

constexpr const char* NameOf(MissReason reason) {
  constexpr std::array<const char*, kMissReasons> kNames = {
      "pre_enable",     "not_armed",  "unaligned",    "several_pdus",     "pdu_over_frames",
      "out_of_order",   "fragment",   "ip_options",   "encapsulation",    "urgent",
      "coalesced",      "ahs",        "padding",      "above_size",       "below_threshold",
      "resync_pending", "queue_full", "device_error", "digest_disagrees", "foreign_device",
      "not_annotated"};
  const auto index = static_cast<size_t>(reason);
  return index < kMissReasons ? kNames[index] : "unknown";
}

// How long answers took, by powers of two of the unit that the owner names: bucket 0 counts 0, bucket n from 2^(n-1) to
// below 2^n, the last all that is longer.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 40;
  void Add(uint64_t latency) {
    const auto bucket = static_cast<size_t>(std::bit_width(latency));
    ++buckets_[bucket < kBuckets ? bucket : kBuckets - 1];
  }
  uint64_t bucket(size_t i) const { return buckets_[i]; }
  uint64_t total() const {
    uint64_t sum = 0;
    for (uint64_t count : buckets_) sum += count;
    return sum;
  }

 private:
  std::array<uint64_t, kBuckets> buckets_{};
};

struct OffloadCounters {
  uint64_t frames = 0, bytes = 0;
  uint64_t good = 0;  // statements that digests are good: frames, or PDUs where the device frames
  uint64_t bad = 0;
  std::array<uint64_t, kMissReasons> misses{};
  uint64_t placed_bytes = 0, stripped_digests = 0;
  uint64_t resyncs_asked = 0, resyncs_confirmed = 0, resyncs_denied = 0;
  uint64_t completions = 0, in_flight = 0, in_flight_peak = 0;
  LatencyHistogram
      latency;  // of completions: in ns, or, of a simulated device, in frames that came meanwhile
  uint64_t inserted_digests = 0, inserted_again = 0, declined_transmits = 0;
  uint64_t lease_violations = 0;  // data had changed when a PDU was sent again
  uint64_t segmented_pdus = 0;    // PDUs on the wire that it cut from over-long ones
  uint64_t epochs = 0, disarmed = 0;

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
