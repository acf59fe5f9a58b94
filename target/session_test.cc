#include <gtest/gtest.h>

#include "target/test_peer.h"

namespace isthmus::target {
namespace {

constexpr uint32_t kNoTag = 0xffffffff;

TEST(Read, StatusRidesOnTheLastDataIn) {
  TestTarget t;
  const uint32_t stat_sn = t.Login().U32(24) + 1;
  t.Send(Command({.itt = 5, .flags = 0xc0, .length = 96, .offers = 96}));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x25);
  EXPECT_EQ(p.U8(1), 0x81);  // F, S
  EXPECT_EQ(p.U8(3), 0x00);
  EXPECT_EQ(p.U32(16), 5u);
  EXPECT_EQ(p.U32(20), kNoTag);
  EXPECT_EQ(p.U32(24), stat_sn);
  EXPECT_EQ(p.U32(28), 101u);
  EXPECT_EQ(p.U32(32), 100u + 64);  // the slot is free again with this PDU
  EXPECT_EQ(p.U32(36), 0u);
  EXPECT_EQ(p.U32(40), 0u);
  EXPECT_EQ(p.data, Pattern(96));
  EXPECT_FALSE(t.HasOutput());
  EXPECT_EQ(t.Log(), "command 0\nreleased 0\n");
}

TEST(Read, CutByLengthsOfThePeer) {
  TestTarget t;
  t.Login({"MaxRecvDataSegmentLength=512", "MaxBurstLength=1024", "FirstBurstLength=512"});
  t.Send(Command({.flags = 0xc0, .length = 1500, .offers = 1500}));
  std::string all;
  const uint8_t flags[] = {0x00, 0x80, 0x81};  // F ends each sequence of MaxBurstLength
  for (uint32_t i = 0; i < 3; ++i) {
    const Pdu p = t.Take();
    EXPECT_EQ(p.U8(1), flags[i]);
    EXPECT_EQ(p.U32(36), i);
    EXPECT_EQ(p.U32(40), all.size());
    all += p.data;
  }
  EXPECT_EQ(all, Pattern(1500));
}

TEST(Read, Residuals) {
  struct Case {
    uint32_t length, offers;
    uint8_t flags;
    uint32_t residual;
  };
  for (const Case& c :
       {Case{100, 60, 0x83, 40}, Case{100, 130, 0x85, 30}, Case{100, 100, 0x81, 0}}) {
    TestTarget t;
    t.Login();
    t.Send(Command({.flags = 0xc0, .length = c.length, .offers = c.offers}));
    const Pdu p = t.Take();
    EXPECT_EQ(p.U8(1), c.flags);
    EXPECT_EQ(p.U32(44), c.residual);
    EXPECT_EQ(p.data.size(), std::min(c.length, c.offers));
  }
  // Nothing at all comes: the response says so.
  TestTarget t;
  t.Login();
  t.Send(Command({.flags = 0xc0, .length = 100}));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(1), 0x82);
  EXPECT_EQ(p.U32(44), 100u);
  EXPECT_EQ(p.U32(36), 0u);  // ExpDataSN
  // Data for a command that expects none.
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0x80, .length = 0, .offers = 7}));
  const Pdu q = t.Take();
  EXPECT_EQ(q.U8(0), 0x21);
  EXPECT_EQ(q.U8(1), 0x84);
  EXPECT_EQ(q.U32(44), 7u);
}

TEST(Read, CheckConditionInAResponseWithSense) {
  TestTarget t;
  t.Login();
  const std::string source = Pattern(40);
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kCommand) return false;
    EXPECT_TRUE(
        t.session->SendData(event.task, 0, TestTarget::AsBytesOf(source), {.notify = true}).ok());
    Completion completion;
    completion.status = 2;
    EXPECT_FALSE(t.session->Complete(event.task, completion).ok()) << "CHECK CONDITION needs sense";
    const std::string sense = Pattern(18);
    completion.sense = TestTarget::AsBytesOf(sense);
    EXPECT_TRUE(t.session->Complete(event.task, completion).ok());
    EXPECT_FALSE(t.session->Complete(event.task, completion).ok());
    return true;
  };
  t.Send(Command({.flags = 0xc0, .length = 64}));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x25);
  EXPECT_EQ(p.U8(1), 0x80);
  p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(1), 0x82);
  EXPECT_EQ(p.U8(3), 0x02);
  EXPECT_EQ(p.U32(36), 1u);
  EXPECT_EQ(p.U32(44), 24u);
  EXPECT_EQ(p.data, std::string("\x00\x12", 2) + Pattern(18));
  EXPECT_EQ(t.Log(), "command 0\nsource 0 0+40\nreleased 0\n");
}

// Both pieces still wait when the connection breaks: kTaskReleased comes behind them.
TEST(Read, ReleasesSourcesBeforeTheirTask) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 16}));
  const std::string source = Pattern(16);
  const TaskId task = t.events.back().task;
  const auto bytes = TestTarget::AsBytesOf(source);
  EXPECT_TRUE(t.session->SendData(task, 0, bytes.first(8), {.notify = true}).ok());
  EXPECT_TRUE(t.session->SendData(task, 8, bytes.subspan(8), {.notify = true}).ok());
  EXPECT_TRUE(t.session->Complete(task, {}).ok());
  t.Close();
  EXPECT_EQ(t.Log(), "command 0\nsource 0 0+8\nsource 0 8+8\nreleased 0\nended\n");
}

TEST(Read, StatusAloneWhenTheDataHasLeft) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  const std::string source = Pattern(8);
  EXPECT_TRUE(t.session->SendData(t.events.back().task, 0, TestTarget::AsBytesOf(source), {}).ok());
  t.Run();
  EXPECT_EQ(t.Take().U8(1), 0x80);
  EXPECT_TRUE(t.session->Complete(t.events.back().task, {}).ok());
  t.Run();
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(1), 0x80);
}

TEST(Write, ImmediateThenR2T) {
  TestTarget t;
  t.lookup.offer.ImmediateData = true;
  t.Login({"ImmediateData=Yes", "InitialR2T=Yes", "MaxBurstLength=1024", "FirstBurstLength=512"});
  const std::string data = Pattern(2500);
  t.Send(Command({.itt = 9, .flags = 0xa0, .length = 2500, .lun = 3}, data.substr(0, 512)));
  uint32_t at = 512;
  for (uint32_t r2t_sn = 0; at < 2500; ++r2t_sn) {
    const Pdu r2t = t.Take();
    ASSERT_EQ(r2t.U8(0), 0x31);
    EXPECT_EQ(r2t.U8(1), 0x80);
    EXPECT_EQ(r2t.U8(9), 3);
    EXPECT_EQ(r2t.U32(16), 9u);
    EXPECT_NE(r2t.U32(20), kNoTag);
    EXPECT_EQ(r2t.U32(36), r2t_sn);
    EXPECT_EQ(r2t.U32(40), at);
    const uint32_t size = r2t.U32(44);
    EXPECT_EQ(size, std::min(1024u, 2500 - at));
    EXPECT_FALSE(t.HasOutput()) << "MaxOutstandingR2T is 1";
    // Two Data-Outs answer it; DataSN begins at 0 for each R2T.
    t.Send(DataOut(
        {.itt = 9, .ttt = r2t.U32(20), .data_sn = 0, .offset = at, .final = false, .lun = 3},
        data.substr(at, 100)));
    t.Send(DataOut({.itt = 9, .ttt = r2t.U32(20), .data_sn = 1, .offset = at + 100, .lun = 3},
                   data.substr(at + 100, size - 100)));
    at += size;
  }
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(1), 0x80);
  EXPECT_EQ(p.U8(3), 0x00);
  EXPECT_EQ(t.last_written, data);
  EXPECT_EQ(t.Log(), "begin 0 0+512\ncommand 0\nreceived 0 0+2500\nreleased 0\n");
}

TEST(Write, ImmediateIsAllOfIt) {
  TestTarget t;
  t.Login();
  t.Send(Command({.flags = 0xa0, .length = 333}, Pattern(333)));
  EXPECT_EQ(t.Take().U8(0), 0x21);
  EXPECT_EQ(t.last_written, Pattern(333));
}

TEST(Write, UnsolicitedDataThenR2T) {
  TestTarget t;
  t.lookup.offer.InitialR2T = false;
  t.Login({"InitialR2T=No", "ImmediateData=Yes", "FirstBurstLength=1024", "MaxBurstLength=4096"});
  const std::string data = Pattern(3000);
  t.Send(Command({.flags = 0x20, .length = 3000}, data.substr(0, 200)));
  t.Send(DataOut({.data_sn = 0, .offset = 200, .final = false}, data.substr(200, 400)));
  EXPECT_FALSE(t.HasOutput());
  t.Send(DataOut({.data_sn = 1, .offset = 600}, data.substr(600, 424)));
  const Pdu r2t = t.Take();
  ASSERT_EQ(r2t.U8(0), 0x31);
  EXPECT_EQ(r2t.U32(40), 1024u);
  EXPECT_EQ(r2t.U32(44), 1976u);
  t.Send(DataOut({.ttt = r2t.U32(20), .offset = 1024}, data.substr(1024)));
  EXPECT_EQ(t.Take().U8(0), 0x21);
  EXPECT_EQ(t.last_written, data);
}

TEST(Write, BackPressureUntilAWindowIsGiven) {
  TestTarget t;
  t.lookup.offer.InitialR2T = false;
  t.Login({"InitialR2T=No", "FirstBurstLength=1024"});
  t.accept_begin = false;
  t.answer_commands = false;
  const std::string data = Pattern(700);
  t.Send(Command({.flags = 0x20, .length = 700}));
  t.Send(DataOut({}, data));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 8, .offers = 8}));
  EXPECT_EQ(t.Log(), "begin 0 0+700\ncommand 0\n")
      << "nothing is read past the data that has no place";
  t.answer_commands = true;
  t.Accept(t.events[0]);
  t.Run();
  EXPECT_EQ(t.Take().U8(0), 0x21);
  EXPECT_EQ(t.Take().U8(0), 0x25);
  EXPECT_EQ(t.last_written, data);
}

TEST(Write, RefusedAtBegin) {
  TestTarget t;
  t.Login();
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kBegin) return false;
    EXPECT_TRUE(t.session->Refuse(event.task, 0x28).ok());
    return true;
  };
  t.Send(Command({.flags = 0xa0, .length = 333}, Pattern(333)));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(3), 0x28);
  EXPECT_EQ(t.Log(), "begin 0 0+333\nreleased 0\n");
}

TEST(Write, WindowByWindowWithSeveralR2Ts) {
  TestTarget t;
  t.lookup.offer.MaxOutstandingR2T = 4;
  t.Login(
      {"MaxOutstandingR2T=4", "MaxBurstLength=512", "FirstBurstLength=512", "ImmediateData=No"});
  t.window = 1536;
  const std::string data = Pattern(4000);
  t.Send(Command({.flags = 0xa0, .length = 4000}));
  std::deque<Pdu> r2ts;
  size_t most = 0;
  while (true) {
    while (t.HasOutput()) {
      r2ts.push_back(t.Take());
      if (r2ts.back().U8(0) != 0x31) break;
    }
    most = std::max(most, r2ts.size());
    const Pdu p = r2ts.front();
    r2ts.pop_front();
    if (p.U8(0) == 0x21) break;
    t.Send(DataOut({.ttt = p.U32(20), .offset = p.U32(40)}, data.substr(p.U32(40), p.U32(44))));
  }
  EXPECT_EQ(most, 3u);  // a window holds three bursts
  EXPECT_EQ(t.last_written, data);
}

TEST(Write, ResidualByWhatTheCommandAskedFor) {
  TestTarget t;
  t.Login();
  t.Send(Command({.flags = 0xa0, .length = 512, .offers = 400}, Pattern(512)));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(1), 0x82);
  EXPECT_EQ(p.U32(44), 112u);
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xa0, .length = 512, .offers = 600},
                 Pattern(512)));
  p = t.Take();
  EXPECT_EQ(p.U8(1), 0x84);
  EXPECT_EQ(p.U32(44), 88u);
}

TEST(Bidirectional, ReadsAndWrites) {
  TestTarget t;
  t.Login();
  t.hook = [&](const Event& event) {
    if (event.kind != EventKind::kDataReceived) return false;
    t.sources.push_back(Pattern(50));
    EXPECT_TRUE(
        t.session->SendData(event.task, 0, TestTarget::AsBytesOf(t.sources.back()), {}).ok());
    EXPECT_TRUE(t.session->Complete(event.task, {}).ok());
    return true;
  };
  Pdu command = Command({.flags = 0xe0, .length = 16}, Pattern(16));
  command.Ahs(std::string("\x00\x05\x02\x00\x00\x00\x00\x40", 8));
  t.Send(command);
  EXPECT_EQ(t.events[0].expected_data_transfer_length, 16u);
  EXPECT_EQ(t.events[0].bidi_read_length, 64u);
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x25);
  EXPECT_EQ(p.U8(1), 0x80);  // the status of a bidirectional command never rides on data
  p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(1), 0x88);  // u
  EXPECT_EQ(p.U32(40), 14u);
}

TEST(Commands, ExtendedCdb) {
  TestTarget t;
  t.Login();
  Pdu command = Command({.operation = 0x7f});
  std::string rest = Pattern(16);
  command.Ahs(std::string("\x00\x11\x01\x00", 4) + rest);  // AHSLength = 32 - 15
  t.answer_commands = false;
  t.Send(command);
  ASSERT_EQ(t.Log(), "command 0\n");
  const Event& event = t.events[0];
  ASSERT_EQ(event.cdb.size(), 32u);
  EXPECT_EQ(static_cast<uint8_t>(event.cdb[0]), 0x7f);
  EXPECT_EQ(std::memcmp(event.cdb.data() + 16, rest.data(), 16), 0);
}

TEST(Window, OrderDuplicatesAndOutside) {
  TestTarget t;
  t.connection_options.limits.command_slots = t.session_options.limits.command_slots = 4;
  t.Login();
  t.Send(Command({.itt = 12, .cmd_sn = 102}));
  t.Send(Command({.itt = 11, .cmd_sn = 101}));
  t.Send(Command({.itt = 15, .cmd_sn = 104}));  // CmdSnOutsideWindow
  t.Send(Command({.itt = 16, .cmd_sn = 102}));  // CmdSnDuplicate: waits already
  t.Send(Command({.itt = 17, .cmd_sn = 99}));   // CmdSnDuplicate: below ExpCmdSN
  EXPECT_EQ(t.Log(), "");
  EXPECT_FALSE(t.HasOutput());
  t.Send(Command({.itt = 10, .cmd_sn = 100}));
  for (uint32_t itt = 10; itt < 13; ++itt) {
    const Pdu p = t.Take();
    EXPECT_EQ(p.U32(16), itt);
    EXPECT_EQ(p.U32(28), 103u);
  }
  EXPECT_FALSE(t.HasOutput());
  EXPECT_EQ(t.session->max_cmd_sn(), 106u);
}

TEST(Window, WrapsAtTwoToThe32) {
  TestTarget t;
  t.Send(LoginRequest({.cmd_sn = 0xfffffffe}, Text({kInitiator, kTarget})));
  t.Take();
  for (uint32_t i = 0; i < 5; ++i) {
    t.Send(Command({.itt = i, .cmd_sn = 0xfffffffe + i}));
    EXPECT_EQ(t.Take().U32(28), 0xffffffff + i);
  }
}

TEST(Window, ClosesWhenFull) {
  TestTarget t;
  t.connection_options.limits.command_slots = t.session_options.limits.command_slots = 2;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100}));
  t.Send(Command({.itt = 2, .cmd_sn = 101}));
  t.Send(Command({.itt = 3, .cmd_sn = 102}));
  EXPECT_EQ(t.Log(), "command 0\ncommand 1\n");
  t.Send(Ping(0x77, kNoTag, 102, "x"));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U32(28), 102u);
  EXPECT_EQ(p.U32(32), 101u);
}

TEST(Tags, RetryIsIgnoredAndReuseRejected) {
  TestTarget t;
  t.Login();
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100}));
  t.Send(Command({.itt = 1, .cmd_sn = 100}));
  EXPECT_FALSE(t.HasOutput());  // TaskRetry
  // TaskTagInUse.
  const Pdu reuse = Command({.itt = 1, .cmd_sn = 101});
  t.Send(reuse);
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x3f);
  EXPECT_EQ(p.U8(2), 0x07);
  EXPECT_EQ(p.U32(16), kNoTag);
  EXPECT_EQ(p.data, reuse.header);
  t.Send(Command({.itt = kNoTag, .cmd_sn = 101}));
  EXPECT_EQ(t.Take().U8(2), 0x09);
  EXPECT_EQ(t.Log(), "command 0\n");
}

TEST(Digests, BothWays) {
  TestTarget t;
  t.Login({"HeaderDigest=CRC32C", "DataDigest=CRC32C"});
  EXPECT_EQ(t.session->parameters().ImmediateData, true);
  t.Send(Command({.flags = 0xa0, .length = 333}, Pattern(333)));
  EXPECT_EQ(t.Take().U8(0), 0x21);
  EXPECT_EQ(t.last_written, Pattern(333));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 333, .offers = 333}));
  EXPECT_EQ(t.Take().data, Pattern(333));
}

TEST(Digests, OfUnstableSourcesThatAreLongerThanTheStagingMemory) {
  TestTarget t;
  t.connection_options.limits.staging_bytes = t.session_options.limits.staging_bytes = 4096;
  t.Login({"DataDigest=CRC32C"});
  t.answer_commands = false;
  const std::string source = Pattern(50001);
  t.Send(Command({.flags = 0xc0, .length = 50001}));
  EXPECT_TRUE(t.session->SendData(t.events.back().task, 0, TestTarget::AsBytesOf(source), {.unstable = true}).ok());
  EXPECT_TRUE(t.session->Complete(t.events.back().task, {}).ok());
  t.Run();
  std::string all;
  while (all.size() < source.size()) {
    const Pdu p = t.Take();
    ASSERT_EQ(p.U8(0), 0x25);
    ASSERT_LE(p.data.size(), 2048u);
    EXPECT_EQ(p.U32(40), all.size());
    all += p.data;
  }
  EXPECT_EQ(all, source);
  EXPECT_FALSE(t.HasOutput());
}

TEST(Digests, UnstableSourcesNeedStagingMemory) {
  TestTarget t;
  t.connection_options.limits.staging_bytes = t.session_options.limits.staging_bytes = 4095;
  t.Login({"DataDigest=CRC32C"});
  t.answer_commands = false;
  t.Send(Command({.flags = 0xc0, .length = 8}));
  const std::string source = Pattern(8);
  EXPECT_EQ(t.session->SendData(t.events.back().task, 0, TestTarget::AsBytesOf(source), {.unstable = true}).code,
            ErrorCode::kCallArgument);
}

TEST(Digests, BadImmediateDataRejectsTheCommandWhole) {
  TestTarget t;
  t.Login({"HeaderDigest=CRC32C", "DataDigest=CRC32C"});
  Pdu bad = Command({.itt = 1, .flags = 0xa0, .length = 64}, Pattern(64));
  bad.bad_data_digest = true;
  t.Send(bad);
  t.Send(Command({.itt = 2, .cmd_sn = 101}));
  Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x3f);
  EXPECT_EQ(p.U8(2), 0x02);
  EXPECT_EQ(p.U32(28), 100u) << "its CmdSN is not received";
  EXPECT_EQ(p.data, bad.header);
  EXPECT_EQ(t.Log(), "begin 0 0+64\naborted 0\nreleased 0\n");
  EXPECT_FALSE(t.HasOutput());
  bad.bad_data_digest = false;
  t.Send(bad);
  EXPECT_EQ(t.Take().U32(16), 1u);
  EXPECT_EQ(t.Take().U32(16), 2u);
  EXPECT_EQ(t.last_written, Pattern(64));
}

TEST(Digests, BadDataOutFailsTheTaskAfterTheLastSequence) {
  TestTarget t;
  t.Login({"DataDigest=CRC32C", "ImmediateData=No"});
  t.Send(Command({.flags = 0xa0, .length = 128}));
  const Pdu r2t = t.Take();
  Pdu bad = DataOut({.ttt = r2t.U32(20), .final = false}, Pattern(64));
  bad.bad_data_digest = true;
  t.Send(bad);
  EXPECT_EQ(t.Take().U8(2), 0x02);
  EXPECT_FALSE(t.HasOutput());
  t.Send(DataOut({.ttt = r2t.U32(20), .data_sn = 1, .offset = 64}, Pattern(64)));
  const Pdu p = t.Take();
  EXPECT_EQ(p.U8(0), 0x21);
  EXPECT_EQ(p.U8(3), 0x02);
  EXPECT_EQ(static_cast<uint8_t>(p.data[2 + 2]), 0x0b);
  EXPECT_EQ(static_cast<uint8_t>(p.data[2 + 12]), 0x47);
  EXPECT_EQ(static_cast<uint8_t>(p.data[2 + 13]), 0x05);
  EXPECT_EQ(t.Log(), "command 0\naborted 0\nreleased 0\n");
}

TEST(Digests, BadHeaderEndsTheConnection) {
  TestTarget t;
  t.Login({"HeaderDigest=CRC32C"});
  Pdu bad = Command({});
  bad.bad_header_digest = true;
  t.Send(bad);
  ASSERT_TRUE(t.disconnect.has_value());
  EXPECT_EQ(t.disconnect->error.code, ErrorCode::kHeaderDigest);
}

TEST(Transport, LossReleasesEveryTaskOnce) {
  TestTarget t;
  t.Login({"ImmediateData=No"});
  t.answer_commands = false;
  t.Send(Command({.itt = 1, .cmd_sn = 100, .flags = 0xa0, .length = 64}));
  t.Send(Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 64}));
  t.Send(Command(
      {.itt = 4, .cmd_sn = 103, .flags = 0xc0, .length = 64}));  // behind a hole: never told
  const std::string source = Pattern(64);
  t.transmit = false;
  EXPECT_TRUE(
      t.session->SendData(t.events[1].task, 0, TestTarget::AsBytesOf(source), {.notify = true})
          .ok());
  t.Close();
  EXPECT_EQ(
      t.Log(),
      "command 0\ncommand 1\naborted 0\nsource 1 0+64\naborted 1\nreleased 0\nreleased 1\nended\n");
}

TEST(Chunking, EverySplitGivesTheSameBytesAndEvents) {
  const auto run = [](size_t cut, size_t chunk) {
    auto t = std::make_unique<TestTarget>();
    t->lookup.offer.InitialR2T = false;
    t->Login({"InitialR2T=No", "HeaderDigest=CRC32C", "DataDigest=CRC32C", "FirstBurstLength=512"});
    std::string stream;
    for (const Pdu& p :
         {Command({.itt = 1, .cmd_sn = 100, .flags = 0x20, .length = 300}, Pattern(100)),
          DataOut({.itt = 1, .offset = 100}, Pattern(200, 100)), Ping(0x40, kNoTag, 101, "ping!"),
          Command({.itt = 2, .cmd_sn = 101, .flags = 0xc0, .length = 70, .offers = 70}),
          Function({.function = 5, .cmd_sn = 102})}) {
      stream += p.Bytes(true, true);
    }
    t->chunk = chunk;
    t->transmit = false;
    t->SendBytes(std::string_view(stream).substr(0, cut));
    t->SendBytes(std::string_view(stream).substr(std::min(cut, stream.size())));
    t->transmit = true;
    t->Run();
    EXPECT_EQ(t->last_written, Pattern(300));
    return std::pair(std::make_pair(t->raw_output(), t->Log()), stream.size());
  };
  const auto [whole, size] = run(SIZE_MAX, SIZE_MAX);
  EXPECT_EQ(run(SIZE_MAX, 1).first, whole);
  EXPECT_EQ(run(SIZE_MAX, 3).first, whole);
  for (size_t cut = 0; cut <= size; ++cut) ASSERT_EQ(run(cut, SIZE_MAX).first, whole) << cut;
}

}  // namespace
}  // namespace isthmus::target
