// What a target's engine may use: queue depths, bytes and deadlines. RFC 7143 sections 4.2.2.1
// (window, immediate commands), 6.3 (login), 7.12 and 11.19 (keepalive). Every queue has a limit
// here and an answer when it is full; memory per connection and per session is the sum that
// ConnectionMemory and SessionMemory return.
//
//   target::Limits limits;
//   limits.command_slots = 32;
//   target::Session session = target::Session::OnHeap(options);
#ifndef ISTHMUS_TARGET_LIMITS_H_
#define ISTHMUS_TARGET_LIMITS_H_

#include <cstdint>

#include "protocol/session/token_bucket.h"

namespace isthmus::target {

struct Limits {
  // Login (one connection).
  uint32_t text_bytes = 8192;  // of one text, joined from its parts; at least 8192 (section 6.1)
  uint32_t login_rounds =
      64;  // Login Requests of one login; over it: status 0x0200 and kDisconnect
  uint32_t login_timeout_ms = 15'000;  // from the first call with a time to kLoginDone, absolute

  // Session. The same for its connections and the session itself.
  uint32_t command_slots = 64;  // non-immediate commands promised by MaxCmdSN
  uint32_t immediate_commands =
      4;  // SCSI commands marked immediate beyond those slots; over it: Reject 0x06
  uint32_t task_management_slots = 8;  // functions in progress, at most 16; over it: Reject 0x06
  uint32_t r2t_slots = 64;  // R2Ts outstanding in the session; a task waits for its turn over it
  uint32_t source_slots = 128;  // pieces of SendData not yet released; over it: kCallQueueFull
  uint32_t echo_slots = 8;  // copies waiting to leave (ping data, Reject's header), a connection
  uint32_t echo_slot_bytes = 2048;  // ping data above it is cut; at least 1068
  uint32_t staging_bytes = 0;  // copies of unstable sources, a connection; below 4096 (kMinStagingBytes) they are refused
  // Topmost bits of the Target Transfer Tag that a device which places data may choose (AcceptData); at most 12.
  uint32_t device_tag_bits = 0;
  uint32_t sense_bytes = 252;  // per task: sense data that Complete copies (section 11.4.7)

  // Rates, a connection: what a peer may have done at no cost to itself. A token bucket each: burst 0 is no limit.
  // docs/reliability.md says why no real initiator comes near them.
  RateLimit reject_rate = {1000, 33};  // PDUs rejected, or ignored for what they are; over it: kDisconnect, kRejectRate
  RateLimit ping_rate = {100'000, 10'000};  // NOP-Outs; over it: kDisconnect, kPingRate
  RateLimit immediate_rate = {1024, 256};  // immediate commands and functions; over it: Reject 0x06
  RateLimit text_rate = {256, 16};         // text exchanges begun; over it: kDisconnect, kTextRate

  // Time. 0: never.
  uint32_t ping_interval_ms = 30'000;  // silence of the peer before a NOP-In asks for life
  // And how long any byte of it may then take to come; after twice as long in which it took no byte of what waits for it
  // the connection ends too (kTransmitBacklog), whatever it sends.
  uint32_t ping_timeout_ms = 30'000;
  uint32_t logout_timeout_s = 10;  // for a logout that was asked for (section 11.9.1, Parameter3)
  uint32_t hole_timeout_ms =
      60'000;  // how long a missing CmdSN may hold back later commands before the session ends
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_LIMITS_H_
