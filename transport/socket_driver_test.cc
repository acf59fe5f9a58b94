#include "transport/socket_driver.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "digest/verdict.h"
#include "gtest/gtest.h"
#include "transport/address.h"
#include "transport/device_link.h"
#include "transport/socket.h"

namespace isthmus::transport {
namespace {

// A Port that records what it is given and sends what it is told, as slices of any size.
struct FakePort {
  std::vector<std::byte> sink;
  bool sink_is_data = false;
  size_t sink_filled = 0;
  std::string received;
  size_t in_place_bytes = 0;
  size_t held = 0;
  std::vector<bool> vouched_for;  // by byte
  bool pdus = false;              // each slice is a PDU
  std::string to_send;
  size_t slice_size = 7;
  size_t sent = 0;
  uint64_t done = 0;

  size_t WantRx(std::span<RxWant> out) {
    if (sink_filled == sink.size()) return 0;
    out[0] = {std::span(sink).subspan(sink_filled), sink_is_data};
    return 1;
  }
  size_t UnconsumedRx() const { return held; }
  void Receive(const RxSegment& segment, Instant) {
    EXPECT_EQ(segment.stream_offset, received.size());
    if (segment.bytes.data() >= sink.data() && segment.bytes.data() < sink.data() + sink.size()) {
      in_place_bytes += segment.bytes.size();
      sink_filled += segment.bytes.size();
    }
    vouched_for.insert(vouched_for.end(), segment.bytes.size(),
                       segment.data.verdict == digest::DigestVerdict::kGood &&
                           segment.header.verdict == digest::DigestVerdict::kGood);
    received.append(reinterpret_cast<const char*>(segment.bytes.data()), segment.bytes.size());
  }
  size_t PollTransmit(std::span<TxSlice> out, Instant) {
    size_t count = 0;
    for (size_t at = sent; at < to_send.size() && count < out.size(); at += slice_size) {
      if (pdus) out[count].flags = TxFlags::kPduStart | TxFlags::kPduEnd;
      out[count].data = reinterpret_cast<const std::byte*>(to_send.data() + at);
      out[count++].size = static_cast<uint32_t>(std::min(slice_size, to_send.size() - at));
    }
    return count;
  }
  void OnSent(size_t bytes) { sent += bytes; }
  void OnTransportDone(uint64_t offset) { done = offset; }
};

// Says good of each second hundred bytes of the stream.
struct FakeDevice : DeviceLink {
  bool one_pdu_a_segment() const override { return true; }
  bool inserts_digests() const override { return false; }
  uint32_t DataSegmentLengthToSend() override { return 0; }
  void Arm(uint64_t, bool, bool) override {}
  size_t ReadLimit(uint64_t stream_offset, size_t runs) override {
    return runs * 100 - stream_offset % 100;
  }
  size_t Describe(uint64_t stream_offset, size_t bytes, std::span<RxRun> out) override {
    size_t count = 0;
    for (const uint64_t end = stream_offset + bytes; stream_offset < end; ++count) {
      const size_t step = std::min<size_t>(100 - stream_offset % 100, end - stream_offset);
      out[count] = {.bytes = step, .header = {}, .data = {}};
      if (stream_offset / 100 % 2 == 1)
        out[count].header = out[count].data = {.verdict = digest::DigestVerdict::kGood, .epoch = 1};
      stream_offset += step;
      if (count == out.size()) ADD_FAILURE() << "more was read than asked for";
    }
    return count;
  }
  bool BeforeSend(uint64_t stream_offset, std::span<const TxSlice> slices) override {
    for (const TxSlice& slice : slices) stream_offset += slice.size;
    announced = std::max(announced, stream_offset);
    return !refuses;
  }
  LinkCounters counters() const override { return {}; }

  uint64_t announced = 0;
  bool refuses = false;
};

struct Ends {
  Socket left, right;
};

Ends Connected() {
  absl::StatusOr<Socket> listener = Listen({"127.0.0.1", 0});
  EXPECT_TRUE(listener.ok()) << listener.status();
  Ends ends;
  ends.left = *Connect(listener->Local(), absl::Seconds(5));
  absl::StatusOr<Socket> accepted = Accept(*listener);
  EXPECT_TRUE(accepted.ok()) << accepted.status();
  ends.right = *std::move(accepted);
  return ends;
}

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + i / 251);
  return text;
}

TEST(SocketDriver, MovesEveryByteInOrderThroughAFullSocket) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
  FakePort from, to;
  RxBufferPool pool;
  from.to_send = Pattern(20 << 20);  // more than both socket buffers hold
  from.slice_size = 10'007;
  bool blocked = false;
  while (to.received.size() < from.to_send.size()) {
    blocked |= sender.Write(from, Instant{}) == IoResult::kBlocked;
    while (receiver.Read(to, pool, Instant{}) == IoResult::kProgress) receiver.AfterDrain(to, pool);
  }
  EXPECT_TRUE(blocked);
  EXPECT_EQ(to.received, from.to_send);
  EXPECT_EQ(from.done, from.to_send.size());
  EXPECT_EQ(sender.Write(from, Instant{}), IoResult::kIdle);
}

TEST(SocketDriver, ReadsDataStraightIntoTheWantedSinkAndTheRestBehindIt) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
  FakePort from, to;
  RxBufferPool pool;
  from.to_send = Pattern(100'000);
  from.slice_size = 100'000;
  to.sink.resize(65'536);
  to.sink_is_data = true;
  ASSERT_EQ(sender.Write(from, Instant{}), IoResult::kIdle);
  while (to.received.size() < from.to_send.size()) {
    receiver.Read(to, pool, Instant{});
    receiver.AfterDrain(to, pool);
  }
  EXPECT_EQ(to.received, from.to_send);
  // The end of the sink may be shorter than what is worth an entry of its own.
  EXPECT_GE(to.in_place_bytes, 65'536u - 2048u);
  EXPECT_EQ(std::memcmp(to.sink.data(), from.to_send.data(), to.in_place_bytes), 0);
}

// Behind a large destination only what the next header needs is read ahead: the data of the next PDU gets a destination of
// its own first. Small PDUs bring the whole read-ahead back.
TEST(SocketDriver, ReadsLittleBehindALargeDestination) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
  FakePort from, to;
  RxBufferPool pool;
  from.to_send = Pattern(200'000);
  from.slice_size = 200'000;
  to.sink.resize(65'536);
  to.sink_is_data = true;
  ASSERT_EQ(sender.Write(from, Instant{}), IoResult::kIdle);
  const auto read = [&] {
    const size_t before = to.received.size();
    while (receiver.Read(to, pool, Instant{}) == IoResult::kBlocked) {
    }
    receiver.AfterDrain(to, pool);
    return to.received.size() - before;
  };
  while (to.sink_filled < to.sink.size()) read();
  EXPECT_LE(to.received.size(), 65'536u + 4096u);
  if (receiver.may_have_more()) {
    EXPECT_LE(read(), 128u * 1024u);  // no large destination: the whole read-ahead buffer
  }
  while (to.received.size() < from.to_send.size()) read();
  EXPECT_EQ(to.received, from.to_send);
  EXPECT_FALSE(receiver.may_have_more());
  EXPECT_EQ(receiver.Read(to, pool, Instant{}), IoResult::kBlocked);
}

TEST(SocketDriver, CutsWhatItReadWhereADevicesVerdictChanges) {
  for (const size_t sink_size : {size_t{0}, size_t{50'050}}) {
    Ends ends = Connected();
    SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
    receiver.UseDevice(std::make_unique<FakeDevice>());
    FakePort from, to;
    RxBufferPool pool;
    from.to_send = Pattern(100'000);
    from.slice_size = 100'000;
    to.sink.resize(sink_size);
    to.sink_is_data = true;
    ASSERT_EQ(sender.Write(from, Instant{}), IoResult::kIdle);
    while (to.received.size() < from.to_send.size()) {
      receiver.Read(to, pool, Instant{});
      receiver.AfterDrain(to, pool);
    }
    EXPECT_EQ(to.received, from.to_send);
    for (size_t i = 0; i < to.vouched_for.size(); ++i)
      ASSERT_EQ(to.vouched_for[i], i / 100 % 2 == 1) << i;
  }
}

TEST(SocketDriver, SendsPdusOneByOneAfterTellingTheDevice) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
  auto owned = std::make_unique<FakeDevice>();
  FakeDevice& device = *owned;
  sender.UseDevice(std::move(owned));
  FakePort from, to;
  RxBufferPool pool;
  from.to_send = Pattern(8 << 20);
  from.slice_size = 8'948;
  from.pdus = true;
  bool blocked = false;
  while (to.received.size() < from.to_send.size()) {
    blocked |= sender.Write(from, Instant{}) == IoResult::kBlocked;
    EXPECT_GE(device.announced, from.sent);
    while (receiver.Read(to, pool, Instant{}) == IoResult::kProgress) receiver.AfterDrain(to, pool);
  }
  EXPECT_TRUE(blocked);
  EXPECT_EQ(to.received, from.to_send);
  device.refuses = true;
  from.to_send += "x";
  EXPECT_EQ(sender.Write(from, Instant{}), IoResult::kFailed);
  EXPECT_EQ(from.sent, size_t{8 << 20});
}

TEST(SocketDriver, DoesNotReadWhileTheEngineHoldsBytes) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left)), receiver(std::move(ends.right));
  FakePort from, to;
  RxBufferPool pool;
  from.to_send = "abc";
  sender.Write(from, Instant{});
  while (receiver.Read(to, pool, Instant{}) != IoResult::kProgress) {
  }
  to.held = 1;
  receiver.AfterDrain(to, pool);
  EXPECT_EQ(receiver.Read(to, pool, Instant{}), IoResult::kIdle);
  to.held = 0;
  receiver.AfterDrain(to, pool);
  EXPECT_EQ(receiver.Read(to, pool, Instant{}), IoResult::kBlocked);
}

TEST(SocketDriver, AsksForADrainWhenWhatLeftMayHaveMadeRoomForWhatWaits) {
  Ends ends = Connected();
  SocketDriver sender(std::move(ends.left));
  FakePort port;
  port.to_send = "answer";
  port.held = 48;
  EXPECT_EQ(sender.Write(port, Instant{}), IoResult::kDrain);
  EXPECT_EQ(sender.Write(port, Instant{}), IoResult::kIdle);  // nothing left: nothing is new
  port.held = 0;
  port.to_send += "more";
  EXPECT_EQ(sender.Write(port, Instant{}), IoResult::kIdle);
  port.held = 48;
  port.to_send += std::string(20 << 20, 'x');  // also in front of a full socket
  port.slice_size = 10'007;
  IoResult result = sender.Write(port, Instant{});
  EXPECT_EQ(result, IoResult::kDrain);
  while (result == IoResult::kDrain) result = sender.Write(port, Instant{});
  EXPECT_EQ(result, IoResult::kBlocked);
}

TEST(SocketDriver, TellsCloseAndFailureApart) {
  Ends ends = Connected();
  SocketDriver receiver(std::move(ends.right));
  FakePort port;
  RxBufferPool pool;
  ends.left.Close();
  IoResult result;
  while ((result = receiver.Read(port, pool, Instant{})) == IoResult::kBlocked) {
  }
  EXPECT_EQ(result, IoResult::kClosed);

  Ends reset = Connected();
  SocketDriver left(std::move(reset.left));
  const linger abort_on_close{1, 0};
  setsockopt(reset.right.fd(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
  reset.right.Close();
  port.to_send = "x";
  while ((result = left.Write(port, Instant{})) != IoResult::kFailed && port.sent == 0) {
  }
  EXPECT_EQ(result, IoResult::kFailed);
  EXPECT_NE(left.error(), 0);
}

}  // namespace
}  // namespace isthmus::transport
