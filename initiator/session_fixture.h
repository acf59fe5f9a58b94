// What the tests of the initiator's session share: a scripted target's answers at login, and
// commands.
//
//   TEST_F(SessionTest, ...) { Start(kDigestKeys); Read(buffer); h.Send(h.DataIn(...)); ... }
#ifndef ISTHMUS_INITIATOR_SESSION_FIXTURE_H_
#define ISTHMUS_INITIATOR_SESSION_FIXTURE_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/event.h"
#include "initiator/harness.h"
#include "initiator/session.h"

namespace isthmus::initiator::testing {

inline std::string Keys(std::initializer_list<std::string_view> pairs) {
  std::string text;
  for (std::string_view pair : pairs) {
    text += pair;
    text += '\0';
  }
  return text;
}

inline const std::string kPlainKeys =
    Keys({"HeaderDigest=None", "DataDigest=None", "InitialR2T=Yes", "ImmediateData=Yes",
          "MaxBurstLength=262144", "FirstBurstLength=65536", "MaxOutstandingR2T=1",
          "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
          "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0", "TaskReporting=RFC3720",
          "iSCSIProtocolLevel=1", "MaxRecvDataSegmentLength=8192"});
inline const std::string kDigestKeys =
    Keys({"HeaderDigest=CRC32C", "DataDigest=CRC32C", "InitialR2T=Yes", "ImmediateData=Yes",
          "MaxBurstLength=262144", "FirstBurstLength=65536", "MaxOutstandingR2T=2",
          "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
          "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0", "TaskReporting=RFC3720",
          "iSCSIProtocolLevel=1", "MaxRecvDataSegmentLength=8190"});

inline std::vector<uint8_t> Read10() { return {0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0}; }
inline std::vector<uint8_t> Write10() { return {0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0}; }

// `keys` with another value of one of them.
inline std::string With(std::string keys, std::string_view name, std::string_view value) {
  const size_t at = keys.find(std::string(name) + '=');
  const size_t end = keys.find('\0', at);
  return keys.replace(at, end - at, std::string(name) + '=' + std::string(value));
}

class SessionTest : public ::testing::Test {
 protected:
  void Start(const std::string& keys = kPlainKeys, size_t chunk = kWhole) {
    h.keys = keys;
    h.chunk = chunk;
    h.LogIn();
  }
  TaskId Submit(const Command& command) {
    TaskId task;
    const Error error = h.session->Submit(command, &task);
    EXPECT_TRUE(error.ok()) << Name(error.code);
    return task;
  }
  TaskId Read(std::vector<uint8_t>& buffer, uint64_t cookie = 1) {
    return Submit({.cdb = AsBytes(read_cdb), .data_in = AsWritableBytes(buffer), .cookie = cookie});
  }
  TaskId Write(const std::vector<uint8_t>& source, uint64_t cookie = 1) {
    return Submit({.cdb = AsBytes(write_cdb), .data_out = AsBytes(source), .cookie = cookie});
  }

  std::vector<uint8_t> read_cdb = Read10(), write_cdb = Write10();
  Harness h;
};

}  // namespace isthmus::initiator::testing

#endif  // ISTHMUS_INITIATOR_SESSION_FIXTURE_H_
