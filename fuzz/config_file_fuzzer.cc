// The --config file of iscsi_target: any text gives a configuration that keeps its rules, or messages that each begin with
// the file's name; the same text gives the same, and a failure leaves nothing half done.
//
// Input: the text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "fuzz/entry_points.h"
#include "protocol/text/names.h"
#include "target/daemon/config.h"
#include "target/daemon/config_file.h"

namespace isthmus::target {
namespace {

constexpr char kName[] = "disks.json";

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

void CheckConfig(const Config& config) {
  Require(CheckOffer(config.offer).ok());
  std::set<std::string> names;
  for (const TargetConfig& target : config.targets) {
    Require(names.insert(target.name).second);
    Require(text::IsIscsiName(target.name));
    Require(CheckOffer(target.offer).ok());
    std::set<uint16_t> numbers;
    for (const LunConfig& lun : target.luns) {
      Require(numbers.insert(lun.number).second);
      Require(lun.spec.block_bytes >= 512);
      Require(lun.spec.kind == LunSpec::Kind::kFile ? !lun.spec.path.empty() : lun.spec.bytes > 0);
    }
  }
}

}  // namespace
}  // namespace isthmus::target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus::target;  // NOLINT: what is tested
  const std::string text(reinterpret_cast<const char*>(data), size);
  Config config, again;
  const absl::Status status = ReadConfigText(kName, text, {}, &config);
  Require(ReadConfigText(kName, text, {}, &again) == status);
  if (status.ok()) {
    CheckConfig(config);
    Require(again.targets.size() == config.targets.size());
    return 0;
  }
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(status.message().substr(0, sizeof(kName) - 1) == kName);
  Require(status.message().size() < 65536 + 64 * size);
  return 0;
}
