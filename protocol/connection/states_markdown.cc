#include "protocol/connection/states_markdown.h"

#include <algorithm>
#include <span>
#include <string>

#include "protocol/connection/states.h"
#include "protocol/error.h"

namespace isthmus {
namespace {

// Whether `role` has the state at all.
template <class State, class Event>
bool Uses(std::span<const Transition<State, Event>> table, Role role, State state) {
  return std::ranges::any_of(table, [&](const Transition<State, Event>& row) {
    return row.Has(role) && (row.from == state || row.to == state);
  });
}

// One drawing: the transitions of `role`, those between the same two states on one arrow.
template <class State, class Event>
std::string Drawing(std::span<const Transition<State, Event>> table, int states, Role role) {
  std::string out = "```mermaid\nstateDiagram-v2\n";
  std::string arrows;
  for (int i = 0; i < states; ++i) {
    const auto from = static_cast<State>(i);
    if (!Uses(table, role, from)) continue;
    out += std::string("  state \"") + Symbol(from) + " " + Name(from) + "\" as " + Symbol(from) +
           "\n";
    for (int j = 0; j < states; ++j) {
      std::string name, causes;
      for (const auto& row : table) {
        if (!row.Has(role) || row.from != from || static_cast<int>(row.to) != j) continue;
        name = row.name;
        causes += (causes.empty() ? "" : ", ") + std::string(Name(row.event));
      }
      if (name.empty()) continue;
      arrows += std::string("  ") + Symbol(from) + " --> " + Symbol(static_cast<State>(j)) + ": " +
                name + " " + causes + "\n";
    }
  }
  return out + arrows + "```\n";
}

// Rows: events; columns: states; a cell: the transition and where it leads.
template <class State, class Event>
std::string Matrix(std::span<const Transition<State, Event>> table, int states, int events,
                   Role role) {
  std::string head = "| event |", rule = "|---|";
  for (int state = 0; state < states; ++state) {
    if (!Uses(table, role, static_cast<State>(state))) continue;
    head += std::string(" ") + Symbol(static_cast<State>(state)) + " " +
            Name(static_cast<State>(state)) + " |";
    rule += "---|";
  }
  std::string out = head + "\n" + rule + "\n";
  for (int event = 0; event < events; ++event) {
    out += std::string("| ") + Name(static_cast<Event>(event)) + " |";
    for (int state = 0; state < states; ++state) {
      if (!Uses(table, role, static_cast<State>(state))) continue;
      const auto* row = FindTransition(role, static_cast<State>(state), static_cast<Event>(event));
      out += row == nullptr ? std::string(" – |")
                            : std::string(" ") + row->name + " → " + Symbol(row->to) + " |";
    }
    out += "\n";
  }
  return out;
}

template <class State, class Event>
std::string Part(std::span<const Transition<State, Event>> table, int states, int events) {
  std::string out;
  for (Role role : {Role::kInitiator, Role::kTarget}) {
    out += std::string("\n### ") + (role == Role::kInitiator ? "Initiator" : "Target") + "\n\n" +
           Drawing(table, states, role) + "\n" + Matrix(table, states, events, role);
  }
  return out;
}

}  // namespace

std::string StatesMarkdown() {
  return "# States of connections and sessions\n\n"
         "RFC 7143 section 8. Generated from the tables of `protocol/connection/states.cc`, which "
         "both engines go through:\n"
         "`bazel run //protocol/connection:print_states > docs/states.md`. A dash is an event that "
         "cannot happen in that state:\nan engine that took it would end the program.\n\n"
         "## Connections (sections 8.1 and 8.2)\n\n"
         "R1 of the cleanup diagram is S8, R3 is S1. At ErrorRecoveryLevel 0 nothing cleans up "
         "another connection: a lost one waits in\nS8 until its tasks are gone and its session "
         "ends "
         "(M1).\n" +
         Part(CsmTransitions(), kCsmStates, kCsmEvents) +
         "\n## Sessions (section 8.3)\n\n"
         "At ErrorRecoveryLevel 0 a session that failed is not continued: the target discards it "
         "as "
         "soon as its tasks are gone, the\ninitiator when a new login (session reinstatement) or "
         "its "
         "embedder ends it (N6).\n" +
         Part(SsmTransitions(), kSsmStates, kSsmEvents);
}

}  // namespace isthmus
