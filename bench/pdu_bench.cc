// What framing costs: PDUs through a receiver and a sender, in batches of 32, with digests off and on; without data: a burst
// of headers.
//
//   bazel run -c opt //bench:pdu_bench
//
// Names: pdu/<direction>/<digests>/<data bytes>; an item is a PDU. burst/<how>: digests of headers, an item is one. The counter `allocations` is of
// the whole measured loop and must be 0.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/allocations.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"
#include "protocol/arena.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/wire/field.h"

namespace isthmus {
namespace {

constexpr int kDepth = 32;
constexpr size_t kLentBytes = 65536;
constexpr uint32_t kMaxDataSegmentLength = 1 << 18;

class NoStamper final : public Stamper {
 public:
  void Stamp(wire::Bhs&, uint64_t) override {}
};

wire::Bhs DataOutHeader() {
  wire::Bhs header;
  header.bytes[0] = std::byte{0x05};
  header.bytes[1] = std::byte{0x80};
  return header;
}

// A sender with everything around it, in memory taken before the measurement.
struct Out {
  Out(bool digests, bool unstable) {
    Sender::Options options;
    options.kernel = &digest::SelectKernel();
    options.staging_bytes = unstable ? 4 * kMaxDataSegmentLength : 0;
    memory.resize(Sender::MemoryNeeded(options));
    Arena arena(memory);
    sender = std::make_unique<Sender>(options, arena);
    sender->SetDigests(digests, digests);
    sender->SetMaxDataSegmentLength(kMaxDataSegmentLength);
    transfer.header = DataOutHeader();
    transfer.unstable = unstable;
  }

  // Shows, takes and finishes everything that is queued; the slices go to `use`.
  template <class Use>
  void Drain(Use use) {
    for (size_t count; (count = sender->PollTransmit(slices, stamper)) > 0;) {
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) {
        use(slices[i]);
        size += slices[i].size;
      }
      sender->OnSent(size);
      sender->OnTransportDone(sender->stream_offset());
    }
    TxDone done;
    while (sender->NextDone(&done)) {
    }
  }

  std::vector<std::byte> memory;
  std::unique_ptr<Sender> sender;
  NoStamper stamper;
  TxSlice slices[64];
  Transfer transfer;
};

void Report(benchmark::State& state, uint64_t allocations_before, size_t data_size) {
  state.counters["allocations"] = static_cast<double>(bench::Allocations() - allocations_before);
  state.SetItemsProcessed(state.iterations() * kDepth);
  state.SetBytesProcessed(state.iterations() * kDepth * static_cast<int64_t>(data_size));
}

void Transmit(benchmark::State& state, bool digests, bool unstable, size_t data_size) {
  Out out(digests, unstable);
  std::vector<std::byte> data(data_size, std::byte{0x5a});
  out.transfer.source = data;
  const uint64_t before = bench::Allocations();
  for (auto _ : state) {
    for (int i = 0; i < kDepth; ++i) {
      if (!out.sender->QueueTransfer(out.transfer)) state.SkipWithError("refused");
    }
    out.Drain([](const TxSlice& slice) { benchmark::DoNotOptimize(slice.data); });
  }
  Report(state, before, data_size);
}

// The bytes of kDepth PDUs as a sender makes them.
std::vector<std::byte> Stream(bool digests, size_t data_size) {
  Out out(digests, false);
  std::vector<std::byte> data(data_size, std::byte{0x5a});
  out.transfer.source = data;
  for (int i = 0; i < kDepth; ++i) (void)out.sender->QueueTransfer(out.transfer);
  std::vector<std::byte> stream;
  out.Drain([&](const TxSlice& slice) {
    stream.insert(stream.end(), slice.data, slice.data + slice.size);
  });
  return stream;
}

// Segments of 64 KiB as a transport lends them, each in turn; data is copied into its sink.
void ReceiveLent(benchmark::State& state, bool digests, size_t data_size) {
  const std::vector<std::byte> stream = Stream(digests, data_size);
  std::vector<std::byte> sink(data_size);
  Receiver::Options options;
  options.kernel = &digest::SelectKernel();
  options.MaxRecvDataSegmentLength = kMaxDataSegmentLength;
  Receiver receiver(options);
  receiver.SetDigests(digests, digests);
  uint64_t offset = 0;
  const uint64_t before = bench::Allocations();
  for (auto _ : state) {
    for (size_t at = 0; at < stream.size(); at += kLentBytes) {
      RxSegment segment;
      segment.stream_offset = offset;
      segment.bytes = std::span(stream).subspan(at, std::min(kLentBytes, stream.size() - at));
      offset += segment.bytes.size();
      if (!receiver.Push(segment)) state.SkipWithError("refused");
      RxItem item;
      while (receiver.Next(&item)) {
        if (item.kind == RxItemKind::kHeader) receiver.SetSink(sink);
        if (item.kind == RxItemKind::kError) state.SkipWithError("error");
      }
    }
  }
  Report(state, before, data_size);
}

// As a scatter read into WantRx() leaves them: data is in its sink, header and tail in the receiver's buffer. What the
// read itself costs is left out, so headers are put there by a small copy and data is there already.
void ReceiveInPlace(benchmark::State& state, bool digests, size_t data_size) {
  const std::vector<std::byte> stream = Stream(digests, data_size);
  std::vector<std::byte> sink(data_size, std::byte{0x5a});
  Receiver::Options options;
  options.kernel = &digest::SelectKernel();
  options.MaxRecvDataSegmentLength = kMaxDataSegmentLength;
  Receiver receiver(options);
  receiver.SetDigests(digests, digests);
  uint64_t offset = 0;
  const uint64_t before = bench::Allocations();
  for (auto _ : state) {
    for (size_t at = 0; at < stream.size();) {
      RxWant wants[2];
      const size_t count = receiver.WantRx(wants);
      if (count == 0) {
        state.SkipWithError("stuck");
        break;
      }
      for (size_t i = 0; i < count && at < stream.size(); ++i) {
        const size_t size = std::min(wants[i].sink.size(), stream.size() - at);
        if (!wants[i].is_data) std::memcpy(wants[i].sink.data(), stream.data() + at, size);
        RxSegment segment;
        segment.stream_offset = offset;
        segment.bytes = wants[i].sink.first(size);
        if (!receiver.Push(segment)) state.SkipWithError("refused");
        offset += size;
        at += size;
      }
      RxItem item;
      while (receiver.Next(&item)) {
        if (item.kind == RxItemKind::kHeader) receiver.SetSink(sink);
        if (item.kind == RxItemKind::kError) state.SkipWithError("error");
      }
    }
  }
  Report(state, before, data_size);
}

// What a batch of header digests could win at most: the headers of a burst gathered and judged as the receiver does it, and
// nothing else around. Each digest is independent of the others also when they are computed one by one.
void Burst(benchmark::State& state, bool batch) {
  constexpr size_t kStep = wire::kBhsSize + digest::kDigestSize;
  const std::vector<std::byte> stream = Stream(true, 0);
  const digest::Kernel& kernel = digest::SelectKernel();
  std::byte gathered[kStep];
  for (auto _ : state) {
    digest::Piece pieces[kDepth];
    digest::Crc32c digests[kDepth];
    if (batch) {
      for (size_t i = 0; i < kDepth; ++i) pieces[i] = {stream.data() + i * kStep, wire::kBhsSize};
      kernel.compute_batch(pieces, kDepth, digests);
    }
    for (size_t i = 0; i < kDepth; ++i) {
      std::memcpy(gathered, stream.data() + i * kStep, kStep);
      const digest::Crc32c crc = batch ? digests[i] : kernel.extend({}, gathered, wire::kBhsSize);
      if (crc != digest::LoadDigest(gathered + wire::kBhsSize)) state.SkipWithError("digest");
      benchmark::DoNotOptimize(gathered);
    }
  }
  state.SetItemsProcessed(state.iterations() * kDepth);
}

void RegisterAll() {
  benchmark::RegisterBenchmark("burst/one_by_one", [](benchmark::State& s) { Burst(s, false); });
  benchmark::RegisterBenchmark("burst/batch", [](benchmark::State& s) { Burst(s, true); });
  for (bool digests : {false, true}) {
    for (size_t data_size : {size_t{0}, size_t{4096}, size_t{65536}}) {
      const std::string end =
          std::string(digests ? "digests/" : "plain/") + std::to_string(data_size);
      const auto add = [&](const char* direction, auto function) {
        benchmark::RegisterBenchmark(("pdu/" + std::string(direction) + "/" + end).c_str(),
                                     function);
      };
      add("receive_lent", [=](benchmark::State& s) { ReceiveLent(s, digests, data_size); });
      add("transmit", [=](benchmark::State& s) { Transmit(s, digests, false, data_size); });
      if (data_size == 0) continue;  // nothing but a header
      add("transmit_unstable", [=](benchmark::State& s) { Transmit(s, digests, true, data_size); });
      add("receive_in_place", [=](benchmark::State& s) { ReceiveInPlace(s, digests, data_size); });
    }
  }
}

}  // namespace
}  // namespace isthmus

int main(int argc, char** argv) {
  isthmus::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
