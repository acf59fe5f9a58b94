// A real initiator against a real target: what RFC 7143 and 7144 have besides reading and writing.
// Bidirectional commands, extended CDBs, attributes and priorities, every function, every
// Asynchronous Message, every logout reason, renegotiation.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/pair.h"
#include "digest/select.h"
#include "gtest/gtest.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/connection/states.h"
#include "protocol/text/negotiation.h"
#include "target/event.h"
#include "target/session.h"

namespace isthmus {
namespace {

using bench::Pair;
using bench::PairOptions;
using text::TaskReportingSemantics;
using Bytes = std::vector<std::byte>;

PairOptions Options(uint8_t protocol_level, bool fast_abort = false) {
  PairOptions options;
  options.initiator.initiator_name = "iqn.2026-11.example.host:a";
  options.initiator.target_name = "iqn.2026-11.example.target:b";
  options.initiator.isid = {std::byte{0x80}};
  options.initiator.kernel = &digest::SelectKernel();
  options.target.kernel = &digest::SelectKernel();
  text::Offer offer;
  offer.iSCSIProtocolLevel = protocol_level;
  offer.TaskReporting = {fast_abort ? TaskReportingSemantics::kFastAbort
                                    : TaskReportingSemantics::kRFC3720};
  options.initiator.offer = options.target_offer = offer;
  options.target_offer.TargetPortalGroupTag = 1;
  options.initiator_session.limits.cdb_bytes = 260;
  return options;
}

Bytes Pattern(size_t size, uint32_t seed) {
  Bytes bytes(size);
  for (std::byte& b : bytes) {
    seed = seed * 1664525 + 1013904223;
    b = static_cast<std::byte>(seed >> 24);
  }
  return bytes;
}

std::array<std::byte, 8> Lun(uint8_t number) { return {std::byte{0}, std::byte{number}}; }

// A pair, what the target was asked, and what the initiator was told.
class PairLevel0Test : public ::testing::Test {
 protected:
  void Start(const PairOptions& options) {
    pair.emplace(options);
    pair->on_target_event = [this](const target::Event& event) { return OnTarget(event); };
    pair->on_initiator_event = [this](const initiator::Event& event) { told.push_back(event); };
    ASSERT_TRUE(pair->LogIn()) << Name(pair->login_error.code);
    told.clear();
    asked.clear();
  }
  bool OnTarget(const target::Event& event) {
    asked.push_back(event);
    if (event.kind == target::EventKind::kCommand) {
      cdbs.emplace_back(event.cdb.begin(), event.cdb.end());
    }
    return hold || (answer && answer(event));
  }
  initiator::TaskId Submit(const initiator::Command& command) {
    initiator::TaskId task;
    const Error error = pair->initiator().Submit(command, &task);
    EXPECT_TRUE(error.ok()) << Name(error.code);
    return task;
  }
  initiator::Event Only(initiator::EventKind kind) {
    initiator::Event found;
    int count = 0;
    for (const initiator::Event& event : told) {
      if (event.kind != kind) continue;
      found = event;
      ++count;
    }
    EXPECT_EQ(count, 1);
    return found;
  }
  target::Event Asked(target::EventKind kind) {
    for (const target::Event& event : asked) {
      if (event.kind == kind) return event;
    }
    ADD_FAILURE() << "not asked";
    return {};
  }
  bool WasAsked(target::EventKind kind) const {
    return std::ranges::any_of(asked, [&](const auto& event) { return event.kind == kind; });
  }

  std::optional<Pair> pair;
  std::vector<target::Event> asked;
  std::vector<initiator::Event> told;
  std::vector<Bytes> cdbs;
  std::function<bool(const target::Event&)> answer;
  bool hold = false;  // the target's embedder does nothing
};

// Sections 11.2.2.3 and 11.2.2.4: CDBs of every kind of length, data in both directions at once.
TEST_F(PairLevel0Test, BidirectionalCommandsWithExtendedCdbs) {
  for (size_t cdb_bytes : {6, 10, 16, 17, 18, 19, 20, 32, 259, 260}) {
    for (size_t out : {1, 513, 20000}) {
      for (size_t in : {1, 513, 20000}) {
        SCOPED_TRACE(std::to_string(cdb_bytes) + " " + std::to_string(out) + " " +
                     std::to_string(in));
        Bytes received(out);
        const Bytes source = Pattern(out, 1), answered = Pattern(in, 2);
        answer = [&](const target::Event& event) {
          target::Session& session = pair->target();
          switch (event.kind) {
            case target::EventKind::kBegin:
              EXPECT_TRUE(session.AcceptData(event.task, 0, received).ok());
              return true;
            case target::EventKind::kCommand:
              EXPECT_EQ(event.expected_data_transfer_length, out);
              EXPECT_EQ(event.bidi_read_length, in);
              if (!WasAsked(target::EventKind::kBegin)) {
                EXPECT_TRUE(session.AcceptData(event.task, 0, received).ok());
              }
              return true;
            case target::EventKind::kDataReceived:
              EXPECT_TRUE(session.SendData(event.task, 0, answered, {}).ok());
              EXPECT_TRUE(session.Complete(event.task, {}).ok());
              return true;
            default:
              return false;
          }
        };
        Start(Options(1));
        cdbs.clear();
        Bytes cdb = Pattern(cdb_bytes, 3);
        cdb[0] = std::byte{0xc0};  // vendor specific: as long as it is
        Bytes destination(in);
        Submit({.cdb = cdb, .data_out = source, .data_in = destination});
        pair->Run();
        const initiator::Event done = Only(initiator::EventKind::kCompleted);
        EXPECT_EQ(done.outcome, initiator::Outcome::kAnswered);
        EXPECT_EQ(done.residual_kind, initiator::ResidualKind::kNone);
        EXPECT_EQ(done.read_residual_kind, initiator::ResidualKind::kNone);
        EXPECT_TRUE(received == source);
        EXPECT_TRUE(destination == answered);
        ASSERT_EQ(cdbs.size(), 1u);
        cdb.resize(std::max<size_t>(16, cdb.size()));
        EXPECT_TRUE(cdbs[0] == cdb);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Section 11.3.1 and RFC 7144.
TEST_F(PairLevel0Test, AttributesAndPriorities) {
  const Bytes cdb(6);
  for (uint8_t level : {1, 2}) {
    Start(Options(level));
    for (uint8_t attribute = 0; attribute <= 4; ++attribute) {
      for (uint8_t priority : {0, 1, 15}) {
        asked.clear();
        Submit({.lun = Lun(2),
                .cdb = cdb,
                .attribute = static_cast<initiator::TaskAttribute>(attribute),
                .priority = priority});
        pair->Run();
        const target::Event command = Asked(target::EventKind::kCommand);
        EXPECT_EQ(static_cast<uint8_t>(command.attribute), attribute);
        EXPECT_EQ(command.priority, level == 2 ? priority : 0);
        EXPECT_EQ(command.lun, Lun(2));
      }
    }
    EXPECT_EQ(pair->completions, 15u);
  }
}

TEST_F(PairLevel0Test, StatusQualifierOfLevelTwo) {
  const Bytes cdb(6);
  for (uint8_t level : {1, 2}) {
    answer = [&](const target::Event& event) {
      if (event.kind != target::EventKind::kCommand) return false;
      target::Completion busy;
      busy.status = 0x08;
      busy.status_qualifier = 0x4123;
      EXPECT_TRUE(pair->target().Complete(event.task, busy).ok());
      return true;
    };
    Start(Options(level));
    Submit({.cdb = cdb});
    pair->Run();
    const initiator::Event done = Only(initiator::EventKind::kCompleted);
    EXPECT_EQ(done.status, 0x08);
    EXPECT_EQ(done.status_qualifier, level == 2 ? 0x4123 : 0);
  }
}

// Each function that goes to the target's embedder, and comes back with its answer.
TEST_F(PairLevel0Test, EachFunction) {
  for (bool fast_abort : {false, true}) {
    for (uint8_t code : {2, 3, 4, 5, 6, 7, 11, 12}) {
      SCOPED_TRACE(int{code});
      answer = [&](const target::Event& event) {
        if (event.kind == target::EventKind::kCommand) return true;
        if (event.kind != target::EventKind::kTaskManagement) return false;
        EXPECT_EQ(event.function, code);
        const uint8_t response = code == 12 ? 7 : 0;
        EXPECT_TRUE(pair->target()
                        .AnswerTaskManagement(
                            event.request,
                            {.response = response, .additional_response_information = 0x123456})
                        .ok());
        return true;
      };
      Start(Options(2, fast_abort));
      Bytes destination(64);
      const Bytes cdb(6);
      Submit({.lun = Lun(1), .cdb = cdb, .data_in = destination, .cookie = 1});
      pair->Run();
      ASSERT_TRUE(
          pair->initiator()
              .TaskManagement({.function = static_cast<initiator::TaskManagementFunction>(code),
                               .lun = Lun(1),
                               .cookie = 2},
                              nullptr)
              .ok());
      pair->Run();
      const initiator::Event done = Only(initiator::EventKind::kTaskManagementDone);
      EXPECT_EQ(done.tmf_response, code == 12 ? 7 : 0);
      EXPECT_EQ(done.additional_response, 0x123456u);
      const bool ends_tasks = code != 3 && code != 12;
      EXPECT_EQ(WasAsked(target::EventKind::kTaskAborted), ends_tasks);
      if (!ends_tasks) continue;
      EXPECT_EQ(Only(initiator::EventKind::kCompleted).outcome, initiator::Outcome::kAborted);
      // A cold reset ends the session, too (section 11.5.1).
      EXPECT_EQ(pair->initiator().outstanding(), 0u);
      if (code == 7) {
        EXPECT_TRUE(WasAsked(target::EventKind::kDisconnect));
      }
    }
  }
}

// QUERY TASK and QUERY TASK SET, which the engine answers: 7 if there are such tasks, else 0.
TEST_F(PairLevel0Test, Queries) {
  using Function = initiator::TaskManagementFunction;
  const Bytes cdb(6);
  Bytes destination(64);
  const auto ask = [&](const initiator::TaskManagementRequest& request) {
    told.clear();
    const Error error = pair->initiator().TaskManagement(request, nullptr);
    EXPECT_TRUE(error.ok()) << Name(error.code);
    pair->Run();
    return Only(initiator::EventKind::kTaskManagementDone).tmf_response;
  };
  hold = false;
  Start(Options(2));
  EXPECT_EQ(ask({.function = Function::kQueryTaskSet, .lun = Lun(1)}), 0);
  hold = true;
  const initiator::TaskId task =
      Submit({.lun = Lun(1), .cdb = cdb, .data_in = destination, .cookie = 1});
  pair->Run();
  EXPECT_EQ(ask({.function = Function::kQueryTaskSet, .lun = Lun(1)}), 7);
  EXPECT_EQ(ask({.function = Function::kQueryTaskSet, .lun = Lun(2)}), 0);
  EXPECT_EQ(ask({.function = Function::kQueryTask, .lun = {}, .referenced_task = task}), 7);
  hold = false;
  // Below level 2 they are not asked at all.
  Start(Options(1));
  for (uint8_t code : {9, 10, 11, 12}) {
    EXPECT_EQ(pair->initiator()
                  .TaskManagement({.function = static_cast<Function>(code), .lun = {}}, nullptr)
                  .code,
              ErrorCode::kCallNotNegotiated);
  }
}

// Another session's reset: what this one's initiator is told, by TaskReporting and TAS.
TEST_F(PairLevel0Test, AbortsByAThirdParty) {
  for (bool fast_abort : {false, true}) {
    for (bool tas : {false, true}) {
      SCOPED_TRACE(std::to_string(fast_abort) + std::to_string(tas));
      hold = false;
      Start(Options(1, fast_abort));
      hold = true;
      const Bytes cdb(6);
      Bytes one(64), two(64), three(64);
      Submit({.lun = Lun(1), .cdb = cdb, .data_in = one, .cookie = 1});
      Submit({.lun = Lun(2), .cdb = cdb, .data_in = two, .cookie = 2});
      Submit({.lun = Lun(1), .cdb = cdb, .data_in = three, .cookie = 3});
      pair->Run();
      hold = false;
      target::AbortScope scope;
      scope.task_aborted_status = tas;
      ASSERT_TRUE(pair->target().AbortTasks(scope, 99).ok());
      pair->Run();
      EXPECT_EQ(Asked(target::EventKind::kScopeAborted).cookie, 99u);
      std::vector<int> luns;
      int ended = 0;
      for (const initiator::Event& event : told) {
        if (event.kind == initiator::EventKind::kAsyncMessage) {
          EXPECT_EQ(event.async_event, 5);
          luns.push_back(static_cast<int>(event.lun[1]));
        }
        if (event.kind != initiator::EventKind::kCompleted) continue;
        ++ended;
        if (fast_abort) {
          EXPECT_EQ(event.outcome, initiator::Outcome::kAborted);
        } else {
          EXPECT_EQ(event.outcome, initiator::Outcome::kAnswered);
          EXPECT_EQ(event.status, 0x40);  // TASK ABORTED
        }
      }
      EXPECT_EQ(luns, fast_abort ? (std::vector<int>{1, 2}) : std::vector<int>{});
      EXPECT_EQ(ended, fast_abort || tas ? 3 : 0);
      EXPECT_TRUE(pair->connected());
      // The acknowledgment has come, and the session goes on.
      told.clear();
      Submit({.lun = Lun(1), .cdb = cdb, .cookie = 4});
      pair->Run();
      EXPECT_EQ(Only(initiator::EventKind::kCompleted).cookie, 4u);
    }
  }
}

// Section 4.2.3.4 c) and g): data under an affected Target Transfer Tag is discarded, also when the
// Asynchronous Message crosses it, and the tags come back.
TEST_F(PairLevel0Test, FastAbortFreesTransferTags) {
  PairOptions options = Options(1, true);
  options.target_session.limits.r2t_slots = 2;
  options.initiator.offer.ImmediateData = false;
  Start(options);
  const Bytes cdb(6), source(100000);
  Bytes window(100000);
  for (int round = 0; round < 10; ++round) {
    told.clear();
    answer = [&](const target::Event& event) {
      if (event.kind != target::EventKind::kCommand) return false;
      EXPECT_TRUE(pair->target().AcceptData(event.task, 0, window).ok());
      // The R2T is on its way together with what ends its task.
      EXPECT_TRUE(pair->target().AbortTasks({}, 7).ok());
      return true;
    };
    Submit({.lun = Lun(1), .cdb = cdb, .data_out = source});
    pair->Run();
    EXPECT_EQ(Only(initiator::EventKind::kCompleted).outcome, initiator::Outcome::kAborted);
    EXPECT_TRUE(pair->connected());
  }
  answer = nullptr;
  Submit({.cdb = Bytes(10, std::byte{0}), .data_out = source, .cookie = 5});
  told.clear();
  pair->Run();
  EXPECT_EQ(Only(initiator::EventKind::kCompleted).outcome, initiator::Outcome::kAnswered);
  EXPECT_EQ(pair->initiator().counters().rejects, 0u);
}

// Section 11.9.1: each event is sent by the target, told to the embedder and answered.
TEST_F(PairLevel0Test, EachAsynchronousEvent) {
  const std::byte sense[] = {std::byte{0x70}, std::byte{0}, std::byte{6}};
  for (uint8_t code : {0, 1, 2, 3, 4, 255}) {
    SCOPED_TRACE(int{code});
    Start(Options(1));
    target::AsyncMessage message;
    message.event = code;
    message.lun = Lun(code == 0 ? 3 : 0);
    message.vcode = code == 255 ? 9 : 0;
    message.parameter3 = 2;
    if (code == 0) message.sense = sense;
    size_t sense_size = 0;
    pair->on_initiator_event = [&](const initiator::Event& event) {
      told.push_back(event);
      if (event.kind == initiator::EventKind::kAsyncMessage) sense_size = event.data.size();
    };
    const uint64_t text_before = pair->target().counters().rejects;
    ASSERT_TRUE(pair->target().SendAsync(pair->target_id(), message).ok());
    pair->Run();
    const initiator::Event async = Only(initiator::EventKind::kAsyncMessage);
    EXPECT_EQ(async.async_event, code);
    EXPECT_EQ(async.lun, message.lun);
    EXPECT_EQ(async.async_vcode, message.vcode);
    EXPECT_EQ(async.parameter3, 2);
    EXPECT_EQ(sense_size, code == 0 ? sizeof(sense) : 0);
    switch (code) {
      case 1:  // nothing runs: logged out at once
        EXPECT_TRUE(WasAsked(target::EventKind::kLoggedOut));
        EXPECT_EQ(Only(initiator::EventKind::kLoggedOut).logout_response, 0);
        EXPECT_EQ(pair->initiator().connection_state(), CsmState::kFree);
        break;
      case 2:
      case 3:
        EXPECT_TRUE(WasAsked(target::EventKind::kDisconnect) || code == 2);
        break;
      case 4:  // an empty Text Request, answered by a final response
        EXPECT_EQ(pair->target().counters().rejects, text_before);
        EXPECT_TRUE(pair->connected());
        break;
      default:
        EXPECT_TRUE(pair->connected());
        break;
    }
  }
}

// Section 11.14.1.
TEST_F(PairLevel0Test, EachLogoutReason) {
  Start(Options(1));
  EXPECT_EQ(pair->initiator().Logout(initiator::LogoutReason::kRemoveForRecovery).code,
            ErrorCode::kCallNotNegotiated);
  for (auto reason :
       {initiator::LogoutReason::kCloseConnection, initiator::LogoutReason::kCloseSession}) {
    Start(Options(1));
    ASSERT_TRUE(pair->initiator().Logout(reason).ok());
    pair->Run();
    EXPECT_TRUE(WasAsked(target::EventKind::kLoggedOut));
    EXPECT_EQ(Only(initiator::EventKind::kLoggedOut).logout_response, 0);
    EXPECT_TRUE(Only(initiator::EventKind::kDisconnect).error.ok());
    EXPECT_EQ(pair->initiator().state(), SsmState::kFree);
    EXPECT_EQ(pair->target().state(), SsmState::kFree);
    told.clear();
    pair->Cut();
    const bool session = reason == initiator::LogoutReason::kCloseSession;
    EXPECT_EQ(told.back().kind, session ? initiator::EventKind::kSessionEnded
                                        : initiator::EventKind::kConnectionLost);
  }
}

// Section 13.12: either way of growing and shrinking while data moves.
TEST_F(PairLevel0Test, RenegotiatesWhileDataMoves) {
  Start(Options(1));
  const Bytes read = {std::byte{0x28}, std::byte{0}, std::byte{0},
                      std::byte{0},    std::byte{0}, std::byte{0}};
  for (uint32_t bytes : {512u, 65536u, 1001u, 8192u}) {
    told.clear();
    const uint64_t before = pair->initiator().counters().data_in_pdus;
    Bytes destination(100000), later(100000);
    Submit({.cdb = read, .data_in = destination, .cookie = 1});
    ASSERT_TRUE(pair->initiator().Renegotiate(bytes, 2).ok());
    pair->Run();
    EXPECT_EQ(Only(initiator::EventKind::kTextReceived).outcome, initiator::Outcome::kAnswered);
    EXPECT_EQ(pair->initiator().parameters().own_MaxRecvDataSegmentLength, bytes);
    const uint64_t between = pair->initiator().counters().data_in_pdus;
    EXPECT_GT(between, before);
    Submit({.cdb = read, .data_in = later, .cookie = 3});
    pair->Run();
    EXPECT_EQ(pair->initiator().counters().data_in_pdus - between, (100000 + bytes - 1) / bytes);
  }
  EXPECT_EQ(pair->completions, 8u);
}

}  // namespace
}  // namespace isthmus
