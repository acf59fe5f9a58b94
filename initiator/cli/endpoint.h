// One end of a copy: a file or an iSCSI disk, read or written at any offset, many requests at a time.
//
//   absl::StatusOr<std::unique_ptr<Endpoint>> source = OpenEndpoint(name, Direction::kRead, connector);
//   (*source)->Read(offset, buffer, [](absl::Status status) { … });    // may call back before it returns
//   (*source)->Poll(timeout);
#ifndef ISTHMUS_INITIATOR_CLI_ENDPOINT_H_
#define ISTHMUS_INITIATOR_CLI_ENDPOINT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/url.h"

namespace isthmus::initiator {

class Endpoint {
 public:
  using Done = std::function<void(absl::Status)>;

  virtual ~Endpoint() = default;
  virtual uint64_t bytes() const = 0;
  virtual uint32_t block_bytes() const = 0;         // offsets and sizes are multiples of it
  virtual uint64_t max_request_bytes() const = 0;
  virtual absl::Status Read(uint64_t offset, std::span<std::byte> into, Done done) = 0;
  virtual absl::Status Write(uint64_t offset, std::span<const std::byte> from, Done done) = 0;
  // Moves requests on, waiting for at most `timeout`. Ends that never wait do nothing.
  virtual absl::Status Poll(absl::Duration timeout) = 0;
  // Sends what was asked for so far, without waiting; Poll(0) but for reading. Ends without a socket do nothing.
  virtual absl::Status Send() { return absl::OkStatus(); }
  virtual absl::Status Flush() = 0;
  virtual Client* client() { return nullptr; }
};

// A disk over a client that is logged in; takes the client over.
absl::StatusOr<std::unique_ptr<Endpoint>> OpenDisk(std::unique_ptr<Client> client, uint16_t lun);
// An existing file or block device to read.
absl::StatusOr<std::unique_ptr<Endpoint>> OpenFileToRead(const std::string& path);
// A file to write `bytes` into: made or cut to that length; a block device must hold them.
absl::StatusOr<std::unique_ptr<Endpoint>> OpenFileToWrite(const std::string& path, uint64_t bytes);

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLI_ENDPOINT_H_
