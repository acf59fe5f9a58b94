// Text Requests in the full feature phase: questions such as SendTargets, and renegotiation. RFC
// 7143 sections 6.2, 6.4, 11.10, 11.11, 13.3, Appendix C.

#include <algorithm>

#include "initiator/session_state.h"
#include "protocol/check.h"
#include "protocol/text/key_table.h"
#include "protocol/wire/text_request.h"
#include "protocol/wire/text_response.h"

namespace isthmus::initiator {
namespace {

// Bounds an answer that goes on for ever without saying anything.
constexpr uint16_t kMaxTextRounds = 4096;

}  // namespace

// Only keys that change no parameter: those go through Renegotiate(), which keeps account of them.
Error SessionState::SendText(std::span<const std::byte> request, std::span<std::byte> answer,
                             uint64_t cookie) {
  text::PairReader pairs(request);
  for (text::Pair pair; pairs.Next(&pair);) {
    const text::KeyInfo* info = text::FindKey(pair.key);
    if (info != nullptr && info->key != text::Key::kSendTargets) {
      return CallerError(ErrorCode::kCallParameter);
    }
  }
  if (pairs.error() != ErrorCode::kOk) return CallerError(ErrorCode::kCallParameter);
  if (Error e = StartText(cookie, false); !e.ok()) return e;
  text_use = TextUse::kQuery;
  text_request = request;
  text_answer = answer;
  SendTextPdu();
  return Error::Ok();
}

Error SessionState::SendTargets(std::string_view target, std::span<std::byte> answer,
                                uint64_t cookie) {
  const bool discovery = parameters.SessionType == text::SessionKind::kDiscovery;
  if (HasChannel() && discovery == target.empty()) {  // Appendix C
    if (target.empty()) return CallerError(ErrorCode::kCallDiscovery);
    if (target == "All") return CallerError(ErrorCode::kCallNotNegotiated);
  }
  if (!discovery && target == "All") return CallerError(ErrorCode::kCallNotNegotiated);
  text::PairWriter writer(text_buffer);
  if (text_task != kReservedTag || !writer.Add("SendTargets", target)) {
    return CallerError(ErrorCode::kCallQueueFull, 1);
  }
  return SendText(text_buffer.first(writer.size()), answer, cookie);
}

Error SessionState::Renegotiate(uint32_t bytes, uint64_t cookie) {
  const text::KeyInfo& info = text::InfoOf(text::Key::kMaxRecvDataSegmentLength);
  if (bytes < info.minimum || bytes > info.maximum) {
    return CallerError(ErrorCode::kCallParameter);
  }
  if (parameters.SessionType == text::SessionKind::kDiscovery) {
    return CallerError(ErrorCode::kCallDiscovery);
  }
  if (!MayRequest() || text_task != kReservedTag) return CallerError(ErrorCode::kCallOutOfState);
  renegotiated_bytes = bytes;
  StartNegotiation(false, cookie);
  return Error::Ok();
}

// An empty one, if the target asked for it (section 11.9.1, event 4).
void SessionState::StartNegotiation(bool internal, uint64_t cookie) {
  if (Error e = StartText(cookie, internal); !e.ok()) return;
  text_use = TextUse::kNegotiation;
  text_answer = {};
  joiner->Reset();
  text::Negotiation& negotiation = *channel().negotiation;
  negotiation.Begin(text::Stage::kFullFeature);
  if (renegotiated_bytes != 0) {
    Check(negotiation.Declare(text::Key::kMaxRecvDataSegmentLength, renegotiated_bytes).ok());
    // Until the answer has come the target may still send by the old value.
    channel().receiver->SetMaxRecvDataSegmentLength(
        std::max(renegotiated_bytes, parameters.own_MaxRecvDataSegmentLength));
    renegotiated_bytes = 0;
  }
  SendTextPdu();
}

Error SessionState::StartText(uint64_t cookie, bool internal) {
  if (!MayRequest()) return CallerError(ErrorCode::kCallOutOfState);
  if (text_task != kReservedTag) return CallerError(ErrorCode::kCallQueueFull, 1);
  Task* task = NewTask(TaskKind::kText);
  Check(task != nullptr);
  task->immediate = true;
  task->internal = internal;
  task->cookie = cookie;
  text_task = task->tag;
  text_answer_size = 0;
  text_final_sent = text_continue_sent = text_overflow = false;
  text_pdu_in_flight = text_pdu_due = false;
  text_rounds = 0;
  text_lun = 0;
  text_transfer_tag = kReservedTag;
  return Error::Ok();
}

// The next Text Request of the sequence: what is left to say, or an empty one that asks for more.
void SessionState::SendTextPdu() {
  Task* task = tasks.Find(text_task);
  Check(task != nullptr);
  if (text_use == TextUse::kNegotiation && text_pdu_in_flight) {  // its text is still being read
    text_pdu_due = true;
    return;
  }
  text_pdu_due = false;
  if (++text_rounds > kMaxTextRounds) {
    FinishText(Outcome::kDataError, MakeError(ErrorCode::kTextTooManyRounds, Role::kInitiator,
                                              PduClass::kText, 0, text_rounds));
    return;
  }
  const size_t room = parameters.peer_MaxRecvDataSegmentLength;
  std::span<const std::byte> part;
  bool more = false;
  if (text_use == TextUse::kQuery) {
    part = text_request.first(std::min(room, text_request.size()));
    text_request = text_request.subspan(part.size());
    more = !text_request.empty();
  } else {
    text::Negotiation& negotiation = *channel().negotiation;
    part =
        text_buffer.first(negotiation.Write(text_buffer.first(std::min(room, text_buffer.size()))));
    more = negotiation.pending();
  }
  text_continue_sent = more;
  text_final_sent = !more;
  wire::TextRequest request;
  request.immediate = true;
  request.final = !more;
  request.continued = more;
  request.lun = text_lun;
  request.initiator_task_tag = task->tag;
  request.target_transfer_tag = text_transfer_tag;
  wire::Bhs header;
  wire::Encode(request, &header);
  if (!channel().sender->QueuePdu(TxClass::kUrgent, header, {}, part,
                                  Cookie(Entry::kRequest, task->tag))) {
    FinishText(Outcome::kDataError, CallerError(ErrorCode::kCallQueueFull));
    return;
  }
  ++task->tx_entries;
  if (task->state == TaskState::kWaiting) task->state = TaskState::kQueued;
  text_pdu_in_flight = true;
}

void SessionState::OnTextResponse(const RxItem& item) {
  wire::TextResponse response;
  wire::Decode(*item.header, &response);
  if (!Number(*item.header, PduClass::kText, true)) return;
  if (FindTask(response.initiator_task_tag, TaskKind::kText, PduClass::kText) == nullptr) return;
  UpdateWindow(*item.header, PduClass::kText);
  if (phase == Phase::kDisconnecting) return;
  const auto violation = [&]() -> ErrorCode {
    const bool tagged = response.target_transfer_tag != kReservedTag;
    if (response.final && response.continued) return ErrorCode::kTextContinueWithFinal;
    if (response.final && tagged) return ErrorCode::kTextFinalWithTag;
    if (!response.final && !tagged) return ErrorCode::kTextTagMissing;
    if (response.final && !text_final_sent) return ErrorCode::kTextFinalUnasked;
    if (text_continue_sent && item.data_segment_length > 0) {
      return ErrorCode::kTextContinueAnsweredWithData;
    }
    return ErrorCode::kOk;
  }();
  if (violation != ErrorCode::kOk &&
      !Violation(violation, PduClass::kText, response.target_transfer_tag)) {
    return;
  }
  text_transfer_tag = response.target_transfer_tag;
  text_lun = response.lun;
  if (text_use == TextUse::kQuery) {
    if (text_overflow) {
      FinishText(Outcome::kTooLong,
                 MakeError(ErrorCode::kTextTooLong, Role::kInitiator, PduClass::kText, 0,
                           static_cast<uint32_t>(text_answer.size())));
      return;
    }
    text_answer_size += item.data.size();
  } else if (!OnNegotiationText(item, response.final)) {
    return;
  }
  if (response.final) {
    FinishText(Outcome::kAnswered, Error::Ok());
  } else {
    SendTextPdu();
  }
}

// False: the exchange has ended.
bool SessionState::OnNegotiationText(const RxItem& item, bool final) {
  text::Negotiation& negotiation = *channel().negotiation;
  wire::TextResponse response;
  wire::Decode(*item.header, &response);
  const ErrorCode code = joiner->Append(item.data, response.continued);
  Error error =
      code == ErrorCode::kOk ? Error::Ok() : MakeError(code, Role::kInitiator, PduClass::kText, 0);
  if (error.ok() && joiner->complete()) {
    error = negotiation.Receive(joiner->text());
    if (error.ok()) error = negotiation.Respond(final);
    joiner->Reset();
  }
  if (error.ok() && final && negotiation.pending()) {
    error = MakeError(ErrorCode::kTextFinalNeedsAnswer, Role::kInitiator, PduClass::kText, 0);
  }
  if (error.ok() && final) error = negotiation.Conclude(text::Stage::kFullFeature);
  if (!error.ok()) {
    FinishText(Outcome::kDataError, error);
    return false;
  }
  if (final) {
    parameters = negotiation.parameters();
    channel().receiver->SetMaxRecvDataSegmentLength(parameters.own_MaxRecvDataSegmentLength);
    channel().sender->SetMaxDataSegmentLength(parameters.peer_MaxRecvDataSegmentLength);
  }
  return true;
}

void SessionState::FinishText(Outcome outcome, Error error) {
  Task* task = tasks.Find(text_task);
  if (task == nullptr || task->state == TaskState::kConcluded) return;
  if (text_use == TextUse::kNegotiation && outcome != Outcome::kAnswered) {
    channel().negotiation->Abandon();  // what was agreed on before stands (section 7.12)
    channel().receiver->SetMaxRecvDataSegmentLength(parameters.own_MaxRecvDataSegmentLength);
  }
  text_pdu_due = false;
  deadlines.Disarm(DeadlineReason::kNegotiation);
  task->outcome = outcome;
  task->error = error;
  Conclude(*task);
}

}  // namespace isthmus::initiator
