// Text Requests in the full feature phase: SendTargets, renegotiation, parts and pages.

#include <gtest/gtest.h>

#include "target/test_peer.h"

namespace isthmus::target {
namespace {

constexpr uint32_t kNoTag = 0xffffffff;

TEST(Text, SendTargetsInPages) {
  TestTarget t;
  t.Send(LoginRequest({},
                      Text({kInitiator, "SessionType=Discovery", "MaxRecvDataSegmentLength=512"})));
  t.Take();
  std::string answer;
  for (int i = 0; i < 30; ++i) {
    answer += "TargetName=iqn.2026-01.example:disk" + std::to_string(i) + '\0' +
              "TargetAddress=192.0.2.1:3260,1" + '\0';
  }
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kSendTargets) return false;
    EXPECT_TRUE(event.send_targets_all);
    EXPECT_TRUE(t.session->AnswerText(event.request, TestTarget::AsBytesOf(answer)).ok());
    return true;
  };
  t.Send(TextRequest(0x80, 0x31, kNoTag, 100, Text({"SendTargets=All"})));
  std::string all;
  while (true) {
    const Pdu p = t.Take();
    ASSERT_EQ(p.U8(0), 0x24);
    EXPECT_LE(p.data.size(), 512u);
    all += p.data;
    if ((p.U8(1) & 0x80) != 0) {
      EXPECT_EQ(p.U32(20), kNoTag);
      break;
    }
    EXPECT_NE(p.U32(20), kNoTag);
    EXPECT_EQ(p.data.back(), '\0');
    t.Send(TextRequest(0x80, 0x31, p.U32(20), 100, ""));
  }
  EXPECT_EQ(all, answer);
  EXPECT_EQ(t.log.back(), "text released");
  // Only SendTargets and the closing of the session are for discovery.
  t.Send(Command({}));
  EXPECT_EQ(t.Take().U8(2), 0x04);
}

TEST(Text, WhatWaitsForTheLastAnswerWaitsUnread) {
  TestTarget t;
  t.Login();
  t.transmit = false;
  t.Send(TextRequest(0x80, 0x31, kNoTag, 100, Text({"MaxRecvDataSegmentLength=1024"}), false));
  EXPECT_EQ(t.session->UnconsumedRx(t.id), 0u);
  t.Send(TextRequest(0x80, 0x32, kNoTag, 101, "", false));
  EXPECT_GT(t.session->UnconsumedRx(t.id), 0u) << "no byte stands behind it";
  t.transmit = true;
  t.Run();
  EXPECT_EQ(t.Take().U32(16), 0x31u);
  EXPECT_EQ(t.Take().U32(16), 0x32u);
  EXPECT_EQ(t.session->UnconsumedRx(t.id), 0u);
}

TEST(Text, RenegotiatesMaxRecvDataSegmentLength) {
  TestTarget t;
  t.Login();
  t.Send(TextRequest(0x80, 0x31, kNoTag, 100, Text({"MaxRecvDataSegmentLength=1024"}), false));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x24);
  EXPECT_EQ(p.U8(1), 0x80);
  EXPECT_EQ(p.U32(28), 101u);
  t.Send(Command({.cmd_sn = 101, .flags = 0xc0, .length = 2048, .offers = 2048}));
  EXPECT_EQ(t.Take().data.size(), 1024u);
  EXPECT_EQ(t.Take().data.size(), 1024u);
  // What may be set at login only is refused.
  t.Send(TextRequest(0x80, 0x32, kNoTag, 102, Text({"MaxBurstLength=1024"})));
  EXPECT_EQ(t.Take().U8(0), 0x3f);
}

// Section 6.2: a request in parts by the C bit; each part but the last is answered with nothing.
TEST(Text, RequestInPartsByTheContinueBit) {
  const std::string text = Text({"MaxRecvDataSegmentLength=1024", "X-com.example.a=b"});
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    SCOPED_TRACE(cut);
    TestTarget t;
    t.Login();
    t.Send(TextRequest(0x40, 0x31, kNoTag, 100, text.substr(0, cut)));
    Pdu p = t.Take();
    EXPECT_EQ(p.U8(0), 0x24);
    EXPECT_EQ(p.U8(1), 0x00);
    EXPECT_EQ(p.data, "");
    EXPECT_NE(p.U32(20), kNoTag);
    t.Send(TextRequest(0x80, 0x31, p.U32(20), 100, text.substr(cut)));
    p = t.Take();
    EXPECT_EQ(p.U8(1), 0x80);
    EXPECT_EQ(p.U32(20), kNoTag);
    EXPECT_EQ(p.data, Text({"X-com.example.a=NotUnderstood"}));
    // And it counts.
    t.Send(Command({.cmd_sn = 100, .flags = 0xc0, .length = 2048, .offers = 2048}));
    EXPECT_EQ(t.Take().data.size(), 1024u);
  }
}

// An answer above the initiator's MaxRecvDataSegmentLength comes in parts by the C bit.
TEST(Text, AnswerInPartsByTheContinueBit) {
  TestTarget t;
  t.Login({"MaxRecvDataSegmentLength=512"});
  std::string text, expected;
  for (int i = 10; i < 40; ++i) {
    text += Text({"X-com.example.key" + std::to_string(i) + "=1"});
    expected += Text({"X-com.example.key" + std::to_string(i) + "=NotUnderstood"});
  }
  t.Send(TextRequest(0x80, 0x31, kNoTag, 100, text));
  std::string all;
  int parts = 0;
  for (Pdu p = t.Take();; p = t.Take()) {
    ASSERT_EQ(p.U8(0), 0x24);
    EXPECT_LE(p.data.size(), 512u);
    all += p.data;
    ++parts;
    if (p.U8(1) == 0x80) break;
    ASSERT_EQ(p.U8(1), 0x40);
    EXPECT_NE(p.U32(20), kNoTag);
    t.Send(TextRequest(0x80, 0x31, p.U32(20), 100, ""));
  }
  EXPECT_EQ(all, expected);
  EXPECT_GE(parts, 2);
  // What asks for the rest has no text of its own (section 6.2).
  t.Send(TextRequest(0x80, 0x32, kNoTag, 100, text));
  Pdu p = t.Take();
  ASSERT_EQ(p.U8(1), 0x40);
  t.Send(TextRequest(0x80, 0x32, p.U32(20), 100, Text({"X-a=b"})));
  p = t.Take();
  EXPECT_EQ(p.U8(0), 0x3f);
  EXPECT_EQ(p.U8(2), 0x04);  // TextContinueAnsweredWithData
}

}  // namespace
}  // namespace isthmus::target
