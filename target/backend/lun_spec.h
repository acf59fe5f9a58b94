// How a user names a disk: "ram:256M" or "file:/srv/disk.img", and after either ",readonly",
// ",block=4096", ",physical=4096" and ",removable".
//
//   absl::StatusOr<LunSpec> spec = ParseLunSpec("file:/srv/disk.img,readonly,block=4096");
//   absl::StatusOr<std::unique_ptr<Backend>> disk = OpenLun(*spec);
#ifndef ISTHMUS_TARGET_BACKEND_LUN_SPEC_H_
#define ISTHMUS_TARGET_BACKEND_LUN_SPEC_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "target/backend/backend.h"

namespace isthmus::target {

struct LunSpec {
  enum class Kind : uint8_t { kRam, kFile };
  Kind kind = Kind::kRam;
  std::string path;    // kFile: as given, without commas
  uint64_t bytes = 0;  // kRam
  uint32_t block_bytes = 512;
  uint32_t physical_block_bytes = 0;  // 0: block_bytes
  bool read_only = false;
  bool removable = false;  // initiators may take the medium out and put it back
};

// InvalidArgument with a message that quotes the specification and says what would be right. Opens
// nothing.
absl::StatusOr<LunSpec> ParseLunSpec(std::string_view text);

absl::StatusOr<std::unique_ptr<Backend>> OpenLun(const LunSpec& spec);

// A number of bytes: digits, then nothing or K, M, G, T (powers of 1024), with or without a
// following "iB" or "B".
absl::StatusOr<uint64_t> ParseSize(std::string_view text);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_LUN_SPEC_H_
