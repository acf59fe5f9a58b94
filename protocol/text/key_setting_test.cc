#include "protocol/text/key_setting.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>

namespace isthmus::text {
namespace {

std::string Show(const Offer& offer, Key key) {
  std::array<char, kMaxSimpleValueBytes> out;
  return {out.data(), ShowKey(offer, key, out)};
}

// Who decides each key that no user sets. A key that is in neither place fails the test below.
const std::map<std::string_view, std::string_view> kOtherwise = {
    {"TargetName", "the targets that are served; the URL"},
    {"TargetAddress", "the portals"},
    {"SessionType", "the command"},
    {"AuthMethod", "the accounts"},
    {"KRB_AP_REQ", "a method that is not offered"},
    {"KRB_AP_REP", "a method that is not offered"},
    {"SRP_U", "a method that is not offered"},
    {"TargetAuth", "a method that is not offered"},
    {"SRP_GROUP", "a method that is not offered"},
    {"SRP_s", "a method that is not offered"},
    {"SRP_A", "a method that is not offered"},
    {"SRP_B", "a method that is not offered"},
    {"SRP_M", "a method that is not offered"},
    {"SRP_HM", "a method that is not offered"},
    {"CHAP_A", "the accounts"},
    {"CHAP_I", "the accounts"},
    {"CHAP_C", "the accounts"},
    {"CHAP_N", "the accounts"},
    {"CHAP_R", "the accounts"},
    {"SendTargets", "a command"},
    {"IFMarker", "obsolete"},
    {"OFMarker", "obsolete"},
    {"IFMarkInt", "obsolete"},
    {"OFMarkInt", "obsolete"},
};

TEST(KeySetting, EachKeyOfTheTableIsSetOrDecidedOtherwise) {
  size_t settable = 0;
  for (const KeyInfo& info : kKeyTable) {
    const bool by_initiator = IsSettable(info, Role::kInitiator);
    const bool by_target = IsSettable(info, Role::kTarget);
    EXPECT_NE(by_initiator || by_target, kOtherwise.contains(info.name)) << info.name;
    settable += by_initiator || by_target;
    // Who may send a key may set it: an asymmetric one has an asymmetric use (section 13).
    if (by_initiator || by_target) {
      EXPECT_EQ(by_initiator, info.by_initiator != Use::kNever) << info.name;
      EXPECT_EQ(by_target, info.by_target != Use::kNever) << info.name;
    }
    // Everything that is negotiated, but the method of authentication, is set by both.
    if (info.Negotiated() && info.name != "AuthMethod") {
      EXPECT_TRUE(by_initiator && by_target) << info.name;
    }
  }
  EXPECT_EQ(settable, kKeyCount - kOtherwise.size());
  EXPECT_EQ(settable, 21u);
}

TEST(KeySetting, EachValueComesBackAsItWasGiven) {
  const std::pair<Key, std::string_view> cases[] = {
      {Key::kInitiatorName, "iqn.2026-11.example:me"},
      {Key::kInitiatorAlias, "alias"},
      {Key::kTargetAlias, "alias"},
      {Key::kNodeArchitecture, "Isthmus"},
      {Key::kTargetPortalGroupTag, "65535"},
      {Key::kMaxRecvDataSegmentLength, "513"},
      {Key::kHeaderDigest, "None,CRC32C"},
      {Key::kDataDigest, "CRC32C"},
      {Key::kMaxConnections, "65535"},
      {Key::kInitialR2T, "No"},
      {Key::kImmediateData, "No"},
      {Key::kMaxBurstLength, "16777215"},
      {Key::kFirstBurstLength, "512"},
      {Key::kDefaultTime2Wait, "3600"},
      {Key::kDefaultTime2Retain, "0"},
      {Key::kMaxOutstandingR2T, "65535"},
      {Key::kDataPDUInOrder, "No"},
      {Key::kDataSequenceInOrder, "No"},
      {Key::kErrorRecoveryLevel, "2"},
      {Key::kTaskReporting, "FastAbort,RFC3720"},
      {Key::kIscsiProtocolLevel, "31"},
  };
  ASSERT_EQ(std::size(cases), 21u);
  for (const auto& [key, value] : cases) {
    Offer offer;
    EXPECT_EQ(SetKey(&offer, key, value), SettingProblem::kNone) << InfoOf(key).name;
    EXPECT_EQ(Show(offer, key), value) << InfoOf(key).name;
    // And it touched no other key.
    for (const KeyInfo& other : kKeyTable) {
      if (other.key != key) {
        EXPECT_EQ(Show(offer, other.key), Show(Offer(), other.key)) << other.name;
      }
    }
  }
}

TEST(KeySetting, BooleansAreSetBothWays) {
  Offer offer;
  for (std::string_view value : {"No", "Yes", "No"}) {
    EXPECT_EQ(SetKey(&offer, Key::kInitialR2T, value), SettingProblem::kNone);
    EXPECT_EQ(Show(offer, Key::kInitialR2T), value);
  }
}

TEST(KeySetting, WhatIsWrongIsSaidAndChangesNothing) {
  const std::string long_text(256, 'x');
  const struct {
    Key key;
    std::string_view value;
    SettingProblem problem;
  } cases[] = {
      {Key::kInitialR2T, "yes", SettingProblem::kNotBoolean},
      {Key::kInitialR2T, "", SettingProblem::kNotBoolean},
      {Key::kMaxBurstLength, "", SettingProblem::kNotNumber},
      {Key::kMaxBurstLength, "-1", SettingProblem::kNotNumber},
      {Key::kMaxBurstLength, "512 ", SettingProblem::kNotNumber},
      {Key::kMaxBurstLength, "511", SettingProblem::kOutOfRange},
      {Key::kMaxBurstLength, "16777216", SettingProblem::kOutOfRange},
      {Key::kMaxBurstLength, "18446744073709551616", SettingProblem::kNotNumber},
      {Key::kMaxOutstandingR2T, "0", SettingProblem::kOutOfRange},
      {Key::kMaxOutstandingR2T, "65536", SettingProblem::kOutOfRange},
      {Key::kDefaultTime2Wait, "3601", SettingProblem::kOutOfRange},
      {Key::kErrorRecoveryLevel, "3", SettingProblem::kOutOfRange},
      {Key::kIscsiProtocolLevel, "32", SettingProblem::kOutOfRange},
      {Key::kTargetPortalGroupTag, "65536", SettingProblem::kOutOfRange},
      {Key::kHeaderDigest, "", SettingProblem::kNotChoice},
      {Key::kHeaderDigest, "MD5", SettingProblem::kNotChoice},
      {Key::kHeaderDigest, "CRC32C,", SettingProblem::kNotChoice},
      {Key::kHeaderDigest, "None,None", SettingProblem::kTwice},
      {Key::kTaskReporting, "RFC3720,CRC32C", SettingProblem::kNotChoice},
      {Key::kTargetAlias, long_text, SettingProblem::kNotText},
      {Key::kTargetAlias, std::string_view("a\0b", 3), SettingProblem::kNotText},
      {Key::kTargetAlias, "\xff", SettingProblem::kNotText},
      {Key::kInitiatorName, "me", SettingProblem::kNotName},
      {Key::kAuthMethod, "None", SettingProblem::kNoSetting},
      {Key::kSendTargets, "All", SettingProblem::kNoSetting},
  };
  for (const auto& each : cases) {
    Offer offer;
    EXPECT_EQ(SetKey(&offer, each.key, each.value), each.problem)
        << InfoOf(each.key).name << each.value;
    EXPECT_EQ(Show(offer, each.key), Show(Offer(), each.key));
    EXPECT_FALSE(Describe(each.problem).empty());
  }
}

}  // namespace
}  // namespace isthmus::text
