// The devices that --offload can name. A new one is one row of the table in device_models.cc.
//
//   absl::StatusOr<std::unique_ptr<DeviceModel>> model = OpenDeviceModel("frame-aligned,socket=/tmp/nic");
#ifndef ISTHMUS_TRANSPORT_DEVICE_MODELS_H_
#define ISTHMUS_TRANSPORT_DEVICE_MODELS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "transport/device_link.h"

namespace isthmus::transport {

// `spec`: MODEL[,OPTION…]. Null, and Ok: digests are computed in software. Errors: kInvalidArgument, naming the models.
absl::StatusOr<std::unique_ptr<DeviceModel>> OpenDeviceModel(const std::string& spec);

// One line for a flag's help.
std::string DeviceModelHelp();

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_DEVICE_MODELS_H_
