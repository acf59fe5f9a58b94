// A real initiator and a real target in one process, joined by memory: for tests, fuzzers and
// benchmarks. Time is an argument; nothing is allocated after the login.
//
// Who owns which bytes: the slices of one engine are lent to the other as received segments while
// they are drained, so that each byte is copied once, from source to destination.
//
//   Pair pair({.initiator = options, .target_offer = offer});
//   ASSERT_TRUE(pair.LogIn());
//   pair.initiator().Submit(...);
//   pair.Run();                                  // until neither side has anything to say
//   pair.events                                  // what the initiator was told, if keep_events
//
// The target's disk is plain memory: CDB byte 0 is 0x28 (read) or 0x2a (write), bytes 2 to 5 the
// offset in bytes; everything else is answered with GOOD.
#ifndef ISTHMUS_BENCH_PAIR_H_
#define ISTHMUS_BENCH_PAIR_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/connection/segment.h"
#include "protocol/text/negotiation.h"
#include "protocol/time.h"
#include "target/connection.h"
#include "target/event.h"
#include "target/session.h"

namespace isthmus::bench {

struct PairOptions {
  initiator::ConnectionOptions initiator;
  initiator::SessionOptions initiator_session;
  target::ConnectionOptions target;
  target::SessionOptions target_session;
  text::Offer target_offer;
  size_t disk_bytes = 1 << 20;
  size_t cut_bytes = 0;  // segments of at most so many bytes; 0: as the sender's slices are
};

class Pair {
 public:
  explicit Pair(const PairOptions& options)
      : disk(options.disk_bytes), options_(options), now_{1'000'000'000} {}

  // Both through the login. False: one of them refused; login_error says why.
  bool LogIn() {
    to_target_ = to_initiator_ = by_target_ = by_initiator_ = 0;
    held_by_wire_ = {};
    initiator_connection_.emplace(initiator::Connection::OnHeap(options_.initiator));
    target_connection_.emplace(target::Connection::OnHeap(options_.target));
    if (!initiator_session_.has_value()) {
      initiator_session_.emplace(initiator::Session::OnHeap(options_.initiator_session));
    }
    target_session_.emplace(target::Session::OnHeap(options_.target_session));
    Run();
    return connected();
  }

  // The transport fails, also in the login: both sides are told, and the target forgets its session.
  void Cut() {
    if (initiator_connection_.has_value()) {
      initiator_connection_->OnTransportClosed(Error::Ok());
      DrainInitiator();
      initiator_connection_.reset();
    } else {
      initiator_session_->OnTransportClosed(initiator_id_, Error::Ok());
    }
    if (target_connection_.has_value()) {
      target_connection_->OnTransportClosed(Error::Ok());
      DrainTarget();
      target_connection_.reset();
    } else {
      target_session_->OnTransportClosed(target_id_, Error::Ok());
      DrainTarget();
    }
    target_session_.reset();
    DrainInitiator();
  }

  // Either end as a transport::Port: the connection until the login is done, then the session; drained after each segment.
  struct InitiatorPort {
    Pair& pair;
    size_t WantRx(std::span<RxWant> out) {
      return pair.initiator_connection_.has_value()
                 ? pair.initiator_connection_->WantRx(out)
                 : pair.initiator_session_->WantRx(pair.initiator_id_, out);
    }
    size_t UnconsumedRx() {
      return pair.initiator_connection_.has_value()
                 ? pair.initiator_connection_->UnconsumedRx()
                 : pair.initiator_session_->UnconsumedRx(pair.initiator_id_);
    }
    size_t PollTransmit(std::span<TxSlice> out, Instant now) {
      return pair.initiator_connection_.has_value()
                 ? pair.initiator_connection_->PollTransmit(out, now)
                 : pair.initiator_session_->PollTransmit(pair.initiator_id_, out, now);
    }
    void Receive(const RxSegment& segment, Instant now) {
      if (pair.initiator_connection_.has_value()) {
        pair.initiator_connection_->Receive(segment, now);
      } else {
        pair.initiator_session_->Receive(pair.initiator_id_, segment, now);
      }
      pair.DrainInitiator();
    }
    void OnSent(size_t bytes) {
      if (pair.initiator_connection_.has_value()) {
        pair.initiator_connection_->OnSent(bytes);
      } else {
        pair.initiator_session_->OnSent(pair.initiator_id_, bytes);
      }
    }
    void OnTransportDone(uint64_t offset) {
      if (pair.initiator_connection_.has_value()) {
        pair.initiator_connection_->OnTransportDone(offset);
      } else {
        pair.initiator_session_->OnTransportDone(pair.initiator_id_, offset);
      }
      pair.DrainInitiator();
    }
  };
  struct TargetPort {
    Pair& pair;
    size_t WantRx(std::span<RxWant> out) {
      return pair.target_connection_.has_value()
                 ? pair.target_connection_->WantRx(out)
                 : pair.target_session_->WantRx(pair.target_id_, out);
    }
    size_t UnconsumedRx() {
      return pair.target_connection_.has_value()
                 ? pair.target_connection_->UnconsumedRx()
                 : pair.target_session_->UnconsumedRx(pair.target_id_);
    }
    size_t PollTransmit(std::span<TxSlice> out, Instant now) {
      return pair.target_connection_.has_value()
                 ? pair.target_connection_->PollTransmit(out, now)
                 : pair.target_session_->PollTransmit(pair.target_id_, out, now);
    }
    void Receive(const RxSegment& segment, Instant now) {
      if (pair.target_connection_.has_value()) {
        pair.target_connection_->Receive(segment, now);
      } else {
        pair.target_session_->Receive(pair.target_id_, segment, now);
      }
      pair.DrainTarget();
    }
    void OnSent(size_t bytes) {
      if (pair.target_connection_.has_value()) {
        pair.target_connection_->OnSent(bytes);
      } else {
        pair.target_session_->OnSent(pair.target_id_, bytes);
      }
    }
    void OnTransportDone(uint64_t offset) {
      if (pair.target_connection_.has_value()) {
        pair.target_connection_->OnTransportDone(offset);
      } else {
        pair.target_session_->OnTransportDone(pair.target_id_, offset);
      }
      pair.DrainTarget();
    }
  };
  // Another link than lent memory: moves something, or returns false.
  std::function<bool(InitiatorPort&, TargetPort&, Instant)> move;

  // Moves bytes until nothing moves.
  void Run() {
    DrainTarget();  // what a call brought about
    DrainInitiator();
    InitiatorPort left{*this};
    TargetPort right{*this};
    while (move && move(left, right, now_)) {
    }
    bool progress = !move;
    while (progress) {
      progress = MoveToTarget();
      progress = MoveToInitiator() || progress;
    }
  }

  void Advance(Duration by) {
    now_ = now_ + by;
    if (initiator_session_.has_value() && !initiator_connection_.has_value()) {
      initiator_session_->HandleTimeout(now_);
    }
    if (target_session_.has_value() && !target_connection_.has_value()) {
      target_session_->HandleTimeout(now_);
    }
    Run();
  }

  initiator::Session& initiator() { return *initiator_session_; }
  target::Session& target() { return *target_session_; }
  ConnectionId initiator_id() const { return initiator_id_; }
  ConnectionId target_id() const { return target_id_; }
  // Whether each side's connection is not of a session yet.
  bool initiator_logs_in() const { return initiator_connection_.has_value(); }
  bool target_logs_in() const { return target_connection_.has_value(); }
  bool connected() const {
    return !initiator_connection_.has_value() && !target_connection_.has_value() &&
           initiator_session_->connected();
  }

  std::vector<std::byte> disk;
  bool keep_events = true;
  std::vector<initiator::Event> events;  // without what they point to
  uint64_t completions = 0;              // kCompleted with outcome kAnswered and status 0
  uint64_t failures = 0;                 // any other kCompleted
  Error login_error = Error::Ok();
  std::function<void(text::Offer*)> clamp_target_offer;
  // Tests that answer for the target: true, and the pair does nothing about the event.
  std::function<bool(const target::Event&)> on_target_event;
  // Before an event of the initiator is kept: what it points to is still there.
  std::function<void(const initiator::Event&)> on_initiator_event;
  // Stands in the middle: takes what one side sends, leaves what the other is to get.
  std::function<void(bool to_target, std::vector<std::byte>* bytes)> on_wire;

 private:
  static constexpr size_t kSlices = 16;

  bool MoveToTarget() {
    std::array<TxSlice, kSlices> slices;
    const bool login = initiator_connection_.has_value();
    const size_t count = login ? initiator_connection_->PollTransmit(slices, now_)
                               : initiator_session_->PollTransmit(initiator_id_, slices, now_);
    const uint64_t before = by_target_;
    const size_t moved = Lend({slices.data(), count}, true, [this](const RxSegment& s) {
      const bool taken =
          target_connection_.has_value()
              ? target_connection_->Receive(s, now_)
              : target_session_.has_value() && target_session_->Receive(target_id_, s, now_);
      DrainTarget();
      return taken;
    });
    if (moved == 0) return by_target_ != before;
    if (initiator_connection_.has_value()) {
      initiator_connection_->OnSent(moved);
      initiator_connection_->OnTransportDone(to_target_);
    } else {
      initiator_session_->OnSent(initiator_id_, moved);
      initiator_session_->OnTransportDone(initiator_id_, to_target_);
    }
    DrainInitiator();
    return true;
  }

  bool MoveToInitiator() {
    std::array<TxSlice, kSlices> slices;
    size_t count = 0;
    if (target_connection_.has_value()) {
      count = target_connection_->PollTransmit(slices, now_);
    } else if (target_session_.has_value()) {
      count = target_session_->PollTransmit(target_id_, slices, now_);
    }
    const uint64_t before = by_initiator_;
    const size_t moved = Lend({slices.data(), count}, false, [this](const RxSegment& s) {
      const bool taken = initiator_connection_.has_value()
                             ? initiator_connection_->Receive(s, now_)
                             : initiator_session_->Receive(initiator_id_, s, now_);
      DrainInitiator();
      return taken;
    });
    if (moved == 0) return by_initiator_ != before;
    if (target_connection_.has_value()) {
      target_connection_->OnSent(moved);
      target_connection_->OnTransportDone(to_initiator_);
    } else {
      target_session_->OnSent(target_id_, moved);
      target_session_->OnTransportDone(target_id_, to_initiator_);
    }
    DrainTarget();
    return true;
  }

  template <class Take>
  size_t Lend(std::span<const TxSlice> slices, bool to_target, Take take) {
    uint64_t* received = to_target ? &by_target_ : &by_initiator_;
    size_t moved = 0;
    if (on_wire) {
      moved = LendEdited(slices, to_target, received, take);
    } else {
      for (const TxSlice& slice : slices) {
        const size_t taken = LendPieces({slice.data, slice.size}, received, take);
        moved += taken;
        if (taken < slice.size) break;
      }
    }
    (to_target ? to_target_ : to_initiator_) += moved;
    return moved;
  }

  template <class Take>
  size_t LendPieces(std::span<const std::byte> bytes, uint64_t* offset, Take& take) {
    size_t at = 0;
    while (at < bytes.size()) {
      size_t size = bytes.size() - at;
      if (options_.cut_bytes > 0) size = std::min(size, options_.cut_bytes);
      RxSegment segment;
      segment.stream_offset = *offset;
      segment.bytes = bytes.subspan(at, size);
      if (!take(segment)) break;
      *offset += size;
      at += size;
    }
    return at;
  }

  // What was sent counts as moved, whatever becomes of it; what the other side does not take yet
  // comes again. The bytes stay: who was not drained still reads them.
  template <class Take>
  size_t LendEdited(std::span<const TxSlice> slices, bool to_target, uint64_t* received,
                    Take& take) {
    std::vector<std::byte> bytes;
    for (const TxSlice& slice : slices) {
      bytes.insert(bytes.end(), slice.data, slice.data + slice.size);
    }
    const size_t moved = bytes.size();
    if (moved > 0) on_wire(to_target, &bytes);
    std::vector<std::byte>& held = held_by_wire_[to_target ? 0 : 1];
    held.insert(held.end(), bytes.begin(), bytes.end());
    if (held.empty()) return moved;
    edited_.push_back(std::move(held));
    const std::vector<std::byte>& lent = edited_.back();
    const size_t taken = LendPieces(lent, received, take);
    held.assign(lent.begin() + static_cast<ptrdiff_t>(taken), lent.end());
    return moved;
  }

  void DrainInitiator() {
    initiator::Event event;
    while (initiator_connection_.has_value() ? initiator_connection_->Next(&event)
                                             : initiator_session_->Next(&event)) {
      OnEvent(event);
    }
  }

  void OnEvent(const initiator::Event& event) {
    using initiator::EventKind;
    if (on_initiator_event) on_initiator_event(event);
    switch (event.kind) {
      case EventKind::kLoginDone:
        if (initiator_session_->Attach(std::move(*initiator_connection_), &initiator_id_).ok()) {
          initiator_connection_.reset();
        }
        return;
      case EventKind::kLoginFailed:
        login_error = event.error;
        break;
      case EventKind::kCompleted:
        ++(event.outcome == initiator::Outcome::kAnswered && event.status == 0 ? completions
                                                                               : failures);
        break;
      default:
        break;
    }
    if (keep_events) events.push_back(event);
  }

  void DrainTarget() {
    target::Event event;
    while (target_connection_.has_value()
               ? target_connection_->Next(&event)
               : target_session_.has_value() && target_session_->Next(&event)) {
      OnEvent(event);
    }
  }

  void OnEvent(const target::Event& event) {
    using target::EventKind;
    if (on_target_event && on_target_event(event)) return;
    switch (event.kind) {
      case EventKind::kLookup: {
        target::LookupAnswer answer;
        answer.offer = options_.target_offer;
        if (clamp_target_offer) clamp_target_offer(&answer.offer);
        Ignore(target_connection_->AnswerLookup(answer));
        return;
      }
      case EventKind::kClaim:
        Ignore(target_connection_->AnswerClaim({.status = {}, .tsih = ++last_tsih_}));
        return;
      case EventKind::kLoginDone:
        if (target_session_->Attach(std::move(*target_connection_), &target_id_).ok()) {
          target_connection_.reset();
        }
        return;
      case EventKind::kBegin:
        Accept(event);
        return;
      case EventKind::kCommand:
        OnCommand(event);
        return;
      case EventKind::kDataReceived:
        Ignore(target_session_->Complete(event.task, {}));
        return;
      case EventKind::kTaskAborted:
        Ignore(target_session_->Release(event.task));
        return;
      case EventKind::kTaskManagement:
        Ignore(target_session_->AnswerTaskManagement(event.request, {}));
        return;
      case EventKind::kTaskReleased:
        begun_[event.task.slot % begun_.size()] = false;
        return;
      default:
        return;
    }
  }

  static size_t OffsetOf(const target::Event& event) {
    if (event.cdb.size() < 6) return 0;
    size_t offset = 0;
    for (size_t i = 2; i < 6; ++i) offset = offset << 8 | static_cast<size_t>(event.cdb[i]);
    return offset;
  }

  void Accept(const target::Event& event) {
    begun_[event.task.slot % begun_.size()] = true;
    const size_t offset = OffsetOf(event);
    const size_t size = event.expected_data_transfer_length;
    if (offset > disk.size() || size > disk.size() - offset) {
      Ignore(target_session_->Refuse(event.task, 0x08));
      return;
    }
    Ignore(target_session_->AcceptData(event.task, 0, std::span(disk).subspan(offset, size)));
  }

  void OnCommand(const target::Event& event) {
    const size_t offset = OffsetOf(event);
    const size_t size = event.expected_data_transfer_length;
    if (event.write && size > 0) {
      if (!begun_[event.task.slot % begun_.size()]) Accept(event);
      return;  // completed when the data is there
    }
    if (event.read && offset <= disk.size() && size <= disk.size() - offset) {
      Ignore(target_session_->SendData(event.task, 0, std::span(disk).subspan(offset, size), {}));
    }
    Ignore(target_session_->Complete(event.task, {}));
  }

  static void Ignore(const Error&) {}

  PairOptions options_;
  Instant now_;
  std::optional<initiator::Connection> initiator_connection_;
  std::optional<initiator::Session> initiator_session_;
  std::optional<target::Connection> target_connection_;
  std::optional<target::Session> target_session_;
  ConnectionId initiator_id_, target_id_;
  uint64_t to_target_ = 0, to_initiator_ = 0;  // bytes moved
  uint64_t by_target_ = 0, by_initiator_ = 0;  // bytes received; of edited streams, not the same
  std::deque<std::vector<std::byte>> edited_;
  std::array<std::vector<std::byte>, 2> held_by_wire_;  // not taken yet: to target, to initiator
  uint16_t last_tsih_ = 0;
  std::array<bool, 4096> begun_ = {};
};

}  // namespace isthmus::bench

#endif  // ISTHMUS_BENCH_PAIR_H_
