// What an engine counts, as tables: a name, what it means and where its value stands, so that a host exports all of it its
// own way without knowing any of it. Nothing of RFC 7143.
//
//   ForEachCounter(counters, kRxCounterRows, [](const Counter& c) { Export("rx", c.name, c.help, c.value); });
//
// All are plain numbers that only grow; the host adds them up, or takes differences.
#ifndef ISTHMUS_PROTOCOL_COUNTERS_H_
#define ISTHMUS_PROTOCOL_COUNTERS_H_

#include <cstddef>
#include <cstdint>

namespace isthmus {

struct Counter {
  const char* name;  // lower case with underscores; static
  const char* help;  // one line, without a full stop; static
  uint64_t value;
};

template <class C>
struct CounterRow {
  const char* name;
  const char* help;
  uint64_t C::*counter;
};

template <class C, size_t N, class Use>
constexpr void ForEachCounter(const C& counters, const CounterRow<C> (&rows)[N], Use use) {
  for (const CounterRow<C>& row : rows) use(Counter{row.name, row.help, counters.*row.counter});
}

template <class C, size_t N>
constexpr void AddCounters(C& sum, const C& more, const CounterRow<C> (&rows)[N]) {
  for (const CounterRow<C>& row : rows) sum.*row.counter += more.*row.counter;
}

// That no member of C, which holds nothing else, lacks a row or has two.
template <class C, size_t N>
consteval bool EachCounterHasItsRow(const CounterRow<C> (&rows)[N]) {
  if (sizeof(C) != N * sizeof(uint64_t)) return false;
  C counters{};
  for (const CounterRow<C>& row : rows) {
    if (counters.*row.counter != 0) return false;
    counters.*row.counter = 1;
  }
  return true;
}

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_COUNTERS_H_
