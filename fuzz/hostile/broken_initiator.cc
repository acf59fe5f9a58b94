#include "fuzz/hostile/broken_initiator.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/hostile/pdu.h"

namespace isthmus::hostile {
namespace {

constexpr uint32_t kReservedTag = 0xffffffff;
constexpr uint32_t kBytes = 65536;

class BrokenInitiator : public Peer {
 public:
  BrokenInitiator(InitiatorVice vice, const Options& options) : vice_(vice), options_(options) {}

  bool Begin(Work work) override {
    work_ = work;
    result_ = WorkResult::kRunning;
    decoder_ = {};
    output_.clear();
    closed_ = full_feature_ = begun_ = false;
    cmd_sn_ = 1;
    exp_stat_sn_ = 0;
    return true;
  }
  std::unique_ptr<Link> Open(int64_t) override;
  WorkResult Result(int64_t) override { return result_; }
  void JudgementBegins() override { spoiled_ = true; }

  void Receive(std::string_view bytes);
  Link::Got Take(std::string* bytes) {
    if (!output_.empty()) {
      bytes->append(std::exchange(output_, {}));
      return Link::Got::kBytes;
    }
    return closed_ ? Link::Got::kClosed : Link::Got::kSilence;
  }
  void Closed() {
    closed_ = true;
    if (result_ == WorkResult::kRunning && !(spoiled_ && vice_ == InitiatorVice::kMute)) {
      result_ = spoiled_ && vice_ == InitiatorVice::kYes ? WorkResult::kGood : WorkResult::kFailed;
    }
  }

 private:
  void Say(const Pdu& pdu) { output_ += pdu.Encode(full_feature_ ? options_.digests : Digests{}); }
  Pdu Number(Pdu pdu) {
    pdu.U32(24, cmd_sn_).U32(28, exp_stat_sn_);
    if (!pdu.immediate()) ++cmd_sn_;
    return pdu;
  }
  void Login(uint32_t flags, const std::vector<std::string>& pairs);
  void OnLogin(const Pdu& pdu);
  void Submit();
  void On(const Pdu& pdu);

  const InitiatorVice vice_;
  const Options options_;
  Work work_ = Work::kNone;
  WorkResult result_ = WorkResult::kRunning;
  Decoder decoder_;
  std::string output_;
  bool closed_ = false, full_feature_ = false, spoiled_ = false, begun_ = false;
  uint32_t cmd_sn_ = 1, exp_stat_sn_ = 0;
};

class BrokenLink : public Link {
 public:
  explicit BrokenLink(BrokenInitiator& initiator) : initiator_(initiator) {}
  ~BrokenLink() override { initiator_.Closed(); }
  void Send(std::string_view bytes) override { initiator_.Receive(bytes); }
  void EndStream() override { initiator_.Closed(); }
  Got Receive(int64_t, std::string* bytes) override { return initiator_.Take(bytes); }

 private:
  BrokenInitiator& initiator_;
};

std::unique_ptr<Link> BrokenInitiator::Open(int64_t) {
  if (begun_) return nullptr;
  begun_ = true;
  std::vector<std::string> names = {"InitiatorName=iqn.2026-11.example.host:broken"};
  if (work_ == Work::kDiscover) {
    names.push_back("SessionType=Discovery");
  } else {
    names.push_back("SessionType=Normal");
    names.push_back("TargetName=" + options_.target_name);
  }
  const bool chap = work_ == Work::kChapRead;
  names.push_back(chap ? "AuthMethod=CHAP" : "AuthMethod=None");
  Login(chap ? 0x00 : 0x81, names);
  return std::make_unique<BrokenLink>(*this);
}

void BrokenInitiator::Login(uint32_t flags, const std::vector<std::string>& pairs) {
  Pdu pdu(0x43, flags);
  pdu.U8(8, 0x80).U8(13, 1).U32(16, 1).U16(20, 1).U32(24, cmd_sn_).U32(28, exp_stat_sn_);
  Say(pdu.Data(Text(pairs)));
}

void BrokenInitiator::Receive(std::string_view bytes) {
  if (closed_) return;
  if (spoiled_ && vice_ == InitiatorVice::kHangUp) {
    closed_ = true;
    if (result_ == WorkResult::kRunning) result_ = WorkResult::kGood;
    return;
  }
  decoder_.Add(bytes);
  while (!closed_) {
    decoder_.digests = full_feature_ ? options_.digests : Digests{};
    const std::optional<Pdu> pdu = decoder_.Next();
    if (!pdu.has_value()) return;
    if (spoiled_ && vice_ == InitiatorVice::kMute) continue;
    On(*pdu);
  }
}

void BrokenInitiator::OnLogin(const Pdu& pdu) {
  if (pdu.data.find("AuthMethod=CHAP") != std::string::npos) return Login(0x00, {"CHAP_A=5"});
  if (pdu.data.find("CHAP_C=") != std::string::npos) {
    return Login(0x81, {"CHAP_N=alice", "CHAP_R=0x00112233445566778899aabbccddeeff", "CHAP_I=7",
                        "CHAP_C=0x102030405060708090a0b0c0d0e0f000"});
  }
  if ((pdu.u8(1) & 0x83) == 0x83) {
    full_feature_ = true;
    return Submit();
  }
  std::vector<std::string> keys;
  if (pdu.data.find("HeaderDigest") == std::string::npos) {
    keys = {"HeaderDigest=CRC32C,None", "DataDigest=CRC32C,None",
            "MaxBurstLength=262144",    "InitialR2T=Yes",
            "ImmediateData=Yes",        "MaxOutstandingR2T=1",
            "ErrorRecoveryLevel=0",     "MaxRecvDataSegmentLength=8192"};
  }
  Login(0x87, keys);
}

void BrokenInitiator::Submit() {
  switch (work_) {
    case Work::kRead:
    case Work::kChapRead: {
      Pdu pdu(0x01, 0xc1);
      pdu.U32(16, 2).U32(20, kBytes).U8(32, 0x28).U16(39, kBytes / 512);
      return Say(Number(pdu));
    }
    case Work::kWrite: {
      Pdu pdu(0x01, 0xa1);
      pdu.U32(16, 2).U32(20, kBytes).U8(32, 0x2a).U16(39, kBytes / 512);
      return Say(Number(pdu));
    }
    case Work::kDiscover: {
      Pdu pdu(0x04);
      pdu.U32(16, 2).U32(20, kReservedTag).Data(Text({"SendTargets=All"}));
      return Say(Number(pdu));
    }
    case Work::kReset: {
      Pdu pdu(0x42, 0x85);
      return Say(Number(pdu.U32(16, 2).U32(20, kReservedTag)));
    }
    case Work::kNone:
      result_ = WorkResult::kGood;
      return;
  }
}

void BrokenInitiator::On(const Pdu& pdu) {
  if (!full_feature_) {
    // A login that fails is one even here, until the judgement.
    if (pdu.opcode() == 0x23 && pdu.u16(36) != 0 && !spoiled_) return Closed();
    return OnLogin(pdu);
  }
  if (pdu.opcode() != 0x31) exp_stat_sn_ = pdu.u32(24) + 1;
  switch (pdu.opcode()) {
    case 0x20: {
      if (pdu.ttt() == kReservedTag) return;
      Pdu answer(0x40);
      answer.Bytes(8, pdu.header.substr(8, 8)).U32(16, kReservedTag).U32(20, pdu.ttt());
      return Say(Number(answer));
    }
    case 0x31: {
      Pdu data(0x05, 0x80);
      data.Bytes(8, pdu.header.substr(8, 8)).U32(16, pdu.itt()).U32(20, pdu.ttt());
      data.U32(28, exp_stat_sn_).U32(40, pdu.u32(40));
      return Say(data.Data(std::string(std::min<uint32_t>(pdu.u32(44), kBytes), 'w')));
    }
    case 0x25:
      if ((pdu.u8(1) & 0x01) == 0) return;
      break;
    case 0x24:
      if (!pdu.final()) {
        Pdu next(0x04);
        next.U32(16, pdu.itt()).U32(20, pdu.ttt());
        return Say(Number(next));
      }
      break;
    case 0x26:
      return Closed();
    default:
      break;
  }
  if (result_ == WorkResult::kRunning) {
    result_ =
        spoiled_ && vice_ == InitiatorVice::kGivesUp ? WorkResult::kFailed : WorkResult::kGood;
  }
}

}  // namespace

const char* Name(InitiatorVice vice) {
  switch (vice) {
    case InitiatorVice::kMute:
      return "mute";
    case InitiatorVice::kHangUp:
      return "hangs up";
    case InitiatorVice::kGivesUp:
      return "gives up";
    case InitiatorVice::kYes:
      return "says yes";
  }
  return "";
}

std::unique_ptr<Peer> MakeBrokenInitiator(InitiatorVice vice, const Options& options) {
  return std::make_unique<BrokenInitiator>(vice, options);
}

}  // namespace isthmus::hostile
