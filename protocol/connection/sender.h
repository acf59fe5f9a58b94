// Cuts queued transfers into PDUs, stamps and digests them at emission, and tells when their bytes are free again.
// RFC 7143 sections 11.1 (padding), 11.2.3 (digests), 11.7 (Data-In and Data-Out), 4.2.2 (numbering).
//
// Who owns which bytes: QueuePdu copies the header; its data, and a transfer's source, are the caller's and stay
// unchanged until the entry's Done has been pulled, unless `unstable`: then they are copied and digested in one pass
// at emission, into staging memory that the sender owns. Padding is the sender's own zeros: a caller's buffer is never
// read beyond its end.
//
//   sender.QueuePdu(TxClass::kUrgent, header, {}, {}, cookie);
//   sender.QueueTransfer(transfer);
//   n = sender.PollTransmit(slices, stamper);   // same answer until OnSent(); freezes each PDU it begins
//   sender.OnSent(bytes);                        // any split
//   sender.OnTransportDone(stream_offset);       // transport reads nothing below this offset any more
//   while (sender.NextDone(&done)) ...           // in order of emission
#ifndef ISTHMUS_PROTOCOL_CONNECTION_SENDER_H_
#define ISTHMUS_PROTOCOL_CONNECTION_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "digest/kernel.h"
#include "protocol/arena.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/trace.h"
#include "protocol/wire/field.h"

namespace isthmus {

// Gives a PDU the numbers of the moment of its emission: StatSN, ExpCmdSN, MaxCmdSN, or CmdSN, ExpStatSN. Implemented
// by each side's session. Called once a PDU, when it is frozen.
class Stamper {
 public:
  virtual void Stamp(wire::Bhs& header, uint64_t cookie) = 0;

 protected:
  ~Stamper() = default;
};

// kUrgent goes before kNormal at each PDU boundary; within a class the order is first come, first out.
enum class TxClass : uint8_t { kUrgent, kNormal };

// Copies of unstable sources (Options::staging_bytes): with less a session refuses them.
constexpr uint32_t kMinStagingBytes = 4096;

// Data of one task to be cut into Data-In or Data-Out PDUs.
struct Transfer {
  wire::Bhs
      header;  // template: opcode, LUN, tags; flags F, S and counts as the last PDU is to carry them
  std::span<const std::byte> source;  // contiguous; further transfers continue it
  uint32_t buffer_offset = 0;         // of source[0] in the task's data
  uint32_t data_sn = 0;               // of the first PDU
  uint32_t burst_bytes =
      0;  // F is set after each so many bytes (MaxBurstLength, Data-In); 0: at the end only
  uint32_t burst_used =
      0;  // bytes of the current burst that earlier transfers of the task have used
  bool final =
      true;  // the last PDU carries F, and the header's S bit and status fields (phase collapse)
  bool unstable = false;  // others may write the source meanwhile: copy and digest at emission
  TxClass tx_class = TxClass::kNormal;
  uint64_t cookie = 0;
};

struct TxDone {
  uint64_t cookie = 0;
  bool cancelled = false;  // never exposed, or cut short by Cancel()
  uint32_t bytes = 0;      // data bytes of its PDUs that the transport is done with
  uint32_t next_data_sn = 0;
};

// What a device remembers of the digests that it inserted and whose bytes are not acknowledged yet.
class InsertedDigests {
 public:
  struct Digests {
    uint32_t header = 0, data = 0;  // CRC32C; 0 where the PDU has none
  };
  // Of the PDU that begins at this offset of the transmit stream; false: it has inserted none there.
  virtual bool Find(uint64_t stream_offset, Digests* digests) const = 0;

 protected:
  ~InsertedDigests() = default;
};

struct TxCounters {
  uint64_t pdus = 0, bytes = 0, data_bytes = 0;
  uint64_t header_digests_by_software = 0, data_digests_by_software = 0,
           data_digest_bytes_by_software = 0;
  uint64_t header_digests_by_device = 0, data_digests_by_device = 0,
           data_digest_bytes_by_device = 0;
  uint64_t staged_bytes = 0;  // copied because unstable
  uint64_t materialized = 0;  // PDUs whose placeholders software filled after all
  // PDUs whose data changed before their lease ended: found by Materialize() or verify_leases_one_in.
  uint64_t lease_violations = 0;
};

class Sender {
 public:
  struct Options {
    const digest::Kernel* kernel = nullptr;  // not owned
    uint32_t max_entries = 256;        // PDUs and transfers queued or whose Done is not pulled
    uint32_t max_pdus_in_flight = 64;  // frozen and not yet done
    uint32_t staging_bytes = 0;        // for unstable sources; 0: none may be queued
    // The transport reads slices after OnSent() (MSG_ZEROCOPY, a device that inserts digests): an unstable source is then
    // staged also where no data digest covers it.
    bool transport_rereads = false;
    PduTracer
        tracer;  // where a record of each PDU goes, when it is frozen; without a ring: nowhere
    // Of each n-th PDU with a data digest: computes the digest when it is frozen, whoever inserts it, and again when the
    // transport is done with it; a difference is a lease violation. 0: of none.
    uint32_t verify_leases_one_in = 0;
  };
  // Bytes that Sender takes from the arena.
  static size_t MemoryNeeded(const Options& options);

  // The arena must hold MemoryNeeded(): else ok() is false and everything is refused.
  Sender(const Options& options, Arena& arena);
  Sender(Sender&& other) noexcept;
  Sender& operator=(Sender&& other) noexcept;
  ~Sender();
  bool ok() const { return state_ != nullptr; }

  // Queues one PDU. The header's DataSegmentLength and TotalAHSLength are set from `data` and `ahs`. `ahs` (at most 1020
  // bytes, in words of 4) and `data` are borrowed until Done. False, and nothing queued: max_entries are taken, or `data`
  // is longer than the peer's MaxRecvDataSegmentLength, or `ahs` is no AHS.
  bool QueuePdu(TxClass tx_class, const wire::Bhs& header, std::span<const std::byte> ahs,
                std::span<const std::byte> data, uint64_t cookie);
  // False, and nothing queued: max_entries are taken, or the source is unstable and there is no staging memory, or it
  // reaches beyond 2^32 bytes.
  bool QueueTransfer(const Transfer& transfer);

  // Takes back what carries `cookie` and is not yet exposed: a transfer stops at the next PDU boundary. Its Done says
  // cancelled. What is wholly exposed already goes on.
  void Cancel(uint64_t cookie);

  // Fills `out` with what is to be sent next, in stream order; returns how many. The answer stays the same, or grows at its
  // end, until OnSent(): a PDU is frozen by the first call that shows a byte of it.
  size_t PollTransmit(std::span<TxSlice> out, Stamper& stamper);
  // The transport took so many more bytes. More than PollTransmit() has shown: refused, nothing changes.
  void OnSent(size_t bytes);
  // The transport reads nothing below this offset any more. Beyond what was sent: refused, nothing changes.
  void OnTransportDone(uint64_t stream_offset);
  bool NextDone(TxDone* done);

  // Take effect at the next PDU that is frozen.
  void SetDigests(bool header_digest, bool data_digest);
  void SetMaxDataSegmentLength(uint32_t bytes);  // the peer's MaxRecvDataSegmentLength
  // A device inserts these digests: their four bytes are placeholders, slices of their own flagged kDeviceInserts.
  void SetDeviceInserts(bool header_digest, bool data_digest);
  // The same for an accelerator that fills the four bytes in memory before they leave: flagged kFillDigest.
  void SetAcceleratorFills(bool header_digest, bool data_digest);
  // A device cuts over-long PDUs itself: transfers are emitted as PDUs with up to `most` data bytes, whatever the peer's
  // MaxRecvDataSegmentLength, flagged kDeviceSegments where the device must cut. Only while it also inserts all digests that
  // are on. Stream offsets count the bytes that the slices show, not those of the wire. 0: no device does.
  void SetDeviceSegments(uint32_t most);
  // Transfers are cut so that each PDU has at most so many data bytes, beside the peer's MaxRecvDataSegmentLength: the largest
  // PDU that stays aligned now (offload_sizing.h); to be called again when the path MTU changes. 0: no limit.
  void SetAlignedDataSegmentLength(uint32_t bytes);
  // As Options::verify_leases_one_in, for the PDUs frozen from now on.
  void SetLeaseVerification(uint32_t one_in);
  // The device is gone: puts the digests of what is in flight into their placeholders, so that a transport that must send
  // again sends the same bytes. What `inserted` (may be null) or verify_leases_one_in knows of a digest that has left goes in
  // as it was, also where the data have changed since: a new digest would vouch for them. Slices shown before are void.
  // False: PDUs that a device segments are in flight; their bytes on the wire cannot be made again, so the connection must end.
  bool Materialize(const InsertedDigests* inserted = nullptr);

  void SetTracer(const PduTracer& tracer);

  bool idle() const;               // nothing queued and nothing in flight
  bool has_unsent() const;         // PollTransmit would return something
  uint64_t stream_offset() const;  // of the next byte to be sent
  const TxCounters& counters() const;

  // Forgets everything queued or in flight (the transport is gone); the Done of each entry says cancelled. The next
  // transport begins as a login does: stream offset 0, no digests, MaxRecvDataSegmentLength 8192.
  void Reset();

 private:
  struct State;
  State* state_ = nullptr;  // in the arena
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_CONNECTION_SENDER_H_
