// Data-Out: immediate and unsolicited data, and the answers to R2Ts. RFC 7143 sections 11.7, 11.8,
// 13.10, 13.11, 13.14, 13.17.

#include "protocol/wire/data_out.h"

#include <algorithm>

#include "initiator/session_state.h"
#include "protocol/session/serial.h"
#include "protocol/wire/r2t.h"

namespace isthmus::initiator {

// With the command itself. An unstable source goes by Data-Out, where the sender copies it.
uint32_t SessionState::ImmediateBytes(const Task& task) const {
  if (!parameters.ImmediateData || task.unstable_source) return 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>({task.data_out.size(), parameters.FirstBurstLength,
                          parameters.peer_MaxRecvDataSegmentLength}));
}

// In all, before the first R2T: with InitialR2T=No exactly FirstBurstLength or everything
// (section 11.4.7.2).
uint32_t SessionState::UnsolicitedBytes(const Task& task) const {
  if (parameters.InitialR2T) return ImmediateBytes(task);
  return static_cast<uint32_t>(
      std::min<uint64_t>(task.data_out.size(), parameters.FirstBurstLength));
}

PendingR2t& SessionState::R2tSlot(const Task& task, uint32_t position) const {
  const uint32_t at = (task.r2t_head + position) % limits.r2ts_per_command;
  return r2ts[IndexOf(task) * limits.r2ts_per_command + at];
}

void SessionState::OnR2t(const RxItem& item) {
  wire::R2t r2t;
  wire::Decode(*item.header, &r2t);
  Task* task = FindTask(r2t.initiator_task_tag, TaskKind::kCommand, PduClass::kR2t);
  if (task == nullptr) return;
  if (Error error = CheckR2t(*item.header, *task); !error.ok()) {
    Consequence(error, task);
    return;
  }
  UpdateWindow(*item.header, PduClass::kR2t);
  if (phase == Phase::kDisconnecting) return;
  ++counters.r2ts;
  ++task->data_sn;
  task->r2t_next = r2t.buffer_offset + r2t.desired_data_transfer_length;
  if (task->aborting && parameters.TaskReporting == text::TaskReportingSemantics::kFastAbort) {
    return;  // nothing more is sent for the task once its abort is (section 4.2.3.4)
  }
  ++task->r2ts_outstanding;
  R2tSlot(*task, task->r2t_count++) = {.lun = r2t.lun,
                                       .target_transfer_tag = r2t.target_transfer_tag,
                                       .offset = r2t.buffer_offset,
                                       .length = r2t.desired_data_transfer_length};
  if (!task->linked) Append(ready, *task);
}

Error SessionState::CheckR2t(const wire::Bhs& header, const Task& task) const {
  const auto error = [this](ErrorCode code, uint32_t detail) {
    return MakeError(code, Role::kInitiator, PduClass::kR2t, parameters.ErrorRecoveryLevel, detail);
  };
  wire::R2t r2t;
  wire::Decode(header, &r2t);
  if (task.data_out.empty()) return error(ErrorCode::kR2tWithoutWrite, task.tag);
  if (r2t.target_transfer_tag == kReservedTag) {
    return error(ErrorCode::kR2tTransferTagReserved, 0);
  }
  if (r2t.r2t_sn != task.data_sn) {
    return error(
        SerialLess(r2t.r2t_sn, task.data_sn) ? ErrorCode::kR2tSnDuplicate : ErrorCode::kR2tSnGap,
        r2t.r2t_sn);
  }
  const uint32_t length = r2t.desired_data_transfer_length;
  if (length == 0) return error(ErrorCode::kR2tLengthZero, 0);
  if (length > parameters.MaxBurstLength) return error(ErrorCode::kR2tLengthTooLong, length);
  if (uint64_t{r2t.buffer_offset} + length > task.data_out.size()) {
    return error(ErrorCode::kR2tOutsideCommand, r2t.buffer_offset);
  }
  if (task.r2ts_outstanding >= parameters.MaxOutstandingR2T ||
      task.r2t_count >= limits.r2ts_per_command) {
    return error(ErrorCode::kR2tTooMany, task.r2ts_outstanding + 1u);
  }
  if (parameters.DataSequenceInOrder && r2t.buffer_offset != task.r2t_next) {
    return error(ErrorCode::kR2tOrder, r2t.buffer_offset);
  }
  return Error::Ok();
}

bool SessionState::QueueDataOut(Task& task, const PendingR2t& r2t) {
  wire::DataOut data_out;
  data_out.lun = r2t.lun;
  data_out.initiator_task_tag = task.tag;
  data_out.target_transfer_tag = r2t.target_transfer_tag;
  data_out.final = true;
  Transfer transfer;
  wire::Encode(data_out, &transfer.header);
  transfer.source = task.data_out.subspan(r2t.offset, r2t.length);
  transfer.buffer_offset = r2t.offset;
  transfer.unstable = task.unstable_source;
  transfer.cookie = Cookie(Entry::kDataOut, task.tag);
  if (!channel().sender->QueueTransfer(transfer)) return false;
  ++task.tx_entries;
  ++tx_entries;
  if (r2t.target_transfer_tag == kReservedTag) counters.unsolicited_data_bytes += r2t.length;
  return true;
}

// Answers R2Ts in the order in which they came (section 11.8). False: the sender has no room.
bool SessionState::FeedDataOut(Task& task) {
  while (task.r2t_count > 0) {
    if (tx_entries + 1 > channel().limits.tx_entries) return false;
    if (!QueueDataOut(task, R2tSlot(task, 0))) return false;
    task.r2t_head = static_cast<uint16_t>((task.r2t_head + 1) % limits.r2ts_per_command);
    --task.r2t_count;
  }
  Remove(ready, task);
  return true;
}

// What was asked for is not wanted any more: its rest stays here.
void SessionState::StopDataOut(Task& task) {
  if (task.data_out.empty()) return;
  task.r2t_count = 0;
  if (task.linked && task.state == TaskState::kSent) Remove(ready, task);
  if (task.tx_entries > 0 && HasChannel()) {
    channel().sender->Cancel(Cookie(Entry::kDataOut, task.tag));
  }
}

}  // namespace isthmus::initiator
