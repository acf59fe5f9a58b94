// A disk in a regular file (sparse or not) or on a block device.
//
// Writes go through the page cache (volatile_cache); Flush is fdatasync, so an acknowledged flush
// survives SIGKILL and, as far as the kernel and the disk below keep their promise, power loss.
// After one failed Flush all later ones fail: the kernel drops the pages that it could not write
// and would report success. The file is locked (flock): for this backend alone, or shared among
// those that only read.
//
//   auto disk = OpenFileBackend({.path = "/srv/disk.img", .block_bytes = 4096});
#ifndef ISTHMUS_TARGET_BACKEND_FILE_BACKEND_H_
#define ISTHMUS_TARGET_BACKEND_FILE_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "target/backend/backend.h"

namespace isthmus::target {

struct FileOptions {
  std::string path;  // exists; its size is the disk's size, a multiple of block_bytes
  uint32_t block_bytes = 512;
  uint32_t physical_block_bytes = 0;  // what initiators are told; 0: block_bytes
  bool read_only = false;
};

// The status says what is wrong with which path: NotFound, PermissionDenied, FailedPrecondition (in
// use, or its size is no multiple of the block size), InvalidArgument (neither file nor block
// device; block size).
absl::StatusOr<std::unique_ptr<Backend>> OpenFileBackend(const FileOptions& options);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_BACKEND_FILE_BACKEND_H_
