#include "transport/offload/reassembly.h"

#include <iterator>
#include <utility>

#include "digest/verdict.h"

namespace isthmus::transport {

void Reassembly::AddPart(const RxSegment& segment, uint64_t begin, uint64_t end, bool whole) {
  Piece piece;
  piece.segment = segment;
  piece.segment.stream_offset = begin;
  piece.segment.bytes = {};
  if (!whole) {
    piece.segment.header = {};
    piece.segment.data = {};
  }
  const auto skip = static_cast<ptrdiff_t>(begin - segment.stream_offset);
  const auto size = static_cast<ptrdiff_t>(end - begin);
  if (IsPlain(piece)) {
    piece.bytes.assign(segment.bytes.begin() + skip, segment.bytes.begin() + skip + size);
  } else {
    piece.bytes.assign(segment.bytes.begin(), segment.bytes.end());
  }
  pieces_.emplace(begin, std::move(piece));
}

void Reassembly::Add(const RxSegment& segment) {
  uint64_t begin = segment.stream_offset;
  const uint64_t end = begin + segment.placed + segment.bytes.size() + segment.stripped;
  if (segment.placed > 0 || segment.stripped > 0) {
    // By a device that keeps the order itself: nothing of it can be there already.
    if (begin >= next_ && begin < end) AddPart(segment, begin, end, true);
    return;
  }
  const uint64_t whole_begin = begin;
  if (begin < next_) begin = next_;
  while (begin < end) {
    auto after = pieces_.upper_bound(begin);
    if (after != pieces_.begin()) {
      const auto before = std::prev(after);
      const uint64_t before_end = before->first + before->second.size();
      if (before_end > begin) {
        begin = before_end;
        continue;
      }
    }
    const uint64_t free_end = after == pieces_.end() || after->first > end ? end : after->first;
    AddPart(segment, begin, free_end, begin == whole_begin && free_end == end);
    begin = free_end;
  }
}

bool Reassembly::TakeAny(RxSegment* segment) {
  if (pieces_.empty()) return false;
  next_ = pieces_.begin()->first;
  return Next(1, segment);
}

bool Reassembly::Next(uint32_t merge, RxSegment* segment) {
  if (pieces_.empty() || pieces_.begin()->first != next_) return false;
  current_ = std::move(pieces_.begin()->second);
  pieces_.erase(pieces_.begin());
  next_ += current_.size();
  for (uint32_t joined = 1; joined < merge && IsPlain(current_); ++joined) {
    const auto following = pieces_.begin();
    if (following == pieces_.end() || following->first != next_ || !IsPlain(following->second)) {
      break;
    }
    const Piece& other = following->second;
    if (other.segment.pdu_offset == current_.segment.pdu_offset) {
      current_.segment.header = digest::Merge(current_.segment.header, other.segment.header);
      current_.segment.data = digest::Merge(current_.segment.data, other.segment.data);
    } else {
      current_.segment.header = {};
      current_.segment.data = {};
    }
    current_.bytes.insert(current_.bytes.end(), other.bytes.begin(), other.bytes.end());
    next_ += other.size();
    pieces_.erase(following);
  }
  *segment = current_.segment;
  segment->bytes = current_.bytes;
  return true;
}

}  // namespace isthmus::transport
