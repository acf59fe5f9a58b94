// The device models by name. A new one is a file with a factory, and a line in models.inc.
//
//   std::unique_ptr<OffloadDevice> device = NewOffloadDevice("frame-aligned");   // null: no such name
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_REGISTRY_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_REGISTRY_H_

#include <memory>
#include <span>
#include <string_view>

#include "transport/offload/device.h"

namespace isthmus::transport {

using OffloadFactory = std::unique_ptr<OffloadDevice> (*)();

struct OffloadModel {
  const char* name;
  const char* what;  // one line for a flag's help
  OffloadFactory make;
};

std::span<const OffloadModel> OffloadModels();
std::unique_ptr<OffloadDevice> NewOffloadDevice(std::string_view name);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_REGISTRY_H_
