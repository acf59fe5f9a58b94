// What keeps a connection going: NOP both ways, Reject, Asynchronous Message, keepalive, deadlines;
// and what follows from an error. RFC 7143 sections 11.9, 11.17 to 11.19, 7.
#include <algorithm>
#include <bit>
#include <cstring>

#include "protocol/check.h"
#include "protocol/wire/asynchronous_message.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/lun.h"
#include "protocol/wire/nop_in.h"
#include "protocol/wire/reject.h"
#include "protocol/wire/sense.h"
#include "target/session_state.h"

namespace isthmus::target {
uint32_t SessionState::AcquireEcho(Row& row) {
  ConnectionState& c = *row.state;
  if (c.echo_free == 0) return kNone;
  const uint32_t echo = static_cast<uint32_t>(std::countr_zero(c.echo_free));
  c.echo_free &= c.echo_free - 1;
  return echo;
}

void SessionState::ReleaseEcho(Row& row, uint32_t echo) {
  row.state->echo_free |= uint64_t{1} << echo;
}

std::span<std::byte> SessionState::EchoBytes(Row& row, uint32_t echo) {
  const size_t size = row.state->options.limits.echo_slot_bytes;
  return row.state->echo.subspan(echo * size, size);
}

bool SessionState::QueueControl(Row& row, TxClass tx_class, const wire::Bhs& header,
                                std::span<const std::byte> data, uint64_t cookie) {
  if (row.closed || row.control_entries >= row.state->max_control_entries) return false;
  if (!row.state->sender.QueuePdu(tx_class, header, {}, data, cookie)) return false;
  ++row.control_entries;
  return true;
}

// An answer to `row`'s ping: `echo` holds its data and is released when they have left.
void SessionState::OnNopOut(Row& row, const wire::Bhs& header, uint32_t echo, uint32_t size) {
  const uint32_t itt = pdu::InitiatorTaskTag(header);
  if (itt == pdu::kReservedTag) return;
  ++counters.pings;
  const uint32_t peer = row.state->negotiation->parameters().peer_MaxRecvDataSegmentLength;
  const uint32_t echoed = echo == kNone ? 0 : std::min(size, peer);
  wire::NopIn nop;
  nop.initiator_task_tag = itt;
  nop.lun = wire::Get(header, wire::kLun);
  const wire::Bhs answer = pdu::Written(nop);
  const std::span<const std::byte> data =
      echo == kNone ? std::span<const std::byte>() : EchoBytes(row, echo).first(echoed);
  const uint64_t cookie =
      echo == kNone ? Cookie(CookieKind::kPlain, 0) : Cookie(CookieKind::kEcho, echo);
  if (!QueueControl(row, TxClass::kNormal, answer, data, cookie) && echo != kNone)
    ReleaseEcho(row, echo);
}

// Section 11.18: a NOP-Out that asks for nothing, or answers a ping of ours.
Error SessionState::CheckNopAnswer(Row& row, const wire::Bhs& header) {
  const uint32_t ttt = pdu::TargetTransferTag(header);
  if (!pdu::Immediate(header)) {
    return MakeError(ErrorCode::kNopOutNotImmediate, Role::kTarget, PduClass::kNop, 0);
  }
  if (ttt == pdu::kReservedTag) return Error::Ok();
  if (!row.ping_out || ttt != row.ping_ttt) {
    return MakeError(ErrorCode::kNopOutTransferTag, Role::kTarget, PduClass::kNop, 0, ttt);
  }
  row.ping_out = false;
  return Error::Ok();
}

bool SessionState::OnNopHeader(Row& row, const RxItem& item) {
  const wire::Bhs& header = *item.header;
  const uint32_t size = item.data_segment_length;
  if (pdu::InitiatorTaskTag(header) == pdu::kReservedTag) {
    if (Error error = CheckNopAnswer(row, header); !error.ok()) Act(row, error, header, item.ahs);
    row.discard = true;
    return true;
  }
  const bool immediate = pdu::Immediate(header);
  if (!immediate && !CheckCmdSn(row, header)) return true;
  uint32_t echo = kNone;
  if (size > 0) {
    // The last slot is kept for a Reject. Behind a hole a ping must not hold up what may fill the
    // hole: answered without data.
    if (std::popcount(row.state->echo_free) > 1) {
      echo = AcquireEcho(row);
    } else if (window.waiting() == 0) {
      return false;
    }
  }
  if (!immediate) {
    const uint32_t index = AcquireTask(row, header, false);
    if (index == kNone) {
      if (echo != kNone) ReleaseEcho(row, echo);
      return false;
    }
    row.rx_task = index;
    tasks[index].rx_refs = 1;
    tasks[index].echo = echo;
  }
  row.rx_echo = echo;
  if (size > 0 && echo != kNone && size <= EchoBytes(row, echo).size()) {
    row.state->receiver.SetSink(EchoBytes(row, echo).first(size));
    row.rx_echo_bytes = size;
  } else if (size > 0) {
    row.state->receiver
        .SetScratch();  // too long to be copied: answered without data (kPingTooLong)
    row.rx_echo_bytes = 0;
  } else {
    row.rx_echo_bytes = 0;
  }
  return true;
}

Error SessionState::SendPing(Row& row) {
  if (row.closed || row.disconnect_told) return CallerError(ErrorCode::kCallUnknownConnection);
  if (Discovery()) return CallerError(ErrorCode::kCallDiscovery);
  if (row.ping_out) return Error::Ok();
  if (++row.ping_counter == pdu::kReservedTag) row.ping_counter = 1;
  wire::NopIn nop;
  nop.target_transfer_tag = row.ping_counter;
  if (!QueueControl(row, TxClass::kUrgent, pdu::Written(nop), {}, Cookie(CookieKind::kPlain, 0))) {
    return CallerError(ErrorCode::kCallQueueFull, row.control_entries);
  }
  row.ping_out = true;
  row.ping_ttt = row.ping_counter;
  if (limits.ping_timeout_ms > 0) row.ping_deadline = now + Milliseconds(limits.ping_timeout_ms);
  return Error::Ok();
}

// Section 11.4.11: a MaxCmdSN that moved while nothing else would carry it.
void SessionState::TellWindow(Row& row) {
  if (!row.reading || row.state->sender.has_unsent() || row.window_nop) return;
  if (row.advertised_max_cmd_sn == window.max_cmd_sn()) return;
  for (const Request& request : requests) {
    if (request.kind == RequestKind::kFunction || request.kind == RequestKind::kLogout) return;
  }
  if (QueueControl(row, TxClass::kUrgent, pdu::Written(wire::NopIn()), {},
                   Cookie(CookieKind::kWindow, 0)))
    row.window_nop = true;
}

void SessionState::SendReject(Row& row, uint8_t reason, const wire::Bhs& header,
                              std::span<const std::byte> ahs) {
  if (!row.rejects.Take(now)) return EndRejects(row, reason);
  ++counters.rejects;
  const uint32_t echo = AcquireEcho(row);
  if (echo == kNone) return;  // CanPump keeps one free for each PDU
  std::span<std::byte> bytes = EchoBytes(row, echo);
  std::memcpy(bytes.data(), header.bytes.data(), wire::kBhsSize);
  if (!ahs.empty()) std::memcpy(bytes.data() + wire::kBhsSize, ahs.data(), ahs.size());
  wire::Reject reject;
  reject.reason = static_cast<wire::RejectReason>(reason);
  if (!QueueControl(row, TxClass::kUrgent, pdu::Written(reject),
                    bytes.first(wire::kBhsSize + ahs.size()), Cookie(CookieKind::kEcho, echo))) {
    ReleaseEcho(row, echo);
  }
}

void SessionState::Violate(Row& row, ErrorCode code, PduClass pdu_class, const RxItem& item,
                           uint32_t detail) {
  Act(row, MakeError(code, Role::kTarget, pdu_class, 0, detail), *item.header, item.ahs);
}

// Connection-level consequences. The PDU that `header` belongs to has no effect.
void SessionState::Act(Row& row, const Error& error, const wire::Bhs& header,
                       std::span<const std::byte> ahs) {
  row.discard = true;
  if (error.Has(Action::kDropSession)) {
    EndSession(error, false);
  } else if (error.Has(Action::kDropConnection)) {
    EndConnection(row, error, false);
  } else if (error.Has(Action::kReject)) {
    SendReject(row, InfoOf(error.code).reject_reason, header, ahs);
  } else {
    ++counters.ignored;
    // Data that was on its way when its task was aborted is no fault of the peer (section 10.7).
    if (error.code != ErrorCode::kTransferTagTerminated && !row.rejects.Take(now)) {
      EndRejects(row, static_cast<uint32_t>(error.code));
    }
  }
}

void SessionState::EndRejects(Row& row, uint32_t detail) {
  EndConnection(
      row, MakeError(ErrorCode::kRejectRate, Role::kTarget, PduClass::kNone, 0, detail), false);
}

// The message alone, section 11.9.
Error SessionState::QueueAsync(Row& row, const AsyncMessage& message) {
  if (row.control_entries + kControlReserve >= row.state->max_control_entries) {
    return CallerError(ErrorCode::kCallQueueFull, row.control_entries);
  }
  wire::AsynchronousMessage async;
  async.lun = wire::LunFromBytes(message.lun);
  async.async_event = static_cast<wire::AsyncEvent>(message.event);
  async.async_vcode = message.vcode;
  async.parameter1 = message.parameter1;
  async.parameter2 = message.parameter2;
  async.parameter3 = message.parameter3;
  wire::Bhs header;
  wire::Encode(async, &header);
  if (message.sense.empty()) {
    return QueueControl(row, TxClass::kNormal, header, {}, Cookie(CookieKind::kPlain, 0))
               ? Error::Ok()
               : CallerError(ErrorCode::kCallQueueFull);
  }
  if (std::popcount(row.state->echo_free) <= 1) return CallerError(ErrorCode::kCallQueueFull);
  const uint32_t echo = AcquireEcho(row);
  const size_t size = wire::BuildSenseSegment(message.sense, EchoBytes(row, echo));
  Check(size > 0);  // an echo slot holds limits.sense_bytes and more
  if (!QueueControl(row, TxClass::kNormal, header, EchoBytes(row, echo).first(size),
                    Cookie(CookieKind::kEcho, echo))) {
    ReleaseEcho(row, echo);
    return CallerError(ErrorCode::kCallQueueFull);
  }
  return Error::Ok();
}

Error SessionState::SendAsync(Row& row, const AsyncMessage& message) {
  const auto event = static_cast<wire::AsyncEvent>(message.event);
  if (row.closed || row.disconnect_told) return CallerError(ErrorCode::kCallUnknownConnection);
  if (Discovery()) return CallerError(ErrorCode::kCallDiscovery);  // section 7.4.3: just drop it
  const bool asks_logout = event == wire::AsyncEvent::kLogoutRequest;
  if (asks_logout && !row.state->csm.Can(CsmEvent::kLogoutRequested)) {
    return CallerError(ErrorCode::kCallOutOfState, static_cast<uint32_t>(row.state->csm.state()));
  }
  if (message.sense.size() > limits.sense_bytes ||
      (event == wire::AsyncEvent::kScsiAsyncEvent && message.sense.empty())) {
    return CallerError(ErrorCode::kCallSense, static_cast<uint32_t>(message.sense.size()));
  }
  if (event == wire::AsyncEvent::kTaskTermination &&
      parameters.TaskReporting != text::TaskReportingSemantics::kFastAbort) {
    return CallerError(ErrorCode::kCallNotNegotiated);
  }
  if (Error error = QueueAsync(row, message); !error.ok()) return error;
  const auto announced = [](ErrorCode code) {
    return MakeError(code, Role::kTarget, PduClass::kUnsolicited, 0);
  };
  if (asks_logout) {
    row.state->csm.Take(CsmEvent::kLogoutRequested);
    row.logout_deadline = now + Seconds(message.parameter3);
  } else if (event == wire::AsyncEvent::kConnectionDropNotification &&
             message.parameter1 == row.state->login.cid) {
    EndConnection(row, announced(ErrorCode::kConnectionDropAnnounced), true);
  } else if (event == wire::AsyncEvent::kSessionDropNotification) {
    EndSession(announced(ErrorCode::kSessionDropAnnounced), true);
  }
  return Error::Ok();
}

Error SessionState::RequestLogout(Row& row, uint16_t timeout_s) {
  AsyncMessage message;
  message.event = static_cast<uint8_t>(wire::AsyncEvent::kLogoutRequest);
  message.parameter3 = timeout_s;
  return SendAsync(row, message);
}

void SessionState::DrainDone(Row& row) {
  TxDone done;
  while (row.state != nullptr && row.state->sender.NextDone(&done)) OnDone(row, done);
}

void SessionState::OnDone(Row& row, const TxDone& done) {
  if (done.cookie == kLoginCookie) {
    row.state->text_answer_busy = false;
    return;
  }
  const uint32_t index = IndexOfCookie(done.cookie);
  switch (KindOf(done.cookie)) {
    case CookieKind::kSource:
      --row.task_entries;
      OnSourceDone(index);
      return;
    case CookieKind::kStatus:
      --row.task_entries;
      --tasks[index].tx_refs;
      MaybeFree(index);
      return;
    case CookieKind::kBurst:
      --row.task_entries;
      return;
    case CookieKind::kEcho:
      ReleaseEcho(row, index);
      break;
    case CookieKind::kRequest:
      FreeRequest(index);
      break;
    case CookieKind::kText:
      row.state->text_answer_busy = false;
      break;
    case CookieKind::kWindow:
      row.window_nop = false;
      break;
    case CookieKind::kPlain:
      break;
  }
  --row.control_entries;
}

Deadline SessionState::PollTimeout() const {
  Deadline next;
  if (hole_deadline != Instant::Never()) next = {hole_deadline, DeadlineReason::kCommandGap};
  for (const Row& row : rows) {
    if (row.state == nullptr || row.closed || row.disconnect_told) continue;
    if (row.logout_deadline != Instant::Never()) {
      next = Earliest(next, {row.logout_deadline, DeadlineReason::kAsyncLogout});
    }
    if (limits.ping_timeout_ms > 0 && row.unsent_since != Instant::Never()) {
      next = Earliest(next, {BacklogDeadline(row), DeadlineReason::kPingReply});
    }
    if (row.ping_out && row.ping_deadline != Instant::Never()) {
      next = Earliest(next, {row.ping_deadline, DeadlineReason::kPingReply});
    } else if (!row.ping_out && limits.ping_interval_ms > 0 && !Discovery()) {
      next = Earliest(next, {row.last_activity + Milliseconds(limits.ping_interval_ms),
                             DeadlineReason::kPingDue});
    }
  }
  return next;
}

void SessionState::HandleTimeout(Instant at) {
  SawTime(at);
  if (hole_deadline <= now) {
    hole_deadline = Instant::Never();
    EndSession(MakeError(ErrorCode::kCommandGapDeadline, Role::kTarget, PduClass::kNone, 0,
                         window.exp_cmd_sn()),
               false);
    return;
  }
  for (Row& row : rows) {
    if (row.state == nullptr || row.closed || row.disconnect_told) continue;
    if (row.progress) {
      row.progress = false;
      row.last_activity = now;
    }
    if (row.logout_deadline <= now) {
      row.logout_deadline = Instant::Never();
      AsyncMessage message;  // section 11.9.1: "Dropped the connection", if possible
      message.event = static_cast<uint8_t>(wire::AsyncEvent::kConnectionDropNotification);
      message.parameter1 = row.state->login.cid;
      message.parameter2 = parameters.DefaultTime2Wait;
      (void)QueueAsync(row, message);
      EndConnection(
          row, MakeError(ErrorCode::kAsyncLogoutDeadline, Role::kTarget, PduClass::kNone, 0), true);
      continue;
    }
    if (limits.ping_timeout_ms > 0 && BacklogDeadline(row) <= now) {
      EndConnection(
          row, MakeError(ErrorCode::kTransmitBacklog, Role::kTarget, PduClass::kNone, 0), false);
      continue;
    }
    HandlePing(row);
  }
}

// Whatever a peer sends: one that takes nothing keeps tasks and buffers from others.
Instant SessionState::BacklogDeadline(const Row& row) const {
  return row.unsent_since + Milliseconds(2 * int64_t{limits.ping_timeout_ms});
}

// Any byte that came or left since the ping went out shows that the peer lives, however busy; and
// while this side does not read, silence proves nothing.
void SessionState::HandlePing(Row& row) {
  const Duration interval = Milliseconds(limits.ping_interval_ms);
  if (row.ping_out) {
    if (row.ping_deadline > now) return;
    const Instant alive_until = row.last_activity + Milliseconds(limits.ping_timeout_ms);
    if (alive_until > now || row.stalled || row.state->receiver.UnconsumedRx() > 0) {
      row.ping_deadline =
          alive_until > now ? alive_until : now + Milliseconds(limits.ping_timeout_ms);
      return;
    }
    row.ping_deadline = Instant::Never();
    EndConnection(row, MakeError(ErrorCode::kPingDeadline, Role::kTarget, PduClass::kNone, 0),
                  false);
    return;
  }
  if (limits.ping_interval_ms == 0 || Discovery() || row.last_activity + interval > now) return;
  if (!SendPing(row).ok()) row.last_activity = now;
}

}  // namespace isthmus::target
