// One connection of an initiator, from its first byte to the end of its login: the initiator's half
// of RFC 7143 chapter 6 (login) and sections 11.12, 11.13, 12 (security). Afterwards it is moved
// into a Session.
//
// Contract: after every input, drain Next(), then PollTransmit(), then read PollTimeout(). The
// engine opens no socket and reads no clock: the embedder connects, moves bytes and says what time
// it is.
//
// Who owns which bytes: names and secrets in the options are copied (secrets are wiped when the
// login ends); the memory is the caller's or, from OnHeap(), the connection's own, and moves with
// it. Received bytes and slices: see protocol/connection/segment.h.
//
//   auto connection = Connection::OnHeap(options);    // has already queued the first Login Request
//   loop:
//     while (connection.Next(&event)) switch (event.kind) {
//       case EventKind::kLoginDone:   session.Attach(std::move(connection), &id); ...
//       case EventKind::kRedirected:  remember event.text; ...
//       case EventKind::kLoginFailed: tell the user; ...
//       case EventKind::kDisconnect:  close it; connection.OnTransportClosed(Error::Ok());
//     }
//     n = connection.PollTransmit(slices, now);         // write them
//     connection.OnSent(bytes); connection.OnTransportDone(offset);
//     connection.Receive(segment, now);                 // what the socket gave
//     if (now >= connection.PollTimeout().at) connection.HandleTimeout(now);
#ifndef ISTHMUS_INITIATOR_CONNECTION_H_
#define ISTHMUS_INITIATOR_CONNECTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "digest/kernel.h"
#include "initiator/event.h"
#include "initiator/limits.h"
#include "protocol/auth/hash.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"

namespace isthmus::initiator {

// What this side offers unless told otherwise: digests if the target has them, large bursts,
// unsolicited data.
text::Offer DefaultOffer();

// Section 12.1.3. Secrets have 12 bytes at least (section 9.2.1) unless allow_short_secrets: then
// the caller answers for IPsec.
struct ChapOptions {
  std::string_view name = {};  // CHAP_N of the initiator; empty: CHAP is not offered
  std::string_view secret = {};
  std::string_view target_name = {};    // CHAP_N that the target must give; empty: any
  std::string_view target_secret = {};  // not empty: mutual, the target must prove itself
  bool required = true;                 // refuse a target that asks for no authentication
  bool allow_short_secrets = false;
  bool allow_without_md5 = false;  // as auth::ChapPolicy's
};

struct ConnectionOptions {
  std::string_view initiator_name;     // InitiatorName: iqn., eui. or naa. (section 4.2.7)
  std::string_view initiator_alias;    // may be empty
  std::string_view target_name;        // empty: a discovery session
  std::array<std::byte, 6> isid = {};  // 11.12.5; the same again reinstates the session (6.3.5)
  uint16_t tsih = 0;                   // 0: a new session, or reinstatement
  uint16_t cid = 0;
  uint32_t cmd_sn = 1;         // InitCmdSN: any number (section 11.12.8)
  bool skip_security = false;  // without CHAP: begin in the operational stage (section 6.3)

  // Values and preferences. {kCRC32C} alone demands a digest, {kNone} alone refuses it
  // (section 13.1). Names, alias, SessionType and AuthMethod in it are overwritten from what stands
  // above and below.
  text::Offer offer = DefaultOffer();

  ChapOptions chap;
  // In order of preference; if chap is on, they hold 5 unless it allows otherwise. Not owned;
  // outlives the login.
  std::span<const auth::HashAlgorithm> hashes = {};
  // Fresh and secret for each connection: the identifier and challenge of mutual CHAP.
  std::array<std::byte, 64> entropy = {};

  uint8_t redirect_hops = 0;  // redirections that led here (Event::redirect_hops)
  uint8_t max_redirect_hops = 4;

  const digest::Kernel* kernel = nullptr;  // needed; not owned; outlives the connection
  Limits limits = {};
  // Where a record of each PDU goes, from the login on; without a ring: nowhere (protocol/connection/trace.h).
  PduTracer tracer = {};
};

struct ConnectionState;  // initiator/connection_state.h
struct SessionState;

class Connection {
 public:
  // Bytes that `options` need; 0: they are not valid (Check() says why).
  static size_t MemoryNeeded(const ConnectionOptions& options);
  // What is wrong with the options: names, ranges, short entropy, CHAP without hashes, equal
  // secrets.
  static Error Check(const ConnectionOptions& options);

  // Takes all memory that it will ever need from `memory`, which stays in place for the
  // connection's life. The options must pass Check(); the memory must be MemoryNeeded() bytes.
  // Queues the first Login Request.
  Connection(const ConnectionOptions& options, std::span<std::byte> memory);
  // Heap helper: allocates that memory and owns it.
  static Connection OnHeap(const ConnectionOptions& options);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Lends a segment. Its stream_offset continues the stream. False, and nothing taken: drain Next()
  // first, and if that gives nothing, the engine waits for its own bytes to leave.
  bool Receive(const RxSegment& segment, Instant now);
  // Pulls the next event; false: none.
  bool Next(Event* event);
  // Slices to send now; returns how many of `out` were filled. The same answer until OnSent().
  size_t PollTransmit(std::span<TxSlice> out, Instant now);
  void OnSent(size_t bytes);
  // The transport reads nothing below this offset of the sent stream any more.
  void OnTransportDone(uint64_t stream_offset);
  // The transport is gone, `reason` says why as far as the embedder knows (Ok: closed in order).
  // What was not told yet is told by Next().
  void OnTransportClosed(Error reason);
  size_t WantRx(std::span<RxWant> out);
  size_t UnconsumedRx() const;
  // A pending digest verdict's answer (digest/verdict.h).
  void Resolve(uint32_t ticket, digest::Evidence header, digest::Evidence data);
  // From now on records go there: a connection that changes its thread takes another ring.
  void SetTracer(const PduTracer& tracer);
  Deadline PollTimeout() const;
  void HandleTimeout(Instant now);

  // Valid from kLoginDone on.
  const text::Parameters& parameters() const;
  const text::Declarations& declarations() const;  // TargetAlias, TargetPortalGroupTag
  uint16_t tsih() const;
  bool logged_in() const;

  const RxCounters& rx_counters() const;
  const TxCounters& tx_counters() const;

 private:
  friend struct SessionState;

  ConnectionState* state_ = nullptr;     // in the memory; nullptr after a move
  std::unique_ptr<std::byte[]> memory_;  // OnHeap
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CONNECTION_H_
