#include "initiator/cli/transfer.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace isthmus::initiator {
namespace {

struct Free {
  void operator()(std::byte* p) const { std::free(p); }
};
using Block = std::unique_ptr<std::byte, Free>;

// Aligned to a page, for direct I/O.
Block NewBlock(uint64_t bytes) {
  return Block(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)));
}

constexpr absl::Duration kWait = absl::Milliseconds(100);

uint64_t RequestBytes(const Endpoint& a, const Endpoint& b, uint64_t wanted) {
  const uint64_t unit = std::max(a.block_bytes(), b.block_bytes());
  const uint64_t most = std::min({wanted, a.max_request_bytes(), b.max_request_bytes(), uint64_t{64} << 20});
  return std::max<uint64_t>(unit, most / unit * unit);
}

uint64_t RoundUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

// Waits where waiting is needed: on the one disk, or in turns on both.
absl::Status PollBoth(Endpoint& a, Endpoint& b, bool a_waits, bool b_waits) {
  if (absl::Status status = a.Poll(a_waits && !b_waits ? kWait : absl::ZeroDuration()); !status.ok()) return status;
  return b.Poll(b_waits && !a_waits ? kWait : b_waits ? absl::Milliseconds(1) : absl::ZeroDuration());
}

}  // namespace

Progress::Progress(std::string label, uint64_t total_bytes, bool shown)
    : label_(std::move(label)), total_(total_bytes), shown_(shown), start_(absl::Now()), drawn_(absl::InfinitePast()) {}

Progress::~Progress() {
  if (!shown_) return;
  Draw(absl::Now());
  std::fputc('\n', stderr);
}

void Progress::Update(uint64_t done_bytes) {
  done_ = done_bytes;
  if (!shown_) return;
  const absl::Time now = absl::Now();
  if (now - drawn_ < absl::Milliseconds(100)) return;
  drawn_ = now;
  Draw(now);
}

void Progress::Draw(absl::Time now) {
  constexpr int kWidth = 30;
  const double part = total_ == 0 ? 1.0 : static_cast<double>(done_) / static_cast<double>(total_);
  const double seconds = std::max(1e-6, absl::ToDoubleSeconds(now - start_));
  const double rate = static_cast<double>(done_) / seconds;
  const int64_t left = rate > 0 ? static_cast<int64_t>(static_cast<double>(total_ - std::min(done_, total_)) / rate + 0.5) : 0;
  const int filled = static_cast<int>(part * kWidth);
  const std::string line =
      absl::StrFormat("\r%s [%s%s] %3.0f%% %8.1f MB/s %d:%02d left ", label_, std::string(static_cast<size_t>(filled), '#'),
                      std::string(static_cast<size_t>(kWidth - filled), ' '), part * 100, rate / 1e6, left / 60, left % 60);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

absl::StatusOr<TransferResult> Copy(Endpoint& source, Endpoint& sink, uint64_t bytes, const TransferOptions& options) {
  const uint64_t step = RequestBytes(source, sink, options.block_bytes);
  const uint64_t unit = std::max(source.block_bytes(), sink.block_bytes());
  struct Slot {
    Block block;
    uint64_t offset = 0, size = 0;
  };
  std::vector<Slot> slots(std::max<uint32_t>(1, options.depth));
  std::vector<Slot*> idle;
  for (Slot& slot : slots) {
    slot.block = NewBlock(step);
    idle.push_back(&slot);
  }
  const absl::Time start = absl::Now();
  absl::Status failed;
  uint64_t next = 0, done = 0;
  size_t reading = 0, writing = 0;
  const auto fail = [&failed](const absl::Status& status) { failed.Update(status); };
  while ((next < bytes && failed.ok()) || reading + writing > 0) {
    while (next < bytes && failed.ok() && !idle.empty()) {
      Slot* slot = idle.back();
      idle.pop_back();
      slot->offset = next;
      slot->size = std::min(step, bytes - next);
      next += slot->size;
      const uint64_t rounded = RoundUp(slot->size, unit);
      ++reading;
      const absl::Status asked = source.Read(slot->offset, {slot->block.get(), rounded}, [&, slot, rounded](absl::Status got) {
        --reading;
        if (!got.ok()) {
          fail(got);
          idle.push_back(slot);
          return;
        }
        ++writing;
        const absl::Status put = sink.Write(slot->offset, {slot->block.get(), rounded}, [&, slot](absl::Status written) {
          --writing;
          fail(written);
          if (written.ok()) {
            done += slot->size;
            if (options.progress) options.progress(done);
          }
          idle.push_back(slot);
        });
        if (!put.ok()) {
          --writing;
          fail(put);
          idle.push_back(slot);
        }
      });
      if (!asked.ok()) {
        --reading;
        fail(asked);
        idle.push_back(slot);
      }
      // A file's block is there at once: it is digested and sent while it is in the cache.
      if (writing > 0) fail(sink.Send());
    }
    if (reading + writing == 0) continue;
    if (absl::Status status = PollBoth(source, sink, reading > 0, writing > 0); !status.ok()) {
      // The client has run every callback; nothing is under way any more.
      fail(status);
      if (reading + writing > 0 && (source.client() == nullptr || sink.client() == nullptr)) break;
    }
  }
  if (!failed.ok()) return failed;
  if (absl::Status status = sink.Flush(); !status.ok()) return status;
  return TransferResult{done, absl::Now() - start};
}

absl::StatusOr<TransferResult> Verify(Endpoint& left, Endpoint& right, uint64_t bytes, const TransferOptions& options) {
  const uint64_t step = RequestBytes(left, right, options.block_bytes);
  const uint64_t unit = std::max(left.block_bytes(), right.block_bytes());
  struct Slot {
    Block left, right;
    uint64_t offset = 0, size = 0;
    int missing = 0;
  };
  std::vector<Slot> slots(std::max<uint32_t>(1, options.depth));
  std::vector<Slot*> idle;
  for (Slot& slot : slots) {
    slot.left = NewBlock(step);
    slot.right = NewBlock(step);
    idle.push_back(&slot);
  }
  const absl::Time start = absl::Now();
  absl::Status failed;
  uint64_t next = 0, done = 0, first_difference = ~uint64_t{0};
  size_t left_waits = 0, right_waits = 0;
  const auto arrived = [&](Slot* slot, const absl::Status& status) {
    failed.Update(status);
    if (--slot->missing > 0) return;
    idle.push_back(slot);
    if (!failed.ok()) return;
    const auto differs = std::mismatch(slot->left.get(), slot->left.get() + slot->size, slot->right.get());
    if (differs.first != slot->left.get() + slot->size) {
      first_difference = std::min(first_difference, slot->offset + static_cast<uint64_t>(differs.first - slot->left.get()));
      return;
    }
    done += slot->size;
    if (options.progress) options.progress(done);
  };
  while ((next < bytes && failed.ok() && first_difference == ~uint64_t{0}) || left_waits + right_waits > 0) {
    while (next < bytes && failed.ok() && first_difference == ~uint64_t{0} && !idle.empty()) {
      Slot* slot = idle.back();
      idle.pop_back();
      slot->offset = next;
      slot->size = std::min(step, bytes - next);
      slot->missing = 2;
      next += slot->size;
      const uint64_t rounded = RoundUp(slot->size, unit);
      ++left_waits;
      absl::Status asked = left.Read(slot->offset, {slot->left.get(), rounded}, [&, slot](absl::Status got) {
        --left_waits;
        arrived(slot, got);
      });
      if (!asked.ok()) {
        --left_waits;
        arrived(slot, asked);
      }
      ++right_waits;
      asked = right.Read(slot->offset, {slot->right.get(), rounded}, [&, slot](absl::Status got) {
        --right_waits;
        arrived(slot, got);
      });
      if (!asked.ok()) {
        --right_waits;
        arrived(slot, asked);
      }
    }
    if (left_waits + right_waits == 0) continue;
    if (absl::Status status = PollBoth(left, right, left_waits > 0, right_waits > 0); !status.ok()) {
      failed.Update(status);
      break;
    }
  }
  if (!failed.ok()) return failed;
  if (first_difference != ~uint64_t{0}) {
    return absl::DataLossError(absl::StrCat("byte ", first_difference, " is the first that differs"));
  }
  return TransferResult{done, absl::Now() - start};
}

void LatencyHistogram::Add(absl::Duration latency) {
  const uint64_t ns = static_cast<uint64_t>(std::max<int64_t>(1, absl::ToInt64Nanoseconds(latency)));
  const int exponent = 63 - std::countl_zero(ns);
  const uint64_t step = exponent >= 4 ? (ns >> (exponent - 4)) & (kSteps - 1) : 0;
  ++buckets_[static_cast<size_t>(exponent) * kSteps + step];
  ++count_;
}

double LatencyHistogram::PercentileMicroseconds(double percent) const {
  uint64_t wanted = static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] >= wanted) {
      return std::ldexp(1.0 + (static_cast<double>(i % kSteps) + 0.5) / kSteps, static_cast<int>(i / kSteps)) / 1000;
    }
    wanted -= buckets_[i];
  }
  return 0;
}

absl::StatusOr<BenchResult> Bench(Endpoint& disk, const BenchOptions& options) {
  const uint64_t blocks = disk.bytes() / options.block_bytes;
  if (options.block_bytes == 0 || options.block_bytes % disk.block_bytes() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--block=", options.block_bytes, ": not a multiple of the disk's ", disk.block_bytes(), " bytes"));
  }
  if (blocks == 0 || options.block_bytes > disk.max_request_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat("--block=", options.block_bytes, ": the disk takes at most ",
                                                   std::min(disk.bytes(), disk.max_request_bytes()), " bytes at once"));
  }
  struct Slot {
    Block block;
    absl::Time start;
  };
  std::vector<Slot> slots(std::max<uint32_t>(1, options.depth));
  BenchResult result;
  std::mt19937_64 random(1);  // the same offsets in every run
  uint64_t next = 0;
  size_t waiting = 0;
  absl::Status failed;
  const absl::Time start = absl::Now();
  const absl::Time end = start + options.duration;
  std::function<void(Slot*)> issue = [&](Slot* slot) {
    const uint64_t block = options.random ? random() % blocks : next++ % blocks;
    const uint64_t offset = block * options.block_bytes;
    slot->start = absl::Now();
    ++waiting;
    auto done = [&, slot](absl::Status status) {
      --waiting;
      failed.Update(status);
      const absl::Time now = absl::Now();
      if (!failed.ok()) return;
      ++result.requests;
      result.bytes += options.block_bytes;
      result.latency.Add(now - slot->start);
      if (now < end) issue(slot);
    };
    const absl::Status asked = options.write ? disk.Write(offset, {slot->block.get(), options.block_bytes}, done)
                                             : disk.Read(offset, {slot->block.get(), options.block_bytes}, done);
    if (!asked.ok()) {
      --waiting;
      failed.Update(asked);
    }
  };
  for (Slot& slot : slots) {
    slot.block = NewBlock(options.block_bytes);
    std::memset(slot.block.get(), 0x5a, options.block_bytes);
    issue(&slot);
  }
  while (waiting > 0) {
    if (absl::Status status = disk.Poll(kWait); !status.ok()) {
      failed.Update(status);
      break;
    }
  }
  if (!failed.ok()) return failed;
  result.elapsed = absl::Now() - start;
  return result;
}

}  // namespace isthmus::initiator
