// The rule of docs/offload.md: the same wire input, with every verdict removed, gives the same events, on any bytes, any
// network, and any device that does not lie. RFC 7143 sections 11.2.3, 7.8.
//
// Input: eight bytes of configuration (see Parse), a byte n, n bytes of script for the scripted device, the stream.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "digest/verdict.h"
#include "fuzz/entry_points.h"
#include "fuzz/pdu_mutator.h"
#include "fuzz/raw_pdu.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/testing/wire_model.h"
#include "transport/offload/device.h"
#include "transport/offload/testing/offload_run.h"

namespace isthmus::transport {
namespace {

using digest::DigestVerdict;
using digest::Evidence;
using isthmus::testing_support::ByteVector;
using isthmus::testing_support::ModelCrc32c;
using isthmus::testing_support::WireStream;
using testing_support::Carry;
using testing_support::OffloadResult;
using testing_support::OffloadRun;
using testing_support::WithoutDevice;

constexpr size_t kConfigurationBytes = 8;
constexpr size_t kMaxStreamBytes = 6000;
#ifdef PLANTED_LIE  // the device calls bad digests good: planted_lie_test wants that found
constexpr bool kLies = true;
#else
constexpr bool kLies = false;
#endif

// Does what its script says, piece by piece, but never says good of what is not: cuts frames, is silent, tells the truth,
// raises false alarms, speaks for a life that is over, gives partial CRC values, answers late and in any order.
class ScriptedDevice : public OffloadDevice {
 public:
  ScriptedDevice(const WireStream& truth, std::span<const uint8_t> script)
      : truth_(truth), script_(script) {}

  const char* name() const override { return "scripted"; }
  OffloadCapabilities capabilities() const override {
    OffloadCapabilities can;
    can.checks_header_digest = can.checks_data_digest = can.answers_later = true;
    return can;
  }
  bool Arm(const OffloadArm& arm) override {
    if (Byte() == 0xff) return false;
    arm_ = arm;
    armed_ = true;
    return true;
  }
  void Disarm(RxDeliverySink&) override { armed_ = false; }
  bool TornDown() const override { return answers_.empty(); }

  void Receive(const RxFrame& frame, RxDeliverySink& sink) override {
    size_t at = 0;
    while (at < frame.payload.size()) {
      const uint8_t control = Byte();
      size_t size = frame.payload.size() - at;
      if ((control & 0x80) != 0) size = std::min<size_t>(size, 1 + Byte());
      RxSegment segment;
      segment.stream_offset = frame.stream_offset + at;
      segment.bytes = frame.payload.subspan(at, size);
      if (armed_ && segment.stream_offset >= arm_.rx_stream_offset) Annotate(control, &segment);
      sink.Deliver(segment);
      at += size;
    }
    patience_ = Byte() % 4;
  }

  bool NextCompletion(OffloadCompletion* done) override {
    if (answers_.empty() || (armed_ && patience_ > 0)) return false;
    const size_t which = Byte() % answers_.size();
    *done = answers_[which];
    answers_.erase(answers_.begin() + static_cast<ptrdiff_t>(which));
    return true;
  }

 private:
  uint8_t Byte() { return script_.empty() ? 0 : script_[next_++ % script_.size()]; }

  Evidence Truth(WireStream::Part part, const RxSegment& segment) const {
    Evidence evidence;
    evidence.verdict = DigestVerdict::kGood;
    evidence.epoch = arm_.epoch;
    for (size_t i = 0; i < segment.bytes.size(); ++i) {
      const size_t at = segment.stream_offset + i;
      if (at >= truth_.origins().size()) return {};
      const WireStream::Origin& origin = truth_.origins()[at];
      if (origin.part == part && !origin.digest_is_right && !kLies) {
        evidence.verdict = DigestVerdict::kBad;
      }
    }
    return evidence;
  }

  void Annotate(uint8_t control, RxSegment* segment) {
    const Evidence header = Truth(WireStream::Part::kHeader, *segment);
    const Evidence data = Truth(WireStream::Part::kData, *segment);
    switch (control % 9) {
      case 0:
        return;
      case 1:
      case 2:
        segment->header = header;
        segment->data = data;
        return;
      case 3:
        segment->header.verdict = segment->data.verdict = DigestVerdict::kBad;
        segment->header.epoch = segment->data.epoch = arm_.epoch;
        return;
      case 4:
        // Good, but in the name of a life that is over.
        segment->header = header;
        segment->data = data;
        segment->header.epoch = segment->data.epoch = arm_.epoch - 1;
        return;
      case 5:
        segment->header = header;
        return;
      case 6:
        segment->data = data;
        return;
      case 7: {
        const ByteVector bytes(segment->bytes.begin(), segment->bytes.end());
        segment->data.epoch = arm_.epoch;
        segment->data.has_partial_crc = true;
        segment->data.partial_crc = ModelCrc32c(bytes);
        return;
      }
      default: {
        const uint32_t ticket = arm_.epoch << 16 | ++tickets_;
        segment->header.verdict = segment->data.verdict = DigestVerdict::kPending;
        segment->header.epoch = segment->data.epoch = arm_.epoch;
        segment->header.ticket = segment->data.ticket = ticket;
        answers_.push_back({ticket, header, data});
        return;
      }
    }
  }

  const WireStream& truth_;
  const std::span<const uint8_t> script_;
  size_t next_ = 0;
  OffloadArm arm_;
  bool armed_ = false;
  uint8_t patience_ = 0;
  uint32_t tickets_ = 0;
  std::vector<OffloadCompletion> answers_;
};

struct Input {
  fuzz::Framing framing;
  std::span<const uint8_t> script;
  size_t prefix = 0;  // bytes before the stream
};

Input Parse(const uint8_t* data, size_t size) {
  Input input;
  if (size <= kConfigurationBytes) return input;
  input.framing = {(data[0] & 1) != 0, (data[0] & 2) != 0};
  const size_t script = std::min<size_t>(data[kConfigurationBytes], size - kConfigurationBytes - 1);
  input.script = {data + kConfigurationBytes + 1, script};
  input.prefix = kConfigurationBytes + 1 + script;
  return input;
}

OffloadRun RunOf(const uint8_t* data, const Input& input, const WireStream& truth) {
  static constexpr const char* kDevices[] = {"frame-aligned", "full-pdu", "stream", "accelerator"};
  OffloadRun run;
  const ByteVector& bytes = truth.bytes();
  run.stream.bytes = bytes;
  uint64_t end = 0;
  for (const fuzz::RawPdu& pdu : fuzz::SplitPdus(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                 bytes.size(), input.framing)) {
    run.stream.ends.push_back(end += Join(pdu).size());
  }
  run.header_digest = input.framing.header_digest;
  run.data_digest = input.framing.data_digest;
  run.placement = (data[0] & 4) != 0;
  run.late_completions = (data[0] & 8) != 0;
  run.audit_one_in = (data[0] & 16) != 0 ? 2 : 0;
  run.tcp.gro = 1 + (data[0] >> 5);
  run.seed = data[1] + 1u;
  run.MaxRecvDataSegmentLength = (data[2] & 0x80) != 0 ? 512 : 65536;
  const uint8_t device = data[2] % 8;
  const bool scripted = device >= std::size(kDevices);
  if (scripted) {
    run.make = [&truth, script = input.script] {
      return std::make_unique<ScriptedDevice>(truth, script);
    };
  } else {
    run.device = kDevices[device];
  }
  static constexpr uint16_t kMtus[] = {9000, 1500, 576, 300};
  run.tcp.path.mtu = kMtus[data[3] % 4];
  run.tcp.path.ipv6 = (data[3] & 4) != 0 && run.tcp.path.mtu > 300;
  run.tcp.timestamps = (data[3] & 8) != 0;
  run.tcp.aligned = (data[3] & 16) != 0;
  run.tcp.recut = (data[3] & 32) != 0;
  run.tcp.sack = (data[3] & 64) != 0;
  if ((data[4] & 1) != 0) run.tcp.loss = 1500;
  if ((data[4] & 2) != 0) run.tcp.reorder = 2000;
  if ((data[4] & 4) != 0) run.tcp.duplicate = 1500;
  // The scripted device knows the stream as it was sent only.
  if ((data[4] & 8) != 0 && !scripted) run.tcp.spoil = 600;
  if ((data[4] & 16) != 0) run.tcp.odd = 2000;
  if ((data[4] & 32) != 0) run.tcp.zero_window = 600;
  if ((data[4] & 64) != 0) run.tcp.window = 100 + 16u * data[5];
  if ((data[4] & 128) != 0) {
    run.tcp.changes.push_back({data[5] * 8u, {.mtu = 500}, 1});
  }
  if (!run.stream.ends.empty()) {
    run.arm_offset = (data[6] & 1) != 0 ? run.stream.ends[data[6] / 2 % run.stream.ends.size()] : 0;
  }
  run.arm_after_frames = data[7] % 8;
  if (data[7] >= 64) run.disarm_after_frames = run.arm_after_frames + data[7] / 16;
  return run;
}

}  // namespace
}  // namespace isthmus::transport

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus::transport;
  const Input input = Parse(data, size);
  if (input.prefix == 0 || size <= input.prefix || size - input.prefix > kMaxStreamBytes) return 0;
  const auto* stream = reinterpret_cast<const std::byte*>(data) + input.prefix;
  const WireStream truth =
      WireStream::FromBytes({stream, stream + (size - input.prefix)}, input.framing.header_digest,
                            input.framing.data_digest);
  const OffloadRun run = RunOf(data, input, truth);
  const OffloadResult with = Carry(run);
  const OffloadResult without = Carry(WithoutDevice(run));
  if (with.events != without.events || with.receiver.device_good_software_bad != 0) {
    for (const std::string& line : without.events) {
      std::fprintf(stderr, "software: %s\n", line.c_str());
    }
    for (const std::string& line : with.events)
      std::fprintf(stderr, "device:   %s\n", line.c_str());
    std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  const transport::Input input = transport::Parse(data, size);
  if (input.prefix == 0 || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4 == 0) {
    LLVMFuzzerMutate(data, input.prefix, input.prefix);
    return size;
  }
  return input.prefix + fuzz::MutatePdus(data + input.prefix, size - input.prefix,
                                         max_size - input.prefix, seed, input.framing);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  const transport::Input input1 = transport::Parse(data1, size1);
  const transport::Input input2 = transport::Parse(data2, size2);
  if (input1.prefix > max_out_size) return 0;
  std::copy(data1, data1 + input1.prefix, out);
  return input1.prefix + fuzz::CrossOverPdus(data1 + input1.prefix, size1 - input1.prefix,
                                             data2 + input2.prefix, size2 - input2.prefix,
                                             out + input1.prefix, max_out_size - input1.prefix,
                                             seed, input1.framing);
}
