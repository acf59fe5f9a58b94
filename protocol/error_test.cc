#include "protocol/error.h"

#include <cstdint>
#include <cstring>
#include <regex>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace isthmus {
namespace {

constexpr Role kRoles[] = {Role::kTarget, Role::kInitiator};

template <class Function>
void ForEveryCase(Function function) {
  for (const ErrorInfo& row : AllErrors()) {
    for (Role role : kRoles) {
      for (int c = 0; c < kPduClasses; ++c) {
        for (int level = 0; level <= 2; ++level) {
          const auto pdu_class = static_cast<PduClass>(c);
          SCOPED_TRACE(std::string(row.name) + ", " + Name(role) + ", " + Name(pdu_class) +
                       ", level " + std::to_string(level));
          function(row, role, pdu_class, MakeError(row.code, role, pdu_class, level, 77));
        }
      }
    }
  }
}

TEST(ErrorTest, RowsAreWellFormed) {
  const std::regex section(R"(\d{1,2}(\.\d{1,2}){0,4})");
  const std::regex name(R"([A-Z][A-Za-z0-9]+)");
  const std::regex text(R"([A-Za-z][^\[\]]*( \[[^\[\]]+\])?)");
  std::set<std::string> names;
  std::set<int> numbers;
  for (const ErrorInfo& row : AllErrors()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(std::regex_match(row.section, section)) << row.section;
    EXPECT_TRUE(std::regex_match(row.name, name));
    EXPECT_TRUE(std::regex_match(row.text, text)) << row.text;
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_TRUE(numbers.insert(static_cast<int>(row.code)).second);
    EXPECT_NE(row.blame, Blame::kNone);
    EXPECT_EQ(&InfoOf(row.code), &row);
    EXPECT_STREQ(Name(row.code), row.name);
    EXPECT_STREQ(Describe(row.code), row.text);
  }
  EXPECT_GE(names.size(), 265u);
}

TEST(ErrorTest, WireCodesAreThoseOfTheRfc) {
  const std::set<int> reasons = {0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0c};
  const std::set<int> statuses = {0x0200, 0x0201, 0x0202, 0x0203, 0x0204, 0x0205, 0x0206, 0x0207,
                                  0x0208, 0x0209, 0x020a, 0x020b, 0x0300, 0x0301, 0x0302};
  std::set<int> reasons_seen;
  std::set<int> statuses_seen;
  for (const ErrorInfo& row : AllErrors()) {
    SCOPED_TRACE(row.name);
    if (row.reject_reason != 0) {
      EXPECT_EQ(reasons.count(row.reject_reason), 1u);
      reasons_seen.insert(row.reject_reason);
    }
    if (row.login_status != 0) {
      EXPECT_EQ(statuses.count(row.login_status), 1u);
      statuses_seen.insert(row.login_status);
    }
    if (row.outcome.status == 0x02) {
      EXPECT_NE(row.outcome.sense_key, 0);
    }
    if (row.outcome.status != 0x02) {
      EXPECT_EQ(row.outcome.sense_key, 0);
    }
  }
  EXPECT_EQ(reasons_seen, reasons);
  EXPECT_EQ(statuses_seen, statuses);
}

TEST(ErrorTest, EveryCaseHasActionsThatItsRoleCanCarryOut) {
  ForEveryCase([](const ErrorInfo& row, Role role, PduClass, Error error) {
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.blame, row.blame);
    EXPECT_EQ(error.detail, 77u);
    EXPECT_FALSE(error.ok());
    EXPECT_NE(error.actions, 0);
    if (role == Role::kInitiator) {
      EXPECT_FALSE(error.Has(Action::kReject));
      EXPECT_FALSE(error.Has(Action::kAnswer));
      EXPECT_FALSE(error.Has(Action::kRefuseLogin));
    } else {
      EXPECT_FALSE(error.Has(Action::kLogout));
    }
  });
}

TEST(ErrorTest, EveryActionHasWhatItSays) {
  ForEveryCase([](const ErrorInfo& row, Role, PduClass, Error error) {
    if (error.Has(Action::kReject)) {
      EXPECT_NE(row.reject_reason, 0);
    }
    if (error.Has(Action::kFailTask)) {
      EXPECT_NE(row.outcome.status, 0);
    }
    if (error.Has(Action::kAnswer)) {
      EXPECT_NE(row.answer, 0);
    }
    if (error.Has(Action::kRefuseLogin)) {
      EXPECT_NE(row.login_status, 0);
      EXPECT_TRUE(error.Has(Action::kDropConnection));
    }
  });
}

TEST(ErrorTest, EveryWireCodeIsUsedBySomeAction) {
  for (const ErrorInfo& row : AllErrors()) {
    SCOPED_TRACE(row.name);
    uint16_t all = 0;
    for (Role role : kRoles) {
      for (int c = 0; c < kPduClasses; ++c) {
        for (int level = 0; level <= 2; ++level) {
          all = static_cast<uint16_t>(
              all | MakeError(row.code, role, static_cast<PduClass>(c), level).actions);
        }
      }
    }
    const auto has = [all](Action action) { return (all & static_cast<uint16_t>(action)) != 0; };
    EXPECT_EQ(row.reject_reason != 0, has(Action::kReject));
    EXPECT_EQ(row.outcome.status != 0, has(Action::kFailTask));
    EXPECT_EQ(row.answer != 0, has(Action::kAnswer));
    EXPECT_EQ(row.login_status != 0, has(Action::kRefuseLogin));
  }
}

TEST(ErrorTest, CallerMisuseIsRefusedAndChangesNothing) {
  ForEveryCase([](const ErrorInfo& row, Role, PduClass, Error error) {
    EXPECT_EQ(error.Has(Action::kRefuseCall), row.blame == Blame::kCaller);
    if (row.blame == Blame::kCaller) {
      EXPECT_EQ(error, CallerError(row.code, 77));
    }
  });
}

TEST(ErrorTest, NothingInTheLoginPhaseDropsASession) {
  ForEveryCase([](const ErrorInfo&, Role, PduClass pdu_class, Error error) {
    if (pdu_class == PduClass::kLogin) {
      EXPECT_FALSE(error.Has(Action::kDropSession));
    }
  });
}

TEST(ErrorTest, FormatErrorsEndAllConnections) {
  for (const ErrorInfo& row : AllErrors()) {
    if (std::strcmp(row.policy, "Format") != 0) continue;
    SCOPED_TRACE(row.name);
    for (Role role : kRoles) {
      const Error error = MakeError(row.code, role, PduClass::kCommand, 0);
      EXPECT_EQ(error.actions, static_cast<uint16_t>(Action::kDropSession));
      EXPECT_TRUE(error.EndsConnection());
    }
  }
}

uint16_t Set(std::initializer_list<Action> actions) {
  uint16_t set = 0;
  for (Action action : actions) set = static_cast<uint16_t>(set | static_cast<uint16_t>(action));
  return set;
}

uint16_t Actions(ErrorCode code, Role role, PduClass pdu_class, int level) {
  return MakeError(code, role, pdu_class, level).actions;
}

// Section 7.8, paragraph by paragraph.
TEST(ErrorTest, DataDigestErrors) {
  using enum Action;
  const ErrorCode code = ErrorCode::kDataDigest;
  EXPECT_EQ(InfoOf(code).reject_reason, 0x02);
  EXPECT_EQ(InfoOf(code).outcome.asc, 0x47);
  EXPECT_EQ(InfoOf(code).outcome.ascq, 0x05);
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kData, 0), Set({kDiscard, kReject, kFailTask}));
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kData, 1), Set({kDiscard, kReject, kRecover}));
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kCommand, 0), Set({kDiscard, kReject}));
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kCommand, 2), Set({kDiscard, kReject}));
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kNop, 0), Set({kDiscard, kReject}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kData, 0), Set({kDiscard, kFailTask}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kData, 1), Set({kDiscard, kRecover}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kResponse, 0), Set({kDiscard, kLogout}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kUnsolicited, 0), Set({kDiscard, kLogout}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kUnsolicited, 2), Set({kDiscard, kRecover}));
}

// Sections 4.2.4, 6.3, 7.12: what the same violation means before and after login.
TEST(ErrorTest, NegotiationFailures) {
  using enum Action;
  const ErrorCode code = ErrorCode::kTextKeyRepeated;
  EXPECT_EQ(InfoOf(code).reject_reason, 0x04);
  EXPECT_EQ(InfoOf(code).login_status, 0x0200);
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kLogin, 0),
            Set({kRefuseLogin, kDropConnection}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kLogin, 0), Set({kDropConnection}));
  EXPECT_EQ(Actions(code, Role::kTarget, PduClass::kText, 0), Set({kReject, kRefuseNegotiation}));
  EXPECT_EQ(Actions(code, Role::kInitiator, PduClass::kText, 0), Set({kRefuseNegotiation}));
}

// Section 11.4.7.2.
TEST(ErrorTest, IscsiConditions) {
  const struct {
    ErrorCode code;
    uint8_t asc, ascq;
  } conditions[] = {
      {ErrorCode::kUnsolicitedDataUnexpected, 0x0c, 0x0c},
      {ErrorCode::kImmediateDataUnexpected, 0x0c, 0x0c},
      {ErrorCode::kFirstBurstTooLong, 0x0c, 0x0d},
      {ErrorCode::kUnsolicitedAmount, 0x0c, 0x0d},
      {ErrorCode::kBurstAmount, 0x0c, 0x0d},
      {ErrorCode::kDataDigest, 0x47, 0x05},
      {ErrorCode::kSnackUnavailable, 0x11, 0x13},
  };
  for (const auto& condition : conditions) {
    const ErrorInfo& row = InfoOf(condition.code);
    SCOPED_TRACE(row.name);
    EXPECT_EQ(row.outcome.status, 0x02);
    EXPECT_EQ(row.outcome.sense_key, 0x0b);
    EXPECT_EQ(row.outcome.asc, condition.asc);
    EXPECT_EQ(row.outcome.ascq, condition.ascq);
    EXPECT_TRUE(
        MakeError(condition.code, Role::kTarget, PduClass::kData, 0).Has(Action::kFailTask));
  }
}

TEST(ErrorTest, OkAndNumbersOutsideTheTable) {
  EXPECT_TRUE(Error::Ok().ok());
  EXPECT_EQ(Error::Ok().actions, 0);
  EXPECT_STREQ(Name(ErrorCode::kOk), "Ok");
  const auto outside = static_cast<ErrorCode>(65535);
  EXPECT_STREQ(Name(outside), "Unknown");
  const Error error = MakeError(outside, Role::kTarget, PduClass::kData, 0);
  EXPECT_FALSE(error.ok());
  EXPECT_TRUE(error.EndsConnection());
}

TEST(ErrorTest, EnumeratorsHaveNames) {
  std::set<std::string> names;
  for (int i = 0; i < kPduClasses; ++i) names.insert(Name(static_cast<PduClass>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kPduClasses));
  EXPECT_EQ(names.count("unknown"), 0u);
  names.clear();
  for (int i = 0; i < 12; ++i) names.insert(Name(static_cast<Action>(1 << i)));
  EXPECT_EQ(names.size(), 12u);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace isthmus
