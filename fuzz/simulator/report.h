// What a run of the simulator says: the first violation, a hash of all that happened, and counts.
//
//   Report report;
//   report.Mix(bytes);  report.Fail("final status", "ITT 7 has two");
//   if (report.failed()) puts(report.failure().c_str());
#ifndef ISTHMUS_FUZZ_SIMULATOR_REPORT_H_
#define ISTHMUS_FUZZ_SIMULATOR_REPORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::simulator {

struct Counts {
  uint64_t steps = 0, virtual_ns = 0, operations = 0, logins = 0, pdus = 0, bytes = 0;
  uint64_t blocks_checked = 0, reissues = 0, aborted = 0, failed_operations = 0;
  uint64_t device_frames = 0, device_good = 0;  // frames at offload devices; what they found good
  std::array<uint64_t, 16> faults = {};  // that took place, by FaultKind
};

class Report {
 public:
  // `log`: keep the trace's lines, for a replay that a person reads.
  explicit Report(bool log = false) : log_(log) {}

  // The first call counts. `rule` names the invariant; shrinking keeps runs that break the same.
  void Fail(std::string_view rule, std::string_view detail) {
    if (failed_) return;
    failed_ = true;
    rule_ = rule;
    detail_ = detail;
    Trace("FAILED " + rule_ + ": " + detail_);
  }
  bool failed() const { return failed_; }
  const std::string& rule() const { return rule_; }
  std::string failure() const { return rule_ + ": " + detail_; }

  void Mix(uint64_t value) {
    for (int i = 0; i < 8; ++i) MixByte(static_cast<uint8_t>(value >> (8 * i)));
  }
  void Mix(std::string_view bytes) {
    for (char c : bytes) MixByte(static_cast<uint8_t>(c));
  }
  uint64_t hash() const { return hash_; }

  bool logging() const { return log_; }
  void Trace(std::string line) {
    if (log_) lines_.push_back(std::move(line));
  }
  const std::vector<std::string>& lines() const { return lines_; }

  Counts counts;

 private:
  // FNV-1a.
  void MixByte(uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3u; }

  bool log_;
  bool failed_ = false;
  std::string rule_, detail_;
  uint64_t hash_ = 0xcbf29ce484222325u;
  std::vector<std::string> lines_;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_REPORT_H_
