// Whole exchanges, from both ends, with the keys and values as RFC 7143 writes them.
// negotiation_keys_test.cc has the rules key by key, negotiation_hostile_test.cc what a broken peer
// sends.

#include "protocol/text/negotiation.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "protocol/text/text_testing.h"

namespace isthmus::text {
namespace {

constexpr std::string_view kInitiator = "iqn.1999-07.com.os:hostid.77";
constexpr std::string_view kTarget = "iqn.1999-07.com.example:diskarray.sn.88";
constexpr std::string_view kNames =
    "InitiatorName=iqn.1999-07.com.os:hostid.77|"
    "TargetName=iqn.1999-07.com.example:diskarray.sn.88|";

Offer InitiatorOffer() {
  Offer offer;
  offer.InitiatorName = kInitiator;
  offer.TargetName = kTarget;
  return offer;
}

Offer TargetOffer() {
  Offer offer;
  offer.TargetPortalGroupTag = 1;
  return offer;
}

// Takes one text and answers it.
Error Exchange(Negotiation* n, std::string_view text, bool final = true) {
  if (Error error = n->Receive(Bytes(text)); !error.ok()) return error;
  return n->Respond(final);
}

static_assert(std::is_trivially_copyable_v<Parameters>);
static_assert(std::is_trivially_copyable_v<Declarations>);
static_assert(sizeof(Negotiation) <= 5 * 1024);

TEST(NegotiationTest, InitiatorOffersEverythingItCaresFor) {
  Offer offer = InitiatorOffer();
  offer.InitiatorAlias = "Web Server 4";
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kOperational);
  EXPECT_EQ(Flush(&n),
            "InitiatorName=iqn.1999-07.com.os:hostid.77|InitiatorAlias=Web Server 4|"
            "TargetName=iqn.1999-07.com.example:diskarray.sn.88|SessionType=Normal|"
            "HeaderDigest=CRC32C,None|DataDigest=CRC32C,None|ErrorRecoveryLevel=0|InitialR2T=Yes|"
            "ImmediateData=Yes|MaxRecvDataSegmentLength=262144|MaxBurstLength=262144|"
            "FirstBurstLength=65536|MaxConnections=1|DefaultTime2Wait=2|DefaultTime2Retain=20|"
            "DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxOutstandingR2T=1|");
  EXPECT_TRUE(n.awaiting_answers());
}

TEST(NegotiationTest, OneRoundLoginOfBothSides) {
  Offer wants = InitiatorOffer();
  wants.InitialR2T = false;
  wants.MaxOutstandingR2T = 8;
  wants.MaxRecvDataSegmentLength = 4096;
  Negotiation initiator(Role::kInitiator, wants);
  initiator.Begin(Stage::kOperational);

  Offer accepts = TargetOffer();
  accepts.InitialR2T = false;
  accepts.MaxOutstandingR2T = 4;
  accepts.MaxBurstLength = 131072;
  accepts.DataDigest = {DigestAlgorithm::kNone};
  accepts.TargetAlias = "Bob-s Disk";
  Negotiation target(Role::kTarget, accepts);
  target.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&target, Flush(&initiator)).ok());
  EXPECT_EQ(target.declarations().TargetName.view(), kTarget);
  EXPECT_EQ(target.declarations().InitiatorName.view(), kInitiator);
  const std::string answer = Flush(&target);
  EXPECT_EQ(
      answer,
      "TargetAlias=Bob-s Disk|TargetPortalGroupTag=1|HeaderDigest=CRC32C|DataDigest=None|"
      "ErrorRecoveryLevel=0|InitialR2T=No|ImmediateData=Yes|MaxRecvDataSegmentLength=262144|"
      "MaxBurstLength=131072|FirstBurstLength=65536|MaxConnections=1|DefaultTime2Wait=2|"
      "DefaultTime2Retain=20|DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxOutstandingR2T=4|");
  EXPECT_FALSE(target.awaiting_answers());
  ASSERT_TRUE(target.Conclude(Stage::kFullFeature).ok());

  ASSERT_TRUE(Exchange(&initiator, answer).ok());
  EXPECT_FALSE(initiator.pending());
  ASSERT_TRUE(initiator.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(initiator.declarations().TargetAlias.view(), "Bob-s Disk");
  EXPECT_EQ(initiator.declarations().TargetPortalGroupTag, 1);

  const Parameters& at_initiator = initiator.parameters();
  const Parameters& at_target = target.parameters();
  EXPECT_EQ(static_cast<const SessionParameters&>(at_initiator),
            static_cast<const SessionParameters&>(at_target));
  EXPECT_FALSE(at_target.InitialR2T);
  EXPECT_EQ(at_target.MaxOutstandingR2T, 4);
  EXPECT_EQ(at_target.MaxBurstLength, 131072u);
  EXPECT_EQ(at_target.HeaderDigest, DigestAlgorithm::kCRC32C);
  EXPECT_EQ(at_target.DataDigest, DigestAlgorithm::kNone);
  EXPECT_EQ(at_initiator.HeaderDigest, DigestAlgorithm::kCRC32C);
  EXPECT_EQ(at_initiator.DataDigest, DigestAlgorithm::kNone);
  EXPECT_EQ(at_target.peer_MaxRecvDataSegmentLength, 4096u);
  EXPECT_EQ(at_target.own_MaxRecvDataSegmentLength, 262144u);
  EXPECT_EQ(at_initiator.peer_MaxRecvDataSegmentLength, 262144u);
  EXPECT_EQ(at_initiator.own_MaxRecvDataSegmentLength, 4096u);
}

// Nothing takes effect before the negotiation is concluded (section 6.2).
TEST(NegotiationTest, ResultsAreAtomic) {
  Negotiation n(Role::kTarget, TargetOffer());
  n.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) + "MaxBurstLength=1024|FirstBurstLength=512|").ok());
  EXPECT_EQ(n.parameters(), Parameters());
  Flush(&n);
  EXPECT_EQ(n.parameters(), Parameters());
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(n.parameters().MaxBurstLength, 1024u);
  EXPECT_EQ(n.parameters().FirstBurstLength, 512u);
}

// Appendix B's security stages.
TEST(NegotiationTest, SecurityStageSelectsChap) {
  Offer offer = TargetOffer();
  offer.AuthMethod = {AuthenticationMethod::kCHAP};
  Negotiation n(Role::kTarget, offer);
  n.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) + "AuthMethod=KRB5,CHAP,None|").ok());
  EXPECT_EQ(n.auth_method(), AuthenticationMethod::kCHAP);
  EXPECT_EQ(Flush(&n), "TargetPortalGroupTag=1|AuthMethod=CHAP|");
  EXPECT_TRUE(Exchange(&n, "CHAP_A=5|").ok());
  EXPECT_FALSE(n.pending());
  EXPECT_TRUE(Exchange(&n, "CHAP_N=x|CHAP_R=0x00|").ok());
  EXPECT_TRUE(n.Conclude(Stage::kOperational).ok());
}

TEST(NegotiationTest, SecurityStageWithoutTakers) {
  Negotiation n(Role::kTarget, TargetOffer());
  n.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) + "AuthMethod=KRB5,SRP,None|").ok());
  EXPECT_EQ(Flush(&n), "TargetPortalGroupTag=1|AuthMethod=None|");
  EXPECT_TRUE(n.auth_method_selected());
  EXPECT_TRUE(n.Conclude(Stage::kOperational).ok());
}

// Section 6.3.1: the initiator leaves the proposal to the target.
TEST(NegotiationTest, TargetDirectedSecurity) {
  Offer demands = TargetOffer();
  demands.AuthMethod = {AuthenticationMethod::kCHAP};
  Negotiation target(Role::kTarget, demands);
  target.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&target, kNames).ok());
  const std::string proposal = Flush(&target);
  EXPECT_EQ(proposal, "TargetPortalGroupTag=1|AuthMethod=CHAP|");
  EXPECT_TRUE(target.awaiting_answers());

  Offer can = InitiatorOffer();
  can.AuthMethod = {};
  Negotiation initiator(Role::kInitiator, can);
  initiator.Begin(Stage::kSecurity);
  Flush(&initiator);
  can.AuthMethod = {AuthenticationMethod::kCHAP, AuthenticationMethod::kNone};
  initiator.set_offer(can);
  ASSERT_TRUE(Exchange(&initiator, proposal, false).ok());
  EXPECT_EQ(Flush(&initiator), "AuthMethod=CHAP|");
  EXPECT_EQ(initiator.auth_method(), AuthenticationMethod::kCHAP);
  // The first step comes with the selection (section 12.1).
  ASSERT_TRUE(Exchange(&target, "AuthMethod=CHAP|CHAP_A=5|").ok());
  EXPECT_EQ(target.auth_method(), AuthenticationMethod::kCHAP);
  EXPECT_FALSE(target.awaiting_answers());
}

// Section 6.2's own example: ImmediateData=No and InitialR2T=Yes make FirstBurstLength irrelevant.
TEST(NegotiationTest, IrrelevantExampleOfTheRfc) {
  Offer offer = TargetOffer();
  offer.ImmediateData = false;
  Negotiation n(Role::kTarget, offer);
  n.Begin(Stage::kOperational);
  ASSERT_TRUE(
      Exchange(&n, std::string(kNames) + "InitialR2T=No|ImmediateData=Yes|FirstBurstLength=4192|")
          .ok());
  EXPECT_EQ(Flush(&n),
            "TargetPortalGroupTag=1|InitialR2T=Yes|ImmediateData=No|"
            "MaxRecvDataSegmentLength=262144|FirstBurstLength=Irrelevant|");
}

// What the initiator leaves out stays at its default, and a target that cannot accept that offers
// it (section 6.2).
TEST(NegotiationTest, TargetOffersWhatItCannotLeaveAtItsDefault) {
  Offer offer = TargetOffer();
  offer.ImmediateData = false;
  offer.MaxBurstLength = 65536;
  offer.FirstBurstLength = 16384;
  offer.HeaderDigest = {DigestAlgorithm::kCRC32C};
  offer.DefaultTime2Wait = 5;
  Negotiation n(Role::kTarget, offer);
  n.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) + "InitialR2T=No|", false).ok());
  EXPECT_EQ(Flush(&n), "TargetPortalGroupTag=1|InitialR2T=Yes|MaxRecvDataSegmentLength=262144|");
  ASSERT_TRUE(Exchange(&n, "", true).ok());
  EXPECT_EQ(Flush(&n),
            "HeaderDigest=CRC32C|ImmediateData=No|MaxBurstLength=65536|DefaultTime2Wait=5|");
  EXPECT_TRUE(n.awaiting_answers());
  ASSERT_TRUE(Exchange(&n,
                       "HeaderDigest=CRC32C|MaxBurstLength=65536|"
                       "DefaultTime2Wait=10|")
                  .ok());
  EXPECT_FALSE(n.awaiting_answers());
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_FALSE(n.parameters().ImmediateData);  // section 6.2.2: No needed no answer
  EXPECT_EQ(n.parameters().DefaultTime2Wait, 10);
  EXPECT_EQ(n.parameters().HeaderDigest, DigestAlgorithm::kCRC32C);
}

// A default FirstBurstLength above the negotiated MaxBurstLength breaks section 13.14 unless the
// target speaks up.
TEST(NegotiationTest, TargetOffersFirstBurstLengthUnderAShortMaxBurstLength) {
  Negotiation n(Role::kTarget, TargetOffer());
  n.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) + "MaxBurstLength=4096|").ok());
  EXPECT_EQ(Flush(&n),
            "TargetPortalGroupTag=1|MaxRecvDataSegmentLength=262144|MaxBurstLength=4096|"
            "FirstBurstLength=4096|");
}

TEST(NegotiationTest, UnansweredOffersFallBackToTheDefault) {  // field case L7
  Offer offer = InitiatorOffer();
  offer.InitialR2T = false;
  offer.MaxOutstandingR2T = 16;
  offer.MaxBurstLength = 1048576;
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kOperational);
  Flush(&n);
  ASSERT_TRUE(Exchange(&n, "TargetPortalGroupTag=1|HeaderDigest=None|DataDigest=None|").ok());
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_TRUE(n.parameters().InitialR2T);
  EXPECT_EQ(n.parameters().MaxOutstandingR2T, 1);
  EXPECT_EQ(n.parameters().MaxBurstLength, 262144u);
}

TEST(NegotiationTest, UnansweredOfferWhoseDefaultIsOutOfBounds) {
  Offer offer = InitiatorOffer();
  offer.MaxBurstLength = 65536;
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kOperational);
  Flush(&n);
  ASSERT_TRUE(Exchange(&n, "HeaderDigest=None|DataDigest=None|").ok());
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kTextAnswerMissing);
  EXPECT_EQ(n.error_key(), "MaxBurstLength");
}

// The named case of a user's choice of digests.
TEST(NegotiationTest, DigestThatTheTargetRefuses) {
  for (const char* answer :
       {"HeaderDigest=None|", "HeaderDigest=Reject|", "HeaderDigest=Irrelevant|"}) {
    Offer offer = InitiatorOffer();
    offer.HeaderDigest = {DigestAlgorithm::kCRC32C};
    Negotiation n(Role::kInitiator, offer);
    n.Begin(Stage::kOperational);
    Flush(&n);
    EXPECT_EQ(n.Receive(Bytes(answer)).code, ErrorCode::kDigestRefused) << answer;
    EXPECT_EQ(n.error_key(), "HeaderDigest");
  }
  Offer offer = InitiatorOffer();
  offer.DataDigest = {DigestAlgorithm::kCRC32C};
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kOperational);
  Flush(&n);
  ASSERT_TRUE(Exchange(&n, "HeaderDigest=None|").ok());
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kDigestRefused);
  EXPECT_EQ(n.error_key(), "DataDigest");
}

TEST(NegotiationTest, DigestThatTheInitiatorRefuses) {
  Offer offer = TargetOffer();
  offer.DataDigest = {DigestAlgorithm::kCRC32C};
  for (const char* text : {"DataDigest=None|", "DataDigest=Y-com.example.sum|"}) {
    Negotiation n(Role::kTarget, offer);
    n.Begin(Stage::kOperational);
    const Error error = Exchange(&n, std::string(kNames) + text);
    EXPECT_EQ(error.code, ErrorCode::kDigestRefused) << text;
    EXPECT_TRUE(error.Has(Action::kRefuseLogin));
    EXPECT_EQ(isthmus::InfoOf(error.code).login_status, 0x0200);
  }
  for (const char* text : {"DataDigest=Reject|", "DataDigest=None|", ""}) {
    Negotiation n(Role::kTarget,
                  offer);  // the initiator never mentions it, then refuses the target's own offer
    n.Begin(Stage::kOperational);
    ASSERT_TRUE(Exchange(&n, kNames).ok());
    EXPECT_NE(Flush(&n).find("DataDigest=CRC32C|"), std::string::npos);
    EXPECT_EQ(Exchange(&n, text).code, ErrorCode::kDigestRefused) << text;
  }
}

TEST(NegotiationTest, DigestThatThePeerDemands) {
  Offer none = InitiatorOffer();
  none.HeaderDigest = {DigestAlgorithm::kNone};
  Negotiation initiator(Role::kInitiator, none);
  initiator.Begin(Stage::kOperational);
  EXPECT_NE(Flush(&initiator).find("HeaderDigest=None|DataDigest=CRC32C,None|"), std::string::npos);
  EXPECT_EQ(initiator.Receive(Bytes("HeaderDigest=Reject|")).code, ErrorCode::kDigestDemanded);
  EXPECT_EQ(initiator.error_key(), "HeaderDigest");

  // A rejected list that holds more than None leaves the default.
  Negotiation either(Role::kInitiator, InitiatorOffer());
  either.Begin(Stage::kOperational);
  Flush(&either);
  ASSERT_TRUE(Exchange(&either, "HeaderDigest=Reject|DataDigest=CRC32C|").ok());
  ASSERT_TRUE(either.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(either.parameters().HeaderDigest, DigestAlgorithm::kNone);

  // A target rejects the value and leaves the decision to the proposer (section 6.2).
  Offer accepts = TargetOffer();
  accepts.HeaderDigest = {DigestAlgorithm::kNone};
  Negotiation target(Role::kTarget, accepts);
  target.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&target, std::string(kNames) + "HeaderDigest=CRC32C|").ok());
  EXPECT_NE(Flush(&target).find("HeaderDigest=Reject|"), std::string::npos);
  EXPECT_TRUE(target.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(target.parameters().HeaderDigest, DigestAlgorithm::kNone);
}

TEST(NegotiationTest, DefaultsAcceptable) {
  Offer offer = TargetOffer();
  EXPECT_TRUE(Negotiation(Role::kTarget, offer).defaults_acceptable());
  offer.MaxBurstLength = 65536;
  EXPECT_FALSE(Negotiation(Role::kTarget, offer).defaults_acceptable());
  offer = TargetOffer();
  offer.HeaderDigest = {DigestAlgorithm::kCRC32C};
  Negotiation n(Role::kTarget, offer);
  EXPECT_FALSE(n.defaults_acceptable());
  n.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&n, kNames).ok());
  Flush(&n);
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kDigestRefused);
}

TEST(NegotiationTest, AuthenticationIsDemanded) {  // field case L1
  Offer offer = TargetOffer();
  offer.AuthMethod = {AuthenticationMethod::kCHAP};
  Negotiation skips(Role::kTarget, offer);
  skips.Begin(Stage::kOperational);
  const Error skipped = Exchange(&skips, kNames);
  EXPECT_EQ(skipped.code, ErrorCode::kLoginAuthenticationRequired);
  EXPECT_EQ(isthmus::InfoOf(skipped.code).login_status, 0x0201);

  for (const char* list : {"AuthMethod=None|", "AuthMethod=KRB5,SRP|", "AuthMethod=|"}) {
    Negotiation n(Role::kTarget, offer);
    n.Begin(Stage::kSecurity);
    EXPECT_EQ(Exchange(&n, std::string(kNames) + list).code, ErrorCode::kAuthMethodNone) << list;
  }
  Negotiation silent(Role::kTarget, offer);
  silent.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&silent, kNames).ok());
  Flush(&silent);
  EXPECT_EQ(Exchange(&silent, "").code, ErrorCode::kAuthMethodNone);
}

TEST(NegotiationTest, InitiatorDemandsAuthentication) {
  Offer offer = InitiatorOffer();
  offer.AuthMethod = {AuthenticationMethod::kCHAP};
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kSecurity);
  Flush(&n);
  ASSERT_TRUE(Exchange(&n, "TargetPortalGroupTag=1|").ok());
  EXPECT_EQ(n.Conclude(Stage::kOperational).code, ErrorCode::kAuthMethodNone);
}

TEST(NegotiationTest, UnansweredAuthMethodIsNone) {
  Offer offer = InitiatorOffer();
  offer.AuthMethod = {AuthenticationMethod::kCHAP, AuthenticationMethod::kNone};
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kSecurity);
  EXPECT_NE(Flush(&n).find("AuthMethod=CHAP,None|"), std::string::npos);
  ASSERT_TRUE(Exchange(&n, "TargetPortalGroupTag=1|").ok());
  EXPECT_TRUE(n.Conclude(Stage::kOperational).ok());
  EXPECT_EQ(n.auth_method(), AuthenticationMethod::kNone);
}

TEST(NegotiationTest, DiscoverySession) {  // field case L9
  Offer wants;
  wants.InitiatorName = kInitiator;
  wants.SessionType = SessionKind::kDiscovery;
  wants.ErrorRecoveryLevel = 2;
  Negotiation initiator(Role::kInitiator, wants);
  initiator.Begin(Stage::kOperational);
  EXPECT_EQ(Flush(&initiator),
            "InitiatorName=iqn.1999-07.com.os:hostid.77|SessionType=Discovery|"
            "HeaderDigest=CRC32C,None|DataDigest=CRC32C,None|MaxRecvDataSegmentLength=262144|"
            "DefaultTime2Wait=2|DefaultTime2Retain=20|");

  Offer accepts = TargetOffer();
  accepts.ErrorRecoveryLevel = 2;
  accepts.MaxBurstLength = 512;  // no matter: irrelevant keys are not offered either
  Negotiation target(Role::kTarget, accepts);
  target.Begin(Stage::kOperational);
  ASSERT_TRUE(Exchange(&target,
                       "InitiatorName=iqn.1999-07.com.os:hostid.77|SessionType=Discovery|"
                       "MaxConnections=8|InitialR2T=No|ImmediateData=No|MaxBurstLength=1024|"
                       "FirstBurstLength=512|MaxOutstandingR2T=2|DataPDUInOrder=No|"
                       "DataSequenceInOrder=No|TaskReporting=FastAbort,ResponseFence,RFC3720|"
                       "iSCSIProtocolLevel=2|ErrorRecoveryLevel=2|")
                  .ok());
  EXPECT_EQ(target.session_type(), SessionKind::kDiscovery);
  EXPECT_EQ(Flush(&target),
            "TargetPortalGroupTag=1|ErrorRecoveryLevel=0|InitialR2T=Irrelevant|"
            "ImmediateData=Irrelevant|MaxRecvDataSegmentLength=262144|MaxBurstLength=Irrelevant|"
            "FirstBurstLength=Irrelevant|MaxConnections=Irrelevant|DataPDUInOrder=Irrelevant|"
            "DataSequenceInOrder=Irrelevant|MaxOutstandingR2T=Irrelevant|TaskReporting=Irrelevant|"
            "iSCSIProtocolLevel=Irrelevant|");
  ASSERT_TRUE(target.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(target.parameters().MaxConnections, 1);
  EXPECT_EQ(target.parameters().ErrorRecoveryLevel, 0);
}

TEST(NegotiationTest, JoiningConnectionKeepsTheSessionsParameters) {
  SessionParameters session;
  session.MaxConnections = 4;
  session.MaxBurstLength = 4096;
  session.FirstBurstLength = 1024;
  Negotiation n(Role::kTarget, TargetOffer(), &session);
  n.Begin(Stage::kOperational);
  ASSERT_TRUE(
      Exchange(&n, std::string(kNames) +
                       "SessionType=Normal|HeaderDigest=CRC32C|MaxRecvDataSegmentLength=512|")
          .ok());
  Flush(&n);
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(static_cast<const SessionParameters&>(n.parameters()), session);
  EXPECT_EQ(n.parameters().HeaderDigest, DigestAlgorithm::kCRC32C);
  EXPECT_EQ(n.parameters().peer_MaxRecvDataSegmentLength, 512u);

  Negotiation initiator(Role::kInitiator, InitiatorOffer(), &session);
  initiator.Begin(Stage::kOperational);
  EXPECT_EQ(Flush(&initiator), std::string(kNames) +
                                   "HeaderDigest=CRC32C,None|DataDigest=CRC32C,None|"
                                   "MaxRecvDataSegmentLength=262144|");
}

// Section 6.4 and 13.12: what may be renegotiated in the full feature phase.
TEST(NegotiationTest, RenegotiatesMaxRecvDataSegmentLengthByText) {
  Parameters before;
  before.MaxBurstLength = 65536;
  before.peer_MaxRecvDataSegmentLength = 8192;
  Negotiation initiator(Role::kInitiator, InitiatorOffer());
  initiator.set_parameters(before);
  initiator.Begin(Stage::kFullFeature);
  EXPECT_FALSE(initiator.pending());
  ASSERT_TRUE(initiator.Declare(Key::kMaxRecvDataSegmentLength, 1392).ok());
  const std::string request = Flush(&initiator);
  EXPECT_EQ(request, "MaxRecvDataSegmentLength=1392|");
  EXPECT_EQ(initiator.parameters().own_MaxRecvDataSegmentLength, 8192u);

  Negotiation target(Role::kTarget, TargetOffer());
  target.set_parameters(before);
  for (int round = 0; round < 2; ++round) {  // each sequence may declare it again
    target.Begin(Stage::kFullFeature);
    ASSERT_TRUE(Exchange(&target, request).ok());
    EXPECT_FALSE(target.pending());
    ASSERT_TRUE(target.Conclude(Stage::kFullFeature).ok());
    EXPECT_EQ(target.parameters().peer_MaxRecvDataSegmentLength, 1392u);
    EXPECT_EQ(target.parameters().MaxBurstLength, 65536u);
  }
  ASSERT_TRUE(Exchange(&initiator, "").ok());
  ASSERT_TRUE(initiator.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(initiator.parameters().own_MaxRecvDataSegmentLength, 1392u);
}

TEST(NegotiationTest, AbandonedTextSequenceChangesNothing) {  // section 7.12
  Negotiation n(Role::kTarget, TargetOffer());
  n.Begin(Stage::kFullFeature);
  ASSERT_TRUE(Exchange(&n, "MaxRecvDataSegmentLength=1392|").ok());
  const Error error = Exchange(&n, "MaxBurstLength=512|");
  EXPECT_EQ(error.code, ErrorCode::kTextKeyLeadingOnly);
  EXPECT_TRUE(error.Has(Action::kReject));
  EXPECT_TRUE(error.Has(Action::kRefuseNegotiation));
  EXPECT_FALSE(error.Has(Action::kRefuseLogin));
  EXPECT_EQ(n.Conclude(Stage::kFullFeature).code, ErrorCode::kTextKeyLeadingOnly);
  n.Abandon();
  EXPECT_EQ(n.parameters(), Parameters());
  n.Begin(Stage::kFullFeature);
  EXPECT_TRUE(Exchange(&n, "InitiatorAlias=Web Server 4|").ok());
  EXPECT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(n.declarations().InitiatorAlias.view(), "Web Server 4");
}

TEST(NegotiationTest, DeclareTakesOnlyWhatMayChange) {
  Negotiation n(Role::kInitiator, InitiatorOffer());
  EXPECT_EQ(n.Declare(Key::kMaxRecvDataSegmentLength, 1024).code, ErrorCode::kCallOutOfState);
  n.Begin(Stage::kFullFeature);
  EXPECT_EQ(n.Declare(Key::kMaxBurstLength, 1024).code, ErrorCode::kCallArgument);
  EXPECT_EQ(n.Declare(Key::kMaxRecvDataSegmentLength, 511).code, ErrorCode::kCallArgument);
  EXPECT_EQ(n.Declare(Key::kMaxRecvDataSegmentLength, 16777216).code, ErrorCode::kCallArgument);
  EXPECT_TRUE(n.Declare(Key::kMaxRecvDataSegmentLength, 16777215).ok());
  EXPECT_EQ(Flush(&n), "MaxRecvDataSegmentLength=16777215|");
}

TEST(NegotiationTest, UnknownKeysAreNotUnderstood) {
  Negotiation n(Role::kTarget, TargetOffer());
  n.Begin(Stage::kSecurity);
  ASSERT_TRUE(Exchange(&n, std::string(kNames) +
                               "X-com.example.bar.foo.do_something=3|RDMAExtensions=Yes|"
                               "AuthMethod=None|")
                  .ok());
  EXPECT_EQ(Flush(&n),
            "TargetPortalGroupTag=1|AuthMethod=None|"
            "X-com.example.bar.foo.do_something=NotUnderstood|RDMAExtensions=NotUnderstood|");
}

// Section 6.1: a pair may go on in the next PDU, wherever the room ends.
TEST(NegotiationTest, WritesTheSameInEveryStep) {
  Offer offer = InitiatorOffer();
  offer.TaskReporting = {TaskReportingSemantics::kFastAbort};
  offer.iSCSIProtocolLevel = 2;
  offer.NodeArchitecture = "ExampleOS/v1234,ExampleInc_SW_Initiator/1.05a";
  Negotiation whole(Role::kInitiator, offer);
  whole.Begin(Stage::kOperational);
  const std::string expected = Flush(&whole);
  EXPECT_NE(expected.find("TaskReporting=FastAbort,ResponseFence,RFC3720|iSCSIProtocolLevel=2|"
                          "X#NodeArchitecture=ExampleOS/v1234,ExampleInc_SW_Initiator/1.05a|"),
            std::string::npos);
  for (size_t step = 1; step <= expected.size(); ++step) {
    Negotiation n(Role::kInitiator, offer);
    n.Begin(Stage::kOperational);
    ASSERT_EQ(Flush(&n, step), expected) << step;
  }
}

TEST(NegotiationTest, PeersThatDoNotKnowLaterKeys) {
  Offer offer = InitiatorOffer();
  offer.iSCSIProtocolLevel = 2;
  offer.NodeArchitecture = "ExampleOS/v1234";
  Negotiation n(Role::kInitiator, offer);
  n.Begin(Stage::kOperational);
  Flush(&n);
  EXPECT_TRUE(Exchange(&n,
                       "iSCSIProtocolLevel=NotUnderstood|X#NodeArchitecture=NotUnderstood|"
                       "HeaderDigest=None|DataDigest=None|")
                  .ok());
  EXPECT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(n.parameters().iSCSIProtocolLevel, 1);
}

TEST(NegotiationTest, FindInvalid) {
  EXPECT_EQ(FindInvalid(InitiatorOffer(), Role::kInitiator), std::nullopt);
  EXPECT_EQ(FindInvalid(TargetOffer(), Role::kTarget), std::nullopt);
  EXPECT_EQ(FindInvalid(TargetOffer(), Role::kInitiator), Key::kInitiatorName);
  Offer offer = InitiatorOffer();
  offer.TargetName = "disk";
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kTargetName);
  offer = InitiatorOffer();
  offer.FirstBurstLength = 262145;
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kFirstBurstLength);
  offer = InitiatorOffer();
  offer.MaxOutstandingR2T = 0;
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kMaxOutstandingR2T);
  offer = InitiatorOffer();
  offer.HeaderDigest = {};
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kHeaderDigest);
  offer = InitiatorOffer();
  offer.AuthMethod = {AuthenticationMethod::kKRB5};
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kAuthMethod);
  const std::string alias(256, 'a');
  offer = InitiatorOffer();
  offer.InitiatorAlias = alias;
  EXPECT_EQ(FindInvalid(offer, Role::kInitiator), Key::kInitiatorAlias);
}

}  // namespace
}  // namespace isthmus::text
