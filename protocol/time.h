// Time as the engine sees it: an argument. RFC 7143 sections 7.5, 10.3.
//
// The engine has no clock. The embedder passes `now`, in nanoseconds on any clock that never goes
// back (its zero is the embedder's choice), and reads from PollTimeout() when the engine wants to
// be called next and why:
//
//   Deadline deadline = session.PollTimeout();
//   if (deadline.armed()) arm_timer(deadline.at.ns);
//   ...
//   session.HandleTimeout(now);
#ifndef ISTHMUS_PROTOCOL_TIME_H_
#define ISTHMUS_PROTOCOL_TIME_H_

#include <compare>
#include <cstdint>
#include <limits>

namespace isthmus {

// A length of time in nanoseconds; may be negative.
struct Duration {
  int64_t ns = 0;
  friend constexpr auto operator<=>(const Duration&, const Duration&) = default;
};

constexpr Duration Nanoseconds(int64_t n) { return {n}; }
constexpr Duration Microseconds(int64_t n) { return {n * 1'000}; }
constexpr Duration Milliseconds(int64_t n) { return {n * 1'000'000}; }
constexpr Duration Seconds(int64_t n) { return {n * 1'000'000'000}; }

// A point in time: nanoseconds since the embedder's epoch.
struct Instant {
  int64_t ns = 0;

  static constexpr Instant Never() { return {std::numeric_limits<int64_t>::max()}; }
  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
};

// Saturates: Never() plus anything is Never(), and a timeout too large to represent is never
// reached.
constexpr Instant operator+(Instant at, Duration by) {
  if (at == Instant::Never()) return at;
  int64_t ns = 0;
  if (__builtin_add_overflow(at.ns, by.ns, &ns)) {
    return by.ns > 0 ? Instant::Never() : Instant{std::numeric_limits<int64_t>::min()};
  }
  return {ns};
}

// Saturates at the ends of Duration.
constexpr Duration operator-(Instant later, Instant earlier) {
  int64_t ns = 0;
  if (__builtin_sub_overflow(later.ns, earlier.ns, &ns)) {
    return {later.ns > earlier.ns ? std::numeric_limits<int64_t>::max()
                                  : std::numeric_limits<int64_t>::min()};
  }
  return {ns};
}

// Why the engine wants to be called: what happens if nothing arrives until then.
enum class DeadlineReason : uint8_t {
  kNone,         // nothing is awaited
  kLogin,        // the Login Phase must end (absolute, from the first byte)
  kNegotiation,  // a Text negotiation must go on (section 6.2)
  kPingDue,      // idle for long enough that a NOP is to be sent
  kPingReply,    // the answer to our NOP (section 7.14)
  kLogout,       // the answer to our Logout Request, or the peer's close after it (section 11.14)
  kAsyncLogout,  // the Logout that an Asynchronous Message asked for: Parameter3 (section 11.9.1)
  kAsyncNegotiation,  // the Text Request that an Asynchronous Message asked for (section 11.9.1)
  kTask,              // a task's own timeout (section 7.11)
  kDataSequence,      // Data-Out that an R2T asked for, or unsolicited data (section 11.8)
  kCommandGap,        // a hole in CmdSN (sections 4.2.2.1, 7.11)
  kStatusGap,         // a hole in StatSN or DataSN that recovery is to fill (section 7.9)
  kAbort,             // the answer to a task management function (section 11.6)
  kTime2Wait,         // until when not to reconnect or reassign (section 7.5)
  kTime2Retain,       // until when state is kept for reconnecting or reassigning (section 7.5)
  kReconnect,         // the next attempt to connect
  kReinstatement,     // the old session must be gone before the login is answered (section 6.3.5)
};

struct Deadline {
  Instant at = Instant::Never();
  DeadlineReason reason = DeadlineReason::kNone;

  constexpr bool armed() const { return reason != DeadlineReason::kNone; }
  friend constexpr bool operator==(const Deadline&, const Deadline&) = default;
};

// The deadline that comes first; the first argument on a tie. One that is not armed never comes.
constexpr Deadline Earliest(const Deadline& a, const Deadline& b) {
  if (!a.armed()) return b;
  if (!b.armed()) return a;
  return b.at < a.at ? b : a;
}

// A fixed name of the reason, such as "ping reply".
const char* Name(DeadlineReason reason);

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_TIME_H_
