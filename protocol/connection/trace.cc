#include "protocol/connection/trace.h"

#include <cstring>

namespace isthmus {
namespace {

constexpr size_t kAlignment = alignof(PduTrace);

constexpr size_t Aligned(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// A record: a PduTrace, then its header bytes, then nothing up to the next multiple of kAlignment.
constexpr size_t RecordSize(size_t header_size) { return Aligned(sizeof(PduTrace) + header_size); }

static_assert(RecordSize(48 + 255 * 4) + kAlignment <= PduTraceRing::kMinBytes);

}  // namespace

PduTraceRing::PduTraceRing(std::span<std::byte> memory)
    : memory_(memory.data()), capacity_(memory.size()) {
  const size_t skip = -reinterpret_cast<uintptr_t>(memory_) % kAlignment;
  capacity_ = capacity_ > skip ? (capacity_ - skip) / kAlignment * kAlignment : 0;
  if (capacity_ > 0) memory_ += skip;
}

bool PduTraceRing::Next(PduTrace* trace) {
  if (count_ == 0) return false;
  std::memcpy(trace, memory_ + begin_, sizeof(PduTrace));
  DropOldest();
  return true;
}

void PduTraceRing::DropOldest() {
  PduTrace oldest;
  std::memcpy(&oldest, memory_ + begin_, sizeof(PduTrace));
  const bool wrapped = end_ <= begin_;
  begin_ += RecordSize(oldest.header.size());
  --count_;
  if (count_ == 0) {
    begin_ = end_ = 0;
  } else if (wrapped && begin_ == wrap_) {
    begin_ = 0;
  }
}

// Makes [end_, end_ + size) free, at the cost of the oldest records. False: it never can be.
bool PduTraceRing::MakeRoom(size_t size) {
  if (size > capacity_) return false;
  for (;;) {
    const bool wrapped = count_ > 0 && end_ <= begin_;
    if (!wrapped) {
      if (size <= capacity_ - end_) return true;
      wrap_ = end_;
      end_ = 0;
    } else {
      if (size <= begin_ - end_) return true;
      DropOldest();
      ++lost_;
    }
  }
}

void PduTraceRing::Add(PduTrace trace, std::span<const std::byte> bhs,
                       std::span<const std::byte> ahs) {
  trace.number = next_number_++;
  trace.at = now_;
  const size_t size = RecordSize(bhs.size() + ahs.size());
  if (!MakeRoom(size)) {
    ++lost_;
    return;
  }
  std::byte* const record = memory_ + end_;
  std::byte* const header = record + sizeof(PduTrace);
  trace.header = {header, bhs.size() + ahs.size()};
  std::memcpy(record, &trace, sizeof(PduTrace));
  if (!bhs.empty()) std::memcpy(header, bhs.data(), bhs.size());
  if (!ahs.empty()) std::memcpy(header + bhs.size(), ahs.data(), ahs.size());
  end_ += size;
  ++count_;
}

}  // namespace isthmus
