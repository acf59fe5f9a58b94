#include "fuzz/hostile/broken_target.h"

#include <string>
#include <utility>
#include <vector>

#include "fuzz/hostile/pdu.h"
#include "fuzz/hostile/stub_target.h"

namespace isthmus::hostile {
namespace {

class BrokenTarget : public Peer {
 public:
  explicit BrokenTarget(Vice vice) : vice_(vice) {}
  std::unique_ptr<Link> Open(int64_t) override;
  void JudgementBegins() override { spoiled = true; }

  const Vice vice_;
  bool spoiled = false;
  StubDisk disk;
};

class BrokenLink : public Link {
 public:
  explicit BrokenLink(BrokenTarget& target) : target_(target), stub_(&target.disk) {}

  void Send(std::string_view bytes) override {
    if (closed_) return;
    if (target_.spoiled && target_.vice_ == Vice::kHangUp) {
      closed_ = true;
      return;
    }
    decoder_.Add(bytes);
    while (!closed_) {
      if (stub_.full_feature()) decoder_.digests = stub_.digests();
      const std::optional<Pdu> pdu = decoder_.Next();
      if (!pdu.has_value()) return;
      Take(*pdu);
    }
  }
  void EndStream() override {
    if (!target_.spoiled || target_.vice_ == Vice::kHangUp) closed_ = true;
  }
  Got Receive(int64_t, std::string* bytes) override {
    if (!output_.empty()) {
      bytes->append(std::exchange(output_, {}));
      return Got::kBytes;
    }
    return closed_ ? Got::kClosed : Got::kSilence;
  }

 private:
  void Say(const Pdu& pdu) {
    output_ += pdu.Encode(encoded_full_feature_ ? stub_.digests() : Digests{});
  }

  void Take(const Pdu& pdu) {
    const Vice vice = target_.spoiled ? target_.vice_ : Vice::kYes;
    const bool ping = pdu.opcode() == 0x00;
    encoded_full_feature_ = stub_.full_feature();
    if (vice == Vice::kMute || (vice == Vice::kDeaf && !ping)) return;
    if (vice == Vice::kReject && !ping) {
      Pdu no(stub_.full_feature() ? 0x3f : 0x23);
      if (stub_.full_feature()) {
        no.U8(2, 0x01).U32(16, 0xffffffff).Data(pdu.header);
      } else {
        no.U8(1, 0).U32(16, pdu.itt()).U16(36, 0x0300);
      }
      return Say(stub_.Number(no));
    }
    std::vector<Pdu> answers;
    if (pdu.opcode() == 0x03 && IsChap(pdu)) {
      answers = {Chap(pdu)};
    } else if (Unknown(pdu.opcode())) {
      answers = {stub_.Response(pdu.itt(), 0)};
    } else {
      answers = stub_.Handle(pdu);
    }
    for (const Pdu& answer : answers) {
      Say(answer);
      if (target_.spoiled && vice == Vice::kTwice) Say(answer);
    }
    if (stub_.closing()) closed_ = true;
  }

  static bool Unknown(uint32_t opcode) { return opcode > 0x06; }

  bool IsChap(const Pdu& pdu) {
    if (pdu.data.find("AuthMethod=CHAP") != std::string::npos &&
        pdu.data.find(":chap") != std::string::npos) {
      chap_ = true;
    }
    return chap_ && (pdu.u8(1) & 0x0c) == 0;
  }

  // CHAP that takes any response.
  Pdu Chap(const Pdu& request) {
    std::vector<std::string> pairs;
    uint32_t flags = 0;
    if (request.data.find("AuthMethod=") != std::string::npos) {
      pairs = {"AuthMethod=CHAP", "TargetPortalGroupTag=1"};
    } else if (request.data.find("CHAP_A=") != std::string::npos) {
      pairs = {"CHAP_A=5", "CHAP_I=1", "CHAP_C=0x00112233445566778899aabbccddeeff"};
    } else {
      flags = request.u8(1);
      if (request.data.find("CHAP_C=") != std::string::npos) {
        pairs = {"CHAP_N=bob", "CHAP_R=0x00112233445566778899aabbccddeeff"};
      }
    }
    stub_.Receive(request);
    Pdu pdu(0x23, flags);
    pdu.Bytes(8, request.header.substr(8, 6)).U32(16, request.itt());
    return stub_.Number(pdu.Data(Text(pairs)));
  }

  BrokenTarget& target_;
  StubTarget stub_;
  Decoder decoder_;
  std::string output_;
  bool closed_ = false, chap_ = false, encoded_full_feature_ = false;
};

std::unique_ptr<Link> BrokenTarget::Open(int64_t) { return std::make_unique<BrokenLink>(*this); }

}  // namespace

const char* Name(Vice vice) {
  switch (vice) {
    case Vice::kMute:
      return "mute";
    case Vice::kHangUp:
      return "hangs up";
    case Vice::kDeaf:
      return "deaf";
    case Vice::kReject:
      return "rejects all";
    case Vice::kYes:
      return "says yes";
    case Vice::kTwice:
      return "says yes twice";
  }
  return "";
}

std::unique_ptr<Peer> MakeBrokenTarget(Vice vice) { return std::make_unique<BrokenTarget>(vice); }

}  // namespace isthmus::hostile
