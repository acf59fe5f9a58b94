// The deadlines of a connection or a session: at most one for each reason.
// RFC 7143 sections 7.5, 7.11, 10.3; time is an argument (protocol/time.h).
//
// Nothing is owned beyond this object's own array.
//
//   Deadlines deadlines;
//   deadlines.Arm(DeadlineReason::kPingReply, now + Seconds(5));
//   return deadlines.Next();                                      // for PollTimeout()
//   while (deadlines.TakeExpired(now, &reason)) ...                // in HandleTimeout(now)
#ifndef ISTHMUS_PROTOCOL_SESSION_DEADLINES_H_
#define ISTHMUS_PROTOCOL_SESSION_DEADLINES_H_

#include <array>
#include <cstddef>

#include "protocol/time.h"

namespace isthmus {

class Deadlines {
 public:
  Deadlines() { at_.fill(Instant::Never()); }

  // Replaces the reason's deadline. Instant::Never() disarms it, and so does the reason kNone.
  void Arm(DeadlineReason reason, Instant at) {
    if (reason != DeadlineReason::kNone) at_[Index(reason)] = at;
  }
  void Disarm(DeadlineReason reason) { at_[Index(reason)] = Instant::Never(); }
  void DisarmAll() { at_.fill(Instant::Never()); }

  // Keeps the earlier of the deadline that stands and `at`.
  void ArmNoLater(DeadlineReason reason, Instant at) {
    if (at < at_[Index(reason)]) Arm(reason, at);
  }

  bool armed(DeadlineReason reason) const { return at_[Index(reason)] != Instant::Never(); }
  Instant at(DeadlineReason reason) const { return at_[Index(reason)]; }

  // The one that comes first; on a tie the reason that is declared first. Not armed(): none.
  Deadline Next() const {
    Deadline next;
    for (size_t i = 0; i < at_.size(); ++i) {
      if (at_[i] < next.at) next = {at_[i], static_cast<DeadlineReason>(i)};
    }
    return next;
  }

  // Disarms and tells the first deadline that is not after `now`. False: none is due.
  bool TakeExpired(Instant now, DeadlineReason* reason) {
    const Deadline next = Next();
    if (!next.armed() || now < next.at) return false;
    Disarm(next.reason);
    *reason = next.reason;
    return true;
  }

 private:
  static constexpr size_t Index(DeadlineReason reason) { return static_cast<size_t>(reason); }

  // kReinstatement is the last reason that protocol/time.h declares.
  std::array<Instant, static_cast<size_t>(DeadlineReason::kReinstatement) + 1> at_;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_DEADLINES_H_
