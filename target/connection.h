// A target's connection from its first byte to the end of its login. RFC 7143 sections 6.3 (login
// phase), 11.12 and 11.13 (Login Request and Response), 12.1 (CHAP). Until then it is driven alone;
// after it, as part of a session, by the same entries of target/session.h.
//
// Contract: after every input or answer, drain Next(), then PollTransmit(), then read
// PollTimeout().
//
//   target::Connection connection = target::Connection::OnHeap(options);
//   connection.Receive(segment, now);                     // or a scatter read into WantRx()
//   while (connection.Next(&event)) switch (event.kind) {
//     case EventKind::kLookup:    connection.AnswerLookup(answer); break;   // or later
//     case EventKind::kClaim:     connection.AnswerClaim({.tsih = tsih}); break;  // or later
//     case EventKind::kLoginDone:
//       session.Attach(std::move(connection), &id);         // and go on with the session
//       return;
//     case EventKind::kDisconnect: ...                      // flush, close, destroy the connection
//   }
//   n = connection.PollTransmit(slices, now);
//   connection.OnSent(n_bytes);
//   connection.OnTransportDone(offset);
//
// Who owns which bytes: received segments, the memory given at creation, and the accounts of
// AnswerLookup are the caller's; accounts must stay until kLoginDone or kDisconnect. Secrets are
// never copied out and never in an event or error. Unread bytes move with the connection into the
// session: nothing is lost.
#ifndef ISTHMUS_TARGET_CONNECTION_H_
#define ISTHMUS_TARGET_CONNECTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "digest/kernel.h"
#include "protocol/auth/chap.h"
#include "protocol/auth/hash.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"
#include "target/event.h"
#include "target/limits.h"

namespace isthmus::target {

class Session;
struct ConnectionState;  // target/connection_state.h

struct ConnectionOptions {
  Limits limits;
  const digest::Kernel* kernel = nullptr;  // not owned; outlives the connection
  // CHAP's hashes that are accepted (the initiator's order decides); they hold 5 (MD5, section
  // 12.1.3) unless allow_without_md5. Not copied; outlive the connection. Empty: no CHAP.
  std::span<const auth::HashAlgorithm> hashes;
  bool allow_without_md5 = false;  // as auth::ChapPolicy's
  // Of this thread's logins: finds reflected challenges; may be nullptr.
  auth::ChallengeHistory* history = nullptr;
  // Fresh and secret for each connection: CHAP identifier (first byte) and challenge.
  std::array<std::byte, 64> entropy = {};
  // Where a record of each PDU goes, from the login on; without a ring: nowhere (protocol/connection/trace.h).
  PduTracer tracer = {};
};

// Who may log in, and the secrets that prove it (section 12.1.3). All views are borrowed (see
// above).
struct Account {
  std::string_view user_name;    // CHAP_N of the initiator, compared whole
  std::string_view secret;       // at least 12 bytes, unless LookupAnswer::allow_short_secret
  std::string_view mutual_name;  // CHAP_N of the target
  // Differs from `secret`; empty: an initiator's challenge is refused (0x0201).
  std::string_view mutual_secret;
};

// Login status, section 11.13.5. Both 0: success.
struct LoginStatus {
  uint8_t status_class = 0;
  uint8_t status_detail = 0;
};

struct LookupAnswer {
  LoginStatus status;                 // not 0: refused with it
  std::string_view redirect_address;  // with class 1: domainname[:port], without a portal group tag
  // What this target offers and accepts; copied, its views borrowed. AuthMethod is set from the
  // three fields below.
  text::Offer offer;
  bool require_chap = false;  // None is no method (section 12.1)
  // An initiator that does not challenge in turn is refused (0x0201).
  bool require_mutual_chap = false;
  bool allow_short_secret = false;    // section 9.2.1: only where IPsec protects the connection
  std::span<const Account> accounts;  // borrowed; empty: CHAP is not offered
};

struct ClaimAnswer {
  LoginStatus status;  // not 0: refused with it
  uint16_t tsih = 0;   // granted; not 0 on success
  // Of the session that is joined (its window, section 11.13.3). A new session begins at the
  // request's CmdSN.
  bool joins = false;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
};

class Connection {
 public:
  // Bytes that a connection takes from the caller, for all of its life (also in a session).
  static size_t MemoryNeeded(const ConnectionOptions& options);
  // `memory` stays in place until the connection, or the session that took it, is gone.
  Connection(const ConnectionOptions& options, std::span<std::byte> memory);
  static Connection OnHeap(const ConnectionOptions& options);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // False, and nothing taken: drain Next() first, or the connection is over.
  bool Receive(const RxSegment& segment, Instant now);
  bool Next(Event* event);
  size_t PollTransmit(std::span<TxSlice> out, Instant now);
  void OnSent(size_t bytes);
  void OnTransportDone(uint64_t stream_offset);
  void OnTransportClosed(Error reason);
  size_t WantRx(std::span<RxWant> out);
  size_t UnconsumedRx() const;
  // The login's deadline counts from the first call that says what time it is: call HandleTimeout()
  // once at the start.
  Deadline PollTimeout() const;
  void HandleTimeout(Instant now);

  // From now on records go there: a connection that changes its thread takes another ring.
  void SetTracer(const PduTracer& tracer);

  // Answers; refused (kCallOutOfState) when nothing asked for them.
  [[nodiscard]] Error AnswerLookup(const LookupAnswer& answer);
  [[nodiscard]] Error AnswerClaim(const ClaimAnswer& answer);

  // What login found out. Names once kLookup came, the rest once kLoginDone did.
  const text::Parameters& parameters() const;
  std::string_view initiator_name() const;
  std::string_view target_name() const;
  std::span<const std::byte, 6> isid() const;
  uint16_t tsih() const;
  uint16_t cid() const;
  const RxCounters& rx_counters() const;
  const TxCounters& tx_counters() const;

 private:
  friend class Session;
  ConnectionState* state_ = nullptr;     // in memory_ or the caller's
  std::unique_ptr<std::byte[]> memory_;  // OnHeap
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_CONNECTION_H_
