#include "target/daemon/config.h"

#include <CLI/CLI.hpp>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "protocol/text/key_table.h"
#include "protocol/text/names.h"
#include "transport/device_models.h"

namespace isthmus::target {
namespace {

absl::Status Invalid(absl::string_view flag, absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", value, ": ", why));
}

// A digest list such as "CRC32C,None", best first (RFC 7143 section 13.1).
absl::Status ParseDigests(absl::string_view flag, const std::string& text,
                          text::Preferences<text::DigestAlgorithm>* out) {
  *out = {};
  size_t words = 0;
  for (absl::string_view word : absl::StrSplit(text, ',')) {
    if (word == "CRC32C") {
      out->Add(text::DigestAlgorithm::kCRC32C);
    } else if (word == "None") {
      out->Add(text::DigestAlgorithm::kNone);
    } else {
      return Invalid(flag, text, absl::StrCat("\"", word, "\" is neither CRC32C nor None"));
    }
    if (out->size() != ++words) return Invalid(flag, text, "a digest is named twice");
  }
  return absl::OkStatus();
}

// "name" or "number" in the flags' order: a --lun belongs to the --target before it.
absl::Status ParseTargets(const CLI::App& app, const CLI::Option* target_flag,
                          const CLI::Option* lun_flag, std::vector<TargetConfig>* targets) {
  std::set<std::string> names;
  size_t target_index = 0, lun_index = 0;
  for (const CLI::Option* option : app.parse_order()) {
    if (option == target_flag) {
      const std::string& name = target_flag->results().at(target_index++);
      if (!text::IsIscsiName(name)) {
        return Invalid(
            "--target", name,
            "not an iSCSI name (iqn.YYYY-MM.reversed.domain:anything, eui. or naa.; RFC 7143 "
            "section 4.2.7)");
      }
      if (!names.insert(name).second) return Invalid("--target", name, "named twice");
      targets->push_back({name, {}});
    } else if (option == lun_flag) {
      const std::string& spec = lun_flag->results().at(lun_index++);
      if (targets->empty()) return Invalid("--lun", spec, "stands before any --target");
      std::vector<LunConfig>& luns = targets->back().luns;
      luns.push_back({static_cast<uint16_t>(luns.size()), spec});
    }
  }
  for (const TargetConfig& target : *targets) {
    if (target.luns.empty()) return Invalid("--target", target.name, "has no --lun after it");
  }
  return absl::OkStatus();
}

absl::Status CheckOffer(const text::Offer& offer) {
  const std::optional<text::Key> wrong = text::FindInvalid(offer, Role::kTarget);
  if (!wrong.has_value()) return absl::OkStatus();
  const text::KeyInfo& info = text::InfoOf(*wrong);
  return absl::InvalidArgumentError(absl::StrCat("--", std::string(info.name),
                                                 ": the value breaks RFC 7143 section ",
                                                 std::string(info.section)));
}

struct Raw {
  std::vector<std::string> portals{"127.0.0.1:3260"};
  std::vector<std::string> targets, luns;
  std::string header_digest = "CRC32C,None", data_digest = "CRC32C,None";
  uint64_t buffer_mib = 512;
};

// Each key of RFC 7143 section 13 that a target negotiates, under its own name.
void AddKeys(CLI::App& app, text::Offer& offer) {
  const std::string keys = "Keys of RFC 7143";
  app.add_option("--MaxRecvDataSegmentLength", offer.MaxRecvDataSegmentLength,
                 "Largest data segment received, bytes")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--MaxBurstLength", offer.MaxBurstLength, "Largest burst of solicited data, bytes")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--FirstBurstLength", offer.FirstBurstLength,
                 "Largest burst of unsolicited data, bytes")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--InitialR2T", offer.InitialR2T, "Ask for all data but immediate data by R2T")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--ImmediateData", offer.ImmediateData, "Take data in the command's own PDU")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--MaxOutstandingR2T", offer.MaxOutstandingR2T, "R2Ts that one task may have out")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--DataPDUInOrder", offer.DataPDUInOrder, "Data PDUs of a sequence in order")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--DataSequenceInOrder", offer.DataSequenceInOrder, "Sequences in order")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--DefaultTime2Wait", offer.DefaultTime2Wait, "Seconds before a reconnect")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--DefaultTime2Retain", offer.DefaultTime2Retain,
                 "Seconds that state is kept for it")
      ->group(keys)
      ->capture_default_str();
  app.add_option("--iSCSIProtocolLevel", offer.iSCSIProtocolLevel,
                 "2: the functions of RFC 7144 too")
      ->group(keys)
      ->capture_default_str();
}

}  // namespace

absl::StatusOr<Config> ParseArguments(int argc, const char* const* argv) {
  Config config;
  Raw raw;
  config.offer.InitialR2T = false;
  config.offer.MaxOutstandingR2T = 8;
  config.offer.MaxBurstLength = 1 << 20;
  config.offer.FirstBurstLength = 256 << 10;
  config.offer.MaxRecvDataSegmentLength = 256 << 10;
  config.offer.DefaultTime2Retain = 0;
  config.offer.iSCSIProtocolLevel = 2;
  config.limits.command_slots = 128;
  config.limits.source_slots = 256;
  config.limits.r2t_slots = 128;
  config.limits.staging_bytes = 512 << 10;
  config.max_connections = 1024;
  config.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));

  CLI::App app(
      "iscsi_target serves files and memory as iSCSI disks (RFC 7143).\n"
      "Prints the URL of each disk on each portal once it listens; SIGTERM stops it cleanly, "
      "SIGUSR1 writes --stats.",
      "iscsi_target");
  app.option_defaults()->always_capture_default(false);
  app.add_option("--portal", raw.portals,
                 "ADDR:PORT to listen at, IPv6 in brackets, port 0 for any; repeatable")
      ->capture_default_str();
  CLI::Option* target_flag =
      app.add_option("--target", raw.targets, "iSCSI name of a target; repeatable")->required();
  CLI::Option* lun_flag = app.add_option("--lun", raw.luns,
                                         "A disk of the --target before it: ram:SIZE or "
                                         "file:PATH[,readonly][,block=4096]; repeatable, "
                                         "LUN 0 first")
                              ->required();
  app.add_option("--header_digest", raw.header_digest,
                 "Header digests accepted, best first; without None they are demanded")
      ->capture_default_str();
  app.add_option("--data_digest", raw.data_digest, "Data digests accepted, likewise")
      ->capture_default_str();
  app.add_option("--chap_secrets", config.chap_secrets,
                 "File with CHAP accounts, mode 600: lines \"NAME SECRET\" and, for "
                 "mutual CHAP, one "
                 "\"mutual NAME SECRET\"");
  app.add_flag("--mutual_chap_required", config.mutual_chap_required,
               "Refuse initiators that do not ask the target to prove itself");
  app.add_option("--stats", config.stats_path,
                 "File for statistics (JSON), written at the end and on SIGUSR1");
  app.add_option("--capture", config.capture_path,
                 "File for a packet capture (pcapng), secrets masked");
  app.add_flag("--capture_secrets", config.capture_secrets, "Leave CHAP responses in the capture");
  app.add_option("--digest_kernel", config.digest_kernel,
                 "CRC32C kernel by name, instead of the best one");
  app.add_option("--offload", config.offload, transport::DeviceModelHelp())->capture_default_str();
  app.add_option("--threads", config.threads, "Threads that serve sessions")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_option("--max_connections", config.max_connections,
                 "Connections of all sessions together")
      ->capture_default_str();
  app.add_option("--queue_depth", config.limits.command_slots,
                 "Commands that a session may have out")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  app.add_option("--buffer_mib", raw.buffer_mib,
                 "MiB for data between network and disks; beyond it commands are "
                 "answered BUSY")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  app.add_option("--login_timeout_ms", config.limits.login_timeout_ms,
                 "Milliseconds for a whole login")
      ->capture_default_str();
  app.add_option("--ping_interval_ms", config.limits.ping_interval_ms,
                 "Silence of an initiator, in milliseconds, before it is pinged; 0: never")
      ->capture_default_str();
  app.add_option("--ping_timeout_ms", config.limits.ping_timeout_ms,
                 "Milliseconds that it may then stay silent")
      ->capture_default_str();
  AddKeys(app, config.offer);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    config.help = app.help();
    return config;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }

  for (const std::string& portal : raw.portals) {
    absl::StatusOr<transport::Address> address =
        transport::ParseAddress(portal, transport::kDefaultPort);
    if (!address.ok()) return Invalid("--portal", portal, address.status().message());
    config.portals.push_back(*std::move(address));
  }
  if (absl::Status s = ParseTargets(app, target_flag, lun_flag, &config.targets); !s.ok()) return s;
  if (absl::Status s =
          ParseDigests("--header_digest", raw.header_digest, &config.offer.HeaderDigest);
      !s.ok())
    return s;
  if (absl::Status s = ParseDigests("--data_digest", raw.data_digest, &config.offer.DataDigest);
      !s.ok())
    return s;
  if (absl::Status s = CheckOffer(config.offer); !s.ok()) return s;
  if (config.mutual_chap_required && config.chap_secrets.empty()) {
    return absl::InvalidArgumentError("--mutual_chap_required needs --chap_secrets");
  }
  config.buffer_bytes = raw.buffer_mib << 20;
  return config;
}

}  // namespace isthmus::target
