// Every key of RFC 7143 sections 12 and 13 against every rule, from a table of literals that was
// written from the RFC and shares nothing with key_table.h.

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/text/key_table.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/text_testing.h"

namespace isthmus::text {
namespace {

enum RfcUse { kNo, kIo, kLo, kFfpo, kAll, kSec };

struct RfcKey {
  const char* name;
  const char* section;
  RfcUse by_initiator;
  RfcUse by_target;
  bool any_stage;
  bool session_wide;
  bool irrelevant_in_discovery;
  const char* value;  // a legal one
};

constexpr RfcKey kRfcKeys[] = {
    {"InitiatorName", "13.5", kIo, kNo, true, true, false,
     "iqn.1992-04.com.os-vendor.plan9:cdrom.12345"},
    {"InitiatorAlias", "13.7", kAll, kNo, true, true, false, "spyalley.nsa.gov"},
    {"TargetName", "13.4", kIo, kFfpo, true, true, false, "eui.020000023B040506"},
    {"TargetAlias", "13.6", kNo, kAll, true, true, false, "Web Server 3 Disk 20"},
    {"TargetAddress", "13.8", kNo, kAll, true, true, false, "10.0.0.1:5003,1"},
    {"TargetPortalGroupTag", "13.9", kNo, kIo, true, true, false, "1"},
    {"SessionType", "13.21", kLo, kNo, true, true, false, "Normal"},
    {"AuthMethod", "12.1", kSec, kSec, false, false, false, "None"},
    {"KRB_AP_REQ", "12.1.1", kSec, kNo, false, false, false, "0x00"},
    {"KRB_AP_REP", "12.1.1", kNo, kSec, false, false, false, "0x00"},
    {"SRP_U", "12.1.2", kSec, kNo, false, false, false, "user"},
    {"TargetAuth", "12.1.2", kSec, kNo, false, false, false, "Yes"},
    {"SRP_GROUP", "12.1.2", kSec, kSec, false, false, false, "SRP-1536"},
    {"SRP_s", "12.1.2", kNo, kSec, false, false, false, "0x00"},
    {"SRP_A", "12.1.2", kSec, kNo, false, false, false, "0x00"},
    {"SRP_B", "12.1.2", kNo, kSec, false, false, false, "0x00"},
    {"SRP_M", "12.1.2", kSec, kNo, false, false, false, "0x00"},
    {"SRP_HM", "12.1.2", kNo, kSec, false, false, false, "0x00"},
    {"CHAP_A", "12.1.3", kSec, kSec, false, false, false, "5"},
    {"CHAP_I", "12.1.3", kSec, kSec, false, false, false, "0"},
    {"CHAP_C", "12.1.3", kSec, kSec, false, false, false, "0x00"},
    {"CHAP_N", "12.1.3", kSec, kSec, false, false, false, "alice"},
    {"CHAP_R", "12.1.3", kSec, kSec, false, false, false, "0x00"},
    {"HeaderDigest", "13.1", kIo, kIo, false, false, false, "None"},
    {"DataDigest", "13.1", kIo, kIo, false, false, false, "None"},
    {"ErrorRecoveryLevel", "13.20", kLo, kLo, false, true, false, "0"},
    {"InitialR2T", "13.10", kLo, kLo, false, true, true, "Yes"},
    {"ImmediateData", "13.11", kLo, kLo, false, true, true, "Yes"},
    {"MaxRecvDataSegmentLength", "13.12", kAll, kAll, false, false, false, "512"},
    {"MaxBurstLength", "13.13", kLo, kLo, false, true, true, "512"},
    {"FirstBurstLength", "13.14", kLo, kLo, false, true, true, "512"},
    {"MaxConnections", "13.2", kLo, kLo, false, true, true, "1"},
    {"DefaultTime2Wait", "13.15", kLo, kLo, false, true, false, "3600"},
    {"DefaultTime2Retain", "13.16", kLo, kLo, false, true, false, "0"},
    {"DataPDUInOrder", "13.18", kLo, kLo, false, true, true, "Yes"},
    {"DataSequenceInOrder", "13.19", kLo, kLo, false, true, true, "Yes"},
    {"MaxOutstandingR2T", "13.17", kLo, kLo, false, true, true, "1"},
    {"TaskReporting", "13.23", kLo, kLo, false, true, true, "RFC3720"},
    {"iSCSIProtocolLevel", "13.24", kLo, kLo, false, true, true, "1"},
    {"X#NodeArchitecture", "13.26", kLo, kLo, false, true, false, "ExampleOS/v1234"},
    {"SendTargets", "13.3", kFfpo, kNo, false, true, false, "All"},
    {"IFMarker", "13.25", kIo, kIo, false, false, false, "No"},
    {"OFMarker", "13.25", kIo, kIo, false, false, false, "No"},
    {"IFMarkInt", "13.25", kIo, kIo, false, false, false, "2048~8192"},
    {"OFMarkInt", "13.25", kIo, kIo, false, false, false, "2048~8192"},
};

constexpr const char* kInitiatorPair = "InitiatorName=iqn.1999-07.com.os:hostid.77|";
constexpr const char* kTargetPair = "TargetName=iqn.1999-07.com.example:diskarray.sn.88|";

Offer AnyOffer() {
  Offer offer;
  offer.InitiatorName = "iqn.1999-07.com.os:hostid.77";
  offer.TargetName = "iqn.1999-07.com.example:diskarray.sn.88";
  offer.ErrorRecoveryLevel = 2;
  return offer;
}

// A side that waits for the peer's first text in `stage`.
Negotiation Waiting(Role role, Stage stage, const Offer& offer,
                    const SessionParameters* session = nullptr) {
  Negotiation n(role, offer, session);
  n.Begin(stage);
  Flush(&n);
  return n;
}

// Names that a first login text needs besides `key`.
std::string NamesBeside(std::string_view key, Role role, Stage stage) {
  std::string names;
  if (role != Role::kTarget || stage == Stage::kFullFeature) return names;
  if (key != "InitiatorName") names += kInitiatorPair;
  if (key != "TargetName") names += kTargetPair;
  return names;
}

bool IsMethodKey(std::string_view name) {
  return name.starts_with("CHAP_") || name.starts_with("SRP_") || name.starts_with("KRB_") ||
         name == "TargetAuth";
}

ErrorCode Expected(const RfcKey& key, RfcUse use, Stage stage, Role sender, bool leading) {
  const std::string_view name = key.name;
  switch (use) {
    case kNo:
      return ErrorCode::kTextKeyWrongSender;
    case kSec:
      if (stage != Stage::kSecurity) return ErrorCode::kTextKeyWrongStage;
      return IsMethodKey(name) ? ErrorCode::kChapKeyOrder : ErrorCode::kOk;  // before AuthMethod
    case kFfpo:
      if (stage != Stage::kFullFeature || sender == Role::kTarget) {
        return ErrorCode::kTextKeyWrongStage;
      }
      return ErrorCode::kTextSendTargetsForm;  // a query is no part of a negotiation
    case kAll:
      break;
    case kIo:
      if (stage == Stage::kFullFeature) return ErrorCode::kTextKeyLoginOnly;
      break;
    case kLo:
      if (stage == Stage::kFullFeature) return ErrorCode::kTextKeyLeadingOnly;
      break;
  }
  if (stage == Stage::kSecurity && !key.any_stage) return ErrorCode::kTextKeyWrongStage;
  if (!leading && use == kLo && name != "SessionType") return ErrorCode::kTextKeyLeadingOnly;
  return ErrorCode::kOk;
}

TEST(KeyRulesTest, StageSenderAndLeading) {  // T11, L20
  for (const RfcKey& key : kRfcKeys) {
    for (Role sender : {Role::kInitiator, Role::kTarget}) {
      for (Stage stage : {Stage::kSecurity, Stage::kOperational, Stage::kFullFeature}) {
        for (bool leading : {true, false}) {
          const Role receiver = sender == Role::kInitiator ? Role::kTarget : Role::kInitiator;
          const SessionParameters session;
          Offer offer = AnyOffer();
          // Whoever is asked has not offered anything itself, so that each value below is an offer.
          Negotiation n(receiver, offer, leading ? nullptr : &session);
          n.Begin(stage);
          if (receiver == Role::kInitiator) Flush(&n);
          const RfcUse use = sender == Role::kInitiator ? key.by_initiator : key.by_target;
          const ErrorCode expected = Expected(key, use, stage, sender, leading);
          const std::string text =
              NamesBeside(key.name, receiver, stage) + key.name + "=" + key.value + "|";
          const ErrorCode code = n.Receive(Bytes(text)).code;
          EXPECT_EQ(Name(code), std::string_view(Name(expected)))
              << text << " stage " << static_cast<int>(stage)
              << (leading ? " leading" : " joining");
          if (code != ErrorCode::kOk) {
            EXPECT_EQ(n.Respond(true).code, code) << "a failed negotiation stays failed";
          }
        }
      }
    }
  }
}

TEST(KeyRulesTest, TableIsTheRfcs) {
  ASSERT_EQ(std::size(kRfcKeys), kKeyCount);
  std::set<std::string_view> names;
  for (const RfcKey& key : kRfcKeys) {
    names.insert(key.name);
    const KeyInfo* info = FindKey(key.name);
    ASSERT_NE(info, nullptr) << key.name;
    EXPECT_EQ(info->section, key.section) << key.name;
    EXPECT_EQ(info->any_stage, key.any_stage) << key.name;
    EXPECT_EQ(info->scope == Scope::kSessionWide, key.session_wide) << key.name;
    EXPECT_EQ((info->irrelevant_when & kInDiscovery) != 0, key.irrelevant_in_discovery) << key.name;
  }
  EXPECT_EQ(names.size(), kKeyCount);
  EXPECT_EQ(FindKey("headerdigest"), nullptr);
  EXPECT_EQ(FindKey("HeaderDigest "), nullptr);
  EXPECT_EQ(FindKey(""), nullptr);
}

// What a target with `offer` answers to `pair`, or the error's name. The names and its own
// declarations are cut off.
std::string Answer(const std::string& pair, const Offer& offer = AnyOffer()) {
  Negotiation n = Waiting(Role::kTarget, Stage::kOperational, offer);
  Error error = n.Receive(Bytes(std::string(kInitiatorPair) + kTargetPair + pair));
  if (error.ok()) error = n.Respond(false);
  if (!error.ok()) return Name(error.code);
  std::string text = Flush(&n);
  const std::string own = "MaxRecvDataSegmentLength=262144|";
  if (const size_t at = text.find(own); at != std::string::npos) text.erase(at, own.size());
  return text;
}

TEST(KeyRulesTest, NumbersAtTheirBounds) {  // T9, part C L8 and L17
  const struct {
    const char* key;
    uint64_t low, high;
    bool maximum;
    uint64_t own;  // what the target wants
  } kNumbers[] = {
      {"MaxConnections", 1, 65535, false, 1},
      {"MaxBurstLength", 512, 16777215, false, 262144},
      {"FirstBurstLength", 512, 16777215, false, 65536},
      {"DefaultTime2Wait", 0, 3600, true, 2},
      {"DefaultTime2Retain", 0, 3600, false, 20},
      {"MaxOutstandingR2T", 1, 65535, false, 1},
      {"ErrorRecoveryLevel", 0, 2, false, 2},
      {"iSCSIProtocolLevel", 0, 31, false, 1},
  };
  for (const auto& number : kNumbers) {
    const std::string key = std::string(number.key) + "=";
    const auto result = [&](uint64_t offered) {
      const uint64_t value =
          number.maximum ? std::max(offered, number.own) : std::min(offered, number.own);
      return key + std::to_string(value) + "|";
    };
    for (uint64_t offered : {number.low, number.low + 1, number.high - 1, number.high}) {
      EXPECT_EQ(Answer(key + std::to_string(offered) + "|"), result(offered));
    }
    EXPECT_EQ(Answer(key + "0x1|"), number.low <= 1 ? result(1) : key + "Reject|");
    EXPECT_EQ(Answer(key + "0X001|"), number.low <= 1 ? result(1) : key + "Reject|");
    for (const std::string& bad :
         {std::to_string(number.high + 1), std::string("4294967295"), std::string("4294967296"),
          std::string("18446744073709551616"), std::string("-1"), std::string("+1"),
          std::string("0x"), std::string(""), std::string("0512"), std::string("1~2"),
          std::string("Yes"), std::string("None"), std::string("1,2"), std::string("1 ")}) {
      EXPECT_EQ(Answer(key + bad + "|"), key + "Reject|") << bad;
    }
    if (number.low > 0) {
      EXPECT_EQ(Answer(key + std::to_string(number.low - 1) + "|"), key + "Reject|");
    }
  }
}

TEST(KeyRulesTest, AnswersToNumbers) {  // T10
  const struct {
    const char* key;
    uint32_t Offer::*wide;
    uint16_t Offer::*narrow;
    uint8_t Offer::*byte;
    uint32_t offered;
    bool maximum;
  } kNumbers[] = {
      {"MaxBurstLength", &Offer::MaxBurstLength, nullptr, nullptr, 131072, false},
      {"FirstBurstLength", &Offer::FirstBurstLength, nullptr, nullptr, 4096, false},
      {"MaxConnections", nullptr, &Offer::MaxConnections, nullptr, 4, false},
      {"DefaultTime2Wait", nullptr, &Offer::DefaultTime2Wait, nullptr, 10, true},
      {"DefaultTime2Retain", nullptr, &Offer::DefaultTime2Retain, nullptr, 100, false},
      {"MaxOutstandingR2T", nullptr, &Offer::MaxOutstandingR2T, nullptr, 16, false},
      {"ErrorRecoveryLevel", nullptr, nullptr, &Offer::ErrorRecoveryLevel, 1, false},
      {"iSCSIProtocolLevel", nullptr, nullptr, &Offer::iSCSIProtocolLevel, 2, false},
  };
  for (const auto& number : kNumbers) {
    const auto receive = [&](const std::string& answer) {
      Offer offer = AnyOffer();
      if (number.wide) offer.*number.wide = number.offered;
      if (number.narrow) offer.*number.narrow = static_cast<uint16_t>(number.offered);
      if (number.byte) offer.*number.byte = static_cast<uint8_t>(number.offered);
      Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, offer);
      return n.Receive(Bytes(std::string(number.key) + "=" + answer + "|")).code;
    };
    const uint32_t below = number.offered - 1, above = number.offered + 1;
    EXPECT_EQ(receive(std::to_string(number.offered)), ErrorCode::kOk) << number.key;
    EXPECT_EQ(receive(std::to_string(below)),
              number.maximum ? ErrorCode::kTextInadmissibleAnswer : ErrorCode::kOk)
        << number.key;
    EXPECT_EQ(receive(std::to_string(above)),
              number.maximum ? ErrorCode::kOk : ErrorCode::kTextInadmissibleAnswer)
        << number.key;
    for (const char* bad : {"-1", "", "4294967297", "16777216", "x", "1~2", "None"}) {
      EXPECT_EQ(receive(bad), ErrorCode::kTextInadmissibleAnswer) << number.key << bad;
    }
    EXPECT_EQ(receive("NotUnderstood"), std::string_view(number.key) == "iSCSIProtocolLevel"
                                            ? ErrorCode::kOk  // RFC 7144's
                                            : ErrorCode::kTextNotUnderstood);
    EXPECT_EQ(receive("Irrelevant"), receive("Reject")) << number.key;
  }
}

TEST(KeyRulesTest, BooleanTruthTables) {  // section 13: AND and OR
  const struct {
    const char* key;
    bool Offer::*field;
    bool is_or;
  } kBooleans[] = {
      {"InitialR2T", &Offer::InitialR2T, true},
      {"ImmediateData", &Offer::ImmediateData, false},
      {"DataPDUInOrder", &Offer::DataPDUInOrder, true},
      {"DataSequenceInOrder", &Offer::DataSequenceInOrder, true},
  };
  const auto word = [](bool value) { return std::string(value ? "Yes" : "No"); };
  for (const auto& boolean : kBooleans) {
    const std::string key = std::string(boolean.key) + "=";
    for (bool wanted : {false, true}) {
      Offer offer = AnyOffer();
      offer.*boolean.field = wanted;
      for (bool offered : {false, true}) {
        const bool result = boolean.is_or ? (offered || wanted) : (offered && wanted);
        EXPECT_EQ(Answer(key + word(offered) + "|", offer), key + word(result) + "|");
      }
      for (bool answer : {false, true}) {
        Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, offer);
        const bool admissible = boolean.is_or ? (answer || !wanted) : (!answer || wanted);
        EXPECT_EQ(n.Receive(Bytes(key + word(answer) + "|")).code,
                  admissible ? ErrorCode::kOk : ErrorCode::kTextInadmissibleAnswer);
      }
      Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, offer);
      EXPECT_EQ(n.Receive(Bytes(key + "yes|")).code, ErrorCode::kTextInadmissibleAnswer);
    }
    for (const char* bad : {"yes", "NO", "1", "", "Yes,No", "None"}) {
      EXPECT_EQ(Answer(key + bad + "|"), key + "Reject|") << bad;
    }
  }
}

// Section 6.2.2: AND with No and OR with Yes need no answer; everything else does.
TEST(KeyRulesTest, OptionalAnswers) {
  Offer offer = AnyOffer();
  offer.InitialR2T = true;
  offer.ImmediateData = false;
  offer.DataPDUInOrder = true;
  offer.DataSequenceInOrder = true;
  Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, offer);
  ASSERT_TRUE(n.Receive(Bytes("HeaderDigest=None|DataDigest=None|")).ok());
  ASSERT_TRUE(n.Respond(true).ok());
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_TRUE(n.parameters().InitialR2T);
  EXPECT_FALSE(n.parameters().ImmediateData);
}

TEST(KeyRulesTest, Lists) {  // section 6.2.1; D11 of the digests
  using D = DigestAlgorithm;
  const struct {
    Preferences<D> accepts;
    const char* offered;
    const char* answer;
  } kLists[] = {
      {{D::kCRC32C, D::kNone}, "CRC32C,None", "CRC32C"},
      {{D::kCRC32C, D::kNone}, "None,CRC32C", "None"},  // the originator's order decides
      {{D::kNone, D::kCRC32C}, "CRC32C,None", "CRC32C"},
      {{D::kCRC32C}, "None,CRC32C", "CRC32C"},
      {{D::kNone}, "CRC32C,None", "None"},
      {{D::kNone}, "CRC32C", "Reject"},
      {{D::kCRC32C, D::kNone}, "Y-com.example.sum,CRC32C", "CRC32C"},
      {{D::kCRC32C, D::kNone}, "None,None,CRC32C", "None"},
      {{D::kCRC32C, D::kNone}, "crc32c", "Reject"},
      {{D::kCRC32C, D::kNone}, "", "Reject"},
      {{D::kCRC32C, D::kNone}, ",", "Reject"},
      {{D::kCRC32C, D::kNone}, " None", "Reject"},
  };
  for (const char* key : {"HeaderDigest", "DataDigest"}) {
    for (const auto& list : kLists) {
      Offer offer = AnyOffer();
      offer.HeaderDigest = offer.DataDigest = list.accepts;
      EXPECT_EQ(Answer(std::string(key) + "=" + list.offered + "|", offer),
                std::string(key) + "=" + list.answer + "|")
          << list.offered;
    }
    Offer demands = AnyOffer();
    demands.HeaderDigest = demands.DataDigest = {D::kCRC32C};
    EXPECT_EQ(Answer(std::string(key) + "=None|", demands), "DigestRefused");
    for (const char* bad : {"CRC32C,None", "crc32c", "", "MD5", "CRC32C,"}) {
      Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, AnyOffer());
      EXPECT_EQ(n.Receive(Bytes(std::string(key) + "=" + bad + "|")).code,
                ErrorCode::kTextOutsideOffer)
          << bad;
    }
    for (const char* reserved : {"CRC32C,Reject", "Irrelevant,None", "NotUnderstood,x"}) {
      EXPECT_EQ(Answer(std::string(key) + "=" + reserved + "|"), "TextReservedProposed");
    }
  }
}

TEST(KeyRulesTest, TaskReporting) {  // section 13.23
  using T = TaskReportingSemantics;
  Offer offer = AnyOffer();
  offer.TaskReporting = {T::kFastAbort, T::kResponseFence, T::kRFC3720};
  EXPECT_EQ(Answer("TaskReporting=FastAbort,ResponseFence,RFC3720|", offer),
            "TaskReporting=FastAbort|");
  EXPECT_EQ(Answer("TaskReporting=RFC3720,FastAbort|", offer), "TaskReporting=RFC3720|");
  EXPECT_EQ(Answer("TaskReporting=FastAbort|"), "TaskReporting=Reject|");
  offer.TaskReporting = {T::kResponseFence};
  EXPECT_EQ(Answer("TaskReporting=RFC3720|", offer), "TextNoChoice");
}

TEST(KeyRulesTest, ObsoleteKeysAreRejected) {  // section 13.25
  EXPECT_EQ(Answer("IFMarker=No|OFMarker=Yes|IFMarkInt=2048~8192|OFMarkInt=4096|"),
            "IFMarker=Reject|OFMarker=Reject|IFMarkInt=Reject|OFMarkInt=Reject|");
  EXPECT_EQ(Answer("IFMarker=No|IFMarker=No|"), "TextKeyRepeated");
}

TEST(KeyRulesTest, EveryKeyAtMostOnce) {  // T3
  for (const RfcKey& key : kRfcKeys) {
    for (Role sender : {Role::kInitiator, Role::kTarget}) {
      const Role receiver = sender == Role::kInitiator ? Role::kTarget : Role::kInitiator;
      const RfcUse use = sender == Role::kInitiator ? key.by_initiator : key.by_target;
      if (use == kNo || use == kFfpo) continue;
      const bool security = use == kSec || (key.any_stage && use != kLo);
      const Stage stage = security ? Stage::kSecurity : Stage::kOperational;
      Offer offer = AnyOffer();
      offer.AuthMethod = {AuthenticationMethod::kCHAP, AuthenticationMethod::kNone};
      const std::string pair = std::string(key.name) + "=" + key.value + "|";
      const std::string names = NamesBeside(key.name, receiver, stage);
      const ErrorCode expected = std::string_view(key.name) == "TargetAddress"
                                     ? ErrorCode::kOk
                                     : ErrorCode::kTextKeyRepeated;
      // In one text.
      Negotiation once = Waiting(receiver, stage, offer);
      const ErrorCode in_one = once.Receive(Bytes(names + pair + pair)).code;
      if (IsMethodKey(key.name) && !std::string_view(key.name).starts_with("CHAP_")) {
        EXPECT_EQ(in_one, ErrorCode::kChapKeyOrder) << key.name;
        continue;
      }
      EXPECT_EQ(in_one, expected) << key.name;
      // In two.
      Negotiation twice = Waiting(receiver, stage, offer);
      if (std::string_view(key.name).starts_with("CHAP_")) {
        const std::string select =
            receiver == Role::kTarget ? "AuthMethod=CHAP|" : "AuthMethod=CHAP|";
        ASSERT_TRUE(twice.Receive(Bytes(names + select)).ok());
        ASSERT_TRUE(twice.Respond(false).ok());
        Flush(&twice);
        ASSERT_TRUE(twice.Receive(Bytes(pair)).ok()) << key.name;
      } else {
        ASSERT_TRUE(twice.Receive(Bytes(names + pair)).ok()) << key.name;
      }
      ASSERT_TRUE(twice.Respond(false).ok()) << key.name;
      Flush(&twice);
      EXPECT_EQ(twice.Receive(Bytes(pair)).code, expected) << key.name;
    }
  }
  // Across stages (part C, L6).
  Negotiation n = Waiting(Role::kTarget, Stage::kSecurity, AnyOffer());
  ASSERT_TRUE(n.Receive(Bytes(std::string(kInitiatorPair) + kTargetPair)).ok());
  ASSERT_TRUE(n.Respond(true).ok());
  Flush(&n);
  ASSERT_TRUE(n.Conclude(Stage::kOperational).ok());
  n.Begin(Stage::kOperational);
  EXPECT_EQ(n.Receive(Bytes(kInitiatorPair)).code, ErrorCode::kTextKeyRepeated);
  // Unknown ones, too.
  EXPECT_EQ(Answer("X-com.example.a=1|X-com.example.a=2|"), "TextKeyRepeated");
}

TEST(KeyRulesTest, ReservedConstants) {  // T10
  for (const RfcKey& key : kRfcKeys) {
    if (key.by_initiator == kNo || key.by_initiator == kFfpo) continue;
    const bool security = key.by_initiator == kSec;
    for (const char* constant : {"Reject", "Irrelevant", "NotUnderstood"}) {
      Negotiation n =
          Waiting(Role::kTarget, security ? Stage::kSecurity : Stage::kOperational, AnyOffer());
      const std::string text = NamesBeside(key.name, Role::kTarget, Stage::kOperational) +
                               key.name + "=" + constant + "|";
      EXPECT_EQ(n.Receive(Bytes(text)).code, ErrorCode::kTextReservedProposed) << text;
    }
  }
  EXPECT_EQ(Answer("X-com.example.a=Reject|"), "TextUnaskedAnswer");
}

TEST(KeyRulesTest, RepliesToDeclarations) {
  const auto reply = [](std::string_view text) {
    Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, AnyOffer());
    return n.Receive(Bytes(text)).code;
  };
  EXPECT_EQ(reply("InitiatorName=NotUnderstood|"), ErrorCode::kTextNotUnderstood);
  EXPECT_EQ(reply("MaxRecvDataSegmentLength=NotUnderstood|"), ErrorCode::kTextNotUnderstood);
  EXPECT_EQ(reply("SessionType=Irrelevant|"), ErrorCode::kOk);
  EXPECT_EQ(reply("SessionType=Irrelevant|SessionType=Irrelevant|"), ErrorCode::kTextKeyRepeated);
  EXPECT_EQ(reply("InitiatorAlias=Irrelevant|"), ErrorCode::kTextReservedProposed);  // never sent
  // A rejected declaration leaves the current value (section 6.2).
  Negotiation n = Waiting(Role::kInitiator, Stage::kOperational, AnyOffer());
  ASSERT_TRUE(
      n.Receive(Bytes("MaxRecvDataSegmentLength=Reject|HeaderDigest=None|DataDigest=None|")).ok());
  ASSERT_TRUE(n.Respond(true).ok());
  ASSERT_TRUE(n.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(n.parameters().own_MaxRecvDataSegmentLength, 8192u);
}

TEST(KeyRulesTest, DeclaredValues) {  // T11, T12
  const std::pair<std::string, const char*> kDeclarations[] = {
      {"MaxRecvDataSegmentLength=511|", "TextValueRange"},
      {"MaxRecvDataSegmentLength=0|", "TextValueRange"},
      {"MaxRecvDataSegmentLength=16777216|", "TextValueRange"},
      {"MaxRecvDataSegmentLength=-1|", "TextValueSyntax"},
      {"MaxRecvDataSegmentLength=|", "TextValueSyntax"},
      {"MaxRecvDataSegmentLength=512|", ""},
      {"MaxRecvDataSegmentLength=16777215|", ""},
      {"MaxRecvDataSegmentLength=1393|", ""},
      {"SessionType=discovery|", "TextValueSyntax"},
      {"SessionType=|", "TextValueSyntax"},
      {"InitiatorAlias=" + std::string(255, 'a') + "|", ""},
      {"InitiatorAlias=" + std::string(256, 'a') + "|", "TextValueTooLong"},
      {"InitiatorAlias=\xff|", "TextValueCharacter"},
      {"InitiatorAlias=|", ""},
      {"X#NodeArchitecture=" + std::string(256, 'a') + "|", "TextValueTooLong"},
      {"X#NodeArchitecture=ExampleInc_HW_Initiator/4010,Firmware/2.0.0.5|", ""},
  };
  for (const auto& [pair, answer] : kDeclarations) EXPECT_EQ(Answer(pair), answer) << pair;

  for (const char* bad : {"disk", "", "iqn.2001-04.com.example:a b", "eui.1", "%s%n"}) {
    for (const char* key : {"InitiatorName", "TargetName"}) {
      Negotiation n = Waiting(Role::kTarget, Stage::kSecurity, AnyOffer());
      EXPECT_EQ(n.Receive(Bytes(NamesBeside(key, Role::kTarget, Stage::kSecurity) + key + "=" +
                                bad + "|"))
                    .code,
                ErrorCode::kTextNameInvalid)
          << bad;
    }
  }
  Negotiation n = Waiting(Role::kTarget, Stage::kSecurity, AnyOffer());
  ASSERT_TRUE(
      n.Receive(Bytes("InitiatorName=iqn.1999-07.com.OS:Host|" + std::string(kTargetPair))).ok());
  EXPECT_EQ(n.declarations().InitiatorName.view(), "iqn.1999-07.com.os:host");

  const std::pair<const char*, ErrorCode> kOfTarget[] = {
      {"TargetPortalGroupTag=65536|", ErrorCode::kTextValueSyntax},
      {"TargetPortalGroupTag=|", ErrorCode::kTextValueSyntax},
      {"TargetPortalGroupTag=0|", ErrorCode::kOk},
      {"TargetPortalGroupTag=0xffff|", ErrorCode::kOk},
      {"TargetAddress=|", ErrorCode::kTextValueSyntax},
      {"TargetAddress=10.0.0.1|TargetAddress=[::1]:3260,1|", ErrorCode::kOk},
      {"TargetAddress=10.0.0.1|TargetAddress=x y|", ErrorCode::kTextValueSyntax},
      {"TargetAlias=\xc0\x80|", ErrorCode::kTextValueCharacter},
  };
  for (const auto& [text, code] : kOfTarget) {
    Negotiation initiator = Waiting(Role::kInitiator, Stage::kSecurity, AnyOffer());
    EXPECT_EQ(initiator.Receive(Bytes(text)).code, code) << text;
  }
  Negotiation redirected = Waiting(Role::kInitiator, Stage::kSecurity, AnyOffer());
  ASSERT_TRUE(redirected.Receive(Bytes("TargetAddress=10.0.0.1|TargetAddress=10.0.0.2|")).ok());
  EXPECT_EQ(redirected.declarations().TargetAddress.view(), "10.0.0.1");
}

TEST(KeyRulesTest, MissingNames) {  // part A, L8
  const std::pair<const char*, ErrorCode> kFirstTexts[] = {
      {"", ErrorCode::kLoginParameterMissing},
      {"SessionType=Discovery|", ErrorCode::kLoginParameterMissing},
      {"InitiatorName=iqn.1999-07.com.os:hostid.77|", ErrorCode::kLoginParameterMissing},
      {"InitiatorName=iqn.1999-07.com.os:hostid.77|SessionType=Normal|",
       ErrorCode::kLoginParameterMissing},
      {"InitiatorName=iqn.1999-07.com.os:hostid.77|SessionType=Discovery|", ErrorCode::kOk},
      {"TargetName=iqn.1999-07.com.example:diskarray.sn.88|", ErrorCode::kLoginParameterMissing},
  };
  for (const auto& [text, code] : kFirstTexts) {
    for (Stage stage : {Stage::kSecurity, Stage::kOperational}) {
      Negotiation n = Waiting(Role::kTarget, stage, AnyOffer());
      const Error error = n.Receive(Bytes(text));
      EXPECT_EQ(error.code, code) << text;
      if (!error.ok()) {
        EXPECT_EQ(isthmus::InfoOf(error.code).login_status, 0x0207);
      }
    }
  }
  // The type of session cannot change once the first text is through.
  Negotiation n = Waiting(Role::kTarget, Stage::kOperational, AnyOffer());
  ASSERT_TRUE(n.Receive(Bytes(std::string(kInitiatorPair) + kTargetPair)).ok());
  ASSERT_TRUE(n.Respond(false).ok());
  Flush(&n);
  EXPECT_EQ(n.Receive(Bytes("SessionType=Discovery|")).code, ErrorCode::kLoginNameChanged);
}

TEST(KeyRulesTest, IntegrityRules) {  // sections 13.14, 13.19
  Offer offer = AnyOffer();
  offer.MaxOutstandingR2T = 8;
  EXPECT_EQ(Answer("MaxOutstandingR2T=8|", offer), "MaxOutstandingR2T=8|");
  EXPECT_EQ(Answer("MaxOutstandingR2T=8|ErrorRecoveryLevel=1|", offer),
            "ErrorRecoveryLevel=1|MaxOutstandingR2T=1|");
  offer.DataSequenceInOrder = false;
  EXPECT_EQ(Answer("MaxOutstandingR2T=8|ErrorRecoveryLevel=1|DataSequenceInOrder=No|", offer),
            "ErrorRecoveryLevel=1|DataSequenceInOrder=No|MaxOutstandingR2T=8|");
  EXPECT_EQ(Answer("FirstBurstLength=65536|MaxBurstLength=4096|"),
            "MaxBurstLength=4096|FirstBurstLength=4096|");

  // A target that answers against them.
  Offer wants = AnyOffer();
  wants.MaxOutstandingR2T = 8;
  Negotiation initiator = Waiting(Role::kInitiator, Stage::kOperational, wants);
  ASSERT_TRUE(initiator
                  .Receive(Bytes("HeaderDigest=None|DataDigest=None|ErrorRecoveryLevel=2|"
                                 "MaxOutstandingR2T=8|DataSequenceInOrder=Yes|"))
                  .ok());
  ASSERT_TRUE(initiator.Respond(true).ok());
  EXPECT_EQ(initiator.Conclude(Stage::kFullFeature).code, ErrorCode::kTextIntegrity);

  Negotiation clamps = Waiting(Role::kInitiator, Stage::kOperational, AnyOffer());
  ASSERT_TRUE(clamps
                  .Receive(Bytes("HeaderDigest=None|DataDigest=None|ErrorRecoveryLevel=0|"
                                 "MaxBurstLength=8192|FirstBurstLength=65536|"))
                  .ok());
  ASSERT_TRUE(clamps.Respond(true).ok());
  ASSERT_TRUE(clamps.Conclude(Stage::kFullFeature).ok());
  EXPECT_EQ(clamps.parameters().FirstBurstLength, 8192u);

  // An initiator that insists on FirstBurstLength above MaxBurstLength, one text after the other.
  Negotiation target = Waiting(Role::kTarget, Stage::kOperational, AnyOffer());
  ASSERT_TRUE(
      target.Receive(Bytes(std::string(kInitiatorPair) + kTargetPair + "FirstBurstLength=65536|"))
          .ok());
  ASSERT_TRUE(target.Respond(false).ok());
  Flush(&target);
  ASSERT_TRUE(target.Receive(Bytes("MaxBurstLength=512|")).ok());
  ASSERT_TRUE(target.Respond(true).ok());
  Flush(&target);
  EXPECT_EQ(target.Conclude(Stage::kFullFeature).code, ErrorCode::kTextIntegrity);
}

}  // namespace
}  // namespace isthmus::text
