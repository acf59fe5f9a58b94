// Data to the initiator and the end of tasks: SendData, Complete, Data-In, SCSI Response. RFC 7143
// sections 11.4, 11.7, 4.2.5.2, 10.2.
#include "protocol/wire/data_in.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/check.h"
#include "protocol/wire/codes.h"
#include "protocol/wire/scsi_response.h"
#include "protocol/wire/sense.h"
#include "target/session_state.h"

namespace isthmus::target {
namespace {

constexpr uint8_t kStatusCheckCondition = 0x02;

// Statuses that may ride on the last Data-In (section 11.7.3).
bool Collapses(uint8_t status) {
  return status == 0x00 || status == 0x04 || status == 0x10 || status == 0x14;
}

struct Residual {
  bool overflow = false, underflow = false;
  uint32_t count = 0;
};

// Section 11.4.5.2.
Residual ResidualOf(uint64_t presented, uint32_t expected) {
  if (presented == expected) return {};
  const bool overflow = presented > expected;
  const uint64_t count = overflow ? presented - expected : expected - presented;
  return {overflow, !overflow, static_cast<uint32_t>(std::min<uint64_t>(count, 0xffffffff))};
}

Residual MainResidual(const Task& task) {
  if (task.response != 0) return {};
  return ResidualOf(task.transfer_length, task.write ? task.write_length : task.read_length);
}

// Whether the PDU advances StatSN (sections 11.4.9, 11.7.3, 11.8.3, 11.19.2).
bool TakesStatSn(const wire::Bhs& header) {
  switch (pdu::Opcode(header)) {
    case wire::Opcode::kDataIn:
      return wire::Get(header, wire::kDataInHasStatus);
    case wire::Opcode::kNopIn:
      return pdu::InitiatorTaskTag(header) != pdu::kReservedTag;
    case wire::Opcode::kR2t:
      return false;
    default:
      return true;
  }
}

}  // namespace

Error SessionState::SendData(uint32_t index, uint32_t offset, std::span<const std::byte> bytes,
                             SendOptions send) {
  Task& task = tasks[index];
  if (task.aborted || task.failed) {
    if (send.notify)
      NotifyTask(EventKind::kSourceReleased, index, offset, static_cast<uint32_t>(bytes.size()));
    return Error::Ok();
  }
  if (task.completed) return CallerError(ErrorCode::kCallStatusTwice, task.initiator_task_tag);
  if (task.state != TaskState::kActive) return CallerError(ErrorCode::kCallOutOfState);
  if (task.write && !task.read) return CallerError(ErrorCode::kCallDirection);
  if (offset != task.sent || bytes.size() > 0xffffffff - task.sent) {
    return CallerError(ErrorCode::kCallLength, offset);
  }
  const uint64_t room = task.sent < task.read_length ? task.read_length - task.sent : 0;
  const size_t kept = std::min<uint64_t>(room, bytes.size());
  if (send.unstable && kept > 0 && limits.staging_bytes < kMinStagingBytes) {
    return CallerError(ErrorCode::kCallArgument, 4);
  }
  if (kept > 0 && free_source_count == 0)
    return CallerError(ErrorCode::kCallQueueFull, source_count);
  if (!NoticeRoom()) return CallerError(ErrorCode::kCallQueueFull);
  task.sent += bytes.size();
  if (kept == 0) {
    if (send.notify)
      NotifyTask(EventKind::kSourceReleased, index, offset, static_cast<uint32_t>(bytes.size()));
    return Error::Ok();
  }
  const uint32_t source_index = free_sources[--free_source_count];
  sources[source_index] = {.bytes = bytes.first(kept),
                           .task = index,
                           .offset = offset,
                           .told_length = static_cast<uint32_t>(bytes.size()),
                           .next = kNone,
                           .unstable = send.unstable,
                           .notify = send.notify,
                           .queued = false};
  if (task.first_source == kNone) {
    task.first_source = source_index;
  } else {
    sources[task.last_source].next = source_index;
  }
  task.last_source = source_index;
  counters.read_bytes += kept;
  Ready(index);
  return Error::Ok();
}

Error SessionState::Complete(uint32_t index, const Completion& completion) {
  Task& task = tasks[index];
  if (task.aborted || task.failed) {
    if (task.embedder_done)
      return CallerError(ErrorCode::kCallStatusTwice, task.initiator_task_tag);
    return Release(index);
  }
  if (task.completed) return CallerError(ErrorCode::kCallStatusTwice, task.initiator_task_tag);
  if (task.state != TaskState::kActive) return CallerError(ErrorCode::kCallOutOfState);
  if (completion.sense.size() > limits.sense_bytes ||
      (completion.response == 0 && completion.status == kStatusCheckCondition &&
       completion.sense.empty())) {
    return CallerError(ErrorCode::kCallSense, static_cast<uint32_t>(completion.sense.size()));
  }
  task.completed = task.embedder_done = true;
  task.status = completion.status;
  task.response = completion.response;
  task.status_qualifier = completion.status_qualifier;
  SetSense(task, completion.sense);
  const uint64_t received = task.arrived.size_bytes();
  const uint64_t moved = task.write ? received : task.sent;
  task.transfer_length =
      completion.transfer_length == Completion::kWhatMoved ? moved : completion.transfer_length;
  task.bidi_transfer_length = completion.bidi_transfer_length == Completion::kWhatMoved
                                  ? task.sent
                                  : completion.bidi_transfer_length;
  Ready(index);
  return Error::Ok();
}

void SessionState::SetSense(Task& task, std::span<const std::byte> sense) {
  const size_t bytes = limits.sense_bytes + size_t{2};
  const std::span<std::byte> segment(senses + IndexOf(task) * bytes, bytes);
  task.sense_segment_size =
      static_cast<uint16_t>(sense.empty() ? 0 : wire::BuildSenseSegment(sense, segment));
}

// The engine ends the task itself, with the outcome of the error's row, when the data that is still
// expected has come (section 11.4.2). The embedder is told to stop first.
void SessionState::Fail(uint32_t index, const Error& error) {
  FailWith(index, InfoOf(error.code).outcome);
}

void SessionState::FailWith(uint32_t index, const TaskOutcome& outcome) {
  Task& task = tasks[index];
  if (task.aborted || task.failed || task.completed) return;
  task.failed = task.completed = true;
  task.status = outcome.status;
  task.response = 0;
  if (outcome.status == kStatusCheckCondition) {
    std::array<std::byte, wire::kFixedSenseBytes> sense;
    wire::BuildFixedSense({.key = outcome.sense_key, .asc = outcome.asc, .ascq = outcome.ascq},
                          sense);
    SetSense(task, sense);
  }
  task.transfer_length = task.write ? task.arrived.size_bytes() : task.sent;
  task.bidi_transfer_length = task.sent;
  DropSources(index);
  if (task.announced && !task.embedder_done) {
    task.abort_told = true;
    NotifyTask(EventKind::kTaskAborted, index);
  } else {
    task.embedder_done = true;
  }
  Ready(index);
}

// Answers kTaskAborted.
Error SessionState::Release(uint32_t index) {
  Task& task = tasks[index];
  if (!task.abort_told || task.embedder_done) return CallerError(ErrorCode::kCallOutOfState);
  task.embedder_done = true;
  Ready(index);
  if (task.early_end) EndWaits(index);
  MaybeFree(index);
  return Error::Ok();
}

// The task has something for the sender. The list is worked off as the connection has room.
void SessionState::Ready(uint32_t index) {
  Task& task = tasks[index];
  if (task.in_ready_list || task.state != TaskState::kActive) return;
  Row& row = rows[task.row];
  task.in_ready_list = true;
  task.next_ready = kNone;
  if (row.first_ready == kNone) {
    row.first_ready = index;
  } else {
    tasks[row.last_ready].next_ready = index;
  }
  row.last_ready = index;
}

void SessionState::Feed(Row& row) {
  while (row.first_ready != kNone) {
    const uint32_t index = row.first_ready;
    if (!FeedTask(row, index)) return;
    Task& task = tasks[index];
    row.first_ready = task.next_ready;
    task.in_ready_list = false;
  }
}

// False: the sender has no room.
bool SessionState::FeedTask(Row& row, uint32_t index) {
  Task& task = tasks[index];
  if (task.aborted) return true;
  if (!FeedR2ts(row, index)) return false;
  while (task.first_source != kNone) {
    if (row.task_entries >= row.state->max_task_entries) return false;
    if (!FeedSource(row, index)) return false;
  }
  const bool ends =
      task.completed && task.embedder_done && !task.status_queued && !DataExpected(task);
  if (!ends) return true;
  if (row.task_entries >= row.state->max_task_entries) return false;
  FeedStatus(row, index);
  return true;
}

bool SessionState::FeedSource(Row& row, uint32_t index) {
  Task& task = tasks[index];
  const uint32_t source_index = task.first_source;
  Source& source = sources[source_index];
  const bool last = source.next == kNone;
  const bool collapse = last && task.completed && !task.failed && !task.write &&
                        task.response == 0 && Collapses(task.status) &&
                        task.sense_segment_size == 0 && task.status_qualifier == 0 &&
                        !DataExpected(task);
  Transfer transfer;
  wire::DataIn data_in;
  data_in.initiator_task_tag = task.initiator_task_tag;
  if (collapse) {
    const Residual residual = MainResidual(task);
    data_in.final = data_in.has_status = true;
    data_in.status = static_cast<wire::ScsiStatus>(task.status);
    data_in.residual_overflow = residual.overflow;
    data_in.residual_underflow = residual.underflow;
    data_in.residual_count = residual.count;
  }
  wire::Encode(data_in, &transfer.header);
  transfer.source = source.bytes;
  transfer.buffer_offset = source.offset;
  transfer.burst_bytes = parameters.MaxBurstLength;
  transfer.burst_used = task.burst_used;
  transfer.final = last;  // a sequence may end anywhere (section 11.7.1)
  transfer.unstable = source.unstable;
  transfer.cookie = Cookie(CookieKind::kSource, source_index);
  if (!row.state->sender.QueueTransfer(transfer)) return false;
  task.burst_used = last ? 0
                         : static_cast<uint32_t>((uint64_t{task.burst_used} + source.bytes.size()) %
                                                 parameters.MaxBurstLength);
  task.first_source = source.next;
  source.queued = true;
  ++task.tx_refs;
  ++row.task_entries;
  if (collapse) task.status_queued = true;
  return true;
}

void SessionState::FeedStatus(Row& row, uint32_t index) {
  Task& task = tasks[index];
  const Residual residual = MainResidual(task);
  Residual bidi;
  if (task.read && task.write && task.response == 0) {
    bidi = ResidualOf(task.bidi_transfer_length, task.read_length);
  }
  wire::ScsiResponse response;
  response.initiator_task_tag = task.initiator_task_tag;
  response.response = static_cast<wire::ScsiResponseCode>(task.response);
  response.status = static_cast<wire::ScsiStatus>(task.status);
  response.status_qualifier = task.status_qualifier;
  response.residual_overflow = residual.overflow;
  response.residual_underflow = residual.underflow;
  response.residual_count = residual.count;
  response.bidirectional_read_residual_overflow = bidi.overflow;
  response.bidirectional_read_residual_underflow = bidi.underflow;
  response.bidirectional_read_residual_count = bidi.count;
  const wire::Bhs header = pdu::Written(response, parameters.iSCSIProtocolLevel);
  const std::byte* sense = senses + size_t{index} * (limits.sense_bytes + 2);
  Check(row.state->sender.QueuePdu(TxClass::kNormal, header, {}, {sense, task.sense_segment_size},
                                   Cookie(CookieKind::kStatus, index)));
  ++row.task_entries;
  ++task.tx_refs;
  task.status_queued = true;
}

void SessionState::OnSourceDone(uint32_t source_index) {
  Source& source = sources[source_index];
  const uint32_t index = source.task;
  if (source.notify) {
    NotifyTask(EventKind::kSourceReleased, index, source.offset, source.told_length);
  }
  source = Source();
  free_sources[free_source_count++] = source_index;
  --tasks[index].tx_refs;
  MaybeFree(index);
}

// Forgets what was not handed to the sender. The record stays: kTaskReleased follows the last
// kSourceReleased.
void SessionState::DropSources(uint32_t index) {
  Task& task = tasks[index];
  ++task.tx_refs;
  while (task.first_source != kNone) {
    const uint32_t source_index = task.first_source;
    task.first_source = sources[source_index].next;
    ++task.tx_refs;
    OnSourceDone(source_index);
  }
  --task.tx_refs;
}

void SessionStamper::Stamp(wire::Bhs& header, uint64_t cookie) {
  Task* ends = nullptr;
  switch (KindOf(cookie)) {
    case CookieKind::kSource: {
      Task& task = session_.tasks[session_.sources[IndexOfCookie(cookie)].task];
      wire::Set(header, wire::kDataSn, task.input_sn++);
      ++task.data_in_pdus;
      ++session_.counters.data_in_pdus;
      if (wire::Get(header, wire::kDataInHasStatus)) ends = &task;
      break;
    }
    case CookieKind::kStatus: {
      Task& task = session_.tasks[IndexOfCookie(cookie)];
      wire::Set(header, wire::kExpDataSn, task.response == 0 ? task.data_in_pdus : 0);
      ends = &task;
      break;
    }
    case CookieKind::kBurst: {
      Task& task = session_.tasks[session_.bursts[IndexOfCookie(cookie)].task];
      wire::Set(header, wire::kR2tSn, task.read ? task.input_sn++ : task.r2t_sn++);
      break;
    }
    default:
      break;
  }
  // The status carries the room that it makes; its tag is free as soon as the initiator has it.
  if (ends != nullptr) session_.EndTask(*ends);
  ConnectionState& c = *row_.state;
  // What does not take the next StatSN shows it; in a Data-In without status it is reserved.
  const bool takes = TakesStatSn(header);
  if (takes || pdu::Opcode(header) != wire::Opcode::kDataIn) {
    wire::Set(header, wire::kStatSn, takes ? c.stat_sn++ : c.stat_sn);
  }
  wire::Set(header, wire::kExpCmdSn, session_.window.exp_cmd_sn());
  row_.advertised_max_cmd_sn = session_.window.max_cmd_sn();
  wire::Set(header, wire::kMaxCmdSn, row_.advertised_max_cmd_sn);
}

}  // namespace isthmus::target
