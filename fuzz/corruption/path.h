// One connection's way for corrupted PDUs: a device, or none, and the receiver behind it. Bytes come in order and whole, as a
// host's TCP gives them.
//
// Who owns which bytes: frames are the caller's for the length of Carry(); what a device delivers is copied until the receiver
// has drained it.
//
//   Path path("stream");                       // "": no device
//   path.Carry(frames, &outcomes);             // frames: a whole PDU each
#ifndef ISTHMUS_FUZZ_CORRUPTION_PATH_H_
#define ISTHMUS_FUZZ_CORRUPTION_PATH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "transport/offload/device.h"

namespace isthmus::corruption {

using Bytes = std::span<const std::byte>;

class Path : private transport::RxDeliverySink {
 public:
  explicit Path(std::string device);
  // As it was at first.
  void Start();
  virtual ~Path() = default;

  // Data digests: whether each frame's data was accepted, in order; false and the path is done for: the receiver did not give
  // one verdict a frame.
  bool Carry(std::span<const Bytes> frames, std::vector<bool>* accepted);

  // Header digests, on a new connection: whether the header of the first frame was accepted. `rest` follows it, for a wrong
  // length to have something to reach into.
  bool AcceptsHeader(Bytes first, Bytes rest);

 private:
  static constexpr size_t kMaxDataBytes = 1024;

  void Deliver(const RxSegment& segment) override;
  void Give(Bytes bytes);
  void Push(const RxSegment& segment);
  void Drain();
  bool Complete();

  std::string name_;
  std::unique_ptr<transport::OffloadDevice> device_;
  std::optional<Receiver> receiver_;
  uint32_t epoch_ = 0;
  uint64_t offset_ = 0;
  std::vector<std::byte> held_;  // what the device delivered, reserved once
  size_t held_size_ = 0;
  std::unordered_map<uint32_t, transport::OffloadCompletion> answers_;  // by ticket, of this batch
  std::vector<bool>* accepted_ = nullptr;
  bool failed_ = false, saw_header_ = false;
  std::array<std::byte, kMaxDataBytes> sink_;
};

}  // namespace isthmus::corruption

#endif  // ISTHMUS_FUZZ_CORRUPTION_PATH_H_
