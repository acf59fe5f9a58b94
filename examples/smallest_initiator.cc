// The smallest embedder of the initiator's engine: logs in over one blocking socket, writes a block, reads it back.
//
//   smallest_initiator PORT TARGET-NAME        (exit status 0: the bytes came back, with both digests on)
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "digest/select.h"
#include "initiator/connection.h"
#include "initiator/session.h"

namespace {

using namespace isthmus;  // NOLINT: an example

Instant Now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant{t.tv_sec * 1'000'000'000 + t.tv_nsec};
}

bool Send(int fd, std::span<const TxSlice> slices, size_t* bytes) {
  std::array<iovec, 32> vector;
  for (size_t i = 0; i < slices.size(); ++i) vector[i] = {const_cast<std::byte*>(slices[i].data), slices[i].size};
  const ssize_t written = writev(fd, vector.data(), static_cast<int>(slices.size()));
  *bytes = static_cast<size_t>(written);
  return written > 0;
}

// WRITE(10), READ(10) and LOGOUT, one after the other.
class Work {
 public:
  bool ok() const { return ok_; }

  void Start(initiator::Session& session) {
    std::fill(out_.begin(), out_.end(), std::byte{0xa5});
    initiator::Command command;
    command.cdb = cdb_;
    cdb_[0] = std::byte{0x2a};
    cdb_[8] = std::byte{1};  // one block, at LBA 0
    command.data_out = out_;
    initiator::TaskId task;
    (void)session.Submit(command, &task).ok();
  }

  void Completed(initiator::Session& session, const initiator::Event& event) {
    const bool good = event.outcome == initiator::Outcome::kAnswered && event.status == 0;
    if (!good || reading_) {
      ok_ = good && in_ == out_;
      (void)session.Logout(initiator::LogoutReason::kCloseSession).ok();
      return;
    }
    reading_ = true;
    initiator::Command command;
    cdb_[0] = std::byte{0x28};
    command.cdb = cdb_;
    command.data_in = in_;
    initiator::TaskId task;
    (void)session.Submit(command, &task).ok();
  }

 private:
  std::array<std::byte, 10> cdb_{};
  std::vector<std::byte> out_ = std::vector<std::byte>(512), in_ = std::vector<std::byte>(512);
  bool reading_ = false, ok_ = false;
};

bool Run(int fd, const char* target_name) {
  initiator::ConnectionOptions options;
  options.initiator_name = "iqn.2026-11.org.isthmus:smallest";
  options.target_name = target_name;
  options.isid = {std::byte{0x80}};
  options.offer.HeaderDigest = {text::DigestAlgorithm::kCRC32C};
  options.offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
  options.offer.ImmediateData = false;
  options.kernel = &digest::SelectKernel();
  initiator::Connection connection = initiator::Connection::OnHeap(options);
  std::optional<initiator::Session> session;
  ConnectionId id;
  Work work;
  std::vector<std::byte> buffer(65536);
  RxSegment segment;
  uint64_t done = 0;
  for (bool open = true; open;) {
    for (initiator::Event event; session ? session->Next(&event) : connection.Next(&event);) {
      if (event.kind == initiator::EventKind::kLoginDone) {
        session.emplace(initiator::Session::OnHeap({}));
        if (!session->Attach(std::move(connection), &id).ok()) return false;
        work.Start(*session);
      } else if (event.kind == initiator::EventKind::kCompleted) {
        work.Completed(*session, event);
      } else if (event.kind == initiator::EventKind::kDisconnect) {
        open = false;
      }
    }
    std::array<TxSlice, 32> slices;
    for (size_t n; (n = session ? session->PollTransmit(id, slices, Now()) : connection.PollTransmit(slices, Now())) > 0;) {
      size_t bytes = 0;
      if (!Send(fd, std::span(slices).first(n), &bytes)) return false;
      done += bytes;
      session ? session->OnSent(id, bytes) : connection.OnSent(bytes);
      session ? session->OnTransportDone(id, done) : connection.OnTransportDone(done);
    }
    if (!open) break;
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) return false;
    segment.bytes = std::span(buffer).first(static_cast<size_t>(got));
    session ? session->Receive(id, segment, Now()) : connection.Receive(segment, Now());
    segment.stream_offset += static_cast<uint64_t>(got);
  }
  return work.ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[1])));
  if (connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return 1;
  const bool ok = Run(fd, argv[2]);
  std::puts(ok ? "the block came back" : "failed");
  return ok ? 0 : 1;
}
