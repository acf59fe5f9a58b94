// The answers of a small, good target, without any engine: for the hostile target between its
// attacks, and as the base of the broken ones that prove the tests. RFC 7143 sections 6.2
// (negotiation), 11.
//
// PDUs in, PDUs out; bytes, sockets and time are the caller's.
//
//   StubTarget stub;
//   for (const Pdu& answer : stub.Handle(request)) wire.Send(answer);
//   if (stub.full_feature()) wire.digests = stub.digests();
#ifndef ISTHMUS_FUZZ_HOSTILE_STUB_TARGET_H_
#define ISTHMUS_FUZZ_HOSTILE_STUB_TARGET_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/hostile/pdu.h"

namespace isthmus::hostile {

// What a disk that was never written holds at byte `at`.
char Pattern(uint64_t at);
std::string PatternOf(uint64_t at, size_t size);

// Blocks that were written, over Pattern().
class StubDisk {
 public:
  static constexpr uint32_t kBlocks = 4096, kBlock = 512;
  std::string Read(uint64_t at, size_t size) const;
  void Write(uint64_t at, std::string_view data);

 private:
  std::map<uint64_t, std::string> written_;  // by block
};

class StubTarget {
 public:
  explicit StubTarget(StubDisk* disk) : disk_(disk) {}

  // Answers in place of the stub's own, "Key=value"; "Key=" leaves the key out.
  std::vector<std::string> keys;
  // Names of SendTargets answers.
  std::string target_name = "iqn.2026-11.example:hostile";
  std::string target_address = "127.0.0.1:3260";

  // TargetPortalGroupTag has been declared: it is, once, in the first Login Response.
  bool declared = false;
  uint32_t stat_sn = 0x100, exp_cmd_sn = 0, window = 32;

  // What a good target says to this; may be nothing.
  std::vector<Pdu> Handle(const Pdu& request);
  Pdu LoginResponse(const Pdu& request);
  // Counts a request's CmdSN as received.
  void Receive(const Pdu& request);
  // StatSN (the next one if `advance`), ExpCmdSN, MaxCmdSN.
  Pdu Number(Pdu pdu, bool advance = true);
  Pdu Response(uint32_t itt, uint32_t status, std::string data = "");
  Pdu DataIn(uint32_t itt, uint32_t data_sn, uint32_t offset, std::string data, uint32_t flags);
  Pdu R2t(uint32_t itt, std::string_view lun, uint32_t ttt, uint32_t r2t_sn, uint32_t offset,
          uint32_t length);

  bool full_feature() const { return full_feature_; }
  bool closing() const { return closing_; }
  bool discovery() const { return discovery_; }
  Digests digests() const { return digests_; }
  std::string Agreed(const std::string& key) const;
  uint32_t AgreedNumber(const std::string& key) const;
  const std::multimap<std::string, std::string>& offered() const { return offered_; }

 private:
  struct Write {
    Pdu command;
    uint64_t at = 0;
    uint32_t length = 0, received = 0, asked = 0, r2ts = 0;
    bool open = false;  // a sequence is under way
    std::string data;
  };
  std::vector<Pdu> Command(const Pdu& request);
  std::vector<Pdu> Data(const Pdu& request);
  std::vector<Pdu> Continue(Write& write);
  std::vector<Pdu> ReadData(uint32_t itt, uint32_t expected, std::string data);

  StubDisk* disk_;
  std::map<uint32_t, Write> writes_;  // by Initiator Task Tag
  std::multimap<std::string, std::string> offered_, agreed_;
  Digests digests_;
  std::string text_;  // of a Text Request that goes on
  bool full_feature_ = false, closing_ = false, discovery_ = false;
  uint32_t next_ttt_ = 1;
};

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_STUB_TARGET_H_
