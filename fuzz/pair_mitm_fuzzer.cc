// Somebody in the middle of a live initiator and target edits what passes. With both digests on, edits that repair no
// digest never change data silently: what a write that was answered GOOD left on the disk, and what a read that was answered
// GOOD put into its destination, is right, and nothing else on the disk changes (RFC 7143 sections 7.7, 7.8). Whatever the
// edits: every command ends, or one side says by name why the connection does not go on.
//
// Input: configuration (1 header digest off, 2 data digest off, 4 InitialR2T, 8 no ImmediateData, 16 any order, 32 cut into
// pieces of 61 bytes, 64 commands are re-issued on a new connection, 128 a disk write is longer), then edits of 6 bytes:
// direction and kind, PDU (counted in its direction, after the login), place in it (two bytes), value, size.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "bench/pair.h"
#include "digest/select.h"
#include "fuzz/entry_points.h"
#include "fuzz/raw_pdu.h"
#include "initiator/event.h"
#include "initiator/session.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"
#include "target/event.h"

namespace isthmus {
namespace {

using bench::Pair;
using bench::PairOptions;
using fuzz::Framing;
using fuzz::RawPdu;

void Require(bool invariant, int line = __builtin_LINE()) {
  if (!invariant) std::fprintf(stderr, "invariant at line %d\n", line);
  if (!invariant) std::abort();
}

enum class Kind : uint8_t {
  kFlip,
  kOverwrite,
  kInsert,
  kDelete,
  kDrop,
  kRepeat,
  kHold,    // behind the next PDU
  kReplay,  // an earlier one once more
  kCut,     // the connection, within the PDU
  kForgeHeader,
  kForgeData,  // these two with digests that agree
  kKinds
};

struct Edit {
  Kind kind;
  uint8_t pdu;
  uint16_t place;
  uint8_t value, size;
};

bool Forges(Kind kind) { return kind == Kind::kForgeHeader || kind == Kind::kForgeData; }

// One direction.
class Middle {
 public:
  explicit Middle(Framing framing) : framing_(framing) {}
  void Add(const Edit& edit) { edits_.push_back(edit); }
  bool cut() const { return cut_; }

  void Pass(std::vector<std::byte>* bytes) {
    waiting_.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    std::string out;
    for (size_t size = 0; (size = WholePdu()) > 0;) {
      RawPdu pdu =
          fuzz::SplitPdus(reinterpret_cast<const uint8_t*>(waiting_.data()), size, framing_)[0];
      waiting_.erase(0, size);
      if (!cut_) EditOne(std::move(pdu), &out);
    }
    const auto* begin = reinterpret_cast<const std::byte*>(out.data());
    bytes->assign(begin, begin + out.size());
  }

 private:
  size_t WholePdu() const {
    if (waiting_.size() < 48) return 0;
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(waiting_[at]); };
    const size_t data = size_t{byte(5)} << 16 | size_t{byte(6)} << 8 | byte(7);
    size_t size = 48 + size_t{byte(4)} * 4 + (data + 3) / 4 * 4;
    if (framing_.header_digest) size += 4;
    if (framing_.data_digest && data > 0) size += 4;
    return size <= waiting_.size() ? size : 0;
  }

  void EditOne(RawPdu pdu, std::string* out) {
    const uint8_t number = passed_++;
    std::string bytes = Join(pdu);
    bool hold = false;
    std::string after;
    for (const Edit& edit : edits_) {
      if (edit.pdu != number) continue;
      const size_t at = bytes.empty() ? 0 : edit.place % bytes.size();
      switch (edit.kind) {
        case Kind::kFlip:
          if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << edit.value % 8));
          break;
        case Kind::kOverwrite:
          for (size_t i = at; i < bytes.size() && i < at + 1 + edit.size % 16; ++i) {
            bytes[i] = static_cast<char>(edit.value);
          }
          break;
        case Kind::kInsert:
          bytes.insert(at, 1 + edit.size, static_cast<char>(edit.value));
          break;
        case Kind::kDelete:
          bytes.erase(at, 1 + edit.size);
          break;
        case Kind::kDrop:
          bytes.clear();
          break;
        case Kind::kRepeat:
          after += bytes;
          break;
        case Kind::kHold:
          hold = true;
          break;
        case Kind::kReplay:
          if (!seen_.empty()) after += seen_[edit.value % seen_.size()];
          break;
        case Kind::kCut:
          bytes.resize(at);
          cut_ = true;
          break;
        case Kind::kForgeHeader:
          pdu.header[edit.place % 48] = static_cast<std::byte>(edit.value);
          pdu.MendHeaderDigest(framing_);
          bytes = Join(pdu);
          break;
        case Kind::kForgeData:
          if (!pdu.data.empty()) {
            pdu.data[edit.place % pdu.data.size()] = static_cast<std::byte>(edit.value);
          }
          pdu.MendDataDigest(framing_);
          bytes = Join(pdu);
          break;
        case Kind::kKinds:
          break;
      }
    }
    if (seen_.size() < 32) seen_.push_back(Join(pdu));
    if (hold && !cut_) {
      held_ += bytes + after;
      return;
    }
    *out += bytes + after + held_;
    held_.clear();
  }

  const Framing framing_;
  std::vector<Edit> edits_;
  std::string waiting_, held_;
  std::deque<std::string> seen_;
  uint8_t passed_ = 0;
  bool cut_ = false;
};

constexpr size_t kDiskBytes = 1 << 16;

struct Operation {
  bool write = false;
  size_t offset = 0, size = 0;
  std::vector<std::byte> memory;
  initiator::TaskId task;
  int told = 0;
  bool good = false;
};

std::byte PatternAt(size_t at, uint8_t salt) {
  return static_cast<std::byte>(at * 7 + (at >> 8) * 13 + salt);
}

PairOptions OptionsOf(uint8_t config) {
  PairOptions options;
  options.initiator.initiator_name = "iqn.2026-11.example.host:a";
  options.initiator.target_name = "iqn.2026-11.example.target:b";
  options.initiator.isid = {std::byte{0x80}};
  options.initiator.kernel = options.target.kernel = &digest::SelectKernel();
  text::Offer offer;
  const auto digest = [](bool off) {
    return text::Preferences<text::DigestAlgorithm>{off ? text::DigestAlgorithm::kNone
                                                        : text::DigestAlgorithm::kCRC32C};
  };
  offer.HeaderDigest = digest((config & 1) != 0);
  offer.DataDigest = digest((config & 2) != 0);
  offer.InitialR2T = (config & 4) != 0;
  offer.ImmediateData = (config & 8) == 0;
  offer.DataPDUInOrder = offer.DataSequenceInOrder = (config & 16) == 0;
  offer.MaxOutstandingR2T = 2;
  offer.FirstBurstLength = 1024;
  offer.MaxBurstLength = 2048;
  offer.MaxRecvDataSegmentLength = 512;
  options.initiator.offer = options.target_offer = offer;
  options.target_offer.TargetPortalGroupTag = 1;
  for (auto* limits : {&options.initiator.limits, &options.initiator_session.limits}) {
    limits->tx_entries = 64;
    limits->tx_pdus_in_flight = 32;
    limits->queue_depth = 8;
  }
  for (auto* limits : {&options.target.limits, &options.target_session.limits}) {
    limits->command_slots = 8;
  }
  options.cut_bytes = (config & 32) != 0 ? 61 : 0;
  options.disk_bytes = kDiskBytes;
  return options;
}

class Run {
 public:
  explicit Run(uint8_t config)
      : framing_{(config & 1) == 0, (config & 2) == 0},
        reissue_((config & 64) != 0),
        to_target_(framing_),
        to_initiator_(framing_),
        pair_(OptionsOf(config)) {
    for (size_t at = 0; at < kDiskBytes; ++at) pair_.disk[at] = PatternAt(at, 1);
    Add(true, 0, (config & 128) != 0 ? 6001 : 700);
    Add(false, 8192, 3000);
    Add(true, 16384, 1500);
    Add(false, 24576, 512);
    Add(true, 32768, 100);
  }

  void AddEdit(const Edit& edit, bool to_target) {
    edited_ = true;
    forged_ = forged_ || Forges(edit.kind);
    (to_target ? to_target_ : to_initiator_).Add(edit);
  }

  void Go() {
    pair_.keep_events = false;
    pair_.on_initiator_event = [this](const initiator::Event& event) { OnEvent(event); };
    pair_.on_target_event = [this](const target::Event& event) {
      if (event.kind == target::EventKind::kDisconnect) OnDisconnect(event.error);
      return false;
    };
    Require(pair_.LogIn());
    pair_.on_wire = [this](bool to_target, std::vector<std::byte>* bytes) {
      (to_target ? to_target_ : to_initiator_).Pass(bytes);
    };
    Submit();
    pair_.Run();
    // Time enough for every deadline of both sides.
    for (int i = 0; i < 150 && !Ended(); ++i) pair_.Advance(Milliseconds(1000));
    // How long a command may take is the embedder's to say: it aborts what takes too long.
    for (const Operation& operation : operations_) {
      if (operation.told == 0 && !Ended()) (void)pair_.initiator().Abort(operation.task, 0);
    }
    pair_.Run();
    for (int i = 0; i < 150 && !Ended(); ++i) pair_.Advance(Milliseconds(1000));
    // Progress, or a named error of who gave the connection up; or the middle cut it.
    Require(Ended());
    if (!AllTold()) Reconnect();
    Finish();
    CheckData();
  }

 private:
  void Add(bool write, size_t offset, size_t size) {
    Operation& operation = operations_.emplace_back();
    operation.write = write;
    operation.offset = offset;
    operation.size = size;
  }

  void Submit() {
    for (size_t i = 0; i < operations_.size(); ++i) {
      Operation& operation = operations_[i];
      operation.memory.resize(operation.size);
      std::array<std::byte, 16> cdb = {};
      cdb[0] = std::byte{operation.write ? uint8_t{0x2a} : uint8_t{0x28}};
      for (int b = 0; b < 4; ++b)
        cdb[2 + b] = static_cast<std::byte>(operation.offset >> (24 - 8 * b));
      initiator::Command command;
      command.cdb = cdb;
      command.cookie = i;
      command.retry = reissue_ ? initiator::RetryPolicy::kReissue : initiator::RetryPolicy::kReport;
      if (operation.write) {
        for (size_t at = 0; at < operation.size; ++at) {
          operation.memory[at] = PatternAt(operation.offset + at, 99);
        }
        command.data_out = operation.memory;
      } else {
        command.data_in = operation.memory;
      }
      Require(pair_.initiator().Submit(command, &operation.task).ok());
    }
  }

  void OnEvent(const initiator::Event& event) {
    if (event.kind == initiator::EventKind::kDisconnect) OnDisconnect(event.error);
    if (event.kind != initiator::EventKind::kCompleted) return;
    Require(event.cookie < operations_.size());
    Operation& operation = operations_[event.cookie];
    Require(++operation.told == 1);
    operation.good =
        event.outcome == initiator::Outcome::kAnswered && event.response == 0 && event.status == 0;
    if (operation.good && !operation.write && Trusted()) {
      Require(event.data_in_bytes == operation.size);
    }
  }

  void OnDisconnect(const Error& error) {
    disconnected_ = true;
    named_ = named_ || !error.ok();
  }

  // Whether data cannot change silently.
  bool Trusted() const {
#ifdef PLANTED_TRUST  // also where it can: planted_trust_test wants that found
    return true;
#else
    return framing_.header_digest && framing_.data_digest && !forged_;
#endif
  }
  bool AllTold() const {
    return std::all_of(operations_.begin(), operations_.end(),
                       [](const Operation& one) { return one.told == 1; });
  }
  bool Ended() const {
    return AllTold() || (disconnected_ && named_) || to_target_.cut() || to_initiator_.cut();
  }

  void Reconnect() {
    pair_.on_wire = nullptr;
    pair_.Cut();
    if (!reissue_) return;
    Require(pair_.LogIn());
    for (int i = 0; i < 60 && !AllTold(); ++i) pair_.Advance(Milliseconds(1000));
    Require(AllTold());
  }

  void Finish() {
    pair_.initiator().End();
    pair_.Run();
    Require(AllTold());
    Require(pair_.initiator().outstanding() == 0);
  }

  void CheckData() {
    for (const Operation& operation : operations_) Require(operation.good || edited_);
    if (!Trusted()) return;
    std::vector<bool> written(kDiskBytes);
    for (const Operation& operation : operations_) {
      for (size_t i = 0; i < operation.size; ++i) {
        const size_t at = operation.offset + i;
        written[at] = written[at] || operation.write;
        if (!operation.good) continue;
        if (operation.write) {
          Require(pair_.disk[at] == PatternAt(at, 99));
        } else {
          Require(operation.memory[i] == PatternAt(at, 1));
        }
      }
    }
    for (size_t at = 0; at < kDiskBytes; ++at) {
      Require(written[at] || pair_.disk[at] == PatternAt(at, 1));
    }
  }

  const Framing framing_;
  const bool reissue_;
  bool edited_ = false, forged_ = false, disconnected_ = false, named_ = false;
  Middle to_target_, to_initiator_;
  std::vector<Operation> operations_;
  Pair pair_;
};

}  // namespace
}  // namespace isthmus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  if (size == 0) return 0;
  constexpr size_t kEditBytes = 6;
  Run run(data[0]);
  for (size_t at = 1; at + kEditBytes <= size && at < 1 + 24 * kEditBytes; at += kEditBytes) {
    const uint8_t* edit = data + at;
    run.AddEdit({static_cast<Kind>((edit[0] & 0x7f) % static_cast<uint8_t>(Kind::kKinds)), edit[1],
                 static_cast<uint16_t>(edit[2] << 8 | edit[3]), edit[4], edit[5]},
                (edit[0] & 0x80) == 0);
  }
  run.Go();
  return 0;
}
