#include "target/backend/lun_spec.h"

#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "target/backend/block_size.h"
#include "target/backend/file_backend.h"
#include "target/backend/ram_backend.h"

namespace isthmus::target {
namespace {

constexpr char kForms[] =
    "ram:SIZE or file:PATH, then [,readonly][,removable][,block=N][,physical=N]";

absl::Status Bad(const std::string& text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("LUN \"", text, "\": ", why, "; a LUN is ", kForms));
}

absl::Status TakeOption(absl::string_view option, const std::string& text, LunSpec* spec) {
  if (option == "readonly") {
    spec->read_only = true;
    return absl::OkStatus();
  }
  if (option == "removable") {
    spec->removable = true;
    return absl::OkStatus();
  }
  uint32_t* number = nullptr;
  if (absl::ConsumePrefix(&option, "block=")) {
    number = &spec->block_bytes;
  } else if (absl::ConsumePrefix(&option, "physical=")) {
    number = &spec->physical_block_bytes;
  } else {
    return Bad(text, absl::StrCat("\"", option, "\" is no option"));
  }
  if (!absl::SimpleAtoi(option, number) || *number == 0) {
    return Bad(text, absl::StrCat("the block size \"", option, "\" is no number"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  absl::string_view rest(text.data(), text.size());
  const std::string quoted(text);
  uint64_t unit = 1;
  const auto fail = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the size \"", quoted, "\" ", why));
  };
  if (!absl::ConsumeSuffix(&rest, "iB")) absl::ConsumeSuffix(&rest, "B");
  static constexpr absl::string_view kUnits = "KMGT";
  if (!rest.empty()) {
    if (const size_t power = kUnits.find(rest.back()); power != absl::string_view::npos) {
      unit = uint64_t{1} << (10 * (power + 1));
      rest.remove_suffix(1);
    }
  }
  uint64_t number = 0;
  if (rest.empty() || rest.find_first_not_of("0123456789") != absl::string_view::npos) {
    return fail("is not a number of bytes such as 1048576, 512K, 256M, 4G");
  }
  if (!absl::SimpleAtoi(rest, &number) || number > std::numeric_limits<int64_t>::max() / unit) {
    return fail("is too large");
  }
  if (number == 0) return fail("is zero");
  return number * unit;
}

absl::StatusOr<LunSpec> ParseLunSpec(std::string_view text) {
  const std::string quoted(text);
  const std::vector<std::string> parts = absl::StrSplit(quoted, ',');
  LunSpec spec;
  absl::string_view first = parts[0];
  if (absl::ConsumePrefix(&first, "ram:")) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(std::string_view(first.data(), first.size()));
    if (!bytes.ok()) return Bad(quoted, bytes.status().message());
    spec.kind = LunSpec::Kind::kRam;
    spec.bytes = *bytes;
  } else if (absl::ConsumePrefix(&first, "file:")) {
    if (first.empty()) return Bad(quoted, "the path is missing");
    spec.kind = LunSpec::Kind::kFile;
    spec.path = std::string(first);
  } else {
    return Bad(quoted, "it begins with neither ram: nor file:");
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (absl::Status status = TakeOption(parts[i], quoted, &spec); !status.ok()) return status;
  }
  if (const absl::Status status = CheckBlockBytes(spec.block_bytes, spec.physical_block_bytes);
      !status.ok()) {
    return Bad(quoted, status.message());
  }
  if (spec.kind == LunSpec::Kind::kRam && spec.bytes % spec.block_bytes != 0) {
    return Bad(quoted, "the size is no whole number of blocks");
  }
  return spec;
}

absl::StatusOr<std::unique_ptr<Backend>> OpenLun(const LunSpec& spec) {
  if (spec.kind == LunSpec::Kind::kRam) {
    return CreateRamBackend({.bytes = spec.bytes,
                             .block_bytes = spec.block_bytes,
                             .physical_block_bytes = spec.physical_block_bytes,
                             .read_only = spec.read_only});
  }
  return OpenFileBackend({.path = spec.path,
                          .block_bytes = spec.block_bytes,
                          .physical_block_bytes = spec.physical_block_bytes,
                          .read_only = spec.read_only});
}

}  // namespace isthmus::target
