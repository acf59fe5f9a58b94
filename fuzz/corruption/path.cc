#include "fuzz/corruption/path.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "digest/select.h"
#include "digest/verdict.h"
#include "transport/offload/registry.h"

namespace isthmus::corruption {
namespace {

constexpr size_t kHeldBytes = 1 << 20;

}  // namespace

Path::Path(std::string device) : name_(std::move(device)) {
  if (!name_.empty()) held_.resize(kHeldBytes);
  Start();
}

void Path::Start() {
  Receiver::Options options;
  options.kernel = &digest::SelectKernel();
  options.MaxRecvDataSegmentLength = kMaxDataBytes;
  receiver_.emplace(options);
  receiver_->SetDigests(true, true);
  offset_ = 0;
  held_size_ = 0;
  failed_ = saw_header_ = false;
  if (name_.empty()) return;
  device_ = transport::NewOffloadDevice(name_);
  if (device_ == nullptr) std::abort();
  transport::OffloadArm arm;
  arm.epoch = ++epoch_;
  arm.header_digest = arm.data_digest = true;
  if (device_->Arm(arm)) receiver_->SetDeviceEpoch(epoch_);
}

void Path::Drain() {
  RxItem item;
  while (receiver_->Next(&item)) {
    switch (item.kind) {
      case RxItemKind::kHeader:
        saw_header_ = true;
        if (item.data_segment_length > 0) receiver_->SetSink(sink_);
        break;
      case RxItemKind::kEnd:
        if (accepted_ != nullptr) {
          accepted_->push_back(item.data_verdict == digest::DigestVerdict::kGood);
        }
        break;
      case RxItemKind::kError:
        failed_ = true;
        break;
      case RxItemKind::kReleaseRx:
        break;
    }
  }
}

// True: an answer came.
bool Path::Complete() {
  transport::OffloadCompletion done;
  bool any = false;
  // A model of an accelerator lets some polls go by before it answers.
  for (int polls = 0; polls < 16; ++polls) {
    while (device_->NextCompletion(&done)) {
      any = true;
      answers_[done.ticket] = done;
      receiver_->Resolve(done.ticket, done.header, done.data);
    }
  }
  return any;
}

void Path::Push(const RxSegment& segment) {
  while (!receiver_->Push(segment)) {
    Drain();
    if (receiver_->Push(segment)) break;
    if (device_ == nullptr || !Complete()) std::abort();  // nothing can bring it on
  }
  if (segment.data.verdict != digest::DigestVerdict::kPending) return;
  // The answer may have come before the bytes, while these waited for room.
  const auto answer = answers_.find(segment.data.ticket);
  if (answer == answers_.end()) return;
  receiver_->Resolve(answer->first, answer->second.header, answer->second.data);
}

void Path::Deliver(const RxSegment& segment) {
  RxSegment kept = segment;
  if (held_size_ + segment.bytes.size() > held_.size()) std::abort();
  std::byte* const to = held_.data() + held_size_;
  if (!segment.bytes.empty()) std::memcpy(to, segment.bytes.data(), segment.bytes.size());
  held_size_ += segment.bytes.size();
  kept.bytes = {to, segment.bytes.size()};
  Push(kept);
}

void Path::Give(Bytes bytes) {
  if (device_ != nullptr) {
    device_->Receive({.stream_offset = offset_, .payload = bytes}, *this);
  } else {
    RxSegment segment;
    segment.stream_offset = offset_;
    segment.bytes = bytes;
    Push(segment);
  }
  offset_ += bytes.size();
}

bool Path::Carry(std::span<const Bytes> frames, std::vector<bool>* accepted) {
  accepted->clear();
  accepted_ = accepted;
  if (device_ == nullptr) {
    // One run of bytes, many PDUs a segment.
    const std::byte* begin = frames.front().data();
    Give({begin, static_cast<size_t>(frames.back().data() + frames.back().size() - begin)});
  } else {
    for (const Bytes& frame : frames) Give(frame);
  }
  Drain();
  while (device_ != nullptr && accepted->size() < frames.size() && Complete()) Drain();
  uint64_t question = 0;
  // Every offset at which a frame begins is the start of a PDU here.
  if (device_ != nullptr && device_->ResyncQuestion(&question)) {
    device_->ResyncAnswer(question, true);
  }
  accepted_ = nullptr;
  held_size_ = 0;
  answers_.clear();
  return !failed_ && accepted->size() == frames.size() && receiver_->UnconsumedRx() == 0;
}

bool Path::AcceptsHeader(Bytes first, Bytes rest) {
  Start();
  Give(first);
  Drain();
  if (!saw_header_ && !failed_) {
    Give(rest);
    Drain();
    while (device_ != nullptr && Complete()) Drain();
  }
  return saw_header_;
}

}  // namespace isthmus::corruption
