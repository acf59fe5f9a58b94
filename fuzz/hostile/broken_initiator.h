// Initiators that are broken on purpose, in memory: good until the scenario's judgement begins, then
// with one vice. They prove that each named test can fail.
//
//   for (InitiatorVice vice : kInitiatorVices) Run(test, *MakeBrokenInitiator(vice), options);
#ifndef ISTHMUS_FUZZ_HOSTILE_BROKEN_INITIATOR_H_
#define ISTHMUS_FUZZ_HOSTILE_BROKEN_INITIATOR_H_

#include <cstdint>
#include <memory>

#include "fuzz/hostile/attack.h"

namespace isthmus::hostile {

enum class InitiatorVice : uint8_t {
  kMute,     // says nothing any more, and its work has no end
  kHangUp,   // closes at the next byte, and calls its work done
  kGivesUp,  // calls its work failed, whatever comes, and stays
  kYes,      // takes everything, checks nothing, and calls its work done
};
inline constexpr InitiatorVice kInitiatorVices[] = {InitiatorVice::kMute, InitiatorVice::kHangUp,
                                                    InitiatorVice::kGivesUp, InitiatorVice::kYes};
const char* Name(InitiatorVice vice);

std::unique_ptr<Peer> MakeBrokenInitiator(InitiatorVice vice, const Options& options);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_BROKEN_INITIATOR_H_
