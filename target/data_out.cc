// Data from the initiator: windows, unsolicited data, R2T, Data-Out. RFC 7143
// sections 11.7, 11.8, 4.2.5.2, 13.11 to 13.19.
#include <algorithm>

#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/r2t.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

Error Violation(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kTarget, PduClass::kData, 0, detail);
}

// Whether what arrives for the task still has a place in the caller's memory.
bool Stores(const Task& task) {
  return !task.aborted && !task.failed && !task.completed && !task.refused;
}

}  // namespace

Error SessionState::AcceptData(uint32_t index, uint32_t offset, std::span<std::byte> bytes,
                               uint32_t device_tag) {
  Task& task = tasks[index];
  if (!Stores(task)) return Error::Ok();
  if (!task.write) return CallerError(ErrorCode::kCallDirection);
  if (task.window_open) return CallerError(ErrorCode::kCallOutOfState);
  const uint64_t end = uint64_t{offset} + bytes.size();
  const uint32_t least = !task.begun ? 1
                         : task.unsolicited_open
                             ? std::min(parameters.FirstBurstLength, task.write_length)
                             : std::max<uint32_t>(task.data_size, 1);
  if (offset != task.accepted_end || end > task.write_length ||
      (offset == 0 ? bytes.size() < least : bytes.empty())) {
    return CallerError(ErrorCode::kCallLength, static_cast<uint32_t>(bytes.size()));
  }
  if (device_tag >> limits.device_tag_bits != 0) {
    return CallerError(ErrorCode::kCallArgument, device_tag);
  }
  task.window = bytes;
  task.window_device_tag = device_tag;
  task.window_offset = offset;
  task.window_open = true;
  task.accepted_end = end;
  Row& row = rows[task.row];
  if (task.state == TaskState::kReceiving && row.rx_task == index && task.data_size > 0) {
    row.state->receiver.SetSink(bytes.first(task.data_size));
  }
  if (task.state == TaskState::kActive) {
    Solicit(index);
    CheckWindow(index);
  }
  return Error::Ok();
}

Error SessionState::Refuse(uint32_t index, uint8_t status) {
  Task& task = tasks[index];
  if (!Stores(task)) return Error::Ok();
  if (!task.begun || task.window_open || task.accepted_end > 0 ||
      task.state == TaskState::kActive) {
    return CallerError(ErrorCode::kCallOutOfState);
  }
  task.refused = task.completed = task.embedder_done = true;
  task.status = status;
  Row& row = rows[task.row];
  if (task.state == TaskState::kReceiving && row.rx_task == index && task.data_size > 0) {
    row.state->receiver.SetScratch();
  }
  return Error::Ok();
}

// More is to be asked for: the R2Ts themselves are made when the connection has room (FeedR2ts).
void SessionState::Solicit(uint32_t index) {
  Task& task = tasks[index];
  if (!Stores(task) || !task.window_open || task.unsolicited_open) return;
  if (task.next_solicit < task.accepted_end) Ready(index);
}

// False: no room, again later.
bool SessionState::FeedR2ts(Row& row, uint32_t index) {
  Task& task = tasks[index];
  if (!Stores(task) || !task.window_open || task.unsolicited_open) return true;
  const uint32_t most = std::min<uint32_t>(parameters.MaxOutstandingR2T, 255);
  while (task.next_solicit < task.accepted_end && task.bursts < most) {
    if (first_free_burst == kNone || row.task_entries >= row.state->max_task_entries) return false;
    const uint32_t burst_index = first_free_burst;
    Burst& burst = bursts[burst_index];
    first_free_burst = burst.next_free;
    // The all-ones generation is left out: the reserved tag has it.
    const auto own_mask = static_cast<uint32_t>((uint64_t{1} << burst_own_bits) - 1);
    const uint32_t last_generation = (own_mask >> burst_index_bits) - 1;
    burst.generation = burst.generation >= last_generation ? 1 : burst.generation + 1;
    burst.open = true;
    burst.device_tag = task.window_device_tag;
    burst.task = index;
    burst.order = task.burst_order++;
    burst.offset = task.next_solicit;
    burst.length = static_cast<uint32_t>(
        std::min<uint64_t>(parameters.MaxBurstLength, task.accepted_end - task.next_solicit));
    burst.received = burst.data_sn = 0;
    task.next_solicit += burst.length;
    ++task.bursts;

    wire::R2t r2t;
    r2t.lun = wire::Get(task.header, wire::kLun);
    r2t.initiator_task_tag = task.initiator_task_tag;
    r2t.target_transfer_tag = static_cast<uint32_t>(uint64_t{burst.device_tag} << burst_own_bits) |
                              burst.generation << burst_index_bits | burst_index;
    r2t.buffer_offset = burst.offset;
    r2t.desired_data_transfer_length = burst.length;
    Check(row.state->sender.QueuePdu(TxClass::kUrgent, pdu::Written(r2t), {}, {},
                                     Cookie(CookieKind::kBurst, burst_index)));
    ++row.task_entries;
    ++counters.r2ts;
  }
  return true;
}

void SessionState::CloseBurst(uint32_t burst_index) {
  Burst& burst = bursts[burst_index];
  burst.open = false;
  burst.next_free = kNone;
  --tasks[burst.task].bursts;
  if (first_free_burst == kNone) {
    first_free_burst = burst_index;
  } else {
    bursts[last_free_burst].next_free = burst_index;
  }
  last_free_burst = burst_index;
}

// The task's Target Transfer Tags end; what still comes under them is discarded silently
// (section 10.7).
void SessionState::DropBursts(uint32_t index) {
  Task& task = tasks[index];
  if (task.unsolicited_open) absorbed_tags.Add(task.initiator_task_tag);
  task.unsolicited_open = false;
  for (uint32_t i = 0; i < burst_count && task.bursts > 0; ++i) {
    if (!bursts[i].open || bursts[i].task != index) continue;
    Row& row = rows[task.row];
    if (!row.closed) row.state->sender.Cancel(Cookie(CookieKind::kBurst, i));
    if (row.rx_burst == i) row.rx_burst = kNone;
    CloseBurst(i);
  }
}

void SessionState::CheckWindow(uint32_t index) {
  Task& task = tasks[index];
  if (!Stores(task) || !task.window_open || task.state != TaskState::kActive) return;
  if (DataExpected(task) || !task.arrived.Covers(task.window_offset, task.accepted_end)) return;
  task.window_open = false;
  NotifyTask(EventKind::kDataReceived, index, task.window_offset,
             static_cast<uint32_t>(task.window.size()));
}

// Which sequence a Data-Out belongs to, or why to none.
Error SessionState::FindSequence(const wire::Bhs& header, uint32_t* task_index,
                                 uint32_t* burst_index) {
  const uint32_t ttt = pdu::TargetTransferTag(header);
  const uint32_t itt = pdu::InitiatorTaskTag(header);
  *burst_index = *task_index = kNone;
  if (ttt == pdu::kReservedTag) {
    const uint32_t found = tags.Find(itt, tasks);
    const bool open = found != kNone && tasks[found].unsolicited_open;
    if (!open && absorbed_tags.Has(itt)) {
      if (pdu::Final(header)) absorbed_tags.Forget(itt);
      return Violation(ErrorCode::kTransferTagTerminated, itt);
    }
    if (found == kNone) return Violation(ErrorCode::kTaskTagUnknown, itt);
    *task_index = found;
    const Task& task = tasks[found];
    if (!task.write) return Violation(ErrorCode::kDataOutWithoutWrite, itt);
    if (!task.unsolicited_open)
      return Violation(ErrorCode::kDataOutAfterFinal, pdu::DataSn(header));
    return Error::Ok();
  }
  const uint32_t index = ttt & ((1u << burst_index_bits) - 1);
  const auto own = static_cast<uint32_t>(ttt & ((uint64_t{1} << burst_own_bits) - 1));
  const auto device_tag = static_cast<uint32_t>(uint64_t{ttt} >> burst_own_bits);
  const uint32_t generation = own >> burst_index_bits;
  if (index >= burst_count || generation == 0 || generation > bursts[index].generation) {
    return Violation(ErrorCode::kTransferTagUnknown, ttt);
  }
  const Burst& burst = bursts[index];
  if (burst.open && generation == burst.generation && device_tag != burst.device_tag) {
    return Violation(ErrorCode::kTransferTagUnknown, ttt);
  }
  if (!burst.open || generation != burst.generation) {
    return Violation(ErrorCode::kTransferTagTerminated, ttt);
  }
  const Task& task = tasks[burst.task];
  if (task.initiator_task_tag != itt) return Violation(ErrorCode::kTaskTagUnknown, itt);
  if (wire::Get(header, wire::kLun) != wire::Get(task.header, wire::kLun))
    return Violation(ErrorCode::kLunMismatch);
  *task_index = burst.task;
  *burst_index = index;
  if (task.bursts > 1) {
    for (uint32_t i = 0; i < burst_count; ++i) {
      if (bursts[i].open && bursts[i].task == burst.task &&
          SerialLess(bursts[i].order, burst.order)) {
        return Violation(ErrorCode::kDataOutOrderR2t, ttt);
      }
    }
  }
  return Error::Ok();
}

// Where the data may lie and which number it must have.
Error SessionState::CheckDataOut(const RxItem& item, const Task& task, const Burst* burst) const {
  const wire::Bhs& header = *item.header;
  const uint64_t offset = pdu::BufferOffset(header);
  const uint64_t end = offset + item.data_segment_length;
  const uint32_t data_sn = pdu::DataSn(header);
  const uint32_t expected_sn = burst != nullptr ? burst->data_sn : task.unsolicited_data_sn;
  if (SerialLess(data_sn, expected_sn)) return Violation(ErrorCode::kDataSnDuplicate, data_sn);
  if (data_sn != expected_sn) return Violation(ErrorCode::kDataSnGap, data_sn);
  if (end > task.write_length)
    return Violation(ErrorCode::kDataOutTooLong, static_cast<uint32_t>(offset));
  if (burst != nullptr) {
    if (offset < burst->offset || end > uint64_t{burst->offset} + burst->length ||
        uint64_t{burst->received} + item.data_segment_length > burst->length) {
      return Violation(ErrorCode::kDataOutOffset, static_cast<uint32_t>(offset));
    }
    if (parameters.DataPDUInOrder && item.data_segment_length > 0 &&
        offset != uint64_t{burst->offset} + burst->received) {
      return Violation(ErrorCode::kDataOutOrder, static_cast<uint32_t>(offset));
    }
    return Error::Ok();
  }
  if (end > parameters.FirstBurstLength ||
      uint64_t{task.unsolicited_bytes} + item.data_segment_length > parameters.FirstBurstLength) {
    return Violation(ErrorCode::kFirstBurstTooLong, static_cast<uint32_t>(end));
  }
  if (parameters.DataPDUInOrder && item.data_segment_length > 0 &&
      offset != task.unsolicited_bytes) {
    return Violation(ErrorCode::kDataOutOrder, static_cast<uint32_t>(offset));
  }
  return Error::Ok();
}

bool SessionState::OnDataOutHeader(Row& row, const RxItem& item) {
  const wire::Bhs& header = *item.header;
  uint32_t index = kNone, burst_index = kNone;
  Error error = FindSequence(header, &index, &burst_index);
  Burst* burst = burst_index == kNone ? nullptr : &bursts[burst_index];
  if (error.ok()) error = CheckDataOut(item, tasks[index], burst);
  if (!error.ok()) {
    row.discard = true;
    Act(row, error, header, item.ahs);
    if (index == kNone || error.EndsConnection() || error.code == ErrorCode::kDataSnDuplicate)
      return true;
    // Its bytes are lost, so the task cannot succeed; it ends when the last sequence has
    // (section 11.17.1).
    if (!error.Has(Action::kFailTask)) error = Violation(ErrorCode::kBurstAmount);
    Fail(index, error);
    if (pdu::Final(header)) EndSequence(index, burst_index);
    return true;
  }
  Task& task = tasks[index];
  if (item.data_segment_length > 0) {
    if (!Stores(task)) {
      row.state->receiver.SetScratch();
    } else if (!task.window_open) {
      return false;  // unsolicited data before AcceptData(): back-pressure
    } else {
      const size_t at = pdu::BufferOffset(header) - task.window_offset;
      row.state->receiver.SetSink(task.window.subspan(at, item.data_segment_length));
    }
  }
  ++task.rx_refs;
  row.rx_task = index;
  row.rx_burst = burst_index;
  return true;
}

void SessionState::OnDataOutEnd(Row& row, const RxItem& item, bool good) {
  const uint32_t index = row.rx_task;
  const uint32_t burst_index = row.rx_burst;
  row.rx_task = row.rx_burst = kNone;
  Task& task = tasks[index];
  --task.rx_refs;
  ++counters.data_out_pdus;
  const wire::Bhs& header = *item.header;
  const uint32_t size = item.data_segment_length;
  if (!good) {
    SendReject(row, InfoOf(ErrorCode::kDataDigest).reject_reason, header, {});
    Fail(index, Violation(ErrorCode::kDataDigest));
  } else if (Stores(task)) {
    const uint64_t offset = pdu::BufferOffset(header);
    counters.write_bytes += size;
    if (task.arrived.Add(offset, offset + size) == RunAdd::kFull) {
      Fail(index, Violation(ErrorCode::kDataRunsFull, kMaxRuns));
    }
  }
  if (burst_index != kNone) {
    ++bursts[burst_index].data_sn;
    bursts[burst_index].received += size;
  } else {
    ++task.unsolicited_data_sn;
    task.unsolicited_bytes += size;
  }
  if (pdu::Final(header)) EndSequence(index, burst_index);
  MaybeFree(index);
}

// The F bit came. Section 11.4.7.2 says what amount is right.
void SessionState::EndSequence(uint32_t index, uint32_t burst_index) {
  Task& task = tasks[index];
  if (burst_index != kNone) {
    const Burst& burst = bursts[burst_index];
    if (burst.received != burst.length && Stores(task)) {
      Fail(index, Violation(ErrorCode::kBurstAmount, burst.received));
    }
    CloseBurst(burst_index);
  } else {
    if (!task.unsolicited_open) return;
    task.unsolicited_open = false;
    if (task.write_length > parameters.FirstBurstLength &&
        task.unsolicited_bytes != parameters.FirstBurstLength && Stores(task)) {
      Fail(index, Violation(ErrorCode::kUnsolicitedAmount, task.unsolicited_bytes));
    }
    task.next_solicit = task.unsolicited_bytes;
  }
  Solicit(index);
  CheckWindow(index);
  if (!DataExpected(task)) {
    Ready(index);
    MaybeFree(index);
  }
}

}  // namespace isthmus::target
