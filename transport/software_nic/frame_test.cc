#include "transport/software_nic/frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace isthmus::transport {
namespace {

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// 10.77.0.1:3260 to 10.77.0.2:40000, sequence 0x01020304, `size` bytes that count up.
std::vector<std::byte> Segment(size_t size, uint8_t flags = 0x18) {
  const auto high = [](size_t n) { return static_cast<int>(n >> 8 & 0xff); };
  const auto low = [](size_t n) { return static_cast<int>(n & 0xff); };
  std::vector<std::byte> frame = Bytes({2,
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
                                        0x08,
                                        0x00,  // Ethernet, IPv4
                                        0x45,
                                        0,
                                        high(40 + size),
                                        low(40 + size),
                                        0,
                                        7,
                                        0x40,
                                        0,
                                        64,
                                        6,
                                        0,
                                        0,
                                        10,
                                        77,
                                        0,
                                        1,
                                        10,
                                        77,
                                        0,
                                        2,
                                        0x0c,
                                        0xbc,
                                        0x9c,
                                        0x40,
                                        1,
                                        2,
                                        3,
                                        4,
                                        5,
                                        6,
                                        7,
                                        8,
                                        0x50,
                                        flags,
                                        1,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0});  // TCP
  for (size_t i = 0; i < size; ++i) frame.push_back(static_cast<std::byte>(i));
  TcpFrame tcp;
  EXPECT_TRUE(ParseTcp(frame, &tcp));
  SetChecksums(frame, tcp);
  return frame;
}

TEST(Frame, IsParsed) {
  TcpFrame tcp;
  ASSERT_TRUE(ParseTcp(Segment(100), &tcp));
  EXPECT_EQ(tcp.payload, 54u);
  EXPECT_EQ(tcp.payload_size, 100u);
  EXPECT_EQ(tcp.sequence, 0x01020304u);
  EXPECT_EQ(tcp.acknowledgement, 0x05060708u);
  EXPECT_EQ(tcp.source.port, 3260);
  EXPECT_EQ(tcp.destination.port, 40000);
  EXPECT_TRUE(tcp.ack);
  EXPECT_FALSE(tcp.syn);
}

TEST(Frame, NoTcpIsRefused) {
  TcpFrame tcp;
  for (size_t size = 0; size < 54; ++size) {
    const std::vector<std::byte> frame = Segment(0);
    EXPECT_FALSE(ParseTcp(std::span(frame).first(size), &tcp)) << size;
  }
  for (const auto& [at, value] : {std::pair<size_t, int>{12, 0x86},
                                  {14, 0x44},
                                  {20, 0x20},
                                  {23, 17},
                                  {46, 0x40},
                                  {46, 0xf0}}) {
    std::vector<std::byte> frame = Segment(0);
    frame[at] = static_cast<std::byte>(
        value);  // another type, a short header, a fragment, UDP, TCP's length
    EXPECT_FALSE(ParseTcp(frame, &tcp)) << at;
  }
}

// RFC 1071: the sum of a frame computed by hand, here by another way: word by word, big-endian.
uint16_t SlowSum(const std::vector<std::byte>& frame) {
  uint32_t sum = 6 + static_cast<uint32_t>(frame.size() - 34);
  for (size_t i = 26; i < 34; i += 2)
    sum += std::to_integer<uint32_t>(frame[i]) << 8 | std::to_integer<uint32_t>(frame[i + 1]);
  for (size_t i = 34; i < frame.size(); i += 2) {
    sum += std::to_integer<uint32_t>(frame[i]) << 8;
    if (i + 1 < frame.size()) sum += std::to_integer<uint32_t>(frame[i + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

TEST(Frame, ChecksumIsRightAndMended) {
  for (const size_t size : {0u, 1u, 2u, 99u, 100u}) {
    std::vector<std::byte> frame = Segment(size);
    TcpFrame tcp;
    ASSERT_TRUE(ParseTcp(frame, &tcp));
    EXPECT_EQ(SlowSum(frame), 0xffff);
    EXPECT_TRUE(TcpChecksumAgrees(frame, tcp));
    for (size_t at = 0; at + 4 <= size; ++at) {
      ReplacePayload(frame, tcp, at, Bytes({0xa5, 0x00, 0xff, 0x3c}));
      ASSERT_EQ(SlowSum(frame), 0xffff) << size << " " << at;
    }
    if (size == 0) continue;
    ReplacePayload(frame, tcp, size - 1, Bytes({0x77}));
    EXPECT_EQ(SlowSum(frame), 0xffff);
    frame[54] ^= std::byte{1};
    EXPECT_FALSE(TcpChecksumAgrees(frame, tcp));
  }
}

TEST(Frame, IsCutIntoSegmentsThatContinueOneAnother) {
  const std::vector<std::byte> whole = Segment(100, 0x19);  // FIN, PSH, ACK
  TcpFrame tcp;
  ASSERT_TRUE(ParseTcp(whole, &tcp));
  std::vector<std::byte> joined;
  std::vector<bool> fins;
  CutSegment(whole, tcp, 40, [&](std::span<std::byte> piece) {
    TcpFrame cut;
    ASSERT_TRUE(ParseTcp(piece, &cut));
    EXPECT_TRUE(TcpChecksumAgrees(piece, cut));
    EXPECT_EQ(cut.sequence, 0x01020304u + joined.size());
    joined.insert(joined.end(), piece.begin() + 54, piece.end());
    fins.push_back(cut.fin);
  });
  EXPECT_EQ(joined, std::vector<std::byte>(whole.begin() + 54, whole.end()));
  EXPECT_EQ(fins, (std::vector<bool>{false, false, true}));
}

TEST(Frame, TooBigGoesBackAndQuotesTheSegment) {
  const std::vector<std::byte> frame = Segment(100);
  TcpFrame tcp;
  ASSERT_TRUE(ParseTcp(frame, &tcp));
  std::array<std::byte, 256> answer;
  const size_t size = TooBig(frame, tcp, 1400, answer);
  ASSERT_EQ(size, 14u + 20 + 8 + 40);
  EXPECT_EQ(answer[5], std::byte{1});   // to the sender's address
  EXPECT_EQ(answer[34], std::byte{3});  // RFC 792: destination unreachable
  EXPECT_EQ(answer[35], std::byte{4});  // fragmentation needed
  EXPECT_EQ(std::to_integer<int>(answer[40]) << 8 | std::to_integer<int>(answer[41]),
            1400);  // RFC 1191
  EXPECT_TRUE(std::equal(frame.begin() + 14, frame.begin() + 54, answer.begin() + 42));
  EXPECT_EQ(TooBig(frame, tcp, 1400, std::span(answer).first(size - 1)), 0u);
}

}  // namespace
}  // namespace isthmus::transport
