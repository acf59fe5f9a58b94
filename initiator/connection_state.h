// What a Connection is made of, in the memory that its creator gave: the channel (receiver, sender)
// that a session goes on using, and the login that ends before. RFC 7143 sections 6.3, 11.12,
// 11.13. Private to the initiator's engine.
//
// Who owns which bytes: everything here lies in the connection's memory and moves with it. The
// answers' text points into rx_text; the request being sent points into tx_text until its Done.
#ifndef ISTHMUS_INITIATOR_CONNECTION_STATE_H_
#define ISTHMUS_INITIATOR_CONNECTION_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "initiator/connection.h"
#include "initiator/event.h"
#include "protocol/arena.h"
#include "protocol/auth/chap.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/states.h"
#include "protocol/error.h"
#include "protocol/session/deadlines.h"
#include "protocol/text/codec.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"
#include "protocol/wire/field.h"

namespace isthmus::initiator {

struct ConnectionState final : Stamper {
  enum class Phase : uint8_t {
    kLogin,
    kLoggedIn,  // kLoginDone is queued or told; the rest of the stream is the session's
    kFailed,    // kDisconnect is queued or told; nothing more is parsed
    kClosed,    // the transport is gone
  };

  // The text of one login PDU: what may be sent and must be accepted before anything is negotiated
  // (section 13.12).
  static constexpr uint32_t kLoginSegmentBytes = 8192;

  ConnectionState() = default;

  static size_t MemoryNeeded(const ConnectionOptions& options);
  void Init(const ConnectionOptions& options, Arena& arena);

  // Entries of Connection (login.cc).
  bool Next(Event* event);
  void HandleTimeout(Instant now);
  void OnTransportClosed(Error reason);
  void SeeTime(Instant now);
  void DrainDone();

  // Login (login.cc).
  void BeginStage(text::Stage stage);
  void Advance();
  void SendRequest();
  void OnHeader(const RxItem& item);
  void OnResponse(const RxItem& item);
  Error CheckResponse(const wire::Bhs& header) const;
  void OnRefusal(uint16_t status, const RxItem& item);
  Error OnText(bool transit, text::Stage next);
  Error OnChapText(std::span<const std::byte> text);
  bool SecurityDone() const;
  void Finish(const wire::Bhs& header);
  void Fail(LoginFailure failure, Error error, uint16_t status = 0);
  void Queue(const Event& event);

  void Stamp(wire::Bhs& header, uint64_t cookie) override;

  std::optional<Receiver> receiver;
  std::optional<Sender> sender;
  std::optional<text::Negotiation> negotiation;
  Limits limits;
  Phase phase = Phase::kLogin;
  Csm csm{Role::kInitiator};
  uint16_t cid = 0;
  uint16_t tsih = 0;  // granted
  std::array<std::byte, 6> isid = {};
  uint32_t cmd_sn = 0;       // of the first command
  uint32_t exp_stat_sn = 0;  // of the next response
  uint32_t exp_cmd_sn = 0, max_cmd_sn = 0;

  // Of the login alone.
  std::optional<text::TextJoiner> joiner;
  std::optional<auth::ChapInitiator> chap;
  std::span<std::byte> tx_text;
  std::span<std::byte> rx_segment;
  text::FixedText<text::kMaxNameBytes> initiator_name, target_name;
  text::FixedText<text::kMaxSimpleValueBytes> initiator_alias;
  text::FixedText<text::kMaxSimpleValueBytes> redirect_address;
  text::Stage stage = text::Stage::kSecurity;
  bool chap_required = false;
  bool mutual = false;
  bool first_response = true;
  bool request_in_flight = false;  // its text is still being read by the transport
  bool request_due = false;        // to be sent as soon as it is not
  bool awaiting_response = false;
  bool sent_continue = false;  // the last request had C=1
  bool sent_transit = false;   // or T=1
  uint16_t requested_tsih = 0;
  uint16_t rounds = 0;
  uint8_t redirect_hops = 0, max_redirect_hops = 0;
  uint32_t login_timeout_ms = 0;
  bool deadline_armed = false;
  Deadlines deadlines;

  std::array<Event, 4> events = {};
  size_t event_head = 0, event_count = 0;
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CONNECTION_STATE_H_
