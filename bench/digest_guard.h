// Measuring on a core that a neighbour disturbs: a sample counts only if a control before it and one behind it both ran
// undisturbed. Something on the core's other hyperthread, outside a guest's sight, takes a fifth from a folding loop and
// a third from a hybrid; a control is such a loop.
#ifndef ISTHMUS_BENCH_DIGEST_GUARD_H_
#define ISTHMUS_BENCH_DIGEST_GUARD_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace isthmus::bench {

class Guard {
 public:
  // Unless `strict`, every sample counts. Finding out how fast an undisturbed control is takes about two seconds.
  explicit Guard(bool strict);

  bool strict() const { return strict_; }

  // Seconds that `sample` took right after `prepare`, or nothing if there was no undisturbed moment within `patience`.
  std::optional<double> Time(const std::function<void()>& prepare,
                             const std::function<void()>& sample, std::chrono::seconds patience);

  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  double Control();

  bool strict_;
  double undisturbed_ = 0;  // seconds of a control
  std::uint64_t accepted_ = 0;
  std::uint64_t dropped_ = 0;
};

// Seconds on the steady clock.
double Now();

}  // namespace isthmus::bench

#endif  // ISTHMUS_BENCH_DIGEST_GUARD_H_
