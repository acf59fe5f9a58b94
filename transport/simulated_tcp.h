// One direction of a TCP connection over a poor network, as the receiving end's NIC sees it: frames of a byte stream, cut,
// lost, sent again in other cuts, overtaken, doubled, spoiled. By seed: the same options give the same frames.
// RFC 9293 (MSS, retransmission, windows), RFC 7323 (timestamps), RFC 2018 (SACK).
//
// Who owns which bytes: a frame owns its payload; the stream is read through `read` each time that bytes leave, so also
// when they are sent again: what a sender must keep unchanged is seen here.
//
//   SimulatedTcp tcp(options, seed, stream_size, pdu_ends, read);
//   SimulatedFrame frame;
//   while (tcp.NextFrame(&frame)) devices[frame.route]->Receive(frame.View(), sink);
#ifndef ISTHMUS_TRANSPORT_SIMULATED_TCP_H_
#define ISTHMUS_TRANSPORT_SIMULATED_TCP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "protocol/connection/offload_sizing.h"
#include "transport/offload/device.h"

namespace isthmus::transport {

struct SimulatedTcpOptions {
  PathShape path;
  uint32_t mss = 0;  // what the peer announced; 0: what the path allows
  bool timestamps = false;
  bool sack = false;    // 12 option bytes less room in a segment while something is lost
  bool aligned = true;  // a segment ends where a PDU ends (MSG_EOR); else segments are filled
  // TSO: the host hands over so many bytes at once, the card cuts them at the MSS; a burst ends in a short segment. 0: off.
  uint32_t tso_bytes = 0;
  bool nagle =
      false;  // a segment that is not full waits for an acknowledgement, and more bytes join it meanwhile
  uint32_t lro =
      1;  // frames in order that the card merges into one before its digest unit sees them
  uint32_t gro = 1;  // pieces that the host merges, their verdicts with them (Reassembly::Next)
  FrameOddity encapsulation =
      FrameOddity::kNone;  // of all frames: kVlan, or kTunnel (50 bytes less in each)
  uint32_t loss = 0;       // these: in 10,000 frames
  uint32_t reorder = 0;
  uint32_t duplicate = 0;
  uint32_t spoil = 0;        // a bit flips that the TCP checksum does not catch
  uint32_t odd = 0;          // IP options, fragments, VLAN, tunnel, urgent
  bool recut = false;        // what is sent again is cut elsewhere
  uint32_t window = 0;       // bytes that may go in one burst; 0: any
  uint32_t zero_window = 0;  // in 10,000 frames: the window closes, a probe of one byte opens it
  struct Change {
    uint64_t stream_offset;
    PathShape path;
    uint32_t route;
  };
  std::vector<Change> changes;  // by stream_offset
};

struct SimulatedFrame {
  uint64_t stream_offset = 0;
  std::vector<std::byte> payload;
  FrameOddity oddity = FrameOddity::kNone;
  uint32_t route = 0;
  uint32_t coalesced = 1;
  bool sent_again = false;
  RxFrame View() const { return {stream_offset, payload, oddity, coalesced}; }
};

class SimulatedTcp {
 public:
  // Fills in bytes of the stream that are about to leave; false: the sender refuses, the connection is at its end.
  using Read = std::function<bool(uint64_t stream_offset, std::span<std::byte> payload)>;

  SimulatedTcp(SimulatedTcpOptions options, uint32_t seed, uint64_t stream_size,
               std::vector<uint64_t> pdu_ends, Read read);

  // False: all has arrived, or refused().
  bool NextFrame(SimulatedFrame* frame);

  bool refused() const { return refused_; }
  // What the sender's TCP knows to have arrived: nothing below it is sent again.
  uint64_t acknowledged() const;

 private:
  struct Lost {
    uint64_t begin, end;
    uint32_t due;  // frames from now
  };
  bool Chance(uint32_t in_10000) { return random_() % 10000 < in_10000; }
  uint32_t SegmentBytesNow();
  uint64_t EndOfSegment(uint64_t begin);
  void Emit(uint64_t begin, uint64_t end, bool again);
  void SendAgain(const Lost& lost);
  bool SendNew();
  bool TakeFrame(SimulatedFrame* frame);

  SimulatedTcpOptions options_;
  std::mt19937 random_;
  uint64_t size_;
  std::vector<uint64_t> pdu_ends_;
  Read read_;
  PathShape path_;
  uint32_t route_ = 0;
  size_t next_change_ = 0;
  uint64_t next_ = 0;
  uint64_t window_left_ = 0;
  uint64_t burst_end_ = 0;
  bool unacknowledged_ = false;
  std::vector<Lost> lost_;
  std::vector<std::pair<uint32_t, SimulatedFrame>> held_;  // overtaken by so many
  std::deque<SimulatedFrame> ready_;
  bool refused_ = false;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SIMULATED_TCP_H_
