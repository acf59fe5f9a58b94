// A hostile target against the initiator's login (RFC 7143 chapter 6): never the full feature phase
// without the authentication that was asked for, exactly one end, and no difference by cuts.
//
// Input: a script (fuzz/script.h). Configuration: 1 CHAP, 2 mutual, 4 discovery, 8 skip security, 16 digests demanded, 32
// received byte by byte. A step is a kind, flags and text. Kind 0: a Login Response whose header is right but for the flags;
// 1: 48 bytes of the text are the header; 2: raw bytes; 3: the right CHAP response in a Login Response; 4: the transport
// closes; 5: time.

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
#include <utility>
#include <vector>

#include "digest/select.h"
#include "fuzz/cells.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "fuzz/script.h"
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

// How far the login has come, by the CSG of the last request (section 11.12.3).
constexpr const char* kRows[] = {"security", "operational", "CHAP under way", "ended"};
constexpr fuzz::CellBoard kBoard = {
    .rows = kRows, .columns = fuzz::kResponseOpcodes, .unreachable = {}};

constexpr std::string_view kHeaders[] = {
    "23 87 0000 00000000 8001000000000000 00000000 00000000 00000001 00000001 00000001 "
    "000000000000000000000000",
    "23 81 0000 00000000 8001000000000000 00000000 00000000 00000001 00000001 00000001 "
    "000000000000000000000000",
    "23 00 0000 00000000 8001000000000000 00000000 00000000 00000001 00000001 00000001 "
    "000000000000000000000000",
    "23 87 0000 00000000 8001000000000001 00000000 00000000 00000001 00000001 00000001 "
    "000000000000000000000000",
    "23 00 0000 00000000 8001000000000000 00000000 00000000 00000001 00000001 00000001 "
    "020100000000000000000000",
    "3f 80 0400 00000000 0000000000000000 ffffffff 00000000 00000001 00000001 00000001 "
    "000000000000000000000000",
    "20 80 0000 00000000 0000000000000000 ffffffff ffffffff 00000001 00000001 00000001 "
    "000000000000000000000000",
};
fuzz::Framing FramingOf(uint8_t) { return {}; }
constexpr fuzz::ScriptShape kShape = {FramingOf, kHeaders};

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

  void Step(fuzz::Operands step) {
    const uint8_t kind = step.Byte(), flags = step.Byte();
    const std::string text = step.Rest();
    switch (kind % 6) {
      case 0:
        Respond(flags, text, nullptr);
        break;
      case 1:
        if (text.size() < 48) return;
        Respond(flags, std::string_view(text).substr(48),
                reinterpret_cast<const uint8_t*>(text.data()));
        break;
      case 2:
        Receive(text);
        break;
      case 3:
        RespondRightly(flags);
        break;
      case 4:
        Close();
        break;
      default: {
        fuzz::Operands ms(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
        Advance(ms.Half());
        break;
      }
    }
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
    std::string text("CHAP_N=t\0CHAP_R=0x", 18);
    text += RightResponse();
    text += '\0';
    answered_ = true;
    Respond(flags, text, nullptr);
  }

  void Wire(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    for (fuzz::RawPdu& pdu : fuzz::SplitPdus(bytes.data() + 1, bytes.size() - 1, {})) {
      if (pdu.HasHeader() && pdu.opcode() == 0x23) {
        if ((bytes[0] & fuzz::kMendNumbers) != 0) pdu.SetWord(24, ++stat_sn_, {});
        if ((bytes[0] & fuzz::kMendTags) != 0) std::memcpy(pdu.header.data() + 8, kIsid.data(), 6);
      }
      std::string text = Join(pdu);
      if ((bytes[0] & fuzz::kMendSecrets) != 0) MendSecret(&text);
      Receive(std::move(text));
    }
  }

  void Receive(std::string bytes) {
    const std::string& kept = lent_.emplace_back(std::move(bytes));
    if (kept.empty()) return;
    const size_t row = Row();
    const int ends = ends_;
    const int refused = refused_;
    const bool read = Deliver(kept);
    using fuzz::CellVerdict;
    fuzz::VisitCell(row, static_cast<uint8_t>(kept[0]),
                    !read                ? CellVerdict::kNotRead
                    : refused_ > refused ? CellVerdict::kEnded
                    : ends_ > ends       ? CellVerdict::kAnnounced
                                         : CellVerdict::kTaken);
  }
  bool Deliver(const std::string& kept) {
    const size_t step = cut_ ? 1 : kept.size();
    for (size_t at = 0; at < kept.size(); at += step) {
      RxSegment segment;
      segment.stream_offset = received_;
      segment.bytes = std::as_bytes(std::span(kept)).subspan(at, step);
      if (!connection_->Receive(segment, now_)) return false;
      received_ += step;
      Drain();
      Flush();
    }
    return true;
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
  // 32 hexadecimal digits.
  std::string RightResponse() const {
    const std::array<std::span<const std::byte>, 3> parts = {
        std::span(entropy_).first(1), std::as_bytes(std::span(kTargetSecret)),
        std::span(entropy_).subspan(1, 32)};
    std::array<std::byte, 16> digest;
    Mix(parts, digest.data());
    std::string digits;
    for (std::byte b : digest) {
      digits += "0123456789abcdef"[static_cast<int>(b) >> 4];
      digits += "0123456789abcdef"[static_cast<int>(b) & 15];
    }
    return digits;
  }
  void MendSecret(std::string* pdu) {
    constexpr std::string_view kKey = "CHAP_R=0x";
    const size_t at = pdu->find(kKey);
    if (at == std::string::npos || pdu->size() - at - kKey.size() < 32) return;
    pdu->replace(at + kKey.size(), 32, RightResponse());
    answered_ = true;
  }

  size_t Row() const {
    if (ends_ > 0) return 3;
    return chap_ ? 2 : stage_ == 1 ? 1 : 0;
  }

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
          ++refused_;
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
      for (size_t i = 0; i < count; ++i) {
        size += slices[i].size;
        Look({reinterpret_cast<const char*>(slices[i].data), slices[i].size});
      }
      sent_ += size;
      connection_->OnSent(size);
      connection_->OnTransportDone(sent_);
    }
  }

  // A Login Request, or its text.
  void Look(std::string_view bytes) {
    if (bytes.size() >= 48 && (bytes[0] & 0x3f) == 0x03) stage_ = bytes[1] >> 2 & 3;
    if (bytes.find("CHAP_A=") != std::string_view::npos) chap_ = true;
    if (stage_ == 1) chap_ = false;
  }

  bool mutual_, cut_, chap_ = false;
  int stage_ = 0, refused_ = 0;
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
  using namespace isthmus;
  fuzz::UseCellBoard(&initiator::kBoard);
  fuzz::ScriptReader script(data, size);
  initiator::Run run(script.configuration());
  fuzz::Record record;
  for (int steps = 0; steps < 64 && script.Next(&record); ++steps) {
    if (record.kind == fuzz::kWire) {
      run.Wire(record.bytes);
    } else {
      run.Step(fuzz::Operands(record.bytes));
    }
  }
  run.Finish();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  return fuzz::MutateScript(initiator::kShape, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  return fuzz::CrossOverScripts(initiator::kShape, data1, size1, data2, size2, out, max_out_size,
                                seed);
}
