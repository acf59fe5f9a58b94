#include "fuzz/hostile/cases.h"

namespace isthmus::hostile {

std::vector<Case> AllCases() {
  std::vector<Case> all;
  for (const std::span<const Case> group :
       {TargetFramingCases(), TargetDigestCases(), TargetLoginCases(), TargetChapCases(),
        TargetTextCases(), TargetDataCases(), TargetManagementCases(), InitiatorLoginCases(),
        InitiatorFullFeatureCases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace isthmus::hostile
