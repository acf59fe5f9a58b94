// Scripts against a target's login: requests well and badly formed, in any split, CHAP answered rightly when the script says
// so. Invariants: no full feature phase without the authentication that was demanded; a login ends (done or
// disconnected) within its rounds; output stays bounded; after the end nothing is read.
//
// Input: a script (fuzz/script.h). A step is a byte that names it and its operands, see Run::Step().
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "digest/select.h"
#include "fuzz/cells.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "fuzz/script.h"
#include "target/connection.h"

namespace isthmus::target {
namespace {

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

// Stands for MD5: the script can then answer a challenge, and a wrong answer is still wrong.
bool ToyHash(std::span<const std::span<const std::byte>> parts, std::byte* out) {
  uint64_t state = 1469598103934665603u;
  for (const auto& part : parts) {
    for (std::byte b : part) state = (state ^ static_cast<uint8_t>(b)) * 1099511628211u;
  }
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<std::byte>(state >> 24);
    state = state * 6364136223846793005u + 1442695040888963407u;
  }
  return true;
}
constexpr auth::HashAlgorithm kHashes[] = {{5, 16, ToyHash}};
constexpr std::string_view kSecret = "open sesame 12";

// How far the login has come.
constexpr const char* kRows[] = {"first request",  "lookup asked", "negotiates",
                                 "CHAP under way", "claim asked",  "ended"};
constexpr fuzz::CellBoard kBoard = {
    .rows = kRows, .columns = fuzz::kRequestOpcodes, .unreachable = {}};

constexpr std::string_view kHeaders[] = {
    "43 87 0000 00000000 8000000000000000 00000001 00000000 00000064 00000000 "
    "00000000000000000000000000000000",  // operational stage, to full feature phase
    "43 81 0000 00000000 8000000000000000 00000001 00000000 00000064 00000000 "
    "00000000000000000000000000000000",  // security stage, to operational
    "43 00 0000 00000000 8000000000000000 00000001 00000000 00000064 00000000 "
    "00000000000000000000000000000000",
    "43 40 0000 00000000 8000000000000000 00000001 00000000 00000064 00000000 "
    "00000000000000000000000000000000",  // continued
    "43 87 0000 00000000 8000000000000005 00000001 00010000 00000064 00000000 "
    "00000000000000000000000000000000",  // joins a session
    "01 c1 0000 00000000 0000000000000000 00000001 00000200 00000064 00000000 "
    "28000000000000000100000000000000",
    "40 80 0000 00000000 0000000000000000 00000001 ffffffff 00000064 00000000 "
    "00000000000000000000000000000000",
};
fuzz::Framing FramingOf(uint8_t) { return {}; }
constexpr fuzz::ScriptShape kShape = {FramingOf, kHeaders};

class Run {
 public:
  void Go(fuzz::ScriptReader script) {
    const uint8_t config = script.configuration();
    require_chap_ = (config & 1) != 0;
    account_.user_name = "alice";
    account_.secret = kSecret;
    if ((config & 2) != 0) {
      account_.mutual_name = "disk";
      account_.mutual_secret = "swordfish 1234";
    }
    ConnectionOptions options;
    options.kernel = &digest::SelectKernel();
    if ((config & 4) != 0 || require_chap_) options.hashes = kHashes;
    options.limits.login_rounds = 12;
    for (size_t i = 0; i < options.entropy.size(); ++i)
      options.entropy[i] = static_cast<std::byte>(config + i);
    defer_ = (config & 8) != 0;
    connection_ = std::make_unique<Connection>(Connection::OnHeap(options));
    connection_->HandleTimeout(now_);
    for (fuzz::Record record; !done_ && script.Next(&record);) {
      if (record.kind == fuzz::kWire) {
        Wire(record.bytes);
      } else if (!over_) {
        in_ = fuzz::Operands(record.bytes);
        Step();
      }
    }
    Drain();
    if (!done_ && !over_) {
      connection_->HandleTimeout({1'000'000'000'000});
      Drain();
      Require(over_);
    }
  }

 private:
  uint8_t Byte() { return in_.Byte(); }

  void Wire(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    for (fuzz::RawPdu& pdu : fuzz::SplitPdus(bytes.data() + 1, bytes.size() - 1, {})) {
      if (pdu.HasHeader() && pdu.opcode() == 0x03) {
        // Section 11.12.5: the same ISID, TSIH 0 and tag in all requests of one login.
        if ((bytes[0] & fuzz::kMendTags) != 0) {
          pdu.SetWord(8, 0x80000000, {});
          pdu.SetWord(16, 1, {});
        }
        if ((bytes[0] & fuzz::kMendNumbers) != 0) pdu.SetWord(24, 100, {});
      }
      std::string text = Join(pdu);
      if ((bytes[0] & fuzz::kMendSecrets) != 0) MendSecret(&text);
      Feed(std::move(text));
      if (!defer_) Settle();
    }
  }

  void MendSecret(std::string* pdu) {
    constexpr std::string_view kKey = "CHAP_R=0x";
    const size_t at = pdu->find(kKey);
    if (at == std::string::npos || pdu->size() - at - kKey.size() < 32) return;
    pdu->replace(at, kKey.size() + 32, Response());
  }

  size_t Row() const {
    if (done_ || over_) return 5;
    if (claim_) return 4;
    if (!challenge_.empty() && !proven_) return 3;
    if (lookup_told_) return 2;
    return lookup_ ? 1 : 0;
  }

  void Settle() {
    Drain();
    Transmit(1 << 20);
    Drain();
  }

  void Step() {
    const uint8_t op = Byte();
    switch (op % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        SendRequest(op);
        break;
      case 4: {
        std::string raw;
        for (int n = Byte(); n > 0 && !in_.done(); --n) raw.push_back(static_cast<char>(Byte()));
        Feed(std::move(raw));
        break;
      }
      case 5:
        Transmit(1 + Byte());
        break;
      case 6:
        Answers();
        break;
      case 7:
        now_.ns += int64_t{Byte()} * 100'000'000;
        connection_->HandleTimeout(now_);
        break;
    }
    if (!defer_ || op >= 0x80) Settle();
  }

  void SendRequest(uint8_t op) {
    static const char* const kPairs[] = {"InitiatorName=iqn.2026-01.example:host",
                                         "TargetName=iqn.2026-01.example:disk",
                                         "SessionType=Normal",
                                         "SessionType=Discovery",
                                         "AuthMethod=CHAP,None",
                                         "AuthMethod=None",
                                         "AuthMethod=CHAP",
                                         "CHAP_A=5",
                                         "CHAP_A=7,5",
                                         "CHAP_N=alice",
                                         "CHAP_N=bob",
                                         "CHAP_I=3",
                                         "CHAP_C=0x000102030405060708090a0b0c0d0e0f",
                                         "HeaderDigest=CRC32C,None",
                                         "DataDigest=CRC32C",
                                         "MaxRecvDataSegmentLength=512",
                                         "MaxBurstLength=1024",
                                         "FirstBurstLength=512",
                                         "X-a=b",
                                         "InitialR2T=No",
                                         "CHAP_R=0x00",
                                         "ErrorRecoveryLevel=2",
                                         "TaskReporting=FastAbort,RFC3720"};
    std::string h(48, '\0');
    h[0] = op >= 0xf8 ? static_cast<char>(Byte()) : 0x43;
    static constexpr uint8_t kFlags[] = {0x87, 0x81, 0x00, 0x04, 0x83, 0x40, 0x44, 0x80};
    const uint8_t flags = Byte();
    h[1] = static_cast<char>(flags < 0xc0 ? kFlags[flags % 8] : Byte());
    h[8] = static_cast<char>(0x80);
    h[19] = 1;
    h[27] = 100;
    if (flags % 32 == 31) h[Byte() % 48] = static_cast<char>(Byte());
    std::string text;
    for (int n = (op >> 3) % 8; n > 0; --n) {
      const uint8_t pair = Byte();
      if (pair < std::size(kPairs)) {
        text += kPairs[pair];
      } else if (pair == 0x80) {
        text += Response();
      } else {
        for (int m = pair % 16; m > 0; --m) text.push_back(static_cast<char>(Byte()));
      }
      text.push_back('\0');
    }
    if (flags % 16 == 15 && !text.empty()) text.pop_back();
    h[6] = static_cast<char>(text.size() >> 8);
    h[7] = static_cast<char>(text.size());
    while (text.size() % 4 != 0) text.push_back('\0');
    Feed(h + text);
  }

  // The right CHAP_R for the last challenge seen.
  std::string Response() {
    std::array<std::byte, 16> digest;
    const std::array<std::byte, 1> identifier = {identifier_};
    const std::array<std::span<const std::byte>, 3> parts = {
        std::span<const std::byte>(identifier), std::as_bytes(std::span(kSecret)),
        std::span<const std::byte>(challenge_)};
    ToyHash(parts, digest.data());
    proven_ = !challenge_.empty();
    std::string out = "CHAP_R=0x";
    for (std::byte b : digest) {
      char digits[3];
      std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(b));
      out += digits;
    }
    return out;
  }

  void Feed(std::string bytes) {
    if (bytes.empty()) return;
    chunks_.push_back(std::make_unique<std::string>(std::move(bytes)));
    RxSegment segment;
    segment.stream_offset = received_;
    segment.bytes = {reinterpret_cast<const std::byte*>(chunks_.back()->data()),
                     chunks_.back()->size()};
    const size_t row = Row();
    const auto first = static_cast<uint8_t>(segment.bytes[0]);
    using fuzz::CellVerdict;
    if (!connection_->Receive(segment, now_)) {
      fuzz::VisitCell(row, first, CellVerdict::kNotRead);
      return;
    }
    received_ += chunks_.back()->size();
    const bool over = over_;
    const uint64_t events = events_;
    Drain();
    fuzz::VisitCell(row, first,
                    over != over_       ? CellVerdict::kEnded
                    : events != events_ ? CellVerdict::kAnnounced
                                        : CellVerdict::kTaken);
  }

  void Drain() {
    if (done_ || over_) return;
    Event event;
    while (!done_ && connection_->Next(&event)) {
      Require(!over_);
      ++events_;
      switch (event.kind) {
        case EventKind::kLookup:
          lookup_ = true;
          break;
        case EventKind::kClaim:
          Require(lookup_told_);
          // The name is proven, or nobody asked for proof.
          Require(!require_chap_ || (event.user_name == "alice" && proven_));
          claim_ = true;
          break;
        case EventKind::kLoginDone:
          Require(claim_told_);
          done_ = true;
          break;
        case EventKind::kDisconnect:
          over_ = true;
          break;
        default:
          break;
      }
      if (!defer_) Answers();
    }
  }

  void Answers() {
    if (done_ || over_) return;
    if (lookup_ && !lookup_told_) {
      LookupAnswer answer;
      answer.require_chap = require_chap_;
      answer.accounts = {&account_, 1};
      lookup_told_ = connection_->AnswerLookup(answer).ok();
      Require(lookup_told_ || over_ || now_.ns > 15'000'000'000);
    } else if (claim_ && !claim_told_) {
      claim_told_ = connection_->AnswerClaim({.status = {}, .tsih = 9}).ok();
    } else {
      Require(!connection_->AnswerLookup({}).ok());
    }
  }

  void Transmit(size_t most) {
    std::array<TxSlice, 4> slices;
    const size_t n = connection_->PollTransmit(slices, now_);
    size_t bytes = 0;
    for (size_t i = 0; i < n; ++i) {
      out_.append(reinterpret_cast<const char*>(slices[i].data), slices[i].size);
      bytes += slices[i].size;
    }
    if (bytes > most) {
      out_.resize(out_.size() - (bytes - most));
      bytes = most;
    }
    sent_ += bytes;
    Require(sent_ < 12 * 9000 + 9000);
    connection_->OnSent(bytes);
    connection_->OnTransportDone(sent_);
    FindChallenge();
  }

  void FindChallenge() {
    const size_t i = out_.rfind("CHAP_I=");
    const size_t c = out_.rfind("CHAP_C=0x");
    if (i == std::string::npos || c == std::string::npos) return;
    identifier_ = static_cast<std::byte>(std::strtoul(out_.c_str() + i + 7, nullptr, 10));
    challenge_.clear();
    for (size_t at = c + 9; at + 1 < out_.size() && out_[at] != '\0'; at += 2) {
      challenge_.push_back(
          static_cast<std::byte>(std::strtoul(out_.substr(at, 2).c_str(), nullptr, 16)));
    }
  }

  fuzz::Operands in_{{}};
  uint64_t events_ = 0;
  bool require_chap_ = false, defer_ = false, proven_ = false;
  bool lookup_ = false, claim_ = false, lookup_told_ = false, claim_told_ = false, done_ = false,
       over_ = false;
  Account account_;
  Instant now_ = {1};
  std::byte identifier_{};
  std::vector<std::byte> challenge_;
  std::string out_;
  uint64_t received_ = 0, sent_ = 0;
  std::vector<std::unique_ptr<std::string>> chunks_;
  std::unique_ptr<Connection> connection_;  // after what it borrows
};

}  // namespace
}  // namespace isthmus::target

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  fuzz::UseCellBoard(&target::kBoard);
  target::Run().Go(fuzz::ScriptReader(data, size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace isthmus;
  return fuzz::MutateScript(target::kShape, data, size, max_size, seed);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
  using namespace isthmus;
  return fuzz::CrossOverScripts(target::kShape, data1, size1, data2, size2, out, max_out_size,
                                seed);
}
