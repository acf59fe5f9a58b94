// Text Request and Response in the full feature phase: renegotiation and SendTargets. RFC 7143
// sections 6.2, 6.4, 11.10, 11.11, 13.3, Appendix C.
#include <algorithm>
#include <cstring>

#include "protocol/text/send_targets.h"
#include "protocol/wire/text_response.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

Error Violation(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kTarget, PduClass::kText, 0, detail);
}

}  // namespace

Error SessionState::CheckText(const Row& row, const RxItem& item) const {
  const wire::Bhs& header = *item.header;
  const uint32_t ttt = pdu::TargetTransferTag(header);
  const uint32_t itt = pdu::InitiatorTaskTag(header);
  if (itt == pdu::kReservedTag) return Violation(ErrorCode::kTaskTagReserved);
  if (row.text_busy) return Violation(ErrorCode::kTextOutstanding);
  if (pdu::Continue(header) && pdu::Final(header))
    return Violation(ErrorCode::kTextContinueWithFinal);
  const size_t room =
      ttt == pdu::kReservedTag ? row.state->text.storage.size() : row.state->text.Tail().size();
  if (item.data_segment_length > room)
    return Violation(ErrorCode::kTextTooLong, item.data_segment_length);
  if (ttt == pdu::kReservedTag) return Error::Ok();
  if (!row.text_open || ttt != row.text_ttt)
    return Violation(ErrorCode::kTextTransferTagUnknown, ttt);
  if (itt != row.text_itt) return Violation(ErrorCode::kTextTaskTagChanged, itt);
  if (pdu::Lun(header) != row.text_lun) return Violation(ErrorCode::kTextLunMismatch);
  if (pdu::Immediate(header) != row.text_immediate)
    return Violation(ErrorCode::kTextImmediateChanged);
  return Error::Ok();
}

// False: the last response has not left, or no record is free: again later.
bool SessionState::OnTextHeader(Row& row, const RxItem& item) {
  const wire::Bhs& header = *item.header;
  const bool immediate = pdu::Immediate(header);
  if (row.state->text_answer_busy) return false;
  if (!immediate && !CheckCmdSn(row, header)) return true;
  const Error error = CheckText(row, item);
  if (!error.ok()) {
    row.discard = true;
    if (error.code != ErrorCode::kTextOutstanding && error.Has(Action::kRefuseNegotiation))
      CloseText(row);
    Act(row, error, header, item.ahs);
    return true;
  }
  if (!immediate) {
    const uint32_t index = AcquireTask(row, header, false);
    if (index == kNone) return false;
    row.rx_task = index;
    tasks[index].rx_refs = 1;
  }
  if (pdu::TargetTransferTag(header) == pdu::kReservedTag) {
    CloseText(row);
    row.text_itt = pdu::InitiatorTaskTag(header);
    row.text_immediate = immediate;
    row.text_lun = {};
    row.text_rounds = 0;
    row.text_ttt = pdu::kReservedTag;
    row.text_open = true;
  }
  row.text_busy = true;
  if (item.data_segment_length > 0) {
    row.state->receiver.SetSink(row.state->text.Tail().first(item.data_segment_length));
  }
  return true;
}

// In its turn, its data in the text store.
void SessionState::OnTextRequest(Row& row, const wire::Bhs& header) {
  row.text_final = pdu::Final(header);
  ConnectionState& c = *row.state;
  Error error = Error::Ok();
  // The pages of one answer are as many as it has (section 11.10.4).
  const bool page = row.text_request != kNone && !pdu::Continue(header);
  if (!page && ++row.text_rounds > limits.login_rounds) {
    error = Violation(ErrorCode::kTextTooManyRounds, row.text_rounds);
  } else if (pdu::Continue(header)) {
    QueueTextResponse(row, 0, false, false);  // section 6.2: no data segment
    return;
  } else if (page) {
    c.text.Reset();
    SendTextPage(row);
    return;
  } else if (!row.text_negotiating && text::IsSendTargets(c.text.text())) {
    error = OnSendTargets(row);
  } else if (c.text.size == 0 && !row.text_negotiating) {
    QueueTextResponse(row, 0, row.text_final, false);
  } else {
    error = Negotiate(row);
  }
  if (error.ok()) return;
  CloseText(row);
  row.text_busy = false;
  Act(row, error, header, {});
}

Error SessionState::OnSendTargets(Row& row) {
  ConnectionState& c = *row.state;
  text::SendTargetsRequest asked;
  Error error = text::ParseSendTargets(c.text.text(), parameters.SessionType, &asked);
  if (!error.ok()) return error;
  const uint32_t index = AcquireRequest(RequestKind::kText, row);
  if (index == kNone) return Violation(ErrorCode::kOutOfTransferTags);
  requests[index].step = RequestStep::kEmbedder;
  requests[index].send_targets_all = asked.kind == text::SendTargetsKind::kAll;
  row.text_request = index;
  row.text_name.Assign(asked.kind == text::SendTargetsKind::kNamed  ? asked.name
                       : asked.kind == text::SendTargetsKind::kThis ? target_name.view()
                                                                    : std::string_view());
  c.text.Reset();
  Notify(
      {.kind = EventKind::kSendTargets, .index = index, .generation = requests[index].generation});
  return Error::Ok();
}

Error SessionState::Negotiate(Row& row) {
  ConnectionState& c = *row.state;
  if (!c.negotiation.has_value()) return Violation(ErrorCode::kTextKeyLoginOnly);
  text::Negotiation& negotiation = *c.negotiation;
  if (!row.text_negotiating) negotiation.Begin(text::Stage::kFullFeature);
  row.text_negotiating = true;
  if (negotiation.pending()) {  // the last response had the C bit: this only asks for the rest
    if (c.text.size != 0) {
      return Violation(ErrorCode::kTextContinueAnsweredWithData,
                       static_cast<uint32_t>(c.text.size));
    }
  } else {
    if (Error error = negotiation.Receive(c.text.text()); !error.ok()) return error;
    c.text.Reset();
    if (Error error = negotiation.Respond(row.text_final); !error.ok()) return error;
  }
  const size_t page = PageBytes(row);
  const size_t size = negotiation.Write(c.text_answer.first(page));
  const bool final = row.text_final && !negotiation.pending() && !negotiation.awaiting_answers();
  if (final) {
    if (Error error = negotiation.Conclude(text::Stage::kFullFeature); !error.ok()) return error;
    row.text_negotiating = false;
  }
  QueueTextResponse(row, size, final, negotiation.pending());
  // After the response, which is still under the old limits: takes effect with the next PDU.
  if (final)
    c.sender.SetMaxDataSegmentLength(negotiation.parameters().peer_MaxRecvDataSegmentLength);
  return Error::Ok();
}

size_t SessionState::PageBytes(const Row& row) const {
  const ConnectionState& c = *row.state;
  const uint32_t peer = c.negotiation ? c.negotiation->parameters().peer_MaxRecvDataSegmentLength
                                      : kLoginSegmentBytes;
  return std::min<size_t>(c.text_answer.size(), peer);
}

// The next part of AnswerText's span: whole pairs, as many as fit.
void SessionState::SendTextPage(Row& row) {
  Request& request = requests[row.text_request];
  if (!request.answered) return;
  const size_t page = PageBytes(row);
  std::span<const std::byte> rest = request.text;
  size_t size = rest.size();
  bool cut = false;
  if (size > page) {
    size = page;
    while (size > 0 && rest[size - 1] != std::byte{0}) --size;
    if (size == 0) {
      size = page;
      cut = true;
    }
  }
  if (size > 0) std::memcpy(row.state->text_answer.data(), rest.data(), size);
  request.text = rest.subspan(size);
  const bool last = request.text.empty();
  if (last) {
    Notify({.kind = EventKind::kTextReleased,
            .index = row.text_request,
            .generation = request.generation});
    FreeRequest(row.text_request);
    row.text_request = kNone;
  }
  QueueTextResponse(row, size, last && row.text_final, cut);
}

void SessionState::QueueTextResponse(Row& row, size_t size, bool final, bool continues) {
  wire::TextResponse response;
  response.final = final;
  response.continued = continues;
  response.initiator_task_tag = row.text_itt;
  if (final) {
    row.text_open = false;
    row.text_ttt = pdu::kReservedTag;
  } else {
    if (++row.text_counter == pdu::kReservedTag) row.text_counter = 0;
    row.text_ttt = row.text_counter;
  }
  response.target_transfer_tag = row.text_ttt;
  row.text_busy = false;
  row.state->text_answer_busy = true;
  if (!QueueControl(row, TxClass::kNormal, pdu::Written(response),
                    row.state->text_answer.first(size), Cookie(CookieKind::kText, 0))) {
    row.state->text_answer_busy = false;
  }
}

Error SessionState::AnswerText(RequestId id, std::span<const std::byte> text) {
  Request* request = FindRequest(id);
  if (request == nullptr || request->kind != RequestKind::kText || request->answered) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  request->answered = true;
  request->text = text;
  Row& row = rows[request->row];
  if (row.text_request == id.slot && !row.closed) SendTextPage(row);
  return Error::Ok();
}

// Ends the sequence; nothing of it takes effect (section 7.12 b).
void SessionState::CloseText(Row& row) {
  if (row.text_request != kNone) {
    Request& request = requests[row.text_request];
    if (request.answered) {
      Notify({.kind = EventKind::kTextReleased,
              .index = row.text_request,
              .generation = request.generation});
    }
    FreeRequest(row.text_request);
    row.text_request = kNone;
  }
  if (row.text_negotiating) row.state->negotiation->Abandon();
  row.text_negotiating = false;
  row.text_open = false;
  row.text_busy = false;
  row.text_ttt = pdu::kReservedTag;
  row.state->text.Reset();
}

}  // namespace isthmus::target
