#include "protocol/text/send_targets.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "protocol/text/text_testing.h"

namespace isthmus::text {
namespace {

// "host 4|6 port|- tag|-"
std::string Address(std::string_view value) {
  TargetAddress address;
  if (!ParseTargetAddress(value, &address)) return "none";
  return std::string(address.host) + (address.is_ipv6 ? " 6 " : " 4 ") +
         (address.has_port ? "" : "default ") + std::to_string(address.port) + " " +
         (address.has_portal_group_tag ? std::to_string(address.portal_group_tag) : "-");
}

TEST(TargetAddressTest, ExamplesOfTheRfc) {  // section 13.8
  EXPECT_EQ(Address("10.0.0.1:5003,1"), "10.0.0.1 4 5003 1");
  EXPECT_EQ(Address("[1080:0:0:0:8:800:200C:417A],65"),
            "1080:0:0:0:8:800:200C:417A 6 default 3260 65");
  EXPECT_EQ(Address("[1080::8:800:200C:417A]:5003,1"), "1080::8:800:200C:417A 6 5003 1");
  EXPECT_EQ(Address("computingcenter.example.com,23"),
            "computingcenter.example.com 4 default 3260 23");
  EXPECT_EQ(Address("10.0.0.1"), "10.0.0.1 4 default 3260 -");
  EXPECT_EQ(Address("10.0.0.1:3261"), "10.0.0.1 4 3261 -");
  EXPECT_EQ(Address("[::1]:3260,0"), "::1 6 3260 0");
  EXPECT_EQ(Address("[fe80::aF:09]:3260,0"), "fe80::aF:09 6 3260 0");
  EXPECT_EQ(Address("A-b_9.Z,1"), "A-b_9.Z 4 default 3260 1");
}

TEST(TargetAddressTest, Malformed) {
  for (const char* value : {"",
                            ":3260,1",
                            ",1",
                            "[::1",
                            "[]:3260,1",
                            "[10.0.0.1]:3260,1",
                            "[fe80::1%eth0]:3260,1",
                            "[fe80::g]:3260,1",
                            "[fe80::G]:3260,1",
                            "[fe80::/]:3260,1",
                            "[fe80::1 ]:3260,1",
                            "::1:3260,1",
                            "10.0.0.1:,1",
                            "10.0.0.1:0,1",
                            "10.0.0.1:65536,1",
                            "10.0.0.1:-1,1",
                            "10.0.0.1:3260,",
                            "10.0.0.1:3260,65536",
                            "10.0.0.1:3260,1,2",
                            "10.0.0.1 :3260,1",
                            "[::1]x:3260,1",
                            "[::1]3260,1",
                            "a/b:3260,1",
                            "host%n:3260,1"}) {
    EXPECT_EQ(Address(value), "none") << value;
  }
  EXPECT_EQ(Address(std::string(256, 'a')), "none");
}

TEST(TargetAddressTest, FormatsWhatItParses) {
  for (const char* value : {"10.0.0.1:5003,1", "[1080::8:800:200C:417A]:5003,65535",
                            "computingcenter.example.com:3260", "[::1]:1,0"}) {
    TargetAddress address;
    ASSERT_TRUE(ParseTargetAddress(value, &address));
    std::array<char, 255> out;
    const size_t size = FormatTargetAddress(address, out);
    EXPECT_EQ(std::string_view(out.data(), size), value);
    EXPECT_EQ(FormatTargetAddress(address, std::span(out).first(size - 1)), 0u);
  }
  std::array<char, 255> out;
  EXPECT_EQ(FormatTargetAddress({.host = ""}, out), 0u);
  EXPECT_EQ(FormatTargetAddress({.host = "fe80::1%eth0", .is_ipv6 = true}, out), 0u);
  EXPECT_EQ(FormatTargetAddress({.host = "::1"}, out), 0u);
}

std::string Request(std::string_view text, SessionKind session) {
  SendTargetsRequest request;
  const std::vector<std::byte> bytes = Bytes(text);
  const Error error = ParseSendTargets(bytes, session, &request);
  if (!error.ok()) {
    EXPECT_TRUE(error.Has(Action::kReject));
    return Name(error.code);
  }
  switch (request.kind) {
    case SendTargetsKind::kAll:
      return "all";
    case SendTargetsKind::kThis:
      return "this";
    case SendTargetsKind::kNamed:
      return std::string(request.name);
  }
  return "?";
}

TEST(SendTargetsTest, FormsBySessionType) {  // Appendix C
  constexpr SessionKind kDiscovery = SessionKind::kDiscovery, kNormal = SessionKind::kNormal;
  EXPECT_EQ(Request("SendTargets=All|", kDiscovery), "all");
  EXPECT_EQ(Request("SendTargets=All|", kNormal), "TextSendTargetsForm");
  EXPECT_EQ(Request("SendTargets=|", kNormal), "this");
  EXPECT_EQ(Request("SendTargets=|", kDiscovery), "TextSendTargetsForm");
  for (SessionKind session : {kDiscovery, kNormal}) {
    EXPECT_EQ(Request("SendTargets=iqn.1993-11.com.example:diskarray.sn.8675309|", session),
              "iqn.1993-11.com.example:diskarray.sn.8675309");
    EXPECT_EQ(Request("SendTargets=all|", session), "TextSendTargetsForm");
    EXPECT_EQ(Request("SendTargets=disk|", session), "TextSendTargetsForm");
    EXPECT_EQ(Request("", session), "TextSendTargetsForm");
    EXPECT_EQ(Request("SendTargets=All|SendTargets=All|", session), "TextSendTargetsForm");
    EXPECT_EQ(Request("SendTargets=All|MaxRecvDataSegmentLength=512|", session),
              "TextSendTargetsForm");
    EXPECT_EQ(Request("SendTargets=All", session), "TextUnterminated");
  }
}

TEST(SendTargetsTest, Recognised) {
  EXPECT_TRUE(IsSendTargets(Bytes("SendTargets=All|")));
  EXPECT_TRUE(IsSendTargets(Bytes("A=b|SendTargets=|")));
  EXPECT_FALSE(IsSendTargets(Bytes("")));
  EXPECT_FALSE(IsSendTargets(Bytes("sendtargets=All|")));
  EXPECT_FALSE(IsSendTargets(Bytes("MaxRecvDataSegmentLength=512|")));
}

// The second example of Appendix C, with the ports that it gives.
constexpr std::string_view kAnswer =
    "TargetName=iqn.1993-11.com.example:diskarray.sn.8675309|TargetAddress=10.1.0.45:3000,1|"
    "TargetAddress=10.1.1.45:3000,2|TargetName=iqn.1993-11.com.example:diskarray.sn.1234567|"
    "TargetAddress=10.1.0.45:3000,1|TargetAddress=10.1.1.45:3000,2|";

TEST(SendTargetsWriterTest, PagesOfEverySizeHoldWholePairs) {  // L3, R4
  struct Step {
    std::string_view name;
    TargetAddress address;
  };
  std::vector<Step> steps;
  for (std::string_view name : {"iqn.1993-11.com.example:diskarray.sn.8675309",
                                "iqn.1993-11.com.example:diskarray.sn.1234567"}) {
    steps.push_back({name, {}});
    for (uint16_t tag : {1, 2}) {
      TargetAddress address;
      address.host = tag == 1 ? "10.1.0.45" : "10.1.1.45";
      address.port = 3000;
      address.portal_group_tag = tag;
      address.has_portal_group_tag = true;
      steps.push_back({{}, address});
    }
  }
  for (size_t room = 64; room <= kAnswer.size(); ++room) {
    SendTargetsWriter writer;
    std::vector<std::byte> page(room);
    writer.Begin(page);
    std::string all;
    for (const Step& step : steps) {
      const auto add = [&] {
        return step.name.empty() ? writer.AddAddress(step.address) : writer.AddTarget(step.name);
      };
      if (add()) continue;
      all += Shown(std::span(page).first(writer.size()));
      EXPECT_EQ(all.back(), '|');
      writer.Begin(page);
      ASSERT_TRUE(add());
    }
    all += Shown(std::span(page).first(writer.size()));
    EXPECT_EQ(all, kAnswer) << room;
  }
}

TEST(SendTargetsWriterTest, NeedsAPortalGroupTag) {  // section 13.8
  std::vector<std::byte> page(512);
  SendTargetsWriter writer;
  writer.Begin(page);
  TargetAddress address;
  address.host = "10.1.0.45";
  EXPECT_FALSE(writer.AddAddress(address));
  EXPECT_EQ(writer.size(), 0u);
  address.has_portal_group_tag = true;
  address.host = std::string_view();
  EXPECT_FALSE(writer.AddAddress(address));  // nor without a host
  address.host = "10.1.0.45";
  EXPECT_TRUE(writer.AddAddress(address));
}

// Parses `text` in parts of `step` bytes: "name>raw>raw>", then the error's name.
std::string Parse(std::string_view text, size_t step, size_t room = 512) {
  const std::vector<std::byte> bytes = Bytes(text);
  std::vector<char> storage(room);
  TargetRecordParser parser(storage);
  std::string shown;
  for (size_t at = 0; at < bytes.size(); at += step) {
    parser.Feed(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
    for (TargetRecord record; parser.Next(&record);) {
      shown += std::string(record.is_target ? record.name : record.raw_address) + ">";
    }
  }
  if (!parser.error().ok()) return shown + Name(parser.error().code);
  return shown + (parser.Finish() ? "" : "unfinished");
}

TEST(TargetRecordParserTest, EveryCutGivesTheSame) {  // T8
  const std::string expected = Parse(kAnswer, kAnswer.size());
  EXPECT_EQ(expected,
            "iqn.1993-11.com.example:diskarray.sn.8675309>10.1.0.45:3000,1>10.1.1.45:3000,2>"
            "iqn.1993-11.com.example:diskarray.sn.1234567>10.1.0.45:3000,1>10.1.1.45:3000,2>");
  for (size_t step = 1; step < kAnswer.size(); ++step) EXPECT_EQ(Parse(kAnswer, step), expected);
}

TEST(TargetRecordParserTest, Malformed) {  // L5, R4
  for (size_t step : {1, 7, 1000}) {
    EXPECT_EQ(Parse("TargetAddress=10.0.0.1:1,1|TargetName=iqn.2001-04.com.example|", step),
              "TextTargetListSyntax");
    EXPECT_EQ(Parse("TargetName=disk|", step), "TextTargetListSyntax");
    EXPECT_EQ(Parse("TargetName|", step), "TextTargetListSyntax");
    EXPECT_EQ(Parse("=x|", step), "TextTargetListSyntax");
    EXPECT_EQ(Parse("TargetName=iqn.2001-04.com.example|TargetAlias=x|", step),
              "iqn.2001-04.com.example>TextTargetListSyntax");
    EXPECT_EQ(Parse("TargetName=iqn.2001-04.com.example|TargetAddress=|", step),
              "iqn.2001-04.com.example>TextTargetListSyntax");
    EXPECT_EQ(Parse("TargetName=iqn.2001-04.com.example", step), "unfinished");
    EXPECT_EQ(Parse("", step), "");
    EXPECT_EQ(Parse("||TargetName=iqn.2001-04.com.example||", step), "iqn.2001-04.com.example>");
  }
  EXPECT_EQ(Parse("TargetName=" + std::string(8192, 'a'), 100), "TextTooLong");
  EXPECT_EQ(Parse("TargetName=iqn.2001-04.com.example|", 5, 16), "TextTooLong");
}

}  // namespace
}  // namespace isthmus::text
