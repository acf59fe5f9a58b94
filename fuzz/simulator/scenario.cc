#include "fuzz/simulator/scenario.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>

#include "fuzz/simulator/random.h"
#include "protocol/text/parameters.h"

namespace isthmus::simulator {
namespace {

using text::DigestAlgorithm;

constexpr const char* kFaultNames[] = {"cut",        "corrupt",   "stall",          "clock jump",
                                       "disk error", "disk busy", "disk lost",      "disk twice",
                                       "disk slow",  "restart",   "ask for logout", "device reset"};
static_assert(std::size(kFaultNames) == kFaultKinds);
constexpr const char* kOffloadModels[] = {"software", "frame-aligned", "full-pdu",
                                          "stream",   "accelerator",   "liar"};
constexpr const char* kOperationNames[] = {"write", "read",     "test",       "reset",
                                           "ping",  "discover", "renegotiate"};
constexpr const char* kPlantNames[] = {"none",
                                       "wrong_block",
                                       "lost_write",
                                       "stale_read",
                                       "torn_write",
                                       "dropped_completion",
                                       "corrupt_before_digest",
                                       "corrupt_no_digest",
                                       "kept_task",
                                       "lying_device",
                                       "lease_twice"};
static_assert(std::size(kPlantNames) == kPlants);

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string Format(const char* format, ...) {
  std::array<char, 512> buffer;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  return buffer.data();
}

text::Offer MakeOffer(Random& random) {
  text::Offer offer;
  offer.MaxRecvDataSegmentLength = random.Pick({512, 1001, 4096, 8192, 65536});
  offer.InitialR2T = random.Chance(50);
  offer.ImmediateData = random.Chance(70);
  offer.MaxBurstLength = random.Pick({512, 1500, 8192, 65536});
  offer.FirstBurstLength = std::min(offer.MaxBurstLength, random.Pick({512, 1000, 4096, 65536}));
  offer.MaxOutstandingR2T = static_cast<uint16_t>(random.Pick({1, 1, 2, 8}));
  offer.DataPDUInOrder = random.Chance(80);
  offer.DataSequenceInOrder = random.Chance(80);
  offer.DefaultTime2Wait = static_cast<uint16_t>(random.Pick({0, 0, 2}));
  offer.iSCSIProtocolLevel = random.Chance(30) ? 2 : 1;
  if (random.Chance(30)) {
    offer.TaskReporting = {text::TaskReportingSemantics::kFastAbort,
                           text::TaskReportingSemantics::kRFC3720};
  }
  return offer;
}

HostConfig MakeHost(Random& random, uint32_t index) {
  HostConfig host;
  host.initiator = random.Chance(40) ? 0 : index;
  host.offer = MakeOffer(random);
  host.digests = random.Chance(60);
  const auto digest = [&] {
    if (host.digests) {
      return text::Preferences<DigestAlgorithm>{DigestAlgorithm::kCRC32C};
    }
    return random.Chance(60) ? text::Preferences<DigestAlgorithm>{DigestAlgorithm::kNone}
                             : text::Preferences<DigestAlgorithm>{DigestAlgorithm::kCRC32C,
                                                                  DigestAlgorithm::kNone};
  };
  host.offer.HeaderDigest = digest();
  host.offer.DataDigest = digest();
  host.limits.queue_depth = random.Pick({4, 16, 64});
  host.limits.tx_entries = random.Pick({64, 1024});
  host.limits.tx_pdus_in_flight = random.Pick({8, 64, 256});
  host.limits.r2ts_per_command = random.Pick({1, 4, 16});
  host.limits.echo_slots = random.Pick({1, 8});
  host.limits.staging_bytes = random.Pick({0, 4096, 65536});
  host.limits.cdb_bytes = 32;
  host.limits.ping_interval_ms = random.Pick({0, 1000, 10'000});
  host.limits.ping_timeout_ms = random.Pick({2000, 10'000});
  host.depth = std::min<uint32_t>(host.limits.queue_depth, random.Pick({1, 4, 16, 40}));
  host.timeout_ms = random.Pick({5000, 20'000});
  host.cmd_sn = random.Chance(30) ? 0xfffffff0 + static_cast<uint32_t>(random.Below(16))
                                  : static_cast<uint32_t>(random.Next());
  return host;
}

Operation MakeOperation(Random& random, const Scenario& scenario) {
  Operation operation;
  operation.host = static_cast<uint32_t>(random.Below(scenario.hosts.size()));
  const uint64_t kind = random.Below(100);
  operation.kind = kind < 45   ? OperationKind::kWrite
                   : kind < 88 ? OperationKind::kRead
                   : kind < 93 ? OperationKind::kTest
                   : kind < 95 ? OperationKind::kReset
                   : kind < 97 ? OperationKind::kPing
                   : kind < 99 ? OperationKind::kDiscover
                               : OperationKind::kRenegotiate;
  const uint32_t most = std::min(scenario.disk_blocks, random.Pick({1, 4, 16, 48}));
  operation.blocks = static_cast<uint32_t>(random.Between(1, most));
  operation.lba = static_cast<uint32_t>(random.Below(scenario.disk_blocks - operation.blocks + 1));
  if (operation.kind == OperationKind::kRead && random.Chance(15)) {
    operation.slack_bytes = static_cast<int32_t>(random.Between(0, 1022)) - 511;
  }
  operation.reissue = random.Chance(60);
  operation.immediate = random.Chance(5);
  operation.unstable = random.Chance(20);
  operation.long_cdb = random.Chance(8);
  if (random.Chance(6)) operation.abort_after_ms = static_cast<uint32_t>(random.Between(1, 20));
  if (random.Chance(10)) operation.think_ms = random.Pick({1, 20, 500, 12'000});
  return operation;
}

Fault MakeFault(Random& random, FaultKind kind, const Scenario& scenario) {
  Fault fault;
  fault.kind = kind;
  fault.host = static_cast<uint32_t>(random.Below(scenario.hosts.size()));
  fault.to_target = random.Chance(50);
  const uint64_t bytes = random.Chance(30) ? 2000 : scenario.operations.size() * 4000;
  switch (kind) {
    case FaultKind::kCut:
    case FaultKind::kCorrupt:
    case FaultKind::kDeviceReset:
      fault.at = random.Below(bytes);
      break;
    case FaultKind::kStall:
      fault.at = random.Below(bytes);
      fault.amount = random.Pick({1, 100, 3000, 30'000, 90'000});
      break;
    case FaultKind::kClockJump:
      fault.at = random.Below(scenario.operations.size() * 40);
      fault.amount = random.Pick({1, 1000, 16'000, 70'000, 3'600'000});
      break;
    case FaultKind::kDiskSlow:
      fault.at = random.Below(scenario.operations.size());
      fault.amount = random.Pick({10, 1000, 8000, 40'000});
      break;
    case FaultKind::kTargetRestart:
    case FaultKind::kAskLogout:
      fault.at = random.Below(scenario.operations.size() * 40);
      break;
    default:
      fault.at = random.Below(scenario.operations.size());
      break;
  }
  return fault;
}

// Every queue as short as it can be.
void MakeTiny(Scenario* scenario) {
  for (HostConfig& host : scenario->hosts) {
    host.limits.tx_entries = 4;
    host.limits.tx_pdus_in_flight = 4;
    host.limits.task_management_slots = 1;
    host.limits.r2ts_per_command = 1;
    host.limits.echo_slots = 1;
    host.limits.queue_depth = host.depth = std::min<uint32_t>(host.depth, 4);
  }
  target::Limits& limits = scenario->target_limits;
  limits.command_slots = limits.immediate_commands = limits.task_management_slots = 1;
  limits.r2t_slots = limits.source_slots = 1;
  limits.echo_slots = 2;
  scenario->pipe_bytes = 1000;
  scenario->window_bytes = 512;
}

}  // namespace

const char* Name(FaultKind kind) { return kFaultNames[static_cast<size_t>(kind)]; }
const char* Name(OperationKind kind) { return kOperationNames[static_cast<size_t>(kind)]; }
const char* Name(Plant plant) { return kPlantNames[static_cast<size_t>(plant)]; }

std::optional<Plant> PlantNamed(std::string_view name) {
  for (size_t i = 0; i < kPlants; ++i) {
    if (name == kPlantNames[i]) return static_cast<Plant>(i);
  }
  return std::nullopt;
}

Scenario MakePlanted(uint64_t seed, Plant plant) {
  Scenario scenario = MakeScenario(seed);
  scenario.plant = plant;
  if (plant == Plant::kLyingDevice) scenario.offload = {"liar", ""};
  if (plant == Plant::kCorruptNoDigest) scenario.offload = {};
  if (plant == Plant::kLeaseTwice) scenario.offload = {"frame-aligned", "stream"};
  if (plant != Plant::kCorruptNoDigest && plant != Plant::kLyingDevice) return scenario;
  for (HostConfig& host : scenario.hosts) {
    host.digests = plant == Plant::kLyingDevice;
    host.offer.HeaderDigest = host.offer.DataDigest = {host.digests ? text::DigestAlgorithm::kCRC32C
                                                                    : text::DigestAlgorithm::kNone};
  }
  // On the wire nothing but the plant changes bits.
  std::erase_if(scenario.faults,
                [](const Fault& fault) { return fault.kind == FaultKind::kCorrupt; });
  return scenario;
}

Scenario MakeScenario(uint64_t seed) {
  Random random(seed * 2 + 1);
  Scenario scenario;
  scenario.seed = seed;
  const size_t hosts = random.Between(1, 4);
  for (size_t i = 0; i < hosts; ++i)
    scenario.hosts.push_back(MakeHost(random, static_cast<uint32_t>(i)));
  scenario.target_offer = MakeOffer(random);
  scenario.target_offer.TargetPortalGroupTag = 1;
  scenario.target_limits.command_slots = random.Pick({1, 4, 32, 64});
  scenario.target_limits.immediate_commands = random.Pick({1, 4});
  scenario.target_limits.r2t_slots = random.Pick({1, 4, 64});
  scenario.target_limits.source_slots = random.Pick({2, 8, 128});
  scenario.target_limits.echo_slots = random.Pick({2, 8});
  scenario.target_limits.staging_bytes = random.Pick({0, 65536});
  scenario.target_limits.ping_interval_ms = random.Pick({0, 2000, 30'000});
  scenario.target_limits.ping_timeout_ms = random.Pick({3000, 30'000});
  scenario.disk_blocks = random.Pick({16, 64, 256});
  scenario.disk_latency_us = random.Pick({0, 100, 5000, 200'000});
  scenario.wire_latency_us = random.Pick({0, 50, 2000, 100'000});
  scenario.chunk_bytes = random.Pick({7, 100, 1460, 9000, 65536, 65536});
  scenario.pipe_bytes = random.Pick({3000, 65536, 1 << 20});
  scenario.window_bytes = random.Pick({2048, 16384, 1 << 20});
  scenario.lend = random.Chance(50);
  scenario.scatter = random.Chance(50);
  scenario.false_alarms = random.Chance(20);
  for (std::string& model : scenario.offload) {
    if (random.Chance(40)) model = kOffloadModels[random.Below(std::size(kOffloadModels))];
  }
  scenario.reorder = random.Chance(50);
  if (random.Chance(10)) MakeTiny(&scenario);
  const size_t operations = random.Pick({10, 40, 120});
  for (size_t i = 0; i < operations; ++i) {
    scenario.operations.push_back(MakeOperation(random, scenario));
  }
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (random.Chance(50)) continue;
    const size_t count = random.Between(1, operations >= 40 ? 4 : 2);
    for (size_t i = 0; i < count; ++i) {
      scenario.faults.push_back(MakeFault(random, static_cast<FaultKind>(kind), scenario));
    }
  }
  // A lie about data that was changed is one that nobody can find.
  std::erase_if(scenario.faults, [&](const Fault& fault) {
    return fault.kind == FaultKind::kCorrupt && scenario.offload[fault.to_target] == "liar";
  });
  return scenario;
}

std::vector<std::string> Describe(const Scenario& scenario) {
  std::vector<std::string> lines;
  lines.push_back(Format(
      "seed %" PRIu64
      ": disk of %u blocks, latencies up to %u us (disk) and %u us (wire), chunks "
      "of up to %u bytes, %u bytes on the way, windows of up to %u bytes%s%s%s, devices: %s at the "
      "target, %s at the initiators%s, plant: %s",
      scenario.seed, scenario.disk_blocks, scenario.disk_latency_us, scenario.wire_latency_us,
      scenario.chunk_bytes, scenario.pipe_bytes, scenario.window_bytes,
      scenario.lend ? ", sources lent" : "", scenario.scatter ? ", scattered reads" : "",
      scenario.false_alarms ? ", false alarms" : "",
      scenario.offload[1].empty() ? "none" : scenario.offload[1].c_str(),
      scenario.offload[0].empty() ? "none" : scenario.offload[0].c_str(),
      scenario.reorder ? ", frames reordered" : "", Name(scenario.plant)));
  for (size_t i = 0; i < scenario.hosts.size(); ++i) {
    const HostConfig& host = scenario.hosts[i];
    lines.push_back(
        Format("host %zu: initiator %u, %u at once, timeout %u ms, InitCmdSN %u, digests %s", i,
               host.initiator, host.depth, host.timeout_ms, host.cmd_sn,
               host.digests ? "demanded" : "as it comes"));
  }
  for (size_t i = 0; i < scenario.operations.size(); ++i) {
    const Operation& o = scenario.operations[i];
    lines.push_back(
        Format("operation %zu: host %u %s lba %u blocks %u slack %d%s%s%s%s abort %u "
               "think %u",
               i, o.host, Name(o.kind), o.lba, o.blocks, o.slack_bytes, o.reissue ? " reissue" : "",
               o.immediate ? " immediate" : "", o.unstable ? " unstable" : "",
               o.long_cdb ? " long" : "", o.abort_after_ms, o.think_ms));
  }
  for (size_t i = 0; i < scenario.faults.size(); ++i) {
    const Fault& f = scenario.faults[i];
    lines.push_back(Format("fault %zu: %s host %u %s at %" PRIu64 " amount %" PRIu64, i,
                           Name(f.kind), f.host, f.to_target ? "to target" : "to initiator", f.at,
                           f.amount));
  }
  return lines;
}

}  // namespace isthmus::simulator
