#include "transport/offload/testing/offload_run.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <utility>

#include "digest/select.h"
#include "digest/value.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/testing/wire_model.h"
#include "transport/offload/reassembly.h"
#include "transport/offload/registry.h"

namespace isthmus::transport::testing_support {
namespace {

using digest::DigestVerdict;
using isthmus::testing_support::ByteVector;
using isthmus::testing_support::Encode;
using isthmus::testing_support::MakePdu;
using isthmus::testing_support::ModelPdu;
using isthmus::testing_support::ToHex;

void Require(bool condition) {
  if (!condition) std::abort();
}

void AddPdu(ModelPdu pdu, bool header_digest, bool data_digest, PduStream* stream) {
  const auto number = static_cast<uint32_t>(stream->ends.size());
  for (int i = 0; i < 4; ++i) pdu.header[16 + i] = static_cast<std::byte>(number >> (24 - 8 * i));
  const ByteVector bytes = Encode(pdu, header_digest, data_digest);
  stream->bytes.insert(stream->bytes.end(), bytes.begin(), bytes.end());
  stream->ends.push_back(stream->bytes.size());
}

class Host : public RxDeliverySink, public PlacementTable {
 public:
  virtual ~Host() = default;
  explicit Host(const OffloadRun& run) : run_(run), receiver_(OptionsOf(run)) {
    receiver_.SetDigests(run.header_digest, run.data_digest);
  }

  OffloadResult Run() {
    const std::vector<std::byte>& bytes = run_.stream.bytes;
    SimulatedTcp tcp(run_.tcp, run_.seed, bytes.size(), run_.stream.ends,
                     [&](uint64_t offset, std::span<std::byte> payload) {
                       std::memcpy(payload.data(), bytes.data() + offset, payload.size());
                       return true;
                     });
    SimulatedFrame frame;
    for (size_t count = 0; tcp.NextFrame(&frame); ++count) {
      Switch(frame.route, count);
      seen_ = std::max<uint64_t>(seen_, frame.stream_offset + frame.payload.size());
      device_->Receive(frame.View(), *this);
      Pump();
    }
    Finish();
    result_.receiver = receiver_.counters();
    result_.device = devices_.at(0)->counters();
    result_.torn_down = true;
    for (const auto& device : devices_) result_.torn_down = result_.torn_down && device->TornDown();
    return std::move(result_);
  }

  void Deliver(const RxSegment& segment) override { reassembly_.Add(segment); }

  std::span<std::byte> Destination(std::span<const std::byte> bhs, uint32_t size) override {
    std::vector<std::byte>& buffer = buffers_[{bhs.begin() + 16, bhs.begin() + 20}];
    // A destination that is in use already is not given again.
    if (!buffer.empty()) return {};
    buffer.resize(size);
    return buffer;
  }

 private:
  static Receiver::Options OptionsOf(const OffloadRun& run) {
    Receiver::Options options;
    options.kernel = &digest::SelectKernel();
    options.MaxRecvDataSegmentLength = run.MaxRecvDataSegmentLength;
    options.audit_one_in = run.audit_one_in;
    return options;
  }

  void Switch(uint32_t route, size_t count) {
    if (devices_.empty() || route != route_) {
      if (!devices_.empty()) Disarm();
      route_ = route;
      auto made = run_.make ? run_.make() : NewOffloadDevice(run_.device);
      Require(made != nullptr && devices_.size() < 1000);
      devices_.push_back(std::move(made));
      device_ = devices_.back().get();
      if (run_.placement) device_->UsePlacement(this);
      armed_ = false;
    }
    if (!armed_ && count >= run_.arm_after_frames && count < run_.disarm_after_frames) {
      armed_ = true;
      OffloadArm arm;
      arm.epoch = ++epoch_;
      arm.rx_stream_offset = std::max(run_.arm_offset, devices_.size() == 1 ? 0 : NextPduStart());
      arm.header_digest = run_.header_digest;
      arm.data_digest = run_.data_digest;
      if (device_->Arm(arm)) {
        receiver_.SetDeviceEpoch(epoch_);
        abandoned_ = false;
      }
    }
    if (count == run_.disarm_after_frames) Disarm();
  }

  // Beyond all that has come: what an engine announces to a device that takes over.
  uint64_t NextPduStart() const {
    const auto& ends = run_.stream.ends;
    const auto end = std::lower_bound(ends.begin(), ends.end(), seen_);
    return end == ends.end() ? run_.stream.bytes.size() : *end;
  }

  void Disarm() {
    device_->Disarm(*this);
    abandoned_ = true;
    receiver_.AbandonPending();
    Pump();
    receiver_.AbandonPending();
    Pump();
  }

  void Pump() {
    for (;;) {
      Drain();
      Resync();
      if (waiting_) {
        // Of a life that is over no answer may come any more.
        const digest::Evidence asked = segment_.data;
        const bool pending = asked.verdict == DigestVerdict::kPending;
        if (pending && (abandoned_ || asked.epoch != epoch_)) segment_.header = segment_.data = {};
        if (asked.epoch != 0 && asked.epoch != epoch_) {
          result_.driver.Miss(MissReason::kForeignDevice);
        }
        if (!receiver_.Push(segment_)) {
          if (Complete()) continue;
          return;
        }
        waiting_ = false;
        // The answer may have come before the bytes, which waited behind a gap: a driver keeps it.
        const auto answer = answers_.find(asked.ticket);
        if (pending && answer != answers_.end()) {
          receiver_.Resolve(asked.ticket, answer->second.header, answer->second.data);
        }
        continue;
      }
      if (!reassembly_.Next(run_.tcp.gro, &segment_)) break;
      bytes_ = {segment_.bytes.begin(), segment_.bytes.end()};
      // A lease keeps the bytes until the receiver has drained them.
      lent_[++lease_] = std::move(bytes_);
      segment_.bytes = lent_[lease_];
      segment_.lease = {lease_};
      waiting_ = true;
    }
    Complete();
    Drain();
    Resync();
  }

  bool Complete() {
    OffloadCompletion done;
    bool any = false;
    for (const auto& device : devices_) {
      while (device->NextCompletion(&done)) {
        any = true;
        answers_[done.ticket] = done;
        receiver_.Resolve(done.ticket, done.header, done.data);
        if (run_.late_completions) receiver_.Resolve(done.ticket, done.header, done.data);
      }
    }
    return any;
  }

  void Resync() {
    uint64_t offset = 0;
    if (device_->ResyncQuestion(&offset)) questions_.push_back(offset);
    for (size_t i = 0; i < questions_.size();) {
      const PduStart answer = receiver_.PduStartsAt(questions_[i]);
      if (answer == PduStart::kNotYet) {
        ++i;
        continue;
      }
      device_->ResyncAnswer(questions_[i], answer == PduStart::kYes);
      questions_.erase(questions_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  void Drain() {
    RxItem item;
    while (receiver_.Next(&item)) {
      switch (item.kind) {
        case RxItemKind::kHeader:
          result_.events.push_back("header " + std::to_string(item.stream_offset) + ' ' +
                                   ToHex(item.header->bytes.data(), 48) + ' ' +
                                   ToHex(item.ahs.data(), item.ahs.size()));
          if (item.data_segment_length > 0) receiver_.SetSink(SinkOf(item));
          break;
        case RxItemKind::kEnd:
          result_.events.push_back(
              "end " + std::to_string(static_cast<int>(item.data_verdict)) + ' ' +
              std::to_string(item.data.size()) + ' ' +
              std::to_string(
                  digest::SelectKernel().extend({}, item.data.data(), item.data.size()).value));
          result_.bad_pdus += item.data_verdict == DigestVerdict::kBad;
          break;
        case RxItemKind::kReleaseRx:
          Require(lent_.erase(item.lease.id) == 1);
          break;
        case RxItemKind::kError:
          result_.events.push_back("error " + std::to_string(static_cast<int>(item.error.code)) +
                                   ' ' + std::to_string(item.stream_offset));
          break;
      }
    }
  }

  // Where the device may have placed the data, otherwise a buffer of the same kind.
  std::span<std::byte> SinkOf(const RxItem& item) {
    const auto* bhs = item.header->bytes.data();
    std::vector<std::byte>& buffer = buffers_[{bhs + 16, bhs + 20}];
    if (buffer.size() != item.data_segment_length) {
      spare_.assign(item.data_segment_length, std::byte{0});
      return spare_;
    }
    return buffer;
  }

  void Finish() {
    for (int i = 0; i < 1000; ++i) Pump();
    // The connection ends: a device that holds the beginning of a PDU gives it up.
    Disarm();
    const bool failed = !result_.events.empty() && result_.events.back().rfind("error", 0) == 0;
    Require(failed || (receiver_.UnconsumedRx() == 0 && lent_.empty()));
  }

  const OffloadRun& run_;
  Receiver receiver_;
  Reassembly reassembly_;
  std::vector<std::unique_ptr<OffloadDevice>> devices_;
  OffloadDevice* device_ = nullptr;
  uint32_t route_ = 0;
  uint32_t epoch_ = 0;
  uint64_t seen_ = 0;
  bool armed_ = false, abandoned_ = false, waiting_ = false;
  RxSegment segment_;
  std::vector<std::byte> bytes_, spare_;
  uint32_t lease_ = 0;
  std::map<uint32_t, std::vector<std::byte>> lent_;
  std::map<std::vector<std::byte>, std::vector<std::byte>> buffers_;
  std::vector<uint64_t> questions_;
  std::map<uint32_t, OffloadCompletion> answers_;
  OffloadResult result_;
};

}  // namespace

PduStream RandomPdus(uint32_t seed, size_t count, uint32_t max_data, bool header_digest,
                     bool data_digest) {
  PduStream stream;
  std::mt19937 random(seed);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t size = random() % 4 == 0   ? 0
                          : random() % 4 == 1 ? max_data
                                              : random() % (max_data + 1);
    ModelPdu pdu = MakePdu(static_cast<uint8_t>(random() % 8 == 0 ? 0x01 : 0x05), size, random(),
                           random() % 8 == 0 ? random() % 5 : 0);
    if (random() % 4 == 0) {
      // A disk block may hold the image of a PDU, digests and all.
      const ByteVector image =
          Encode(MakePdu(0x05, random() % 40, random()), header_digest, data_digest);
      if (image.size() <= pdu.data.size()) {
        const size_t at = random() % (pdu.data.size() - image.size() + 1) / 4 * 4;
        std::copy(image.begin(), image.end(), pdu.data.begin() + static_cast<ptrdiff_t>(at));
      }
    }
    AddPdu(std::move(pdu), header_digest, data_digest, &stream);
  }
  return stream;
}

PduStream EqualPdus(size_t count, uint32_t data_size, bool header_digest, bool data_digest) {
  PduStream stream;
  for (size_t i = 0; i < count; ++i) {
    AddPdu(MakePdu(0x05, data_size, static_cast<uint32_t>(i)), header_digest, data_digest, &stream);
  }
  return stream;
}

PduStream OddPdus(size_t count, uint32_t ahs_words, uint8_t pad_byte) {
  PduStream stream;
  for (size_t i = 0; i < count; ++i) {
    ModelPdu pdu = MakePdu(0x05, 101, static_cast<uint32_t>(i), ahs_words);
    pdu.pad_byte = pad_byte;
    AddPdu(std::move(pdu), true, true, &stream);
  }
  return stream;
}

OffloadRun WithoutDevice(const OffloadRun& run) {
  OffloadRun plain = run;
  plain.device = "software";
  plain.make = nullptr;
  plain.placement = false;
  plain.tcp.gro = 1;
  plain.audit_one_in = 0;
  return plain;
}

OffloadResult Carry(const OffloadRun& run) { return Host(run).Run(); }

}  // namespace isthmus::transport::testing_support
