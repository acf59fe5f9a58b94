// Makes a failing scenario small: leaves out operations and faults as long as the same rule is
// broken. Each trial may be run in a process of its own, so that a crash is a failure like others.
//
//   std::string rule = RunApart(scenario);        // empty: the run was good
//   Scenario small = Shrink(scenario, rule, RunApart, /*most_trials=*/500);
#ifndef ISTHMUS_FUZZ_SIMULATOR_SHRINK_H_
#define ISTHMUS_FUZZ_SIMULATOR_SHRINK_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/simulator/scenario.h"

namespace isthmus::simulator {

// Which of a seed's operations and faults are left out, as "0-4,7".
std::vector<size_t> ParseIndices(const std::string& text);
std::string FormatIndices(const std::vector<size_t>& indices);

struct Omissions {
  std::vector<size_t> operations, faults;  // ascending
};
Scenario Without(const Scenario& scenario, const Omissions& omissions);

using Trial = std::function<std::string(const Scenario&)>;

// Runs in a forked child; the broken rule, "crash (signal N)", or nothing.
std::string RunApart(const Scenario& scenario);

Omissions Shrink(const Scenario& scenario, const std::string& rule, const Trial& trial,
                 size_t most_trials);

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_SHRINK_H_
