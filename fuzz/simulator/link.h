// One transport connection of the simulated network: two directions of bytes that arrive late, in
// pieces, not at all, or changed. RFC 7143 section 4.2.9.
//
// Who owns which bytes: sent slices are copied at once, or (lent) read when they are delivered and
// given back then; what is delivered lives until the next delivery of that direction.
//
//   pipe.Send(slices, bytes, lend, ready_at);
//   std::span<std::byte> segment = pipe.Take(most);  // in memory of exactly its size
#ifndef ISTHMUS_FUZZ_SIMULATOR_LINK_H_
#define ISTHMUS_FUZZ_SIMULATOR_LINK_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/simulator/device_port.h"
#include "fuzz/simulator/guarded_memory.h"
#include "fuzz/simulator/wire_monitor.h"
#include "protocol/connection/segment.h"
#include "protocol/time.h"
#include "target/connection.h"
#include "transport/capture.h"

namespace isthmus::simulator {

struct Served;

class Pipe {
 public:
  void Send(std::span<const TxSlice> slices, size_t bytes, bool lend, Instant ready) {
    for (const TxSlice& slice : slices) {
      const size_t part = std::min<size_t>(slice.size, bytes);
      if (part == 0) return;
      Piece piece{.copy = {}, .lent = slice.data, .size = part, .ready = ready};
      if (!lend) Copy(piece);
      pieces_.push_back(std::move(piece));
      on_the_way_ += part;
      sent_ += part;
      bytes -= part;
    }
  }
  // Whoever lent bytes wants them back.
  void Materialize() {
    for (Piece& piece : pieces_) Copy(piece);
  }
  void Clear() {
    pieces_.clear();
    on_the_way_ = 0;
  }
  // At most `most` bytes whose time has come.
  std::span<std::byte> Take(size_t most, Instant now) {
    std::vector<std::byte> bytes;
    while (!pieces_.empty() && bytes.size() < most && pieces_.front().ready <= now) {
      Piece& piece = pieces_.front();
      const size_t part = std::min(most - bytes.size(), piece.size - piece.taken);
      const std::byte* from = (piece.lent != nullptr ? piece.lent : piece.copy.data());
      bytes.insert(bytes.end(), from + piece.taken, from + piece.taken + part);
      piece.taken += part;
      if (piece.taken == piece.size) pieces_.pop_front();
    }
    on_the_way_ -= bytes.size();
    delivered_ += bytes.size();
    size_ = bytes.size();
    delivery_ = std::make_unique<std::byte[]>(size_);
    if (size_ > 0) std::memcpy(delivery_.get(), bytes.data(), size_);
    return {delivery_.get(), size_};
  }

  bool empty() const { return pieces_.empty(); }
  Instant ready() const { return pieces_.empty() ? Instant::Never() : pieces_.front().ready; }
  size_t on_the_way() const { return on_the_way_; }
  uint64_t sent() const { return sent_; }
  uint64_t delivered() const { return delivered_; }

 private:
  struct Piece {
    std::vector<std::byte> copy;
    const std::byte* lent;
    size_t size;
    Instant ready;
    size_t taken = 0;
  };
  static void Copy(Piece& piece) {
    if (piece.lent == nullptr) return;
    piece.copy.assign(piece.lent, piece.lent + piece.size);
    piece.lent = nullptr;
  }

  std::deque<Piece> pieces_;
  size_t on_the_way_ = 0, size_ = 0;
  uint64_t sent_ = 0, delivered_ = 0;
  std::unique_ptr<std::byte[]> delivery_;
};

// Directions are indexed by "to the target".
struct Link {
  Link(uint32_t number, uint32_t host_index, Report* report)
      : id(number), host(host_index), monitor(report) {}

  uint32_t id;
  uint32_t host;
  WireMonitor monitor;
  std::array<Pipe, 2> pipes;
  std::array<std::unique_ptr<DevicePort>, 2> ports;  // null: the receiver has no device
  std::array<Instant, 2> stalled_until = {Instant{0}, Instant{0}};
  std::array<bool, 2> tx_idle = {false,
                                 false};       // nothing to send until the sender is entered again
  std::array<bool, 2> ended = {false, false};  // the sender of this direction has closed
  bool initiator_open = true, target_open = true;
  bool target_closing = false, target_flush = false;
  std::unique_ptr<transport::CaptureTap> tap;

  // The target's end: a login, then a row of a session.
  std::shared_ptr<GuardedMemory> memory;  // of the target's connection
  std::optional<target::Connection> login;
  std::shared_ptr<Served> served;
  ConnectionId target_id;
  bool claims = false;   // waits for AnswerClaim
  bool granted = false;  // was answered
  uint16_t tsih = 0;
  std::string port;  // InitiatorName and ISID
};

}  // namespace isthmus::simulator

#endif  // ISTHMUS_FUZZ_SIMULATOR_LINK_H_
