#include "transport/software_nic/nic.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "digest/select.h"
#include "transport/software_nic/link.h"

namespace isthmus::transport {
namespace {

using Frame = std::vector<std::byte>;

// RFC 7143 section 13.1, bit by bit, reflected: shares nothing with the kernels.
uint32_t BitByBit(std::span<const std::byte> bytes) {
  uint32_t crc = 0xffffffff;
  for (const std::byte each : bytes) {
    crc ^= std::to_integer<uint32_t>(each);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

NicEndpoint End(uint8_t last, uint16_t port) {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, last}, .port = port};
}

// Two ends, 10.77.0.1:3260 (end 0) and 10.77.0.2:40000 (end 1), whose streams begin at sequence 1001 and 5001.
class Wire {
 public:
  Wire() : nic(digest::SelectKernel(), 1) {
    Send(1, -1, {}, 0x02);
    Send(0, -1, {}, 0x12);
    got.clear();
  }

  static constexpr uint32_t kFirst[2] = {1001, 5001};

  Frame Make(int end, int64_t offset, const Frame& payload, uint8_t flags = 0x18) {
    const uint32_t seq = kFirst[end] + static_cast<uint32_t>(offset);
    const size_t size = 40 + payload.size();
    const int here = end == 0 ? 1 : 2;
    Frame frame;
    for (const size_t each : std::initializer_list<size_t>{2,
                                                           0,
                                                           0,
                                                           0,
                                                           0,
                                                           2,
                                                           2,
                                                           0,
                                                           0,
                                                           0,
                                                           0,
                                                           1,
                                                           8,
                                                           0,
                                                           0x45,
                                                           0,
                                                           size >> 8,
                                                           size & 0xff,
                                                           0,
                                                           0,
                                                           0x40,
                                                           0,
                                                           64,
                                                           6,
                                                           0,
                                                           0,
                                                           10,
                                                           77,
                                                           0,
                                                           static_cast<size_t>(here),
                                                           10,
                                                           77,
                                                           0,
                                                           static_cast<size_t>(3 - here),
                                                           end == 0 ? 0x0cu : 0x9cu,
                                                           end == 0 ? 0xbcu : 0x40u,
                                                           end == 0 ? 0x9cu : 0x0cu,
                                                           end == 0 ? 0x40u : 0xbcu,
                                                           seq >> 24,
                                                           seq >> 16 & 0xff,
                                                           seq >> 8 & 0xff,
                                                           seq & 0xff,
                                                           0,
                                                           0,
                                                           0,
                                                           0,
                                                           0x50,
                                                           flags,
                                                           1,
                                                           0,
                                                           0,
                                                           0,
                                                           0,
                                                           0}) {
      frame.push_back(static_cast<std::byte>(each));
    }
    frame.insert(frame.end(), payload.begin(), payload.end());
    TcpFrame tcp;
    EXPECT_TRUE(ParseTcp(frame, &tcp));
    SetChecksums(frame, tcp);
    return frame;
  }

  void Send(int end, int64_t offset, const Frame& payload, uint8_t flags = 0x08) {
    Frame frame = Make(end, offset, payload, flags);
    nic.OnFrame(end, frame, [&](int to, std::span<const std::byte> out) {
      TcpFrame tcp;
      ASSERT_TRUE(ParseTcp(out, &tcp));
      EXPECT_TRUE(TcpChecksumAgrees(out, tcp));
      if (to == 1 - end)
        got.emplace_back(out.begin() + static_cast<ptrdiff_t>(tcp.payload), out.end());
    });
  }

  // A Data-In PDU (opcode 0x25), with both digests as RFC 7143 section 13.1 has them, or placeholders.
  static Frame Pdu(size_t data_size, bool placeholders) {
    Frame pdu(48);
    pdu[0] = std::byte{0x25};
    pdu[6] = static_cast<std::byte>(data_size >> 8);
    pdu[7] = static_cast<std::byte>(data_size);
    const auto digest = [&](size_t from) {
      const uint32_t crc = BitByBit(std::span(pdu).subspan(from));
      for (int i = 0; i < 4; ++i)
        pdu.push_back(placeholders ? std::byte{0} : static_cast<std::byte>(crc >> 8 * i));
    };
    digest(0);
    const size_t data = pdu.size();
    for (size_t i = 0; i < data_size; ++i) pdu.push_back(static_cast<std::byte>(i * 7));
    while (pdu.size() % 4 != 0) pdu.push_back(std::byte{0});
    if (data_size > 0) digest(data);
    return pdu;
  }

  std::shared_ptr<Followed> Follow(int end, bool arm) {
    owned.push_back(std::make_unique<SharedLink>());
    auto followed = std::make_shared<Followed>(owned.back().get(), [] {});
    const NicEndpoint ends[2] = {End(1, 3260), End(2, 40000)};
    EXPECT_TRUE(nic.Follow(ends[end], ends[1 - end], followed));
    followed->link().armed_digests = 3;
    if (arm) followed->link().armed_from = 0;
    return followed;
  }

  static void Announce(SharedLink& link, uint64_t offset, size_t size) {
    link.tx[link.tx_written % SharedLink::kRingSize] = {offset, static_cast<uint32_t>(size), 3};
    ++link.tx_written;
  }

  static std::vector<uint32_t> Validated(const SharedLink& link) {
    std::vector<uint32_t> validated;
    for (uint64_t i = 0; i < link.rx_written; ++i) validated.push_back(link.rx[i].validated);
    return validated;
  }

  std::vector<std::unique_ptr<SharedLink>> owned;
  SoftwareNic nic;
  std::vector<Frame> got;
};

class NicTest : public testing::Test, public Wire {};

Frame Join(std::initializer_list<Frame> parts) {
  Frame joined;
  for (const Frame& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}
Frame Part(const Frame& whole, size_t from, size_t to) {
  return Frame(whole.begin() + static_cast<ptrdiff_t>(from),
               whole.begin() + static_cast<ptrdiff_t>(to));
}

TEST_F(NicTest, UnknownConnectionsAreNotFollowed) {
  auto link = std::make_unique<SharedLink>();
  EXPECT_FALSE(
      nic.Follow(End(1, 3261), End(2, 40000), std::make_shared<Followed>(link.get(), [] {})));
}

TEST_F(NicTest, OnlyAFrameWithExactlyOneGoodPduIsValidated) {
  const auto driver = Follow(1, true);
  const Frame pdu = Pdu(100, false);
  Frame bad = pdu;
  bad[60] ^= std::byte{1};
  uint64_t at = 0;
  const auto send = [&](const Frame& payload) {
    Send(0, static_cast<int64_t>(at), payload);
    at += payload.size();
  };
  send(pdu);
  send(Pdu(0, false));
  send(bad);
  send(Join({pdu, pdu}));
  send(Part(pdu, 0, 90));
  send(Part(pdu, 90, pdu.size()));
  send(pdu);
  const SharedLink& link = driver->link();
  EXPECT_EQ(Validated(link), (std::vector<uint32_t>{1, 1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(link.frames[static_cast<size_t>(FrameKind::kExactlyOnePdu)], 3u);
  EXPECT_EQ(link.frames[static_cast<size_t>(FrameKind::kDigestDisagrees)], 1u);
  EXPECT_EQ(link.frames[static_cast<size_t>(FrameKind::kSeveralPdus)], 1u);
  EXPECT_EQ(link.frames[static_cast<size_t>(FrameKind::kPartOfOnePdu)], 2u);
  EXPECT_EQ(got.size(), 7u);
}

TEST_F(NicTest, NothingIsSaidOfBytesBeforeDigestsBegin) {
  const auto driver = Follow(1, false);
  const Frame pdu = Pdu(100, false);
  driver->link().armed_from = pdu.size();
  Send(0, 0, pdu);
  Send(0, static_cast<int64_t>(pdu.size()), pdu);
  EXPECT_EQ(Validated(driver->link()), (std::vector<uint32_t>{0, 1}));
}

TEST_F(NicTest, PlaceholdersAreFilledHoweverThePduIsCut) {
  for (size_t size : {0u, 1u, 4u, 100u}) {
    const Frame blank = Pdu(size, true), whole = Pdu(size, false);
    for (size_t cut = 0; cut < blank.size(); ++cut) {
      Wire fresh;
      const auto driver = fresh.Follow(0, true);
      Announce(driver->link(), 0, blank.size());
      if (cut > 0) fresh.Send(0, 0, Part(blank, 0, cut));
      fresh.Send(0, static_cast<int64_t>(cut), Part(blank, cut, blank.size()));
      // Again, cut otherwise: the same bytes.
      fresh.Send(0, 0, blank);
      ASSERT_EQ(fresh.got.size(), cut > 0 ? 3u : 2u) << size << " " << cut;
      const Frame first = cut > 0 ? Join({fresh.got[0], fresh.got[1]}) : fresh.got[0];
      ASSERT_EQ(first, whole) << size << " " << cut;
      ASSERT_EQ(fresh.got.back(), whole) << size << " " << cut;
    }
  }
}

TEST_F(NicTest, SeveralPdusInOneFrameAreFilledAndOthersLeftAlone) {
  const auto driver = Follow(0, true);
  const Frame blank = Pdu(10, true), whole = Pdu(10, false);
  Announce(driver->link(), blank.size(), blank.size());
  Send(0, 0, Join({blank, blank, blank}));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0], Join({blank, whole, blank}));
}

TEST_F(NicTest, AFrameThatCannotBeFilledIsNotSent) {
  const auto driver = Follow(0, true);
  const Frame blank = Pdu(100, true);
  Announce(driver->link(), 0, blank.size());
  Send(0, 60, Part(blank, 60, blank.size()));  // the header was never here
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(nic.counters().not_fillable, 1u);
}

TEST_F(NicTest, ADriverThatLeftHasItsLastPdusFilledStill) {
  const auto driver = Follow(0, true);
  const Frame blank = Pdu(100, true), whole = Pdu(100, false);
  Announce(driver->link(), 0, blank.size());
  driver->gone = true;
  Send(0, 0, blank);
  Send(0, 0, blank);
  EXPECT_EQ(got, (std::vector<Frame>{whole, whole}));
}

TEST_F(NicTest, CorruptionIsHiddenFromTcpAndNotVouchedFor) {
  const auto driver = Follow(1, true);
  nic.weather.corrupt = 1;
  const Frame pdu = Pdu(100, false);
  Send(0, 0, pdu);  // Send checks TCP's sum
  ASSERT_EQ(got.size(), 1u);
  EXPECT_NE(got[0], pdu);
  EXPECT_EQ(Validated(driver->link()), (std::vector<uint32_t>{0}));
  EXPECT_EQ(nic.counters().corrupted, 1u);
}

TEST_F(NicTest, WeatherNeverChangesTheBytesThatArrive) {
  const auto driver = Follow(1, true);
  nic.weather = {.reorder = 3, .duplicate = 3, .recut = 3};
  const Frame pdu = Pdu(100, false);
  Frame sent;
  for (int i = 0; i < 200; ++i) {
    Send(0, static_cast<int64_t>(sent.size()), pdu);
    sent = Join({sent, pdu});
  }
  // What the driver would believe: good runs must be whole PDUs.
  VerdictMap map;
  const SharedLink& link = driver->link();
  for (uint64_t i = 0; i < link.rx_written; ++i) map.Add(link.rx[i]);
  std::vector<RxRun> runs(1000);
  runs.resize(map.Take(0, sent.size(), 1, runs));
  uint64_t good = 0, at = 0;
  for (const RxRun& run : runs) {
    if (run.data.verdict == digest::DigestVerdict::kGood) {
      EXPECT_EQ(at % pdu.size(), 0u);
      EXPECT_EQ(run.bytes % pdu.size(), 0u);
      good += run.bytes / pdu.size();
    }
    at += run.bytes;
  }
  EXPECT_GT(good, 50u);
  EXPECT_LT(good, 190u);
  EXPECT_GT(nic.counters().reordered, 0u);
  EXPECT_GT(nic.counters().duplicated, 0u);
  EXPECT_GT(nic.counters().recut, 0u);
}

TEST_F(NicTest, FramesLongerThanThePathAreAnswered) {
  nic.weather.mtu = 600;
  Frame frame = Make(0, 0, Frame(700));
  std::vector<int> to;
  nic.OnFrame(0, frame, [&](int end, std::span<const std::byte>) { to.push_back(end); });
  EXPECT_EQ(to, std::vector<int>{0});
  EXPECT_EQ(nic.counters().too_big, 1u);
}

constexpr auto kGood = digest::DigestVerdict::kGood, kUnchecked = digest::DigestVerdict::kUnchecked;

// {bytes, verdict} of each run.
std::vector<std::pair<size_t, digest::DigestVerdict>> Take(VerdictMap& map, uint64_t at,
                                                           size_t bytes, size_t room = 8) {
  std::vector<RxRun> runs(room);
  runs.resize(map.Take(at, bytes, 1, runs));
  std::vector<std::pair<size_t, digest::DigestVerdict>> taken;
  for (const RxRun& run : runs) taken.emplace_back(run.bytes, run.data.verdict);
  return taken;
}
using Runs = std::vector<std::pair<size_t, digest::DigestVerdict>>;

TEST(VerdictMap, JoinsWhatIsAlikeAndCutsWhatIsNot) {
  VerdictMap map;
  map.Add({0, 10, 1});
  map.Add({10, 10, 1});
  map.Add({20, 10, 0});
  map.Add({30, 10, 1});
  EXPECT_EQ(map.Limit(0, 2), 30u);
  EXPECT_EQ(Take(map, 0, 15), (Runs{{15, kGood}}));
  EXPECT_EQ(Take(map, 15, 25), (Runs{{5, kGood}, {10, kUnchecked}, {10, kGood}}));
}

TEST(VerdictMap, WithoutARecordNothingIsVouchedFor) {
  VerdictMap map;
  map.Add({0, 10, 1});
  EXPECT_EQ(Take(map, 0, 20), (Runs{{10, kGood}, {10, kUnchecked}}));
}

TEST(VerdictMap, BytesThatCameTwiceAreGoodOnlyIfTheyWereEachTime) {
  VerdictMap map;
  map.Add({0, 30, 1});
  map.Add({10, 10, 0});
  map.Add({20, 20, 1});
  EXPECT_EQ(Take(map, 0, 40), (Runs{{10, kGood}, {10, kUnchecked}, {20, kGood}}));
  VerdictMap other;
  other.Add({0, 10, 0});
  other.Add({0, 10, 1});
  EXPECT_EQ(Take(other, 0, 10), (Runs{{10, kUnchecked}}));
}

TEST(VerdictMap, AGapIsGoodWhenWhatWasMissingCame) {
  VerdictMap map;
  map.Add({20, 10, 1});
  map.Add({0, 10, 1});
  map.Add({10, 10, 0});
  EXPECT_EQ(Take(map, 0, 30), (Runs{{10, kGood}, {10, kUnchecked}, {10, kGood}}));
}

TEST(VerdictMap, LateRecordsOfTakenBytesSayNothing) {
  VerdictMap map;
  map.Add({0, 10, 0});
  EXPECT_EQ(Take(map, 0, 10), (Runs{{10, kUnchecked}}));
  map.Add({0, 20, 1});
  EXPECT_EQ(Take(map, 10, 10), (Runs{{10, kGood}}));
}

TEST(VerdictMap, WhereRoomEndsTrustEnds) {
  VerdictMap map;
  map.Add({0, 10, 1});
  map.Add({10, 10, 0});
  map.Add({20, 10, 1});
  EXPECT_EQ(Take(map, 0, 30, 2), (Runs{{10, kGood}, {20, kUnchecked}}));
}

}  // namespace
}  // namespace isthmus::transport
