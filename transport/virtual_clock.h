// A clock that moves only when told: the engine takes time as an argument, so a test decides when deadlines pass.
//
//   VirtualClock clock;
//   clock.AdvanceTo(session.PollTimeout().at);
//   session.HandleTimeout(clock.Now());
#ifndef ISTHMUS_TRANSPORT_VIRTUAL_CLOCK_H_
#define ISTHMUS_TRANSPORT_VIRTUAL_CLOCK_H_

#include "protocol/time.h"

namespace isthmus::transport {

class VirtualClock {
 public:
  Instant Now() const { return now_; }
  void Advance(Duration by) { now_ = now_ + by; }
  // Never goes back.
  void AdvanceTo(Instant at) {
    if (at > now_ && at != Instant::Never()) now_ = at;
  }

 private:
  Instant now_{1'000'000'000};
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_VIRTUAL_CLOCK_H_
