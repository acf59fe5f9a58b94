#include "target/daemon/task.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace isthmus::target {
namespace {

constexpr uint8_t kBusy = 0x08, kTaskSetFull = 0x28;  // SAM-5 5.3.1
constexpr size_t kWorkBytes = 1 << 20;  // of work without data done before others are served

uint64_t LunField(const std::array<std::byte, 8>& lun) {
  uint64_t value = 0;
  for (const std::byte b : lun) value = value << 8 | std::to_integer<uint64_t>(b);
  return value;
}

// Commands whose answer never stands in the response buffer: they need none of their own.
bool MovesBlocksOnly(std::byte opcode) {
  switch (std::to_integer<unsigned>(opcode)) {
    case 0x08:
    case 0x0a:
    case 0x28:
    case 0x2a:
    case 0x88:
    case 0x8a:
    case 0xa8:
    case 0xaa:
      return true;
    default:
      return false;
  }
}

// UNTAGGED is as SIMPLE; nothing is ever ordered by ACA, which is refused.
scsi::TaskOrder OrderOf(TaskAttribute attribute) {
  switch (attribute) {
    case TaskAttribute::kOrdered:
      return scsi::TaskOrder::kOrdered;
    case TaskAttribute::kHeadOfQueue:
      return scsi::TaskOrder::kHeadOfQueue;
    default:
      return scsi::TaskOrder::kSimple;
  }
}

// Caller's misuse would be a bug of this file; the session is then best ended by its own checks, so nothing is retried.
void Must(Error error) { (void)error.ok(); }

}  // namespace

uint64_t Task::announced_out() const { return write_ ? expected_ : 0; }
uint64_t Task::announced_in() const { return !read_ ? 0 : write_ ? bidi_ : expected_; }

scsi::LogicalUnit* Task::UnitOf(const Event& event) const {
  return context_.device->Find(LunField(event.lun));
}

bool Task::OnRamDisk(const Event& event) const {
  scsi::LogicalUnit* unit = UnitOf(event);
  return unit != nullptr && unit->backend() != nullptr &&
         !unit->backend()->Direct(0, 1, false).empty();
}

bool Task::TakeWindow(size_t bytes) {
  if (window_.size() >= bytes) return true;
  context_.buffers->Give(std::move(window_));
  window_ = context_.buffers->Take(bytes);
  return !window_.empty();
}

void Task::Begin(const Event& event) {
  active_ = true;
  stage_ = Stage::kBegun;
  id_ = event.task;
  expected_ = event.expected_data_transfer_length;
  // Room for all of a small command. Of a large one only what comes unasked if the rest can go straight to its place.
  size_t bytes = std::max<size_t>(event.length, std::min<size_t>(expected_, 64 << 10));
  if (!OnRamDisk(event)) bytes = std::max(bytes, std::min<size_t>(expected_, kWindowBytes));
  bytes = std::min<size_t>(bytes, expected_);
  if (bytes > BufferPool::kLargest || !TakeWindow(bytes)) {
    ++context_.answered_busy;
    Must(context_.session->Refuse(id_, kTaskSetFull));
    return;
  }
  lent_ = window_.first(bytes);
  Must(context_.session->AcceptData(id_, 0, lent_));
}

void Task::Start(const Event& event) {
  active_ = true;
  id_ = event.task;
  if (scsi::LogicalUnit* unit = UnitOf(event); unit != nullptr) {
    set_ = &context_.task_sets[unit];
    if (!set_->Enter(id_.slot, OrderOf(event.attribute))) {
      waiting_ = std::make_unique<Event>(event);  // its CDB stays until the task is released
      return;
    }
  }
  Run(event);
}

void Task::Resume() {
  if (aborted_) return;
  const std::unique_ptr<Event> event = std::move(waiting_);
  Run(*event);
  if (early_.has_value()) OnData(0, *early_);
}

void Task::Run(const Event& event) {
  lun_ = event.lun;
  read_ = event.read;
  write_ = event.write;
  expected_ = event.expected_data_transfer_length;
  bidi_ = event.bidi_read_length;
  if (!event.cdb.empty() && !MovesBlocksOnly(event.cdb[0]))
    response_.resize(scsi::kMaxResponseBytes);
  scsi::Plan plan;
  if (event.attribute == TaskAttribute::kAca && set_ != nullptr) {
    // No command asks for an ACA condition (NORMACA is 0), so there is none to run under (SAM-5 5.9).
    plan.unit = UnitOf(event);
    plan.status = scsi::Status::kCheckCondition;
    plan.sense = plan.unit->Encode({.code = scsi::SenseCode::kInvalidMessageError});
  } else {
    plan = context_.device->Decode(*context_.nexus, LunField(event.lun), event.cdb, response_);
  }
  run_ = scsi::Execution(plan, response_, announced_out());
  stage_ = Stage::kDataOut;
  out_total_ = run_.wanted_out();
  if (run_.contiguous_out() &&
      out_total_ > (lent_.empty() ? size_t{scsi::kMaxContiguousOutBytes} : lent_.size())) {
    gathered_.resize(out_total_);
  }
  if (out_total_ == 0) {
    Work();
  } else if (lent_.empty()) {
    AskForData();
  }  // else kDataReceived tells when the window given at kBegin is full
}

void Task::AskForData() {
  const uint64_t left = out_total_ - out_done_;
  lent_ = gathered_.empty() ? run_.DirectOut(out_done_, left) : std::span<std::byte>();
  if (lent_.empty()) {
    const size_t whole =
        run_.contiguous_out() ? size_t{scsi::kMaxContiguousOutBytes} : kWindowBytes;
    const size_t bytes = std::min<uint64_t>(left, whole);
    if (!TakeWindow(bytes)) {
      CompleteBusy();
      return;
    }
    lent_ = window_.first(bytes);
  }
  Must(context_.session->AcceptData(id_, static_cast<uint32_t>(out_done_), lent_));
}

void Task::OnData(uint32_t offset, uint32_t length) {
  if (waiting_ != nullptr) {
    early_ = length;  // the window of kBegin, at offset 0
    return;
  }
  if (stage_ != Stage::kDataOut)
    return;  // complete already: the command failed before its data came
  const uint64_t useful =
      std::min<uint64_t>(length, out_total_ - std::min<uint64_t>(offset, out_total_));
  const std::span<const std::byte> data = std::span<const std::byte>(lent_).first(useful);
  if (gathered_.empty()) {
    run_.Accept(offset, data);
  } else {
    std::memcpy(gathered_.data() + offset, data.data(), data.size());
  }
  out_done_ = offset + useful;
  if (out_done_ < out_total_ && !run_.failed()) {
    AskForData();
    return;
  }
  if (!gathered_.empty()) run_.Accept(0, gathered_);
  Work();
}

void Task::Work() {
  stage_ = Stage::kWork;
  using enum scsi::Action;
  const scsi::Plan& plan = run_.plan();
  const bool no_work = plan.action == kDone || plan.action == kRead ||
                       ((plan.action == kWrite || plan.action == kOrWrite) && !plan.fua);
  if (no_work || run_.failed()) {
    while (!run_.Proceed(kWorkBytes)) {
    }
    AfterWork();
    return;
  }
  WorkElsewhere();
}

void Task::WorkElsewhere() {
  context_.blocking->Run([this] {
    try {
      while (!run_.Proceed(kWorkBytes)) {
      }
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;
    }
    context_.post([this] {
      if (Back()) AfterWork();
      context_.pump();
    });
  });
  // Behind it, for it may throw; what it posts comes later.
  elsewhere_ = true;
  ++context_.in_blocking_pool;
}

// Another thread has ended its part. True: the task goes on.
bool Task::Back() {
  elsewhere_ = false;
  --context_.in_blocking_pool;
  if (aborted_) {
    Must(context_.session->Release(id_));
  } else if (out_of_memory_) {
    CompleteBusy();
  }
  return !aborted_ && !out_of_memory_;
}

void Task::AfterWork() {
  if (run_.plan().abort_tasks && run_.plan().unit != nullptr) {
    std::vector<scsi::NexusName> nexuses;
    for (const auto& itl : context_.nexus->units) {
      if (itl->unit == run_.plan().unit) nexuses = itl->unit->TakeAborted(*itl);
    }
    if (!nexuses.empty()) {
      context_.abort_nexuses(nexuses, lun_, [this] {
        context_.post([this] {
          if (Back()) SendIn();
          context_.pump();
        });
      });
      elsewhere_ = true;
      ++context_.in_blocking_pool;
      return;
    }
  }
  SendIn();
}

void Task::SendIn() {
  stage_ = Stage::kDataIn;
  in_total_ = run_.failed() ? 0 : std::min<uint64_t>(run_.data_in_bytes(), announced_in());
  if (in_total_ == 0) {
    Complete();
    return;
  }
  SendWindows();
}

// Two windows at a time: the second is read while the first is on its way.
void Task::SendWindows() {
  while (stage_ == Stage::kDataIn && !elsewhere_ && in_windows_out_ < in_windows_.size()) {
    if (!SendNextWindow()) return;
  }
}

// False: no more can be sent now.
bool Task::SendNextWindow() {
  const size_t bytes = std::min<uint64_t>(in_total_ - in_done_, kWindowBytes);
  std::span<const std::byte> source = run_.DirectIn(in_done_, bytes);
  const bool own = source.empty() || (!response_.empty() && source.data() >= response_.data() &&
                                      source.data() < response_.data() + response_.size());
  if (source.empty()) {
    Buffer& buffer = in_windows_[in_window_next_];
    if (buffer.size() < bytes) {
      context_.buffers->Give(std::move(buffer));
      buffer = context_.buffers->Take(bytes);
    }
    if (buffer.empty()) {
      if (in_windows_out_ == 0) CompleteBusy();
      return false;  // or the other window goes on alone
    }
    source = buffer.first(bytes);
    bool filled = false;
    if (!run_.FillNow(in_done_, buffer.first(bytes), &filled)) {
      FillElsewhere(bytes);
      return false;
    }
    if (!filled) {
      Complete();
      return false;
    }
  }
  return SendWindow(source, own);
}

bool Task::SendWindow(std::span<const std::byte> source, bool own) {
  const bool last = in_done_ + source.size() == in_total_;
  // A disk's own memory may be written by another command at any time; a buffer of this task may not.
  const SendOptions options = {.unstable = !own, .notify = !last};
  if (!context_.session->SendData(id_, static_cast<uint32_t>(in_done_), source, options).ok()) {
    if (in_windows_out_ == 0) CompleteBusy();
    return false;
  }
  ++in_windows_out_;
  in_window_next_ ^= 1;
  in_done_ += source.size();
  if (last) Complete();
  return true;
}

// The data is not in a cache: another thread waits for it.
void Task::FillElsewhere(size_t bytes) {
  filling_ = bytes;
  context_.blocking->Run([this] {
    filled_ = run_.Fill(in_done_, in_windows_[in_window_next_].first(filling_));
    context_.post([this] {
      if (Back()) AfterFill();
      context_.pump();
    });
  });
  elsewhere_ = true;
  ++context_.in_blocking_pool;
  ++context_.reads_waited;
}

void Task::AfterFill() {
  if (!filled_) return Complete();
  if (SendWindow(in_windows_[in_window_next_].first(filling_), /*own=*/true)) SendWindows();
}

void Task::OnSourceReleased() {
  --in_windows_out_;
  SendWindows();
}

void Task::Complete() {
  stage_ = Stage::kCompleted;
  Completion completion;
  completion.status = static_cast<uint8_t>(run_.status());
  if (run_.status() == scsi::Status::kCheckCondition) {
    const scsi::SenseBuffer& sense = run_.sense();
    completion.sense = {sense.bytes.data(), sense.size};
  } else {
    if (write_) {
      completion.transfer_length = run_.data_out_bytes();
      if (read_) completion.bidi_transfer_length = run_.data_in_bytes();
    } else {
      completion.transfer_length = run_.data_in_bytes();
    }
  }
  Must(context_.session->Complete(id_, completion));
}

void Task::CompleteBusy() {
  ++context_.answered_busy;
  stage_ = Stage::kCompleted;
  Completion completion;
  completion.status = kBusy;
  Must(context_.session->Complete(id_, completion));
}

void Task::Abort() {
  aborted_ = true;
  stage_ = Stage::kCompleted;
  if (!elsewhere_) Must(context_.session->Release(id_));
}

void Task::Finish() {
  context_.buffers->Give(std::move(window_));
  for (Buffer& buffer : in_windows_) context_.buffers->Give(std::move(buffer));
  response_ = {};
  gathered_ = {};
  run_ = {};
  lent_ = {};
  waiting_ = nullptr;
  early_.reset();
  active_ = aborted_ = out_of_memory_ = read_ = write_ = false;
  stage_ = Stage::kIdle;
  expected_ = bidi_ = 0;
  in_window_next_ = in_windows_out_ = 0;
  out_done_ = out_total_ = in_done_ = in_total_ = 0;
  if (set_ == nullptr) return;
  scsi::TaskSet& set = *std::exchange(set_, nullptr);
  set.Leave(id_.slot);
  uint32_t slot;
  while (set.Next(&slot)) context_.resume(slot);
}

}  // namespace isthmus::target
