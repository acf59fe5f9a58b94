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
  if (options_.encapsulation == FrameOddity::kTunnel) path.tunnel_bytes += 50;
  if (options_.timestamps) path.tcp_option_bytes += 12;
  if (options_.sack && !lost_.empty()) path.tcp_option_bytes += 12;
  const uint32_t room = SegmentBytes(path);
  return std::max<uint32_t>(1, options_.mss > 0 ? std::min(room, options_.mss) : room);
}

uint64_t SimulatedTcp::EndOfSegment(uint64_t begin) {
  const uint64_t full = std::min(size_, begin + SegmentBytesNow());
  uint64_t end = full;
  if (options_.tso_bytes > 0) {
    if (begin >= burst_end_) burst_end_ = begin + options_.tso_bytes;
    end = std::min(end, burst_end_);
  }
  if (options_.aligned) {
    const auto pdu_end = std::upper_bound(pdu_ends_.begin(), pdu_ends_.end(), begin);
    if (pdu_end != pdu_ends_.end()) end = std::min(end, *pdu_end);
  }
  // The acknowledgement comes after some segments or before the next, as it happens.
  if (options_.nagle && end < full && unacknowledged_) end = full;
  unacknowledged_ = random_() % 2 == 0;
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
  frame.oddity = options_.encapsulation;
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

uint64_t SimulatedTcp::acknowledged() const {
  uint64_t all = next_;
  for (const Lost& lost : lost_) all = std::min(all, lost.begin);
  for (const auto& [after, frame] : held_) all = std::min(all, frame.stream_offset);
  for (const SimulatedFrame& frame : ready_) all = std::min(all, frame.stream_offset);
  // Retransmissions in other cuts reach back.
  return options_.recut ? all - std::min<uint64_t>(all, 100) : all;
}

bool SimulatedTcp::NextFrame(SimulatedFrame* frame) {
  if (!TakeFrame(frame)) return false;
  for (uint32_t merged = 1; merged < options_.lro && frame->oddity == FrameOddity::kNone;
       ++merged) {
    // What is not here yet is not waited for.
    if (ready_.empty() && !SendNew()) break;
    if (ready_.empty()) break;
    const SimulatedFrame& next = ready_.front();
    const bool follows = next.stream_offset == frame->stream_offset + frame->payload.size() &&
                         next.oddity == FrameOddity::kNone && next.route == frame->route;
    if (!follows) break;
    frame->payload.insert(frame->payload.end(), next.payload.begin(), next.payload.end());
    frame->sent_again = frame->sent_again || next.sent_again;
    ++frame->coalesced;
    ready_.pop_front();
  }
  return true;
}

bool SimulatedTcp::TakeFrame(SimulatedFrame* frame) {
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
