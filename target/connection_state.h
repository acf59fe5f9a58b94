// What a connection keeps: its receiver and sender, the login in progress, and, once it belongs to
// a session, what is the connection's own there. Internal to target/. RFC 7143
// sections 6.3, 11.12, 11.13, 4.2.2.2 (StatSN).
//
// Lies whole in the connection's memory and stays there when the connection moves into a session.
#ifndef ISTHMUS_TARGET_CONNECTION_STATE_H_
#define ISTHMUS_TARGET_CONNECTION_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/arena.h"
#include "protocol/auth/chap.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/states.h"
#include "protocol/error.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"
#include "target/connection.h"
#include "target/event.h"

namespace isthmus::target {

// Connections of a session, and the ErrorRecoveryLevel that the engine has: offers are clamped.
inline constexpr uint16_t kMaxConnections = 1;
inline constexpr uint8_t kMaxErrorRecoveryLevel = 0;

// During login a data segment is at most the default MaxRecvDataSegmentLength long (section 6.3).
inline constexpr uint32_t kLoginSegmentBytes = 8192;

// The sender's cookie of Login Responses; the last one may still be on its way in a session.
inline constexpr uint64_t kLoginCookie = ~uint64_t{0};

enum class LoginState : uint8_t {
  kRequest,      // waits for a Login Request
  kData,         // takes its data segment
  kResponse,     // a response is on its way: the next request is not read before it is out
  kAwaitLookup,  // the embedder owes AnswerLookup
  kAwaitClaim,   // the embedder owes AnswerClaim
  kDone,         // kLoginDone was, or is to be, told
  kRefused,  // a final response with a status, or none, is on its way; kDisconnect was, or is to
             // be, told
};

// Joins a text from its parts in place: the next part is received behind the last one
// (sections 6.1, 6.2).
struct TextStore {
  std::span<std::byte> storage;
  size_t size = 0;
  bool overflowed = false;

  std::span<std::byte> Tail() const { return storage.subspan(size); }
  std::span<const std::byte> text() const { return storage.first(size); }
  void Reset() {
    size = 0;
    overflowed = false;
  }
};

struct LoginMachine {
  LoginState state = LoginState::kRequest;
  bool first = true;         // no Login Request was accepted yet
  bool looked_up = false;    // AnswerLookup came
  bool lookup_told = false;  // kLookup was pulled
  bool claim_told = false;
  bool done_told = false;
  bool disconnect_told = false;
  bool transit_asked = false;  // T of the request that is being answered
  bool continues = false;      // C of it
  bool final_sent = false;     // the final response was handed to the sender
  bool chap_begun = false;
  bool mutual_required = false;
  bool allow_short_secret = false;
  uint8_t stage = 0;       // CSG
  uint8_t next_stage = 0;  // NSG asked for
  uint8_t version_max = 0, version_min = 0;
  uint8_t chap_identifier = 0;
  uint32_t rounds = 0;
  uint32_t initiator_task_tag = 0;
  uint32_t cmd_sn = 0;
  uint32_t exp_cmd_sn = 0, max_cmd_sn = 0;  // what responses carry
  uint16_t tsih = 0;                        // as asked
  uint16_t granted_tsih = 0;
  uint16_t cid = 0;
  std::array<std::byte, 6> isid = {};
  size_t response_size = 0;  // text of the response that waits for AnswerClaim
  std::span<const Account> accounts;
  Instant deadline = Instant::Never();
  bool deadline_set = false;
  Error error = Error::Ok();  // why it was refused
};

struct ConnectionState {
  explicit ConnectionState(const ConnectionOptions& connection_options, Arena& arena);

  ConnectionOptions options;
  Csm csm{Role::kTarget};
  Receiver receiver;
  Sender sender;
  TextStore text;                    // requests
  std::span<std::byte> text_answer;  // the response that is being sent
  bool text_answer_busy = false;     // the sender still reads it
  std::optional<text::Negotiation> negotiation;
  std::optional<auth::ChapTarget> chap;
  LoginMachine login;

  // Copies on their way out: slots of options.limits.echo_slot_bytes; a bit of echo_free each.
  std::span<std::byte> echo;
  uint64_t echo_free = 0;
  uint32_t max_task_entries = 0, max_control_entries = 0;  // of the sender

  uint32_t stat_sn = 0;  // next to be sent
  Instant now = {};
  bool now_known = false;
  bool transport_closed = false;

  void SawTime(Instant at);
};

// The login machine's entries (login.cc).
namespace login {
bool Next(ConnectionState& c, Event* event);
size_t PollTransmit(ConnectionState& c, std::span<TxSlice> out);
void OnSenderDone(ConnectionState& c);
Error AnswerLookup(ConnectionState& c, const LookupAnswer& answer);
Error AnswerClaim(ConnectionState& c, const ClaimAnswer& answer);
void OnTimeout(ConnectionState& c);
}  // namespace login

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_CONNECTION_STATE_H_
