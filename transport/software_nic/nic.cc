#include "transport/software_nic/nic.h"

#include <algorithm>

#include "digest/value.h"

namespace isthmus::transport {
namespace {

using digest::kDigestSize;

constexpr uint64_t kNone = ~uint64_t{0};

}  // namespace

SoftwareNic::Flow* SoftwareNic::FlowOf(int end, const TcpFrame& tcp) {
  const Key key = end == 0 ? Key{tcp.source, tcp.destination} : Key{tcp.destination, tcp.source};
  auto found = flows_.find(key);
  if (tcp.syn && !tcp.ack &&
      (found == flows_.end() || tcp.sequence + 1 != found->second.streams[end].first)) {
    if (found != flows_.end()) flows_.erase(found);
    if (flows_.size() == kMaxFlows) flows_.erase(flows_.begin());
    found = flows_.emplace(key, Flow{}).first;
  }
  if (found == flows_.end()) return nullptr;
  Stream& stream = found->second.streams[end];
  if (tcp.syn && !stream.began) {
    stream.began = true;
    stream.first = tcp.sequence + 1;
  }
  return &found->second;
}

// Sequence numbers wrap; offsets do not. kNone: before the stream's first byte.
uint64_t SoftwareNic::OffsetOf(const Stream& stream, uint32_t sequence) {
  const uint32_t highest = stream.first + static_cast<uint32_t>(stream.highest);
  const int64_t offset =
      static_cast<int64_t>(stream.highest) + static_cast<int32_t>(sequence - highest);
  return offset < 0 ? kNone : static_cast<uint64_t>(offset);
}

bool SoftwareNic::Follow(const NicEndpoint& local, const NicEndpoint& peer,
                         std::shared_ptr<Followed> driver) {
  for (const int end : {0, 1}) {
    const auto found = flows_.find(end == 0 ? Key{local, peer} : Key{peer, local});
    if (found == flows_.end()) continue;
    found->second.streams[end].driver = std::move(driver);
    return true;
  }
  return false;
}

void SoftwareNic::OnFrame(int end, std::span<std::byte> frame, const Output& output) {
  ++counters_.frames;
  counters_.bytes += frame.size();
  const int other = 1 - end;
  TcpFrame tcp;
  if (!ParseTcp(frame, &tcp)) return output(other, frame);
  if (weather.mtu > 0 && tcp.size - tcp.ip > weather.mtu) {
    std::array<std::byte, 256> answer;
    ++counters_.too_big;
    if (const size_t size = TooBig(frame, tcp, static_cast<uint16_t>(weather.mtu), answer);
        size > 0) {
      output(end, std::span(answer.data(), size));
    }
    return;
  }
  Flow* flow = FlowOf(end, tcp);
  if (flow == nullptr) return output(other, frame);
  Stream& stream = flow->streams[end];
  Stream& reverse = flow->streams[other];
  if (tcp.ack && reverse.began) {
    const uint64_t acknowledged = OffsetOf(reverse, tcp.acknowledgement);
    if (acknowledged != kNone) reverse.acknowledged = std::max(reverse.acknowledged, acknowledged);
  }
  const uint64_t offset = stream.began ? OffsetOf(stream, tcp.sequence) : kNone;
  if (tcp.payload_size == 0 || tcp.syn || offset == kNone) return Deliver(other, frame, output);
  ++counters_.data_frames;
  if (!FillDigests(stream, frame, tcp, offset)) {
    ++counters_.not_fillable;
    return;
  }
  counters_.retransmitted += offset < stream.highest;
  while (!stream.corrupted.empty() && stream.corrupted.front() < stream.acknowledged)
    stream.corrupted.pop_front();
  const auto again = std::find(stream.corrupted.begin(), stream.corrupted.end(), offset);
  if (again != stream.corrupted.end()) {
    ++counters_.corrupted_sent_again;
    stream.corrupted.erase(again);
  }
  stream.highest = std::max(stream.highest, offset + tcp.payload_size);
  if (Chance(weather.drop)) {
    ++counters_.dropped;
    return;
  }
  if (Chance(weather.recut) && tcp.payload_size > 1) {
    ++counters_.recut;
    const size_t at = 1 + random_() % (tcp.payload_size - 1);
    CutSegment(frame, tcp, std::max(at, tcp.payload_size - at),
               [&](std::span<std::byte> piece) { Deliver(other, piece, output); });
    return;
  }
  Corrupt(stream, reverse, frame, tcp, offset);
  if (Chance(weather.duplicate)) {
    ++counters_.duplicated;
    Deliver(other, frame, output);
  }
  if (Chance(weather.reorder) && held_[other].empty()) {
    ++counters_.reordered;
    held_[other].assign(frame.begin(), frame.end());
    return;
  }
  Deliver(other, frame, output);
}

void SoftwareNic::Corrupt(Stream& stream, Stream& reverse, std::span<std::byte> frame,
                          const TcpFrame& tcp, uint64_t offset) {
  Followed* const driver = reverse.driver.get();
  if (weather.corrupt == 0 || driver == nullptr || driver->gone ||
      tcp.payload_size < kPduHeaderSize)
    return;
  const SharedLink& link = driver->link();
  if (offset < link.armed_from.load(std::memory_order_acquire)) return;
  const std::span payload = frame.subspan(tcp.payload, tcp.payload_size);
  const PduShape shape = ShapeOf(payload, link.armed_digests.load());
  // A retransmission replaces nothing that was received, so its corruption would not be seen.
  const bool is_new = offset + tcp.payload_size == stream.highest;
  if (!is_new || shape.size != payload.size() || shape.data_digest == 0 || !Chance(weather.corrupt))
    return;
  const size_t at = shape.data + random_() % shape.data_size;
  const std::byte changed = payload[at] ^ std::byte(1u << random_() % 8);
  ReplacePayload(frame, tcp, at, {&changed, 1});
  ++counters_.corrupted;
  stream.corrupted.push_back(offset);
}

void SoftwareNic::TakeAnnouncements(Stream& stream, SharedLink& link) {
  const uint64_t written = link.tx_written.load(std::memory_order_acquire);
  uint64_t read = link.tx_read.load(std::memory_order_relaxed);
  if (written - read > SharedLink::kRingSize) return;  // no driver writes so
  for (; read != written; ++read) {
    Announced pdu;
    pdu.record = link.tx[read % SharedLink::kRingSize];
    stream.announced.push_back(std::move(pdu));
  }
  link.tx_read.store(read, std::memory_order_release);
  while (!stream.announced.empty()) {
    const TxRecord& first = stream.announced.front().record;
    if (first.stream_offset + first.size > stream.acknowledged) break;
    stream.announced.pop_front();
  }
}

void SoftwareNic::Compute(Announced& pdu, std::span<const std::byte> bytes) {
  if (pdu.shape.header_digest > 0) {
    digest::StoreDigest(kernel_.extend(digest::Crc32c{}, bytes.data(), pdu.shape.header_digest),
                        pdu.header_digest.data());
  }
  if (pdu.shape.data_digest > 0) {
    digest::StoreDigest(kernel_.extend(digest::Crc32c{}, bytes.data() + pdu.shape.data,
                                       pdu.shape.data_digest - pdu.shape.data),
                        pdu.data_digest.data());
  }
  pdu.known = true;
}

// Gathers a PDU that comes in parts. True: its digests are known, or none of its placeholders lies in these bytes.
bool SoftwareNic::Learn(Announced& pdu, uint64_t offset, std::span<const std::byte> payload) {
  const uint64_t begin = pdu.record.stream_offset, end = begin + pdu.record.size;
  const uint64_t from = std::max(offset, begin), to = std::min(offset + payload.size(), end);
  const std::span part = payload.subspan(from - offset, to - from);
  if (from == begin && to == end) {
    pdu.shape = ShapeOf(part, pdu.record.digests);
    if (part.size() < kPduHeaderSize || pdu.shape.size != part.size()) return false;
    Compute(pdu, part);
    return true;
  }
  if (from > begin + pdu.seen.size()) return false;  // what lies between was never here
  const size_t skip = begin + pdu.seen.size() - from;
  if (skip < part.size()) {
    pdu.seen.insert(pdu.seen.end(), part.begin() + static_cast<ptrdiff_t>(skip), part.end());
  }
  if (pdu.seen.size() >= kPduHeaderSize && pdu.shape.size == 0) {
    pdu.shape = ShapeOf(pdu.seen, pdu.record.digests);
  }
  if (pdu.seen.size() == pdu.record.size) {
    if (pdu.shape.size != pdu.seen.size()) return false;
    Compute(pdu, pdu.seen);
    return true;
  }
  // The header's digest is known as soon as its header is.
  if (pdu.shape.size > 0 && pdu.shape.header_digest > 0 &&
      pdu.seen.size() >= pdu.shape.header_digest) {
    digest::StoreDigest(kernel_.extend(digest::Crc32c{}, pdu.seen.data(), pdu.shape.header_digest),
                        pdu.header_digest.data());
  }
  const uint64_t last_digest =
      pdu.shape.size > 0 && pdu.shape.data_digest > 0 ? begin + pdu.shape.data_digest : end;
  if (to <= last_digest) return true;
  // Part of the data's digest: its data are all here.
  digest::StoreDigest(kernel_.extend(digest::Crc32c{}, pdu.seen.data() + pdu.shape.data,
                                     pdu.shape.data_digest - pdu.shape.data),
                      pdu.data_digest.data());
  return true;
}

// False: a placeholder would leave unfilled.
bool SoftwareNic::FillDigests(Stream& stream, std::span<std::byte> frame, const TcpFrame& tcp,
                              uint64_t offset) {
  if (stream.driver == nullptr) return true;
  SharedLink& link = stream.driver->link();
  TakeAnnouncements(stream, link);
  const std::span payload = frame.subspan(tcp.payload, tcp.payload_size);
  const uint64_t end = offset + payload.size();
  auto pdu = std::partition_point(stream.announced.begin(), stream.announced.end(),
                                  [&](const Announced& each) {
                                    return each.record.stream_offset + each.record.size <= offset;
                                  });
  for (; pdu != stream.announced.end() && pdu->record.stream_offset < end; ++pdu) {
    const bool again = pdu->known;
    if (!again && !Learn(*pdu, offset, payload)) return false;
    const auto fill = [&](size_t at, std::span<const std::byte> digest) {
      if (at == 0) return;
      const uint64_t place = pdu->record.stream_offset + at;
      const uint64_t from = std::max(place, offset), to = std::min(place + kDigestSize, end);
      if (from >= to) return;
      ReplacePayload(frame, tcp, from - offset, digest.subspan(from - place, to - from));
    };
    fill(pdu->shape.header_digest, pdu->header_digest);
    fill(pdu->shape.data_digest, pdu->data_digest);
    if (again) {
      link.inserted_again.fetch_add(1, std::memory_order_relaxed);
    } else if (pdu->known) {
      link.inserted_header_digests.fetch_add(pdu->shape.header_digest > 0,
                                             std::memory_order_relaxed);
      link.inserted_data_digests.fetch_add(pdu->shape.data_digest > 0, std::memory_order_relaxed);
    }
  }
  if (stream.driver->gone && stream.announced.empty()) stream.driver.reset();
  return true;
}

// To the end that receives: the driver there hears of it first.
void SoftwareNic::Deliver(int end, std::span<std::byte> frame, const Output& output) {
  TcpFrame tcp;
  if (ParseTcp(frame, &tcp) && tcp.payload_size > 0 && !tcp.syn) {
    if (Flow* flow = FlowOf(1 - end, tcp); flow != nullptr) {
      Stream& stream = flow->streams[1 - end];
      const uint64_t offset = OffsetOf(stream, tcp.sequence);
      Followed* const driver = flow->streams[end].driver.get();
      if (driver != nullptr && !driver->gone && offset != kNone) {
        Vouch(stream, driver->link(), offset, frame.subspan(tcp.payload, tcp.payload_size));
      }
    }
  }
  output(end, frame);
  if (!held_[end].empty() && held_[end].data() != frame.data()) {
    std::vector<std::byte> held = std::move(held_[end]);
    held_[end].clear();
    Deliver(end, held, output);
  }
}

void SoftwareNic::Vouch(Stream& stream, SharedLink& link, uint64_t offset,
                        std::span<const std::byte> payload) {
  const uint64_t armed_from = link.armed_from.load(std::memory_order_acquire);
  const uint32_t digests = link.armed_digests.load(std::memory_order_relaxed);
  FrameKind kind = stream.walk.Feed(offset, payload, armed_from, digests);
  bool validated = false;
  // The card itself looks at nothing but this frame; the walk above only tells the counters what it was.
  if (offset >= armed_from && digests != 0 && payload.size() >= kPduHeaderSize) {
    const PduShape shape = ShapeOf(payload, digests);
    if (shape.size == payload.size()) {
      validated = DigestsAgree(payload, shape, kernel_);
      if (!validated && kind == FrameKind::kExactlyOnePdu) kind = FrameKind::kDigestDisagrees;
      if (validated && stream.walk.lost() && kind != FrameKind::kOutOfOrder) {
        stream.walk.Resync(offset + payload.size());
        kind = FrameKind::kExactlyOnePdu;
      }
    }
  }
  if (offset < armed_from && kind != FrameKind::kOutOfOrder) kind = FrameKind::kNotArmed;
  link.frames[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  const uint64_t written = link.rx_written.load(std::memory_order_relaxed);
  if (written - link.rx_read.load(std::memory_order_acquire) >= SharedLink::kRingSize) {
    link.overrun.store(1, std::memory_order_release);
    return;
  }
  link.rx[written % SharedLink::kRingSize] = {offset, static_cast<uint32_t>(payload.size()),
                                              validated ? 1u : 0u};
  link.rx_written.store(written + 1, std::memory_order_release);
}

}  // namespace isthmus::transport
