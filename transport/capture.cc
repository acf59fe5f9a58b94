#include "transport/capture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "transport/socket.h"

namespace isthmus::transport {
namespace {

// pcapng (draft-ietf-opsawg-pcapng): blocks are written in this machine's byte order, which the section header tells.
constexpr uint32_t kSectionHeader = 0x0A0D0D0A, kInterface = 1, kEnhancedPacket = 6;
constexpr uint16_t kLinkTypeRaw = 101;
constexpr size_t kMaxSegment = 65535 - 40 - 20;
constexpr uint8_t kFin = 1, kSyn = 2, kPush = 8, kAck = 16;

template <class T>
void Put(std::vector<std::byte>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

std::vector<std::byte> FileHeader() {
  std::vector<std::byte> out;
  Put<uint32_t>(out, kSectionHeader);
  Put<uint32_t>(out, 28);
  Put<uint32_t>(out, 0x1A2B3C4D);
  Put<uint16_t>(out, 1);
  Put<uint16_t>(out, 0);
  Put<uint64_t>(out, ~uint64_t{0});
  Put<uint32_t>(out, 28);
  Put<uint32_t>(out, kInterface);
  Put<uint32_t>(out, 32);
  Put<uint16_t>(out, kLinkTypeRaw);
  Put<uint16_t>(out, 0);
  Put<uint32_t>(out, 0);
  Put<uint16_t>(out, 9);  // if_tsresol: nanoseconds
  Put<uint16_t>(out, 1);
  Put<uint32_t>(out, 9);
  Put<uint32_t>(out, 0);  // opt_endofopt
  Put<uint32_t>(out, 32);
  return out;
}

bool IsSecretKey(std::string_view key) {
  // CHAP_R (section 12.1.3) and SRP's proofs; "password" is no key of the RFC but some stacks send it.
  return key == "CHAP_R" || key == "SRP_M" || key == "SRP_HM" || key == "Password";
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaptureFile>> CaptureFile::Create(const std::string& path,
                                                                 CaptureOptions options) {
  // Captures hold a disk's data: for the owner's eyes only.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(absl::StrCat(path, ": cannot write the capture"), errno);
  std::FILE* file = fdopen(fd, "wb");
  std::unique_ptr<CaptureFile> capture(new CaptureFile(file, path, options));
  std::setvbuf(file, nullptr, _IOFBF, 1 << 20);
  const std::vector<std::byte> header = FileHeader();
  std::fwrite(header.data(), 1, header.size(), file);
  return capture;
}

CaptureFile::~CaptureFile() { std::fclose(file_); }

void CaptureFile::Write(std::span<const std::byte> header, std::span<const std::byte> payload) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t ns =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  const uint32_t size = static_cast<uint32_t>(header.size() + payload.size());
  const uint32_t padded = (size + 3) & ~3u;
  const uint32_t block = 32 + padded;
  const std::array<uint32_t, 7> head = {
      kEnhancedPacket,           block, 0,   static_cast<uint32_t>(ns >> 32),
      static_cast<uint32_t>(ns), size,  size};
  const std::array<std::byte, 4> zero{};
  std::lock_guard<std::mutex> lock(mutex_);
  std::fwrite(head.data(), 1, sizeof head, file_);
  std::fwrite(header.data(), 1, header.size(), file_);
  std::fwrite(payload.data(), 1, payload.size(), file_);
  std::fwrite(zero.data(), 1, padded - size, file_);
  std::fwrite(&block, 1, sizeof block, file_);
}

absl::Status CaptureFile::Flush() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (std::fflush(file_) != 0 || std::ferror(file_) != 0) {
    return absl::DataLossError(absl::StrCat(path_, ": the capture could not be written whole"));
  }
  return absl::OkStatus();
}

void LoginMask::Apply(std::span<const std::byte> bytes, std::byte* out) {
  size_t i = 0;
  for (; i < bytes.size() && !over_; ++i) out[i] = Step(bytes[i]);
  if (i < bytes.size()) std::memcpy(out + i, bytes.data() + i, bytes.size() - i);
}

std::byte LoginMask::Step(std::byte b) {
  if (text_left_ > 0) {
    --text_left_;
    if (skip_left_ > 0) {
      --skip_left_;
      return b;
    }
    if (data_left_ == 0) return b;  // padding
    --data_left_;
    return StepText(b);
  }
  header_[header_have_++] = b;
  if (header_have_ == 1) {
    const unsigned opcode = std::to_integer<unsigned>(b) & 0x3f;
    if (opcode != 0x03 && opcode != 0x23) over_ = true;
  }
  if (header_have_ == header_.size()) {
    header_have_ = 0;
    const auto at = [this](size_t i) { return std::to_integer<uint32_t>(header_[i]); };
    skip_left_ = at(4) * 4;
    data_left_ = at(5) << 16 | at(6) << 8 | at(7);
    text_left_ = skip_left_ + ((data_left_ + 3) & ~uint64_t{3});
  }
  return b;
}

std::byte LoginMask::StepText(std::byte b) {
  const char c = static_cast<char>(b);
  if (c == '\0') {
    key_size_ = 0;
    in_value_ = masking_ = false;
    return b;
  }
  if (in_value_) return masking_ ? std::byte{'*'} : b;
  if (c == '=') {
    in_value_ = true;
    masking_ = key_size_ < key_.size() && IsSecretKey({key_.data(), key_size_});
    return b;
  }
  if (key_size_ < key_.size()) key_[key_size_++] = c;
  return b;
}

namespace {

// An IP header and a TCP header of 20 bytes, with the fields that never change.
std::vector<std::byte> Template(const Address& from, const Address& to) {
  std::vector<std::byte> out;
  in6_addr from6, to6;
  in_addr from4, to4;
  if (inet_pton(AF_INET6, from.host.c_str(), &from6) == 1 &&
      inet_pton(AF_INET6, to.host.c_str(), &to6) == 1) {
    Put<uint32_t>(out, htonl(0x60000000));
    Put<uint16_t>(out, 0);  // payload length
    Put<uint8_t>(out, 6);
    Put<uint8_t>(out, 64);
    Put(out, from6);
    Put(out, to6);
  } else {
    if (inet_pton(AF_INET, from.host.c_str(), &from4) != 1) from4.s_addr = 0;
    if (inet_pton(AF_INET, to.host.c_str(), &to4) != 1) to4.s_addr = 0;
    Put<uint16_t>(out, htons(0x4500));
    Put<uint16_t>(out, 0);  // total length
    Put<uint32_t>(out, 0);
    Put<uint8_t>(out, 64);
    Put<uint8_t>(out, 6);
    Put<uint16_t>(out, 0);
    Put(out, from4);
    Put(out, to4);
  }
  Put<uint16_t>(out, htons(from.port));
  Put<uint16_t>(out, htons(to.port));
  out.resize(out.size() + 16);
  return out;
}

void PutAt16(std::vector<std::byte>& out, size_t at, uint16_t value) {
  value = htons(value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void PutAt32(std::vector<std::byte>& out, size_t at, uint32_t value) {
  value = htonl(value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

}  // namespace

CaptureTap::CaptureTap(CaptureFile& file, const Address& local, const Address& peer,
                       bool local_connected)
    : file_(file) {
  local_.header = Template(local, peer);
  peer_.header = Template(peer, local);
  Direction& opener = local_connected ? local_ : peer_;
  Direction& answerer = local_connected ? peer_ : local_;
  Packet(opener, answerer, kSyn, {});
  opener.sequence = 1;
  Packet(answerer, opener, kSyn | kAck, {});
  answerer.sequence = 1;
  Packet(opener, answerer, kAck, {});
}

CaptureTap::~CaptureTap() {
  Packet(local_, peer_, kFin | kAck, {});
  local_.sequence += 1;
  Packet(peer_, local_, kFin | kAck, {});
}

void CaptureTap::Packet(Direction& from, const Direction& to, uint8_t flags,
                        std::span<const std::byte> payload) {
  std::vector<std::byte>& header = from.header;
  const bool ipv6 = (std::to_integer<unsigned>(header[0]) >> 4) == 6;
  const size_t tcp = ipv6 ? 40 : 20;
  if (ipv6) {
    PutAt16(header, 4, static_cast<uint16_t>(20 + payload.size()));
  } else {
    PutAt16(header, 2, static_cast<uint16_t>(40 + payload.size()));
  }
  PutAt32(header, tcp + 4, from.sequence);
  PutAt32(header, tcp + 8, (flags & kAck) != 0 ? to.sequence : 0);
  header[tcp + 12] = std::byte{0x50};
  header[tcp + 13] = static_cast<std::byte>(flags);
  PutAt16(header, tcp + 14, 65535);
  file_.Write(header, payload);
}

void CaptureTap::Stream(Direction& from, const Direction& to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::span<const std::byte> part = bytes.first(std::min(bytes.size(), kMaxSegment));
    bytes = bytes.subspan(part.size());
    if (!file_.options().secrets) {
      scratch_.resize(std::max(scratch_.size(), part.size()));
      from.mask.Apply(part, scratch_.data());
      part = std::span<const std::byte>(scratch_.data(), part.size());
    }
    Packet(from, to, kPush | kAck, part);
    from.sequence += static_cast<uint32_t>(part.size());
  }
}

void CaptureTap::OnReceived(std::span<const std::byte> bytes) { Stream(peer_, local_, bytes); }
void CaptureTap::OnSent(std::span<const std::byte> bytes) { Stream(local_, peer_, bytes); }

}  // namespace isthmus::transport
