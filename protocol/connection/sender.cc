#include "protocol/connection/sender.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "digest/value.h"
#include "digest/verdict.h"
#include "protocol/check.h"

namespace isthmus {
namespace {

using digest::Crc32c;
using digest::kDigestSize;

constexpr uint32_t kNone = 0xffffffff;
constexpr uint32_t kLoginMaxDataSegmentLength = 8192;  // RFC 7143 section 13.12: until negotiated
constexpr uint32_t kMaxDataSegmentLength = 0xffffff;
constexpr size_t kMaxAhsSize = 255 * 4;
constexpr size_t kStagingAlignment = 64;
// An answer of PollTransmit that holds so many bytes begins no further PDU: what was just digested, or copied, is sent
// while it is still in the cache.
constexpr size_t kHotBytes = 256 << 10;

constexpr uint32_t Padding(uint32_t size) { return -size & 3u; }

// A PDU or a transfer, from Queue to the pull of its Done.
struct Entry {
  wire::Bhs header;
  const std::byte* ahs = nullptr;
  const std::byte* data = nullptr;
  uint64_t cookie = 0;
  uint32_t ahs_size = 0;
  uint32_t size = 0;  // of data
  uint32_t cut = 0;   // bytes of data that frozen PDUs carry
  uint32_t done_bytes = 0;
  uint32_t buffer_offset = 0;
  uint32_t data_sn = 0;
  uint32_t burst_bytes = 0;
  uint32_t burst_used = 0;
  uint32_t pdus_in_flight = 0;
  uint32_t next = kNone;  // in the list that holds it
  bool is_transfer = false;
  bool final = false;
  bool unstable = false;
  bool queued = false;  // in a class's queue: not wholly frozen
  bool cancelled = false;
};

// A PDU whose bytes are fixed, from its freezing until the transport reads it no more.
struct Frozen {
  wire::Bhs header;
  std::array<std::byte, kDigestSize> header_digest;  // directly behind the header: one slice
  std::array<std::byte, 3 + kDigestSize> tail;       // padding, data digest
  const std::byte* ahs = nullptr;
  const std::byte* data = nullptr;
  uint64_t begin = 0;  // stream offsets
  uint64_t end = 0;
  uint64_t staging_end = 0;
  uint32_t ahs_size = 0;
  uint32_t data_size = 0;
  uint32_t entry = kNone;
  bool is_staged = false;
  bool has_header_digest = false;
  bool has_data_digest = false;
  bool device_header_digest = false;
  bool device_data_digest = false;
  TxFlags device_flag = TxFlags::kDeviceInserts;
};
static_assert(offsetof(Frozen, header_digest) == wire::kBhsSize);

// Header, AHS, header digest, data, padding, data digest.
constexpr size_t kMaxParts = 6;
struct Parts {
  std::array<TxSlice, kMaxParts> slices;
  size_t count = 0;

  void Add(const std::byte* data, size_t size, TxFlags flags = TxFlags::kNone) {
    if (size == 0) return;
    slices[count].data = data;
    slices[count].size = static_cast<uint32_t>(size);
    slices[count].flags = flags;
    ++count;
  }
};

Parts PartsOf(const Frozen& pdu, PduId id) {
  Parts parts;
  const bool digest_follows = pdu.has_header_digest && !pdu.device_header_digest;
  const bool one_slice = pdu.ahs_size == 0 && digest_follows;
  parts.Add(pdu.header.bytes.data(), wire::kBhsSize + (one_slice ? kDigestSize : 0));
  parts.Add(pdu.ahs, pdu.ahs_size);
  if (pdu.has_header_digest && !one_slice) {
    parts.Add(pdu.header_digest.data(), kDigestSize,
              pdu.device_header_digest ? pdu.device_flag : TxFlags::kNone);
  }
  parts.Add(pdu.data, pdu.data_size);
  const uint32_t padding = Padding(pdu.data_size);
  if (pdu.device_data_digest) {
    parts.Add(pdu.tail.data(), padding);
    parts.Add(pdu.tail.data() + padding, kDigestSize, pdu.device_flag);
  } else {
    parts.Add(pdu.tail.data(), padding + (pdu.has_data_digest ? kDigestSize : 0));
  }
  for (size_t i = 0; i < parts.count; ++i) parts.slices[i].pdu = id;
  parts.slices[0].flags = parts.slices[0].flags | TxFlags::kPduStart;
  TxSlice& last = parts.slices[parts.count - 1];
  last.flags = last.flags | TxFlags::kPduEnd;
  return parts;
}

struct List {
  uint32_t first = kNone;
  uint32_t last = kNone;
};

}  // namespace

struct Sender::State {
  Options options;
  Entry* entries = nullptr;
  Frozen* frozen = nullptr;
  std::byte* staging = nullptr;
  List free_entries;
  std::array<List, 2> queues;  // by TxClass
  List done;

  // Numbers of PDUs, done_pdu <= sent_pdu <= next_pdu; frozen[n % max_pdus_in_flight] holds done_pdu .. next_pdu - 1.
  uint64_t done_pdu = 0;
  uint64_t sent_pdu = 0;  // the first that is not wholly sent
  uint64_t next_pdu = 0;
  uint64_t sent_offset = 0;
  uint64_t frozen_offset = 0;

  // Positions in staging, modulo its size, free_staging <= next_staging; between them: in use.
  uint64_t free_staging = 0;
  uint64_t next_staging = 0;

  uint32_t max_data_length = kLoginMaxDataSegmentLength;
  bool header_digest = false;
  bool data_digest = false;
  bool device_header_digest = false;
  bool device_data_digest = false;
  TxFlags device_flag = TxFlags::kDeviceInserts;
  TxCounters counters;

  Frozen& At(uint64_t pdu) { return frozen[pdu % options.max_pdus_in_flight]; }

  void Append(List& list, uint32_t index) {
    entries[index].next = kNone;
    if (list.first == kNone) {
      list.first = index;
    } else {
      entries[list.last].next = index;
    }
    list.last = index;
  }

  uint32_t TakeFirst(List& list) {
    const uint32_t index = list.first;
    if (index == kNone) return kNone;
    list.first = entries[index].next;
    if (list.first == kNone) list.last = kNone;
    return index;
  }

  uint32_t Head() const {
    const uint32_t urgent = queues[static_cast<size_t>(TxClass::kUrgent)].first;
    return urgent != kNone ? urgent : queues[static_cast<size_t>(TxClass::kNormal)].first;
  }

  void TakeHead() {
    List& urgent = queues[static_cast<size_t>(TxClass::kUrgent)];
    const uint32_t index =
        TakeFirst(urgent.first != kNone ? urgent : queues[static_cast<size_t>(TxClass::kNormal)]);
    entries[index].queued = false;
  }

  void Finish(uint32_t index) { Append(done, index); }

  bool MustStage(const Entry& entry) const {
    return entry.unstable && (data_digest || options.transport_rereads);
  }

  uint32_t NextCut(const Entry& entry) const;
  bool ReserveStaging(uint32_t size, uint64_t* position) const;
  bool CanFreeze() const;
  void Freeze(Stamper& stamper);
  void StampTransfer(Entry& entry, uint32_t size, wire::Bhs* header);
  void AttachData(const Entry& entry, uint32_t size, Frozen* pdu);
  void DigestHeader(Frozen* pdu);
  void StoreDataDigest(Crc32c crc, Frozen* pdu);
  void ReleaseOldest();
  void Trace(const Frozen& pdu) const;
};

// How many data bytes the entry's next PDU carries, under the limits that hold now.
uint32_t Sender::State::NextCut(const Entry& entry) const {
  const uint32_t left = entry.size - entry.cut;
  if (!entry.is_transfer) return left;
  uint32_t size = std::min(left, max_data_length);
  if (entry.burst_bytes > 0) size = std::min(size, entry.burst_bytes - entry.burst_used);
  if (MustStage(entry)) {
    const size_t half = options.staging_bytes / 2 / kStagingAlignment * kStagingAlignment;
    size = static_cast<uint32_t>(std::min<size_t>(size, half));
  }
  return size;
}

// Where `size` bytes could be staged in one piece now.
bool Sender::State::ReserveStaging(uint32_t size, uint64_t* position) const {
  const uint64_t capacity = options.staging_bytes;
  // All free: begin anew, at the front.
  uint64_t at = free_staging == next_staging ? (next_staging + capacity - 1) / capacity * capacity
                                             : next_staging;
  const uint64_t until_wrap = capacity - at % capacity;
  if (size > until_wrap) at += until_wrap;
  const uint64_t first = free_staging == next_staging ? at : free_staging;
  if (at + size - first > capacity) return false;
  *position = at;
  return true;
}

bool Sender::State::CanFreeze() const {
  const uint32_t head = Head();
  if (head == kNone || next_pdu - done_pdu == options.max_pdus_in_flight) return false;
  const Entry& entry = entries[head];
  uint64_t position = 0;
  return !MustStage(entry) || ReserveStaging(NextCut(entry), &position);
}

void Sender::State::Freeze(Stamper& stamper) {
  const uint32_t index = Head();
  Entry& entry = entries[index];
  Frozen& pdu = At(next_pdu);
  const uint32_t size = NextCut(entry);

  pdu.header = entry.header;
  pdu.entry = index;
  pdu.ahs = entry.ahs;
  pdu.ahs_size = entry.ahs_size;
  pdu.has_header_digest = header_digest;
  pdu.has_data_digest = data_digest && size > 0;
  pdu.device_header_digest = header_digest && device_header_digest;
  pdu.device_data_digest = pdu.has_data_digest && device_data_digest;
  pdu.device_flag = device_flag;
  wire::Set(pdu.header, wire::kTotalAhsLength, static_cast<uint8_t>(entry.ahs_size / 4));
  wire::Set(pdu.header, wire::kDataSegmentLength, size);
  if (entry.is_transfer) StampTransfer(entry, size, &pdu.header);
  stamper.Stamp(pdu.header, entry.cookie);
  AttachData(entry, size, &pdu);
  if (pdu.device_header_digest) {
    pdu.header_digest.fill(std::byte{0});
    ++counters.header_digests_by_device;
  } else if (pdu.has_header_digest) {
    DigestHeader(&pdu);
    ++counters.header_digests_by_software;
  }

  entry.cut += size;
  ++entry.pdus_in_flight;
  if (entry.cut == entry.size) TakeHead();
  pdu.begin = frozen_offset;
  pdu.end = frozen_offset + wire::kBhsSize + pdu.ahs_size +
            (pdu.has_header_digest ? kDigestSize : 0) + size + Padding(size) +
            (pdu.has_data_digest ? kDigestSize : 0);
  frozen_offset = pdu.end;
  ++next_pdu;
  ++counters.pdus;
  if (options.tracer.ring != nullptr) [[unlikely]]
    Trace(pdu);
  counters.data_bytes += size;
}

// RFC 7143 section 11.7: F ends a sequence; S and the status fields stand in the last Data-In of a task only, elsewhere
// their bytes are reserved.
void Sender::State::StampTransfer(Entry& entry, uint32_t size, wire::Bhs* header) {
  constexpr std::byte kFinalBit{0x80};
  constexpr std::byte kAcknowledgeBit{0x40};
  const bool is_last = entry.cut + size == entry.size && entry.final;
  entry.burst_used += size;
  const bool ends_burst = entry.burst_bytes > 0 && entry.burst_used == entry.burst_bytes;
  if (ends_burst) entry.burst_used = 0;
  std::byte& flags = header->bytes[1];
  if (is_last) {
    flags |= kFinalBit;
  } else {
    flags = ends_burst ? kFinalBit | (flags & kAcknowledgeBit) : std::byte{0};
    header->bytes[3] = std::byte{0};
    wire::Set(*header, wire::kStatSn, 0);
    wire::Set(*header, wire::kResidualCount, 0);
  }
  wire::Set(*header, wire::kDataSn, entry.data_sn++);
  wire::Set(*header, wire::kBufferOffset, entry.buffer_offset + entry.cut);
}

// Points the PDU at its data, or at a copy, and fixes padding and data digest.
void Sender::State::AttachData(const Entry& entry, uint32_t size, Frozen* pdu) {
  const std::byte* from = entry.data + entry.cut;
  const bool by_software = pdu->has_data_digest && !pdu->device_data_digest;
  Crc32c crc;
  pdu->data = from;
  pdu->data_size = size;
  pdu->is_staged = size > 0 && MustStage(entry);
  if (pdu->is_staged) {
    uint64_t position = 0;
    Check(ReserveStaging(size, &position));
    if (free_staging == next_staging) free_staging = position;
    std::byte* to = staging + position % options.staging_bytes;
    if (by_software) {
      crc = options.kernel->copy_and_extend(crc, to, from, size);
    } else {
      std::memcpy(to, from, size);
    }
    pdu->data = to;
    const uint64_t aligned = (size + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment;
    const uint64_t until_wrap = options.staging_bytes - position % options.staging_bytes;
    next_staging = position + std::min(aligned, until_wrap);
    pdu->staging_end = next_staging;
    counters.staged_bytes += size;
  } else if (by_software) {
    crc = options.kernel->extend(crc, from, size);
  }
  pdu->tail.fill(std::byte{0});
  if (by_software) {
    StoreDataDigest(crc, pdu);
    ++counters.data_digests_by_software;
    counters.data_digest_bytes_by_software += size;
  } else if (pdu->device_data_digest) {
    ++counters.data_digests_by_device;
    counters.data_digest_bytes_by_device += size;
  }
}

void Sender::State::Trace(const Frozen& pdu) const {
  const auto verdict = [](bool has_digest, bool by_device) {
    using digest::DigestVerdict;
    if (!has_digest) return DigestVerdict::kUnchecked;
    return by_device ? DigestVerdict::kPending : DigestVerdict::kGood;
  };
  PduTrace trace;
  trace.stream_offset = pdu.begin;
  trace.source = options.tracer.source;
  trace.data_segment_length = pdu.data_size;
  trace.direction = PduDirection::kSent;
  trace.header_verdict = verdict(pdu.has_header_digest, pdu.device_header_digest);
  trace.data_verdict = verdict(pdu.has_data_digest, pdu.device_data_digest);
  trace.header_by_device = pdu.device_header_digest;
  trace.data_by_device = pdu.device_data_digest;
  options.tracer.ring->Add(trace, pdu.header.bytes, {pdu.ahs, pdu.ahs_size});
}

void Sender::State::DigestHeader(Frozen* pdu) {
  Crc32c crc = options.kernel->extend(Crc32c{}, pdu->header.bytes.data(), wire::kBhsSize);
  if (pdu->ahs_size > 0) crc = options.kernel->extend(crc, pdu->ahs, pdu->ahs_size);
  digest::StoreDigest(crc, pdu->header_digest.data());
}

// `crc` is that of the data; the padding is zeros.
void Sender::State::StoreDataDigest(Crc32c crc, Frozen* pdu) {
  const uint32_t padding = Padding(pdu->data_size);
  if (padding > 0) crc = options.kernel->extend(crc, pdu->tail.data(), padding);
  digest::StoreDigest(crc, pdu->tail.data() + padding);
}

void Sender::State::ReleaseOldest() {
  Frozen& pdu = At(done_pdu);
  Entry& entry = entries[pdu.entry];
  if (pdu.is_staged) free_staging = pdu.staging_end;
  entry.done_bytes += pdu.data_size;
  --entry.pdus_in_flight;
  if (entry.pdus_in_flight == 0 && !entry.queued) Finish(pdu.entry);
  ++done_pdu;
}

size_t Sender::MemoryNeeded(const Options& options) {
  return Arena::Needed<State>(1) + Arena::Needed<Entry>(options.max_entries) +
         Arena::Needed<Frozen>(options.max_pdus_in_flight) +
         Arena::Needed<std::byte>(options.staging_bytes);
}

Sender::Sender(const Options& options, Arena& arena) {
  Check(options.kernel != nullptr && options.max_entries > 0 && options.max_pdus_in_flight > 0);
  State* state = arena.Make<State>(1);
  Entry* entries = arena.Make<Entry>(options.max_entries);
  Frozen* frozen = arena.Make<Frozen>(options.max_pdus_in_flight);
  std::byte* staging = arena.MakeBuffer(options.staging_bytes);
  if (state == nullptr || entries == nullptr || frozen == nullptr || staging == nullptr) return;
  state_ = state;
  state->options = options;
  state->entries = entries;
  state->frozen = frozen;
  state->staging = staging;
  for (uint32_t i = 0; i < options.max_entries; ++i) state->Append(state->free_entries, i);
}

Sender::Sender(Sender&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Sender& Sender::operator=(Sender&& other) noexcept {
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

Sender::~Sender() = default;

bool Sender::QueuePdu(TxClass tx_class, const wire::Bhs& header, std::span<const std::byte> ahs,
                      std::span<const std::byte> data, uint64_t cookie) {
  if (!ok() || data.size() > state_->max_data_length || ahs.size() > kMaxAhsSize ||
      ahs.size() % 4 != 0) {
    return false;
  }
  const uint32_t index = state_->TakeFirst(state_->free_entries);
  if (index == kNone) return false;
  Entry& entry = state_->entries[index];
  entry = Entry();
  entry.header = header;
  entry.ahs = ahs.data();
  entry.ahs_size = static_cast<uint32_t>(ahs.size());
  entry.data = data.data();
  entry.size = static_cast<uint32_t>(data.size());
  entry.cookie = cookie;
  entry.queued = true;
  state_->Append(state_->queues[static_cast<size_t>(tx_class)], index);
  return true;
}

bool Sender::QueueTransfer(const Transfer& transfer) {
  constexpr uint64_t kEndOfData = uint64_t{1} << 32;
  if (!ok() || transfer.source.size() >= kEndOfData ||
      transfer.buffer_offset + uint64_t{transfer.source.size()} > kEndOfData ||
      (transfer.unstable && state_->options.staging_bytes < 2 * kStagingAlignment)) {
    return false;
  }
  const uint32_t index = state_->TakeFirst(state_->free_entries);
  if (index == kNone) return false;
  Entry& entry = state_->entries[index];
  entry = Entry();
  entry.header = transfer.header;
  entry.data = transfer.source.data();
  entry.size = static_cast<uint32_t>(transfer.source.size());
  entry.buffer_offset = transfer.buffer_offset;
  entry.data_sn = transfer.data_sn;
  entry.burst_bytes = transfer.burst_bytes;
  entry.burst_used = transfer.burst_bytes > 0 ? transfer.burst_used % transfer.burst_bytes : 0;
  entry.is_transfer = true;
  entry.final = transfer.final;
  entry.unstable = transfer.unstable;
  entry.cookie = transfer.cookie;
  entry.queued = true;
  state_->Append(state_->queues[static_cast<size_t>(transfer.tx_class)], index);
  return true;
}

void Sender::Cancel(uint64_t cookie) {
  if (!ok()) return;
  for (List& queue : state_->queues) {
    List kept;
    for (uint32_t index = queue.first; index != kNone;) {
      Entry& entry = state_->entries[index];
      const uint32_t next = entry.next;
      if (entry.cookie != cookie) {
        state_->Append(kept, index);
      } else {
        entry.queued = false;
        entry.cancelled = true;
        if (entry.pdus_in_flight == 0) state_->Finish(index);
      }
      index = next;
    }
    queue = kept;
  }
}

size_t Sender::PollTransmit(std::span<TxSlice> out, Stamper& stamper) {
  if (!ok()) return 0;
  size_t count = 0;
  size_t bytes = 0;
  for (uint64_t number = state_->sent_pdu; count < out.size(); ++number) {
    if (number == state_->next_pdu) {
      if (bytes >= kHotBytes || !state_->CanFreeze()) break;
      if (count > 0 && out.size() - count < kMaxParts)
        break;  // rather begin the next answer with it
      state_->Freeze(stamper);
    }
    const Frozen& pdu = state_->At(number);
    const Parts parts = PartsOf(pdu, PduId{number});
    uint64_t skip = state_->sent_offset > pdu.begin ? state_->sent_offset - pdu.begin : 0;
    for (size_t i = 0; i < parts.count && count < out.size(); ++i) {
      TxSlice slice = parts.slices[i];
      if (skip >= slice.size) {
        skip -= slice.size;
        continue;
      }
      if (skip > 0) {
        slice.data += skip;
        slice.size -= static_cast<uint32_t>(skip);
        slice.flags = Without(slice.flags, TxFlags::kPduStart);
        skip = 0;
      }
      out[count++] = slice;
      bytes += slice.size;
    }
  }
  return count;
}

void Sender::OnSent(size_t bytes) {
  if (!ok() || bytes > state_->frozen_offset - state_->sent_offset) return;
  state_->sent_offset += bytes;
  state_->counters.bytes += bytes;
  while (state_->sent_pdu < state_->next_pdu &&
         state_->At(state_->sent_pdu).end <= state_->sent_offset) {
    ++state_->sent_pdu;
  }
}

void Sender::OnTransportDone(uint64_t stream_offset) {
  if (!ok() || stream_offset > state_->sent_offset) return;
  while (state_->done_pdu < state_->sent_pdu && state_->At(state_->done_pdu).end <= stream_offset) {
    state_->ReleaseOldest();
  }
}

bool Sender::NextDone(TxDone* done) {
  if (!ok()) return false;
  const uint32_t index = state_->TakeFirst(state_->done);
  if (index == kNone) return false;
  const Entry& entry = state_->entries[index];
  done->cookie = entry.cookie;
  done->cancelled = entry.cancelled;
  done->bytes = entry.done_bytes;
  done->next_data_sn = entry.data_sn;
  state_->Append(state_->free_entries, index);
  return true;
}

void Sender::SetDigests(bool header_digest, bool data_digest) {
  if (!ok()) return;
  state_->header_digest = header_digest;
  state_->data_digest = data_digest;
}

void Sender::SetMaxDataSegmentLength(uint32_t bytes) {
  if (!ok()) return;
  state_->max_data_length = std::clamp<uint32_t>(bytes, 1, kMaxDataSegmentLength);
}

void Sender::SetDeviceInserts(bool header_digest, bool data_digest) {
  if (!ok()) return;
  state_->device_header_digest = header_digest;
  state_->device_data_digest = data_digest;
  state_->device_flag = TxFlags::kDeviceInserts;
}

void Sender::SetAcceleratorFills(bool header_digest, bool data_digest) {
  if (!ok()) return;
  SetDeviceInserts(header_digest, data_digest);
  state_->device_flag = TxFlags::kFillDigest;
}

void Sender::Materialize() {
  if (!ok()) return;
  for (uint64_t number = state_->done_pdu; number < state_->next_pdu; ++number) {
    Frozen& pdu = state_->At(number);
    if (pdu.device_header_digest) state_->DigestHeader(&pdu);
    if (pdu.device_data_digest) {
      const Crc32c crc = state_->options.kernel->extend(Crc32c{}, pdu.data, pdu.data_size);
      state_->StoreDataDigest(crc, &pdu);
    }
    pdu.device_header_digest = false;
    pdu.device_data_digest = false;
  }
}

void Sender::SetTracer(const PduTracer& tracer) {
  if (ok()) state_->options.tracer = tracer;
}

bool Sender::idle() const {
  return !ok() || (state_->Head() == kNone && state_->done_pdu == state_->next_pdu);
}

bool Sender::has_unsent() const {
  return ok() && (state_->sent_pdu < state_->next_pdu || state_->CanFreeze());
}

uint64_t Sender::stream_offset() const { return ok() ? state_->sent_offset : 0; }

const TxCounters& Sender::counters() const {
  static constexpr TxCounters kNothing;
  return ok() ? state_->counters : kNothing;
}

void Sender::Reset() {
  if (!ok()) return;
  for (; state_->done_pdu < state_->next_pdu; ++state_->done_pdu) {
    const uint32_t index = state_->At(state_->done_pdu).entry;
    Entry& entry = state_->entries[index];
    entry.cancelled = true;
    if (--entry.pdus_in_flight == 0 && !entry.queued) state_->Finish(index);
  }
  for (List& queue : state_->queues) {
    for (uint32_t index; (index = state_->TakeFirst(queue)) != kNone;) {
      state_->entries[index].queued = false;
      state_->entries[index].cancelled = true;
      state_->Finish(index);
    }
  }
  state_->sent_pdu = state_->next_pdu;
  state_->sent_offset = 0;
  state_->frozen_offset = 0;
  state_->free_staging = 0;
  state_->next_staging = 0;
  state_->max_data_length = kLoginMaxDataSegmentLength;
  state_->header_digest = false;
  state_->data_digest = false;
  state_->device_header_digest = false;
  state_->device_data_digest = false;
}

}  // namespace isthmus
