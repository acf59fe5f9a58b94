// What an initiator's engine may use: queue depths, bytes and deadlines. RFC 7143 sections 4.2.2.1
// (numbering), 6.3 (login), 7.14 (keepalive). Every queue has a limit here and an answer when it is
// full; memory per connection and per session is the sum that Connection::MemoryNeeded and
// Session::MemoryNeeded return.
//
//   initiator::Limits limits;
//   limits.queue_depth = 32;
#ifndef ISTHMUS_INITIATOR_LIMITS_H_
#define ISTHMUS_INITIATOR_LIMITS_H_

#include <cstdint>

#include "protocol/session/token_bucket.h"

namespace isthmus::initiator {

struct Limits {
  // Login (one connection).
  uint32_t login_timeout_ms =
      15'000;                  // absolute, from the first call with a time to kLoginDone; 0: never
  uint16_t login_rounds = 32;  // Login Requests of one login
  uint32_t text_bytes =
      16'384;  // of one text, joined from its parts (C bit); at least 8192 (section 6.1)

  // Connection in a session.
  uint32_t tx_entries = 1024;  // PDUs and data transfers queued or being sent, of all commands
  // Given to the transport and not yet passed by OnTransportDone().
  uint32_t tx_pdus_in_flight = 256;
  // Copies of unstable sources (Command::unstable_source); 0: they are refused; else at least 4096.
  uint32_t staging_bytes = 0;

  // Session.
  // Commands submitted and not yet completed, sent or not; at most 4096.
  uint32_t queue_depth = 128;
  uint32_t task_management_slots = 8;  // functions not yet answered
  uint32_t sense_bytes = 256;          // of one command; longer sense data is cut
  uint32_t cdb_bytes = 16;             // longest CDB; at most 260
  uint32_t r2ts_per_command =
      16;  // R2Ts of one command not yet answered whole; MaxOutstandingR2T is clamped to it
  uint32_t control_bytes =
      8192;  // data of a SCSI Response, Reject, Async Message, ping; longer data is dropped
  uint32_t echo_slots = 8;  // answers to the target's pings on their way; then receiving pauses

  // Topmost bits of the Initiator Task Tag that a device which places data may choose (Command::device_tag); at most 12.
  uint32_t device_tag_bits = 0;

  // Rates, a connection: what a target may have done at no cost to itself. A token bucket each: burst 0 is no limit.
  // docs/reliability.md says why no real target comes near them.
  RateLimit ping_rate = {100'000, 10'000};  // NOP-Ins that ask for an answer; over it: kDisconnect, kPingRate
  // Rejects, Asynchronous Messages and PDUs without effect; over it: kDisconnect, kUnaskedRate
  RateLimit unasked_rate = {1000, 33};

  // Time. 0: never.
  uint32_t ping_interval_ms = 10'000;  // silence after which the engine pings the target
  uint32_t ping_timeout_ms = 10'000;   // and how long any byte of it may then take to come
  uint32_t logout_timeout_ms = 5'000;  // waiting for the Logout Response
  uint32_t function_timeout_ms = 60'000;  // for a task management function's response
  uint32_t text_timeout_ms = 30'000;      // for each response of a text exchange
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_LIMITS_H_
