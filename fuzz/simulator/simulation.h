// One run of a scenario: real initiators against a real target over a simulated network, clock and
// disk. First everything that the scenario lists may go wrong; then all heals, the hosts finish
// their work, read the whole disk and log out. Whatever does not end, or breaks a rule, is reported.
//
//   Report report;
//   Run(MakeScenario(seed), {}, &report);
//   if (report.failed()) puts(report.failure().c_str());
#ifndef ISTHMUS_FUZZ_SIMULATOR_SIMULATION_H_
#define ISTHMUS_FUZZ_SIMULATOR_SIMULATION_H_

#include "fuzz/simulator/report.h"
#include "fuzz/simulator/scenario.h"
#include "transport/capture.h"

namespace isthmus::simulator {

struct RunOptions {
  transport::CaptureFile* capture = nullptr;  // what each initiator sent and received
};

void Run(const Scenario& scenario, const RunOptions& options, Report* report);

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_SIMULATION_H_
