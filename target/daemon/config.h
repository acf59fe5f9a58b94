// What iscsi_target is to serve, from its arguments: parsed and checked whole before anything listens.
//
//   absl::StatusOr<Config> config = ParseArguments(argc, argv);
//   if (!config.ok()) ...            // one line that names the flag and what is wrong with it
#ifndef ISTHMUS_TARGET_DAEMON_CONFIG_H_
#define ISTHMUS_TARGET_DAEMON_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/text/negotiation.h"
#include "target/limits.h"
#include "transport/address.h"

namespace isthmus::target {

struct LunConfig {
  uint16_t number = 0;
  std::string spec;  // as backend/lun_spec.h reads it
};

struct TargetConfig {
  std::string name;
  std::vector<LunConfig> luns;
};

struct Config {
  std::vector<transport::Address> portals;
  std::vector<TargetConfig> targets;
  std::string chap_secrets;  // path; empty: no authentication
  bool mutual_chap_required = false;
  text::Offer offer;  // what each target offers and accepts
  Limits limits;
  uint64_t buffer_bytes = 0;     // for data on its way between the network and files
  uint32_t max_connections = 0;  // of all sessions together
  int threads = 1;
  std::string digest_kernel;  // empty: the best that this machine has
  std::string offload = "software";  // transport/device_models.h
  std::string stats_path;
  std::string capture_path;
  bool capture_secrets = false;
  std::string help;  // not empty: print it and stop
};

// Errors: kInvalidArgument, with the flag and its value.
absl::StatusOr<Config> ParseArguments(int argc, const char* const* argv);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_CONFIG_H_
