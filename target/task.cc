// The life of a task's record: taken with its header, released when nobody refers to it any more. RFC
// 7143 sections 4.2.2.1 and 7.

#include <bit>
#include <utility>

#include "target/session_state.h"

namespace isthmus::target {

uint32_t SessionState::AcquireTask(Row& row, const wire::Bhs& header, bool immediate) {
  if (free_task_count == 0) return kNone;
  const uint32_t index = free_tasks[--free_task_count];
  Task& task = tasks[index];
  const uint32_t generation = task.generation;
  task = Task();
  task.generation = generation;
  task.state = TaskState::kReceiving;
  task.row = static_cast<uint8_t>(IndexOf(row));
  task.immediate = immediate;
  task.initiator_task_tag = pdu::InitiatorTaskTag(header);
  task.cmd_sn = pdu::CmdSn(header);
  task.header = header;
  if (immediate) ++immediate_count;
  ++live_tasks;
  return index;
}

// The status is frozen: the initiator may use the tag again, and the window opens by one with this
// very PDU.
void SessionState::EndTask(Task& task) {
  task.status_sent = true;
  task.state = TaskState::kDone;
  if (task.in_hash) tags.Erase(task.initiator_task_tag, tasks);
  task.in_hash = false;
  if (task.windowed) window.Release();
  task.windowed = false;
  if (task.immediate) --immediate_count;
  task.immediate = false;
}

void SessionState::MaybeFree(uint32_t index) {
  Task& task = tasks[index];
  if (task.state == TaskState::kFree || !task.embedder_done || !(task.aborted || task.status_sent))
    return;
  if (task.rx_refs > 0 || task.tx_refs > 0 || DataExpected(task)) return;
  FreeTask(index);
}

void SessionState::FreeTask(uint32_t index) {
  Task& task = tasks[index];
  if (!task.status_sent) EndTask(task);
  if (task.in_ready_list) Unlist(index);
  if (task.announced) NotifyTask(EventKind::kTaskReleased, index);
  task.state = TaskState::kFree;
  if (++task.generation == 0) task.generation = 1;
  free_tasks[free_task_count++] = index;
  --live_tasks;
  EndWaits(index);
}

void SessionState::EndWaits(uint32_t index) {
  for (uint32_t left = std::exchange(tasks[index].waited_by, 0); left != 0; left &= left - 1) {
    const uint32_t i = static_cast<uint32_t>(std::countr_zero(left));
    --requests[i].pending;
    Advance(i);
  }
}

void SessionState::Unlist(uint32_t index) {
  Row& row = rows[tasks[index].row];
  uint32_t before = kNone;
  for (uint32_t i = row.first_ready; i != index; i = tasks[i].next_ready) before = i;
  const uint32_t after = tasks[index].next_ready;
  (before == kNone ? row.first_ready : tasks[before].next_ready) = after;
  if (row.last_ready == index) row.last_ready = before;
  tasks[index].in_ready_list = false;
}

Error SessionState::FindTask(TaskId id, uint32_t* index) const {
  *index = id.slot;
  if (id.slot < task_count && tasks[id.slot].state != TaskState::kFree &&
      tasks[id.slot].generation == id.generation && tasks[id.slot].announced) {
    return Error::Ok();
  }
  return CallerError(ErrorCode::kCallUnknownTask, id.slot);
}

}  // namespace isthmus::target
