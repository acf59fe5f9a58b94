// One SCSI command on its way through iscsi_target: from the engine's task to the disk and back, window by window.
//
// Who owns which bytes: the Task's buffers are lent to the engine from AcceptData/SendData until kDataReceived,
// kSourceReleased or kTaskReleased; a RAM disk's own memory is lent in their place where the command allows it.
//
//   kBegin           -> task.Begin(event)       a buffer for the data that comes unasked
//   kCommand         -> task.Start(event)       in the order of the task attributes: decode, then data out, work,
//                                               data in, status
//   kDataReceived    -> task.OnData(offset, n)
//   kSourceReleased  -> task.OnSourceReleased()
//   kTaskAborted     -> task.Abort()
//   kTaskReleased    -> task.Finish()           gives the buffers back, and lets run who waited for it
//
// std::bad_alloc comes out where there is no memory: the session is then to be ended, by which each task is aborted.
#ifndef ISTHMUS_TARGET_DAEMON_TASK_H_
#define ISTHMUS_TARGET_DAEMON_TASK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "target/daemon/blocking_pool.h"
#include "target/daemon/buffer_pool.h"
#include "target/scsi/device.h"
#include "target/scsi/execution.h"
#include "target/scsi/nexus.h"
#include "target/scsi/plan.h"
#include "target/scsi/task_set.h"
#include "target/session.h"

namespace isthmus::target {

// What the tasks of one session share.
struct TaskContext {
  Session* session = nullptr;
  scsi::Device* device = nullptr;
  scsi::Nexus* nexus = nullptr;
  BufferPool* buffers = nullptr;
  BlockingPool* blocking = nullptr;
  // Runs `work` on the session's thread later: from any thread. Waits for memory, if it needs any.
  std::function<void(std::function<void()> work)> post;
  // To be called when a task has moved on outside of an event: drain and send.
  std::function<void()> pump;
  // Tasks of other sessions to that LUN which PREEMPT AND ABORT ended; calls `done` when they are gone.
  std::function<void(const std::vector<scsi::NexusName>& nexuses,
                     const std::array<std::byte, 8>& lun, std::function<void()> done)>
      abort_nexuses;
  // Lets the task in that slot run, which waited for another.
  std::function<void(uint32_t slot)> resume;
  std::map<const scsi::LogicalUnit*, scsi::TaskSet> task_sets;
  uint64_t answered_busy = 0;
  uint64_t reads_waited = 0;    // windows that were not in a cache: read by another thread
  size_t in_blocking_pool = 0;  // tasks that another thread works on now
};

class Task {
 public:
  static constexpr size_t kWindowBytes = 256 << 10;

  explicit Task(TaskContext& context) : context_(context) {}

  bool active() const { return active_; }
  TaskId id() const { return id_; }
  void Begin(const Event& event);
  void Start(const Event& event);
  void Resume();  // it waited, and may run now
  void OnData(uint32_t offset, uint32_t length);
  void OnSourceReleased();
  void Abort();
  void Finish();

 private:
  enum class Stage : uint8_t { kIdle, kBegun, kDataOut, kWork, kDataIn, kCompleted };

  scsi::LogicalUnit* UnitOf(const Event& event) const;
  bool OnRamDisk(const Event& event) const;
  void Run(const Event& event);
  bool TakeWindow(size_t bytes);
  void AskForData();
  void Work();
  void WorkElsewhere();
  void AfterWork();
  void SendIn();
  void SendWindows();
  bool SendNextWindow();
  bool SendWindow(std::span<const std::byte> source, bool own);
  void FillElsewhere(size_t bytes);
  void AfterFill();
  bool Back();
  void Complete();
  void CompleteBusy();
  uint64_t announced_out() const;
  uint64_t announced_in() const;

  TaskContext& context_;
  bool active_ = false;
  bool aborted_ = false;
  bool elsewhere_ = false;  // another thread holds run_
  bool out_of_memory_ = false;                // it had none
  bool filled_ = false;                       // its answer to FillElsewhere
  size_t filling_ = 0;                        // and what it was asked for
  Stage stage_ = Stage::kIdle;
  TaskId id_;
  std::array<std::byte, 8> lun_{};
  bool read_ = false, write_ = false;
  uint32_t expected_ = 0, bidi_ = 0;

  scsi::TaskSet* set_ = nullptr;    // that it is in
  std::unique_ptr<Event> waiting_;  // its command, while others must end first
  std::optional<uint32_t> early_;   // bytes that came meanwhile

  scsi::Execution run_;
  std::vector<std::byte> response_;  // answers of other commands than reads and writes
  Buffer window_;
  std::array<Buffer, 2> in_windows_;
  size_t in_window_next_ = 0;
  size_t in_windows_out_ = 0;
  std::span<std::byte> lent_;  // the current window of data out
  uint64_t out_done_ = 0, out_total_ = 0;
  uint64_t in_done_ = 0, in_total_ = 0;
  std::vector<std::byte> gathered_;  // data out that is needed whole and did not fit one window
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_TASK_H_
