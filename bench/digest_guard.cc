#include "bench/digest_guard.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "digest/crc32c.h"
#include "digest/value.h"

namespace isthmus::bench {
namespace {

// How much slower than undisturbed a control may be.
constexpr double kTolerance = 1.05;

}  // namespace

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Guard::Guard(bool strict) : strict_(strict) {
  if (!strict) return;
  std::vector<double> controls;
  for (const double end = Now() + 2; Now() < end;) controls.push_back(Control());
  // Not the least, which may be a clock's whim, but well within the quiet moments, of which there may be few.
  const auto at = controls.begin() + static_cast<std::ptrdiff_t>(controls.size() / 200);
  std::nth_element(controls.begin(), at, controls.end());
  undisturbed_ = *at;
}

double Guard::Control() {
  alignas(64) static const unsigned char bytes[4096] = {1};
  digest::Crc32c crc = digest::Compute(bytes, sizeof bytes);  // what ran before has pushed them out
  const double begin = Now();
  for (int i = 0; i < 48; ++i) crc = digest::Extend(crc, bytes, sizeof bytes);
  const double took = Now() - begin;
  return crc == digest::Crc32c{} ? took * 1.0000001 : took;
}

std::optional<double> Guard::Time(const std::function<void()>& prepare,
                                  const std::function<void()>& sample,
                                  std::chrono::seconds patience) {
  const double deadline = Now() + static_cast<double>(patience.count());
  do {
    const bool quiet = !strict_ || Control() <= undisturbed_ * kTolerance;
    if (!quiet) {
      ++dropped_;
      continue;
    }
    prepare();
    const double begin = Now();
    sample();
    const double took = Now() - begin;
    if (!strict_ || Control() <= undisturbed_ * kTolerance) {
      ++accepted_;
      return took;
    }
    ++dropped_;
  } while (Now() < deadline);
  return std::nullopt;
}

}  // namespace isthmus::bench
