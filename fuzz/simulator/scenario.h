// Everything that one seed decides: who takes part under which limits and keys, what they do, and
// what goes wrong. RFC 7143 chapter 13 (keys). Operations and faults are lists, so that shrinking
// can leave some out; all else of a run follows from the seed alone.
//
//   Scenario scenario = MakeScenario(seed);
//   scenario.faults.erase(scenario.faults.begin() + 3);
#ifndef ISTHMUS_FUZZ_SIMULATOR_SCENARIO_H_
#define ISTHMUS_FUZZ_SIMULATOR_SCENARIO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "initiator/limits.h"
#include "protocol/text/negotiation.h"
#include "target/limits.h"

namespace isthmus::simulator {

inline constexpr uint32_t kBlockBytes = 512;

// What may go wrong. Each kind is off in about half of the seeds ("swarm testing").
enum class FaultKind : uint8_t {
  kCut,            // the connection breaks when `at` bytes of host and direction have passed
  kCorrupt,        // one bit changes on the wire, digests being on
  kStall,          // from byte `at` on, nothing moves for `amount` ms
  kClockJump,      // at step `at` the clock jumps by `amount` ms
  kDiskError,      // the disk's request number `at` fails with CHECK CONDITION
  kDiskBusy,       // the command is answered BUSY or TASK SET FULL
  kDiskLost,       // it never completes until everything heals
  kDiskTwice,      // its completion comes twice
  kDiskSlow,       // it takes `amount` ms
  kTargetRestart,  // at step `at` the target forgets everything but its disk
  kAskLogout,      // at step `at` the target asks a host to log out (section 11.9.1, event 1)
  kDeviceReset,    // when `at` bytes have passed, the receiver's device forgets everything
};
inline constexpr size_t kFaultKinds = 12;
const char* Name(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kCut;
  uint32_t host = 0;
  bool to_target = false;
  uint64_t at = 0;
  uint64_t amount = 0;
};

enum class OperationKind : uint8_t { kWrite, kRead, kTest, kReset, kPing, kDiscover, kRenegotiate };
const char* Name(OperationKind kind);

struct Operation {
  OperationKind kind = OperationKind::kRead;
  uint32_t host = 0;
  uint32_t lba = 0, blocks = 0;
  int32_t slack_bytes = 0;  // the read's buffer is so much longer, or shorter, than the blocks
  bool reissue = false;     // RetryPolicy::kReissue
  bool immediate = false;
  bool unstable = false;        // the source is declared unstable
  bool long_cdb = false;        // 32 bytes: an Extended CDB AHS (section 11.2.2.3)
  uint32_t abort_after_ms = 0;  // 0: after the host's own timeout
  uint32_t think_ms = 0;        // before it is submitted
};

// A session of its own. Hosts of one initiator have the same InitiatorName and other ISIDs.
struct HostConfig {
  uint32_t initiator = 0;
  text::Offer offer;
  initiator::Limits limits;
  uint32_t depth = 4;  // operations at once
  uint32_t timeout_ms = 20'000;
  uint32_t cmd_sn = 1;
  bool digests = false;  // both are demanded: corruption may be tried
};

// Deliberate faults of the simulated world that no protocol can repair: the simulator must report
// each of them, or its oracle proves nothing.
enum class Plant : uint8_t {
  kNone,
  kWrongBlock,           // one read returns a neighbour's block
  kLostWrite,            // one acknowledged write never reached the disk
  kStaleRead,            // one read returns a block as it was before the last write
  kTornWrite,            // of one acknowledged write only the first half of a block is stored
  kDroppedCompletion,    // one completion never comes, not even after everything healed
  kCorruptBeforeDigest,  // data changes in the sender's memory before its digest is computed
  kCorruptNoDigest,      // data changes on the wire between hosts that have no digests
  kKeptTask,             // a task is never answered, nor released when it is aborted
  kLyingDevice,          // a device calls data good that was changed on the wire
  kLeaseTwice,           // a segment's lease is given back twice
};
inline constexpr size_t kPlants = 11;
const char* Name(Plant plant);

struct Scenario {
  uint64_t seed = 0;
  std::vector<HostConfig> hosts;
  text::Offer target_offer;
  target::Limits target_limits;
  uint32_t disk_blocks = 64;
  uint32_t disk_latency_us = 100;   // at most
  uint32_t wire_latency_us = 50;    // at most
  uint32_t chunk_bytes = 1 << 16;   // segments of at most so many bytes
  uint32_t pipe_bytes = 1 << 20;    // on the way in each direction
  uint32_t window_bytes = 1 << 20;  // largest window that the target lends at once
  bool lend = false;                // the transport reads sources late (zero-copy)
  bool scatter = false;             // data is read into its destination directly
  bool false_alarms = false;        // a device calls good digests bad
  // The receiver's digest offload device, by direction (to the target: 1); empty: none.
  std::array<std::string, 2> offload;
  bool reorder = false;  // frames reach the devices out of order and twice
  std::vector<Operation> operations;
  std::vector<Fault> faults;
  Plant plant = Plant::kNone;
};

Scenario MakeScenario(uint64_t seed);

// The same with a plant, and digests and devices where it can bite.
Scenario MakePlanted(uint64_t seed, Plant plant);
std::optional<Plant> PlantNamed(std::string_view name);

// One line for a person, and one for each host, operation and fault.
std::vector<std::string> Describe(const Scenario& scenario);

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_SCENARIO_H_
