// Both engines in another project's program: an initiator logs in to a target in the same process, with CHAP by the project's
// own OpenSSL and with digests. Prints what they agreed on.
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>

#include "absl/strings/str_cat.h"
#include "digest/select.h"
#include "initiator/connection.h"
#include "protocol/auth/openssl_hashes.h"
#include "protocol/connection/segment.h"
#include "target/connection.h"

#if !defined(OWN_ABSEIL) || !defined(OWN_OPENSSL)
#error "not the project's own libraries"
#endif

namespace {

using namespace isthmus;  // NOLINT: an example

constexpr target::Account kAlice = {.user_name = "alice", .secret = "alice's secret"};

// Moves what `from` has to send to `to`; false: nothing.
template <class From, class To>
bool Move(From& from, To& to, uint64_t* offset) {
  std::array<TxSlice, 16> slices;
  const size_t count = from.PollTransmit(slices, Instant{});
  for (const TxSlice& slice : std::span(slices).first(count)) {
    RxSegment segment;
    segment.stream_offset = *offset;
    segment.bytes = {slice.data, slice.size};
    if (!to.Receive(segment, Instant{})) return false;
    *offset += slice.size;
    from.OnSent(slice.size);
  }
  return count > 0;
}

}  // namespace

int main() {
  initiator::ConnectionOptions options;
  options.initiator_name = "iqn.2026-11.example:program";
  options.target_name = "iqn.2026-11.example:disk";
  options.isid = {std::byte{0x80}};
  options.kernel = &digest::SelectKernel();
  options.hashes = auth::OpenSslHashes();
  options.chap.name = kAlice.user_name;
  options.chap.secret = kAlice.secret;
  target::ConnectionOptions target_options;
  target_options.kernel = options.kernel;
  target_options.hashes = options.hashes;
  target_options.entropy.fill(std::byte{7});  // a real one asks getrandom()
  if (!initiator::Connection::Check(options).ok()) return 1;
  initiator::Connection initiator = initiator::Connection::OnHeap(options);
  target::Connection target = target::Connection::OnHeap(target_options);

  uint64_t to_target = 0, to_initiator = 0;
  bool done = false, proven = false;
  while (!done) {
    bool moved = Move(initiator, target, &to_target);
    for (target::Event event; target.Next(&event);) {
      if (event.kind == target::EventKind::kLookup) {
        target::LookupAnswer answer;
        answer.offer.TargetPortalGroupTag = 1;
        answer.require_chap = true;
        answer.accounts = std::span(&kAlice, 1);
        if (!target.AnswerLookup(answer).ok()) return 1;
      } else if (event.kind == target::EventKind::kClaim) {
        proven = event.user_name == kAlice.user_name;
        if (!target.AnswerClaim({.status = {}, .tsih = 1}).ok()) return 1;
      }
    }
    initiator.OnTransportDone(to_target);
    moved = Move(target, initiator, &to_initiator) || moved;
    target.OnTransportDone(to_initiator);
    for (initiator::Event event; initiator.Next(&event);) {
      done = done || event.kind == initiator::EventKind::kLoginDone;
    }
    if (!moved && !done) return 1;
  }
  const text::Parameters& parameters = initiator.parameters();
  std::cout << absl::StrCat("logged in, CHAP ", proven ? "proven" : "missing", ", HeaderDigest ",
                            parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C ? "CRC32C" : "None",
                            ", kernel ", options.kernel->name, "\n");
  return proven ? 0 : 1;
}
