// To fuzz your own parser of iSCSI PDUs against Isthmus: write one function, ParseWithYours(), and link it with
// //fuzz/differential:against_isthmus (docs/fuzzing.md). RFC 7143 sections 11.2 (framing), 11.2.3 (digests).
//
//   bool isthmus::fuzz::ParseWithYours(std::span<const std::byte> stream, const Framing& framing, Summary* summary) {
//     for (each whole PDU that my parser finds) summary->pdus.push_back({...});
//     return my_parser_is_content;      // false: framing is lost, the connection would end
//   }
//
// Who owns which bytes: the stream is the fuzzer's, for the length of the call.
#ifndef ISTHMUS_FUZZ_DIFFERENTIAL_PARSER_H_
#define ISTHMUS_FUZZ_DIFFERENTIAL_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fuzz/raw_pdu.h"

namespace isthmus::fuzz {

// One whole PDU: the last byte of its padding, or of its data digest, is in the stream.
struct PduSummary {
  uint64_t stream_offset = 0;        // of its first byte
  uint8_t opcode = 0;                // without the I bit
  bool immediate = false;            // the I bit
  uint32_t ahs_bytes = 0;            // TotalAHSLength * 4
  uint32_t data_segment_length = 0;  // bytes, without padding
  uint32_t initiator_task_tag = 0;
  // Of the data digest; true where there is none. (A wrong header digest ends the stream: return false.)
  bool data_digest_is_right = true;

  friend bool operator==(const PduSummary&, const PduSummary&) = default;
};

struct Summary {
  std::vector<PduSummary> pdus;
};

// A data segment may have at most so many bytes; a longer one ends the stream (return false).
inline constexpr uint32_t kMaxRecvDataSegmentLength = 8192;

// Yours. True: the stream is good so far as it goes, a PDU that is not whole at its end included. False: a header digest is
// wrong, or a data segment is too long; the PDUs before that are in `summary`.
bool ParseWithYours(std::span<const std::byte> stream, const Framing& framing, Summary* summary);

// Ours.
bool ParseWithIsthmus(std::span<const std::byte> stream, const Framing& framing, Summary* summary);

// What differs, for people; empty: nothing.
std::string Difference(bool ours_holds, const Summary& ours, bool yours_holds,
                       const Summary& yours);

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_DIFFERENTIAL_PARSER_H_
