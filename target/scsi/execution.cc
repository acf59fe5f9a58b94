#include "target/scsi/execution.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>

#include "target/scsi/logical_unit.h"

namespace isthmus::scsi {
namespace {

// The stack buffer of work that has to read or to repeat blocks.
constexpr size_t kScratchBytes = 32768;

iovec Part(std::span<const std::byte> bytes) {
  // iovec serves both directions; a Write does not change what it points at.
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

Sense SenseOf(const target::IoResult& result) {
  switch (result.error) {
    case target::IoError::kNone:
      return {};
    case target::IoError::kReadOnly:
      return {.code = SenseCode::kWriteProtected};
    case target::IoError::kOutOfRange:
      return {.code = SenseCode::kLbaOutOfRange};
    case target::IoError::kNoSpace:
      return {.code = SenseCode::kSpaceAllocationFailed, .information = result.lba};
    case target::IoError::kMediumRead:
      return {.code = SenseCode::kReadError, .information = result.lba};
    case target::IoError::kMediumWrite:
      return {.code = SenseCode::kWriteError, .information = result.lba};
    case target::IoError::kUnsupported:
      break;
  }
  return {.code = SenseCode::kInternalTargetFailure};
}

Execution::Execution(const Plan& plan, std::span<std::byte> response, uint64_t expected_data_out)
    : plan_(plan),
      backend_(plan.unit != nullptr ? plan.unit->backend() : nullptr),
      response_(response),
      wanted_out_(std::min(plan.data_out_bytes, expected_data_out)) {
  if (plan_.status == Status::kCheckCondition) failed_ = true;
  if (plan_.action != Action::kDone && backend_ == nullptr) {
    Fail({.code = SenseCode::kInternalTargetFailure});
  } else if (plan_.exact_out && expected_data_out != plan_.data_out_bytes) {
    Fail({.code = SenseCode::kInvalidFieldInCdb});
  }
}

void Execution::Fail(const Sense& sense) {
  failed_ = true;
  wanted_out_ = 0;
  plan_.action = Action::kDone;
  plan_.status = Status::kCheckCondition;
  plan_.sense = plan_.unit->Encode(sense);
  plan_.data_in_bytes = 0;
}

void Execution::Check(const target::IoResult& result) {
  if (!result.ok() && !failed_) Fail(SenseOf(result));
}

std::span<std::byte> Execution::DirectOut(uint64_t offset, uint64_t bytes) {
  if (failed_ || plan_.action != Action::kWrite || bytes == 0) return {};
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  if (offset % block_bytes != 0 || bytes % block_bytes != 0) return {};
  if (offset > plan_.data_out_bytes || bytes > plan_.data_out_bytes - offset) return {};
  return backend_->Direct(plan_.lba + offset / block_bytes, bytes / block_bytes, true);
}

void Execution::Accept(uint64_t offset, std::span<const std::byte> data) {
  if (failed_) return;
  switch (plan_.action) {
    case Action::kParameters:
    case Action::kCompareAndWrite:
    case Action::kWriteSame:
      held_ = data;
      return;
    case Action::kVerify:
      if (plan_.bytchk == 3) {
        held_ = data;
        return;
      }
      [[fallthrough]];
    case Action::kWrite:
    case Action::kWriteAndVerify:
      return AcceptBlocks(offset, data);
    default:
      return;
  }
}

void Execution::AcceptBlocks(uint64_t offset, std::span<const std::byte> data) {
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  if (offset % block_bytes != 0 || offset > plan_.data_out_bytes) return;
  const uint64_t bytes = std::min<uint64_t>(data.size(), plan_.data_out_bytes - offset);
  const std::span<const std::byte> blocks = data.first(bytes - bytes % block_bytes);
  if (blocks.empty()) return;
  const uint64_t lba = plan_.lba + offset / block_bytes;
  if (plan_.action != Action::kVerify) {
    const std::shared_lock lock(plan_.unit->write_mutex());
    const std::span<const std::byte> direct =
        backend_->Direct(lba, blocks.size() / block_bytes, true);
    if (direct.empty() || direct.data() != blocks.data()) {
      const iovec part = Part(blocks);
      Check(backend_->Write(lba, {&part, 1}));
    }
  }
  if (!failed_ && plan_.bytchk == 1) Compare(lba, blocks, offset);
}

// Compares data with the blocks at lba; a difference fails the command with its offset in the data
// (SBC-3 5.3).
void Execution::Compare(uint64_t lba, std::span<const std::byte> data, uint64_t data_offset) {
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  std::array<std::byte, kScratchBytes> scratch;
  while (!data.empty()) {
    const size_t bytes = std::min(data.size(), scratch.size() - scratch.size() % block_bytes);
    const std::span<std::byte> medium(scratch.data(), bytes);
    const iovec part = Part(medium);
    const target::IoResult result = backend_->Read(lba, {&part, 1});
    if (!result.ok()) return Check(result);
    const auto differ = std::mismatch(medium.begin(), medium.end(), data.begin());
    if (differ.first != medium.end()) {
      const auto at = static_cast<uint64_t>(differ.first - medium.begin());
      return Fail({.code = SenseCode::kMiscompareDuringVerify, .information = data_offset + at});
    }
    data = data.subspan(bytes);
    data_offset += bytes;
    lba += bytes / block_bytes;
  }
}

void Execution::CompareAndWrite() {
  const size_t half = plan_.data_out_bytes / 2;
  if (held_.size() != plan_.data_out_bytes) {
    return Fail({.code = SenseCode::kInvalidFieldInCdb});
  }
  // Alone among the writers from the comparison to the write.
  const std::unique_lock lock(plan_.unit->write_mutex());
  Compare(plan_.lba, held_.first(half), 0);
  if (failed_) return;
  const iovec part = Part(held_.last(half));
  Check(backend_->Write(plan_.lba, {&part, 1}));
}

void Execution::TakeParameters() {
  const uint64_t taken = plan_.data_out_bytes;
  plan_ = plan_.unit->Continue(plan_, held_, response_);
  plan_.data_out_bytes = taken;
  if (plan_.status == Status::kCheckCondition) failed_ = true;
}

bool Execution::WriteSame(uint64_t max_bytes) {
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  if (plan_.data_out_bytes != 0 && held_.size() != plan_.data_out_bytes) {
    Fail({.code = SenseCode::kInvalidFieldInCdb});
    return true;
  }
  const std::shared_lock lock(plan_.unit->write_mutex());
  const uint64_t left = plan_.blocks - progress_;
  uint64_t step = std::min(left, std::max<uint64_t>(1, max_bytes / block_bytes));
  const uint64_t lba = plan_.lba + progress_;
  if (AllZero(held_)) {
    // Zeroes cost next to nothing, so a step of them is larger.
    step = std::min(left, step * 64);
    Check(plan_.unmap ? backend_->Unmap(lba, step) : backend_->WriteZeroes(lba, step));
  } else {
    std::array<std::byte, kScratchBytes> scratch;
    const size_t copies = std::min<uint64_t>(kScratchBytes / block_bytes, step);
    for (size_t i = 0; i < copies; ++i) {
      std::copy(held_.begin(), held_.end(),
                scratch.begin() + static_cast<ptrdiff_t>(i * block_bytes));
    }
    for (uint64_t done = 0; done < step && !failed_;) {
      const uint64_t blocks = std::min<uint64_t>(copies, step - done);
      const iovec part = Part(std::span(scratch).first(blocks * block_bytes));
      Check(backend_->Write(lba + done, {&part, 1}));
      done += blocks;
    }
  }
  progress_ += step;
  return failed_ || progress_ == plan_.blocks;
}

// VERIFY without data reads the blocks; with one block of data it compares each with it.
bool Execution::VerifyMedium(uint64_t max_bytes) {
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  if (plan_.bytchk == 1) return true;
  if (plan_.bytchk == 3 && plan_.data_out_bytes != 0 && held_.size() != block_bytes) {
    Fail({.code = SenseCode::kInvalidFieldInCdb});
    return true;
  }
  std::array<std::byte, kScratchBytes> scratch;
  uint64_t step =
      std::min(plan_.blocks - progress_, std::max<uint64_t>(1, max_bytes / block_bytes));
  while (step != 0 && !failed_) {
    const uint64_t blocks =
        std::min<uint64_t>(step, plan_.bytchk == 3 ? 1 : kScratchBytes / block_bytes);
    if (plan_.bytchk == 3) {
      Compare(plan_.lba + progress_, held_, 0);
    } else {
      const iovec part{scratch.data(), blocks * block_bytes};
      Check(backend_->Read(plan_.lba + progress_, {&part, 1}));
    }
    progress_ += blocks;
    step -= blocks;
  }
  return failed_ || progress_ == plan_.blocks;
}

void Execution::Unmap() {
  const std::shared_lock lock(plan_.unit->write_mutex());
  for (uint64_t i = 0; i < plan_.blocks && !failed_; ++i) {
    const BlockRange range = UnmapRange(held_, i);
    if (range.blocks != 0) Check(backend_->Unmap(range.lba, range.blocks));
  }
}

void Execution::GetLbaStatus() {
  target::Extent extent;
  Check(backend_->Allocation(plan_.lba, plan_.blocks, &extent));
  if (failed_) return;
  std::array<std::byte, kLbaStatusBytes> data;
  EncodeLbaStatus({extent.lba, extent.blocks}, extent.mapped, data);
  plan_.data_in_bytes = std::min<uint64_t>(plan_.data_in_bytes, response_.size());
  std::copy_n(data.begin(), plan_.data_in_bytes, response_.begin());
}

bool Execution::Proceed(uint64_t max_bytes) {
  if (plan_.action == Action::kParameters) TakeParameters();
  // FUA and a cache that is off cover the blocks that were written, once the last of them is.
  bool flush = plan_.fua;
  switch (plan_.action) {
    case Action::kDone:
      return true;
    case Action::kWrite:
    case Action::kRead:
      break;
    case Action::kWriteAndVerify:
    case Action::kVerify:
      if (flush && progress_ == 0) Check(backend_->Flush(plan_.lba, plan_.blocks));
      if (!failed_ && !VerifyMedium(max_bytes)) return false;
      flush = false;
      break;
    case Action::kCompareAndWrite:
      CompareAndWrite();
      break;
    case Action::kWriteSame:
      if (plan_.blocks != 0 && !WriteSame(max_bytes)) return false;
      break;
    case Action::kUnmap:
      Unmap();
      plan_.lba = plan_.blocks = 0;
      break;
    case Action::kFlush:
      flush = true;
      break;
    case Action::kPrefetch:
      backend_->Prefetch(plan_.lba, plan_.blocks);
      break;
    case Action::kGetLbaStatus:
      GetLbaStatus();
      break;
    case Action::kParameters:
      break;
  }
  if (!failed_ && flush) Check(backend_->Flush(plan_.lba, plan_.blocks));
  // What is left for Fill is the kRead of blocks, or the response buffer.
  if (plan_.action != Action::kRead) plan_.action = Action::kDone;
  return true;
}

std::span<const std::byte> Execution::DirectIn(uint64_t offset, uint64_t bytes) {
  if (offset > plan_.data_in_bytes || bytes > plan_.data_in_bytes - offset || bytes == 0) return {};
  if (plan_.action != Action::kRead) return response_.subspan(offset, bytes);
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  const uint64_t first = offset / block_bytes;
  const uint64_t last = (offset + bytes + block_bytes - 1) / block_bytes;
  const std::span<std::byte> blocks = backend_->Direct(plan_.lba + first, last - first, false);
  return blocks.empty() ? blocks : blocks.subspan(offset % block_bytes, bytes);
}

bool Execution::FillNow(uint64_t offset, std::span<std::byte> into, bool* filled) {
  if (failed_ || plan_.action != Action::kRead) {
    *filled = Fill(offset, into);
    return true;
  }
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  // A part of a block is rare: Fill knows how.
  if (offset % block_bytes != 0 || into.size() % block_bytes != 0 ||
      offset > plan_.data_in_bytes || into.size() > plan_.data_in_bytes - offset) {
    return false;
  }
  const iovec part = Part(into);
  target::IoResult result;
  if (!backend_->ReadNow(plan_.lba + offset / block_bytes, {&part, 1}, &result)) return false;
  Check(result);
  *filled = !failed_;
  return true;
}

bool Execution::Fill(uint64_t offset, std::span<std::byte> into) {
  if (failed_ || into.empty()) return !failed_;
  if (offset > plan_.data_in_bytes || into.size() > plan_.data_in_bytes - offset) return false;
  if (plan_.action != Action::kRead) {
    std::copy_n(response_.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  }
  const uint32_t block_bytes = backend_->geometry().block_bytes;
  if (offset % block_bytes != 0) return false;
  const size_t whole = into.size() - into.size() % block_bytes;
  if (whole != 0) {
    const iovec part = Part(into.first(whole));
    Check(backend_->Read(plan_.lba + offset / block_bytes, {&part, 1}));
  }
  // The initiator may have announced less than whole blocks.
  const std::span<std::byte> tail = into.subspan(whole);
  if (!failed_ && !tail.empty()) {
    std::array<std::byte, 4096> block;
    const iovec part{block.data(), block_bytes};
    Check(backend_->Read(plan_.lba + (offset + whole) / block_bytes, {&part, 1}));
    std::copy_n(block.begin(), tail.size(), tail.begin());
  }
  return !failed_;
}

}  // namespace isthmus::scsi
