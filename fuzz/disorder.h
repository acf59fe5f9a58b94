// A wire that delivers data in disorder, as far as was agreed: RFC 7143 sections 13.18
// (DataPDUInOrder) and 13.19 (DataSequenceInOrder). Our engines send data in order whatever was
// agreed, which they may; this shows that they take it in any order.
//
//   Disorder wire({.data_digest = true, .pdu_in_order = false, .sequence_in_order = false});
//   pair.on_wire = [&](bool to_target, auto* bytes) { wire.Pass(to_target, bytes); };
//   ...
//   wire.displaced()                            // how many PDUs came with other data than was sent
//
// PDUs keep their places and numbers; what they carry (buffer offset and bytes, or what an R2T asks
// for) changes places. Data of a task is held until its last PDU. R2Ts that come together change
// places, and the initiator's answers, which then come in another order than the target asked, are
// put back into the target's. It has framing of its own and uses nothing of protocol/.
#ifndef ISTHMUS_FUZZ_DISORDER_H_
#define ISTHMUS_FUZZ_DISORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

namespace isthmus::fuzzing {

class Disorder {
 public:
  struct Agreed {
    bool header_digest = false, data_digest = false;
    bool pdu_in_order = true, sequence_in_order = true;
    uint32_t seed = 1;
  };
  explicit Disorder(const Agreed& agreed) : agreed_(agreed), random_(agreed.seed) {}

  // Takes what one side has sent, leaves what the other gets of it now.
  void Pass(bool to_target, std::vector<std::byte>* bytes);

  // Of each kind, how many PDUs left with other data than they came with.
  struct Displaced {
    uint64_t data_in = 0, data_out = 0, r2t = 0;
  };
  const Displaced& displaced() const { return displaced_; }

 private:
  using Bytes = std::vector<std::byte>;
  struct Pdu {
    std::array<std::byte, 48> header;
    Bytes ahs, data;  // data without padding
  };
  // A task's answers to R2Ts, in the order in which the target asked for them.
  struct Answer {
    uint32_t transfer_tag;
    bool complete = false;
    std::vector<Pdu> pdus;
  };

  void ToTarget(std::span<const std::byte> bytes, Bytes* arrives);
  void ToInitiator(std::span<const std::byte> bytes, Bytes* arrives);
  // Takes the next whole PDU out of `stream`; false: there is none yet.
  bool Cut(Bytes* stream, Pdu* pdu) const;
  void Put(const Pdu& pdu, Bytes* arrives) const;
  void PutDataIn(uint32_t task_tag, Bytes* arrives);
  void PutR2ts(Bytes* arrives);
  void OnDataOut(Pdu pdu, Bytes* arrives);

  template <class T>
  void Shuffle(std::vector<T>* things);
  uint32_t Below(uint32_t bound);
  bool digests(bool data) const {
    return full_feature_ && (data ? agreed_.data_digest : agreed_.header_digest);
  }

  Agreed agreed_;
  uint32_t random_;
  bool full_feature_ = false;
  Bytes from_initiator_, from_target_;
  std::map<uint32_t, std::vector<Pdu>> data_in_;      // by Initiator Task Tag
  std::map<uint32_t, std::vector<Pdu>> unsolicited_;  // by Initiator Task Tag
  std::map<uint32_t, std::deque<Answer>> answers_;    // by Initiator Task Tag
  std::vector<Pdu> r2ts_;
  Displaced displaced_;
};

}  // namespace isthmus::fuzzing

#endif  // ISTHMUS_FUZZ_DISORDER_H_
