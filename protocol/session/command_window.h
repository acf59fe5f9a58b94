// A target's command window: ExpCmdSN, MaxCmdSN, and the commands that wait behind a hole.
// RFC 7143 sections 4.2.2.1 (numbering and window) and 11.4.8, 11.4.9 (what responses carry).
//
// The window promises slots, and only slots that are free: a command takes one when it is delivered
// in order and keeps it until Release(). So MaxCmdSN = ExpCmdSN + free slots - 1: delivering leaves
// it where it is, releasing moves it up, and it never goes back. Immediate commands are not
// numbered and do not come here; a command whose immediate data is still to be checked is Placed
// only when it is known to be good, so that a rejected one is not received (section 7.8).
//
// Who owns which bytes: the ring of cookies lies in the arena; what a cookie names is the caller's.
//
//   CommandWindow window(64, arena);
//   window.Start(cmd_sn_after_login);
//   switch (window.Classify(cmd_sn)) ...               // duplicate and outside: ignore silently
//   window.Place(cmd_sn, cookie);
//   while (window.NextInOrder(&cookie)) Deliver(cookie);   // each owes one Release()
#ifndef ISTHMUS_PROTOCOL_SESSION_COMMAND_WINDOW_H_
#define ISTHMUS_PROTOCOL_SESSION_COMMAND_WINDOW_H_

#include <cstddef>
#include <cstdint>

#include "protocol/arena.h"
#include "protocol/check.h"
#include "protocol/session/serial.h"

namespace isthmus {

enum class CmdSnClass : uint8_t {
  kInOrder,    // ExpCmdSN itself
  kAhead,      // in the window, behind a hole
  kDuplicate,  // received before: below ExpCmdSN, or already waiting
  kOutside,    // above MaxCmdSN
};

class CommandWindow {
 public:
  static constexpr size_t MemoryNeeded(uint32_t slots) { return Arena::Needed<Waiting>(slots); }

  CommandWindow() = default;

  // `slots`: commands that may be in the session at once, at least 1 and below 2^31.
  CommandWindow(uint32_t slots, Arena& arena) : waiting_(arena.Make<Waiting>(slots)) {
    Check(slots >= 1 && slots < 0x80000000u);
    slots_ = waiting_ == nullptr ? 0 : slots;
  }

  bool ok() const { return slots_ > 0; }

  // The first CmdSN that is expected in the full feature phase. Forgets everything else.
  void Start(uint32_t exp_cmd_sn) {
    exp_cmd_sn_ = exp_cmd_sn;
    position_ = 0;
    in_use_ = 0;
    waiting_count_ = 0;
    for (uint32_t i = 0; i < slots_; ++i) waiting_[i] = Waiting();
  }

  uint32_t exp_cmd_sn() const { return exp_cmd_sn_; }
  // ExpCmdSN - 1 when the window is closed.
  uint32_t max_cmd_sn() const { return exp_cmd_sn_ + (slots_ - in_use_) - 1; }
  uint32_t free_slots() const { return slots_ - in_use_; }
  // Commands that wait behind a hole; a deadline belongs on it while it is not 0.
  uint32_t waiting() const { return waiting_count_; }

  CmdSnClass Classify(uint32_t cmd_sn) const {
    const uint32_t ahead = cmd_sn - exp_cmd_sn_;
    if (ahead >= slots_ - in_use_) {
      return SerialLess(cmd_sn, exp_cmd_sn_) ? CmdSnClass::kDuplicate : CmdSnClass::kOutside;
    }
    if (waiting_[Index(ahead)].state != State::kMissing) return CmdSnClass::kDuplicate;
    return ahead == 0 ? CmdSnClass::kInOrder : CmdSnClass::kAhead;
  }

  // Receives a command that Classify() calls kInOrder or kAhead; it comes out of NextInOrder() in
  // its turn. False, and nothing changed: it is neither.
  bool Place(uint32_t cmd_sn, uint64_t cookie) { return Put(cmd_sn, State::kCommand, cookie); }

  // Counts a CmdSN as received without a command: a hole that is plugged (section 11.5.1, ABORT
  // TASK of a command that never came). Takes no slot and never comes out. False: not in the
  // window, or received before.
  bool Plug(uint32_t cmd_sn) { return Put(cmd_sn, State::kPlugged, 0); }

  // The next command in CmdSN order, if it is there; ExpCmdSN passes it and it keeps a slot.
  bool NextInOrder(uint64_t* cookie) {
    while (waiting_count_ > 0) {
      Waiting& next = waiting_[position_];
      if (next.state == State::kMissing) return false;
      const bool command = next.state == State::kCommand;
      *cookie = next.cookie;
      next = Waiting();
      --waiting_count_;
      ++exp_cmd_sn_;
      position_ = position_ + 1 == slots_ ? 0 : position_ + 1;
      if (!command) continue;
      ++in_use_;
      return true;
    }
    return false;
  }

  // A delivered command is over and its slot free again: MaxCmdSN moves up by one.
  void Release() {
    Check(in_use_ > 0);
    --in_use_;
  }

  // Takes a waiting command back (its connection is gone, its task was aborted): the hole is open
  // again. False: it is not waiting.
  bool TakeBack(uint32_t cmd_sn, uint64_t* cookie) {
    const uint32_t ahead = cmd_sn - exp_cmd_sn_;
    if (ahead >= slots_ - in_use_) return false;
    Waiting& entry = waiting_[Index(ahead)];
    if (entry.state != State::kCommand) return false;
    *cookie = entry.cookie;
    entry = Waiting();
    --waiting_count_;
    return true;
  }

 private:
  enum class State : uint8_t { kMissing, kCommand, kPlugged };
  struct Waiting {
    uint64_t cookie = 0;
    State state = State::kMissing;
  };

  // `ahead` is below slots_.
  uint32_t Index(uint32_t ahead) const {
    const uint32_t until_wrap = slots_ - position_;
    return ahead < until_wrap ? position_ + ahead : ahead - until_wrap;
  }

  bool Put(uint32_t cmd_sn, State state, uint64_t cookie) {
    const CmdSnClass place = Classify(cmd_sn);
    if (place != CmdSnClass::kInOrder && place != CmdSnClass::kAhead) return false;
    Waiting& entry = waiting_[Index(cmd_sn - exp_cmd_sn_)];
    entry.cookie = cookie;
    entry.state = state;
    ++waiting_count_;
    return true;
  }

  Waiting* waiting_ = nullptr;
  uint32_t slots_ = 0;
  uint32_t position_ = 0;  // of ExpCmdSN in the ring
  uint32_t in_use_ = 0;
  uint32_t waiting_count_ = 0;
  uint32_t exp_cmd_sn_ = 0;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_COMMAND_WINDOW_H_
