// The one socket driver, for both sides: moves bytes between a non-blocking TCP socket and an engine.
// RFC 7143 section 4.2.9 leaves the transport's interface open; protocol/connection/segment.h fixes ours.
//
// Who owns which bytes: received data goes by one scatter read straight into the destination that the engine wants and,
// behind it, into a read-ahead buffer lent by the thread's RxBufferPool; the buffer goes back when the engine has drained
// it. Sent slices are gathered where they lie and copied once, by the kernel.
//
// A Port is an engine's connection: target::Connection and initiator::Connection are Ports; SessionPort makes one of a
// session and a ConnectionId.
//
//   SocketDriver driver(std::move(socket), tap);
//   while ((r = driver.Read(port, pool, now)) == IoResult::kProgress) {
//     do {
//       while (port.Next(&event)) Handle(event);
//       driver.AfterDrain(port, pool);
//       r = driver.Write(port, now);
//     } while (r == IoResult::kDrain);
//     if (r == IoResult::kBlocked || r == IoResult::kProgress) wait for EPOLLOUT;
//   }
#ifndef ISTHMUS_TRANSPORT_SOCKET_DRIVER_H_
#define ISTHMUS_TRANSPORT_SOCKET_DRIVER_H_

#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "protocol/connection/offload_channel.h"
#include "protocol/connection/segment.h"
#include "protocol/time.h"
#include "transport/device_link.h"
#include "transport/socket.h"

namespace isthmus::transport {

template <class P>
concept Port = requires(P port, RxSegment segment, std::span<RxWant> wants,
                        std::span<TxSlice> slices, Instant now, uint64_t offset, size_t bytes) {
  { port.WantRx(wants) } -> std::convertible_to<size_t>;
  { port.UnconsumedRx() } -> std::convertible_to<size_t>;
  { port.PollTransmit(slices, now) } -> std::convertible_to<size_t>;
  port.Receive(segment, now);
  port.OnSent(bytes);
  port.OnTransportDone(offset);
};

// One connection of a session, with the entries of a connection that is driven alone. A view: owns nothing.
template <class Session>
struct SessionPort {
  Session& session;
  ConnectionId id;

  size_t WantRx(std::span<RxWant> out) { return session.WantRx(id, out); }
  size_t UnconsumedRx() { return session.UnconsumedRx(id); }
  size_t PollTransmit(std::span<TxSlice> out, Instant now) {
    return session.PollTransmit(id, out, now);
  }
  void Receive(const RxSegment& segment, Instant now) { (void)session.Receive(id, segment, now); }
  void OnSent(size_t bytes) { session.OnSent(id, bytes); }
  void OnTransportDone(uint64_t offset) { session.OnTransportDone(id, offset); }
  void SetAlignedDataSegmentLength(uint32_t bytes) {
    if (const OffloadChannel channel = session.offload(id)) {
      channel.sender->SetAlignedDataSegmentLength(bytes);
    }
  }
};

// Read-ahead buffers of one thread. One suffices while engines drain at once; a connection under back-pressure keeps its
// own until it moves on.
class RxBufferPool {
 public:
  static constexpr size_t kBufferBytes = 128 * 1024;

  RxBufferPool() { free_.reserve(kKept); }
  std::unique_ptr<std::byte[]> Take();
  void Give(std::unique_ptr<std::byte[]> buffer);  // takes no memory

 private:
  static constexpr size_t kKept = 4;
  std::vector<std::unique_ptr<std::byte[]>> free_;
};

// Sees the bytes of a connection as they pass (packet capture). Not owned by the driver.
class Tap {
 public:
  virtual ~Tap() = default;
  virtual void OnReceived(std::span<const std::byte> bytes) = 0;
  virtual void OnSent(std::span<const std::byte> bytes) = 0;
};

enum class IoResult : uint8_t {
  kProgress,  // bytes moved: drain events, then call again
  kBlocked,   // the socket has nothing, or takes nothing, now
  kDrain,     // of Write(): bytes left, and what waits unread in the engine may go on: drain events, write again
  kIdle,      // the engine wants nothing moved (back-pressure), or has nothing to send
  kClosed,    // the peer closed its direction
  kFailed,    // error() tells
};

class SocketDriver {
 public:
  explicit SocketDriver(Socket socket, Tap* tap = nullptr)
      : socket_(std::move(socket)), tap_(tap) {}

  int fd() const { return socket_.fd(); }
  const Socket& socket() const { return socket_; }
  int error() const { return error_; }  // errno of kFailed
  uint64_t received() const { return received_; }
  uint64_t sent() const { return sent_; }

  // From now on this device speaks for the connection's digests, if it is not null. Before bytes are moved.
  void UseDevice(std::unique_ptr<DeviceLink> device) { device_ = std::move(device); }
  DeviceLink* device() const { return device_.get(); }
  // At kArmDigests: the device's life begins, and the session knows what it does. Without a device, nothing happens.
  template <class Session>
  void ArmDevice(SessionPort<Session> port, uint64_t stream_offset, bool header_digest,
                 bool data_digest) {
    const OffloadChannel channel = port.session.offload(port.id);
    if (device_ == nullptr || !channel) return;
    device_->Arm(stream_offset, header_digest, data_digest);
    if (device_->inserts_digests()) channel.sender->SetDeviceInserts(header_digest, data_digest);
    channel.sender->SetLeaseVerification(device_->verify_leases_one_in());
    channel.receiver->SetAudit(device_->audit_one_in());
  }

  // One scatter read, handed to the engine as one or two segments.
  template <Port P>
  IoResult Read(P& port, RxBufferPool& pool, Instant now);

  // Whether the last Read() took as much as it had room for. If not, the socket was empty: there is no need to ask again
  // before it is ready.
  bool may_have_more() const { return may_have_more_; }

  // To be called when the engine's events have been drained: gives the read-ahead buffer back.
  template <Port P>
  void AfterDrain(P& port, RxBufferPool& pool) {
    if (buffer_ != nullptr && port.UnconsumedRx() == 0) pool.Give(std::move(buffer_));
  }

  // Gathers and sends until the engine has nothing, or the socket takes no more. kProgress: the fairness budget is spent.
  // kDrain: what left may have made room for answers (Rejects, echoes) to what waits unread. No event tells of that, and
  // nothing else looks at it before the peer sends more, for which the peer may be waiting in its turn.
  template <Port P>
  IoResult Write(P& port, Instant now) {
    const uint64_t before = sent_;
    const IoResult result = Gather(port, now);
    const bool made_room = sent_ != before && result != IoResult::kFailed;
    return made_room && port.UnconsumedRx() > 0 ? IoResult::kDrain : result;
  }

 private:
  template <Port P>
  IoResult Gather(P& port, Instant now);

  // A destination shorter than this is not worth an entry of the scatter list: one copy is cheaper than a second read.
  static constexpr size_t kInPlaceBytes = 2048;
  // From this size on a destination is worth a read of its own, that takes behind it no more than the next header and what
  // small PDUs follow: what lands in the read-ahead buffer of the data of a large PDU is copied once more.
  static constexpr size_t kBulkBytes = 32 * 1024;
  static constexpr size_t kBehindBulkBytes = 4096;
  static constexpr size_t kMaxSlices = 64;
  // A read is cut where a device's verdict changes; engines lend room for eight segments.
  static constexpr size_t kMaxRuns = 7;
  static constexpr size_t kWriteBudgetBytes = 4 << 20;

  ssize_t ReadVector(std::span<iovec> vector);
  ssize_t SendVector(std::span<iovec> vector);
  // The device's way: whole PDUs, each a message of its own that the kernel does not join with the next.
  ssize_t SendPdus(std::span<const TxSlice> slices, std::span<iovec> vector);
  void TapReceived(std::span<const iovec> vector, size_t bytes);
  void TapSent(std::span<const iovec> vector, size_t bytes);

  Socket socket_;
  Tap* tap_ = nullptr;
  std::unique_ptr<DeviceLink> device_;
  std::unique_ptr<std::byte[]> buffer_;
  bool bulk_ = false;           // large data segments have been coming
  bool may_have_more_ = false;  // the last read filled all that it was given
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
  int error_ = 0;
};

template <Port P>
IoResult SocketDriver::Read(P& port, RxBufferPool& pool, Instant now) {
  if (port.UnconsumedRx() != 0) return IoResult::kIdle;
  std::array<RxWant, 1> want;
  const bool in_place =
      port.WantRx(want) == 1 && want[0].is_data && want[0].sink.size() >= kInPlaceBytes;
  if (buffer_ == nullptr) buffer_ = pool.Take();
  std::array<iovec, 2> vector;
  size_t entries = 0;
  if (in_place && want[0].sink.size() >= kBulkBytes) {
    bulk_ = true;
  } else if (!in_place && may_have_more_) {
    bulk_ = false;  // what filled the small read-ahead was small PDUs
  }
  if (in_place) vector[entries++] = {want[0].sink.data(), want[0].sink.size()};
  vector[entries++] = {buffer_.get(), bulk_ ? kBehindBulkBytes : RxBufferPool::kBufferBytes};
  if (device_ != nullptr) {
    size_t limit = device_->ReadLimit(received_, kMaxRuns - 1);
    for (size_t i = 0; i < entries; ++i) {
      vector[i].iov_len = vector[i].iov_len < limit ? vector[i].iov_len : limit;
      limit -= vector[i].iov_len;
    }
  }
  const ssize_t got = ReadVector(std::span(vector.data(), entries));
  const size_t room = entries == 2 ? vector[0].iov_len + vector[1].iov_len : vector[0].iov_len;
  may_have_more_ = got > 0 && static_cast<size_t>(got) == room;
  if (got <= 0) {
    pool.Give(std::move(buffer_));
    if (got == 0) return IoResult::kClosed;
    return error_ == 0 ? IoResult::kBlocked : IoResult::kFailed;
  }
  size_t left = static_cast<size_t>(got);
  std::array<RxRun, kMaxRuns> runs{RxRun{.bytes = left, .header = {}, .data = {}}};
  size_t run = 0;
  if (device_ != nullptr) device_->Describe(received_, left, runs);
  if (tap_ != nullptr) TapReceived(std::span(vector.data(), entries), left);
  for (size_t i = 0; i < entries && left > 0; ++i) {
    const auto* at = static_cast<const std::byte*>(vector[i].iov_base);
    for (size_t part = left < vector[i].iov_len ? left : vector[i].iov_len; part > 0;) {
      const size_t step = part < runs[run].bytes ? part : runs[run].bytes;
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = {at, step};
      segment.header = runs[run].header;
      segment.data = runs[run].data;
      at += step;
      part -= step;
      left -= step;
      received_ += step;
      runs[run].bytes -= step;
      if (runs[run].bytes == 0) ++run;
      port.Receive(segment, now);
    }
  }
  return IoResult::kProgress;
}

template <Port P>
IoResult SocketDriver::Gather(P& port, Instant now) {
  for (size_t budget = kWriteBudgetBytes;;) {
    std::array<TxSlice, kMaxSlices> slices;
    std::array<iovec, kMaxSlices> vector;
    if constexpr (requires { port.SetAlignedDataSegmentLength(uint32_t{}); }) {
      if (device_ != nullptr) port.SetAlignedDataSegmentLength(device_->DataSegmentLengthToSend());
    }
    const size_t count = port.PollTransmit(slices, now);
    if (count == 0) return IoResult::kIdle;
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      vector[i] = {const_cast<std::byte*>(slices[i].data), slices[i].size};
      bytes += slices[i].size;
    }
    const bool by_pdu = device_ != nullptr && device_->one_pdu_a_segment();
    if (device_ != nullptr && !device_->BeforeSend(sent_, std::span(slices.data(), count))) {
      error_ = EPROTO;
      return IoResult::kFailed;
    }
    const ssize_t sent = by_pdu ? SendPdus(std::span(slices.data(), count), std::span(vector.data(), count))
                                : SendVector(std::span(vector.data(), count));
    if (sent < 0) return error_ == 0 ? IoResult::kBlocked : IoResult::kFailed;
    const size_t taken = static_cast<size_t>(sent);
    if (tap_ != nullptr) TapSent(std::span(vector.data(), count), taken);
    sent_ += taken;
    port.OnSent(taken);
    port.OnTransportDone(sent_);
    if (taken < bytes && !by_pdu) return IoResult::kBlocked;
    if (taken == 0) return IoResult::kBlocked;
    if (taken >= budget) return IoResult::kProgress;
    budget -= taken;
  }
}

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOCKET_DRIVER_H_
