// The states of a connection and of a session, as tables that both engines go through. RFC 7143
// section 8: the standard connection states (8.1), their cleanup (8.2), the session states (8.3).
//
// A state machine here says only where its connection or session stands; what is done there is the
// engines' own. Each entry of an engine takes the event that it is, and an event that the table
// does not have in that state is a fault of the engine: the program ends.
//
//   Csm csm(Role::kTarget);
//   csm.Take(CsmEvent::kTransportUp);       // T3: FREE -> XPT_UP
//   csm.Take(CsmEvent::kLoginBegun);        // T4: XPT_UP -> IN_LOGIN
//   if (csm.state() == CsmState::kInLogin) ...
//
// docs/states.md is generated from the tables: bazel run //protocol/connection:print_states
#ifndef ISTHMUS_PROTOCOL_CONNECTION_STATES_H_
#define ISTHMUS_PROTOCOL_CONNECTION_STATES_H_

#include <cstdint>
#include <span>

#include "protocol/check.h"
#include "protocol/error.h"

namespace isthmus {

// Sections 8.1.1 and 8.2.1. R1 of the cleanup is S8, R3 is S1.
enum class CsmState : uint8_t {
  kFree,             // S1
  kXptWait,          // S2, initiators only
  kXptUp,            // S3, targets only
  kInLogin,          // S4
  kLoggedIn,         // S5
  kInLogout,         // S6
  kLogoutRequested,  // S7
  kCleanupWait,      // S8
  kInCleanup,        // R2
};
inline constexpr int kCsmStates = 9;

// Sections 8.1.2 and 8.2.2: the causes of transitions, grouped by what they lead to. "Seen" is sent
// by one side and received by the other.
enum class CsmEvent : uint8_t {
  kTransportRequested,  // initiator: a transport connection is asked for
  kTransportUp,         // it is established
  kLoginBegun,          // target: the first Login Request came
  kLoginDone,           // final Login Response of Status-Class 0 seen
  kLoginFailed,         // Login Response of another Status-Class seen, or the login took too long
  kLogoutRequested,     // Asynchronous Message "request logout" seen
  kLogoutBegun,         // Logout Request for this connection seen
  kLogoutDone,          // Logout Response (success) seen
  kLogoutFailed,        // Logout Response (failure) seen, or none in time
  kClosed,  // closed cleanly from elsewhere: by a "close the session" Logout on another connection,
            // or (target) by a reinstatement
  kLost,    // transport closed, reset or timed out; Asynchronous Message "drop" seen; an error that
            // ends the connection
  kCleanupTimeout,  // nobody cleaned up in time
  kCleanupBegun,    // Logout Request for this CID on another connection seen, or its reinstatement
  kCleanupFailed,
  kCleanupDone,
};
inline constexpr int kCsmEvents = 15;

// Section 8.3.3.
enum class SsmState : uint8_t {
  kFree,        // Q1
  kActive,      // Q2, targets only
  kLoggedIn,    // Q3
  kFailed,      // Q4
  kInContinue,  // Q5, targets only
};
inline constexpr int kSsmStates = 5;

// Section 8.3.4.
enum class SsmEvent : uint8_t {
  kLoginBegun,      // target: the first connection reached IN_LOGIN
  kLoginFailed,     // target: the leading login failed
  kLoggedIn,        // a connection reached LOGGED_IN
  kClosed,          // closed by logout, or (target) cleanly by a session reinstatement
  kFailed,          // session failure: the last connection was lost (section 6.3.6)
  kDiscarded,       // session state timeout, or a reinstatement cleared this instance
  kContinueBegun,   // target: a session continuation was attempted
  kContinueFailed,  // target: the last attempt failed
  kContinued,       // an attempt succeeded
};
inline constexpr int kSsmEvents = 9;

// One row of a table. `name` is the RFC's: T1 to T18, M1 to M4, N1 to N11.
template <class State, class Event>
struct Transition {
  bool initiator, target;  // whose machine has it
  State from;
  Event event;
  const char* name;
  State to;

  constexpr bool Has(Role role) const { return role == Role::kInitiator ? initiator : target; }
};
using CsmTransition = Transition<CsmState, CsmEvent>;
using SsmTransition = Transition<SsmState, SsmEvent>;

// The whole tables, in the order of their states.
std::span<const CsmTransition> CsmTransitions();
std::span<const SsmTransition> SsmTransitions();

// The transition that the event causes; nullptr: undefined in that state.
const CsmTransition* FindTransition(Role role, CsmState from, CsmEvent event);
const SsmTransition* FindTransition(Role role, SsmState from, SsmEvent event);

const char* Name(CsmState state);  // "LOGGED_IN"
const char* Name(SsmState state);
const char* Symbol(CsmState state);  // "S5"
const char* Symbol(SsmState state);  // "Q3"
const char* Name(CsmEvent event);    // "logout begun"
const char* Name(SsmEvent event);

template <class State, class Event>
class StateMachine {
 public:
  explicit constexpr StateMachine(Role role) : role_(role) {}

  State state() const { return state_; }
  Role role() const { return role_; }
  bool Can(Event event) const { return FindTransition(role_, state_, event) != nullptr; }
  // The table has it, or the program ends.
  void Take(Event event) {
    const Transition<State, Event>* const transition = FindTransition(role_, state_, event);
    Check(transition != nullptr);
    state_ = transition->to;
  }

 private:
  Role role_;
  State state_ = State::kFree;
};
using Csm = StateMachine<CsmState, CsmEvent>;
using Ssm = StateMachine<SsmState, SsmEvent>;

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_STATES_H_
