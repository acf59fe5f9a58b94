#include "transport/simulated_tcp.h"

#include <algorithm>
#include <utility>

namespace isthmus::transport {

SimulatedTcp::SimulatedTcp(SimulatedTcpOptions options, uint32_t seed, uint64_t stream_size,
                           std::vector<uint64_t> pdu_ends, Read read)
    : options_(std::move(options)),
      random_(seed),
      size_(stream_size),
      pdu_ends_(std::move(pdu_ends)),
      read_(std::move(read)),
      path_(options_.path),
      window_left_(options_.window) {}

uint32_t SimulatedTcp::SegmentBytesNow() {
  while (next_change_ < options_.changes.size() &&
         options_.changes[next_change_].stream_offset <= next_) {
    path_ = options_.changes[next_change_].path;
    route_ = options_.changes[next_change_].route;
    ++next_change_;
  }
  PathShape path = path_;
  if (options_.timestamps) path.tcp_option_bytes += 12;
  if (options_.sack && !lost_.empty()) path.tcp_option_bytes += 12;
  return std::max<uint32_t>(1, SegmentBytes(path));
}

uint64_t SimulatedTcp::EndOfSegment(uint64_t begin) {
  uint64_t end = std::min(size_, begin + SegmentBytesNow());
  if (options_.aligned) {
    const auto pdu_end = std::upper_bound(pdu_ends_.begin(), pdu_ends_.end(), begin);
    if (pdu_end != pdu_ends_.end()) end = std::min(end, *pdu_end);
  }
  return end;
}

void SimulatedTcp::Emit(uint64_t begin, uint64_t end, bool again) {
  SimulatedFrame frame;
  frame.stream_offset = begin;
  frame.payload.resize(static_cast<size_t>(end - begin));
  frame.route = route_;
  frame.sent_again = again;
  if (!read_(begin, frame.payload)) {
    refused_ = true;
    return;
  }
  if (Chance(options_.odd)) frame.oddity = static_cast<FrameOddity>(1 + random_() % 5);
  if (Chance(options_.spoil)) {
    const size_t bit = random_() % (frame.payload.size() * 8);
    frame.payload[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  }
  if (Chance(options_.loss)) {
    lost_.push_back({begin, end, static_cast<uint32_t>(2 + random_() % 6)});
    return;
  }
  if (Chance(options_.duplicate)) held_.emplace_back(1 + random_() % 4, frame);
  if (Chance(options_.reorder)) {
    held_.emplace_back(1 + random_() % 4, std::move(frame));
  } else {
    ready_.push_back(std::move(frame));
  }
}

void SimulatedTcp::SendAgain(const Lost& lost) {
  uint64_t begin = lost.begin;
  uint64_t end = lost.end;
  if (options_.recut) {
    begin -= std::min<uint64_t>(begin, random_() % 100);
    end = std::min(next_, end + random_() % 100);
  }
  const uint32_t room = SegmentBytesNow();
  while (begin < end && !refused_) {
    const uint64_t piece_end = std::min(end, begin + room);
    Emit(begin, piece_end, true);
    begin = piece_end;
  }
}

bool SimulatedTcp::SendNew() {
  if (next_ == size_) return false;
  uint64_t end = EndOfSegment(next_);
  if (options_.window > 0) {
    if (window_left_ == 0) window_left_ = options_.window;
    end = std::min(end, next_ + window_left_);
    window_left_ -= end - next_;
  }
  if (Chance(options_.zero_window)) end = next_ + 1;
  const uint64_t begin = std::exchange(next_, end);
  Emit(begin, end, false);
  return true;
}

bool SimulatedTcp::NextFrame(SimulatedFrame* frame) {
  while (ready_.empty() && !refused_) {
    for (size_t i = 0; i < lost_.size(); ++i) {
      if (lost_[i].due > 0 && --lost_[i].due > 0) continue;
      const Lost due = lost_[i];
      lost_.erase(lost_.begin() + static_cast<ptrdiff_t>(i));
      SendAgain(due);
      break;
    }
    if (!ready_.empty() || refused_) break;
    if (!SendNew() && lost_.empty()) break;
  }
  if (refused_) return false;
  if (ready_.empty()) {
    if (held_.empty()) return false;
    *frame = std::move(held_.front().second);
    held_.erase(held_.begin());
    return true;
  }
  *frame = std::move(ready_.front());
  ready_.pop_front();
  for (size_t i = 0; i < held_.size();) {
    if (--held_[i].first > 0) {
      ++i;
      continue;
    }
    ready_.push_back(std::move(held_[i].second));
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(i));
  }
  return true;
}

}  // namespace isthmus::transport
