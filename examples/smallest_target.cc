// The smallest embedder of the target's engine: one connection, one blocking socket, a RAM disk of 1 MiB.
//
//   smallest_target PORT        (0: any; prints the port, serves one session, ends)
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "digest/select.h"
#include "target/connection.h"
#include "target/session.h"

namespace {

using namespace isthmus;  // NOLINT: an example

constexpr uint32_t kBlock = 512, kBlocks = 2048;
std::vector<std::byte> disk(kBlock* kBlocks);
std::array<std::byte, 64> answer;

Instant Now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{t.tv_sec * 1'000'000'000 + t.tv_nsec};
}

uint32_t Big32(std::span<const std::byte> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return value;
}

void Put32(size_t at, uint32_t value) {
  for (size_t i = 4; i-- > 0; value >>= 8) answer[at + i] = std::byte(value & 0xff);
}

// Five SCSI commands are a disk.
void Serve(target::Session& session, const target::Event& event) {
  const auto opcode = std::to_integer<int>(event.cdb[0]);
  const size_t offset = size_t{Big32(event.cdb, 2)} * kBlock;
  const size_t length = size_t{Big32(event.cdb, 5) & 0xffff} * kBlock;
  const bool inside = offset + length <= disk.size();
  target::Completion completion;
  answer = {};
  if (opcode == 0x00) {  // TEST UNIT READY
  } else if (opcode == 0x12) {  // INQUIRY
    answer[2] = std::byte{6};
    answer[4] = std::byte{31};
    (void)session.SendData(event.task, 0, std::span(answer).first(36), {}).ok();
  } else if (opcode == 0x25) {  // READ CAPACITY(10)
    Put32(0, kBlocks - 1);
    Put32(4, kBlock);
    (void)session.SendData(event.task, 0, std::span(answer).first(8), {}).ok();
  } else if (opcode == 0x28 && inside) {  // READ(10)
    (void)session.SendData(event.task, 0, std::span(disk).subspan(offset, length), {}).ok();
  } else if (opcode == 0x2a && inside) {  // WRITE(10): kDataReceived completes it
    if (session.AcceptData(event.task, 0, std::span(disk).subspan(offset, length)).ok()) return;
  } else {
    static constexpr std::array<std::byte, 18> kIllegalRequest = {std::byte{0x70}, {}, std::byte{5}, {}, {}, {}, {},
                                                                  std::byte{10}, {}, {}, {}, {}, std::byte{0x20}};
    completion.status = 2;  // CHECK CONDITION
    completion.sense = kIllegalRequest;
  }
  (void)session.Complete(event.task, completion).ok();
}

// Sends what there is; false: the connection is gone.
template <class Poll, class Sent>
bool Send(int fd, Poll poll, Sent sent) {
  std::array<TxSlice, 32> slices;
  for (size_t n; (n = poll(std::span<TxSlice>(slices))) > 0;) {
    std::array<iovec, 32> vector;
    for (size_t i = 0; i < n; ++i) vector[i] = {const_cast<std::byte*>(slices[i].data), slices[i].size};
    const ssize_t written = writev(fd, vector.data(), static_cast<int>(n));
    if (written <= 0) return false;
    sent(static_cast<size_t>(written));
  }
  return true;
}

void ServeConnection(int fd) {
  target::ConnectionOptions options;
  options.kernel = &digest::SelectKernel();
  target::Connection connection = target::Connection::OnHeap(options);
  std::optional<target::Session> session;
  ConnectionId id;
  std::vector<std::byte> buffer(65536);
  RxSegment segment;
  uint64_t done = 0;
  for (bool open = true; open;) {
    // What was sent below may have made room for answers to what is still unread, and lent.
    if ((session ? session->UnconsumedRx(id) : connection.UnconsumedRx()) == 0) {
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      if (got <= 0) return;
      segment.bytes = std::span(buffer).first(static_cast<size_t>(got));
      session ? session->Receive(id, segment, Now()) : connection.Receive(segment, Now());
      segment.stream_offset += static_cast<uint64_t>(got);
    }
    for (target::Event event; session ? session->Next(&event) : connection.Next(&event);) {
      switch (event.kind) {
        case target::EventKind::kLookup: {
          target::LookupAnswer lookup;
          lookup.offer.TargetPortalGroupTag = 1;
          (void)connection.AnswerLookup(lookup).ok();
          break;
        }
        case target::EventKind::kClaim: {
          target::ClaimAnswer claim;
          claim.tsih = 1;
          (void)connection.AnswerClaim(claim).ok();
          break;
        }
        case target::EventKind::kLoginDone:
          session.emplace(target::Session::OnHeap({}));
          open = session->Attach(std::move(connection), &id).ok();
          break;
        case target::EventKind::kBegin:  // data that comes unasked may land only after the command is known to be good
          (void)session->Refuse(event.task, 0x08).ok();
          break;
        case target::EventKind::kCommand:
          Serve(*session, event);
          break;
        case target::EventKind::kDataReceived:
          (void)session->Complete(event.task, {}).ok();
          break;
        case target::EventKind::kTaskAborted:
          (void)session->Release(event.task).ok();
          break;
        case target::EventKind::kDisconnect:
          open = false;
          break;
        default:
          break;
      }
    }
    const auto poll = [&](std::span<TxSlice> slices) {
      return session ? session->PollTransmit(id, slices, Now()) : connection.PollTransmit(slices, Now());
    };
    const auto sent = [&](size_t bytes) {
      done += bytes;
      session ? session->OnSent(id, bytes) : connection.OnSent(bytes);
      session ? session->OnTransportDone(id, done) : connection.OnTransportDone(done);
    };
    if (!Send(fd, poll, sent)) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 3260));
  socklen_t size = sizeof at;
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 1) != 0) return 1;
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  std::printf("%d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  const int fd = accept(listener, nullptr, nullptr);
  ServeConnection(fd);
  close(fd);
  return 0;
}
