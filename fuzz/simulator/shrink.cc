#include "fuzz/simulator/shrink.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "fuzz/simulator/report.h"
#include "fuzz/simulator/simulation.h"

namespace isthmus::simulator {
namespace {

bool Contains(const std::vector<size_t>& indices, size_t index) {
  return std::binary_search(indices.begin(), indices.end(), index);
}

template <class T>
std::vector<T> Keep(const std::vector<T>& all, const std::vector<size_t>& without) {
  std::vector<T> kept;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!Contains(without, i)) kept.push_back(all[i]);
  }
  return kept;
}

std::vector<size_t> Joined(std::vector<size_t> a, const std::vector<size_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  return a;
}

// Halves first, then quarters, down to single ones.
void Reduce(size_t count, std::vector<size_t>* without,
            const std::function<bool(const std::vector<size_t>&)>& still_fails) {
  for (size_t part = std::max<size_t>(count / 2, 1);; part /= 2) {
    for (size_t from = 0; from < count; from += part) {
      std::vector<size_t> more;
      for (size_t i = from; i < std::min(count, from + part); ++i) {
        if (!Contains(*without, i)) more.push_back(i);
      }
      if (more.empty()) continue;
      const std::vector<size_t> tried = Joined(*without, more);
      if (still_fails(tried)) *without = tried;
    }
    if (part == 1) return;
  }
}

}  // namespace

std::vector<size_t> ParseIndices(const std::string& text) {
  std::vector<size_t> indices;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const size_t first = std::strtoull(at, &end, 10);
    if (end == at) break;
    size_t last = first;
    if (*end == '-') last = std::strtoull(end + 1, &end, 10);
    for (size_t i = first; i <= last && indices.size() < 100'000; ++i) indices.push_back(i);
    at = *end == ',' ? end + 1 : end;
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

std::string FormatIndices(const std::vector<size_t>& indices) {
  std::string text;
  for (size_t i = 0; i < indices.size();) {
    size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(indices[i]);
    if (last > i) text += "-" + std::to_string(indices[last]);
    i = last + 1;
  }
  return text;
}

Scenario Without(const Scenario& scenario, const Omissions& omissions) {
  Scenario small = scenario;
  small.operations = Keep(scenario.operations, omissions.operations);
  small.faults = Keep(scenario.faults, omissions.faults);
  return small;
}

std::string RunApart(const Scenario& scenario) {
  std::array<int, 2> pipe_ends;
  if (pipe(pipe_ends.data()) != 0) return "pipe";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return "fork";
  if (child == 0) {
    close(pipe_ends[0]);
    Report report;
    Run(scenario, {}, &report);
    const std::string rule = report.failed() ? report.rule() : "";
    const ssize_t written = write(pipe_ends[1], rule.data(), rule.size());
    _exit(written == static_cast<ssize_t>(rule.size()) ? 0 : 1);
  }
  close(pipe_ends[1]);
  std::string rule;
  std::array<char, 256> buffer;
  for (ssize_t got = 0; (got = read(pipe_ends[0], buffer.data(), buffer.size())) > 0;) {
    rule.append(buffer.data(), static_cast<size_t>(got));
  }
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "crash (signal " + std::to_string(WTERMSIG(status)) + ")";
  if (WEXITSTATUS(status) != 0) return "crash (exit " + std::to_string(WEXITSTATUS(status)) + ")";
  return rule;
}

Omissions Shrink(const Scenario& scenario, const std::string& rule, const Trial& trial,
                 size_t most_trials) {
  Omissions omissions;
  size_t trials = 0;
  const auto fails = [&](const Omissions& tried) {
    return trials++ < most_trials && trial(Without(scenario, tried)) == rule;
  };
  for (int round = 0; round < 2; ++round) {
    Reduce(scenario.faults.size(), &omissions.faults, [&](const std::vector<size_t>& tried) {
      return fails({omissions.operations, tried});
    });
    Reduce(scenario.operations.size(), &omissions.operations,
           [&](const std::vector<size_t>& tried) {
             return fails({tried, omissions.faults});
           });
  }
  return omissions;
}

}  // namespace isthmus::simulator
