#include "protocol/connection/states.h"

#include <array>
#include <cstddef>

namespace isthmus {
namespace {

struct Both {
  bool initiator = true, target = true;
};
constexpr Both kBoth = {};
constexpr Both kInitiator = {true, false};
constexpr Both kTarget = {false, true};

template <class State, class Event>
constexpr Transition<State, Event> Row(Both whose, State from, Event event, const char* name,
                                       State to) {
  return {whose.initiator, whose.target, from, event, name, to};
}

constexpr CsmTransition kCsm[] = {
    Row(kInitiator, CsmState::kFree, CsmEvent::kTransportRequested, "T1", CsmState::kXptWait),
    Row(kTarget, CsmState::kFree, CsmEvent::kTransportUp, "T3", CsmState::kXptUp),

    Row(kInitiator, CsmState::kXptWait, CsmEvent::kLost, "T2", CsmState::kFree),
    Row(kInitiator, CsmState::kXptWait, CsmEvent::kClosed, "T2", CsmState::kFree),
    Row(kInitiator, CsmState::kXptWait, CsmEvent::kTransportUp, "T4", CsmState::kInLogin),

    Row(kTarget, CsmState::kXptUp, CsmEvent::kLost, "T6", CsmState::kFree),
    Row(kTarget, CsmState::kXptUp, CsmEvent::kLoginBegun, "T4", CsmState::kInLogin),

    Row(kBoth, CsmState::kInLogin, CsmEvent::kLoginDone, "T5", CsmState::kLoggedIn),
    Row(kBoth, CsmState::kInLogin, CsmEvent::kLoginFailed, "T7", CsmState::kFree),
    Row(kBoth, CsmState::kInLogin, CsmEvent::kLost, "T7", CsmState::kFree),
    Row(kBoth, CsmState::kInLogin, CsmEvent::kClosed, "T7", CsmState::kFree),

    Row(kBoth, CsmState::kLoggedIn, CsmEvent::kClosed, "T8", CsmState::kFree),
    Row(kBoth, CsmState::kLoggedIn, CsmEvent::kLogoutBegun, "T9", CsmState::kInLogout),
    Row(kBoth, CsmState::kLoggedIn, CsmEvent::kLogoutRequested, "T11", CsmState::kLogoutRequested),
    Row(kBoth, CsmState::kLoggedIn, CsmEvent::kLost, "T15", CsmState::kCleanupWait),

    Row(kBoth, CsmState::kInLogout, CsmEvent::kLogoutDone, "T13", CsmState::kFree),
    Row(kBoth, CsmState::kInLogout, CsmEvent::kClosed, "T13", CsmState::kFree),
    Row(kInitiator, CsmState::kInLogout, CsmEvent::kLogoutRequested, "T14", CsmState::kInLogout),
    Row(kBoth, CsmState::kInLogout, CsmEvent::kLogoutFailed, "T17", CsmState::kCleanupWait),
    Row(kBoth, CsmState::kInLogout, CsmEvent::kLost, "T17", CsmState::kCleanupWait),

    Row(kBoth, CsmState::kLogoutRequested, CsmEvent::kClosed, "T18", CsmState::kFree),
    Row(kBoth, CsmState::kLogoutRequested, CsmEvent::kLogoutBegun, "T10", CsmState::kInLogout),
    Row(kBoth, CsmState::kLogoutRequested, CsmEvent::kLogoutRequested, "T12",
        CsmState::kLogoutRequested),
    Row(kBoth, CsmState::kLogoutRequested, CsmEvent::kLost, "T16", CsmState::kCleanupWait),

    Row(kBoth, CsmState::kCleanupWait, CsmEvent::kCleanupTimeout, "M1", CsmState::kFree),
    Row(kBoth, CsmState::kCleanupWait, CsmEvent::kClosed, "M1", CsmState::kFree),
    Row(kBoth, CsmState::kCleanupWait, CsmEvent::kCleanupBegun, "M2", CsmState::kInCleanup),

    Row(kBoth, CsmState::kInCleanup, CsmEvent::kCleanupFailed, "M3", CsmState::kCleanupWait),
    Row(kBoth, CsmState::kInCleanup, CsmEvent::kCleanupDone, "M4", CsmState::kFree),
    Row(kBoth, CsmState::kInCleanup, CsmEvent::kClosed, "M4", CsmState::kFree),
};

constexpr SsmTransition kSsm[] = {
    Row(kTarget, SsmState::kFree, SsmEvent::kLoginBegun, "N1", SsmState::kActive),
    Row(kInitiator, SsmState::kFree, SsmEvent::kLoggedIn, "N1", SsmState::kLoggedIn),

    Row(kTarget, SsmState::kActive, SsmEvent::kLoginFailed, "N9", SsmState::kFree),
    Row(kTarget, SsmState::kActive, SsmEvent::kLoggedIn, "N2", SsmState::kLoggedIn),

    Row(kBoth, SsmState::kLoggedIn, SsmEvent::kClosed, "N3", SsmState::kFree),
    Row(kBoth, SsmState::kLoggedIn, SsmEvent::kFailed, "N5", SsmState::kFailed),

    Row(kBoth, SsmState::kFailed, SsmEvent::kDiscarded, "N6", SsmState::kFree),
    Row(kInitiator, SsmState::kFailed, SsmEvent::kContinued, "N4", SsmState::kLoggedIn),
    Row(kTarget, SsmState::kFailed, SsmEvent::kContinueBegun, "N7", SsmState::kInContinue),

    Row(kTarget, SsmState::kInContinue, SsmEvent::kClosed, "N11", SsmState::kFree),
    Row(kTarget, SsmState::kInContinue, SsmEvent::kContinued, "N10", SsmState::kLoggedIn),
    Row(kTarget, SsmState::kInContinue, SsmEvent::kContinueFailed, "N8", SsmState::kFailed),
};

struct StateName {
  const char* symbol;
  const char* name;
};
constexpr StateName kCsmNames[kCsmStates] = {
    {"S1", "FREE"},       {"S2", "XPT_WAIT"},  {"S3", "XPT_UP"},           {"S4", "IN_LOGIN"},
    {"S5", "LOGGED_IN"},  {"S6", "IN_LOGOUT"}, {"S7", "LOGOUT_REQUESTED"}, {"S8", "CLEANUP_WAIT"},
    {"R2", "IN_CLEANUP"},
};
constexpr StateName kSsmNames[kSsmStates] = {
    {"Q1", "FREE"}, {"Q2", "ACTIVE"}, {"Q3", "LOGGED_IN"}, {"Q4", "FAILED"}, {"Q5", "IN_CONTINUE"},
};
constexpr const char* kCsmEventNames[kCsmEvents] = {
    "transport requested", "transport up",     "login begun",  "login done",
    "login failed",        "logout requested", "logout begun", "logout done",
    "logout failed",       "closed",           "lost",         "cleanup timeout",
    "cleanup begun",       "cleanup failed",   "cleanup done",
};
constexpr const char* kSsmEventNames[kSsmEvents] = {
    "login begun", "login failed",   "logged in",       "closed",    "failed",
    "discarded",   "continue begun", "continue failed", "continued",
};

// A role, a state and an event: the number of the table's row, or none. Looked up for each entry of
// an engine, so no search.
constexpr uint8_t kNone = 0xff;
template <size_t kStates, size_t kEvents>
using Index = std::array<std::array<std::array<uint8_t, kEvents>, kStates>, 2>;

template <size_t kStates, size_t kEvents, class Table>
constexpr Index<kStates, kEvents> MakeIndex(const Table& table) {
  Index<kStates, kEvents> index = {};
  for (auto& states : index) {
    for (auto& events : states) events.fill(kNone);
  }
  for (size_t i = 0; i < std::size(table); ++i) {
    for (Role role : {Role::kTarget, Role::kInitiator}) {
      if (!table[i].Has(role)) continue;
      uint8_t& cell = index[static_cast<size_t>(role)][static_cast<size_t>(table[i].from)]
                           [static_cast<size_t>(table[i].event)];
      Check(cell == kNone);  // one row at most: the machines are deterministic
      cell = static_cast<uint8_t>(i);
    }
  }
  return index;
}
constexpr auto kCsmIndex = MakeIndex<kCsmStates, kCsmEvents>(kCsm);
constexpr auto kSsmIndex = MakeIndex<kSsmStates, kSsmEvents>(kSsm);

template <class IndexType, class Table, class State, class Event>
constexpr const Transition<State, Event>* Find(const IndexType& index, const Table& table,
                                               Role role, State from, Event event) {
  const uint8_t row =
      index[static_cast<size_t>(role)][static_cast<size_t>(from)][static_cast<size_t>(event)];
  return row == kNone ? nullptr : &table[row];
}

}  // namespace

std::span<const CsmTransition> CsmTransitions() { return kCsm; }
std::span<const SsmTransition> SsmTransitions() { return kSsm; }

const CsmTransition* FindTransition(Role role, CsmState from, CsmEvent event) {
  return Find(kCsmIndex, kCsm, role, from, event);
}
const SsmTransition* FindTransition(Role role, SsmState from, SsmEvent event) {
  return Find(kSsmIndex, kSsm, role, from, event);
}

const char* Name(CsmState state) { return kCsmNames[static_cast<size_t>(state)].name; }
const char* Name(SsmState state) { return kSsmNames[static_cast<size_t>(state)].name; }
const char* Symbol(CsmState state) { return kCsmNames[static_cast<size_t>(state)].symbol; }
const char* Symbol(SsmState state) { return kSsmNames[static_cast<size_t>(state)].symbol; }
const char* Name(CsmEvent event) { return kCsmEventNames[static_cast<size_t>(event)]; }
const char* Name(SsmEvent event) { return kSsmEventNames[static_cast<size_t>(event)]; }

}  // namespace isthmus
