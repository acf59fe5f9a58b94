// Which bytes of a task's data have arrived: a bounded set of runs, not a count.
// RFC 7143 sections 13.18 and 13.19 (DataPDUInOrder and DataSequenceInOrder = No), 11.7.5, 11.7.6:
// with data in any order, a count of bytes could not tell an overlap from a filled hole.
//
// The set holds its runs in itself, kMaxRuns of them; they are sorted, not empty, and neither
// overlap nor touch. When one more would be needed Add() says kFull and changes nothing: the caller
// asks for the sequence again (recovery R2T), sends a SNACK, or fails the task.
//
//   RunSet<8> arrived;
//   if (arrived.Add(offset, offset + size) == RunAdd::kFull) ...
//   arrived.Remove(offset, offset + size);              // its data digest was bad: missing again
//   ByteRun hole;
//   if (!arrived.FirstMissing(0, length, &hole)) ...    // all of [0, length) has arrived
#ifndef ISTHMUS_PROTOCOL_SESSION_RUN_SET_H_
#define ISTHMUS_PROTOCOL_SESSION_RUN_SET_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace isthmus {

// Bytes [begin, end) of a task's data: 64 bits, so that an offset plus a length cannot wrap.
struct ByteRun {
  uint64_t begin = 0;
  uint64_t end = 0;
  friend constexpr bool operator==(const ByteRun&, const ByteRun&) = default;
};

enum class RunAdd : uint8_t {
  kAdded,  // or nothing to add
  kFull,   // the set would need more runs than it has; nothing changed
};

template <size_t kMaxRuns>
class RunSet {
 public:
  static_assert(kMaxRuns >= 1);

  // Adds [begin, end). Bytes that are already there stay there once.
  RunAdd Add(uint64_t begin, uint64_t end) {
    if (begin >= end) return RunAdd::kAdded;
    // Runs [first, last) overlap or touch the new one and melt into it.
    size_t first = 0;
    while (first < count_ && runs_[first].end < begin) ++first;
    size_t last = first;
    while (last < count_ && runs_[last].begin <= end) ++last;
    if (first == last) {
      if (count_ == kMaxRuns) return RunAdd::kFull;
      std::copy_backward(runs_.begin() + first, runs_.begin() + count_, runs_.begin() + count_ + 1);
      runs_[first] = {begin, end};
      ++count_;
      return RunAdd::kAdded;
    }
    runs_[first] = {std::min(begin, runs_[first].begin), std::max(end, runs_[last - 1].end)};
    std::copy(runs_.begin() + last, runs_.begin() + count_, runs_.begin() + first + 1);
    count_ -= last - first - 1;
    return RunAdd::kAdded;
  }

  // Takes [begin, end) out. kFull, and nothing changed: it would cut one run in two and there is
  // none left for the second.
  RunAdd Remove(uint64_t begin, uint64_t end) {
    if (begin >= end) return RunAdd::kAdded;
    size_t first = 0;
    while (first < count_ && runs_[first].end <= begin) ++first;
    size_t last = first;
    while (last < count_ && runs_[last].begin < end) ++last;
    if (first == last) return RunAdd::kAdded;
    const ByteRun before = {runs_[first].begin, begin};
    const ByteRun after = {end, runs_[last - 1].end};
    std::array<ByteRun, 2> kept;
    size_t kept_count = 0;
    if (before.begin < before.end) kept[kept_count++] = before;
    if (after.begin < after.end) kept[kept_count++] = after;
    if (count_ - (last - first) + kept_count > kMaxRuns) return RunAdd::kFull;
    std::array<ByteRun, kMaxRuns> rest = runs_;
    std::copy(kept.begin(), kept.begin() + kept_count, runs_.begin() + first);
    std::copy(rest.begin() + last, rest.begin() + count_, runs_.begin() + first + kept_count);
    count_ = count_ - (last - first) + kept_count;
    return RunAdd::kAdded;
  }

  // The first bytes of [begin, end) that are not there. False: all are.
  bool FirstMissing(uint64_t begin, uint64_t end, ByteRun* missing) const {
    for (size_t i = 0; i < count_ && begin < end; ++i) {
      if (runs_[i].end <= begin) continue;
      if (runs_[i].begin > begin) {
        *missing = {begin, std::min(end, runs_[i].begin)};
        return true;
      }
      begin = runs_[i].end;
    }
    if (begin >= end) return false;
    *missing = {begin, end};
    return true;
  }

  bool Covers(uint64_t begin, uint64_t end) const {
    ByteRun missing;
    return !FirstMissing(begin, end, &missing);
  }

  // Whether any byte of [begin, end) is there.
  bool Overlaps(uint64_t begin, uint64_t end) const {
    for (size_t i = 0; i < count_; ++i) {
      if (std::max(begin, runs_[i].begin) < std::min(end, runs_[i].end)) return true;
    }
    return false;
  }

  // Bytes in the set, each counted once.
  uint64_t size_bytes() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < count_; ++i) sum += runs_[i].end - runs_[i].begin;
    return sum;
  }

  size_t run_count() const { return count_; }
  const ByteRun& run(size_t i) const { return runs_[i]; }
  void Clear() { count_ = 0; }

 private:
  std::array<ByteRun, kMaxRuns> runs_ = {};
  size_t count_ = 0;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_RUN_SET_H_
