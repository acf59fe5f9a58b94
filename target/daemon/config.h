// What iscsi_target is to serve, from its arguments and its --config file: parsed and checked whole before anything
// listens. Settings have one table (settings.h); the file's form is docs/configuration.md.
//
//   absl::StatusOr<Config> config = ParseArguments(argc, argv);
//   if (!config.ok()) ...            // a line a problem, each names the flag or the place in the file
#ifndef ISTHMUS_TARGET_DAEMON_CONFIG_H_
#define ISTHMUS_TARGET_DAEMON_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/text/negotiation.h"
#include "target/backend/lun_spec.h"
#include "target/limits.h"
#include "transport/address.h"
#include "transport/chap_algorithms.h"
#include "transport/key_flags.h"

namespace isthmus::target {

struct PortalConfig {
  transport::Address address;
  uint16_t group = 1;  // portal group tag, RFC 7143 section 4.1.1
};

struct LunConfig {
  uint16_t number = 0;
  LunSpec spec;
  std::string where;  // for messages: "--lun=ram:1M", "disks.json: targets[0].luns[1]"
};

// Login status 0x0101 or 0x0102, section 11.13.5.
struct RedirectConfig {
  std::string address;  // host[:port]; empty: none
  bool permanent = false;
};

struct TargetConfig {
  std::string name;
  std::string where;
  std::vector<LunConfig> luns;
  std::vector<uint16_t> portal_groups;  // empty: all
  std::vector<std::string> initiators;  // that may log in; empty: every one
  std::string chap_secrets;             // path; empty: no authentication
  bool mutual_chap_required = false;
  RedirectConfig redirect;
  text::Offer offer;  // what this target offers and accepts

  bool Serves(uint16_t group) const;
  bool Admits(const std::string& initiator) const;
};

struct Config {
  std::vector<PortalConfig> portals;
  std::vector<TargetConfig> targets;
  std::string
      chap_secrets;  // path; empty: no authentication. Of discovery, and of targets that say nothing else.
  bool mutual_chap_required = false;
  transport::ChapAlgorithms chap_algorithms;  // that are accepted; the initiator's order decides
  text::Offer offer;  // of discovery, and where targets say nothing else
  Limits limits;
  uint64_t buffer_mib = 512;        // for data on its way between the network and files
  uint32_t max_connections = 1024;  // of all sessions together
  uint32_t max_logins = 256;        // connections that have not logged in, and discovery sessions
  uint32_t threads = 1;
  uint32_t spin_us = 100;  // transport::EventLoop::SetMaxSpin
  std::string digest_kernel;         // empty: the best that this machine has
  std::string offload = "software";  // transport/device_models.h
  std::string stats_path;
  std::string capture_path;
  std::string metrics;  // ADDR:PORT; empty: none
  bool capture_secrets = false;
  // What the offers' texts stand in.
  std::shared_ptr<transport::KeyTexts> texts = std::make_shared<transport::KeyTexts>();
  std::string help;  // not empty: of --help or --version; print it and stop

  Config();
};

inline constexpr uint16_t kMetricsPort = 9860;  // if --metrics names none

// Errors: kInvalidArgument, with the flag and its value, or the file and the place in it.
absl::StatusOr<Config> ParseArguments(int argc, const char* const* argv);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_CONFIG_H_
