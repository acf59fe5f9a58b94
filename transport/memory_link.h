// Two engines joined in memory, driven on a virtual clock: the pair that tests, fuzzers and benchmarks use instead of a
// network. RFC 7143 section 4.2.9: an ordered, reliable stream each way, cut wherever the link pleases.
//
// Who owns which bytes: sent slices are copied into the link once and lent to the receiver from there.
//
//   VirtualClock clock;
//   MemoryLink link(clock);
//   link.to_right().chunk = [&](size_t available) { return 1 + rng() % available; };
//   link.Move(left_port, right_port);     // one turn: true if bytes moved
#ifndef ISTHMUS_TRANSPORT_MEMORY_LINK_H_
#define ISTHMUS_TRANSPORT_MEMORY_LINK_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "protocol/connection/segment.h"
#include "protocol/time.h"
#include "transport/socket_driver.h"
#include "transport/virtual_clock.h"

namespace isthmus::transport {

// One direction: a FIFO of bytes with the stream offset of its head.
class MemoryPipe {
 public:
  // How many of the bytes that are available to hand over next; at least 1. Unset: all.
  std::function<size_t(size_t available)> chunk;
  // May change bytes on the wire, at a stream offset (corruption tests). Unset: no change.
  std::function<void(uint64_t stream_offset, std::span<std::byte> bytes)> alter;
  size_t capacity_bytes = 1 << 20;  // the sender is held back when so many bytes are on the way

  template <Port P>
  bool TakeFrom(P& port, Instant now) {
    bool moved = false;
    while (buffer_.size() - head_ < capacity_bytes) {
      std::array<TxSlice, 32> slices;
      const size_t count = port.PollTransmit(slices, now);
      if (count == 0) break;
      const size_t start = buffer_.size();
      for (size_t i = 0; i < count; ++i) {
        buffer_.insert(buffer_.end(), slices[i].data, slices[i].data + slices[i].size);
      }
      const size_t bytes = buffer_.size() - start;
      if (alter) alter(offset_ + start - head_, std::span(buffer_).subspan(start));
      sent_ += bytes;
      port.OnSent(bytes);
      port.OnTransportDone(sent_);
      moved = true;
    }
    return moved;
  }

  // Hands over one chunk. The engine must be drained before the next call: the bytes are lent until then.
  template <Port P>
  bool GiveTo(P& port, Instant now) {
    if (port.UnconsumedRx() != 0 || head_ == buffer_.size()) return false;
    size_t bytes = buffer_.size() - head_;
    if (chunk) bytes = std::clamp<size_t>(chunk(bytes), 1, bytes);
    lent_.assign(buffer_.begin() + static_cast<ptrdiff_t>(head_),
                 buffer_.begin() + static_cast<ptrdiff_t>(head_ + bytes));
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = lent_;
    head_ += bytes;
    offset_ += bytes;
    if (head_ == buffer_.size()) {
      buffer_.clear();
      head_ = 0;
    }
    port.Receive(segment, now);
    return true;
  }

  size_t on_the_way() const { return buffer_.size() - head_; }
  uint64_t sent() const { return sent_; }

 private:
  std::vector<std::byte> buffer_;
  size_t head_ = 0;
  std::vector<std::byte> lent_;
  uint64_t offset_ = 0;  // of buffer_[head_]
  uint64_t sent_ = 0;
};

// Both directions. `left` and `right` name the two ends.
class MemoryLink {
 public:
  explicit MemoryLink(VirtualClock& clock) : clock_(clock) {}

  MemoryPipe& to_right() { return to_right_; }
  MemoryPipe& to_left() { return to_left_; }

  // Moves what either side has to send, then hands one chunk to each. The caller drains events after each call. False:
  // nothing moved; only the clock can bring anything on.
  template <Port L, Port R>
  bool Move(L& left, R& right) {
    bool moved = to_right_.TakeFrom(left, clock_.Now());
    moved |= to_left_.TakeFrom(right, clock_.Now());
    moved |= to_right_.GiveTo(right, clock_.Now());
    moved |= to_left_.GiveTo(left, clock_.Now());
    return moved;
  }

 private:
  VirtualClock& clock_;
  MemoryPipe to_right_;
  MemoryPipe to_left_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_MEMORY_LINK_H_
