// The initiator's engine under attack, in memory: one session that does the work a scenario asks
// for, and a clock that moves when the attacker waits. It does not come back when its connection is
// lost. RFC 7143 chapters 6 and 7.
//
//   std::unique_ptr<Peer> initiator = MakeEngineInitiator(options);
//   Verdict verdict = Run(test, *initiator, options);
#ifndef ISTHMUS_FUZZ_HOSTILE_ENGINE_INITIATOR_H_
#define ISTHMUS_FUZZ_HOSTILE_ENGINE_INITIATOR_H_

#include <memory>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/link.h"

namespace isthmus::hostile {

std::unique_ptr<Peer> MakeEngineInitiator(const Options& options);

// Names, account and deadlines as MakeEngineInitiator() has them.
Options EngineInitiatorOptions();

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_ENGINE_INITIATOR_H_
