// Targets that are broken on purpose, in memory: good until the scenario's judgement begins, then
// with one vice. They prove that each named test can fail.
//
//   for (Vice vice : kVices) Run(test, *MakeBrokenTarget(vice), EngineTargetOptions());
#ifndef ISTHMUS_FUZZ_HOSTILE_BROKEN_TARGET_H_
#define ISTHMUS_FUZZ_HOSTILE_BROKEN_TARGET_H_

#include <cstdint>
#include <memory>

#include "fuzz/hostile/link.h"

namespace isthmus::hostile {

enum class Vice : uint8_t {
  kMute,    // says nothing any more
  kHangUp,  // closes at the next byte
  kDeaf,    // answers pings alone
  kReject,  // rejects everything but pings, with the reserved reason 0x01; refuses logins, but stays
  kYes,     // takes everything, checks nothing, and says good
  kTwice,   // the same, and says everything twice
};
inline constexpr Vice kVices[] = {Vice::kMute,   Vice::kHangUp, Vice::kDeaf,
                                  Vice::kReject, Vice::kYes,    Vice::kTwice};
const char* Name(Vice vice);

std::unique_ptr<Peer> MakeBrokenTarget(Vice vice);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_BROKEN_TARGET_H_
