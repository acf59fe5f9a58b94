#include "transport/key_flags.h"

#include <set>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

absl::Status Set(absl::string_view name, absl::string_view value) {
  KeyTexts texts;
  text::Offer offer;
  return SetOffer(*text::FindKey({name.data(), name.size()}), value, texts, &offer);
}

TEST(KeyFlags, BothRolesSetEverythingNegotiated) {
  for (const Role role : {Role::kInitiator, Role::kTarget}) {
    std::set<std::string> names;
    for (const text::KeyInfo* key : SettableKeys(role)) {
      names.insert(std::string(key->name));
      EXPECT_EQ(FlagOf(*key).find("--" + std::string(key->name)), 0u);
      EXPECT_NE(HelpOf(*key).find(std::string(key->section)), std::string::npos);
    }
    for (const text::KeyInfo& info : text::kKeyTable) {
      if (info.Negotiated() && info.name != "AuthMethod") {
        EXPECT_TRUE(names.contains(std::string(info.name))) << info.name;
      }
    }
  }
}

TEST(KeyFlags, MessagesSayWhatWouldBeRight) {
  EXPECT_EQ(Set("MaxBurstLength", "7").message(),
            "out of range (512 to 16777215; RFC 7143 section 13.13)");
  EXPECT_EQ(Set("InitialR2T", "perhaps").message(),
            "neither Yes nor No (Yes, No; RFC 7143 section 13.10)");
  EXPECT_EQ(Set("HeaderDigest", "MD5").message(),
            "not a list of the key's values (list of None, CRC32C; RFC 7143 section 13.1)");
  EXPECT_TRUE(Set("InitialR2T", "true").ok());
  EXPECT_TRUE(Set("X#NodeArchitecture", "Isthmus").ok());
}

TEST(KeyFlags, WhatTheEnginesLackIsRefused) {
  EXPECT_EQ(Set("MaxConnections", "2").message(), "out of range (1; RFC 7143 section 13.2)");
  EXPECT_EQ(Set("ErrorRecoveryLevel", "1").message(), "out of range (0; RFC 7143 section 13.20)");
  EXPECT_FALSE(Set("iSCSIProtocolLevel", "3").ok());
  EXPECT_TRUE(Set("MaxConnections", "1").ok());
}

TEST(KeyFlags, TextsStayWhereTheOfferPoints) {
  KeyTexts texts;
  text::Offer offer;
  ASSERT_TRUE(SetOffer(*text::FindKey("TargetAlias"), std::string("first"), texts, &offer).ok());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(
        SetOffer(*text::FindKey("X#NodeArchitecture"), std::to_string(i), texts, &offer).ok());
  }
  EXPECT_EQ(offer.TargetAlias, "first");
  EXPECT_EQ(offer.NodeArchitecture, "999");
  const KeyTexts moved = std::move(texts);
  EXPECT_EQ(offer.TargetAlias, "first");
}

}  // namespace
}  // namespace isthmus::transport
