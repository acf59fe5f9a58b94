// Long work of the command line: copy, verify, benchmark; with a progress bar where somebody watches.
#ifndef ISTHMUS_INITIATOR_CLI_TRANSFER_H_
#define ISTHMUS_INITIATOR_CLI_TRANSFER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "initiator/cli/endpoint.h"

namespace isthmus::initiator {

// Draws "label [#####     ] 52%  812 MB/s  0:03 left" on one line of standard error, if that is a terminal (or `always`),
// and a last line when done.
class Progress {
 public:
  Progress(std::string label, uint64_t total_bytes, bool shown);
  ~Progress();
  void Update(uint64_t done_bytes);

 private:
  void Draw(absl::Time now);

  std::string label_;
  uint64_t total_, done_ = 0;
  bool shown_;
  absl::Time start_, drawn_;
};

struct TransferOptions {
  uint64_t block_bytes = 256 << 10;  // of one request, clamped to what the disks take
  uint32_t depth = 16;               // requests under way
  std::function<void(uint64_t done_bytes)> progress;
};

struct TransferResult {
  uint64_t bytes = 0;
  absl::Duration elapsed;
};

// Copies `bytes` from offset 0 and flushes the sink.
absl::StatusOr<TransferResult> Copy(Endpoint& source, Endpoint& sink, uint64_t bytes, const TransferOptions& options);

// Compares the first `bytes`. kDataLoss with the first byte that differs.
absl::StatusOr<TransferResult> Verify(Endpoint& left, Endpoint& right, uint64_t bytes, const TransferOptions& options);

struct BenchOptions {
  bool write = false;
  bool random = false;
  uint64_t block_bytes = 4096;
  uint32_t depth = 32;
  absl::Duration duration = absl::Seconds(5);
};

// Latencies in microseconds; 16 steps for each doubling, so within 5 %.
class LatencyHistogram {
 public:
  void Add(absl::Duration latency);
  double PercentileMicroseconds(double percent) const;
  uint64_t count() const { return count_; }

 private:
  static constexpr int kSteps = 16;
  std::vector<uint64_t> buckets_ = std::vector<uint64_t>(64 * kSteps);
  uint64_t count_ = 0;
};

struct BenchResult {
  uint64_t requests = 0, bytes = 0;
  absl::Duration elapsed;
  LatencyHistogram latency;
};

absl::StatusOr<BenchResult> Bench(Endpoint& disk, const BenchOptions& options);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLI_TRANSFER_H_
