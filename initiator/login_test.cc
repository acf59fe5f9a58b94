#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "initiator/connection.h"
#include "initiator/harness.h"
#include "protocol/auth/openssl_hashes.h"

namespace isthmus::initiator {
namespace {

using testing::Harness;
using testing::kInPlace;
using testing::kWhole;
using testing::Pdu;
using testing::Told;

std::string Keys(std::initializer_list<std::string_view> pairs) {
  std::string text;
  for (std::string_view pair : pairs) {
    text += pair;
    text += '\0';
  }
  return text;
}

const std::string kNoSecurity = Keys({"TargetPortalGroupTag=1", "AuthMethod=None"});
const std::string kOperational =
    Keys({"HeaderDigest=CRC32C", "DataDigest=None", "InitialR2T=No", "ImmediateData=Yes",
          "MaxBurstLength=16384", "FirstBurstLength=4096", "MaxOutstandingR2T=1",
          "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
          "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0", "TaskReporting=RFC3720",
          "iSCSIProtocolLevel=1", "MaxRecvDataSegmentLength=1024"});

bool HasPair(const Pdu& pdu, std::string_view pair) {
  const std::string text = '\0' + pdu.text();
  return text.find('\0' + std::string(pair) + '\0') != std::string::npos;
}

class LoginTest : public ::testing::Test {
 protected:
  Told Failure() {
    std::vector<Told> told = h.Events();
    EXPECT_EQ(told.size(), 2u);
    if (told.size() != 2) return Told(Event());
    EXPECT_EQ(told[0].kind, EventKind::kLoginFailed);
    EXPECT_EQ(told[1].kind, EventKind::kDisconnect);
    return told[0];
  }
  // Sends one response to the first request.
  Told Refused(const Pdu& response) {
    h.Connect();
    h.Sent();
    h.Send(response);
    return Failure();
  }

  Harness h;
};

TEST_F(LoginTest, GoesThroughBothStages) {
  for (size_t chunk : {kWhole, size_t{1}, size_t{11}, size_t{50}, kInPlace}) {
    h = Harness();
    h.chunk = chunk;
    h.Connect();
    const Pdu first = h.OneSent();
    EXPECT_EQ(first.header[0], 0x43);  // immediate Login Request
    EXPECT_EQ(first.header[1], 0x81);  // T, CSG 0, NSG 1
    EXPECT_EQ(first.header[2], 0);     // Version-max
    EXPECT_EQ(first.header[8], 0x80);  // ISID
    EXPECT_EQ(first.u16(14), 0u);      // TSIH
    EXPECT_EQ(first.u16(20), 0u);      // CID
    EXPECT_EQ(first.cmd_sn(), 100u);
    EXPECT_TRUE(HasPair(first, "InitiatorName=iqn.2026-11.example.host:a"));
    EXPECT_TRUE(HasPair(first, "TargetName=iqn.2026-11.example.target:b"));
    EXPECT_TRUE(HasPair(first, "SessionType=Normal"));
    EXPECT_TRUE(HasPair(first, "AuthMethod=None"));
    h.Send(h.LoginResponse(0x81).Text(kNoSecurity));
    const Pdu second = h.OneSent();
    EXPECT_EQ(second.header[1], 0x87);  // T, CSG 1, NSG 3
    EXPECT_EQ(second.u32(28), h.stat_sn);
    EXPECT_TRUE(HasPair(second, "HeaderDigest=CRC32C,None"));
    EXPECT_TRUE(HasPair(second, "InitialR2T=No"));
    EXPECT_TRUE(HasPair(second, "MaxRecvDataSegmentLength=262144"));
    h.Send(h.LoginResponse(0x87).U16(14, 9).Text(kOperational));
    const Told done = h.Only(EventKind::kLoginDone);
    EXPECT_EQ(done.tsih, 9);
    EXPECT_TRUE(h.connection->logged_in());
    const text::Parameters& parameters = h.connection->parameters();
    EXPECT_EQ(parameters.HeaderDigest, text::DigestAlgorithm::kCRC32C);
    EXPECT_EQ(parameters.DataDigest, text::DigestAlgorithm::kNone);
    EXPECT_FALSE(parameters.InitialR2T);
    EXPECT_EQ(parameters.MaxBurstLength, 16384u);
    EXPECT_EQ(parameters.peer_MaxRecvDataSegmentLength, 1024u);
  }
}

TEST_F(LoginTest, SkipsSecurityIfToldTo) {
  h.options.skip_security = true;
  h.Connect();
  const Pdu first = h.OneSent();
  EXPECT_EQ(first.header[1], 0x87);
  EXPECT_TRUE(HasPair(first, "TargetName=iqn.2026-11.example.target:b"));
  h.Send(h.LoginResponse(0x87).U16(14, 9).Text(Keys({"TargetPortalGroupTag=1"}) + kOperational));
  h.Only(EventKind::kLoginDone);
}

TEST_F(LoginTest, JoinsContinuedAnswers) {
  h.Connect();
  h.Sent();
  h.Send(h.LoginResponse(0x81).Text(kNoSecurity));
  h.Sent();
  for (size_t i = 0; i < 3; ++i) {  // C=1; a part ends inside a key
    h.Send(h.LoginResponse(0x44).Text(kOperational.substr(i * 100 + (i > 0), i == 0 ? 101 : 100)));
    const Pdu request = h.OneSent();
    EXPECT_EQ(request.header[1] & 0x40, 0);  // C
    EXPECT_TRUE(request.data.empty());
  }
  h.Send(h.LoginResponse(0x04).Text(kOperational.substr(301)));
  const Pdu last = h.OneSent();
  EXPECT_EQ(last.header[1], 0x87);
  h.Send(h.LoginResponse(0x87).U16(14, 9));
  h.Only(EventKind::kLoginDone);
  EXPECT_EQ(h.connection->parameters().MaxBurstLength, 16384u);
}

TEST_F(LoginTest, DiscoversWithoutATargetName) {
  h.options.target_name = "";
  h.Connect();
  const Pdu first = h.OneSent();
  EXPECT_TRUE(HasPair(first, "SessionType=Discovery"));
  EXPECT_EQ(first.text().find("TargetName"), std::string::npos);
}

TEST_F(LoginTest, TellsEachStatusApart) {
  const struct {
    int status;
    LoginFailure failure;
  } kCases[] = {
      {0x0200, LoginFailure::kRefused},           {0x0201, LoginFailure::kAuthenticationFailed},
      {0x0202, LoginFailure::kRefused},           {0x0203, LoginFailure::kWrongName},
      {0x0204, LoginFailure::kWrongName},         {0x0205, LoginFailure::kVersion},
      {0x0206, LoginFailure::kRefused},           {0x020a, LoginFailure::kRefused},
      {0x0300, LoginFailure::kTargetUnavailable}, {0x0302, LoginFailure::kTargetUnavailable},
      {0x0400, LoginFailure::kProtocolError},
  };
  for (const auto& c : kCases) {
    h = Harness();
    Pdu response(0x23, 0);
    response.U16(36, static_cast<uint32_t>(c.status));
    const Told told = Refused(response);
    EXPECT_EQ(told.login_failure, c.failure) << c.status;
    EXPECT_EQ(told.error.code,
              c.status == 0x0400 ? ErrorCode::kLoginStatusReserved : ErrorCode::kLoginRefused);
    EXPECT_EQ(told.status_class << 8 | told.status_detail, c.status);
    h.Close();
    EXPECT_TRUE(h.Events().empty());
  }
}

TEST_F(LoginTest, FollowsNoRedirectTooFar) {
  for (int permanent = 0; permanent < 2; ++permanent) {
    h = Harness();
    h.options.redirect_hops = 2;
    h.options.max_redirect_hops = 3;
    h.Connect();
    h.Sent();
    Pdu response(0x23, 0);
    response.U16(36, permanent ? 0x0102 : 0x0101).Text(Keys({"TargetAddress=[2001:db8::1]:3261"}));
    h.Send(response);
    std::vector<Told> told = h.Events();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].kind, EventKind::kRedirected);
    EXPECT_EQ(told[0].text_copy, "[2001:db8::1]:3261");
    EXPECT_EQ(told[0].permanent, permanent == 1);
    EXPECT_EQ(told[0].redirect_hops, 3);
    EXPECT_EQ(told[1].kind, EventKind::kDisconnect);
  }
  h = Harness();
  h.options.redirect_hops = h.options.max_redirect_hops;
  Pdu response(0x23, 0);
  response.U16(36, 0x0101).Text(Keys({"TargetAddress=192.0.2.1"}));
  const Told told = Refused(response);
  EXPECT_EQ(told.login_failure, LoginFailure::kTooManyRedirects);
  EXPECT_EQ(told.error.code, ErrorCode::kLoginRedirectTooOften);
  h = Harness();
  EXPECT_EQ(Refused(Pdu(0x23, 0).U16(36, 0x0101)).error.code,
            ErrorCode::kLoginRedirectWithoutAddress);
}

TEST_F(LoginTest, RefusesHostileResponses) {
  Pdu with_ahs = h.LoginResponse(0x81).U8(4, 2);
  with_ahs.ahs = {0, 5, 2, 0, 0, 0, 0, 0};
  const struct {
    Pdu pdu;
    ErrorCode code;
  } kCases[] = {
      {Pdu(0x21, 0x80), ErrorCode::kLoginExpected},
      {with_ahs, ErrorCode::kAhsNotAllowed},
      {Pdu(0x23, 0x81).U32(16, 7), ErrorCode::kLoginTaskTagChanged},
      {h.LoginResponse(0x81).U8(3, 1), ErrorCode::kLoginVersion},
      {h.LoginResponse(0x81).U8(9, 99), ErrorCode::kLoginIsidChanged},
      {h.LoginResponse(0x87), ErrorCode::kLoginStageMismatch},
      {h.LoginResponse(0xc1), ErrorCode::kTextContinueWithFinal},
      {h.LoginResponse(0x83), ErrorCode::kLoginNextStageTooHigh},
      {h.LoginResponse(0x80), ErrorCode::kLoginStageTransition},
  };
  for (const auto& c : kCases) {
    h = Harness();
    const Told told = Refused(c.pdu);
    EXPECT_EQ(told.login_failure, LoginFailure::kProtocolError);
    EXPECT_EQ(told.error.code, c.code) << Name(told.error.code);
    EXPECT_TRUE(told.error.EndsConnection());
  }
}

TEST_F(LoginTest, RefusesTsihZeroAndAnotherTsih) {
  for (uint32_t tsih : {0u, 8u}) {
    h = Harness();
    h.options.tsih = tsih == 0 ? 0 : 7;
    h.Connect();
    h.Sent();
    h.Send(h.LoginResponse(0x81).U16(14, h.options.tsih).Text(kNoSecurity));
    h.Sent();
    h.Send(h.LoginResponse(0x87).U16(14, tsih).Text(kOperational));
    EXPECT_EQ(Failure().error.code,
              tsih == 0 ? ErrorCode::kLoginTsihZero : ErrorCode::kLoginTsihWrong);
  }
}

// A second response while the request that would ask for it has not left yet.
TEST_F(LoginTest, RefusesAResponseThatNothingAskedFor) {
  h.Connect();
  std::array<TxSlice, 8> slices;
  size_t size = 0;
  const size_t count = h.connection->PollTransmit(slices, h.now);
  for (size_t i = 0; i < count; ++i) size += slices[i].size;
  h.connection->OnSent(size);  // and the transport goes on reading it
  h.SendBytes(h.LoginResponse(0x81).Text(kNoSecurity).Bytes());
  EXPECT_TRUE(h.Events().empty());
  h.Send(h.LoginResponse(0x81).Text(kNoSecurity));
  EXPECT_EQ(Failure().error.code, ErrorCode::kLoginOutstanding);
}

TEST_F(LoginTest, TellsWhyThereIsNoTransport) {
  h.Connect();
  h.connection->OnTransportClosed(
      MakeError(ErrorCode::kConnectFailed, Role::kInitiator, PduClass::kNone, 0, 111));
  const Told told = h.Only(EventKind::kLoginFailed);
  EXPECT_EQ(told.error.code, ErrorCode::kConnectFailed);
  EXPECT_EQ(told.error.detail, 111u);
}

TEST_F(LoginTest, EndsAtItsDeadlineHoweverBusyThePeer) {
  h.Connect();
  h.Sent();
  ASSERT_TRUE(h.connection->PollTimeout().armed());
  EXPECT_EQ(h.connection->PollTimeout().reason, DeadlineReason::kLogin);
  h.Advance(14'999);
  EXPECT_TRUE(h.Events().empty());
  h.Advance(1);
  EXPECT_EQ(Failure().login_failure, LoginFailure::kDeadline);
}

TEST_F(LoginTest, EndsAfterTooManyRounds) {
  h.Connect();
  for (int i = 0; i < 40 && h.events.empty(); ++i) {
    h.Sent();
    h.Send(h.LoginResponse(0x00).Text(i == 0 ? kNoSecurity : ""));
  }
  const Told told = Failure();
  EXPECT_EQ(told.login_failure, LoginFailure::kDeadline);
  EXPECT_EQ(told.error.code, ErrorCode::kLoginNoProgress);
}

TEST_F(LoginTest, TellsALostConnection) {
  h.Connect();
  h.Sent();
  h.Close();
  const Told told = h.Only(EventKind::kLoginFailed);
  EXPECT_EQ(told.login_failure, LoginFailure::kConnectionLost);
}

TEST_F(LoginTest, TellsADigestThatOneSideLacks) {
  h.options.offer.HeaderDigest = {text::DigestAlgorithm::kCRC32C};
  for (std::string_view answer : {"HeaderDigest=Reject", "HeaderDigest=None"}) {
    h.Connect();
    h.Sent();
    h.Send(h.LoginResponse(0x81).Text(kNoSecurity));
    EXPECT_TRUE(HasPair(h.OneSent(), "HeaderDigest=CRC32C"));
    h.Send(h.LoginResponse(0x87).U16(14, 9).Text(Keys({answer})));
    EXPECT_EQ(Failure().login_failure, LoginFailure::kDigestUnavailable) << answer;
  }
  h.options.offer.HeaderDigest = {text::DigestAlgorithm::kNone};
  h.Connect();
  h.Sent();
  h.Send(h.LoginResponse(0x81).Text(kNoSecurity));
  h.Sent();
  Pdu refusal(0x23, 0x04);
  refusal.U16(36, 0x0200).Text(Keys({"HeaderDigest=Reject"}));
  h.Send(refusal);
  EXPECT_EQ(Failure().login_failure, LoginFailure::kDigestUnavailable);
}

// CHAP, section 12.1.3. The target's half is computed here from the hash itself.
class ChapLoginTest : public LoginTest {
 protected:
  ChapLoginTest() {
    h.options.chap = {.name = "user", .secret = "secret of user!"};
    h.options.hashes = auth::OpenSslHashes();
    for (size_t i = 0; i < 64; ++i) h.options.entropy[i] = static_cast<std::byte>(i * 7 + 1);
  }
  static std::string Hex(const std::vector<uint8_t>& bytes) {
    std::string text = "0x";
    for (uint8_t b : bytes) {
      text += "0123456789abcdef"[b >> 4];
      text += "0123456789abcdef"[b & 15];
    }
    return text;
  }
  static std::vector<uint8_t> Unhex(std::string_view text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 2; i + 1 < text.size(); i += 2) {
      bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
  }
  static std::string Respond(int algorithm, uint8_t identifier, std::string_view secret,
                             const std::vector<uint8_t>& challenge) {
    const auth::HashAlgorithm* hash =
        auth::FindHash(auth::OpenSslHashes(), static_cast<uint64_t>(algorithm));
    const std::array<std::span<const std::byte>, 3> parts = {
        std::as_bytes(std::span(&identifier, 1)), std::as_bytes(std::span(secret)),
        testing::AsBytes(challenge)};
    std::vector<uint8_t> out(hash->digest_size);
    EXPECT_TRUE(hash->compute(parts, reinterpret_cast<std::byte*>(out.data())));
    return Hex(out);
  }
  static std::string Value(const Pdu& pdu, std::string_view key) {
    const std::string text = '\0' + pdu.text();
    const std::string name = '\0' + std::string(key) + '=';
    const size_t at = text.find(name);
    if (at == std::string::npos) return "";
    return text.c_str() + at + name.size();
  }
  // Up to the request that carries CHAP_N and CHAP_R.
  Pdu UpToResponse(int algorithm, const std::vector<uint8_t>& challenge) {
    h.Connect();
    const Pdu first = h.OneSent();
    EXPECT_EQ(first.header[1], 0x00);
    EXPECT_TRUE(HasPair(first, "AuthMethod=CHAP"));
    h.Send(h.LoginResponse(0x00).Text(Keys({"TargetPortalGroupTag=1", "AuthMethod=CHAP"})));
    const Pdu second = h.OneSent();
    EXPECT_EQ(Value(second, "CHAP_A"), "8,7,6,5");
    h.Send(h.LoginResponse(0x00).Text(
        Keys({"CHAP_A=" + std::to_string(algorithm), "CHAP_I=200", "CHAP_C=" + Hex(challenge)})));
    return h.OneSent();
  }

  const std::vector<uint8_t> challenge_ = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15, 16};
};

TEST_F(ChapLoginTest, AnswersEachAlgorithm) {
  for (int algorithm : {5, 6, 7, 8}) {
    const Pdu request = UpToResponse(algorithm, challenge_);
    EXPECT_EQ(Value(request, "CHAP_N"), "user");
    EXPECT_EQ(Value(request, "CHAP_R"), Respond(algorithm, 200, "secret of user!", challenge_));
    EXPECT_EQ(request.header[1], 0x81);
    h.Send(h.LoginResponse(0x81));
    EXPECT_EQ(h.OneSent().header[1], 0x87);
    h.Send(h.LoginResponse(0x87).U16(14, 9).Text(kOperational));
    h.Only(EventKind::kLoginDone);
  }
}

TEST_F(ChapLoginTest, AuthenticatesTheTargetToo) {
  h.options.chap.target_name = "target";
  h.options.chap.target_secret = "secret of target";
  for (const bool right : {true, false}) {
    const Pdu request = UpToResponse(7, challenge_);
    EXPECT_EQ(request.header[1], 0x81);
    const auto identifier = static_cast<uint8_t>(std::stoi(Value(request, "CHAP_I")));
    const std::vector<uint8_t> theirs = Unhex(Value(request, "CHAP_C"));
    EXPECT_GE(theirs.size(), 16u);
    h.Send(h.LoginResponse(0x81).Text(
        Keys({"CHAP_N=target",
              "CHAP_R=" + Respond(7, identifier, right ? "secret of target" : "another secret!!",
                                  theirs)})));
    if (right) {
      EXPECT_EQ(h.OneSent().header[1], 0x87);
      EXPECT_TRUE(h.Events().empty());
    } else {
      const Told told = Failure();
      EXPECT_EQ(told.login_failure, LoginFailure::kTargetNotAuthenticated);
    }
  }
}

TEST_F(ChapLoginTest, AcceptsNoTargetThatSkipsItsProof) {
  h.options.chap.target_secret = "secret of target";
  UpToResponse(5, challenge_);
  h.Send(h.LoginResponse(0x81));
  EXPECT_EQ(Failure().login_failure, LoginFailure::kTargetNotAuthenticated);
}

TEST_F(ChapLoginTest, AcceptsNoTransitThatItDidNotAskFor) {
  h.Connect();
  EXPECT_EQ(h.OneSent().header[1], 0x00);  // T=0: CHAP is still to come
  h.Send(h.LoginResponse(0x81).Text(Keys({"TargetPortalGroupTag=1", "AuthMethod=None"})));
  EXPECT_EQ(Failure().error.code, ErrorCode::kLoginTransitUnasked);
}

TEST_F(ChapLoginTest, AcceptsNoTargetThatSkipsAuthentication) {
  h.Connect();
  h.Sent();
  h.Send(h.LoginResponse(0x00).Text(Keys({"TargetPortalGroupTag=1", "AuthMethod=None"})));
  const Told told = Failure();
  EXPECT_NE(told.login_failure, LoginFailure::kNone);
  EXPECT_TRUE(told.error.EndsConnection());
}

TEST_F(ChapLoginTest, RefusesItsOwnChallengeBack) {
  h.options.chap.target_secret = "secret of target";
  std::vector<uint8_t> own;
  for (size_t i = 1; i <= 32; ++i) own.push_back(static_cast<uint8_t>(h.options.entropy[i]));
  h.Connect();
  h.Sent();
  h.Send(h.LoginResponse(0x00).Text(Keys({"TargetPortalGroupTag=1", "AuthMethod=CHAP"})));
  h.Sent();
  h.Send(h.LoginResponse(0x00).Text(Keys({"CHAP_A=5", "CHAP_I=1", "CHAP_C=" + Hex(own)})));
  EXPECT_EQ(Failure().error.code, ErrorCode::kChapReflected);
}

TEST(ConnectionOptionsTest, AreChecked) {
  ConnectionOptions options = testing::DefaultConnectionOptions();
  EXPECT_TRUE(Connection::Check(options).ok());
  ConnectionOptions bad = options;
  bad.initiator_name = "host";
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallName);
  bad = options;
  bad.kernel = nullptr;
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallArgument);
  bad = options;
  bad.offer.MaxRecvDataSegmentLength = 511;
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallParameter);
  bad = options;
  bad.hashes = auth::OpenSslHashes();
  bad.chap = {.name = "user", .secret = "short"};
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallSecretTooShort);
  bad.chap = {
      .name = "user", .secret = "long enough secret", .target_secret = "long enough secret"};
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallSecretShared);
  bad.chap.target_secret = {};
  bad.hashes = auth::OpenSslHashes().first(2);  // 8, 7
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallArgument);
  bad.chap.allow_without_md5 = true;
  EXPECT_TRUE(Connection::Check(bad).ok());
  bad.hashes = {};
  EXPECT_EQ(Connection::Check(bad).code, ErrorCode::kCallArgument);
  EXPECT_EQ(Connection::MemoryNeeded(bad), 0u);
}

}  // namespace
}  // namespace isthmus::initiator
