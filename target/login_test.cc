#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "protocol/auth/openssl_hashes.h"
#include "target/test_peer.h"

namespace isthmus::target {
namespace {

std::string Hex(std::string_view bytes) {
  std::string out = "0x";
  for (char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<uint8_t>(c));
    out += digits;
  }
  return out;
}

std::string Unhex(std::string_view hex) {
  std::string out;
  for (size_t i = 2; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::string Md5(std::string_view bytes) {
  unsigned char digest[16];
  unsigned int size = 0;
  EXPECT_EQ(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr), 1);
  return {reinterpret_cast<char*>(digest), size};
}

std::string ValueOf(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\0', at);
    const std::string_view pair = text.substr(at, end - at);
    if (pair.size() > key.size() && pair.substr(0, key.size()) == key && pair[key.size()] == '=') {
      return std::string(pair.substr(key.size() + 1));
    }
    at = end + 1;
  }
  return "(none)";
}

TEST(Login, OneRequestToFullFeature) {
  TestTarget t;
  t.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x23);
  EXPECT_EQ(p.U8(1), 0x87);          // T, CSG 1, NSG 3
  EXPECT_EQ(p.U8(2), 0);             // Version-max
  EXPECT_EQ(p.U8(3), 0);             // Version-active
  EXPECT_EQ(p.U32(8), 0x80123456u);  // ISID
  EXPECT_EQ(p.U16(12), 1u);
  EXPECT_EQ(p.U16(14), 0x0abcu);  // TSIH, only in the final response
  EXPECT_EQ(p.U32(16), 0x11u);
  EXPECT_EQ(p.U32(28), 100u);  // ExpCmdSN: the login's own CmdSN is the first command's
  EXPECT_EQ(p.U32(32), 100u + t.connection_options.limits.command_slots - 1);
  EXPECT_EQ(p.U16(36), 0u);
  EXPECT_EQ(ValueOf(p.data, "TargetPortalGroupTag"), "1");
  EXPECT_EQ(t.Log(), "lookup iqn.2026-01.example:host\nclaim\nlogin done\n");
  EXPECT_EQ(t.session->initiator_name(), "iqn.2026-01.example:host");
  EXPECT_EQ(t.session->target_name(), "iqn.2026-01.example:disk");
  EXPECT_EQ(t.session->tsih(), 0x0abc);
}

TEST(Login, BothStagesAndNegotiation) {
  TestTarget t;
  t.Send(LoginRequest({.flags = 0x81},
                      Text({kInitiator, kTarget, "SessionType=Normal", "AuthMethod=None"})));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(1), 0x81);
  EXPECT_EQ(p.U16(14), 0u);
  EXPECT_EQ(ValueOf(p.data, "AuthMethod"), "None");
  const uint32_t stat_sn = p.U32(24);
  t.Send(LoginRequest({.flags = 0x87},
                      Text({"HeaderDigest=CRC32C,None", "MaxBurstLength=16384",
                            "FirstBurstLength=8192", "ImmediateData=Yes", "X-org.example.key=1"})));
  p = t.Take();
  EXPECT_EQ(p.U8(1), 0x87);
  EXPECT_EQ(p.U32(24), stat_sn + 1);
  EXPECT_EQ(ValueOf(p.data, "HeaderDigest"), "CRC32C");
  EXPECT_EQ(ValueOf(p.data, "MaxBurstLength"), "16384");
  EXPECT_EQ(ValueOf(p.data, "X-org.example.key"), "NotUnderstood");
  EXPECT_TRUE(t.session.has_value());
  EXPECT_EQ(t.session->parameters().MaxBurstLength, 16384u);
}

TEST(Login, TextInPartsByTheContinueBit) {
  TestTarget t;
  const std::string text = Text({kInitiator, kTarget, "MaxBurstLength=131072"});
  for (size_t cut = 0; cut <= text.size(); cut += 7) {
    TestTarget u;
    u.Send(LoginRequest({.flags = 0x44}, text.substr(0, cut)));  // C, CSG 1
    Pdu p = u.Take();
    EXPECT_EQ(p.U8(1), 0x04);
    EXPECT_EQ(p.U24(5), 0u);  // section 6.2: no data segment
    EXPECT_TRUE(u.log.empty());
    u.Send(LoginRequest({}, text.substr(cut)));
    p = u.Take();
    EXPECT_EQ(p.U8(1), 0x87) << cut;
    EXPECT_EQ(ValueOf(p.data, "MaxBurstLength"), "131072");
  }
}

TEST(Login, EverySplitOfTheStreamGivesTheSameAnswer) {
  const std::string request =
      LoginRequest({}, Text({kInitiator, kTarget, "DataDigest=CRC32C"})).Bytes(false, false);
  TestTarget whole;
  whole.SendBytes(request);
  for (size_t cut = 1; cut < request.size(); ++cut) {
    TestTarget t;
    t.SendBytes(std::string_view(request).substr(0, cut));
    EXPECT_FALSE(t.HasOutput());
    t.SendBytes(std::string_view(request).substr(cut));
    ASSERT_EQ(t.raw_output(), whole.raw_output()) << cut;
    ASSERT_EQ(t.Log(), whole.Log()) << cut;
  }
  TestTarget bytewise;
  bytewise.chunk = 1;
  bytewise.SendBytes(request);
  EXPECT_EQ(bytewise.raw_output(), whole.raw_output());
}

TEST(Login, RefusalsByStatus) {
  struct Case {
    const char* name;
    Pdu pdu;
    uint32_t status;
    ErrorCode code;
  };
  const std::string names = Text({kInitiator, kTarget});
  std::vector<Case> cases;
  Pdu version = LoginRequest({}, names);
  version.P8(2, 2).P8(3, 1);
  cases.push_back({"Version-min 1", version, 0x0205, ErrorCode::kLoginVersion});
  cases.push_back({"no InitiatorName", LoginRequest({}, Text({kTarget})), 0x0207,
                   ErrorCode::kLoginParameterMissing});
  cases.push_back({"no TargetName", LoginRequest({}, Text({kInitiator})), 0x0207,
                   ErrorCode::kLoginParameterMissing});
  cases.push_back({"reserved CSG", LoginRequest({.flags = 0x8b}, names), 0x0200,
                   ErrorCode::kLoginStageReserved});
  cases.push_back({"reserved NSG", LoginRequest({.flags = 0x86}, names), 0x0200,
                   ErrorCode::kLoginStageReserved});
  cases.push_back({"NSG = CSG", LoginRequest({.flags = 0x85}, names), 0x0200,
                   ErrorCode::kLoginStageTransition});
  cases.push_back(
      {"CSG 3", LoginRequest({.flags = 0x8f}, names), 0x0200, ErrorCode::kLoginStageTransition});
  cases.push_back({"T with C", LoginRequest({.flags = 0xc7}, names), 0x0200,
                   ErrorCode::kTextContinueWithFinal});
  Pdu isid = LoginRequest({}, names);
  isid.P8(8, 0xc0);
  cases.push_back({"ISID format 11b", isid, 0x0200, ErrorCode::kLoginIsidReserved});
  cases.push_back({"ITT 0xffffffff", LoginRequest({.itt = 0xffffffff}, names), 0x0200,
                   ErrorCode::kTaskTagReserved});
  Pdu ahs = LoginRequest({}, names);
  ahs.Ahs(std::string("\x00\x05\x02\x00\x00\x00\x02\x00", 8));
  cases.push_back({"AHS", ahs, 0x0200, ErrorCode::kAhsNotAllowed});
  for (const Case& c : cases) {
    TestTarget t;
    t.Send(c.pdu);
    ASSERT_TRUE(t.HasOutput()) << c.name;
    const Pdu p = t.Take();
    EXPECT_EQ(p.U16(36), c.status) << c.name;
    EXPECT_EQ(p.U8(1) & 0x80, 0) << c.name;
    ASSERT_TRUE(t.disconnect.has_value()) << c.name;
    EXPECT_EQ(Name(t.disconnect->error.code), Name(c.code)) << c.name;
    EXPECT_FALSE(t.session.has_value());
  }
}

TEST(Login, SecondRequestMustAgreeWithTheFirst) {
  const auto second = [] { return LoginRequest({}, ""); };
  struct Case {
    const char* name;
    Pdu pdu;
    uint32_t status;
    ErrorCode code;
  };
  using enum ErrorCode;
  std::vector<Case> cases;
  cases.push_back({"ISID", second().P8(13, 2), 0x0200, kLoginIsidChanged});
  cases.push_back({"TSIH", second().P16(14, 5), 0x0200, kLoginTsihChanged});
  cases.push_back({"ITT", second().P32(16, 0x12), 0x0200, kLoginTaskTagChanged});
  cases.push_back({"CID", second().P16(20, 8), 0x0200, kLoginCidChanged});
  cases.push_back({"CmdSN", second().P32(24, 101), 0x0200, kLoginCmdSnChanged});
  cases.push_back({"Version-max", second().P8(2, 1), 0x0200, kLoginVersionChanged});
  cases.push_back({"CSG", second().P8(1, 0x81), 0x0200, kLoginStageMismatch});
  cases.push_back({"InitiatorName",
                   LoginRequest({}, Text({"InitiatorName=iqn.2026-01.example:other"})), 0x0200,
                   kTextKeyRepeated});
  cases.push_back({"NOP-Out", Ping(1, 0xffffffff, 100, ""), 0x020b, kLoginExpected});
  cases.push_back({"SCSI Command", Command({}), 0x020b, kLoginExpected});
  for (const Case& c : cases) {
    TestTarget t;
    t.Send(LoginRequest({.flags = 0x04}, Text({kInitiator, kTarget})));
    t.Take();
    t.Send(c.pdu);
    ASSERT_TRUE(t.HasOutput()) << c.name;
    EXPECT_EQ(t.Take().U16(36), c.status) << c.name;
    ASSERT_TRUE(t.disconnect.has_value()) << c.name;
    EXPECT_STREQ(Name(t.disconnect->error.code), Name(c.code)) << c.name;
  }
}

// What the embedder refuses, at either of its two questions.
TEST(Login, RefusesWithTheEmbeddersStatus) {
  using enum ErrorCode;
  const struct {
    ErrorCode code;
    uint32_t status;
  } kCases[] = {
      {kLoginAuthenticationFailed, 0x0201}, {kLoginNotAuthorized, 0x0202},
      {kLoginTargetNotFound, 0x0203},       {kLoginTargetRemoved, 0x0204},
      {kLoginTooManyConnections, 0x0206},   {kLoginCannotSpan, 0x0208},
      {kLoginSessionType, 0x0209},          {kLoginSessionUnknown, 0x020a},
      {kLoginTargetError, 0x0300},          {kLoginServiceUnavailable, 0x0301},
      {kLoginOutOfResources, 0x0302},       {kLoginRefused, 0x02ff},
  };
  for (const auto& c : kCases) {
    for (bool at_lookup : {true, false}) {
      SCOPED_TRACE(Name(c.code));
      TestTarget t;
      const LoginStatus status = {static_cast<uint8_t>(c.status >> 8),
                                  static_cast<uint8_t>(c.status)};
      (at_lookup ? t.lookup.status : t.claim.status) = status;
      t.Send(LoginRequest({}, Text({kInitiator, kTarget})));
      EXPECT_EQ(t.Take().U16(36), c.status);
      ASSERT_TRUE(t.disconnect.has_value());
      EXPECT_STREQ(Name(t.disconnect->error.code), Name(c.code));
    }
  }
}

// One connection a session, ErrorRecoveryLevel 0, whatever the embedder would offer.
TEST(Login, OffersNoMoreThanTheEngineHas) {
  TestTarget t;
  t.lookup.offer.MaxConnections = 8;
  t.lookup.offer.ErrorRecoveryLevel = 2;
  const Pdu response = t.Login({"MaxConnections=8", "ErrorRecoveryLevel=2"});
  EXPECT_EQ(ValueOf(response.data, "MaxConnections"), "1");
  EXPECT_EQ(ValueOf(response.data, "ErrorRecoveryLevel"), "0");
  EXPECT_EQ(t.session->parameters().MaxConnections, 1);
}

TEST(Login, FirstPduMustBeALoginRequest) {
  TestTarget t;
  t.Send(Command({}));
  EXPECT_FALSE(t.HasOutput());
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kLoginExpectedFirst);
}

TEST(Login, LookupRefusesAndRedirects) {
  TestTarget t;
  t.lookup.status = {2, 3};
  t.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  EXPECT_EQ(t.Take().U16(36), 0x0203u);
  EXPECT_TRUE(t.disconnect->flush);

  TestTarget r;
  r.lookup.status = {1, 1};
  r.lookup.redirect_address = "192.0.2.9:3260";
  r.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  const Pdu p = r.Take();
  EXPECT_EQ(p.U16(36), 0x0101u);
  EXPECT_EQ(ValueOf(p.data, "TargetAddress"), "192.0.2.9:3260");
}

TEST(Login, ClaimIsAnsweredLaterAndMayRefuse) {
  TestTarget t;
  t.answer_claim = false;
  t.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  EXPECT_FALSE(t.HasOutput());
  EXPECT_TRUE(t.connection->AnswerClaim(t.claim).ok());
  EXPECT_FALSE(t.connection->AnswerClaim(t.claim).ok());
  t.Run();
  EXPECT_EQ(t.Take().U16(14), 0x0abcu);
  EXPECT_TRUE(t.session.has_value());

  TestTarget u;
  u.claim.status = {3, 2};
  u.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  EXPECT_EQ(u.Take().U16(36), 0x0302u);
  EXPECT_FALSE(u.session.has_value());
}

TEST(Login, RoundsAndDeadlineEndIt) {
  TestTarget t;
  t.connection_options.limits.login_rounds = 3;
  t.Send(LoginRequest({.flags = 0x04}, Text({kInitiator, kTarget})));
  for (int i = 0; i < 3; ++i) t.Send(LoginRequest({.flags = 0x04}, ""));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(t.Take().U16(36), 0u);
  EXPECT_EQ(t.Take().U16(36), 0x0200u);
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kLoginNoProgress);

  TestTarget d;
  d.Start();
  EXPECT_FALSE(d.connection->PollTimeout().armed());
  d.connection->HandleTimeout(d.now);
  const Deadline deadline = d.connection->PollTimeout();
  EXPECT_EQ(deadline.reason, DeadlineReason::kLogin);
  EXPECT_EQ(deadline.at.ns, d.now.ns + 15'000'000'000);
  d.connection->HandleTimeout({deadline.at.ns - 1});
  d.Run();
  EXPECT_FALSE(d.disconnect.has_value());
  d.connection->HandleTimeout(deadline.at);
  d.Run();
  EXPECT_EQ(d.disconnect->error.code, ErrorCode::kLoginDeadline);
}

TEST(Login, TextAboveTheStoreIsRefused) {
  TestTarget t;
  t.Send(LoginRequest({.flags = 0x44}, std::string(8000, 'x')));
  EXPECT_EQ(t.Take().U16(36), 0u);
  t.Send(LoginRequest({.flags = 0x44}, std::string(193, 'x')));
  EXPECT_EQ(t.Take().U16(36), 0x0302u);
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kTextTooLong);
}

TEST(Login, Discovery) {
  TestTarget t;
  t.Send(LoginRequest({}, Text({kInitiator, "SessionType=Discovery"})));
  EXPECT_EQ(t.Take().U16(36), 0u);
  EXPECT_TRUE(t.events[0].discovery);
  EXPECT_TRUE(t.session.has_value());
}

class Chap : public testing::Test {
 protected:
  Chap() {
    account_.user_name = "alice";
    account_.secret = "open sesame 12";
    t_.connection_options.hashes = auth::OpenSslHashes();
    t_.lookup.require_chap = true;
    t_.lookup.accounts = {&account_, 1};
  }

  // Up to the challenge: CHAP_A list -> the target's CHAP_I and CHAP_C.
  Pdu Challenge(std::string_view algorithms) {
    t_.Send(LoginRequest({.flags = 0x00}, Text({kInitiator, kTarget, "AuthMethod=CHAP,None"})));
    const Pdu p = t_.Take();
    EXPECT_EQ(p.U16(36), 0u) << t_.Log();
    EXPECT_EQ(ValueOf(p.data, "AuthMethod"), "CHAP");
    t_.Send(LoginRequest({.flags = 0x00}, Text({"CHAP_A=" + std::string(algorithms)})));
    return t_.Take();
  }
  std::string Response(const Pdu& challenge, std::string_view secret) {
    const int identifier = std::stoi(ValueOf(challenge.data, "CHAP_I"), nullptr, 0);
    return "CHAP_R=" + Hex(Md5(std::string(1, static_cast<char>(identifier)) + std::string(secret) +
                               Unhex(ValueOf(challenge.data, "CHAP_C"))));
  }

  Account account_;
  TestTarget t_;
};

TEST_F(Chap, OneWay) {
  const Pdu challenge = Challenge("5");
  EXPECT_EQ(ValueOf(challenge.data, "CHAP_A"), "5");
  t_.Send(
      LoginRequest({.flags = 0x81}, Text({"CHAP_N=alice", Response(challenge, "open sesame 12")})));
  const Pdu p = t_.Take();
  EXPECT_EQ(p.U16(36), 0u);
  EXPECT_EQ(p.U8(1), 0x81);
  t_.Send(LoginRequest({}, ""));
  EXPECT_EQ(t_.Take().U8(1), 0x87);
  EXPECT_TRUE(t_.session.has_value());
  bool claimed = false;
  for (const Event& event : t_.events) claimed = claimed || event.kind == EventKind::kClaim;
  EXPECT_TRUE(claimed);
}

TEST_F(Chap, WrongSecretAndWrongNameFailAlike) {
  for (const auto& [name, secret] : {std::pair{"alice", "open sesame 13"},
                                     {"alicf", "open sesame 12"},
                                     {"alic", "open sesame 12"},
                                     {"alice2", "open sesame 12"}}) {
    Chap::t_.~TestTarget();
    new (&t_) TestTarget();
    t_.connection_options.hashes = auth::OpenSslHashes();
    t_.lookup.require_chap = true;
    t_.lookup.accounts = {&account_, 1};
    const Pdu challenge = Challenge("5");
    t_.Send(LoginRequest({.flags = 0x81},
                         Text({std::string("CHAP_N=") + name, Response(challenge, secret)})));
    EXPECT_EQ(t_.Take().U16(36), 0x0201u) << name;
    EXPECT_TRUE(t_.disconnect.has_value());
    for (const Event& event : t_.events) EXPECT_NE(event.kind, EventKind::kClaim);
  }
}

TEST_F(Chap, Mutual) {
  account_.mutual_name = "disk";
  account_.mutual_secret = "swordfish 1234";
  const Pdu challenge = Challenge("5");
  t_.Send(LoginRequest({.flags = 0x81},
                       Text({"CHAP_N=alice", Response(challenge, "open sesame 12"), "CHAP_I=9",
                             "CHAP_C=0x00112233445566778899aabbccddeeff"})));
  const Pdu p = t_.Take();
  EXPECT_EQ(p.U16(36), 0u);
  EXPECT_EQ(ValueOf(p.data, "CHAP_N"), "disk");
  EXPECT_EQ(ValueOf(p.data, "CHAP_R"), Hex(Md5(std::string("\x09") + "swordfish 1234" +
                                               Unhex("0x00112233445566778899aabbccddeeff"))));
}

TEST_F(Chap, MutualRequiredButNotAsked) {
  t_.lookup.require_mutual_chap = true;
  const Pdu challenge = Challenge("5");
  t_.Send(
      LoginRequest({.flags = 0x81}, Text({"CHAP_N=alice", Response(challenge, "open sesame 12")})));
  EXPECT_EQ(t_.Take().U16(36), 0x0201u);
}

TEST_F(Chap, CannotBeSkipped) {
  t_.Send(LoginRequest({}, Text({kInitiator, kTarget})));
  EXPECT_EQ(t_.Take().U16(36), 0x0201u);
  EXPECT_EQ(t_.disconnect->error.code, ErrorCode::kLoginAuthenticationRequired);

  TestTarget u;
  u.connection_options.hashes = auth::OpenSslHashes();
  u.lookup.require_chap = true;
  u.lookup.accounts = {&account_, 1};
  u.Send(LoginRequest({.flags = 0x81}, Text({kInitiator, kTarget, "AuthMethod=None"})));
  EXPECT_EQ(u.Take().U16(36), 0x0201u);
}

TEST_F(Chap, UnknownAlgorithmsOnly) {
  t_.Send(LoginRequest({.flags = 0x00}, Text({kInitiator, kTarget, "AuthMethod=CHAP"})));
  t_.Take();
  t_.Send(LoginRequest({.flags = 0x00}, Text({"CHAP_A=200,201"})));
  EXPECT_EQ(t_.Take().U16(36), 0x0201u);
}

}  // namespace
}  // namespace isthmus::target
