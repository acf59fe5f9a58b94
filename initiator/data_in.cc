// Data-In: where it goes and in which order it may come. RFC 7143 sections 11.7, 13.18, 13.19.

#include "protocol/wire/data_in.h"

#include <algorithm>

#include "initiator/session_state.h"
#include "protocol/session/serial.h"
#include "protocol/wire/codes.h"

namespace isthmus::initiator {
namespace {

// Statuses that may come with data; all others need a SCSI Response (section 11.7.3).
bool MayComeWithData(wire::ScsiStatus status) {
  return status == wire::ScsiStatus::kGood || status == wire::ScsiStatus::kConditionMet ||
         status == wire::ScsiStatus::kIntermediate ||
         status == wire::ScsiStatus::kIntermediateConditionMet;
}

}  // namespace

// The part of the command's destination that this PDU fills.
std::span<std::byte> SessionState::DataInSink(const RxItem& item) {
  const wire::Bhs& header = *item.header;
  Task* task =
      FindTask(wire::Get(header, wire::kInitiatorTaskTag), TaskKind::kCommand, PduClass::kData);
  if (task == nullptr) return {};
  const Error error = CheckDataIn(header, *task, item.data_segment_length);
  if (!error.ok()) {
    Consequence(error, task);
    return {};
  }
  rx_task = task->tag;
  // What a failed task still receives counts for nothing, and its destination may hold no surprise
  // either way: its contents are undefined.
  if (item.data_segment_length == 0) return {};
  return task->data_in.subspan(wire::Get(header, wire::kBufferOffset), item.data_segment_length);
}

Error SessionState::CheckDataIn(const wire::Bhs& header, const Task& task, uint32_t length) const {
  const auto error = [this](ErrorCode code, uint32_t detail) {
    return MakeError(code, Role::kInitiator, PduClass::kData, parameters.ErrorRecoveryLevel,
                     detail);
  };
  if (task.data_in.empty()) return error(ErrorCode::kDataInWithoutRead, task.tag);
  if (wire::Get(header, wire::kDataInHasStatus)) {
    const wire::ScsiStatus status = wire::Get(header, wire::kDataInStatus);
    if (!wire::Get(header, wire::kFinal)) return error(ErrorCode::kStatusWithoutFinal, 0);
    if (!task.data_out.empty()) return error(ErrorCode::kDataInBidirectionalStatus, 0);
    if (!MayComeWithData(status)) {
      return error(ErrorCode::kStatusNeedsResponse, static_cast<uint32_t>(status));
    }
    if (wire::Get(header, wire::kDataInResidualOverflow) &&
        wire::Get(header, wire::kDataInResidualUnderflow)) {
      return error(ErrorCode::kResidualBothBits, 0);
    }
  }
  // With ErrorRecoveryLevel 0 nobody may ask for an acknowledgment; without a tag nobody can
  // answer.
  if (wire::Get(header, wire::kDataInAcknowledge) &&
      wire::Get(header, wire::kTargetTransferTag) == kReservedTag) {
    return error(ErrorCode::kAcknowledgeWithoutTag, 0);
  }
  const uint32_t data_sn = wire::Get(header, wire::kDataSn);
  if (data_sn != task.data_sn) {
    return error(
        SerialLess(data_sn, task.data_sn) ? ErrorCode::kDataSnDuplicate : ErrorCode::kDataSnGap,
        data_sn);
  }
  const uint64_t offset = wire::Get(header, wire::kBufferOffset);
  if (offset + length > task.data_in.size()) {
    return error(ErrorCode::kDataInTooLong, static_cast<uint32_t>(offset));
  }
  if (length > 0 && InOrder() && offset < task.data_in_next) {
    return error(ErrorCode::kDataInOrder, static_cast<uint32_t>(offset));
  }
  return Error::Ok();
}

void SessionState::OnDataIn(const RxItem& item) {
  Task* task = tasks.Find(rx_task);
  if (task == nullptr) return;
  const wire::Bhs& header = *item.header;
  const bool has_status = wire::Get(header, wire::kDataInHasStatus);
  if (!Number(header, PduClass::kData, has_status)) return;
  UpdateWindow(header, PduClass::kData);
  if (phase == Phase::kDisconnecting) return;
  ++counters.data_in_pdus;
  counters.data_in_bytes += item.data_segment_length;
  ++task->data_sn;
  CountSequence(*task, wire::Get(header, wire::kFinal), item.data_segment_length);
  if (!CountDataIn(*task, wire::Get(header, wire::kBufferOffset), item.data_segment_length)) {
    const Error error = MakeError(ErrorCode::kDataRunsFull, Role::kInitiator, PduClass::kData,
                                  parameters.ErrorRecoveryLevel);
    if (!has_status) {
      FailTask(*task, Outcome::kDataError, error);
      return;
    }
    task->failed = true;
    task->outcome = Outcome::kDataError;
    task->error = error;
  }
  if (has_status) OnDataInStatus(*task, header);
}

// Section 11.7.1 bounds a sequence by MaxBurstLength. Targets that never end one before the command's
// data ends (tgt) break it, and cost nothing but the count: no buffer here is a sequence's, and every
// byte has its place in the command's destination.
void SessionState::CountSequence(Task& task, bool final, uint32_t length) {
  const bool was_too_long = task.sequence_bytes > parameters.MaxBurstLength;
  const uint64_t sequence = uint64_t{task.sequence_bytes} + length;
  if (sequence > parameters.MaxBurstLength && !was_too_long) {
    ++counters.data_in_sequences_too_long;
    Violation(ErrorCode::kDataInSequenceTooLong, PduClass::kData, static_cast<uint32_t>(sequence));
  }
  task.sequence_bytes =
      final ? 0 : static_cast<uint32_t>(std::min<uint64_t>(sequence, 0xffffffff));
}

// Counts each byte once. False: more pieces lie apart than are kept track of.
bool SessionState::CountDataIn(Task& task, uint32_t offset, uint32_t length) {
  if (InOrder()) {
    task.data_in_bytes += length;
    if (length > 0) task.data_in_next = offset + length;
    return true;
  }
  if (task.runs.Add(offset, uint64_t{offset} + length) == RunAdd::kFull) return false;
  task.data_in_bytes = static_cast<uint32_t>(task.runs.size_bytes());
  return true;
}

// Phase collapse: the status came with the last data (section 11.7.3).
void SessionState::OnDataInStatus(Task& task, const wire::Bhs& header) {
  wire::ScsiResponse response;
  response.residual_overflow = wire::Get(header, wire::kDataInResidualOverflow);
  response.residual_underflow = wire::Get(header, wire::kDataInResidualUnderflow);
  response.residual_count = wire::Get(header, wire::kResidualCount);
  SetResiduals(task, response);
  task.status = static_cast<uint8_t>(wire::Get(header, wire::kDataInStatus));
  CheckDataComplete(task);
  Conclude(task);
}

}  // namespace isthmus::initiator
