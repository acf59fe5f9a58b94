// What a trace costs: PDUs of 512 bytes through a sender and a receiver, for callgrind to count the instructions of.
//
//   bazel build -c opt --config=gcc //bench:trace_cost
//   valgrind --tool=callgrind --toggle-collect=measured_step bazel-bin/bench/trace_cost [traced]
//
// The total divided by 1000 is one PDU, sent and received.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "digest/select.h"
#include "protocol/arena.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/trace.h"
#include "protocol/wire/field.h"

namespace {

using namespace isthmus;  // NOLINT: a short program

class NoStamper final : public Stamper {
 public:
  void Stamp(wire::Bhs&, uint64_t) override {}
};

void Receive(Receiver& receiver, const TxSlice& slice, uint64_t* offset,
             std::span<std::byte> sink) {
  RxSegment segment;
  segment.stream_offset = *offset;
  segment.bytes = {slice.data, slice.size};
  *offset += slice.size;
  if (!receiver.Push(segment)) std::abort();
  for (RxItem item; receiver.Next(&item);) {
    if (item.kind == RxItemKind::kHeader) receiver.SetSink(sink);
    if (item.kind == RxItemKind::kError) std::abort();
  }
}

}  // namespace

extern "C" [[gnu::noinline]] void measured_step(Sender& sender, Receiver& receiver,
                                                std::span<std::byte> data,
                                                std::span<std::byte> sink) {
  NoStamper stamper;
  wire::Bhs header;
  header.bytes[0] = std::byte{0x05};
  TxSlice slices[16];
  uint64_t offset = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!sender.QueuePdu(TxClass::kNormal, header, {}, data, 0)) std::abort();
    const size_t count = sender.PollTransmit(slices, stamper);
    size_t size = 0;
    for (const TxSlice& slice : std::span(slices).first(count)) {
      size += slice.size;
      Receive(receiver, slice, &offset, sink);
    }
    sender.OnSent(size);
    sender.OnTransportDone(offset);
    for (TxDone done; sender.NextDone(&done);) {
    }
  }
}

int main(int argc, char**) {
  std::vector<std::byte> ring_memory(1 << 16), data(512), sink(512);
  PduTraceRing ring(ring_memory);
  const PduTracer tracer = {.ring = argc > 1 ? &ring : nullptr};
  Sender::Options sender_options;
  sender_options.kernel = &digest::SelectKernel();
  sender_options.tracer = tracer;
  Receiver::Options receiver_options;
  receiver_options.kernel = sender_options.kernel;
  receiver_options.tracer = tracer;
  std::vector<std::byte> memory(Sender::MemoryNeeded(sender_options));
  Arena arena(memory);
  Sender sender(sender_options, arena);
  Receiver receiver(receiver_options);
  measured_step(sender, receiver, data, sink);
  uint64_t records = ring.lost();
  for (PduTrace trace; ring.Next(&trace);) ++records;
  std::printf("%llu records\n", static_cast<unsigned long long>(records));
  return records == (argc > 1 ? 2000u : 0u) ? 0 : 1;
}
