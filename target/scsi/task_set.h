// Which commands of one I_T_L nexus may run: task attributes, RFC 7143 section 11.3.1 and SAM-5 8.6.
//
// A simple command waits for the ordered ones before it, an ordered one for all before it, both for
// those at the head of the queue, which wait for nobody. Initiators that want an order between one
// another have to wait for a status, so each nexus has a set of its own.
//
//   if (set.Enter(slot, TaskOrder::kOrdered)) Start(slot);
//   ...
//   set.Leave(slot);                        // ended, or aborted, also if it never ran
//   while (set.Next(&slot)) Start(slot);
//
// Commands are named by the caller's own small numbers. One thread at a time.
#ifndef ISTHMUS_TARGET_SCSI_TASK_SET_H_
#define ISTHMUS_TARGET_SCSI_TASK_SET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isthmus::scsi {

enum class TaskOrder : uint8_t { kSimple, kOrdered, kHeadOfQueue };

class TaskSet {
 public:
  // True: it may run now. False: Next() will name it. `task` must not be in the set.
  bool Enter(uint32_t task, TaskOrder order);
  // Takes it out, whether it runs or waits; nothing if it is not in the set.
  void Leave(uint32_t task);
  // Whether no command is in it, running or waiting.
  bool empty() const { return running_ == 0 && waiting_.empty(); }
  // The next one of those that waited and may run now.
  bool Next(uint32_t* task);

 private:
  enum class State : uint8_t { kAbsent, kWaiting, kRunning };
  struct Member {
    State state = State::kAbsent;
    TaskOrder order = TaskOrder::kSimple;
  };
  bool MayRun(TaskOrder order) const;
  void Run(uint32_t task);

  std::vector<Member> members_;    // by task
  std::vector<uint32_t> waiting_;  // in their order
  size_t running_ = 0, running_heads_ = 0;
  bool running_ordered_ = false;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_TASK_SET_H_
