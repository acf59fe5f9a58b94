// corruption_campaign --pdus=1e8 --seed=1: corrupted PDUs through the receiver and the devices; see campaign.h. The exit
// status is 1 if one was accepted that may not be.
#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include "fuzz/corruption/campaign.h"

int main(int argc, char** argv) {
  namespace corruption = isthmus::corruption;
  CLI::App app{"Corrupted PDUs through the receiver, alone and behind each digest device"};
  double pdus = 1e8;
  corruption::Options options;
  app.add_option("--pdus", pdus, "Corrupted PDUs at least, as 1e8")->check(CLI::Range(1.0, 1e15));
  app.add_option("--seed", options.seed, "Same seed, same PDUs");
  CLI11_PARSE(app, argc, argv);
  options.pdus = static_cast<uint64_t>(std::llround(pdus));
  options.progress = [](uint64_t corrupted) {
    std::fprintf(stderr, "%" PRIu64 " corrupted PDUs\r", corrupted);
  };
  const corruption::Report report = corruption::Run(options);
  for (const std::string& line : report.Lines()) std::printf("%s\n", line.c_str());
  std::printf("%s\n", report.failed() ? "FAILED"
                                      : "none accepted that must be found; no intact one refused");
  return report.failed() ? 1 : 0;
}
