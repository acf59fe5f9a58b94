#include "transport/device_models.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "transport/offload/registry.h"
#include "transport/software_nic/link.h"

namespace isthmus::transport {
namespace {

using Open = absl::StatusOr<std::unique_ptr<DeviceModel>> (*)(
    const std::string& name, const std::vector<std::string>& options);

absl::StatusOr<std::unique_ptr<DeviceModel>> OpenNone(const std::string&,
                                                      const std::vector<std::string>&) {
  return std::unique_ptr<DeviceModel>();
}

// Which models of the registry (transport/offload) real connections can have; the others are simulated only.
struct ModelRow {
  const char* name;
  Open open;
};
constexpr ModelRow kModels[] = {
    {"software", OpenNone},
    {"frame-aligned", OpenSoftwareNic},
};

}  // namespace

std::string DeviceModelHelp() {
  std::string names;
  for (const ModelRow& row : kModels) absl::StrAppend(&names, names.empty() ? "" : ", ", row.name);
  return absl::StrCat("Who checks and inserts digests: MODEL[,OPTION...] (", names, ")");
}

absl::StatusOr<std::unique_ptr<DeviceModel>> OpenDeviceModel(const std::string& spec) {
  std::vector<std::string> words = absl::StrSplit(spec, ',');
  const std::string name = words.front();
  words.erase(words.begin());
  for (const ModelRow& row : kModels) {
    if (name == row.name) return row.open(name, words);
  }
  if (NewOffloadDevice(name) != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--offload=", spec, ": this model is only simulated. ", DeviceModelHelp()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--offload=", spec, ": no such model. ", DeviceModelHelp()));
}

}  // namespace isthmus::transport
