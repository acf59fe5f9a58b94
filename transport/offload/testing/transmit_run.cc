#include "transport/offload/testing/transmit_run.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "digest/select.h"
#include "digest/value.h"
#include "protocol/arena.h"
#include "protocol/connection/segment.h"
#include "protocol/wire/field.h"
#include "transport/offload/device.h"
#include "transport/offload/digest_inserter.h"
#include "transport/offload/reassembly.h"
#include "transport/offload/registry.h"

namespace isthmus::transport::testing_support {
namespace {

using isthmus::testing_support::ByteVector;
using isthmus::testing_support::DecodeAll;
using isthmus::testing_support::Pattern;

void Require(bool condition) {
  if (!condition) std::abort();
}

class NoNumbers final : public Stamper {
 public:
  void Stamp(wire::Bhs&, uint64_t) override {}
};

// The sending host: sender, device, and the driver between them.
class Host : private RxDeliverySink, private InsertedDigests {
 public:
  virtual ~Host() = default;

  explicit Host(const TransmitRun& run) : run_(run) {
    Sender::Options options;
    options.kernel = &digest::SelectKernel();
    options.max_entries = options.max_pdus_in_flight = static_cast<uint32_t>(run.sizes.size()) + 1;
    options.verify_leases_one_in = run.verify_leases_one_in;
    memory_.resize(Sender::MemoryNeeded(options));
    Arena arena(memory_);
    sender_.emplace(options, arena);
    Require(sender_->ok());
    sender_->SetDigests(true, true);
    sender_->SetMaxDataSegmentLength(1 << 20);
    device_ = NewOffloadDevice(run.device);
    Require(device_ != nullptr);
    OffloadArm arm;
    arm.epoch = 1;
    arm.header_digest = arm.data_digest = true;
    device_inserts_ = device_->capabilities().inserts_digests && device_->Arm(arm);
    if (device_inserts_) sender_->SetDeviceInserts(true, true);
    for (size_t i = 0; i < run.sizes.size(); ++i) {
      sources_.push_back(Pattern(run.sizes[i], static_cast<uint32_t>(i) + 1));
    }
    buffers_ = sources_;
    Freeze();
  }

  TransmitResult Run() {
    std::vector<uint64_t> ends;
    for (const Pdu& pdu : pdus_) ends.push_back(pdu.end);
    SimulatedTcp tcp(run_.tcp, run_.seed, pdus_.back().end, ends,
                     [&](uint64_t offset, std::span<std::byte> payload) {
                       Leave(offset, payload);
                       return true;
                     });
    Reassembly reassembly;
    SimulatedFrame frame;
    TransmitResult result;
    while (tcp.NextFrame(&frame)) {
      RxSegment segment;
      segment.stream_offset = frame.stream_offset;
      segment.bytes = frame.payload;
      reassembly.Add(segment);
      while (reassembly.Next(1, &segment)) {
        result.wire.insert(result.wire.end(), segment.bytes.begin(), segment.bytes.end());
      }
      Acknowledge(tcp.acknowledged());
    }
    Require(result.wire.size() == pdus_.back().end);
    Acknowledge(pdus_.back().end);
    Require(released_ == buffers_.size());
    result.pdus = DecodeAll(result.wire, true, true);
    result.sources = sources_;
    result.sender = sender_->counters();
    result.device = device_->counters();
    return result;
  }

 private:
  struct Placeholder {
    uint64_t begin = 0;  // stream offsets
    uint64_t covers_from = 0;
  };
  struct Pdu {
    uint64_t begin = 0, end = 0;
    std::vector<std::pair<uint64_t, TxSlice>> slices;  // by stream offset
    std::vector<Placeholder> placeholders;
    bool has_left = false;
  };

  void Deliver(const RxSegment&) override {}

  // What whoever inserted a PDU's digests has put there.
  bool Find(uint64_t stream_offset, Digests* digests) const override {
    return (device_->inserted() != nullptr && device_->inserted()->Find(stream_offset, digests)) ||
           by_software_.Find(stream_offset, digests);
  }

  // All PDUs are queued and shown; their bytes leave when TCP reads them.
  void Freeze() {
    NoNumbers stamper;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      wire::Bhs header;
      header.bytes[0] = std::byte{0x05};
      header.bytes[1] = std::byte{0x80};
      header.bytes[19] = static_cast<std::byte>(i);
      Require(sender_->QueuePdu(TxClass::kNormal, header, {}, buffers_[i], i));
      TxSlice slices[8];
      const size_t count = sender_->PollTransmit(slices, stamper);
      Pdu pdu;
      pdu.begin = pdu.end = sender_->stream_offset();
      uint64_t part = pdu.begin;
      for (size_t k = 0; k < count; ++k) {
        pdu.slices.emplace_back(pdu.end, slices[k]);
        if (Has(slices[k].flags, TxFlags::kDeviceInserts)) {
          pdu.placeholders.push_back({pdu.end, part});
          part = pdu.end + slices[k].size;
        }
        pdu.end += slices[k].size;
      }
      sender_->OnSent(static_cast<size_t>(pdu.end - pdu.begin));
      pdus_.push_back(std::move(pdu));
    }
  }

  static void Copy(const Pdu& pdu, uint64_t offset, std::span<std::byte> out) {
    for (const auto& [at, slice] : pdu.slices) {
      const uint64_t from = std::max(at, offset);
      const uint64_t to = std::min<uint64_t>(at + slice.size, offset + out.size());
      if (from < to) std::memcpy(out.data() + (from - offset), slice.data + (from - at), to - from);
    }
  }

  // The whole PDU as a frame of its own, with what is to be inserted.
  static std::vector<TxDigest> DigestsOf(const Pdu& pdu) {
    std::vector<TxDigest> digests;
    for (const Placeholder& placeholder : pdu.placeholders) {
      digests.push_back({static_cast<uint32_t>(placeholder.begin - pdu.begin),
                         static_cast<uint32_t>(placeholder.begin - placeholder.covers_from)});
    }
    return digests;
  }

  void Leave(uint64_t offset, std::span<std::byte> payload) {
    if (++frames_ == run_.fail_over_after_frames + 1) FailOver();
    const uint64_t end = offset + payload.size();
    for (Pdu& pdu : pdus_) {
      if (pdu.end <= offset || pdu.begin >= end) continue;
      Copy(pdu, offset, payload);
      if (!pdu.placeholders.empty()) Insert(pdu, offset, payload);
      Spoil(pdu, end);
    }
  }

  // Who filled a PDU's placeholders first keeps them.
  void Insert(const Pdu& pdu, uint64_t offset, std::span<std::byte> payload) {
    const std::vector<TxDigest> digests = DigestsOf(pdu);
    const bool whole = pdu.begin == offset && pdu.end == offset + payload.size();
    Digests known;
    if (whole && !by_software_.Find(pdu.begin, &known) &&
        device_->Transmit({offset, payload, digests, true})) {
      return;
    }
    if (!Find(pdu.begin, &known)) {
      std::vector<std::byte> bytes(static_cast<size_t>(pdu.end - pdu.begin));
      Copy(pdu, pdu.begin, bytes);
      by_software_.Fill({pdu.begin, bytes, digests, true}, software_counters_);
      Require(by_software_.Find(pdu.begin, &known));
    }
    for (const Placeholder& placeholder : pdu.placeholders) {
      std::byte digest[digest::kDigestSize];
      const bool of_header = placeholder.covers_from == pdu.begin;
      digest::StoreDigest(digest::Crc32c{of_header ? known.header : known.data}, digest);
      for (size_t i = 0; i < sizeof digest; ++i) {
        const uint64_t at = placeholder.begin + i;
        if (at >= offset && at < offset + payload.size()) payload[at - offset] = digest[i];
      }
    }
  }

  void Spoil(Pdu& pdu, uint64_t end) {
    if (pdu.has_left || end < pdu.end) return;
    pdu.has_left = true;
    const auto index = static_cast<size_t>(&pdu - pdus_.data());
    if (run_.spoil_sent_one_in == 0 || index % run_.spoil_sent_one_in != 0) return;
    buffers_[index][buffers_[index].size() / 2] ^= std::byte{1};
  }

  void FailOver() {
    device_->Disarm(*this);
    Require(sender_->Materialize(this));
    // The digests stand in memory now: nothing is to be inserted any more.
    for (Pdu& pdu : pdus_) pdu.placeholders.clear();
  }

  void Acknowledge(uint64_t stream_offset) {
    device_->Acknowledged(stream_offset);
    by_software_.Acknowledged(stream_offset);
    sender_->OnTransportDone(stream_offset);
    TxDone done;
    while (sender_->NextDone(&done)) {
      ++released_;
      if (run_.reuse_buffers) {
        std::fill(buffers_[done.cookie].begin(), buffers_[done.cookie].end(), std::byte{0xdd});
      }
    }
  }

  const TransmitRun& run_;
  std::vector<std::byte> memory_;
  std::optional<Sender> sender_;
  std::unique_ptr<OffloadDevice> device_;
  bool device_inserts_ = false;
  std::vector<ByteVector> sources_, buffers_;
  std::vector<Pdu> pdus_;
  DigestInserter by_software_;
  OffloadCounters software_counters_;
  size_t frames_ = 0;
  size_t released_ = 0;
};

// Sends one transfer through `each`, PDU by PDU as the sender shows them.
template <class Each>
void SendTransfer(uint32_t size, Sender& sender, const Each& each) {
  const ByteVector source = Pattern(size, 3);
  Transfer transfer;
  transfer.header.bytes[0] = std::byte{0x25};
  transfer.header.bytes[1] = std::byte{0x81};
  transfer.header.bytes[3] = std::byte{0x02};
  transfer.source = source;
  transfer.buffer_offset = 7000;
  transfer.data_sn = 5;
  Require(sender.QueueTransfer(transfer));
  NoNumbers stamper;
  TxSlice slices[64];
  while (sender.has_unsent()) {
    const size_t count = sender.PollTransmit(slices, stamper);
    ByteVector pdu;
    uint32_t segment_bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      if (Has(slices[i].flags, TxFlags::kPduStart)) segment_bytes = slices[i].segment_bytes;
      pdu.insert(pdu.end(), slices[i].data, slices[i].data + slices[i].size);
      sender.OnSent(slices[i].size);
      if (!Has(slices[i].flags, TxFlags::kPduEnd)) continue;
      each(pdu, segment_bytes);
      pdu.clear();
    }
    Require(pdu.empty());
    sender.OnTransportDone(sender.stream_offset());
  }
}

// With the memory behind it.
struct OwnSender {
  OwnSender() {
    Sender::Options options;
    options.kernel = &digest::SelectKernel();
    memory.resize(Sender::MemoryNeeded(options));
    Arena arena(memory);
    sender.emplace(options, arena);
  }
  std::vector<std::byte> memory;
  std::optional<Sender> sender;
};

}  // namespace

ByteVector SendSegmented(const std::string& device_name, uint32_t size, uint32_t segment,
                         bool header_digest, bool data_digest) {
  OwnSender own;
  own.sender->SetDigests(header_digest, data_digest);
  own.sender->SetMaxDataSegmentLength(segment);
  const auto device = NewOffloadDevice(device_name);
  const OffloadCapabilities can = device->capabilities();
  OffloadArm arm;
  arm.epoch = 1;
  arm.header_digest = header_digest;
  arm.data_digest = data_digest;
  if (device->Arm(arm) && can.sizing.segments_pdus) {
    own.sender->SetDeviceInserts(header_digest, data_digest);
    own.sender->SetDeviceSegments(can.sizing.max_pdu_bytes - 60);
  }
  ByteVector wire;
  SendTransfer(size, *own.sender, [&](const ByteVector& pdu, uint32_t segment_bytes) {
    const bool by_device = can.sizing.segments_pdus;
    if (by_device) {
      // Also what is not over-long: it inserts the digests.
      Require(device->Segment(pdu, segment_bytes > 0 ? segment_bytes : segment, &wire));
    } else {
      wire.insert(wire.end(), pdu.begin(), pdu.end());
    }
  });
  return wire;
}

PduStream SentAligned(uint32_t size, uint32_t aligned_data_segment_length) {
  OwnSender own;
  own.sender->SetDigests(true, true);
  own.sender->SetMaxDataSegmentLength(1 << 20);
  own.sender->SetAlignedDataSegmentLength(aligned_data_segment_length);
  PduStream stream;
  SendTransfer(size, *own.sender, [&](const ByteVector& pdu, uint32_t) {
    stream.bytes.insert(stream.bytes.end(), pdu.begin(), pdu.end());
    stream.ends.push_back(stream.bytes.size());
  });
  return stream;
}

TransmitResult Send(const TransmitRun& run) { return Host(run).Run(); }

}  // namespace isthmus::transport::testing_support
