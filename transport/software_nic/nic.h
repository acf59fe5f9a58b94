// A network card in software, between two ends of one wire: it follows TCP connections, checks and inserts iSCSI digests
// as the cards of 2007 did, and is also the bad weather. Sans-IO: frames in, frames out.
//
// Model: a frame that holds exactly one PDU whose digests agree is "validated"; of all others nothing is said. On transmit
// it fills the placeholders of the PDUs that the driver announced, and keeps what it filled in until the peer has
// acknowledged it, so that a retransmission, however it is cut, carries the same bytes.
//
// Who owns which bytes: frames are the caller's, changed in place; shared memory belongs to Followed.
//
//   SoftwareNic nic(kernel);
//   nic.OnFrame(0, frame, [](int end, std::span<const std::byte> frame) { write it to that end });
//   std::shared_ptr<Followed> followed = nic.Follow(local, peer);     // null: no such connection was seen to begin
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_NIC_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_NIC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "digest/kernel.h"
#include "transport/software_nic/frame.h"
#include "transport/software_nic/pdu_walk.h"
#include "transport/software_nic/shared.h"

namespace isthmus::transport {

// One in so many frames that carry data suffers; 0: none.
struct Weather {
  uint32_t drop = 0;
  uint32_t reorder = 0;  // delivered after the next one
  uint32_t duplicate = 0;
  uint32_t recut = 0;  // in two, at a random byte
  uint32_t corrupt =
      0;  // one bit of a PDU's data, the TCP checksum mended: only the digest can tell. Of PDUs with data
  uint32_t mtu = 0;  // of the path: longer frames are answered "too big"; 0: the devices' own
};

struct NicCounters {
  uint64_t frames = 0, data_frames = 0, bytes = 0;
  uint64_t corrupted_sent_again =
      0;  // the host had not taken the corrupted copy, or its word was lost
  uint64_t dropped = 0, reordered = 0, duplicated = 0, recut = 0, corrupted = 0, too_big = 0;
  uint64_t not_fillable =
      0;  // dropped, because a placeholder in it could not be filled: it must come again
  uint64_t retransmitted = 0;
};

// A driver's end of a connection. The shared memory is its own: unmapped with the last owner.
class Followed {
 public:
  Followed(SharedLink* link, std::function<void()> release)
      : link_(link), release_(std::move(release)) {}
  ~Followed() { release_(); }
  SharedLink& link() { return *link_; }
  bool gone =
      false;  // the driver has let go: nothing more is told; what it announced is filled until acknowledged

 private:
  SharedLink* link_;
  std::function<void()> release_;
};

class SoftwareNic {
 public:
  using Output = std::function<void(int end, std::span<const std::byte> frame)>;

  explicit SoftwareNic(const digest::Kernel& kernel, uint64_t seed = 1)
      : kernel_(kernel), random_(seed) {}

  // `end` (0 or 1) sends this frame. What comes of it is given to `output`: to the other end, or back.
  void OnFrame(int end, std::span<std::byte> frame, const Output& output);

  // From now on the driver at `local` hears of this connection. False: its beginning was not seen.
  bool Follow(const NicEndpoint& local, const NicEndpoint& peer, std::shared_ptr<Followed> driver);

  Weather weather;
  const NicCounters& counters() const { return counters_; }

 private:
  // A PDU with placeholders, until it is acknowledged.
  struct Announced {
    TxRecord record;
    PduShape shape;
    std::vector<std::byte> seen;  // its first bytes, where it did not come in one frame
    std::array<std::byte, digest::kDigestSize> header_digest{}, data_digest{};
    bool known = false;
  };
  struct Stream {  // what one end sends
    bool began = false;
    uint32_t first = 0;    // sequence number of offset 0
    uint64_t highest = 0;  // offset behind the last byte seen
    uint64_t acknowledged = 0;
    PduWalk walk;
    std::deque<Announced> announced;
    std::deque<uint64_t> corrupted;    // stream offsets, not yet acknowledged
    std::shared_ptr<Followed> driver;  // of the end that sends
  };
  struct Flow {
    std::array<Stream, 2> streams;  // by end
  };
  using Key = std::pair<NicEndpoint, NicEndpoint>;  // of end 0, of end 1

  static constexpr size_t kMaxFlows = 4096;

  bool Chance(uint32_t one_in) { return one_in > 0 && random_() % one_in == 0; }
  Flow* FlowOf(int end, const TcpFrame& tcp);
  static uint64_t OffsetOf(const Stream& stream, uint32_t sequence);
  void TakeAnnouncements(Stream& stream, SharedLink& link);
  bool FillDigests(Stream& stream, std::span<std::byte> frame, const TcpFrame& tcp,
                   uint64_t offset);
  bool Learn(Announced& pdu, uint64_t offset, std::span<const std::byte> payload);
  void Compute(Announced& pdu, std::span<const std::byte> bytes);
  void Corrupt(Stream& stream, Stream& reverse, std::span<std::byte> frame, const TcpFrame& tcp,
               uint64_t offset);
  void Deliver(int end, std::span<std::byte> frame, const Output& output);
  void Vouch(Stream& stream, SharedLink& link, uint64_t offset, std::span<const std::byte> payload);

  const digest::Kernel& kernel_;
  std::mt19937_64 random_;
  std::map<Key, Flow> flows_;
  std::array<std::vector<std::byte>, 2>
      held_;  // to be delivered after the next one, by the end that receives
  NicCounters counters_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_NIC_H_
