#include "transport/capture.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace isthmus::transport {
namespace {

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A PDU by its first byte and data segment, with everything else zero.
std::string Pdu(uint8_t opcode, const std::string& data) {
  std::string pdu(48, '\0');
  pdu[0] = static_cast<char>(opcode);
  pdu[5] = static_cast<char>(data.size() >> 16);
  pdu[6] = static_cast<char>(data.size() >> 8);
  pdu[7] = static_cast<char>(data.size());
  pdu += data;
  pdu.resize((pdu.size() + 3) & ~size_t{3});
  return pdu;
}

std::string Mask(const std::string& stream, size_t chunk) {
  LoginMask mask;
  std::string out(stream.size(), '\0');
  for (size_t at = 0; at < stream.size(); at += chunk) {
    const size_t part = std::min(chunk, stream.size() - at);
    mask.Apply(std::as_bytes(std::span(stream.data() + at, part)),
               reinterpret_cast<std::byte*>(out.data() + at));
  }
  return out;
}

TEST(LoginMask, HidesChapResponsesAtEqualLengthForEveryChunking) {
  const std::string text("CHAP_N=user\0CHAP_R=0x0123456789abcdef\0CHAP_I=7\0", 48);
  const std::string hidden("CHAP_N=user\0CHAP_R=******************\0CHAP_I=7\0", 48);
  ASSERT_EQ(text.size(), hidden.size());
  const std::string stream = Pdu(0x43, text) + Pdu(0x43, text.substr(0, 5));
  const std::string expected = Pdu(0x43, hidden) + Pdu(0x43, text.substr(0, 5));
  for (size_t chunk = 1; chunk <= stream.size(); ++chunk)
    ASSERT_EQ(Mask(stream, chunk), expected) << chunk;
}

TEST(LoginMask, HidesAValueThatGoesOnInTheNextPduOfTheLogin) {
  const std::string stream = Pdu(0x43, "CHAP_R=0x01") + Pdu(0x43, std::string("2345\0A=b\0", 9));
  EXPECT_EQ(Mask(stream, 3), Pdu(0x43, "CHAP_R=****") + Pdu(0x43, std::string("****\0A=b\0", 9)));
}

TEST(LoginMask, LeavesTheDiskAlone) {
  const std::string data("x\0CHAP_R=0x0123", 15);
  const std::string stream = Pdu(0x43, std::string("A=b\0", 4)) + Pdu(0x05, data) + Pdu(0x43, data);
  EXPECT_EQ(Mask(stream, 10), stream);
}

TEST(Capture, WritesBlocksThatAReaderCanWalkWithTheBytesInThem) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/walk.pcapng";
  {
    absl::StatusOr<std::unique_ptr<CaptureFile>> file = CaptureFile::Create(path, {});
    ASSERT_TRUE(file.ok()) << file.status();
    CaptureTap tap(**file, {"127.0.0.1", 40000}, {"127.0.0.1", 3260}, /*local_connected=*/true);
    const std::string sent = Pdu(0x43, std::string("CHAP_R=secret-bytes\0", 20));
    tap.OnSent(std::as_bytes(std::span(sent.data(), sent.size())));
    const std::string large(200'000, 'd');
    tap.OnReceived(std::as_bytes(std::span(large.data(), large.size())));
    EXPECT_TRUE((*file)->Flush().ok());
  }
  const std::string bytes = Read(path);
  EXPECT_EQ(bytes.find("secret-bytes"), std::string::npos);
  size_t packets = 0, payload = 0;
  for (size_t at = 0; at < bytes.size();) {
    uint32_t type, size, again;
    ASSERT_LE(at + 12, bytes.size());
    std::memcpy(&type, bytes.data() + at, 4);
    std::memcpy(&size, bytes.data() + at + 4, 4);
    ASSERT_EQ(size % 4, 0u);
    ASSERT_LE(at + size, bytes.size());
    std::memcpy(&again, bytes.data() + at + size - 4, 4);
    ASSERT_EQ(size, again);
    if (type == 6) {
      uint32_t captured;
      std::memcpy(&captured, bytes.data() + at + 20, 4);
      ++packets;
      payload += captured - 40;
    }
    at += size;
  }
  EXPECT_EQ(payload, 48u + 20u + 200'000u);
  EXPECT_EQ(packets,
            3u + 1u + 4u + 2u);  // handshake, login, data in IP's largest packets, both ends' close
}

TEST(Capture, NamesThePathThatCannotBeWritten) {
  const absl::Status status = CaptureFile::Create("/nonexistent/x.pcapng", {}).status();
  EXPECT_NE(status.message().find("/nonexistent/x.pcapng"), std::string::npos);
}

}  // namespace
}  // namespace isthmus::transport
