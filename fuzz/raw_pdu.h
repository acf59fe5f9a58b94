// A stream of iSCSI PDUs in its parts, for mutators and for harnesses that mend what a script leaves open. RFC 7143 section
// 11.2. Framing and CRC32C are the test model's, not those that are fuzzed.
//
//   std::vector<RawPdu> pdus = SplitPdus(stream, size, {.header_digest = true, .data_digest = true});
//   for (RawPdu& pdu : pdus) if (pdu.HasHeader()) pdu.SetWord(24, cmd_sn, framing);
//   std::string bytes = JoinPdus(pdus);
#ifndef ISTHMUS_FUZZ_RAW_PDU_H_
#define ISTHMUS_FUZZ_RAW_PDU_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/connection/testing/wire_model.h"

namespace isthmus::fuzz {

struct Framing {
  bool header_digest = false;
  bool data_digest = false;
};

// A PDU as it stands in the stream; the last one may be cut short anywhere.
struct RawPdu {
  testing_support::ByteVector header, ahs, header_digest, data, padding, data_digest;

  bool HasHeader() const { return header.size() == 48; }
  uint8_t Byte(size_t at) const { return std::to_integer<uint8_t>(header[at]); }
  uint8_t opcode() const { return Byte(0) & 0x3f; }
  bool immediate() const { return (Byte(0) & 0x40) != 0; }
  uint32_t Word(size_t at) const;  // big-endian, of the header
  // Changes a header word; a header digest that agreed before agrees afterwards.
  void SetWord(size_t at, uint32_t value, Framing framing);

  bool HeaderDigestAgrees() const;
  void MendHeaderDigest(Framing framing);
  void MendDataDigest(Framing framing);
  void MendLengths();
  void MendPadding();
};

std::vector<RawPdu> SplitPdus(const uint8_t* stream, size_t size, Framing framing);
std::string JoinPdus(const std::vector<RawPdu>& pdus);
std::string Join(const RawPdu& pdu);

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_RAW_PDU_H_
