// What the registry knows, and what each model can be relied on for.
#include "transport/offload/device.h"

#include <cstring>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "transport/offload/clamp.h"
#include "transport/offload/registry.h"

namespace isthmus::transport {
namespace {

TEST(RegistryTest, EveryModelIsMadeByItsNameAndOthersAreNot) {
  std::set<std::string> names;
  for (const OffloadModel& model : OffloadModels()) {
    const auto device = NewOffloadDevice(model.name);
    ASSERT_NE(device, nullptr);
    EXPECT_STREQ(device->name(), model.name);
    EXPECT_GT(std::strlen(model.what), 10u);
    names.insert(model.name);
  }
  for (const char* name :
       {"software", "frame-aligned", "full-pdu", "stream", "accelerator", "liar"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
  EXPECT_EQ(names.size(), OffloadModels().size());
  EXPECT_EQ(NewOffloadDevice("no-such-model"), nullptr);
  EXPECT_EQ(NewOffloadDevice(""), nullptr);
}

TEST(RegistryTest, EveryMissHasAName) {
  std::set<std::string> names;
  for (size_t i = 0; i < kMissReasons; ++i) names.insert(NameOf(static_cast<MissReason>(i)));
  EXPECT_EQ(names.size(), kMissReasons);
  EXPECT_EQ(names.count("unknown"), 0u);
}

using text::DigestAlgorithm;

uint32_t Declared(const OffloadCapabilities& can, uint32_t segment_bytes, text::Offer offer = {}) {
  ClampOffer(can, segment_bytes, &offer);
  return offer.MaxRecvDataSegmentLength;
}

TEST(ClampTest, WhatADeviceCanDoDecidesWhatIsOffered) {
  const OffloadCapabilities aligned = NewOffloadDevice("frame-aligned")->capabilities();
  EXPECT_EQ(Declared(aligned, 1448), 1392u);
  EXPECT_EQ(Declared(aligned, 8948), 8892u);
  EXPECT_EQ(Declared(aligned, 0), 262144u);    // not known
  EXPECT_EQ(Declared(aligned, 500), 262144u);  // alignment is out of reach
  text::Offer offer;
  offer.MaxRecvDataSegmentLength = 1024;
  EXPECT_EQ(Declared(aligned, 1448, offer), 1024u);  // less was wanted
  offer.MaxRecvDataSegmentLength = 262144;
  offer.HeaderDigest = {DigestAlgorithm::kNone};
  EXPECT_EQ(Declared(aligned, 1448, offer), 1396u);
  offer.DataDigest = {DigestAlgorithm::kNone};
  EXPECT_EQ(Declared(aligned, 1448, offer), 262144u);  // nothing to check
  EXPECT_EQ(Declared(NewOffloadDevice("full-pdu")->capabilities(), 1448), 16224u - 56);
  EXPECT_EQ(Declared(NewOffloadDevice("stream")->capabilities(), 1448), 262144u);
  EXPECT_EQ(Declared(OffloadCapabilities{}, 1448), 262144u);
}

TEST(ClampTest, ALinkThatProtectsItsDataOffersNoDigests) {
  OffloadCapabilities can;
  can.protects_data = true;
  text::Offer offer;
  ClampOffer(can, 1448, &offer);
  EXPECT_EQ(offer.HeaderDigest.size(), 1u);
  EXPECT_TRUE(offer.HeaderDigest.Contains(DigestAlgorithm::kNone));
  EXPECT_EQ(offer.DataDigest.size(), 1u);
  EXPECT_TRUE(offer.DataDigest.Contains(DigestAlgorithm::kNone));
  EXPECT_EQ(offer.MaxRecvDataSegmentLength, 262144u);
}

}  // namespace
}  // namespace isthmus::transport
