// SCSI Command: what its header must hold, where its unsolicited data goes, when it is delivered.
// RFC 7143 sections 11.3, 4.2.2.1 (order), 7.2.1 (retry), 7.8 (bad immediate data).
#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/check.h"
#include "protocol/session/serial.h"
#include "protocol/wire/ahs.h"
#include "protocol/wire/cdb.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/scsi_command.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

Error Violation(ErrorCode code, uint32_t detail = 0) {
  return MakeError(code, Role::kTarget, PduClass::kCommand, 0, detail);
}

constexpr uint32_t kInlineCdbBytes = 16;

}  // namespace

// Violations that leave no task behind.
Error SessionState::CheckCommand(const RxItem& item) const {
  const auto command = pdu::Read<wire::ScsiCommand>(*item.header);
  const auto [final, read, write] = std::array{command.final, command.read, command.write};
  const uint32_t length = command.expected_data_transfer_length;
  if (!write && !final) return Violation(ErrorCode::kFinalAndWriteClear);
  if (!read && !write && length > 0) return Violation(ErrorCode::kDirectionMissing, length);
  if (!wire::IsDefined(command.attribute)) {
    return Violation(ErrorCode::kTaskAttributeReserved, static_cast<uint32_t>(command.attribute));
  }
  if (!write && item.data_segment_length > 0) {
    return Violation(ErrorCode::kImmediateDataWithoutWrite, item.data_segment_length);
  }
  if (!final && item.data_segment_length == length) {
    return Violation(ErrorCode::kFinalClearDataComplete);
  }
  if (command.initiator_task_tag == pdu::kReservedTag) {
    return Violation(ErrorCode::kTaskTagReserved);
  }
  return Error::Ok();
}

// Section 11.2.2. Fills the task's CDB and read length.
Error SessionState::ParseAhs(const RxItem& item, Task& task) {
  std::byte* cdb = cdbs + size_t{IndexOf(task)} * wire::kMaxCdbBytes;
  const auto command = pdu::Read<wire::ScsiCommand>(task.header);
  std::memcpy(cdb, command.cdb.data(), kInlineCdbBytes);
  task.cdb_size = kInlineCdbBytes;
  const bool bidirectional = task.read && task.write;
  if (item.ahs.empty()) {
    return bidirectional ? Violation(ErrorCode::kAhsBidirectionalMissing) : Error::Ok();
  }
  wire::AhsContents ahs;
  if (const auto violation = wire::ParseAhs(item.ahs, &ahs); !violation.ok()) {
    return Violation(violation.code, violation.detail);
  }
  if (bidirectional && !ahs.has_bidirectional_read_length) {
    return Violation(ErrorCode::kAhsBidirectionalMissing);
  }
  if (!bidirectional && ahs.has_bidirectional_read_length) {
    return Violation(ErrorCode::kAhsBidirectionalUnexpected);
  }
  if (bidirectional) task.read_length = ahs.bidirectional_read_expected_data_transfer_length;
  if (!ahs.cdb_spillover.empty()) {
    std::memcpy(cdb + kInlineCdbBytes, ahs.cdb_spillover.data(), ahs.cdb_spillover.size());
    task.cdb_size += static_cast<uint32_t>(ahs.cdb_spillover.size());
  }
  return Error::Ok();
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
    Violate(row, ErrorCode::kWaitingForLogout, PduClass::kCommand, item,
            static_cast<uint32_t>(wire::Opcode::kScsiCommand));
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
  const auto command = pdu::Read<wire::ScsiCommand>(header);
  task.read = command.read;
  task.write = command.write;
  task.data_size = item.data_segment_length;
  if (task.write) {
    task.write_length = command.expected_data_transfer_length;
  } else {
    task.read_length = command.expected_data_transfer_length;
  }
  if (error = ParseAhs(item, task); !error.ok()) {
    task.embedder_done = true;
    FreeTask(index);
    Act(row, error, header, item.ahs);
    return true;
  }
  absorbed_tags.Forget(itt);
  tags.Insert(itt, index);
  task.in_hash = true;
  task.unsolicited_open = !pdu::Final(header);
  task.unsolicited_bytes = task.data_size;
  task.next_solicit = task.data_size;
  row.rx_task = index;
  task.rx_refs = 1;

  const std::span<const std::byte> cdb(cdbs + size_t{index} * wire::kMaxCdbBytes, task.cdb_size);
  const uint32_t first_burst = std::min(parameters.FirstBurstLength, task.write_length);
  if (task.data_size > 0 && !parameters.ImmediateData) {
    Fail(index, Violation(ErrorCode::kImmediateDataUnexpected, task.data_size));
  } else if (task.data_size > task.write_length) {
    Fail(index, Violation(ErrorCode::kImmediateDataTooLong, task.data_size));
  } else if (task.data_size > parameters.FirstBurstLength) {
    Fail(index, Violation(ErrorCode::kFirstBurstTooLong, task.data_size));
  } else if (wire::CdbLength(cdb) > task.cdb_size) {
    Fail(index, Violation(ErrorCode::kExtendedCdbMissing, static_cast<uint32_t>(cdb[0])));
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
  if (task.data_size > 0 && !task.failed && !task.refused) {
    task.arrived.Add(0, task.data_size);
    counters.write_bytes += task.data_size;
  }
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
  const ErrorCode code =
      place == CmdSnClass::kDuplicate ? ErrorCode::kCmdSnDuplicate : ErrorCode::kCmdSnOutsideWindow;
  Act(row, Violation(code, cmd_sn), header, {});
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
  if (pdu::Opcode(task.header) != wire::Opcode::kScsiCommand) {
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
  // Section 11.14: no request follows a Logout Request. One that waited with it behind a gap in CmdSN comes here all the
  // same.
  if (!row.state->csm.Can(CsmEvent::kLogoutBegun)) {
    ++counters.ignored;
    if (echo != kNone) ReleaseEcho(row, echo);
    return;
  }
  Execute(row, header, echo, size);
}

}  // namespace isthmus::target
