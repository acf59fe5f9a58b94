// The target's engine under attack, in memory: two targets (one that demands CHAP), a small RAM
// disk as LUN 0, a registry of sessions, and a clock that moves when the attacker waits. RFC 7143
// sections 6.3.1 and 6.3.5 (which login makes, joins or reinstates a session).
//
// Received segments lie in memory of exactly their size, so that a read beyond one is found.
//
//   std::unique_ptr<Peer> target = MakeEngineTarget();
//   Verdict verdict = Run(test, *target, EngineTargetOptions());
#ifndef ISTHMUS_FUZZ_HOSTILE_ENGINE_TARGET_H_
#define ISTHMUS_FUZZ_HOSTILE_ENGINE_TARGET_H_

#include <memory>

#include "fuzz/hostile/attack.h"
#include "fuzz/hostile/link.h"

namespace isthmus::hostile {

std::unique_ptr<Peer> MakeEngineTarget();

// Names, account and deadlines as MakeEngineTarget() has them.
Options EngineTargetOptions();

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_ENGINE_TARGET_H_
