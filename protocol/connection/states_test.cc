// The state tables against the matrices that RFC 7143 prints in section 8, against one of ours
// (state by event), and against the committed drawings.
#include "protocol/connection/states.h"

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "protocol/connection/states_markdown.h"

namespace isthmus {
namespace {

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (char c : text) {
    if (c == ' ' || c == '\n' || c == '|') {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back().push_back(c);
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// A matrix as the RFC prints it: columns and rows are states, a cell is the transition or "-".
using Cells = std::map<std::pair<std::string, std::string>, std::string>;

Cells Read(std::string_view text) {
  std::vector<std::string> words = Words(text);
  std::vector<std::string> columns;
  size_t at = 0;
  while (words[at] != "/") columns.push_back(words[at++]);
  ++at;
  Cells cells;
  while (at < words.size()) {
    const std::string row = words[at++];
    for (const std::string& column : columns) {
      const std::string cell = words[at++];
      if (cell != "-") cells[{row, column}] = cell;
    }
  }
  return cells;
}

template <class State, class Event>
Cells Ours(std::span<const Transition<State, Event>> table, Role role) {
  Cells cells;
  for (const auto& row : table) {
    if (!row.Has(role)) continue;
    std::string& cell = cells[{Symbol(row.from), Symbol(row.to)}];
    EXPECT_TRUE(cell.empty() || cell == row.name) << cell << " " << row.name;
    cell = row.name;
  }
  return cells;
}

// Sections 8.1.3 and 8.2 (R1 is S8, R3 is S1).
TEST(CsmTest, InitiatorHasTheTransitionsThatTheRfcPrints) {
  EXPECT_EQ(Ours(CsmTransitions(), Role::kInitiator), Read(R"(
      S1  S2  S4  S5  S6  S7  S8  R2 /
  S1| -  |T1 | - | - | - | - | - | -
  S2|T2  |-  |T4 | - | - | - | - | -
  S4|T7  |-  |-  |T5 | - | - | - | -
  S5|T8  |-  |-  | - |T9 |T11|T15| -
  S6|T13 |-  |-  | - |T14|-  |T17| -
  S7|T18 |-  |-  | - |T10|T12|T16| -
  S8|M1  |-  |-  | - | - | - | - |M2
  R2|M4  |-  |-  | - | - | - |M3 | -)"));
}

// Section 8.1.4.
TEST(CsmTest, TargetHasTheTransitionsThatTheRfcPrints) {
  EXPECT_EQ(Ours(CsmTransitions(), Role::kTarget), Read(R"(
      S1  S3  S4  S5  S6  S7  S8  R2 /
  S1| -  |T3 | - | - | - | - | - | -
  S3|T6  |-  |T4 | - | - | - | - | -
  S4|T7  |-  |-  |T5 | - | - | - | -
  S5|T8  |-  |-  | - |T9 |T11|T15| -
  S6|T13 |-  |-  | - |-  |-  |T17| -
  S7|T18 |-  |-  | - |T10|T12|T16| -
  S8|M1  |-  |-  | - | - | - | - |M2
  R2|M4  |-  |-  | - | - | - |M3 | -)"));
}

// Section 8.3.1.
TEST(SsmTest, InitiatorHasTheTransitionsThatTheRfcPrints) {
  EXPECT_EQ(Ours(SsmTransitions(), Role::kInitiator), Read(R"(
      Q1  Q3  Q4 /
  Q1| -  |N1 | -
  Q3|N3  | - |N5
  Q4|N6  |N4 | -)"));
}

// Section 8.3.2.
TEST(SsmTest, TargetHasTheTransitionsThatTheRfcPrints) {
  EXPECT_EQ(Ours(SsmTransitions(), Role::kTarget), Read(R"(
      Q1  Q2  Q3  Q4  Q5 /
  Q1| -  |N1 | - | - | -
  Q2|N9  | - |N2 | - | -
  Q3|N3  | - | - |N5 | -
  Q4|N6  | - | - | - |N7
  Q5|N11 | - |N10|N8 | -)"));
}

// State by event, both roles: "T7" for both, "T4i" for the initiator alone, "-" undefined.
template <class State, class Event>
std::string Matrix(int states, int events) {
  std::string out;
  for (int state = 0; state < states; ++state) {
    std::string line = Symbol(static_cast<State>(state));
    for (int event = 0; event < events; ++event) {
      const auto* i =
          FindTransition(Role::kInitiator, static_cast<State>(state), static_cast<Event>(event));
      const auto* t =
          FindTransition(Role::kTarget, static_cast<State>(state), static_cast<Event>(event));
      std::string cell = "-";
      if (i != nullptr && t != nullptr) {
        EXPECT_EQ(i, t) << "one row for both";
        cell = i->name;
      } else if (i != nullptr) {
        cell = std::string(i->name) + "i";
      } else if (t != nullptr) {
        cell = std::string(t->name) + "t";
      }
      line += " " + cell;
    }
    out += line + "\n";
  }
  return out;
}

// Columns: transport requested, transport up, login begun, done, failed, logout requested, begun,
// done, failed, closed, lost, cleanup timeout, begun, failed, done.
TEST(CsmTest, MatrixOfStatesAndEvents) {
  const std::string matrix = Matrix<CsmState, CsmEvent>(kCsmStates, kCsmEvents);
  EXPECT_EQ(matrix,
            "S1 T1i T3t - - - - - - - - - - - - -\n"
            "S2 - T4i - - - - - - - T2i T2i - - - -\n"
            "S3 - - T4t - - - - - - - T6t - - - -\n"
            "S4 - - - T5 T7 - - - - T7 T7 - - - -\n"
            "S5 - - - - - T11 T9 - - T8 T15 - - - -\n"
            "S6 - - - - - T14i - T13 T17 T13 T17 - - - -\n"
            "S7 - - - - - T12 T10 - - T18 T16 - - - -\n"
            "S8 - - - - - - - - - M1 - M1 M2 - -\n"
            "R2 - - - - - - - - - M4 - - - M3 M4\n");
}

// Columns: login begun, login failed, logged in, closed, failed, discarded, continue begun, failed,
// continued.
TEST(SsmTest, MatrixOfStatesAndEvents) {
  const std::string matrix = Matrix<SsmState, SsmEvent>(kSsmStates, kSsmEvents);
  EXPECT_EQ(matrix,
            "Q1 N1t - N1i - - - - - -\n"
            "Q2 - N9t N2t - - - - - -\n"
            "Q3 - - - N3 N5 - - - -\n"
            "Q4 - - - - - N6 N7t - N4i\n"
            "Q5 - - - N11t - - - N8t N10t\n");
}

TEST(CsmTest, GoesThroughALife) {
  Csm csm(Role::kTarget);
  EXPECT_FALSE(csm.Can(CsmEvent::kLoginBegun));
  for (CsmEvent event : {CsmEvent::kTransportUp, CsmEvent::kLoginBegun, CsmEvent::kLoginDone,
                         CsmEvent::kLogoutRequested, CsmEvent::kLogoutRequested,
                         CsmEvent::kLogoutBegun, CsmEvent::kLogoutDone}) {
    ASSERT_TRUE(csm.Can(event));
    csm.Take(event);
  }
  EXPECT_EQ(csm.state(), CsmState::kFree);
}

TEST(CsmDeathTest, AnUndefinedEventEndsTheProgram) {
  Csm csm(Role::kInitiator);
  EXPECT_DEATH(csm.Take(CsmEvent::kLoginDone), "");
}

TEST(StatesTest, EveryNameIsItsOwn) {
  std::set<std::string> names, symbols, events;
  for (int i = 0; i < kCsmStates; ++i) {
    names.insert(Name(static_cast<CsmState>(i)));
    symbols.insert(Symbol(static_cast<CsmState>(i)));
  }
  for (int i = 0; i < kCsmEvents; ++i) events.insert(Name(static_cast<CsmEvent>(i)));
  EXPECT_EQ(names.size(), 9u);
  EXPECT_EQ(symbols.size(), 9u);
  EXPECT_EQ(events.size(), 15u);
}

TEST(StatesTest, DrawingsAreThoseOfTheTables) {
  std::ifstream file("docs/states.md", std::ios::binary);
  ASSERT_TRUE(file.good());
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(text == StatesMarkdown())
      << "run: bazel run //protocol/connection:print_states > docs/states.md";
}

}  // namespace
}  // namespace isthmus
