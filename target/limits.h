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

namespace isthmus::target {

struct Limits {
  // Login (one connection).
  uint32_t text_bytes = 8192;  // of one text, joined from its parts; at least 8192 (section 6.1)
  uint32_t login_rounds =
      64;  // Login Requests of one login; over it: status 0x0200 and kDisconnect
  uint32_t login_timeout_ms = 15'000;  // from the first call with a time to kLoginDone, absolute

  // Session.
  uint32_t command_slots = 128;  // non-immediate commands promised by MaxCmdSN
  uint32_t immediate_commands =
      4;  // SCSI commands marked immediate beyond those slots; over it: Reject 0x06
  uint32_t task_management_slots = 8;  // functions in progress; over it: Reject 0x06
  uint32_t max_outstanding_r2t_slots =
      8;  // R2Ts that one task may have out (MaxOutstandingR2T is clamped to it)
  uint32_t echo_bytes = 16'384;  // copies of ping data, Reject headers and text answers waiting to
                                 // leave, a connection
  uint32_t echo_slots =
      16;  // such PDUs; over it a ping is answered without its data, a Reject is counted only
  uint32_t staging_bytes =
      1u << 18;                // copies of unstable sources; 0: SendData with `unstable` is refused
  uint32_t sense_bytes = 256;  // per task: sense data that Complete copies (section 11.4.7)

  // Time. 0: never.
  uint32_t ping_interval_ms = 30'000;  // silence of the peer before a NOP-In asks for life
  uint32_t ping_timeout_ms = 30'000;   // and how long any byte of it may then take to come
  uint32_t logout_timeout_s = 10;  // for a logout that was asked for (section 11.9.1, Parameter3)
  uint32_t hole_timeout_ms =
      60'000;  // how long a missing CmdSN may hold back later commands before the session ends
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_LIMITS_H_
