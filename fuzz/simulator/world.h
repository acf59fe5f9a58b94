// What all parts of a simulation share: time, chance, the report, the model, and which faults are
// still to come.
//
//   World world(scenario, &report);
//   if (const Fault* fault = world.Due(FaultKind::kDiskSlow, ios)) ...;
#ifndef ISTHMUS_FUZZ_SIMULATOR_WORLD_H_
#define ISTHMUS_FUZZ_SIMULATOR_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/simulator/model_disk.h"
#include "fuzz/simulator/random.h"
#include "fuzz/simulator/report.h"
#include "fuzz/simulator/scenario.h"
#include "protocol/time.h"

namespace isthmus::simulator {

struct World {
  World(const Scenario& s, Report* r)
      : scenario(s),
        report(*r),
        random(s.seed * 2 + 2),
        model(s.disk_blocks),
        spent(s.faults.size(), false) {}

  // A fault of this kind whose time has come; it comes once.
  const Fault* Due(FaultKind kind, uint64_t at) {
    return Due(kind, at, [](const Fault&) { return true; });
  }
  const Fault* Due(FaultKind kind, uint64_t at, const std::function<bool(const Fault&)>& applies) {
    if (healed) return nullptr;
    for (size_t i = 0; i < spent.size(); ++i) {
      const Fault& fault = scenario.faults[i];
      if (spent[i] || fault.kind != kind || fault.at > at || !applies(fault)) continue;
      spent[i] = true;
      ++report.counts.faults[static_cast<size_t>(kind)];
      report.Mix(0xfa17 + i);
      report.Trace("fault " + std::to_string(i) + ": " + Name(kind));
      return &fault;
    }
    return nullptr;
  }
  Instant In(uint64_t at_most_us) {
    return now + Microseconds(static_cast<int64_t>(random.Between(0, healed ? 10 : at_most_us)));
  }
  void Trace(const std::string& line) {
    report.Mix(line);
    if (report.logging()) {
      report.Trace(std::to_string(now.ns / 1000) + " us " + line);
    }
  }

  const Scenario& scenario;
  Report& report;
  Random random;
  ModelDisk model;
  Instant now{1'000'000'000};
  bool healed = false;
  bool planted = false;  // the plant has been put

 private:
  std::vector<bool> spent;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_WORLD_H_
