// The memory that the software NIC and the driver of one end of one connection share: two rings and what is counted.
//
// Who owns which bytes: the NIC makes the memory and hands its descriptor over a Unix socket. Each cursor has one writer.
// Received: the NIC writes a record before it delivers the frame, so that no byte can be read from the socket whose record
// is not there. Transmitted: the driver writes a request before it gives the PDU to the socket.
//
//   SharedLink* link = ...mmap(…);
//   link->tx[link->tx_written % kRingSize] = {offset, size, digests}; link->tx_written.store(n + 1);
#ifndef ISTHMUS_TRANSPORT_SOFTWARE_NIC_SHARED_H_
#define ISTHMUS_TRANSPORT_SOFTWARE_NIC_SHARED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "transport/device_link.h"

namespace isthmus::transport {

constexpr uint32_t kHeaderDigestBit = 1, kDataDigestBit = 2;

struct RxRecord {
  uint64_t stream_offset;
  uint32_t size;
  uint32_t
      validated;  // 1: the frame held exactly one PDU and each of its digests agreed; 0: silence
};

struct TxRecord {
  uint64_t stream_offset;  // of the PDU's first byte
  uint32_t size;           // of the whole PDU
  uint32_t digests;        // placeholders to be filled: kHeaderDigestBit, kDataDigestBit
};

struct SharedLink {
  static constexpr uint64_t kMagic = 0x69737468'6d75736e;
  static constexpr uint64_t kRingSize = 1 << 15;
  static constexpr uint64_t kNotArmed = ~uint64_t{0};

  uint64_t magic = kMagic;
  alignas(64) std::atomic<uint64_t> rx_written{0};          // by the NIC
  alignas(64) std::atomic<uint64_t> rx_read{0};             // by the driver
  alignas(64) std::atomic<uint64_t> tx_written{0};          // by the driver
  alignas(64) std::atomic<uint64_t> tx_read{0};             // by the NIC
  alignas(64) std::atomic<uint64_t> armed_from{kNotArmed};  // by the driver: receive stream offset
  std::atomic<uint32_t> armed_digests{0};
  std::atomic<uint32_t> overrun{0};  // by the NIC: a record was lost, so none is to be believed
  std::atomic<uint64_t> frames[kFrameKinds] = {};  // by the NIC, by FrameKind
  std::atomic<uint64_t> inserted_header_digests{0}, inserted_data_digests{0};
  std::atomic<uint64_t> inserted_again{0};  // into retransmissions, from what was kept
  RxRecord rx[kRingSize];
  TxRecord tx[kRingSize];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_SOFTWARE_NIC_SHARED_H_
