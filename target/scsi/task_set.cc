#include "target/scsi/task_set.h"

#include <algorithm>

namespace isthmus::scsi {

// Those that wait run in their order, so only what runs has to be looked at.
bool TaskSet::MayRun(TaskOrder order) const {
  switch (order) {
    case TaskOrder::kHeadOfQueue:
      return true;
    case TaskOrder::kOrdered:
      return running_ == 0;
    case TaskOrder::kSimple:
      break;
  }
  return running_heads_ == 0 && !running_ordered_;
}

void TaskSet::Run(uint32_t task) {
  Member& member = members_[task];
  member.state = State::kRunning;
  ++running_;
  running_heads_ += member.order == TaskOrder::kHeadOfQueue;
  running_ordered_ |= member.order == TaskOrder::kOrdered;
}

bool TaskSet::Enter(uint32_t task, TaskOrder order) {
  if (task >= members_.size()) members_.resize(task + 1);
  members_[task] = {State::kWaiting, order};
  const bool behind = !waiting_.empty() && order != TaskOrder::kHeadOfQueue;
  if (behind || !MayRun(order)) {
    waiting_.push_back(task);
    return false;
  }
  Run(task);
  return true;
}

void TaskSet::Leave(uint32_t task) {
  if (task >= members_.size()) return;
  Member& member = members_[task];
  if (member.state == State::kWaiting) std::erase(waiting_, task);
  if (member.state == State::kRunning) {
    --running_;
    running_heads_ -= member.order == TaskOrder::kHeadOfQueue;
    if (member.order == TaskOrder::kOrdered) running_ordered_ = false;
  }
  member.state = State::kAbsent;
}

bool TaskSet::Next(uint32_t* task) {
  if (waiting_.empty() || !MayRun(members_[waiting_.front()].order)) return false;
  *task = waiting_.front();
  waiting_.erase(waiting_.begin());
  Run(*task);
  return true;
}

}  // namespace isthmus::scsi
