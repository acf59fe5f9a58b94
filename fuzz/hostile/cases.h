// The tables of named tests, a file each.
#ifndef ISTHMUS_FUZZ_HOSTILE_CASES_H_
#define ISTHMUS_FUZZ_HOSTILE_CASES_H_

#include <span>

#include "fuzz/hostile/attack.h"

namespace isthmus::hostile {

std::span<const Case> TargetFramingCases();
std::span<const Case> TargetDigestCases();
std::span<const Case> TargetLoginCases();
std::span<const Case> TargetChapCases();
std::span<const Case> TargetTextCases();
std::span<const Case> TargetDataCases();
std::span<const Case> TargetManagementCases();
std::span<const Case> InitiatorLoginCases();
std::span<const Case> InitiatorFullFeatureCases();

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_CASES_H_
