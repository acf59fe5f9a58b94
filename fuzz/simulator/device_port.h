// One direction of a link whose receiver has a digest offload device: frames reach the device late,
// out of order and twice, TCP puts what the device passes up into order again, and the engine gets
// it with the device's verdicts, which may come later. RFC 7143 sections 11.2.3, 7.8.
//
// Who owns which bytes: frames are copied; a segment's bytes are kept until its lease is released,
// in memory of exactly their size. Each lease must be released once.
//
//   port.Frame(stream_offset, bytes);                 // from the wire
//   port.Work(resolve);                               // the device goes on: completions, resync
//   while (port.Next(&segment) && engine.Receive(segment)) port.Taken();
//   port.Released(lease);                             // the engine's kReleaseRx
#ifndef ISTHMUS_FUZZ_SIMULATOR_DEVICE_PORT_H_
#define ISTHMUS_FUZZ_SIMULATOR_DEVICE_PORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "fuzz/simulator/random.h"
#include "fuzz/simulator/report.h"
#include "protocol/connection/segment.h"
#include "transport/offload/device.h"
#include "transport/offload/reassembly.h"

namespace isthmus::simulator {

class DevicePort final : public transport::RxDeliverySink {
 public:
  using Resolve = std::function<void(uint32_t ticket, digest::Evidence header, digest::Evidence data)>;

  // `model`: a name of transport/offload/models.inc.
  DevicePort(std::string_view model, Random& random, Report& report);
  ~DevicePort();

  // Digests begin at this offset of the stream (the engine's kArmDigests): the device is armed
  // there, or later if bytes beyond it have come already.
  void Begin(uint64_t stream_offset, bool header_digest, bool data_digest);
  // The route changes: the device forgets everything, and is armed anew at the next PDU that begins
  // with a frame.
  void Reset(const Resolve& resolve);
  // `pdu_starts`: of the sender, as far as it has sent; answers the device's questions.
  void Frame(uint64_t stream_offset, std::span<const std::byte> bytes, bool reorder,
             const std::set<uint64_t>& pdu_starts);
  // One step of what the device and the network still hold.
  void Work(const Resolve& resolve, const std::set<uint64_t>& pdu_starts);
  // False: nothing, or only what needs more frames.
  bool HasWork() const;
  // Bytes that came from the wire and were not yet taken by the engine.
  uint64_t backlog() const { return received_ - taken_; }
  bool ended() const { return ended_; }
  // No frame follows: what the device holds of an unfinished PDU is passed up.
  void End(const Resolve& resolve);

  // What the engine is to receive next, in stream order; the same until Taken().
  bool Next(RxSegment* segment);
  void Taken(const Resolve& resolve);
  void Dropped();
  void Released(RxLease lease);
  // The engine has drained everything that it was given.
  void CheckDrained();

  void Deliver(const RxSegment& segment) override { reassembly_.Add(segment); }

 private:
  struct Held {
    uint64_t stream_offset;
    std::vector<std::byte> bytes;
  };
  void Pass(const Held& frame);
  void Disarm(const Resolve& resolve);
  void Count();
  void Arm(uint64_t stream_offset);

  std::string_view model_;
  Random& random_;
  Report& report_;
  std::unique_ptr<transport::OffloadDevice> device_;
  transport::Reassembly reassembly_;
  bool header_digest_ = false, data_digest_ = false;
  bool begun_ = false, armed_ = false, rearm_ = false, ended_ = false;
  uint32_t epoch_ = 0;
  std::vector<Held> held_;  // frames that are overtaken
  std::vector<uint64_t> questions_;
  uint32_t lease_ = 0;
  std::map<uint32_t, std::unique_ptr<std::byte[]>> lent_;
  std::set<uint32_t> tickets_;    // with the engine and not yet answered
  std::vector<uint32_t> stale_;   // of lives that are over: their answers change nothing
  uint32_t fruitless_ = 0;        // polls in a row that brought nothing
  uint64_t received_ = 0, taken_ = 0;
  std::map<uint32_t, transport::OffloadCompletion> answers_;  // that came before their bytes
  bool have_segment_ = false;
  RxSegment segment_;
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_DEVICE_PORT_H_
