// Two engines joined by a data mover instead of a byte stream: messages whole, and the data of Data-In and Data-Out put straight
// from the sender's memory into the receiver's, as RDMA does. RFC 5047 (Send_Control, Put_Data, Get_Data); RFC 7145 section 5.1:
// no digests on such a connection, for the link protects what it moves. In memory, for tests and as the pattern of a real one.
//
// Who owns which bytes: a header and what is not placed are copied into the link. Placed data are copied once, from the
// sender's source to the receiver's sink; until then the sender keeps its source (OnTransportDone).
//
//   ClampOffer(DataMoverLink::Capabilities(), 0, &offer);     // both sides, before the login
//   DataMoverLink link;
//   while (link.Move(left_port, right_port, now)) drain both;
#ifndef ISTHMUS_TRANSPORT_DATA_MOVER_LINK_H_
#define ISTHMUS_TRANSPORT_DATA_MOVER_LINK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <vector>

#include "protocol/connection/segment.h"
#include "protocol/time.h"
#include "transport/offload/device.h"
#include "transport/socket_driver.h"

namespace isthmus::transport {

struct DataMoverCounters {
  uint64_t control_messages = 0;
  uint64_t placed_messages = 0, placed_bytes = 0;
  uint64_t not_placed =
      0;  // Data-In and Data-Out for which the receiver had no place: dropped by its engine
};

// One direction.
class DataMoverPipe {
 public:
  // Takes what the engine has to send, PDU by PDU.
  template <Port P>
  bool TakeFrom(P& port, Instant now) {
    bool moved = false;
    while (messages_.size() < kMaxMessages) {
      std::array<TxSlice, kMaxSlices> slices;
      const size_t count = port.PollTransmit(slices, now);
      size_t bytes = 0;
      for (size_t i = 0; i < count; ++i) {
        Add(slices[i]);
        bytes += slices[i].size;
      }
      if (bytes == 0) break;
      port.OnSent(bytes);
      moved = true;
    }
    return moved;
  }

  // Brings one message, or the part of it for which the engine has room now, to `to`; then tells `from` what it needs no more.
  template <Port From, Port To>
  bool Bring(From& from, To& to, Instant now) {
    if (messages_.empty() || to.UnconsumedRx() != 0) return false;
    Message& message = messages_.front();
    if (!message.whole) return false;
    if (!message.header_given) {
      ++(message.data.empty() ? counters_.control_messages : counters_.placed_messages);
      Give(to, message.control, 0, now);
      message.header_given = true;
      if (!message.data.empty()) return true;
    } else if (!Put(to, message, now)) {
      return false;
    }
    done_ += message.bytes;
    messages_.pop_front();
    from.OnTransportDone(done_);
    return true;
  }

  const DataMoverCounters& counters() const { return counters_; }

 private:
  static constexpr size_t kMaxMessages = 64;
  static constexpr size_t kMaxSlices = 64;
  static constexpr size_t kHeaderBytes = 48;

  struct Message {
    std::vector<std::byte> control;   // header and AHS; of control messages all
    std::span<const std::byte> data;  // in the sender's memory
    std::vector<std::byte> padding;   // behind it
    uint64_t bytes = 0;               // of all slices
    bool whole = false, header_given = false;
  };

  static bool IsData(const Message& message) {
    const auto opcode = std::to_integer<uint8_t>(message.control[0]) & 0x3f;
    return opcode == 0x05 || opcode == 0x25;
  }

  void Add(const TxSlice& slice) {
    if (Has(slice.flags, TxFlags::kPduStart)) messages_.emplace_back();
    Message& message = messages_.back();
    const std::span<const std::byte> bytes(slice.data, slice.size);
    // Both of these PDUs have no AHS: what follows the header is the data, then padding.
    if (message.control.size() < kHeaderBytes || !IsData(message)) {
      message.control.insert(message.control.end(), bytes.begin(), bytes.end());
    } else if (message.data.empty()) {
      message.data = bytes;
    } else {
      message.padding.insert(message.padding.end(), bytes.begin(), bytes.end());
    }
    message.bytes += slice.size;
    message.whole = Has(slice.flags, TxFlags::kPduEnd);
  }

  template <Port P>
  void Give(P& port, std::span<const std::byte> bytes, uint32_t placed, Instant now) {
    RxSegment segment;
    segment.stream_offset = given_;
    segment.bytes = bytes;
    segment.placed = placed;
    given_ += bytes.size() + placed;
    port.Receive(segment, now);
  }

  // The engine has named the place, unless it waits for its embedder.
  template <Port P>
  bool Put(P& to, const Message& message, Instant now) {
    std::array<RxWant, 1> want;
    if (to.WantRx(want) != 1 || !want[0].is_data) return false;
    if (want[0].sink.size() >= message.data.size()) {
      std::memcpy(want[0].sink.data(), message.data.data(), message.data.size());
      counters_.placed_bytes += message.data.size();
      Give(to, message.padding, static_cast<uint32_t>(message.data.size()), now);
      return true;
    }
    ++counters_.not_placed;
    std::vector<std::byte> rest(message.data.begin(), message.data.end());
    rest.insert(rest.end(), message.padding.begin(), message.padding.end());
    rest_ = std::move(rest);
    Give(to, rest_, 0, now);
    return true;
  }

  std::deque<Message> messages_;
  std::vector<std::byte> rest_;
  uint64_t given_ = 0;  // stream offsets, as the engines count
  uint64_t done_ = 0;
  DataMoverCounters counters_;
};

class DataMoverLink {
 public:
  static OffloadCapabilities Capabilities() {
    OffloadCapabilities can;
    can.places_data = can.delivers_in_order = can.protects_data = true;
    return can;
  }

  // One turn; false: nothing moved.
  template <Port L, Port R>
  bool Move(L& left, R& right, Instant now) {
    bool moved = to_right_.TakeFrom(left, now);
    moved |= to_left_.TakeFrom(right, now);
    moved |= to_right_.Bring(left, right, now);
    moved |= to_left_.Bring(right, left, now);
    return moved;
  }

  const DataMoverCounters& to_right() const { return to_right_.counters(); }
  const DataMoverCounters& to_left() const { return to_left_.counters(); }

 private:
  DataMoverPipe to_right_, to_left_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_DATA_MOVER_LINK_H_
