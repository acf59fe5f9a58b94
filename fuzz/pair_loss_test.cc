// The connection is lost at every byte of a life, in either direction: RFC 7143 sections 6.3.5 (session
// reinstatement), 7.2 (retry), 7.6 (how tasks end), 8 (states). What the initiator then reports,
// sends again or refuses, and that both sides let go of everything once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/pair.h"
#include "digest/select.h"
#include "gtest/gtest.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/connection/states.h"
#include "target/event.h"
#include "target/session.h"

namespace isthmus {
namespace {

using bench::Pair;
using bench::PairOptions;
using Bytes = std::vector<std::byte>;
using initiator::EventKind;
using initiator::Outcome;
using initiator::RetryPolicy;

// Hands on so many bytes, of both directions together, and loses the rest.
class Cutter {
 public:
  explicit Cutter(size_t bytes) : left_(bytes) {}
  void Pass(Bytes* bytes) {
    const size_t passed = std::min(bytes->size(), left_);
    cut_ |= passed < bytes->size();
    bytes->resize(passed);
    left_ -= passed;
  }
  bool cut() const { return cut_; }

 private:
  size_t left_;
  bool cut_ = false;
};

Bytes Pattern(size_t size, uint32_t seed) {
  Bytes bytes(size);
  for (std::byte& b : bytes) {
    seed = seed * 1664525 + 1013904223;
    b = static_cast<std::byte>(seed >> 24);
  }
  return bytes;
}

Bytes Cdb(uint8_t opcode, size_t offset) {
  Bytes cdb(10);
  cdb[0] = std::byte{opcode};
  for (size_t i = 0; i < 4; ++i) cdb[2 + i] = static_cast<std::byte>(offset >> (24 - 8 * i));
  return cdb;
}

// How the life ends, if nothing cuts it before.
enum class End { kLogout, kLogoutRequested };

// One pair, and the same requests each time; cookies name them.
class Life {
 public:
  enum Cookie : uint64_t { kWriteAgain = 1, kWriteOnce, kReadAgain, kPing, kFunction, kText };

  Life() : pair_(Options()) {
    pair_.on_target_event = [this](const target::Event& event) { return OnTarget(event); };
    pair_.on_initiator_event = [this](const initiator::Event& event) { told_.push_back(event); };
    std::copy(expected_.begin(), expected_.end(), pair_.disk.begin() + 5000);
  }

  // Goes on until `wire` has cut it, or to its end.
  void Live(Cutter* wire, End end) {
    pair_.on_wire = [wire](bool, Bytes* bytes) { wire->Pass(bytes); };
    logged_in_ = pair_.LogIn();
    if (!logged_in_ || wire->cut()) return;
    Issue();
    if (wire->cut()) return;
    EXPECT_TRUE(pair_.initiator().Renegotiate(1024, kText).ok());
    asked_.insert(kText);
    pair_.Run();
    if (wire->cut()) return;
    if (end == End::kLogout) {
      EXPECT_TRUE(pair_.initiator().Logout(initiator::LogoutReason::kCloseSession).ok());
    } else {
      target::AsyncMessage message;  // section 11.9.1: the target asks for a logout
      message.event = 1;
      message.parameter3 = 10;
      EXPECT_TRUE(pair_.target().SendAsync(pair_.target_id(), message).ok());
    }
    pair_.Run();
  }

  void Issue() {
    Submit({.cdb = write_again_,
            .data_out = source_,
            .retry = RetryPolicy::kReissue,
            .cookie = kWriteAgain});
    Submit({.cdb = write_once_, .data_out = source_, .cookie = kWriteOnce});
    Submit({.cdb = read_again_,
            .data_in = read_,
            .retry = RetryPolicy::kReissue,
            .cookie = kReadAgain});
    EXPECT_TRUE(pair_.initiator().Ping(ping_, kPing).ok());
    EXPECT_TRUE(pair_.initiator()
                    .TaskManagement({.function = initiator::TaskManagementFunction::kClearAca,
                                     .lun = {},
                                     .cookie = kFunction},
                                    nullptr)
                    .ok());
    asked_.insert({kPing, kFunction});
    pair_.Run();
  }

  // After the cut.
  void CheckLoss() {
    pair_.Cut();
    if (!logged_in_ && !Tells(EventKind::kConnectionLost)) {
      EXPECT_EQ(Count(EventKind::kLoginFailed), 1u);
      EXPECT_EQ(told_.back().login_failure, initiator::LoginFailure::kConnectionLost);
    } else {
      EXPECT_EQ(Count(EventKind::kConnectionLost) + Count(EventKind::kSessionEnded), 1u);
      EXPECT_FALSE(pair_.initiator().connected());
    }
    CheckTarget();
    // What is not to be sent again has had its one answer.
    const bool ended = Tells(EventKind::kSessionEnded);
    for (uint64_t cookie : asked_) {
      const bool again = cookie == kWriteAgain || cookie == kReadAgain;
      EXPECT_EQ(Answers(cookie).size(), again && !ended ? Answered(cookie) : 1u) << cookie;
      if (!Answered(cookie) && !again) {
        for (const initiator::Event& event : Answers(cookie)) {
          EXPECT_TRUE(event.outcome == Outcome::kConnectionLost ||
                      event.outcome == Outcome::kLoggedOut)
              << cookie;
        }
      }
    }
    if (pair_.initiator().state() == SsmState::kFree) return;
    // Without a connection: what needs one is refused, a command waits for the next.
    EXPECT_FALSE(pair_.initiator().Ping(ping_, 99).ok());
    EXPECT_FALSE(pair_.initiator().Renegotiate(2048, 99).ok());
    EXPECT_FALSE(pair_.initiator().Logout(initiator::LogoutReason::kCloseSession).ok());
  }

  // The next connection: session reinstatement.
  void CheckReinstatement() {
    if (Tells(EventKind::kSessionEnded)) {
      EXPECT_EQ(pair_.initiator().outstanding(), 0u);
      return;
    }
    pair_.on_wire = nullptr;
    ASSERT_TRUE(pair_.LogIn()) << Name(pair_.login_error.code);
    if (asked_.empty()) Issue();
    pair_.Run();
    for (uint64_t cookie : {kWriteAgain, kReadAgain}) {
      EXPECT_EQ(Answers(cookie).size(), 1u) << cookie;
      EXPECT_EQ(Answered(cookie), 1u) << cookie;
    }
    EXPECT_TRUE(read_ == expected_);
    EXPECT_TRUE(std::equal(source_.begin(), source_.end(), pair_.disk.begin() + 100));
    EXPECT_EQ(pair_.initiator().outstanding(), 0u);
    CheckTarget();
  }

  // The states that both sides' connections were lost in.
  std::pair<CsmState, CsmState> StatesNow() {
    return {pair_.initiator_logs_in() ? CsmState::kInLogin : pair_.initiator().connection_state(),
            pair_.target_logs_in() ? CsmState::kInLogin
                                   : pair_.target().connection_state(pair_.target_id())};
  }

 private:
  static PairOptions Options() {
    PairOptions options;
    options.initiator.initiator_name = "iqn.2026-11.example.host:a";
    options.initiator.target_name = "iqn.2026-11.example.target:b";
    options.initiator.isid = {std::byte{0x80}};
    options.initiator.kernel = &digest::SelectKernel();
    options.target.kernel = &digest::SelectKernel();
    text::Offer offer;
    offer.InitialR2T = false;
    offer.FirstBurstLength = 512;
    offer.MaxBurstLength = 512;
    offer.MaxRecvDataSegmentLength = 512;
    options.initiator.offer = options.target_offer = offer;
    options.target_offer.TargetPortalGroupTag = 1;
    options.disk_bytes = 1 << 14;
    return options;
  }
  void Submit(const initiator::Command& command) {
    initiator::TaskId task;
    const Error error = pair_.initiator().Submit(command, &task);
    EXPECT_TRUE(error.ok()) << Name(error.code);
    asked_.insert(command.cookie);
  }
  bool OnTarget(const target::Event& event) {
    const auto name = std::pair(event.task.slot, event.task.generation);
    switch (event.kind) {
      case target::EventKind::kBegin:
        EXPECT_TRUE(held_.insert(name).second);
        break;
      case target::EventKind::kCommand:
        held_.insert(name);
        break;
      case target::EventKind::kTaskReleased:
        EXPECT_EQ(held_.erase(name), 1u);
        break;
      default:
        break;
    }
    return false;
  }
  void CheckTarget() { EXPECT_TRUE(held_.empty()); }
  size_t Count(EventKind kind) const {
    return static_cast<size_t>(std::ranges::count(told_, kind, &initiator::Event::kind));
  }
  bool Tells(EventKind kind) const { return Count(kind) != 0; }
  std::vector<initiator::Event> Answers(uint64_t cookie) const {
    std::vector<initiator::Event> answers;
    for (const initiator::Event& event : told_) {
      const bool answers_a_request =
          event.kind == EventKind::kCompleted || event.kind == EventKind::kTaskManagementDone ||
          event.kind == EventKind::kTextReceived || event.kind == EventKind::kPong;
      if (answers_a_request && event.cookie == cookie) answers.push_back(event);
    }
    return answers;
  }
  size_t Answered(uint64_t cookie) const {
    const auto answers = Answers(cookie);
    return static_cast<size_t>(
        std::ranges::count(answers, Outcome::kAnswered, &initiator::Event::outcome));
  }

  const Bytes source_ = Pattern(700, 1), expected_ = Pattern(600, 2), ping_ = Pattern(40, 3);
  const Bytes write_again_ = Cdb(0x2a, 100), write_once_ = Cdb(0x2a, 2500),
              read_again_ = Cdb(0x28, 5000);
  Bytes read_ = Bytes(600);
  std::set<uint64_t> asked_;
  std::vector<initiator::Event> told_;
  std::set<std::pair<uint32_t, uint32_t>> held_;  // tasks that the target's embedder has
  bool logged_in_ = false;
  Pair pair_;
};

TEST(PairLossTest, AtEveryByteOfALife) {
  std::map<std::pair<CsmState, CsmState>, int> lost_in;
  for (End end : {End::kLogout, End::kLogoutRequested}) {
    for (size_t bytes = 0;; ++bytes) {
      SCOPED_TRACE(std::to_string(static_cast<int>(end)) + " after " + std::to_string(bytes));
      Cutter wire(bytes);
      Life life;
      life.Live(&wire, end);
      if (!wire.cut()) {
        EXPECT_GT(bytes, 4000u);
        break;
      }
      ++lost_in[life.StatesNow()];
      life.CheckLoss();
      life.CheckReinstatement();
      if (::testing::Test::HasFailure()) return;
    }
  }
  // In each state that a connection can be lost in (section 8.1), on either side. The target leaves
  // S6 IN_LOGOUT with the response, in the step that enters it, for it has nothing left to do.
  std::set<CsmState> of_initiator, of_target;
  for (const auto& [states, count] : lost_in) {
    of_initiator.insert(states.first);
    of_target.insert(states.second);
  }
  EXPECT_EQ(of_initiator, (std::set{CsmState::kInLogin, CsmState::kLoggedIn, CsmState::kInLogout}));
  for (CsmState state : {CsmState::kInLogin, CsmState::kLoggedIn, CsmState::kLogoutRequested}) {
    EXPECT_TRUE(of_target.contains(state)) << static_cast<int>(state);
  }
}

}  // namespace
}  // namespace isthmus
