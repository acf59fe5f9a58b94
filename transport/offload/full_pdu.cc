// Model B (Chelsio): reassembles and frames the stream itself, and passes up whole PDUs: header, data (placed, where a
// destination is registered under the topmost bits of its ITT or TTT), and no digest where it has checked one and found it good. A PDU whose digest is wrong goes up
// as it came, marked bad, so that software can confirm it. PDUs above its size go up unchecked.
#include <array>
#include <memory>
#include <vector>

#include "transport/offload/device.h"
#include "transport/offload/digest_inserter.h"
#include "transport/offload/pdu_scan.h"
#include "transport/offload/reassembly.h"
#include "transport/offload/segment_pdu.h"

namespace isthmus::transport {
namespace {

using digest::DigestVerdict;

class FullPduDevice : public OffloadDevice {
 public:
  const char* name() const override { return "full-pdu"; }

  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = can.inserts_digests = true;
    can.strips_digests = can.places_data = can.delivers_in_order = true;
    can.sizing.segments_pdus = true;
    can.sizing.max_pdu_bytes = kMaxPduBytes;
    can.tag_bits = kTagBits;
    return can;
  }

  bool Arm(const OffloadArm& arm) override {
    if (seen_ > arm.rx_stream_offset) return false;
    stream_ = Reassembly(arm.rx_stream_offset);
    arm_ = arm;
    armed_ = true;
    lost_ = false;
    skip_ = 0;
    ++counters_.epochs;
    return true;
  }

  void Disarm(RxDeliverySink& sink) override {
    counters_.disarmed += armed_;
    armed_ = false;
    Flush(sink);
    RxSegment piece;
    while (stream_.TakeAny(&piece)) sink.Deliver(Raw(piece.stream_offset, piece.bytes));
  }

  void UsePlacement(PlacementTable* table) override { placement_ = table; }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    ++counters_.frames;
    counters_.bytes += frame.payload.size();
    const uint64_t end = frame.stream_offset + frame.payload.size();
    if (end > seen_) seen_ = end;
    const size_t before =
        armed_ ? BytesBefore(arm_.rx_stream_offset, frame.stream_offset, frame.payload.size())
               : frame.payload.size();
    if (before > 0) {
      counters_.Miss(armed_ ? MissReason::kPreEnable : MissReason::kNotArmed);
      sink.Deliver(Raw(frame.stream_offset, frame.payload.first(before)));
    }
    stream_.Add(Raw(frame.stream_offset + before, frame.payload.subspan(before)));
    RxSegment piece;
    while (stream_.Next(1, &piece)) Take(piece.stream_offset, piece.bytes, sink);
  }

  bool Transmit(const TxFrame& frame) override {
    if (!armed_ || frame.stream_offset < arm_.tx_stream_offset || !frame.exactly_one_pdu) {
      ++counters_.declined_transmits;
      return false;
    }
    inserter_.Fill(frame, counters_);
    return true;
  }
  void Acknowledged(uint64_t stream_offset) override { inserter_.Acknowledged(stream_offset); }
  const InsertedDigests* inserted() const override { return &inserter_; }

  bool Segment(ByteSpan pdu, uint32_t segment_bytes, std::vector<std::byte>* wire) override {
    const size_t pdus = SegmentPdu(pdu, segment_bytes, arm_.header_digest, arm_.data_digest, wire);
    counters_.segmented_pdus += pdus;
    return pdus > 0;
  }

  bool RegisterBuffer(std::span<std::byte> buffer, uint32_t buffer_offset,
                      uint32_t* device_tag) override {
    // Tag 0 names no buffer.
    for (uint32_t tag = 1; tag < buffers_.size(); ++tag) {
      if (!buffers_[tag].bytes.empty()) continue;
      buffers_[tag] = {buffer, buffer_offset};
      *device_tag = tag;
      return true;
    }
    return false;
  }
  void ReleaseBuffer(uint32_t device_tag) override {
    if (device_tag < buffers_.size()) buffers_[device_tag] = {};
  }

 private:
  static constexpr uint32_t kTagBits = 6;
  struct Buffer {
    std::span<std::byte> bytes;
    uint32_t offset = 0;  // of bytes[0] in the task's data
  };

  // Where a Data-In's ITT or a Data-Out's TTT says that the data belongs; empty: to no buffer of ours.
  std::span<std::byte> PlaceOf(ByteSpan bhs, uint32_t size) {
    const auto word = [&](size_t at) {
      uint32_t value = 0;
      for (size_t i = at; i < at + 4; ++i) value = value << 8 | std::to_integer<uint32_t>(bhs[i]);
      return value;
    };
    const uint8_t opcode = std::to_integer<uint8_t>(bhs[0]) & 0x3f;
    if (opcode == 0x25 || opcode == 0x05) {
      const uint32_t tag = word(opcode == 0x25 ? 16 : 20) >> (32 - kTagBits);
      const Buffer& buffer = buffers_[tag];
      const uint32_t offset = word(40);
      if (offset >= buffer.offset &&
          uint64_t{offset} - buffer.offset + size <= buffer.bytes.size()) {
        return buffer.bytes.subspan(offset - buffer.offset, size);
      }
    }
    return placement_ != nullptr ? placement_->Destination(bhs, size) : std::span<std::byte>();
  }
  static constexpr uint32_t kMaxPduBytes = 16224;

  void Flush(RxDeliverySink& sink) {
    if (!held_.empty()) sink.Deliver(Raw(held_offset_, held_));
    held_.clear();
  }

  void Take(uint64_t at, ByteSpan bytes, RxDeliverySink& sink) {
    if (lost_) {
      counters_.Miss(MissReason::kDigestDisagrees);
      sink.Deliver(Raw(at, bytes));
      return;
    }
    if (held_.empty()) held_offset_ = at;
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    while (!lost_ && TakePdu(sink)) {
    }
    if (lost_) Flush(sink);
  }

  void Drop(size_t bytes) {
    held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(bytes));
    held_offset_ += bytes;
  }

  bool TakePdu(RxDeliverySink& sink) {
    if (skip_ > 0) {
      const size_t size = skip_ < held_.size() ? static_cast<size_t>(skip_) : held_.size();
      if (size == 0) return false;
      sink.Deliver(Raw(held_offset_, ByteSpan(held_).first(size)));
      skip_ -= size;
      Drop(size);
      return true;
    }
    if (held_.size() < 48) return false;
    const PduLengths lengths = LengthsOf(held_, arm_.header_digest, arm_.data_digest);
    if (held_.size() < lengths.header) return false;
    const ByteSpan header = ByteSpan(held_).first(static_cast<size_t>(lengths.header));
    if (arm_.header_digest && !DigestAgrees(header)) {
      lost_ = true;
      ++counters_.bad;
      RxSegment segment = Raw(held_offset_, header);
      segment.header = Says(DigestVerdict::kBad, arm_.epoch);
      sink.Deliver(segment);
      Drop(header.size());
      return false;
    }
    if (lengths.total > kMaxPduBytes) {
      counters_.Miss(MissReason::kAboveSize);
      skip_ = lengths.total;
      return true;
    }
    if (held_.size() < lengths.total) return false;
    DeliverPdu(lengths, sink);
    Drop(static_cast<size_t>(lengths.total));
    return true;
  }

  void DeliverPdu(const PduLengths& lengths, RxDeliverySink& sink) {
    const ByteSpan pdu = ByteSpan(held_).first(static_cast<size_t>(lengths.total));
    const auto header_size = static_cast<size_t>(lengths.header);
    const digest::Evidence good = Says(DigestVerdict::kGood, arm_.epoch);
    const uint32_t stripped = arm_.header_digest ? 4 : 0;
    RxSegment header = Raw(held_offset_, pdu.first(header_size - stripped));
    header.header = header.data = good;
    header.stripped = stripped;
    counters_.stripped_digests += stripped / 4;
    sink.Deliver(header);
    ++counters_.good;
    if (lengths.data == 0) return;

    const ByteSpan rest = pdu.subspan(header_size);
    const bool agrees = !arm_.data_digest || DigestAgrees(rest);
    const auto data_size = static_cast<size_t>(lengths.data);
    uint64_t at = held_offset_ + header_size;
    RxSegment tail = Raw(at, rest);
    const std::span<std::byte> to = PlaceOf(pdu.first(48), static_cast<uint32_t>(data_size));
    if (to.size() >= data_size) {
      for (size_t i = 0; i < data_size; ++i) to[i] = rest[i];
      tail.placed = static_cast<uint32_t>(data_size);
      tail.bytes = rest.subspan(data_size);
      counters_.placed_bytes += data_size;
    }
    bool padding_is_zero = true;
    for (uint64_t i = lengths.data; i < lengths.padded; ++i) {
      padding_is_zero = padding_is_zero && rest[static_cast<size_t>(i)] == std::byte{0};
    }
    if (!padding_is_zero) {
      // The digest covers what was sent; this card knows only its own zeros.
      counters_.Miss(MissReason::kPadding);
      sink.Deliver(tail);
      return;
    }
    tail.header = tail.data = agrees ? good : Says(DigestVerdict::kBad, arm_.epoch);
    if (!agrees) ++counters_.bad;
    if (agrees && arm_.data_digest) {
      tail.bytes = tail.bytes.first(tail.bytes.size() - 4);
      tail.stripped = 4;
      ++counters_.stripped_digests;
    }
    sink.Deliver(tail);
  }

  OffloadArm arm_;
  bool armed_ = false;
  bool lost_ = false;
  uint64_t skip_ = 0;
  uint64_t held_offset_ = 0;
  std::vector<std::byte> held_;
  Reassembly stream_;  // from the arming offset on
  uint64_t seen_ = 0;  // the end of what has come
  PlacementTable* placement_ = nullptr;
  std::array<Buffer, 1u << kTagBits> buffers_;
  DigestInserter inserter_;
};

}  // namespace

std::unique_ptr<OffloadDevice> NewFullPduDevice();
std::unique_ptr<OffloadDevice> NewFullPduDevice() { return std::make_unique<FullPduDevice>(); }

}  // namespace isthmus::transport
