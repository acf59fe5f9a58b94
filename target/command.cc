// SCSI Command: what its header must hold, where its unsolicited data goes, when it is delivered.
// RFC 7143 sections 11.3, 4.2.2.1 (order), 7.2.1 (retry), 7.8 (bad immediate data).
#include <algorithm>
#include <cstring>

#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

Error Violation(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kTarget, PduClass::kCommand, 0, detail);
}

constexpr uint8_t kAhsExtendedCdb = 1;
constexpr uint8_t kAhsBidirectionalRead = 2;

}  // namespace

// Violations that leave no task behind.
Error SessionState::CheckCommand(const RxItem& item) const {
  const wire::Bhs& header = *item.header;
  const bool final = pdu::Final(header);
  const bool read = pdu::ReadBit(header);
  const bool write = pdu::WriteBit(header);
  const uint32_t length = pdu::ExpectedDataTransferLength(header);
  if (!write && !final) return Violation(ErrorCode::kFinalAndWriteClear);
  if (!read && !write && length > 0) return Violation(ErrorCode::kDirectionMissing, length);
  if (pdu::Attribute(header) > 4) {
    return Violation(ErrorCode::kTaskAttributeReserved, pdu::Attribute(header));
  }
  if (!write && item.data_segment_length > 0) {
    return Violation(ErrorCode::kImmediateDataWithoutWrite, item.data_segment_length);
  }
  if (!final && item.data_segment_length == length) {
    return Violation(ErrorCode::kFinalClearDataComplete);
  }
  if (pdu::InitiatorTaskTag(header) == pdu::kReservedTag) {
    return Violation(ErrorCode::kTaskTagReserved);
  }
  return Error::Ok();
}

// Sections 11.2.2.1 to 11.2.2.4. Fills the task's CDB and read length.
bool SessionState::ParseAhs(const RxItem& item, Task& task, Error* error) {
  std::byte* cdb = cdbs + size_t{IndexOf(task)} * kMaxCdbBytes;
  std::memcpy(cdb, pdu::Cdb(task.header), 16);
  task.cdb_size = 16;
  bool extended = false, bidirectional = false;
  std::span<const std::byte> rest = item.ahs;
  const auto fail = [error](ErrorCode code, uint32_t detail) {
    *error = Violation(code, detail);
    return false;
  };
  while (!rest.empty()) {
    const uint32_t length = pdu::U16(rest.data());
    const uint8_t type = static_cast<uint8_t>(rest[2]);
    if (length == 0) {
      return fail(ErrorCode::kAhsEmpty, static_cast<uint32_t>(item.ahs.size() - rest.size()));
    }
    if (length + 3 > rest.size()) return fail(ErrorCode::kAhsTruncated, length);
    if (type == kAhsExtendedCdb) {
      if (extended) return fail(ErrorCode::kAhsDuplicate, type);
      // AHSLength is CDBLength - 15: a reserved byte, then what does not fit in the header.
      if (length < 2 || length > kMaxCdbBytes - 15) {
        return fail(ErrorCode::kAhsExtendedCdbLength, length);
      }
      std::memcpy(cdb + 16, rest.data() + 4, length - 1);
      task.cdb_size = 15 + length;
      extended = true;
    } else if (type == kAhsBidirectionalRead) {
      if (bidirectional) return fail(ErrorCode::kAhsDuplicate, type);
      if (length != 5) return fail(ErrorCode::kAhsBidirectionalLength, length);
      if (!task.read || !task.write) return fail(ErrorCode::kAhsBidirectionalUnexpected, 0);
      task.read_length = pdu::U32(rest.data() + 4);
      bidirectional = true;
    } else {
      return fail(ErrorCode::kAhsTypeReserved, type);
    }
    rest = rest.subspan(std::min<size_t>(rest.size(), (length + 3 + 3) / 4 * 4));
  }
  if (task.read && task.write && !bidirectional) {
    return fail(ErrorCode::kAhsBidirectionalMissing, 0);
  }
  return true;
}

// A verified header. What ends in Reject or worse makes no task; what fails the task makes one, for
// its CmdSN counts.
bool SessionState::OnCommandHeader(Row& row, const RxItem& item) {
  const wire::Bhs& header = *item.header;
  const bool immediate = pdu::Immediate(header);
  const uint32_t itt = pdu::InitiatorTaskTag(header);
  // The execution state comes before all else (section 4.2.2.1).
  if (const uint32_t known = tags.Find(itt, tasks); known != kNone) {
    const bool retry = tasks[known].cmd_sn == pdu::CmdSn(header);
    Violate(row, retry ? ErrorCode::kTaskRetry : ErrorCode::kTaskTagInUse, PduClass::kCommand, item,
            retry ? pdu::CmdSn(header) : itt);
    return true;
  }
  if (!immediate && !CheckCmdSn(row, header)) return true;
  if (row.state->csm.state() == CsmState::kLogoutRequested) {
    Violate(row, ErrorCode::kWaitingForLogout, PduClass::kCommand, item, pdu::kScsiCommand);
    return true;
  }
  Error error = CheckCommand(item);
  if (error.ok() && immediate && immediate_count >= limits.immediate_commands) {
    error = Violation(ErrorCode::kTooManyImmediateCommands, immediate_count);
  }
  if (!error.ok()) {
    Act(row, error, header, item.ahs);
    return true;
  }
  const uint32_t index = AcquireTask(row, header, immediate);
  if (index == kNone) return false;  // records linger with the transport: wait for them
  Task& task = tasks[index];
  task.read = pdu::ReadBit(header);
  task.write = pdu::WriteBit(header);
  task.data_size = item.data_segment_length;
  if (task.write) {
    task.write_length = pdu::ExpectedDataTransferLength(header);
  } else {
    task.read_length = pdu::ExpectedDataTransferLength(header);
  }
  if (!ParseAhs(item, task, &error)) {
    task.embedder_done = true;
    FreeTask(index);
    Act(row, error, header, item.ahs);
    return true;
  }
  tags.Insert(itt, index);
  task.in_hash = true;
  task.unsolicited_open = !pdu::Final(header);
  task.unsolicited_bytes = task.data_size;
  task.next_solicit = task.data_size;
  row.rx_task = index;
  task.rx_refs = 1;

  const uint32_t first_burst = std::min(parameters.FirstBurstLength, task.write_length);
  if (task.data_size > 0 && !parameters.ImmediateData) {
    Fail(index, Violation(ErrorCode::kImmediateDataUnexpected, task.data_size));
  } else if (task.data_size > task.write_length) {
    Fail(index, Violation(ErrorCode::kImmediateDataTooLong, task.data_size));
  } else if (task.data_size > parameters.FirstBurstLength) {
    Fail(index, Violation(ErrorCode::kFirstBurstTooLong, task.data_size));
  } else if (task.unsolicited_open && parameters.InitialR2T) {
    Fail(index, Violation(ErrorCode::kUnsolicitedDataUnexpected));
  } else if (task.data_size > 0 || task.unsolicited_open) {
    task.begun = task.announced = true;
    NotifyTask(EventKind::kBegin, index, 0, task.unsolicited_open ? first_burst : task.data_size);
    return true;  // AcceptData() or Refuse() names the sink
  }
  if (task.data_size > 0) row.state->receiver.SetScratch();
  return true;
}

void SessionState::OnCommandEnd(Row& row, uint32_t index, bool good) {
  Task& task = tasks[index];
  task.rx_refs = 0;
  if (task.aborted) {
    MaybeFree(index);
    return;
  }
  if (!good) {
    // Section 7.8: rejected whole; its CmdSN is not received, and what follows waits behind the
    // hole.
    tags.Erase(task.initiator_task_tag, tasks);
    task.in_hash = false;
    const wire::Bhs header = task.header;
    if (task.immediate) --immediate_count;
    task.immediate = false;
    AbortTask(index, false);
    SendReject(row, InfoOf(ErrorCode::kDataDigest).reject_reason, header, {});
    return;
  }
  if (task.data_size > 0 && !task.failed && !task.refused) task.arrived.Add(0, task.data_size);
  if (task.immediate) {
    Deliver(index);
    return;
  }
  task.state = TaskState::kWaiting;
  Check(window.Place(task.cmd_sn, index));
  DeliverInOrder();
}

// Duplicates and what is outside the window are ignored silently (section 4.2.2.1).
bool SessionState::CheckCmdSn(Row& row, const wire::Bhs& header) {
  const uint32_t cmd_sn = pdu::CmdSn(header);
  const CmdSnClass place = window.Classify(cmd_sn);
  if (place == CmdSnClass::kInOrder || place == CmdSnClass::kAhead) return true;
  ++counters.ignored;
  row.discard = true;
  return false;
}

void SessionState::DeliverInOrder() {
  uint64_t cookie = 0;
  while (window.NextInOrder(&cookie)) {
    tasks[cookie].windowed = true;
    Deliver(static_cast<uint32_t>(cookie));
  }
  if (window.waiting() == 0) {
    hole_deadline = Instant::Never();
  } else if (hole_deadline == Instant::Never() && limits.hole_timeout_ms > 0) {
    hole_deadline = now + Milliseconds(limits.hole_timeout_ms);
  }
  AdvanceAll();
}

void SessionState::Deliver(uint32_t index) {
  Task& task = tasks[index];
  if (pdu::Opcode(task.header) != pdu::kScsiCommand) {
    DeliverOther(index);
    return;
  }
  task.state = TaskState::kActive;
  ++counters.commands;
  if (task.failed || task.refused) {
    Ready(index);
    return;
  }
  task.announced = true;
  NotifyTask(EventKind::kCommand, index);
  if (task.window_open) {
    Solicit(index);
    CheckWindow(index);
  }
}

// A request that is no SCSI command and had to wait for its turn.
void SessionState::DeliverOther(uint32_t index) {
  Task& task = tasks[index];
  Row& row = rows[task.row];
  const wire::Bhs header = task.header;
  const uint32_t echo = task.echo;
  const uint32_t size = task.data_size;
  task.embedder_done = task.aborted = true;
  MaybeFree(index);  // its place in the window with it
  Execute(row, header, echo, size);
}

}  // namespace isthmus::target
