#include "protocol/wire/codes.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::wire {
namespace {

// The values that the RFC defines, from its lists.
template <class E>
void ExpectValues(const std::vector<int>& wanted) {
  std::vector<int> values;
  for (const Code& code : CodesOf<E>()) {
    values.push_back(code.value);
    EXPECT_TRUE(IsDefined(static_cast<E>(code.value)));
    EXPECT_STREQ(Name(static_cast<E>(code.value)), code.name);
    EXPECT_NE(std::string(code.name), "reserved");
  }
  EXPECT_EQ(values, wanted);
  int defined = 0;
  const int last = sizeof(E) == 1 ? 255 : 65535;
  for (int value = 0; value <= last; ++value) {
    if (IsDefined(static_cast<E>(value))) {
      ++defined;
    } else {
      EXPECT_STREQ(Name(static_cast<E>(value)), "reserved");
    }
  }
  EXPECT_EQ(defined, static_cast<int>(wanted.size()));
}

TEST(CodesTest, AreThoseOfTheRfc) {
  ExpectValues<TaskAttribute>({0, 1, 2, 3, 4});
  ExpectValues<ScsiStatus>({0x00, 0x02, 0x04, 0x08, 0x10, 0x14, 0x18, 0x28, 0x30, 0x40});
  ExpectValues<ScsiResponseCode>({0, 1});
  ExpectValues<TaskManagementFunction>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  ExpectValues<TaskManagementResponseCode>({0, 1, 2, 3, 4, 5, 6, 7, 255});
  ExpectValues<AsyncEvent>({0, 1, 2, 3, 4, 5});
  ExpectValues<LoginStage>({0, 1, 3});
  ExpectValues<LoginStatusClass>({0, 1, 2, 3});
  ExpectValues<LoginStatus>({0x0000, 0x0101, 0x0102, 0x0200, 0x0201, 0x0202, 0x0203, 0x0204, 0x0205,
                             0x0206, 0x0207, 0x0208, 0x0209, 0x020a, 0x020b, 0x0300, 0x0301,
                             0x0302});
  ExpectValues<LogoutReason>({0, 1, 2});
  ExpectValues<LogoutResponseCode>({0, 1, 2, 3});
  ExpectValues<SnackType>({0, 1, 2, 3});
  ExpectValues<RejectReason>({0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c});
}

// The enumerators, each against the RFC's number.
TEST(CodesTest, EnumeratorsHaveTheRfcsNumbers) {
  EXPECT_EQ(static_cast<int>(TaskAttribute::kUntagged), 0);
  EXPECT_EQ(static_cast<int>(TaskAttribute::kSimple), 1);
  EXPECT_EQ(static_cast<int>(TaskAttribute::kOrdered), 2);
  EXPECT_EQ(static_cast<int>(TaskAttribute::kHeadOfQueue), 3);
  EXPECT_EQ(static_cast<int>(TaskAttribute::kAca), 4);
  EXPECT_STREQ(Name(TaskManagementFunction::kAbortTask), "ABORT TASK");
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kAbortTaskSet), 2);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kClearAca), 3);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kClearTaskSet), 4);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kLogicalUnitReset), 5);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kTargetWarmReset), 6);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kTargetColdReset), 7);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kTaskReassign), 8);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kQueryTask), 9);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kQueryTaskSet), 10);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kItNexusReset), 11);
  EXPECT_EQ(static_cast<int>(TaskManagementFunction::kQueryAsynchronousEvent), 12);
  EXPECT_STREQ(Name(TaskManagementResponseCode::kTaskStillAllegiant), "Task still allegiant");
  EXPECT_STREQ(Name(TaskManagementResponseCode::kFunctionRejected), "Function rejected");
  EXPECT_STREQ(Name(AsyncEvent::kTaskTermination), "Task Termination");
  EXPECT_EQ(static_cast<int>(LoginStage::kFullFeaturePhase), 3);
  EXPECT_STREQ(Name(LoginStatus::kInvalidDuringLogin), "Invalid during login");
  EXPECT_STREQ(Name(LogoutReason::kRemoveTheConnectionForRecovery),
               "remove the connection for recovery");
  EXPECT_STREQ(Name(SnackType::kDataAck), "DataACK");
  EXPECT_EQ(static_cast<int>(RejectReason::kImmediateCommandReject), 0x06);
  EXPECT_EQ(static_cast<int>(RejectReason::kInvalidPduField), 0x09);
  EXPECT_EQ(static_cast<int>(RejectReason::kWaitingForLogout), 0x0c);
}

}  // namespace
}  // namespace isthmus::wire
