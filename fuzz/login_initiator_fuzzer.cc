// A hostile target against the initiator's login (RFC 7143 chapter 6): never the full feature phase
// without the authentication that was asked for, exactly one end, and no difference by cuts.
//
// Input: one byte of configuration (1 CHAP, 2 mutual, 4 discovery, 8 skip security, 16 digests
// demanded, 32 received byte by byte), then responses: kind, flags, size (two bytes), text. Kind 0:
// a Login Response whose header is right but for the flags; 1: 48 bytes of the text are the header;
// 2: raw bytes; 3: the right CHAP response in a Login Response; 4: the transport closes; 5: time.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "digest/select.h"
#include "fuzz/entry_points.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "protocol/auth/hash.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"

namespace isthmus::initiator {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kTargetSecret = "secret of the target";

// Stands for MD5: fast, and nothing that chance finds.
bool Mix(std::span<const std::span<const std::byte>> parts, std::byte* out) {
  std::array<uint64_t, 2> state = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
  for (std::span<const std::byte> part : parts) {
    for (std::byte b : part) {
      state[0] = (state[0] ^ static_cast<uint64_t>(b)) * 0x100000001b3;
      state[1] = (state[1] + state[0]) * 0x94d049bb133111eb;
    }
  }
  std::memcpy(out, state.data(), 16);
  return true;
}
constexpr auth::HashAlgorithm kHash = {5, 16, Mix};

class Run {
 public:
  explicit Run(uint8_t flags) : mutual_((flags & 3) == 3), cut_((flags & 32) != 0) {
    ConnectionOptions options;
    options.initiator_name = "iqn.2026-11.example.host:a";
    if ((flags & 4) == 0) options.target_name = "iqn.2026-11.example.target:b";
    options.isid = kIsid;
    options.kernel = &digest::SelectKernel();
    options.skip_security = (flags & 8) != 0;
    options.limits.tx_entries = options.limits.tx_pdus_in_flight = 4;
    if ((flags & 16) != 0) options.offer.DataDigest = {text::DigestAlgorithm::kCRC32C};
    options.hashes = std::span(&kHash, 1);
    if ((flags & 1) != 0) {
      options.chap.name = "user";
      options.chap.secret = "secret of the user";
      if (mutual_) options.chap.target_secret = kTargetSecret;
    }
    for (size_t i = 0; i < options.entropy.size(); ++i) {
      options.entropy[i] = entropy_[i] = static_cast<std::byte>(i * 37 + 11);
    }
    connection_.emplace(Connection::OnHeap(options));
    demands_digest_ = (flags & 16) != 0;
    Flush();
  }

  void Respond(uint8_t flags, std::string_view text, const uint8_t* header) {
    std::string pdu(48, '\0');
    if (header != nullptr) {
      pdu.assign(reinterpret_cast<const char*>(header), 48);
    } else {
      pdu[0] = 0x23;
      pdu[1] = static_cast<char>(flags);
      std::memcpy(pdu.data() + 8, kIsid.data(), 6);
      pdu[15] = (flags & 0x83) == 0x83 ? 7 : 0;  // TSIH, with the final response
      pdu[27] = static_cast<char>(++stat_sn_);
    }
    pdu[5] = 0;
    pdu[6] = static_cast<char>(text.size() >> 8);
    pdu[7] = static_cast<char>(text.size());
    pdu += text;
    pdu.resize((pdu.size() + 3) / 4 * 4);
    Receive(pdu);
  }

  void RespondRightly(uint8_t flags) {
    const std::array<std::span<const std::byte>, 3> parts = {
        std::span(entropy_).first(1), std::as_bytes(std::span(kTargetSecret)),
        std::span(entropy_).subspan(1, 32)};
    std::array<std::byte, 16> digest;
    Mix(parts, digest.data());
    std::string text("CHAP_N=t\0CHAP_R=0x", 18);
    for (std::byte b : digest) {
      text += "0123456789abcdef"[static_cast<int>(b) >> 4];
      text += "0123456789abcdef"[static_cast<int>(b) & 15];
    }
    text += '\0';
    answered_ = true;
    Respond(flags, text, nullptr);
  }

  void Receive(std::string bytes) {
    const std::string& kept = lent_.emplace_back(std::move(bytes));
    const size_t step = cut_ ? 1 : kept.size();
    for (size_t at = 0; at < kept.size(); at += step) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = std::as_bytes(std::span(kept)).subspan(at, step);
      if (!connection_->Receive(segment, now_)) return;
      received_ += step;
      Drain();
      Flush();
    }
  }

  void Close() {
    connection_->OnTransportClosed(Error::Ok());
    Drain();
  }

  void Advance(uint32_t ms) {
    now_ = now_ + Milliseconds(ms);
    connection_->HandleTimeout(now_);
    Drain();
  }

  void Finish() {
    if (ends_ == 0) Close();
    Require(ends_ == 1);
  }

 private:
  static constexpr std::array<std::byte, 6> kIsid = {std::byte{0x80}, std::byte{1}};

  void Drain() {
    Event event;
    while (connection_->Next(&event)) {
      switch (event.kind) {
        case EventKind::kLoginDone:
          Require(!mutual_ || answered_);
          Require(!demands_digest_ ||
                  connection_->parameters().DataDigest == text::DigestAlgorithm::kCRC32C);
          Require(event.tsih != 0);
          ++ends_;
          break;
        case EventKind::kLoginFailed:
          Require(!event.error.ok());
          [[fallthrough]];
        case EventKind::kRedirected:
          ++ends_;
          break;
        default:
          break;
      }
    }
  }

  void Flush() {
    std::array<TxSlice, 8> slices;
    while (const size_t count = connection_->PollTransmit(slices, now_)) {
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) size += slices[i].size;
      sent_ += size;
      connection_->OnSent(size);
      connection_->OnTransportDone(sent_);
    }
  }

  bool mutual_, cut_;
  bool demands_digest_ = false;
  bool answered_ = false;
  int ends_ = 0;
  uint8_t stat_sn_ = 0;
  std::array<std::byte, 64> entropy_;
  std::optional<Connection> connection_;
  std::deque<std::string> lent_;
  uint64_t received_ = 0, sent_ = 0;
  Instant now_ = {1'000'000'000};
};

}  // namespace
}  // namespace isthmus::initiator

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  isthmus::initiator::Run run(data[0]);
  size_t at = 1;
  for (int steps = 0; steps < 64 && at + 4 <= size; ++steps) {
    const uint8_t kind = data[at], flags = data[at + 1];
    size_t length = static_cast<size_t>(data[at + 2]) << 8 | data[at + 3];
    at += 4;
    length = std::min(length, size - at);
    const std::string_view text(reinterpret_cast<const char*>(data) + at, length);
    switch (kind % 6) {
      case 0:
        run.Respond(flags, text, nullptr);
        break;
      case 1:
        if (length >= 48) run.Respond(flags, text.substr(48), data + at);
        break;
      case 2:
        run.Receive(std::string(text));
        break;
      case 3:
        run.RespondRightly(flags);
        break;
      case 4:
        run.Close();
        break;
      default:
        run.Advance(static_cast<uint32_t>(length));
        break;
    }
    at += length;
  }
  run.Finish();
  return 0;
}
