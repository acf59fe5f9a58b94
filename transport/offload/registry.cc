#include "transport/offload/registry.h"

namespace isthmus::transport {

#define ISTHMUS_OFFLOAD_MODEL(name, factory, what) std::unique_ptr<OffloadDevice> factory();
#include "transport/offload/models.inc"
#undef ISTHMUS_OFFLOAD_MODEL

namespace {

constexpr OffloadModel kModels[] = {
#define ISTHMUS_OFFLOAD_MODEL(name, factory, what) {name, what, &factory},
#include "transport/offload/models.inc"
#undef ISTHMUS_OFFLOAD_MODEL
};

}  // namespace

std::span<const OffloadModel> OffloadModels() { return kModels; }

std::unique_ptr<OffloadDevice> NewOffloadDevice(std::string_view name) {
  for (const OffloadModel& model : kModels) {
    if (name == model.name) return model.make();
  }
  return nullptr;
}

}  // namespace isthmus::transport
