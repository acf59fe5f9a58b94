// Watches both directions of one connection with its own framing, constants and CRC32C, and names
// the first rule that is broken. RFC 7143 sections 4.2.2 (numbering), 11.2 (headers), 11.4, 11.7,
// 11.8.
//
// Who owns which bytes: everything is copied.
//
//   WireMonitor monitor(&report);
//   monitor.Sent(/*to_target=*/true, bytes);          // in the order in which the sender sends
//   monitor.StartFullFeature({...});                  // once the target has let the initiator in
#ifndef ISTHMUS_FUZZ_SIMULATOR_WIRE_MONITOR_H_
#define ISTHMUS_FUZZ_SIMULATOR_WIRE_MONITOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "fuzz/simulator/report.h"

namespace isthmus::simulator {

struct WireRules {
  bool header_digest = false, data_digest = false;
  uint32_t to_target_bytes = 8192;     // MaxRecvDataSegmentLength of the target
  uint32_t to_initiator_bytes = 8192;  // of the initiator
};

class WireMonitor {
 public:
  explicit WireMonitor(Report* report) : report_(report) {}

  void StartFullFeature(const WireRules& rules) { rules_ = rules; }
  // The initiator declares another MaxRecvDataSegmentLength: the larger one may be used from now.
  void Declare(uint32_t bytes) {
    if (bytes > rules_.to_initiator_bytes) rules_.to_initiator_bytes = bytes;
  }
  void Sent(bool to_target, std::span<const std::byte> bytes);
  // Bytes of the direction that belong to the login, which has no digests.
  uint64_t login_bytes(bool to_target) const { return directions_[to_target].login_bytes; }
  // Where PDUs begin in the stream of the direction, as far as it was sent.
  const std::set<uint64_t>& pdu_starts(bool to_target) const {
    return directions_[to_target].pdu_starts;
  }
  const WireRules& rules() const { return rules_; }

 private:
  struct Direction {
    std::vector<uint8_t> pdu;
    uint64_t bytes = 0, login_bytes = 0;
    std::set<uint64_t> pdu_starts;
  };
  struct Task {
    bool answered = false;
    uint32_t data_sn = 0;
  };

  size_t Size(const std::vector<uint8_t>& pdu) const;
  void OnPdu(bool to_target, const std::vector<uint8_t>& pdu);
  void CheckDigests(const std::vector<uint8_t>& pdu, size_t data_bytes);
  void OnRequest(const std::vector<uint8_t>& pdu, uint8_t opcode);
  void OnResponse(const std::vector<uint8_t>& pdu, uint8_t opcode);
  void Final(uint32_t itt);
  void Fail(const char* rule, const std::vector<uint8_t>& pdu, const std::string& detail);

  Report* report_;
  WireRules rules_;
  std::array<Direction, 2> directions_;
  std::map<uint32_t, Task> tasks_;         // SCSI commands by Initiator Task Tag
  std::map<uint32_t, uint32_t> rejected_;  // ITT to CmdSN of commands that may be sent once more
  bool have_cmd_sn_ = false, have_stat_sn_ = false, have_max_cmd_sn_ = false;
  uint32_t cmd_sn_ = 0, stat_sn_ = 0, max_cmd_sn_ = 0, exp_cmd_sn_ = 0, exp_stat_sn_ = 0;
};

// CRC32C bit by bit, section 13.1: the monitor's own.
uint32_t SlowCrc32c(std::span<const uint8_t> bytes);

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_WIRE_MONITOR_H_
