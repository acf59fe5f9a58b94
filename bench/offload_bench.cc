// What the host's engine does for a byte under each device model, the device's own work left out: for hardware does that.
//
//   offload/receive/<model>/<data bytes of a PDU>    segments as that device delivers them, received again and again
//   offload/send/<who>/<data bytes of a PDU>         `off`: no digests; `software`; `device`: it inserts
//
// <model>: a name of the registry; `off`: no digests. The devices are simulated: they ran once, beforehand. PDUs are aligned to
// frames up to MTU 9000 and cut over several beyond. Bytes a second are of data. tools/bench offload runs it.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "digest/select.h"
#include "protocol/arena.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/wire/field.h"
#include "transport/offload/device.h"
#include "transport/offload/registry.h"

namespace isthmus {
namespace {

constexpr size_t kFrameBytes = 8948;  // MTU 9000, with timestamps
constexpr size_t kStreamBytes = 1 << 20;

class ConstantStamper final : public Stamper {
 public:
  void Stamp(wire::Bhs&, uint64_t) override {}
};

// A sender and the memory behind it; PDUs of `size` bytes of data.
class Source {
 public:
  Source(uint32_t size, bool digests, bool device) : data_(size, std::byte{0x5a}) {
    Sender::Options options;
    options.kernel = &digest::SelectKernel();
    memory_.resize(Sender::MemoryNeeded(options));
    Arena arena(memory_);
    sender_.emplace(options, arena);
    sender_->SetDigests(digests, digests);
    sender_->SetMaxDataSegmentLength(1 << 23);
    if (device) sender_->SetDeviceInserts(true, true);
    header_.bytes[0] = std::byte{0x25};
    header_.bytes[1] = std::byte{0x80};
  }

  // Calls take(slice) for each slice of one PDU.
  template <class Take>
  void SendPdu(const Take& take) {
    if (!sender_->QueuePdu(TxClass::kNormal, header_, {}, data_, 1)) std::abort();
    std::array<TxSlice, 8> slices;
    const size_t count = sender_->PollTransmit(slices, stamper_);
    size_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      take(slices[i]);
      bytes += slices[i].size;
    }
    sender_->OnSent(bytes);
    sender_->OnTransportDone(sender_->stream_offset());
    TxDone done;
    while (sender_->NextDone(&done)) benchmark::DoNotOptimize(done);
  }

 private:
  std::vector<std::byte> data_, memory_;
  std::optional<Sender> sender_;
  wire::Bhs header_;
  ConstantStamper stamper_;
};

// What a device delivers of a stream, kept to be received many times.
class Recording : private transport::RxDeliverySink, private transport::PlacementTable {
 public:
  virtual ~Recording() = default;

  Recording(const std::string& model, uint32_t size) : sink(size) {
    const bool digests = model != "off";
    std::vector<std::byte> stream;
    std::vector<size_t> ends;
    Source source(size, digests, false);
    while (stream.size() < kStreamBytes) {
      source.SendPdu([&](const TxSlice& slice) {
        stream.insert(stream.end(), slice.data, slice.data + slice.size);
      });
      ends.push_back(stream.size());
    }
    stream_bytes = stream.size();
    data_bytes = ends.size() * size;
    const auto device = transport::NewOffloadDevice(digests ? model : "software");
    if (device == nullptr) std::abort();
    transport::OffloadArm arm;
    arm.epoch = 1;
    arm.header_digest = arm.data_digest = digests;
    device->UsePlacement(this);
    device->Arm(arm);
    size_t begin = 0;
    for (const size_t end : ends) {
      while (begin < end) {
        const size_t piece = end - begin < kFrameBytes ? end - begin : kFrameBytes;
        device->Receive(
            {.stream_offset = begin, .payload = std::span(stream).subspan(begin, piece)}, *this);
        begin += piece;
        Complete(*device);
      }
    }
    for (int i = 0; i < 64; ++i) Complete(*device);
  }

  std::vector<RxSegment> segments;
  std::unordered_map<uint32_t, transport::OffloadCompletion> answers;  // by ticket
  std::vector<std::byte> sink;
  uint64_t stream_bytes = 0, data_bytes = 0;

 private:
  void Deliver(const RxSegment& segment) override {
    bytes_.push_back(std::make_unique<std::byte[]>(segment.bytes.size() + 1));
    if (!segment.bytes.empty()) {
      std::memcpy(bytes_.back().get(), segment.bytes.data(), segment.bytes.size());
    }
    segments.push_back(segment);
    segments.back().bytes = {bytes_.back().get(), segment.bytes.size()};
  }
  // The receiver's own destination: as if the task had registered it.
  std::span<std::byte> Destination(std::span<const std::byte>, uint32_t) override { return sink; }

  void Complete(transport::OffloadDevice& device) {
    transport::OffloadCompletion done;
    while (device.NextCompletion(&done)) answers[done.ticket] = done;
  }

  std::vector<std::unique_ptr<std::byte[]>> bytes_;
};

void BM_Receive(benchmark::State& state, const std::string& model) {
  Recording recording(model, static_cast<uint32_t>(state.range(0)));
  Receiver::Options options;
  options.kernel = &digest::SelectKernel();
  options.MaxRecvDataSegmentLength = 1 << 23;
  Receiver receiver(options);
  const bool digests = model != "off";
  receiver.SetDigests(digests, digests);
  receiver.SetDeviceEpoch(1);
  uint64_t base = 0, good = 0;
  const auto drain = [&] {
    RxItem item;
    while (receiver.Next(&item)) {
      if (item.kind == RxItemKind::kHeader && item.data_segment_length > 0) {
        receiver.SetSink(recording.sink);
      }
      good += item.kind == RxItemKind::kEnd;
    }
  };
  for (auto _ : state) {
    for (RxSegment segment : recording.segments) {
      segment.stream_offset += base;
      if (segment.pdu_offset != RxSegment::kAnyPdu) segment.pdu_offset += base;
      while (!receiver.Push(segment)) drain();
      if (segment.data.ticket != 0) {
        const transport::OffloadCompletion& answer = recording.answers[segment.data.ticket];
        receiver.Resolve(segment.data.ticket, answer.header, answer.data);
      }
      drain();
    }
    base += recording.stream_bytes;
  }
  const RxCounters& counters = receiver.counters();
  const double data =
      static_cast<double>(recording.data_bytes) * static_cast<double>(state.iterations());
  if (good != counters.pdus || counters.data_digest_errors > 0 || good == 0)
    state.SkipWithError("lost PDUs");
  state.SetBytesProcessed(static_cast<int64_t>(data));
  state.counters["software_bytes_a_byte"] =
      static_cast<double>(counters.data_digest_bytes_by_software) / data;
  state.counters["copied_bytes_a_byte"] = static_cast<double>(counters.copied_data_bytes) / data;
}

void BM_Send(benchmark::State& state, const std::string& who) {
  const auto size = static_cast<uint32_t>(state.range(0));
  Source source(size, who != "off", who == "device");
  // What the socket does: one copy of each byte.
  std::vector<std::byte> socket(size + 1200);
  for (auto _ : state) {
    size_t at = 0;
    source.SendPdu([&](const TxSlice& slice) {
      std::memcpy(socket.data() + at, slice.data, slice.size);
      at += slice.size;
    });
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * size);
}

void Register() {
  constexpr int64_t kSizes[] = {1392, 8192, 8892, 65536, 262144};
  std::vector<std::string> models = {"off"};
  for (const transport::OffloadModel& model : transport::OffloadModels()) {
    if (model.name != std::string("liar")) models.emplace_back(model.name);
  }
  for (int64_t size : kSizes) {
    for (const std::string& model : models) {
      const std::string name = "offload/receive/" + model;
      benchmark::RegisterBenchmark(name.c_str(), BM_Receive, model)->Arg(size);
    }
    for (const char* who : {"off", "software", "device"}) {
      const std::string name = std::string("offload/send/") + who;
      benchmark::RegisterBenchmark(name.c_str(), BM_Send, who)->Arg(size);
    }
  }
}

}  // namespace
}  // namespace isthmus

int main(int argc, char** argv) {
  isthmus::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
